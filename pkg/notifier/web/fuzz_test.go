package web

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// FuzzForm: a form is the one answer to its question or it is refused; the
// numbers are 1 to 8, and nothing that was typed becomes markup.
func FuzzForm(f *testing.F) {
	const urlencoded = "application/x-www-form-urlencoded"
	for i, body := range []string{
		"cell=2&cell=5&action=submit", "answer=2+5", "answer=42%2C38&cell=2", "cell=9", "cell=2&cell=%00", "action=another", "action=cancel", "action=yes", "action=%3Cscript%3E",
		"answer=012345", "answer=%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E", "answer=%zz", "&&;=", "cell=2&answer=%E3%80%80", strings.Repeat("cell=1&", 600), "action=done&action=x",
	} {
		f.Add(i, "POST", urlencoded, body)
	}
	f.Add(0, "POST", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"answer\"\r\n\r\n2 5\r\n--x--\r\n")
	f.Add(0, "GET", urlencoded, "answer=25")
	f.Add(0, "PUT", "text/plain", "answer=25")
	kinds := []notifier.Kind{notifier.Picture, notifier.SMS, notifier.QR, notifier.Offer, notifier.App}
	image := read(f, "captcha.jpg")
	f.Fuzz(func(t *testing.T, kind int, method, contentType, body string) {
		if !slices.Contains([]string{"POST", "GET", "HEAD", "PUT", "DELETE", "PATCH"}, method) {
			method = "POST"
		}
		s := newServer(t)
		p := notifier.Prompt{
			ID: notifier.NewID(), Kind: kinds[uint(kind)%uint(len(kinds))], Lang: notifier.Chinese,
			Title: "<登录>", Image: image, Deadline: time.Now().Add(time.Hour),
		}
		link := strings.TrimPrefix(s.Link(&p), public)
		q := s.byID[p.ID]
		post := func() *httptest.ResponseRecorder {
			r := httptest.NewRequest(method, link, strings.NewReader(body))
			r.Header.Set("Content-Type", contentType)
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			return w
		}
		w := post()
		answered := len(q.reply) == 1
		if answered != (method == "POST" && w.Code == http.StatusOK) || answered != (q.end != "") {
			t.Fatalf("%s: HTTP %d, answered %v, ended %q", method, w.Code, answered, q.end)
		}
		switch w.Code {
		case http.StatusOK, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusMethodNotAllowed:
		default:
			t.Fatalf("HTTP %d", w.Code)
		}
		if answered {
			r := <-q.reply
			if again := post(); again.Code != http.StatusGone || len(q.reply) != 0 {
				t.Fatalf("a second time: HTTP %d, %d replies", again.Code, len(q.reply))
			}
			picture := p.Kind == notifier.Picture && r.Action == notifier.Answered
			if r.Channel != "web" || r.At.IsZero() || picture != (len(r.Picks)+len(r.Points) > 0) || (p.Kind == notifier.SMS && r.Action == notifier.Answered) != (len(r.Code) == 6) || p.Kind == notifier.QR && r.Action == notifier.Answered {
				t.Fatalf("%s: %+v", p.Kind, r)
			}
			for _, n := range r.Picks {
				if n < 1 || n > 8 {
					t.Fatalf("%+v", r)
				}
			}
		}
		page := w.Body.String()
		if strings.Count(page, "<script") != 0 || len(page) > 20<<10 || strings.Contains(page, p.ID) {
			t.Fatal(page)
		}
		// What was typed stands in the page as text, or not at all.
		if form, err := url.ParseQuery(body); err == nil {
			if typed := form.Get("answer"); strings.ContainsAny(typed, `<>"`) && strings.Contains(page, typed) && typed != html.EscapeString(typed) && len(strings.TrimSpace(typed)) > 8 {
				t.Fatalf("%q is markup in the page", typed)
			}
		}
	})
}

// FuzzPath: what is not a link of ours is a 404 that says nothing, whatever is
// asked of it.
func FuzzPath(f *testing.F) {
	for _, s := range []string{"/", "/q/", "/q/TOKEN", "/q/TOKEN/", "/q/TOKEN/picture", "/q/TOKEN/../TOKEN", "/q/TOKE", "/w/q/TOKEN", "/q/TOKEN%2fpicture", "/Q/TOKEN", "//q/TOKEN", "/q//TOKEN", "/q/TOKEN/picture/x", "/q/TOKEN\x00",
		"/status/STATUS", "/w/status/STATUS", "/status/STATUS/", "/q/STATUS", "/seen/SEEN", "/seen/x.SEEN", "/seen/.SEEN", "/seen/../seen/SEEN"} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, path string, post bool) {
		var nothing string
		on := true
		s := shown(t, &nothing, &on)
		p := notifier.Prompt{ID: notifier.NewID(), Kind: notifier.Offer, Lang: notifier.Chinese, Title: "秘密"}
		status, seen := strings.TrimPrefix(s.StatusLink(), public+"/status/"), strings.TrimPrefix(s.SeenLink("x/y"), public+"/seen/")
		token := strings.TrimPrefix(s.Link(&p), public+"/q/")
		path = strings.NewReplacer("TOKEN", token, "STATUS", status, "SEEN", strings.Replace(seen, "%2F", "/", 1)).Replace(path)
		method := http.MethodGet
		if post {
			method = http.MethodPost
		}
		r := httptest.NewRequest(method, "/", strings.NewReader("action=yes"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.URL.Path = path
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		path, _ = strings.CutPrefix(path, s.prefix)
		stops := path == "/seen/"+strings.Replace(seen, "%2F", "/", 1)
		if board := path == "/status/"+status; board && post {
			if w.Code != http.StatusMethodNotAllowed {
				t.Fatalf("POST to the status page: HTTP %d", w.Code)
			}
			return
		} else if stopped := len(s.seen) == 1; stopped != (stops && post) {
			t.Fatalf("%q stops the reminders: %v", path, stopped)
		} else if board || stops {
			if w.Code != http.StatusOK {
				t.Fatalf("%q: HTTP %d", path, w.Code)
			}
			return
		}
		link := path == "/q/"+token
		gone := isToken(strings.TrimPrefix(path, "/q/")) && !post // has a page that says so
		if link != (w.Code == http.StatusOK) || !link && (w.Code != http.StatusNotFound || w.Body.String() != "404\n" && !gone) {
			t.Fatalf("%q: HTTP %d\n%s", path, w.Code, w.Body)
		}
		if answered := len(s.byID[p.ID].reply) == 1; answered != (link && post) {
			t.Fatalf("%q answered: %v", path, answered)
		}
		if w.Header().Get("Referrer-Policy") != "no-referrer" || w.Header().Get("Content-Security-Policy") != policy {
			t.Fatalf("%q without its headers", path)
		}
	})
}
