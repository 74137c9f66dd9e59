package watcher

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// rewritten is a site whose replies are changed on the wire, for those that
// railsim never gives.
type rewritten struct {
	rt http.RoundTripper
	mu sync.Mutex
	f  func(path string, body []byte) []byte
}

func (w *rewritten) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.rt.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	body = w.f(r.URL.Path, body)
	w.mu.Unlock()
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp.Header.Del("Content-Length")
	return resp, nil
}

// remindedAt checks how much was left to pay when each of the reminders came.
func (s *scene) remindedAt(by time.Time, want ...time.Duration) {
	s.t.Helper()
	list := s.phone.told(NewsReminder)
	if len(list) != len(want) {
		s.t.Errorf("%d reminders, want %d", len(list), len(want))
		return
	}
	for i, m := range list {
		if left := by.Sub(m.At); left < want[i]-5*time.Second || left > want[i]+5*time.Second {
			s.t.Errorf("reminder %d with %v left, want %v", i, left, want[i])
		}
	}
}

// Whatever the account waits for, the user is reminded in time.
func TestRemindersWaitForNothing(t *testing.T) {
	t.Parallel()
	before := func(s *scene, o railsim.Order) { // the five minutes' reminder has been told
		s.pass(time.Until(o.PayBy.Add(-3*time.Minute - 30*time.Second)))
	}
	all := []time.Duration{15 * time.Minute, 5 * time.Minute, 2 * time.Minute}
	t.Run("nobody answers the login", func(t *testing.T) {
		held(t, func(s *scene, o railsim.Order) {
			before(s, o)
			s.phone.always(silence)
			s.site.KillSessions()
			s.pass(time.Until(o.PayBy))
			s.remindedAt(o.PayBy, all...)
		})
	})
	t.Run("12306 hangs", func(t *testing.T) {
		held(t, func(s *scene, o railsim.Order) {
			before(s, o)
			s.site.AddFault(railsim.Fault{Step: railsim.StepNoCompletePage, Kind: railsim.Hang, Times: -1})
			s.site.AddFault(railsim.Fault{Step: railsim.StepNoComplete, Kind: railsim.Hang, Times: -1})
			s.pass(time.Until(o.PayBy))
			s.remindedAt(o.PayBy, all...)
		})
	})
	t.Run("the budget is spent", func(t *testing.T) {
		play(t, setup{sim: railsim.Options{Calm: true}, session: "on_seats", random: steady, excuse: []string{"a query", "secretStr", "submitOrderRequest without checkUser"}, excuses: 1000, change: func(o *Options) {
			made := o.Client
			o.Client = func(saved []byte) (*twelve306.Client, error) {
				c, err := made(saved)
				if err == nil {
					c.Pace().Set(twelve306.PaceConfig{MinInterval: 3 * time.Second, Budget: 5, Random: steady})
				}
				return c, err
			}
		}}, func(s *scene) {
			s.start()
			s.pass(10 * time.Minute)
			s.sell(1)
			s.untilTold(NewsBooked, 1, time.Hour)
			o := s.site.AllOrders()[0]
			s.pass(time.Until(o.PayBy))
			list := s.phone.told(NewsReminder)
			if len(list) < 2 {
				t.Fatalf("%d reminders", len(list))
			}
			for i, want := range []time.Duration{5 * time.Minute, 2 * time.Minute} { // it was told late
				if left := o.PayBy.Sub(list[len(list)-2+i].At); left < want-5*time.Second || left > want+5*time.Second {
					t.Errorf("a reminder with %v left, want %v", left, want)
				}
			}
		})
	})
	t.Run("service hours are over", func(t *testing.T) {
		play(t, setup{sim: calm(), random: steady, change: func(o *Options) { o.Hours, _ = ParseWindow("05:00-08:05") }}, func(s *scene) {
			s.start()
			s.sell(1)
			s.untilTold(NewsBooked, 1, time.Minute)
			o := s.site.AllOrders()[0]
			s.pass(time.Until(o.PayBy))
			s.remindedAt(o.PayBy, all...)
		})
	})
}

// Each reminder comes once, whatever ends a life just then: the crash tells none
// twice, and leaves none out that is still of use.
func TestRemindersOnce(t *testing.T) {
	t.Parallel()
	for _, ends := range []string{"kill", "stop", "reload"} {
		for _, off := range []time.Duration{-time.Second, 0, 50 * time.Millisecond, time.Second} {
			t.Run(fmt.Sprint(ends, off), func(t *testing.T) {
				held(t, func(s *scene, o railsim.Order) {
					for i, left := range []time.Duration{15 * time.Minute, 5 * time.Minute, 2 * time.Minute} {
						s.pass(time.Until(o.PayBy.Add(off - left)))
						switch n := len(s.lives); ends {
						case "kill":
							s.kill()
							s.until("the next life", time.Minute, func() bool { return len(s.lives) > n })
						case "stop":
							s.stop(s.now())
							s.start()
						case "reload":
							s.reload(s.edited(s.now(), func(*Options) {}, "language"))
						}
						s.pass(20 * time.Second)
						ids := map[string]bool{}
						for _, m := range s.phone.told(NewsReminder) {
							ids[m.ID] = true // one that had not arrived before the crash comes again
						}
						if len(ids) != i+1 {
							t.Fatalf("%d reminders with %v left", len(ids), time.Until(o.PayBy))
						}
					}
				})
			})
		}
	}
}

// An order that is paid while its reminder is due is not reminded of after.
func TestNoReminderAfterTheEnd(t *testing.T) {
	t.Parallel()
	held(t, func(s *scene, o railsim.Order) {
		if err := s.site.PayOrder(o.Number); err != nil {
			t.Fatal(err)
		}
		s.untilTold(NewsPaid, 1, 5*time.Minute)
		w := s.now().w
		w.remindNow(o.PayBy.Add(-time.Minute)) // as if it had waited for the lock just then
		s.pass(time.Minute)
		if n := len(s.phone.told(NewsReminder)); n != 0 {
			t.Errorf("%d reminders", n)
		}
	})
}

// payLimits are where 12306 says until when an order must be paid.
var payLimits = regexp.MustCompile(`"(pay_limit_time|lose_time)":"[^"]*"`)

// limitless plays an order of which 12306 does not say until when it must be
// paid, as long as hides says so.
func limitless(t *testing.T, hides func(s *scene) bool, f func(s *scene, o railsim.Order)) {
	t.Helper()
	play(t, setup{sim: calm(), random: steady}, func(s *scene) {
		s.rt = &rewritten{rt: s.rt, f: func(_ string, b []byte) []byte {
			if hides(s) {
				return payLimits.ReplaceAll(b, []byte(`"$1":null`))
			}
			return b
		}}
		s.start()
		s.sell(1)
		s.untilTold(NewsBooked, 1, time.Minute)
		s.limitless = true
		f(s, s.site.AllOrders()[0])
	})
}

// Where 12306 names no time to pay, the shortest that it has ever given is
// assumed, and nothing is claimed that nobody knows.
func TestNoTimeToPay(t *testing.T) {
	t.Parallel()
	always := func(*scene) bool { return true }
	assumed := func(o railsim.Order) time.Time { return o.Held.Add(shortestPayWindow) }
	t.Run("expired", func(t *testing.T) {
		limitless(t, always, func(s *scene, o railsim.Order) {
			s.phone.always(no)
			m := s.untilTold(NewsExpired, 1, 40*time.Minute)
			if strings.HasPrefix(m.Title, "订单已取消") || !strings.Contains(m.Title, "过期或已取消") {
				t.Errorf("told %q", m.Title)
			}
			s.remindedAt(assumed(o), 5*time.Minute, 2*time.Minute)
			for _, r := range s.phone.told(NewsReminder) {
				if !strings.Contains(r.Text, "期限没有读到") || strings.Contains(r.Title, "还剩") {
					t.Errorf("told %q: %q", r.Title, r.Text)
				}
			}
		})
	})
	t.Run("cancelled soon", func(t *testing.T) {
		limitless(t, always, func(s *scene, o railsim.Order) {
			s.phone.always(no)
			if err := s.site.CancelOrder(o.Number); err != nil {
				t.Fatal(err)
			}
			if m := s.untilTold(NewsExpired, 1, 10*time.Minute); !strings.HasPrefix(m.Title, "订单已取消") {
				t.Errorf("told %q", m.Title)
			}
		})
	})
	t.Run("paid late", func(t *testing.T) {
		limitless(t, always, func(s *scene, o railsim.Order) {
			s.pass(20 * time.Minute)
			if err := s.site.PayOrder(o.Number); err != nil {
				t.Fatal(err)
			}
			s.untilTold(NewsPaid, 1, 5*time.Minute)
		})
	})
	t.Run("named later", func(t *testing.T) {
		var till time.Time
		limitless(t, func(s *scene) bool {
			if till.IsZero() {
				till = time.Now().Add(8*time.Minute + 30*time.Second)
			}
			return time.Now().Before(till)
		}, func(s *scene, o railsim.Order) {
			m := s.untilTold(NewsBooked, 2, 12*time.Minute)
			if !strings.Contains(m.Title, "前付款") {
				t.Errorf("told %q", m.Title)
			}
			s.phone.always(no)
			s.untilTold(NewsExpired, 1, 40*time.Minute)
			list := s.phone.told(NewsReminder)
			left := []time.Duration{}
			for _, r := range list {
				left = append(left, o.PayBy.Sub(r.At).Round(10*time.Second))
			}
			if n := len(left); n < 4 || left[n-1] != 2*time.Minute || left[n-2] != 5*time.Minute {
				t.Errorf("reminders with %v left", left)
			}
		})
	})
}

// paidListLags keeps what was paid out of the list of paid orders for a while.
func (s *scene) paidListLags(till func() time.Time) {
	s.rt = &rewritten{rt: s.rt, f: func(path string, b []byte) []byte {
		if strings.HasSuffix(path, "/queryMyOrder") && time.Now().Before(till()) {
			return []byte(`{"validateMessagesShowId":"_validatorMessage","status":true,"httpstatus":200,"data":{"OrderDTODataList":[],"order_total_number":"0"},"messages":[],"validateMessages":{}}`)
		}
		return b
	}}
}

// A payment that 12306's list of paid orders is slow to show is no cancelled
// order, and whoever has paid is not asked whether to book again.
func TestPaidListLags(t *testing.T) {
	t.Parallel()
	for _, quick := range []bool{false, true} {
		lag := 3 * time.Minute
		if quick {
			lag = 4 * time.Second
		}
		for _, off := range []time.Duration{0, 17 * time.Second, 31 * time.Second, 55 * time.Second} {
			t.Run(fmt.Sprint(quick, off), func(t *testing.T) {
				play(t, setup{sim: calm(), random: steady, change: func(o *Options) { o.Quick = quick }}, func(s *scene) {
					var till time.Time
					s.paidListLags(func() time.Time { return till })
					s.start()
					s.sell(3)
					s.untilTold(NewsBooked, 1, time.Minute)
					s.pass(3*time.Minute + off)
					till = time.Now().Add(lag)
					if err := s.site.PayOrder(s.site.AllOrders()[0].Number); err != nil {
						t.Fatal(err)
					}
					s.untilTold(NewsPaid, 1, 10*time.Minute)
					s.pass(30 * time.Minute)
					if len(s.phone.told(NewsExpired)) > 0 || len(s.phone.questions(notifier.Offer)) > 0 || len(s.site.AllOrders()) != 1 {
						t.Error("taken for cancelled")
					}
				})
			})
		}
	}
}

// blindHeld plays an order whose list cannot be read any more, beside another
// rule that has to wait for it.
func blindHeld(t *testing.T, f func(s *scene, o railsim.Order)) {
	t.Helper()
	other := homeRule()
	other.Name, other.Dates = "另一条", []twelve306.Date{day.AddDays(1)}
	play(t, setup{sim: calm(), random: steady, rules: []Rule{homeRule(), other}}, func(s *scene) {
		s.site.SetTrains(day.AddDays(1).String(), g1110(0))
		s.start()
		s.untilTold(NewsLoggedIn, 1, time.Minute)
		s.sell(1)
		s.untilTold(NewsBooked, 1, time.Minute)
		s.sell(0)
		s.site.AddFault(railsim.Fault{Step: railsim.StepNoComplete, Kind: railsim.WrongType, Acts: true, Times: -1})
		f(s, s.site.AllOrders()[0])
	})
}

// outOfSight waits until the user is told that nobody knows what became of the
// order, and checks that it is not before the time to pay is over.
func (s *scene) outOfSight(o railsim.Order) {
	s.t.Helper()
	var m notifier.Message
	s.until("news of an order out of sight", 45*time.Minute, func() bool {
		list := s.phone.told(NewsReminder)
		if n := len(list); n > 0 {
			m = list[n-1]
		}
		return strings.Contains(m.Title, "付没付不知道")
	})
	if late := m.At.Sub(o.PayBy); late < 0 || late > 8*time.Minute || !strings.Contains(m.Text, o.Number) || !strings.Contains(m.Text, "watcherd resume 回家") {
		s.t.Errorf("told %v after the deadline: %q", late, m.Text)
	}
}

func (s *scene) outOfSightTold() (n int) {
	for _, m := range s.phone.told(NewsReminder) {
		if strings.Contains(m.Title, "付没付不知道") {
			n++
		}
	}
	return n
}

// An order of which 12306 does not say any more what became of it blocks all
// rules: the user is told once, and can let it go.
func TestHeldOutOfSight(t *testing.T) {
	t.Parallel()
	t.Run("for ever", func(t *testing.T) {
		blindHeld(t, func(s *scene, o railsim.Order) {
			s.outOfSight(o)
			s.site.Sell(day.AddDays(1).String(), "G1110", "O", 3)
			s.pass(2 * time.Hour)
			s.kill()
			s.until("the next life", time.Minute, func() bool { return len(s.lives) == 2 })
			s.pass(time.Hour)
			if n := s.outOfSightTold(); n != 1 {
				t.Errorf("told %d times", n)
			}
			if len(s.site.Confirms()) != 1 || len(s.phone.told(NewsExpired)) > 0 {
				t.Error("an order out of sight was taken for ended")
			}
			asked := s.site.Count(railsim.StepNoComplete)
			s.site.ClearFaults() // the new order has to be read back
			s.site.AddFault(railsim.Fault{Step: railsim.StepMyOrder, Kind: railsim.WrongType, Times: -1})
			if err := s.now().w.Resume("回家"); err != nil {
				t.Fatal(err)
			}
			s.untilTold(NewsBooked, 2, 2*time.Minute)
			if s.site.Count(railsim.StepNoComplete) == asked {
				t.Error("nobody asks for it any more")
			}
		})
	})
	for name, ends := range map[string]struct {
		by   func(*scene, railsim.Order) error
		told NewsKind
	}{
		"paid": {func(s *scene, o railsim.Order) error { return s.site.PayOrder(o.Number) }, NewsPaid},
		"not":  {func(*scene, railsim.Order) error { return nil }, NewsExpired},
	} {
		t.Run(name, func(t *testing.T) {
			blindHeld(t, func(s *scene, o railsim.Order) {
				s.phone.always(no)
				s.pass(10 * time.Minute)
				if err := ends.by(s, o); err != nil {
					t.Fatal(err)
				}
				s.outOfSight(o)
				s.site.ClearFaults()
				s.untilTold(ends.told, 1, 5*time.Minute)
				s.site.Sell(day.AddDays(1).String(), "G1110", "O", 3)
				s.untilTold(NewsBooked, 2, 2*time.Minute)
			})
		})
	}
	t.Run("its rule is gone", func(t *testing.T) {
		blindHeld(t, func(s *scene, o railsim.Order) {
			if err := s.now().w.Resume("别的"); err == nil {
				t.Error("a rule that never was was resumed")
			}
			s.reload(Change{Options: Options{Rules: s.set.rules[1:]}})
			s.outOfSight(o)
			s.site.ClearFaults()
			if err := s.now().w.Resume("回家"); err != nil {
				t.Fatal(err)
			}
			s.site.Sell(day.AddDays(1).String(), "G1110", "O", 3)
			s.untilTold(NewsBooked, 2, 2*time.Minute)
		})
	})
	t.Run("back in time", func(t *testing.T) {
		blindHeld(t, func(s *scene, o railsim.Order) {
			s.pass(20 * time.Minute)
			s.site.ClearFaults()
			s.phone.always(no)
			s.untilTold(NewsExpired, 1, 30*time.Minute)
			if n := s.outOfSightTold(); n != 0 {
				t.Errorf("told %d times", n)
			}
		})
	})
}

// Neither list can be read when an order is gone: nothing is claimed.
func TestGoneAndUnreadable(t *testing.T) {
	t.Parallel()
	blindHeld(t, func(s *scene, o railsim.Order) {
		s.phone.always(no)
		s.pass(29 * time.Minute)
		if err := s.site.PayOrder(o.Number); err != nil {
			t.Fatal(err)
		}
		s.pass(5 * time.Minute)
		s.site.ClearFaults()
		s.site.AddFault(railsim.Fault{Step: railsim.StepMyOrder, Kind: railsim.HTML, Times: -1})
		m := s.untilTold(NewsExpired, 1, 20*time.Minute)
		if !strings.Contains(m.Title, "付没付请看 App") {
			t.Errorf("told %q", m.Title)
		}
	})
}
