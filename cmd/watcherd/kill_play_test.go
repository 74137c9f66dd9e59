package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"modernc.org/sqlite"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// moment is when something happens to the daemon.
type moment string

const (
	before    moment = "before"    // killed before the request acts; it never does
	acted     moment = "acted"     // killed after the request has acted; nobody gets the reply
	replied   moment = "replied"   // killed as soon as the reply has left
	written   moment = "written"   // killed by whoever watches the state folder, around a write
	committed moment = "committed" // killed inside SQLite, just before a commit becomes durable
	stopped   moment = "stopped"   // SIGTERM while the request is under way, which goes on
	stopLost  moment = "stopLost"  // SIGTERM, and the reply never comes
	deserted  moment = "deserted"  // SIGTERM, and from then on nobody replies, not even the phone
	dumped    moment = "dumped"    // SIGQUIT before the request acts: Go prints every goroutine and ends
)

// blow is one thing that happens to one life of the daemon: at the nth request
// of a step (a request of any step when there is none), or at the nth write or
// commit.
type blow struct {
	moment moment
	step   string
	nth    int
}

func (b blow) String() string { return fmt.Sprintf("%s %s#%d", b.moment, b.step, b.nth) }

func (b blow) stops() bool {
	return b.moment == stopped || b.moment == stopLost || b.moment == deserted
}

// play is one rule of one account, real processes on real sockets: from the
// first start of the daemon to the order number on the phone, with one blow for
// each of its lives.
type play struct {
	t     *testing.T
	name  string
	dir   string
	blows []blow

	// What a test may change before the first life.
	args   []string                                          // of watcherd
	login  string                                            // twelve306.login
	more   string                                            // further lines of twelve306
	notify string                                            // further channels
	reply  func(picture string) string                       // what the user answers
	spoil  func(w http.ResponseWriter, r *http.Request) bool // answers in 12306's place

	site  *railsim.Server
	serve *httptest.Server
	inbox *httptest.Server

	mu       sync.Mutex
	now      *blow // what this life waits for
	life     *process
	seen     map[string]int // of this life, by step; "" is every one
	trace    []string       // of the whole play
	done     chan struct{}  // closed when the blow has fallen
	struck   time.Time      // when it fell
	deaf     bool           // the phone takes nothing more in this life
	died     time.Time      // when the last life that is gone was found gone
	mail     []letter
	arrived  chan struct{} // one for each letter that tells of a seat
	pictures int           // captchas that were fetched
	spent    bool          // an order was begun, so the login was complete and saved
	wrong    []string
	outputs  []string        // what the lives that are over have printed
	secrets  map[string]bool // everything on the wire that must not be printed
}

// letter is one of the news as the phone got it.
type letter struct {
	Kind, Title, Text, Link string
	Order                   *struct{ Number string }
	at                      time.Time
}

// halfPoll is what real processes are held to: half the 5 s at which the queue
// is asked, for on a loaded machine the simulator may notice one question late
// and the next at once (4.399 s were seen). In virtual time, in pkg/watcher and
// pkg/twelve306, it is 4.5 s.
const halfPoll = 2500 * time.Millisecond

// visit carries the step of a request from the simulator's hook to the gate.
type visit struct{ step string }

type visitKey struct{}

func newPlay(t *testing.T, name string, dir string, o railsim.Options, blows ...blow) *play {
	p := &play{t: t, name: name, dir: dir, blows: blows, seen: map[string]int{}, arrived: make(chan struct{}, 100), login: "captcha",
		args: []string{"run", "--log-format", "json", "--log-level", "debug"}, secrets: map[string]bool{}}
	for _, secret := range canaries {
		p.secrets[secret] = true
	}
	o.Seed, o.Calm, o.PollGap = 12306, true, halfPoll
	if o.Queue == nil {
		o.Queue = &railsim.Queue{Waits: []int{4}}
	}
	o.Hook = func(step railsim.Step, r *http.Request) {
		r.Context().Value(visitKey{}).(*visit).step = string(step)
		p.reach(string(step), r)
	}
	p.site = railsim.New(o)
	p.reply = func(picture string) string { return p.site.AnswerOf([]byte(picture)) }
	p.site.SetTrains(p.date(), railsim.Train{Code: "G1110", From: "IZQ", To: "WHN", Depart: "08:00", Arrive: "12:05", Seats: map[string]int{"O": 20}})
	p.serve = httptest.NewServer(http.HandlerFunc(p.twelve306))
	p.inbox = httptest.NewServer(http.HandlerFunc(p.phone))
	return p
}

func (p *play) date() string { return twelve306.DateOf(time.Now()).AddDays(5).String() }

func (p *play) close() {
	p.mu.Lock()
	life := p.life
	p.mu.Unlock()
	if life != nil {
		life.cmd.Process.Kill()
		<-life.gone
	}
	// Requests of the dead may still hang in a handler: their connections are
	// closed with the process, so Close ends.
	p.serve.Close()
	p.inbox.Close()
	p.site.Close()
}

func (p *play) fault(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wrong = append(p.wrong, fmt.Sprintf(format, args...))
}

// twelve306 is the simulator behind a gate, at which the daemon may be killed
// on the way in and on the way out.
func (p *play) twelve306(w http.ResponseWriter, r *http.Request) {
	if p.spoil != nil && p.spoil(w, r) {
		return
	}
	p.overhear(r)
	v := &visit{}
	rec := httptest.NewRecorder()
	p.site.ServeHTTP(rec, r.WithContext(context.WithValue(r.Context(), visitKey{}, v)))
	p.overhearReply(rec)
	p.leave(w, r, rec, v.step)
}

// phone takes the news, and answers questions through their link.
func (p *play) phone(w http.ResponseWriter, r *http.Request) {
	var l letter
	b, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(b, &l) != nil {
		p.fault("the phone got %q: %v", b, err)
		return
	}
	step := "news " + l.Kind
	p.reach(step, r)
	p.mu.Lock()
	deaf := p.deaf && p.now == nil
	p.mu.Unlock()
	if deaf {
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
	l.at = time.Now()
	p.mu.Lock()
	p.mail = append(p.mail, l)
	p.mu.Unlock()
	switch l.Kind {
	case "question":
		_, token, _ := strings.Cut(l.Link, "/q/")
		p.secret(token)
		go p.answer(l.Link)
	case "booked":
		p.arrived <- struct{}{}
	}
	p.leave(w, r, httptest.NewRecorder(), step)
}

// answer fills in the answer page as a person does. The daemon may die under
// it, so nothing that fails here is a fault.
func (p *play) answer(link string) {
	get := func(address string) (string, *url.URL) {
		resp, err := http.Get(address)
		if err != nil {
			return "", nil
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return string(b), resp.Request.URL
	}
	// The link leads on to the question that takes the place of this one.
	for end, last := time.Now().Add(patience), ""; time.Now().Before(end); time.Sleep(50 * time.Millisecond) { // between two looks at the page
		page, at := get(link)
		if at == nil {
			return
		}
		if at.String() == last || !strings.Contains(page, "<form") {
			continue
		}
		last = at.String()
		picture, _ := get(last + "/picture")
		reply := p.reply(picture)
		if reply == "" {
			continue
		}
		if resp, err := http.PostForm(last, url.Values{"answer": {reply}, "action": {"submit"}}); err == nil {
			resp.Body.Close()
		}
	}
}

// due counts a request and returns the blow it is to meet at one of the
// moments, or nil.
func (p *play) due(step string, count bool, moments ...moment) *blow {
	p.mu.Lock()
	defer p.mu.Unlock()
	if count {
		p.seen[step]++
		p.seen[""]++
		p.trace = append(p.trace, step)
	}
	if p.now == nil || !slices.Contains(moments, p.now.moment) || p.now.step != "" && p.now.step != step || p.seen[p.now.step] != p.now.nth {
		return nil
	}
	b := p.now
	p.now = nil
	return b
}

// reach is called before a request acts.
func (p *play) reach(step string, r *http.Request) {
	b := p.due(step, true, before, stopped, stopLost, deserted, dumped)
	switch railsim.Step(step) {
	case railsim.StepCaptchaImage, railsim.StepCaptchaImage64:
		p.mu.Lock()
		p.pictures++
		spent := p.spent
		p.mu.Unlock()
		if spent {
			p.fault("a second captcha, though 12306's session lives")
		}
	case railsim.StepSubmit:
		p.mu.Lock()
		p.spent = true
		p.mu.Unlock()
	case railsim.StepConfirm:
		// What the disk knows now is what a crash leaves.
		if n, open := p.journal("confirming"), p.journal("failed"); n != open+1 {
			p.fault("a confirm arrives with %d intents on disk, %d of them failed", n, open)
		}
	}
	if b == nil {
		return
	}
	switch b.moment {
	case before:
		p.kill()
		panic(http.ErrAbortHandler)
	case dumped:
		p.signal(syscall.SIGQUIT)
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
	p.signal(syscall.SIGTERM)
	if b.moment == stopLost || b.moment == deserted {
		// It acts; leave withholds the reply.
		p.mu.Lock()
		p.now, p.deaf = b, b.moment == deserted
		p.mu.Unlock()
		return
	}
	select { // long enough under way for the signal to come first
	case <-r.Context().Done():
	case <-time.After(200 * time.Millisecond):
	}
}

// leave is called when a request has acted.
func (p *play) leave(w http.ResponseWriter, r *http.Request, rec *httptest.ResponseRecorder, step string) {
	b := p.due(step, false, acted, replied, stopLost, deserted)
	if b != nil && b.moment == acted {
		p.kill()
		panic(http.ErrAbortHandler)
	}
	if b != nil && b.stops() {
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
	for k, v := range rec.Header() {
		w.Header()[k] = v
	}
	w.Header().Set("Content-Length", strconv.Itoa(rec.Body.Len()))
	w.WriteHeader(rec.Code)
	w.Write(rec.Body.Bytes())
	if b != nil {
		http.NewResponseController(w).Flush()
		p.kill()
	}
}

// kill ends the life with SIGKILL and waits until it is gone.
func (p *play) kill() {
	p.mu.Lock()
	life := p.life
	p.mu.Unlock()
	p.fell()
	life.cmd.Process.Kill()
	<-life.gone
}

func (p *play) signal(sig syscall.Signal) {
	p.mu.Lock()
	life := p.life
	p.mu.Unlock()
	p.fell()
	life.cmd.Process.Signal(sig)
}

func (p *play) fell() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.done:
	default:
		p.struck = time.Now()
		close(p.done)
	}
}

// journal counts the events of a kind on the disk. The file is read as
// another process reads it.
func (p *play) journal(kind string) int {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(p.dir, "state", "watcherd.db")+"?mode=ro&_pragma=busy_timeout(5000)")
	if err != nil {
		p.fault("the journal: %v", err)
		return 0
	}
	defer db.Close()
	var n int
	if err := db.QueryRow("SELECT count(*) FROM event WHERE kind = ?", kind).Scan(&n); err != nil {
		p.fault("the journal: %v", err)
	}
	return n
}

// watchWrites kills the daemon at the nth write to its database, as seen from
// outside, and counts the writes when no blow of that kind is planned.
func (p *play) watchWrites() (stop func()) {
	fs, err := fsnotify.NewWatcher()
	if err == nil {
		err = fs.Add(filepath.Join(p.dir, "state"))
	}
	if err != nil {
		p.t.Fatal(err)
	}
	var ended sync.WaitGroup
	ended.Go(func() {
		for e := range fs.Events {
			if e.Has(fsnotify.Write) && strings.HasPrefix(filepath.Base(e.Name), "watcherd.db") && filepath.Ext(e.Name) != ".db-shm" {
				if p.due("written", true, written) != nil {
					p.kill()
				}
			}
		}
	})
	return func() { fs.Close(); ended.Wait() }
}

// suicide is the variable that says at which commit the daemon kills itself.
const suicide = "WATCHERD_TEST_KILL_AT_COMMIT"

// init hangs the kill at a commit into SQLite, in those children of the test
// that are told to: no place outside the process is as exact.
func init() {
	nth, err := strconv.ParseInt(os.Getenv(suicide), 10, 64)
	if err != nil {
		return
	}
	sqlite.RegisterConnectionHook(func(c sqlite.ExecQuerierContext, _ string) error {
		if h, ok := c.(sqlite.HookRegisterer); ok {
			h.RegisterCommitHook(func() int32 {
				if nth--; nth == 0 {
					syscall.Kill(os.Getpid(), syscall.SIGKILL)
				}
				return 0
			})
		}
		return nil
	})
}

// stage writes the daemon's files.
func (p *play) stage() {
	text := fmt.Sprintf(`state_dir: state
twelve306:
  base_url: %s
  username: zhangsan
  password: secret12306
  login: %s
%s  min_interval: 200ms
  budget: 0
  service_hours: "00:00-24:00"
schedule: "@every 1s"
notify:
  web: {listen: "%s"}
  services:
    - webhook: {url: "%s"}
%srules:
  - {name: 回家, date: %s, from: 广州南, to: 武汉, trains: [G1110], seats: [二等座], passengers: [张三, 李四]}
`, p.serve.URL, p.login, p.more, quietAddr(), p.inbox.URL, p.notify, p.date())
	err := os.MkdirAll(filepath.Join(p.dir, "state"), 0o700)
	if err == nil {
		err = os.WriteFile(filepath.Join(p.dir, "watch.yaml"), []byte(text), 0o600)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// begin starts a life, which meets the blow.
func (p *play) begin(b *blow) *process {
	life := &process{cmd: exec.Command("watcherd", p.args...), gone: make(chan struct{})}
	life.cmd.Dir = p.dir
	life.cmd.Env = []string{"HOME=" + p.dir, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(), "GOCOVERDIR=" + os.Getenv("GOCOVERDIR")}
	if b != nil && b.moment == committed {
		life.cmd.Env = append(life.cmd.Env, suicide+"="+strconv.Itoa(b.nth))
	}
	life.cmd.Stdout, life.cmd.Stderr = &life.out, &life.out
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = make(chan struct{})
	p.seen = map[string]int{}
	p.now, p.deaf = b, false
	if err := life.cmd.Start(); err != nil {
		p.t.Error(err)
	}
	p.life = life
	go func() {
		_ = life.cmd.Wait() // read from ProcessState
		p.died = time.Now()
		close(life.gone)
	}()
	return life
}
