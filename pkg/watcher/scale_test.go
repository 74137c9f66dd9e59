package watcher

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

var scale = flag.Bool("scale", false, "print what 1, 100 and 10,000 rules cost, and how late seats are seen")

// cpuTime is the CPU time of this process: a bubble's clock says nothing of it.
func cpuTime(t *testing.T) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// manyRules are n rules over at most 50 queries: each wants a train or a
// wildcard, in windows and seats of its own.
func manyRules(n int, today twelve306.Date) []Rule {
	places := crowd(50, nil)
	rules := make([]Rule, n)
	for i := range rules {
		r := places[i%50]
		r.Name, r.Dates = fmt.Sprint("rule ", i), []twelve306.Date{today.AddDays(8 + i%5)}
		codes := []string{fmt.Sprint("G1", 100+i%100)}
		if i%4 == 0 {
			codes = []string{fmt.Sprint("G1", 1+i%9, "*"), fmt.Sprint("!G1", 100+i%100)}
		}
		r.Trains, _ = ParseTrains(codes)
		r.Seats = []twelve306.Seat{twelve306.SecondClass, twelve306.FirstClass}
		if i%3 == 0 {
			r.Seats = DefaultSeats()
		}
		r.Depart = Window{6 * 60, 20 * 60}
		rules[i] = r
	}
	return rules
}

// busyPair are what a busy pair of stations has; seats there are on some.
func busyPair(r *Rule) []railsim.Train {
	list := make([]railsim.Train, 100)
	for i := range list {
		list[i] = railsim.Train{Code: fmt.Sprint("G1", 100+i), From: r.From[0].Code, To: r.To[0].Code,
			Depart: fmt.Sprintf("%02d:%02d", 6+i/8, i%8*7), Arrive: fmt.Sprintf("%02d:%02d", 9+i/8, i%8*7),
			Seats: map[string]int{"O": i % 5, "M": i % 3, "9": 0}}
	}
	return list
}

// TestManyRules holds ten thousand rules to what is promised of them: one
// request for each query, a plan and an answer that cost little, 64 MB. With
// -scale it prints the table for 1, 100 and 10,000.
func TestManyRules(t *testing.T) {
	sizes := []int{10_000}
	if *scale {
		sizes = []int{1, 100, 10_000}
	}
	var table strings.Builder
	fmt.Fprintf(&table, "%7s %8s %12s %12s %12s %14s %10s\n", "rules", "queries", "heap MB", "reload ms", "asked/round", "CPU s/hour", "seat news")
	for _, n := range sizes {
		rules := manyRules(n, day.AddDays(-4))
		queries := min(n, 50)
		sees := func(o *Options) { o.Log = nil }
		play(t, setup{sim: calm(), session: "none", rules: rules, change: sees}, func(s *scene) {
			for i := range queries {
				s.site.SetTrains(rules[i].Dates[0].String(), slices.Concat(s.trainsOn(rules[:i], rules[i].Dates[0]), busyPair(&rules[i]))...)
			}
			empty := s.footprint().heap
			s.start()
			s.pass(15 * time.Minute)
			told := len(s.phone.told(NewsSeats))
			s.footprint()
			before := cpuTime(t)
			s.pass(time.Hour)
			hour := cpuTime(t) - before
			round, asked := 0, map[string]int{}
			for _, r := range s.site.Requests() {
				if r.Step == railsim.StepQuery {
					asked[r.Form.Get("leftTicketDTO.train_date")+r.Form.Get("leftTicketDTO.from_station")+r.Form.Get("leftTicketDTO.to_station")]++
					if round++; len(asked) == queries && round > 0 && *scale {
						break
					}
				}
			}
			held := s.footprint().heap
			heap := float64(max(held, empty)-empty) / 1e6
			edited := slices.Clone(rules)
			edited[n/2].Depart = Window{7 * 60, 8 * 60}
			before = cpuTime(t)
			if err := s.now().w.Reload(Change{Options: Options{Rules: edited}}); err != nil {
				t.Fatal(err)
			}
			reload := cpuTime(t) - before
			fmt.Fprintf(&table, "%7d %8d %12.1f %12.1f %12d %14.2f %10d\n", n, len(asked), heap, reload.Seconds()*1000, len(asked), hour.Seconds(), told)
			if len(asked) != queries {
				t.Errorf("%d rules: %d queries were asked, want %d", n, len(asked), queries)
			}
			if heap > 40 {
				t.Errorf("%d rules hold %.1f MB", n, heap)
			}
		})
	}
	if *scale {
		t.Log("\n" + table.String())
	}
}

// trainsOn are the trains that queries of a day have been given so far.
func (s *scene) trainsOn(rules []Rule, d twelve306.Date) (list []railsim.Train) {
	for i := range rules {
		if rules[i].Dates[0] == d {
			list = append(list, busyPair(&rules[i])...)
		}
	}
	return list
}

// TestDetection plays random releases: how long seats are there before they
// are told. -scale plays 200 and prints.
func TestDetection(t *testing.T) {
	releases := 40
	if *scale {
		releases = 200
	}
	var lines []string
	for _, tt := range []struct {
		name   string
		gap    time.Duration
		budget int
		jitter bool
		mean   time.Duration
		p95    time.Duration
	}{
		{"one query per 3.75 s", 3750 * time.Millisecond, 0, false, 2400 * time.Millisecond, 3750 * time.Millisecond},
		{"the same, a tenth of jitter", 3750 * time.Millisecond, 0, true, 2600 * time.Millisecond, 4125 * time.Millisecond},
		{"the defaults (3 s, 80 in 5 minutes)", 3 * time.Second, 80, true, 4 * time.Second, 6500 * time.Millisecond},
	} {
		random := rand.New(rand.NewPCG(1, 2))
		var delays []time.Duration
		set := setup{sim: calm(), session: "none", rules: []Rule{homeRule(notifies, func(r *Rule) {
			r.Schedule = every{"@every 1s", time.Second, twelve306.Shanghai()}
		})}, excuse: []string{"requests in 5 minutes"}, excuses: 1000, change: func(o *Options) { // 80 looks leave no room for the first page
			inner := o.Client
			o.Client = func(saved []byte) (*twelve306.Client, error) {
				c, err := inner(saved)
				if err == nil {
					cfg := twelve306.PaceConfig{MinInterval: tt.gap, Budget: tt.budget}
					if !tt.jitter {
						cfg.Random = func(int64) int64 { return 0 }
					}
					c.Pace().Set(cfg)
				}
				return c, err
			}
		}}
		play(t, set, func(s *scene) {
			s.start()
			s.pass(7 * time.Minute)
			for n := range releases {
				s.pass(time.Duration(random.IntN(30_000_000)) * time.Microsecond)
				at := time.Now()
				s.sell(1)
				m := s.untilTold(NewsSeats, n+1, time.Minute)
				s.site.Sell(day.String(), "G1110", "O", 0)
				delays = append(delays, s.seenAt(at, m.At))
				s.pass(12 * time.Second)
			}
		})
		mean, p95 := spread(delays)
		lines = append(lines, fmt.Sprintf("%-40s %4d releases: mean %.2f s, p95 %.2f s", tt.name, releases, mean.Seconds(), p95.Seconds()))
		if mean > tt.mean || p95 > tt.p95 {
			t.Errorf("%s", lines[len(lines)-1])
		}
	}
	openings := 6
	if *scale {
		openings = 40
	}
	random := rand.New(rand.NewPCG(3, 4))
	var delays []time.Duration
	for range openings {
		ahead := time.Duration(random.IntN(120_000)-60_000) * time.Millisecond
		opens := time.Date(2000, 1, 1, 8, 30+random.IntN(30), 0, 0, twelve306.Shanghai())
		set := setup{sim: railsim.Options{Calm: true, Ahead: ahead, RTT: 60 * time.Millisecond}, session: "none",
			rules: append(crowdOn(day.AddDays(2), 12), homeRule(notifies))}
		play(t, set, func(s *scene) {
			train := g1110(20)
			train.Opens = opens
			s.site.SetTrains(day.String(), train)
			s.start()
			s.pass(time.Until(opens.Add(-ahead).Add(time.Minute)))
			for _, r := range s.site.Requests() {
				if d := r.At.Add(ahead).Sub(opens); r.Step == railsim.StepQuery && d >= 0 && r.Form.Get("leftTicketDTO.train_date") == day.String() {
					delays = append(delays, d)
					break
				}
			}
		})
	}
	mean, p95 := spread(delays)
	lines = append(lines, fmt.Sprintf("%-40s %4d openings: mean %.2f s, p95 %.2f s, most %.2f s", "a known opening, 13 queries, clock +-60 s", len(delays), mean.Seconds(), p95.Seconds(), slices.Max(delays).Seconds()))
	if len(delays) != openings || slices.Max(delays) > time.Second {
		t.Errorf("%d openings, the latest seen after %v", len(delays), slices.Max(delays))
	}
	if *scale {
		t.Log("\n" + strings.Join(lines, "\n"))
	}
}

// seenAt is when the look arrived that found seats which were there from a
// moment on. A message's own time has whole seconds.
func (s *scene) seenAt(from, told time.Time) time.Duration {
	for _, r := range s.site.Requests() {
		if r.Step == railsim.StepQuery && !r.At.Before(from) {
			return r.At.Sub(from)
		}
	}
	return told.Sub(from)
}

func spread(list []time.Duration) (mean, p95 time.Duration) {
	list = slices.Clone(list)
	slices.Sort(list)
	for _, d := range list {
		mean += d
	}
	return mean / time.Duration(len(list)), list[len(list)*95/100]
}

// BenchmarkLook is what the answer to one query costs 200 rules.
func BenchmarkLook(b *testing.B) {
	w := planWatcher(b)
	rules := manyRules(10_000, twelve306.DateOf(time.Now()))
	w.setRules(rules)
	w.plan(time.Now())
	j := rules[0].Journeys()[0]
	q := w.planner.queries[j]
	var trains []twelve306.Train
	for i := range 100 {
		f := make([]string, 58)
		seats := []string{"有", "无", "5"}[i%3]
		f[0], f[1], f[2], f[3], f[6], f[7] = "secret", "预订", "6i000G1110", fmt.Sprint("G1", 100+i), j.From.Code, j.To.Code
		f[8], f[9], f[10], f[11], f[12], f[30], f[31], f[35] = "09:30", "13:30", "04:00", "Y", "left", seats, "无", "OM9"
		t, err := twelve306.ParseTrain(strings.Join(f, "|"), j.Date)
		if err != nil {
			b.Fatal(err)
		}
		trains = append(trains, t)
	}
	b.ReportAllocs()
	for b.Loop() {
		t := newTimetable(trains)
		for _, r := range q.rules {
			w.found(b.Context(), r, j, t, time.Now())
		}
	}
}
