package email

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// network is a network in memory: connections that fit into a bubble of
// testing/synctest, where a real socket would stop the clock for ever.
type network struct {
	mu        sync.Mutex
	listeners map[string]*listener
}

func newNetwork() *network { return &network{listeners: map[string]*listener{}} }

func (n *network) listen(addr string) net.Listener {
	l := &listener{addr: addr, conns: make(chan net.Conn), closed: make(chan struct{})}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.listeners[addr] = l
	return l
}

func (n *network) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	n.mu.Lock()
	l := n.listeners[addr]
	n.mu.Unlock()
	if l == nil {
		return nil, errors.New("connection refused")
	}
	here, there := connect()
	select {
	case l.conns <- there:
		return here, nil
	case <-l.closed:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type listener struct {
	addr   string
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *listener) Addr() net.Addr { return where(l.addr) }

type where string

func (where) Network() string  { return "memory" }
func (w where) String() string { return string(w) }

// half is one direction of a connection, with as much buffer as it takes: two
// sides that write at once, as IMAP allows, must not wait for each other.
type half struct {
	mu     sync.Mutex
	change sync.Cond
	buf    []byte
	closed bool
	end    time.Time // of reading
	timer  *time.Timer
}

func newHalf() *half {
	h := &half{}
	h.change.L = &h.mu
	return h
}

func (h *half) read(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case !h.end.IsZero() && !time.Now().Before(h.end):
			return 0, os.ErrDeadlineExceeded
		case len(h.buf) > 0:
			n := copy(b, h.buf)
			h.buf = h.buf[n:]
			return n, nil
		case h.closed:
			return 0, io.EOF
		}
		h.change.Wait()
	}
}

func (h *half) write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return 0, io.ErrClosedPipe
	}
	h.buf = append(h.buf, b...)
	h.change.Broadcast()
	return len(b), nil
}

func (h *half) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	if h.timer != nil {
		h.timer.Stop()
	}
	h.change.Broadcast()
}

func (h *half) deadline(t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.timer != nil {
		h.timer.Stop()
	}
	if h.end = t; !t.IsZero() && !h.closed {
		h.timer = time.AfterFunc(time.Until(t), func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.change.Broadcast()
		})
	}
	h.change.Broadcast()
}

type pipeConn struct{ in, out *half }

func connect() (a, b net.Conn) {
	x, y := newHalf(), newHalf()
	return &pipeConn{x, y}, &pipeConn{y, x}
}

func (c *pipeConn) Read(b []byte) (int, error)  { return c.in.read(b) }
func (c *pipeConn) Write(b []byte) (int, error) { return c.out.write(b) }
func (c *pipeConn) Close() error {
	c.in.close()
	c.out.close()
	return nil
}
func (c *pipeConn) LocalAddr() net.Addr                { return where("here") }
func (c *pipeConn) RemoteAddr() net.Addr               { return where("there") }
func (c *pipeConn) SetDeadline(t time.Time) error      { c.in.deadline(t); return nil }
func (c *pipeConn) SetReadDeadline(t time.Time) error  { c.in.deadline(t); return nil }
func (c *pipeConn) SetWriteDeadline(t time.Time) error { return nil } // writing never waits
