package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/notifier/web"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher"
	"github.com/watcherd/watcherd/pkg/watcher/config"
)

// hello connects to a folder's socket; the other side says hello.
func hello(t *testing.T, s *socket, dir string) {
	t.Helper()
	go func() {
		c, err := s.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = c.Write([]byte("hello\n"))
	}()
	c, err := dialSocket(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if line, err := bufio.NewReader(c).ReadString('\n'); line != "hello\n" {
		t.Fatalf("%q, %v", line, err)
	}
}

// The socket is its owner's alone, takes the place of what a killed daemon
// left, and goes away at the end.
func TestSocket(t *testing.T) {
	long := func(t *testing.T) string {
		dir := filepath.Join(t.TempDir(), strings.Repeat("长", 40), strings.Repeat("x", 100))
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	for name, folder := range map[string]func(*testing.T) string{
		"usual":      (*testing.T).TempDir,
		"a long way": long,
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t)
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			for range 3 { // each but the first finds what the one before left
				s, err := listenSocket(dir, "")
				if err != nil {
					t.Fatal(err)
				}
				info, err := os.Stat(filepath.Join(dir, socketName))
				if err != nil || info.Mode().Perm() != 0o600 {
					t.Fatalf("%v, %v", info, err)
				}
				if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
					t.Fatalf("the folder: %v, %v", info.Mode(), err)
				}
				hello(t, s, dir)
				s.Close() // killed: the name stays
				if _, err := dialSocket(t.Context(), dir); err == nil {
					t.Fatal("somebody answers")
				}
			}
			s, err := listenSocket(dir, "")
			if err != nil {
				t.Fatal(err)
			}
			s.end()
			if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}
}

// Under systemd the socket lives in the runtime folder, and a link in the
// state folder leads there.
func TestSocketInRuntimeFolder(t *testing.T) {
	state, runtime := t.TempDir(), t.TempDir()
	s, err := listenSocket(state, runtime+":/elsewhere")
	if err != nil {
		t.Fatal(err)
	}
	if to, err := os.Readlink(filepath.Join(state, socketName)); to != filepath.Join(runtime, socketName) {
		t.Errorf("the link leads to %q, %v", to, err)
	}
	hello(t, s, state)

	// The service's group may come in, nobody else.
	for path, want := range map[string]os.FileMode{runtime: 0o750, filepath.Join(runtime, socketName): 0o660} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}

	// Another daemon that was given the same folder does not take it away.
	other := t.TempDir()
	go func() {
		if c, err := s.Accept(); err == nil {
			c.Close()
		}
	}()
	o, err := listenSocket(other, runtime)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Readlink(filepath.Join(other, socketName)); err == nil {
		t.Error("the second socket is in the folder of the first")
	}
	hello(t, o, other)
	hello(t, s, state)
	o.end()
	s.end()
	for _, dir := range []string{state, runtime, other} {
		if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
			t.Errorf("left: %v, %v", left, err)
		}
	}

	// A runtime folder that is not there is no hindrance.
	s, err = listenSocket(state, filepath.Join(runtime, "gone"))
	if err != nil {
		t.Fatal(err)
	}
	hello(t, s, state)
	s.end()
}

// What is no socket is not removed.
func TestSocketInTheWay(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, socketName)
	if err := os.WriteFile(name, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := listenSocket(dir, ""); err == nil || !strings.Contains(err.Error(), "in the way") {
		t.Errorf("%v", err)
	}
	if text, err := os.ReadFile(name); string(text) != "mine" {
		t.Errorf("%q, %v", text, err)
	}
}

// opened is a daemon as far as commands see it: a watcher with one rule, and
// the answer page as its only channel.
func opened(t *testing.T, log *zap.Logger) (*control, *caller) {
	t.Helper()
	dir := t.TempDir()
	page, err := web.New(web.Config{}, notifier.Chinese, log)
	if err != nil {
		t.Fatal(err)
	}
	p := &parts{channels: []notifier.Channel{{Name: "web", Notifier: page}}, link: page.Link}
	stations := twelve306.BuiltinStations()
	from, err1 := stations.Lookup("广州南")
	to, err2 := stations.Lookup("武汉")
	schedule, err3 := watcher.ParseSchedule("@every 5s", time.UTC)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	rule := watcher.Rule{
		Name: "回家", Dates: []twelve306.Date{twelve306.DateOf(time.Now())}, From: []twelve306.Station{from}, To: []twelve306.Station{to},
		Seats: watcher.DefaultSeats(), Action: watcher.ActionNotify, Schedule: schedule, Enabled: true,
	}
	w, err := watcher.Open(watcher.Options{
		Dir: dir, Rules: []watcher.Rule{rule}, Channels: p.channels, Language: notifier.Chinese, Location: twelve306.Shanghai(), Log: log,
		Client: func(saved []byte) (*twelve306.Client, error) {
			return twelve306.New(twelve306.Options{BaseURL: "http://127.0.0.1:1", Saved: saved})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return &control{w: w, p: p, lang: notifier.Chinese}, &caller{Config: &config.Config{StateDir: dir, Language: notifier.Chinese, Location: twelve306.Shanghai()}}
}

// Many commands at once are answered, each with its own answer; what is no
// command is refused; a connection that says nothing holds up nobody.
func TestControlAtOnce(t *testing.T) {
	c, call := opened(t, zaptest.NewLogger(t))
	stop := c.serve(t.Context(), call.StateDir, zaptest.NewLogger(t))
	idle, err := dialSocket(t.Context(), call.StateDir)
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	var all sync.WaitGroup
	for i := range mostRequests {
		all.Go(func() {
			if i%2 == 0 {
				var s statusView
				if err := call.get(t.Context(), http.MethodGet, "/status", nil, &s); err != nil || s.PID != os.Getpid() || len(s.Rules) != 1 {
					t.Errorf("%+v, %v", s, err)
				}
				return
			}
			var rules []ruleChange
			path := []string{"/pause", "/resume"}[i/2%2]
			if err := call.get(t.Context(), http.MethodPost, path, url.Values{"rule": {"回家"}}, &rules); err != nil || len(rules) != 1 {
				t.Errorf("%+v, %v", rules, err)
			}
		})
	}
	all.Wait()
	for _, bad := range [][2]string{{http.MethodGet, "/pause"}, {http.MethodPost, "/status"}, {http.MethodGet, "/"}} {
		if err := call.get(t.Context(), bad[0], bad[1], nil, new(any)); err == nil {
			t.Errorf("%v is taken", bad)
		}
	}
	began := time.Now()
	stop()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the stop took %v", took)
	}
	if err := call.get(t.Context(), http.MethodGet, "/status", nil, new(any)); !errors.Is(err, errNoDaemon) {
		t.Errorf("after the stop: %v", err)
	}
	if _, err := os.Lstat(filepath.Join(call.StateDir, socketName)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}

// A stop ends what takes its time, and is not held up by it; what is quick is
// answered until the end.
func TestControlStops(t *testing.T) {
	c, call := opened(t, zap.NewNop()) // it logs after the test's end
	life, end := context.WithCancel(t.Context())
	stop := c.serve(life, call.StateDir, zap.NewNop())
	query := url.Values{"timeout": {"1m"}, "question": {"true"}}
	body, err := call.open(t.Context(), http.MethodPost, "/test-notify", query)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	d := json.NewDecoder(body)
	var s testStep
	if err := d.Decode(&s); err != nil || s.Step != stepAsked || s.Link == "" {
		t.Fatalf("%+v, %v", s, err)
	}
	r := &refusal{}
	if _, err := call.open(t.Context(), http.MethodPost, "/test-notify", query); !errors.As(err, &r) {
		t.Errorf("a second practice question: %v", err)
	}
	end()
	s = testStep{}
	if err := d.Decode(&s); err != nil || s.Step != stepOver || !strings.Contains(s.Error, "watcherd 停了") {
		t.Errorf("the end: %+v, %v", s, err)
	}
	var status statusView
	if err := call.get(t.Context(), http.MethodGet, "/status", nil, &status); err != nil {
		t.Errorf("while it stops: %v", err)
	}
	stop()
	if _, err := dialSocket(t.Context(), call.StateDir); err == nil {
		t.Error("somebody answers")
	}
}

// A daemon that is stuck is not waited for for ever, and is not called gone.
func TestCallerIsPatientOnlyForSoLong(t *testing.T) {
	dir := t.TempDir()
	s, err := listenSocket(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	defer s.end()
	held := make(chan net.Conn, 1)
	go func() {
		if c, err := s.Accept(); err == nil {
			held <- c
		}
	}()
	call := &caller{Config: &config.Config{StateDir: dir, Language: notifier.English}}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errSilent)
	defer cancel()
	if err := call.wait(ctx, http.MethodGet, "/status", nil, new(any)); err == nil || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("%v", err)
	}
	(<-held).Close()
}
