package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/watcherd/watcherd/pkg/twelve306"
)

// The journal gets one line per entry: its priority, a sentence, and what it
// is about, in the order in which it was said.
func TestJournalLines(t *testing.T) {
	for _, tt := range []struct {
		say  func(*zap.Logger)
		want string
	}{
		{func(l *zap.Logger) { l.Info("watcherd has stopped") }, "<6>watcherd has stopped"},
		{func(l *zap.Logger) {
			l.Info("seats", zap.String("rule", "回家"), zap.String("left", "有"), zap.Int("count", 2))
		}, "<6>seats rule=回家 left=有 count=2"},
		{func(l *zap.Logger) {
			l.Named("telegram").Warn("the channel does not work", zap.Error(errors.New(`no "route"`)))
		}, `<4>telegram: the channel does not work error="no \"route\""`},
		{func(l *zap.Logger) {
			l.With(zap.String("rule", "回 家"), zap.String("attempt", "7")).Error("not booked", zap.String("why", ""))
		}, `<3>not booked attempt=7 rule="回 家" why=""`},
		{func(l *zap.Logger) {
			l.Info("reloaded", zap.Strings("added", []string{"a", "b c"}), zap.Strings("removed", nil))
		}, `<6>reloaded added="a,b c"`},
		{func(l *zap.Logger) {
			l.Info("wait", zap.Time("until", time.Date(2027, 2, 3, 4, 0, 0, 0, time.UTC)), zap.Duration("for", 90*time.Second))
		}, "<6>wait until=2027-02-03T12:00:00+08:00 for=1m30s"},
		{func(l *zap.Logger) { l.Warn("two\nlines", zap.String("x", "a\nb")) }, `<4>two lines x="a\nb"`},
		{func(l *zap.Logger) { l.Debug("small") }, "<7>small"},
	} {
		var out bytes.Buffer
		tt.say(zap.New(zapcore.NewCore(prioritised{newEncoder("journal", twelve306.Shanghai())}, zapcore.AddSync(&out), zap.DebugLevel)))
		if got := out.String(); got != tt.want+"\n" {
			t.Errorf("got  %swant %s", got, tt.want)
		}
	}
}

// What one logger is given stays with it.
func TestJournalFieldsAreTheLoggersOwn(t *testing.T) {
	var out bytes.Buffer
	l := zap.New(zapcore.NewCore(prioritised{newEncoder("journal", time.UTC)}, zapcore.AddSync(&out), zap.InfoLevel))
	one := l.With(zap.Int("a", 1))
	one.With(zap.Int("b", 2)).Info("both")
	one.Info("one")
	l.Info("none")
	if want := "<6>both a=1 b=2\n<6>one a=1\n<6>none\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

// JSON that goes to the journal has priorities too.
func TestJournalJSON(t *testing.T) {
	var out bytes.Buffer
	zap.New(zapcore.NewCore(prioritised{newEncoder("json", time.UTC)}, zapcore.AddSync(&out), zap.InfoLevel)).Error("broken", zap.Int("a", 1))
	if got := out.String(); !strings.HasPrefix(got, `<3>{"level":"error"`) || !strings.HasSuffix(got, "\"msg\":\"broken\",\"a\":1}\n") {
		t.Errorf("%q", got)
	}
}

func TestIsJournal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "stream"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	st := info.Sys().(*syscall.Stat_t)
	for stream, want := range map[string]bool{
		fmt.Sprintf("%d:%d", st.Dev, st.Ino):   true,
		fmt.Sprintf("%d:%d", st.Dev, st.Ino+1): false,
		"":                                     false,
		"8:":                                   false,
	} {
		if got := isJournal(f, stream); got != want {
			t.Errorf("JOURNAL_STREAM=%q: %v", stream, got)
		}
	}
}
