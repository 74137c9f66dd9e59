package store

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// FuzzMarks: a marks file of any bytes is read without an error, stays small,
// and loses nothing that is written to it from then on, restart after restart.
func FuzzMarks(f *testing.F) {
	record := func(at time.Time, kind byte) []byte {
		var b [markSize]byte
		binary.LittleEndian.PutUint64(b[:], uint64(at.UnixNano()))
		b[8] = kind
		return b[:]
	}
	now := time.Now()
	f.Add([]byte("12345"))
	f.Add(bytes.Repeat([]byte{0xff}, markSize*markSlots+3))
	f.Add(bytes.Repeat([]byte{0xff}, markSize*markSlots+slowSize))
	f.Add(slices.Concat(record(now.Add(-time.Minute), 'l'), record(now.Add(-time.Second), 'p'), make([]byte, 40)))
	f.Add(slices.Concat(record(now.Add(-time.Minute), 'l'), record(now.AddDate(50, 0, 0), 'l'), record(now.Add(-time.Second), 'o')))
	f.Add(bytes.Repeat(record(now.Add(-time.Second), 'l'), markSlots))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, file []byte) {
		path := filepath.Join(dir, "pace")
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		var wrote []Mark
		for life := range 4 {
			m, got, err := OpenMarks(dir)
			if err != nil || len(got) > markSlots {
				t.Fatalf("%d marks, %v", len(got), err)
			}
			for _, w := range wrote {
				if !slices.ContainsFunc(got, func(g Mark) bool { return g.At.Equal(w.At) && g.Kind == w.Kind }) {
					t.Fatalf("life %d does not know of %v", life, w)
				}
			}
			for range 3 {
				k := Mark{At: time.Now(), Kind: "lpo"[len(wrote)%3]}
				if err := m.Add(k); err != nil {
					t.Fatal(err)
				}
				wrote = append(wrote, k)
			}
			if err := m.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if info, err := os.Stat(path); err != nil || info.Size() > max(markSize*markSlots, int64(len(file))) {
			t.Fatalf("%d bytes, %v", info.Size(), err)
		}
	})
}
