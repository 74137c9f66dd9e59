package watcher

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// 12306 sends the person elsewhere before it lets him in: he is told in its
// words what to do, and when he says that it is done the login is tried again.
func TestSomethingToDoFirst(t *testing.T) {
	for _, code := range []int{91, 92, 94, 95, 97, 101} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			a := railsim.DefaultAccount()
			a.VerifyCode, a.LoginCode = "0", code
			play(t, setup{sim: railsim.Options{Calm: true, Era: railsim.Present, Accounts: []railsim.Account{a}}}, func(s *scene) {
				s.phone.answers(func(q *asked) act { // he says so and has not done it
					return act{after: time.Second, reply: notifier.Reply{Action: notifier.Answered, Yes: true}}
				}, silence)
				s.start()
				m := s.untilTold(NewsLoginFailed, 1, 5*time.Minute)
				q := s.phone.questions("")
				if len(q) != 2 || q[0].Kind != notifier.App || !strings.Contains(q[0].Text, "12306 说：") || !strings.Contains(q[1].Text, "还没有办好") {
					t.Fatalf("asked %d times, first %s %q", len(q), q[0].Kind, q[0].Text)
				}
				if said := strings.SplitN(strings.SplitN(q[0].Text, "12306 说：", 2)[1], "\n", 2)[0]; !strings.Contains(m.Text, said) {
					t.Errorf("12306 said %q, told %q", said, m.Text)
				}
				s.phone.always(func(q *asked) act {
					time.AfterFunc(30*time.Second, func() { s.site.Elsewhere("zhangsan") })
					return act{after: time.Minute, reply: notifier.Reply{Action: notifier.Answered, Yes: true}}
				})
				s.untilTold(NewsLoggedIn, 1, 15*time.Minute)
				if n := s.site.Count(railsim.StepLogin); n != 4 {
					t.Errorf("the password was posted %d times", n)
				}
			})
		})
	}
}
