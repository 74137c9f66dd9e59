package web

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // page.html and page.css
	"encoding/base64"
	"fmt"
	"html/template"
	"net/url"
	"slices"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
)

var (
	//go:embed page.html
	pageHTML string

	//go:embed page.css
	pageCSS string

	page = template.Must(template.New("page").Parse(pageHTML))

	// policy allows our one style sheet, our own picture and our own form.
	policy = fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		base64.StdEncoding.EncodeToString(hash(pageCSS)))
)

func hash(s string) []byte {
	h := sha256.Sum256([]byte(s))
	return h[:]
}

// view is what the page shows.
type view struct {
	Lang     notifier.Lang
	Kind     notifier.Kind
	Token    string
	Title    string
	Text     string
	Deadline string

	Picture bool   // there is one
	Tiles   bool   // it is a captcha, with the tiles where the check boxes are
	Cells   []cell // the eight of a picture question
	Answer  string // what was typed before, when that was no answer
	Wrong   string // why it was none

	Outcome string // how it ended; empty while it is open
	Detail  string // more of that
	Good    bool   // it ended by a reply
	Next    string // token of the question that has taken its place
	Refresh int    // seconds until the page looks again; 0: never
}

type cell struct {
	N       int
	Checked bool
}

// followUp is how long the page of an answer looks out for the next question,
// a new picture or another try after a wrong answer.
const followUp = time.Minute

// view returns the page of q as it is now. Callers hold Server.mu.
func (q *question) view(now time.Time) view {
	v := view{
		Lang:    q.p.Lang,
		Kind:    q.p.Kind,
		Token:   q.token,
		Title:   q.p.Title,
		Text:    q.p.Text,
		Outcome: q.end,
		Good:    q.ours && q.action != notifier.Cancelled,
	}
	switch {
	case v.Outcome == "" && q.expired(now):
		v.Outcome = q.p.Lang.Expired()
	case v.Outcome == "":
		v.Deadline = q.p.DeadlineLine(now)
		v.Picture, v.Tiles = q.format != "", q.captcha
		for n := 1; q.p.Kind == notifier.Picture && n <= 8; n++ {
			v.Cells = append(v.Cells, cell{N: n})
		}
		if left := q.p.Deadline.Sub(now); left > 0 {
			v.Refresh = int(left/time.Second) + 1
		}
		if q.p.Kind == notifier.QR {
			v.Refresh = 5 // nothing typed can be lost, and a code does not live long
		}
	case v.Good && q.action == notifier.Another && now.Sub(q.endAt) < followUp:
		v.Refresh = 1
	case v.Good && q.action == notifier.Answered && now.Sub(q.endAt) < followUp && q.p.Kind != notifier.Offer:
		v.Refresh = 3
	}
	return v
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

// CSS returns the style sheet, whose hash is in the policy.
func (view) CSS() template.CSS { return template.CSS(pageCSS) }

// HTMLLang is the language tag of the page.
func (v view) HTMLLang() string { return v.Lang.Pick("zh-CN", "en") }

func render(v view) ([]byte, error) {
	var b bytes.Buffer
	if err := page.Execute(&b, v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
