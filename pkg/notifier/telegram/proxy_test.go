package telegram

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// socks5 is a proxy of RFC 1928 with a password (RFC 1929) that leads every
// connection to one place, and refuses what a strict one refuses.
type socks5 struct {
	user, password string
	to             string

	mu    sync.Mutex
	asked []string // where the clients wanted to go
	wrong []string
}

func (p *socks5) serve(l net.Listener, done *sync.WaitGroup) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		done.Go(func() {
			defer c.Close()
			if err := p.lead(c); err != nil {
				p.mu.Lock()
				defer p.mu.Unlock()
				p.wrong = append(p.wrong, err.Error())
			}
		})
	}
}

func (p *socks5) lead(c net.Conn) error {
	r := bufio.NewReader(c)
	read := func(n int) []byte {
		b := make([]byte, n)
		if _, err := io.ReadFull(r, b); err != nil {
			return make([]byte, n)
		}
		return b
	}
	text := func() string { return string(read(int(read(1)[0]))) }
	if read(1)[0] != 5 {
		return errors.New("not SOCKS 5")
	}
	if methods := text(); !strings.Contains(methods, "\x02") {
		c.Write([]byte{5, 0xff})
		return fmt.Errorf("no method but a password will do: %q", methods)
	}
	c.Write([]byte{5, 2})
	if read(1)[0] != 1 {
		return errors.New("not RFC 1929")
	}
	if user, password := text(), text(); user != p.user || password != p.password {
		c.Write([]byte{1, 1})
		return fmt.Errorf("user %q with another password", user)
	}
	c.Write([]byte{1, 0})
	if head := read(4); head[1] != 1 || head[3] != 3 {
		c.Write([]byte{5, 8, 0, 1, 0, 0, 0, 0, 0, 0})
		return fmt.Errorf("not a connect to a name: %v", head) // the name must not be looked up at home
	}
	host := text()
	port := binary.BigEndian.Uint16(read(2))
	p.mu.Lock()
	p.asked = append(p.asked, fmt.Sprintf("%s:%d", host, port))
	p.mu.Unlock()
	there, err := net.Dial("tcp", p.to)
	if err != nil {
		return err
	}
	defer there.Close()
	c.Write([]byte{5, 0, 0, 1, 127, 0, 0, 1, 0, 0})
	go func() {
		io.Copy(there, r)
		there.Close()
	}()
	io.Copy(c, there)
	return nil
}

// Through a SOCKS proxy with a password, which alone knows where Telegram is.
func TestSOCKS5(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/bot"+fakeToken+"/sendMessage" || r.Host != "api.invalid:8081" {
			t.Errorf("asked for %s on %s", strings.ReplaceAll(r.URL.Path, fakeToken, "TOKEN"), r.Host)
		}
		io.WriteString(w, `{"ok":true,"result":{"message_id":1,"date":1,"chat":{"id":1,"type":"private"}}}`)
	}))
	defer api.Close()
	for _, tt := range []struct {
		scheme, login string
		good          bool
	}{
		{"socks5", "me:p%40ss%3Aw0rd-CANARY@", true},
		{"socks5h", "me:p%40ss%3Aw0rd-CANARY@", true},
		{"socks5", "me:wrong-CANARY@", false},
		{"socks5", "", false},
	} {
		t.Run(tt.scheme+" "+tt.login, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			p := &socks5{user: "me", password: "p@ss:w0rd-CANARY", to: api.Listener.Addr().String()}
			var served sync.WaitGroup
			served.Go(func() { p.serve(l, &served) })
			d, err := New(Config{Token: fakeToken, ChatID: 1, APIURL: "http://api.invalid:8081", Proxy: tt.scheme + "://" + tt.login + l.Addr().String()}, "", zap.NewNop())
			if err != nil {
				t.Fatal(err)
			}
			err = d.Notify(t.Context(), notifier.Message{Title: "x"})
			api.CloseClientConnections()
			l.Close()
			served.Wait()
			if tt.good {
				if err != nil || len(p.wrong) > 0 || len(p.asked) != 1 || p.asked[0] != "api.invalid:8081" {
					t.Errorf("%v, %q, led to %q", err, p.wrong, p.asked)
				}
				return
			}
			if err == nil || strings.Contains(err.Error(), "CANARY") || len(p.asked) != 0 {
				t.Errorf("%v, led to %q", err, p.asked)
			}
			if e, ok := errors.AsType[*notifier.Error](err); !ok || e.Permanent {
				t.Errorf("%v: a proxy may be mended", err)
			}
		})
	}
}
