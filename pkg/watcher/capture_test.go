package watcher

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/twelve306"
)

// TestCaptures keeps, counts, lists and reads copies: one an hour of a kind,
// twenty at most, nobody else's to read, across restarts.
func TestCaptures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		if list, err := Captures(dir); err != nil || len(list) != 0 {
			t.Fatalf("%v, %v", list, err)
		}
		c := &captures{dir: dir, log: zap.NewNop()}
		c.keeps("张三", "")
		odd := twelve306.Odd{Op: "leftTicket/init", Why: twelve306.OddPage, Status: 200, Body: []byte("<p>张三 13912345678</p>")}
		count := func(want int) []Capture {
			t.Helper()
			list, err := Captures(dir)
			if err != nil || len(list) != want {
				t.Fatalf("%d copies, %v; want %d", len(list), err, want)
			}
			return list
		}
		began := time.Now()
		c.odd(odd)
		time.Sleep(59 * time.Minute)
		c.odd(odd)
		first := count(1)[0]
		if first.Step != "leftTicket-init" || first.Why != "page" || !first.At.Equal(began) || first.Size == 0 {
			t.Errorf("%+v", first)
		}
		b, err := ReadCapture(dir, first.Name)
		if want := "time: 2000-01-01T00:00:00Z\nstep: leftTicket-init\nwhy: page\nstatus: 200\nlength: 25\n\n<p><2 chars> <11 chars></p>"; err != nil || string(b) != want {
			t.Errorf("%q, %v; want %q", b, err, want)
		}
		for path, mode := range map[string]os.FileMode{first.Path: 0o600, filepath.Dir(first.Path): 0o700} {
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
				t.Errorf("%s: %v, %v", path, info.Mode(), err)
			}
		}
		// Another reason, another step; and an earlier life's copies count.
		odd.Why = twelve306.OddLoginPage
		c.odd(odd)
		c = &captures{dir: dir, log: zap.NewNop()}
		c.odd(odd)
		count(2)
		if !c.keptSince(time.Now()) || c.keptSince(time.Now().Add(time.Second)) {
			t.Error("a copy that is good enough is one that was kept")
		}
		time.Sleep(time.Hour)
		c.odd(odd)
		count(3)
		for i := range 30 {
			odd.Op = fmt.Sprintf("query%c", 'A'+i%26)
			time.Sleep(20 * time.Minute)
			c.odd(odd)
		}
		list := count(mostCaptures)
		if newest := list[0]; newest.Step != "queryD" || list[19].At.Before(began.Add(time.Hour)) {
			t.Errorf("from %+v to %+v", list[19], newest)
		}
		// What is no copy is neither listed nor read nor removed.
		stranger := filepath.Join(dir, captureFolder, "notes.txt")
		if err := os.WriteFile(stranger, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		c.odd(odd)
		count(mostCaptures)
		if _, err := os.Stat(stranger); err != nil {
			t.Error(err)
		}
		for _, name := range []string{"notes.txt", "../watcherd.db", "/etc/passwd", "", list[0].Name + "/../x"} {
			if _, err := ReadCapture(dir, name); err == nil || !strings.Contains(err.Error(), "watcherd capture") {
				t.Errorf("%q was read: %v", name, err)
			}
		}
	})
}

// A folder that cannot be written costs a line in the log and nothing else.
func TestCapturesWithoutAFolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, captureFolder), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := &captures{dir: dir, log: zap.NewNop()}
	c.odd(twelve306.Odd{Op: "../../../x", Why: twelve306.OddPage, Status: 200, Body: []byte("x")})
	if c.keptSince(time.Time{}) {
		t.Error("nothing was kept")
	}
}
