package twelve306_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// unknownWords are words that no table holds: a refusal that must be shown and
// not guessed at.
const unknownWords = "今天天气不错"

// faults lists every way for one request of a step to fail, with and without
// its effect where the simulator can do both.
func faults(step railsim.Step) []railsim.Fault {
	var list []railsim.Fault
	for _, kind := range railsim.FaultKinds() {
		f := railsim.Fault{Step: step, Kind: kind, Msg: unknownWords}
		if kind == railsim.Slow {
			f.Delay = 3 * time.Second
		}
		list = append(list, f)
		switch kind {
		case railsim.Unreachable, railsim.RequestLost, railsim.ReplyLost, railsim.Slow, railsim.LoggedOut, railsim.SignedOut:
		default:
			f.Acts = true
			list = append(list, f)
		}
	}
	return list
}

func describe(f railsim.Fault) string {
	s := string(f.Step) + " " + string(f.Kind)
	if f.Acts {
		s += " acting"
	}
	return s
}

// everyFault runs f in a bubble with a site for every fault of a step.
func everyFault(t *testing.T, o railsim.Options, step railsim.Step, f func(*testing.T, *site, railsim.Fault)) {
	t.Run(strings.ReplaceAll(string(step), "/", "-"), func(t *testing.T) {
		t.Parallel()
		for _, fault := range faults(step) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, o)
				f(t, s, fault)
				if t.Failed() {
					t.Logf("with %s", describe(fault))
				}
			})
		}
	})
}

// secrets are the texts that no error may hold: password, cookies, tokens, ID
// and phone numbers, whatever of them has come up so far.
func (s *site) secrets() []string {
	list := []string{s.cred.Password}
	for _, p := range railsim.DefaultAccount().Passengers {
		list = append(list, p.IDNo, p.Mobile)
	}
	var saved struct{ Cookies []struct{ Value string } }
	if err := json.Unmarshal(s.client.Save(), &saved); err != nil {
		s.t.Fatal(err)
	}
	for _, c := range saved.Cookies {
		list = append(list, c.Value)
	}
	for _, r := range s.Requests() {
		for _, name := range []string{"tk", "uuid", "REPEAT_SUBMIT_TOKEN", "key_check_isChange", "secretStr", "leftTicketStr", "passengerTicketStr", "randCode"} {
			if v := r.Form.Get(name); v != "" {
				list = append(list, v, url.QueryEscape(v))
			}
		}
	}
	return list
}

// mustNotLeak fails the test if an error's text holds a secret, in any form
// that fmt knows, or if it is not in the package's own form.
func (s *site) mustNotLeak(err error) {
	s.t.Helper()
	if err == nil {
		return
	}
	text := fmt.Sprintf("%v %+v %q", err, err, err)
	for e := err; e != nil; e = errors.Unwrap(e) {
		text += " " + e.Error()
	}
	for _, secret := range s.secrets() {
		if len(secret) > 3 && strings.Contains(text, secret) {
			s.t.Errorf("the secret %q is in: %s", secret, text)
		}
	}
	if twelve306.KindOf(err) == "" && !errors.Is(err, twelve306.ErrGaveUp) {
		s.t.Errorf("an error without a kind: %v", err)
	}
}

// truth checks a login that was reported against what the site says.
func (s *site) loginIsTrue() {
	s.t.Helper()
	s.ClearFaults()
	if err := s.client.CheckUser(s.t.Context()); err != nil {
		s.t.Errorf("the login was reported, but: %v", err)
	}
}

// TestLoginFaults lets every step of every login fail in every way, once. The
// login succeeds all the same, but for what only a new login or the person can
// mend.
func TestLoginFaults(t *testing.T) {
	type exception struct {
		step  railsim.Step
		kinds []railsim.FaultKind
		want  twelve306.Kind
	}
	logins := []struct {
		name       string
		era        railsim.Era
		mode       twelve306.Mode
		steps      []railsim.Step
		exceptions []exception
	}{
		{"captcha", railsim.Classic, twelve306.LoginCaptcha,
			[]railsim.Step{railsim.StepLoginInit, railsim.StepCaptchaImage, railsim.StepCaptchaCheck, railsim.StepLogin, railsim.StepUserLogin,
				railsim.StepPassport, railsim.StepUamtk, railsim.StepUamauthclient},
			[]exception{{railsim.StepLogin, []railsim.FaultKind{railsim.Refused}, twelve306.Password}}},
		{"captcha64", railsim.Classic, twelve306.LoginCaptcha, []railsim.Step{railsim.StepCaptchaImage64},
			[]exception{{railsim.StepCaptchaImage64, []railsim.FaultKind{railsim.Refused}, twelve306.Changed}}},
		{"sms", railsim.Present, twelve306.LoginAuto,
			[]railsim.Step{railsim.StepConf, railsim.StepUamtkStatic, railsim.StepLoginVerify, railsim.StepSMS, railsim.StepLogin, railsim.StepUserLogin,
				railsim.StepPassport, railsim.StepUamtk, railsim.StepUamauthclient, railsim.StepIndex},
			[]exception{
				{railsim.StepConf, []railsim.FaultKind{railsim.Refused}, twelve306.Changed},
				{railsim.StepLoginVerify, []railsim.FaultKind{railsim.Refused}, twelve306.Changed},
				{railsim.StepSMS, []railsim.FaultKind{railsim.Refused}, twelve306.Person},
				// The password and the code have been taken, and then the sign-on is
				// lost: log in again.
				{railsim.StepUamtk, []railsim.FaultKind{railsim.SignedOut, railsim.Refused}, twelve306.Session},
			}},
		{"qr", railsim.Present, twelve306.LoginQR,
			[]railsim.Step{railsim.StepQRCreate, railsim.StepQRCheck},
			[]exception{{railsim.StepQRCreate, []railsim.FaultKind{railsim.Refused}, twelve306.Changed}}},
	}
	for _, l := range logins {
		t.Run(l.name, func(t *testing.T) {
			for _, step := range l.steps {
				everyFault(t, railsim.Options{Seed: 1, Era: l.era, Calm: true}, step, func(t *testing.T, s *site, f railsim.Fault) {
					if f.Kind == railsim.SignedOut && l.era == railsim.Present && (step == railsim.StepSMS || step == railsim.StepLogin) {
						return // the sign-on session ends between two requests: the site calls it a step skipped
					}
					s.cred.Mode = l.mode
					s.AddFault(f)
					if step == railsim.StepCaptchaImage64 { // which is asked for where the other is not there
						s.AddFault(railsim.Fault{Step: railsim.StepCaptchaImage, Kind: railsim.NotFound, Times: -1})
					}
					err := s.client.Login(t.Context(), s.cred, s)
					s.mustNotLeak(err)
					var want twelve306.Kind
					for _, e := range l.exceptions {
						if e.step == step && slices.Contains(e.kinds, f.Kind) {
							want = e.want
						}
					}
					switch kind := twelve306.KindOf(err); {
					case err == nil:
						s.loginIsTrue()
						if want != "" && f.Kind != railsim.WrongType {
							t.Errorf("%s: the login succeeded, want %s", describe(f), want)
						}
					case kind != want:
						t.Errorf("%s: %v, want kind %q", describe(f), err, want)
					default:
						if in, _ := s.client.LoggedIn(); in && kind != twelve306.Session {
							t.Errorf("%s: failed and logged in", describe(f))
						}
						s.ClearFaults()
						if err := s.client.Login(t.Context(), s.cred, s); err != nil {
							t.Errorf("%s: not even the next login succeeds: %v", describe(f), err)
						}
					}
					if n := s.Count(railsim.StepLogin); n > 3 {
						t.Errorf("%s: the password was posted %d times", describe(f), n)
					}
				})
			}
		})
	}
}

// TestHomePageIsNoStep: a login stands when 12306 sends the browser from
// userLogin to its home page, whatever becomes of that.
func TestHomePageIsNoStep(t *testing.T) {
	for _, kind := range append(railsim.FaultKinds(), railsim.OddKinds()...) {
		switch kind {
		case railsim.LoggedOut, railsim.SignedOut: // not the page's fate but the session's
			continue
		}
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, railsim.Options{Seed: 1, Era: railsim.Present, Calm: true})
			s.AddFault(railsim.Fault{Step: railsim.StepIndex, Kind: kind, Times: -1, Msg: unknownWords, Delay: time.Second})
			if err := s.client.Login(t.Context(), s.cred, s); err != nil || s.Count(railsim.StepIndex) > 1 {
				t.Errorf("%s: %v after %d tries", kind, err, s.Count(railsim.StepIndex))
			}
			s.loginIsTrue()
		})
	}
}

// TestWrongCodeInOtherWords: what 12306 says of a wrong code was never recorded.
// Words that nobody knows are taken for it once, and then they are shown: they
// may be about the password, and four misses lock an account.
func TestWrongCodeInOtherWords(t *testing.T) {
	for words, known := range map[string]bool{
		"短信校验码错误，请重新输入": true, "动态码不正确": true, "短信验证码已过期": true, "您的输入有误": false, unknownWords: false,
	} {
		for times, want := range map[int]twelve306.Kind{1: "", 2: twelve306.Password} {
			if known {
				want = ""
			}
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, railsim.Options{Seed: 1, Era: railsim.Present, Calm: true})
				s.AddFault(railsim.Fault{Step: railsim.StepLogin, Kind: railsim.Refused, Msg: words, Times: times})
				e := &eyes{site: s}
				err := s.client.Login(t.Context(), s.cred, e)
				if twelve306.KindOf(err) != want || (err == nil) != (want == "") {
					t.Errorf("%s, %d times: %v, want %q", words, times, err, want)
				}
				if ch := e.seen[1]; len(e.seen) != s.Count(railsim.StepLogin) || ch.Previous != "wrong" || ch.Words != words || s.Count(railsim.StepSMS) != 1 {
					t.Errorf("%s, %d times: asked %+v", words, times, e.seen)
				}
			})
		}
	}
	// What is known to be about something else ends the login at once.
	for words, want := range map[string]twelve306.Kind{"密码输入错误。如果输错次数超过4次，用户将被锁定。": twelve306.Password, "您的用户已经被锁定，请稍后再试。": twelve306.Refused,
		"您的身份信息未通过核验": twelve306.Person} {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, railsim.Options{Seed: 1, Era: railsim.Present, Calm: true})
			s.AddFault(railsim.Fault{Step: railsim.StepLogin, Kind: railsim.Refused, Msg: words})
			if err := s.client.Login(t.Context(), s.cred, s); twelve306.KindOf(err) != want || s.Count(railsim.StepLogin) != 1 {
				t.Errorf("%s: %v", words, err)
			}
		})
	}
}

// TestErrorPageBetweenSteps4And7 is the trouble that the seed names: error.html
// comes in place of any of the answers, with and without effect, many times.
func TestErrorPageBetweenSteps4And7(t *testing.T) {
	for seed := range 60 {
		for _, acts := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, railsim.Options{Seed: uint64(seed + 1), Calm: seed%2 == 0})
				kinds := []railsim.FaultKind{railsim.Redirect302, railsim.HTML, railsim.ReplyLost}
				for i, step := range []railsim.Step{railsim.StepUserLogin, railsim.StepPassport, railsim.StepUamtk, railsim.StepUamauthclient} {
					if n := seed >> i % 3; n > 0 {
						s.AddFault(railsim.Fault{Step: step, Kind: kinds[(seed+i)%3], Acts: acts, Times: n})
					}
				}
				s.AddFault(railsim.Fault{Step: railsim.StepLogin, Kind: kinds[seed%3], Acts: acts}) // once: see maxPasswords
				err := s.client.Login(t.Context(), s.cred, s)
				for n := 0; err != nil && n < 3; n++ { // an awkward site may be busy on top
					if k := twelve306.KindOf(err); seed%2 == 0 || k != twelve306.Busy && k != twelve306.Session {
						break
					}
					err = s.client.Login(t.Context(), s.cred, s)
				}
				if err != nil {
					t.Fatalf("seed %d, acts %v: %v", seed+1, acts, err)
				}
				s.loginIsTrue()
				if s.Count(railsim.StepErrorPage) > 0 {
					t.Error("followed to error.html")
				}
			})
		}
	}
}

// TestLostPassword: when the replies of web/login are lost for ever, the
// password is posted twice and then never again.
func TestLostPassword(t *testing.T) {
	for _, era := range []railsim.Era{railsim.Classic, railsim.Present} {
		for _, kind := range []railsim.FaultKind{railsim.RequestLost, railsim.HTML, railsim.Redirect302, railsim.Null, railsim.TooMany429, railsim.Unreachable} {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, railsim.Options{Seed: 1, Era: era, Calm: true})
				s.AddFault(railsim.Fault{Step: railsim.StepLogin, Kind: kind, Times: -1})
				err := s.client.Login(t.Context(), s.cred, s)
				s.mustNotLeak(err)
				if k := twelve306.KindOf(err); k != twelve306.Network && k != twelve306.Blocked && k != twelve306.Busy {
					t.Errorf("%s: %v", kind, err)
				}
				if n := s.Count(railsim.StepLogin); n > 2 {
					t.Errorf("%s: the password was posted %d times", kind, n)
				}
			})
		}
	}
}

// TestPostsAreCounted: before the password leaves, the owner of the account is
// told; a post that was no miss is spared, and one that he does not want stays
// here.
func TestPostsAreCounted(t *testing.T) {
	misses := map[railsim.FaultKind]int{
		"": 0, railsim.Unreachable: 0, railsim.TooMany429: 0, railsim.Busy: 0, // never sent, or never looked at
		railsim.RequestLost: 1, railsim.HTML: 1, railsim.Redirect302: 1, railsim.Null: 1, railsim.Status502: 1, railsim.ReplyLost: 1, railsim.Refused: 1,
	}
	for _, era := range []railsim.Era{railsim.Classic, railsim.Present} {
		for kind, want := range misses {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, railsim.Options{Seed: 1, Era: era, Calm: true})
				posts, spared := 0, 0
				s.client.OnPassword(func() (func(), error) {
					if posts++; posts < s.Count(railsim.StepLogin) {
						t.Error("the password left before it was counted")
					}
					return func() { spared++ }, nil
				})
				if kind != "" {
					s.AddFault(railsim.Fault{Step: railsim.StepLogin, Kind: kind})
				}
				_ = s.client.Login(t.Context(), s.cred, s)
				if posts-spared != want {
					t.Errorf("%s, %q: %d posts, %d of them spared, want %d to count", era, kind, posts, spared, want)
				}
			})
		}
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, railsim.Options{Seed: 1, Era: era, Calm: true})
			enough := errors.New("enough")
			s.client.OnPassword(func() (func(), error) { return nil, enough })
			if err := s.client.Login(t.Context(), s.cred, s); !errors.Is(err, enough) || s.Count(railsim.StepLogin) > 0 {
				t.Errorf("%s: %v after %d posts", era, err, s.Count(railsim.StepLogin))
			}
		})
	}
}

// TestUnknownRefusalOfThePassword: 12306 words a miss in more ways than are
// known; only what is known to be about something else is not taken for one.
func TestUnknownRefusalOfThePassword(t *testing.T) {
	for words, want := range map[string]twelve306.Kind{
		"账号或口令不正确，请核对后再试。": twelve306.Password, "密码输入错误。如果输错次数超过4次，用户将被锁定。": twelve306.Password,
		"该用户已被锁定，请20分钟后再试。": twelve306.Refused, "很抱歉！您输入的短信验证码有误。": twelve306.Wrong, "网络繁忙，请稍后重试": twelve306.Busy,
		"请完成滑动验证": twelve306.Person, "您的用户信息被他人冒用": twelve306.Person,
	} {
		synctest.Test(t, func(t *testing.T) {
			a := railsim.DefaultAccount()
			a.VerifyCode = "0"
			s := newSite(t, railsim.Options{Seed: 1, Era: railsim.Present, Calm: true, Accounts: []railsim.Account{a}})
			s.AddFault(railsim.Fault{Step: railsim.StepLogin, Kind: railsim.Refused, Msg: words, Times: -1})
			if err := s.client.Login(t.Context(), s.cred, s); twelve306.KindOf(err) != want {
				t.Errorf("%s: %v, want %s", words, err, want)
			}
		})
	}
}

// TestWrongPassword is told at once and not tried again.
func TestWrongPassword(t *testing.T) {
	for _, era := range []railsim.Era{railsim.Classic, railsim.Present} {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, railsim.Options{Seed: 1, Era: era, Calm: true})
			s.cred.Password = "notMyPassword9"
			err := s.client.Login(t.Context(), s.cred, s)
			s.mustNotLeak(err)
			if twelve306.KindOf(err) != twelve306.Password || s.Count(railsim.StepLogin) != 1 {
				t.Errorf("%s: %v after %d posts", era, err, s.Count(railsim.StepLogin))
			}
			s.cred.Username = "nobody"
			if err := s.client.Login(t.Context(), s.cred, s); era == railsim.Classic && twelve306.KindOf(err) != twelve306.Password {
				t.Errorf("%s: an unknown user: %v", era, err)
			}
		})
	}
}

// TestSavedSession: a second client goes on where the first stopped, without a
// picture, in every state of the site.
func TestSavedSession(t *testing.T) {
	states := map[string]struct {
		lose    func(*site)
		picture bool
	}{
		"alive":                       {func(*site) {}, false},
		"ticket session lost":         {func(s *site) { s.KillTickets() }, false},
		"all sessions lost":           {func(s *site) { s.KillSessions() }, true},
		"two hours later":             {func(s *site) { time.Sleep(2 * time.Hour) }, false}, // uamtk still lives
		"an anonymous one in between": {func(s *site) { s.KillTickets(); s.client.Query(s.t.Context(), s.journey) }, false},
	}
	for name, state := range states {
		for _, era := range []railsim.Era{railsim.Classic, railsim.Present} {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, railsim.Options{Seed: 1, Era: era, Calm: true})
				if err := s.client.Login(t.Context(), s.cred, s); err != nil {
					t.Fatal(err)
				}
				first := s.client
				s.train() // learns the letter, too
				state.lose(s)
				kept := first.Save()
				first.Close()
				asked := s.Count(railsim.StepCaptchaImage) + s.Count(railsim.StepSMS)
				posts := s.Count(railsim.StepLogin)
				s.client = s.newClient(kept)
				if in, _ := s.client.LoggedIn(); in {
					t.Error("logged in before it was asked")
				}
				if name == "all sessions lost" && era == railsim.Present {
					time.Sleep(2 * time.Minute) // for a second code
				}
				if err := s.client.Login(t.Context(), s.cred, s); err != nil {
					t.Fatalf("%s, %s: %v", name, era, err)
				}
				s.loginIsTrue()
				again := s.Count(railsim.StepCaptchaImage) + s.Count(railsim.StepSMS)
				if (again > asked || s.Count(railsim.StepLogin) > posts) != state.picture {
					t.Errorf("%s, %s: the person was asked %d times more", name, era, again-asked)
				}
				if !bytes.Contains(kept, []byte(`"query_path"`)) {
					t.Errorf("%s: the letter was not saved", name)
				}
				d, err := s.client.Prepare(t.Context(), s.request(), s)
				if err != nil {
					t.Fatalf("%s, %s: %v", name, era, err)
				}
				if _, err := d.Confirm(t.Context()); err != nil {
					t.Errorf("%s, %s: %v", name, era, err)
				}
			})
		}
	}
}
