package watcher

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// bare is a login of the present site that wants nobody's answer: what the
// password alone decides.
func bare() setup {
	a := railsim.DefaultAccount()
	a.VerifyCode = "0"
	return setup{sim: railsim.Options{Calm: true, Era: railsim.Present, Accounts: []railsim.Account{a}}, mode: twelve306.LoginAuto, random: steady,
		rules: []Rule{homeRule(func(r *Rule) { r.Schedule = every{"@every 10m", 10 * time.Minute, twelve306.Shanghai()} })}} // days pass
}

// posted checks how often the password was posted.
func (s *scene) posted(want int) {
	s.t.Helper()
	if n := s.site.Count(railsim.StepLogin); n != want {
		s.t.Errorf("the password was posted %d times, want %d", n, want)
	}
}

// again lets the daemon crash and come back.
func (s *scene) again() {
	s.t.Helper()
	s.kill()
	n := len(s.lives)
	s.until("the next life", time.Minute, func() bool { return len(s.lives) > n })
}

// What 12306 says of a password it says once, in words that are known or not.
func TestPasswordRefusedInAnyWords(t *testing.T) {
	t.Parallel()
	for words, next := range map[string]string{
		"账号或口令不正确，请核对后再试。":               "watcherd login",
		"该用户已被锁定，请20分钟后再试。":              "锁得更久",
		"密码输入错误。如果输错次数超过4次，用户将被锁定。":      "用户名和密码",
		"Something that nobody has seen": "watcherd login",
	} {
		t.Run(words, func(t *testing.T) {
			play(t, bare(), func(s *scene) {
				s.site.AddFault(railsim.Fault{Step: railsim.StepLogin, Kind: railsim.Refused, Msg: words, Times: -1})
				s.start()
				m := s.untilTold(NewsLoginFailed, 1, time.Minute)
				if !strings.Contains(m.Text, next) || hasHan(words) && !strings.Contains(m.Text, words) {
					t.Errorf("told %q", m.Text)
				}
				s.sell(2)
				s.pass(3 * time.Hour)
				for range 3 {
					s.again()
					s.pass(time.Minute)
				}
				s.posted(1)
				if n := len(s.phone.told(NewsLoginFailed)); n != 1 {
					t.Errorf("told %d times", n)
				}
			})
		})
	}
}

// A password of which 12306 says nothing that can be read is posted three times
// and no more, however often the daemon is started.
func TestPasswordPostedThreeTimes(t *testing.T) {
	t.Parallel()
	lost := []railsim.Fault{
		{Step: railsim.StepLogin, Kind: railsim.Status502, Times: -1}, {Step: railsim.StepLogin, Kind: railsim.RequestLost, Times: -1},
		{Step: railsim.StepLogin, Kind: railsim.Redirect302, Times: -1},
	}
	for _, f := range lost {
		t.Run(string(f.Kind), func(t *testing.T) {
			play(t, bare(), func(s *scene) {
				s.site.AddFault(f)
				s.start()
				s.pass(3 * time.Hour)
				s.again()
				s.pass(3 * time.Hour)
				s.posted(mostPosts)
				list := s.phone.told(NewsLoginFailed)
				if m := list[len(list)-1]; !strings.Contains(m.Text, "密码发出去 3 次") || len(list) != 2 { // no network, and that it ends
					t.Errorf("told %d times, last %q", len(list), m.Text)
				}
			})
		})
	}
	t.Run("crashes", func(t *testing.T) {
		play(t, bare(), func(s *scene) {
			s.onRequest(func(step railsim.Step, _ *http.Request) { // each life dies of it
				if step == railsim.StepLogin {
					s.kill()
				}
			})
			s.start()
			s.until("the last life", time.Minute, func() bool { return len(s.lives) == mostPosts+1 })
			s.pass(time.Hour)
			s.again()
			s.pass(time.Hour)
			s.posted(mostPosts)
			n := 0
			for _, m := range s.phone.told(NewsLoginFailed) {
				if strings.Contains(m.Text, "密码发出去 3 次") {
					n++
				}
			}
			if n != 1 {
				t.Errorf("told %d times that it is posted no more", n)
			}
		})
	})
	t.Run("a person is asked", func(t *testing.T) {
		play(t, setup{sim: calm(), random: steady}, func(s *scene) {
			s.site.AddFault(lost[0])
			s.start()
			s.pass(3 * time.Hour)
			s.posted(mostPosts)
			if n := len(s.phone.questions("")); n != mostPosts {
				t.Errorf("%d pictures for %d posts", n, mostPosts)
			}
		})
	})
	for _, ends := range []string{"watcherd login", "another password", "another account's"} {
		t.Run("until "+ends, func(t *testing.T) {
			set := bare()
			password := railsim.DefaultAccount().Password
			set.change = func(o *Options) { o.Account.Credentials.Password = password }
			play(t, set, func(s *scene) {
				s.site.AddFault(railsim.Fault{Step: railsim.StepLogin, Kind: railsim.RequestLost, Times: -1})
				s.start()
				s.pass(2 * time.Hour)
				s.posted(mostPosts)
				s.site.ClearFaults()
				switch ends {
				case "watcherd login":
					s.stop(s.now())
					l, err := s.open()
					if err != nil {
						t.Fatal(err)
					}
					if _, err := l.w.Login(s.t.Context()); err != nil {
						t.Error(err)
					}
					if err := l.w.Close(); err != nil {
						t.Error(err)
					}
					close(l.done)
					s.start()
				case "another password":
					password = "notThisOne1"
					s.stop(s.now())
					s.start()
					s.pass(time.Minute)
					s.posted(mostPosts + 1)                      // refused
					password = railsim.DefaultAccount().Password // by hand: it is tried again
					s.stop(s.now())
					s.start()
					s.untilTold(NewsLoggedIn, 1, time.Minute)
					return
				default:
					s.reload(s.edited(s.now(), func(o *Options) { o.Account.Credentials.Password = "notThisOne2" }, "twelve306.password"))
					s.pass(time.Minute)
					s.posted(mostPosts + 1)
					return
				}
				s.sell(1)
				s.untilTold(NewsBooked, 1, 11*time.Minute)
				s.posted(mostPosts + 1)
			})
		})
	}
}

// What was no miss does not count: a post that never left, a login that works,
// whatever 12306 wants besides, and a code that was wrong.
func TestPostsThatDoNotCount(t *testing.T) {
	t.Parallel()
	t.Run("every morning", func(t *testing.T) {
		play(t, bare(), func(s *scene) {
			s.start()
			for n := range 8 {
				if n%2 == 1 { // and at times a reply is lost of a login that stands
					s.site.AddFault(railsim.Fault{Step: railsim.StepLogin, Kind: railsim.ReplyLost, Acts: true})
				}
				s.site.KillSessions()
				s.pass(12 * time.Hour)
				if in, _ := s.now().w.client.LoggedIn(); !in {
					t.Fatalf("not logged in on day %d", n)
				}
			}
			if n := len(s.phone.told(NewsLoginFailed)); n > 0 {
				t.Errorf("told %d times that it fails", n)
			}
		})
	})
	t.Run("the step after it fails", func(t *testing.T) {
		play(t, bare(), func(s *scene) {
			s.site.AddFault(railsim.Fault{Step: railsim.StepUamtk, Kind: railsim.Status502, Times: 60})
			s.start()
			s.untilTold(NewsLoggedIn, 1, 12*time.Hour)
		})
	})
	for _, kind := range []railsim.FaultKind{railsim.Unreachable, railsim.TooMany429, railsim.Busy} {
		t.Run(string(kind), func(t *testing.T) {
			play(t, bare(), func(s *scene) {
				s.site.AddFault(railsim.Fault{Step: railsim.StepLogin, Kind: kind, Times: 8})
				s.start()
				s.untilTold(NewsLoggedIn, 1, 24*time.Hour)
			})
		})
	}
	t.Run("wrong codes", func(t *testing.T) {
		play(t, setup{sim: railsim.Options{Calm: true, Era: railsim.Present}, mode: twelve306.LoginSMS, random: steady}, func(s *scene) {
			s.phone.answers(s.phone.wrongly, s.phone.wrongly, s.phone.wrongly, s.phone.wrongly, s.phone.wrongly)
			s.start()
			s.untilTold(NewsLoggedIn, 1, time.Hour)
			s.posted(6)
		})
	})
	t.Run("a QR code", func(t *testing.T) {
		play(t, setup{sim: railsim.Options{Calm: true, Era: railsim.Present}, mode: twelve306.LoginQR, random: steady}, func(s *scene) {
			st, err := s.open()
			if err != nil {
				t.Fatal(err)
			}
			if err := newAccount(st.w).keepPosts(posts{Password: string(newAccount(st.w).passwordHash()), N: 9}); err != nil {
				t.Fatal(err)
			}
			s.run(st)
			s.untilTold(NewsLoggedIn, 1, 10*time.Minute)
			s.posted(0)
		})
	})
}
