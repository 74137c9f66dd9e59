package twelve306_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// look is one query; it fails the test unless it sees the one train.
func (s *site) look() {
	s.t.Helper()
	s.train()
}

// TestLetterRotates: the query's address changes at any moment; each change
// costs one extra request and no query fails.
func TestLetterRotates(t *testing.T) {
	for _, era := range []railsim.Era{railsim.Classic, railsim.Present} {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, railsim.Options{Seed: 1, Era: era, Calm: true})
			s.look()
			for i, letter := range []string{"A", "-", "Z", "Z", "G", "U"} {
				before := s.Count(railsim.StepQuery)
				s.SetLetter(letter)
				s.look()
				want := 2
				if i == 3 {
					want = 1
				}
				if n := s.Count(railsim.StepQuery) - before; n != want {
					t.Errorf("letter %s: %d requests, want %d", letter, n, want)
				}
				s.look()
			}
			if n := s.Count(railsim.StepQueryInit); n != 1 {
				t.Errorf("leftTicket/init was read %d times", n)
			}
			// In the middle of an order, after a restart, and while logging in.
			if err := s.client.Login(t.Context(), s.cred, s); err != nil {
				t.Fatal(err)
			}
			kept := s.client.Save()
			s.SetLetter("X")
			s.client.Close()
			s.client = s.newClient(kept)
			s.look()
		})
	}
}

// TestLetterGoesNowhere: c_url names only the query's own path on this server,
// and is followed once.
func TestLetterGoesNowhere(t *testing.T) {
	for _, c := range []string{"https://evil.example/leftTicket/queryZ", "../login/init", "leftTicket/queryZZ", "leftTicket/query/../../x", "leftTicket/init", "", "leftTicket/query%5A", "leftTicket/queryA"} {
		synctest.Test(t, func(t *testing.T) {
			tape := &answers{t: t, replies: map[string]string{
				"/otn/leftTicket/init":   "<script>var CLeftTicketUrl = 'leftTicket/queryA';</script>",
				"/otn/leftTicket/queryA": `{"status":false,"c_url":"` + c + `","c_name":"CLeftTicketUrl"}`,
			}}
			if _, err := tape.client().Query(t.Context(), journey(t)); twelve306.KindOf(err) != twelve306.Changed {
				t.Errorf("c_url %q: %v", c, err)
			}
			if len(tape.asked) != 2 {
				t.Errorf("c_url %q: asked %v", c, tape.asked)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) { // A says B, B says A
		tape := &answers{t: t, replies: map[string]string{
			"/otn/leftTicket/init":   "<script>var CLeftTicketUrl = 'leftTicket/queryA';</script>",
			"/otn/leftTicket/queryA": `{"status":false,"c_url":"leftTicket/queryB?x=1"}`,
			"/otn/leftTicket/queryB": `{"status":false,"c_url":"/otn/leftTicket/queryA"}`,
		}}
		if _, err := tape.client().Query(t.Context(), journey(t)); twelve306.KindOf(err) != twelve306.Changed || len(tape.asked) != 3 {
			t.Errorf("%v, asked %v", err, tape.asked)
		}
	})
}

// TestRenewsTheSessionOnce: a redirected query is asked once more with a new
// anonymous session; if that does not help it is a block, and no further
// session is asked for until a query has succeeded.
func TestRenewsTheSessionOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, railsim.Options{Seed: 1, Calm: true})
		s.look()
		s.KillTickets() // 12306 forgets the anonymous session
		s.look()
		if n := s.Count(railsim.StepQueryInit); n != 2 {
			t.Errorf("leftTicket/init was read %d times, want 2", n)
		}
		s.AddFault(railsim.Fault{Step: railsim.StepQuery, Kind: railsim.Redirect302, Times: 5})
		for i := range 4 {
			_, err := s.client.Query(t.Context(), s.journey)
			if twelve306.KindOf(err) != twelve306.Blocked {
				t.Errorf("query %d: %v", i, err)
			}
			if n := s.Count(railsim.StepQueryInit); i < 2 && n != 3 {
				t.Errorf("after query %d leftTicket/init was read %d times, want 3", i, n)
			}
		}
		s.look()
		if slow := s.client.Pace().Stats().Slow; slow < 2 {
			t.Errorf("redirected five times, and the pace is %v", slow)
		}
	})
}

// TestRenewsTheSessionOnceForEachJourney: a journey that is redirected for ever
// has had its new session, however often others are answered in between; when it
// is answered again it may have another.
func TestRenewsTheSessionOnceForEachJourney(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, railsim.Options{Seed: 1, Calm: true})
		other := s.journey
		other.Date = other.Date.AddDays(1)
		s.look()
		redirected := func(times, inits int) {
			t.Helper()
			before := s.Count(railsim.StepQueryInit)
			s.AddFault(railsim.Fault{Step: railsim.StepQuery, Kind: railsim.Redirect302, Times: times})
			if _, err := s.client.Query(t.Context(), other); twelve306.KindOf(err) != twelve306.Blocked {
				t.Errorf("redirected: %v", err)
			}
			if n := s.Count(railsim.StepQueryInit) - before; n != inits {
				t.Errorf("leftTicket/init was read %d times, want %d", n, inits)
			}
		}
		redirected(2, 1)
		for range 10 {
			s.look()
			redirected(1, 0)
		}
		s.KillTickets() // the session is gone indeed: another journey finds it out
		s.look()
		if _, err := s.client.Query(t.Context(), other); err != nil {
			t.Error(err)
		}
		redirected(2, 1)
	})
}

// TestThreeBadQueries: after three failures in a row the letter is read anew.
func TestThreeBadQueries(t *testing.T) {
	for _, kind := range []railsim.FaultKind{railsim.RequestLost, railsim.Null, railsim.Truncated, railsim.Status500, railsim.Empty200, railsim.WrongType, railsim.Unreachable} {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, railsim.Options{Seed: 1, Calm: true})
			s.look()
			s.AddFault(railsim.Fault{Step: railsim.StepQuery, Kind: kind, Times: 3})
			for i := range 3 {
				trains, err := s.client.Query(t.Context(), s.journey)
				s.mustNotLeak(err)
				if err == nil {
					t.Errorf("%s: query %d saw %d trains", kind, i, len(trains))
				}
			}
			if n := s.Count(railsim.StepQueryInit); n != 1 {
				t.Errorf("%s: leftTicket/init was read %d times before the third failure", kind, n)
			}
			s.look()
			if n := s.Count(railsim.StepQueryInit); n != 2 {
				t.Errorf("%s: leftTicket/init was read %d times, want 2", kind, n)
			}
		})
	}
}

// TestQueryFaults: a query that fails in any way is an error and never "no
// trains", and the next one sees them.
func TestQueryFaults(t *testing.T) {
	for _, step := range []railsim.Step{railsim.StepQueryInit, railsim.StepQuery} {
		everyFault(t, railsim.Options{Seed: 1, Calm: true}, step, func(t *testing.T, s *site, f railsim.Fault) {
			if step == railsim.StepQuery {
				s.look()
			}
			s.AddFault(f)
			trains, err := s.client.Query(t.Context(), s.journey)
			s.mustNotLeak(err)
			if err == nil && len(trains) != 1 {
				t.Errorf("%s: %d trains", describe(f), len(trains))
			}
			s.ClearFaults()
			if _, err := s.client.Query(t.Context(), s.journey); err != nil && step == railsim.StepQuery {
				t.Errorf("%s: the next query: %v", describe(f), err)
			}
			s.look()
		})
	}
}

// TestNeighbours: rows of the city's other stations are left out, whoever
// comes first.
func TestNeighbours(t *testing.T) {
	for seed := uint64(1); seed <= 20; seed++ {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, railsim.Options{Seed: seed, Timetable: true})
			for range 5 {
				trains, err := s.client.Query(t.Context(), s.journey)
				if k := twelve306.KindOf(err); k == twelve306.Busy {
					continue
				} else if err != nil {
					t.Fatal(err)
				}
				for i := range trains {
					if tr := &trains[i]; tr.From() != "IZQ" || tr.To() != "WHN" || tr.Depart() == "" {
						t.Errorf("%s %s-%s at %s", tr.Code(), tr.From(), tr.To(), tr.Depart())
					}
				}
			}
		})
	}
}

// TestRefreshStations: a new list is used, a broken one is not.
func TestRefreshStations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, railsim.Options{Seed: 1, Calm: true})
		old := s.client.Stations()
		for _, kind := range []railsim.FaultKind{railsim.Truncated, railsim.HTML, railsim.Empty200, railsim.Null, railsim.Redirect302} {
			s.AddFault(railsim.Fault{Step: railsim.StepStations, Kind: kind, Acts: true})
			if _, err := s.client.RefreshStations(t.Context()); err == nil || s.client.Stations() != old {
				t.Errorf("%s: %v", kind, err)
			}
		}
		if js, err := s.client.RefreshStations(t.Context()); err != nil || len(js) < 100_000 || s.client.Stations() == old || s.client.Stations().Len() != old.Len() {
			t.Errorf("%v", err)
		}
	})
}

// TestBodiesAreBounded: more than 8 MiB of JSON, 1 MiB of page or 256 KiB of
// picture is not read.
func TestBodiesAreBounded(t *testing.T) {
	for path, size := range map[string]int{"/otn/leftTicket/query": 8 << 20, "/otn/leftTicket/init": 1 << 20, "/otn/resources/js/framework/station_name.js": 1 << 20, "/passport/captcha/captcha-image": 256 << 10} {
		synctest.Test(t, func(t *testing.T) {
			tape := &answers{t: t, replies: map[string]string{
				"/otn/leftTicket/init":            "<script>var CLeftTicketUrl = 'leftTicket/query';</script>",
				"/otn/login/init":                 "<html>",
				"/passport/captcha/captcha-image": "x",
			}}
			tape.replies[path] = strings.Repeat(" ", size+1) + tape.replies[path]
			c := tape.client()
			var err error
			switch path {
			case "/otn/resources/js/framework/station_name.js":
				_, err = c.RefreshStations(t.Context())
			case "/passport/captcha/captcha-image":
				err = c.Login(t.Context(), twelve306.Credentials{Mode: twelve306.LoginCaptcha, Password: "a"}, nil)
			default:
				_, err = c.Query(t.Context(), journey(t))
			}
			if twelve306.KindOf(err) != twelve306.Network || !strings.Contains(err.Error(), fmt.Sprintf("more than %d bytes", size)) {
				t.Errorf("%s: %v", path, err)
			}
		})
	}
}

func journey(t *testing.T) twelve306.Journey {
	t.Helper()
	from, _ := twelve306.BuiltinStations().ByCode("IZQ")
	to, _ := twelve306.BuiltinStations().ByCode("WHN")
	return twelve306.Journey{Date: twelve306.DateOf(time.Now()), From: from, To: to}
}
