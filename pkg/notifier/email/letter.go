package email

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/mail"
	"net/url"
	"regexp"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// letter is one mail, whoever it goes to.
type letter struct {
	ID      string   // Message-ID, without its brackets
	Thread  []string // the Message-IDs before it in its thread, oldest first
	Subject string
	Lang    notifier.Lang
	Title   string // the heading; empty in a short word
	Text    string
	Picture []byte // shown below Text; empty: none
	Wide    bool   // the picture is as wide as the screen
	How     string // how to answer
	Until   string
	Link    string
	Open    string   // what the link is called
	Buttons []button // each writes a mail
	Mark    string   // what a reply that has lost its headers is known by
}

// button is a link that opens a mail which says Word.
type button struct {
	Word  string
	Label string // what is written on it
	Href  template.URL
}

// What our Message-IDs begin with: the ID of a question, or the mark of a
// message that is repeated until it was seen.
const (
	asks  = "wd."
	shows = "wd-seen."
)

var (
	askedRef = regexp.MustCompile(`(?:^|<)wd\.([0-9a-f]{32})\.`)
	shownRef = regexp.MustCompile(`(?:^|<)wd-seen\.([0-9A-Za-z_-]{8,64})\.`)
	askedTag = regexp.MustCompile(`\b[0-9a-f]{32}\b`)
	shownTag = regexp.MustCompile(`\bwd-seen\.([0-9A-Za-z_-]{8,64})\b`)
	seenable = regexp.MustCompile(`^[0-9A-Za-z_-]{8,64}$`)
)

// news is m as a mail.
func (d *Driver) news(m notifier.Message) letter {
	l := letter{
		ID: "wd-news." + m.ID + "@" + d.domain, Subject: m.Title, Lang: d.lang,
		Title: m.Title, Text: m.Text, Link: m.Link, Open: d.lang.Pick("打开网页", "Open the page"),
	}
	if m.Seen != "" && seenable.MatchString(m.Seen) && d.Hears() {
		l.ID = shows + m.Seen + "." + m.ID + "@" + d.domain
		l.Mark = shows + m.Seen
		l.How = d.lang.Pick("回复“知道了”，就不再提醒。", "Reply “seen” and there will be no more reminders.")
		l.Buttons = d.buttons(l, saying(d.lang.Known()))
	}
	return l
}

// railway is the clock of the timetable; China has no summer time.
var railway = time.FixedZone("CST", 8*60*60)

// ask is the question p as a mail, after the mails of thread.
func (d *Driver) ask(p notifier.Prompt, thread []string) letter {
	if !p.Deadline.IsZero() {
		p.Deadline = p.Deadline.In(railway)
	}
	l := letter{
		ID: asks + p.ID + ".q@" + d.domain, Thread: thread, Subject: p.Title, Lang: p.Lang,
		Title: p.Title, Text: p.Body(), Picture: p.Image, Until: p.DeadlineLine(time.Now()), Link: p.Link, Open: p.Lang.Pick("在网页上回答", "Answer on a web page"), Mark: p.ID,
	}
	l.How = p.Lang.Pick("直接回复这封邮件，答案写在第一行。", "Reply to this mail, with the answer on its first line.")
	another, cancel := button{Word: p.Lang.Pick("换", "new"), Label: p.Lang.Another()}, saying(p.Lang.Cancel())
	switch p.Kind {
	case notifier.Picture:
		l.Picture, l.Wide = notifier.Numbered(p.Image), true
		l.Buttons = d.buttons(l, another, cancel)
	case notifier.QR:
		l.How = p.Lang.Pick("不用回复；要换一张就回复 换，不办了就回复 取消。", "There is nothing to reply, but new for another code and cancel to give up.")
		l.Buttons = d.buttons(l, another, cancel)
	case notifier.Offer:
		l.Buttons = d.buttons(l, saying(p.Lang.Book()), saying(p.Lang.Skip()))
	case notifier.App:
		l.Buttons = d.buttons(l, saying(p.Lang.Done()), cancel)
	}
	return l
}

// word is a short text in the thread of a question.
func (d *Driver) word(q *question, text string) letter {
	q.words++
	return letter{
		ID:     fmt.Sprintf("%s%s.w%d@%s", asks, q.p.ID, q.words, d.domain),
		Thread: append(q.thread[:len(q.thread):len(q.thread)], q.id), Subject: "Re: " + q.p.Title,
		Lang: q.p.Lang, Text: text, Mark: q.p.ID,
	}
}

// saying is a button that shows what it says.
func saying(w string) button { return button{Word: w, Label: w} }

// buttons returns bs as links that write the answer for the person. Such a mail
// has no thread, so the mark goes into its text.
func (d *Driver) buttons(l letter, bs ...button) []button {
	for i := range bs {
		query := "subject=" + escape("Re: "+oneLine(l.Subject, maxSubject)) + "&body=" + escape(bs[i].Word+"\r\n\r\n-- \r\n"+l.Mark)
		bs[i].Href = template.URL("mailto:" + url.PathEscape(d.from.Address) + "?" + query)
	}
	return bs
}

// escape writes s as RFC 6068 wants it, where a blank is %20 and never a plus.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

//go:embed mail.html
var pageText string

// page renders a letter. It is a function so that nothing is parsed before
// the first mail and nothing is shared.
func page() (*template.Template, error) {
	return template.New("mail").Funcs(template.FuncMap{"paragraphs": paragraphs, "cid": func() template.URL { return "cid:" + pictureID }}).Parse(pageText)
}

func paragraphs(s string) []string { return strings.Split(strings.TrimSpace(s), "\n") }

const (
	pictureID  = "picture@watcherd"
	maxSubject = 150 // characters
)

// message makes l a mail to a.
func (d *Driver) message(l letter, a mail.Address) (*gomail.Msg, error) {
	m := gomail.NewMsg(gomail.WithCharset(gomail.CharsetUTF8), gomail.WithEncoding(gomail.EncodingB64), gomail.WithNoDefaultUserAgent())
	if err := m.FromFormat(d.from.Name, d.from.Address); err != nil {
		return nil, err
	}
	if err := m.AddToFormat(a.Name, a.Address); err != nil {
		return nil, err
	}
	m.Subject(oneLine(l.Subject, maxSubject))
	m.SetDateWithValue(time.Now())
	m.SetMessageIDWithValue(l.ID)
	if n := len(l.Thread); n > 0 {
		m.SetGenHeaderPreformatted(gomail.HeaderInReplyTo, "<"+l.Thread[n-1]+">")
		m.SetGenHeaderPreformatted(gomail.HeaderReferences, "<"+strings.Join(l.Thread, ">\r\n <")+">")
	}
	// RFC 3834: no out-of-office machine answers such a mail, and we do not
	// take our own for an answer when we share a mailbox with the person.
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	l.Text = notifier.Clean(l.Text)
	m.SetBodyString(gomail.TypeTextPlain, l.plain())
	t, err := page()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, l); err != nil {
		return nil, err
	}
	m.AddAlternativeString(gomail.TypeTextHTML, b.String())
	if len(l.Picture) > 0 {
		name, kind := "picture.jpg", gomail.ContentType("image/jpeg")
		if bytes.HasPrefix(l.Picture, []byte("\x89PNG")) {
			name, kind = "picture.png", "image/png"
		}
		if err := m.EmbedReader(name, bytes.NewReader(l.Picture), gomail.WithFileContentID("<"+pictureID+">"), gomail.WithFileContentType(kind)); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// plain is the text part.
func (l letter) plain() string {
	parts := []string{l.Text}
	if l.Title != "" {
		parts = []string{oneLine(l.Title, maxSubject) + "\n" + l.Text}
	}
	if len(l.Picture) > 0 {
		parts = append(parts, l.Lang.Pick("[图片见附件]", "[the picture is attached]"))
	}
	parts = append(parts, strings.TrimSpace(l.How+"\n"+l.Until), l.Link)
	if l.Mark != "" {
		parts = append(parts, "-- \n"+l.Mark)
	}
	var kept []string
	for _, p := range parts {
		if p = strings.Trim(p, "\n"); strings.TrimSpace(p) != "" {
			kept = append(kept, p)
		}
	}
	return strings.ReplaceAll(strings.Join(kept, "\n\n"), "\n", "\r\n") + "\r\n"
}

// oneLine makes s a single line of at most n characters.
func oneLine(s string, n int) string {
	s = strings.Join(strings.Fields(notifier.Clean(s)), " ")
	if r := []rune(s); len(r) > n {
		s = string(r[:n-1]) + "…"
	}
	return s
}
