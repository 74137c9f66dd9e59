package email

import (
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Config is the email stanza of watch.yaml.
type Config struct {
	Name   string   `yaml:"name"`    // what the channel is called; default email
	From   string   `yaml:"from"`    // the sender: watcherd@example.com, or Name <watcherd@example.com>
	To     []string `yaml:"to"`      // who is told; only mails from these addresses are heard
	SMTP   Server   `yaml:"smtp"`    // where mails go out
	IMAP   *Server  `yaml:"imap"`    // where the answers come in: the mailbox of from. Left out: mail goes out only
	CAFile string   `yaml:"ca_file"` // an extra CA certificate (PEM) for both
}

// Server is one mail server and the account there.
type Server struct {
	Addr         string `yaml:"addr"`                               // host:port, as smtp.example.com:587
	Security     string `yaml:"security" oneof:"tls starttls none"` // default: tls for the ports 465 and 993, else starttls. none is for this machine only
	Username     string `yaml:"username"`                           // left out: no login (SMTP only)
	Password     string `yaml:"password"`                           // many providers want an "authorization code" (授权码) or "app password" here
	PasswordFile string `yaml:"password_file"`                      // a file that holds the password; read by the configuration loader, not here
}

// Mistake is what is wrong with a Config, and where: the key within the
// stanza, such as smtp.addr. Its text holds no password.
type Mistake struct{ Key, Text string }

// maxTo bounds the recipients: this is a notifier, not a mailing list.
const maxTo = 10

// Mistakes returns everything that is wrong with c, but for the file CAFile,
// which it does not read.
func (c Config) Mistakes() []Mistake {
	var out []Mistake
	wrong := func(key, format string, args ...any) {
		out = append(out, Mistake{key, fmt.Sprintf(format, args...)})
	}
	if c.From == "" {
		wrong("from", "missing; write the address that the mails come from, from: watcherd@example.com")
	} else if !address(c.From) {
		wrong("from", "%q is no mail address; write watcherd@example.com", c.From)
	}
	switch {
	case len(c.To) == 0:
		wrong("to", "missing; write your own address, to: [me@example.com]. Only it is heard")
	case len(c.To) > maxTo:
		wrong("to", "%d addresses; at most %d", len(c.To), maxTo)
	}
	var had []string
	for i, s := range c.To {
		key := fmt.Sprintf("to[%d]", i)
		if !address(s) {
			wrong(key, "%q is no mail address; write me@example.com", s)
			continue
		}
		a, _ := mail.ParseAddress(s)
		if same := strings.ToLower(a.Address); slices.Contains(had, same) {
			wrong(key, "%s is in the list already", a.Address)
		} else {
			had = append(had, same)
		}
	}
	if c.SMTP == (Server{}) {
		wrong("smtp", "missing; write smtp: {addr: \"smtp.example.com:587\", username: me, password_file: secrets/mail}")
	} else {
		c.SMTP.mistakes("smtp", "smtp.example.com:587", wrong)
	}
	if c.IMAP != nil {
		c.IMAP.mistakes("imap", "imap.example.com:993", wrong)
		if c.IMAP.Username == "" {
			wrong("imap.username", "missing; a mailbox is read by whom it belongs to")
		}
	}
	return out
}

func (s *Server) mistakes(key, example string, wrong func(key, format string, args ...any)) {
	host, port, err := net.SplitHostPort(s.Addr)
	n, numErr := strconv.Atoi(port)
	switch {
	case s.Addr == "":
		wrong(key+".addr", "missing; write addr: %q", example)
	case err != nil || host == "" || numErr != nil || n < 1 || n > 65535:
		wrong(key+".addr", "not host:port; write addr: %q", example)
	case s.security() == "none" && !loopback(host):
		wrong(key+".security", "none would send your password and the answers in the clear; use tls or starttls")
	}
	if s.Username == "" && s.Password != "" {
		wrong(key+".username", "missing: there is a password and nobody it belongs to")
	}
	if s.Username != "" && s.Password == "" {
		wrong(key+".password", "missing; write password_file: secrets/mail")
	}
}

// security is s.Security or its default.
func (s *Server) security() string {
	if s.Security != "" {
		return s.Security
	}
	if _, port, _ := net.SplitHostPort(s.Addr); port == "465" || port == "993" {
		return "tls"
	}
	return "starttls"
}

// address reports whether s is one mail address, with a name or without.
func address(s string) bool {
	a, err := mail.ParseAddress(s)
	return err == nil && len(s) <= 320 && strings.Contains(a.Address, "@") && !strings.ContainsAny(s, "\r\n\x00")
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
