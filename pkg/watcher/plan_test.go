package watcher

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// BenchmarkPlan measures what every look costs before it is asked: 10 distinct
// journeys, whatever the number of rules.
func BenchmarkPlan(b *testing.B) {
	for _, n := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := planWatcher(b)
			today := twelve306.DateOf(time.Now())
			rules := make([]Rule, n)
			for i := range rules {
				rules[i] = homeRule(func(r *Rule) {
					r.Name = fmt.Sprint("rule ", i)
					r.Dates = []twelve306.Date{today.AddDays(i % 10)}
				})
			}
			w.setRules(rules)
			b.ReportAllocs()
			for b.Loop() {
				if next, _ := w.plan(time.Now()); next == nil {
					b.Fatal("nothing to ask")
				}
			}
		})
	}
}

// crowd is n rules, each of a day and a pair of stations of its own, far enough
// away to weigh the same.
func crowd(n int, change func(i int, r *Rule)) []Rule {
	all := twelve306.BuiltinStations()
	codes := []string{"IZQ", "WHN", "BJP", "SHH", "NJH", "HZH", "CDW", "XAY", "CSQ", "ZZF"}
	rules := make([]Rule, n)
	for i := range rules {
		rules[i] = homeRule(notifies, func(r *Rule) {
			r.Name = fmt.Sprint("rule ", i)
			r.Dates = []twelve306.Date{twelve306.DateOf(time.Now()).AddDays(8 + i%5)}
			from, _ := all.Lookup(codes[i/5%10])
			to, _ := all.Lookup(codes[(i/5%10+1+i/50)%10])
			r.From, r.To = []twelve306.Station{from}, []twelve306.Station{to}
			if change != nil {
				change(i, r)
			}
		})
	}
	return rules
}

// takeTurns plays that each look takes the pace's gap and returns when each query
// was asked.
func takeTurns(w *Watcher, turns int, gap time.Duration) map[twelve306.Journey][]time.Time {
	out := map[twelve306.Journey][]time.Time{}
	for range turns {
		q, at := w.plan(time.Now())
		time.Sleep(max(time.Until(at), 0))
		q.asked = time.Now()
		w.planner.asks(q)
		out[q.journey] = append(out[q.journey], q.asked)
		time.Sleep(gap)
	}
	return out
}

// When there is more to ask than can be, each step of priority is worth twice
// as many looks, a train of today four times as many as one in a week.
func TestPlanShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := planWatcher(t)
		rules := crowd(20, func(i int, r *Rule) {
			today := twelve306.DateOf(time.Now())
			switch i {
			case 0:
				r.Dates[0] = today.AddDays(1)
			case 1:
				r.Dates[0] = today.AddDays(4)
			case 2:
				r.Priority = 1
			case 3:
				r.Priority = -1
			}
		})
		w.setRules(rules)
		const turns = 4000
		got := takeTurns(w, turns, 4*time.Second)
		ordinary := float64(len(got[rules[10].Journeys()[0]]))
		for i, want := range []float64{4, 2, 2, 0.5, 1, 1} {
			n := float64(len(got[rules[i].Journeys()[0]]))
			// Every fourth look goes by time alone, which draws the shares together.
			if share := n / ordinary; share < min(want*0.7, want*1.1) || share > max(want*1.7, 1.1) && want <= 1 || share > want*1.1 && want > 1 {
				t.Errorf("rule %d is asked %.2f times as often as others, want about %v", i, share, want)
			}
		}
		if n := len(got); n != 20 {
			t.Errorf("%d of 20 queries were asked", n)
		}
	})
}

// No query waits for more than fairTurn rounds, whatever the others weigh; and
// among equals nobody waits longer than a round.
func TestPlanStarvesNobody(t *testing.T) {
	for _, tt := range []struct {
		name   string
		rounds int
		change func(i int, r *Rule)
	}{
		{"equals", 1, nil},
		{"one against the highest", fairTurn, func(i int, r *Rule) {
			r.Priority, r.Dates = MaxPriority, []twelve306.Date{twelve306.DateOf(time.Now())}
			if i == 7 {
				r.Priority, r.Dates[0] = -MaxPriority, r.Dates[0].AddDays(12)
			}
		}},
		{"all sorts", fairTurn, func(i int, r *Rule) {
			r.Priority = i%(2*MaxPriority+1) - MaxPriority
			r.Dates[0] = twelve306.DateOf(time.Now()).AddDays(i % 13)
		}},
		{"schedules", fairTurn, func(i int, r *Rule) {
			r.Schedule, _ = ParseSchedule([]string{"@every 1s", "@every 20s", "* * * * *", "*/10 * * * * *", "@every 5m"}[i%5], twelve306.Shanghai())
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := planWatcher(t)
				const n, gap = 50, 4 * time.Second
				rules := crowd(n, tt.change)
				w.setRules(rules)
				got := takeTurns(w, 40*n, gap)
				for i := range rules {
					// What it waits for its own next time is not waiting in line.
					own, even := Interval(rules[i].Schedule)
					if !even {
						own = time.Minute
					}
					most := own*11/10 + time.Duration(tt.rounds*len(got)+1)*gap
					list := got[rules[i].Journeys()[0]]
					for k := 1; k < len(list); k++ {
						if d := list[k].Sub(list[k-1]); d > most {
							t.Errorf("rule %d (%v) waited %v, want no more than %v", i, rules[i].Schedule, d, most)
							break
						}
					}
					if len(list) < 2 {
						t.Errorf("rule %d was asked %d times", i, len(list))
					}
				}
			})
		})
	}
}

// A look that is due by the clock and cannot be made then is made as soon as
// possible, once.
func TestPlanMakesUpForATick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := planWatcher(t)
		hourly, err := ParseSchedule("0 * * * *", twelve306.Shanghai())
		if err != nil {
			t.Fatal(err)
		}
		rules := crowd(1, func(_ int, r *Rule) { r.Schedule = hourly })
		w.setRules(rules)
		_, at := w.plan(time.Now()) // 08:00:00
		if want := time.Now().Add(time.Hour); !at.Equal(want) {
			t.Fatalf("the first at %v, want %v", at, want)
		}
		time.Sleep(3*time.Hour + 10*time.Minute) // the budget was spent all the time
		q, at := w.plan(time.Now())
		if at.After(time.Now()) {
			t.Fatalf("a missed tick is due at %v", at)
		}
		q.asked = time.Now()
		if _, at = w.plan(time.Now()); !at.Equal(q.asked.Add(50 * time.Minute)) {
			t.Errorf("after that at %v", at)
		}
		w.opt.Hours = Window{6 * 60, 12 * 60}
		time.Sleep(2 * time.Hour) // 13:10, and 12:00 was missed
		if _, at = w.plan(time.Now()); !at.Equal(time.Date(2000, 1, 2, 6, 0, 0, 0, twelve306.Shanghai())) {
			t.Errorf("what was missed before the night is due at %v", at)
		}
	})
}

// Gaps sway by a tenth, so that looks are spread and never on the beat.
func TestPlanSways(t *testing.T) {
	play(t, setup{sim: calm(), session: "none", rules: []Rule{homeRule(notifies, func(r *Rule) {
		r.Schedule = every{"@every 1m", time.Minute, twelve306.Shanghai()}
	})}}, func(s *scene) {
		s.start()
		s.pass(24 * time.Hour)
		var last time.Time
		seconds := map[int]int{}
		n, early, late := 0, 0, 0
		for _, r := range s.site.Requests() {
			if r.Step != railsim.StepQuery {
				continue
			}
			if d := r.At.Sub(last); !last.IsZero() {
				switch {
				case d < 54*time.Second || d > 66*time.Second:
					t.Errorf("a look after %v", d)
				case d < 57*time.Second:
					early++
				case d > 63*time.Second:
					late++
				}
			}
			last = r.At
			seconds[r.At.Second()/10]++
			n++
		}
		if n < 1400 || n > 1480 || early < n/10 || late < n/10 {
			t.Errorf("%d looks, %d early, %d late", n, early, late)
		}
		// The second of the minute walks at random: after a day it has been
		// everywhere, though not everywhere as often.
		if len(seconds) < 6 {
			t.Errorf("looks by tens of seconds: %v", seconds)
		}
	})
}

// planWatcher is a Watcher that only plans.
func planWatcher(t testing.TB) *Watcher {
	client, err := twelve306.New(twelve306.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &Watcher{opt: Options{Location: twelve306.Shanghai()}, state: NewState(), byName: map[string]*watched{}, client: client,
		copies: &captures{dir: t.TempDir(), log: zap.NewNop()}, log: zap.NewNop(), say: speaker{notifier.Chinese, twelve306.Shanghai()}}
}
