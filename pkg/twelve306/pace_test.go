package twelve306

import (
	"context"
	"math"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

func take(t *testing.T, p *Pace, c class) time.Time {
	t.Helper()
	if err := p.wait(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return time.Now()
}

// TestPaceGap: queries are never closer than MinInterval, a little further
// apart at random, and nothing else waits for it.
func TestPaceGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const gap = 3 * time.Second
		p := NewPace(PaceConfig{MinInterval: gap})
		last := take(t, p, classLook)
		exact := 0
		for range 200 {
			for _, c := range []class{classOrder, classAgain} {
				before := time.Now()
				if at := take(t, p, c); !at.Equal(before) {
					t.Fatalf("class %d waited %v", c, at.Sub(before))
				}
			}
			at := take(t, p, classLook)
			switch d := at.Sub(last); {
			case d < gap || d > gap+gap/10:
				t.Fatalf("a query after %v", d)
			case d == gap:
				exact++
			}
			last = at
		}
		if exact > 10 {
			t.Errorf("%d of 200 gaps are exactly on the beat", exact)
		}
	})
}

// TestPacePolls: the queue is asked every five seconds, whoever asks.
func TestPacePolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPace(PaceConfig{MinInterval: time.Second})
		start := time.Now()
		var wg sync.WaitGroup
		var mu sync.Mutex
		seen := map[time.Duration]int{}
		for range 3 {
			wg.Go(func() {
				for range 4 {
					if p.wait(t.Context(), classPoll) == nil {
						mu.Lock()
						seen[time.Since(start).Round(time.Millisecond)]++
						mu.Unlock()
					}
				}
			})
		}
		wg.Wait()
		for i := range 12 {
			if seen[time.Duration(i)*PollInterval] != 1 {
				t.Fatalf("polls: %v", seen)
			}
		}
	})
}

// TestPaceBudget is a property: whatever is asked in whatever order, by several
// at once, with changes of the limits and throttling in between, no window of
// five minutes holds more requests than the budget, and queries leave their
// reserve to orders.
func TestPaceBudget(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		budget := rapid.IntRange(1, 90).Draw(rt, "budget")
		gap := rapid.IntRange(0, 4000).Draw(rt, "gap in ms")
		type step struct {
			class class
			pause time.Duration
			event int
		}
		steps := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) step {
			return step{class(rapid.IntRange(0, 3).Draw(rt, "class")), time.Duration(rapid.IntRange(0, 20000).Draw(rt, "pause")) * time.Millisecond, rapid.IntRange(0, 60).Draw(rt, "event")}
		}), 20, 150).Draw(rt, "steps")
		synctest.Test(t, func(t *testing.T) {
			p := NewPace(PaceConfig{MinInterval: time.Duration(gap) * time.Millisecond, Budget: budget})
			var mu sync.Mutex
			var sent, looks []time.Time
			p.Remember(nil, func(m Mark) {
				mu.Lock()
				defer mu.Unlock()
				if room := max(budget-budget*3/10, 1); m.Look && len(looks) >= room && m.At.Sub(looks[len(looks)-room]) < budgetWindow {
					rt.Errorf("a query as number %d of %d within the window", room+1, budget)
				}
				sent = append(sent, m.At)
				if m.Look {
					looks = append(looks, m.At)
				}
			})
			var wg sync.WaitGroup
			for part := range 2 {
				wg.Go(func() {
					for i, s := range steps {
						if i%2 != part {
							continue
						}
						switch s.event {
						case 0:
							p.Throttle(s.pause)
						case 1:
							p.Set(PaceConfig{MinInterval: s.pause / 10, Budget: budget})
						}
						if sleep(t.Context(), s.pause) != nil || p.wait(t.Context(), s.class) != nil {
							return
						}
					}
				})
			}
			wg.Wait()
			for i := range sent {
				if i+budget < len(sent) && sent[i+budget].Sub(sent[i]) < budgetWindow+budgetSlack {
					rt.Fatalf("%d requests within %v, the budget is %d", budget+1, sent[i+budget].Sub(sent[i]), budget)
				}
			}
		})
	})
}

// TestPaceReserve: queries have seven tenths of the budget, a quarter of it
// while an order is under way, and spread the last of that; orders use all of
// it, also after the limits change.
func TestPaceReserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			ordering    bool
			looks, room int
		}{{false, 43, 56}, {true, 16, 20}} {
			p := NewPace(PaceConfig{Budget: 80})
			p.Ordering(tt.ordering)
			p.Set(PaceConfig{Budget: 80}) // a reload
			start := time.Now()
			for range tt.looks {
				take(t, p, classLook)
			}
			spread := budgetWindow / time.Duration(tt.room)
			if time.Since(start) >= time.Millisecond || p.take(classLook) != spread || p.take(classAgain) != spread {
				t.Fatalf("ordering %v: %d queries took %v, or one more could go", tt.ordering, tt.looks, time.Since(start))
			}
			for range 80 - tt.looks {
				take(t, p, classOrder)
			}
			if time.Since(start) >= time.Millisecond {
				t.Fatalf("ordering %v: an order waited %v", tt.ordering, time.Since(start))
			}
			if at := take(t, p, classLook); at.Sub(start).Round(time.Millisecond) != budgetWindow+budgetSlack {
				t.Errorf("ordering %v: the next query after %v", tt.ordering, at.Sub(start))
			}
		}
	})
}

// TestPaceThrottle: half the speed, then a quarter, down to one query a minute;
// 5 % a minute faster again; Retry-After is obeyed by queries.
func TestPaceThrottle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const gap = 4 * time.Second
		p := NewPace(PaceConfig{MinInterval: gap})
		last := take(t, p, classLook)
		next := func() time.Duration {
			at := take(t, p, classLook)
			d := at.Sub(last)
			last = at
			return d
		}
		within := func(d, want time.Duration) {
			t.Helper()
			if d < want || d > want*122/100 { // jitter of a tenth, twice: the gap that is doubled had its own
				t.Errorf("a gap of %v, want %v", d, want)
			}
		}
		p.Throttle(0)
		next()
		within(next(), 2*gap)
		if f := p.Stats().Slow; f != 2 {
			t.Errorf("slow %v", f)
		}
		p.Throttle(0)
		next()
		within(next(), 4*gap)
		for range 10 {
			p.Throttle(0)
		}
		start := time.Now()
		next()
		if d := last.Sub(start); d < slowest || d > slowest+slowest/10 {
			t.Errorf("slowest %v, want a minute", d)
		}
		slow := p.Stats().Slow
		time.Sleep(10 * time.Minute)
		if f := p.Stats().Slow; f > slow*0.61 || f < slow*0.58 {
			t.Errorf("from %v to %v in ten minutes, want 5 %% a minute", slow, f)
		}
		time.Sleep(time.Hour)
		last = take(t, p, classLook)
		within(next(), gap)

		p.Throttle(90 * time.Second)
		start = time.Now()
		if at := take(t, p, classOrder); !at.Equal(start) {
			t.Errorf("an order waited %v for Retry-After", at.Sub(start))
		}
		if at := take(t, p, classLook); at.Sub(start) < 90*time.Second {
			t.Errorf("a query %v after Retry-After: 90", at.Sub(start))
		}
		p.Throttle(1000 * time.Hour)
		start = time.Now()
		if at := take(t, p, classAgain); at.Sub(start).Round(time.Millisecond) != time.Hour {
			t.Errorf("a nonsense Retry-After holds for %v", at.Sub(start))
		}
	})
}

// TestPaceRemembers: what an earlier life sent counts.
func TestPaceRemembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := PaceConfig{MinInterval: 3 * time.Second, Budget: 10}
		var marks []Mark
		p := NewPace(cfg)
		p.Remember(nil, func(m Mark) { marks = append(marks, m) })
		take(t, p, classPoll)
		for range 7 {
			take(t, p, classOrder)
		}
		take(t, p, classLook) // 9 of 10: the next query has to wait for the window
		marks = append(marks, Mark{At: time.Now().Add(time.Hour), Look: true}, Mark{At: time.Now().Add(-time.Hour), Poll: true})

		p, start := NewPace(cfg), time.Now()
		p.Remember(marks, nil)
		if n := p.Stats().Requests; n != 9 {
			t.Errorf("%d requests remembered, want 9", n)
		}
		if at := take(t, p, classLook); at.Sub(start).Round(time.Millisecond) != budgetWindow+budgetSlack {
			t.Errorf("a query after %v", at.Sub(start))
		}

		p = NewPace(PaceConfig{MinInterval: 3 * time.Second})
		start = time.Now()
		p.Remember([]Mark{{At: start, Poll: true}, {At: start, Look: true}}, nil)
		if at := take(t, p, classLook); at.Sub(start).Round(time.Millisecond) != 3*time.Second {
			t.Errorf("a query after %v", at.Sub(start))
		}
		if at := take(t, p, classPoll); at.Sub(start).Round(time.Millisecond) != PollInterval {
			t.Errorf("a poll after %v", at.Sub(start))
		}
	})
}

// TestPaceRemembersSlowness: what 12306 asked for holds over a restart, and what
// cannot be is left out.
func TestPaceRemembersSlowness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := PaceConfig{MinInterval: 3 * time.Second, Random: func(int64) int64 { return 0 }}
		var marks []Mark
		var kept Slowness
		p := NewPace(cfg)
		p.Remember(nil, func(m Mark) { marks = append(marks, m) })
		p.RememberSlow(Slowness{}, func(s Slowness) { kept = s })
		take(t, p, classLook)
		p.Throttle(0)
		p.Throttle(90 * time.Second)
		before, start := p.slowness(), time.Now()

		restart := func(s Slowness) *Pace {
			p := NewPace(cfg)
			p.Remember(marks, nil)
			p.RememberSlow(s, nil)
			return p
		}
		p = restart(kept)
		if got := p.slowness(); got != before || p.Stats().Slow != 4 || !p.NotSooner().Equal(start.Add(90*time.Second)) {
			t.Errorf("remembered %+v, want %+v", got, before)
		}
		if at := take(t, p, classOrder); !at.Equal(start) {
			t.Errorf("an order waited %v", at.Sub(start))
		}
		if at := take(t, p, classLook); at.Sub(start).Round(time.Millisecond) != 90*time.Second {
			t.Errorf("a query %v after a Retry-After of 90 s", at.Sub(start))
		}
		at := take(t, p, classLook)
		if gap := at.Sub(start) - 90*time.Second; gap < 11*time.Second || gap > 12*time.Second { // four times 3 s, a minute later
			t.Errorf("the next query %v later", gap)
		}

		p = restart(Slowness{})
		p.RememberSlow(Slowness{}, func(s Slowness) { kept = s })
		slow := p.slowness()
		p.Throttle(time.Hour)
		p.pardon(slow)
		if kept != slow {
			t.Errorf("pardoned, and %+v was kept", kept)
		}

		now := time.Now()
		for _, s := range []Slowness{
			{4, 3 * time.Second, now.Add(time.Hour), now.Add(90 * time.Minute)}, // the clock was wrong
			{4, 3 * time.Second, now, now.Add(1000 * time.Hour)},
			{math.NaN(), 3 * time.Second, now, time.Time{}}, {math.Inf(1), 3 * time.Second, now, time.Time{}},
			{4, -time.Second, now, time.Time{}}, {4, time.Hour, now, time.Time{}}, {1e9, time.Second, now, time.Time{}},
		} {
			if p := restart(s); p.Stats().Slow != 1 || p.NotSooner().After(now) {
				t.Errorf("%+v was believed", s)
			}
		}
	})
}

// TestRetryAfter reads the header in all its forms.
func TestRetryAfter(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"": 0, "0": 0, "-5": 0, "soon": 0, "90": 90 * time.Second, "86400": time.Hour,
		"99999999999999999999": time.Hour, "-99999999999999999999": 0, "Fri, 31 Dec 9999 23:59:59 GMT": time.Hour,
	} {
		if got := retryAfter(&http.Response{Header: http.Header{"Retry-After": {text}}}); got != want {
			t.Errorf("%q is %v, want %v", text, got, want)
		}
	}
}

// TestPaceGivesUp: every wait ends with its context.
func TestPaceGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPace(PaceConfig{MinInterval: time.Hour, Budget: 2})
		take(t, p, classLook)
		take(t, p, classOrder)
		for _, c := range []class{classLook, classOrder, classAgain, classPoll, classScan} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			start := time.Now()
			if err := p.wait(ctx, c); err == nil || time.Since(start) != time.Second {
				t.Errorf("class %d: %v after %v", c, err, time.Since(start))
			}
			cancel()
			if err := p.wait(ctx, c); err == nil {
				t.Errorf("class %d went with a context that had ended", c)
			}
		}
	})
}
