package web

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
)

func TestGetNeverActs(t *testing.T) {
	s := newServer(t)
	link, replies := ask(t, s, prompt(t, notifier.Picture))
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "OPTIONS"} {
		want := http.StatusMethodNotAllowed
		if method == "GET" || method == "HEAD" {
			want = http.StatusOK
		}
		if w := call(s, method, link+"?answer=25&cell=2&action=submit", url.Values{"answer": {"25"}}); w.Code != want {
			t.Errorf("%s: %d, want %d", method, w.Code, want)
		}
	}
	// The address of a POST is not its form either.
	if w := call(s, "POST", link+"?answer=25", url.Values{}); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("POST with the answer in the address: %d", w.Code)
	}
	select {
	case r := <-replies:
		t.Errorf("got a reply: %+v", r)
	default:
	}
}

func TestOnlyOneReplyCounts(t *testing.T) {
	s := newServer(t)
	link, replies := ask(t, s, prompt(t, notifier.Offer))
	var mu sync.Mutex
	codes := map[int]int{}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			w := call(s, "POST", link, url.Values{"action": {"yes"}})
			mu.Lock()
			codes[w.Code]++
			mu.Unlock()
		})
	}
	wg.Wait()
	<-replies
	if codes[200] != 1 || codes[410] != 15 {
		t.Errorf("statuses %v, want one 200 and 15 410", codes)
	}
}

func TestHeaders(t *testing.T) {
	s := newServer(t)
	link, _ := ask(t, s, prompt(t, notifier.Picture))
	for _, path := range []string{link, link + "/picture", public + "/", public + "/q/0"} {
		h := call(s, "GET", path, nil).Header()
		for name, want := range map[string]string{
			"Cache-Control":          "no-store",
			"Referrer-Policy":        "no-referrer",
			"X-Frame-Options":        "DENY",
			"X-Content-Type-Options": "nosniff",
		} {
			if h.Get(name) != want {
				t.Errorf("%s of %s = %q, want %q", name, path, h.Get(name), want)
			}
		}
		if csp := h.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none';") || strings.Contains(csp, "unsafe") {
			t.Errorf("policy of %s: %s", path, csp)
		}
	}

	// The one style sheet is the one that the policy allows, and nothing else
	// on the page needs leave.
	w := call(s, "GET", link, nil)
	body := w.Body.String()
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(body)
	if style == nil {
		t.Fatal("no style")
	}
	sum := sha256.Sum256([]byte(style[1]))
	if want := base64.StdEncoding.EncodeToString(sum[:]); !strings.Contains(w.Header().Get("Content-Security-Policy"), "'sha256-"+want+"'") {
		t.Error("the policy does not allow the page's style")
	}
	if m := regexp.MustCompile(`(?i)<script|\son[a-z]+=|\sstyle=|//`).FindString(strings.Replace(body, style[0], "", 1)); m != "" {
		t.Errorf("the page holds %q", m)
	}
}

func TestUnknownLinksSayNothing(t *testing.T) {
	s := newServer(t)
	p := prompt(t, notifier.Picture)
	link, _ := ask(t, s, p)
	for _, path := range []string{
		"/", "/q", "/q/", link + "0", link[:len(link)-1], link + "/", link + "/other", link + "/picture/", strings.ToUpper(link[len(public):]),
		"/favicon.ico", "/robots.txt", "/q/../" + link,
	} {
		for _, method := range []string{"GET", "POST", "PUT"} {
			w := call(s, method, path, nil)
			if w.Code != http.StatusNotFound || w.Body.String() != "404\n" {
				t.Errorf("%s %s: %d %q", method, path, w.Code, w.Body)
			}
		}
	}
	// A link of a former life of the daemon is no wrong one to its user, who is
	// told as much, and a stranger nothing more.
	for method, want := range map[string]string{"GET": "最新那条消息", "HEAD": "最新那条消息", "POST": "404\n", "PUT": "404\n"} {
		w := call(s, method, "/q/"+p.ID, nil)
		if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), want) || strings.Contains(w.Body.String(), p.Title) {
			t.Errorf("%s of a link that is gone: %d %q", method, w.Code, w.Body)
		}
	}
	if w := call(s, "GET", "https://x/w"+link[len(public):], nil); w.Code != http.StatusOK {
		t.Errorf("with the prefix left on: %d", w.Code)
	}
}

func TestLargeBody(t *testing.T) {
	s := newServer(t)
	link, _ := ask(t, s, prompt(t, notifier.Picture))
	w := call(s, "POST", link, url.Values{"answer": {strings.Repeat("2", maxBody)}})
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d", w.Code)
	}
}

func TestServe(t *testing.T) {
	s, err := New(Config{Listen: "127.0.0.1:0"}, notifier.English, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + l.Addr().String() + "/") // answered once Serve has begun
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	p := prompt(t, notifier.Offer)
	link := s.Link(&p)
	resp, err = client.PostForm(link, url.Values{"answer": {"yes"}})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if r, err := s.Ask(ctx, p); err != nil || !r.Yes {
		t.Errorf("Ask = %+v, %v", r, err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Serve = %v", err)
	}
}

func TestNew(t *testing.T) {
	for _, tt := range []struct {
		c    Config
		base string // empty: refused
	}{
		{Config{}, "http://127.0.0.1:8306"},
		{Config{Listen: ":80"}, "http://127.0.0.1:80"},
		{Config{Listen: "[::]:80"}, "http://127.0.0.1:80"},
		{Config{Listen: "[::1]:80"}, "http://[::1]:80"},
		{Config{Listen: "box.lan:80"}, "http://box.lan:80"},
		{Config{PublicURL: "https://a.example/"}, "https://a.example"},
		{Config{Listen: "8306"}, ""},
		{Config{PublicURL: "a.example"}, ""},
		{Config{PublicURL: "ftp://a.example"}, ""},
		{Config{PublicURL: "https://me:CANARY@a.example"}, ""},
		{Config{PublicURL: "https://a.example/?x"}, ""},
	} {
		s, err := New(tt.c, notifier.Chinese, zap.NewNop())
		switch {
		case err != nil && (tt.base != "" || strings.Contains(err.Error(), "CANARY")):
			t.Errorf("%+v: %v", tt.c, err)
		case err == nil && s.base != tt.base:
			t.Errorf("%+v: links begin with %q, want %q", tt.c, s.base, tt.base)
		}
	}
}
