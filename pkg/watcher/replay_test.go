package watcher

import (
	"fmt"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher/internal/store"
)

// A journal of years is short: what led to nothing is dropped after a week, and
// what is derived from the rest stays the same.
func TestOldTriviaAreDropped(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, err := store.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		trip := Trip{Train: "G1110", Date: feb3, Seat: twelve306.SecondClass, Passengers: []string{"张三"}}
		write := func(list ...Event) {
			for _, e := range list {
				e.At, e.Rule = time.Now(), "回家"
				if err := s.Append([]store.Record{e.record()}, nil); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(time.Hour) // of virtual time
		}
		vain := func(n int) string { return fmt.Sprint("vain", n) }
		for n := range 400 {
			write(Event{Kind: AttemptBegun, Attempt: vain(n), Trip: &trip}, Event{Kind: QuestionOpened, Attempt: vain(n), Question: "q"},
				Event{Kind: AnswerUsed, Question: "q"}, Event{Kind: Failed, Attempt: vain(n)})
		}
		write(Event{Kind: AttemptBegun, Attempt: "real", Trip: &trip}, Event{Kind: Confirming, Attempt: "real"},
			Event{Kind: Booked, Attempt: "real", Order: trip.asked("E1", time.Now())}, Event{Kind: Paused})
		for n := range 400 {
			write(Event{Kind: AttemptBegun, Attempt: vain(400 + n), Trip: &trip})
		}
		read := func() (*State, int) {
			w := &Watcher{store: s, state: NewState(), log: zap.NewNop()}
			if err := w.replay(); err != nil {
				t.Fatal(err)
			}
			n := 0
			if err := s.Events(func(store.Record) error { n++; return nil }); err != nil {
				t.Fatal(err)
			}
			return w.state, n
		}
		first, n := read()
		second, m := read()
		if n != m || n < 4+100 || n > 4+200 {
			t.Errorf("%d, then %d events are kept", n, m)
		}
		if !reflect.DeepEqual(first, second) || !second.Done("回家") || !second.Paused("回家") || len(second.Held()) != 1 {
			t.Errorf("%+v, then %+v", first, second)
		}
	})
}

// An attempt that straddles the limit is kept whole: its end would speak of an
// attempt that never began, and the daemon would not start.
func TestAnAttemptIsDroppedWhole(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, err := store.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		write := func(e Event) {
			e.At, e.Rule = time.Now(), "回家"
			if err := s.Append([]store.Record{e.record()}, nil); err != nil {
				t.Fatal(err)
			}
		}
		trip := Trip{Train: "G1110", Date: feb3, Seat: twelve306.SecondClass, Passengers: []string{"张三"}}
		write(Event{Kind: AttemptBegun, Attempt: "a", Trip: &trip})
		time.Sleep(2 * time.Minute) // of virtual time
		write(Event{Kind: Failed, Attempt: "a"})
		write(Event{Kind: AttemptBegun, Attempt: "b", Trip: &trip})
		time.Sleep(trivialAge - time.Minute)
		for range 2 {
			w := &Watcher{store: s, state: NewState(), log: zap.NewNop()}
			if err := w.replay(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
