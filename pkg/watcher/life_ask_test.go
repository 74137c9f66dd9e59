package watcher

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// The history is read beside a running daemon, after its end, and after a
// kill; it says what the daemon says.
func TestHistory(t *testing.T) {
	if list, err := History(filepath.Join(t.TempDir(), "none"), twelve306.Shanghai()); list == nil || len(list) != 0 || err != nil {
		t.Fatalf("of no folder: %v, %v", list, err)
	}
	held(t, func(s *scene, o railsim.Order) {
		read := func() []OrderView {
			t.Helper()
			list, err := History(s.dir, twelve306.Shanghai())
			if err != nil {
				t.Fatal(err)
			}
			return list
		}
		daemon := func() []OrderView {
			w := s.now().w
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.state.Orders(twelve306.Shanghai())
		}
		beside := read()
		if len(beside) != 1 || beside[0].State != StateBooked || beside[0].Number != o.Number || !reflect.DeepEqual(beside, daemon()) {
			t.Errorf("%+v, the daemon says %+v", beside, daemon())
		}
		s.kill()
		if after := read(); !reflect.DeepEqual(after, beside) {
			t.Errorf("after a kill: %+v", after)
		}
		s.until("a life", time.Minute, func() bool { return !s.now().dead.Load() })
		s.untilTold(NewsBooked, 2, 2*time.Hour) // the first expired, and the user said to look again
		two := read()
		if len(two) != 2 || two[0].State != StateBooked || two[1].State != StateExpired || !two[0].At.After(two[1].At) {
			t.Errorf("newest first: %+v", two)
		}
		s.stop(s.now())
		if after := read(); !reflect.DeepEqual(after, two) {
			t.Errorf("after a stop: %+v", after)
		}
	})
	// A journal that nobody can fold is an error, not an empty history.
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "watcherd.db"), []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if list, err := History(dir, twelve306.Shanghai()); err == nil {
		t.Errorf("%v", list)
	}
}

// A look on demand waits its turn in the daemon's pace, changes nothing, and
// is not made at night.
func TestLook(t *testing.T) {
	t.Parallel()
	rule := homeRule(func(r *Rule) { r.To = append(r.To, hankou) })
	night := Window{From: 5 * 60, To: 23 * 60}
	play(t, setup{sim: calm(), session: "none", rules: []Rule{rule}, change: func(o *Options) { o.Hours = night }}, func(s *scene) {
		l := s.start()
		s.until("looks", time.Minute, func() bool { return s.site.Count(railsim.StepQuery) > 4 })
		before, began := s.site.Count(railsim.StepQuery), time.Now()
		list, err := l.w.Look(s.t.Context(), "回家", twelve306.Date{}, notifier.English)
		if err != nil || len(list) != 1 {
			t.Fatalf("%+v, %v", list, err)
		}
		if v := list[0]; v.Train != "G1110" || v.OK || v.Reason == nil || v.Reason.Kind != NoSeat || v.Reason.Words != "second class sold out" || v.Left != "无" {
			t.Errorf("%+v", v)
		}
		if made := s.site.Count(railsim.StepQuery) - before; made < 2 || time.Since(began) < 3*time.Second*time.Duration(made-1) {
			t.Errorf("%d looks in %v", made, time.Since(began))
		}
		s.sell(7)
		told := len(s.phone.told(NewsSeats))
		if list, err = l.w.Look(s.t.Context(), "回家", day, notifier.Chinese); err != nil || len(list) != 1 || !list[0].OK || list[0].Seat != "二等座" || list[0].Left != "7" || list[0].Reason != nil {
			t.Errorf("%+v, %v", list, err)
		}
		s.untilTold(NewsSeats, told+1, time.Minute)
		if _, err := l.w.Look(s.t.Context(), "回", day, notifier.Chinese); !isA[*UnknownRule](err) {
			t.Errorf("a rule that is not there: %v", err)
		}
		ctx, cancel := context.WithCancel(s.t.Context())
		cancel()
		if _, err := l.w.Look(ctx, "回家", day, notifier.Chinese); !errors.Is(err, context.Canceled) {
			t.Errorf("given up: %v", err)
		}
		s.pass(15*time.Hour + time.Minute - time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)))
		before = s.site.Count(railsim.StepQuery)
		if _, err := l.w.Look(s.t.Context(), "回家", day, notifier.Chinese); !isA[*OutOfHours](err) || !strings.Contains(err.Error(), "05:00") {
			t.Errorf("at night: %v", err)
		}
		if s.site.Count(railsim.StepQuery) != before {
			t.Error("12306 was asked at night")
		}
	})
}

func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// The best comes first, then what comes nearest; one pair of stations that
// fails does not hide the other.
func TestExplainOrder(t *testing.T) {
	r := testRule(func(r *Rule) {
		r.Trains = patterns(t, "G9", "G1*", "!G13")
		r.Seats = []twelve306.Seat{twelve306.SecondClass, twelve306.FirstClass}
		r.Depart, r.Passengers = Window{8 * 60, 20 * 60}, []string{"张三", "李四"}
		r.To = append(r.To, hankou)
	})
	trains := []twelve306.Train{
		testTrain(t, fields{fCode: "G13"}),
		testTrain(t, fields{fCode: "D1"}),
		testTrain(t, fields{fCode: "G11", fDepart: "21:00"}),
		testTrain(t, fields{fCode: "G12", fSecond: "无"}),
		testTrain(t, fields{fCode: "G14", fSecond: "1"}),
		testTrain(t, fields{fCode: "G15", fSecond: "无", fFirst: "5"}),
		testTrain(t, fields{fCode: "G16", fDepart: "09:00"}),
		testTrain(t, fields{fCode: "G17", fDepart: "08:30"}),
		testTrain(t, fields{fCode: "G9", fSecond: "20"}),
	}
	broken := errors.New("broken")
	query := func(_ context.Context, j twelve306.Journey) ([]twelve306.Train, error) {
		if j.To == hankou {
			return nil, broken
		}
		return trains, nil
	}
	list, err := r.Look(t.Context(), query, feb3, notifier.English)
	if !errors.Is(err, broken) {
		t.Errorf("the failure of the other pair: %v", err)
	}
	var got []string
	for _, v := range list {
		why := ""
		if v.Reason != nil {
			why = " " + string(v.Reason.Kind)
		}
		got = append(got, v.Train+why)
	}
	want := []string{"G9", "G17", "G16", "G15", "G14 too_few", "G12 no_seat", "G11 departs", "D1 not_wanted", "G13 excluded"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	past := testRule(func(r *Rule) { r.Dates = []twelve306.Date{{Year: 2020, Month: 1, Day: 1}} })
	if _, err := past.Look(t.Context(), query, twelve306.Date{}, notifier.English); !isA[*NoDay](err) {
		t.Errorf("a rule that is past: %v", err)
	}
}
