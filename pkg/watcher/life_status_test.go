package watcher

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// The status names every rule with what it does, the open question, the
// session, the orders and the pace, in the words of INTERFACE.
func TestStatus(t *testing.T) {
	far := twelve306.Date{Year: 2000, Month: time.March, Day: 1}
	past := twelve306.Date{Year: 1999, Month: time.December, Day: 1}
	rules := []Rule{
		homeRule(),
		homeRule(func(r *Rule) { r.Name, r.Action, r.Passengers = "看看", ActionNotify, nil }),
		homeRule(func(r *Rule) { r.Name, r.Dates = "远", []twelve306.Date{far} }),
		homeRule(func(r *Rule) { r.Name, r.Dates = "过", []twelve306.Date{past} }),
		homeRule(func(r *Rule) { r.Name, r.Enabled = "停", false }),
	}
	play(t, setup{sim: railsim.Options{Calm: true, Era: railsim.Present, Window: 15}, mode: twelve306.LoginSMS, rules: rules}, func(s *scene) {
		s.phone.always(silence)
		w := s.start().w
		s.until("the question", time.Minute, func() bool { return w.Status().Question != nil })
		got := w.Status()
		if q := got.Question; q.Kind != notifier.SMS || !slices.Equal(q.Channels, []string{"phone"}) || q.ExpiresAt.Sub(q.AskedAt) != 3*time.Minute {
			t.Errorf("question %+v", q)
		}
		if got.Session.LoggedIn || got.Session.Since != nil || got.BlindSince != nil || got.Pace.Budget5M != 80 || got.Pace.MinIntervalMS != 3000 || got.Pace.Requests5M == 0 {
			t.Errorf("%+v", got)
		}
		s.phone.always(s.phone.right)
		s.sell(1)
		s.untilTold(NewsBooked, 1, 20*time.Minute)
		got = w.Status()
		var states []RuleState
		for _, r := range got.Rules {
			states = append(states, r.State)
			if (r.State == RuleLooking) != (r.NextLook != nil) || r.State == RuleLooking && (r.LastLook == nil || r.LastResult == "" || len(r.Query) != 1) {
				t.Errorf("%+v", r)
			}
		}
		if want := []RuleState{RuleDone, RuleLooking, RuleWaiting, RulePast, RuleDisabled}; !slices.Equal(states, want) {
			t.Errorf("%v, want %v", states, want)
		}
		if !got.Session.LoggedIn || got.Session.Since == nil || got.Question != nil || len(got.Orders) != 1 || got.Orders[0].State != StateBooked {
			t.Errorf("%+v", got)
		}
		b, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		var keys map[string]any
		if err := json.Unmarshal(b, &keys); err != nil {
			t.Fatal(err)
		}
		for _, k := range []string{"since", "rules", "question", "session", "orders", "pace", "blind_since"} {
			if _, ok := keys[k]; !ok {
				t.Errorf("no %s", k)
			}
		}
	})
}

// A rule that is paused looks no more, in the next life neither, until it is
// resumed; the others go on. All can be paused, and one of them resumed.
func TestPause(t *testing.T) {
	rules := []Rule{homeRule(), homeRule(func(r *Rule) { r.Name, r.Action, r.Passengers = "看看", ActionNotify, nil })}
	rules[1].To = []twelve306.Station{hankou}
	play(t, setup{sim: calm(), rules: rules}, func(s *scene) {
		s.start()
		s.untilTold(NewsLoggedIn, 1, time.Minute)
		looks := func(d time.Duration) int {
			before := s.site.Count(railsim.StepQuery)
			s.pass(d)
			return s.site.Count(railsim.StepQuery) - before
		}
		unknown, ok := errors.AsType[*UnknownRule](s.now().w.Pause("回"))
		if !ok || !slices.Equal(unknown.Rules, []string{"回家", "看看"}) {
			t.Errorf("pausing what is not there: %v", unknown)
		}
		if err := s.now().w.Pause("回家"); err != nil {
			t.Fatal(err)
		}
		s.sell(2)
		s.kill()
		s.until("a life", time.Minute, func() bool { return !s.now().dead.Load() })
		if n := looks(10 * time.Minute); n < 90 || n > 130 || len(s.phone.told(NewsSeats)) > 0 {
			t.Errorf("%d looks with one rule paused", n)
		}
		w := s.now().w
		if err := w.Pause(""); err != nil {
			t.Fatal(err)
		}
		s.pass(10 * time.Second)
		if n := looks(time.Hour); n != 0 || w.Status().Rules[1].State != RulePaused {
			t.Errorf("%d looks with all paused", n)
		}
		if len(s.phone.told(NewsBlind)) > 0 {
			t.Error("who does not look is not blind")
		}
		if err := w.Resume("回家"); err != nil {
			t.Fatal(err)
		}
		s.untilTold(NewsBooked, 1, time.Minute)
		if n := looks(10 * time.Minute); n != 0 {
			t.Errorf("%d looks by the other rule", n)
		}
		if err := w.Resume(""); err != nil {
			t.Fatal(err)
		}
		if n := looks(10 * time.Minute); n < 90 {
			t.Errorf("%d looks after all were resumed", n)
		}
	})
}

// A rule whose order stands in the queue has booked nothing yet, and the status
// does not say so.
func TestStatusWhileBooking(t *testing.T) {
	play(t, setup{sim: calm()}, func(s *scene) {
		w := s.start().w
		s.untilTold(NewsLoggedIn, 1, time.Minute)
		s.site.PlanQueue(railsim.Queue{Waits: []int{20}, Lasts: time.Minute})
		s.sell(1)
		s.until("the order", time.Minute, func() bool { o := w.Status().Orders; return len(o) == 1 && o[0].State == StateQueued })
		if r := w.Status().Rules[0]; r.State != RuleBooking || r.NextLook != nil {
			t.Errorf("in the queue: %+v", r)
		}
		s.untilTold(NewsBooked, 1, 10*time.Minute)
		if r := w.Status().Rules[0]; r.State != RuleDone {
			t.Errorf("booked: %+v", r)
		}
	})
}

// A question for one channel, which shows the link to the answer page, can be
// answered on the page too.
func TestStatusNamesThePage(t *testing.T) {
	rule := homeRule(func(r *Rule) { r.Action, r.Notify = ActionAsk, []string{"phone"} })
	play(t, setup{sim: calm(), rules: []Rule{rule}, change: func(o *Options) {
		o.Channels = append(o.Channels, notifier.Channel{Name: "web", Notifier: page{}})
		o.Link = func(p *notifier.Prompt) string {
			if len(p.To) > 0 {
				p.To = append(p.To, "web")
			}
			return "https://x.example/q/1"
		}
	}}, func(s *scene) {
		w := s.start().w
		s.untilTold(NewsLoggedIn, 1, time.Minute)
		s.phone.always(silence)
		s.sell(1)
		s.until("the offer", time.Minute, func() bool { return w.Status().Question != nil })
		if q := w.Status().Question; !slices.Equal(q.Channels, []string{"phone", "web"}) {
			t.Errorf("to be answered on %v", q.Channels)
		}
	})
}

// page is a channel on which nobody answers.
type page struct{}

func (page) Notify(context.Context, notifier.Message) error { return nil }
func (page) Ask(ctx context.Context, _ notifier.Prompt) (notifier.Reply, error) {
	<-ctx.Done()
	return notifier.Reply{}, context.Cause(ctx)
}
