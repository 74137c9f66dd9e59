package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"
)

// logfmt writes an entry as a sentence and what it is about:
//
//	telegram: the channel does not work; its messages wait error="timed out"
//
// It has neither time nor level, for the journal has both.
type logfmt struct {
	*zapcore.MapObjectEncoder // what the logger was given with With
	loc                       *time.Location
	pool                      buffer.Pool
}

func newLogfmt(loc *time.Location) zapcore.Encoder {
	return &logfmt{zapcore.NewMapObjectEncoder(), loc, buffer.NewPool()}
}

func (l *logfmt) Clone() zapcore.Encoder {
	c := &logfmt{zapcore.NewMapObjectEncoder(), l.loc, l.pool}
	maps.Copy(c.Fields, l.Fields)
	return c
}

func (l *logfmt) EncodeEntry(e zapcore.Entry, fields []zapcore.Field) (*buffer.Buffer, error) {
	line := l.pool.Get()
	if e.LoggerName != "" {
		line.AppendString(e.LoggerName + ": ")
	}
	line.AppendString(strings.ReplaceAll(e.Message, "\n", " "))
	l.append(line, l.Fields)
	for _, f := range fields { // one by one: in the order in which they were given
		one := zapcore.NewMapObjectEncoder()
		f.AddTo(one)
		l.append(line, one.Fields)
	}
	line.AppendByte('\n')
	return line, nil
}

// append writes fields, sorted by their keys. A list without entries says
// nothing and is left out; so is errorVerbose, which zap adds for errors that
// have a longer form, a stack.
func (l *logfmt) append(line *buffer.Buffer, fields map[string]any) {
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		value := fields[key]
		if list, ok := value.([]any); ok && len(list) == 0 || key == "errorVerbose" {
			continue
		}
		line.AppendString(" " + key + "=" + quoted(l.text(value)))
	}
}

func (l *logfmt) text(value any) string {
	switch v := value.(type) {
	case time.Time:
		return v.In(l.loc).Format(time.RFC3339)
	case []any:
		var parts []string
		for _, e := range v {
			parts = append(parts, l.text(e))
		}
		return strings.Join(parts, ",")
	}
	return fmt.Sprint(value)
}

// quoted is s, in quotes where it would be taken for something else.
func quoted(s string) string {
	odd := func(r rune) bool { return unicode.IsSpace(r) || r == '"' || r == '=' || !unicode.IsPrint(r) }
	if s == "" || strings.ContainsFunc(s, odd) {
		return strconv.Quote(s)
	}
	return s
}

// prioritised begins each line with its priority, as sd-daemon(3) says; the
// journal takes it off.
type prioritised struct{ zapcore.Encoder }

func (p prioritised) Clone() zapcore.Encoder { return prioritised{p.Encoder.Clone()} }

func (p prioritised) EncodeEntry(e zapcore.Entry, fields []zapcore.Field) (*buffer.Buffer, error) {
	line, err := p.Encoder.EncodeEntry(e, fields)
	if err != nil {
		return nil, err
	}
	text := line.String()
	line.Reset()
	line.AppendString(priority(e.Level) + text)
	return line, nil
}

func priority(l zapcore.Level) string {
	switch {
	case l <= zapcore.DebugLevel:
		return "<7>"
	case l == zapcore.InfoLevel:
		return "<6>"
	case l == zapcore.WarnLevel:
		return "<4>"
	case l == zapcore.ErrorLevel:
		return "<3>"
	}
	return "<2>"
}
