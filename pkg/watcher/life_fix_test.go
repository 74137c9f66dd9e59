package watcher

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

func forWang(r *Rule) { r.Passengers = []string{"王五"} }

// A passenger who is not on the account is told before there are seats, once;
// an edit, a resume and the next login compare anew.
func TestUnfitAhead(t *testing.T) {
	play(t, setup{sim: calm(), rules: []Rule{homeRule(forWang)}}, func(s *scene) {
		s.start()
		m := s.untilTold(NewsFailed, 1, 5*time.Minute)
		if m.Rule != "回家" || !strings.Contains(m.Text, "没有乘车人“王五”") || !strings.Contains(m.Text, "/resume 回家") {
			t.Errorf("told %+v", m)
		}
		if list := s.now().w.Obstacles(); len(list) != 1 || !strings.Contains(list[0], "王五") {
			t.Errorf("obstacles %q", list)
		}
		asked := s.site.Count(railsim.StepPassengers)
		s.pass(30 * time.Minute)
		if n := len(s.phone.told(NewsFailed)); n != 1 || s.site.Count(railsim.StepPassengers) != asked {
			t.Errorf("told %d times, asked %d more", n, s.site.Count(railsim.StepPassengers)-asked)
		}
		if err := s.now().w.Resume("回家"); err != nil {
			t.Fatal(err)
		}
		s.untilTold(NewsFailed, 2, 5*time.Minute)
		s.reload(s.edited(s.now(), func(o *Options) { o.Rules = []Rule{homeRule(func(r *Rule) { r.Passengers = []string{"赵六"} })} }))
		if m := s.untilTold(NewsFailed, 3, 5*time.Minute); !strings.Contains(m.Text, "赵六") {
			t.Errorf("told %q", m.Text)
		}
		s.reload(s.edited(s.now(), func(o *Options) { o.Rules = []Rule{homeRule()} }))
		s.pass(5 * time.Minute)
		if n := len(s.phone.told(NewsFailed)); n != 3 || len(s.now().w.Obstacles()) != 0 {
			t.Errorf("told %d times, obstacles %q", n, s.now().w.Obstacles())
		}
	})
}

// A rule that books no more, since 12306 refused its trip, books again when it
// is resumed by its name; not when all are.
func TestResumeStopped(t *testing.T) {
	play(t, setup{sim: calm()}, func(s *scene) {
		s.start()
		s.untilTold(NewsLoggedIn, 1, time.Minute)
		s.site.PlanQueue(railsim.Queue{Refuse: "您的行程冲突。"})
		s.sell(1)
		m := s.untilTold(NewsFailed, 1, time.Minute)
		if !strings.Contains(m.Text, "/resume 回家") {
			t.Errorf("told %q", m.Text)
		}
		w := s.now().w
		if r := w.Status().Rules[0]; r.State != RuleTelling || len(w.Obstacles()) != 1 || !strings.Contains(w.Obstacles()[0], "watcherd resume 回家") {
			t.Errorf("%+v, obstacles %q", r, w.Obstacles())
		}
		if err := w.Resume(""); err != nil {
			t.Fatal(err)
		}
		s.pass(5 * time.Minute)
		if n := len(s.phone.told(NewsBooked)); n != 0 || len(s.logged("all rules that were paused look again")) != 0 {
			t.Errorf("booked %d times", n)
		}
		if err := w.Resume("回家"); err != nil {
			t.Fatal(err)
		}
		s.untilTold(NewsBooked, 1, 5*time.Minute)
		if n := len(s.logged("the rule looks again")); n != 1 {
			t.Errorf("%d lines about the resume", n)
		}
		if list := s.logged("not booked"); len(list) != 1 || !strings.Contains(list[0]["follows"].(string), "resumed") {
			t.Errorf("logged %v", list)
		}
	})
}

// The password that is corrected in watch.yaml is tried at once.
func TestCorrectedPassword(t *testing.T) {
	wrong := func(o *Options) { o.Account.Credentials.Password = "misspelt" }
	change := wrong
	play(t, setup{sim: calm(), change: func(o *Options) { change(o) }}, func(s *scene) {
		s.start()
		s.untilTold(NewsLoginFailed, 1, time.Minute)
		if list := s.now().w.Obstacles(); len(list) != 1 || !strings.Contains(list[0], "没有接受密码") {
			t.Errorf("obstacles %q", list)
		}
		if list := s.logged("could not log in"); len(list) != 1 || list[0]["again"] != "when username or password change" {
			t.Errorf("logged %v", list)
		}
		change = func(*Options) {}
		s.reload(s.edited(s.now(), change, "twelve306.password"))
		s.untilTold(NewsLoggedIn, 1, 30*time.Second)
		if list := s.now().w.Obstacles(); len(list) != 0 {
			t.Errorf("obstacles %q", list)
		}
	})
}

// A rule that has booked is done under another name too, and paused is paused.
func TestRename(t *testing.T) {
	held(t, func(s *scene, o railsim.Order) {
		if err := s.site.PayOrder(o.Number); err != nil {
			t.Fatal(err)
		}
		s.untilTold(NewsPaid, 1, 5*time.Minute)
		s.set.rules = []Rule{homeRule(func(r *Rule) { r.Name = "回老家" }), homeRule(func(r *Rule) { r.Name, r.Action = "看看", ActionNotify })}
		s.reload(s.edited(s.now(), func(*Options) {}))
		m := s.untilTold(NewsReloaded, 1, time.Minute)
		if m.Text != "新增：看看\n改名，历史照旧：回家 → 回老家" {
			t.Errorf("told %q", m.Text)
		}
		s.sell(2)
		s.pass(5 * time.Minute)
		w := s.now().w
		if st := w.Status(); st.Rules[0].State != RuleDone || st.Orders[0].Rule != "回老家" {
			t.Errorf("%+v", st)
		}
		s.kill()
		s.until("a life", time.Minute, func() bool { return !s.now().dead.Load() })
		s.pass(time.Minute)
		if n := len(s.phone.told(NewsBooked)); n != 1 || s.now().w.Status().Rules[0].State != RuleDone {
			t.Errorf("booked %d times", n)
		}
		// Anything else that changed with it makes it another rule, which is
		// refused for the ticket that there is.
		s.reload(s.edited(s.now(), func(o *Options) {
			o.Rules = []Rule{homeRule(func(r *Rule) { r.Name, r.Partial = "新的", true })}
		}))
		if m := s.untilTold(NewsFailed, 1, 5*time.Minute); m.Rule != "新的" {
			t.Errorf("told %+v", m)
		}
	})
}

// A change of the schedule alone tells no seats again.
func TestRescheduled(t *testing.T) {
	play(t, setup{sim: calm(), rules: []Rule{homeRule(notifies)}}, func(s *scene) {
		s.start()
		s.sell(3)
		s.untilTold(NewsSeats, 1, time.Minute)
		s.reload(s.edited(s.now(), func(o *Options) {
			o.Rules = []Rule{homeRule(notifies, func(r *Rule) { r.Schedule = every{"@every 7s", 7 * time.Second, twelve306.Shanghai()} })}
		}))
		if m := s.untilTold(NewsReloaded, 1, time.Minute); m.Text != "修改：回家" {
			t.Errorf("told %q", m.Text)
		}
		s.pass(time.Minute)
		if n := len(s.phone.told(NewsSeats)); n != 1 {
			t.Errorf("told %d times", n)
		}
	})
}

// What the status says of a lost order, and of its question.
func TestStatusOfALostOrder(t *testing.T) {
	held(t, func(s *scene, o railsim.Order) {
		s.phone.always(silence)
		if err := s.site.CancelOrder(o.Number); err != nil {
			t.Fatal(err)
		}
		s.untilTold(NewsExpired, 1, 5*time.Minute)
		w := s.now().w
		s.until("the question", time.Minute, func() bool { return w.Status().Question != nil })
		if st := w.Status(); st.Rules[0].State != RuleDone || st.StateIn(st.Rules[0], "zh") != "订单没了" || !st.LooksAgain() {
			t.Errorf("%+v: %s", st.Rules[0], st.StateIn(st.Rules[0], "zh"))
		}
	})
}

// No look is announced for a moment at which the pace lets none go.
func TestNextLookIsAhead(t *testing.T) {
	var rules []Rule
	for i := range 12 {
		rules = append(rules, homeRule(notifies, func(r *Rule) {
			r.Name, r.Dates = string(rune('a'+i)), []twelve306.Date{day.AddDays(i)}
			r.Schedule = every{"@every 1s", time.Second, twelve306.Shanghai()}
		}))
	}
	play(t, setup{sim: calm(), rules: rules, session: "none"}, func(s *scene) {
		w := s.start().w
		s.pass(time.Minute)
		for range 20 {
			s.pass(500 * time.Millisecond)
			slot := time.Now().Add(w.client.Pace().NextLook()).Truncate(time.Second)
			if i := slices.IndexFunc(w.Status().Rules, func(r RuleStatus) bool { return r.NextLook != nil && r.NextLook.Before(slot) }); i >= 0 {
				t.Fatalf("%v: next look %v, the next slot is at %v", time.Now(), w.Status().Rules[i].NextLook, slot)
			}
		}
		if list := w.Obstacles(); len(list) != 1 || !strings.Contains(list[0], "没有账号") {
			t.Errorf("obstacles %q", list)
		}
	})
}
