package web

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// shown returns a server whose pages show one row, which leads to prompt, and
// an order that is reminded of while *on.
func shown(t testing.TB, prompt *string, on *bool) *Server {
	s := newServer(t)
	s.Show(Source{Key: []byte("a key of the state folder"),
		Board: func() notifier.Board {
			return notifier.Board{Lang: notifier.Chinese, Title: "在盯 <1>", At: "09:00:00", Sections: []notifier.Section{
				{Title: "规则", Rows: []notifier.Row{{Title: "<回家>", State: "在盯", Tone: notifier.Good, Do: "付款 & 出发", Lines: []string{`"231"`}, Prompt: *prompt}}}}}
		},
		Repeat: func(seen string) notifier.Repeat {
			return notifier.Repeat{Lang: notifier.Chinese, Title: "订单 " + seen, Text: "待付款", On: *on}
		}})
	return s
}

func TestStatusPage(t *testing.T) {
	var id string
	on := true
	s := shown(t, &id, &on)
	link := s.StatusLink()
	if !regexp.MustCompile(`^` + public + `/status/[0-9a-f]{32}$`).MatchString(link) {
		t.Fatalf("link %s", link)
	}
	w := call(s, "GET", link, nil)
	for _, want := range []string{"在盯 &lt;1&gt;", "&lt;回家&gt;", "付款 &amp; 出发", "&#34;231&#34;", `http-equiv="refresh" content="15; url=` + link[len(link)-32:] + `"`} {
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("HTTP %d without %s:\n%s", w.Code, want, w.Body)
		}
	}
	if h := w.Header(); h.Get("Cache-Control") != "no-store" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("Content-Security-Policy") != policy {
		t.Errorf("headers %v", h)
	}
	if strings.Contains(w.Body.String(), "href") {
		t.Error("the page leads to a question that is none")
	}

	// The row of an open question leads there, and no longer when it has ended.
	p := prompt(t, notifier.Offer)
	id = p.ID
	at, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	question := s.Link(&p)
	href := regexp.MustCompile(`href="([^"]*)"`)
	m := href.FindStringSubmatch(call(s, "GET", link, nil).Body.String())
	if m == nil {
		t.Fatal("no way to the question")
	}
	if to, err := at.Parse(m[1]); err != nil || to.String() != question {
		t.Errorf("the row leads to %v, want %s (%v)", to, question, err)
	}
	call(s, "POST", question, url.Values{"action": {"no"}})
	if href.MatchString(call(s, "GET", link, nil).Body.String()) {
		t.Error("the row leads to a question that has ended")
	}

	// The same key makes the same links in another life, another key others.
	if again := shown(t, &id, &on); again.StatusLink() != link || again.SeenLink("x") != s.SeenLink("x") {
		t.Error("a link does not outlive the process")
	}
	other := newServer(t)
	other.Show(Source{Key: []byte("another key")})
	if other.StatusLink() == link || other.SeenLink("x") == s.SeenLink("x") {
		t.Error("another key makes the same links")
	}
	if s.SeenLink("x") == s.SeenLink("y") || strings.Contains(s.SeenLink("status"), link[len(link)-32:]) {
		t.Error("one link for two things")
	}
}

// TestPagesOfNobody checks that without its link a page is not there, whatever
// the method, and that it says nothing.
func TestPagesOfNobody(t *testing.T) {
	var id string
	on := true
	s := shown(t, &id, &on)
	status, seen := s.StatusLink(), s.SeenLink("00ff00ff00ff00ff")
	if call(s, "GET", status, nil).Code != http.StatusOK || call(s, "GET", seen, nil).Code != http.StatusOK {
		t.Fatal("the links themselves lead nowhere")
	}
	bare := newServer(t)
	if bare.StatusLink() != "" || bare.SeenLink("x") != "" {
		t.Error("links without pages")
	}
	for _, path := range []string{
		"/status", "/status/", status[:len(status)-1], status + "0", status + "/", strings.ToUpper(status[len(public):]), "/seen/" + status[len(status)-32:], "/seen/." + status[len(status)-32:],
		"/seen", "/seen/", "/seen/00ff00ff00ff00ff", "/seen/00ff00ff00ff00ff.", seen[:len(seen)-1], seen + "0", seen + "/", strings.Replace(seen, "00ff.", "00fe.", 1), "/status/" + seen[len(seen)-32:], "/seen/" + seen[len(seen)-32:],
	} {
		for _, method := range []string{"GET", "POST", "PUT"} {
			if w := call(s, method, path, nil); w.Code != http.StatusNotFound || w.Body.String() != "404\n" {
				t.Errorf("%s %s: %d %q", method, path, w.Code, w.Body)
			}
		}
	}
	// As a question's link it is one of a former life, whoever made it up.
	if a, b := call(s, "GET", "/q/"+status[len(status)-32:], nil), call(s, "GET", "/q/"+strings.Repeat("0", 32), nil); a.Code != http.StatusNotFound || a.Body.String() != b.Body.String() {
		t.Errorf("the key of a page as a question's: %d", a.Code)
	}
	for _, path := range []string{status, seen} {
		if w := call(bare, "GET", path, nil); w.Code != http.StatusNotFound {
			t.Errorf("before there are pages %s: HTTP %d", path, w.Code)
		}
	}
	if len(s.seen) != 0 {
		t.Error("something was stopped")
	}
	if w := call(s, "POST", status, nil); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST to the status page: HTTP %d", w.Code)
	}
	if w := call(s, "DELETE", seen, nil); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("DELETE of a reminder: HTTP %d", w.Code)
	}
}

// TestSeen checks that the button stops reminders, once, and that looking at
// the page does not: services fetch links to show what is behind them.
func TestSeen(t *testing.T) {
	var id string
	on := true
	s := shown(t, &id, &on)
	const order = "00ff00ff00ff00ff"
	link := s.SeenLink(order)
	if !regexp.MustCompile(`^` + public + `/seen/` + order + `\.[0-9a-f]{32}$`).MatchString(link) {
		t.Fatalf("link %s", link)
	}
	for _, method := range []string{"GET", "HEAD"} {
		if w := call(s, method, link, nil); w.Code != http.StatusOK || method == "GET" && !strings.Contains(w.Body.String(), "<button") {
			t.Errorf("%s: HTTP %d\n%s", method, w.Code, w.Body)
		}
	}
	if len(s.seen) != 0 {
		t.Fatal("looking has stopped the reminders")
	}
	if w := call(s, "POST", link, url.Values{}); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), notifier.Chinese.Quiet()) {
		t.Errorf("HTTP %d\n%s", w.Code, w.Body)
	}
	if got, by, err := s.Seen(t.Context()); got != order || by != "" || err != nil {
		t.Errorf("Seen = %q %q %v", got, by, err)
	}
	on = false
	w := call(s, "POST", link, url.Values{})
	if w.Code != http.StatusOK || len(s.seen) != 0 || strings.Contains(w.Body.String(), "<button") {
		t.Errorf("a second time: HTTP %d\n%s", w.Code, w.Body)
	}

	// While nobody listens for long, nobody is told that it was noted.
	on = true
	full := 0
	for range 2 * cap(s.seen) {
		if w := call(s, "POST", link, url.Values{}); w.Code == http.StatusServiceUnavailable {
			full++
		}
	}
	if full != cap(s.seen) {
		t.Errorf("%d were turned away", full)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	cancel()
	empty := newServer(t)
	if _, _, err := empty.Seen(ctx); err == nil {
		t.Error("Seen without a word of anybody")
	}

	// Without a public URL the link would lead from the phone to the phone.
	private, err := New(Config{}, notifier.Chinese, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	private.Show(Source{Key: []byte("key")})
	if private.SeenLink(order) != "" || private.StatusLink() == "" {
		t.Errorf("links %q and %q", private.SeenLink(order), private.StatusLink())
	}
}
