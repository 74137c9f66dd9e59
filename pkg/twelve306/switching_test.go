package twelve306_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// TestLookDuringLogin: looks go on while somebody logs in, and neither breaks
// the other's session: no request carries half of the new cookies, and the
// login still stands when the last look has its reply.
func TestLookDuringLogin(t *testing.T) {
	for _, m := range []struct {
		era  railsim.Era
		mode twelve306.Mode
	}{{railsim.Classic, twelve306.LoginCaptcha}, {railsim.Present, twelve306.LoginSMS}} {
		for offset := range 40 {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, railsim.Options{Seed: 1, Era: m.era, Calm: true, RTT: 40 * time.Millisecond})
				s.cred.Mode = m.mode
				var looks sync.WaitGroup
				looks.Go(func() {
					time.Sleep(time.Duration(offset) * 10 * time.Millisecond)
					if _, err := s.client.Query(t.Context(), s.journey); err != nil {
						t.Errorf("look: %v", err)
					}
				})
				if err := s.client.Login(t.Context(), s.cred, s); err != nil {
					t.Errorf("login: %v", err)
				}
				looks.Wait()
				if err := s.client.CheckUser(t.Context()); err != nil {
					t.Errorf("after %d0 ms the login is lost: %v", offset, err)
				}
			})
		}
	}
}
