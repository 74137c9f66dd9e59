package watcher

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// edited is an edit of settings: the options of a life, changed.
func (s *scene) edited(l *life, change func(*Options), settings ...string) Change {
	o := s.options(l)
	change(&o)
	return Change{Options: o, Settings: settings}
}

func (s *scene) reload(c Change) {
	s.t.Helper()
	if err := s.now().w.Reload(c); err != nil {
		s.t.Fatal(err)
	}
}

// only returns options whose one channel is a phone.
func only(p *phone, l **life) func(*Options) {
	return func(o *Options) { o.Channels = []notifier.Channel{{Name: "phone", Notifier: &line{p, *l}}} }
}

// TestReloadChannels: from the edit on the news go to the new channel, and the
// question that was open on the old one is asked again there.
func TestReloadChannels(t *testing.T) {
	var l *life
	var old *phone
	play(t, setup{sim: calm(), change: func(o *Options) {
		if l == nil {
			old.always(silence)
			o.Channels = []notifier.Channel{{Name: "old", Notifier: &line{old, &life{}}}}
		}
	}}, func(s *scene) {
		old = newPhone(s)
		l = nil
		s.start()
		s.until("the question on the old channel", time.Minute, func() bool { return len(old.questions("")) == 1 })
		l = s.now()
		began := time.Now()
		s.reload(s.edited(l, only(s.phone, &l), "notify.telegram"))
		m := s.untilTold(NewsReloaded, 1, 15*time.Second)
		if !strings.Contains(m.Text, "设置已更新：notify.telegram") {
			t.Errorf("told %q", m.Text)
		}
		s.untilTold(NewsLoggedIn, 1, 15*time.Second)
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("the question came again after %v", took)
		}
		s.sell(1)
		s.untilTold(NewsBooked, 1, time.Minute)
		if q := old.questions(""); len(q) != 1 || !strings.Contains(q[0].ended, "设置改了") {
			t.Errorf("%d questions on the old channel: %s", len(q), old.story())
		}
		kinds := []string{}
		for _, m := range old.all() {
			kinds = append(kinds, m.Kind)
		}
		if !slices.Equal(kinds, []string{string(NewsStarted)}) || len(s.phone.told(NewsStarted)) > 0 || len(s.phone.told(NewsStopping)) > 0 {
			t.Errorf("the old channel was told %q", kinds)
		}
	})
}

// TestReloadDeadChannel: what the old channel never took is told on the new
// one, once.
func TestReloadDeadChannel(t *testing.T) {
	var l *life
	var old, older *phone
	play(t, setup{sim: calm(), change: func(o *Options) {
		if l == nil {
			o.Channels = []notifier.Channel{{Name: "old", Notifier: &line{old, &life{}}}, {Name: "older", Notifier: &line{older, &life{}}}}
		}
	}}, func(s *scene) {
		old, older = newPhone(s), newPhone(s)
		dead := func() error { return &notifier.Error{Permanent: true, Err: errKilled} }
		l = nil
		s.start()
		s.until("the login", time.Minute, func() bool { in, _ := s.now().w.client.LoggedIn(); return in })
		old.breaks(dead)
		older.breaks(dead)
		s.sell(1)
		s.until("the order", time.Minute, func() bool { return len(s.now().w.Status().Orders) == 1 })
		l = s.now()
		s.reload(s.edited(l, only(s.phone, &l), "notify.telegram"))
		s.untilTold(NewsReloaded, 1, 15*time.Second)
		s.pass(10 * time.Second)
		if n := len(s.phone.told(NewsBooked)); n != 1 {
			t.Errorf("booked was told %d times", n)
		}
	})
}

// TestReloadWaits: an attempt ends before settings change, and with the rule
// that began it.
func TestReloadWaits(t *testing.T) {
	play(t, setup{sim: calm()}, func(s *scene) {
		s.site.PlanQueue(railsim.Queue{Waits: slices.Repeat([]int{60}, 18)})
		s.start()
		s.untilTold(NewsLoggedIn, 1, time.Minute)
		s.sell(2)
		s.until("the queue", time.Minute, func() bool { return s.site.Count(railsim.StepWait) > 0 })
		s.reload(s.edited(s.now(), func(o *Options) {
			o.Rules = []Rule{homeRule(func(r *Rule) { r.Name = "别的"; r.Action = ActionNotify })}
			o.Question.Timeout = time.Minute
		}, "question.timeout"))
		s.pass(30 * time.Second)
		if n := len(s.phone.told(NewsReloaded)); n > 0 {
			t.Error("the settings changed under an attempt")
		}
		// A second edit takes the first one's place; both are told as one.
		s.reload(s.edited(s.now(), func(o *Options) {
			o.Rules = []Rule{homeRule(func(r *Rule) { r.Name = "另一个"; r.Action = ActionNotify })}
			o.Language = notifier.English
		}, "language"))
		booked := s.untilTold(NewsBooked, 1, 2*time.Minute)
		m := s.untilTold(NewsReloaded, 1, 10*time.Second)
		if booked.Rule != "回家" || m.Text != "added: 另一个\nremoved: 回家\nsettings changed: language, question.timeout" {
			t.Errorf("booked for %q, then told %q", booked.Rule, m.Text)
		}
		s.pass(time.Minute)
		if n := len(s.phone.told(NewsReloaded)); n != 1 || len(s.site.Confirms()) != 1 {
			t.Errorf("told %d times, %d confirms", n, len(s.site.Confirms()))
		}
		if n := len(s.phone.told(NewsReminder)); n != 0 {
			t.Errorf("%d reminders too early", n)
		}
		s.pass(20 * time.Minute) // the order is watched on
		if n := len(s.phone.told(NewsReminder)); n != 1 {
			t.Errorf("%d reminders", n)
		}
	})
}

// TestReloadInDoubt: a confirm of which nobody knows the outcome holds up no
// edit, and is settled after it as after a crash.
func TestReloadInDoubt(t *testing.T) {
	for name, kind := range map[string]railsim.FaultKind{"with effect": railsim.ReplyLost, "without": railsim.RequestLost} {
		t.Run(name, func(t *testing.T) {
			play(t, setup{sim: calm()}, func(s *scene) {
				s.start()
				s.untilTold(NewsLoggedIn, 1, time.Minute)
				s.site.AddFault(railsim.Fault{Step: railsim.StepConfirm, Kind: kind, Times: 2})
				s.site.AddFault(railsim.Fault{Step: railsim.StepNoComplete, Kind: railsim.Unreachable, Times: 3})
				s.sell(1)
				s.until("the confirm", time.Minute, func() bool { return len(s.site.Confirms()) > 0 || s.site.Count(railsim.StepConfirm) > 0 })
				s.pass(2 * time.Second)
				s.reload(s.edited(s.now(), func(o *Options) { o.Language = notifier.English }, "language"))
				s.untilTold(NewsReloaded, 1, 30*time.Second)
				s.untilTold(NewsBooked, 1, 10*time.Minute)
			})
		})
	}
}

// TestReloadAccount: another account waits until the order of the old one is
// paid; all else changes at once. Then the session of the old account is gone.
func TestReloadAccount(t *testing.T) {
	play(t, setup{sim: calm(), excuse: []string{"submitOrderRequest without checkUser"}}, func(s *scene) {
		other := railsim.DefaultAccount()
		other.Username = "wangwu"
		s.site.AddAccount(other)
		s.start()
		s.sell(1)
		s.untilTold(NewsBooked, 1, time.Minute)
		o := s.site.AllOrders()[0]
		change := func(o *Options) {
			a := *o.Account
			a.Credentials.Username = "wangwu"
			o.Account = &a
			o.Rules = []Rule{homeRule(), homeRule(func(r *Rule) { r.Name = "第二"; r.Passengers = []string{"李四"} })}
			o.Question.Attempts = 2
		}
		s.reload(s.edited(s.now(), change, "twelve306.username", "question.attempts"))
		m := s.untilTold(NewsReloaded, 1, 10*time.Second)
		if !strings.Contains(m.Text, "订单 "+o.Number+" 还没有了结") || !strings.Contains(m.Text, "新增：第二") {
			t.Errorf("told %q", m.Text)
		}
		if w := s.now().w; w.opt.Account.Credentials.Username != "zhangsan" || w.opt.Question.Attempts != 2 {
			t.Errorf("account %v, %d attempts", w.opt.Account.Credentials, w.opt.Question.Attempts)
		}
		// An edit of rules alone does not forget that an account waits.
		s.reload(Change{Options: s.edited(s.now(), func(o *Options) { change(o); o.Rules = o.Rules[:1] }).Options})
		s.untilTold(NewsReloaded, 2, 10*time.Second)
		s.pass(3 * time.Minute)
		if n := len(s.phone.told(NewsReloaded)); n != 2 {
			t.Errorf("told %d times", n)
		}
		if err := s.site.PayOrder(o.Number); err != nil {
			t.Fatal(err)
		}
		s.untilTold(NewsPaid, 1, 5*time.Minute)
		m = s.untilTold(NewsReloaded, 3, 2*time.Minute)
		if m.Text != "设置已更新：twelve306.username" {
			t.Errorf("told %q", m.Text)
		}
		s.untilTold(NewsLoggedIn, 2, 2*time.Minute)
		if w := s.now().w; w.opt.Account.Credentials.Username != "wangwu" || len(w.rules) != 1 {
			t.Errorf("account %v, %d rules", w.opt.Account.Credentials, len(w.rules))
		}
		if n := len(s.phone.told(NewsStarted)) + len(s.phone.told(NewsStopping)); n != 1 {
			t.Errorf("%d starts and stops were told", n)
		}
	})
}

// TestSessionOfAnother: a session is not used for another account, after a
// restart either.
func TestSessionOfAnother(t *testing.T) {
	user := "zhangsan"
	play(t, setup{sim: calm(), change: func(o *Options) { o.Account.Credentials.Username = user }}, func(s *scene) {
		other := railsim.DefaultAccount()
		other.Username = "wangwu"
		s.site.AddAccount(other)
		for i, name := range []string{"zhangsan", "zhangsan", "wangwu", "zhangsan"} {
			user = name
			s.start()
			s.pass(time.Minute)
			if in, _ := s.now().w.client.LoggedIn(); !in {
				t.Error("not logged in")
			}
			s.stop(s.now())
			if got, want := len(s.phone.questions("")), []int{1, 1, 2, 3}[i]; got != want {
				t.Errorf("life %d, of %s: %d questions, want %d", i+1, name, got, want)
			}
		}
	})
}

// TestReloadOffer: an offer that was open is made again, not taken for
// declined.
func TestReloadOffer(t *testing.T) {
	play(t, setup{sim: calm(), rules: []Rule{homeRule(func(r *Rule) { r.Action = ActionAsk })}}, func(s *scene) {
		s.start()
		s.untilTold(NewsLoggedIn, 1, time.Minute)
		s.phone.always(silence)
		s.sell(1)
		s.until("the offer", time.Minute, func() bool { return len(s.phone.questions(notifier.Offer)) == 1 })
		s.phone.always(s.phone.right)
		s.reload(s.edited(s.now(), func(o *Options) { o.Question.Timeout = time.Minute }, "question.timeout"))
		s.untilTold(NewsBooked, 1, time.Minute)
		if n := len(s.phone.told(NewsSeats)); n > 1 {
			t.Errorf("the same seats were told %d times", n)
		}
	})
}

// TestReloadPace: a new client goes on with the pace of the old one.
func TestReloadPace(t *testing.T) {
	play(t, setup{sim: calm(), session: "none"}, func(s *scene) {
		s.start()
		s.pass(4 * time.Minute)
		for range 5 {
			s.reload(s.edited(s.now(), func(*Options) {}, "twelve306.budget"))
			s.pass(7 * time.Second)
		}
		if n := s.now().w.client.Pace().Stats().Requests; n < 40 || n > 80 {
			t.Errorf("%d requests in five minutes", n)
		}
		if n := len(s.phone.told(NewsReloaded)); n != 5 {
			t.Errorf("told %d times", n)
		}
	})
}

// TestReloadRefusesClient: options that no client can be made of change
// nothing.
func TestReloadRefusesClient(t *testing.T) {
	play(t, setup{sim: calm(), session: "none"}, func(s *scene) {
		l := s.start()
		s.pass(10 * time.Second)
		c := s.edited(l, func(o *Options) {
			o.Rules = nil
			o.Client = func([]byte) (*twelve306.Client, error) { return twelve306.New(twelve306.Options{BaseURL: "::"}) }
		}, "twelve306.base_url")
		if err := l.w.Reload(c); err == nil {
			t.Error("no error")
		}
		before := s.site.Count(railsim.StepQuery)
		s.pass(time.Minute)
		if s.site.Count(railsim.StepQuery) == before || len(s.phone.told(NewsReloaded)) > 0 || len(l.w.Status().Rules) != 1 {
			t.Error("something has changed")
		}
	})
}

// TestStopDuringReload: a stop that comes while a change waits, or is under
// way, is a stop like any other.
func TestStopDuringReload(t *testing.T) {
	for name, after := range map[string]time.Duration{"at once": 0, "soon": 10 * time.Millisecond, "in the queue": 20 * time.Second} {
		t.Run(name, func(t *testing.T) {
			play(t, setup{sim: calm()}, func(s *scene) {
				if after > time.Second {
					s.site.PlanQueue(railsim.Queue{Waits: slices.Repeat([]int{60}, 20)})
				}
				s.start()
				s.untilTold(NewsLoggedIn, 1, time.Minute)
				s.sell(1)
				s.until("the confirm", time.Minute, func() bool { return len(s.site.Confirms()) > 0 })
				s.onRequest(func(railsim.Step, *http.Request) {})
				s.reload(s.edited(s.now(), func(*Options) {}, "language"))
				time.Sleep(after)
				s.stop(s.now())
				if n := len(s.phone.told(NewsStopping)); n != 1 {
					t.Errorf("%d stops were told", n)
				}
				s.start()
				s.until("the order", 5*time.Minute, func() bool { return len(s.phone.told(NewsBooked)) > 0 })
			})
		})
	}
}
