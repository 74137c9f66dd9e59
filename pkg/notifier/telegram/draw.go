package telegram

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"
	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// drawTimeout is how long the look of an old message is worth trying.
const drawTimeout = time.Minute

// picks is the set of chosen pictures, 1 to 8, one bit each.
type picks uint8

func (s picks) has(n int) bool { return s>>(n-1)&1 != 0 }

func (s picks) toggle(n int) picks { return s ^ 1<<(n-1) }

func (s picks) numbers() []int {
	var ns []int
	for n := 1; n <= 8; n++ {
		if s.has(n) {
			ns = append(ns, n)
		}
	}
	return ns
}

func (s picks) String() string { return join(s.numbers()) }

func join(ns []int) string {
	words := make([]string, len(ns))
	for i, n := range ns {
		words[i] = strconv.Itoa(n)
	}
	return strings.Join(words, " ")
}

// What a button does, as its callback data says after the question's ID.
const (
	opSubmit  = "submit"
	opAnother = "another"
	opCancel  = "cancel"
	opYes     = "yes"
	opNo      = "no"
)

// railway is the clock of the timetable; China has no summer time.
var railway = time.FixedZone("CST", 8*60*60)

// caption is the text of a question, below a photo or alone, with how it ended
// at its end.
func caption(p notifier.Prompt, photo bool, end string) (string, []models.MessageEntity) {
	limit := maxText
	if photo {
		limit = maxCaption
	}
	if end != "" {
		return compose(limit, p.Title, p.Body(), end)
	}
	if !p.Deadline.IsZero() {
		p.Deadline = p.Deadline.In(railway)
	}
	return compose(limit, p.Title, p.Body(), p.DeadlineLine(time.Now()), p.Link)
}

// keyboard returns the buttons of an open question. The data of each begins
// with the question's ID, so that a tap on another message never counts; with
// its 32 digits it stays below Telegram's limit of 64 bytes.
func keyboard(p notifier.Prompt, chosen picks) *models.InlineKeyboardMarkup {
	button := func(text, op string) models.InlineKeyboardButton {
		return models.InlineKeyboardButton{Text: text, CallbackData: p.ID + ":" + op}
	}
	another, cancel := button(p.Lang.Another(), opAnother), button(p.Lang.Cancel(), opCancel)
	var rows [][]models.InlineKeyboardButton
	switch p.Kind {
	case notifier.Picture:
		rows = make([][]models.InlineKeyboardButton, 2)
		for n := 1; n <= 8; n++ {
			digit := strconv.Itoa(n)
			text := digit
			if chosen.has(n) {
				text = "✓ " + digit
			}
			row := (n - 1) / 4
			rows[row] = append(rows[row], button(text, digit))
		}
		rows = append(rows, []models.InlineKeyboardButton{button(p.Lang.Submit(), opSubmit), another, cancel})
	case notifier.QR:
		rows = [][]models.InlineKeyboardButton{{another, cancel}}
	case notifier.Offer:
		rows = [][]models.InlineKeyboardButton{{button(p.Lang.Book(), opYes), button(p.Lang.Skip(), opNo)}}
	case notifier.App:
		rows = [][]models.InlineKeyboardButton{{button(p.Lang.Done(), opYes), cancel}}
	default:
		rows = [][]models.InlineKeyboardButton{{cancel}}
	}
	return &models.InlineKeyboardMarkup{InlineKeyboard: rows}
}

// noButtons takes the buttons off a message.
func noButtons() *models.InlineKeyboardMarkup {
	return &models.InlineKeyboardMarkup{InlineKeyboard: [][]models.InlineKeyboardButton{}}
}

// refresh brings the messages of q up to date, one goroutine at a time, so
// that edits never overtake each other; a countdown gives way. Callers hold
// d.mu.
func (d *Driver) refresh(q *question) {
	if q.uptodate() {
		return
	}
	if q.drawing != nil {
		if q.cut != nil {
			q.cut()
		}
		return
	}
	q.drawing = make(chan struct{})
	d.background(func() {
		ctx, cancel := context.WithTimeout(d.life, drawTimeout)
		defer cancel()
		for d.redraw(ctx, q) {
		}
	})
}

func (q *question) uptodate() bool {
	for _, v := range q.shown {
		if v != q.view() {
			return false
		}
	}
	return true
}

// redraw draws what q looks like now and reports whether that has changed
// meanwhile.
func (d *Driver) redraw(ctx context.Context, q *question) bool {
	var drawn view
	err := d.persist(ctx, zap.DebugLevel, "an edit", func(call context.Context) error {
		d.mu.Lock()
		shown := maps.Clone(q.shown)
		drawn = q.view()
		p, photo := q.p, q.photo
		d.mu.Unlock()
		for id, v := range shown {
			if v == drawn {
				continue
			}
			if err := d.draw(call, id, p, photo, drawn); err != nil {
				return err
			}
			d.mu.Lock()
			q.shown[id], q.edited = drawn, time.Now()
			d.mu.Unlock()
		}
		return nil
	})
	if err != nil {
		d.log.Debug("telegram: a message stays as it is", zap.Error(err))
	}
	d.mu.Lock()
	if q.doubt && drawn.end != "" && err == nil {
		// The edit that was cut off would bring the buttons back.
		q.doubt = false
		d.mu.Unlock()
		select {
		case <-time.After(settle):
		case <-ctx.Done():
		}
		d.mu.Lock()
		for id := range q.shown {
			q.shown[id] = view{}
		}
	}
	defer d.mu.Unlock()
	if q.view() != drawn || err == nil && !q.uptodate() {
		return true
	}
	close(q.drawing)
	q.drawing = nil
	return false
}

// draw makes message id look like v: only its buttons while the question is
// open, for taps come faster than captions may be edited.
func (d *Driver) draw(ctx context.Context, id int, p notifier.Prompt, photo bool, v view) error {
	if v.end != "" {
		return d.write(ctx, id, p, photo, v)
	}
	_, err := d.bot.EditMessageReplyMarkup(ctx, &bot.EditMessageReplyMarkupParams{
		ChatID: d.chat, MessageID: id, ReplyMarkup: keyboard(p, v.picks),
	})
	return unlessSame(err)
}

// write gives message id the text and the buttons of v.
func (d *Driver) write(ctx context.Context, id int, p notifier.Prompt, photo bool, v view) error {
	text, entities := caption(p, photo, v.end)
	buttons := noButtons()
	if v.end == "" {
		buttons = keyboard(p, v.picks)
	}
	var err error
	if photo {
		_, err = d.bot.EditMessageCaption(ctx, &bot.EditMessageCaptionParams{
			ChatID: d.chat, MessageID: id, Caption: text, CaptionEntities: entities, ReplyMarkup: buttons,
		})
	} else {
		_, err = d.bot.EditMessageText(ctx, &bot.EditMessageTextParams{
			ChatID: d.chat, MessageID: id, Text: text, Entities: entities,
			LinkPreviewOptions: noPreview(), ReplyMarkup: buttons,
		})
	}
	return unlessSame(err)
}

// unlessSame takes the error of an edit that changed nothing for a success: an
// earlier try arrived, only its reply did not.
func unlessSame(err error) error {
	if errors.Is(err, bot.ErrorBadRequest) && strings.Contains(err.Error(), "message is not modified") {
		return nil
	}
	return err
}
