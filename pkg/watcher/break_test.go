package watcher

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"modernc.org/sqlite"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

var long = flag.Bool("long", false, "run the sweeps whole: every guard, login and kind of failure, awkward sites, many seeds")

// A way is how one kind of 12306 is logged in to. What is asked on it is found
// by walking it once: a request that is new is broken, too.
type way struct {
	name  string
	sim   railsim.Options
	mode  twelve306.Mode
	pause time.Duration  // from the start until there are seats
	login bool           // only what comes before the order: the rest is as on another way
	walk  []railsim.Step // what must be on it, in this order
}

// ways are all logins (auto with a code by SMS asks what sms asks); the first two are walked to the booked seat. Where the
// seats come late, the login is proven anew before the order.
var ways = []way{
	{"classic", railsim.Options{}, twelve306.LoginAuto, 20 * time.Second, false, []railsim.Step{
		railsim.StepConf, railsim.StepUamtkStatic, railsim.StepLoginInit, railsim.StepCaptchaImage, railsim.StepCaptchaCheck,
		railsim.StepLogin, railsim.StepUserLogin, railsim.StepPassport, railsim.StepUamtk, railsim.StepUamauthclient,
		railsim.StepSubmit, railsim.StepInitDc, railsim.StepPassengers, railsim.StepCheckOrder, railsim.StepPassCode, railsim.StepCheckPassCode, railsim.StepQueueCount,
		railsim.StepConfirm, railsim.StepWait, railsim.StepResult, railsim.StepNoCompletePage, railsim.StepNoComplete}},
	{"sms", present("3"), twelve306.LoginSMS, 20 * time.Second, false, []railsim.Step{
		railsim.StepConf, railsim.StepUamtkStatic, railsim.StepLoginVerify, railsim.StepSMS, railsim.StepLogin,
		railsim.StepUserLogin, railsim.StepPassport, railsim.StepUamtk, railsim.StepUamauthclient, railsim.StepUserLogin, railsim.StepConf,
		railsim.StepSubmit, railsim.StepInitDc, railsim.StepPassengers, railsim.StepCheckOrder, railsim.StepQueueCount,
		railsim.StepConfirm, railsim.StepWait, railsim.StepResult, railsim.StepNoCompletePage, railsim.StepNoComplete}},
	{"captcha", railsim.Options{}, twelve306.LoginCaptcha, 3 * time.Minute, true, []railsim.Step{
		railsim.StepLoginInit, railsim.StepCaptchaImage, railsim.StepCaptchaCheck, railsim.StepLogin,
		railsim.StepUserLogin, railsim.StepPassport, railsim.StepUamtk, railsim.StepUamauthclient, railsim.StepCheckUser}},
	{"qr", present("3"), twelve306.LoginQR, 20 * time.Second, true, []railsim.Step{
		railsim.StepConf, railsim.StepUamtkStatic, railsim.StepQRCreate, railsim.StepQRCheck,
		railsim.StepUserLogin, railsim.StepPassport, railsim.StepUamtk, railsim.StepUamauthclient, railsim.StepUserLogin, railsim.StepConf}},
	{"auto to qr", present("2"), twelve306.LoginAuto, 20 * time.Second, true, []railsim.Step{
		railsim.StepConf, railsim.StepUamtkStatic, railsim.StepLoginVerify, railsim.StepQRCreate, railsim.StepQRCheck,
		railsim.StepUserLogin, railsim.StepPassport, railsim.StepUamtk, railsim.StepUamauthclient, railsim.StepUserLogin, railsim.StepConf}},
	{"password alone", present("0"), twelve306.LoginAuto, 20 * time.Second, true, []railsim.Step{
		railsim.StepConf, railsim.StepUamtkStatic, railsim.StepLoginVerify, railsim.StepLogin,
		railsim.StepUserLogin, railsim.StepPassport, railsim.StepUamtk, railsim.StepUamauthclient, railsim.StepUserLogin, railsim.StepConf}},
}

// present is today's site, whose user must prove to be a person in the way of
// that login_check_code.
func present(code string) railsim.Options {
	a := railsim.DefaultAccount()
	a.VerifyCode = code
	return railsim.Options{Era: railsim.Present, Accounts: []railsim.Account{a}}
}

func (w way) setup(guarded bool) setup {
	set := setup{sim: w.sim, mode: w.mode}
	set.sim.Calm, set.sim.NoGuard = true, !guarded
	return set
}

// A stop is one request of a way: the n-th of its step, from 0.
type stop struct {
	railsim.Step
	n int
}

// book books on the way with something in it.
func (w way) book(t *testing.T, set setup, prepare func(s *scene)) {
	t.Helper()
	bookAfter(t, w.pause, set, prepare)
}

// stops walks the way once, unbroken.
func (w way) stops(t *testing.T, guarded bool) []stop {
	var list []stop
	w.book(t, w.setup(guarded), func(s *scene) {
		var mu sync.Mutex
		seen := map[railsim.Step]int{}
		s.onRequest(func(step railsim.Step, _ *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			n := seen[step]
			seen[step]++
			most := 2
			if step == railsim.StepQuery || step == railsim.StepStations {
				most = 1 // the same every time
			}
			if n < most && len(s.phone.told(NewsBooked)) == 0 {
				list = append(list, stop{step, n})
			}
		})
	})
	if i := slices.IndexFunc(list, func(p stop) bool { return p.Step == railsim.StepSubmit }); w.login {
		list = list[:i]
	}
	rest := w.walk
	for _, looks := range []railsim.Step{railsim.StepQueryInit, railsim.StepQuery} { // beside the login
		if !slices.Contains(list, stop{looks, 0}) {
			t.Fatalf("%s: nothing asked for %s", w.name, looks)
		}
	}
	for _, p := range list {
		if len(rest) > 0 && p.Step == rest[0] {
			rest = rest[1:]
		}
	}
	if len(rest) > 0 {
		t.Fatalf("%s: nothing asked for %s where it belongs; asked: %v", w.name, rest[0], list)
	}
	return list
}

// breaks are the ways in which one request fails.
func breaks(all bool) []railsim.Fault {
	kinds := []railsim.FaultKind{
		railsim.Unreachable, railsim.RequestLost, railsim.ReplyLost, railsim.HTML, railsim.Redirect302, railsim.Empty200, railsim.Truncated,
		railsim.WrongType, railsim.Null, railsim.Status502, railsim.TooMany429, railsim.LoggedOut, railsim.SignedOut, railsim.Hang,
	}
	if all {
		kinds = append(kinds, railsim.BrokenBody, railsim.Status500, railsim.Status503, railsim.Forbidden403, railsim.Busy)
	}
	var out []railsim.Fault
	for _, k := range kinds {
		out = append(out, railsim.Fault{Kind: k})
		switch k {
		case railsim.Unreachable, railsim.RequestLost, railsim.ReplyLost, railsim.LoggedOut, railsim.SignedOut:
		default: // the same once more, with the request taking effect
			out = append(out, railsim.Fault{Kind: k, Acts: true})
		}
	}
	return out
}

// excuses are the violations that a failure of a step itself brings about.
func excuses(f railsim.Fault) []string {
	// A look that is turned away is tried once more on a new session, at once.
	out := []string{"a query 0s after the last one"}
	switch {
	case f.Step == railsim.StepNoCompletePage:
		out = append(out, "before initNoComplete was opened") // its own failure stops nobody
	case f.Step == railsim.StepWait && f.Kind == railsim.ReplyLost:
		out = append(out, "queryOrderWaitTime 0s after the last one") // net/http repeats a GET by itself
	case f.Step == railsim.StepSubmit && f.Kind == railsim.WrongType:
		out = append(out, "initDc without submitOrderRequest") // it said yes and did not do it
	case f.Kind == railsim.SignedOut && (f.Step == railsim.StepLogin || f.Step == railsim.StepSMS):
		out = append(out, "without checkLoginVerify for this user") // the session that was asked about is gone
	case f.Step == railsim.StepLoginVerify && f.Kind == railsim.WrongType:
		out = append(out, "where nothing was asked") // it said that something is
	case f.Step == railsim.StepQueryInit:
		out = append(out, "missing cookie") // it said 200 and gave no session
	}
	return out
}

// booking plays one booking with something in its way and wants the seat in
// the end.
func booking(t *testing.T, set setup, prepare func(s *scene)) {
	t.Helper()
	bookAfter(t, 20*time.Second, set, prepare)
}

func bookAfter(t *testing.T, pause time.Duration, set setup, prepare func(s *scene)) {
	t.Helper()
	play(t, set, func(s *scene) {
		s.site.SetOrderCaptcha(true)
		prepare(s)
		s.start()
		s.pass(pause)
		s.sell(2)
		s.untilTold(NewsBooked, 1, time.Hour)
		s.pass(3 * time.Minute)
	})
}

func TestEveryBreak(t *testing.T) {
	left := 0
	for i, w := range ways {
		for _, guarded := range []bool{false, true} {
			if guarded && i > 0 && !*long {
				continue
			}
			for _, at := range w.stops(t, guarded) {
				for _, f := range breaks(*long) {
					if left++; left%sweepEvery != 0 && !*long {
						continue
					}
					f.Step, f.Skip = at.Step, at.n
					t.Run(fmt.Sprintf("%s/guard=%v/%s#%d/%s/acts=%v", w.name, guarded, at.Step, at.n, f.Kind, f.Acts), func(t *testing.T) {
						t.Parallel()
						set := w.setup(guarded)
						set.excuse = excuses(f)
						w.book(t, set, func(s *scene) {
							s.site.AddFault(f)
							s.t.Cleanup(func() {
								if left := s.site.Faults(); len(left) > 0 {
									t.Errorf("nothing met the failure")
								}
							})
						})
					})
				}
			}
		}
	}
}

// crashAtRequest kills the daemon at the n-th request: before it arrives, or
// after it has taken effect.
func (s *scene) crashAtRequest(n int64, after bool) {
	var count atomic.Int64
	s.onRequest(func(step railsim.Step, _ *http.Request) {
		if count.Add(1) != n {
			return
		}
		s.kill()
		kind := railsim.RequestLost
		if after {
			kind = railsim.ReplyLost
		}
		s.site.AddFault(railsim.Fault{Step: step, Kind: kind})
	})
}

// commits are told of every commit in a state folder, before it happens.
// One that returns an error fails, as on a full disk.
var commits sync.Map // path of the folder -> func() error

func TestMain(m *testing.M) {
	sqlite.RegisterConnectionHook(func(c sqlite.ExecQuerierContext, dsn string) error {
		path, _, _ := strings.Cut(strings.TrimPrefix(dsn, "file:"), "/watcherd.db")
		if h, ok := c.(sqlite.HookRegisterer); ok {
			h.RegisterCommitHook(func() int32 {
				if f, ok := commits.Load(path); ok && f.(func() error)() != nil {
					return 1
				}
				return 0
			})
		}
		return nil
	})
	m.Run()
}

// crashAtCommit kills the daemon before its n-th write is durable.
func (s *scene) crashAtCommit(n int64) {
	var count atomic.Int64
	s.onCommit(func() error {
		if count.Add(1) == n {
			s.kill()
		}
		return nil
	})
}

// disk is full while what it returns is true.
func (s *scene) disk() *atomic.Bool {
	var full atomic.Bool
	s.onCommit(func() error {
		if full.Load() {
			return errors.New("no space left on device")
		}
		return nil
	})
	return &full
}

func (s *scene) onCommit(f func() error) {
	dir := s.dir
	commits.Store(dir, func() error {
		s.mu.Lock()
		running := len(s.lives) > 0
		s.mu.Unlock()
		if running { // a kill inside Open is for the next Open to see: internal/store has it
			return f()
		}
		return nil
	})
	s.t.Cleanup(func() { commits.Delete(dir) })
}

// TestEveryCrash kills the daemon at every request, before and after its
// effect, and at every write to the disk.
func TestEveryCrash(t *testing.T) {
	left := 0
	skip := func() bool { left++; return left%sweepEvery != 0 && !*long }
	for i, w := range ways {
		for _, guarded := range []bool{false, true} {
			if guarded && i > 0 && !*long {
				continue
			}
			set := w.setup(guarded)
			// That a code was asked for a moment ago dies with the life that did.
			set.excuse = []string{"a second code within"}
			var requests, writes atomic.Int64
			w.book(t, set, func(s *scene) {
				s.onRequest(func(railsim.Step, *http.Request) { requests.Add(1) })
				s.onCommit(func() error { writes.Add(1); return nil })
			})
			if requests.Load() < 30 || writes.Load() < 15 {
				t.Fatalf("a booking took %d requests and %d writes", requests.Load(), writes.Load())
			}
			t.Logf("%s: %d requests, %d writes", w.name, requests.Load(), writes.Load())
			for n := int64(1); n <= requests.Load(); n++ {
				for _, after := range []bool{false, true} {
					if skip() {
						continue
					}
					t.Run(fmt.Sprintf("%s/guard=%v/request=%d/after=%v", w.name, guarded, n, after), func(t *testing.T) {
						t.Parallel()
						w.book(t, set, func(s *scene) { s.crashAtRequest(n, after) })
					})
				}
			}
			for n := int64(1); n <= writes.Load(); n++ {
				if skip() {
					continue
				}
				t.Run(fmt.Sprintf("%s/guard=%v/write=%d", w.name, guarded, n), func(t *testing.T) {
					t.Parallel()
					w.book(t, set, func(s *scene) { s.crashAtCommit(n) })
				})
			}
		}
	}
}

// A daemon that crashes again and again asks no more than one that lives: the
// budget and the gap between looks outlive a kill.
func TestTheBudgetOutlivesRestarts(t *testing.T) {
	t.Parallel()
	play(t, setup{sim: calm(), session: "none", rules: []Rule{homeRule(notifies)}}, func(s *scene) {
		s.start()
		for range 90 {
			s.pass(4 * time.Second)
			s.kill()
			s.pass(time.Second)
			s.start()
		}
	})
}
