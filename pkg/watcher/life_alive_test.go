package watcher

import (
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// stays checks every minute that the daemon is alive.
func (s *scene) stays(d time.Duration) {
	s.t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); {
		s.pass(time.Minute)
		if !s.now().w.Alive(time.Now()) {
			s.t.Fatalf("not alive after %v", d-time.Until(end))
		}
	}
}

// The account may wait for hours, and is alive; one that is stuck is not.
func TestAliveAccount(t *testing.T) {
	t.Parallel()
	t.Run("nobody answers", func(t *testing.T) {
		held(t, func(s *scene, o railsim.Order) {
			s.phone.always(silence)
			s.site.KillSessions()
			s.stays(6 * time.Hour)
		})
	})
	t.Run("told to wait an hour", func(t *testing.T) {
		play(t, setup{sim: calm(), random: steady}, func(s *scene) {
			s.start()
			s.untilTold(NewsLoggedIn, 1, time.Minute)
			s.site.AddFault(railsim.Fault{Step: railsim.StepConfirm, Kind: railsim.RequestLost})
			s.site.AddFault(railsim.Fault{Step: railsim.StepWait, Kind: railsim.Empty200, Times: -1})
			s.site.AddFault(railsim.Fault{Step: railsim.StepNoComplete, Kind: railsim.TooMany429, RetryAfter: time.Hour, Times: 3})
			s.sell(1)
			s.stays(4 * time.Hour)
		})
	})
	t.Run("12306 hangs", func(t *testing.T) {
		held(t, func(s *scene, o railsim.Order) {
			s.site.AddFault(railsim.Fault{Kind: railsim.Hang, Times: -1})
			s.stays(3 * time.Hour)
		})
	})
	t.Run("stuck", func(t *testing.T) {
		play(t, setup{sim: calm(), random: steady, excuse: []string{"secretStr"}}, func(s *scene) {
			s.start()
			s.untilTold(NewsLoggedIn, 1, time.Minute)
			w := s.now().w
			if err := w.turn.take(s.t.Context()); err != nil { // and nobody gives it back
				t.Fatal(err)
			}
			s.sell(1)
			s.stays(time.Hour)
			s.pass(15 * time.Minute)
			if w.Alive(time.Now()) {
				t.Error("taken for alive")
			}
			w.turn.giveBack()
			s.pass(time.Minute)
			if !w.Alive(time.Now()) {
				t.Error("taken for dead after all")
			}
		})
	})
}
