package web

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// Source is what the pages beside the questions show. They exist once
// [Server.Show] was called.
type Source struct {
	// Key makes their addresses unguessable: random bytes that the caller
	// keeps, for the same key makes the same addresses in another life.
	Key []byte

	Board  func() notifier.Board             // the status page
	Repeat func(seen string) notifier.Repeat // the page of messages with that Message.Seen
}

// refresh is how often the status page looks again, in seconds.
const refresh = 15

// Show makes the status page, and the pages on which reminders can be stopped,
// show what src says.
func (s *Server) Show(src Source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.source = &src
}

// StatusLink returns the address of the status page. Whoever has it sees
// everything on it, and can answer the questions that it leads to. It is empty
// before [Server.Show].
func (s *Server) StatusLink() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.source == nil {
		return ""
	}
	return s.base + "/status/" + s.source.token("status", "")
}

// SeenLink returns the address of the page on which messages with that
// [notifier.Message].Seen can be stopped, for channels on which they cannot. It
// is empty without a public URL: who has nothing but such a channel is on a
// phone, and cannot reach this machine otherwise.
func (s *Server) SeenLink(seen string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.source == nil || !s.public {
		return ""
	}
	return s.base + "/seen/" + url.PathEscape(seen) + "." + s.source.token("seen", seen)
}

// Seen implements [notifier.Seer]: it waits for the button of a page of
// [Server.SeenLink]. Nobody knows who pressed it.
func (s *Server) Seen(ctx context.Context) (id, by string, err error) {
	select {
	case id := <-s.seen:
		return id, "", nil
	case <-ctx.Done():
		return "", "", context.Cause(ctx)
	}
}

// token is the part of an address that cannot be guessed: 128 bits of the
// HMAC-SHA256 of what the address is for. Nothing need be remembered of it.
func (src *Source) token(what, id string) string {
	h := hmac.New(sha256.New, src.Key)
	h.Write([]byte(what + "\x00" + id))
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// holds reports, in a time that does not depend on token, whether it is the
// one for that. Nothing holds without a source.
func (src *Source) holds(token, what, id string) bool {
	return src != nil && hmac.Equal([]byte(token), []byte(src.token(what, id)))
}

func (s *Server) sourceNow() *Source {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.source
}

// boardView is the status page.
type boardView struct {
	frame
	At       string
	Tone     notifier.Tone
	Sections []sectionView
}

type sectionView struct {
	Title string
	Rows  []rowView
}

type rowView struct {
	notifier.Row
	Ask string // the way from this page to that of the row's question; empty: there is none
}

// status serves /status/TOKEN.
func (s *Server) status(w http.ResponseWriter, r *http.Request, token string) {
	src := s.sourceNow()
	switch {
	case !src.holds(token, "status", ""):
		notFound(w)
		return
	case !isGet(r):
		notAllowed(w, "GET, HEAD")
		return
	}
	b := src.Board()
	v := boardView{frame: frame{Lang: b.Lang, Title: b.Title, Here: token, Refresh: refresh}, At: b.At, Tone: b.Tone}
	for _, part := range b.Sections {
		section := sectionView{Title: part.Title}
		for _, row := range part.Rows {
			section.Rows = append(section.Rows, rowView{row, s.way(row.Prompt)})
		}
		v.Sections = append(v.Sections, section)
	}
	s.show(w, http.StatusOK, "status.html", v)
}

// way returns how to come from the status page to a question that is open. It
// is relative, because a proxy in front may have taken a prefix off.
func (s *Server) way(prompt string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.byID[prompt]
	if q == nil || q.newest().end != "" || q.newest().expired(time.Now()) {
		return ""
	}
	return "../q/" + q.newest().token
}

// seenView is the page on which reminders can be stopped.
type seenView struct {
	frame
	end
	Text string
	On   bool
}

// stop serves /seen/ID.TOKEN. A GET stops nothing: services fetch what is
// linked, to show a preview.
func (s *Server) stop(w http.ResponseWriter, r *http.Request, file string) {
	src := s.sourceNow()
	dot := max(strings.LastIndexByte(file, '.'), 0)
	id, token := file[:dot], strings.TrimPrefix(file[dot:], ".")
	switch {
	case !src.holds(token, "seen", id):
		notFound(w)
		return
	case !isGet(r) && r.Method != http.MethodPost:
		notAllowed(w, "GET, HEAD, POST")
		return
	}
	m := src.Repeat(id)
	v := seenView{frame: frame{Lang: m.Lang, Title: m.Title}, Text: m.Text, On: m.On}
	if r.Method != http.MethodPost || !m.On {
		s.show(w, http.StatusOK, "seen.html", v)
		return
	}
	select {
	case s.seen <- id:
		v.Text, v.end = "", end{Outcome: m.Lang.Quiet(), Icon: "check", Good: true}
		s.show(w, http.StatusOK, "seen.html", v)
	default: // nobody listens yet, or any more
		v.end = end{Outcome: m.Lang.Pick("没有记下，请过一会儿再试。", "It was not noted; please try again in a while."), Icon: "cross"}
		s.show(w, http.StatusServiceUnavailable, "seen.html", v)
	}
}

func notFound(w http.ResponseWriter) { http.Error(w, "404", http.StatusNotFound) }

func notAllowed(w http.ResponseWriter, allow string) {
	w.Header().Set("Allow", allow)
	http.Error(w, "405", http.StatusMethodNotAllowed)
}
