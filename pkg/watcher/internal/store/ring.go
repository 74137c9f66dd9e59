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

// Slow is how much 12306 has slowed us, and until when it wants to be left
// alone. It stands behind the marks.
type Slow struct {
	Factor        float64
	Base          time.Duration
	At, NotSooner time.Time
}

// Marks keeps the last requests in a small file of fixed size, so that a
// daemon that crashes and is started again still knows what it has sent. The
// file is written without fsync: it has to survive the process, not the
// machine.
type Marks struct {
	file *os.File
	at   [markSlots]int64 // by slot: the time of its mark, 0 when it is free
	slow Slow             // as the file was opened
}

const (
	markSize  = 16
	markSlots = 1024 // more than any budget of five minutes
	slowSize  = 32
)

// OpenMarks opens the file in the state folder and returns what it holds.
func OpenMarks(dir string) (*Marks, []Mark, error) {
	f, err := os.OpenFile(filepath.Join(dir, "pace"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("state folder: %w", err)
	}
	b, err := io.ReadAll(io.LimitReader(f, markSize*markSlots+slowSize))
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("state folder: %w", err)
	}
	m := &Marks{file: f}
	if len(b) == markSize*markSlots+slowSize {
		m.slow = readSlow(b[markSize*markSlots:])
	}
	b = b[:min(len(b), markSize*markSlots)]
	var marks []Mark
	now := time.Now().UnixNano()
	for i := 0; i+markSize <= len(b); i += markSize {
		at := int64(binary.LittleEndian.Uint64(b[i:]))
		if at <= 0 {
			continue
		}
		marks = append(marks, Mark{time.Unix(0, at), b[i+8]})
		if at <= now { // one of the future, from a clock that was wrong, may go first
			m.at[i/markSize] = at
		}
	}
	return m, marks, nil
}

// Add writes one mark over the oldest.
func (m *Marks) Add(k Mark) error {
	oldest := 0
	for i, at := range m.at {
		if at < m.at[oldest] {
			oldest = i
		}
	}
	m.at[oldest] = k.At.UnixNano()
	var b [markSize]byte
	binary.LittleEndian.PutUint64(b[:], uint64(m.at[oldest]))
	b[8] = k.Kind
	_, err := m.file.WriteAt(b[:], int64(oldest*markSize))
	return err
}

// Slowed returns what the file said of slowness when it was opened; zero when
// nothing. Any bytes may have stood there.
func (m *Marks) Slowed() Slow { return m.slow }

// Slow writes how much we are slowed now.
func (m *Marks) Slow(s Slow) error {
	var b [slowSize]byte
	for i, n := range []uint64{math.Float64bits(s.Factor), uint64(s.Base), nanos(s.At), nanos(s.NotSooner)} {
		binary.LittleEndian.PutUint64(b[8*i:], n)
	}
	_, err := m.file.WriteAt(b[:], markSize*markSlots)
	return err
}

func readSlow(b []byte) Slow {
	at := func(i int) time.Time {
		n := int64(binary.LittleEndian.Uint64(b[i:]))
		if n <= 0 {
			return time.Time{}
		}
		return time.Unix(0, n)
	}
	return Slow{math.Float64frombits(binary.LittleEndian.Uint64(b)), time.Duration(binary.LittleEndian.Uint64(b[8:])), at(16), at(24)}
}

// nanos is 0 for the zero time, which has none.
func nanos(at time.Time) uint64 {
	if at.IsZero() {
		return 0
	}
	return uint64(at.UnixNano())
}

// Close closes the file.
func (m *Marks) Close() error { return m.file.Close() }
