package railsim

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
)

// secureKey marks connections that stand for TLS.
type secureKey struct{}

// Transport returns a way to the site without sockets: a real http.Transport
// and a real http.Server with pipes between them, so that what is tested is
// what goes over a wire. Every host and both schemes lead to the site; TLS is
// only pretended. Each call gives an independent client with its own
// connections. Close ends them.
//
// In a testing/synctest bubble call Transport and Close inside the bubble.
func (s *Server) Transport() http.RoundTripper {
	l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	server := &http.Server{
		Handler: s,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			p, ok := c.(pipeConn)
			return context.WithValue(ctx, secureKey{}, ok && p.secure)
		},
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		server.Serve(l) // always ends with ErrServerClosed: Close below
	}()
	t := &wire{site: s, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return s.dial(ctx, l, false) },
		DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return s.dial(ctx, l, true)
		},
	}}
	s.mu.Lock()
	s.closers = append(s.closers, func() {
		t.CloseIdleConnections()
		server.Close()
		<-ended
	})
	s.mu.Unlock()
	return t
}

// wire is an http.Transport that meets the failures which happen before
// anything is written.
type wire struct {
	*http.Transport
	site *Server
}

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	s := w.site
	s.mu.Lock()
	f := s.takeFault(s.stepOf(r.URL.Path), true)
	s.mu.Unlock()
	if f != nil {
		wait(r, f.Delay)
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	return w.Transport.RoundTrip(r)
}

// dial makes a connection; it takes one round trip, and one more for TLS 1.3.
func (s *Server) dial(ctx context.Context, l *pipeListener, secure bool) (net.Conn, error) {
	r := (&http.Request{}).WithContext(ctx)
	wait(r, s.opts.RTT)
	if secure {
		wait(r, s.opts.RTT)
	}
	client, server := net.Pipe()
	select {
	case l.conns <- pipeConn{server, secure}:
		return client, nil
	case <-l.done:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("railsim is closed")}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type pipeConn struct {
	net.Conn
	secure bool
}

// pipeListener hands the server's ends of pipes to an http.Server.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "railsim" }
