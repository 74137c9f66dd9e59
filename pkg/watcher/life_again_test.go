package watcher

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// Seen implements notifier.Seer.
func (c *line) Seen(ctx context.Context) (id, by string, err error) {
	select {
	case id := <-c.p.taps:
		return id, "小明", nil
	case <-ctx.Done():
		return "", "", ctx.Err()
	}
}

// A tap on "seen" ends the reminders of that order, for good: not the next life
// reminds either. What becomes of the order is told all the same.
func TestSeenEndsTheReminders(t *testing.T) {
	held(t, func(s *scene, o railsim.Order) {
		booked := s.phone.told(NewsBooked)[0]
		if booked.Seen == "" {
			t.Fatal("the message has nothing to tap")
		}
		s.phone.taps <- "somethingelse"
		first := s.untilTold(NewsReminder, 1, 20*time.Minute)
		if first.Seen != booked.Seen {
			t.Errorf("the reminder is of %q, the order of %q", first.Seen, booked.Seen)
		}
		s.phone.taps <- first.Seen
		s.pass(time.Second)
		s.kill()
		s.phone.always(no)
		s.untilTold(NewsExpired, 1, 20*time.Minute)
		if n := len(s.phone.told(NewsReminder)); n != 1 {
			t.Errorf("reminded %d times", n)
		}
	})
}

// lost plays a booking whose order is cancelled in the app, and hands over
// while the question whether to look again is open.
func lost(t *testing.T, f func(s *scene)) {
	t.Helper()
	held(t, func(s *scene, o railsim.Order) {
		s.phone.always(silence)
		if err := s.site.CancelOrder(o.Number); err != nil {
			t.Fatal(err)
		}
		s.untilTold(NewsExpired, 1, 5*time.Minute)
		s.until("the question", time.Minute, func() bool { return len(s.phone.questions(notifier.Offer)) == 1 })
		f(s)
	})
}

func TestLookAgainSurvivesARestart(t *testing.T) {
	for name, end := range map[string]func(*scene){
		"kill": func(s *scene) { s.kill() },
		"stop": func(s *scene) { s.stop(s.now()); s.start() },
	} {
		t.Run(name, func(t *testing.T) {
			lost(t, func(s *scene) {
				s.phone.always(s.phone.right) // yes
				end(s)
				s.untilTold(NewsBooked, 2, 5*time.Minute)
				if n := len(s.phone.questions(notifier.Offer)); n != 2 {
					t.Errorf("asked %d times", n)
				}
			})
		})
	}
}

// What was said, or not said in time, is not asked again.
func TestDeclinedSurvivesARestart(t *testing.T) {
	for name, answer := range map[string]func(*asked) act{"no": no, "nothing": silence} {
		t.Run(name, func(t *testing.T) {
			held(t, func(s *scene, o railsim.Order) {
				s.phone.always(answer)
				if err := s.site.CancelOrder(o.Number); err != nil {
					t.Fatal(err)
				}
				s.untilTold(NewsExpired, 1, 5*time.Minute)
				s.pass(10 * time.Minute)
				s.kill()
				s.until("a life", time.Minute, func() bool { return !s.now().dead.Load() })
				s.pass(30 * time.Minute)
				if n := len(s.phone.questions(notifier.Offer)); n != 1 {
					t.Errorf("asked %d times", n)
				}
				if n := len(s.phone.told(NewsBooked)); n != 1 {
					t.Errorf("booked %d times", n)
				}
			})
		})
	}
}

// 12306 refuses the account's orders for the day: a restart knows it.
func TestRefusedForTheDaySurvivesARestart(t *testing.T) {
	t.Parallel()
	play(t, setup{sim: calm()}, func(s *scene) {
		s.site.SetCancels("zhangsan", 3)
		s.start()
		s.sell(1)
		s.untilTold(NewsFailed, 1, time.Minute)
		n := s.site.Count(railsim.StepSubmit)
		s.kill()
		s.until("a life", time.Minute, func() bool { return !s.now().dead.Load() })
		s.pass(6 * time.Hour)
		if got := s.site.Count(railsim.StepSubmit); got != n {
			t.Errorf("%d orders more on the same day", got-n)
		}
		s.pass(time.Until(time.Date(2000, 1, 2, 0, 0, 30, 0, twelve306.Shanghai())))
		s.site.SetCancels("zhangsan", 0)
		s.book()
	})
}

// While the disk is full a channel that hangs holds up neither the order nor
// the other channel nor the stop, and nothing is told twice.
func TestDiskFullAndAChannelHangs(t *testing.T) {
	hanging := &mute{}
	set := setup{sim: calm(), change: func(o *Options) {
		o.Channels = append([]notifier.Channel{{Name: "hanging", Notifier: hanging}}, o.Channels...)
	}}
	play(t, set, func(s *scene) {
		full := s.disk()
		s.onRequest(func(step railsim.Step, _ *http.Request) {
			if step == railsim.StepConfirm {
				full.Store(true)
			}
		})
		s.start()
		s.sell(1)
		m := s.untilTold(NewsBooked, 1, 30*time.Second)
		if !strings.Contains(m.Text, "订单号") {
			t.Errorf("told %q", m.Text)
		}
		s.pass(5 * time.Minute)
		s.stop(s.now()) // and it is quick
		if n := len(s.phone.told(NewsBooked)); n != 1 {
			t.Errorf("told %d times", n)
		}
	})
}

// mute is a channel whose service never answers.
type mute struct{}

func (*mute) Notify(ctx context.Context, _ notifier.Message) error {
	<-ctx.Done()
	return ctx.Err()
}
