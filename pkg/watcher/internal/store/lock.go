package store

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// Locked says that another daemon uses the state folder.
type Locked struct {
	Path string
	PID  int // of the holder; 0 when it did not say
}

func (e *Locked) Error() string {
	if e.PID == 0 {
		return "another watcherd uses this state folder (" + e.Path + ")"
	}
	return fmt.Sprintf("another watcherd (process %d) uses this state folder (%s); stop it first, or give this one another state_dir", e.PID, e.Path)
}

// takeLock takes the advisory lock and writes our process number into the
// file for the message of the next who tries. The kernel gives the lock back
// when the process ends, however it ends.
func takeLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("state folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer f.Close()
		b, _ := io.ReadAll(io.LimitReader(f, 32))
		pid, _ := strconv.Atoi(strings.TrimSpace(string(b)))
		return nil, &Locked{Path: path, PID: pid}
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("state folder: %w", err)
	}
	return f, nil
}
