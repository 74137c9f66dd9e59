package watcher

import (
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// A day outside the sale window is not asked about; when it comes in, that is
// told, with the moment at which the train goes on sale. The login is made sure
// of 30, 10 and 3 minutes before, and the seat is booked when it is sold.
func TestOpening(t *testing.T) {
	t.Parallel()
	for _, era := range []railsim.Era{railsim.Classic, railsim.Present} {
		t.Run(string(era), func(t *testing.T) {
			far := twelve306.Date{Year: 2000, Month: time.January, Day: 16}
			opens := time.Date(2000, 1, 2, 12, 45, 0, 0, twelve306.Shanghai())
			set := setup{sim: railsim.Options{Calm: true, Era: era, Window: 15}, session: "on_seats",
				rules: []Rule{homeRule(func(r *Rule) { r.Dates = []twelve306.Date{far} })}}
			play(t, set, func(s *scene) {
				train := g1110(20)
				train.Opens = opens
				s.site.SetTrains(far.String(), train)
				s.phone.answers(silence, silence)
				s.start()
				s.pass(15 * time.Hour) // to 23:00
				early := s.site.Count(railsim.StepQuery)
				if early > 2 {
					t.Errorf("%d looks at a day that is not sold", early)
				}
				s.pass(time.Until(time.Date(2000, 1, 2, 0, 2, 0, 0, twelve306.Shanghai())))
				told := s.phone.told(NewsStarted)
				if len(told) != 2 || told[1].Rule != "回家" || !strings.Contains(told[1].Text, "12:45") {
					t.Fatalf("told %+v", told)
				}
				s.untilTold(NewsBooked, 1, 13*time.Hour)
				if late := time.Since(opens); late < 0 || late > 40*time.Second {
					t.Errorf("booked %v after the opening", late)
				}
				q := s.phone.questions("")
				if len(q) != 3 {
					t.Fatalf("%d questions", len(q))
				}
				for i, before := range []time.Duration{30, 10, 3} {
					if at := opens.Add(-before * time.Minute); q[i].at.Before(at) || q[i].at.After(at.Add(15*time.Second)) {
						t.Errorf("question %d at %v", i+1, q[i].at)
					}
					if !strings.Contains(q[i].Text, "12:45 起售") {
						t.Errorf("asked %q", q[i].Text)
					}
				}
			})
		})
	}
}
