package twelve306_test

import (
	"testing"
	"testing/synctest"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// TestClassicOrderOfTodaysRows: rows of 58 fields from a site whose login was
// the classic one are ordered with the forms of that year, in every step.
func TestClassicOrderOfTodaysRows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, railsim.Options{Seed: 1, Calm: true, Rows: railsim.Present})
		s.cred.Mode = twelve306.LoginAuto
		_, err := s.book()
		if tr := s.train(); err != nil || tr.Fields() != 58 {
			t.Errorf("%v, %d fields", err, tr.Fields())
		}
	})
}

// TestTokensInBodies: a token that comes without its cookie takes the place of
// the one before, so that a session that was lost is one again.
func TestTokensInBodies(t *testing.T) {
	for _, m := range []struct {
		era  railsim.Era
		mode twelve306.Mode
	}{{railsim.Classic, twelve306.LoginCaptcha}, {railsim.Present, twelve306.LoginSMS}, {railsim.Present, twelve306.LoginQR}} {
		for name, lose := range map[string]func(*site){"the session": func(s *site) { s.KillTickets() }, "the sign-on, too": func(s *site) { s.KillSessions() }} {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, railsim.Options{Seed: 1, Era: m.era, Calm: true, BodyTokens: true})
				s.cred.Mode = m.mode
				for range 3 {
					if err := s.client.Login(t.Context(), s.cred, s); err != nil {
						t.Fatalf("%s, without %s: %v", m.mode, name, err)
					}
					s.loginIsTrue()
					lose(s)
					if err := s.client.CheckUser(t.Context()); twelve306.KindOf(err) != twelve306.Session {
						t.Fatalf("%s, without %s: %v", m.mode, name, err)
					}
				}
			})
		}
	}
}
