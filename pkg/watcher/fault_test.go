package watcher

import (
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// The fault table of the design, cell by cell: each is a scene in which one
// step fails on the wire, and says which requests follow after what pauses,
// and which news the user gets; no more, and no fewer.
//
//	pages, stations, query                 TestFaultsOfLooks
//	  five looks and 30 s: blind           TestBlind, TestNoNetworkIsToldOnce
//	  slower, recovers by 5 % a minute     TestThrottled; TestPaceThrottle of pkg/twelve306
//	captcha image to uamauthclient         TestFaultsOfLogin
//	  the picture that says "too often"    TestThrottledPictures of pkg/twelve306
//	submitOrderRequest to getQueueCount    TestFaultsBeforeConfirm
//	  cancelled too often, until tomorrow  TestRefusals (cancelled too often)
//	  op_2                                 TestQueueCountForms of pkg/twelve306
//	confirm to queryMyOrderNoComplete      TestFaultsFromConfirmOn
//	  unreadable is never "nothing"        TestUnreadableIsNotNothing
//	a full disk                            TestDiskFull (told once, no order), TestDiskFullAtConfirm
//	a stop with confirm in flight          TestStopDuringConfirm
//	a slow or dead channel                 TestSlowChannel, TestNewsWaitForTheChannel
//	hours without network                  TestTotalFailure, TestNoNetworkIsToldOnce
//	two daemons                            TestSecondDaemon, TestForeignOrder
//
// TestEveryBreak checks that each single failure ends in a booked seat, not how.

// cell is one field of the fault table: what fails, what then goes over the
// wire, and what the user is told.
type cell struct {
	row, column string
	faults      []railsim.Fault // each is a scene of its own
	set         setup
	before      func(s *scene) // after the login, before the faults and the seats
	wire        string         // from the first request that fails; see walkie
	looks       bool           // wire holds the looks, too
	told        string         // kinds of news since the faults
	says        []string       // what the news must say
	until       time.Duration  // how long the scene lasts; 0 = 50 s
	then        func(s *scene, sent *tap)
}

// on is a fault of each kind at a step.
func on(step railsim.Step, kinds ...railsim.FaultKind) (list []railsim.Fault) {
	for _, k := range kinds {
		list = append(list, railsim.Fault{Step: step, Kind: k})
	}
	return list
}

// acting lets the requests take effect before they fail.
func acting(list []railsim.Fault) []railsim.Fault {
	for i := range list {
		list[i].Acts = true
	}
	return list
}

// often lets them fail that many times.
func often(n int, list []railsim.Fault) []railsim.Fault {
	for i := range list {
		list[i].Times = n
	}
	return list
}

// tap notes every request as it leaves the client, also one that never
// arrives.
type tap struct {
	rt   http.RoundTripper
	mu   sync.Mutex
	list []sent
}

type sent struct {
	name    string // 12306's name of the step
	at, end time.Time
}

// stepNames shortens the paths that are not clear by their last part.
var stepNames = map[string]string{
	"/otn/login/init": "login-page", "/otn/leftTicket/init": "query-page", "/passport/web/login": "password",
	"/passport/captcha/captcha-image": "picture", "/passport/captcha/captcha-check": "check",
	"/otn/leftTicket/submitOrderRequest": "submit", "/otn/confirmPassenger/getPassengerDTOs": "passengers",
	"/otn/confirmPassenger/checkOrderInfo": "checkOrder", "/otn/confirmPassenger/getQueueCount": "count",
	"/otn/passcodeNew/getPassCodeNew": "picture", "/otn/passcodeNew/checkRandCodeAnsyn": "check",
	"/otn/confirmPassenger/confirmSingleForQueue": "confirm", "/otn/confirmPassenger/queryOrderWaitTime": "wait",
	"/otn/confirmPassenger/resultOrderForDcQueue": "result", "/otn/queryOrder/initNoComplete": "list-page",
	"/otn/queryOrder/queryMyOrderNoComplete": "list", "/otn/resources/js/framework/station_name.js": "stations",
}

func (p *tap) RoundTrip(r *http.Request) (*http.Response, error) {
	name := stepNames[r.URL.Path]
	if name == "" {
		if name = path.Base(r.URL.Path); strings.HasPrefix(name, "query") && path.Dir(r.URL.Path) == "/otn/leftTicket" {
			name = "query"
		}
	}
	at := time.Now()
	resp, err := p.rt.RoundTrip(r)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list = append(p.list, sent{name, at, time.Now()})
	return resp, err
}

// since lists the requests from a time on, without looks unless they are asked
// for.
func (p *tap) since(at time.Time, looks bool) (out []sent) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.list {
		if !r.at.Before(at) && (looks || !slices.Contains([]string{"query", "query-page", "stations"}, r.name)) {
			out = append(out, r)
		}
	}
	slices.SortStableFunc(out, func(a, b sent) int { return a.at.Compare(b.at) })
	return out
}

// write prints requests as cells name them: with the pause before each, when
// there was one.
func write(list []sent) string {
	var b strings.Builder
	for i, r := range list {
		if i > 0 {
			b.WriteByte(' ')
			if gap := r.at.Sub(list[i-1].end); gap > 300*time.Millisecond {
				fmt.Fprintf(&b, "%v ", gap.Round(100*time.Millisecond))
			}
		}
		b.WriteString(r.name)
	}
	return b.String()
}

// matches compares requests with a cell's wire: names in order, and between
// them pauses, a fifth more or less. "polls" are questions to the queue, five
// seconds apart, for as long as they last. "..." at the end lets more follow.
func matches(list []sent, want string) bool {
	i, pause, polls := 0, time.Duration(0), false
	for _, word := range strings.Fields(want) {
		if d, err := time.ParseDuration(word); err == nil {
			pause = d
			continue
		}
		switch word {
		case "...":
			return true
		case "polls":
			for n := 0; ; n++ {
				if i >= len(list) || list[i].name != "wait" {
					break
				}
				if gap := list[i].at.Sub(list[i-1].at); n > 0 && (gap < 4*time.Second || gap > 6*time.Second) {
					return false
				}
				i++
			}
			polls = true
			continue
		}
		if i >= len(list) || list[i].name != word {
			return false
		}
		if i > 0 {
			gap := list[i].at.Sub(list[i-1].end)
			if polls && gap > 6*time.Second || !polls && (gap < pause*8/10 || gap > pause*12/10+300*time.Millisecond) {
				return false
			}
		}
		i, pause, polls = i+1, 0, false
	}
	return i == len(list)
}

// kinds are the news since a time.
func (p *phone) kinds(since int) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for _, m := range p.news[since:] {
		out = append(out, m.Kind)
	}
	return strings.Join(out, " ")
}

func (p *phone) words(since int) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	for _, m := range p.news[since:] {
		fmt.Fprintf(&b, "%s | %s | %s\n", m.Kind, m.Title, strings.ReplaceAll(m.Text, "\n", " / "))
	}
	return b.String()
}

// tapped notes what the scene's daemons send.
func (s *scene) tapped() *tap {
	t := &tap{rt: s.rt}
	s.rt = t
	return t
}

// name of a scene of the table.
func (c *cell) name(f railsim.Fault) string {
	name := c.row + "/" + c.column + "/" + string(f.Kind)
	if f.Acts {
		name += "+acts"
	}
	if f.Msg != "" {
		name += "/" + f.Msg
	}
	return name
}

// judge compares what happened with the cell.
func (c *cell) judge(s *scene, list []sent, news int) {
	s.t.Helper()
	if c.wire != "" && !matches(list, c.wire) {
		s.t.Errorf("on the wire:\n got %s\nwant %s", write(list), c.wire)
	}
	if got := s.phone.kinds(news); got != c.told {
		s.t.Errorf("told %q, want %q:\n%s", got, c.told, s.phone.words(news))
	}
	for _, want := range c.says {
		if words := s.phone.words(news); !strings.Contains(words, want) {
			s.t.Errorf("the news do not say %s:\n%s", want, words)
		}
	}
}

// playOrder plays an order in which a step fails.
func (c *cell) playOrder(t *testing.T, f railsim.Fault) {
	set := c.set
	set.sim.Calm = true
	set.excuse = append(excuses(f), set.excuse...)
	set.random = steady
	play(t, set, func(s *scene) {
		sent := s.tapped()
		s.start()
		s.untilTold(NewsLoggedIn, 1, time.Minute)
		s.pass(7 * time.Second)
		if c.before != nil {
			c.before(s)
		}
		if f.Step != "" {
			s.site.AddFault(f)
		}
		news, began := len(s.phone.all()), time.Now()
		s.sell(2)
		s.pass(max(c.until, 50*time.Second))
		c.judge(s, sent.since(began, c.looks), news)
		if c.then != nil {
			c.then(s, sent)
		}
	})
}

// run plays every scene of every cell.
func runCells(t *testing.T, cells []cell, play func(*cell, *testing.T, railsim.Fault)) {
	for _, c := range cells {
		faults := c.faults
		if len(faults) == 0 {
			faults = []railsim.Fault{{}} // what fails is set up by the cell
		}
		for _, f := range faults {
			t.Run(c.name(f), func(t *testing.T) {
				t.Parallel()
				play(&c, t, f)
			})
		}
	}
}
