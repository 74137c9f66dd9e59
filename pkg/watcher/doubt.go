package watcher

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/twelve306"
)

// What the user hears while nobody knows what became of his order.

// loginUrgently logs in for an order that may be held. It asks until somebody
// answers, and says in the question what it is for; while the order may still
// have to be paid, a question that nobody has answered is asked again at once.
func (a *account) loginUrgently(ctx context.Context, at *Attempt) error {
	a.hold.giveBack()
	a.urgent = at
	defer func() { a.urgent = nil }()
	for n := 0; ; n++ {
		if in, _ := a.w.client.LoggedIn(); in {
			return nil
		}
		err := a.login(ctx, at.Rule)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		}
		wait := a.w.opt.Question.AskAgain
		switch k := twelve306.KindOf(err); {
		case k == twelve306.Network || k == twelve306.Busy || k == twelve306.Blocked:
			wait = min(time.Second<<min(n, 6), time.Minute)
		case errors.Is(err, twelve306.ErrGaveUp) && gaveUp(err) == a.w.say.nobodyAnswered() && time.Since(at.Intent) < longestPayWindow:
			wait = min(wait, time.Minute)
		}
		a.worried(at)
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// worry tells the user that a seat may be held when 12306 has said nothing that
// can be read for a while: he can look in the app, watcherd cannot.
type worry struct {
	mu    sync.Mutex
	over  bool
	due   time.Time
	timer *time.Timer
}

// When the user hears that nobody knows what became of his order: after this
// long without a readable answer, and once more this long after the intent, or
// the start.
const (
	worryAfter = 30 * time.Second
	worryAgain = 10 * time.Minute
)

// The Steps of the Reminded that stand for what was told of a doubt.
const (
	stepDoubt      = "doubt"
	stepDoubtAgain = "doubt again"
	stepNamed      = "named"
)

func (a *account) worries(at *Attempt) *worry {
	y := &worry{}
	y.mu.Lock()
	defer y.mu.Unlock()
	y.timer = time.AfterFunc(worryAfter, func() {
		y.mu.Lock()
		defer y.mu.Unlock()
		if y.over {
			return
		}
		if in, _ := a.w.client.LoggedIn(); in { // else the login's own question, or its failure, says all this
			a.worried(at)
		}
		y.timer.Reset(worryAfter)
	})
	return y
}

// rest begins the wait anew: 12306 has answered, and its list is not asked
// again before d has passed.
func (y *worry) rest(d time.Duration) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if until := time.Now().Add(d + worryAfter); !y.over && until.After(y.due) {
		y.due = until
		y.timer.Reset(time.Until(until))
	}
}

// end ends it: nothing is told after that.
func (y *worry) end() {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.over = true
	y.timer.Stop()
}

// worried tells that a seat may be held when that is due.
func (a *account) worried(at *Attempt) {
	if !a.tellDoubt(at, stepDoubt, "") && time.Since(maxTime(at.Intent, a.doubted)) >= worryAgain {
		a.tellDoubt(at, stepDoubtAgain, "")
	}
}

// tellDoubt tells, once for each step and over restarts, that a seat may be
// held. It reports whether that was new. It may be called from any goroutine.
func (a *account) tellDoubt(at *Attempt, step, number string) bool {
	w := a.w
	w.mu.Lock()
	known := w.state.byID[at.ID]
	told := known == nil || known.told[step]
	w.mu.Unlock()
	if told {
		return false
	}
	in, _ := w.client.LoggedIn()
	a.log.Warn("a seat may be held; the user is told to look in the app", zap.String("rule", at.Rule), zap.String("attempt", at.ID), zap.Bool("logged_in", in))
	w.recordAlways([]News{w.say.mayBeHeld(at, number, in)}, Event{Kind: Reminded, Rule: at.Rule, Attempt: at.ID, Step: step})
	return true
}

// doubtTold reports whether the user was told that the attempt may hold a seat:
// then he hears how it ended.
func (a *account) doubtTold(at *Attempt) bool {
	a.w.mu.Lock()
	defer a.w.mu.Unlock()
	known := a.w.state.byID[at.ID]
	return known != nil && (known.told[stepDoubt] || known.told[stepNamed])
}

func (s speaker) tookNoEffect() string {
	return s.f("下单没有成功，12306 没有占座。", "The order did not take effect: 12306 holds nothing.")
}

func (s speaker) heldNothing() string {
	return s.f("12306 现在没有占座；就算占到过，也已经过时作废。", "12306 holds nothing now; if it did, that has expired.")
}

// mayBeHeld tells that the end of an order is not known: because the login
// fails, or because 12306 says nothing that can be read. number is one that its
// queue gave, if it did.
func (s speaker) mayBeHeld(at *Attempt, number string, loggedIn bool) News {
	n := News{Kind: NewsLoginFailed, Rule: at.Rule, Loud: true,
		Title: s.f("可能已占到座，但登录不上", "A seat may be held, and the login fails")}
	if loggedIn {
		n.Kind, n.Title = NewsHeldElsewhere, s.f("可能已占到座，但 12306 没有回音", "A seat may be held, and 12306 does not say")
	}
	if number != "" {
		n.Title = s.f("可能已占到座：订单 %s", "A seat may be held: order %s", number)
	}
	n.Text = lines(s.sentAndUnknown(at), s.lookInApp())
	if number != "" {
		n.Text = lines(n.Text, s.f("12306 的排队结果里有订单号 %s，订单列表里还没有。", "12306's queue names order %s; its list of orders does not show it yet.", number))
	}
	return n
}

func (s speaker) sentAndUnknown(at *Attempt) string {
	return s.f("%s %s 的订单已经提交，成没成还不知道。", "The order for %s on %s was sent, and whether it was taken is not known.", at.Trip.Train, s.day(at.Trip.Date))
}

func (s speaker) lookInApp() string {
	return s.f("请马上打开 12306 官方 App 看“未完成订单”，有就付款。",
		"Please look at once in the official 12306 app, under unfinished orders, and pay for what is there.")
}

// urgently is a login question on which an order hangs.
func (s speaker) urgently(at *Attempt, title, text string) (string, string) {
	return s.f("可能已占到座。%s", "A seat may be held. %s", title), lines(s.sentAndUnknown(at)+s.f("登录后马上查清楚；也可以打开官方 App 看“未完成订单”。",
		" Once logged in, it is looked up at once; the official app shows it as well, under unfinished orders."), text)
}
