package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher"
)

// control is how commands talk to the running daemon: HTTP with JSON over a
// socket that only its owner can open. It asks the watcher, which answers
// whatever it is busy with; nothing here waits for a person or for 12306 but
// explain and test-notify, and they end when a stop begins.
type control struct {
	w        *watcher.Watcher
	mu       sync.Mutex // guards p and lang, which a reload replaces
	p        *parts
	lang     notifier.Lang
	life     context.Context // ends when a stop begins
	requests chan struct{}   // bounds how many are served at once
	practice chan struct{}   // holds the one test-notify
}

// use returns what makes parts those in use: a loop of their channels, which
// runs until stop.
func (c *control) use(p *parts, lang notifier.Lang, log *zap.Logger) func(context.Context) (stop func()) {
	return func(ctx context.Context) func() {
		c.mu.Lock()
		c.p, c.lang = p, lang
		c.mu.Unlock()
		p.used.Store(true)
		return p.hear(ctx, log)
	}
}

// inUse returns the parts in use, and the language.
func (c *control) inUse() (*parts, notifier.Lang) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.p, c.lang
}

// Bounds of what the socket takes. Its owner is trusted; his scripts may err.
const (
	mostRequests = 16
	mostBytes    = 16 << 10
	quickAnswer  = 10 * time.Second
	// lastAnswers is how long a stop waits for answers under way.
	lastAnswers = 500 * time.Millisecond
)

// serve listens until stop, which also waits for answers under way, but not
// for long. ctx ends when a stop of the daemon begins. A socket that cannot be
// had is no reason not to watch: it is logged.
func (c *control) serve(ctx context.Context, stateDir string, log *zap.Logger) (stop func()) {
	c.life = ctx
	c.requests, c.practice = make(chan struct{}, mostRequests), make(chan struct{}, 1)
	l, err := listenSocket(stateDir, os.Getenv("RUNTIME_DIRECTORY"))
	if err != nil {
		log.Error("no socket for commands: status, pause, resume and explain will not reach this daemon", zap.Error(err))
		return func() {}
	}
	srv := &http.Server{
		Handler: c.handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: quickAnswer, WriteTimeout: quickAnswer,
		IdleTimeout: quickAnswer, MaxHeaderBytes: mostBytes, ErrorLog: zap.NewStdLog(log.Named("control")),
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the socket for commands has failed", zap.Error(err))
		}
	})
	return func() {
		last, cancel := context.WithTimeout(context.Background(), lastAnswers)
		defer cancel()
		if srv.Shutdown(last) != nil {
			srv.Close()
		}
		serving.Wait()
		l.end()
	}
}

func (c *control) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, c.status()) })
	mux.HandleFunc("GET /pages", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, c.pages()) })
	mux.HandleFunc("GET /obstacles", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, c.w.Obstacles()) })
	mux.HandleFunc("POST /pause", func(w http.ResponseWriter, r *http.Request) { c.change(w, r, c.w.Pause) })
	mux.HandleFunc("POST /resume", func(w http.ResponseWriter, r *http.Request) { c.change(w, r, c.w.Resume) })
	mux.HandleFunc("GET /explain", c.explain)
	mux.HandleFunc("POST /test-notify", c.testNotify)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case c.requests <- struct{}{}:
			defer func() { <-c.requests }()
		default:
			refuse(w, http.StatusServiceUnavailable, errors.New("too many commands at once"))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, mostBytes)
		mux.ServeHTTP(w, r)
	})
}

// statusView is the document of `watcherd status --json`.
type statusView struct {
	Version string `json:"version"`
	PID     int    `json:"pid"`
	watcher.Status
	why []string // nothing is booked; no part of the document, whose fields are fixed
}

func (c *control) status() statusView {
	return statusView{Version: version, PID: os.Getpid(), Status: c.w.Status()}
}

// pagesView is where the pages are; they are secrets, and no part of the status.
type pagesView struct {
	Status string `json:"status"` // empty without a web channel
}

func (c *control) pages() pagesView {
	p, _ := c.inUse()
	if p.pages == nil {
		return pagesView{}
	}
	return pagesView{p.pages.StatusLink()}
}

// ruleChange is a rule before and after a command.
type ruleChange struct {
	Name   string            `json:"name"`
	Before watcher.RuleState `json:"before"`
	After  watcher.RuleState `json:"after"`
}

// change pauses or resumes a rule, or all of them, and answers with what
// became of those that were meant.
func (c *control) change(w http.ResponseWriter, r *http.Request, do func(rule string) error) {
	rule := r.URL.Query().Get("rule")
	before := map[string]watcher.RuleState{}
	for _, s := range c.w.Status().Rules {
		before[s.Name] = s.State
	}
	if err := do(rule); err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	out := []ruleChange{}
	for _, s := range c.w.Status().Rules {
		if rule == "" || rule == s.Name {
			out = append(out, ruleChange{s.Name, before[s.Name], s.State})
		}
	}
	answer(w, http.StatusOK, out)
}

// explained is the answer to explain: what was found, and what went wrong
// beside it.
type explained struct {
	Trains []watcher.VerdictView `json:"trains"`
	Error  string                `json:"error,omitempty"`
}

func (c *control) explain(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	var day twelve306.Date
	if text := q.Get("date"); text != "" {
		var err error
		if day, err = twelve306.ParseDate(text); err != nil {
			refuse(w, http.StatusBadRequest, err)
			return
		}
	}
	ctx, release := c.long(w, r)
	defer release()
	trains, err := c.w.Look(ctx, q.Get("rule"), day, notifier.Lang(q.Get("lang")))
	err = whyEnded(ctx, err)
	if err != nil && len(trains) == 0 {
		refuse(w, http.StatusBadGateway, err)
		return
	}
	e := explained{Trains: trains}
	if err != nil {
		e.Error = err.Error()
	}
	answer(w, http.StatusOK, e)
}

// long prepares for an answer that takes its time: the deadlines are lifted,
// and the context ends with the caller and when a stop begins.
func (c *control) long(w http.ResponseWriter, r *http.Request) (context.Context, func()) {
	rc := http.NewResponseController(w)
	_, _ = rc.SetReadDeadline(time.Time{}), rc.SetWriteDeadline(time.Time{}) // a socket has deadlines
	ctx, cancel := context.WithCancelCause(r.Context())
	undo := context.AfterFunc(c.life, func() {
		// Words for a question that is still on a phone.
		_, lang := c.inUse()
		cancel(&notifier.Closed{Reason: lang.Pick("watcherd 停了，到此为止。", "watcherd is being stopped; this ends here.")})
	})
	return ctx, func() { undo(); cancel(nil) }
}

// whyEnded is err, or why ctx has ended if it has.
func whyEnded(ctx context.Context, err error) error {
	if closed, ok := errors.AsType[*notifier.Closed](context.Cause(ctx)); ok && err != nil {
		return errors.New(closed.Reason)
	}
	return err
}

// refusal is the answer when a command cannot be done.
type refusal struct {
	Text  string   `json:"error"`
	Kind  string   `json:"kind,omitempty"`
	Name  string   `json:"name,omitempty"`  // the rule's
	Rules []string `json:"rules,omitempty"` // those there are, for a name that no rule has
	Opens string   `json:"opens,omitempty"` // HH:MM, when 12306 may be asked again
}

// The kinds of refusal that the commands word themselves.
const (
	refusedUnknown = "unknown_rule"
	refusedNoDay   = "no_day"
	refusedHours   = "out_of_hours"
)

func (r *refusal) Error() string { return r.Text }

// refusalOf is what an error of the watcher says to a command.
func refusalOf(err error) *refusal {
	r := &refusal{Text: err.Error()}
	if e, ok := errors.AsType[*watcher.UnknownRule](err); ok {
		r.Kind, r.Name, r.Rules = refusedUnknown, e.Name, e.Rules
	}
	if e, ok := errors.AsType[*watcher.NoDay](err); ok {
		r.Kind, r.Name = refusedNoDay, e.Rule
	}
	if e, ok := errors.AsType[*watcher.OutOfHours](err); ok {
		r.Kind, r.Opens = refusedHours, e.Opens.Format("15:04")
	}
	return r
}

func refuse(w http.ResponseWriter, status int, err error) { answer(w, status, refusalOf(err)) }

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v) // to whom has gone there is nothing to say
}
