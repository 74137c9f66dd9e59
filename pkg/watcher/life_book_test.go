package watcher

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// Every way to log in ends in a booked seat.
func TestBookByEveryLogin(t *testing.T) {
	for _, tt := range []struct {
		name string
		set  setup
		kind notifier.Kind
	}{
		{"classic", setup{sim: calm()}, notifier.Picture},
		{"classic, awkward", setup{}, notifier.Picture},
		{"sms", setup{sim: railsim.Options{Calm: true, Era: railsim.Present}, mode: twelve306.LoginSMS}, notifier.SMS},
		{"qr", setup{sim: railsim.Options{Calm: true, Era: railsim.Present}, mode: twelve306.LoginQR}, notifier.QR},
		{"auto", setup{sim: railsim.Options{Era: railsim.Present}, mode: twelve306.LoginAuto}, notifier.SMS},
		{"on seats", setup{sim: calm(), session: "on_seats"}, notifier.Picture},
	} {
		t.Run(tt.name, func(t *testing.T) {
			play(t, tt.set, func(s *scene) {
				s.start()
				s.pass(30 * time.Second)
				if early := len(s.phone.questions("")); (early == 0) != (tt.set.session == "on_seats") {
					t.Errorf("%d questions before seats appear", early)
				}
				s.sell(2)
				m := s.untilTold(NewsBooked, 1, 10*time.Minute)
				if !m.Loud {
					t.Error("booked is not loud")
				}
				if q := s.phone.questions(""); q[0].Kind != tt.kind {
					t.Errorf("asked %s", q[0].Kind)
				}
				queries := s.site.Count(railsim.StepQuery)
				s.pass(5 * time.Minute)
				if s.site.Count(railsim.StepQuery) > queries+1 {
					s.t.Error("a rule that has booked still looks")
				}
			})
		})
	}
}

func asks(r *Rule) { r.Action = ActionAsk }

// An offer is booked on yes; on no or silence it is not made again while the
// seat stays.
func TestAsk(t *testing.T) {
	for name, answer := range map[string]func(*asked) act{"yes": nil, "no": no, "silence": silence, "cancel": cancel} {
		t.Run(name, func(t *testing.T) {
			play(t, setup{sim: calm(), rules: []Rule{homeRule(asks)}}, func(s *scene) {
				s.start()
				s.untilTold(NewsLoggedIn, 1, time.Minute)
				if answer != nil {
					s.phone.always(answer)
				}
				s.sell(2)
				if answer == nil {
					s.untilTold(NewsBooked, 1, time.Minute)
					return
				}
				s.pass(30 * time.Minute)
				if n := len(s.phone.questions(notifier.Offer)); n != 1 {
					t.Errorf("offered %d times", n)
				}
				if n := s.site.Count(railsim.StepSubmit); n != 0 {
					t.Errorf("%d orders without a yes", n)
				}
				s.sell(0)
				s.pass(30 * time.Second)
				s.phone.always(s.phone.right)
				s.sell(2)
				s.untilTold(NewsBooked, 1, time.Minute)
			})
		})
	}
}

// refusals: why an order fails, what is told, and whether watcherd goes on.
func TestRefusals(t *testing.T) {
	t.Parallel()
	people := func(names ...string) func(*Rule) { return func(r *Rule) { r.Passengers = names } }
	for _, tt := range []struct {
		name    string
		rule    func(*Rule)
		prepare func(s *scene)
		says    string // in the news
		submits int    // orders begun within ten minutes, at most
		then    func(s *scene)
	}{
		{"passenger not in the account", people("王五"), nil, "王五", 1, nil},
		{"sold out at checkOrderInfo", nil, func(s *scene) {
			s.site.AddFault(railsim.Fault{Step: railsim.StepCheckOrder, Kind: railsim.Refused, Msg: "余票不足", Times: -1})
		}, "余票不足", 21, (*scene).freeThenBook},
		{"sold out at confirm", nil, func(s *scene) {
			s.site.AddFault(railsim.Fault{Step: railsim.StepConfirm, Kind: railsim.Refused, Msg: "没有足够的票!", Times: -1})
		}, "没有足够的票", 21, (*scene).freeThenBook},
		{"queue fails", nil, func(s *scene) { s.site.PlanQueue(railsim.Queue{Waits: []int{-100}, Fail: -2}) }, "没有足够的票", 11, (*scene).book},
		{"withdrawn", nil, func(s *scene) { s.site.PlanQueue(railsim.Queue{Waits: []int{-100}, Fail: -3, Msg: ""}) }, "12306", 11, (*scene).book},
		{"queue ends without a word", nil, func(s *scene) { s.site.PlanQueue(railsim.Queue{Waits: []int{-100}, Empty: true}) }, "没有占座", 11, (*scene).book},
		{"cancelled too often", nil, func(s *scene) { s.site.SetCancels("zhangsan", 3) }, "取消次数过多", 1, func(s *scene) {
			if !strings.Contains(s.phone.told(NewsFailed)[0].Text, "明天") {
				s.t.Errorf("the news do not say when: %s", s.phone.told(NewsFailed)[0].Text)
			}
			s.pass(time.Until(time.Date(2000, 1, 2, 0, 0, 30, 0, twelve306.Shanghai())))
			s.site.SetCancels("zhangsan", 0)
			s.book()
		}},
		{"words nobody knows", nil, func(s *scene) {
			s.site.AddFault(railsim.Fault{Step: railsim.StepCheckOrder, Kind: railsim.Refused, Msg: "今日宜静坐", Times: -1})
		}, "今日宜静坐", 11, (*scene).freeThenBook},
		{"stale", nil, func(s *scene) {
			s.site.AddFault(railsim.Fault{Step: railsim.StepSubmit, Kind: railsim.Refused, Msg: "车票信息已过期，请重新查询最新车票信息", Times: 3})
		}, "", 5, (*scene).book},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set := setup{sim: calm()}
			if tt.rule != nil {
				set.rules = []Rule{homeRule(tt.rule)}
			}
			play(t, set, func(s *scene) {
				if tt.prepare != nil {
					tt.prepare(s)
				}
				s.start()
				s.untilTold(NewsLoggedIn, 1, time.Minute)
				s.sell(2)
				s.pass(10 * time.Minute)
				failed := s.phone.told(NewsFailed)
				switch {
				case tt.says == "" && len(failed) > 0:
					t.Errorf("told: %s", failed[0].Text)
				case tt.says != "" && len(failed) != 1:
					t.Errorf("failed told %d times", len(failed))
				case tt.says != "" && !strings.Contains(failed[0].Text, tt.says):
					t.Errorf("told %q, not %s", failed[0].Text, tt.says)
				}
				if n := s.site.Count(railsim.StepSubmit); n > tt.submits || n == 0 {
					t.Errorf("%d orders begun in ten minutes", n)
				}
				if tt.then != nil {
					tt.then(s)
				}
			})
		})
	}
}

func (s *scene) book() { s.untilTold(NewsBooked, 1, 15*time.Minute) }

func (s *scene) freeThenBook() {
	s.site.ClearFaults()
	s.book()
}

// Fewer seats than people are taken only by a rule that says so.
func TestPartial(t *testing.T) {
	both := func(r *Rule) { r.Passengers = []string{"张三", "李四"} }
	partial := func(r *Rule) { both(r); r.Partial = true }
	for _, tt := range []struct {
		name string
		rule func(*Rule)
		left int
		want int // tickets
	}{{"two of two", both, 2, 2}, {"one of two", both, 1, 0}, {"partial", partial, 1, 1}, {"partial, enough", partial, 3, 2}} {
		t.Run(tt.name, func(t *testing.T) {
			play(t, setup{sim: calm(), rules: []Rule{homeRule(tt.rule)}}, func(s *scene) {
				s.start()
				s.untilTold(NewsLoggedIn, 1, time.Minute)
				s.sell(tt.left)
				s.pass(2 * time.Minute)
				got := 0
				for _, o := range s.site.AllOrders() {
					got += len(o.Tickets)
				}
				if got != tt.want {
					t.Errorf("%d tickets, want %d", got, tt.want)
				}
			})
		})
	}
}

// The order's own picture: right, wrong, another; given up after three.
func TestOrderPicture(t *testing.T) {
	for name, script := range map[string][]func(p *phone) func(*asked) act{
		"right":             nil,
		"wrong, then right": {func(p *phone) func(*asked) act { return p.wrongly }},
		"another":           {func(*phone) func(*asked) act { return another }},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, setup{sim: calm()}, func(s *scene) {
				s.site.SetOrderCaptcha(true)
				s.start()
				s.untilTold(NewsLoggedIn, 1, time.Minute)
				var list []func(*asked) act
				for _, f := range script {
					list = append(list, f(s.phone))
				}
				s.phone.answers(list...)
				s.sell(2)
				s.untilTold(NewsBooked, 1, time.Minute)
				if n := len(s.phone.questions("")); n != 2+len(script) {
					t.Errorf("%d questions", n)
				}
			})
		})
	}
	t.Run("cancelled, then new seats", func(t *testing.T) {
		play(t, setup{sim: calm()}, func(s *scene) {
			s.site.SetOrderCaptcha(true)
			s.start()
			s.untilTold(NewsLoggedIn, 1, time.Minute)
			s.phone.always(cancel)
			s.sell(2)
			s.untilTold(NewsFailed, 1, time.Minute)
			s.pass(5 * time.Minute)
			if n := len(s.phone.questions("")); n != 2 {
				t.Errorf("%d questions: a cancelled one was asked again", n)
			}
			s.phone.always(s.phone.right)
			s.sell(0)
			s.pass(30 * time.Second)
			s.sell(2)
			s.untilTold(NewsBooked, 1, time.Minute)
		})
	})
}

// One account books one thing at a time; the other rule tells meanwhile and
// books when the first order is paid.
func TestTwoRules(t *testing.T) {
	second := homeRule(func(r *Rule) { r.Name = "返程"; r.Trains, _ = ParseTrains([]string{"G1112"}) })
	// The client takes more for a proof of login than the simulator does.
	set := setup{sim: calm(), rules: []Rule{homeRule(), second}, excuse: []string{"submitOrderRequest without checkUser"}}
	play(t, set, func(s *scene) {
		s.site.AddTrain(day.AddDays(0).String(), railsim.Train{Code: "G1112", From: "IZQ", To: "WHN", Depart: "15:00", Arrive: "19:00", Seats: map[string]int{"O": 3}})
		s.sell(1)
		s.start()
		s.untilTold(NewsBooked, 1, time.Minute)
		s.pass(10 * time.Minute)
		if n := len(s.site.AllOrders()); n != 1 {
			t.Fatalf("%d orders", n)
		}
		first := s.site.AllOrders()[0]
		if err := s.site.PayOrder(first.Number); err != nil {
			t.Fatal(err)
		}
		s.untilTold(NewsPaid, 1, 5*time.Minute)
		s.untilTold(NewsBooked, 2, 5*time.Minute)
	})
}

// The channel is down when the seat is booked: the news wait and arrive.
func TestNewsWaitForTheChannel(t *testing.T) {
	for name, failure := range map[string]error{"down": errors.New("no route"),
		"permanent": &notifier.Error{Channel: "phone", Err: errors.New("chat not found"), Permanent: true}} {
		t.Run(name, func(t *testing.T) {
			play(t, setup{sim: calm()}, func(s *scene) {
				s.start()
				s.untilTold(NewsLoggedIn, 1, time.Minute)
				s.phone.breaks(func() error { return failure })
				s.sell(1)
				s.until("an order", time.Minute, func() bool { return len(s.site.AllOrders()) > 0 })
				s.pass(5 * time.Minute)
				s.kill() // and over a crash
				s.until("the next life", time.Minute, func() bool { return len(s.lives) == 2 })
				s.pass(time.Minute)
				s.phone.breaks(nil)
				s.untilTold(NewsBooked, 1, 2*time.Minute)
			})
		})
	}
}
