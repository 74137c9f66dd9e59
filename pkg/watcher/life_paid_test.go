package watcher

import (
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// The machine is off from the confirm on; its user finds the order in the app
// and pays. The next start says so, and does not book a second time.
func TestPaidWhileDown(t *testing.T) {
	for name, broken := range map[string]bool{"": false, "the list is unreadable at first": true} {
		t.Run(name, func(t *testing.T) {
			play(t, setup{sim: railsim.Options{Calm: true, NoGuard: true}}, func(s *scene) {
				s.start()
				s.sell(4)
				s.until("the confirm", time.Minute, func() bool { return len(s.site.Confirms()) == 1 })
				s.kill()
				s.pass(20 * time.Minute)
				o := s.site.AllOrders()[0]
				if err := s.site.PayOrder(o.Number); err != nil {
					t.Fatal(err)
				}
				if broken {
					s.site.AddFault(railsim.Fault{Step: railsim.StepMyOrder, Kind: railsim.HTML, Times: 3})
				}
				s.pass(time.Hour)
				s.start()
				m := s.untilTold(NewsPaid, 1, 5*time.Minute)
				if !strings.Contains(m.Text, o.Number) {
					t.Errorf("told %q", m.Text)
				}
				s.pass(time.Hour)
				if len(s.site.Confirms()) != 1 || len(s.phone.told(NewsFailed)) > 0 {
					t.Error("booked again, or told that it failed")
				}
			})
		})
	}
}

// Paid before the deadline, and the list of paid orders cannot be read until
// long after it: it has not expired. (TestSimulation, seed 31992.)
func TestPaidAndUnreadable(t *testing.T) {
	held(t, func(s *scene, o railsim.Order) {
		s.pass(time.Until(o.PayBy.Add(-4 * time.Minute)))
		if err := s.site.PayOrder(o.Number); err != nil {
			t.Fatal(err)
		}
		s.site.AddFault(railsim.Fault{Step: railsim.StepMyOrder, Kind: railsim.HTML, Times: -1})
		s.untilTold(NewsPaid, 1, 20*time.Minute)
		s.pass(time.Hour)
		if len(s.phone.told(NewsExpired)) > 0 {
			t.Error("told that it expired")
		}
	})
}
