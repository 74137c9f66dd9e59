package email

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"mime"
	"net"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/watcherd/watcherd/pkg/notifier"
)

const (
	daemon   = "watcherd@example.com"
	me       = "me@example.com"
	password = "hunter2-geheim"
)

// mailed is one mail that the office took over, read back by a parser that is
// not ours.
type mailed struct {
	to       string
	header   mail.Header
	received *received
	raw      []byte
}

func (m mailed) subject() string {
	s, err := new(mime.WordDecoder).DecodeHeader(m.header.Get("Subject"))
	if err != nil {
		return err.Error()
	}
	return s
}

func (m mailed) id() string { return m.header.Get("Message-Id") }

// office is a strict post office: an SMTP server that takes mails from the
// daemon and keeps them for their readers, and an IMAP server with the
// daemon's mailbox. It fails the test over a mail that no real server should
// have to take.
type office struct {
	t     testing.TB
	inbox *imapmemserver.User // the daemon's mailbox
	caps  imap.CapSet

	mu     sync.Mutex
	mails  []mailed
	refuse func(rcpt string) error // what RCPT says
	data   func() error            // what the end of DATA says
	told   chan struct{}           // closed and renewed with every mail
	rude   bool                    // hangs up as soon as a mail is taken over
	logins int
	passed []imap.UID // the mails whose text was fetched
}

func newOffice(t testing.TB) *office {
	o := &office{t: t, told: make(chan struct{}), caps: imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapIdle: {}}}
	o.newInbox()
	return o
}

func (o *office) newInbox() {
	o.inbox = imapmemserver.NewUser(daemon, password)
	if err := o.inbox.Create("INBOX", nil); err != nil {
		o.t.Fatal(err)
	}
}

// serve opens the office on two listeners. security is that of both, with cert.
func (o *office) serve(smtpAt, imapAt net.Listener, security string, cert *tls.Config) {
	post := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &customer{o: o, conn: c}, nil }))
	post.Domain, post.ErrorLog = "mail.example.com", log.New(io.Discard, "", 0)
	post.AllowInsecureAuth = security == "none"
	box := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return &reader{o: o}, nil, nil
		},
		Caps: o.caps, InsecureAuth: security == "none", Logger: log.New(io.Discard, "", 0),
	})
	switch security {
	case "starttls":
		post.TLSConfig = cert
		box = imapserver.New(&imapserver.Options{
			NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
				return &reader{o: o}, nil, nil
			},
			Caps: o.caps, TLSConfig: cert, Logger: log.New(io.Discard, "", 0),
		})
	case "tls":
		smtpAt, imapAt = tls.NewListener(smtpAt, cert), tls.NewListener(imapAt, cert)
	}
	var serving sync.WaitGroup
	serving.Go(func() { post.Serve(smtpAt) })
	serving.Go(func() { box.Serve(imapAt) })
	o.t.Cleanup(func() {
		smtpAt.Close() // Close forgets a listener that Serve has not seen yet
		imapAt.Close()
		post.Close()
		box.Close()
		serving.Wait()
	})
}

// customer is one SMTP conversation.
type customer struct {
	o     *office
	conn  *smtp.Conn
	known bool
	from  string
	rcpts []string
}

func (c *customer) AuthMechanisms() []string { return []string{sasl.Plain, sasl.Login} }

func (c *customer) Auth(mech string) (sasl.Server, error) {
	if mech != sasl.Plain {
		return nil, errors.New("one way is enough")
	}
	return sasl.NewPlainServer(func(_, user, pass string) error {
		if user != daemon || pass != password {
			// What a careless server might say.
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "no such login: " + user + " " + pass}
		}
		c.known = true
		return nil
	}), nil
}

func (c *customer) Mail(from string, _ *smtp.MailOptions) error {
	if !c.known {
		return smtp.ErrAuthRequired
	}
	if from != daemon {
		c.o.t.Errorf("MAIL FROM:<%s>", from)
	}
	c.from = from
	return nil
}

func (c *customer) Rcpt(to string, _ *smtp.RcptOptions) error {
	c.o.mu.Lock()
	refuse := c.o.refuse
	c.o.mu.Unlock()
	if refuse != nil {
		if err := refuse(to); err != nil {
			return err
		}
	}
	c.rcpts = append(c.rcpts, to)
	return nil
}

func (c *customer) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	c.o.mu.Lock()
	verdict := c.o.data
	c.o.mu.Unlock()
	if verdict != nil {
		if err := verdict(); err != nil {
			return err
		}
	}
	for _, to := range c.rcpts {
		c.o.take(to, raw)
	}
	return nil
}

func (c *customer) Reset() {
	c.o.mu.Lock()
	defer c.o.mu.Unlock()
	if c.o.rude && len(c.rcpts) > 0 {
		c.conn.Conn().Close()
	}
	c.rcpts = nil
}

func (c *customer) Logout() error { return nil }

// take keeps a mail, and looks at it as a hard-nosed server would.
func (o *office) take(to string, raw []byte) {
	for i, line := range bytes.Split(raw, []byte("\r\n")) {
		if len(line) > 998 || bytes.ContainsAny(line, "\r\n\x00") || bytes.ContainsFunc(line, func(r rune) bool { return r > 0x7e }) {
			o.t.Errorf("line %d of a mail is not fit for SMTP: %q", i+1, line)
			break
		}
	}
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		o.t.Errorf("no mail: %v", err)
		return
	}
	for _, key := range []string{"From", "To", "Date", "Message-Id", "Subject", "Mime-Version", "Content-Type"} {
		if len(m.Header[key]) != 1 {
			o.t.Errorf("%s stands %d times in a mail", key, len(m.Header[key]))
		}
	}
	if m.Header.Get("Auto-Submitted") != "auto-generated" {
		o.t.Error("a mail does not say that a machine wrote it")
	}
	got, err := read(raw)
	if err != nil {
		o.t.Error(err)
		return
	}
	if got.plain == "" || got.html == "" || !got.automatic {
		o.t.Errorf("read back: %d bytes of text, %d of HTML, automatic %v", len(got.plain), len(got.html), got.automatic)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mails = append(o.mails, mailed{to, m.Header, got, raw})
	close(o.told)
	o.told = make(chan struct{})
}

// reader is one IMAP conversation.
type reader struct {
	o *office
	*imapmemserver.UserSession
}

func (r *reader) Login(user, pass string) error {
	r.o.mu.Lock()
	defer r.o.mu.Unlock()
	r.o.logins++
	if user != daemon || pass != password {
		return &imap.Error{Type: imap.StatusResponseTypeNo, Code: imap.ResponseCodeAuthenticationFailed, Text: "wrong: " + pass}
	}
	r.UserSession = imapmemserver.NewUserSession(r.o.inbox)
	return nil
}

func (r *reader) Close() error {
	if r.UserSession == nil {
		return nil
	}
	return r.UserSession.Close()
}

func (r *reader) Fetch(w *imapserver.FetchWriter, set imap.NumSet, options *imap.FetchOptions) error {
	for _, s := range options.BodySection {
		if !s.Peek {
			r.o.t.Error("a mail is fetched so that it becomes read")
		}
		if s.Specifier == imap.PartSpecifierNone {
			if s.Partial == nil || s.Partial.Size > 64<<10 {
				r.o.t.Errorf("a whole mail is fetched: %+v", s.Partial)
			}
			if uids, ok := set.(imap.UIDSet); ok {
				nums, _ := uids.Nums()
				r.o.mu.Lock()
				r.o.passed = append(r.o.passed, nums...)
				r.o.mu.Unlock()
			}
		}
	}
	return r.UserSession.Fetch(w, set, options)
}

// deliver puts a mail into the daemon's mailbox.
func (o *office) deliver(raw string) {
	o.t.Helper()
	raw = strings.ReplaceAll(strings.ReplaceAll(raw, "\r\n", "\n"), "\n", "\r\n")
	if _, err := o.inbox.Append("INBOX", literal{strings.NewReader(raw), int64(len(raw))}, &imap.AppendOptions{Time: time.Now()}); err != nil {
		o.t.Fatal(err)
	}
}

type literal struct {
	io.Reader
	size int64
}

func (l literal) Size() int64 { return l.size }

// sent returns what the office took over for an address; all when it is empty.
func (o *office) sent(to string) []mailed {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(o.mails), func(m mailed) bool { return to != "" && m.to != to })
}

// await returns the first n mails once there are as many.
func (o *office) await(n int) []mailed {
	o.t.Helper()
	late := time.After(time.Minute)
	for {
		o.mu.Lock()
		told := o.told
		o.mu.Unlock()
		if m := o.sent(""); len(m) >= n {
			return m
		}
		select {
		case <-told:
		case <-late:
			o.t.Fatalf("%d mails, want %d", len(o.sent("")), n)
		}
	}
}

// unseen returns how many mails of the daemon's mailbox are not read.
func (o *office) unseen() int {
	s, err := o.inbox.Status("INBOX", &imap.StatusOptions{NumUnseen: true})
	if err != nil {
		o.t.Fatal(err)
	}
	return int(*s.NumUnseen)
}

// config is that of a driver that uses the office at the two addresses.
func config(smtpAt, imapAt, security string) Config {
	return Config{
		From: daemon, To: []string{me},
		SMTP: Server{Addr: smtpAt, Security: security, Username: daemon, Password: password},
		IMAP: &Server{Addr: imapAt, Security: security, Username: daemon, Password: password},
	}
}

// watched fails the test at its end when a secret or a mail's text was logged.
func watched(t testing.TB) (*zap.Logger, *observer.ObservedLogs) {
	core, logs := observer.New(zapcore.DebugLevel)
	t.Cleanup(func() {
		for _, e := range logs.All() {
			text := fmt.Sprint(e.Message, e.ContextMap())
			for _, secret := range []string{password, "G1110", "Title-"} {
				if strings.Contains(text, secret) {
					t.Errorf("logged: %s", text)
				}
			}
			if token.MatchString(text) {
				t.Errorf("a token is logged: %s", text)
			}
		}
	})
	return zap.New(core), logs
}

// inMemory returns a driver that runs, with its office, inside a bubble.
func inMemory(t testing.TB, change func(*Config, *office)) (*Driver, *office) {
	o := newOffice(t)
	n := newNetwork()
	c := config("127.0.0.1:587", "127.0.0.1:143", "none")
	if change != nil {
		change(&c, o)
	}
	o.serve(n.listen("127.0.0.1:587"), n.listen("127.0.0.1:143"), "none", nil)
	log, _ := watched(t)
	d, err := New(c, notifier.Chinese, log)
	if err != nil {
		t.Fatal(err)
	}
	d.dial = n.dial
	runs(t, d)
	synctest.Wait() // the servers must not be closed while they open
	return d, o
}

// runs runs d until the test ends.
func runs(t testing.TB, d *Driver) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// answer is the reply of a person to a mail, as a plain program writes it.
func answer(to mailed, from, text string) string {
	return fmt.Sprintf("From: Somebody <%s>\nTo: %s\nSubject: Re: x\nMessage-ID: <%s@example.com>\nIn-Reply-To: %s\nReferences: %s %s\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n%s\n\nOn Mon, 23 Nov 2026 at 15:00, watcherd <%s> wrote:\n> %s\n",
		from, daemon, notifier.NewID(), to.id(), to.header.Get("References"), to.id(), text, daemon, strings.ReplaceAll(to.received.plain, "\r\n", "\n> "))
}
