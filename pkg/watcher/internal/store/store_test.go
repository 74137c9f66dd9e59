package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func kinds(t *testing.T, s *Store) string {
	t.Helper()
	var out []string
	if err := s.Events(func(r Record) error { out = append(out, r.Kind); return nil }); err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, " ")
}

func TestJournalAndOutboxSurvive(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s := open(t, dir)
	at := time.UnixMilli(1800000000123)
	events := []Record{{At: at, Kind: "a", Rule: "回家", Data: []byte("{}")}, {At: at, Kind: "b", Data: []byte("{}")}}
	news := []Outgoing{{Channel: "x", At: at, Data: []byte("1")}, {Channel: "y", At: at, Data: []byte("2")}, {Channel: "x", At: at, Data: []byte("3")}}
	if err := s.Append(events, news); err != nil {
		t.Fatal(err)
	}
	if events[0].Seq == 0 || events[1].Seq <= events[0].Seq || news[2].Seq <= news[0].Seq {
		t.Errorf("numbers %v %v", events, news)
	}
	if err := s.Put("session", []byte("s")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	if got := kinds(t, s); got != "a b" {
		t.Errorf("events %s", got)
	}
	for _, want := range []string{"1", "3", ""} {
		m, ok, err := s.NextOutgoing("x", 0)
		if err != nil || ok != (want != "") || string(m.Data) != want || ok && !m.At.Equal(at) {
			t.Fatalf("next is %q %v %v, want %q", m.Data, ok, err, want)
		}
		if err := s.Sent("x", m.Seq); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.DropOther([]string{"x"}); err != nil {
		t.Fatal(err)
	}
	if _, ok, _ := s.NextOutgoing("y", 0); ok {
		t.Error("a message for a channel that is gone was kept")
	}
	if v, err := s.Get("session"); err != nil || string(v) != "s" {
		t.Errorf("%q %v", v, err)
	}
	if err := s.Put("session", nil); err != nil {
		t.Fatal(err)
	}
	if v, err := s.Get("session"); err != nil || v != nil {
		t.Errorf("removed: %q %v", v, err)
	}
}

// A copy of the files at any moment is a state folder: what a kill leaves.
func TestCopyOfALivingFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s := open(t, dir)
	for n := range 50 {
		if err := s.Append([]Record{{At: time.Now(), Kind: fmt.Sprint(n), Data: []byte("{}")}}, nil); err != nil {
			t.Fatal(err)
		}
		copied := filepath.Join(t.TempDir(), "copy")
		if err := os.Mkdir(copied, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"watcherd.db-wal", "watcherd.db"} {
			b, err := os.ReadFile(filepath.Join(dir, name))
			if err == nil {
				err = os.WriteFile(filepath.Join(copied, name), b, 0o644)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		c := open(t, copied)
		if got := strings.Fields(kinds(t, c)); len(got) != n+1 {
			t.Fatalf("%d events of %d", len(got), n+1)
		}
		c.Close()
	}
}

func TestModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	if err := s.Put("x", []byte("y")); err != nil {
		t.Fatal(err)
	}
	m, _, err := OpenMarks(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for _, name := range []string{".", "lock", "watcherd.db", "watcherd.db-wal", "watcherd.db-shm", "pace"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
			continue
		}
		if mode := info.Mode().Perm(); mode != 0o600 && !(name == "." && mode == 0o700) {
			t.Errorf("%s has mode %o", name, mode)
		}
	}
}

func TestLock(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	var locked *Locked
	if _, err := Open(dir); !errors.As(err, &locked) || locked.PID != os.Getpid() || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Fatalf("a second Open: %v", err)
	}
	v, err := View(dir) // a command beside the daemon
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Put("x", []byte("y")); err == nil {
		t.Error("a view can write")
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
	s.Close()
	open(t, dir)
}

func TestBadFolders(t *testing.T) {
	if _, err := View(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("View of nothing: %v", err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "watcherd.db"), []byte(strings.Repeat("no database ", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "state folder") {
		t.Errorf("Open of rubbish: %v", err)
	}
	dir = t.TempDir()
	s := open(t, dir)
	if _, err := s.db.Exec("PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "newer watcherd") {
		t.Errorf("Open of a newer folder: %v", err)
	}
}

func TestMarks(t *testing.T) {
	dir := t.TempDir()
	m, list, err := OpenMarks(dir)
	if err != nil || len(list) != 0 {
		t.Fatal(list, err)
	}
	start := time.Unix(1700000000, 0)
	for n := range markSlots + 10 {
		if err := m.Add(Mark{start.Add(time.Duration(n) * time.Second), 'l'}); err != nil {
			t.Fatal(err)
		}
	}
	m.Close()
	m, list, err = OpenMarks(dir)
	if err != nil || len(list) != markSlots {
		t.Fatalf("%d marks, %v", len(list), err)
	}
	oldest, newest := list[0].At, list[0].At
	for _, k := range list {
		if k.At.Before(oldest) {
			oldest = k.At
		}
		if k.At.After(newest) {
			newest = k.At
		}
	}
	if !oldest.Equal(start.Add(10*time.Second)) || !newest.Equal(start.Add((markSlots+9)*time.Second)) {
		t.Errorf("from %v to %v", oldest, newest)
	}
	if err := m.Add(Mark{newest.Add(time.Second), 'o'}); err != nil { // over the oldest, not over the newest
		t.Fatal(err)
	}
	m.Close()
	m, list, _ = OpenMarks(dir)
	defer m.Close()
	for _, k := range list {
		if k.At.Equal(oldest) {
			t.Error("the newest was overwritten instead of the oldest")
		}
	}
	// What slows us stands behind them.
	slow := Slow{Factor: 4, Base: 3 * time.Second, At: newest, NotSooner: newest.Add(time.Hour)}
	if m.Slowed() != (Slow{}) {
		t.Errorf("slowed from the start: %+v", m.Slowed())
	}
	if err := m.Slow(slow); err != nil {
		t.Fatal(err)
	}
	if again, list, err := OpenMarks(dir); err != nil || len(list) != markSlots || again.Slowed() != slow {
		t.Errorf("%d marks, slowed %+v, %v", len(list), again.Slowed(), err)
	} else {
		again.Close()
	}
	if err := m.Slow(Slow{Factor: 1, Base: time.Second}); err != nil {
		t.Fatal(err)
	}
	if again, _, err := OpenMarks(dir); err != nil || !again.Slowed().NotSooner.IsZero() || again.Slowed().Factor != 1 {
		t.Errorf("slowed %+v, %v", again.Slowed(), err)
	} else {
		again.Close()
	}
	// Half a mark at the end, as a torn write leaves it, is no mark.
	if err := os.WriteFile(filepath.Join(dir, "pace"), []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, list, err := OpenMarks(dir); err != nil || len(list) != 0 {
		t.Errorf("%v %v", list, err)
	}
}
