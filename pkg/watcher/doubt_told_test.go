package watcher

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
	"github.com/watcherd/watcherd/pkg/watcher/internal/store"
)

// This file has what the user hears while nobody knows what became of his
// order, and the replies that must not be taken for its end.

// mayBeHeldNews are the messages that a seat may be held.
func (p *phone) mayBeHeld() (list []notifier.Message) {
	for _, m := range p.all() {
		if strings.Contains(m.Title, "可能已占到座") {
			list = append(list, m)
		}
	}
	return list
}

// nothingOpen is queryMyOrderNoComplete's "nothing".
const nothingOpen = `{"validateMessagesShowId":"_validatorMessage","status":true,"httpstatus":200,"messages":[],"validateMessages":{}}`

// While 12306 says nothing that can be read, the user is sent to the app:
// within a minute, once more, and not again.
func TestSilenceAfterAConfirmIsTold(t *testing.T) {
	t.Parallel()
	for name, silent := range map[string]func(s *scene){
		"no network": func(s *scene) {
			s.onRequest(func(step railsim.Step, _ *http.Request) {
				if step == railsim.StepConfirm {
					s.onRequest(nil)
					s.site.AddFault(railsim.Fault{Kind: railsim.Unreachable, Times: -1})
				}
			})
		},
		"a list in another form": func(s *scene) {
			s.site.AddFault(railsim.Fault{Step: railsim.StepWait, Kind: railsim.Empty200, Times: -1})
			s.site.AddFault(railsim.Fault{Step: railsim.StepNoComplete, Kind: railsim.WrongType, Acts: true, Times: -1})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, setup{sim: calm(), random: steady}, func(s *scene) {
				s.start()
				s.untilTold(NewsLoggedIn, 1, time.Minute)
				s.site.AddFault(replyLost)
				silent(s)
				s.sell(1)
				s.untilTold(NewsSeats, 1, time.Minute)
				s.pass(time.Minute)
				if list := s.phone.mayBeHeld(); len(list) != 1 || !list[0].Loud || !strings.Contains(list[0].Text, "未完成订单") {
					t.Fatalf("told %v", list)
				}
				s.kill() // what was told is not told again by the next life
				s.until("the next life", time.Minute, func() bool { return len(s.lives) == 2 })
				s.pass(40 * time.Minute)
				if n := len(s.phone.mayBeHeld()); n != 2 {
					t.Errorf("told %d times that a seat may be held", n)
				}
			})
		})
	}
}

// A Retry-After of an hour does not make the daemon sleep while a seat is held.
func TestRetryAfterDoesNotOutlastASeat(t *testing.T) {
	t.Parallel()
	play(t, setup{sim: calm(), random: steady}, func(s *scene) {
		s.start()
		s.untilTold(NewsLoggedIn, 1, time.Minute)
		s.site.AddFault(replyLost)
		s.site.AddFault(railsim.Fault{Step: railsim.StepWait, Kind: railsim.Empty200, Times: -1})
		s.site.AddFault(railsim.Fault{Step: railsim.StepNoComplete, Kind: railsim.TooMany429, RetryAfter: time.Hour})
		s.sell(1)
		s.untilTold(NewsSeats, 1, time.Minute)
		s.untilTold(NewsBooked, 1, 6*time.Minute)
	})
}

// A number that the journal has is told before anybody is asked to log in.
func TestANumberIsToldBeforeTheLogin(t *testing.T) {
	t.Parallel()
	play(t, setup{sim: calm(), random: steady}, func(s *scene) {
		s.start()
		s.untilTold(NewsLoggedIn, 1, time.Minute)
		s.onRequest(func(step railsim.Step, _ *http.Request) {
			if step == railsim.StepResult {
				s.onRequest(nil)
				s.kill()
				s.site.KillSessions()
			}
		})
		s.phone.always(silence)
		s.sell(1)
		s.until("the next life", time.Minute, func() bool { return len(s.lives) == 2 })
		m := s.untilTold(NewsBooked, 1, 10*time.Second)
		if number := s.site.AllOrders()[0].Number; !strings.Contains(m.Text, number) {
			t.Errorf("order %s was told as %s", number, m.Text)
		}
		s.pass(5 * time.Minute)
	})
}

// The number was learnt, and the daemon was down until the order had ended.
func TestANumberOfLongAgo(t *testing.T) {
	t.Parallel()
	for name, paid := range map[string]bool{"expired": false, "paid": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, setup{sim: calm(), random: steady}, func(s *scene) {
				s.start()
				s.untilTold(NewsLoggedIn, 1, time.Minute)
				s.onRequest(func(step railsim.Step, _ *http.Request) {
					if step == railsim.StepResult {
						s.onRequest(nil)
						s.kill()
					}
				})
				s.sell(1)
				s.pass(time.Minute)
				if paid {
					if err := s.site.PayOrder(s.site.AllOrders()[0].Number); err != nil {
						t.Fatal(err)
					}
				}
				s.pass(45 * time.Minute)
				s.sell(0)
				s.start()
				want := NewsExpired
				if paid {
					want = NewsPaid
				}
				s.untilTold(want, 1, time.Minute)
				if list := s.phone.told(NewsBooked); len(list) > 0 {
					t.Errorf("told to pay for what is over: %s", list[0].Text)
				}
			})
		})
	}
}

// A confirm is answered with words that may hide an order, and the order shows
// only after 50 seconds: one readable "nothing" is no proof.
func TestWordsThatMayHideAnOrder(t *testing.T) {
	t.Parallel()
	for _, f := range []railsim.Fault{
		{Kind: railsim.Busy},
		{Kind: railsim.Refused, Msg: "您的订单正在排队中"},
		{Kind: railsim.Refused, Msg: "您还有未处理的订单"},
		{Kind: railsim.Refused, Msg: "用户未登录"},
	} {
		t.Run(string(f.Kind)+f.Msg, func(t *testing.T) {
			t.Parallel()
			f.Step, f.Acts = railsim.StepConfirm, true
			booking(t, setup{sim: railsim.Options{Calm: true, NoGuard: true}}, func(s *scene) {
				s.site.PlanQueue(railsim.Queue{Waits: []int{-100, 4}, Hidden: 50 * time.Second})
				s.site.AddFault(f)
			})
		})
	}
}

// 12306 goes on listing an order that has failed in the queue: it is not the
// end of the next one.
func TestAnOlderFailureIsNotTheEnd(t *testing.T) {
	t.Parallel()
	play(t, setup{sim: railsim.Options{Calm: true, NoGuard: true}, random: steady}, func(s *scene) {
		var old []byte
		var until time.Time
		s.rt = &rewritten{rt: s.rt, f: func(path string, b []byte) []byte {
			if !strings.HasSuffix(path, "queryMyOrderNoComplete") {
				return b
			}
			if old == nil && bytes.Contains(b, []byte("orderCacheDTO")) {
				old = b
			}
			if time.Now().Before(until) {
				return old
			}
			return b
		}}
		s.start()
		s.untilTold(NewsLoggedIn, 1, time.Minute)
		s.site.PlanQueue(railsim.Queue{Waits: []int{-100}, Fail: -2}, railsim.Queue{Waits: []int{-100, 4}, Hidden: 20 * time.Second})
		s.site.AddFault(railsim.Fault{Step: railsim.StepConfirm, Kind: railsim.ReplyLost, Skip: 1})
		confirms := 0
		s.onRequest(func(step railsim.Step, _ *http.Request) {
			if step == railsim.StepConfirm {
				if confirms++; confirms == 2 {
					until = time.Now().Add(20 * time.Second)
				}
			}
		})
		s.sell(5)
		s.untilTold(NewsBooked, 1, 5*time.Minute)
		s.pass(time.Minute)
		if confirms != 2 || old == nil {
			t.Errorf("%d confirms", confirms)
		}
	})
}

// The queue gives a number and the list is minutes behind: the number is told,
// and "nothing" is not believed.
func TestTheListIsBehindTheQueue(t *testing.T) {
	t.Parallel()
	play(t, setup{sim: calm(), random: steady}, func(s *scene) {
		var until time.Time
		s.rt = &rewritten{rt: s.rt, f: func(path string, b []byte) []byte {
			if strings.HasSuffix(path, "queryMyOrderNoComplete") && time.Now().Before(until) && bytes.Contains(b, []byte("orderDBList")) {
				return []byte(nothingOpen)
			}
			return b
		}}
		s.start()
		s.untilTold(NewsLoggedIn, 1, time.Minute)
		s.site.AddFault(replyLost)
		until = time.Now().Add(4 * time.Minute)
		s.sell(3)
		s.untilTold(NewsSeats, 1, time.Minute)
		s.pass(time.Minute)
		list := s.phone.mayBeHeld()
		if len(list) != 1 || !strings.Contains(list[0].Title, s.site.AllOrders()[0].Number) {
			t.Errorf("told %v", list)
		}
		s.untilTold(NewsBooked, 1, 5*time.Minute)
		s.pass(time.Minute)
	})
}

// Somebody else's order in the queue of the account is not "nothing".
func TestAForeignQueueIsNotNothing(t *testing.T) {
	t.Parallel()
	play(t, setup{sim: railsim.Options{Calm: true, NoGuard: true}, random: steady}, func(s *scene) {
		var until time.Time
		s.rt = &rewritten{rt: s.rt, f: func(path string, b []byte) []byte {
			switch {
			case !time.Now().Before(until):
			case strings.HasSuffix(path, "queryMyOrderNoComplete"):
				return []byte(`{"status":true,"httpstatus":200,"data":{"orderCacheDTO":{"stationTrainCode":"D1","trainDate":"2000-01-08 00:00:00",` +
					`"requestTime":"2000-01-01 08:00:00","status":1,"waitTime":50,"array_passser_name_page":["李四"]},"to_page":"cache"},"messages":[]}`)
			case strings.HasSuffix(path, "queryOrderWaitTime"):
				return nil
			}
			return b
		}}
		s.start()
		s.untilTold(NewsLoggedIn, 1, time.Minute)
		s.site.AddFault(replyLost)
		until = time.Now().Add(3 * time.Minute)
		s.sell(3)
		s.untilTold(NewsBooked, 1, 6*time.Minute)
		if n := len(s.site.Confirms()); n != 1 {
			t.Errorf("%d confirms", n)
		}
	})
}

// The user finds the order in the app and pays before watcherd can look.
func TestPaidBeforeItWasKnown(t *testing.T) {
	t.Parallel()
	play(t, setup{sim: calm(), random: steady}, func(s *scene) {
		s.site.PlanQueue(railsim.Queue{})
		s.site.AddFault(replyLost)
		s.onRequest(func(step railsim.Step, _ *http.Request) {
			if step == railsim.StepConfirm {
				s.onRequest(nil)
				s.site.AddFault(railsim.Fault{Kind: railsim.Unreachable, Times: 12})
				time.AfterFunc(15*time.Second, func() {
					for _, o := range s.site.AllOrders() {
						if err := s.site.PayOrder(o.Number); err != nil {
							t.Error(err)
						}
					}
				})
			}
		})
		s.start()
		s.untilTold(NewsLoggedIn, 1, time.Minute)
		s.sell(3)
		s.untilTold(NewsPaid, 1, 5*time.Minute)
		s.pass(5 * time.Minute)
		if n := len(s.site.Confirms()); n != 1 {
			t.Errorf("%d confirms", n)
		}
	})
}

// What the queue says of the account holds after a restart, before the rule
// has looked again.
func TestRefusedWhileItWasDown(t *testing.T) {
	t.Parallel()
	for name, msg := range map[string]string{
		"for the day": "对不起，由于您取消次数过多，今日将不能继续受理您的订票请求。",
		"a clash":     "张三(二代身份证-110101199001010014)存在与本次购票行程冲突的车票!!",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, setup{sim: calm(), random: steady}, func(s *scene) {
				q := railsim.Queue{Waits: []int{-100, 4}, Fail: -2, Msg: msg}
				s.site.PlanQueue(q, q, q)
				s.start()
				s.untilTold(NewsLoggedIn, 1, time.Minute)
				s.onRequest(func(step railsim.Step, _ *http.Request) {
					if step == railsim.StepWait {
						s.onRequest(nil)
						s.kill()
					}
				})
				s.sell(2)
				s.until("the next life", time.Minute, func() bool { return len(s.lives) == 2 })
				s.untilTold(NewsFailed, 1, 4*time.Minute)
				s.pass(5 * time.Minute)
				if n := len(s.site.Confirms()); n != 1 {
					t.Errorf("%d confirms", n)
				}
			})
		})
	}
}

// An order that ends in the queue with the word login in it has ended.
func TestTheQueueSpeaksOfLogins(t *testing.T) {
	t.Parallel()
	play(t, setup{sim: calm(), random: steady}, func(s *scene) {
		s.site.PlanQueue(railsim.Queue{Waits: []int{-100, 4}, Fail: -2, Msg: "您的登录已失效，请重新登录后再购票"})
		s.start()
		s.untilTold(NewsLoggedIn, 1, time.Minute)
		s.sell(2)
		s.untilTold(NewsFailed, 1, time.Minute)
		s.untilTold(NewsBooked, 1, 5*time.Minute)
	})
}

// The clock was set back after an intent was written: the account is not
// locked until the clock gets there again.
func TestAnIntentAheadOfTheClock(t *testing.T) {
	t.Parallel()
	play(t, setup{sim: calm(), random: steady}, func(s *scene) {
		disk, err := store.Open(s.dir)
		if err != nil {
			t.Fatal(err)
		}
		trip := &Trip{Train: "G1110", Date: day, From: "广州南", To: "武汉", Depart: "09:30", Arrive: "13:30", Seat: twelve306.SecondClass, Passengers: []string{"张三"}}
		ahead := time.Now().Add(3 * time.Hour)
		for _, e := range []Event{
			{At: ahead, Kind: AttemptBegun, Rule: "回家", Attempt: "0123456789abcdef", Trip: trip},
			{At: ahead, Kind: Confirming, Rule: "回家", Attempt: "0123456789abcdef"},
		} {
			if err := disk.Append([]store.Record{e.record()}, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := disk.Close(); err != nil {
			t.Fatal(err)
		}
		s.start()
		if q := s.phone.questions(notifier.Picture); len(q) > 0 && !strings.Contains(q[0].Title, "可能已占到座") {
			t.Errorf("asked %s", q[0].Title)
		}
		s.untilTold(NewsFailed, 1, 2*time.Minute)
		s.sell(1)
		s.untilTold(NewsBooked, 1, time.Minute)
	})
}

// Outside service_hours nothing is asked, but of an order that may be held.
func TestDoubtAtTheCloseOfTheDay(t *testing.T) {
	t.Parallel()
	play(t, setup{sim: calm(), random: steady, change: func(o *Options) { o.Hours, _ = ParseWindow("05:00-08:01") }}, func(s *scene) {
		s.start()
		s.untilTold(NewsLoggedIn, 1, time.Minute)
		s.pass(50 * time.Second)
		s.site.AddFault(railsim.Fault{Step: railsim.StepConfirm, Kind: railsim.RequestLost})
		s.site.AddFault(railsim.Fault{Step: railsim.StepNoComplete, Kind: railsim.Status502, Times: -1})
		s.sell(2)
		s.pass(3 * time.Hour)
		all := s.site.Requests()
		if asked := all[len(all)-1].At.Sub(s.phone.told(NewsSeats)[0].At); asked < 5*time.Minute || asked > 12*time.Minute {
			t.Errorf("12306 was asked for %v after the confirm", asked)
		}
	})
}

func TestSamePeople(t *testing.T) {
	for _, tt := range []struct {
		a, b []string
		want bool
	}{
		{[]string{"张三", "李四"}, []string{"李四", "张三"}, true},
		{[]string{"WANG  XIAO"}, []string{" WANG XIAO "}, true},
		{[]string{"张三"}, []string{"张三", "张三"}, false},
		{[]string{"张三"}, []string{"李四"}, false},
	} {
		if got := samePeople(tt.a, tt.b); got != tt.want {
			t.Errorf("samePeople(%q, %q) is %v", tt.a, tt.b, got)
		}
	}
}
