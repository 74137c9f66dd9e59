package telegram

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// push queues an update.
func (f *fakeAPI) push(kind string, v any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.updateID++
	u, err := json.Marshal(map[string]any{"update_id": f.updateID, kind: v})
	if err != nil {
		f.t.Fatal(err)
	}
	f.updates = append(f.updates, u)
	f.changed()
}

// write sends a text from the person's phone, as a reply to another message
// unless replyTo is 0. change alters the message on its way.
func (f *fakeAPI) write(text string, replyTo int, change ...func(m map[string]any)) {
	f.mu.Lock()
	f.ids++
	m := &message{id: f.ids, date: time.Now().Unix(), text: text, replyTo: replyTo}
	f.messages = append(f.messages, m)
	v := f.show(m)
	f.mu.Unlock()
	for _, c := range change {
		c(v)
	}
	f.push("message", v)
}

// tap presses the button that shows text, the mark of a chosen one left out.
func (f *fakeAPI) tap(m message, text string, change ...func(q map[string]any)) {
	f.t.Helper()
	for _, row := range m.keyboard {
		for _, b := range row {
			if strings.Trim(b.Text, "✓ ") != text {
				continue
			}
			f.mu.Lock()
			id := fmt.Sprintf("tap-%d", len(f.taps))
			f.taps[id] = false
			v := map[string]any{
				"id": id, "chat_instance": "1", "data": b.Data, "message": f.show(f.find(m.id)),
				"from": map[string]any{"id": fakeChat, "is_bot": false, "first_name": "Li", "username": "li4"},
			}
			f.mu.Unlock()
			for _, c := range change {
				c(v)
			}
			f.push("callback_query", v)
			return
		}
	}
	f.t.Fatalf("no button %q in %v", text, m.keyboard)
}

// bots returns the bot's messages, as they look now.
func (f *fakeAPI) bots() []message {
	f.mu.Lock()
	defer f.mu.Unlock()
	var ms []message
	for _, m := range f.messages {
		if m.ours {
			ms = append(ms, *m)
		}
	}
	return ms
}

// last returns the newest of the bot's messages when there are n of them.
func (f *fakeAPI) last(n int) message {
	f.t.Helper()
	synctest.Wait()
	ms := f.bots()
	if len(ms) != n {
		for _, m := range ms {
			f.t.Logf("%d: %s", m.id, m.text)
		}
		f.t.Fatalf("the bot wrote %d messages, want %d", len(ms), n)
	}
	return ms[n-1]
}

// get returns message id as it looks now.
func (f *fakeAPI) get(id int) message {
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	return *f.find(id)
}

func (f *fakeAPI) toast() string {
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.toasts) == 0 {
		return ""
	}
	return f.toasts[len(f.toasts)-1]
}

func (f *fakeAPI) break_(fault func(method string) *fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
}

// phone runs test in a bubble of virtual time, with a driver that polls.
func phone(t *testing.T, test func(t *testing.T, f *fakeAPI, d *Driver, logs *observer.ObservedLogs)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		d, logs := start(t, f)
		synctest.Wait()
		test(t, f, d, logs)
	})
}

// start makes a driver on f and runs it until the test ends.
func start(t *testing.T, f *fakeAPI) (*Driver, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zap.DebugLevel)
	d, err := newDriver(Config{Token: fakeToken + "\n", ChatID: fakeChat}, notifier.Chinese, zap.New(core), f)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
		for _, e := range logs.All() {
			if strings.Contains(e.Message+fmt.Sprint(e.ContextMap()), "CANARY") {
				t.Errorf("the log holds the token: %s %v", e.Message, e.ContextMap())
			}
		}
	})
	return d, logs
}

// asked is an Ask under way.
type asked struct {
	reply  notifier.Reply
	err    error
	done   chan struct{}
	cancel context.CancelCauseFunc
}

func ask(t *testing.T, d *Driver, p notifier.Prompt) *asked {
	ctx, cancel := context.WithCancelCause(t.Context())
	a := &asked{done: make(chan struct{}), cancel: cancel}
	go func() {
		defer close(a.done)
		a.reply, a.err = d.Ask(ctx, p)
	}()
	t.Cleanup(func() {
		cancel(nil)
		<-a.done
	})
	return a
}

// pending fails the test when the question is closed.
func (a *asked) pending(t *testing.T) {
	t.Helper()
	synctest.Wait()
	select {
	case <-a.done:
		t.Fatalf("Ask returned %+v, %v", a.reply, a.err)
	default:
	}
}

// got returns the reply, which must be there.
func (a *asked) got(t *testing.T) notifier.Reply {
	t.Helper()
	synctest.Wait()
	select {
	case <-a.done:
	default:
		t.Fatal("Ask has not returned")
	}
	if a.err != nil {
		t.Fatal(a.err)
	}
	return a.reply
}

var (
	jpeg = append([]byte("\xff\xd8\xff\xe0\x00\x10JFIF\x00"), make([]byte, 200)...)
	png  = append([]byte("\x89PNG\r\n\x1a\n"), make([]byte, 200)...)
)

// prompt is a question of three minutes.
func prompt(kind notifier.Kind) notifier.Prompt {
	p := notifier.Prompt{
		ID: notifier.NewID(), Kind: kind, Lang: notifier.Chinese, Rule: "回家",
		Title: "请点图片 <登录>", Text: "回家：G1110 & G1112", AskedAt: time.Now(),
		Deadline: time.Now().Add(3 * time.Minute), Link: "https://watch.example/q/1?a=1&b=2",
	}
	switch kind {
	case notifier.Picture:
		p.Image = jpeg
	case notifier.QR:
		p.Image = png
	}
	return p
}
