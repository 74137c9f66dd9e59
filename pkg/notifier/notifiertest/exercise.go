package notifiertest

import (
	"context"
	"errors"
	"reflect"
	"slices"
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
		{"what a question says", says},
		{"valid answers", valid},
		{"wrong words", wrongWords},
		{"garbled", garbled},
		{"answer at the last moment", lastMoment},
		{"answer after its deadline", late},
		{"second answer", second},
		{"the same answer twice", twice},
		{"written before the question", before},
		{"reply to an older question", older},
		{"reply to a question that was answered wrong", wrong},
		{"reply to a picture that was replaced elsewhere", replacedElsewhere},
		{"reply to an expired question while another is open", lateForAnother},
		{"deadline", deadline},
		{"answered elsewhere", withdrawn},
		{"withdrawn without a reason", stopped},
		{"withdrawn before it is asked", neverAsked},
		{"no deadline", patient},
		{"two questions open", two},
		{"news while a question is open", newsBetween},
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

// says checks what stands in every question: what is wanted, what for, until
// when, and where else it can be answered.
func says(c conversation) {
	for _, kind := range []notifier.Kind{notifier.Picture, notifier.SMS, notifier.QR, notifier.Offer, notifier.App} {
		p := prompt(kind, notifier.Chinese)
		p.Deadline = p.Deadline.In(time.FixedZone("CST", 8*60*60))
		p.How, p.Link = "看图作答 2 5", "https://watch.example/q/"+p.ID[:16]
		a := c.ask(p)
		want := []string{p.Title, p.Text, p.How, p.Deadline.Format(time.TimeOnly)}
		if !c.h.Page {
			want = append(want, p.Link)
		}
		for _, want := range want {
			c.sees(p, want)
		}
		c.h.Reply(p, "x")
		if r, err := a.ended(); err != nil || r.Action != notifier.Cancelled {
			c.t.Fatalf("%s: %+v, %v", kind, r, err)
		}
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
		{notifier.Picture, "４７", notifier.Reply{Action: answered, Picks: []int{4, 7}}},
		{notifier.Picture, "3，6", notifier.Reply{Action: answered, Picks: []int{3, 6}}},
		{notifier.Picture, "4,4", notifier.Reply{Action: answered, Picks: []int{4}}},
		{notifier.Picture, "２５３，３４", notifier.Reply{Action: answered, Points: []notifier.Point{{X: 253, Y: 34}}}},
		{notifier.Picture, "42,38,253,34", notifier.Reply{Action: answered, Points: []notifier.Point{{X: 42, Y: 38}, {X: 253, Y: 34}}}},
		{notifier.Picture, "?", notifier.Reply{Action: notifier.Another}},
		{notifier.Picture, "NEW", notifier.Reply{Action: notifier.Another}},
		{notifier.Picture, "x", notifier.Reply{Action: notifier.Cancelled}},
		{notifier.SMS, "012345", notifier.Reply{Action: answered, Code: "012345"}},
		{notifier.SMS, "取消", notifier.Reply{Action: notifier.Cancelled}},
		{notifier.QR, "换", notifier.Reply{Action: notifier.Another}},
		{notifier.QR, "Cancel", notifier.Reply{Action: notifier.Cancelled}},
		{notifier.Offer, "抢", notifier.Reply{Action: answered, Yes: true}},
		{notifier.Offer, "Book", notifier.Reply{Action: answered, Yes: true}},
		{notifier.Offer, "不要", notifier.Reply{Action: answered}},
		{notifier.Offer, "取消", notifier.Reply{Action: notifier.Cancelled}},
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

// garbled texts of all sorts are no answers to a picture; a few for each, for a
// channel need not explain itself for ever.
func garbled(c conversation) {
	texts := []string{"9", "0", "2 5 x", "42,38,253", "400,20", "一二", "2;5", "-1", "?!", "抢", "123456789", strings.Repeat("2 ", 200)}
	for some := range slices.Chunk(texts, 3) {
		a := c.ask(prompt(notifier.Picture, notifier.Chinese))
		for _, text := range some {
			before := strings.Count(c.h.Sees(a.p), a.p.Accepted())
			c.h.Reply(a.p, text)
			a.open()
			if after := strings.Count(c.h.Sees(a.p), a.p.Accepted()); after <= before {
				c.t.Errorf("%q: not told what is accepted", text)
			}
		}
		c.h.Reply(a.p, "8")
		if r, err := a.ended(); err != nil || !reflect.DeepEqual(r.Picks, []int{8}) {
			c.t.Errorf("the answer after them = %+v, %v", r, err)
		}
	}
}

func lastMoment(c conversation) {
	a := c.ask(prompt(notifier.Picture, notifier.Chinese))
	time.Sleep(timeout - time.Millisecond)
	c.h.Reply(a.p, "6")
	if r, err := a.ended(); err != nil || !reflect.DeepEqual(r.Picks, []int{6}) {
		c.t.Fatalf("the answer = %+v, %v", r, err)
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

// twice sends the very same answer again, as a phone without a network does.
func twice(c conversation) {
	a := c.ask(prompt(notifier.SMS, notifier.Chinese))
	c.h.Reply(a.p, "123456")
	c.h.Reply(a.p, "123456")
	if r, err := a.ended(); err != nil || r.Code != "123456" {
		c.t.Fatalf("the answer = %+v, %v", r, err)
	}
	c.sees(a.p, a.p.Lang.Late())
	other := c.ask(prompt(notifier.SMS, notifier.Chinese))
	c.h.Reply(a.p, "123456")
	other.open()
}

// before has the person write what would be an answer, had it been asked.
func before(c conversation) {
	if c.h.Loose == nil {
		c.t.Skip("nothing counts on this channel that is bound to no question")
	}
	c.h.Loose("25")
	time.Sleep(5 * time.Second)
	a := c.ask(prompt(notifier.Picture, notifier.Chinese))
	time.Sleep(time.Minute)
	a.open()
	c.h.Loose("3")
	if r, err := a.ended(); err != nil || !reflect.DeepEqual(r.Picks, []int{3}) {
		c.t.Fatalf("the answer = %+v, %v", r, err)
	}
}

// wrong answers a picture, whose answer turns out to be wrong, and then once
// more: that is none to the picture which has taken its place.
func wrong(c conversation) {
	first := c.ask(prompt(notifier.Picture, notifier.English))
	c.h.Reply(first.p, "1 2")
	if r, err := first.ended(); err != nil || !reflect.DeepEqual(r.Picks, []int{1, 2}) {
		c.t.Fatalf("the first = %+v, %v", r, err)
	}
	p := prompt(notifier.Picture, notifier.English)
	p.Replaces, p.Wrong = first.p.ID, true
	next := c.ask(p)
	c.h.Reply(first.p, "3 4")
	next.open()
	c.h.Reply(next.p, "5")
	if r, err := next.ended(); err != nil || !reflect.DeepEqual(r.Picks, []int{5}) {
		c.t.Fatalf("the next = %+v, %v", r, err)
	}
}

// replacedElsewhere has another channel ask for a new picture.
func replacedElsewhere(c conversation) {
	first := c.ask(prompt(notifier.Picture, notifier.Chinese))
	reason := &notifier.Closed{Reason: first.p.Lang.EndedBy(notifier.Reply{Action: notifier.Another, By: "Li", Channel: "mail"})}
	first.withdraw(reason)
	first.failed(reason)
	c.sees(first.p, reason.Reason)
	p := prompt(notifier.Picture, notifier.Chinese)
	p.Replaces = first.p.ID
	next := c.ask(p)
	c.h.Reply(first.p, "6")
	next.open()
	c.h.Reply(next.p, "7")
	if r, err := next.ended(); err != nil || !reflect.DeepEqual(r.Picks, []int{7}) {
		c.t.Fatalf("the next = %+v, %v", r, err)
	}
}

func lateForAnother(c conversation) {
	first := c.ask(prompt(notifier.Offer, notifier.Chinese))
	time.Sleep(timeout)
	first.failed(notifier.ErrExpired)
	other := c.ask(prompt(notifier.Offer, notifier.Chinese))
	c.h.Reply(first.p, "抢")
	other.open()
	c.h.Reply(other.p, "不要")
	if r, err := other.ended(); err != nil || r.Yes {
		c.t.Fatalf("the other = %+v, %v", r, err)
	}
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

// neverAsked asks with a context that has ended already.
func neverAsked(c conversation) {
	ctx, cancel := context.WithCancelCause(c.t.Context())
	reason := &notifier.Closed{Reason: "off"}
	cancel(reason)
	begun := time.Now()
	if r, err := c.h.Asker.Ask(ctx, prompt(notifier.Picture, notifier.Chinese)); !errors.Is(err, reason) || time.Since(begun) > 0 {
		c.t.Errorf("Ask = %+v, %v after %v; want %v at once", r, err, time.Since(begun), reason)
	}
	p := prompt(notifier.Picture, notifier.Chinese)
	p.Deadline = time.Now()
	if r, err := c.h.Asker.Ask(c.t.Context(), p); !errors.Is(err, notifier.ErrExpired) || time.Since(begun) > 0 {
		c.t.Errorf("Ask = %+v, %v after %v; want it to be expired at once", r, err, time.Since(begun))
	}
}

// patient asks a question without a deadline.
func patient(c conversation) {
	p := prompt(notifier.App, notifier.English)
	p.Deadline = time.Time{}
	a := c.ask(p)
	time.Sleep(2 * time.Hour)
	a.open()
	c.h.Reply(p, "done")
	if r, err := a.ended(); err != nil || !r.Yes {
		c.t.Fatalf("the answer = %+v, %v", r, err)
	}
}

// newsBetween tells something while a question is open.
func newsBetween(c conversation) {
	a := c.ask(prompt(notifier.Offer, notifier.Chinese))
	news(c)
	a.open()
	c.h.Reply(a.p, "抢")
	if r, err := a.ended(); err != nil || !r.Yes {
		c.t.Fatalf("the answer = %+v, %v", r, err)
	}
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
