package watcher

import (
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
)

func tellsNear(r *Rule) { r.NearMisses = true }

func two(r *Rule) { r.Passengers = []string{"张三", "李四"} }

// near returns the news of near misses, which are quiet news of seats.
func (p *phone) near(t *testing.T) []notifier.Message {
	t.Helper()
	var out []notifier.Message
	for _, m := range p.told(NewsSeats) {
		if !strings.HasPrefix(m.Title, "差一点：") {
			continue
		}
		if m.Loud || len(m.Order) > 0 && string(m.Order) != "null" {
			t.Errorf("a near miss as important news: %+v", m)
		}
		out = append(out, m)
	}
	return out
}

// What nearly does is told once it has lasted for a minute, and at the second
// look where there are too few seats, in words that say what is wrong and what
// to change; nothing is ordered.
func TestNearMisses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*Rule)
		sell   string // the code that there is
		left   int
		says   []string // nothing: it is not told
	}{
		"too few":               {two, "O", 1, []string{"只有 1 张，你要 2 张", "二等座只剩 1 张", "partial: true", "没有下单"}},
		"too few for children":  {func(r *Rule) { two(r); r.Partial = true; r.Tickets = []twelve306.TicketType{"2", ""} }, "O", 1, []string{"只有 1 张，你要 2 张"}},
		"arrives too late":      {func(r *Rule) { r.Arrive = Window{600, 13 * 60} }, "O", 1, []string{"13:30 到，你最晚要 13:00", "有二等座", "放宽 arrive"}},
		"departs too early":     {func(r *Rule) { r.Depart = Window{600, 720} }, "O", 1, []string{"09:30 发车，你最早要 10:00", "放宽 depart"}},
		"another seat":          {func(*Rule) {}, "M", 1, []string{"只有一等座", "写进 seats"}},
		"far too late":          {func(r *Rule) { r.Arrive = Window{600, 12*60 + 59} }, "O", 1, nil},
		"both times":            {func(r *Rule) { r.Arrive, r.Depart = Window{600, 13 * 60}, Window{600, 720} }, "O", 1, nil},
		"late and sold out":     {func(r *Rule) { r.Arrive = Window{600, 13 * 60} }, "O", 0, nil},
		"late and too few":      {func(r *Rule) { two(r); r.Arrive = Window{600, 13 * 60} }, "O", 1, nil},
		"too few of another":    {two, "M", 1, nil},
		"another of any train":  {func(r *Rule) { r.Trains = TrainPatterns{} }, "M", 1, nil},
		"another train":         {func(r *Rule) { r.Trains, _ = ParseTrains([]string{"G9999"}) }, "O", 1, nil},
		"switched off":          {func(r *Rule) { two(r); r.NearMisses = false }, "O", 1, nil},
		"sold out":              {two, "O", 0, nil},
		"only told, not booked": {func(r *Rule) { two(r); r.Action = ActionNotify }, "O", 1, []string{"只有 1 张，你要 2 张"}},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, setup{sim: calm(), rules: []Rule{homeRule(tellsNear, tt.change)}}, func(s *scene) {
				s.start()
				s.untilTold(NewsLoggedIn, 1, time.Minute)
				s.site.Sell(day.String(), "G1110", tt.sell, tt.left)
				soon := len(tt.says) > 0 && strings.Contains(tt.says[0], "你要 2 张")
				s.pass(3 * time.Second)
				if n := len(s.phone.told(NewsSeats)); n != 0 {
					t.Fatalf("told %d times after one look", n)
				}
				s.pass(30 * time.Second)
				if n := len(s.phone.told(NewsSeats)); (n != 0) != soon {
					t.Fatalf("told %d times within half a minute", n)
				}
				s.pass(60 * time.Second)
				near := s.phone.near(t)
				if len(tt.says) == 0 {
					if len(near) > 0 {
						t.Errorf("told %s / %s", near[0].Title, near[0].Text)
					}
					return
				}
				if len(near) != 1 {
					t.Fatalf("told %d times", len(near))
				}
				for _, want := range append(tt.says, "G1110", "1月5日", "广州南", "13:30") {
					if !strings.Contains(near[0].Title+"\n"+near[0].Text, want) {
						t.Errorf("no %q in\n%s\n%s", want, near[0].Title, near[0].Text)
					}
				}
				s.pass(90 * time.Minute)
				if n := len(s.phone.told(NewsSeats)); n != 1 {
					t.Errorf("told %d times while nothing changed", n)
				}
			})
		})
	}
}

// A seat that is gone at the next look is no news, and one that comes back is
// told again only after an hour.
func TestNearMissesThatFlicker(t *testing.T) {
	t.Parallel()
	play(t, setup{sim: calm(), session: "none", rules: []Rule{homeRule(tellsNear, two, func(r *Rule) { r.Action = ActionNotify })}}, func(s *scene) {
		s.start()
		s.pass(20 * time.Second)
		for range 120 {
			s.sell(1)
			s.pass(4 * time.Second)
			s.sell(0)
			s.pass(56 * time.Second)
		}
		if n := len(s.phone.told(NewsSeats)); n != 0 {
			t.Fatalf("a flicker was told %d times", n)
		}
		for range 40 { // two minutes there, one away: two hours
			s.sell(1)
			s.pass(2 * time.Minute)
			s.sell(0)
			s.pass(time.Minute)
		}
		if n := len(s.phone.near(t)); n != 1 {
			t.Errorf("told %d times, want once: it was never away for an hour", n)
		}
		s.pass(time.Hour)
		s.sell(1)
		s.pass(2 * time.Minute)
		if n := len(s.phone.near(t)); n != 2 {
			t.Errorf("told %d times, want again after an hour", n)
		}
	})
}

// A rule is told of near misses at most once an hour, however many trains there
// are, and then of all that are new.
func TestNearMissesHourly(t *testing.T) {
	rule := homeRule(tellsNear, two, func(r *Rule) { r.Action, r.Trains = ActionNotify, TrainPatterns{} })
	play(t, setup{sim: calm(), session: "none", rules: []Rule{rule}}, func(s *scene) {
		for _, code := range []string{"G1111", "G1112", "G1113", "G1114"} {
			train := g1110(0)
			train.Code, train.No = code, "6i000"+code+"00"
			s.site.AddTrain(day.String(), train)
		}
		s.start()
		for i, code := range []string{"G1110", "G1111", "G1112", "G1113", "G1114"} {
			s.site.Sell(day.String(), code, "O", 1)
			s.pass(10 * time.Minute)
			if n := len(s.phone.near(t)); n != 1 {
				t.Fatalf("told %d times after %d trains", n, i+1)
			}
		}
		s.pass(20 * time.Minute)
		near := s.phone.near(t)
		if len(near) != 2 {
			t.Fatalf("told %d times in an hour and more", len(near))
		}
		for _, want := range []string{"G1111", "G1112", "G1113", "还有 1 趟"} {
			if !strings.Contains(near[1].Text, want) {
				t.Errorf("no %s in %s", want, near[1].Text)
			}
		}
	})
}

// While there is what the rule asks for, and while something is ordered or held,
// near misses keep quiet.
func TestNearMissesKeepQuiet(t *testing.T) {
	rule := homeRule(tellsNear, func(r *Rule) {
		r.Dates = []twelve306.Date{day, day.AddDays(1)}
		r.Action, r.Passengers = ActionNotify, []string{"张三", "李四"}
	})
	play(t, setup{sim: calm(), session: "none", rules: []Rule{rule}}, func(s *scene) {
		s.site.SetTrains(day.AddDays(1).String(), g1110(3))
		s.start()
		s.sell(1)
		s.pass(10 * time.Minute)
		if list := s.phone.told(NewsSeats); len(list) != 1 || len(s.phone.near(t)) != 0 {
			t.Fatalf("told %d times, %d of them near misses", len(list), len(s.phone.near(t)))
		}
		s.site.Sell(day.AddDays(1).String(), "G1110", "O", 0)
		s.pass(2 * time.Minute)
		if n := len(s.phone.near(t)); n != 1 {
			t.Errorf("told %d times when nothing better is left", n)
		}
	})
	play(t, setup{sim: calm(), rules: []Rule{homeRule(), homeRule(tellsNear, two, func(r *Rule) { r.Name = "两个人" })}}, func(s *scene) {
		s.start()
		s.untilTold(NewsLoggedIn, 1, time.Minute)
		s.sell(2)
		s.untilTold(NewsBooked, 1, time.Minute)
		s.pass(5 * time.Minute)
		if near := s.phone.near(t); len(near) != 0 {
			t.Errorf("told %s while an order is unpaid", near[0].Title)
		}
	})
}
