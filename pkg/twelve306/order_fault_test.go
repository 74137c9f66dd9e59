package twelve306_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// row of the fault table in DESIGN.md: what a step may say when it fails.
type outcome struct {
	unread  []twelve306.Kind // reset, timeout, HTML, 302, empty, cut, wrong type, null, 5xx
	busy    []twelve306.Kind // 429, 503, busy
	gone    []twelve306.Kind // logged out
	refused twelve306.Kind   // words that no table holds
	unsent  []twelve306.Kind // nothing was written
}

const ok = twelve306.Kind("")

// prepared lists the steps before the commit point.
var prepared = map[railsim.Step]outcome{
	railsim.StepSubmit:        {kinds(twelve306.Network, twelve306.Blocked, twelve306.Changed, ok), kinds(twelve306.Busy), kinds(twelve306.Session), twelve306.Changed, kinds(ok)},
	railsim.StepInitDc:        {kinds(ok), kinds(ok), kinds(twelve306.Session), ok, kinds(ok)},
	railsim.StepPassengers:    {kinds(twelve306.Network, twelve306.Blocked), kinds(twelve306.Busy), kinds(twelve306.Session), twelve306.Changed, kinds(twelve306.Network)},
	railsim.StepCheckOrder:    {kinds(twelve306.Network, twelve306.Blocked), kinds(twelve306.Busy), kinds(twelve306.Session), twelve306.Changed, kinds(ok)},
	railsim.StepQueueCount:    {kinds(ok), kinds(ok), kinds(twelve306.Session), ok, kinds(ok)},
	railsim.StepPassCode:      {kinds(ok), kinds(ok), kinds(twelve306.Session, ok), ok, kinds(ok)},
	railsim.StepCheckPassCode: {kinds(ok), kinds(ok), kinds(twelve306.Session), twelve306.Changed, kinds(ok)},
}

func kinds(k ...twelve306.Kind) []twelve306.Kind { return k }

// allows reports whether a fault may end in a kind.
func (o outcome) allows(f railsim.Fault, k twelve306.Kind) bool {
	switch f.Kind {
	case railsim.Unreachable:
		return slices.Contains(o.unsent, k)
	case railsim.TooMany429, railsim.Status503, railsim.Busy:
		return slices.Contains(o.busy, k)
	case railsim.LoggedOut, railsim.SignedOut:
		return slices.Contains(o.gone, k)
	case railsim.Refused:
		return k == o.refused
	case railsim.Slow:
		return k == ok
	}
	return slices.Contains(o.unread, k)
}

// ready logs in and looks at the train.
func (s *site) ready() twelve306.OrderRequest {
	s.t.Helper()
	if err := s.client.Login(s.t.Context(), s.cred, s); err != nil {
		s.t.Fatal(err)
	}
	return s.request()
}

// TestPrepareFaults lets every step before the commit point fail in every way.
// Nothing is spent, and the next attempt succeeds.
func TestPrepareFaults(t *testing.T) {
	for step, row := range prepared {
		for _, era := range []railsim.Era{railsim.Classic, railsim.Present} {
			picture := step == railsim.StepPassCode || step == railsim.StepCheckPassCode
			if picture && era == railsim.Present {
				continue // has no picture
			}
			t.Run(string(era), func(t *testing.T) {
				everyFault(t, railsim.Options{Seed: 1, Era: era, Calm: true}, step, func(t *testing.T, s *site, f railsim.Fault) {
					s.SetOrderCaptcha(picture)
					req := s.ready()
					s.AddFault(f)
					d, err := s.client.Prepare(t.Context(), req, s)
					s.mustNotLeak(err)
					if k := twelve306.KindOf(err); !row.allows(f, k) || (err == nil) != (d != nil) {
						t.Errorf("%s: %v", describe(f), err)
					}
					if twelve306.KindOf(err) == twelve306.Session {
						if in, _ := s.client.LoggedIn(); in {
							t.Errorf("%s: the session is lost, and the client thinks it is logged in", describe(f))
						}
					}
					s.ClearFaults()
					if len(s.Confirms()) != 0 || len(s.AllOrders()) != 0 {
						t.Errorf("%s: something was spent", describe(f))
					}
					time.Sleep(time.Minute) // an SMS code a minute
					if err != nil {
						if d, err = s.client.Prepare(t.Context(), s.ready(), s); err != nil {
							t.Fatalf("%s: the next attempt: %v", describe(f), err)
						}
					}
					if _, err := d.Confirm(t.Context()); err != nil {
						t.Errorf("%s: %v", describe(f), err)
					}
				})
			})
		}
	}
}

// TestConfirmFaults lets the commit point fail in every way. It is sent once;
// unless nothing was written or 12306 refused in words, the outcome is unknown
// and Unfinished tells the truth.
func TestConfirmFaults(t *testing.T) {
	for _, era := range []railsim.Era{railsim.Classic, railsim.Present} {
		for _, how := range []struct {
			noGuard bool
			step    railsim.Step
		}{{false, railsim.StepConfirm}, {true, railsim.StepConfirm}, {false, railsim.StepConfirmSingle}, {true, railsim.StepConfirmSingle}} {
			t.Run(string(era), func(t *testing.T) {
				everyFault(t, railsim.Options{Seed: 1, Era: era, Calm: true, NoGuard: how.noGuard}, how.step, func(t *testing.T, s *site, f railsim.Fault) {
					s.SetSingle(how.step == railsim.StepConfirmSingle)
					d, err := s.client.Prepare(t.Context(), s.ready(), s)
					if err != nil {
						t.Fatal(err)
					}
					s.AddFault(f)
					_, err = d.Confirm(t.Context())
					s.mustNotLeak(err)
					want := twelve306.Ambiguous
					switch f.Kind {
					case railsim.Unreachable:
						want = twelve306.Network
					case railsim.Busy: // in words: the watcher looks before it believes them
						want = twelve306.Busy
					case railsim.Refused:
						want = twelve306.Changed
					case railsim.Slow:
						want = ok
					}
					if k := twelve306.KindOf(err); k != want {
						t.Errorf("%s: %v, want %q", describe(f), err, want)
					}
					if e, isError := err.(*twelve306.Error); isError && e.Unsent != (f.Kind == railsim.Unreachable) {
						t.Errorf("%s: unsent %v", describe(f), e.Unsent)
					}
					if f.Kind == railsim.Unreachable {
						if _, err := d.Confirm(t.Context()); err != nil { // nothing was sent: once more is right
							t.Errorf("%s: %v", describe(f), err)
						}
					} else if _, err := d.Confirm(t.Context()); twelve306.KindOf(err) != twelve306.Ambiguous {
						t.Errorf("%s: a second Confirm: %v", describe(f), err)
					}
					s.ClearFaults()
					if n := len(s.Confirms()); n != 1 {
						t.Errorf("%s: %d confirms", describe(f), n)
					}
					time.Sleep(time.Minute)
					s.holdsWhatItSays(f)
				})
			})
		}
	}
}

// holdsWhatItSays compares Unfinished with the site, after a login if need be.
func (s *site) holdsWhatItSays(f railsim.Fault) {
	s.t.Helper()
	h, err := s.client.Unfinished(s.t.Context())
	if twelve306.KindOf(err) == twelve306.Session {
		if err := s.client.Login(s.t.Context(), s.cred, s); err != nil {
			s.t.Fatalf("%s: %v", describe(f), err)
		}
		h, err = s.client.Unfinished(s.t.Context())
	}
	s.mustNotLeak(err)
	held := s.Orders(s.cred.Username)
	if err != nil || len(h.Orders) != len(held) || h.Nothing() != (len(held) == 0) {
		s.t.Fatalf("%s: %+v, %v; the site holds %d", describe(f), h, err, len(held))
	}
	for i, o := range h.Orders {
		if o.Number != held[i].Number || len(o.Tickets) != 2 {
			s.t.Errorf("%s: %+v, the site holds %+v", describe(f), o, held[i])
		}
	}
}

// TestQueueFaults lets the queue's answers fail in every way. An order in the
// queue is never lost: there is its number, or doubt, or a lost session.
func TestQueueFaults(t *testing.T) {
	for _, step := range []railsim.Step{railsim.StepWait, railsim.StepResult, railsim.StepNoCompletePage, railsim.StepNoComplete} {
		for _, times := range []int{1, 3} {
			if step == railsim.StepNoCompletePage {
				times = min(times, 2) // the third time the list is asked without its page
			}
			t.Run(map[int]string{1: "once", 2: "twice", 3: "three times"}[times], func(t *testing.T) {
				everyFault(t, railsim.Options{Seed: 1, Calm: true}, step, func(t *testing.T, s *site, f railsim.Fault) {
					d, err := s.client.Prepare(t.Context(), s.ready(), s)
					if err != nil {
						t.Fatal(err)
					}
					q, err := d.Confirm(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					f.Times = times
					s.AddFault(f)
					number, err := s.client.WaitOrder(t.Context(), *q, nil)
					s.mustNotLeak(err)
					gone := f.Kind == railsim.LoggedOut || f.Kind == railsim.SignedOut
					if step == railsim.StepWait {
						s.queueEnds(f, times, number, err)
					} else if err != nil {
						t.Fatal(err)
					}
					if err == nil {
						err = s.client.Result(t.Context(), *q, number)
						s.mustNotLeak(err)
						if step != railsim.StepResult && err != nil {
							t.Errorf("%s: %v", describe(f), err)
						}
						if step == railsim.StepResult && gone && twelve306.KindOf(err) != twelve306.Session {
							t.Errorf("%s: %v", describe(f), err)
						}
					}
					if step == railsim.StepNoComplete || step == railsim.StepNoCompletePage {
						// Until it can be read it is an error, never "nothing".
						for n := 0; n < times+1; n++ {
							h, err := s.client.Unfinished(t.Context())
							s.mustNotLeak(err)
							if err == nil && h.Nothing() {
								t.Errorf("%s: an order is held, and Unfinished says nothing is", describe(f))
							}
							if gone || err == nil {
								break
							}
						}
					}
					s.ClearFaults()
					time.Sleep(time.Minute)
					s.holdsWhatItSays(f)
				})
			})
		}
	}
}

// queueEnds judges how a wait ended that met a fault.
func (s *site) queueEnds(f railsim.Fault, times int, number string, err error) {
	s.t.Helper()
	want := ok
	switch f.Kind {
	case railsim.LoggedOut, railsim.SignedOut:
		want = twelve306.Session
	case railsim.Empty200:
		want = twelve306.Ambiguous
	case railsim.Refused:
		want = twelve306.Changed // -2 with unknown words: Unfinished has to confirm it
	case railsim.Slow:
	default:
		if times == 3 {
			want = twelve306.Ambiguous
		}
	}
	if k := twelve306.KindOf(err); k != want || (err == nil) != (number != "") {
		s.t.Errorf("%s, %d times: %q, %v, want %q", describe(f), times, number, err, want)
	}
	if held := s.Orders(s.cred.Username); number != "" && (len(held) != 1 || held[0].Number != number) {
		s.t.Errorf("%s: the number is %q, the site holds %+v", describe(f), number, held)
	}
}

// TestHangsAreBounded: a request that is never answered ends by itself, and a
// context ends it sooner.
func TestHangsAreBounded(t *testing.T) {
	for _, step := range []railsim.Step{railsim.StepQuery, railsim.StepSubmit, railsim.StepConfirm, railsim.StepWait, railsim.StepNoComplete} {
		everyFault(t, railsim.Options{Seed: 1, Calm: true}, step, func(t *testing.T, s *site, f railsim.Fault) {
			if f.Kind != railsim.Hang || f.Acts {
				return
			}
			req := s.ready()
			f.Times = -1
			s.AddFault(f)
			for _, limit := range []time.Duration{0, 3 * time.Second} {
				ctx, cancel := t.Context(), context.CancelFunc(func() {})
				if limit > 0 {
					ctx, cancel = context.WithTimeout(ctx, limit)
				}
				began := time.Now()
				var err error
				switch d := (*twelve306.Draft)(nil); step {
				case railsim.StepQuery:
					_, err = s.client.Query(ctx, s.journey)
				case railsim.StepSubmit:
					_, err = s.client.Prepare(ctx, req, s)
				case railsim.StepConfirm:
					if d, err = s.client.Prepare(t.Context(), req, s); err != nil {
						t.Fatal(err)
					}
					began = time.Now()
					_, err = d.Confirm(ctx)
					if twelve306.KindOf(err) != twelve306.Ambiguous {
						t.Errorf("%v", err)
					}
				case railsim.StepWait:
					_, err = s.client.WaitOrder(ctx, twelve306.Queued{}, nil)
				case railsim.StepNoComplete:
					_, err = s.client.Unfinished(ctx)
				}
				cancel()
				s.mustNotLeak(err)
				most := 25 * time.Second
				if step == railsim.StepWait {
					most = 75 * time.Second // three polls
				}
				if limit > 0 {
					most = limit
				}
				if took := time.Since(began); err == nil || took > most {
					t.Errorf("%s: %v after %v", step, err, took)
				}
			}
		})
	}
}
