package watcher

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
)

// solver asks the user what 12306 wants to know. One is made for each login or
// order; it holds the conversation's past.
type solver struct {
	w         *Watcher
	rule      string // empty for a login that is for no rule
	attempt   string
	trip      *Trip  // of an order
	last      string // ID of the question before
	lastKind  notifier.Kind
	answered  time.Time   // when that was answered
	opens     time.Time   // when the trains go on sale for which this login is wanted; zero: it is for no such moment
	forgotten int         // right answers of which 12306 knew nothing a moment later
	hold      *hold       // of the attempt; nil for a login by itself
	doubt     *Attempt    // the order that may be held, of which this login is to tell; nil: none
	enough    func() bool // of a login: the password is posted no more; may be nil
	until     time.Time   // of a QR conversation: codes expire, the user's time does not start anew
}

// atHand is how long whoever has answered a question still looks at its page,
// where the next one appears by itself. Later he must be called again.
const atHand = 10 * time.Second

// Solve implements twelve306.Solver: it writes down that a question is open,
// asks every channel, writes down that the answer is used, and only then hands
// it on. An answer that a crash finds written was sent, or never will be.
func (s *solver) Solve(ctx context.Context, ch twelve306.Challenge) (twelve306.Answer, error) {
	w := s.w
	if ch.Previous == "forgotten" {
		s.forgotten++
	}
	if ch.Previous == "lost" && s.enough != nil && s.enough() {
		return twelve306.Answer{}, errEnough // nobody answers for nothing
	}
	if ch.Wrong >= w.opt.Question.Attempts {
		why := w.say.enough(ch, s.forgotten)
		w.fan.Amend(s.last, why) // the message of the last answer still says thank you
		return twelve306.Answer{}, fmt.Errorf("%w: %s", twelve306.ErrGaveUp, why)
	}
	now := time.Now()
	p := notifier.Prompt{
		ID: notifier.NewID(), Lang: w.opt.Language, Rule: s.rule, Image: ch.Image, Replaces: s.last, Wrong: s.last != "" && ch.Previous == "wrong",
		AskedAt: now.In(w.opt.Location), Deadline: now.Add(w.opt.Question.Timeout).In(w.opt.Location),
	}
	if ch.Kind == twelve306.QRChallenge {
		if s.until.IsZero() {
			s.until = p.Deadline
		}
		p.Deadline = s.until
		if !now.Before(s.until) { // the fresh code took longer than what was left
			return twelve306.Answer{}, fmt.Errorf("%w: %s", twelve306.ErrGaveUp, w.say.nobodyAnswered())
		}
	}
	q := w.say.question(ch, s.rule, s.trip)
	p.Kind, p.Title, p.Text, p.How = q.Kind, q.Title, q.Text, q.How
	if !s.opens.IsZero() {
		p.Text = lines(w.say.opensThen(s.opens, now), p.Text)
	}
	if s.doubt != nil {
		p.Title, p.Text = w.say.urgently(s.doubt, p.Title, p.Text)
	}
	if s.trip != nil { // a login concerns everybody
		p.To = w.askedOf(s.rule)
	}
	// QR codes expire and are renewed by themselves: who has not scanned the
	// first need not be called for the others.
	p.Anew = s.last != "" && (p.Kind != s.lastKind || p.Kind != notifier.QR && now.Sub(s.answered) > atHand)
	s.last, s.lastKind = p.ID, p.Kind
	if err := w.record(nil, Event{Kind: QuestionOpened, Rule: s.rule, Attempt: s.attempt, Question: p.ID}); err != nil {
		return twelve306.Answer{}, &unwritten{err}
	}
	goOn := s.hold.pause()
	r, err := w.ask(ctx, p)
	if stopped := goOn(); err == nil {
		err = stopped
	}
	if err != nil {
		return twelve306.Answer{}, err
	}
	s.answered = time.Now()
	if r.Action == notifier.Cancelled {
		return twelve306.Answer{}, fmt.Errorf("%w: %s", twelve306.ErrGaveUp, w.say.cancelled())
	}
	if err := w.record([]News{w.say.answered(p, r)},
		Event{Kind: AnswerUsed, Rule: s.rule, Attempt: s.attempt, Question: p.ID}); err != nil {
		return twelve306.Answer{}, &unwritten{err}
	}
	a := twelve306.Answer{Code: r.Code, Another: r.Action == notifier.Another}
	for _, n := range r.Picks {
		if centre, ok := twelve306.TileCentre(n); ok {
			a.Points = append(a.Points, centre)
		}
	}
	for _, pt := range r.Points {
		a.Points = append(a.Points, twelve306.Point(pt))
	}
	return a, nil
}

// unwritten is the error of a question that was not asked, or whose answer was
// not used, because it could not be written down.
type unwritten struct{ error }

func (u *unwritten) Unwrap() error { return u.error }

// ask puts one question to every channel and logs its life.
func (w *Watcher) ask(ctx context.Context, p notifier.Prompt) (notifier.Reply, error) {
	if w.opt.Link != nil && p.Link == "" {
		p.Link = w.opt.Link(&p) // before the status shows p: whoever gives the link can be answered too
	}
	w.mu.Lock()
	w.pending = append(w.pending, p)
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.work.sign()
		for i := range w.pending {
			if w.pending[i].ID == p.ID {
				w.pending = append(w.pending[:i], w.pending[i+1:]...)
				break
			}
		}
	}()
	log := w.log.With(zap.String("question", p.ID[:8]), zap.String("kind", string(p.Kind)), zap.String("rule", p.Rule))
	log.Info("asking", zap.String("title", p.Title), zap.Time("until", p.Deadline))
	asking, release := w.explained(ctx)
	defer release()
	r, err := w.fan.Ask(asking, p)
	w.meter.question(p.Kind, outcomeOf(err), time.Since(p.AskedAt))
	switch {
	case err == nil:
		log.Info("answered", zap.String("action", string(r.Action)), zap.String("channel", r.Channel), zap.String("by", r.By))
		return r, nil
	case errors.Is(err, notifier.ErrExpired):
		log.Info("nobody answered in time")
		return r, fmt.Errorf("%w: %s", twelve306.ErrGaveUp, w.say.nobodyAnswered())
	case errors.Is(err, notifier.ErrNoAsker):
		log.Error("there is nobody to ask: no channel can hear a reply")
		return r, fmt.Errorf("%w: %s", twelve306.ErrGaveUp, w.say.noAsker())
	case ctx.Err() != nil:
		return r, err
	}
	log.Error("the question could not be asked", zap.Error(err))
	return r, fmt.Errorf("%w: %s", twelve306.ErrGaveUp, w.say.noChannel())
}

func outcomeOf(err error) string {
	switch {
	case err == nil:
		return answeredInTime
	case errors.Is(err, notifier.ErrExpired):
		return expiredUnheard
	}
	return withdrawn
}

// explained returns ctx whose cause, once it ends, words its end for the user:
// a QR code that was scanned, or the daemon being stopped.
func (w *Watcher) explained(ctx context.Context) (out context.Context, release func()) {
	out, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		reason := w.say.stopped()
		if state, ok := errors.AsType[twelve306.QRState](context.Cause(ctx)); ok {
			reason = w.say.qrEnd(state)
		}
		if closed, ok := errors.AsType[*notifier.Closed](context.Cause(ctx)); ok {
			reason = closed.Reason
		}
		cancel(&notifier.Closed{Reason: reason})
	})
	return out, func() { stop(); cancel(nil) }
}

func (s speaker) nobodyAnswered() string {
	return s.f("没有人及时回答。", "Nobody answered in time.")
}

func (s speaker) cancelled() string { return s.f("你取消了。", "You cancelled it.") }

func (s speaker) noAsker() string {
	return s.f("没有能收到回答的渠道：请在 watch.yaml 的 notify 里配好 telegram、email 或 web。",
		"No channel can hear a reply: please set up telegram, email or web under notify in watch.yaml.")
}

func (s speaker) noChannel() string {
	return s.f("问题发不出去，所有渠道都不通。", "The question could not be sent: no channel works.")
}

func (s speaker) stopped() string {
	return s.f("watcherd 停了，不用再回答。", "watcherd has stopped; nothing more to do here.")
}

func (s speaker) opensThen(opens, now time.Time) string {
	return s.f("%s 起售，请在那之前登录好。", "Trains go on sale at %s; please log in before.", s.clock(opens, now))
}

// enough says why no more answers are asked for; forgotten of them were right.
func (s speaker) enough(ch twelve306.Challenge, forgotten int) string {
	switch {
	case ch.Kind == twelve306.AppChallenge:
		return s.f("12306 说那件事还没有办好。", "12306 says that it is not done yet.")
	case forgotten >= ch.Wrong:
		return s.f("你答对了，但 12306 弄丢了登录，%s 次都是这样。", "You answered right, but 12306 lost the login, %s.", s.lang.Count(ch.Wrong, "time", "times in a row"))
	case forgotten > 0:
		return s.f("试了 %s 次都没成，其中 %s 次你答对了，是 12306 弄丢了登录。", "%s came to nothing; %s right, and 12306 lost the login.",
			s.lang.Count(ch.Wrong, "answer", "answers"), s.lang.Count(forgotten, "of them was", "of them were"))
	case ch.Kind == twelve306.SMSChallenge:
		return s.f("验证码 %s 次都不对，也可能是过期了。", "%s wrong or too old.", s.lang.Count(ch.Wrong, "code was", "codes were"))
	}
	return s.f("答错了 %s 次。", "%s wrong.", s.lang.Count(ch.Wrong, "answer was", "answers were"))
}

func (s speaker) qrEnd(state twelve306.QRState) string {
	switch state {
	case twelve306.QRScanned:
		return s.f("已扫码，请在 12306 App 里点确认登录。", "Scanned. Now confirm the login in the 12306 app.")
	case twelve306.QRDone:
		return s.f("已扫码并确认。", "Scanned and confirmed.")
	}
	return s.f("二维码已过期。", "The QR code has expired.")
}

// question words a challenge: what is wanted, what for, how to answer.
func (s speaker) question(ch twelve306.Challenge, rule string, t *Trip) notifier.Prompt {
	purpose := s.f("登录 12306", "log in to 12306")
	if ch.For == twelve306.ForOrder && t != nil {
		purpose = s.f("下单 %s %s %s→%s %s", "book %s %s %s to %s, %s", t.Train, s.short(t.Date), t.From, t.To, seatText(s.lang, t.Seat))
	}
	before := ""
	switch ch.Previous {
	case "wrong":
		before = s.f("上次答错了，没关系，再来一张。", "That was wrong, never mind: here is another one.")
	case "expired":
		before = s.f("上一张过期了，换了一张。", "The last one expired; here is a new one.")
	case "another":
		before = s.f("换了一张。", "Here is another one.")
	case "forgotten":
		before = s.f("你答对了，但 12306 弄丢了登录，请再答一次。", "You were right, but 12306 lost the login; please answer once more.")
	case "lost":
		before = s.f("上次的回答没有送到 12306，请再答一次。", "The last answer did not reach 12306; please answer once more.")
	}
	rules := ""
	if rule != "" {
		rules = s.f("规则：%s", "Rule: %s", rule)
	}
	switch ch.Kind {
	case twelve306.AppChallenge:
		if ch.Wrong > 0 {
			before = s.f("12306 说还没有办好。", "12306 says that it is not done yet.")
		}
		said := ""
		if ch.Words != "" {
			said = s.said(ch.Words)
		}
		return notifier.Prompt{Kind: notifier.App, Title: s.f("请先办一件事：%s", "To do first: %s", purpose),
			Text: lines(before, said, s.elsewhere(ch.Code), rules),
			How:  s.f("办好后回复 好了，马上再登录。", "Then reply done, and the login is tried again at once.")}
	case twelve306.SMSChallenge:
		if ch.Previous == "wrong" {
			before = s.f("刚才的验证码不对，或者过期了，请再输一次。", "That code was wrong or too old; please type it again.")
		}
		if ch.Previous == "another" {
			before = ""
		}
		words := ch.Words
		if strings.Contains(words, "成功") || !hasHan(words) { // 获取手机验证码成功！ says no more than we do, HTTP 500 nothing
			words = ""
		}
		return notifier.Prompt{Kind: notifier.SMS, Title: s.f("短信验证码：%s", "SMS code: %s", purpose),
			Text: lines(before, words, s.f("12306 刚给账户的手机发了短信，里面有 6 位数字。", "12306 has just sent a text message with 6 digits to the account's phone."), rules),
			How:  s.f("请回复这 6 位数字。", "Reply with the 6 digits.")}
	case twelve306.QRChallenge:
		return notifier.Prompt{Kind: notifier.QR, Title: s.f("请扫码：%s", "Scan this code: %s", purpose),
			Text: lines(before, s.f("用 12306 官方 App 扫这个二维码，再在 App 里点确认。App 就在这部手机上？先存图，再从 App 的相册里选。",
				"Scan it with the official 12306 app and confirm there. The app is on this very phone? Save the picture, then pick it from the app's album."), rules)}
	}
	return notifier.Prompt{Kind: notifier.Picture, Title: s.f("请选图：%s", "Captcha: %s", purpose),
		Text: lines(before, s.f("请选出所有和图上文字相符的图片：从左到右、从上到下是 1 到 8。",
			"Choose all pictures that show what the words above them say; they count 1 to 8 in reading order."), rules),
		How: s.f("用编号回答，比如 2 5。", "Answer with their numbers, such as 2 5.")}
}

// elsewhere says what 12306 wants done away from its page, by result_code.
func (s speaker) elsewhere(code int) string {
	switch code {
	case 91:
		return s.f("请用账户绑定的手机，发短信 666 到 12306。", "From the phone that the account names, send 666 as a text message to 12306.")
	case 92:
		return s.f("请在 12306 官方 App 里登录一次，按提示核验手机号。", "Log in once in the official 12306 app and verify the phone number there.")
	case 94:
		return s.f("请带身份证原件到车站窗口核验。办好之前，可以在 watch.yaml 里改用 login: qr。", "Please take your ID card to a station counter. Until that is done, login: qr in watch.yaml may work.")
	case 95:
		return s.f("请在十分钟内打开 12306 官方 App，确认这次登录。", "Open the official 12306 app within ten minutes and confirm this login.")
	case 97:
		return s.f("12306 要拖滑块，只有它自己的页面能做：请在官网或 App 里登录一次，或在 watch.yaml 里改用 login: qr。",
			"12306 wants a slider, which only its own page can show: log in once on the site or in the app, or use login: qr in watch.yaml.")
	case 101:
		return s.f("密码太久没改：请先在 12306 官方 App 里改密码，再改 watch.yaml 里的。", "The password is too old: change it in the official 12306 app, then in watch.yaml.")
	}
	return s.f("请按 12306 的提示在官方 App 里处理。", "Please do what 12306 says in its official app.")
}

// closeQuestions waits for questions to be withdrawn on the phones, at most
// for d.
func (w *Watcher) closeQuestions(d time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	if err := w.fan.Wait(ctx); err != nil {
		w.log.Debug("a question could not be withdrawn in time", zap.Error(err))
	}
}
