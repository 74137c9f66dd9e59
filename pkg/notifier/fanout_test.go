package notifier

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// deaf is a channel in memory that cannot hear.
type deaf struct {
	takes time.Duration // to take a message over
	err   error         // what it then says

	mu   sync.Mutex
	told []Message
}

func (d *deaf) Notify(ctx context.Context, m Message) error {
	select {
	case <-time.After(d.takes):
	case <-ctx.Done():
		return ctx.Err()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.told = append(d.told, m)
	return d.err
}

// hearing is a channel in memory whose person answers by himself.
type hearing struct {
	deaf
	after    time.Duration // until the reply or the failure; 0: never
	reply    Reply
	fail     error
	withdraw time.Duration // how long the question takes to be withdrawn
	atLast   *Reply        // came in while it was withdrawn

	asked  []Prompt
	cause  error
	gone   bool // Ask has returned
	goneAt time.Time
}

func (h *hearing) Ask(ctx context.Context, p Prompt) (Reply, error) {
	h.mu.Lock()
	h.asked = append(h.asked, p)
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		h.gone, h.goneAt = true, time.Now()
		h.mu.Unlock()
	}()
	var answer <-chan time.Time
	if h.after > 0 {
		answer = time.After(h.after)
	}
	select {
	case <-answer:
		return h.reply, h.fail
	case <-ctx.Done():
	}
	h.mu.Lock()
	h.cause = context.Cause(ctx)
	h.mu.Unlock()
	time.Sleep(h.withdraw)
	if h.atLast != nil {
		return *h.atLast, nil
	}
	return Reply{}, context.Cause(ctx)
}

// state returns what is guarded.
func (h *hearing) state() (cause error, gone bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.cause, h.gone
}

func question() Prompt {
	return Prompt{
		ID: NewID(), Kind: Offer, Lang: English, Rule: "home", Title: "Book it?", Text: "G1110",
		AskedAt: time.Now(), Deadline: time.Now().Add(3 * time.Minute),
	}
}

func TestFirstReplyWins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		quick := &hearing{after: 10 * time.Second, reply: Reply{Action: Answered, Yes: true, By: "Li"}}
		slow := &hearing{withdraw: time.Minute}
		f := &Fanout{Channels: []Channel{{Name: "slow", Notifier: slow}, {Name: "quick", Notifier: quick}}}
		begin := time.Now()
		r, err := f.Ask(t.Context(), question())
		if err != nil || !r.Yes || r.Channel != "quick" || r.By != "Li" {
			t.Fatalf("Ask = %+v, %v", r, err)
		}
		if took := time.Since(begin); took != 10*time.Second {
			t.Errorf("the reply came after %v: it waited for the other channel", took)
		}
		synctest.Wait()
		cause, gone := slow.state()
		if closed, ok := errors.AsType[*Closed](cause); !ok || closed.Reason != "Answered by Li on quick." {
			t.Errorf("the other question was withdrawn with %v", cause)
		}
		if gone {
			t.Error("a slow withdrawal took no time: the test proves nothing")
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := f.Wait(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait of a second = %v", err)
		}
		if err := f.Wait(t.Context()); err != nil {
			t.Error(err)
		}
		if _, gone := slow.state(); !gone {
			t.Error("Wait did not wait")
		}
	})
}

func TestWithdrawnBecause(t *testing.T) {
	for _, tt := range []struct {
		reply Reply
		want  Closed
	}{
		{Reply{Action: Answered}, Closed{"Answered on a.", true}},
		{Reply{Action: Another, By: "Li"}, Closed{"Li asked for a new picture on a.", false}},
		{Reply{Action: Cancelled}, Closed{"Somebody cancelled this on a.", true}},
	} {
		synctest.Test(t, func(t *testing.T) {
			a, b := &hearing{after: time.Second, reply: tt.reply}, &hearing{}
			f := &Fanout{Channels: []Channel{{Name: "a", Notifier: a}, {Name: "b", Notifier: b}}}
			if _, err := f.Ask(t.Context(), question()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			cause, _ := b.state()
			if closed, ok := errors.AsType[*Closed](cause); !ok || *closed != tt.want {
				t.Errorf("withdrawn with %v, want %+v", cause, tt.want)
			}
		})
	}
}

func TestAskFails(t *testing.T) {
	refused := &Error{Channel: "b", Err: errors.New("wrong token"), Permanent: true}
	stop := &Closed{Reason: "order is off"}
	for _, tt := range []struct {
		name   string
		a, b   *hearing
		cancel time.Duration // when the caller gives up; 0: never
		took   time.Duration
		want   []error // each of which it is
		not    error
		reply  string // channel of the reply, when there is one
	}{
		{name: "nobody answers", a: &hearing{}, b: &hearing{}, took: 3 * time.Minute, want: []error{ErrExpired}},
		{name: "a channel expires first", a: &hearing{after: time.Minute, fail: ErrExpired}, b: &hearing{after: 2 * time.Minute}, took: 2 * time.Minute, reply: "b"},
		{name: "one fails, nobody answers", a: &hearing{}, b: &hearing{after: time.Second, fail: refused}, took: 3 * time.Minute, want: []error{ErrExpired, refused}},
		{name: "one fails, the other answers", a: &hearing{after: time.Minute}, b: &hearing{after: time.Second, fail: refused}, took: time.Minute, reply: "a"},
		{name: "all fail", a: &hearing{after: 2 * time.Second, fail: errFirst}, b: &hearing{after: time.Second, fail: refused}, took: 2 * time.Second, want: []error{errFirst, refused}, not: ErrExpired},
		{name: "withdrawn by the caller", a: &hearing{}, b: &hearing{withdraw: time.Hour}, cancel: time.Minute, took: time.Minute, want: []error{stop}},
		{name: "accepted at the last moment", a: &hearing{}, b: &hearing{withdraw: time.Second, atLast: &Reply{Action: Answered}}, took: 3*time.Minute + time.Second, reply: "b"},
		{name: "drivers that do not return", a: &hearing{withdraw: time.Hour}, b: &hearing{withdraw: time.Hour}, took: 3*time.Minute + lastMoment, want: []error{ErrExpired}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				if tt.cancel > 0 {
					time.AfterFunc(tt.cancel, func() { cancel(stop) })
				}
				var mu sync.Mutex
				reported := map[string]error{}
				f := &Fanout{
					Channels: []Channel{{Name: "a", Notifier: tt.a}, {Name: "b", Notifier: tt.b}},
					Report:   func(channel string, err error) { mu.Lock(); defer mu.Unlock(); reported[channel] = err },
				}
				begin := time.Now()
				r, err := f.Ask(ctx, question())
				if took := time.Since(begin); took != tt.took {
					t.Errorf("it took %v, want %v", took, tt.took)
				}
				if (err == nil) != (tt.reply != "") || r.Channel != tt.reply {
					t.Errorf("Ask = %+v, %v", r, err)
				}
				for _, want := range tt.want {
					if !errors.Is(err, want) {
						t.Errorf("Ask = %v, want %v", err, want)
					}
				}
				if tt.not != nil && errors.Is(err, tt.not) {
					t.Errorf("Ask = %v", err)
				}
				mu.Lock()
				defer mu.Unlock()
				for name, h := range map[string]*hearing{"a": tt.a, "b": tt.b} {
					failed := h.fail != nil && h.fail != ErrExpired
					if (reported[name] != nil) != failed {
						t.Errorf("reported of %s: %v", name, reported[name])
					}
				}
				if err := f.Wait(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

var errFirst = errors.New("unknown chat")

func TestExpiredQuestionsSaySo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &hearing{}
		f := &Fanout{Channels: []Channel{{Name: "a", Notifier: a}}}
		if _, err := f.Ask(t.Context(), question()); err != ErrExpired {
			t.Errorf("Ask = %v, want ErrExpired itself", err)
		}
		cause, _ := a.state()
		if closed, ok := errors.AsType[*Closed](cause); !ok || closed.Reason != English.Expired() {
			t.Errorf("withdrawn with %v", cause)
		}
	})
}

func TestNoAsker(t *testing.T) {
	d := &deaf{}
	for _, f := range []*Fanout{{}, {Channels: []Channel{{Name: "bark", Notifier: d}}}} {
		if _, err := f.Ask(t.Context(), question()); !errors.Is(err, ErrNoAsker) {
			t.Errorf("Ask = %v", err)
		}
	}
	if len(d.told) != 0 {
		t.Error("a question that nobody can answer was told")
	}
}

// TestDeafChannels checks that those who cannot hear get the link, once.
func TestDeafChannels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bark, broken := &deaf{}, &deaf{err: errors.New("gone")}
		phone := &hearing{after: time.Minute, reply: Reply{Action: Another}}
		links := 0
		var reported []string
		f := &Fanout{
			Channels: []Channel{{Name: "bark", Notifier: bark}, {Name: "broken", Notifier: broken}, {Name: "phone", Notifier: phone}},
			Link:     func(p *Prompt) string { links++; return "https://x.example/q/" + p.ID[:4] },
			Report:   func(channel string, _ error) { reported = append(reported, channel) },
		}
		p := question()
		p.How = "Reply yes or no." // which bark cannot
		if _, err := f.Ask(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		again := question()
		again.Replaces, again.Link = p.ID, "https://y.example"
		if _, err := f.Ask(t.Context(), again); err != nil {
			t.Fatal(err)
		}
		if err := f.Wait(t.Context()); err != nil { // what was told is ours to read from here on
			t.Fatal(err)
		}
		if len(bark.told) != 1 || links != 1 || len(reported) != 1 || reported[0] != "broken" {
			t.Fatalf("told %d times, %d links made, failures of %v", len(bark.told), links, reported)
		}
		m := bark.told[0]
		link := "https://x.example/q/" + p.ID[:4]
		if m.Kind != "question" || m.Link != link || m.Title != p.Title || m.Rule != p.Rule || !m.Loud || !m.At.Equal(p.AskedAt) ||
			!strings.HasPrefix(m.Text, p.Text+"\nOpen the link to answer.\nOpen until ") {
			t.Errorf("told %+v", m)
		}
		if phone.asked[0].Link != link || phone.asked[1].Link != again.Link {
			t.Errorf("asked with the links %q, %q", phone.asked[0].Link, phone.asked[1].Link)
		}
	})
}

// TestCalledAgain checks that those who cannot hear are called again for what
// is Anew, and only for that.
func TestCalledAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bark, phone := &deaf{}, &hearing{after: time.Second, reply: Reply{Action: Answered}}
		f := &Fanout{Channels: []Channel{{Name: "bark", Notifier: bark}, {Name: "phone", Notifier: phone}}}
		first, quick, late := question(), question(), question()
		quick.Replaces, late.Replaces, late.Anew = first.ID, quick.ID, true
		for _, p := range []Prompt{first, quick, late} {
			if _, err := f.Ask(t.Context(), p); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(bark.told) != 2 || bark.told[0].ID != first.ID || bark.told[1].ID != late.ID {
			t.Errorf("told %+v", bark.told)
		}
	})
}

// TestNearLinks checks that a link which leads to this machine goes to those
// who can open it: channels that hear, screens and programs of this machine.
func TestNearLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const link = "http://127.0.0.1:8306/q/0"
		for _, tt := range []struct {
			near, heard string // the channel that hears beside the page
			link, says  string
		}{
			{"", "phone", link, "Open the link to answer."},
			{"web", "phone", "", "Please answer it on phone."},
			{"web", "", "", "on the computer that runs watcherd"},
		} {
			bark, program, page := &deaf{}, &deaf{}, &hearing{after: time.Second, reply: Reply{Action: Answered}}
			f := &Fanout{Near: tt.near, Link: func(*Prompt) string { return link },
				Channels: []Channel{{Name: "bark", Notifier: bark}, {Name: "webhook", Notifier: program, Here: true}, {Name: "web", Notifier: page}}}
			phone := &hearing{}
			if tt.heard != "" {
				f.Channels = append(f.Channels, Channel{Name: tt.heard, Notifier: phone})
			}
			if _, err := f.Ask(t.Context(), question()); err != nil {
				t.Fatal(err)
			}
			if err := f.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			if m := bark.told[0]; m.Link != tt.link || !strings.Contains(m.Text, tt.says) {
				t.Errorf("near %q: bark is told %q\n%s", tt.near, m.Link, m.Text)
			}
			if m := program.told[0]; m.Link != link || !strings.Contains(m.Text, "Open the link to answer.") {
				t.Errorf("near %q: a program is told %q\n%s", tt.near, m.Link, m.Text)
			}
			if tt.heard != "" && phone.asked[0].Link != link {
				t.Errorf("near %q: the phone that hears is shown %q", tt.near, phone.asked[0].Link)
			}
		}
	})
}

// TestQuestionIsToldAgain checks that a channel that cannot hear is told of a
// question as soon as it works again, and not after the question has ended.
func TestQuestionIsToldAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bark, never, refuses := &deaf{err: errors.New("no network")}, &deaf{err: errors.New("no network")}, &deaf{err: &Error{Channel: "refuses", Err: errors.New("bad key"), Permanent: true}}
		phone := &hearing{after: time.Minute, reply: Reply{Action: Answered}}
		reports := 0
		var mu sync.Mutex
		f := &Fanout{Channels: []Channel{{Name: "bark", Notifier: bark}, {Name: "never", Notifier: never}, {Name: "refuses", Notifier: refuses}, {Name: "phone", Notifier: phone}},
			Report: func(string, error) { mu.Lock(); defer mu.Unlock(); reports++ }}
		time.AfterFunc(10*time.Second, func() {
			bark.mu.Lock()
			defer bark.mu.Unlock()
			bark.err = nil
		})
		if _, err := f.Ask(t.Context(), question()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if err := f.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		// At 0, 1, 3, 7, 15 and 31 s.
		if len(bark.told) != 5 || len(never.told) != 6 || len(refuses.told) != 1 || reports != 3 {
			t.Errorf("told %d, %d and %d times, %d reports", len(bark.told), len(never.told), len(refuses.told), reports)
		}
	})
}

// TestLinkIsHeard checks that the channel behind the link is asked when its
// link is shown, though the question is for others.
func TestLinkIsHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		phone, page, other := &hearing{}, &hearing{after: time.Minute, reply: Reply{Yes: true}}, &hearing{}
		f := &Fanout{
			Channels: []Channel{{Name: "phone", Notifier: phone}, {Name: "page", Notifier: page}, {Name: "other", Notifier: other}},
			Link:     func(p *Prompt) string { p.To = append(p.To, "page"); return "https://x.example/q" },
		}
		p := question()
		p.To = []string{"phone"}
		r, err := f.Ask(t.Context(), p)
		if err != nil || r.Channel != "page" {
			t.Errorf("Ask = %+v, %v", r, err)
		}
		if err := f.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(phone.asked) != 1 || phone.asked[0].Link == "" || len(other.asked) != 0 {
			t.Errorf("asked: %v and %v", phone.asked, other.asked)
		}
	})
}

// TestNotify checks that no channel waits for another, nor for ever.
func TestNotify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good, stuck, bad := &deaf{takes: time.Second}, &deaf{takes: time.Hour}, &deaf{takes: 20 * time.Second, err: errFirst}
		named := &Error{Channel: "bark", Err: errors.New("bad key"), Permanent: true}
		refused := &deaf{err: named}
		f := &Fanout{Channels: []Channel{{Name: "stuck", Notifier: stuck}, {Name: "good", Notifier: good}, {Name: "bad", Notifier: bad}, {Name: "refused", Notifier: refused}}}
		begin := time.Now()
		err := f.Notify(t.Context(), Message{Title: "hello"})
		if took := time.Since(begin); took != notifyTimeout {
			t.Errorf("it took %v", took)
		}
		if want := "stuck: context deadline exceeded\nbad: unknown chat\nbark: bad key"; err == nil || err.Error() != want {
			t.Errorf("Notify = %v, want %s", err, want)
		}
		if !errors.Is(err, named) || len(good.told) != 1 {
			t.Errorf("Notify = %v; the good channel was told %d times", err, len(good.told))
		}
		f.Channels = f.Channels[1:2]
		if err := f.Notify(t.Context(), Message{}); err != nil {
			t.Error(err)
		}
	})
}
