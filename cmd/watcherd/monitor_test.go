package main

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

func TestMonitorPages(t *testing.T) {
	var sick error
	m := &monitor{
		health: func(time.Time) error { return sick }, line: func() string { return "1 of 2 rules looking" },
		metrics: func(w io.Writer) { io.WriteString(w, "watcherd_blind 0\n") }, log: zap.NewNop(),
	}
	for _, tt := range []struct {
		method, path string
		sick         error
		code         int
		body         string
	}{
		{"GET", "/metrics", nil, 200, "watcherd_blind 0\n"},
		{"GET", "/healthz", nil, 200, "1 of 2 rules looking\n"},
		{"GET", "/healthz", errors.New("no look has worked since 14:02"), 503, "no look has worked since 14:02\n1 of 2 rules looking\n"},
		{"POST", "/healthz", nil, 405, ""},
		{"GET", "/", nil, 404, ""},
	} {
		sick = tt.sick
		r := httptest.NewRecorder()
		m.handler().ServeHTTP(r, httptest.NewRequest(tt.method, tt.path, nil))
		if r.Code != tt.code || tt.body != "" && r.Body.String() != tt.body {
			t.Errorf("%s %s: %d %q", tt.method, tt.path, r.Code, r.Body)
		}
	}
}

// The dead man's switch is pressed every five minutes while all is well, its
// failure is said once, and its address never.
func TestPing(t *testing.T) {
	const address = "https://ping.example/secret-uuid"
	synctest.Test(t, func(t *testing.T) {
		var sick, down atomic.Bool
		var pressed atomic.Int32
		core, logs := observer.New(zapcore.DebugLevel)
		m := &monitor{pingURL: address, log: zap.New(core), health: func(time.Time) error {
			if sick.Load() {
				return errors.New("blind")
			}
			return nil
		}}
		client := &http.Client{Timeout: pingTimeout, Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.URL.String() != address || r.Method != "GET" {
				t.Errorf("%s %s", r.Method, r.URL)
			}
			pressed.Add(1)
			if down.Load() {
				return nil, errors.New("connection refused")
			}
			return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("OK"))}, nil
		})}
		go m.ping(t.Context(), client)
		after := func(d time.Duration, want int32) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			if n := pressed.Swap(0); n != want {
				t.Errorf("pressed %d times in %v, want %d", n, d, want)
			}
		}
		after(time.Second, 1)
		after(time.Hour, 12)
		sick.Store(true)
		after(time.Hour, 0)
		sick.Store(false)
		down.Store(true)
		after(time.Hour, 12)
		down.Store(false)
		after(10*time.Minute, 2)
		var said []string
		for _, l := range logs.All() {
			said = append(said, l.Message)
			for _, f := range l.Context {
				if e, ok := f.Interface.(error); ok && strings.Contains(e.Error(), "secret-uuid") {
					t.Errorf("the log holds the address: %v", e)
				}
			}
		}
		if len(said) != 2 {
			t.Errorf("the log says %q", said)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
