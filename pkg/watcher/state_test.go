package watcher

import (
	"reflect"
	"strconv"
	"testing"
	"time"

	"go.uber.org/zap"
	"pgregory.net/rapid"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher/internal/store"
)

var allKinds = []EventKind{AttemptBegun, QuestionOpened, AnswerUsed, Confirming, Unsent, Queued, Doubt, Numbered, Booked, Failed,
	Paid, Expired, Cancelled, Reminded, Seen, Declined, Paused, Resumed, HeldElsewhere, Renamed, OtherAccount}

// Fold takes any order of events without a panic, and whatever the order, a
// rule whose attempt may hold something is done.
func TestFoldAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := NewState()
		at := time.Unix(946684800, 0)
		for range rapid.IntRange(0, 40).Draw(t, "events") {
			at = at.Add(time.Second)
			e := Event{At: at, Kind: rapid.SampledFrom(append(allKinds, "newer")).Draw(t, "kind"),
				Rule: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "rule"), Attempt: rapid.SampledFrom([]string{"", "1", "2", "3"}).Draw(t, "attempt")}
			if rapid.Bool().Draw(t, "trip") {
				e.Trip = &Trip{Train: "G1", Passengers: []string{"张三"}, Seat: twelve306.SecondClass}
			}
			if rapid.Bool().Draw(t, "order") {
				e.Order = &HeldOrder{Number: "E1", PayBy: at.Add(time.Hour)}
			}
			if rapid.Bool().Draw(t, "accounts") {
				e.Before, e.Who = "mine", rapid.SampledFrom([]string{"mine", "other"}).Draw(t, "who")
			}
			err := s.Fold(e)
			if e.Kind == "newer" && err == nil {
				t.Fatal("an unknown kind was folded")
			}
			if err == nil && (e.Kind == Confirming || e.Kind == Booked) && !s.Done(s.byID[e.Attempt].Rule) {
				t.Fatalf("after %s the rule is not done", e.Kind)
			}
			if o := s.Open(); o != nil && o.State != StateConfirm && o.State != StateQueued {
				t.Fatalf("open and %s", o.State)
			}
			for _, a := range s.Held() {
				reminders(a)
			}
			s.Orders(twelve306.Shanghai())
		}
	})
}

// What is written is what is read.
func TestEventRoundTrip(t *testing.T) {
	trip := Trip{Train: "G1110", Date: feb3, From: "广州南", To: "武汉", Seat: twelve306.SecondClass, Passengers: []string{"张三"}, PriceTenth: 4635}
	for _, kind := range allKinds {
		e := Event{At: time.UnixMilli(946684800123).UTC(), Kind: kind, Rule: "回家", Attempt: "1", Trip: &trip, Why: "x", Step: "half", Before: "a", Who: "b", Order: trip.asked("E1", time.Unix(1, 0).UTC())}
		got, err := readEvent(e.record())
		if err != nil {
			t.Fatal(err)
		}
		if a, b := string(e.record().Data), string(got.record().Data); a != b {
			t.Errorf("%s\n%s", a, b)
		}
	}
}

// A seat that can never be had fails once a minute for weeks: neither the state
// nor the journal grows with it, and what is left of the journal leads to the
// same state. Orders are kept whatever their age.
func TestFailedAttemptsAreForgotten(t *testing.T) {
	w := &Watcher{state: NewState(), log: zap.NewNop(), meter: newMeter()}
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	w.store = st
	trip := &Trip{Train: "G1", Passengers: []string{"张三"}, Seat: twelve306.SecondClass}
	now := time.Now().Truncate(time.Millisecond)
	at := now.Add(-20 * 24 * time.Hour)
	write := func(list ...Event) {
		t.Helper()
		var records []store.Record
		w.fold(list)
		for _, e := range list {
			records = append(records, e.record())
		}
		if err := st.Append(records, nil); err != nil {
			t.Fatal(err)
		}
	}
	attempt := func(id string, end Event) {
		end.At, end.Rule, end.Attempt = at.Add(time.Second), "a", id
		write(Event{At: at, Kind: AttemptBegun, Rule: "a", Attempt: id, Trip: trip}, Event{At: at, Kind: Confirming, Rule: "a", Attempt: id}, end)
	}
	attempt("order", Event{Kind: Booked, Order: trip.asked("E1", at)})
	write(Event{At: at, Kind: Expired, Rule: "a", Attempt: "order", Order: trip.asked("E1", at)}, Event{At: at, Kind: Resumed, Rule: "a"})
	for n := 0; at.Before(now); n++ {
		at = at.Add(20 * time.Minute)
		attempt("failed-"+strconv.Itoa(n), Event{Kind: Failed, Why: "没有足够的票!"})
		if n := len(w.state.Attempts); n > mostFailed+5 {
			t.Fatalf("%d attempts are remembered", n)
		}
	}
	same := func(s *State) {
		t.Helper()
		a, b := w.state.Orders(twelve306.Shanghai()), s.Orders(twelve306.Shanghai())
		if !reflect.DeepEqual(a, b) {
			t.Errorf("%d orders, the journal tells of %d", len(a), len(b))
		}
		if last := b[len(b)-1]; last.Number != "E1" || last.State != StateExpired || s.Done("a") || len(s.byID) != len(s.Attempts) {
			t.Errorf("the oldest is %+v", last)
		}
		if newest := w.state.Attempts[len(w.state.Attempts)-1]; s.byID[newest.ID] == nil || s.last["a"].ID != newest.ID {
			t.Error("the newest attempt is forgotten")
		}
	}
	events := func() (n int) {
		s := NewState()
		if err := st.Events(func(r store.Record) error {
			n++
			e, err := readEvent(r)
			if err == nil {
				err = s.Fold(e) // and every journal can be read
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return n
	}
	w.state.prune(now)
	before := events()
	w.forgetOld()
	after := events()
	if week := 7*24*3*3 + 4*3 + 10; before < 4000 || after > week {
		t.Errorf("%d events before, %d after", before, after)
	}
	again := &Watcher{state: NewState(), log: zap.NewNop(), store: st}
	if err := again.replay(); err != nil {
		t.Fatal(err)
	}
	same(again.state)
}

// Within a day no failed attempt is forgotten: an order that one of them made
// after all is still found.
func TestFailedAttemptsOfTheDayAreKept(t *testing.T) {
	s := NewState()
	at := time.Unix(946684800, 0)
	for n := range 1000 {
		id := strconv.Itoa(n)
		for _, e := range []Event{{Kind: AttemptBegun, Trip: &Trip{Train: "G1"}}, {Kind: Confirming}, {Kind: Failed}} {
			e.At, e.Rule, e.Attempt = at.Add(time.Duration(n)*time.Minute), "a", id
			if err := s.Fold(e); err != nil {
				t.Fatal(err)
			}
		}
		s.prune(at.Add(time.Duration(n) * time.Minute))
	}
	if len(s.Attempts) != 1000 {
		t.Errorf("%d attempts are remembered", len(s.Attempts))
	}
}
