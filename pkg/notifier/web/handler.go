package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// maxBody bounds a form, in bytes; a full one is below 300.
const maxBody = 4 << 10

// ServeHTTP serves the links /q/TOKEN and the pictures /q/TOKEN/picture. No
// address, form or picture is ever logged.
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

	path := r.URL.Path
	if rest, ok := strings.CutPrefix(path, s.prefix+"/q/"); ok {
		path = "/q/" + rest
	}
	rest, ok := strings.CutPrefix(path, "/q/")
	token, file, _ := strings.Cut(rest, "/")
	s.mu.Lock()
	// A lookup takes the same time for every guess worth making: what it
	// could leak is the hash of a guess under a random seed.
	q := s.questions[token]
	s.mu.Unlock()
	switch {
	case !ok || q == nil:
		http.Error(w, "404", http.StatusNotFound)
	case file == "picture" && isGet(r):
		s.picture(w, q)
	case file != "" || strings.HasSuffix(path, "/"):
		http.Error(w, "404", http.StatusNotFound)
	case isGet(r):
		s.get(w, q)
	case r.Method == http.MethodPost:
		s.post(w, r, q)
	default:
		h.Set("Allow", "GET, HEAD, POST")
		http.Error(w, "405", http.StatusMethodNotAllowed)
	}
}

func isGet(r *http.Request) bool {
	return r.Method == http.MethodGet || r.Method == http.MethodHead
}

func (s *Server) picture(w http.ResponseWriter, q *question) {
	s.mu.Lock()
	image, format := q.p.Image, q.format
	s.mu.Unlock()
	if format == "" {
		http.Error(w, "404", http.StatusNotFound)
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
	s.show(w, http.StatusOK, v)
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
	s.show(w, status, v)
}

// take makes form the reply to q if q is open and the form is an answer, and
// returns the page that says which.
func (s *Server) take(q *question, form url.Values) (int, view) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if n := q.newest(); n != q {
		v := q.view(now)
		v.Outcome, v.Detail, v.Next, v.Refresh, v.Good = q.p.Lang.Superseded(), "", n.token, 0, false
		return http.StatusGone, v
	}
	if q.end != "" || q.expired(now) {
		v := q.view(now)
		v.Outcome, v.Detail, v.Refresh, v.Good = q.p.Lang.Late(), v.Outcome, 0, false
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
	q.ours, q.action = true, reply.Action
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

func (s *Server) show(w http.ResponseWriter, status int, v view) {
	page, err := render(v)
	if err != nil {
		s.log.Error("web: the page cannot be drawn", zap.Error(err))
		http.Error(w, "500", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(page)
}
