// Package telegram reaches the user through a Telegram bot: news as messages,
// questions as messages with buttons, replies by tap or by text.
//
// One private chat is heard and no other. Replies are fetched by long polling,
// so the daemon needs no address of its own; [Driver.Run] does that for its
// whole life. The protocol is https://core.telegram.org/bots/api (Bot API
// 10.3), spoken through github.com/go-telegram/bot.
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

const (
	channel    = "telegram"
	defaultAPI = "https://api.telegram.org"

	// pollTimeout is how long one getUpdates may wait. It is also, about, how
	// long a connection that died in silence keeps the driver deaf.
	pollTimeout = 25 * time.Second
	// callTimeout bounds every other call, uploads of a picture included.
	callTimeout = 20 * time.Second
	// drainTimeout is how long Run waits at its end for questions to be
	// withdrawn on the phone.
	drainTimeout = 3 * time.Second
)

// Config is the telegram stanza of watch.yaml.
type Config struct {
	Token     string `yaml:"token"`      // the bot's token, from @BotFather
	TokenFile string `yaml:"token_file"` // a file that holds the token; read by the configuration loader, not here
	ChatID    int64  `yaml:"chat_id"`    // the user's private chat with the bot: only it is heard
	APIURL    string `yaml:"api_url"`    // default https://api.telegram.org; plain http is meant for this machine
	Proxy     string `yaml:"proxy"`      // http://, https:// or socks5://, with user:password@ when needed; empty: as the environment says
}

// Driver is the Telegram channel. It is safe for concurrent use.
type Driver struct {
	token   string
	chat    int64
	lang    notifier.Lang
	log     *zap.Logger
	bot     *bot.Bot
	started time.Time

	// life outlives every Ask, so that a question can be withdrawn on the
	// phone after its Ask has returned; Run ends it.
	life context.Context
	kill context.CancelFunc

	mu      sync.Mutex
	open    []*question             // oldest first
	ended   []*question             // the last few, oldest first
	early   []*models.Message       // texts that came while a question was on its way
	hinted  time.Time               // when idle chatter was last answered
	trouble string                  // why polling fails just now; empty when it does not
	run     context.Context         // of Run; nil before it
	give    context.CancelCauseFunc // ends Run for good
	busy    int                     // Asks and background calls under way
	idle    chan struct{}           // closed when busy falls to 0; nil when nobody waits for that
	strip   map[int]struct{}        // messages without a question whose buttons were removed
	seen    chan sighting           // taps on "seen" that nobody has taken yet
	newest  string                  // Message.Seen of the last message that had one
}

// sighting is the user's word that he has seen a message.
type sighting struct{ id, by string }

var (
	_ notifier.Asker = (*Driver)(nil)
	_ notifier.Seer  = (*Driver)(nil)
)

// New returns a driver for cfg that speaks lang where no question names its
// own language. It contacts nobody.
func New(cfg Config, lang notifier.Lang, log *zap.Logger) (*Driver, error) {
	transport, err := newTransport(cfg.Proxy)
	if err != nil {
		return nil, err
	}
	return newDriver(cfg, lang, log, transport)
}

func newDriver(cfg Config, lang notifier.Lang, log *zap.Logger, rt http.RoundTripper) (*Driver, error) {
	token := strings.TrimSpace(cfg.Token)
	if token == "" {
		return nil, errors.New("telegram: token is missing")
	}
	if strings.Trim(token, tokenLetters) != "" {
		return nil, errors.New("telegram: token holds letters that no token has")
	}
	if cfg.ChatID <= 0 {
		return nil, errors.New("telegram: chat_id must be the number of a private chat")
	}
	api, err := apiURL(cfg.APIURL)
	if err != nil {
		return nil, err
	}
	d := &Driver{token: token, chat: cfg.ChatID, lang: lang, log: log, started: time.Now(), strip: map[int]struct{}{}, seen: make(chan sighting, 16)}
	d.life, d.kill = context.WithCancel(context.Background())
	client := &client{http: &http.Client{
		Transport: rt, Timeout: pollTimeout + 10*time.Second,
		// The Bot API sends nobody elsewhere. Who does would be told the token,
		// which stands in the address and so in the Referer.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, polled: d.polled}
	d.bot, err = bot.New(token,
		bot.WithServerURL(api),
		bot.WithHTTPClient(pollTimeout, client),
		bot.WithSkipGetMe(),
		bot.WithAllowedUpdates(bot.AllowedUpdates{"message", "callback_query"}),
		bot.WithDefaultHandler(d.handle),
		bot.WithNotAsyncHandlers(), // taps must be counted in their order
		bot.WithErrorsHandler(d.pollFailed),
	)
	if err != nil {
		return nil, fmt.Errorf("telegram: %w", err)
	}
	return d, nil
}

// tokenLetters is the alphabet of bot tokens: "123456:AAE-x_y".
const tokenLetters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz:_-"

// Run fetches replies until ctx ends, then waits a few seconds for open
// questions to be withdrawn on the phone, and returns nil. An API that cannot
// be reached is asked again and again. Only a token that Telegram refuses ends
// Run early, with an *[notifier.Error] that is Permanent. Run is called once.
func (d *Driver) Run(ctx context.Context) error {
	poll, give := context.WithCancelCause(ctx)
	defer give(nil)
	d.mu.Lock()
	d.run, d.give = poll, give
	d.mu.Unlock()

	d.bot.Start(poll)
	if ctx.Err() == nil {
		return context.Cause(poll)
	}
	d.drain()
	return nil
}

// Notify sends m as a message, its title in bold. It makes no sound unless m
// is loud. A message that is too long loses the end of its text.
func (d *Driver) Notify(ctx context.Context, m notifier.Message) error {
	text, entities := compose(maxText, m.Title, m.Text, m.Link)
	params := &bot.SendMessageParams{
		ChatID:              d.chat,
		Text:                text,
		Entities:            entities,
		LinkPreviewOptions:  noPreview(),
		DisableNotification: !m.Loud,
	}
	if m.Seen != "" {
		params.ReplyMarkup = d.seenButton(m.Seen)
	}
	if _, err := d.bot.SendMessage(ctx, params); err != nil {
		return d.failure(err)
	}
	if m.Seen != "" {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.newest = m.Seen
	}
	return nil
}

// noPreview keeps Telegram's servers from opening the links that we send: an
// answer page's link is meant for one person.
func noPreview() *models.LinkPreviewOptions {
	return &models.LinkPreviewOptions{IsDisabled: bot.True()}
}

// begin counts work that drain waits for. Callers hold d.mu.
func (d *Driver) begin() { d.busy++ }

func (d *Driver) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.busy--; d.busy == 0 && d.idle != nil {
		close(d.idle)
		d.idle = nil
	}
}

// background runs f beside the caller. Callers hold d.mu.
func (d *Driver) background(f func()) {
	d.begin()
	go func() {
		defer d.end()
		f()
	}()
}

// drain lets work under way finish, within reason, and stops the rest.
func (d *Driver) drain() {
	defer d.kill()
	d.mu.Lock()
	if d.busy == 0 {
		d.mu.Unlock()
		return
	}
	idle := make(chan struct{})
	d.idle = idle
	d.mu.Unlock()
	select {
	case <-idle:
	case <-time.After(drainTimeout):
	}
}
