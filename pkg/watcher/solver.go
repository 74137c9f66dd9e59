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
	w       *Watcher
	rule    string // empty for a login that is for no rule
	attempt string
	trip    *Trip     // of an order
	last    string    // ID of the question before
	opens   time.Time // when the trains go on sale for which this login is wanted; zero: it is for no such moment
	until   time.Time // of a QR conversation: codes expire, the user's time does not start anew
}

// Solve implements twelve306.Solver: it writes down that a question is open,
// asks every channel, writes down that the answer is used, and only then hands
// it on. An answer that a crash finds written was sent, or never will be.
func (s *solver) Solve(ctx context.Context, ch twelve306.Challenge) (twelve306.Answer, error) {
	w := s.w
	if ch.Wrong >= w.opt.Question.Attempts {
		return twelve306.Answer{}, fmt.Errorf("%w: %s", twelve306.ErrGaveUp, w.say.f("答错了 %d 次", "%d wrong answers", ch.Wrong))
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
			return twelve306.Answer{}, fmt.Errorf("%w: %s", twelve306.ErrGaveUp, w.say.f("没有人及时回答", "nobody answered in time"))
		}
	}
	p.Kind, p.Title, p.Text = w.say.question(ch, s.rule, s.trip)
	if !s.opens.IsZero() {
		p.Text = lines(w.say.f("%s 起售，趁早登录。", "Trains go on sale at %s; log in before.", w.say.clock(s.opens, now)), p.Text)
	}
	if s.trip != nil { // a login concerns everybody
		p.To = w.askedOf(s.rule)
	}
	s.last = p.ID
	if err := w.record(nil, Event{Kind: QuestionOpened, Rule: s.rule, Attempt: s.attempt, Question: p.ID}); err != nil {
		return twelve306.Answer{}, err
	}
	r, err := w.ask(ctx, p)
	if err != nil {
		return twelve306.Answer{}, err
	}
	if r.Action == notifier.Cancelled {
		return twelve306.Answer{}, fmt.Errorf("%w: %s", twelve306.ErrGaveUp, w.say.f("你取消了", "you cancelled"))
	}
	if err := w.record([]News{w.say.answered(s.rule, r.By, r.Channel)},
		Event{Kind: AnswerUsed, Rule: s.rule, Attempt: s.attempt, Question: p.ID}); err != nil {
		return twelve306.Answer{}, err
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

// ask puts one question to every channel and logs its life.
func (w *Watcher) ask(ctx context.Context, p notifier.Prompt) (notifier.Reply, error) {
	w.mu.Lock()
	w.pending = append(w.pending, p)
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
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
		return r, fmt.Errorf("%w: %s", twelve306.ErrGaveUp, w.say.f("没有人及时回答", "nobody answered in time"))
	case errors.Is(err, notifier.ErrNoAsker):
		log.Error("there is nobody to ask: no channel can hear a reply")
		return r, fmt.Errorf("%w: %s", twelve306.ErrGaveUp,
			w.say.f("没有能收到回答的渠道，请在 notify 里配置 telegram 或 web", "no channel can hear a reply; configure telegram or web under notify"))
	case ctx.Err() != nil:
		return r, err
	}
	log.Error("the question could not be asked", zap.Error(err))
	return r, fmt.Errorf("%w: %s", twelve306.ErrGaveUp, w.say.f("问题发不出去", "the question could not be sent"))
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
		reason := w.say.f("watcherd 停了，这个问题作废。", "watcherd has stopped; this question is void.")
		if state, ok := errors.AsType[twelve306.QRState](context.Cause(ctx)); ok {
			reason = w.say.qrEnd(state)
		}
		cancel(&notifier.Closed{Reason: reason})
	})
	return out, func() { stop(); cancel(nil) }
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
func (s speaker) question(ch twelve306.Challenge, rule string, t *Trip) (kind notifier.Kind, title, text string) {
	purpose := s.f("登录 12306", "Log in to 12306")
	if ch.For == twelve306.ForOrder && t != nil {
		purpose = s.f("下单 %s %s %s→%s %s", "Book %s %s %s to %s, %s", t.Train, s.short(t.Date), t.From, t.To, seatText(s.lang, t.Seat))
	}
	before := ""
	switch ch.Previous {
	case "wrong":
		before = s.f("上次答错了，再来一张。", "That was wrong. Here is another one.")
	case "expired":
		before = s.f("上一张过期了，换了一张。", "The last one expired; here is a new one.")
	case "another":
		before = s.f("换了一张。", "Here is another one.")
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
		return notifier.App, s.f("%s：要你先办一件事", "%s: something for you to do first", purpose),
			lines(before, said, s.elsewhere(ch.Code), s.f("办好以后回复 好了，会马上再登录。", "Reply done afterwards; the login is then tried again at once."), rules)
	case twelve306.SMSChallenge:
		if ch.Previous == "wrong" {
			before = s.f("验证码不对，请再输一次。", "That code was wrong; please type it again.")
		}
		if ch.Previous == "another" {
			before = ""
		}
		words := ch.Words
		if strings.Contains(words, "成功") || !hasHan(words) { // 获取手机验证码成功！ says no more than we do, HTTP 500 nothing
			words = ""
		}
		return notifier.SMS, s.f("%s：短信验证码", "%s: SMS code", purpose),
			lines(before, words, s.f("12306 刚给账户的手机发了 6 位验证码，请回复这 6 位数字。", "12306 has just sent six digits to the account's phone. Reply with them."), rules)
	case twelve306.QRChallenge:
		return notifier.QR, s.f("%s：请扫码", "%s: scan this code", purpose),
			lines(before, s.f("用 12306 官方 App 扫这个二维码，再在 App 里确认。手机就在这一台上时，可以先存图，再从 App 的相册里选。",
				"Scan it with the official 12306 app and confirm there. On one phone: save the picture and pick it from the app's album."), rules)
	}
	return notifier.Picture, s.f("%s：请选图", "%s: which pictures?", purpose),
		lines(before, s.f("点出图中标题所说的图，从左到右、从上到下是 1 到 8。也可以直接回复，比如 2 5。",
			"Choose the pictures that show the word in the title; they count 1 to 8 in reading order. Or reply, for example: 2 5."), rules)
}

// elsewhere says what 12306 wants done away from its page, by result_code.
func (s speaker) elsewhere(code int) string {
	switch code {
	case 91:
		return s.f("请用账户绑定的手机发短信 666 到 12306。", "Send 666 as a text message to 12306 from the phone that the account names.")
	case 92:
		return s.f("请在 12306 官方 App 里登录一次，按提示核验手机号。", "Log in once in the official 12306 app and verify the phone number there.")
	case 94:
		return s.f("请带身份证原件到车站窗口办理核验；办好之前可以改用 login: qr。", "Take your ID to a station counter; until then login: qr may work.")
	case 95:
		return s.f("请在十分钟内打开 12306 官方 App，确认这次登录。", "Open the official 12306 app within ten minutes and confirm this login.")
	case 97:
		return s.f("12306 要滑块验证，只能在它自己的页面上做：请在官网或 App 里登录一次，或改用 login: qr。",
			"12306 wants a slider, which only its own page can show: log in once on the site or in the app, or use login: qr.")
	case 101:
		return s.f("密码太久没改：请在 12306 官方 App 里改密码，再改 watch.yaml 里的密码。", "The password is too old: change it in the official 12306 app, then in watch.yaml.")
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
