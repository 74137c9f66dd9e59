package telegram

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"
	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
)

const (
	sayTimeout   = time.Minute      // how long a short word to the person is worth sending
	toastTimeout = 15 * time.Second // after about this the phone stops waiting for the answer to a tap
	hintEvery    = time.Minute      // idle chatter is answered no more often
)

// handle hears one update of its chat. It must not wait for the network.
func (d *Driver) handle(_ context.Context, _ *bot.Bot, u *models.Update) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case u.CallbackQuery != nil:
		d.hearTap(u.CallbackQuery)
	case u.Message != nil && d.ours(u.Message):
		d.hearText(u.Message)
	}
}

// ours reports whether the configured person wrote m, himself, to the bot. In
// a private chat the chat and the person have the same number.
func (d *Driver) ours(m *models.Message) bool {
	return m.Chat.ID == d.chat && m.Chat.Type == models.ChatTypePrivate &&
		m.From != nil && m.From.ID == d.chat && !m.From.IsBot &&
		m.ForwardOrigin == nil && m.ViaBot == nil && m.SenderChat == nil
}

func (d *Driver) hearTap(t *models.CallbackQuery) {
	chat, message := placeOf(t)
	if chat != d.chat || t.From.ID != d.chat || t.From.IsBot {
		return
	}
	id, op, _ := strings.Cut(t.Data, ":")
	if id == opSeen {
		d.saw(op, &t.From)
		d.toast(t, d.lang.Quiet(), false)
		d.stripButtons(message)
		return
	}
	named := func(q *question) bool { return q.p.ID == id }
	i := slices.IndexFunc(d.open, named)
	if i < 0 {
		i := slices.IndexFunc(d.ended, named)
		if i < 0 {
			d.stripButtons(message)
			d.toast(t, d.lang.Late(), false)
			return
		}
		q := d.ended[i]
		d.refresh(q) // the buttons should be gone
		word := q.p.Lang.Late()
		if d.succeeded(q) {
			word = q.p.Lang.Superseded()
		}
		d.toast(t, word, false)
		return
	}
	q := d.open[i]
	if !q.p.Deadline.IsZero() && !time.Now().Before(q.p.Deadline) {
		d.toast(t, q.p.Lang.Late(), false)
		return
	}
	if _, known := q.shown[message]; !known {
		// It carries the question's own ID, so we sent it, without hearing so.
		q.shown[message] = view{}
		if m := t.Message.Message; m != nil && q.sent == 0 {
			q.sent = max(m.Date, m.EditDate)
		}
	}
	if n, err := strconv.Atoi(op); err == nil && n >= 1 && n <= 8 && q.p.Kind == notifier.Picture {
		q.picks = q.picks.toggle(n)
		d.toast(t, q.chosen(), false)
		d.refresh(q)
		return
	}
	r, ok := q.tapped(op)
	if !ok {
		d.toast(t, q.p.Accepted(), true)
		return
	}
	d.answer(q, r, &t.From)
	d.toast(t, q.p.Lang.Ack(r.Action), false)
}

// succeeded reports whether a question is open that has taken the place of q, or
// of one that has. Callers hold d.mu.
func (d *Driver) succeeded(q *question) bool {
	id := q.p.ID
	for _, o := range slices.Concat(d.ended, d.open) { // as they were asked: none before what it replaces
		if o.p.Replaces != id || id == "" {
			continue
		}
		if id = o.p.ID; o.end == "" {
			return true
		}
	}
	return false
}

// chosen says which pictures are chosen.
func (q *question) chosen() string {
	if q.picks == 0 {
		return q.p.Lang.Pick("一张也没选", "Nothing chosen")
	}
	return q.p.Lang.Pick("已选 ", "Chosen: ") + q.picks.String()
}

// Amend implements [notifier.Amender].
func (d *Driver) Amend(id, text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, q := range d.ended {
		if q.p.ID == id && q.answered {
			q.end += "\n" + text
			d.refresh(q)
		}
	}
}

// tapped returns the reply that the button op stands for, if q has it and it
// says enough.
func (q *question) tapped(op string) (notifier.Reply, bool) {
	kind := q.p.Kind
	switch {
	case op == opCancel:
		return notifier.Reply{Action: notifier.Cancelled}, true
	case op == opAnother && (kind == notifier.Picture || kind == notifier.QR):
		return notifier.Reply{Action: notifier.Another}, true
	case op == opSubmit && kind == notifier.Picture && q.picks != 0:
		return notifier.Reply{Action: notifier.Answered, Picks: q.picks.numbers()}, true
	case op == opYes && (kind == notifier.Offer || kind == notifier.App):
		return notifier.Reply{Action: notifier.Answered, Yes: true}, true
	case op == opNo && kind == notifier.Offer:
		return notifier.Reply{Action: notifier.Answered}, true
	}
	return notifier.Reply{}, false
}

func (d *Driver) hearText(m *models.Message) {
	if d.hearCommand(m) {
		return
	}
	asked := slices.Clone(d.open)
	slices.Reverse(asked) // the newest first
	bound := m.ReplyToMessage != nil || m.ExternalReply != nil || m.ReplyToStory != nil
	asked = slices.DeleteFunc(asked, func(q *question) bool {
		return !q.precedes(m) || bound && !q.carriedBy(m.ReplyToMessage)
	})
	for _, q := range asked {
		if r, err := q.p.Parse(m.Text); err == nil {
			d.answer(q, r, m.From)
			return
		}
	}
	if d.delivering() && len(d.early) < maxEarly {
		// The update may overtake Telegram's reply to the very question that it
		// answers; posted hears it then.
		d.early = append(d.early, m)
		return
	}
	if len(asked) > 0 {
		_, err := asked[0].p.Parse(m.Text)
		var no *notifier.NotAnswer
		if errors.As(err, &no) {
			d.say(m, no.Error())
		}
		return
	}
	d.hearIdle(m, bound)
}

// maxEarly bounds the texts that wait for a question to be delivered.
const maxEarly = 8

// delivering reports whether a question is on its way to Telegram. Callers
// hold d.mu.
func (d *Driver) delivering() bool {
	return slices.ContainsFunc(d.open, func(q *question) bool { return q.sent == 0 })
}

// hearEarly hears the texts that came while a question was delivered. Callers
// hold d.mu.
func (d *Driver) hearEarly() {
	if d.delivering() {
		return
	}
	early := d.early
	d.early = nil
	for _, m := range early {
		d.hearText(m)
	}
}

// hearIdle takes a text that can be no answer to an open question and says so
// when it seems to be meant as one.
func (d *Driver) hearIdle(m *models.Message, bound bool) {
	if int64(m.Date) < d.started.Unix() {
		return // it waited at Telegram while nobody was here to read it
	}
	if bound && len(d.open) > 0 {
		d.say(m, d.lang.Superseded()) // every time: somebody waits for an answer
		return
	}
	if d.newest != "" && len(d.open) == 0 && notifier.IsKnown(m.Text) {
		d.saw(d.newest, m.From)
		d.say(m, d.lang.Quiet())
		return
	}
	if q := d.endedCarriedBy(m.ReplyToMessage); q != nil {
		d.tooLate(m, q)
		return
	}
	for _, q := range slices.Backward(d.ended) {
		if _, err := q.p.Parse(m.Text); err == nil && time.Since(q.endedAt) < lateAfter {
			d.tooLate(m, q)
			return
		}
	}
	if len(d.open) == 0 && time.Since(d.hinted) >= hintEvery {
		d.hinted = time.Now()
		d.say(m, d.lang.NoQuestion())
	}
}

// tooLate tells the person once per question that it is closed.
func (d *Driver) tooLate(m *models.Message, q *question) {
	if !q.told {
		q.told = true
		d.say(m, q.p.Lang.Late())
	}
}

// precedes reports whether m was written after q was sent and before its
// deadline. Both dates are Telegram's; within one second the numbers of the
// messages, which grow within a chat, decide.
func (q *question) precedes(m *models.Message) bool {
	if q.sent == 0 || !q.p.Deadline.IsZero() && !time.Now().Before(q.p.Deadline) {
		return false
	}
	if m.Date != q.sent {
		return m.Date > q.sent
	}
	for id := range q.shown {
		if m.ID > id {
			return true
		}
	}
	return false
}

func (q *question) carriedBy(m *models.Message) bool {
	if m == nil {
		return false
	}
	_, ok := q.shown[m.ID]
	return ok
}

func (d *Driver) endedCarriedBy(m *models.Message) *question {
	for _, q := range slices.Backward(d.ended) {
		if q.carriedBy(m) {
			return q
		}
	}
	return nil
}

// answer takes r as the one reply to q.
func (d *Driver) answer(q *question, r notifier.Reply, from *models.User) {
	r.Channel, r.At, r.By = d.name, time.Now(), name(from)
	q.reply <- r // before anything is drawn: the answer must not wait
	q.answered = true
	end := q.p.Lang.Ack(r.Action)
	if said := q.said(r); said != "" {
		end += " " + said
	}
	d.finish(q, end)
}

// said repeats what a reply chose, so that the message tells it later. A code
// is not repeated.
func (q *question) said(r notifier.Reply) string {
	switch {
	case r.Action != notifier.Answered:
		return ""
	case q.p.Kind == notifier.Offer && r.Yes:
		return q.p.Lang.Book()
	case q.p.Kind == notifier.Offer:
		return q.p.Lang.Skip()
	case len(r.Points) > 0:
		var numbers []string
		for _, p := range r.Points {
			numbers = append(numbers, strconv.Itoa(p.X), strconv.Itoa(p.Y))
		}
		return strings.Join(numbers, ",")
	}
	return join(r.Picks)
}

// toast answers a tap. Every tap must be answered, or the phone shows it as
// pending; alert makes it a box that has to be closed.
func (d *Driver) toast(t *models.CallbackQuery, text string, alert bool) {
	d.background(func() {
		ctx, cancel := context.WithTimeout(d.life, toastTimeout)
		defer cancel()
		err := d.persist(ctx, zap.DebugLevel, "the answer to a tap", func(call context.Context) error {
			_, err := d.bot.AnswerCallbackQuery(call, &bot.AnswerCallbackQueryParams{
				CallbackQueryID: t.ID, Text: cut(text, maxToast), ShowAlert: alert,
			})
			return err
		})
		if err != nil {
			d.log.Debug("telegram: a tap was not answered", zap.Error(err))
		}
	})
}

// say replies to m with a short text. Callers hold d.mu.
func (d *Driver) say(m *models.Message, text string) {
	d.speak(&bot.SendMessageParams{
		ChatID:             d.chat,
		Text:               text,
		LinkPreviewOptions: noPreview(),
		ReplyParameters:    &models.ReplyParameters{MessageID: m.ID, AllowSendingWithoutReply: true},
	})
}

// speak sends a text that is no news, and not worth more than a minute's
// trying. Callers hold d.mu.
func (d *Driver) speak(p *bot.SendMessageParams) {
	d.background(func() {
		ctx, cancel := context.WithTimeout(d.life, sayTimeout)
		defer cancel()
		err := d.persist(ctx, zap.DebugLevel, "a short word", func(call context.Context) error {
			_, err := d.bot.SendMessage(call, p)
			return err
		})
		if err != nil {
			d.log.Debug("telegram: a short word was not sent", zap.Error(err))
		}
	})
}

// stripButtons takes the buttons off a message of a former life of the daemon.
func (d *Driver) stripButtons(message int) {
	if _, done := d.strip[message]; done || message == 0 {
		return
	}
	d.strip[message] = struct{}{}
	d.background(func() {
		ctx, cancel := context.WithTimeout(d.life, callTimeout)
		defer cancel()
		_, err := d.bot.EditMessageReplyMarkup(ctx, &bot.EditMessageReplyMarkupParams{
			ChatID: d.chat, MessageID: message, ReplyMarkup: noButtons(),
		})
		if err != nil {
			d.log.Debug("telegram: old buttons stay", zap.Error(d.failure(err)))
		}
	})
}
