package watcher

import (
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// turnedAway plays looks that 12306 answers with a Retry-After of half an hour,
// and hands over as soon as they have stopped.
func turnedAway(t *testing.T, set setup, f func(s *scene, till time.Time)) {
	t.Helper()
	set.sim, set.random = calm(), steady
	play(t, set, func(s *scene) {
		s.start()
		if set.session != "none" {
			s.untilTold(NewsLoggedIn, 1, time.Minute)
		}
		s.pass(20 * time.Second)
		s.site.AddFault(railsim.Fault{Step: railsim.StepQuery, Kind: railsim.TooMany429, RetryAfter: 30 * time.Minute})
		n := s.site.Count(railsim.StepQuery)
		s.until("the answer", time.Minute, func() bool { return s.site.Count(railsim.StepQuery) > n })
		f(s, time.Now().Add(30*time.Minute))
	})
}

// noLookTill checks that nobody looks before a time, and that somebody does
// soon after it, and not at full speed.
func (s *scene) noLookTill(till time.Time) {
	s.t.Helper()
	n := s.site.Count(railsim.StepQuery)
	s.pass(time.Until(till.Add(-5 * time.Second)))
	if now := s.site.Count(railsim.StepQuery); now != n {
		s.t.Errorf("%d queries before the Retry-After was over", now-n)
	}
	s.pass(time.Minute)
	if now := s.site.Count(railsim.StepQuery); now == n {
		s.t.Error("no query after it")
	}
}

// What 12306 asks for is asked of whoever comes back: a restart and a reload of
// the settings look no sooner.
func TestRetryAfterOutlivesALife(t *testing.T) {
	t.Parallel()
	set := setup{session: "none", rules: []Rule{homeRule(notifies)}}
	t.Run("kill", func(t *testing.T) {
		turnedAway(t, set, func(s *scene, till time.Time) {
			for range 3 {
				s.pass(time.Minute)
				s.kill()
				n := len(s.lives)
				s.until("the next life", time.Minute, func() bool { return len(s.lives) > n })
			}
			if slow := s.now().w.client.Pace().Stats().Slow; slow < 1.5 {
				t.Errorf("looking at a speed of 1/%.2f after the restarts", slow)
			}
			s.noLookTill(till)
		})
	})
	t.Run("stop", func(t *testing.T) {
		turnedAway(t, set, func(s *scene, till time.Time) {
			s.stop(s.now())
			s.pass(time.Minute)
			s.start()
			s.noLookTill(till)
		})
	})
	t.Run("reload", func(t *testing.T) {
		turnedAway(t, set, func(s *scene, till time.Time) {
			s.reload(s.edited(s.now(), func(o *Options) {}, "language"))
			s.untilTold(NewsReloaded, 1, time.Minute)
			s.noLookTill(till)
		})
	})
	t.Run("long ago", func(t *testing.T) {
		turnedAway(t, set, func(s *scene, till time.Time) {
			s.stop(s.now())
			s.pass(3 * time.Hour)
			s.start()
			n := s.site.Count(railsim.StepQuery)
			s.pass(time.Minute)
			if now := s.site.Count(railsim.StepQuery); now-n < 10 {
				t.Errorf("%d queries in a minute", now-n)
			}
		})
	})
}

// A Retry-After is for the proofs of login, too; what a seat or a person waits
// for goes on.
func TestRetryAfterRestsTheKeepAlive(t *testing.T) {
	t.Parallel()
	turnedAway(t, setup{}, func(s *scene, till time.Time) {
		n := len(s.site.Requests())
		s.pass(time.Until(till.Add(-5 * time.Second)))
		for _, r := range s.site.Requests()[n:] {
			t.Errorf("asked %s at %v", r.Step, r.At)
		}
		s.sell(1)
		s.untilTold(NewsBooked, 1, 3*time.Minute)
	})
}
