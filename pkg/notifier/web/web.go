// Package web is the answer page: one private link for each question, one
// plain HTML form behind it, no JavaScript. Besides it has a status page, and a
// page on which the reminders of an order can be stopped.
//
// Whoever has a link can answer its question, once. A link is 128 bits that
// nobody can guess; nothing is listed but on the status page, a GET changes
// nothing, and what is not a link of ours is a 404 without a hint.
package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// DefaultListen is where the answer page listens when nothing is configured:
// on this machine only.
const DefaultListen = "127.0.0.1:8306"

// Config is the notify.web stanza of watch.yaml.
type Config struct {
	// Listen is the address and port to listen on, [DefaultListen] when
	// empty. The page speaks plain HTTP: put a reverse proxy with TLS or a
	// tunnel in front before anybody else can reach it.
	Listen string `yaml:"listen"`

	// PublicURL is what the links begin with when something is in front, such
	// as https://watch.example.com or https://example.com/watch; a path may be
	// stripped on the way or not. Empty: http:// and Listen.
	PublicURL string `yaml:"public_url"`
}

// Server is the answer page. It is an [http.Handler], so that it can be used
// without a socket, a [notifier.Asker] and a [notifier.Seer].
type Server struct {
	listen string
	prefix string // path of the public URL, without a slash at the end
	public bool   // the base is configured, not guessed
	lang   notifier.Lang
	log    *zap.Logger

	seen chan string // what was said to be seen and nobody has taken yet

	mu        sync.Mutex
	source    *Source              // nil: there are only questions
	base      string               // what links begin with
	questions map[string]*question // by token
	byID      map[string]*question // by Prompt.ID
	order     []*question          // as they were made
}

var (
	_ notifier.Asker   = (*Server)(nil)
	_ notifier.Seer    = (*Server)(nil)
	_ notifier.Amender = (*Server)(nil)
)

// New returns an answer page that does not listen yet. lang is the language of
// what belongs to no question.
func New(c Config, lang notifier.Lang, log *zap.Logger) (*Server, error) {
	s := &Server{
		listen:    c.Listen,
		lang:      lang,
		log:       log,
		seen:      make(chan string, 16),
		questions: map[string]*question{},
		byID:      map[string]*question{},
	}
	if s.listen == "" {
		s.listen = DefaultListen
	}
	if _, _, err := net.SplitHostPort(s.listen); err != nil {
		return nil, fmt.Errorf("web: listen: %w", err)
	}
	s.base = guess(s.listen)
	if c.PublicURL != "" {
		u, err := url.Parse(c.PublicURL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" ||
			u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return nil, errors.New("web: public_url must look like https://watch.example.com")
		}
		s.prefix = strings.TrimRight(u.Path, "/")
		s.base, s.public = strings.TrimRight(u.String(), "/"), true
	}
	return s, nil
}

// guess returns what links begin with on a server that listens on addr.
func guess(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "http://" + addr
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// Notify does nothing: the page keeps no news.
func (s *Server) Notify(context.Context, notifier.Message) error { return nil }

// Run listens and serves until ctx ends; see [Server.Serve].
func (s *Server) Run(ctx context.Context) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", s.listen)
	if err != nil {
		return fmt.Errorf("web: %w", err)
	}
	return s.Serve(ctx, l)
}

// Serve serves on l, which it closes, until ctx ends; that is no error. Links
// made from then on lead to l unless a public URL is configured.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	if !s.public {
		s.mu.Lock()
		s.base = guess(l.Addr().String())
		s.mu.Unlock()
	}
	srv := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      20 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          zap.NewStdLog(s.log.Named("web")),
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	select {
	case err := <-served:
		return fmt.Errorf("web: %w", err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	if srv.Shutdown(last) != nil {
		srv.Close()
	}
	<-served
	return nil
}
