package watcher

import (
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// TestRestartWithAnotherAccount: what the old account has ordered is asked only
// of the old account. Another one calls it neither failed nor cancelled, and
// books meanwhile; when the old one is back, it is taken up again.
func TestRestartWithAnotherAccount(t *testing.T) {
	second := homeRule(func(r *Rule) { r.Name, r.Passengers = "第二", []string{"李四"} })
	for _, tt := range []struct {
		name  string
		lost  bool // the reply of the confirm
		title string
		state AttemptState
		on    func(o *railsim.Order, s *scene) error
		told  NewsKind // when the old account is back
	}{
		{"unpaid", false, "订单在另一个账号里：G1110 1月5日", StateBooked, func(o *railsim.Order, s *scene) error { return s.site.PayOrder(o.Number) }, NewsPaid},
		{"in doubt", true, "可能有订单在另一个账号里：G1110 1月5日", StateConfirm, nil, NewsBooked},
	} {
		t.Run(tt.name, func(t *testing.T) {
			user, rules := "zhangsan", []Rule{homeRule()}
			play(t, setup{sim: calm(), change: func(o *Options) { o.Account.Credentials.Username, o.Rules = user, rules }}, func(s *scene) {
				other := railsim.DefaultAccount()
				other.Username = "wangwu"
				s.site.AddAccount(other)
				s.start()
				s.untilTold(NewsLoggedIn, 1, time.Minute)
				if tt.lost {
					s.site.AddFault(railsim.Fault{Step: railsim.StepConfirm, Kind: "reply-lost"})
					s.sell(1)
					s.until("the confirm", time.Minute, func() bool { return len(s.site.AllOrders()) == 1 })
				} else {
					s.sell(1)
					s.untilTold(NewsBooked, 1, time.Minute)
				}
				s.kill()

				user, rules = "wangwu", []Rule{homeRule(), second}
				s.start()
				m := s.untilTold(NewsHeldElsewhere, 1, time.Minute)
				if m.Title != tt.title || m.Rule != "回家" || !m.Loud {
					t.Errorf("told %q of %q", m.Title, m.Rule)
				}
				s.sell(3)
				s.until("the order of the other account", 3*time.Minute, func() bool { return len(s.site.AllOrders()) == 2 })
				s.until("its message", 3*time.Minute, func() bool {
					news := s.phone.told(NewsBooked)
					return len(news) > 0 && news[len(news)-1].Rule == "第二"
				})
				s.pass(4 * time.Minute)
				if n := len(s.phone.told(NewsHeldElsewhere)) + len(s.phone.told(NewsFailed)) + len(s.phone.told(NewsExpired)); n != 1 {
					t.Errorf("told %d times:\n%s", n, s.phone.story())
				}
				orders := s.now().w.Status().Orders
				if v := orders[len(orders)-1]; v.State != tt.state || !strings.Contains(v.Why, "另一个账号") {
					t.Errorf("state %s, why %q", v.State, v.Why)
				}
				if err := s.site.PayOrder(s.site.AllOrders()[1].Number); err != nil {
					t.Fatal(err)
				}
				s.untilTold(NewsPaid, 1, 5*time.Minute)
				s.stop(s.now())

				user = "wangwu" // told once, not at each start
				s.start()
				s.pass(time.Minute)
				if n := len(s.phone.told(NewsHeldElsewhere)); n != 1 {
					t.Errorf("told %d times", n)
				}
				s.stop(s.now())

				user = "zhangsan"
				if tt.on != nil {
					if err := tt.on(&s.site.AllOrders()[0], s); err != nil {
						t.Fatal(err)
					}
				}
				s.start()
				s.until("the end of the first order", 5*time.Minute, func() bool {
					news := s.phone.told(tt.told)
					return len(news) > 0 && news[len(news)-1].Rule == "回家"
				})
				orders = s.now().w.Status().Orders
				if v := orders[len(orders)-1]; v.Why != "" {
					t.Errorf("why %q", v.Why)
				}
				if n := len(s.phone.questions(notifier.Offer)); n > 0 {
					t.Errorf("%d offers", n)
				}
			})
		})
	}
}

// The account is taken out of watch.yaml while its order waits for payment: that
// is told once, and when it is back the order is taken up again.
func TestRestartWithoutAnAccount(t *testing.T) {
	t.Parallel()
	without := false
	play(t, setup{sim: calm(), change: func(o *Options) {
		if without {
			o.Account, o.Rules = nil, []Rule{homeRule(func(r *Rule) { r.Action, r.Passengers = ActionNotify, nil })}
		}
	}}, func(s *scene) {
		s.start()
		s.untilTold(NewsLoggedIn, 1, time.Minute)
		s.sell(1)
		s.untilTold(NewsBooked, 1, time.Minute)
		s.stop(s.now())
		without = true
		for range 2 { // told once, not at each start
			s.start()
			m := s.untilTold(NewsHeldElsewhere, 1, time.Minute)
			if m.Title != "订单在另一个账号里：G1110 1月5日" || !strings.Contains(m.Text, "去掉了账号") || !m.Loud {
				t.Errorf("told %q\n%s", m.Title, m.Text)
			}
			s.pass(time.Minute)
			s.stop(s.now())
		}
		if n := len(s.phone.told(NewsHeldElsewhere)); n != 1 {
			t.Errorf("told %d times", n)
		}
		without = false
		if err := s.site.PayOrder(s.site.AllOrders()[0].Number); err != nil {
			t.Fatal(err)
		}
		s.start()
		s.untilTold(NewsPaid, 1, 5*time.Minute)
		if n := len(s.site.AllOrders()); n != 1 {
			t.Errorf("%d orders", n)
		}
	})
}
