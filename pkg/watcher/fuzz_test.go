package watcher

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher/internal/store"
)

// FuzzFold folds journals of any events, four bytes each, but for a second
// attempt or order beside an open one, which nothing ever writes. The rule of an attempt
// that holds or may hold something is done, one attempt at most is open, and
// the same journal gives the same state.
func FuzzFold(f *testing.F) {
	kind := func(k EventKind) byte {
		for i := range allKinds {
			if allKinds[i] == k {
				return byte(i)
			}
		}
		panic(k)
	}
	story := func(kinds ...EventKind) (b []byte) {
		for _, k := range kinds {
			b = append(b, kind(k), 1, 0, 0xff)
		}
		return b
	}
	f.Add(story(AttemptBegun, QuestionOpened, AnswerUsed, Confirming, Queued, Numbered, Booked, Reminded, Seen, Paid))
	f.Add(story(AttemptBegun, Confirming, Unsent, Confirming, Doubt, Failed, AttemptBegun, Confirming, Booked, Expired, Declined, Resumed))
	f.Add(append(story(AttemptBegun, Confirming), kind(AttemptBegun), 2, 1, 0xff, kind(Confirming), 2, 1, 0))
	f.Add(append(story(HeldElsewhere, Resumed, Booked, Cancelled), 0xff, 0, 0, 0))
	f.Fuzz(func(t *testing.T, journal []byte) {
		s, again := NewState(), NewState()
		at := time.Unix(1800000000, 0)
		for ; len(journal) >= 4; journal = journal[4:] {
			e := Event{At: at, Kind: "newer", Rule: []string{"a", "b"}[journal[2]%2], Attempt: []string{"", "1", "2", "3"}[journal[1]%4], Question: "q"}
			if at = at.Add(time.Second); int(journal[0]) < len(allKinds) {
				e.Kind = allKinds[journal[0]]
			}
			if journal[3]&1 != 0 {
				e.Trip = &Trip{Train: "G1", Passengers: []string{"张三"}, Seat: twelve306.SecondClass, Date: feb3}
			}
			if journal[3]&2 != 0 {
				e.Order = &HeldOrder{Number: "E1", PayBy: at.Add(time.Hour)}
			}
			if o := s.Open(); o != nil && (e.Kind == AttemptBegun || o.ID != e.Attempt && (e.Kind == Confirming || e.Kind == Queued || e.Kind == Numbered)) {
				continue
			}
			e, err := readEvent(e.record())
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Fold(e); err != nil {
				continue
			}
			if e.Kind == "newer" {
				t.Fatal("an unknown kind was folded")
			}
			if err := again.Fold(e); err != nil {
				t.Fatalf("%s, folded without what was refused: %v", e.Kind, err)
			}
			open := 0
			for _, a := range s.Attempts {
				if a.open() {
					open++
				}
			}
			if open > 1 || (open == 1) != (s.Open() != nil) {
				t.Fatalf("%d open attempts after %s", open, e.Kind)
			}
			if (e.Kind == Confirming || e.Kind == Booked) && !s.Done(s.byID[e.Attempt].Rule) {
				t.Fatalf("after %s the rule is not done", e.Kind)
			}
			for _, a := range s.Held() {
				if a.State != StateBooked {
					t.Fatalf("held and %s", a.State)
				}
				reminders(a)
			}
		}
		a, err := json.Marshal(s.Orders(twelve306.Shanghai()))
		if err != nil {
			t.Fatal(err)
		}
		if b, _ := json.Marshal(again.Orders(twelve306.Shanghai())); string(a) != string(b) {
			t.Fatalf("%s\n%s", a, b)
		}
	})
}

// What can be read can be written, to the same effect, and shown.
func FuzzReadEvent(f *testing.F) {
	f.Add(Event{Kind: HeldElsewhere, Order: heldOrder(twelve306.Order{Number: "E1", Tickets: []twelve306.Ticket{{}}})}.record().Data)
	f.Add([]byte(`{"at":"2027-01-01T00:00:00Z","kind":"booked","attempt":"1","order":{"number":"E1","date":"2027-02-03"}}`))
	f.Add([]byte(`{"kind":"attempt_begun","attempt":"1","trip":{"passengers":null}}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := readEvent(store.Record{Seq: 1, Data: data})
		if err != nil {
			return
		}
		if o := e.Order; e.At.Year() >= 9999 || o != nil && (o.PayBy.Year() >= 9999 || o.Since.Year() >= 9999) {
			return // 12306's moments are all before; in another zone that year has no end
		}
		again, err := readEvent(e.record())
		if a, b := string(e.record().Data), string(again.record().Data); err != nil || a != b {
			t.Fatalf("%s\n%s, %v", a, b, err)
		}
		s := NewState()
		_ = s.Fold(Event{Kind: AttemptBegun, Attempt: e.Attempt, Trip: &Trip{}})
		_ = s.Fold(e)
		if _, err := json.Marshal(s.Orders(twelve306.Shanghai())); err != nil {
			t.Fatal(err)
		}
	})
}

// answers is a channel that answers every message with an error.
type answers struct {
	err  error
	told []notifier.Message
}

func (a *answers) Notify(_ context.Context, m notifier.Message) error {
	a.told = append(a.told, m)
	return a.err
}

// FuzzOutbox: stored bytes that are no message are given up, others are told
// as they were stored, and nothing but "never" loses one.
func FuzzOutbox(f *testing.F) {
	for _, m := range []notifier.Message{
		{ID: "1", Kind: string(NewsBooked), Title: "抢到了", Text: "E123\n", Loud: true, Order: json.RawMessage(`{"number":"E1"}`)},
		{ID: "2", Kind: string(NewsSeats), Rule: "回家", Title: "\u0000<b>"},
	} {
		b, err := json.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, int64(35*time.Second), byte(1), int64(time.Hour))
		f.Add(b, int64(-1), byte(1), int64(0))
		f.Add(b, int64(0), byte(2), int64(48*time.Hour))
	}
	f.Add([]byte(`{"Order":null,"At":"9999-12-31T23:59:59-12:00"}`), int64(1)<<62, byte(1), int64(-1))
	f.Add([]byte("\x00\x01"), int64(0), byte(0), int64(0))
	f.Fuzz(func(t *testing.T, data []byte, retry int64, how byte, age int64) {
		var err error
		switch how % 4 {
		case 1, 2:
			err = &notifier.Error{Channel: "x", Err: errors.New("no"), RetryAfter: time.Duration(retry), Permanent: how%4 == 2}
		case 3:
			err = context.DeadlineExceeded
		}
		c := &answers{err: err}
		var want notifier.Message
		garbage := json.Unmarshal(data, &want) != nil
		old := max(time.Duration(age)%(1000*time.Hour), 0).Truncate(time.Hour) + time.Minute // never on a limit
		pause, got := new(Watcher).send(t.Context(), notifier.Channel{Name: "x", Notifier: c}, &store.Outgoing{Channel: "x", At: time.Now().Add(-old), Data: data})
		switch {
		case garbage:
			if len(c.told) != 0 || pause >= 0 || got == nil {
				t.Fatalf("garbage: told %d, pause %v, %v", len(c.told), pause, got)
			}
			return
		case want.Kind == string(NewsSeats) && old > stale:
			if len(c.told) != 0 || pause >= 0 {
				t.Fatal("seats of yesterday are told")
			}
			return
		}
		if string(want.Order) == "null" {
			want.Order = nil
		}
		if len(c.told) != 1 || !reflect.DeepEqual(c.told[0], want) || !errors.Is(got, err) {
			t.Fatalf("told %+v, want %+v; %v", c.told, want, got)
		}
		if never := how%4 == 2 && !(want.Loud && old < patience); (pause < 0) != never || pause > longestPause {
			t.Fatalf("%v, loud %v: pause %v", err, want.Loud, pause)
		}
	})
}

// FuzzParseWindow: a part of the day is read back as it prints, and what has
// opened is open.
func FuzzParseWindow(f *testing.F) {
	for _, s := range []string{"08:00-14:00", "22:00－02:00", "8:00至24:00", "24:00-00:00", "00:00-24:00", "05:00-05:00", "", "０８：００~14:00", "-", "99:99-1:00", ":-:"} {
		f.Add(s, 75)
	}
	f.Fuzz(func(t *testing.T, text string, minute int) {
		w, err := ParseWindow(text)
		if err != nil {
			if w != (Window{}) || !utf8.ValidString(err.Error()) || strings.ContainsFunc(err.Error(), unicode.IsControl) {
				t.Fatalf("%v beside %v", w, err)
			}
			return
		}
		if again, err := ParseWindow(w.String()); err != nil || again != w {
			t.Fatalf("%q is %v, and that is %v, %v", text, w, again, err)
		}
		if w.From < 0 || w.From >= minutesPerDay || w.To < 0 || w.To > minutesPerDay {
			t.Fatalf("%q is %+v", text, w)
		}
		at := time.Date(2027, 2, 3, 0, 0, 0, 0, twelve306.Shanghai()).Add(time.Duration(minute%minutesPerDay) * time.Minute)
		if next := w.NextOpen(at); !w.Open(next) || next.Before(at) || next.Sub(at) > 24*time.Hour || w.Open(at) && !w.Contains(at.Hour()*60+at.Minute()) {
			t.Fatalf("%v opens after %v at %v", w, at, next)
		}
	})
}

// FuzzParseTrains: train numbers are read back as they print, and match as the
// same regular expression does.
func FuzzParseTrains(f *testing.F) {
	f.Add("G1110\nG11*\n!G1112", "G1110")
	f.Add("ｇ１１＊\n！d3*", "D312")
	f.Add("*1*1*\n!*7", "1117")
	f.Add("K次\nX1\nG\n!\n", "")
	f.Fuzz(func(t *testing.T, text, code string) {
		list := strings.Split(text, "\n")
		p, errs := ParseTrains(list)
		for _, err := range errs {
			if err != nil && (!utf8.ValidString(err.Error()) || strings.ContainsFunc(err.Error(), unicode.IsControl)) {
				t.Fatal(err)
			}
		}
		if errs != nil {
			return
		}
		if again, errs := ParseTrains(strings.Split(p.String(), ", ")); errs != nil || again.String() != p.String() {
			t.Fatalf("%q is %v, and that is %v, %v", text, p, again, errs)
		}
		if len(p.Wanted())+len(p.Excluded()) != len(list) || strings.Trim(p.String(), "!*, 0123456789"+trainLetters) != "" {
			t.Fatalf("%q is %v", text, p)
		}
		match := func(patterns []string) (at int) {
			for i, w := range patterns {
				if regexp.MustCompile(`(?s)^` + strings.ReplaceAll(w, "*", ".*") + `$`).MatchString(strings.ToValidUTF8(code, "?")) {
					return i
				}
			}
			return -1
		}
		wanted, excluded := match(p.Wanted()), match(p.Excluded()) >= 0
		rank, ok := p.Rank(strings.ToValidUTF8(code, "?"))
		if want := !excluded && (len(p.Wanted()) == 0 || wanted >= 0); ok != want || ok && len(p.Wanted()) > 0 && rank != wanted {
			t.Fatalf("%v ranks %q %d, %v", p, code, rank, ok)
		}
	})
}

// FuzzPosts: whatever stands in the state folder, a count is one of the
// password in force, and never less than nothing.
func FuzzPosts(f *testing.F) {
	f.Add([]byte(`{"password":"a","n":3,"told":true}`))
	f.Add([]byte(`{"password":"b","n":3}`))
	f.Add([]byte(`{"password":"a","n":-3}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, kept []byte) {
		if p := readPosts(kept, "a"); p.Password != "a" || p.N < 0 {
			t.Errorf("%q is read as %+v", kept, p)
		}
	})
}
