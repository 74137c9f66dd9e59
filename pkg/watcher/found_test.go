package watcher

import (
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// After a crash an order may stand in the queue for minutes. Asking about it
// leaves enough of the budget to see its end at once. (TestSimulation, seed 87.)
func TestLongQueueAfterACrash(t *testing.T) {
	play(t, setup{sim: calm()}, func(s *scene) {
		s.site.PlanQueue(railsim.Queue{Waits: []int{-100}, Lasts: 4 * time.Minute})
		s.start()
		s.sell(1)
		s.until("the confirm", time.Minute, func() bool { return len(s.site.Confirms()) == 1 })
		s.pass(time.Second)
		s.kill()
		s.untilTold(NewsBooked, 1, 6*time.Minute)
		o := s.site.AllOrders()[0]
		if late := s.phone.told(NewsBooked)[0].At.Sub(o.Held); late > 45*time.Second {
			t.Errorf("told %v after there was a number", late)
		}
	})
}
