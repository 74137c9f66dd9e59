package watcher

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// oneWay adds two channels that cannot hear: somebody's phone, and a program.
func oneWay(bark, program *pager) func(*Options) {
	return func(o *Options) {
		o.Channels = append(o.Channels, notifier.Channel{Name: "bark", Notifier: bark}, notifier.Channel{Name: "webhook", Notifier: program, Here: true})
	}
}

// kinds are what a pager was told of questions and answers.
func (p *pager) kinds(only ...string) (out []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.told {
		if slices.Contains(only, m.Kind) {
			out = append(out, m.Kind)
		}
	}
	return out
}

// Who was called for a question that he cannot answer there is told that
// somebody has: once, and not of the pictures that took its place meanwhile. A
// program is told only where two could have answered.
func TestAnsweredIsToldToTheDeaf(t *testing.T) {
	bark, program := &pager{}, &pager{}
	play(t, setup{sim: calm(), change: oneWay(bark, program)}, func(s *scene) {
		s.phone.answers(s.phone.wrongly)
		s.start()
		s.untilTold(NewsLoggedIn, 1, time.Minute)
		s.pass(time.Second)
		if n := len(s.phone.questions("")); n != 2 {
			t.Fatalf("%d questions", n)
		}
		if got := bark.kinds("question", "answered"); !slices.Equal(got, []string{"question", "answered"}) {
			t.Errorf("the phone that cannot hear is told %v", got)
		}
		if got := program.kinds("question", "answered"); !slices.Equal(got, []string{"question"}) {
			t.Errorf("the program is told %v", got)
		}
		bark.mu.Lock()
		defer bark.mu.Unlock()
		for _, m := range bark.told {
			if m.Kind == "answered" && (m.Loud || !strings.Contains(m.Text, "小明 已在 phone 上回答")) {
				t.Errorf("told %+v", m)
			}
		}
	})
	both, second := &pager{}, &pager{}
	play(t, setup{sim: calm(), change: func(o *Options) {
		o.Channels = append(o.Channels, notifier.Channel{Name: "web", Notifier: page{}})
		oneWay(both, second)(o)
	}}, func(s *scene) {
		s.start()
		s.untilTold(NewsLoggedIn, 1, time.Minute)
		s.pass(time.Second)
		for _, p := range []*pager{both, second} {
			if got := p.kinds("question", "answered"); !slices.Equal(got, []string{"question", "answered"}) {
				t.Errorf("where two can answer, told %v", got)
			}
		}
	})
}

// Who answers through a link and leaves is called again when 12306 wants
// another thing, or the same again after a while. A question that follows at
// once, and QR codes that are renewed, call nobody.
func TestTheDeafAreCalledAgain(t *testing.T) {
	done := func(*asked) act {
		return act{after: time.Second, reply: notifier.Reply{Action: notifier.Answered, Yes: true}}
	}
	for name, tt := range map[string]struct {
		mode   twelve306.Mode
		code   int
		answer func(s *scene) []func(*asked) act
		want   []notifier.Kind // of the questions
		called int             // for how many of them
	}{
		"another thing": {mode: twelve306.LoginSMS, code: 95, answer: func(s *scene) []func(*asked) act {
			return []func(*asked) act{s.phone.right, func(q *asked) act { s.site.Elsewhere("zhangsan"); return done(q) }}
		}, want: []notifier.Kind{notifier.SMS, notifier.App, notifier.SMS}, called: 3},
		"the same at once": {mode: twelve306.LoginSMS, answer: func(s *scene) []func(*asked) act {
			return []func(*asked) act{s.phone.wrongly}
		}, want: []notifier.Kind{notifier.SMS, notifier.SMS}, called: 1},
		"the same later": {mode: twelve306.LoginSMS, answer: func(s *scene) []func(*asked) act {
			s.site.AddFault(railsim.Fault{Step: railsim.StepLogin, Kind: railsim.Slow, Delay: 15 * time.Second})
			return []func(*asked) act{s.phone.wrongly}
		}, want: []notifier.Kind{notifier.SMS, notifier.SMS}, called: 2},
		"renewed codes": {mode: twelve306.LoginQR, answer: func(s *scene) []func(*asked) act {
			return []func(*asked) act{silence}
		}, want: []notifier.Kind{notifier.QR, notifier.QR}, called: 1},
	} {
		t.Run(name, func(t *testing.T) {
			a := railsim.DefaultAccount()
			a.LoginCode = tt.code
			bark := &pager{}
			set := setup{sim: railsim.Options{Calm: true, Era: railsim.Present, Accounts: []railsim.Account{a}}, change: func(o *Options) {
				oneWay(bark, &pager{})(o)
				o.Account.Credentials.Mode = tt.mode
				o.Question.Timeout = 10 * time.Minute
			}}
			play(t, set, func(s *scene) {
				s.phone.answers(tt.answer(s)...)
				s.start()
				s.untilTold(NewsLoggedIn, 1, 15*time.Minute)
				s.pass(time.Second)
				var got []notifier.Kind
				for _, q := range s.phone.questions("") {
					t.Log(q.at.Format(time.TimeOnly), q.Kind, q.Title, q.Replaces != "", q.Anew)
					got = append(got, q.Kind)
				}
				if !slices.Equal(got, tt.want) {
					t.Errorf("asked %v, want %v", got, tt.want)
				}
				if n := len(bark.kinds("question")); n != tt.called {
					t.Errorf("called %d times, want %d", n, tt.called)
				}
			})
		})
	}
}

// screen is a channel that can change what it has shown.
type screen struct {
	*line
	amended *[]string
}

// Amend implements notifier.Amender.
func (s screen) Amend(id, text string) {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	*s.amended = append(*s.amended, id, text)
}

// Wrong answers that end an attempt end its last question too, which says thank
// you as long as nobody knows better; the ones before are marked by those that
// took their place.
func TestTheLastAnswerIsMarked(t *testing.T) {
	var amended []string
	set := setup{sim: calm(), change: func(o *Options) {
		o.Channels[0].Notifier = screen{o.Channels[0].Notifier.(*line), &amended}
	}}
	play(t, set, func(s *scene) {
		s.phone.answers(s.phone.wrongly, s.phone.wrongly, s.phone.wrongly)
		s.start()
		m := s.untilTold(NewsLoginFailed, 1, 5*time.Minute)
		asked := s.phone.questions("")
		s.phone.mu.Lock()
		defer s.phone.mu.Unlock()
		if want := []string{asked[len(asked)-1].ID, "答错了 3 次。"}; !slices.Equal(amended, want) || !strings.Contains(m.Text, want[1]) {
			t.Errorf("amended %q, want %q; told %q", amended, want, m.Text)
		}
	})
}
