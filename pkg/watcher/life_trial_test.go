package watcher

import (
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// ready plays a scene from the moment on at which the daemon is logged in.
func ready(t *testing.T, set setup, f func(s *scene)) {
	t.Helper()
	set.sim.Calm, set.random = true, steady
	play(t, set, func(s *scene) {
		s.start()
		s.untilTold(NewsLoggedIn, 1, time.Minute)
		s.pass(7 * time.Second)
		f(s)
	})
}

// foreignOrder is an unfinished order that nobody here has made.
func (s *scene) foreignOrder() railsim.Order {
	d1 := railsim.Train{Code: "D1", No: "240000D10000", From: "BJP", To: "SHH", Depart: "07:00", Arrive: "15:00"}
	return s.site.PlantOrder("zhangsan", "2000-01-08", d1, "O", "李四")
}

// cancelledTooOften is how 12306 refuses an account for the day.
var cancelledTooOften = railsim.Fault{Step: railsim.StepSubmit, Kind: railsim.Refused, Msg: "由于您取消次数过多，今日将不能继续受理您的订票请求。", Times: -1}

// A seat that flickers, and is refused whenever it is there, is left alone as
// long as one that stays. Each return is told, the refusal once.
func TestFlickeringSeatRests(t *testing.T) {
	ready(t, setup{}, func(s *scene) {
		s.site.AddFault(railsim.Fault{Step: railsim.StepConfirm, Kind: railsim.Refused, Msg: "没有足够的票!", Times: -1})
		for range 40 {
			s.sell(2)
			s.pass(6 * time.Second)
			s.sell(0)
			s.pass(6 * time.Second)
		}
		list := s.site.Confirms()
		for i, c := range list {
			least := restAfterConfirm
			if i >= 3 { // 10, 20, 40 and then 60 seconds, had they been refused before the confirm
				least = 40 * time.Second
			}
			if i > 0 && c.At.Sub(list[i-1].At) < least {
				t.Errorf("confirms at %v and %v", list[i-1].At, c.At)
			}
		}
		if n := len(list); n < 4 || n > 12 {
			t.Errorf("%d confirms in eight minutes", n)
		}
		s.toldTimes(NewsFailed, "回家", 1)
		seats := s.phone.told(NewsSeats)
		if len(seats) < 20 {
			t.Errorf("seats that went and came back are told %d times", len(seats))
		}
		for _, m := range seats[1:] {
			if strings.Contains(m.Text, "正在下单") || !strings.Contains(m.Text, "没有足够的票") {
				t.Fatalf("a seat that rests: %s", m.Text)
			}
		}
		s.pass(remembered + 2*time.Minute) // another day, as far as the seat goes
		s.sell(2)
		s.pass(20 * time.Second)
		s.toldTimes(NewsFailed, "回家", 2)
		seats = s.phone.told(NewsSeats)
		if m := seats[len(seats)-1]; !strings.Contains(m.Text, "正在下单") {
			t.Errorf("what was refused long ago: %s", m.Text)
		}
	})
}

// While nothing can be booked, the news of seats say why, loudly, and no offer is
// made.
func TestSeatsSayWhyNothingIsBooked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		begin func(s *scene)
		says  string
		end   func(s *scene)
	}{
		"foreign order": {func(s *scene) { s.foreignOrder() }, "不是 watcherd 下的", func(s *scene) {
			if err := s.site.CancelOrder(s.site.AllOrders()[0].Number); err != nil {
				s.t.Fatal(err)
			}
		}},
		"refused for today": {func(s *scene) { s.site.AddFault(cancelledTooOften) }, "今天不再受理", nil}, // its end: TestRefusals
	} {
		for _, action := range []Action{ActionBook, ActionAsk} {
			t.Run(name+"/"+string(action), func(t *testing.T) {
				ready(t, setup{rules: []Rule{homeRule(func(r *Rule) { r.Action = action })}}, func(s *scene) {
					c.begin(s)
					s.sell(1)
					s.pass(time.Minute)
					s.sell(0)
					s.pass(time.Minute)
					submits, offers, told := s.site.Count(railsim.StepSubmit), len(s.phone.questions(notifier.Offer)), len(s.phone.told(NewsSeats))
					s.sell(2)
					s.pass(10 * time.Minute)
					if n := s.site.Count(railsim.StepSubmit) - submits; n > 0 {
						t.Errorf("%d orders begun", n)
					}
					if n := len(s.phone.questions(notifier.Offer)) - offers; n > 0 {
						t.Errorf("%d offers that cannot be followed", n)
					}
					seats := s.phone.told(NewsSeats)[told:]
					if len(seats) != 1 {
						t.Fatalf("seats told %d times", len(seats))
					}
					if m := seats[0]; !strings.Contains(m.Text, c.says) || strings.Contains(m.Text, "正在下单") || !m.Loud {
						t.Errorf("loud %v: %s", m.Loud, m.Text)
					}
					if c.end != nil {
						c.end(s)
						s.book() // and an ask rule makes its offer now
					}
				})
			})
		}
	}
	t.Run("password refused", func(t *testing.T) {
		play(t, setup{sim: calm(), random: steady}, func(s *scene) {
			s.site.AddFault(railsim.Fault{Step: railsim.StepLogin, Kind: railsim.Refused, Msg: "密码输入错误。如果输错次数超过4次，用户将被锁定。", Times: -1})
			s.start()
			s.pass(time.Minute)
			s.sell(2)
			s.pass(20 * time.Minute)
			s.toldTimes(NewsLoginFailed, "", 1)
			if m := s.untilTold(NewsSeats, 1, time.Second); !strings.Contains(m.Text, "不认") || strings.Contains(m.Text, "正在下单") {
				t.Error(m.Text)
			}
			s.kill() // the next life knows it from the disk
			s.until("a life", time.Minute, func() bool { return !s.now().dead.Load() })
			if m := s.untilTold(NewsSeats, 2, time.Minute); !strings.Contains(m.Text, "不认") {
				t.Error(m.Text)
			}
		})
	})
}

// A yes that cannot be followed is answered with the reason.
func TestYesThatCannotBeFollowed(t *testing.T) {
	t.Parallel()
	asks := func(name string) Rule { return homeRule(func(r *Rule) { r.Action, r.Name = ActionAsk, name }) }
	late := func(*asked) act {
		return act{after: 40 * time.Second, reply: notifier.Reply{Action: notifier.Answered, Yes: true}}
	}
	for name, c := range map[string]struct {
		meanwhile func(s *scene)
		says      string
	}{
		"the seat is gone":   {func(s *scene) { s.sell(0) }, "票刚才没了"},
		"the rule is paused": {func(s *scene) { _ = s.now().w.Pause("回家") }, "不再盯票"},
		"12306 is busy": {func(s *scene) {
			s.site.AddFault(railsim.Fault{Step: railsim.StepSubmit, Kind: railsim.TooMany429, RetryAfter: 30 * time.Minute, Times: -1})
			s.site.Sell(day.AddDays(1).String(), "G1110", "O", 1)
		}, "不用再回答"},
	} {
		t.Run(name, func(t *testing.T) {
			other := homeRule(func(r *Rule) { r.Name, r.Dates = "另一天", []twelve306.Date{day.AddDays(1)} })
			ready(t, setup{rules: []Rule{asks("回家"), other}}, func(s *scene) {
				s.site.SetTrains(day.AddDays(1).String(), g1110(0))
				s.phone.always(late)
				s.sell(1)
				s.until("the offer", time.Minute, func() bool { return len(s.phone.questions(notifier.Offer)) == 1 })
				s.pass(10 * time.Second)
				c.meanwhile(s)
				s.pass(time.Minute)
				for _, m := range s.phone.told(NewsFailed) {
					if m.Rule == "回家" && strings.Contains(m.Text, c.says) {
						return
					}
				}
				t.Errorf("the user does not hear why:\n%s", s.phone.story())
			})
		})
	}
}

// Attempts that fail before the confirm, again and again, are told once, in
// 12306's words or ours, within half a minute; they follow each other less and
// less often.
func TestAttemptsThatComeToNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fault railsim.Fault
		says  []string
	}{
		{railsim.Fault{Step: railsim.StepSubmit, Kind: railsim.Refused, Msg: "您还有未处理的订单，请您到[未完成订单]进行处理!"},
			[]string{"12306 说：您还有未处理的订单", "未完成订单里一张也没有", "别处用这个账号"}},
		{railsim.Fault{Step: railsim.StepSubmit, Kind: railsim.Refused, Msg: "车票信息已过期，请重新查询最新车票信息"}, []string{"12306 说：车票信息已过期", "接着试"}},
		{railsim.Fault{Step: railsim.StepInitDc, Kind: railsim.StrangePage, Msg: "新页面"}, []string{"下单页", "接着试"}},
		{railsim.Fault{Step: railsim.StepInitDc, Kind: railsim.Status502}, []string{"网络不通", "接着试"}},
		{railsim.Fault{Step: railsim.StepSubmit, Kind: railsim.Forbidden403}, []string{"不让这个网络地址", "接着试"}},
		{railsim.Fault{Step: railsim.StepSubmit, Kind: railsim.Busy}, []string{"12306 说：网络繁忙", "接着试"}},
		{railsim.Fault{Step: railsim.StepSubmit, Kind: railsim.TooMany429, RetryAfter: 5 * time.Minute}, []string{"正忙", "接着试"}},
		{railsim.Fault{Step: railsim.StepPassengers, Kind: railsim.WrongType}, []string{"读不懂", "接着试"}},
	} {
		t.Run(string(c.fault.Step)+"/"+string(c.fault.Kind)+c.fault.Msg, func(t *testing.T) {
			ready(t, setup{}, func(s *scene) {
				f := c.fault
				f.Times = -1
				s.site.AddFault(f)
				began := time.Now()
				s.sell(2)
				m := s.untilTold(NewsFailed, 1, time.Minute)
				if took := m.At.Sub(began); took > 45*time.Second { // a look, and half a minute
					t.Errorf("told after %v", took)
				}
				for _, want := range c.says {
					if !strings.Contains(m.Title+m.Text, want) {
						t.Errorf("the news do not say %s: %s / %s", want, m.Title, m.Text)
					}
				}
				s.pass(time.Until(began.Add(time.Hour)))
				s.toldTimes(NewsFailed, "回家", 1)
				s.toldTimes(NewsHeldElsewhere, "", 0)
				if n := s.site.Count(railsim.StepSubmit); n > 70 {
					t.Errorf("%d orders begun in an hour", n)
				}
				for range 5 { // a flicker changes nothing
					s.sell(0)
					s.pass(time.Minute)
					s.sell(2)
					s.pass(time.Minute)
				}
				s.toldTimes(NewsFailed, "回家", 1)
				s.site.ClearFaults()
				s.untilTold(NewsBooked, 1, 11*time.Minute)
			})
		})
	}
}

// Seats that go before any attempt comes far enough are not left at "booking".
func TestSeatsGoWhileOrdersFail(t *testing.T) {
	ready(t, setup{}, func(s *scene) {
		s.site.AddFault(railsim.Fault{Step: railsim.StepSubmit, Kind: railsim.Status502, Times: -1})
		s.sell(2)
		s.untilTold(NewsSeats, 1, 10*time.Second)
		s.sell(0)
		m := s.untilTold(NewsFailed, 1, time.Minute)
		if !strings.Contains(m.Text, "网络不通") || !strings.Contains(m.Text, "票就没了") {
			t.Error(m.Text)
		}
		s.pass(10 * time.Minute)
		s.toldTimes(NewsFailed, "回家", 1)
	})
}

// A day ends at 12306's midnight, whatever the timezone of the configuration.
func TestRefusedForTheDayInAnotherZone(t *testing.T) {
	t.Parallel()
	for name, hours := range map[string]int{"west": -8, "east": 14} {
		t.Run(name, func(t *testing.T) {
			zone := time.FixedZone(name, hours*3600)
			set := setup{sim: calm(), random: steady, change: func(o *Options) { o.Location = zone }}
			play(t, set, func(s *scene) {
				s.site.AddFault(cancelledTooOften)
				s.start()
				s.sell(1)
				s.untilTold(NewsFailed, 1, time.Minute)
				n := s.site.Count(railsim.StepSubmit)
				midnight := time.Date(2000, 1, 2, 0, 0, 0, 0, twelve306.Shanghai())
				s.pass(time.Until(midnight.Add(-time.Minute)))
				if got := s.site.Count(railsim.StepSubmit); got != n {
					t.Errorf("%d orders more on the same day", got-n)
				}
				s.site.ClearFaults()
				s.untilTold(NewsBooked, 1, 3*time.Minute)
			})
		})
	}
}
