// Package telegram reaches the user through a Telegram bot: news as messages,
// questions as messages with buttons, replies by tap or by text, commands that
// begin with a slash. [Pair] finds out which chat is the user's.
//
// One private chat is heard for each channel and no other. Replies are fetched by long polling,
// so the daemon needs no address of its own; [Driver.Run] does that for its
// whole life. The protocol is https://core.telegram.org/bots/api (Bot API
// 10.3), spoken through github.com/go-telegram/bot.
package telegram

import (
	"context"
	"net/http"
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
	Name      string `yaml:"name"`       // of the channel, for notify: in rules; default telegram
	Token     string `yaml:"token"`      // the bot's token, from @BotFather
	TokenFile string `yaml:"token_file"` // a file that holds the token; read by the configuration loader, not here
	ChatID    int64  `yaml:"chat_id"`    // the user's private chat with the bot: only it is heard
	APIURL    string `yaml:"api_url"`    // default https://api.telegram.org; plain http is meant for this machine
	Proxy     string `yaml:"proxy"`      // http://, https:// or socks5://, with user:password@ when needed; empty: as the environment says
}

// Driver is the Telegram channel: one chat. It is safe for concurrent use.
type Driver struct {
	*hub
	name    string // of the channel
	chat    int64
	lang    notifier.Lang
	log     *zap.Logger
	started time.Time

	mu       sync.Mutex
	open     []*question          // oldest first
	ended    []*question          // the last few, oldest first
	early    []*models.Message    // texts that came while a question was on its way
	hinted   time.Time            // when idle chatter was last answered
	busy     int                  // Asks and background calls under way
	idle     chan struct{}        // closed when busy falls to 0; nil when nobody waits for that
	strip    map[int]struct{}     // messages without a question whose buttons were removed
	commands chan *models.Message // those that nobody has answered yet; nil: nobody answers
	seen     chan sighting        // taps on "seen" that nobody has taken yet
	newest   string               // Message.Seen of the last message that had one
}

// sighting is the user's word that he has seen a message.
type sighting struct{ id, by string }

var (
	_ notifier.Asker     = (*Driver)(nil)
	_ notifier.Seer      = (*Driver)(nil)
	_ notifier.Amender   = (*Driver)(nil)
	_ notifier.Commander = (*Driver)(nil)
)

// New returns a driver for cfg, the only chat of its bot; see [Open] for
// several. It contacts nobody.
func New(cfg Config, lang notifier.Lang, log *zap.Logger) (*Driver, error) {
	transport, err := newTransport(cfg.Proxy)
	if err != nil {
		return nil, err
	}
	return newDriver(cfg, lang, log, transport)
}

func newDriver(cfg Config, lang notifier.Lang, log *zap.Logger, rt http.RoundTripper) (*Driver, error) {
	h, err := newHub(cfg, log, rt)
	if err != nil {
		return nil, err
	}
	return h.chat(cfg, lang)
}

// Run fetches replies for the driver, and for all others of its bot, until ctx
// ends, then waits a few seconds for open questions to be withdrawn on the
// phone, and returns nil. An API that cannot be reached is asked again and
// again. Only a token that Telegram refuses ends Run early, with an
// *[notifier.Error] that is Permanent. One Run is called once for each bot.
func (d *Driver) Run(ctx context.Context) error { return d.hub.Run(ctx) }

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

// drain lets work under way finish, within reason; what is left is cut off by
// the end of the hub's life.
func (d *Driver) drain() {
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
