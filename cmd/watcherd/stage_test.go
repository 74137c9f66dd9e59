package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// This file has the commands of the scripts; TestScripts lists them.

// patience bounds every wait of a script; it is for a machine under load, and
// no script that passes comes near it.
const patience = time.Minute

// stage is what one script plays on.
type stage struct {
	site  *railsim.Server
	serve *httptest.Server
	inbox *httptest.Server
	mail  transcript // the news as JSON, one a line
	procs map[string]*process
}

type stageKey struct{}

// scene makes a script's command of a method; none of them can be negated.
func scene(f func(*stage, *testscript.TestScript, []string)) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg {
			ts.Fatalf("this command cannot be negated")
		}
		f(ts.Value(stageKey{}).(*stage), ts, args)
	}
}

func (s *stage) close() {
	for _, p := range s.procs {
		p.cmd.Process.Kill()
		<-p.gone
	}
	for _, srv := range []*httptest.Server{s.serve, s.inbox} {
		if srv != nil {
			srv.Close()
		}
	}
	if s.site != nil {
		s.site.Close()
	}
}

func (s *stage) railsim(ts *testscript.TestScript, args []string) {
	era := railsim.Classic
	if slices.Contains(args, "present") {
		era = railsim.Present
	}
	s.site = railsim.New(railsim.Options{Seed: 12306, Era: era, Calm: true, PollGap: halfPoll})
	row := func(code, to, depart, arrive string, seats map[string]int) railsim.Train {
		return railsim.Train{Code: code, From: "IZQ", To: to, Depart: depart, Arrive: arrive, Seats: seats}
	}
	s.site.SetTrains(ts.Getenv("DATE"),
		row("G1110", "WHN", "08:00", "12:05", map[string]int{"9": 0, "M": 0, "O": 0, "W": 0}),
		row("G1112", "WHN", "08:32", "12:49", map[string]int{"M": 4, "O": 120, "W": 0}),
		row("K1160", "WHN", "21:10", "09:02", map[string]int{"1": 17, "3": 0, "W": 3}),
	)
	s.serve = httptest.NewServer(s.site)
	ts.Setenv("RAILSIM_URL", s.serve.URL)
}

func (s *stage) command(ts *testscript.TestScript, args []string) {
	if s.site == nil || len(args) == 0 {
		ts.Fatalf("usage: site sell|queue|await|has|odd|sms|down, after railsim")
	}
	switch args[0] {
	case "sell":
		if !s.site.Sell(ts.Getenv("DATE"), args[1], args[2], number(ts, args[3])) {
			ts.Fatalf("no train %s", args[1])
		}
	case "queue":
		var q railsim.Queue
		for _, a := range args[1:] {
			q.Waits = append(q.Waits, number(ts, a))
		}
		s.site.PlanQueue(q)
	case "await":
		step, n := railsim.Step(args[1]), number(ts, args[2])
		for end := time.Now().Add(patience); s.site.Count(step) < n; {
			if time.Now().After(end) {
				ts.Fatalf("%d of %d requests %s have arrived", s.site.Count(step), n, step)
			}
			time.Sleep(10 * time.Millisecond) // between two looks at the condition
		}
	case "has":
		var have any
		var n int
		switch args[1] {
		case "confirms":
			have, n = s.site.Confirms(), len(s.site.Confirms())
		case "orders":
			have, n = s.site.AllOrders(), len(s.site.AllOrders())
		case "codes":
			have, n = s.site.Requests(), s.site.Count(railsim.StepSMS)
		case "violations":
			have, n = s.site.Misconduct(), len(s.site.Misconduct())
		default:
			ts.Fatalf("site has no %s", args[1])
		}
		if n != number(ts, args[2]) {
			ts.Fatalf("%d %s, want %s: %+v (%v)", n, args[1], args[2], have, s.site)
		}
	case "odd":
		s.site.AddFault(railsim.Fault{Step: railsim.StepQuery, Kind: railsim.FaultKind(args[1]), Msg: args[2], Times: -1})
	case "sms":
		ts.Setenv("CODE", s.site.SMSCode("zhangsan"))
	case "down":
		s.serve.Close()
	default:
		ts.Fatalf("site cannot %s", args[0])
	}
}

func number(ts *testscript.TestScript, text string) int {
	n, err := strconv.Atoi(text)
	ts.Check(err)
	return n
}

// openInbox is the user's phone, as far as one-way news go.
func (s *stage) openInbox(ts *testscript.TestScript, _ []string) {
	s.inbox = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var b bytes.Buffer
		if _, err := io.Copy(&b, r.Body); err == nil {
			s.mail.Write(append(bytes.TrimSpace(b.Bytes()), '\n'))
		}
	}))
	ts.Setenv("INBOX_URL", s.inbox.URL)
}

func (s *stage) news(ts *testscript.TestScript, args []string) {
	line, err := s.mail.await(regexp.MustCompile(`(?m)^\{"kind":"`+regexp.QuoteMeta(args[0])+`".*\n`), nil)
	if err != nil {
		ts.Fatalf("no news of %s: %v; there were:\n%s", args[0], err, s.mail.all())
	}
	var n struct {
		Title, Text, Link string
		Order             *struct{ Number string }
	}
	ts.Check(json.Unmarshal([]byte(line), &n))
	ts.Logf("%s\n%s", n.Title, n.Text)
	if n.Link != "" {
		ts.Setenv("LINK", n.Link)
	}
	if n.Order != nil {
		ts.Setenv("NUMBER", n.Order.Number)
	}
	if len(args) > 1 && !regexp.MustCompile(args[1]).MatchString(n.Title+"\n"+n.Text) {
		ts.Fatalf("the news do not say %s", args[1])
	}
}

// page waits until the page behind the link says something.
func (s *stage) page(ts *testscript.TestScript, args []string) {
	re, err := regexp.Compile(args[0])
	ts.Check(err)
	s.pageSays(ts, re)
}

// pageSays returns the page and its address, which is another one than the
// link's when a newer question has taken its place.
func (s *stage) pageSays(ts *testscript.TestScript, re *regexp.Regexp) (text, address string) {
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) { // between two looks at the page
		text, address = fetch(ts, http.Get, ts.Getenv("LINK"))
		if re.MatchString(text) {
			return text, address
		}
		if time.Now().After(end) {
			ts.Fatalf("the page does not say %s:\n%s", re, text)
		}
	}
}

// answer fills in the answer page as a person does: it looks at the picture
// behind the link, then sends the form.
func (s *stage) answer(ts *testscript.TestScript, args []string) {
	_, address := s.pageSays(ts, regexp.MustCompile(`<form`))
	reply := strings.Join(args, " ")
	if reply == "" {
		picture, _ := fetch(ts, http.Get, address+"/picture")
		if reply = s.site.AnswerOf([]byte(picture)); reply == "" {
			ts.Fatalf("the picture behind the link is not the simulator's")
		}
	}
	fetch(ts, func(u string) (*http.Response, error) {
		return http.PostForm(u, url.Values{"answer": {reply}, "action": {"submit"}})
	}, address)
}

// fetch returns what is at an address, and where that was in the end.
func fetch(ts *testscript.TestScript, ask func(string) (*http.Response, error), address string) (text, end string) {
	r, err := ask(address)
	ts.Check(err)
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	ts.Check(err)
	if r.StatusCode != http.StatusOK {
		ts.Fatalf("%s: %s\n%s", address, r.Status, b)
	}
	return string(b), r.Request.URL.String()
}

func (s *stage) port(ts *testscript.TestScript, _ []string) {
	ts.Setenv("PORT_ADDR", quietAddr())
}

// quietPort counts the ports that quietAddr has tried, from anywhere.
var quietPort atomic.Uint32

func init() { quietPort.Store(rand.Uint32()) }

// quietAddr returns an address of this machine on which a daemon can listen, in
// every one of its lives. Its port is one that the kernel gives nobody who asks
// for any, as the other tests do all the time: a port of theirs, let go for the
// daemon, may be taken by the time that it starts.
func quietAddr() string {
	const first, last = 10000, 32767 // Linux gives from 32768, others from 49152
	for range last - first {
		addr := fmt.Sprintf("127.0.0.1:%d", first+quietPort.Add(1)%(last-first))
		if l, err := net.Listen("tcp", addr); err == nil {
			l.Close()
			return addr
		}
	}
	panic("no port is free between 10000 and 32767")
}

// process is one watcherd in the background.
type process struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  transcript    // standard output and standard error
	gone chan struct{} // closed when it has ended
}

func (s *stage) start(ts *testscript.TestScript, args []string) {
	p := &process{cmd: exec.Command("watcherd", args[1:]...), gone: make(chan struct{})}
	p.cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "WORK", "TMPDIR", "DATE", "PAST", "RAILSIM_URL", "INBOX_URL", "PORT_ADDR", "GOCOVERDIR"} {
		if v := ts.Getenv(name); v != "" {
			p.cmd.Env = append(p.cmd.Env, name+"="+v)
		}
	}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	var err error
	p.in, err = p.cmd.StdinPipe()
	ts.Check(err)
	ts.Check(p.cmd.Start())
	go func() {
		_ = p.cmd.Wait() // ended reads the status from ProcessState
		close(p.gone)
	}()
	s.procs[args[0]] = p
}

func (s *stage) proc(ts *testscript.TestScript, name string) *process {
	p := s.procs[name]
	if p == nil {
		ts.Fatalf("nobody started %s", name)
	}
	return p
}

func (s *stage) await(ts *testscript.TestScript, args []string) {
	p := s.proc(ts, args[0])
	re, err := regexp.Compile(`(?m)` + args[1])
	ts.Check(err)
	hit, err := p.out.await(re, p.gone)
	if err != nil {
		ts.Fatalf("%s does not print %s: %v; it printed:\n%s", args[0], args[1], err, p.out.all())
	}
	if m := re.FindStringSubmatch(hit); len(m) > 1 {
		ts.Setenv("FOUND", m[1])
	}
}

func (s *stage) typed(ts *testscript.TestScript, args []string) {
	_, err := fmt.Fprintln(s.proc(ts, args[0]).in, args[1])
	ts.Check(err)
}

func (s *stage) signal(ts *testscript.TestScript, args []string) {
	sig, ok := map[string]syscall.Signal{"HUP": syscall.SIGHUP, "TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL}[args[1]]
	if !ok {
		ts.Fatalf("no signal %s", args[1])
	}
	ts.Check(s.proc(ts, args[0]).cmd.Process.Signal(sig))
}

// canaries are texts that no process may print and no news may hold.
var canaries = []string{"secret12306", "110101199001010014", "110101196301010011", "13800000000", "13900000000"}

func (s *stage) ended(ts *testscript.TestScript, args []string) {
	p := s.proc(ts, args[0])
	select {
	case <-p.gone:
	case <-time.After(patience):
		ts.Fatalf("%s still runs; it printed:\n%s", args[0], p.out.all())
	}
	ts.Logf("%s printed:\n%s", args[0], p.out.all())
	state := p.cmd.ProcessState
	got := strconv.Itoa(state.ExitCode())
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() && ws.Signal() == syscall.SIGKILL {
		got = "killed"
	}
	if got != args[1] {
		ts.Fatalf("%s ended with %s, want %s", args[0], got, args[1])
	}
	for _, secret := range canaries {
		if strings.Contains(p.out.all(), secret) || strings.Contains(s.mail.all(), secret) {
			ts.Fatalf("%s was printed", secret)
		}
	}
}

func (s *stage) status(ts *testscript.TestScript, args []string) {
	err := ts.Exec("watcherd", args[1:]...)
	got := 0
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		got = e.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != number(ts, args[0]) {
		ts.Fatalf("watcherd ended with %d, want %s", got, args[0])
	}
}

func (s *stage) edit(ts *testscript.TestScript, args []string) {
	path := ts.MkAbs(args[0])
	before := ts.ReadFile(args[0])
	if !strings.Contains(before, args[1]) {
		ts.Fatalf("%s does not hold %q", args[0], args[1])
	}
	next := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new")
	ts.Check(os.WriteFile(next, []byte(strings.ReplaceAll(before, args[1], args[2])), 0o600))
	ts.Check(os.Rename(next, path))
}

func (s *stage) aligned(ts *testscript.TestScript, args []string) {
	width, rows := 0, 0
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		line = strings.TrimRight(line, "\n")
		if !strings.ContainsAny(line, "│┌├└|+") {
			continue
		}
		rows++
		if w := text.StringWidth(line); width == 0 {
			width = w
		} else if w != width {
			ts.Fatalf("a line of %d columns among those of %d: %s", w, width, line)
		}
	}
	if rows < 5 {
		ts.Fatalf("only %d lines of a table", rows)
	}
}

func (s *stage) document(ts *testscript.TestScript, args []string) {
	d := json.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	var v any
	ts.Check(d.Decode(&v))
	if err := d.Decode(&v); err != io.EOF {
		ts.Fatalf("something follows the document: %v", err)
	}
}
