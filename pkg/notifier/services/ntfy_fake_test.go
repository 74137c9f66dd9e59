package services

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// The two topics of the fake. The first is no name that ntfy would take, for
// the sake of what must be scrubbed.
const (
	newsTopic  = canary + "topic"
	replyTopic = "CANARY-s3cr3t-0123456789abcdef"
)

// ntfyServer is an ntfy with two topics: it refuses what the real one refuses,
// and remembers what it took.
type ntfyServer struct {
	mu      sync.Mutex
	posts   []post          // in the news topic, by watcherd
	replies []event         // in the reply topic
	streams []*subscription // open subscriptions of the reply topic
	opened  int             // subscriptions in all
	noFiles bool            // it keeps no pictures
	refuse  func(r *http.Request) *http.Response
	skew    time.Duration // of its clock
}

// post is a message as a phone shows it.
type post struct {
	pushed
	sequence string
	priority int
	actions  []button
	at       time.Time
}

func (s *ntfyServer) now() int64 { return time.Now().Add(s.skew).Unix() }

// publish takes what watcherd publishes.
func (s *ntfyServer) publish(r *http.Request) (int, string, *pushed) {
	body, _ := io.ReadAll(r.Body)
	if r.URL.Path != "/"+newsTopic {
		return 404, `{"code":40401,"http":404,"error":"page not found"}`, nil
	}
	if r.Header.Get("Authorization") != "Bearer "+canary+"token" {
		return 403, `{"code":40301,"http":403,"error":"forbidden","link":"https://ntfy.sh/docs/publish/#authentication"}`, nil
	}
	bad := func(code int, text string) (int, string, *pushed) {
		return 400, fmt.Sprintf(`{"code":%d,"http":400,"error":%q}`, code, text), nil
	}
	p := post{at: time.Now()}
	fields := map[string]string{}
	for k, v := range r.Header {
		if strings.Contains(" User-Agent Content-Type Authorization ", " "+k+" ") {
			continue
		}
		if !strings.Contains(" Title Priority Click X-Sequence-Id Actions Filename Message ", " "+k+" ") || len(v) != 1 {
			return bad(40000, "a header that watcherd has no business with: "+k)
		}
		text, err := new(mime.WordDecoder).DecodeHeader(v[0])
		if err != nil || strings.ContainsFunc(v[0], func(c rune) bool { return c > 126 || c < 32 }) || len(v[0]) > 8000 {
			return bad(40000, "invalid header "+k)
		}
		fields[k] = text
	}
	p.title, p.link, p.sequence = fields["Title"], fields["Click"], fields["X-Sequence-Id"]
	var err error
	if p.priority, err = strconv.Atoi(fields["Priority"]); err != nil || p.priority < 1 || p.priority > 5 {
		return bad(40007, "invalid priority parameter")
	}
	p.loud = p.priority == 5
	if _, err := url.Parse(p.link); err != nil {
		return bad(40000, "invalid click")
	}
	if p.sequence != "" && !regexp.MustCompile(`^[-_A-Za-z0-9]{1,64}$`).MatchString(p.sequence) {
		return bad(40049, "invalid request: sequence ID invalid")
	}
	if fields["Actions"] != "" {
		d := json.NewDecoder(strings.NewReader(fields["Actions"]))
		d.DisallowUnknownFields()
		if err := d.Decode(&p.actions); err != nil || len(p.actions) > 3 {
			return bad(40018, "invalid request: actions invalid")
		}
		for _, b := range p.actions {
			if b.Label == "" || b.URL == "" || b.Action != "view" && b.Action != "http" || b.Action == "view" && b.Body != "" {
				return bad(40018, "invalid request: actions invalid")
			}
		}
	}
	if name, ok := fields["Filename"]; ok {
		switch {
		case s.noFiles:
			return bad(40014, "invalid request: attachments not allowed")
		case len(body) > 2<<20:
			return 413, `{"code":41301,"http":413,"error":"attachment too large, or bandwidth limit reached"}`, nil
		case r.Method != http.MethodPut || !strings.Contains(name, ".") || http.DetectContentType(body) != r.Header.Get("Content-Type"):
			return bad(40000, "this file is not what it says")
		}
		p.image, p.text = string(body), strings.ReplaceAll(fields["Message"], `\n`, "\n")
	} else if _, ok := fields["Message"]; ok || r.Method != http.MethodPost {
		return bad(40000, "the message stands in the body")
	} else {
		p.text = string(body)
	}
	if len(p.text) > 4096 || !utf8.ValidString(p.text) {
		return bad(40014, "invalid request: attachments not allowed") // it would become one
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.posts = append(s.posts, p)
	echo, _ := json.Marshal(map[string]any{"id": "x", "event": "message", "time": s.now(), "title": p.title, "message": p.text})
	return 200, string(echo), &p.pushed
}

// RoundTrip serves in process, subscriptions too.
func (s *ntfyServer) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.refuse != nil {
		if resp := s.refuse(r); resp != nil {
			return resp, nil
		}
	}
	if r.Method == http.MethodGet {
		return s.subscribe(r)
	}
	return inProcess{func(w http.ResponseWriter, r *http.Request) {
		status, body, _ := s.publish(r)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}}.RoundTrip(r)
}

// subscription is the body of an open GET /topic/json.
type subscription struct {
	ctx   context.Context
	lines chan []byte
	cut   chan struct{}
	rest  []byte
}

func (b *subscription) Read(p []byte) (int, error) {
	for len(b.rest) == 0 {
		select { // what was sent before the cut arrives
		case b.rest = <-b.lines:
			continue
		default:
		}
		select {
		case b.rest = <-b.lines:
		case <-b.cut:
			return 0, io.EOF
		case <-b.ctx.Done():
			return 0, b.ctx.Err()
		}
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

func (b *subscription) Close() error { return nil }

func (b *subscription) send(e event) {
	line, _ := json.Marshal(e)
	b.raw(string(line))
}

func (b *subscription) raw(line string) { b.lines <- []byte(line + "\n") }

func (s *ntfyServer) subscribe(r *http.Request) (*http.Response, error) {
	since, err := strconv.ParseInt(r.URL.Query().Get("since"), 10, 64)
	switch {
	case err != nil || len(r.URL.Query()) != 1:
		return nil, errors.New("since is not a Unix time")
	case r.URL.Path != "/"+replyTopic+"/json" || r.Header.Get("Authorization") != "Bearer "+canary+"token":
		return answering(403, "", `{"code":40301,"http":403,"error":"forbidden"}`), nil
	}
	b := &subscription{ctx: r.Context(), lines: make(chan []byte, 1000), cut: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened++
	b.send(event{ID: "o", Time: s.now(), Event: "open", Topic: replyTopic})
	for _, e := range s.replies {
		if e.Time >= since {
			b.send(e)
		}
	}
	s.streams = append(s.streams, b)
	context.AfterFunc(r.Context(), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.streams = slices.DeleteFunc(s.streams, func(o *subscription) bool { return o == b })
	})
	w := httptest.NewRecorder()
	resp := w.Result()
	resp.Body = b
	return resp, nil
}

// keepAlive sends keepalives until ctx ends, as the real server does.
func (s *ntfyServer) keepAlive(ctx context.Context) {
	for {
		select {
		case <-time.After(45 * time.Second):
		case <-ctx.Done():
			return
		}
		s.mu.Lock()
		for _, b := range s.streams {
			b.send(event{ID: "k", Time: s.now(), Event: "keepalive", Topic: replyTopic})
		}
		s.mu.Unlock()
	}
}

// write is somebody who knows the name of the reply topic.
func (s *ntfyServer) write(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := event{ID: fmt.Sprintf("m%011d", len(s.replies)), Time: s.now(), Event: "message", Topic: replyTopic, Message: text}
	s.replies = append(s.replies, e)
	for _, b := range s.streams {
		b.send(e)
	}
}

// cut ends all subscriptions.
func (s *ntfyServer) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.streams {
		close(b.cut)
	}
	s.streams = nil
}

// shown returns the newest message of that title, and whether there is one.
func (s *ntfyServer) shown(title string) (post, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range slices.Backward(s.posts) {
		if p.title == title && p.actions != nil {
			return p, true
		}
	}
	return post{}, false
}

// tap is the user tapping the button of that label below the question, which
// makes his phone send a request.
func (s *ntfyServer) tap(title, label string) bool {
	p, _ := s.shown(title)
	for _, b := range p.actions {
		if b.Label == label && b.Action == "http" && b.URL == server+"/"+replyTopic {
			s.write(b.Body)
			return true
		}
	}
	return false
}

// read is everything that the user was told.
func (s *ntfyServer) read() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, p := range s.posts {
		b.WriteString(p.title + "\n" + p.text + "\n" + p.link + "\n")
	}
	return b.String()
}

// answering is a reply of that status.
func answering(status int, after, body string) *http.Response {
	w := httptest.NewRecorder()
	if after != "" {
		w.Header().Set("Retry-After", after)
	}
	w.WriteHeader(status)
	_, _ = io.Copy(w, bytes.NewReader([]byte(body)))
	return w.Result()
}
