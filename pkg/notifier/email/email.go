// Package email reaches the user by mail: news as mails, questions as mails
// with the picture in them, replies by answering the mail.
//
// Mails go out by SMTP (RFC 5321) through github.com/wneessen/go-mail and come
// in by IMAP (RFC 3501, IDLE of RFC 2177) through github.com/emersion/go-imap.
// [Driver.Run] hears; without an imap stanza the channel only tells.
//
// What binds a reply to its question is the question's ID, 128 random bits: it
// stands in the Message-ID of every mail of the question, which a reply names
// in In-Reply-To and References, and in small print at the end of the mail,
// for clients that drop these. The address in From is a second filter only,
// because anybody can write anything there.
package email

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"os"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
)

const (
	defaultName = "email"

	// sendTimeout bounds one SMTP conversation, pictures included.
	sendTimeout = 25 * time.Second
	// drainTimeout is how long Run waits at its end for last words to be sent.
	drainTimeout = 5 * time.Second
	// quietFor is how long a question must have been open on mail for its end
	// to be worth a mail of its own, when nobody has answered or cancelled it.
	quietFor = time.Minute
)

// Driver is the mail channel. It is safe for concurrent use.
type Driver struct {
	name   string
	from   mail.Address
	to     []mail.Address
	smtp   endpoint
	imap   *endpoint // nil: mail goes out only
	domain string    // of our Message-IDs
	lang   notifier.Lang
	log    *zap.Logger
	quiet  time.Duration
	dial   func(ctx context.Context, network, address string) (net.Conn, error)

	// life outlives every Ask, so that the end of a question can be told after
	// its Ask has returned; Run ends it.
	life context.Context
	kill context.CancelFunc
	wake chan struct{} // a question was asked: look at the mailbox now
	seen chan sighting // replies "seen" that nobody has taken yet

	mu      sync.Mutex
	open    []*question         // oldest first
	ended   []*question         // the last few, oldest first
	partial map[string][]string // who has a message that others have not yet, by Message.ID
	busy    int                 // Asks and background calls under way
	idle    chan struct{}       // closed when busy falls to 0; nil when nobody waits for that
	trouble *notifier.Error     // why nothing is heard just now; nil when it is

	box mailbox // how far the mailbox was read; Run's alone
}

// sighting is the user's word that he has seen a message.
type sighting struct{ id, by string }

var (
	_ notifier.Asker = (*Driver)(nil)
	_ notifier.Seer  = (*Driver)(nil)
)

// New returns a driver for cfg that speaks lang where no question names its
// own language. It reads cfg.CAFile and contacts nobody. The error is the
// first of [Config.Mistakes], or says why the file will not do.
func New(cfg Config, lang notifier.Lang, log *zap.Logger) (*Driver, error) {
	if wrong := cfg.Mistakes(); len(wrong) > 0 {
		return nil, fmt.Errorf("email: %s: %s", wrong[0].Key, wrong[0].Text)
	}
	roots, err := authorities(cfg.CAFile)
	if err != nil {
		return nil, fmt.Errorf("email: ca_file: %w", err)
	}
	d := &Driver{
		name: cmp.Or(cfg.Name, defaultName),
		lang: lang, log: log, quiet: quietFor,
		dial:    (&net.Dialer{}).DialContext,
		wake:    make(chan struct{}, 1),
		seen:    make(chan sighting, 16),
		partial: make(map[string][]string),
		smtp:    cfg.SMTP.endpoint(roots),
	}
	from, _ := mail.ParseAddress(cfg.From) // Mistakes has looked
	d.from = *from
	if d.from.Name == "" {
		d.from.Name = "watcherd"
	}
	_, d.domain, _ = strings.Cut(from.Address, "@")
	for _, s := range cfg.To {
		a, _ := mail.ParseAddress(s)
		d.to = append(d.to, *a)
	}
	if cfg.IMAP != nil {
		e := cfg.IMAP.endpoint(roots)
		d.imap = &e
	}
	d.life, d.kill = context.WithCancel(context.Background())
	return d, nil
}

// authorities returns the system's certificate authorities and those of the
// file; nil, which means the system's, when there is no file.
func authorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("it holds no certificate")
	}
	return roots, nil
}

// Hears reports whether replies can be heard: there is an imap stanza.
func (d *Driver) Hears() bool { return d.imap != nil }

// teller is a Driver that cannot hear and does not look as if it could.
type teller struct{ notifier.Notifier }

// Teller returns the driver as a [notifier.Notifier] that is no Asker, for use
// when it does not hear.
func (d *Driver) Teller() notifier.Notifier { return teller{d} }

// Run hears replies until ctx ends, then waits a few seconds for last words to
// be sent, and returns nil. A server that cannot be reached is tried again and
// again. Only a password that the server refuses three times in a row ends Run
// early, with an *[notifier.Error] that is Permanent. Run is called once.
func (d *Driver) Run(ctx context.Context) error {
	if d.imap != nil {
		if err := d.listen(ctx); err != nil {
			return err
		}
	}
	<-ctx.Done()
	d.drain()
	return nil
}

// endpoint is a server and how to speak to it.
type endpoint struct {
	addr, host         string
	security           string
	username, password string
	tls                *tls.Config
}

func (s *Server) endpoint(roots *x509.CertPool) endpoint {
	host, _, _ := net.SplitHostPort(s.Addr)
	return endpoint{
		addr: s.Addr, host: host, security: s.security(),
		username: s.Username, password: s.Password,
		tls: &tls.Config{ServerName: host, RootCAs: roots, MinVersion: tls.VersionTLS12},
	}
}

// connect opens a connection to e that ends with ctx. With security tls it is
// a *[tls.Conn] whose handshake is done; STARTTLS is the protocol's business.
func (d *Driver) connect(ctx context.Context, e endpoint) (net.Conn, error) {
	conn, err := d.dial(ctx, "tcp", e.addr)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { conn.Close() })
	if e.security != "tls" {
		return conn, nil
	}
	secure := tls.Client(conn, e.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
}

// begin counts work that drain waits for. Callers hold d.mu.
func (d *Driver) begin() { d.busy++ }

func (d *Driver) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.busy--; d.busy == 0 && d.idle != nil {
		close(d.idle)
		d.idle = nil
	}
}

// background runs f beside the caller. Callers hold d.mu.
func (d *Driver) background(f func()) {
	d.begin()
	go func() {
		defer d.end()
		f()
	}()
}

// drain lets work under way finish, within reason, and stops the rest.
func (d *Driver) drain() {
	defer d.kill()
	d.mu.Lock()
	if d.busy == 0 {
		d.mu.Unlock()
		return
	}
	idle := make(chan struct{})
	d.idle = idle
	d.mu.Unlock()
	select {
	case <-idle:
	case <-time.After(drainTimeout):
	}
}
