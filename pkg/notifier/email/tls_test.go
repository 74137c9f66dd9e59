package email

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// certificate returns a certificate of its own for 127.0.0.1, and the file
// that vouches for it.
func certificate(t testing.TB) (*tls.Config, string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, file
}

// onLoopback opens an office on real sockets and returns a configuration that
// uses it.
func onLoopback(t testing.TB, security string, cert *tls.Config) (Config, *office) {
	o := newOffice(t)
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	s, i := listen(), listen()
	o.serve(s, i, security, cert)
	return config(s.Addr().String(), i.Addr().String(), security), o
}

// TestTLS has a conversation over real sockets, with both kinds of TLS.
func TestTLS(t *testing.T) {
	cert, file := certificate(t)
	for _, security := range []string{"tls", "starttls"} {
		t.Run(security, func(t *testing.T) {
			c, o := onLoopback(t, security, cert)
			c.CAFile = file
			log, _ := watched(t)
			d, err := New(c, notifier.Chinese, log)
			if err != nil {
				t.Fatal(err)
			}
			runs(t, d)
			a := ask(t, d, prompt(notifier.Picture))
			question := o.await(1)[0]
			o.deliver(answer(question, me, "2 5"))
			// Of a mail that comes in the moment before IDLE the library's server
			// only tells with the next one.
			next := time.NewTicker(time.Second)
			defer next.Stop()
			for heard, others := false, 0; !heard; others++ {
				select {
				case <-a.done:
					heard = true
				case <-next.C:
					if others == 60 {
						t.Fatal("the answer was not heard")
					}
					o.deliver(answer(question, "stranger@example.net", "1"))
				}
			}
			if a.err != nil || len(a.reply.Picks) != 2 {
				t.Errorf("Ask = %+v, %v", a.reply, a.err)
			}
			o.await(2) // the thanks
		})
	}
}

// Nobody is spoken to whose certificate nobody vouches for, or who has no TLS
// where there should be some: the password must not get there.
func TestNoTLSNoMail(t *testing.T) {
	cert, _ := certificate(t)
	for name, tt := range map[string]struct{ wanted, offered string }{
		"unknown authority":           {"tls", "tls"},
		"unknown authority, STARTTLS": {"starttls", "starttls"},
		"STARTTLS is not offered":     {"starttls", "none"},
		"no TLS at all":               {"tls", "none"},
	} {
		t.Run(name, func(t *testing.T) {
			c, o := onLoopback(t, tt.offered, cert)
			c.SMTP.Security, c.IMAP.Security = tt.wanted, tt.wanted
			log, logs := watched(t)
			d, err := New(c, notifier.English, log)
			if err != nil {
				t.Fatal(err)
			}
			runs(t, d)
			err = d.Notify(t.Context(), notifier.Message{ID: notifier.NewID(), Title: "t", Text: "x"})
			if err == nil {
				t.Error("the mail was sent")
			}
			for end := time.Now().Add(time.Minute); logs.FilterMessageSnippet("no replies can be heard").Len() == 0; time.Sleep(5 * time.Millisecond) { // between two looks at the log
				if time.Now().After(end) {
					t.Fatal("nobody says that nothing is heard")
				}
			}
			o.mu.Lock()
			defer o.mu.Unlock()
			if o.logins > 0 || len(o.mails) > 0 {
				t.Errorf("%d logins, %d mails", o.logins, len(o.mails))
			}
			if strings.Contains(err.Error(), password) {
				t.Error(err)
			}
		})
	}
}

func TestCAFile(t *testing.T) {
	c := config("127.0.0.1:25", "127.0.0.1:143", "none")
	log, _ := watched(t)
	for _, content := range []string{"", "-----BEGIN NOTHING-----\n"} {
		c.CAFile = filepath.Join(t.TempDir(), "ca.pem")
		if content != "" {
			if err := os.WriteFile(c.CAFile, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := New(c, notifier.Chinese, log); err == nil || !strings.Contains(err.Error(), "ca_file") {
			t.Errorf("New = %v", err)
		}
	}
}
