package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// What is promised about security, and where each line is tested:
//
//	TLS is always verified; ca_file adds a CA   TestTLSIsVerified
//	nothing switches it off                     TestNothingTrustsBlindly
//	size caps on everything read                TestHostileReplies; web: TestLargeBody; services: TestReplies; config: TestUnreadableFiles
//	pictures by their header first              TestHostileReplies; twelve306: TestCheckImage
//	no redirect is followed to another host     TestHostileReplies, TestTelegramStaysAtHome
//	12306's words without markup and controls   twelve306: TestPlain; telegram: TestNotify
//	Telegram: one chat, no groups, no forwards  telegram: TestStrangers
//	taps are bound to their question            telegram: TestTwoQuestions, TestReplaced, TestOldUpdates
//	an answer counts once                       web: TestOnlyOneReplyCounts; telegram: TestSecondAnswer; watcher: TestEveryCrash
//	answer page: POST acts, GET never           web: TestGetNeverActs
//	answer page: headers, unknown links         web: TestHeaders, TestUnknownLinksSayNothing
//	the link is logged only for want of others  TestLinkIsLoggedForWantOfOthers, TestCanaries
//	watch.yaml that others can read             testdata/script/check.txt; config: TestModes
//	watch.yaml over 1 MiB, with aliases         config: TestUnreadableFiles, bad-alias.yaml
//	state folder 0700, files 0600               TestStateFolderIsPrivate; store: TestModes
//	one daemon for one state folder             TestSecondDaemon; store: TestLock
//	no secret in any output                     TestCanaries, and every play of TestKills; watcher: every life; services, telegram, config

// alone starts the daemon of a play that is not performed to its end.
func (p *play) alone(t *testing.T) *process {
	t.Cleanup(p.close)
	p.stage()
	return p.begin(nil)
}

// hears waits for the news of a kind.
func (p *play) hears(kind string) (letter, bool) {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) { // between two looks at the mail
		p.mu.Lock()
		for _, l := range p.mail {
			if l.Kind == kind {
				p.mu.Unlock()
				return l, true
			}
		}
		p.mu.Unlock()
	}
	p.t.Errorf("no news of %s; the daemon printed:\n%s", kind, p.life.out.all())
	return letter{}, false
}

// verdict ends the play and reports its faults.
func (p *play) verdict(life *process) {
	life.cmd.Process.Signal(syscall.SIGTERM)
	<-life.gone
	p.outputs = append(p.outputs, life.out.all())
	p.confess()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.wrong {
		p.t.Errorf("%s: %s", p.name, w)
	}
}

// TestStateFolderIsPrivate starts the daemon under the worst umask, on a folder
// that somebody has made open to all.
func TestStateFolderIsPrivate(t *testing.T) {
	t.Parallel()
	p := newPlay(t, "open folder", t.TempDir(), railsim.Options{Queue: &railsim.Queue{}})
	p.stage()
	state := filepath.Join(p.dir, "state")
	for _, name := range []string{"lock", "pace", "watcherd.db", "watcherd.db-wal", "watcherd.db-shm"} {
		if err := os.WriteFile(filepath.Join(state, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(state, name), 0o666); err != nil { // whatever our own umask
			t.Fatal(err)
		}
	}
	if err := os.Chmod(state, 0o777); err != nil {
		t.Fatal(err)
	}
	old := syscall.Umask(0)
	life := p.begin(nil)
	syscall.Umask(old)
	t.Cleanup(p.close)
	p.hears("booked")
	list, err := os.ReadDir(state)
	if err != nil || len(list) < 4 {
		t.Fatalf("%v, %v", list, err)
	}
	info, err := os.Stat(state)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has mode %v (%v)", info.Mode(), err)
	}
	for _, e := range list {
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v (%v)", e.Name(), info.Mode(), err)
		}
	}
	p.verdict(life)
}

// TestSecondDaemon starts a second daemon on the state folder of a first.
func TestSecondDaemon(t *testing.T) {
	t.Parallel()
	p := newPlay(t, "two daemons", t.TempDir(), railsim.Options{Queue: &railsim.Queue{}})
	life := p.alone(t)
	p.hears("started")
	second := func() (int, string) {
		c := exec.Command("watcherd", "run")
		c.Dir = p.dir
		var said bytes.Buffer
		c.Stderr = &said
		err := c.Run()
		if e, ok := errors.AsType[*exec.ExitError](err); ok {
			return e.ExitCode(), said.String()
		}
		return 0, said.String()
	}
	if code, said := second(); code != 1 || !strings.Contains(said, "process "+strconv.Itoa(life.cmd.Process.Pid)+")") {
		t.Errorf("it ends with %d and says %s", code, said)
	}
	life.cmd.Process.Kill()
	<-life.gone
	next := p.begin(nil)
	if _, err := next.out.await(running, next.gone); err != nil {
		t.Errorf("after kill -9 the next daemon prints %s (%v)", next.out.all(), err)
	}
	p.verdict(next)
}

// hostile is a server that serves nobody: it repeats the address it was asked
// for, breaks off, or sends elsewhere.
func hostile(t *testing.T, elsewhere string) *httptest.Server {
	var n atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		switch n.Add(1) % 4 {
		case 0:
			panic(http.ErrAbortHandler)
		case 1:
			w.WriteHeader(http.StatusInternalServerError)
			io.WriteString(w, `{"ok":false,"error_code":500,"description":"cannot serve `+r.URL.String()+`"}`)
		case 2:
			http.Redirect(w, r, elsewhere+"/", http.StatusTemporaryRedirect)
		case 3:
			w.WriteHeader(http.StatusBadGateway)
			io.WriteString(w, "<html>"+r.URL.String())
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// stranger is a server that nobody has any business with.
func stranger(t *testing.T) (address string) {
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("a stranger was sent %s %s, with the Referer %q and the cookies %v", r.Method, r.URL, r.Referer(), r.Cookies())
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestCanaries performs whole lives with everything going wrong that can, and
// looks for secrets in all that was printed, told and written.
func TestCanaries(t *testing.T) {
	t.Parallel()
	const token, hook = "123456:CANARY-bot-token-5f1d", "CANARY-hook-77ac"
	json := []string{"run", "--log-format", "json", "--log-level", "debug"}
	console := []string{"run", "--log-format", "console", "--log-level", "debug"}
	var group sync.WaitGroup
	defer group.Wait()
	for _, tt := range []struct {
		name  string
		o     railsim.Options
		args  []string
		login string
		blows []blow
	}{
		{"captcha", railsim.Options{}, console, "captcha", []blow{{dumped, string(railsim.StepCheckOrder), 1}, {dumped, string(railsim.StepWait), 1}}},
		{"sms", railsim.Options{Era: railsim.Present}, json, "sms", []blow{{dumped, string(railsim.StepLogin), 1}, {acted, string(railsim.StepConfirm), 1}}},
		{"qr", railsim.Options{Era: railsim.Present}, console, "qr", []blow{{dumped, "news logged_in", 1}}},
	} {
		group.Go(func() { // they mostly wait
			p := newPlay(t, tt.name, t.TempDir(), tt.o, tt.blows...)
			p.args, p.login, p.more = tt.args, tt.login, "  id_last4: \"0014\"\n"
			bad := hostile(t, stranger(t)).URL
			p.notify = "    - webhook: {url: \"" + bad + "/" + hook + "\"}\n  telegram: {token: \"" + token + "\", chat_id: 42, api_url: \"" + bad + "\"}\n"
			p.secret(token)
			p.secret(hook)
			right := p.reply
			var asked atomic.Int64
			p.reply = func(picture string) string {
				switch {
				case tt.login == "qr":
					if p.site.ScanQR("zhangsan") == nil {
						time.AfterFunc(100*time.Millisecond, func() { p.site.ConfirmQR("zhangsan") })
					}
					return ""
				case tt.login == "sms":
					if asked.Add(1) == 1 {
						return "271828"
					}
					return p.site.SMSCode("zhangsan")
				case asked.Add(1) == 1:
					return "12345678"
				}
				return right(picture)
			}
			for _, f := range []railsim.Fault{
				{Step: railsim.StepUamtk, Kind: railsim.HTML}, {Step: railsim.StepUamauthclient, Kind: railsim.BrokenBody},
				{Step: railsim.StepQuery, Kind: railsim.WrongType}, {Step: railsim.StepInitDc, Kind: railsim.Truncated},
				{Step: railsim.StepPassengers, Kind: railsim.Status500}, {Step: railsim.StepCheckOrder, Kind: railsim.WrongType, Skip: 1},
				{Step: railsim.StepWait, Kind: railsim.Redirect302}, {Step: railsim.StepNoComplete, Kind: railsim.Null},
			} {
				p.site.AddFault(f)
			}
			out := p.perform()
			if out.blows != len(tt.blows) || len(p.secrets) < 30 {
				t.Errorf("%s: %d blows and %d secrets", tt.name, out.blows, len(p.secrets))
			}
		})
	}
}

// TestCanaryOfARefusedPassword logs in with a wrong password.
func TestCanaryOfARefusedPassword(t *testing.T) {
	t.Parallel()
	a := railsim.DefaultAccount()
	a.Password = "another-password"
	p := newPlay(t, "refused", t.TempDir(), railsim.Options{Accounts: []railsim.Account{a}})
	life := p.alone(t)
	p.hears("login_failed")
	p.verdict(life)
}

// TestLinkIsLoggedForWantOfOthers checks that somebody who has configured the
// answer page alone finds its link in the log.
func TestLinkIsLoggedForWantOfOthers(t *testing.T) {
	t.Parallel()
	p := newPlay(t, "page alone", t.TempDir(), railsim.Options{Queue: &railsim.Queue{}})
	t.Cleanup(p.close)
	p.stage()
	path := filepath.Join(p.dir, "watch.yaml")
	text, err := os.ReadFile(path)
	if err == nil {
		text = regexp.MustCompile(`(?m)^  services:\n(    .*\n)+`).ReplaceAll(text, nil)
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	life := p.begin(nil)
	link, err := life.out.await(regexp.MustCompile(`http://127\.0\.0\.1:\d+/q/[0-9a-f]{32}`), life.gone)
	if err != nil {
		t.Fatalf("%v; it printed:\n%s", err, life.out.all())
	}
	go p.answer(link)
	if _, err := life.out.await(regexp.MustCompile(`"number":"E\w+"`), life.gone); err != nil {
		t.Errorf("%v; it printed:\n%s", err, life.out.all())
	}
	p.verdict(life)
}

// TestTLSIsVerified serves 12306 with a certificate of a CA that nobody knows.
func TestTLSIsVerified(t *testing.T) {
	t.Parallel()
	secure := func(name string) *play {
		p := newPlay(t, name, t.TempDir(), railsim.Options{Queue: &railsim.Queue{}})
		handler := p.serve.Config.Handler
		p.serve.Close()
		p.serve = httptest.NewUnstartedServer(handler)
		p.serve.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that the client refuses
		p.serve.StartTLS()
		return p
	}
	t.Run("unknown", func(t *testing.T) {
		t.Parallel()
		p := secure("unknown CA")
		p.t = t
		life := p.alone(t)
		l, _ := p.hears("login_failed")
		if !strings.Contains(l.Text, "证书") {
			t.Errorf("the user is told %q", l.Text)
		}
		if n := len(p.site.Requests()); n > 0 {
			t.Errorf("%d requests were sent to a server that nobody vouches for", n)
		}
		p.verdict(life)
		c := exec.Command("watcherd", "query", "广州南", "武汉", p.date(), "--base-url", p.serve.URL)
		said, err := c.CombinedOutput()
		if c.ProcessState.ExitCode() != 1 || !strings.Contains(string(said), "certificate is not trusted") {
			t.Errorf("query: %v, %s", err, said)
		}
	})
	t.Run("ca_file", func(t *testing.T) {
		t.Parallel()
		p := secure("ca_file")
		p.t = t
		ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.serve.Certificate().Raw})
		if err := os.WriteFile(filepath.Join(p.dir, "ca.pem"), ca, 0o644); err != nil {
			t.Fatal(err)
		}
		p.more = "  ca_file: ca.pem\n"
		p.perform()
	})
}

// TestNothingTrustsBlindly looks for a way to switch the verification off: a
// flag, a key, a line of code.
func TestNothingTrustsBlindly(t *testing.T) {
	blind := regexp.MustCompile(`(?i)insecure|skip.?verif|no.?verif|verif.*(false|off)|trust.?all`)
	var flags func(c *cobra.Command)
	flags = func(c *cobra.Command) {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if blind.MatchString(f.Name + " " + f.Usage) {
				t.Errorf("%s --%s: %s", c.CommandPath(), f.Name, f.Usage)
			}
		})
		for _, sub := range c.Commands() {
			flags(sub)
		}
	}
	flags(command())
	switchOff := regexp.MustCompile(`InsecureSkipVerify|VerifyPeerCertificate|VerifyConnection`)
	_, all := sources(t)
	for _, s := range all {
		text := read(t, s.path)
		if !s.test && switchOff.Match(text) {
			t.Errorf("%s decides itself whom to trust", s.path)
		}
		if strings.HasPrefix(s.path, "pkg/watcher/config/") && !s.test {
			for _, m := range regexp.MustCompile("yaml:\"([^\"]*)\"").FindAllSubmatch(text, -1) {
				if blind.Match(m[1]) {
					t.Errorf("%s has the key %s", s.path, m[1])
				}
			}
		}
	}
}

// TestHostileReplies lets 12306 send, once at each of many steps, what would
// fill the memory or lead elsewhere; then it behaves, and the seat is booked.
func TestHostileReplies(t *testing.T) {
	t.Parallel()
	elsewhere := stranger(t)
	zeros := make([]byte, 1<<20)
	var group sync.WaitGroup
	defer group.Wait()
	for name, send := range map[string]func(w http.ResponseWriter, r *http.Request){
		"endless": func(w http.ResponseWriter, r *http.Request) {
			for { // until the client hangs up
				if _, err := w.Write(zeros); err != nil {
					return
				}
			}
		},
		"gzip": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			for range 256 {
				if _, err := z.Write(zeros); err != nil {
					return
				}
			}
			z.Close()
		},
		"picture": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "image/png")
			w.Write(bomb(t))
		},
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere+r.URL.Path, http.StatusFound)
		},
		"headers": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 1<<20))
			for range 1000 {
				w.Header().Add("Set-Cookie", "a"+strconv.FormatUint(uint64(len(w.Header()["Set-Cookie"])), 10)+"="+strings.Repeat("x", 1000))
			}
		},
	} {
		group.Go(func() { // they mostly wait
			p := newPlay(t, name, t.TempDir(), railsim.Options{Queue: &railsim.Queue{}})
			once := map[string]*atomic.Bool{}
			for _, path := range []string{"/passport/captcha/captcha-image", "/otn/leftTicket/queryZ", "/otn/confirmPassenger/initDc",
				"/otn/confirmPassenger/queryOrderWaitTime", "/otn/queryOrder/queryMyOrderNoComplete"} {
				if name != "redirect" || !strings.HasSuffix(path, "initDc") { // where what is not known stops the order for a while
					once[path] = &atomic.Bool{}
				}
			}
			var spoiled, most atomic.Int64
			p.spoil = func(w http.ResponseWriter, r *http.Request) bool {
				p.mu.Lock()
				pid := p.life.cmd.Process.Pid
				p.mu.Unlock()
				most.Store(max(most.Load(), peak(t, pid))) // of a request that follows on one that was spoiled
				f := once[r.URL.Path]
				if f == nil || f.Swap(true) {
					return false
				}
				spoiled.Add(1)
				send(w, r)
				return true
			}
			p.perform()
			if spoiled.Load() < 4 {
				t.Errorf("%s: only %d replies were spoiled", name, spoiled.Load())
			}
			if kb := most.Load(); kb == 0 || kb > 300<<10 {
				t.Errorf("%s: the daemon grew to %d MB", name, kb>>10)
			} else {
				t.Logf("%s: at most %d MB", name, kb>>10)
			}
		})
	}
}

// peak is the most memory that a process has had, in kB. Its rusage would not
// do: that begins with what the test had when it started the process.
func peak(t *testing.T, pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0 // it has ended, and something of it was still on its way
	}
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(b)
	if m == nil {
		t.Errorf("no VmHWM in /proc/%d/status", pid)
		return 0
	}
	kb, _ := strconv.ParseInt(string(m[1]), 10, 64)
	return kb
}

// bomb is a PNG of a few bytes that says it has a hundred million pixels of
// eight bytes each.
func bomb(t *testing.T) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewNRGBA64(image.Rect(0, 0, 40, 40))); err != nil {
		t.Fatal(err)
	}
	out := b.Bytes()
	binary.BigEndian.PutUint32(out[16:], 10000)
	binary.BigEndian.PutUint32(out[20:], 10000)
	binary.BigEndian.PutUint32(out[29:], crc32.ChecksumIEEE(out[12:29]))
	return out
}
