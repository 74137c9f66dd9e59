package watcher

import (
	"net/http"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// Nobody knows what became of a confirm, and 12306 does not say for minutes:
// unreadable is never "nothing".
func TestUnreadableIsNotNothing(t *testing.T) {
	for _, kind := range []railsim.FaultKind{railsim.HTML, railsim.Empty200, railsim.WrongType, railsim.Null, railsim.Status502, railsim.RequestLost} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			booking(t, setup{sim: railsim.Options{Calm: true, NoGuard: true}}, func(s *scene) {
				s.site.AddFault(railsim.Fault{Step: railsim.StepConfirm, Kind: railsim.ReplyLost})
				s.site.AddFault(railsim.Fault{Step: railsim.StepWait, Kind: kind, Times: 40})
				s.site.AddFault(railsim.Fault{Step: railsim.StepNoComplete, Kind: kind, Times: 12})
			})
		})
	}
}

// replyLost is a confirm that acts and whose reply nobody gets.
var replyLost = railsim.Fault{Step: railsim.StepConfirm, Kind: railsim.ReplyLost}

// Nobody knows what became of a confirm, and its order is in the queue for
// minutes, in which a crash changes nothing; or 12306 shows it late.
func TestTheOrderComesLate(t *testing.T) {
	for name, q := range map[string]railsim.Queue{
		"a long queue":         {Waits: []int{-100, 240, 60, 4}, Lasts: 4 * time.Minute},
		"a queue that is mute": {Waits: []int{-100}, Lasts: 4 * time.Minute},
		"shown late":           {Waits: []int{-100}, Hidden: 50 * time.Second},
		"shown a little late":  {Waits: []int{-100}, Hidden: 20 * time.Second},
	} {
		for _, crash := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", with a crash"}[crash], func(t *testing.T) {
				t.Parallel()
				booking(t, setup{sim: railsim.Options{Calm: true, NoGuard: true}}, func(s *scene) {
					s.site.PlanQueue(q)
					s.site.AddFault(replyLost)
					if crash {
						s.onRequest(func(step railsim.Step, _ *http.Request) {
							if step == railsim.StepNoComplete {
								s.onRequest(nil)
								s.kill()
							}
						})
					}
				})
			})
		}
	}
}

// A confirm never arrived, and at the same time the user makes an order by
// hand: it is not taken for ours, it is told, and booking waits for its end.
func TestAnOrderMadeByHandIsNotOurs(t *testing.T) {
	ours := g1110(1)
	other := railsim.Train{Code: "D1", No: "240000D10000", From: "IZQ", To: "WHN", Depart: "07:00", Arrive: "15:00"}
	for _, tt := range []struct {
		name, date, passenger string
		train                 railsim.Train
		before                bool
	}{
		{"another train", day.String(), "张三", other, false},
		{"another day", day.AddDays(1).String(), "张三", ours, false},
		{"another passenger", day.String(), "李四", ours, false},
		{"made before", day.String(), "张三", ours, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			play(t, setup{sim: railsim.Options{Calm: true, NoGuard: true}, excuse: []string{"submitOrderRequest without checkUser"}}, func(s *scene) {
				plant := func() { s.site.PlantOrder("zhangsan", tt.date, tt.train, "O", tt.passenger) }
				if tt.before {
					plant()
				} else {
					s.onRequest(func(step railsim.Step, _ *http.Request) {
						if step == railsim.StepConfirm {
							s.onRequest(nil)
							plant()
						}
					})
				}
				s.site.AddFault(railsim.Fault{Step: railsim.StepConfirm, Kind: railsim.RequestLost})
				s.start()
				s.pass(3 * time.Minute)
				s.sell(2)
				s.untilTold(NewsHeldElsewhere, 1, 5*time.Minute)
				s.pass(10 * time.Minute)
				if len(s.phone.told(NewsFailed)) > 0 {
					t.Error("told that nothing is held, while the list shows something else")
				}
				if n := len(s.site.Confirms()); n != 1 {
					t.Errorf("%d confirms while an order of the user's own is unpaid", n)
				}
				if err := s.site.CancelOrder(s.site.AllOrders()[0].Number); err != nil { // once paid, its trip may clash
					t.Fatal(err)
				}
				s.untilTold(NewsBooked, 1, 15*time.Minute)
			})
		})
	}
}

// 12306 refuses a confirm in words, and holds the order all the same.
func TestRefusedAndYetHeld(t *testing.T) {
	for _, words := range []string{"网络繁忙", "今日宜静坐", "您还有未处理的订单", "您还有排队中的订单"} {
		t.Run(words, func(t *testing.T) {
			t.Parallel()
			booking(t, setup{sim: railsim.Options{Calm: true, NoGuard: true}}, func(s *scene) {
				s.site.AddFault(railsim.Fault{Step: railsim.StepConfirm, Kind: railsim.Refused, Msg: words, Acts: true})
			})
		})
	}
}

// Two rules, and a 12306 that would take both orders: the second waits until
// the first is paid.
func TestOneOrderAtATime(t *testing.T) {
	second := homeRule(func(r *Rule) { r.Name = "返程"; r.Trains, _ = ParseTrains([]string{"G1112"}) })
	set := setup{sim: railsim.Options{Calm: true, NoGuard: true}, rules: []Rule{homeRule(), second}, excuse: []string{"submitOrderRequest without checkUser"}}
	play(t, set, func(s *scene) {
		s.site.AddTrain(day.String(), railsim.Train{Code: "G1112", From: "IZQ", To: "WHN", Depart: "15:00", Arrive: "19:00", Seats: map[string]int{"O": 3}})
		s.sell(1)
		s.start()
		s.untilTold(NewsBooked, 1, time.Minute)
		s.pass(10 * time.Minute)
		if n := len(s.site.Confirms()); n != 1 {
			t.Errorf("%d confirms while an order is unpaid", n)
		}
		if err := s.site.PayOrder(s.site.AllOrders()[0].Number); err != nil {
			t.Fatal(err)
		}
		s.untilTold(NewsBooked, 2, 5*time.Minute)
	})
}

// While our order is in the queue the list shows one that the user made by
// hand: that is not "nothing", however often it is shown. (TestSimulation, seed
// 12070.)
func TestAnOrderMadeByHandHidesOurs(t *testing.T) {
	play(t, setup{sim: railsim.Options{Calm: true, NoGuard: true}}, func(s *scene) {
		s.site.PlanQueue(railsim.Queue{Waits: []int{-100}, Lasts: 3 * time.Minute})
		s.site.AddFault(replyLost)
		s.start()
		s.sell(1)
		s.until("the confirm", time.Minute, func() bool { return len(s.site.Confirms()) == 1 })
		o := s.site.PlantOrder("zhangsan", "2000-01-08", railsim.Train{Code: "D1", No: "240000D10000", From: "BJP", To: "SHH", Depart: "07:00", Arrive: "15:00"}, "O", "李四")
		s.untilTold(NewsBooked, 1, 4*time.Minute)
		if len(s.phone.told(NewsFailed)) > 0 || len(s.phone.told(NewsHeldElsewhere)) != 1 {
			t.Error("told that it failed, or not of the other order")
		}
		if err := s.site.PayOrder(o.Number); err != nil {
			t.Fatal(err)
		}
	})
}
