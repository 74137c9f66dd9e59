package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
)

var (
	//go:embed *.html
	pageFiles embed.FS

	//go:embed page.css
	pageCSS string

	pages = template.Must(template.ParseFS(pageFiles, "*.html"))

	// policy allows our one style sheet, our own picture and our own form.
	policy = fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		base64.StdEncoding.EncodeToString(hash(pageCSS)))
)

func hash(s string) []byte {
	h := sha256.Sum256([]byte(s))
	return h[:]
}

// frame is what every page has.
type frame struct {
	Lang    notifier.Lang
	Title   string
	Here    string // the last part of the page's own address
	Refresh int    // seconds until the page looks again; 0: never
}

// CSS returns the style sheet, whose hash is in the policy.
func (frame) CSS() template.CSS { return template.CSS(pageCSS) }

// HTMLLang is the language tag of the page.
func (f frame) HTMLLang() string { return f.Lang.Pick("zh-CN", "en") }

// end is how something ended.
type end struct {
	Outcome string // empty while it has not
	Detail  string // more of that
	Icon    string // check, clock, cross or arrow
	Good    bool   // as the user wanted it
}

// Look is the class of the box that shows it.
func (e end) Look() string {
	if e.Good {
		return "good"
	}
	return ""
}

// view is the page of a question.
type view struct {
	frame
	end
	Kind     notifier.Kind
	Text     string
	Deadline string
	Left     *left

	Picture bool   // there is one
	Tiles   bool   // it is a captcha, with the tiles where the check boxes are
	File    string // what it is called when it is saved
	Cells   []cell // the eight of a picture question
	Answer  string // what was typed before, when that was no answer
	Wrong   string // why it was none
	Again   bool   // the answer to the question before was wrong

	Next string // token of the question that has taken its place
}

type cell struct {
	N       int
	Checked bool
}

// left is the time that is left, for a bar that shrinks.
type left struct {
	Part    int // of what there was, in thousandths
	Seconds int // until there is none
	Late    int // seconds until there is little
}

// hurry is when little time is left.
const hurry = 30 * time.Second

// followUp is how long the page of an answer looks out for the next question,
// a new picture or another try after a wrong answer.
const followUp = time.Minute

// view returns the page of q as it is now. Callers hold Server.mu.
func (q *question) view(now time.Time) view {
	v := view{
		frame: frame{Lang: q.p.Lang, Title: q.p.Title, Here: q.token},
		Kind:  q.p.Kind,
		Text:  q.p.Body(),
		Again: q.p.Wrong,
	}
	switch {
	case q.end == "" && !q.expired(now):
		v.open(q, now)
		return v
	case q.end == "" || q.end == q.p.Lang.Expired():
		v.end = end{Outcome: q.p.Lang.Expired(), Detail: q.p.Lang.Pick("需要时会再问你。", "You are asked again when it is needed."), Icon: "clock"}
		return v
	}
	v.end = end{Outcome: q.end, Icon: "arrow"}
	if !q.ours {
		return v
	}
	v.Good, v.Icon = true, "check"
	v.Detail = q.said
	if q.wrong != "" {
		v.end = end{Outcome: q.wrong, Detail: q.said, Icon: "cross"}
		return v
	}
	switch recent := now.Sub(q.endAt) < followUp; {
	case q.action == notifier.Cancelled:
		v.Good, v.Icon = false, "cross"
	case q.action == notifier.Another && recent:
		v.Refresh = 1
	case q.action == notifier.Answered && recent && q.p.Kind != notifier.Offer:
		v.Refresh = 3
	}
	return v
}

// open makes v the page of q, which can be answered.
func (v *view) open(q *question, now time.Time) {
	v.Deadline = q.p.DeadlineLine(now)
	v.Picture, v.Tiles, v.File = q.format != "", q.captcha, strings.Replace(q.format, "jpeg", "jpg", 1)
	if q.p.Kind == notifier.QR {
		v.File = "qr." + v.File
	}
	for n := 1; q.p.Kind == notifier.Picture && n <= 8; n++ {
		v.Cells = append(v.Cells, cell{N: n})
	}
	if rest := q.p.Deadline.Sub(now); rest > 0 {
		v.Refresh = int(rest/time.Second) + 1
		asked := q.p.AskedAt
		if asked.IsZero() || asked.After(q.made) {
			asked = q.made
		}
		v.Left = &left{Part: 1000, Seconds: int(rest / time.Second), Late: int(max(rest-hurry, 0) / time.Second)}
		if all := q.p.Deadline.Sub(asked); all > rest {
			v.Left.Part = int(1000 * rest.Seconds() / all.Seconds())
		}
	}
	if q.p.Kind == notifier.QR {
		v.Refresh = 5 // nothing typed can be lost, and a code does not live long
	}
}

// keep has the form keep what was chosen and typed; a code is not sent back.
func (v *view) keep(form url.Values) {
	for i, c := range v.Cells {
		v.Cells[i].Checked = slices.Contains(form["cell"], fmt.Sprint(c.N))
	}
	if v.Kind == notifier.Picture {
		v.Answer = form.Get("answer")
	}
}

// show sends the page of that name.
func (s *Server) show(w http.ResponseWriter, status int, name string, v any) {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, v); err != nil {
		s.log.Error("web: the page cannot be drawn", zap.Error(err))
		http.Error(w, "500", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(b.Bytes())
}
