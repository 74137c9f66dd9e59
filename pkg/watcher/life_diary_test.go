package watcher

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// logged returns the lines of the log with a message, but for those that only
// --log-level debug shows.
func (s *scene) logged(msg string) []map[string]any {
	s.t.Helper()
	var out []map[string]any
	for line := range strings.Lines(s.ink.String()) {
		var l map[string]any
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			s.t.Fatalf("%v in %s", err, line)
		}
		if l["level"] != "debug" && (msg == "" || l["msg"] == msg) {
			out = append(out, l)
		}
	}
	return out
}

// A day in which nothing happens is a line an hour, with its failures counted,
// and the night.
func TestDiaryOfAQuietDay(t *testing.T) {
	hours, err := ParseWindow("05:00-01:00")
	if err != nil {
		t.Fatal(err)
	}
	set := setup{sim: calm(), session: "none", rules: []Rule{homeRule(func(r *Rule) {
		r.Action, r.Passengers, r.Schedule = ActionNotify, nil, every{"@every 1m", time.Minute, twelve306.Shanghai()}
	})},
		change: func(o *Options) { o.Hours = hours }, excuse: []string{"a query "}, excuses: 200}
	play(t, set, func(s *scene) {
		s.start()
		for range 17 { // from 08:00 to 01:00
			s.pass(30 * time.Minute)
			s.site.AddFault(railsim.Fault{Step: railsim.StepQuery, Kind: railsim.Busy})
			s.pass(30 * time.Minute)
		}
		s.pass(5 * time.Hour)
		var good, failed float64
		looks := s.logged("looks")
		for _, l := range looks {
			good, failed = good+l["good"].(float64), failed+l["failed"].(float64)
			if l["failed"].(float64) > 0 && !strings.Contains(l["last_failure"].(string), "busy") {
				t.Errorf("%v", l)
			}
		}
		// 17 hours of the day and the first of the morning, of which the one
		// that the night cut short and the one that is not over count or not.
		if n := len(looks); n < 16 || n > 18 || failed != 17 || good < 1000 {
			t.Errorf("%d lines about looks, %v of them good, %v failed", n, good, failed)
		}
		if over, begun := s.logged("service_hours are over; nothing is asked before they begin"), s.logged("service_hours have begun"); len(over) != 1 || len(begun) != 1 {
			t.Errorf("the night: %v, %v", over, begun)
		}
		if all := s.logged(""); len(all) > 40 {
			t.Errorf("%d lines in a day in which nothing happened", len(all))
		}
	})
}

// One failed look is no line; the second in a row is, and the end of it.
func TestDiaryOfFailures(t *testing.T) {
	set := setup{sim: calm(), session: "none", rules: []Rule{homeRule(func(r *Rule) { r.Action, r.Passengers = ActionNotify, nil })},
		excuse: []string{"a query "}, excuses: 200}
	play(t, set, func(s *scene) {
		s.start()
		for _, times := range []int{1, 2, 3} {
			s.pass(time.Minute)
			s.site.AddFault(railsim.Fault{Step: railsim.StepQuery, Kind: railsim.Busy, Times: times})
			s.pass(10 * time.Minute) // they are further apart now
			if w, g := len(s.logged("looks fail; it goes on trying")), len(s.logged("the look works again")); w != times-1 || g != times-1 {
				t.Errorf("after %d failures in a row: %d warnings, %d ends of them", times, w, g)
			}
		}
	})
}

// Who cannot see in the morning has been blind since the morning.
func TestBlindSinceTheMorning(t *testing.T) {
	hours, err := ParseWindow("05:00-01:00")
	if err != nil {
		t.Fatal(err)
	}
	set := setup{sim: calm(), session: "none", rules: []Rule{homeRule(func(r *Rule) {
		r.Action, r.Passengers, r.Schedule = ActionNotify, nil, every{"@every 1m", time.Minute, twelve306.Shanghai()}
	})},
		change: func(o *Options) { o.Hours = hours }, excuse: []string{"a query "}, excuses: 200}
	play(t, set, func(s *scene) {
		l := s.start()
		s.pass(20 * time.Hour) // 04:00
		s.site.AddFault(railsim.Fault{Kind: railsim.Unreachable, Times: -1})
		s.pass(time.Hour + 10*time.Second)
		if since := l.w.Status().BlindSince; since != nil {
			t.Errorf("blind after 10 s, since %v", since)
		}
		s.untilTold(NewsBlind, 1, 10*time.Minute)
		since := l.w.Status().BlindSince
		if want := time.Date(2000, 1, 2, 5, 0, 0, 0, twelve306.Shanghai()); since == nil || since.Sub(want).Abs() > time.Second {
			t.Errorf("blind since %v, want %v", since, want)
		}
		s.site.ClearFaults()
		s.untilTold(NewsSeesAgain, 1, 10*time.Minute)
	})
}

// Seats that come and go are a line each, and how long they were there.
func TestDiaryOfSeats(t *testing.T) {
	set := setup{sim: calm(), session: "none", rules: []Rule{homeRule(notifies, func(r *Rule) {
		r.Schedule = every{"@every 10s", 10 * time.Second, twelve306.Shanghai()}
	})}}
	play(t, set, func(s *scene) {
		s.start()
		s.pass(time.Minute)
		for n := 1; n <= 2; n++ {
			s.site.Sell(day.String(), "G1110", "O", 3)
			s.untilTold(NewsSeats, n, time.Minute)
			s.pass(time.Minute)
			s.site.Sell(day.String(), "G1110", "O", 2) // fewer, which is no news
			s.pass(2 * time.Minute)
			s.site.Sell(day.String(), "G1110", "O", 0)
			s.pass(time.Minute)
			came, went := s.logged("seats"), s.logged("seats gone")
			if len(came) != n || len(went) != n {
				t.Fatalf("after %d times: %d lines when they came, %d when they went", n, len(came), len(went))
			}
			l := went[n-1]
			if after := l["after"].(float64); after < 170 || after > 200 || l["rule"] != "回家" || l["train"] != "G1110" || l["seat"] != "二等座" || l["kinds"] != 1. || l["still"] != 0. {
				t.Errorf("%v", l)
			}
		}
	})
}
