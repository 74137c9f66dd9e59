package telegram

import (
	"context"

	"github.com/go-telegram/bot/models"
)

// opSeen begins the callback data of the button "seen". No question's ID is
// that short, so the two cannot be confused.
const opSeen = "seen"

// maxSeen is how long a Message.Seen may be: callback data hold 64 bytes.
const maxSeen = 64 - len(opSeen) - len(":")

// seenButton is the one button of a message that is repeated until somebody
// has seen it; nil when its mark does not fit into a button.
func (d *Driver) seenButton(id string) models.ReplyMarkup {
	if len(id) > maxSeen {
		return nil
	}
	return &models.InlineKeyboardMarkup{InlineKeyboard: [][]models.InlineKeyboardButton{{
		{Text: d.lang.Known(), CallbackData: opSeen + ":" + id},
	}}}
}

// Seen implements [notifier.Seer]. Taps arrive only while [Driver.Run] runs.
func (d *Driver) Seen(ctx context.Context) (id, by string, err error) {
	select {
	case s := <-d.seen:
		return s.id, s.by, nil
	case <-ctx.Done():
		return "", "", context.Cause(ctx)
	}
}

// saw takes the word of the person that he has seen what id stands for.
// Callers hold d.mu.
func (d *Driver) saw(id string, from *models.User) {
	select {
	case d.seen <- sighting{id, name(from)}:
	default: // nobody listens; the next reminder has the button again
	}
	if d.newest == id {
		d.newest = ""
	}
}

// name is what a person is called in the news.
func name(u *models.User) string {
	if u.Username != "" {
		return "@" + u.Username
	}
	return u.FirstName
}
