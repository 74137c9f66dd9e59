package watcher

import (
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

func calm() railsim.Options { return railsim.Options{Calm: true} }

func notifies(r *Rule) { r.Action, r.Passengers = ActionNotify, nil }

// Seats are told once for each change: when they appear, when there are more,
// and when they come back; never for a look that finds the same or fewer.
func TestSeatsAreToldOncePerChange(t *testing.T) {
	play(t, setup{sim: calm(), session: "none", rules: []Rule{homeRule(notifies)}}, func(s *scene) {
		s.start()
		s.pass(time.Minute)
		for _, step := range []struct{ left, told int }{{2, 1}, {2, 1}, {1, 1}, {3, 2}, {0, 2}, {1, 3}, {0, 3}} {
			s.sell(step.left)
			s.pass(30 * time.Second)
			if got := len(s.phone.told(NewsSeats)); got != step.told {
				t.Fatalf("%d left: seats told %d times, want %d", step.left, got, step.told)
			}
		}
		m := s.phone.told(NewsSeats)[0]
		if !m.Loud {
			t.Error("the one news that a rule which only tells has to tell comes without a sound")
		}
		for _, want := range []string{"G1110", "1月5日", "广州南", "武汉", "二等座", "2 张", "09:30", "13:30", "官方 App"} {
			if !strings.Contains(m.Title+"\n"+m.Text, want) {
				t.Errorf("the news do not say %s: %s / %s", want, m.Title, m.Text)
			}
		}
		if n := len(s.phone.questions("")); n > 0 {
			t.Errorf("%d questions without an account", n)
		}
	})
}

// Rules with the same journeys share their looks, whatever else they want.
func TestRulesShareQueries(t *testing.T) {
	window := func(r *Rule) { notifies(r); r.Name = "上午"; r.Trains = TrainPatterns{}; r.Depart = Window{480, 600} }
	wild := func(r *Rule) {
		notifies(r)
		r.Name = "通配"
		r.Trains, _ = ParseTrains([]string{"G11*", "!G1110"})
	}
	both := func(r *Rule) {
		notifies(r)
		r.Trains, _ = ParseTrains([]string{"G1110"})
		r.Name = "两天"
		r.Dates = []twelve306.Date{day, day.AddDays(1)}
		r.To = []twelve306.Station{wuhan, hankou}
	}
	play(t, setup{sim: calm(), session: "none", rules: []Rule{homeRule(notifies), homeRule(window), homeRule(wild), homeRule(both)}}, func(s *scene) {
		s.site.AddTrain(day.String(), railsim.Train{Code: "G1112", From: "IZQ", To: "WHN", Depart: "12:00", Arrive: "16:00", Seats: map[string]int{"O": 0}})
		s.site.SetTrains(day.AddDays(1).String(), g1110(0))
		s.start()
		s.pass(10 * time.Minute)
		// Four journeys in all: one look each 5 s wants one, the pace gives 60 in 5 minutes.
		if n := s.site.Count(railsim.StepQuery); n > 125 || n < 100 {
			t.Errorf("%d looks in 10 minutes", n)
		}
		asked := map[string]int{}
		for _, r := range s.site.Requests() {
			if r.Step == railsim.StepQuery {
				asked[r.Form.Get("leftTicketDTO.train_date")+r.Form.Get("leftTicketDTO.to_station")]++
			}
		}
		if len(asked) != 4 {
			t.Errorf("journeys asked: %v", asked)
		}
		for j, n := range asked { // of days within four days twice as often as of later ones
			share := 21
			if strings.HasPrefix(j, day.String()) {
				share = 36
			}
			if n < share-5 || n > share+5 {
				t.Errorf("%s was asked %d times, its share is %d", j, n, share)
			}
		}
		s.sell(1)
		s.site.Sell(day.String(), "G1112", "O", 1)
		s.pass(time.Minute)
		told := map[string]int{}
		for _, m := range s.phone.told(NewsSeats) {
			told[m.Rule]++
		}
		if told["回家"] != 1 || told["上午"] != 1 || told["通配"] != 1 || told["两天"] != 1 {
			t.Errorf("told: %v", told)
		}
	})
}

// Outside service_hours nothing is asked; the first look follows at once.
func TestServiceHours(t *testing.T) {
	t.Parallel()
	set := setup{sim: calm(), session: "none", rules: []Rule{homeRule(notifies)}, change: func(o *Options) { o.Hours = Window{5 * 60, 60} }} // 05:00-01:00
	play(t, set, func(s *scene) {
		s.start()
		s.pass(16 * time.Hour) // to midnight
		closed := time.Date(2000, 1, 2, 1, 0, 0, 0, twelve306.Shanghai())
		opens := closed.Add(4 * time.Hour)
		s.pass(time.Until(opens.Add(10 * time.Minute)))
		first := time.Time{}
		for _, r := range s.site.Requests() {
			if r.At.After(closed) && r.At.Before(opens) {
				t.Fatalf("%s was asked at %v", r.Step, r.At)
			}
			if first.IsZero() && r.At.After(closed) && r.Step == railsim.StepQuery {
				first = r.At
			}
		}
		if first.Sub(opens) > 10*time.Second {
			t.Errorf("the first look was at %v", first)
		}
	})
}

// Blindness is told once, when five looks in a row and half a minute brought
// nothing, and so is the return; a bad look or two are not.
func TestBlind(t *testing.T) {
	play(t, setup{sim: calm(), session: "none", rules: []Rule{homeRule(notifies)}}, func(s *scene) {
		s.start()
		s.pass(time.Minute)
		s.site.AddFault(railsim.Fault{Step: railsim.StepQuery, Kind: railsim.Status500, Times: 4})
		s.pass(time.Minute)
		if n := len(s.phone.told(NewsBlind)); n > 0 {
			t.Errorf("four bad looks were told")
		}
		began := time.Now()
		s.site.AddFault(railsim.Fault{Step: railsim.StepQuery, Kind: railsim.Status500, Times: -1})
		m := s.untilTold(NewsBlind, 1, 2*time.Minute)
		if took := m.At.Sub(began); took < 24*time.Second { // the last good look was up to 5.5 s earlier
			t.Errorf("blind after %v", took)
		}
		s.pass(time.Hour)
		s.site.ClearFaults()
		s.untilTold(NewsSeesAgain, 1, 5*time.Minute)
		s.pass(10 * time.Minute)
		if b, a := len(s.phone.told(NewsBlind)), len(s.phone.told(NewsSeesAgain)); b != 1 || a != 1 {
			t.Errorf("blind told %d times, sees_again %d times", b, a)
		}
	})
}

// A night without network is told once and is no storm.
func TestNoNetworkIsToldOnce(t *testing.T) {
	play(t, setup{sim: calm()}, func(s *scene) {
		s.site.AddFault(railsim.Fault{Kind: railsim.Unreachable, Times: -1})
		s.start()
		s.pass(6 * time.Hour)
		if n := len(s.phone.told(NewsBlind)); n != 1 {
			t.Errorf("blind told %d times", n)
		}
		if n := len(s.phone.told(NewsLoginFailed)); n > 1 {
			t.Errorf("login_failed told %d times", n)
		}
		s.site.ClearFaults()
		s.untilTold(NewsLoggedIn, 1, 3*time.Minute)
		s.untilTold(NewsSeesAgain, 1, 3*time.Minute)
		s.sell(1)
		s.untilTold(NewsBooked, 1, 3*time.Minute)
	})
}

// 12306's "slow down" is obeyed, told once, and forgotten slowly.
func TestThrottled(t *testing.T) {
	play(t, setup{sim: calm(), session: "none", rules: []Rule{homeRule(notifies)}}, func(s *scene) {
		s.start()
		s.pass(time.Minute)
		s.site.AddFault(railsim.Fault{Step: railsim.StepQuery, Kind: railsim.Redirect302, Times: 6})
		s.untilTold(NewsBlocked, 1, 5*time.Minute)
		before := s.site.Count(railsim.StepQuery)
		s.pass(2 * time.Minute)
		if n := s.site.Count(railsim.StepQuery) - before; n > 12 {
			t.Errorf("%d looks in two minutes after 12306 asked to slow down", n)
		}
		s.pass(time.Hour)
		if n := len(s.phone.told(NewsBlocked)); n != 1 {
			t.Errorf("blocked told %d times", n)
		}
		before = s.site.Count(railsim.StepQuery)
		s.pass(5 * time.Minute)
		if n := s.site.Count(railsim.StepQuery) - before; n < 40 {
			t.Errorf("%d looks in five minutes an hour later", n)
		}
	})
}

// A whole day stays within the budget (the simulator counts) and keeps the
// session alive without asking anybody twice.
func TestADay(t *testing.T) {
	t.Parallel()
	play(t, setup{sim: calm()}, func(s *scene) {
		s.start()
		s.pass(24 * time.Hour)
		if n := len(s.phone.questions("")); n != 1 {
			t.Errorf("%d questions in a quiet day", n)
		}
		if n := len(s.phone.told(NewsSeats)) + len(s.phone.told(NewsBlind)); n != 0 {
			t.Errorf("%d news in a quiet day", n)
		}
		s.sell(1)
		s.untilTold(NewsBooked, 1, time.Minute)
	})
}

// A lost session is replaced at once, not when seats appear.
func TestSessionIsRenewedAtOnce(t *testing.T) {
	play(t, setup{sim: calm()}, func(s *scene) {
		s.start()
		s.untilTold(NewsLoggedIn, 1, time.Minute)
		s.site.KillSessions()
		s.untilTold(NewsLoggedIn, 2, 5*time.Minute)
		if n := len(s.phone.questions(notifier.Picture)); n != 2 {
			t.Errorf("%d questions", n)
		}
		lost := time.Time{}
		for _, r := range s.site.Requests() {
			if r.Step == railsim.StepCheckUser && r.Decision != "ok" {
				lost = r.At
			}
		}
		if took := s.phone.questions(notifier.Picture)[1].at.Sub(lost); took > 10*time.Second {
			t.Errorf("asked %v after the session was found dead", took)
		}
	})
}

// A keep-alive that fails is tried again, but not every moment.
func TestKeepAliveFails(t *testing.T) {
	play(t, setup{sim: calm()}, func(s *scene) {
		s.start()
		s.untilTold(NewsLoggedIn, 1, time.Minute)
		s.site.AddFault(railsim.Fault{Step: railsim.StepCheckUser, Kind: railsim.Unreachable, Times: -1})
		before := s.now().w.client.Pace().Stats().Requests
		s.pass(15 * time.Minute)
		if n := s.now().w.client.Pace().Stats().Requests; n > before+70 || n > 75 {
			t.Errorf("%d requests in five minutes while checkUser fails", n)
		}
		s.site.ClearFaults()
		s.sell(1)
		s.untilTold(NewsBooked, 1, time.Minute)
	})
}
