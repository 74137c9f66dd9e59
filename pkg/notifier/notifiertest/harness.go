// Package notifiertest says when a channel that can hear is good: one table of
// conversations, run over every driver.
package notifiertest

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// Harness is a driver together with the people at the other end of its
// channel. It is made and used inside a bubble of [testing/synctest]: its
// transport is in memory, and everything it starts ends in t.Cleanup.
type Harness struct {
	Asker notifier.Asker

	// Reply is the configured person answering the question p with text, in
	// the way of this channel that binds an answer to its question.
	Reply func(p notifier.Prompt, text string)

	// Loose is the configured person writing text that is bound to no question.
	// It is nil where such a text never counts, or cannot be written.
	Loose func(text string)

	// Sees returns what the person can read now: where the question p stands,
	// and everything that he was told so far.
	Sees func(p notifier.Prompt) string

	// Stranger is somebody else who tries to answer p. It is nil where nobody
	// else can try.
	Stranger func(p notifier.Prompt, text string)

	// StrangerSees returns everything that the stranger was told, which must
	// be nothing. It may be nil.
	StrangerSees func() string

	// Page says that the channel is the answer page itself, to which the links
	// of the others lead.
	Page bool

	// Mute says that Notify shows nothing on this channel.
	Mute bool
}

// conversation is one test: a fresh harness in a bubble of its own.
type conversation struct {
	t *testing.T
	h Harness
}

// asking is an Ask under way.
type asking struct {
	c        conversation
	p        notifier.Prompt
	withdraw context.CancelCauseFunc
	done     chan struct{}
	reply    notifier.Reply
	err      error
}

// timeout is how long a question of the table waits for its answer.
const timeout = 3 * time.Minute

// prompt returns a question whose title is unlike any other's.
func prompt(kind notifier.Kind, lang notifier.Lang) notifier.Prompt {
	id := notifier.NewID()
	p := notifier.Prompt{
		ID:       id,
		Kind:     kind,
		Lang:     lang,
		Rule:     "回家",
		Title:    "Title-" + id[:8],
		Text:     "G1110 <b>&amp;",
		AskedAt:  time.Now(),
		Deadline: time.Now().Add(timeout),
	}
	if kind == notifier.Picture || kind == notifier.QR {
		p.Image = picture()
	}
	return p
}

// picture returns a JPEG of the size of a captcha.
func picture() []byte {
	m := image.NewGray(image.Rect(0, 0, 293, 190))
	for x := range 293 {
		for y := range 190 {
			m.SetGray(x, y, color.Gray{Y: uint8(x ^ y)})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		panic(err) // a bytes.Buffer takes everything
	}
	return b.Bytes()
}

// ask asks p and returns once the person sees it.
func (c conversation) ask(p notifier.Prompt) *asking {
	c.t.Helper()
	ctx, cancel := context.WithCancelCause(c.t.Context())
	a := &asking{c: c, p: p, withdraw: cancel, done: make(chan struct{})}
	go func() {
		defer close(a.done)
		a.reply, a.err = c.h.Asker.Ask(ctx, p)
	}()
	c.t.Cleanup(func() {
		cancel(nil)
		<-a.done
	})
	c.sees(p, p.Title)
	return a
}

// sees fails the test unless the person reads want.
func (c conversation) sees(p notifier.Prompt, want string) {
	c.t.Helper()
	synctest.Wait()
	if got := c.h.Sees(p); !strings.Contains(got, want) {
		c.t.Fatalf("the person does not read %q but:\n%s", want, got)
	}
}

// open fails the test when the question has ended.
func (a *asking) open() {
	a.c.t.Helper()
	synctest.Wait()
	select {
	case <-a.done:
		a.c.t.Fatalf("Ask returned %+v, %v; want the question open", a.reply, a.err)
	default:
	}
}

// ended returns what Ask returned, which must have.
func (a *asking) ended() (notifier.Reply, error) {
	a.c.t.Helper()
	synctest.Wait()
	select {
	case <-a.done:
	default:
		a.c.t.Fatalf("Ask has not returned; the person reads:\n%s", a.c.h.Sees(a.p))
	}
	return a.reply, a.err
}

// failed fails the test unless Ask returned want.
func (a *asking) failed(want error) {
	a.c.t.Helper()
	if r, err := a.ended(); !errors.Is(err, want) {
		a.c.t.Fatalf("Ask = %+v, %v; want error %v", r, err, want)
	}
}
