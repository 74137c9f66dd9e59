package telegram

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/go-telegram/bot"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// maxPause bounds what a retry_after may ask for, which is any number.
const maxPause = time.Hour

// failure turns an error of the library into one of the contract, without the
// token. The codes are those of https://core.telegram.org/bots/api#making-requests.
func (d *Driver) failure(err error) *notifier.Error {
	e := &notifier.Error{Channel: channel, Err: err}
	if text := err.Error(); strings.Contains(text, d.token) {
		e.Err = errors.New(strings.ReplaceAll(text, d.token, "<secret>"))
	}
	var busy *bot.TooManyRequestsError
	var moved *bot.MigrateError
	switch {
	case errors.As(err, &busy):
		e.RetryAfter = time.Duration(min(max(busy.RetryAfter, 0), int(maxPause/time.Second))) * time.Second
	case errors.As(err, &moved),
		errors.Is(err, bot.ErrorBadRequest),
		errors.Is(err, bot.ErrorUnauthorized),
		errors.Is(err, bot.ErrorForbidden),
		errors.Is(err, bot.ErrorNotFound):
		e.Permanent = true
	}
	return e
}

// persist calls f until it succeeds, fails for good, or ctx ends. A call under
// way is not cut off by the end of ctx: what Telegram has done with it must be
// known, or a message would keep its buttons for ever.
func (d *Driver) persist(ctx context.Context, level zapcore.Level, what string, f func(context.Context) error) error {
	for wait := time.Second; ; wait = min(2*wait, 30*time.Second) {
		call, cancel := context.WithTimeout(d.life, callTimeout)
		err := f(call)
		cancel()
		if err == nil {
			return nil
		}
		e := d.failure(err)
		if e.Permanent || ctx.Err() != nil || d.life.Err() != nil {
			return e
		}
		d.log.Log(level, "telegram: "+what+" did not get through, trying again", zap.Error(e))
		select {
		case <-ctx.Done():
			return e
		case <-d.life.Done():
			return e
		case <-time.After(max(wait, e.RetryAfter)):
		}
	}
}

// pollFailed is told of every getUpdates that failed; the library waits and
// tries again by itself. Each kind of trouble is logged once while it lasts.
func (d *Driver) pollFailed(err error) {
	e := d.failure(err)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.run == nil || d.run.Err() != nil {
		return // the poll was cut off because Run ends
	}
	trouble, says := "unreachable", "telegram: no replies can be heard now, trying again"
	switch {
	case errors.Is(err, bot.ErrorUnauthorized), errors.Is(err, bot.ErrorNotFound): // 404: not even the form of a token
		d.give(e)
		return
	case errors.Is(err, bot.ErrorConflict) && strings.Contains(err.Error(), "webhook"):
		trouble, says = "webhook", "telegram: the bot has a webhook set, which takes all replies; remove it with deleteWebhook"
	case errors.Is(err, bot.ErrorConflict):
		trouble, says = "conflict", "telegram: this token is used elsewhere: another program fetches the replies of the same bot; stop it or give watcherd a bot of its own"
	}
	level := zapcore.WarnLevel
	if d.trouble == trouble {
		level = zapcore.DebugLevel
	}
	d.trouble = trouble
	d.log.Log(level, says, zap.Error(e))
}

// polled is told of every getUpdates that went well.
func (d *Driver) polled() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.trouble != "" {
		d.trouble = ""
		d.log.Info("telegram: replies are heard again")
	}
}
