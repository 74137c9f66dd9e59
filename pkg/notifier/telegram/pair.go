package telegram

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"time"

	"github.com/go-telegram/bot"
	"github.com/go-telegram/bot/models"
	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
)

const (
	// PairTimeout is how long [Pair] waits for its code.
	PairTimeout = 10 * time.Minute

	// A stranger who guesses is not heard any more after a few codes; of a
	// million codes he finds the right one in one of two hundred thousand
	// pairings.
	maxGuesses  = 5
	maxGuessers = 1000
)

// Chat is a private chat with the bot that [Pair] has found.
type Chat struct {
	ID   int64  // what chat_id wants
	Name string // the person's, as Telegram gives it
}

// Found is how a pairing ended: Err is nil when the chat was found.
type Found struct {
	Chat Chat
	Err  error
}

// ErrNotPaired is the end of a pairing when nobody has sent the code in time.
var ErrNotPaired = errors.New("telegram: nobody has sent the code to the bot in time")

// Pair finds out the number of the user's chat with the bot of cfg, whose
// ChatID does not matter. The user sends code, six digits, to the bot in a
// private chat, as a message of its own; found then gets one value and is
// closed. It is an error after [PairTimeout], when ctx ends, when Telegram
// refuses the token, and when something else fetches the bot's messages.
//
// Only the code itself counts, written by a person in his own chat, not
// forwarded. Everybody else is told nothing.
func Pair(ctx context.Context, cfg Config, lang notifier.Lang, log *zap.Logger) (code string, found <-chan Found, err error) {
	rt, err := newTransport(cfg.Proxy)
	if err != nil {
		return "", nil, err
	}
	return pair(ctx, cfg, lang, log, rt)
}

func pair(ctx context.Context, cfg Config, lang notifier.Lang, log *zap.Logger, rt http.RoundTripper) (string, <-chan Found, error) {
	h, err := newHub(cfg, log, rt)
	if err != nil {
		return "", nil, err
	}
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		return "", nil, fmt.Errorf("telegram: %w", err)
	}
	p := &pairing{hub: h, code: fmt.Sprintf("%06d", n), guesses: map[int64]int{}, heard: make(chan Chat, 1)}
	h.other = p.hear
	h.impatient = true
	found := make(chan Found, 1)
	go func() {
		defer close(found)
		found <- p.wait(ctx, lang)
	}()
	return p.code, found, nil
}

// pairing is a [Pair] under way. Its guesses belong to the loop of its hub.
type pairing struct {
	hub     *hub
	code    string
	guesses map[int64]int // wrong codes, by chat
	heard   chan Chat     // one slot
}

func (p *pairing) wait(ctx context.Context, lang notifier.Lang) Found {
	defer p.hub.kill()
	ctx, cancel := context.WithTimeoutCause(ctx, PairTimeout, ErrNotPaired)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		err := p.hub.Run(ctx)
		if err == nil {
			err = context.Cause(ctx)
		}
		ended <- err
	}()
	select {
	case chat := <-p.heard:
		p.greet(ctx, chat, lang)
		cancel()
		<-ended
		return Found{Chat: chat}
	case err := <-ended:
		return Found{Err: err}
	}
}

// hear looks for the code.
func (p *pairing) hear(_ context.Context, u *models.Update) {
	m := u.Message
	if m == nil || m.Chat.Type != models.ChatTypePrivate || m.From == nil || m.From.IsBot || m.From.ID != m.Chat.ID ||
		m.ForwardOrigin != nil || m.ViaBot != nil || m.SenderChat != nil {
		return
	}
	text := strings.TrimSpace(m.Text)
	if len(text) != len(p.code) || strings.Trim(text, "0123456789") != "" {
		return // /start, which the phone sends by itself, or talk
	}
	n, known := p.guesses[m.Chat.ID]
	if n >= maxGuesses || !known && len(p.guesses) >= maxGuessers {
		return
	}
	if text != p.code {
		p.guesses[m.Chat.ID] = n + 1
		return
	}
	select {
	case p.heard <- Chat{ID: m.Chat.ID, Name: name(m.From)}:
	default: // sent twice
	}
}

// greet tells the person that it has worked; whether he reads it does not
// matter.
func (p *pairing) greet(ctx context.Context, chat Chat, lang notifier.Lang) {
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := p.hub.bot.SendMessage(call, &bot.SendMessageParams{
		ChatID:             chat.ID,
		Text:               lang.Pick(fmt.Sprintf("配对成功，这个聊天的编号是 %d。", chat.ID), fmt.Sprintf("Paired. The number of this chat is %d.", chat.ID)),
		LinkPreviewOptions: noPreview(),
	})
	if err != nil {
		p.hub.log.Debug("telegram: the chat was found and not told so", zap.Error(failure(channel, p.hub.token, err)))
	}
}
