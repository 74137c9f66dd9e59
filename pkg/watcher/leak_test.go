package watcher

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// footprint is what a process holds on to.
type footprint struct {
	goroutines  int
	descriptors int // -1 where they cannot be counted
	heap        uint64
}

// footprint measures the daemon: what the simulator, the phone and the log
// keep of the past is dropped first, after a look at what they saw.
func (s *scene) footprint() footprint {
	synctest.Wait()
	s.rt.(interface{ CloseIdleConnections() }).CloseIdleConnections()
	synctest.Wait()
	for _, v := range s.site.Misconduct() {
		if strings.Contains(v.Text, "a query 0s after the last one") { // the one retry on a new session
			continue
		}
		s.t.Errorf("12306 was asked what no browser asks: %v", v)
	}
	s.site.Forget()
	s.phone.mu.Lock()
	s.phone.news, s.phone.came, s.phone.asked = nil, nil, nil
	s.phone.mu.Unlock()
	s.ink.mu.Lock()
	s.ink.b.Reset()
	s.ink.mu.Unlock()
	s.seen.mu.Lock()
	clear(s.seen.list)
	s.seen.mu.Unlock()
	var m runtime.MemStats
	for range 3 { // what finalizers free is gone after the next
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	f := footprint{runtime.NumGoroutine(), -1, m.HeapAlloc}
	if list, err := os.ReadDir("/proc/self/fd"); err == nil {
		f.descriptors = len(list)
	}
	return f
}

// TestADayLeaksNothing lets a day pass in which something happens every hour:
// seats, an order, faults, a lost session, a channel that is down. At its end
// the daemon holds no more than after its first hour.
func TestADayLeaksNothing(t *testing.T) {
	play(t, setup{sim: calm()}, func(s *scene) {
		s.start()
		var first footprint
		for hour := 1; hour <= 24; hour++ {
			s.hour(hour)
			if hour == 1 {
				first = s.footprint()
				continue
			}
			if hour%8 != 0 {
				continue
			}
			now := s.footprint()
			t.Logf("hour %d: %+v, after the first hour %+v", hour, now, first)
			if now.goroutines > first.goroutines {
				t.Errorf("%d goroutines at hour %d, %d at hour 1", now.goroutines, hour, first.goroutines)
			}
			if now.descriptors > first.descriptors {
				t.Errorf("%d open descriptors at hour %d, %d at hour 1", now.descriptors, hour, first.descriptors)
			}
			if most := first.heap + 2<<20; now.heap > most {
				t.Errorf("%d kB in use at hour %d, %d kB at hour 1", now.heap>>10, hour, first.heap>>10)
			}
		}
	})
}

// hour is an hour in which an order is booked and cancelled, and a few things
// fail.
func (s *scene) hour(n int) {
	end := time.Now().Add(time.Hour)
	booked := len(s.phone.told(NewsBooked))
	kinds := railsim.FaultKinds()
	for i, step := range []railsim.Step{railsim.StepQuery, railsim.StepCheckUser, railsim.StepWait, railsim.StepNoComplete} {
		kind := kinds[(n+5*i)%len(kinds)]
		switch kind {
		case railsim.Refused, railsim.ReplyLost: // words, and what repeats by itself
			kind = railsim.HTML
		}
		s.site.AddFault(railsim.Fault{Step: step, Kind: kind, Delay: time.Second})
	}
	s.phone.breaks(func() error { return errors.New("no way") })
	s.sell(1)
	s.pass(2 * time.Minute)
	s.phone.breaks(nil)
	s.untilTold(NewsBooked, booked+1, 10*time.Minute)
	s.site.ClearFaults()
	for _, o := range s.site.AllOrders() {
		if o.State == railsim.Unpaid {
			if err := s.site.CancelOrder(o.Number); err != nil {
				s.t.Error(err)
			}
		}
	}
	s.site.SetCancels("zhangsan", 0)
	s.sell(0)
	s.site.KillSessions()
	s.until("the question whether to look again", 10*time.Minute, func() bool {
		list := s.phone.questions(notifier.Offer)
		return len(list) > 0 && list[len(list)-1].at.After(end.Add(-time.Hour))
	})
	s.pass(time.Until(end))
}
