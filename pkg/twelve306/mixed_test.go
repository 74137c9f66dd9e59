package twelve306_test

import (
	"errors"
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

// TestPictureElsewhere: where captcha-image is not there, the picture is that of
// captcha-image64, and is judged and replaced like any other.
func TestPictureElsewhere(t *testing.T) {
	for _, kind := range []railsim.FaultKind{railsim.NotFound, railsim.HTML, railsim.Redirect302, railsim.StrangePage} {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, railsim.Options{Seed: 1, Calm: true})
			s.AddFault(railsim.Fault{Step: railsim.StepCaptchaImage, Kind: kind, Times: -1})
			e := &eyes{site: s, moods: []string{"wrong", "late", "another"}}
			if err := s.client.Login(t.Context(), s.cred, e); err != nil || len(e.seen) != 4 {
				t.Errorf("%s: %v after %d pictures", kind, err, len(e.seen))
			}
			if n := s.Count(railsim.StepCaptchaImage); kind == railsim.NotFound && n != 1 || n > 5 {
				t.Errorf("%s: asked for captcha-image %d times", kind, n)
			}
			s.loginIsTrue()
		})
	}
	// Neither is there: it is the first that is told of.
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, railsim.Options{Seed: 1, Calm: true})
		for _, step := range []railsim.Step{railsim.StepCaptchaImage, railsim.StepCaptchaImage64} {
			s.AddFault(railsim.Fault{Step: step, Kind: railsim.NotFound, Times: -1})
		}
		err := s.client.Login(t.Context(), s.cred, s)
		if e, ok := errors.AsType[*twelve306.Error](err); !ok || e.Op != "captcha-image" || e.Kind != twelve306.Changed {
			t.Errorf("%v", err)
		}
	})
	// The network is down, or 12306 busy: that is no other address.
	for _, kind := range []railsim.FaultKind{railsim.Unreachable, railsim.Status502, railsim.TooMany429} {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, railsim.Options{Seed: 1, Calm: true})
			s.AddFault(railsim.Fault{Step: railsim.StepCaptchaImage, Kind: kind, Times: -1})
			if err := s.client.Login(t.Context(), s.cred, s); err == nil || s.Count(railsim.StepCaptchaImage64) > 0 {
				t.Errorf("%s: %v", kind, err)
			}
		})
	}
}
