package watcher

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/watcherd/watcherd/pkg/twelve306"
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
