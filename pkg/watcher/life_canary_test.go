package watcher

import (
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// changed is a scene in which every answer to a look is strange from some
// moment on.
func (s *scene) changed(kind railsim.FaultKind, msg string) {
	s.site.AddFault(railsim.Fault{Step: railsim.StepQuery, Kind: kind, Msg: msg, Times: -1})
}

// copied checks that there is one copy of a strange answer of that kind, and
// that no secret is in it.
func (s *scene) copied(why string) {
	s.t.Helper()
	list, err := Captures(s.dir)
	if err != nil || len(list) != 1 || list[0].Why != why {
		s.t.Fatalf("copies: %+v, %v; want one of %s", list, err, why)
	}
	b, err := ReadCapture(s.dir, list[0].Name)
	if err != nil {
		s.t.Fatal(err)
	}
	s.seen.mu.Lock()
	defer s.seen.mu.Unlock()
	for v := range s.seen.list {
		if strings.Contains(string(b), v) {
			s.t.Errorf("a secret is in the copy: %s", v)
		}
	}
	if !strings.Contains(s.ink.String(), list[0].Path) {
		s.t.Error("the log does not say where the copy lies")
	}
}

// told checks how often each kind of news was told of which rule.
func (s *scene) toldTimes(kind NewsKind, rule string, want int) {
	s.t.Helper()
	n := 0
	for _, m := range s.phone.told(kind) {
		if m.Rule == rule {
			n++
		}
	}
	if n != want {
		s.t.Fatalf("%s of %q told %d times, want %d", kind, rule, n, want)
	}
}

// TestCanary: whatever 12306 makes of its answers, the user is told once that
// nothing can be seen, never that there is nothing; there is a copy for a
// report; and the end is told, too.
func TestCanary(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind railsim.FaultKind
		msg  string
		why  string // of the copy
		text string // of the news
	}{
		{railsim.EmptyResult, "", twelve306.OddNoTrains, "之前列出过 1 趟车"},
		{railsim.BadRows, "", twelve306.OddRows, "读不懂"},
		{railsim.LoginPage, "", twelve306.OddLoginPage, "还没有登录"},
		{railsim.StrangePage, "春运公告", twelve306.OddPage, "读不懂"},
	} {
		t.Run(string(c.kind), func(t *testing.T) {
			play(t, setup{sim: railsim.Options{Calm: true, Era: railsim.Present}, session: "none", rules: []Rule{homeRule(notifies)}}, func(s *scene) {
				s.start()
				s.pass(time.Minute)
				began := time.Now()
				s.changed(c.kind, c.msg)
				m := s.untilTold(NewsBlind, 1, 3*time.Minute)
				if took := m.At.Sub(began); took < 24*time.Second || m.Rule != "" {
					t.Errorf("blind after %v, rule %q", took, m.Rule)
				}
				for _, want := range []string{c.text, "不等于没票", "watcherd capture"} {
					if !strings.Contains(m.Text, want) {
						t.Errorf("the news do not say %s: %s", want, m.Text)
					}
				}
				s.pass(50 * time.Minute)
				s.copied(c.why)
				s.toldTimes(NewsBlind, "", 1)
				s.toldTimes(NewsBlind, "回家", 0)
				s.site.ClearFaults()
				s.sell(2)
				s.untilTold(NewsSeesAgain, 1, 5*time.Minute)
				s.untilTold(NewsSeats, 1, time.Minute)
				s.pass(10 * time.Minute)
				s.toldTimes(NewsSeesAgain, "", 1)
			})
		})
	}
}

// Rows with more fields than ever, and a few that cannot be read, are used all
// the same, and kept for a report.
func TestStrangeRowsAreUsed(t *testing.T) {
	for kind, why := range map[railsim.FaultKind]string{railsim.MoreFields: twelve306.OddFieldCount, railsim.BadRows: twelve306.OddRows} {
		t.Run(string(kind), func(t *testing.T) {
			play(t, setup{sim: railsim.Options{Calm: true, Era: railsim.Present}, session: "none", rules: []Rule{homeRule(notifies)}}, func(s *scene) {
				lost := g1110(0)
				lost.Code, lost.No = "G1100", "6i000G110000"
				other := lost
				other.Code, other.No = "G1120", "6i000G112000"
				s.site.SetTrains(day.String(), lost, other, g1110(0)) // the first row is the one that cannot be read
				s.changed(kind, "few")
				s.start()
				s.pass(2 * time.Minute)
				s.sell(2)
				s.untilTold(NewsSeats, 1, time.Minute)
				s.copied(why)
				s.toldTimes(NewsBlind, "", 0)
			})
		})
	}
}

// A word about seats that nobody knows is told once for each rule that cannot
// be judged because of it, and again only when it was readable in between.
func TestUnknownSeatWord(t *testing.T) {
	t.Parallel()
	all := func(r *Rule) { notifies(r); r.Name = "随便"; r.Trains = TrainPatterns{} }
	play(t, setup{sim: railsim.Options{Calm: true, Era: railsim.Present}, session: "none", rules: []Rule{homeRule(notifies), homeRule(all)}}, func(s *scene) {
		more := g1110(0)
		more.Code, more.No = "G1112", "6i000G111200"
		s.site.SetTrains(day.String(), g1110(0), more)
		s.start()
		s.pass(time.Minute)
		s.site.AddFault(railsim.Fault{Step: railsim.StepQuery, Kind: railsim.SeatWord, Msg: "抢光", Times: 4})
		s.pass(2 * time.Minute)
		s.toldTimes(NewsBlind, "回家", 0)
		began := time.Now()
		s.changed(railsim.SeatWord, "抢光")
		s.pass(20 * time.Second)
		s.toldTimes(NewsBlind, "回家", 0)
		m := s.untilTold(NewsBlind, 1, time.Minute)
		if took := m.At.Sub(began); took < 24*time.Second {
			t.Errorf("told after %v", took)
		}
		s.pass(3 * time.Hour)
		s.toldTimes(NewsBlind, "回家", 1)
		s.toldTimes(NewsBlind, "随便", 1)
		s.toldTimes(NewsBlind, "", 0)
		for _, m := range s.phone.told(NewsBlind) {
			for _, want := range []string{"G1110", "抢光", "不等于没票", "watcherd capture"} {
				if !strings.Contains(m.Title+m.Text, want) {
					t.Errorf("the news of %s do not say %s: %s / %s", m.Rule, want, m.Title, m.Text)
				}
			}
			if others := strings.Contains(m.Text, "还有 1 趟车"); others != (m.Rule == "随便") {
				t.Errorf("%s: %s", m.Rule, m.Text)
			}
		}
		s.site.ClearFaults()
		s.pass(time.Minute)
		s.toldTimes(NewsSeesAgain, "回家", 1)
		s.toldTimes(NewsSeesAgain, "随便", 1)
		s.changed(railsim.SeatWord, "抢光")
		s.pass(2 * time.Minute)
		s.toldTimes(NewsBlind, "回家", 2)
		s.toldTimes(NewsBlind, "随便", 2)
		if n := len(s.phone.told(NewsSeats)); n > 0 {
			t.Errorf("%d news of seats", n)
		}
	})
}

// One day that vanishes among days that do not is told of its rule.
func TestOneDayVanishes(t *testing.T) {
	two := func(r *Rule) { notifies(r); r.Dates = []twelve306.Date{day, day.AddDays(1)} }
	play(t, setup{sim: calm(), session: "none", rules: []Rule{homeRule(two)}}, func(s *scene) {
		s.site.SetTrains(day.AddDays(1).String(), g1110(0))
		s.start()
		s.pass(time.Minute)
		s.site.SetTrains(day.AddDays(1).String())
		m := s.untilTold(NewsBlind, 1, 2*time.Minute)
		if m.Rule != "回家" || !strings.Contains(m.Title, "1月6日") || !strings.Contains(m.Text, "之前列出过 1 趟车") {
			t.Errorf("%s: %s / %s", m.Rule, m.Title, m.Text)
		}
		s.pass(time.Hour)
		s.toldTimes(NewsBlind, "", 0)
		s.toldTimes(NewsBlind, "回家", 1)
		s.site.SetTrains(day.AddDays(1).String(), g1110(0))
		s.untilTold(NewsSeesAgain, 1, time.Minute)
		s.toldTimes(NewsSeesAgain, "回家", 1)
	})
}

// After six hours an empty list is believed, and said to be; trains that come
// after that are news as ever.
func TestEmptyTimetableIsBelieved(t *testing.T) {
	t.Parallel()
	play(t, setup{sim: calm(), session: "none", rules: []Rule{homeRule(notifies)}}, func(s *scene) {
		s.start()
		s.pass(time.Minute)
		s.site.SetTrains(day.String())
		s.untilTold(NewsBlind, 1, 2*time.Minute)
		s.pass(5*time.Hour + 55*time.Minute)
		s.toldTimes(NewsSeesAgain, "", 0)
		m := s.untilTold(NewsSeesAgain, 1, 20*time.Minute)
		if !strings.Contains(m.Title, "没有车") || !strings.Contains(s.ink.String(), "it is believed now") {
			t.Errorf("%s / %s", m.Title, m.Text)
		}
		s.pass(time.Hour)
		s.toldTimes(NewsBlind, "", 1)
		s.site.SetTrains(day.String(), g1110(3))
		s.untilTold(NewsSeats, 1, time.Minute)
	})
}

// The last train of today leaves, and nobody is alarmed; nor where the rows
// that remain are for another station of the city.
func TestLastTrainLeaves(t *testing.T) {
	today := twelve306.Date{Year: 2000, Month: time.January, Day: 1} // 08:00 in Shanghai
	rule := homeRule(notifies, func(r *Rule) { r.Dates = []twelve306.Date{today} })
	play(t, setup{sim: calm(), session: "none", rules: []Rule{rule}}, func(s *scene) {
		s.site.SetTrains(today.String(), g1110(0)) // leaves at 09:30
		s.start()
		s.pass(3 * time.Hour)
		s.toldTimes(NewsBlind, "", 0)
		s.toldTimes(NewsBlind, "回家", 0)
		if list, err := Captures(s.dir); err != nil || len(list) > 0 {
			t.Errorf("copies: %v, %v", list, err)
		}
	})
	play(t, setup{sim: calm(), session: "none", rules: []Rule{homeRule(notifies)}}, func(s *scene) {
		s.start()
		s.pass(time.Minute)
		elsewhere := g1110(0)
		elsewhere.To = "HKN"
		s.site.SetTrains(day.String(), elsewhere)
		s.pass(10 * time.Minute)
		s.toldTimes(NewsBlind, "", 0)
		s.toldTimes(NewsBlind, "回家", 0)
	})
}
