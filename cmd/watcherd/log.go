package main

import (
	"fmt"
	"os"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"
)

// newLog returns the log on standard error: lines for people on a terminal,
// JSON for a machine (systemd's journal, a pipe), or what format says. Each
// line is a change of state; a look that found nothing new writes none.
func newLog(format, level string, loc *time.Location) (*zap.Logger, error) {
	lvl, err := zapcore.ParseLevel(level)
	if err != nil {
		return nil, fmt.Errorf("--log-level %q: use debug, info, warn or error", level)
	}
	if format == "auto" {
		format = "json"
		if term.IsTerminal(int(os.Stderr.Fd())) {
			format = "console"
		}
	}
	enc := zap.NewProductionEncoderConfig()
	enc.TimeKey, enc.MessageKey = "time", "msg"
	enc.EncodeDuration = zapcore.StringDurationEncoder
	zone := func(t time.Time, layout string) string { return t.In(loc).Format(layout) }
	var encoder zapcore.Encoder
	switch format {
	case "json":
		enc.EncodeTime = func(t time.Time, a zapcore.PrimitiveArrayEncoder) { a.AppendString(zone(t, time.RFC3339)) }
		encoder = zapcore.NewJSONEncoder(enc)
	case "console":
		enc.EncodeTime = func(t time.Time, a zapcore.PrimitiveArrayEncoder) { a.AppendString(zone(t, "15:04:05")) }
		enc.EncodeLevel = zapcore.CapitalLevelEncoder
		enc.ConsoleSeparator = "  "
		enc.CallerKey = ""
		encoder = zapcore.NewConsoleEncoder(enc)
	default:
		return nil, fmt.Errorf("--log-format %q: use auto, console or json", format)
	}
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(os.Stderr), lvl)), nil
}
