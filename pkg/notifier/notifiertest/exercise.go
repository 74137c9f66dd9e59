package notifiertest

import (
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// Exercise has every conversation of the table with the drivers that
// newDriver makes, a fresh one in a fresh bubble for each.
func Exercise(t *testing.T, newDriver func(t *testing.T) Harness) {
	for _, tt := range []struct {
		name string
		talk func(c conversation)
	}{
		{"valid answers", valid},
		{"wrong words", wrongWords},
		{"answer after its deadline", late},
		{"second answer", second},
		{"reply to an older question", older},
		{"deadline", deadline},
		{"withdrawn with a reason", withdrawn},
		{"withdrawn without a reason", stopped},
		{"two questions open", two},
		{"stranger", stranger},
		{"news", news},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tt.talk(conversation{t, newDriver(t)})
			})
		})
	}
}

// valid also has one driver ask many questions, one after another.
func valid(c conversation) {
	answered := notifier.Answered
	for _, tt := range []struct {
		kind notifier.Kind
		text string
		want notifier.Reply
	}{
		{notifier.Picture, "5 2", notifier.Reply{Action: answered, Picks: []int{2, 5}}},
		{notifier.Picture, "８、1", notifier.Reply{Action: answered, Picks: []int{1, 8}}},
		{notifier.Picture, "42,38,253,34", notifier.Reply{Action: answered, Points: []notifier.Point{{X: 42, Y: 38}, {X: 253, Y: 34}}}},
		{notifier.Picture, "?", notifier.Reply{Action: notifier.Another}},
		{notifier.Picture, "x", notifier.Reply{Action: notifier.Cancelled}},
		{notifier.SMS, "012345", notifier.Reply{Action: answered, Code: "012345"}},
		{notifier.SMS, "取消", notifier.Reply{Action: notifier.Cancelled}},
		{notifier.QR, "换", notifier.Reply{Action: notifier.Another}},
		{notifier.QR, "Cancel", notifier.Reply{Action: notifier.Cancelled}},
		{notifier.Offer, "抢", notifier.Reply{Action: answered, Yes: true}},
		{notifier.Offer, "不要", notifier.Reply{Action: answered}},
		{notifier.App, "好了", notifier.Reply{Action: answered, Yes: true}},
		{notifier.App, "x", notifier.Reply{Action: notifier.Cancelled}},
	} {
		a := c.ask(prompt(tt.kind, notifier.Chinese))
		time.Sleep(5 * time.Second) // of the bubble: nobody answers at once
		a.open()
		c.h.Reply(a.p, tt.text)
		got, err := a.ended()
		if err != nil {
			c.t.Fatalf("%s %q: %v", tt.kind, tt.text, err)
		}
		if got.At.Before(a.p.AskedAt) || got.At.After(time.Now()) {
			c.t.Errorf("%s %q: received at %v, asked at %v", tt.kind, tt.text, got.At, a.p.AskedAt)
		}
		got.At, got.By, got.Channel = time.Time{}, "", ""
		if !reflect.DeepEqual(got, tt.want) {
			c.t.Errorf("%s %q: %+v, want %+v", tt.kind, tt.text, got, tt.want)
		}
		c.sees(a.p, a.p.Lang.Ack(tt.want.Action))
	}
}

// wrongWords are answered with what is accepted, and cost nothing.
func wrongWords(c conversation) {
	for _, lang := range []notifier.Lang{notifier.Chinese, notifier.English} {
		for kind, text := range map[notifier.Kind]string{
			notifier.Picture: "25 please",
			notifier.SMS:     "12345",
			notifier.QR:      "1",
			notifier.Offer:   "maybe",
			notifier.App:     "no",
		} {
			a := c.ask(prompt(kind, lang))
			before := strings.Count(c.h.Sees(a.p), a.p.Accepted())
			c.h.Reply(a.p, text)
			a.open()
			if after := strings.Count(c.h.Sees(a.p), a.p.Accepted()); after <= before {
				c.t.Errorf("%s %q in %s: not told what is accepted", kind, text, lang)
			}
			c.h.Reply(a.p, "x")
			if r, err := a.ended(); err != nil || r.Action != notifier.Cancelled {
				c.t.Errorf("%s in %s: cancel after wrong words = %+v, %v", kind, lang, r, err)
			}
		}
	}
}

func late(c conversation) {
	a := c.ask(prompt(notifier.Picture, notifier.Chinese))
	time.Sleep(timeout)
	a.failed(notifier.ErrExpired)
	c.h.Reply(a.p, "25")
	c.sees(a.p, a.p.Lang.Late())
	c.fresh()
}

func second(c conversation) {
	a := c.ask(prompt(notifier.Offer, notifier.English))
	c.h.Reply(a.p, "yes")
	if r, err := a.ended(); err != nil || !r.Yes {
		c.t.Fatalf("the first answer = %+v, %v", r, err)
	}
	c.h.Reply(a.p, "no")
	c.sees(a.p, a.p.Lang.Late())
	c.fresh()
}

// older checks that the answer to a picture is not taken for the next one's.
func older(c conversation) {
	first := c.ask(prompt(notifier.Picture, notifier.Chinese))
	c.h.Reply(first.p, "换一张")
	if r, err := first.ended(); err != nil || r.Action != notifier.Another {
		c.t.Fatalf("another picture = %+v, %v", r, err)
	}
	p := prompt(notifier.Picture, notifier.Chinese)
	p.Replaces = first.p.ID
	next := c.ask(p)
	c.h.Reply(first.p, "25")
	next.open()
	c.sees(next.p, next.p.Lang.Superseded())
	c.h.Reply(next.p, "3")
	if r, err := next.ended(); err != nil || !reflect.DeepEqual(r.Picks, []int{3}) {
		c.t.Fatalf("the answer to the newest = %+v, %v", r, err)
	}
}

func deadline(c conversation) {
	a := c.ask(prompt(notifier.SMS, notifier.English))
	time.Sleep(timeout - time.Millisecond)
	a.open()
	time.Sleep(time.Millisecond)
	a.failed(notifier.ErrExpired)
	c.sees(a.p, a.p.Lang.Expired())
}

func withdrawn(c conversation) {
	a := c.ask(prompt(notifier.App, notifier.Chinese))
	reason := &notifier.Closed{Reason: a.p.Lang.AnsweredBy("Li", "bark")}
	a.withdraw(reason)
	a.failed(reason)
	c.sees(a.p, reason.Reason)
	c.h.Reply(a.p, "好了")
	c.sees(a.p, a.p.Lang.Late())
	c.fresh()
}

func stopped(c conversation) {
	a := c.ask(prompt(notifier.QR, notifier.English))
	a.withdraw(nil)
	if r, err := a.ended(); err == nil {
		c.t.Fatalf("Ask = %+v, want an error", r)
	}
	c.sees(a.p, a.p.Lang.Withdrawn())
}

// two answers the older of two open questions first.
func two(c conversation) {
	first := c.ask(prompt(notifier.Picture, notifier.Chinese))
	other := c.ask(prompt(notifier.Picture, notifier.Chinese))
	c.h.Reply(first.p, "1")
	other.open()
	if r, err := first.ended(); err != nil || !reflect.DeepEqual(r.Picks, []int{1}) {
		c.t.Fatalf("the first = %+v, %v", r, err)
	}
	c.h.Reply(other.p, "2")
	if r, err := other.ended(); err != nil || !reflect.DeepEqual(r.Picks, []int{2}) {
		c.t.Fatalf("the other = %+v, %v", r, err)
	}
}

func stranger(c conversation) {
	if c.h.Stranger == nil {
		c.t.Skip("no stranger can reach this channel")
	}
	a := c.ask(prompt(notifier.Offer, notifier.Chinese))
	before := c.h.Sees(a.p)
	for _, text := range []string{"抢", "what is this?"} {
		c.h.Stranger(a.p, text)
		a.open()
	}
	if after := c.h.Sees(a.p); after != before {
		c.t.Errorf("the person read\n%s\nand after the stranger wrote\n%s", before, after)
	}
	if c.h.StrangerSees != nil {
		if got := c.h.StrangerSees(); got != "" {
			c.t.Errorf("the stranger was told %q", got)
		}
	}
	c.h.Reply(a.p, "不要")
	if r, err := a.ended(); err != nil || r.Yes {
		c.t.Fatalf("the person's answer = %+v, %v", r, err)
	}
}

func news(c conversation) {
	m := notifier.Message{
		ID: notifier.NewID(), Kind: "seats", Rule: "回家", Title: "News-Title",
		Text: "News-Text\nsecond line", At: time.Now(),
	}
	if err := c.h.Asker.Notify(c.t.Context(), m); err != nil {
		c.t.Fatal(err)
	}
	if c.h.Mute {
		return
	}
	for _, want := range []string{m.Title, "News-Text", "second line"} {
		c.sees(notifier.Prompt{}, want)
	}
}

// fresh checks that what was said to an ended question is no answer to the
// one after it.
func (c conversation) fresh() {
	c.t.Helper()
	c.ask(prompt(notifier.Picture, notifier.Chinese)).open()
}
