package store

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"
)

// Mark is one request to 12306: when, and of what kind.
type Mark struct {
	At   time.Time
	Kind byte
}

// Marks keeps the last requests in a small file of fixed size, so that a
// daemon that crashes and is started again still knows what it has sent. The
// file is written without fsync: it has to survive the process, not the
// machine.
type Marks struct {
	file *os.File
	next int64
}

const (
	markSize  = 16
	markSlots = 1024 // more than any budget of five minutes
)

// OpenMarks opens the file in the state folder and returns what it holds.
func OpenMarks(dir string) (*Marks, []Mark, error) {
	f, err := os.OpenFile(filepath.Join(dir, "pace"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("state folder: %w", err)
	}
	b, err := io.ReadAll(io.LimitReader(f, markSize*markSlots))
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("state folder: %w", err)
	}
	m := &Marks{file: f}
	var marks []Mark
	newest, now := int64(math.MinInt64), time.Now().UnixNano()
	for i := 0; i+markSize <= len(b); i += markSize {
		at := int64(binary.LittleEndian.Uint64(b[i:]))
		if at <= 0 {
			continue
		}
		marks = append(marks, Mark{time.Unix(0, at), b[i+8]})
		// A mark of the future, from a clock that was wrong, counts as older than
		// all others: as the newest for ever it would have every life write over
		// the one before it.
		if at > now {
			at -= math.MaxInt64
		}
		if at >= newest { // of two at once the later one
			newest, m.next = at, int64(i/markSize+1)%markSlots
		}
	}
	return m, marks, nil
}

// Add writes one mark over the oldest.
func (m *Marks) Add(k Mark) error {
	var b [markSize]byte
	binary.LittleEndian.PutUint64(b[:], uint64(k.At.UnixNano()))
	b[8] = k.Kind
	_, err := m.file.WriteAt(b[:], m.next*markSize)
	m.next = (m.next + 1) % markSlots
	return err
}

// Close closes the file.
func (m *Marks) Close() error { return m.file.Close() }
