package twelve306_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// sleeper looks at QR codes and scans the nth.
type sleeper struct {
	*site
	scans int
	seen  []twelve306.Challenge
	ends  []error
}

func (p *sleeper) Solve(ctx context.Context, ch twelve306.Challenge) (twelve306.Answer, error) {
	p.seen = append(p.seen, ch)
	if len(p.seen) == p.scans {
		return p.site.Solve(ctx, ch)
	}
	<-ctx.Done()
	p.ends = append(p.ends, context.Cause(ctx))
	return twelve306.Answer{}, ctx.Err()
}

// TestQRCodesExpire: a code that nobody scans is replaced when 12306 says that
// it has expired, and when 12306 says nothing at all.
func TestQRCodesExpire(t *testing.T) {
	for _, silent := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, railsim.Options{Seed: 1, Era: railsim.Present, Calm: true})
			s.cred.Mode = twelve306.LoginQR
			if silent {
				s.AddFault(railsim.Fault{Step: railsim.StepQRCheck, Kind: railsim.Status502, Times: 600})
			}
			p := &sleeper{site: s, scans: 3}
			began := time.Now()
			err := s.client.Login(t.Context(), s.cred, p)
			if silent {
				p.scans = 2
			}
			if err != nil || len(p.seen) != 3 || p.seen[1].Previous != "expired" || p.ends[0] != twelve306.QRExpired {
				t.Fatalf("silent %v: %v, %d codes, %v", silent, err, len(p.seen), p.ends)
			}
			if string(p.seen[0].Image) == string(p.seen[1].Image) {
				t.Error("the same code again")
			}
			took := time.Since(began)
			if !silent && (took < 6*time.Minute || took > 7*time.Minute) || silent && took < 12*time.Minute {
				t.Errorf("silent %v: %v", silent, took)
			}
			s.loginIsTrue()
		})
	}
}

// TestLoginModes: auto takes what a phone can answer, and what only the person
// can do elsewhere is said in 12306's words.
func TestLoginModes(t *testing.T) {
	tests := []struct {
		verify string
		code   int
		last4  bool
		asked  twelve306.ChallengeKind // "" nobody
		want   twelve306.Kind
	}{
		{"0", 0, true, "", ""},
		{"1", 0, true, twelve306.SMSChallenge, ""},
		{"1", 0, false, twelve306.QRChallenge, ""},
		{"2", 0, true, twelve306.QRChallenge, ""},
		{"3", 0, true, twelve306.SMSChallenge, ""},
		{"3", 0, false, twelve306.QRChallenge, ""},
		{"0", 91, true, twelve306.AppChallenge, twelve306.Person},
		{"0", 92, true, twelve306.AppChallenge, twelve306.Person},
		{"0", 94, true, twelve306.AppChallenge, twelve306.Person},
		{"0", 95, true, twelve306.AppChallenge, twelve306.Person},
		{"0", 97, true, twelve306.AppChallenge, twelve306.Person},
		{"0", 101, true, twelve306.AppChallenge, twelve306.Person},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			a := railsim.DefaultAccount()
			a.VerifyCode, a.LoginCode = tt.verify, tt.code
			s := newSite(t, railsim.Options{Seed: 1, Era: railsim.Present, Calm: true, Accounts: []railsim.Account{a}})
			if !tt.last4 {
				s.cred.IDLast4 = ""
			}
			p := &sleeper{site: s, scans: 1}
			err := s.client.Login(t.Context(), s.cred, p)
			s.mustNotLeak(err)
			var asked twelve306.ChallengeKind
			if len(p.seen) > 0 {
				asked = p.seen[0].Kind
			}
			if twelve306.KindOf(err) != tt.want || asked != tt.asked {
				t.Errorf("check code %s, login code %d: %v, asked for %q", tt.verify, tt.code, err, asked)
			}
			if err == nil {
				s.loginIsTrue()
			}
		})
	}
}

// TestLoginsShareOne: of two logins at once one asks the person, and both are
// logged in; a third costs nothing.
func TestLoginsShareOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, railsim.Options{Seed: 1, Calm: true, RTT: 50 * time.Millisecond})
		done := make(chan error, 2)
		for range 2 {
			go func() { done <- s.client.Login(t.Context(), s.cred, s) }()
		}
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		before := len(s.Requests())
		if err := s.client.Login(t.Context(), s.cred, s); err != nil {
			t.Error(err)
		}
		if n := s.Count(railsim.StepLogin); n != 1 || len(s.Requests()) != before {
			t.Errorf("the password was posted %d times, the third login cost %d requests", n, len(s.Requests())-before)
		}
		// KeepAlive proves it anew, and notices when it is gone.
		time.Sleep(5 * time.Minute)
		if err := s.client.KeepAlive(t.Context(), time.Minute); err != nil || time.Since(s.client.Proven()) > time.Second {
			t.Errorf("%v", err)
		}
		s.KillTickets()
		if err := s.client.KeepAlive(t.Context(), 0); twelve306.KindOf(err) != twelve306.Session {
			t.Errorf("%v", err)
		}
		if in, _ := s.client.LoggedIn(); in {
			t.Error("still logged in")
		}
	})
}

// TestNoPassword: an empty password is never posted, and nobody is asked to
// solve anything for it; a QR code needs none.
func TestNoPassword(t *testing.T) {
	for _, era := range []railsim.Era{railsim.Classic, railsim.Present} {
		for _, mode := range []twelve306.Mode{twelve306.LoginAuto, twelve306.LoginCaptcha, twelve306.LoginSMS} {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, railsim.Options{Seed: 1, Era: era, Calm: true})
				s.cred.Mode, s.cred.Password = mode, ""
				p := &sleeper{site: s, scans: 1}
				err := s.client.Login(t.Context(), s.cred, p)
				if s.Count(railsim.StepLogin) > 0 {
					t.Errorf("%v %s: a password was posted", era, mode)
				}
				byCode := era == railsim.Present && mode == twelve306.LoginAuto
				if byCode && (err != nil || len(p.seen) != 1 || p.seen[0].Kind != twelve306.QRChallenge) {
					t.Errorf("%v %s: %v, asked %v", era, mode, err, p.seen)
				}
				if !byCode && (twelve306.KindOf(err) != twelve306.Password || len(p.seen) > 0) {
					t.Errorf("%v %s: %v, asked %v", era, mode, err, p.seen)
				}
			})
		}
	}
}
