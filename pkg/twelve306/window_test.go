package twelve306_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// TestSaleWindow: a day outside the sale window is answered with the redirect
// of a blocked address. It is told apart by login/conf, asked no more, slows
// nothing, and is asked again on the day it opens.
func TestSaleWindow(t *testing.T) {
	for era, days := range map[railsim.Era]int{railsim.Classic: 30, railsim.Present: 15} {
		t.Run(string(era), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, railsim.Options{Seed: 1, Era: era, Calm: true, Timetable: true})
				early := s.journey
				early.Date = twelve306.DateOf(time.Now()).AddDays(days + 1)
				_, err := s.client.Query(t.Context(), early)
				if twelve306.KindOf(err) != twelve306.NotOnSale {
					t.Fatalf("the first look: %v", err)
				}
				asked := len(s.Requests())
				if _, err := s.client.Query(t.Context(), early); twelve306.KindOf(err) != twelve306.NotOnSale {
					t.Errorf("the second look: %v", err)
				}
				if n := len(s.Requests()); n != asked {
					t.Errorf("%d requests about a day that is not on sale", n-asked)
				}
				if slow := s.client.Pace().Stats().Slow; slow != 1 {
					t.Errorf("slowed by %v for a date", slow)
				}
				if restored := s.newClient(s.client.Save()); restored.OnSale(early.Date) {
					t.Error("a restart forgets the window")
				}
				s.train() // another day is not held up
				time.Sleep(48 * time.Hour)
				if _, err := s.client.Query(t.Context(), early); err != nil {
					t.Errorf("on sale, and: %v", err)
				}
			})
		})
	}
}

// TestLostSessionDoesNotSlow: a query without a session is answered like one
// from a blocked address; once a new session has cured it, it was no warning.
func TestLostSessionDoesNotSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, railsim.Options{Seed: 1, Calm: true})
		s.train()
		s.KillSessions()
		time.Sleep(time.Minute)
		s.train()
		if n := s.Count(railsim.StepQuery); n != 3 {
			t.Fatalf("%d queries; the session was not missed", n)
		}
		if slow := s.client.Pace().Stats().Slow; slow != 1 {
			t.Errorf("slowed by %v for a session", slow)
		}
	})
}

// TestPinyinSuggestion: a letter left out is likelier than another beginning.
func TestPinyinSuggestion(t *testing.T) {
	_, err := twelve306.BuiltinStations().Lookup("guanzhounan")
	if err == nil || err.Error() != `no station "guanzhounan"; did you mean 广州南?` {
		t.Errorf("%v", err)
	}
}
