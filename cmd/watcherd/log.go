package main

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"
)

// newLog returns the log on standard error: lines for people on a terminal,
// lines with priorities for systemd's journal, JSON for another machine (a
// pipe, a file), or what format says. Each line is a change of state; a look
// that found nothing new writes none.
func newLog(format, level string, loc *time.Location) (*zap.Logger, error) {
	lvl, err := zapcore.ParseLevel(level)
	if err != nil {
		return nil, fmt.Errorf("--log-level %q: use debug, info, warn or error", level)
	}
	journal := isJournal(os.Stderr, os.Getenv("JOURNAL_STREAM"))
	if format == "auto" {
		switch {
		case journal:
			format = "journal"
		case term.IsTerminal(int(os.Stderr.Fd())):
			format = "console"
		default:
			format = "json"
		}
	}
	encoder := newEncoder(format, loc)
	switch {
	case encoder == nil:
		return nil, fmt.Errorf("--log-format %q: use auto, console, journal or json", format)
	case journal || format == "journal":
		encoder = prioritised{encoder}
	}
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(os.Stderr), lvl)), nil
}

// newEncoder returns the encoder of a format, nil when there is none. Times are
// in loc.
func newEncoder(format string, loc *time.Location) zapcore.Encoder {
	enc := zap.NewProductionEncoderConfig()
	enc.TimeKey, enc.MessageKey = "time", "msg"
	enc.EncodeDuration = zapcore.StringDurationEncoder
	zone := func(t time.Time, layout string) string { return t.In(loc).Format(layout) }
	switch format {
	case "json":
		enc.EncodeTime = func(t time.Time, a zapcore.PrimitiveArrayEncoder) { a.AppendString(zone(t, time.RFC3339)) }
		return zapcore.NewJSONEncoder(enc)
	case "console":
		enc.EncodeTime = func(t time.Time, a zapcore.PrimitiveArrayEncoder) { a.AppendString(zone(t, "15:04:05")) }
		enc.EncodeLevel = zapcore.CapitalLevelEncoder
		enc.ConsoleSeparator = "  "
		enc.CallerKey = ""
		return zapcore.NewConsoleEncoder(enc)
	case "journal":
		return newLogfmt(loc)
	}
	return nil
}

// isJournal reports whether f leads to systemd's journal. stream is
// $JOURNAL_STREAM, the device and inode of what systemd connected; the
// variable alone proves nothing, for a child inherits it.
func isJournal(f *os.File, stream string) bool {
	info, err := f.Stat()
	if err != nil || stream == "" {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && stream == fmt.Sprintf("%d:%d", st.Dev, st.Ino)
}
