package telegram

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"
	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// question is a prompt on the phone, from its Ask until it is forgotten. Its
// fields belong to Driver.mu.
type question struct {
	p     notifier.Prompt     // without its picture once the question has ended
	photo bool                // it has, or had, a picture
	reply chan notifier.Reply // one slot, filled at most once

	// shown holds the messages that carry the question, by their number, and
	// what each looks like now. There is more than one when Telegram took a
	// picture over but its reply to us was lost.
	shown    map[int]view
	sent     int           // when the first of them was sent, by Telegram's clock
	picks    picks         // the pictures chosen so far
	end      string        // how it ended; empty while it is open
	endedAt  time.Time     //
	told     bool          // somebody was told that he is too late
	answered bool          // it ended by a reply of this channel
	drawing  chan struct{} // closed when shown is up to date; nil when nobody draws
	cut      func()        // cuts off the edit of the countdown that is under way; nil when there is none
	edited   time.Time     // when a message was last sent or edited
	doubt    bool          // an edit that was cut off may still arrive, after later ones
	over     chan struct{} // closed when it has ended
}

// view is what the person sees of a question.
type view struct {
	picks picks
	end   string
}

func (q *question) view() view {
	if q.end != "" {
		return view{end: q.end}
	}
	return view{picks: q.picks}
}

// Questions are remembered after their end, to tell the late so and to mark
// them as replaced.
const (
	maxEnded  = 16
	lateAfter = 10 * time.Minute // an answer without a question may be meant for one that ended less than this ago
)

// Ask sends p and waits for the reply; see [notifier.Asker]. Replies arrive
// only while [Driver.Run] runs.
func (d *Driver) Ask(ctx context.Context, p notifier.Prompt) (notifier.Reply, error) {
	if !p.Deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, p.Deadline, notifier.ErrExpired)
		defer cancel()
	}
	if ctx.Err() != nil {
		return notifier.Reply{}, context.Cause(ctx)
	}
	q := &question{p: p, photo: len(p.Image) > 0, reply: make(chan notifier.Reply, 1), shown: map[int]view{}, over: make(chan struct{})}
	failed := make(chan error, 1)
	d.mu.Lock()
	d.begin()
	defer d.end()
	d.open = append(d.open, q)
	d.background(func() {
		if err := d.deliver(ctx, q, p); err != nil && ctx.Err() == nil {
			failed <- err
		}
	})
	d.mu.Unlock()

	select {
	case r := <-q.reply:
		return r, nil
	case err := <-failed:
		return d.withdraw(q, err, p.Lang.Withdrawn())
	case <-ctx.Done():
	}
	reason, cause := p.Ended(ctx)
	return d.withdraw(q, cause, reason)
}

// withdraw ends q without a reply, unless one came at the same moment.
func (d *Driver) withdraw(q *question, err error, reason string) (notifier.Reply, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case r := <-q.reply:
		return r, nil
	default:
	}
	d.finish(q, reason)
	return notifier.Reply{}, err
}

// finish moves q from the open to the ended questions and shows that on the
// phone. Callers hold d.mu.
func (d *Driver) finish(q *question, end string) {
	q.end, q.endedAt = end, time.Now()
	close(q.over)
	q.p.Image = nil
	d.open = slices.DeleteFunc(d.open, func(o *question) bool { return o == q })
	d.ended = append(d.ended, q)
	if n := len(d.ended) - maxEnded; n > 0 {
		d.ended = slices.Delete(d.ended, 0, n)
	}
	d.refresh(q)
	d.hearEarly()
}

// deliver puts q, which asks p, on the phone, however long it takes.
func (d *Driver) deliver(ctx context.Context, q *question, p notifier.Prompt) error {
	old := d.takenOver(ctx, p)
	return d.persist(ctx, zap.WarnLevel, "a question", func(call context.Context) error {
		var m *models.Message
		var err error
		if old != 0 {
			m, err = d.exchange(call, old, p)
			if !errors.Is(err, bot.ErrorBadRequest) {
				return d.posted(q, m, err)
			}
			old = 0 // deleted by the person, or too old to be edited
		}
		m, err = d.post(call, p)
		return d.posted(q, m, err)
	})
}

// takenOver returns the message whose place p takes: that of the QR code that
// p renews, once nobody draws on it any more. A picture question never takes
// over a message, because a text that replies to the message would then bind
// to a picture that the person had not seen.
func (d *Driver) takenOver(ctx context.Context, p notifier.Prompt) int {
	if p.Replaces == "" || p.Kind != notifier.QR {
		return 0
	}
	for {
		d.mu.Lock()
		i := slices.IndexFunc(d.ended, func(o *question) bool { return o.p.ID == p.Replaces })
		if i < 0 || d.ended[i].p.Kind != notifier.QR || len(d.ended[i].shown) == 0 {
			d.mu.Unlock()
			return 0
		}
		old := d.ended[i]
		if old.drawing == nil {
			id := slices.Max(slices.Collect(maps.Keys(old.shown)))
			delete(old.shown, id)
			d.mu.Unlock()
			return id
		}
		drawing := old.drawing
		d.mu.Unlock()
		select {
		case <-drawing:
		case <-ctx.Done():
			return 0
		}
	}
}

// posted writes down that message m carries q.
func (d *Driver) posted(q *question, m *models.Message, err error) error {
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	q.shown[m.ID] = view{}
	q.edited = time.Now()
	if q.sent == 0 {
		q.sent = max(m.Date, m.EditDate)
	}
	if q.end == "" && !q.p.Deadline.IsZero() {
		deadline := q.p.Deadline
		d.background(func() { d.countdown(q, deadline) })
	}
	// It may have ended, or been tapped, while it was on its way.
	d.refresh(q)
	d.hearEarly()
	for _, o := range d.ended {
		if q.p.Replaces != "" && o.p.ID == q.p.Replaces && len(o.shown) > 0 {
			o.end += "\n" + o.p.Lang.Replaced(q.p.Wrong)
			d.refresh(o)
		}
	}
	return nil
}

// post sends p as a new message.
func (d *Driver) post(ctx context.Context, p notifier.Prompt) (*models.Message, error) {
	text, entities := caption(p, len(p.Image) > 0, "")
	if len(p.Image) == 0 {
		return d.bot.SendMessage(ctx, &bot.SendMessageParams{
			ChatID:             d.chat,
			Text:               text,
			Entities:           entities,
			LinkPreviewOptions: noPreview(),
			ReplyMarkup:        keyboard(p, 0),
		})
	}
	return d.bot.SendPhoto(ctx, &bot.SendPhotoParams{
		ChatID:          d.chat,
		Photo:           &models.InputFileUpload{Filename: filename(p.Image), Data: bytes.NewReader(p.Image)},
		Caption:         text,
		CaptionEntities: entities,
		ReplyMarkup:     keyboard(p, 0),
	})
}

// exchange puts p in the place of the message with that number.
func (d *Driver) exchange(ctx context.Context, id int, p notifier.Prompt) (*models.Message, error) {
	text, entities := caption(p, len(p.Image) > 0, "")
	return d.bot.EditMessageMedia(ctx, &bot.EditMessageMediaParams{
		ChatID:    d.chat,
		MessageID: id,
		Media: &models.InputMediaPhoto{
			Media:           "attach://" + filename(p.Image),
			MediaAttachment: bytes.NewReader(p.Image),
			Caption:         text,
			CaptionEntities: entities,
		},
		ReplyMarkup: keyboard(p, 0),
	})
}

// filename names a picture by its bytes.
func filename(image []byte) string {
	if http.DetectContentType(image) == "image/png" {
		return "picture.png"
	}
	return "picture.jpg"
}
