package watcher

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// When trains go on sale they are asked for at that moment of 12306's clock,
// however wrong this machine's is, and then at min_interval for a while, with
// more rules than the budget bears; the others wait before and come after. The
// harness holds all of it to the budget.
func TestBurst(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		ahead time.Duration
		more  int // other queries
		rtt   time.Duration
		era   railsim.Era
	}{
		{0, 0, 0, railsim.Classic},
		{0, 12, 60 * time.Millisecond, railsim.Present},
		{40 * time.Second, 12, 200 * time.Millisecond, railsim.Classic},
		{-40 * time.Second, 12, 60 * time.Millisecond, railsim.Present},
		{-10 * time.Minute, 3, 60 * time.Millisecond, railsim.Classic},
	} {
		t.Run(fmt.Sprintf("%v ahead, %d more", tt.ahead, tt.more), func(t *testing.T) {
			opens := time.Date(2000, 1, 1, 12, 45, 0, 0, twelve306.Shanghai()) // of 12306's clock
			set := setup{sim: railsim.Options{Calm: true, Era: tt.era, Ahead: tt.ahead, RTT: tt.rtt}, session: "none",
				rules: append(crowdOn(day.AddDays(2), tt.more), homeRule(notifies))}
			play(t, set, func(s *scene) {
				train := g1110(20)
				train.Opens = opens
				s.site.SetTrains(day.String(), train)
				s.start()
				s.pass(time.Until(opens.Add(-tt.ahead).Add(10 * time.Minute)))
				var burst []time.Duration // looks at the train after the opening
				others, before, late := 0, 0, 0
				for _, r := range s.site.Requests() {
					if r.Step != railsim.StepQuery {
						continue
					}
					since := r.At.Add(tt.ahead).Sub(opens)
					ours := r.Form.Get("leftTicketDTO.train_date") == day.String()
					switch {
					case since < 0 && since > -3*time.Second:
						t.Errorf("a look %v before the opening", -since)
					case since < 0 && since > -5*time.Minute:
						before++
					case since < 0 || since > 8*time.Minute:
					case since > burst45 && !ours:
						late++
					case since <= burst45 && !ours:
						others++
					case since <= burst45:
						burst = append(burst, since)
					}
				}
				if len(burst) == 0 || burst[0] > time.Second {
					t.Fatalf("looks after the opening: %v", burst)
				}
				for i := 1; i < len(burst); i++ {
					if gap := burst[i] - burst[i-1]; gap < 3*time.Second || gap > 3300*time.Millisecond+2*tt.rtt {
						t.Errorf("in the burst a look after %v", gap)
					}
				}
				if len(burst) < 13 || others > 0 {
					t.Errorf("%d looks in %v, and %d at others", len(burst), burst45, others)
				}
				if tt.more > 0 && (before < 15 || late < 40) {
					t.Errorf("%d looks in the five minutes before, %d at others after", before, late)
				}
				told := s.phone.told(NewsSeats)
				if len(told) != 1 {
					t.Fatalf("%d news of seats", len(told))
				}
				words := "The clock of this machine is wrong"
				if n := strings.Count(s.ink.String(), words); (n == 1) != (tt.ahead.Abs() > 30*time.Second) || n > 1 {
					t.Errorf("the clock was mentioned %d times", n)
				}
			})
		})
	}
}

const burst45 = 45 * time.Second

// crowdOn is n more rules, each with a query of its own on a day.
func crowdOn(d twelve306.Date, n int) []Rule {
	rules := crowd(50, nil)[:0:0]
	for i, r := range crowd(50, nil) {
		if i%5 == 0 && len(rules) < n {
			r.Dates = []twelve306.Date{d}
			rules = append(rules, r)
		}
	}
	for i, r := range crowd(50, nil) {
		if i%5 == 0 && len(rules) < n {
			r.Name, r.Dates = r.Name+" too", []twelve306.Date{d.AddDays(1)}
			rules = append(rules, r)
		}
	}
	return rules
}

// A rule that looks by the clock, hours away from the opening, has no burst.
func TestNoBurstAgainstTheSchedule(t *testing.T) {
	opens := time.Date(2000, 1, 1, 12, 45, 0, 0, twelve306.Shanghai())
	hourly, err := ParseSchedule("0 * * * *", twelve306.Shanghai())
	if err != nil {
		t.Fatal(err)
	}
	set := setup{sim: calm(), session: "none", rules: []Rule{homeRule(notifies, func(r *Rule) { r.Schedule = hourly })}}
	play(t, set, func(s *scene) {
		train := g1110(20)
		train.Opens = opens
		s.site.SetTrains(day.String(), train)
		s.start()
		s.pass(time.Until(opens.Add(10 * time.Minute)))
		for _, r := range s.site.Requests() {
			if r.Step == railsim.StepQuery && r.At.After(opens.Add(-30*time.Minute)) {
				t.Errorf("a look at %v", r.At.In(opens.Location()))
			}
		}
		if n := s.site.Count(railsim.StepQuery); n < 4 {
			t.Errorf("%d looks from 9 to 12", n)
		}
	})
}

// An order is paid for by 12306's clock, too: what is told to pay by is its
// time, and the reminders come when that much is left.
func TestWrongClockAndAnOrder(t *testing.T) {
	for _, ahead := range []time.Duration{-3 * time.Minute, 3 * time.Minute} {
		set := setup{sim: railsim.Options{Calm: true, Ahead: ahead, RTT: 60 * time.Millisecond}, session: "on_seats"}
		play(t, set, func(s *scene) {
			s.start()
			s.pass(2 * time.Minute)
			s.sell(1)
			s.untilTold(NewsBooked, 1, 5*time.Minute)
			order := s.site.AllOrders()[0]
			s.until("all reminders", 40*time.Minute, func() bool { return len(s.phone.told(NewsReminder)) >= 3 })
			for i, want := range []time.Duration{0, 5 * time.Minute, 2 * time.Minute} {
				m := s.phone.told(NewsReminder)[i]
				if left := order.PayBy.Sub(m.At.Add(ahead)); i > 0 && (left < want-5*time.Second || left > want+5*time.Second) {
					t.Errorf("reminder %d with %v left, want %v: %s", i+1, left, want, m.Text)
				}
			}
			s.site.PayOrder(order.Number)
			s.untilTold(NewsPaid, 1, 5*time.Minute)
		})
	}
}

// service_hours are those of 12306's clock.
func TestWrongClockAndTheHours(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{-3 * time.Minute, 3 * time.Minute} {
		set := setup{sim: railsim.Options{Calm: true, Ahead: ahead}, session: "none", rules: []Rule{homeRule(notifies)},
			change: func(o *Options) { o.Hours = Window{6 * 60, 10 * 60} }}
		play(t, set, func(s *scene) {
			s.start()
			s.pass(26 * time.Hour)
			closes := time.Date(2000, 1, 1, 10, 0, 0, 0, twelve306.Shanghai()) // of 12306's clock
			opens := closes.Add(20 * time.Hour)
			var last, next time.Time
			for _, r := range s.site.Requests() {
				switch at := r.At.Add(ahead); {
				case r.Step != railsim.StepQuery:
				case at.Before(closes):
					last = at
				case !at.Before(opens.Add(-time.Second)) && next.IsZero(): // it is known to a fraction of a second
					next = at
				case at.Before(opens.Add(-time.Second)):
					t.Errorf("a look at %v of 12306's clock", at)
				}
			}
			if closes.Sub(last) > 10*time.Second || next.Sub(opens) > 10*time.Second {
				t.Errorf("the last look at %v, the next at %v of 12306's clock", last, next)
			}
		})
	}
}
