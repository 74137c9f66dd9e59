package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/watcher"
	"github.com/watcherd/watcherd/pkg/watcher/config"
)

// monitor is what watches the watcher: /metrics and /healthz for programs that
// come by, a ping for one that waits. Neither is there unless configured.
type monitor struct {
	health  func(time.Time) error // nil: all is well
	line    func() string
	metrics func(io.Writer)
	pingURL string
	log     *zap.Logger
	port    net.Listener // nil without listen
}

// openMonitor opens the port.
func openMonitor(c config.Monitor, w *watcher.Watcher, log *zap.Logger) (*monitor, error) {
	m := &monitor{health: w.Health, line: w.Line, metrics: w.WriteMetrics, pingURL: string(c.PingURL), log: log.Named("monitor")}
	if c.Listen == "" {
		return m, nil
	}
	var err error
	if m.port, err = net.Listen("tcp", c.Listen); err != nil {
		return nil, fmt.Errorf("/metrics cannot listen on %s (monitor.listen): %w", c.Listen, err)
	}
	return m, nil
}

// run serves and pings until ctx ends.
func (m *monitor) run(ctx context.Context) {
	var work sync.WaitGroup
	defer work.Wait()
	if m.pingURL != "" {
		work.Go(func() { m.ping(ctx, &http.Client{Timeout: pingTimeout}) })
	}
	if m.port == nil {
		return
	}
	s := &http.Server{Handler: m.handler(), ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10}
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	if err := s.Serve(m.port); ctx.Err() == nil {
		m.log.Error("/metrics is not served any more", zap.Error(err))
	}
}

func (m *monitor) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		m.metrics(w)
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		if err := m.health(time.Now()); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintln(w, err)
		}
		fmt.Fprintln(w, m.line())
	})
	return mux
}

// How often the dead man's switch is pressed, and how long one press may take.
const (
	pingEvery   = 5 * time.Minute
	pingTimeout = 20 * time.Second
)

// ping fetches ping_url at once and then every five minutes, but not while the
// daemon is blind or stuck: then the silence speaks.
func (m *monitor) ping(ctx context.Context, client *http.Client) {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	failing := false
	for {
		if m.health(time.Now()) == nil {
			err := pressed(ctx, client, m.pingURL)
			switch {
			case ctx.Err() != nil:
			case err != nil && !failing:
				m.log.Warn("ping_url does not answer; it is tried again every five minutes", zap.Error(err))
			case err == nil && failing:
				m.log.Info("ping_url answers again")
			}
			failing = err != nil
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// pressed fetches a secret address; its errors do not hold it.
func pressed(ctx context.Context, client *http.Client, address string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("not an address")
	}
	req.Header.Set("User-Agent", "watcherd/"+version)
	r, err := client.Do(req)
	if err != nil {
		return withoutAddress(err)
	}
	defer r.Body.Close()
	_, _ = io.CopyN(io.Discard, r.Body, 64<<10)
	if r.StatusCode/100 != 2 {
		return fmt.Errorf("HTTP %d", r.StatusCode)
	}
	return nil
}

// withoutAddress is what went wrong without the address it went wrong at.
func withoutAddress(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
