package email

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/mail"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-smtp"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// prompt returns a question in Chinese that waits for three minutes.
func prompt(kind notifier.Kind) notifier.Prompt {
	id := notifier.NewID()
	p := notifier.Prompt{
		ID: id, Kind: kind, Lang: notifier.Chinese, Rule: "回家", Title: "Title-" + id[:8], Text: "G1110 <b>&amp;",
		AskedAt: time.Now(), Deadline: time.Now().Add(3 * time.Minute),
	}
	if kind == notifier.Picture {
		p.Image = captcha()
	}
	return p
}

func parsed(t *testing.T, raw []byte) mailed {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	r, err := read(raw)
	if err != nil {
		t.Fatal(err)
	}
	return mailed{header: m.Header, received: r, raw: raw}
}

// asking is an Ask under way.
type asking struct {
	p     notifier.Prompt
	stop  context.CancelCauseFunc
	done  chan struct{}
	reply notifier.Reply
	err   error
}

func ask(t *testing.T, d *Driver, p notifier.Prompt) *asking {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	a := &asking{p: p, stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(a.done)
		a.reply, a.err = d.Ask(ctx, p)
	}()
	t.Cleanup(func() { cancel(nil); <-a.done })
	return a
}

// open fails the test when the question has ended. In a bubble.
func (a *asking) open(t *testing.T) {
	t.Helper()
	synctest.Wait()
	select {
	case <-a.done:
		t.Fatalf("Ask returned %+v, %v; want the question open", a.reply, a.err)
	default:
	}
}

func (a *asking) answered(t *testing.T, picks ...int) {
	t.Helper()
	synctest.Wait()
	select {
	case <-a.done:
	default:
		t.Fatal("the answer was not heard")
	}
	if a.err != nil || !reflect.DeepEqual(a.reply.Picks, picks) {
		t.Fatalf("Ask = %+v, %v; want %v", a.reply, a.err, picks)
	}
}

func bubble(t *testing.T, change func(*Config, *office), f func(t *testing.T, d *Driver, o *office)) {
	synctest.Test(t, func(t *testing.T) {
		d, o := inMemory(t, change)
		synctest.Wait()
		f(t, d, o)
	})
}

// TestWhoCounts is the gate: the token and the address, both.
func TestWhoCounts(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *Driver, o *office) {
		a := ask(t, d, prompt(notifier.Picture))
		synctest.Wait()
		q := o.sent("")[0]
		plain := func(headers, text string) string {
			return headers + "Message-ID: <" + notifier.NewID() + "@x>\n\n" + text
		}
		for name, raw := range map[string]string{
			"a stranger in the thread":        answer(q, "stranger@example.com", "2 5"),
			"a stranger called as the person": strings.Replace(answer(q, "stranger@example.com", "2 5"), "Somebody", `"me@example.com"`, 1),
			"the person, no token":            plain("From: me@example.com\nSubject: Re: "+a.p.Title+"\n", "2 5"),
			"the person, another token":       plain("From: me@example.com\nIn-Reply-To: <wd."+notifier.NewID()+".q@example.com>\n", "2 5"),
			"another token above ours":        plain("From: me@example.com\nIn-Reply-To: <wd."+notifier.NewID()+".q@example.com>\n", "2 5\n\n> "+a.p.ID),
			"part of the token":               plain("From: me@example.com\n", "2 5\n\n> "+a.p.ID[:31]),
			"the token in upper case":         plain("From: me@example.com\nIn-Reply-To: <wd."+strings.ToUpper(a.p.ID)+".q@example.com>\n", "2 5"),
			"an out-of-office machine":        "Auto-Submitted: auto-replied\n" + answer(q, me, "2 5"),
			"a bounce":                        plain("From: MAILER-DAEMON@example.com\nIn-Reply-To: "+q.id()+"\nContent-Type: multipart/report\n", "2 5"),
			"two authors":                     plain("From: me@example.com, stranger@example.com\nIn-Reply-To: "+q.id()+"\n", "2 5"),
			"our own mail in our own mailbox": string(q.raw),
			"no mail at all":                  "\x00\xff\n",
		} {
			o.deliver(raw)
			synctest.Wait()
			select {
			case <-a.done:
				t.Fatalf("%s: it counted: %+v", name, a.reply)
			default:
			}
		}
		if n := len(o.sent("")); n != 1 {
			t.Errorf("%d mails were answered", n-1)
		}
		if n := o.unseen(); n != 12 {
			t.Errorf("%d of 12 mails are unread: what is not used stays so", n)
		}
		o.deliver(answer(q, "ME@example.com", "2 5"))
		a.answered(t, 2, 5)
		if a.reply.By != me || a.reply.Channel != "email" {
			t.Errorf("answered by %q on %q", a.reply.By, a.reply.Channel)
		}
		synctest.Wait()
		if n := o.unseen(); n != 12 {
			t.Errorf("%d mails are unread, want 12: the one that counted is read", n)
		}
		// Strangers' mails are not even fetched.
		o.mu.Lock()
		defer o.mu.Unlock()
		if len(o.passed) > 6 {
			t.Errorf("the text of %d mails was fetched", len(o.passed))
		}
	})
}

// The same mail once more, by whatever way, is no second answer and no reason
// to write.
func TestReplay(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *Driver, o *office) {
		a := ask(t, d, prompt(notifier.Picture))
		synctest.Wait()
		raw := answer(o.sent("")[0], me, "2 5")
		o.deliver(raw)
		a.answered(t, 2, 5)
		next := prompt(notifier.Picture)
		next.Replaces = a.p.ID
		b := ask(t, d, next)
		synctest.Wait()
		before := len(o.sent(""))
		o.deliver(raw)
		b.open(t)
		if n := len(o.sent("")); n != before {
			t.Errorf("a copy was answered: %s", o.sent("")[n-1].received.plain)
		}
	})
}

// A program that drops the thread still quotes the token.
func TestTokenInTheQuote(t *testing.T) {
	for _, token := range []string{"body", "button"} {
		bubble(t, nil, func(t *testing.T, d *Driver, o *office) {
			a := ask(t, d, prompt(notifier.Picture))
			synctest.Wait()
			text := "2 5\n\n-----Original Message-----\n" + o.sent("")[0].received.plain
			if token == "button" {
				text = "2 5\n\n-- \n" + a.p.ID
			}
			o.deliver("From: me@example.com\nMessage-ID: <a@b>\nIn-Reply-To: <something-else@example.com>\n\n" + text)
			a.answered(t, 2, 5)
		})
	}
}

// One thread holds a question, what takes its place, and the words in between.
func TestThread(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *Driver, o *office) {
		a := ask(t, d, prompt(notifier.Picture))
		synctest.Wait()
		q := o.sent("")[0]
		o.deliver(answer(q, me, "nonsense"))
		a.open(t)
		garbled := o.sent("")[1]
		if !strings.Contains(garbled.received.plain, a.p.Accepted()) || !strings.HasPrefix(garbled.subject(), "Re: ") || !strings.Contains(garbled.header.Get("References"), q.id()) {
			t.Errorf("the word on a garbled answer: %s\n%s", garbled.header, garbled.received.plain)
		}
		o.deliver(answer(garbled, me, "换"))
		synctest.Wait()
		if a.err != nil || a.reply.Action != notifier.Another {
			t.Fatalf("Ask = %+v, %v", a.reply, a.err)
		}
		next := prompt(notifier.Picture)
		next.Replaces = a.p.ID
		b := ask(t, d, next)
		synctest.Wait()
		n := o.sent("")[3]
		if n.header.Get("In-Reply-To") != q.id() || n.header.Get("References") != q.id() {
			t.Errorf("the second question: %v", n.header)
		}
		// The answer to the second names the first as well.
		o.deliver(answer(n, me, "2 5"))
		b.answered(t, 2, 5)
	})
}

// An end that nobody would miss is not told by mail; that somebody else has
// answered is, however soon, and though the mail was only on its way.
func TestQuiet(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *Driver, o *office) {
		reason := &notifier.Closed{Reason: notifier.Chinese.EndedBy(notifier.Reply{Action: notifier.Another, By: "Li", Channel: "telegram"})}
		a := ask(t, d, prompt(notifier.Picture))
		time.Sleep(quietFor - time.Second) // of the bubble
		a.stop(reason)
		<-a.done
		synctest.Wait()
		if n := len(o.sent("")); n != 1 {
			t.Errorf("%d mails about a question that was open for less than a minute", n)
		}
		b := ask(t, d, prompt(notifier.Picture))
		time.Sleep(quietFor)
		b.stop(reason)
		<-b.done
		synctest.Wait()
		if m := o.sent(""); len(m) != 3 || !strings.Contains(m[2].received.plain, reason.Reason) {
			t.Errorf("%d mails, the last says %q", len(m), m[len(m)-1].received.plain)
		}
	})
	settled := &notifier.Closed{Reason: notifier.Chinese.AnsweredBy("Li", "telegram"), Settled: true}
	bubble(t, nil, func(t *testing.T, d *Driver, o *office) {
		a := ask(t, d, prompt(notifier.Picture))
		time.Sleep(time.Second)
		a.stop(settled)
		<-a.done
		synctest.Wait()
		if m := o.sent(""); len(m) != 2 || !strings.Contains(m[1].received.plain, settled.Reason) {
			t.Errorf("%d mails of a question that was answered elsewhere", len(m))
		}
	})
	for _, arrives := range []bool{true, false} {
		bubble(t, nil, func(t *testing.T, d *Driver, o *office) {
			o.set(func(string) error {
				time.Sleep(5 * time.Second)
				if !arrives {
					return &smtp.SMTPError{Code: 450, Message: "later"}
				}
				return nil
			})
			a := ask(t, d, prompt(notifier.Picture))
			time.Sleep(time.Second)
			a.stop(settled)
			<-a.done
			time.Sleep(time.Minute)
			m := o.sent("")
			if arrives && (len(m) != 2 || !strings.Contains(m[1].received.plain, settled.Reason)) || !arrives && len(m) != 0 {
				t.Errorf("%d mails of a question that was answered while it was sent (arrives: %v)", len(m), arrives)
			}
		})
	}
}

// Two people: each is asked, one answers, the other is told.
func TestFamily(t *testing.T) {
	bubble(t, func(c *Config, o *office) { c.To = []string{"小明 <me@example.com>", "you@example.com"} }, func(t *testing.T, d *Driver, o *office) {
		a := ask(t, d, prompt(notifier.Picture))
		synctest.Wait()
		o.deliver(answer(o.sent("you@example.com")[0], me, "2 5"))
		a.answered(t, 2, 5)
		mine, yours := o.sent(me), o.sent("you@example.com")
		if len(mine) != 2 || !strings.Contains(mine[1].received.plain, notifier.Chinese.Thanks()) {
			t.Errorf("the one who answered has %d mails", len(mine))
		}
		if len(yours) != 2 || !strings.Contains(yours[1].received.plain, "小明") {
			t.Errorf("the other has %d mails", len(yours))
		}
	})
}

// A mail that only some can have goes to the others when it is sent again.
func TestSomeOnly(t *testing.T) {
	bubble(t, func(c *Config, o *office) { c.To = []string{me, "you@example.com"} }, func(t *testing.T, d *Driver, o *office) {
		m := notifier.Message{ID: notifier.NewID(), Title: "booked", Text: "E1"}
		busy := &smtp.SMTPError{Code: 450, Message: "later"}
		o.set(func(to string) error {
			if to != me {
				return busy
			}
			return nil
		})
		err := d.Notify(t.Context(), m)
		if e, ok := errors.AsType[*notifier.Error](err); !ok || e.Permanent {
			t.Fatalf("Notify = %v", err)
		}
		o.set(nil)
		if err := d.Notify(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		if len(o.sent(me)) != 1 || len(o.sent("you@example.com")) != 1 {
			t.Errorf("%d and %d mails", len(o.sent(me)), len(o.sent("you@example.com")))
		}
		// Who is refused for good does not keep the other from being told.
		o.set(func(to string) error {
			if to != me {
				return &smtp.SMTPError{Code: 550, Message: "no such user"}
			}
			return nil
		})
		if err := d.Notify(t.Context(), notifier.Message{ID: notifier.NewID(), Title: "paid", Text: "E1"}); err != nil {
			t.Errorf("Notify = %v", err)
		}
	})
}

func (o *office) set(refuse func(string) error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refuse = refuse
}

// What was taken over is not sent again because of how the server says goodbye.
func TestRudeServer(t *testing.T) {
	bubble(t, func(_ *Config, o *office) { o.rude = true }, func(t *testing.T, d *Driver, o *office) {
		if err := d.Notify(t.Context(), notifier.Message{ID: notifier.NewID(), Title: "booked", Text: "E1"}); err != nil {
			t.Errorf("Notify = %v", err)
		}
		a := ask(t, d, prompt(notifier.Picture))
		time.Sleep(time.Minute)
		if n := len(o.sent("")); n != 2 {
			t.Errorf("%d mails", n)
		}
		o.deliver(answer(o.sent("")[1], me, "2 5"))
		a.answered(t, 2, 5)
	})
}

// An answer that is read after the deadline is too late, even when Ask has not
// noticed yet that its time is over.
func TestDeadlinePassed(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *Driver, o *office) {
		q := &question{p: prompt(notifier.Picture), reply: make(chan notifier.Reply, 1)}
		q.p.Deadline = time.Now()
		d.open = []*question{q}
		d.hear(&received{from: me, id: "a@b", refs: []string{"wd." + q.p.ID + ".q@example.com"}, plain: "2 5"})
		synctest.Wait()
		if len(q.reply) > 0 || len(o.sent("")) != 1 || !strings.Contains(o.sent("")[0].received.plain, notifier.Chinese.Late()) {
			t.Errorf("it counted, or nobody said that it does not: %d mails", len(o.sent("")))
		}
	})
}

// What a server refuses for good is not tried again; everything else is. No
// secret is in any error.
func TestErrors(t *testing.T) {
	m := notifier.Message{ID: notifier.NewID(), Title: "booked", Text: "G1110"}
	for _, tt := range []struct {
		name      string
		change    func(*Config, *office)
		permanent bool
	}{
		{"unknown address", func(_ *Config, o *office) { o.refuse = code(550) }, true},
		{"greylisted", func(_ *Config, o *office) { o.refuse = code(450) }, false},
		{"taken for spam", func(_ *Config, o *office) { o.data = func() error { return code(554)("") } }, true},
		{"full", func(_ *Config, o *office) { o.data = func() error { return code(452)("") } }, false},
		{"wrong password", func(c *Config, _ *office) { c.SMTP.Password = "hunter2-geheim-2" }, true},
		{"nobody there", func(c *Config, _ *office) { c.SMTP.Addr = "127.0.0.1:9" }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, tt.change, func(t *testing.T, d *Driver, o *office) {
				err := d.Notify(t.Context(), m)
				e, ok := errors.AsType[*notifier.Error](err)
				if !ok || e.Permanent != tt.permanent || e.Channel != "email" {
					t.Fatalf("Notify = %#v", err)
				}
				for _, secret := range []string{"hunter2", "geheim", m.ID, "G1110", "affected message"} {
					if strings.Contains(err.Error(), secret) {
						t.Errorf("the error tells a secret: %v", err)
					}
				}
				p := prompt(notifier.Offer)
				a := ask(t, d, p)
				synctest.Wait()
				select {
				case <-a.done:
					if !tt.permanent {
						t.Errorf("Ask gave up: %v", a.err)
					}
				default:
					if tt.permanent {
						t.Error("Ask goes on")
					}
				}
			})
		})
	}
}

func code(n int) func(string) error {
	return func(string) error {
		return &smtp.SMTPError{Code: n, EnhancedCode: smtp.EnhancedCode{n / 100, 0, 0}, Message: "as the test says " + password}
	}
}

// A question goes out as soon as the server takes it, and its answer counts.
func TestServerComesBack(t *testing.T) {
	bubble(t, func(_ *Config, o *office) { o.refuse = code(450) }, func(t *testing.T, d *Driver, o *office) {
		a := ask(t, d, prompt(notifier.Picture))
		time.Sleep(20 * time.Second)
		a.open(t)
		o.set(nil)
		time.Sleep(40 * time.Second)
		synctest.Wait()
		if len(o.sent("")) != 1 {
			t.Fatalf("%d mails", len(o.sent("")))
		}
		o.deliver(answer(o.sent("")[0], me, "2 5"))
		a.answered(t, 2, 5)
	})
}

// A server without IDLE is asked every ten seconds while a question is open.
func TestPolling(t *testing.T) {
	bubble(t, func(_ *Config, o *office) { o.caps = imap.CapSet{imap.CapIMAP4rev1: {}} }, func(t *testing.T, d *Driver, o *office) {
		time.Sleep(10 * time.Minute)
		a := ask(t, d, prompt(notifier.Picture))
		time.Sleep(15 * time.Second)
		o.deliver(answer(o.sent("")[0], me, "2 5"))
		time.Sleep(pollOpen)
		a.answered(t, 2, 5)
	})
}

// Reminders stop when somebody answers one, also one of a former life.
func TestSeen(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *Driver, o *office) {
		m := notifier.Message{ID: notifier.NewID(), Kind: "reminder", Title: "还没付款", Text: "还剩 15 分", Seen: "00ff00ff00ff00ff"}
		if err := d.Notify(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		sent := o.sent("")[0]
		o.deliver(answer(sent, "stranger@example.com", "知道了"))
		o.deliver(answer(sent, me, "谢谢"))
		synctest.Wait()
		if len(d.seen) != 0 || len(o.sent("")) != 1 {
			t.Fatal("it was seen by somebody who did not say so")
		}
		o.deliver(answer(sent, me, "知道了"))
		id, by, err := d.Seen(t.Context())
		if id != m.Seen || by != me || err != nil {
			t.Errorf("seen: %q %q %v", id, by, err)
		}
		synctest.Wait()
		if all := o.sent(""); len(all) != 2 || !strings.Contains(all[1].received.plain, notifier.Chinese.Quiet()) {
			t.Errorf("%d mails", len(all))
		}
	})
	// The reply comes while nobody is here.
	synctest.Test(t, func(t *testing.T) {
		d, _ := inMemory(t, func(_ *Config, o *office) {
			o.deliver("From: me@example.com\nMessage-ID: <a@b>\nIn-Reply-To: <wd-seen.00ff00ff00ff00ff." + notifier.NewID() + "@example.com>\n\nseen\n")
		})
		if id, _, err := d.Seen(t.Context()); id != "00ff00ff00ff00ff" || err != nil {
			t.Errorf("seen: %q %v", id, err)
		}
	})
}

// Two machines that answer each other come to an end.
func TestNoEndlessTalk(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *Driver, o *office) {
		a := ask(t, d, prompt(notifier.Picture))
		synctest.Wait()
		for i := range 50 {
			o.deliver(answer(o.sent("")[0], me, fmt.Sprint("ticket number ", i)))
			a.open(t)
		}
		if n := len(o.sent("")); n > 1+maxWordsSent {
			t.Errorf("%d mails were written", n)
		}
		o.deliver(answer(o.sent("")[0], me, "2 5"))
		a.answered(t, 2, 5)
	})
}

// A huge mail is read for its first 64 KiB only.
func TestHugeMail(t *testing.T) {
	bubble(t, nil, func(t *testing.T, d *Driver, o *office) {
		a := ask(t, d, prompt(notifier.Picture))
		synctest.Wait()
		o.deliver(answer(o.sent("")[0], me, strings.Repeat("> quoted\n", 1<<18)+"2 5"))
		a.open(t)
		o.deliver(answer(o.sent("")[0], me, "2 5\n"+strings.Repeat("> quoted\n", 1<<18)))
		a.answered(t, 2, 5)
	})
}
