package watcher

import (
	"fmt"
	"strings"
	"time"
)

// Clock is a time of day. The zero Clock is none: midnight is kept as 24:00.
type Clock struct{ minute int }

// ParseClock reads 21:30, with a full-width colon and digits, too. "" is none.
func ParseClock(text string) (Clock, error) {
	t := windowSigns.Replace(strings.TrimSpace(text))
	if t == "" {
		return Clock{}, nil
	}
	minute, ok := parseClock(t)
	if !ok {
		return Clock{}, fmt.Errorf("%q is not a time of day; write it as 21:30", text)
	}
	if minute == 0 {
		minute = minutesPerDay
	}
	return Clock{minute}, nil
}

// IsZero reports whether c is no time of day.
func (c Clock) IsZero() bool { return c == Clock{} }

// Next returns the first moment after t at which it is c by the clock of t's
// location.
func (c Clock) Next(t time.Time) time.Time {
	y, m, d := t.Date()
	for {
		if at := time.Date(y, m, d, 0, c.minute%minutesPerDay, 0, 0, t.Location()); at.After(t) {
			return at
		}
		d++
	}
}

// String returns the form of [ParseClock]; "" is none.
func (c Clock) String() string {
	if c.IsZero() {
		return ""
	}
	return clockText(c.minute % minutesPerDay)
}
