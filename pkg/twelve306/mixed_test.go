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

// todaysConf are the fields of login/conf that the classic site does not have.
var todaysConf = []string{"queryUrl", "now", "nowStr", "is_message_passCode", "is_phone_check", "is_open_updateHBTime", "is_olympicLogin"}

// TestAutoKnowsToday: any of today's fields in login/conf makes a site one of
// today; the password never goes there in clear text.
func TestAutoKnowsToday(t *testing.T) {
	confs := map[string]map[string]any{}
	for _, field := range todaysConf {
		confs["without "+field] = map[string]any{field: nil}
		alone := map[string]any{}
		for _, other := range todaysConf {
			if other != field {
				alone[other] = nil
			}
		}
		confs[field+" alone"] = alone
	}
	for name, conf := range confs {
		for _, password := range []string{"", "notMyPassword9"} {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, railsim.Options{Seed: 1, Era: railsim.Present, Calm: true, Conf: conf})
				if password == "" {
					if _, err := s.book(); err != nil {
						t.Errorf("%s: %v", name, err)
					}
					return
				}
				s.cred.Password = password
				if err := s.client.Login(t.Context(), s.cred, s); twelve306.KindOf(err) != twelve306.Password || s.Count(railsim.StepLogin) != 1 {
					t.Errorf("%s: %v after %d posts", name, err, s.Count(railsim.StepLogin))
				}
			})
		}
	}
}

// TestAutoGuesses: a site that answers login/conf as half of each year, or has
// none, gets the classic login when it does not know today's question. That it
// refuses the password is believed when it is proven to be classic, and else the
// password is kept back before the account is locked.
func TestAutoGuesses(t *testing.T) {
	half := map[string]any{"is_message_passCode": "N"}
	for _, tt := range []struct {
		name   string
		conf   map[string]any
		gone   bool              // there is no login/conf
		verify railsim.FaultKind // checkLoginVerify, which no classic site has
		want   twelve306.Kind    // of a wrong password
	}{
		{"half, 404", half, false, railsim.NotFound, twelve306.Changed},
		{"half, a page", half, false, railsim.StrangePage, twelve306.Changed},
		{"half, the error page", half, false, railsim.HTML, twelve306.Changed},
		{"half, null", half, false, railsim.Null, twelve306.Changed},
		{"no conf, 404", nil, true, railsim.NotFound, twelve306.Password},
		{"no conf, a page", nil, true, railsim.StrangePage, twelve306.Password},
		{"no conf, no reply", nil, true, railsim.RequestLost, twelve306.Changed},
	} {
		for _, wrong := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, railsim.Options{Seed: 1, Calm: true, Conf: tt.conf})
				s.cred.Mode = twelve306.LoginAuto
				if tt.gone {
					s.AddFault(railsim.Fault{Step: railsim.StepConf, Kind: railsim.NotFound, Times: -1})
				}
				s.AddFault(railsim.Fault{Step: railsim.StepUnknown, Kind: tt.verify, Times: -1, Msg: unknownWords})
				if !wrong {
					if err := s.client.Login(t.Context(), s.cred, s); err != nil {
						t.Errorf("%s: %v", tt.name, err)
					}
					s.loginIsTrue()
					return
				}
				s.cred.Password = "notMyPassword9"
				for n := 1; n <= 5; n++ {
					err := s.client.Login(t.Context(), s.cred, s)
					if twelve306.KindOf(err) != tt.want {
						t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
					}
					if tt.want == twelve306.Changed && s.Count(railsim.StepLogin) != min(n, 2) {
						t.Errorf("%s: %d logins, %d posts", tt.name, n, s.Count(railsim.StepLogin))
					}
					if tt.want == twelve306.Password {
						return // nobody tries again
					}
				}
			})
		}
	}
	// Without a password there is nothing to guess with.
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, railsim.Options{Seed: 1, Calm: true, Conf: half})
		s.cred.Mode, s.cred.Password = twelve306.LoginAuto, ""
		s.AddFault(railsim.Fault{Step: railsim.StepUnknown, Kind: railsim.NotFound, Times: -1})
		if err := s.client.Login(t.Context(), s.cred, s); twelve306.KindOf(err) != twelve306.Password || s.Count(railsim.StepLogin) > 0 {
			t.Errorf("no password: %v", err)
		}
	})
	// A page once in a while is trouble and no year.
	for _, kind := range []railsim.FaultKind{railsim.HTML, railsim.StrangePage, railsim.Null, railsim.Redirect302, railsim.Status502} {
		for _, conf := range []map[string]any{nil, {"queryUrl": nil}} {
			for times := range map[int]bool{1: true, -1: true} {
				if times < 0 && conf != nil && kind != railsim.Redirect302 && kind != railsim.Status502 {
					continue // that is a guess
				}
				synctest.Test(t, func(t *testing.T) {
					s := newSite(t, railsim.Options{Seed: 1, Era: railsim.Present, Calm: true, Conf: conf})
					s.AddFault(railsim.Fault{Step: railsim.StepLoginVerify, Kind: kind, Times: times, Msg: unknownWords})
					err := s.client.Login(t.Context(), s.cred, s)
					if (err == nil) != (times == 1) || s.Count(railsim.StepCaptchaImage) > 0 || err != nil && s.Count(railsim.StepLogin) > 0 {
						t.Errorf("%s, %d times: %v", kind, times, err)
					}
				})
			}
		}
	}
}
