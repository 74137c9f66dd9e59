package telegram

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/watcherd/watcherd/pkg/notifier"
)

func TestNotify(t *testing.T) {
	phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
		m := notifier.Message{Title: "抢到了 <G1110> & 🚄", Text: "订单 E1 & <b>两人\n第二行", Link: "https://watch.example/q/1?a=1&b=2", Loud: true}
		if err := d.Notify(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		got := f.last(1)
		if got.text != m.Title+"\n"+m.Text+"\n"+m.Link || got.bold != m.Title || got.silent {
			t.Errorf("bold %q, silent %v:\n%s", got.bold, got.silent, got.text)
		}
		m.Loud, m.Text = false, strings.Repeat("𠮷🚄", 4000)
		if err := d.Notify(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		got = f.last(2)
		if !got.silent || length(got.text) > maxText || length(got.text) < maxText-4 || !strings.HasSuffix(got.text, "…\n"+m.Link) {
			t.Errorf("silent %v, %d units, ends %q", got.silent, length(got.text), got.text[len(got.text)-60:])
		}
		for _, m := range []notifier.Message{{Title: "only"}, {Text: "only"}, {Title: strings.Repeat("长", 5000), Text: "x\x00\xff"}} {
			if err := d.Notify(t.Context(), m); err != nil {
				t.Error(err)
			}
		}
	})
}

// A long question keeps its deadline, its link and its end.
func TestLongCaption(t *testing.T) {
	phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
		p := prompt(notifier.Picture)
		p.Title, p.Text = strings.Repeat("🚄", 3000), strings.Repeat("行程\n", 3000)
		a := ask(t, d, p)
		m := f.last(1)
		if !strings.HasSuffix(m.text, p.Link) || !strings.Contains(m.text, p.Deadline.In(railway).Format(time.TimeOnly)) {
			t.Errorf("ends %q", m.text[len(m.text)-80:])
		}
		f.tap(m, "取消")
		a.got(t)
		if m = f.get(m.id); !strings.HasSuffix(m.text, p.Lang.GivenUp()) {
			t.Errorf("ends %q", m.text[len(m.text)-80:])
		}
	})
}

func TestEnglish(t *testing.T) {
	phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
		p := prompt(notifier.Picture)
		p.Lang = notifier.English
		ask(t, d, p)
		if got := texts(f.last(1).keyboard); got != "1 2 3 4|5 6 7 8|Submit New picture Cancel" {
			t.Errorf("buttons %q", got)
		}
		p = prompt(notifier.Offer)
		p.Lang = notifier.English
		ask(t, d, p)
		if got := texts(f.last(2).keyboard); got != "Book Skip" {
			t.Errorf("buttons %q", got)
		}
	})
}

func TestNotifyFails(t *testing.T) {
	tests := []struct {
		name      string
		fault     fault
		permanent bool
		after     time.Duration
	}{
		{"busy", fault{code: 429, reply: `{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 35","parameters":{"retry_after":35}}`}, false, 35 * time.Second},
		{"chat", fault{code: 400, reply: `{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}`}, true, 0},
		{"token", fault{code: 401, reply: `{"ok":false,"error_code":401,"description":"Unauthorized"}`}, true, 0},
		{"blocked", fault{code: 403, reply: `{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}`}, true, 0},
		{"form", fault{code: 404, reply: `{"ok":false,"error_code":404,"description":"Not Found"}`}, true, 0},
		{"migrated", fault{code: 400, reply: `{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded","parameters":{"migrate_to_chat_id":-100}}`}, true, 0},
		{"inside", fault{code: 500, reply: `{"ok":false,"error_code":500,"description":"Internal Server Error"}`}, false, 0},
		{"gateway", fault{code: 502, reply: `<html>/bot` + fakeToken + `/sendMessage</html>`}, false, 0},
		{"portal", fault{code: 200, reply: `<html>log in</html>`}, false, 0},
		{"network", fault{err: errors.New("no route to /bot" + fakeToken)}, false, 0},
		{"url", fault{err: &url.Error{Op: "Post", URL: "https://api.telegram.org/bot" + fakeToken + "/x", Err: errors.New("x")}}, false, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t)
			d, err := newDriver(Config{Token: fakeToken, ChatID: fakeChat}, "", zap.NewNop(), f)
			if err != nil {
				t.Fatal(err)
			}
			f.break_(func(string) *fault { return &tt.fault })
			err = d.Notify(t.Context(), notifier.Message{Title: "secret title", Text: "secret text"})
			var e *notifier.Error
			if !errors.As(err, &e) || e.Permanent != tt.permanent || e.RetryAfter != tt.after || e.Channel != "telegram" {
				t.Fatalf("Notify = %#v", err)
			}
			for e := err; e != nil; e = errors.Unwrap(e) {
				if s := e.Error(); strings.Contains(s, "CANARY") || strings.Contains(s, "secret t") {
					t.Errorf("leaks: %s", s)
				}
			}
		})
	}
}

// A caller's deadline holds against a server that says nothing.
func TestNotifyDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := silent{}
		d, err := newDriver(Config{Token: fakeToken, ChatID: fakeChat}, "", zap.NewNop(), f)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		begun := time.Now()
		err = d.Notify(ctx, notifier.Message{Title: "x"})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != 3*time.Second {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
	})
}

type silent struct{}

func (silent) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// Trouble with polling is said once, in words that help; only a refused token
// is the end.
func TestPollTrouble(t *testing.T) {
	tests := []struct {
		code    int
		text    string
		says    string
		forever bool
	}{
		{409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running", "used elsewhere", false},
		{409, "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first", "deleteWebhook", false},
		{401, "Unauthorized", "", true},
		{404, "Not Found", "", true},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t)
				f.break_(func(method string) *fault {
					return &fault{code: tt.code, reply: fmt.Sprintf(`{"ok":false,"error_code":%d,"description":"%s"}`, tt.code, tt.text)}
				})
				core, logs := observer.New(zap.InfoLevel)
				d, err := newDriver(Config{Token: fakeToken, ChatID: fakeChat}, "", zap.New(core), f)
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				err = d.Run(ctx)
				var e *notifier.Error
				if tt.forever {
					if !errors.As(err, &e) || !e.Permanent || logs.Len() != 0 {
						t.Errorf("Run = %v, and %d lines in the log", err, logs.Len())
					}
					return
				}
				if err != nil {
					t.Errorf("Run = %v", err)
				}
				if logs.Len() != 1 || !strings.Contains(logs.All()[0].Message, tt.says) {
					t.Errorf("log: %v", logs.All())
				}
			})
		})
	}
}

// Somebody whose replies go elsewhere is told so in the chat itself, which can
// be written to: after a minute, once, and not when it was only a moment.
func TestRepliesElsewhere(t *testing.T) {
	for text, says := range map[string]string{
		"Conflict: terminated by other getUpdates request; make sure that only one bot instance is running":            "另一个 watcherd",
		"Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first": "deleteWebhook",
	} {
		phone(t, func(t *testing.T, f *fakeAPI, d *Driver, logs *observer.ObservedLogs) {
			conflict := func(method string) *fault {
				if method != "getUpdates" {
					return nil
				}
				return &fault{code: 409, reply: fmt.Sprintf(`{"ok":false,"error_code":409,"description":"%s"}`, text)}
			}
			f.break_(conflict)
			time.Sleep(50 * time.Second)
			f.break_(nil)
			time.Sleep(time.Minute)
			if synctest.Wait(); len(f.bots()) != 0 {
				t.Errorf("told of a moment: %s", f.bots()[0].text)
			}
			f.break_(conflict)
			time.Sleep(50 * time.Minute)
			if m := f.last(1); !strings.Contains(m.text, says) || m.silent {
				t.Errorf("told %q", m.text)
			}
			warned := 0
			for _, e := range logs.All() {
				if e.Level >= zap.WarnLevel {
					warned++
				}
			}
			if warned != 2 {
				t.Errorf("%d warnings of two conflicts", warned)
			}
			if err := d.Deaf(); err == nil || !strings.HasPrefix(err.Error(), "telegram: ") || strings.Contains(err.Error(), "409") {
				t.Errorf("Deaf = %v", err)
			}
			// It is over when it has not happened for a while, and that is told too.
			for range 10 {
				f.break_(nil)
				time.Sleep(elsewhereAfter - pollTimeout)
				f.break_(conflict)
				time.Sleep(pollTimeout + 5*time.Second)
			}
			f.last(1)
			f.break_(nil)
			time.Sleep(elsewhereAfter + 2*pollTimeout)
			if m := f.last(2); !strings.Contains(m.text, "又能收到") || d.Deaf() != nil {
				t.Errorf("told %q, Deaf = %v", m.text, d.Deaf())
			}
		})
	}
}

// At the end Run waits for open questions to be withdrawn, but not for ever.
func TestRunEnds(t *testing.T) {
	for _, dead := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(t)
			d, err := newDriver(Config{Token: fakeToken, ChatID: fakeChat}, "", zap.NewNop(), f)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			done := make(chan error, 1)
			go func() { done <- d.Run(ctx) }()
			go d.Ask(ctx, prompt(notifier.Picture))
			m := f.last(1)
			if dead {
				f.break_(func(string) *fault { return &fault{err: errors.New("network is unreachable")} })
			}
			begun := time.Now()
			cancel(&notifier.Closed{Reason: "watcherd 停了。"})
			if err := <-done; err != nil {
				t.Error(err)
			}
			m = f.get(m.id)
			if !dead && (len(m.keyboard) != 0 || !strings.HasSuffix(m.text, "watcherd 停了。")) {
				t.Errorf("left:\n%s", m.text)
			}
			if d := time.Since(begun); d > drainTimeout {
				t.Errorf("took %v", d)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	good := Config{Token: fakeToken, ChatID: 1}
	tests := map[string]func(c *Config){
		"token is missing":             func(c *Config) { c.Token = " \n" },
		"letters that no token has":    func(c *Config) { c.Token = "CANARY token" },
		"chat_id":                      func(c *Config) { c.ChatID = -100123 },
		"api_url is not a web address": func(c *Config) { c.APIURL = "CANARY.example" },
		"proxy is not a web address":   func(c *Config) { c.Proxy = "http://u:CANARY@%zz" },
		"none of http, https, socks5":  func(c *Config) { c.Proxy = "ftp://u:CANARY@h" },
	}
	for want, change := range tests {
		c := good
		change(&c)
		_, err := New(c, "", zap.NewNop())
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("New = %v, want %q", err, want)
		}
	}
	if _, err := New(good, "", zap.NewNop()); err != nil {
		t.Error(err)
	}
}

// Through a proxy with a password, and over one connection for many calls.
func TestProxyAndKeepAlive(t *testing.T) {
	conns, auth := 0, ""
	var fail string
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		auth = r.Header.Get("Proxy-Authorization")
		if r.URL.String() != "http://api.example/bot"+fakeToken+"/sendMessage" || r.ContentLength <= 0 {
			fail = r.URL.String()
		}
		w.Write([]byte(`{"ok":true,"result":{"message_id":1,"date":1,"chat":{"id":1,"type":"private"}}}`))
	}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns++
		}
	}
	srv.Start()
	defer srv.Close()
	d, err := New(Config{
		Token: fakeToken, ChatID: 1, APIURL: "http://api.example/",
		Proxy: strings.Replace(srv.URL, "http://", "http://me:pass@", 1),
	}, "", zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if err := d.Notify(t.Context(), notifier.Message{Title: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	if conns != 1 || auth != "Basic bWU6cGFzcw==" || fail != "" {
		t.Errorf("%d connections, authorization %q, asked for %q", conns, auth, fail)
	}
}
