package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// maxBody bounds a form, in bytes; a full one is below 300.
const maxBody = 4 << 10

// ServeHTTP serves the questions /q/TOKEN with their pictures /q/TOKEN/picture,
// the status page /status/TOKEN, and /seen/ID.TOKEN, where reminders can be
// stopped. No address, form or picture is ever logged.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", policy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Robots-Tag", "noindex, nofollow")

	switch place, rest := s.place(r.URL.Path); place {
	case "q":
		s.question(w, r, rest)
	case "status":
		s.status(w, r, rest)
	case "seen":
		s.stop(w, r, rest)
	default:
		notFound(w)
	}
}

// place splits a path into the kind of page and what follows. The path of the
// public URL may have been taken off or not.
func (s *Server) place(path string) (place, rest string) {
	for _, place := range []string{"q", "status", "seen"} {
		for _, prefix := range []string{s.prefix, ""} {
			if rest, ok := strings.CutPrefix(path, prefix+"/"+place+"/"); ok {
				return place, rest
			}
		}
	}
	return "", ""
}

// question serves /q/TOKEN and what is below it.
func (s *Server) question(w http.ResponseWriter, r *http.Request, rest string) {
	token, file, below := strings.Cut(rest, "/")
	s.mu.Lock()
	// A lookup takes the same time for every guess worth making: what it
	// could leak is the hash of a guess under a random seed.
	q := s.questions[token]
	s.mu.Unlock()
	switch {
	case q == nil && isGet(r) && isToken(rest):
		s.gone(w)
	case q == nil:
		notFound(w)
	case file == "picture" && isGet(r):
		s.picture(w, q)
	case below:
		notFound(w)
	case isGet(r):
		s.get(w, q)
	case r.Method == http.MethodPost:
		s.post(w, r, q)
	default:
		notAllowed(w, "GET, HEAD, POST")
	}
}

// isToken reports whether s could be the token of a question.
func isToken(s string) bool { return len(s) == 32 && strings.Trim(s, "0123456789abcdef") == "" }

// gone is the page of a link that belongs to no question: one of a former life
// of the daemon, or a guess. It says nothing of what there is.
func (s *Server) gone(w http.ResponseWriter) {
	s.show(w, http.StatusNotFound, "question.html", view{
		frame: frame{Lang: s.lang, Title: s.lang.Pick("这个链接已经失效", "This link is no longer valid")},
		end: end{Icon: "clock", Outcome: s.lang.Pick("请打开最新那条消息里的链接。", "Please open the link in the newest message."),
			Detail: s.lang.Pick("没有新消息，就不用做什么。", "If there is none, there is nothing to do.")},
	})
}

func isGet(r *http.Request) bool {
	return r.Method == http.MethodGet || r.Method == http.MethodHead
}

func (s *Server) picture(w http.ResponseWriter, q *question) {
	s.mu.Lock()
	image, format := q.p.Image, q.format
	s.mu.Unlock()
	if format == "" {
		notFound(w)
		return
	}
	w.Header().Set("Content-Type", "image/"+format)
	w.Header().Set("Content-Length", strconv.Itoa(len(image)))
	w.Write(image) // a reader who has gone away is nobody's problem
}

// get shows q or, when another question has taken its place, leads there.
func (s *Server) get(w http.ResponseWriter, q *question) {
	s.mu.Lock()
	n := q.newest()
	v := q.view(time.Now())
	s.mu.Unlock()
	if n != q {
		// Relative, because a proxy in front may have taken a prefix off.
		w.Header().Set("Location", n.token)
		w.WriteHeader(http.StatusSeeOther)
		return
	}
	s.show(w, http.StatusOK, "question.html", v)
}

// post takes the reply to q.
func (s *Server) post(w http.ResponseWriter, r *http.Request, q *question) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		status := http.StatusBadRequest
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			status = http.StatusRequestEntityTooLarge
		}
		http.Error(w, strconv.Itoa(status), status)
		return
	}
	status, v := s.take(q, r.PostForm)
	s.show(w, status, "question.html", v)
}

// take makes form the reply to q if q is open and the form is an answer, and
// returns the page that says which.
func (s *Server) take(q *question, form url.Values) (int, view) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if n := q.newest(); n != q {
		v := q.view(now)
		v.end, v.Next, v.Refresh = end{Outcome: q.p.Lang.Superseded(), Icon: "arrow"}, n.token, 0
		return http.StatusGone, v
	}
	if q.end != "" || q.expired(now) {
		v := q.view(now)
		v.end, v.Refresh = end{Outcome: q.p.Lang.Late(), Detail: v.Outcome, Icon: "clock"}, 0
		if q.ours {
			v.Detail = q.p.Lang.Pick("已在这一页回答过。", "It was answered on this page.")
		}
		return http.StatusGone, v
	}
	reply, err := parse(q.p, form)
	if err != nil {
		v := q.view(now)
		v.Wrong = err.Error()
		v.keep(form)
		return http.StatusUnprocessableEntity, v
	}
	reply.Channel, reply.At = "web", now
	q.reply <- reply // never blocks: a question ends with its one reply
	q.ours, q.action, q.said = true, reply.Action, said(q.p, reply)
	q.close(q.p.Lang.Ack(reply.Action))
	return http.StatusOK, q.view(now)
}

// parse reads a form as the reply to p. The fields are cell (picture numbers,
// repeated), answer (a text) and action (a button); a form without action is
// submitted. The error's text is for the user.
func parse(p notifier.Prompt, form url.Values) (notifier.Reply, error) {
	switch form.Get("action") {
	case "another":
		return p.Parse("?")
	case "cancel":
		return p.Parse("x")
	case "yes", "no", "done":
		return p.Parse(form.Get("action"))
	case "submit", "":
	default:
		return p.Parse("")
	}
	text, cells := form.Get("answer"), form["cell"]
	if p.Kind == notifier.Picture && len(cells) == 0 && strings.TrimSpace(text) == "" {
		return notifier.Reply{}, errors.New(p.Lang.Pick(
			"还没有选：请先点图片（也可以输入 1 到 8），再提交。",
			"Nothing is chosen yet: tap the pictures (or type 1 to 8), then submit."))
	}
	if len(cells) == 0 || p.Kind != notifier.Picture {
		return p.Parse(text)
	}
	for _, c := range cells {
		if len(c) != 1 || c < "1" || c > "8" {
			return p.Parse("")
		}
	}
	if strings.TrimSpace(text) == "" {
		return p.Parse(strings.Join(cells, " "))
	}
	reply, err := p.Parse(text)
	tapped, _ := p.Parse(strings.Join(cells, " "))
	if err == nil && reply.Action == notifier.Answered && !slices.Equal(reply.Picks, tapped.Picks) {
		return notifier.Reply{}, errors.New(p.Lang.Pick(
			"既点了图片又写了文字，不知道以哪个为准：请只留一种。",
			"You tapped pictures and typed as well: please keep only one of the two."))
	}
	return reply, err
}

// said repeats an answer, so that a slip is seen; a code is not sent back.
func said(p notifier.Prompt, r notifier.Reply) string {
	if r.Action != notifier.Answered {
		return ""
	}
	what := ""
	switch {
	case p.Kind == notifier.Offer && r.Yes:
		what = p.Lang.Book()
	case p.Kind == notifier.Offer:
		what = p.Lang.Skip()
	case len(r.Picks) > 0:
		what = strings.Trim(fmt.Sprint(r.Picks), "[]")
	case len(r.Points) > 0:
		what = fmt.Sprint(r.Points)
	}
	next := p.Lang.Pick("结果会发给你，这一页可以关了。", "You will be told how it went; you can close this page.")
	if what == "" {
		return next
	}
	return p.Lang.Pick("你的回答：", "Your answer: ") + what + "\n" + next
}
