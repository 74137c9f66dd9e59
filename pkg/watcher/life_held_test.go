package watcher

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// held plays a booking and hands over the order.
func held(t *testing.T, f func(s *scene, o railsim.Order)) {
	t.Helper()
	play(t, setup{sim: calm(), excuse: []string{"submitOrderRequest without checkUser"}}, func(s *scene) {
		s.start()
		s.sell(1)
		s.untilTold(NewsBooked, 1, time.Minute)
		f(s, s.site.AllOrders()[0])
	})
}

func TestReminders(t *testing.T) {
	held(t, func(s *scene, o railsim.Order) {
		s.untilTold(NewsExpired, 1, 35*time.Minute)
		list := s.phone.told(NewsReminder)
		if len(list) != 3 {
			t.Fatalf("%d reminders", len(list))
		}
		for i, want := range []time.Duration{15 * time.Minute, 5 * time.Minute, 2 * time.Minute} {
			if left := o.PayBy.Sub(list[i].At); left < want-5*time.Second || left > want+5*time.Second {
				t.Errorf("reminder %d with %v left", i, left)
			}
		}
		// Asked whether to look again; yes books again.
		s.untilTold(NewsBooked, 2, 5*time.Minute)
	})
}

func TestPaid(t *testing.T) {
	for name, after := range map[string]time.Duration{"soon": time.Minute, "in the last seconds": 29*time.Minute + 50*time.Second} {
		t.Run(name, func(t *testing.T) {
			held(t, func(s *scene, o railsim.Order) {
				s.pass(time.Until(o.Held.Add(after)))
				if err := s.site.PayOrder(o.Number); err != nil {
					t.Fatal(err)
				}
				s.untilTold(NewsPaid, 1, 5*time.Minute)
				reminders := len(s.phone.told(NewsReminder))
				s.pass(time.Hour)
				if len(s.phone.told(NewsReminder)) != reminders || len(s.phone.told(NewsExpired)) != 0 || len(s.phone.told(NewsPaid)) != 1 {
					t.Error("told more after the payment")
				}
			})
		})
	}
}

func TestCancelledByHand(t *testing.T) {
	held(t, func(s *scene, o railsim.Order) {
		s.phone.always(no) // do not look again
		if err := s.site.CancelOrder(o.Number); err != nil {
			t.Fatal(err)
		}
		m := s.untilTold(NewsExpired, 1, 5*time.Minute)
		if !strings.Contains(m.Title, "取消") {
			t.Errorf("told %q", m.Title)
		}
		s.pass(time.Hour)
		if n := len(s.phone.told(NewsBooked)); n != 1 {
			t.Errorf("booked %d times", n)
		}
		if err := s.now().w.Resume("回家"); err != nil {
			t.Fatal(err)
		}
		s.untilTold(NewsBooked, 2, 5*time.Minute)
	})
}

// An order made elsewhere is told once and left alone; booking waits for it.
func TestForeignOrder(t *testing.T) {
	play(t, setup{sim: calm(), excuse: []string{"submitOrderRequest without checkUser"}}, func(s *scene) {
		o := s.site.PlantOrder("zhangsan", "2000-01-08", railsim.Train{Code: "D1", No: "240000D10000", From: "BJP", To: "SHH", Depart: "07:00", Arrive: "15:00"}, "O", "李四")
		s.start()
		s.sell(1)
		m := s.untilTold(NewsHeldElsewhere, 1, time.Minute)
		if !strings.Contains(m.Text, o.Number) {
			t.Errorf("told %q", m.Text)
		}
		s.pass(15 * time.Minute)
		s.kill()
		s.until("the next life", time.Minute, func() bool { return len(s.lives) == 2 })
		s.pass(5 * time.Minute)
		if n := len(s.phone.told(NewsHeldElsewhere)); n != 1 {
			t.Errorf("told %d times", n)
		}
		if n := s.site.Count(railsim.StepSubmit); n > 2 {
			t.Errorf("%d orders begun while another is unpaid", n)
		}
		if err := s.site.PayOrder(o.Number); err != nil {
			t.Fatal(err)
		}
		s.untilTold(NewsBooked, 1, 5*time.Minute)
	})
}

// Wrong answers, silence, a refused password: what a login does next.
func TestLoginConversations(t *testing.T) {
	t.Parallel()
	t.Run("wrong three times", func(t *testing.T) {
		play(t, setup{sim: calm()}, func(s *scene) {
			s.phone.always(s.phone.wrongly)
			s.start()
			m := s.untilTold(NewsLoginFailed, 1, time.Minute)
			if n := len(s.phone.questions("")); n != 3 {
				t.Errorf("%d questions: %s", n, m.Text)
			}
			s.phone.always(s.phone.right)
			s.untilTold(NewsLoggedIn, 1, 11*time.Minute)
		})
	})
	t.Run("silence, again after ask_again", func(t *testing.T) {
		play(t, setup{sim: calm()}, func(s *scene) {
			s.phone.answers(silence)
			s.start()
			s.untilTold(NewsLoggedIn, 1, 15*time.Minute)
			q := s.phone.questions("")
			if gap := q[1].at.Sub(q[0].Deadline); len(q) != 2 || gap < 10*time.Minute || gap > 11*time.Minute {
				t.Errorf("%d questions, the second %v after the end of the first", len(q), gap)
			}
		})
	})
	t.Run("silence, again when seats appear", func(t *testing.T) {
		play(t, setup{sim: calm()}, func(s *scene) {
			s.phone.answers(silence)
			s.start()
			s.untilTold(NewsLoginFailed, 1, 5*time.Minute)
			s.sell(1)
			s.untilTold(NewsBooked, 1, time.Minute)
		})
	})
	t.Run("refused password", func(t *testing.T) {
		wrong := "not-the-password"
		password := &wrong
		set := setup{sim: calm(), change: func(o *Options) { o.Account.Credentials.Password = *password }}
		play(t, set, func(s *scene) {
			s.start()
			s.untilTold(NewsLoginFailed, 1, time.Minute)
			s.sell(1)
			s.pass(time.Hour)
			s.kill()
			s.until("the next life", time.Minute, func() bool { return len(s.lives) == 2 })
			s.pass(time.Hour)
			if n := s.site.Count(railsim.StepLogin); n != 1 {
				t.Errorf("the password was posted %d times", n)
			}
			right := railsim.DefaultAccount().Password
			password = &right
			s.stop(s.now())
			s.start()
			s.untilTold(NewsBooked, 1, time.Minute)
		})
	})
}

// A stop at any moment is quick, and the next life goes on.
func TestStopAnywhere(t *testing.T) {
	t.Parallel()
	for at := range 24 {
		play(t, setup{sim: railsim.Options{Calm: true, RTT: 200 * time.Millisecond}, excuse: []string{"a query "}}, func(s *scene) {
			s.site.SetOrderCaptcha(true)
			s.sell(1)
			l := s.start()
			s.pass(time.Duration(at)*700*time.Millisecond + 50*time.Millisecond)
			s.stop(l)
			s.start()
			s.untilTold(NewsBooked, 1, 2*time.Minute)
			if n := len(s.phone.told("stopping")); n != 1 {
				t.Errorf("stopping told %d times", n)
			}
		})
	}
}

// A disk that is full before the confirm: no order, told once. After it: the
// order is told, and written down when there is room again.
func TestDiskFull(t *testing.T) {
	t.Run("before", func(t *testing.T) {
		play(t, setup{sim: calm()}, func(s *scene) {
			full := s.disk()
			s.start()
			s.untilTold(NewsLoggedIn, 1, time.Minute)
			full.Store(true)
			s.sell(1)
			m := s.untilTold(NewsFailed, 1, time.Minute)
			if !strings.Contains(m.Text, "磁盘") {
				t.Errorf("told %q", m.Text)
			}
			s.pass(30 * time.Minute)
			if n := len(s.phone.told(NewsFailed)); n != 1 {
				t.Errorf("told %d times", n)
			}
			if n := s.site.Count(railsim.StepSubmit); n != 0 {
				t.Errorf("%d orders begun", n)
			}
			full.Store(false)
			s.untilTold(NewsBooked, 1, 2*time.Minute)
		})
	})
	t.Run("before the login", func(t *testing.T) {
		play(t, setup{sim: calm()}, func(s *scene) {
			full := s.disk()
			full.Store(true)
			s.start()
			m := s.untilTold(NewsLoginFailed, 1, time.Minute)
			if !strings.Contains(m.Text, "磁盘") || strings.Contains(m.Text, "state folder") {
				t.Errorf("told %q", m.Text)
			}
			s.pass(30 * time.Minute)
			if n := len(s.phone.told(NewsLoginFailed)) + len(s.phone.questions("")); n != 1 {
				t.Errorf("told %d times", n)
			}
			full.Store(false)
			s.untilTold(NewsLoggedIn, 1, 2*time.Minute)
		})
	})
	t.Run("after", func(t *testing.T) {
		play(t, setup{sim: calm()}, func(s *scene) {
			full := s.disk()
			s.onRequest(func(step railsim.Step, _ *http.Request) {
				if step == railsim.StepConfirm {
					full.Store(true)
				}
			})
			s.start()
			s.sell(1)
			s.untilTold(NewsBooked, 1, time.Minute)
			s.pass(5 * time.Minute)
			s.onRequest(nil)
			full.Store(false)
			s.pass(11 * time.Minute) // a reminder is written, and all that waited with it
			s.stop(s.now())
			s.start()
			s.pass(time.Minute)
			if n := len(s.phone.told(NewsBooked)); n != 1 {
				t.Errorf("booked told %d times", n)
			}
			if got := s.now().w.state.Orders(twelve306.Shanghai()); len(got) != 1 || got[0].State != StateBooked {
				t.Errorf("after the restart: %+v", got)
			}
		})
	})
}

func TestReload(t *testing.T) {
	play(t, setup{sim: calm()}, func(s *scene) {
		s.site.SetOrderCaptcha(true)
		l := s.start()
		s.untilTold(NewsLoggedIn, 1, time.Minute)
		s.phone.answers(func(q *asked) act { a := s.phone.right(q); a.after = time.Minute; return a })
		s.sell(1)
		s.until("the order's picture", time.Minute, func() bool { return len(s.phone.questions(notifier.Picture)) == 2 })
		s.reload(Change{Options: Options{Rules: []Rule{homeRule(func(r *Rule) { r.Name = "别的"; notifies(r) })}}, Restart: []string{"state_dir"}}) // the rule is gone, its attempt finishes
		s.untilTold(NewsBooked, 1, 2*time.Minute)
		m := s.untilTold(NewsReloaded, 1, time.Minute)
		for _, want := range []string{"新增：别的", "删除：回家", "重启"} {
			if !strings.Contains(m.Text, want) {
				t.Errorf("%q lacks %s", m.Text, want)
			}
		}
		s.reload(Change{Options: Options{Rules: []Rule{homeRule()}}}) // back again: its history stays
		s.pass(10 * time.Minute)
		if n := len(s.phone.told(NewsBooked)); n != 1 {
			t.Errorf("booked %d times", n)
		}
		l.w.ReloadRefused("watch.yaml:1:1: x")
		s.untilTold(NewsReloadRefused, 1, time.Minute)
	})
}

func TestSecondDaemon(t *testing.T) {
	play(t, setup{sim: calm(), session: "none", rules: []Rule{homeRule(notifies)}}, func(s *scene) {
		s.start()
		_, err := Open(s.options(&life{s: s, n: 9}))
		if !IsLocked(err) || !strings.Contains(err.Error(), "process") {
			t.Errorf("Open: %v", err)
		}
	})
}
