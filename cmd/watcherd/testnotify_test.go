package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
	"github.com/emersion/go-message/mail"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// circles is where the practice question says which answer is right.
var circles = regexp.MustCompile(`圆在 ([1-8](?: [1-8])*)`)

// chat is a Telegram with a person in it who answers what he is asked: rightly,
// unless he is told what to answer.
type chat struct {
	*httptest.Server
	answers string                                          // empty: the right one
	refuses func(w http.ResponseWriter, method string) bool // has answered itself

	mu      sync.Mutex
	said    []string // by the bot
	updates []string
}

func newChat(t *testing.T) *chat {
	c := &chat{}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *chat) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	method := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	if c.refuses != nil && c.refuses(w, method) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch method {
	case "getUpdates":
		fmt.Fprintf(w, `{"ok":true,"result":[%s]}`, strings.Join(c.updates, ","))
		c.updates = nil
	case "sendMessage", "sendPhoto":
		text := r.FormValue("text") + r.FormValue("caption")
		c.said = append(c.said, text)
		fmt.Fprintf(w, `{"ok":true,"result":{"message_id":%d,"date":%d,"chat":{"id":77,"type":"private"}}}`, len(c.said), time.Now().Unix())
		if right := circles.FindStringSubmatch(text); right != nil {
			c.tap(len(c.said), r.FormValue("reply_markup"), right[1])
		}
	case "answerCallbackQuery", "setMyCommands":
		fmt.Fprint(w, `{"ok":true,"result":true}`)
	default: // an edit
		fmt.Fprint(w, `{"ok":true,"result":{"message_id":1,"date":1,"chat":{"id":77,"type":"private"}}}`)
	}
}

// tap presses the buttons that answer a question, and the one that submits.
func (c *chat) tap(message int, markup, right string) {
	var m struct {
		Keyboard [][]struct {
			Text string
			Data string `json:"callback_data"`
		} `json:"inline_keyboard"`
	}
	_ = json.Unmarshal([]byte(markup), &m) // the test ends without an answer then
	answer := right
	if c.answers != "" {
		answer = c.answers
	}
	for _, text := range append(strings.Fields(answer), "提交") {
		for _, row := range m.Keyboard {
			for _, b := range row {
				if b.Text == text {
					id := 100*message + len(c.updates)
					c.updates = append(c.updates, fmt.Sprintf(`{"update_id":%d,"callback_query":{"id":"%[1]d","chat_instance":"1","data":%q,"from":{"id":77,"first_name":"Li"},"message":{"message_id":%d,"date":%d,"chat":{"id":77,"type":"private"}}}}`,
						id, b.Data, message, time.Now().Unix()))
				}
			}
		}
	}
}

func (c *chat) heard() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.said, "\n--\n")
}

// post is a mail server with a person behind it who answers the mails that ask
// him something, rightly.
type post struct {
	smtp, imap string // where
	box        *imapmemserver.User

	mu    sync.Mutex
	mails []string
}

const postPassword = "CANARY-of-the-mail"

func newPost(t *testing.T) *post {
	p := &post{box: imapmemserver.NewUser("watcherd@example.com", postPassword)}
	if err := p.box.Create("INBOX", nil); err != nil {
		t.Fatal(err)
	}
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	out := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &errand{post: p}, nil }))
	out.AllowInsecureAuth, out.ErrorLog = true, log.New(io.Discard, "", 0)
	box := imapmemserver.New()
	box.AddUser(p.box)
	in := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return box.NewSession(), nil, nil
		},
		Caps: imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapIdle: {}}, InsecureAuth: true, Logger: log.New(io.Discard, "", 0),
	})
	o, i := listen(), listen()
	p.smtp, p.imap = o.Addr().String(), i.Addr().String()
	var serving sync.WaitGroup
	serving.Go(func() { out.Serve(o) })
	serving.Go(func() { in.Serve(i) })
	t.Cleanup(func() {
		o.Close()
		i.Close()
		out.Close()
		in.Close()
		serving.Wait()
	})
	return p
}

// errand is one SMTP conversation.
type errand struct {
	*post
	to string
}

func (*errand) AuthMechanisms() []string { return []string{sasl.Plain} }
func (*errand) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, _, pass string) error {
		if pass != postPassword {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "Error: authentication failed"}
		}
		return nil
	}), nil
}
func (*errand) Mail(string, *smtp.MailOptions) error { return nil }
func (e *errand) Rcpt(to string, _ *smtp.RcptOptions) error {
	if e.to = to; to != "me@example.com" {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "User unknown"}
	}
	return nil
}
func (*errand) Reset()        {}
func (*errand) Logout() error { return nil }
func (e *errand) Data(r io.Reader) error {
	m, err := mail.CreateReader(r)
	if err != nil {
		return err
	}
	part, err := m.NextPart()
	if err != nil {
		return err
	}
	text, err := io.ReadAll(part.Body)
	if err != nil {
		return err
	}
	subject, _ := m.Header.Subject()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.mails = append(e.mails, subject+"\n"+string(text))
	if right := circles.FindSubmatch(text); right != nil {
		id, _ := m.Header.MessageID()
		reply := fmt.Sprintf("From: me@example.com\r\nTo: watcherd@example.com\r\nSubject: Re: x\r\nMessage-ID: <%d@example.com>\r\nIn-Reply-To: <%s>\r\n\r\n%s\r\n", len(e.mails), id, right[1])
		_, err = e.box.Append("INBOX", size{strings.NewReader(reply)}, &imap.AppendOptions{Time: time.Now()})
	}
	return err
}

type size struct{ *strings.Reader }

func (s size) Size() int64 { return s.Reader.Size() }

func (p *post) told() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.mails, "\n--\n")
}

// stanza is the mail channel that works; changes are pairs, as for
// strings.NewReplacer.
func (p *post) stanza(changes ...string) string {
	account := `username: watcherd@example.com, password: ` + postPassword
	return strings.NewReplacer(changes...).Replace(fmt.Sprintf(
		"  email: {from: watcherd@example.com, to: [me@example.com], smtp: {addr: %q, security: none, %s}, imap: {addr: %q, security: none, %[2]s}}\n",
		p.smtp, account, p.imap))
}

func (c *chat) stanza() string {
	return fmt.Sprintf("  telegram: {token: '123456:CANARY', chat_id: 77, api_url: %q}\n", c.URL)
}

// testNotify runs watcherd test-notify with these channels and returns what it
// prints and its exit status.
func testNotify(t *testing.T, stanzas string, args ...string) (out string, status int) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "watch.yaml")
	text := "state_dir: state\nnotify:\n" + stanzas + "rules:\n  - {name: 回家, date: 2099-01-01, from: 广州南, to: 武汉}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("watcherd", append([]string{"test-notify", "--config", path}, args...)...)
	cmd.Env = append(os.Environ(), "HTTP_PROXY=", "http_proxy=", "HTTPS_PROXY=", "https_proxy=")
	var all bytes.Buffer
	cmd.Stdout, cmd.Stderr = &all, &all
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		status = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(all.String(), "CANARY") {
		t.Errorf("a secret was printed:\n%s", all.String())
	}
	return all.String(), status
}

func matches(t *testing.T, text string, patterns ...string) {
	t.Helper()
	for _, p := range patterns {
		if !regexp.MustCompile(p).MatchString(text) {
			t.Errorf("it does not say %s:\n%s", p, text)
		}
	}
}

// The person answers, on the phone or by mail; what he says is checked, printed
// and repeated to him where he said it.
func TestTestNotifyIsAnswered(t *testing.T) {
	t.Parallel()
	c := newChat(t)
	out, status := testNotify(t, c.stanza())
	if status != 0 {
		t.Errorf("it ended with %d", status)
	}
	matches(t, out, `(?m)^✓ telegram +消息已送到$`, `(?m)^✓ telegram +收到 [1-8 ]+，答对了（Li）$`)
	matches(t, c.heard(), `watcherd 测试`, `练习：哪些图里是圆`, `收到 [1-8 ]+，答对了\n练习结束`)

	c = newChat(t)
	c.answers = "1 2 3 4 5 6 7 8" // there are four circles at most
	out, status = testNotify(t, c.stanza())
	if status != 0 {
		t.Errorf("a wrong answer is no failure of the channel, and it ended with %d", status)
	}
	matches(t, out, `(?m)^✓ telegram +收到 1 2 3 4 5 6 7 8，圆其实在 [1-8 ]+（Li）$`)

	p := newPost(t)
	out, status = testNotify(t, p.stanza())
	if status != 0 {
		t.Errorf("it ended with %d", status)
	}
	matches(t, out, `(?m)^✓ email +消息已送到$`, `(?m)^✓ email +收到 [1-8 ]+，答对了（me@example.com）$`)
	matches(t, p.told(), `watcherd 测试`, `练习：哪些图里是圆`, `收到 [1-8 ]+，答对了`)
}

// One channel that fails is told with what its server said, the others are
// tried all the same, and the status is 1.
func TestTestNotifyTellsTheExactError(t *testing.T) {
	answers := func(method string, code int, text string) func(http.ResponseWriter, string) bool {
		return func(w http.ResponseWriter, m string) bool {
			if method != "" && m != method {
				return false
			}
			w.WriteHeader(code)
			fmt.Fprintf(w, `{"ok":false,"error_code":%d,"description":%q}`, code, text)
			return true
		}
	}
	telegram := func(refuses func(http.ResponseWriter, string) bool) func(*testing.T) string {
		return func(t *testing.T) string {
			c := newChat(t)
			c.refuses = refuses
			return c.stanza()
		}
	}
	email := func(changes ...string) func(*testing.T) string {
		return func(t *testing.T) string { return newPost(t).stanza(changes...) }
	}
	for name, tt := range map[string]struct {
		stanza  func(*testing.T) string
		says    []string
		seconds int // that the question waits; 0: 10
	}{
		"telegram: a bad token":     {stanza: telegram(answers("", 401, "Unauthorized")), says: []string{`✗ telegram +.*unauthorized`}},
		"telegram: no such chat":    {stanza: telegram(answers("sendMessage", 400, "Bad Request: chat not found")), says: []string{`✗ telegram +.*chat not found`}},
		"telegram: it was blocked":  {stanza: telegram(answers("sendMessage", 403, "Forbidden: bot was blocked by the user")), says: []string{`✗ telegram +.*bot was blocked by the user`}},
		"telegram: used elsewhere":  {stanza: telegram(answers("getUpdates", 409, "Conflict: terminated by other getUpdates request")), says: []string{`✓ telegram +消息已送到`, `✗ telegram +this token is used elsewhere`}, seconds: 5},
		"telegram: nobody listens":  {stanza: func(*testing.T) string { return (&chat{Server: &httptest.Server{URL: "http://127.0.0.1:9"}}).stanza() }, says: []string{`✗ telegram +.*connection refused`}},
		"telegram: no reply":        {stanza: telegram(func(_ http.ResponseWriter, _ string) bool { time.Sleep(8 * time.Second); return true }), says: []string{`✗ telegram +.*deadline exceeded`}, seconds: 4},
		"telegram: a strange TLS":   {stanza: strangeTLS, says: []string{`✗ telegram +.*certificate`}},
		"email: a wrong password":   {stanza: email("security: none, username: watcherd@example.com, password: "+postPassword+"}, imap", "security: none, username: watcherd@example.com, password: wrong}, imap"), says: []string{`✗ email +.*535.*authentication failed`}},
		"email: no such address":    {stanza: email("me@example.com", "you@example.com"), says: []string{`✗ email +.*550.*User unknown`}},
		"email: imap refuses":       {stanza: email(postPassword+"}}", "wrong}}"), says: []string{`✓ email +消息已送到`, `✗ email +imap: .*(?i:authentication failed)`}, seconds: 5},
		"email: no imap there":      {stanza: email("imap: {addr: ", `imap: {addr: "127.0.0.1:9", security: none, username: x, password: y}} #`), says: []string{`✗ email +imap: .*connection refused`}, seconds: 5},
		"email: nobody listens":     {stanza: email("smtp: {addr: ", `smtp: {addr: "127.0.0.1:9", security: none}} #`), says: []string{`✗ email +.*connection refused`}},
		"email: no TLS where asked": {stanza: email("security: none", "security: starttls"), says: []string{`✗ email +.*STARTTLS`}},
		"email: a strange TLS":      {stanza: strangeMail, says: []string{`✗ email +.*certificate`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seconds := max(tt.seconds, 1)
			if tt.seconds == 0 {
				seconds = 10
			}
			inbox := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			t.Cleanup(inbox.Close)
			out, status := testNotify(t, tt.stanza(t)+"  services:\n    - webhook: {url: "+inbox.URL+"}\n", "--timeout", fmt.Sprintf("%ds", seconds))
			if status != 1 {
				t.Errorf("it ended with %d", status)
			}
			matches(t, out, append(tt.says, `✓ webhook +消息已送到`)...)
			if !strings.Contains(name, "elsewhere") { // says itself what to do
				matches(t, out, `(?m)^  \S`)
			}
		})
	}
}

func TestAdvice(t *testing.T) {
	for problem, want := range map[string]string{
		"unauthorized, Unauthorized": "@BotFather", "bad request, Bad Request: chat not found": "--pair", "forbidden, Forbidden: bot was blocked by the user": "Unblock",
		`SMTP AUTH failed: 535 "5.7.8 Error"`: "app password", "imap: NO SELECT Unsafe Login. Please contact kefu@188.com for help": "app password",
		"STARTTLS mode set to": "security: tls", "tls: first record does not look like a TLS handshake": "security: starttls", "x509: certificate signed by unknown authority": "ca_file",
		"dial tcp: lookup api.telegram.org: no such host": "proxy", "context deadline exceeded": "proxy", "550 5.1.1 User unknown": "to:", "we have run out of stamps": "",
	} {
		if got := advice(notifier.English, problem, true); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %q", problem, got)
		}
	}
	for _, l := range []notifier.Lang{notifier.Chinese, notifier.English} { // mail servers refuse connections too
		if got := advice(l, "dial tcp 127.0.0.1:25: connect: connection refused", false); got == "" || strings.Contains(got, "Telegram") || strings.Contains(got, "proxy") {
			t.Errorf("of another channel: %q", got)
		}
	}
	for _, a := range advices {
		if !regexp.MustCompile(`\p{Han}`).MatchString(a.zh) || regexp.MustCompile(`\p{Han}`).MatchString(a.en) || a.en == "" {
			t.Errorf("%s: %q, %q", a.fits, a.zh, a.en)
		}
	}
}

// strangeTLS is a Telegram whose certificate nobody has signed.
func strangeTLS(t *testing.T) string {
	s := httptest.NewUnstartedServer(&chat{})
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return (&chat{Server: s}).stanza()
}

// strangeMail is a mail server whose certificate nobody has signed.
func strangeMail(t *testing.T) string {
	s := httptest.NewUnstartedServer(nil)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return fmt.Sprintf("  email: {from: watcherd@example.com, to: [me@example.com], smtp: {addr: %q, security: tls}}\n", s.Listener.Addr())
}
