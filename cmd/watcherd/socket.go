package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// socketName is where the daemon hears commands: a socket in the state folder,
// or a symbolic link there to one in systemd's runtime folder. So whoever knows
// the state folder finds it.
const socketName = "watcherd.sock"

// socket is a socket with a name that is taken away at the end.
type socket struct {
	*net.UnixListener
	names []string
}

// listenSocket opens the daemon's socket. The state folder's lock must be ours:
// whatever stands there is then left over from a daemon that was killed.
// runtimeDir is $RUNTIME_DIRECTORY, may be empty, and is left alone when
// somebody else's socket lives in it.
func listenSocket(stateDir, runtimeDir string) (*socket, error) {
	at := filepath.Join(stateDir, socketName)
	if err := clearSocket(at); err != nil {
		return nil, err
	}
	runtimeDir, _, _ = strings.Cut(runtimeDir, ":") // systemd may give several
	if filepath.IsAbs(runtimeDir) && !answers(runtimeDir) {
		if s, err := bindSocket(runtimeDir, 0o750, 0o660); err == nil {
			if err := os.Symlink(filepath.Join(runtimeDir, socketName), at); err != nil {
				s.end()
				return nil, err
			}
			s.names = append(s.names, at)
			return s, nil
		}
	}
	return bindSocket(stateDir, 0o700, 0o600)
}

// bindSocket makes the socket in a folder of ours, with those modes: in the
// state folder only we (and root) can connect, in the runtime folder the
// service's group can as well, who may read its watch.yaml too. The folder is
// closed to others first, for a socket has the umask's mode until it gets its
// own.
func bindSocket(dir string, folder, mode fs.FileMode) (*socket, error) {
	name := filepath.Join(dir, socketName)
	if err := os.Chmod(dir, folder); err != nil {
		return nil, err
	}
	if err := clearSocket(name); err != nil {
		return nil, err
	}
	path, release, err := reachSocket(dir)
	if err != nil {
		return nil, err
	}
	defer release()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // its path may be one that was only good until now
	s := &socket{l, []string{name}}
	if err := os.Chmod(name, mode); err != nil {
		s.end()
		return nil, err
	}
	return s, nil
}

// end closes the socket and takes its names away.
func (s *socket) end() {
	_ = s.Close()
	for _, name := range s.names {
		_ = os.Remove(name) // gone is gone
	}
}

// clearSocket removes a socket or a link that was left over, and nothing else.
func clearSocket(name string) error {
	info, err := os.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode()&(fs.ModeSocket|fs.ModeSymlink) == 0:
		return fmt.Errorf("%s is in the way: it is not a socket", name)
	}
	return os.Remove(name)
}

// answers reports whether somebody listens in a folder already.
func answers(dir string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	c, err := dialSocket(ctx, dir)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// dialSocket connects to the daemon of a state folder.
func dialSocket(ctx context.Context, dir string) (net.Conn, error) {
	path, release, err := reachSocket(dir)
	if err != nil {
		return nil, err
	}
	defer release()
	var d net.Dialer
	return d.DialContext(ctx, "unix", path)
}

// reachSocket returns the socket's path in a form that fits into an address,
// good until release. A longer one goes through the folder's own descriptor.
func reachSocket(dir string) (path string, release func(), err error) {
	const most = len(syscall.RawSockaddrUnix{}.Path) - 1
	path = filepath.Join(dir, socketName)
	if len(path) <= most {
		return path, func() {}, nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return "", nil, err
	}
	short := fmt.Sprintf("/proc/self/fd/%d", f.Fd())
	if _, err := os.Stat(short); err != nil {
		f.Close()
		return "", nil, fmt.Errorf("the path %s has %d bytes, and a socket's may have %d; give a shorter state_dir", path, len(path), most)
	}
	return short + "/" + socketName, func() { f.Close() }, nil
}
