package watcher

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// A scene is a whole life of watcherd in a bubble of virtual time: a simulated
// 12306, a state folder on the disk, a person with a phone, and one daemon
// after the other. Every scene ends with the promises (promises_test.go).
type scene struct {
	t      *testing.T
	set    setup
	site   *railsim.Server
	phone  *phone
	others []*phone // of further channels
	ink    *ink     // everything that was logged
	seen   *secrets // everything that must not be printed
	rt     http.RoundTripper
	hands  map[string]time.Time // by order number: when its owner ended it

	limitless bool // 12306 does not say until when an order must be paid

	crashed chan struct{} // a daemon was killed

	mu    sync.Mutex
	dir   string // the state folder of the newest life
	lives []*life
	hook  func(railsim.Step, *http.Request) // called for every request before it has any effect
}

// setup is what a scene begins with. The zero setup has an account, the person
// answers everything rightly, and 12306 is classic, calm and sells the train
// G1110 that nobody can get yet.
type setup struct {
	sim     railsim.Options
	rules   []Rule
	session string            // "on_seats", "none" (no account); else keep
	mode    twelve306.Mode    // of the login
	change  func(*Options)    // of every life
	random  func(int64) int64 // for the jitter; nil: math/rand
	excuse  []string          // violations that hold such a text are the fault's doing
	excuses int               // how often each of them is excused; 0 is three times
	forgets bool              // kills come while the disk is full: what was told then may be told again
	dir     string            // where the state folders are; "" is a folder of the test's own
}

// life is one process: from its start to its stop or its kill.
type life struct {
	s      *scene
	w      *Watcher
	n      int
	dir    string // its state folder
	cancel context.CancelFunc
	done   chan struct{}
	dead   atomic.Bool // killed: nothing of it reaches the world any more
}

// steady is a jitter without chance, for tests that count seconds: gaps are as
// long as their schedule says.
func steady(n int64) int64 { return n / 2 }

// day is when the test's trains run. A bubble begins on 2000-01-01, 08:00 in
// Shanghai.
var day = twelve306.Date{Year: 2000, Month: time.January, Day: 5}

// g1110 is the train of most scenes.
func g1110(second int) railsim.Train {
	return railsim.Train{Code: "G1110", No: "6i000G111000", From: "IZQ", To: "WHN", Depart: "09:30", Arrive: "13:30",
		Seats: map[string]int{"O": second, "M": 0, "9": 0}}
}

// every5s is the default schedule.
func every5s() Schedule { return every{"@every 5s", 5 * time.Second, twelve306.Shanghai()} }

// homeRule books the second class of G1110 for 张三.
func homeRule(change ...func(*Rule)) Rule {
	r := Rule{Name: "回家", Dates: []twelve306.Date{day}, From: []twelve306.Station{guangzhou}, To: []twelve306.Station{wuhan},
		Seats: []twelve306.Seat{twelve306.SecondClass}, Passengers: []string{"张三"}, Action: ActionBook, Schedule: every5s(), Enabled: true}
	r.Trains, _ = ParseTrains([]string{"G1110"})
	for _, f := range change {
		f(&r)
	}
	return r
}

// play runs a scene. The scene's own checks are f; the promises are checked
// after it.
func play(t *testing.T, set setup, f func(s *scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if set.dir == "" {
			set.dir = simDir(t)
		}
		s := &scene{t: t, set: set, ink: &ink{}, seen: &secrets{}, dir: filepath.Join(set.dir, "life-1"),
			hands: map[string]time.Time{}, crashed: make(chan struct{}, 1)}
		o := set.sim
		o.Budget, o.QueryGap, o.PollGap = 80, 3*time.Second, 4500*time.Millisecond
		if o.Seed == 0 {
			o.Seed = 12306
		}
		o.Hook = func(step railsim.Step, r *http.Request) {
			if step == railsim.StepConf {
				// The first look and the login begin at one moment, and both may
				// learn the query letter: what is asked must not hang on a race.
				time.Sleep(time.Millisecond)
			}
			s.mu.Lock()
			hook := s.hook
			s.mu.Unlock()
			if hook != nil {
				hook(step, r)
			}
		}
		s.site = railsim.New(o)
		s.rt = s.site.Transport()
		s.site.SetTrains(day.String(), g1110(0))
		s.phone = newPhone(s)
		defer s.site.Close()
		defer s.end()
		f(s)
	})
}

// options are those of every life of the scene.
func (s *scene) options(l *life) Options {
	rules := s.set.rules
	if rules == nil {
		rules = []Rule{homeRule()}
	}
	o := Options{
		Dir: cmp.Or(l.dir, s.dir), Rules: rules, Channels: []notifier.Channel{{Name: "phone", Notifier: &line{s.phone, l}}},
		Language: notifier.Chinese, Location: twelve306.Shanghai(),
		Question: QuestionOptions{Timeout: 3 * time.Minute, Attempts: 3, AskAgain: 10 * time.Minute},
		Log: zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), s.ink, zap.DebugLevel)).
			With(zap.Int("life", l.n)),
		Client: func(saved []byte) (*twelve306.Client, error) {
			return twelve306.New(twelve306.Options{Transport: &gate{s, l}, Saved: saved,
				Pace: twelve306.NewPace(twelve306.PaceConfig{MinInterval: 3 * time.Second, Budget: 80, Random: s.set.random})})
		},
	}
	if s.set.session != "none" {
		a := railsim.DefaultAccount()
		o.Account = &Account{OnSeats: s.set.session == "on_seats", Credentials: twelve306.Credentials{
			Username: a.Username, Password: a.Password, IDLast4: a.IDNo[len(a.IDNo)-4:], Mode: s.set.mode}}
	}
	if s.set.change != nil {
		s.set.change(&o)
	}
	return o
}

// start starts a daemon on the newest state folder.
func (s *scene) start() *life {
	s.t.Helper()
	l, err := s.open()
	if err != nil {
		s.t.Fatalf("Open: %v", err)
	}
	s.run(l)
	return l
}

func (s *scene) run(l *life) {
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	go func() {
		defer close(l.done)
		if err := l.w.Run(ctx); err != nil {
			s.t.Errorf("Run: %v", err)
		}
		if err := l.w.Close(); err != nil {
			s.t.Errorf("Close: %v", err)
		}
	}()
}

func (s *scene) open() (*life, error) {
	s.mu.Lock()
	l := &life{s: s, n: len(s.lives) + 1, dir: s.dir, done: make(chan struct{}), cancel: func() {}}
	s.mu.Unlock()
	w, err := Open(s.options(l))
	if err != nil {
		return nil, err
	}
	l.w = w
	s.mu.Lock()
	s.lives = append(s.lives, l)
	s.mu.Unlock()
	return l, nil
}

// now is the life that is under way.
func (s *scene) now() *life {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lives[len(s.lives)-1]
}

// stop stops a daemon as SIGTERM does and checks that it is quick.
func (s *scene) stop(l *life) {
	s.t.Helper()
	began := time.Now()
	l.cancel()
	<-l.done
	if took := time.Since(began); took > 12*time.Second {
		s.t.Errorf("the stop took %v", took)
	}
}

// kill is kill -9: what is on the disk now is what the next life finds, and
// nothing that the killed one still does is seen by anybody. Its goroutines
// end on their own, in a world that does not hear them.
func (s *scene) kill() {
	l := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.dead.Swap(true) {
		return
	}
	next := filepath.Join(filepath.Dir(s.dir), fmt.Sprintf("life-%d", l.n+1))
	if err := copyState(s.dir, next); err != nil {
		s.t.Errorf("copying the state folder: %v", err)
	}
	s.dir = next
	l.cancel()
	nudge(s.crashed)
}

// copyState copies a state folder that is in use. The log goes first: a commit
// or a checkpoint in between can then only make the database newer than what
// the log repeats.
func copyState(from, to string) error {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	for _, name := range []string{"watcherd.db-wal", "watcherd.db", "pace"} {
		b, err := os.ReadFile(filepath.Join(from, name))
		if os.IsNotExist(err) {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name), b, 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// until lets time pass until cond holds. A killed daemon is started again
// after two seconds, as a service manager does.
func (s *scene) until(what string, most time.Duration, cond func() bool) {
	s.t.Helper()
	for limit := time.Now().Add(most); ; time.Sleep(100 * time.Millisecond) {
		synctest.Wait()
		if cond() {
			return
		}
		if !time.Now().Before(limit) {
			s.t.Fatalf("waited %v in vain: %s\n%s", most, what, s.story())
		}
		if l := s.now(); l.dead.Load() {
			time.Sleep(2 * time.Second)
			s.start()
		}
	}
}

// pass lets time pass.
func (s *scene) pass(d time.Duration) { time.Sleep(d); synctest.Wait() }

// untilTold waits for news of a kind; n counts them from 1.
func (s *scene) untilTold(kind NewsKind, n int, most time.Duration) notifier.Message {
	s.t.Helper()
	s.until(fmt.Sprintf("news %s, number %d", kind, n), most, func() bool { return len(s.phone.told(kind)) >= n })
	return s.phone.told(kind)[n-1]
}

// sell puts second class seats of G1110 on sale.
func (s *scene) sell(n int) { s.site.Sell(day.String(), "G1110", "O", n) }

// onRequest sets what happens when a request arrives, before its effect.
func (s *scene) onRequest(f func(railsim.Step, *http.Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook = f
}

// end stops what still runs and checks the promises.
func (s *scene) end() {
	s.onRequest(nil)
	for _, l := range s.lives {
		if l.dead.Load() {
			<-l.done
			continue
		}
		s.stop(l)
	}
	s.promises()
	if s.t.Failed() {
		s.t.Log(s.story())
	}
}

// story is what happened, for the message of a failed test.
func (s *scene) story() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v, %v after the start\n--- requests\n", s.site, time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)))
	list := s.site.Requests()
	for i, r := range list {
		if quiet := r.Step == railsim.StepQuery || r.Step == railsim.StepWait; quiet && i > 0 && i < len(list)-1 &&
			list[i-1].Step == r.Step && list[i+1].Step == r.Step && list[i-1].Decision == r.Decision {
			continue
		}
		fmt.Fprintf(&b, "%s %-28s %d %s\n", r.At.Format("15:04:05.000"), r.Step, r.Status, r.Decision)
	}
	b.WriteString("--- phone\n" + s.phone.story() + "--- log\n" + s.ink.String())
	return b.String()
}

// gate is a life's way to 12306: it shuts when the life is killed, and it sees
// every secret that passes.
type gate struct {
	s *scene
	l *life
}

func (g *gate) RoundTrip(r *http.Request) (*http.Response, error) {
	killed := &net.OpError{Op: "read", Net: "tcp", Err: fmt.Errorf("the process was killed")}
	if g.l.dead.Load() {
		return nil, killed
	}
	if r.GetBody != nil {
		if body, err := r.GetBody(); err == nil {
			sent, _ := io.ReadAll(body)
			form, _ := url.ParseQuery(string(sent))
			for _, name := range []string{"REPEAT_SUBMIT_TOKEN", "tk", "secretStr", "password", "key_check_isChange", "answer", "randCode"} {
				g.s.seen.add(form.Get(name))
			}
			g.s.written(form, r.URL.Path)
		}
	}
	resp, err := g.s.rt.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	for _, c := range resp.Cookies() {
		g.s.seen.add(c.Value)
	}
	if g.l.dead.Load() {
		resp.Body.Close()
		return nil, killed
	}
	return resp, nil
}

func (g *gate) CloseIdleConnections() {}

// ink is a log in memory.
type ink struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (i *ink) Write(p []byte) (int, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.b.Write(p)
}

func (i *ink) Sync() error { return nil }

func (i *ink) String() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.b.String()
}

// secrets collects what must not be printed.
type secrets struct {
	mu   sync.Mutex
	list map[string]bool
}

func (s *secrets) add(v string) {
	if len(v) < 6 { // too short to be told from other text
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.list == nil {
		a := railsim.DefaultAccount()
		s.list = map[string]bool{a.Password: true}
		for _, p := range a.Passengers {
			s.list[p.IDNo], s.list[p.Mobile] = true, true
		}
	}
	s.list[v] = true
}
