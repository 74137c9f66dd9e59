package watcher

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// most is the greatest number of requests in any five minutes since a time.
func (p *tap) most(since time.Time) int {
	list := p.since(since, true)
	best, from := 0, 0
	for i := range list {
		for list[i].at.Sub(list[from].at) >= 5*time.Minute {
			from++
		}
		best = max(best, i-from+1)
	}
	return best
}

// Hours in which nothing works: no storm, told once, told again on return.
func TestTotalFailure(t *testing.T) {
	for _, kind := range []railsim.FaultKind{railsim.Unreachable, railsim.Hang, railsim.RequestLost, railsim.HTML, railsim.TooMany429,
		railsim.Redirect302, railsim.Status502, railsim.Busy} {
		for name, before := range map[string]time.Duration{"from the start": 0, "later": 20 * time.Minute} {
			t.Run(string(kind)+"/"+name, func(t *testing.T) {
				t.Parallel()
				play(t, setup{sim: calm(), excuse: []string{"queryOrderWaitTime 0s"}}, func(s *scene) {
					sent := s.tapped()
					if before > 0 {
						s.start()
						s.pass(before)
					}
					s.site.AddFault(railsim.Fault{Kind: kind, Times: -1})
					began, news := time.Now(), len(s.phone.all())
					if before == 0 {
						s.start()
						news = 1
					}
					s.pass(5 * time.Hour)
					hour := len(sent.since(began, true)) / 5
					told := strings.Fields(s.phone.kinds(news))
					t.Logf("%-12s %-14s at most %2d requests in 5 minutes, %3d an hour, told %v", kind, name, sent.most(began), hour, told)
					if n := sent.most(time.Time{}); n > 80 {
						t.Errorf("%d requests in five minutes", n)
					}
					seen := map[string]int{}
					for _, k := range told {
						seen[k]++
						if seen[k] > 1 || k != "blind" && k != "blocked" && k != "login_failed" {
							t.Errorf("told %v:\n%s", told, s.phone.words(news))
						}
					}
					if seen["blind"] != 1 {
						t.Errorf("blind was not told:\n%s", s.phone.words(news))
					}
					s.site.ClearFaults()
					s.untilTold(NewsSeesAgain, 1, 3*time.Minute)
					s.untilTold(NewsLoggedIn, 1, 3*time.Minute)
					s.sell(1)
					s.untilTold(NewsBooked, 1, 3*time.Minute)
				})
			})
		}
	}
}

// A stop while the confirm is on its way waits for the reply, writes it down,
// and is over within ten seconds; the next life asks what became of it.
func TestStopDuringConfirm(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault railsim.Fault
		state AttemptState // on the disk after the stop
		least time.Duration
	}{
		{"the reply comes late", railsim.Fault{Kind: railsim.Slow, Delay: 5 * time.Second}, StateQueued, 4 * time.Second},
		{"the reply never comes, it acted", railsim.Fault{Kind: railsim.Hang, Acts: true}, StateConfirm, 7 * time.Second},
		{"the reply never comes", railsim.Fault{Kind: railsim.Hang}, StateConfirm, 7 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			play(t, setup{sim: calm(), excuse: []string{"a query "}}, func(s *scene) {
				tt.fault.Step = railsim.StepConfirm
				s.site.AddFault(tt.fault)
				var stopped time.Time
				l := s.start()
				s.untilTold(NewsLoggedIn, 1, time.Minute)
				s.onRequest(func(step railsim.Step, _ *http.Request) {
					if step == railsim.StepConfirm {
						s.onRequest(nil)
						stopped = time.Now()
						l.cancel()
					}
				})
				s.sell(1)
				<-l.done
				if took := time.Since(stopped); took > 10*time.Second || took < tt.least {
					t.Errorf("the stop took %v", took)
				}
				if got := l.w.state.Open(); got == nil || got.State != tt.state {
					t.Errorf("on the disk: %+v", got)
				}
				if n := len(s.phone.told(NewsFailed)); n > 0 {
					t.Error("failed is told although nobody knows")
				}
				confirms := s.site.Count(railsim.StepConfirm)
				began := time.Now()
				s.start()
				s.untilTold(NewsBooked, 1, 3*time.Minute)
				if acted := tt.fault.Acts || tt.fault.Kind == railsim.Slow; acted {
					if took := time.Since(began); took > 15*time.Second {
						t.Errorf("told %v after the restart", took)
					}
					if n := s.site.Count(railsim.StepConfirm); n != confirms {
						t.Errorf("%d confirms", n)
					}
				}
			})
		})
	}
}

// muted is a one-way channel that takes its time, or fails.
type muted struct {
	take  time.Duration
	err   error
	calls []time.Time
	news  []notifier.Message
}

func (m *muted) Notify(ctx context.Context, msg notifier.Message) error {
	if NewsKind(msg.Kind) == NewsQuestion { // is told beside the outbox
		return m.err
	}
	m.calls = append(m.calls, time.Now())
	select {
	case <-time.After(m.take):
	case <-ctx.Done():
		return ctx.Err()
	}
	if m.err == nil {
		m.news = append(m.news, msg)
	}
	return m.err
}

// A channel that is slow or down holds up neither the order nor the other
// channel, and is tried again with back-off.
func TestSlowChannel(t *testing.T) {
	for name, bad := range map[string]*muted{
		"slow":   {take: 20 * time.Second},
		"hangs":  {take: time.Hour},
		"down":   {err: errors.New("connection refused")},
		"limits": {err: &notifier.Error{Channel: "bad", Err: errors.New("429"), RetryAfter: 90 * time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			play(t, setup{sim: calm(), change: func(o *Options) {
				o.Channels = append([]notifier.Channel{{Name: "bad", Notifier: bad}}, o.Channels...)
			}}, func(s *scene) {
				s.start()
				s.untilTold(NewsLoggedIn, 1, 5*time.Second)
				s.pass(5 * time.Minute)
				began := time.Now()
				s.sell(1)
				m := s.untilTold(NewsBooked, 1, 30*time.Second)
				if took := m.At.Sub(began); took > 17*time.Second { // a look and two polls of the queue
					t.Errorf("booked after %v", took)
				}
				s.pass(5 * time.Minute)
				switch name {
				case "slow":
					if len(bad.news) < 3 {
						t.Errorf("%d news arrived", len(bad.news))
					}
				case "hangs":
					if gap := bad.calls[1].Sub(bad.calls[0]); gap < 30*time.Second || gap > 32*time.Second {
						t.Errorf("tried again after %v", gap)
					}
				case "down":
					for i, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, time.Minute, time.Minute} {
						if gap := bad.calls[i+1].Sub(bad.calls[i]); gap < want*8/10 || gap > want*12/10 {
							t.Errorf("try %d after %v", i+2, gap)
						}
					}
				case "limits":
					if gap := bad.calls[1].Sub(bad.calls[0]); gap < 90*time.Second || gap > 92*time.Second {
						t.Errorf("tried again after %v", gap)
					}
				}
			})
		})
	}
}

// A disk that is full from the confirm on: the order is told as soon as it is
// known, not when there is room again.
func TestDiskFullAtConfirm(t *testing.T) {
	play(t, setup{sim: calm()}, func(s *scene) {
		full := s.disk()
		s.onRequest(func(step railsim.Step, _ *http.Request) {
			if step == railsim.StepConfirm {
				full.Store(true)
			}
		})
		s.start()
		s.untilTold(NewsLoggedIn, 1, time.Minute)
		s.sell(1)
		m := s.untilTold(NewsBooked, 1, time.Minute)
		if o := s.site.AllOrders()[0]; m.At.Sub(o.Held) > 2*time.Second {
			t.Errorf("told %v after 12306 held it", m.At.Sub(o.Held))
		}
		if n := s.site.Count(railsim.StepConfirm); n != 1 {
			t.Errorf("%d confirms", n)
		}
		full.Store(false)
		s.pass(12 * time.Minute) // to the next write
	})
}
