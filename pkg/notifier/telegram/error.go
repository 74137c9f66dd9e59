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
// token.
func (d *Driver) failure(err error) *notifier.Error { return failure(d.name, d.token, err) }

// failure is the error of a call on the channel of that name. The codes are
// those of https://core.telegram.org/bots/api#making-requests.
func failure(name, token string, err error) *notifier.Error {
	e := &notifier.Error{Channel: name, Err: err}
	if text := err.Error(); strings.Contains(text, token) {
		e.Err = errors.New(strings.ReplaceAll(text, token, "<secret>"))
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

// hopeless reports whether getUpdates will never work with this token.
func hopeless(err error) bool {
	return errors.Is(err, bot.ErrorUnauthorized) || errors.Is(err, bot.ErrorNotFound) // 404: not even the form of a token
}

// The kinds of trouble with hearing. The first two send a person's replies
// elsewhere.
const (
	webhook     = "webhook"
	conflict    = "conflict"
	unreachable = "unreachable"
)

// complain tells the person, who can be written to though not heard, that his
// replies go elsewhere, and what to do.
func (d *Driver) complain(trouble string) {
	text := d.lang.Pick("⚠ 现在收不到你在这里的回答：这个 token 在别处也有人用，另一个 watcherd 或别的程序在收同一个机器人的消息（getUpdates）。请停掉它，或者给 watcherd 单独一个机器人。",
		"⚠ Your answers here cannot be heard: this token is used elsewhere. Another watcherd, or another program, fetches the messages of the same bot (getUpdates). Stop it, or give watcherd a bot of its own.")
	if trouble == webhook {
		text = d.lang.Pick("⚠ 现在收不到你在这里的回答：这个机器人设了 webhook，消息都送到那里去了。请用 deleteWebhook 取消它，或者给 watcherd 单独一个机器人。",
			"⚠ Your answers here cannot be heard: the bot has a webhook set, which takes all messages. Remove it with deleteWebhook, or give watcherd a bot of its own.")
	}
	d.announce(text)
}

// relieve tells the person that what complain said is over.
func (d *Driver) relieve() {
	d.announce(d.lang.Pick("又能收到你在这里的回答了。刚才没收到的，请再发一次。", "Your answers here are heard again. What was not heard: please send it once more."))
}

func (d *Driver) announce(text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.speak(&bot.SendMessageParams{ChatID: d.chat, Text: text, LinkPreviewOptions: noPreview()})
}

// troubleOf says why getUpdates failed: in one word, and in a sentence with
// what to do.
func troubleOf(err error) (word, says string) {
	switch {
	case errors.Is(err, bot.ErrorConflict) && strings.Contains(err.Error(), "webhook"):
		return webhook, "the bot has a webhook set, which takes all replies; remove it with deleteWebhook"
	case errors.Is(err, bot.ErrorConflict):
		return conflict, "this token is used elsewhere: another watcherd, or another program, fetches the replies of the same bot (getUpdates); stop it, or give watcherd a bot of its own"
	}
	return unreachable, "no replies can be heard now, trying again"
}
