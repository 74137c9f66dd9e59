package email

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/textproto"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// Notify mails m to every address. A mail that only some of them could be sent
// is an error, and the next try with the same m.ID goes to the others alone;
// an address that is refused for good is left out once somebody has the mail.
func (d *Driver) Notify(ctx context.Context, m notifier.Message) error {
	d.mu.Lock()
	left := slices.DeleteFunc(slices.Clone(d.to), func(a mail.Address) bool {
		return slices.Contains(d.partial[m.ID], a.Address)
	})
	d.mu.Unlock()
	sent, err := d.post(ctx, d.news(m), left)

	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil {
		delete(d.partial, m.ID)
		return nil
	}
	if len(sent) > 0 && len(d.partial) < maxPartial {
		d.partial[m.ID] = append(d.partial[m.ID], addresses(sent)...)
	}
	return err
}

// maxPartial bounds the memory of mails that only some have.
const maxPartial = 64

func addresses(as []mail.Address) []string {
	out := make([]string, len(as))
	for i, a := range as {
		out[i] = a.Address
	}
	return out
}

// post mails l to each of the addresses, in one SMTP conversation, and returns
// those who have it. The error is nil when nobody is left to try: all have it,
// or some have it and the others are refused for good.
func (d *Driver) post(ctx context.Context, l letter, to []mail.Address) (sent []mail.Address, err error) {
	if len(to) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	client, err := d.client(ctx)
	if err != nil {
		return nil, d.failure(err)
	}
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return nil, d.failure(err)
	}
	defer session.Close() // after a QUIT there is nothing to close, and no harm in it
	var refused, later *notifier.Error
	for _, a := range to {
		m, err := d.message(l, a)
		if err != nil {
			return sent, d.failure(err)
		}
		err = client.SendWithSMTPClient(session, m)
		switch e := (*notifier.Error)(nil); {
		case m.IsDelivered(): // whatever went wrong afterwards
			sent = append(sent, a)
		default:
			if e = d.failure(err); e.Permanent {
				refused = e
				d.log.Warn("email: an address is refused", zap.Error(e))
			} else {
				later = e
			}
		}
	}
	_ = session.Quit() // the mails are taken over; how the server says goodbye changes nothing
	switch {
	case later != nil:
		return sent, later
	case refused != nil && len(sent) == 0 && len(to) == len(d.to):
		return nil, refused
	}
	return sent, nil
}

// client returns what speaks SMTP to the server until ctx ends. Nothing is reused: a mail
// every few minutes is not worth a connection that may have died.
func (d *Driver) client(ctx context.Context) (*gomail.Client, error) {
	_, port, _ := net.SplitHostPort(d.smtp.addr)
	n, err := strconv.Atoi(port)
	if err != nil {
		return nil, errors.New("smtp.addr has no port")
	}
	options := []gomail.Option{
		gomail.WithPort(n),
		gomail.WithHELO("localhost"), // the name of this machine is nobody's business
		gomail.WithTimeout(sendTimeout),
		gomail.WithTLSConfig(d.smtp.tls),
		gomail.WithoutNoop(),
		// The library's own context ends with the greeting.
		gomail.WithDialContextFunc(func(context.Context, string, string) (net.Conn, error) { return d.connect(ctx, d.smtp) }),
	}
	mechanisms := []gomail.SMTPAuthType{
		gomail.SMTPAuthPlain, gomail.SMTPAuthLogin, gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthSCRAMSHA1, gomail.SMTPAuthCramMD5,
	}
	switch d.smtp.security {
	case "tls":
		options = append(options, gomail.WithSSL())
	case "none": // this machine only, as Mistakes makes sure
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
		mechanisms[0], mechanisms[1] = gomail.SMTPAuthPlainNoEnc, gomail.SMTPAuthLoginNoEnc
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if d.smtp.username != "" {
		options = append(options, gomail.WithOpportunisticSMTPAuth(mechanisms...),
			gomail.WithUsername(d.smtp.username), gomail.WithPassword(d.smtp.password))
	}
	return gomail.NewClient(d.smtp.host, options...)
}

// failure turns an error of the network or of a server into one of the
// contract. A reply of the 5xx kind (RFC 5321 4.2.1) is for good: a wrong
// password, an unknown address, a mail that is refused for what it is.
func (d *Driver) failure(err error) *notifier.Error {
	e := &notifier.Error{Channel: d.name}
	if err == nil {
		err = errors.New("the server has not taken the mail over")
	}
	var reply *textproto.Error
	var send *gomail.SendError
	switch {
	case errors.As(err, &send):
		e.Permanent = send.ErrorCode()/100 == 5
	case errors.As(err, &reply):
		e.Permanent = reply.Code/100 == 5
	}
	switch text := d.scrub(err.Error()); {
	case text != err.Error():
		e.Err = errors.New(text)
	default:
		e.Err = err
	}
	return e
}

var (
	// ownID is what the library says of the mail; it would hold the token.
	ownID = regexp.MustCompile(`,? ?affected message ID: \S*`)
	token = regexp.MustCompile(`[0-9a-fA-F]{32}`)
)

// maxWords bounds what is repeated of a server's words.
const maxWords = 300

// scrub takes what is secret out of the words of a library or a server, and
// makes them one line.
func (d *Driver) scrub(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "\uFFFD")), " ")
	s = ownID.ReplaceAllString(s, "")
	ends := []*endpoint{&d.smtp, d.imap}
	for _, e := range ends {
		if e == nil || e.password == "" {
			continue
		}
		for _, secret := range []string{e.password, e.username + "\x00" + e.password, "\x00" + e.username + "\x00" + e.password} {
			s = strings.ReplaceAll(s, base64.StdEncoding.EncodeToString([]byte(secret)), "<secret>")
		}
		s = strings.ReplaceAll(s, e.password, "<secret>")
	}
	s = token.ReplaceAllString(s, "<token>")
	if r := []rune(s); len(r) > maxWords {
		s = string(r[:maxWords]) + "…"
	}
	return s
}

// persist calls f until it succeeds, fails for good, or ctx ends. A call under
// way is not cut off by the end of ctx: whether a question has gone out decides
// whether its end is told.
func (d *Driver) persist(ctx context.Context, level zapcore.Level, what string, f func(context.Context) error) error {
	for wait := time.Second; ; wait = min(2*wait, 30*time.Second) {
		err := f(d.life)
		if err == nil {
			return nil
		}
		var e *notifier.Error
		if !errors.As(err, &e) {
			e = d.failure(err)
		}
		if e.Permanent || ctx.Err() != nil || d.life.Err() != nil {
			return e
		}
		d.log.Log(level, fmt.Sprintf("email: %s did not get through, trying again", what), zap.Error(e))
		select {
		case <-ctx.Done():
			return e
		case <-d.life.Done():
			return e
		case <-time.After(wait):
		}
	}
}
