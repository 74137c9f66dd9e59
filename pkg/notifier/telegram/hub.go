package telegram

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"
	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// hub is one bot with the chats that it serves. Telegram lets one program at a
// time fetch a bot's updates and ends the polls of all others with 409, so that
// the chats of one token share one loop, and each hears its own updates only.
type hub struct {
	token string
	log   *zap.Logger
	bot   *bot.Bot
	chats map[int64]*Driver                     // by number; complete before Run
	other func(context.Context, *models.Update) // hears what is in none of the chats; nil: nobody

	// impatient says that Run ends when the bot's messages go elsewhere: there
	// is a person who waits for it and can mend that.
	impatient bool

	// life outlives every Ask, so that a question can be withdrawn on the
	// phone after its Ask has returned; Run ends it.
	life context.Context
	kill context.CancelFunc

	polling sync.Mutex
	trouble string                  // why polling fails just now; empty when it does not
	deaf    *notifier.Error         // the same in a sentence
	since   time.Time               // when that began
	again   time.Time               // when it was last seen
	told    time.Time               // when the chats were last told that their replies go elsewhere
	owed    bool                    // they were told so, and not yet that it is over
	run     context.Context         // of Run; nil before it
	give    context.CancelCauseFunc // ends Run for good
}

const (
	// elsewhereAfter is how long replies must have gone elsewhere before the
	// chats are told, and how long none must have gone there before it is over:
	// a restart may meet the last poll of its former life, and of two programs
	// that fetch the replies of one bot each gets some.
	elsewhereAfter = time.Minute
	// elsewhereAgain is how often they are told at most.
	elsewhereAgain = time.Hour
)

// Open returns a driver for each of cfgs, in their order, and the loops that
// hear for them, one for each bot however many of its chats are among cfgs.
// Each loop is run once, for the whole life of its drivers (see [Driver.Run]).
// It contacts nobody. lang is spoken where no question names its own language.
func Open(cfgs []Config, lang notifier.Lang, log *zap.Logger) (drivers []*Driver, loops []func(context.Context) error, err error) {
	return open(cfgs, lang, log, newTransport)
}

func open(cfgs []Config, lang notifier.Lang, log *zap.Logger, transport func(proxy string) (http.RoundTripper, error)) ([]*Driver, []func(context.Context) error, error) {
	var drivers []*Driver
	var loops []func(context.Context) error
	hubs := map[string]*hub{}
	for _, cfg := range cfgs {
		token := strings.TrimSpace(cfg.Token)
		h := hubs[token]
		if h == nil {
			rt, err := transport(cfg.Proxy)
			if err != nil {
				return nil, nil, err
			}
			if h, err = newHub(cfg, log, rt); err != nil {
				return nil, nil, err
			}
			hubs[token] = h
			loops = append(loops, h.Run)
		}
		d, err := h.chat(cfg, lang)
		if err != nil {
			return nil, nil, err
		}
		drivers = append(drivers, d)
	}
	return drivers, loops, nil
}

func newHub(cfg Config, log *zap.Logger, rt http.RoundTripper) (*hub, error) {
	token := strings.TrimSpace(cfg.Token)
	if token == "" {
		return nil, errors.New("telegram: token is missing")
	}
	if strings.Trim(token, tokenLetters) != "" {
		return nil, errors.New("telegram: token holds letters that no token has")
	}
	api, err := apiURL(cfg.APIURL)
	if err != nil {
		return nil, err
	}
	h := &hub{token: token, log: log, chats: map[int64]*Driver{}}
	h.life, h.kill = context.WithCancel(context.Background())
	client := &client{http: &http.Client{
		Transport: rt, Timeout: pollTimeout + 10*time.Second,
		// The Bot API sends nobody elsewhere. Who does would be told the token,
		// which stands in the address and so in the Referer.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, polled: h.polled}
	h.bot, err = bot.New(token,
		bot.WithServerURL(api),
		bot.WithHTTPClient(pollTimeout, client),
		bot.WithSkipGetMe(),
		bot.WithAllowedUpdates(bot.AllowedUpdates{"message", "callback_query"}),
		bot.WithDefaultHandler(h.handle),
		bot.WithNotAsyncHandlers(), // taps must be counted in their order
		bot.WithErrorsHandler(h.pollFailed),
	)
	if err != nil {
		return nil, fmt.Errorf("telegram: %w", err)
	}
	return h, nil
}

// tokenLetters is the alphabet of bot tokens: "123456:AAE-x_y".
const tokenLetters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz:_-"

// chat returns the driver of one chat of the bot.
func (h *hub) chat(cfg Config, lang notifier.Lang) (*Driver, error) {
	switch {
	case cfg.ChatID <= 0:
		return nil, errors.New("telegram: chat_id must be the number of a private chat")
	case h.chats[cfg.ChatID] != nil:
		return nil, errors.New("telegram: two channels are the same chat of the same bot")
	}
	d := &Driver{
		hub: h, name: cfg.Name, chat: cfg.ChatID, lang: lang, log: h.log, started: time.Now(),
		strip: map[int]struct{}{}, seen: make(chan sighting, 16),
	}
	if d.name == "" {
		d.name = channel
	}
	if d.name != channel {
		d.log = h.log.With(zap.String("channel", d.name))
	}
	h.chats[d.chat] = d
	return d, nil
}

// handle gives an update to the chat that it comes from. It must not wait for
// the network: the updates after it wait for it.
func (h *hub) handle(ctx context.Context, b *bot.Bot, u *models.Update) {
	if d := h.chats[chatOf(u)]; d != nil {
		d.handle(ctx, b, u)
	} else if h.other != nil {
		h.other(ctx, u)
	}
}

// chatOf returns the number of the chat that u comes from; 0 when it has none.
func chatOf(u *models.Update) int64 {
	switch {
	case u.CallbackQuery != nil:
		chat, _ := placeOf(u.CallbackQuery)
		return chat
	case u.Message != nil:
		return u.Message.Chat.ID
	}
	return 0
}

// placeOf returns the chat and the number of the message that was tapped.
func placeOf(t *models.CallbackQuery) (chat int64, message int) {
	switch m := t.Message; {
	case m.Message != nil:
		return m.Message.Chat.ID, m.Message.ID
	case m.InaccessibleMessage != nil: // older than 48 hours
		return m.InaccessibleMessage.Chat.ID, m.InaccessibleMessage.MessageID
	}
	return 0, 0
}

// Run is [Driver.Run], for all chats of the bot.
func (h *hub) Run(ctx context.Context) error {
	poll, give := context.WithCancelCause(ctx)
	defer give(nil)
	h.polling.Lock()
	h.run, h.give = poll, give
	h.polling.Unlock()

	h.bot.Start(poll)
	if ctx.Err() == nil {
		return context.Cause(poll)
	}
	var drained sync.WaitGroup
	for _, d := range h.chats {
		drained.Go(d.drain)
	}
	drained.Wait()
	h.kill()
	return nil
}

// pollFailed is told of every getUpdates that failed; the library waits and
// tries again by itself. Each kind of trouble is logged once while it lasts.
func (h *hub) pollFailed(err error) {
	e := failure(channel, h.token, err)
	h.polling.Lock()
	defer h.polling.Unlock()
	if h.run == nil || h.run.Err() != nil {
		return // the poll was cut off because Run ends
	}
	trouble, says := troubleOf(err)
	if errors.Is(err, bot.ErrorConflict) {
		e.Err = errors.New(says)
	}
	h.deaf = e
	if hopeless(err) {
		h.give(e)
		return
	}
	if h.impatient && errors.Is(err, bot.ErrorConflict) {
		h.give(e)
		return
	}
	now, level := time.Now(), zap.DebugLevel
	if h.trouble != trouble {
		h.trouble, h.since, level = trouble, now, zap.WarnLevel
	}
	h.again = now
	h.log.Log(level, "telegram: "+says, zap.Error(failure(channel, h.token, err)))
	if errors.Is(err, bot.ErrorConflict) && now.Sub(h.since) >= elsewhereAfter && (h.told.IsZero() || now.Sub(h.told) >= elsewhereAgain) {
		h.told, h.owed = now, true
		for _, d := range h.chats {
			d.complain(trouble)
		}
	}
}

// polled is told of every getUpdates that went well.
func (h *hub) polled() {
	h.polling.Lock()
	defer h.polling.Unlock()
	if h.trouble == "" || h.trouble != unreachable && time.Since(h.again) < elsewhereAfter {
		return
	}
	h.trouble, h.deaf = "", nil
	h.log.Info("telegram: replies are heard again")
	if h.owed {
		h.owed = false
		for _, d := range h.chats {
			d.relieve()
		}
	}
}

// Deaf says why the replies in this chat are not heard just now: an
// *[notifier.Error], and what to do when something can be done. It is nil while
// they are heard, and as long as nobody has tried.
func (d *Driver) Deaf() error {
	d.polling.Lock()
	defer d.polling.Unlock()
	if d.deaf == nil {
		return nil
	}
	return &notifier.Error{Channel: d.name, Err: d.deaf.Err, Permanent: d.deaf.Permanent}
}
