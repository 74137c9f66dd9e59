package watcher

import (
	"fmt"
	"strings"
	"time"
)

const minutesPerDay = 24 * 60

// Window is a part of the day in minutes after midnight. From after To passes
// midnight: 22:00-02:00. The zero Window is any time.
type Window struct{ From, To int }

// ParseWindow reads 08:00-14:00. Full-width colons and dashes (：－–~至) are
// taken, 24:00 is the end of the day, and "" is any time.
func ParseWindow(text string) (Window, error) {
	t := windowSigns.Replace(strings.Join(strings.Fields(text), ""))
	if t == "" {
		return Window{}, nil
	}
	bad := fmt.Errorf("%q is not a part of the day; write it as 08:00-14:00", text)
	a, b, ok := strings.Cut(t, "-")
	if !ok {
		return Window{}, bad
	}
	from, ok1 := parseClock(a)
	to, ok2 := parseClock(b)
	switch {
	case !ok1 || !ok2:
		return Window{}, bad
	case from == minutesPerDay:
		from = 0
	}
	if from == to {
		return Window{}, fmt.Errorf("%q is a single minute; for the whole day write 00:00-24:00", text)
	}
	return Window{from, to}, nil
}

var windowSigns = strings.NewReplacer("：", ":", "－", "-", "–", "-", "—", "-", "~", "-", "～", "-", "至", "-",
	"０", "0", "１", "1", "２", "2", "３", "3", "４", "4", "５", "5", "６", "6", "７", "7", "８", "8", "９", "9")

// parseClock reads 8:00, 08:00 and 24:00.
func parseClock(s string) (int, bool) {
	h, m, ok := strings.Cut(s, ":")
	if !ok || len(h) < 1 || len(h) > 2 || len(m) != 2 {
		return 0, false
	}
	n := [2]int{}
	for i, part := range [2]string{h, m} {
		for _, c := range []byte(part) {
			if c < '0' || c > '9' {
				return 0, false
			}
			n[i] = n[i]*10 + int(c-'0')
		}
	}
	minute := n[0]*60 + n[1]
	return minute, n[1] < 60 && minute <= minutesPerDay
}

// IsZero reports whether w is any time.
func (w Window) IsZero() bool { return w == Window{} }

// Contains reports whether a clock time, in minutes after midnight, lies in
// the window, both ends included. 24:00 (1440) is the midnight that ends a day.
func (w Window) Contains(minute int) bool {
	if w.IsZero() {
		return true
	}
	if w.From < w.To {
		return w.From <= minute && minute <= w.To || minute == minutesPerDay && w.From == 0
	}
	return minute >= w.From || minute <= w.To
}

// Open reports whether opening hours w are open at t, by the clock of t's
// location. The end does not count: what closes at 01:00 is closed at 01:00.
func (w Window) Open(t time.Time) bool {
	if w.IsZero() {
		return true
	}
	minute := t.Hour()*60 + t.Minute()
	if w.From < w.To {
		return w.From <= minute && minute < w.To
	}
	return minute >= w.From || minute < w.To
}

// NextOpen returns t when opening hours w are open at t, else the next moment
// at which they open, in t's location.
func (w Window) NextOpen(t time.Time) time.Time {
	if w.Open(t) {
		return t
	}
	y, m, d := t.Date()
	at := time.Date(y, m, d, w.From/60, w.From%60, 0, 0, t.Location())
	if at.Before(t) {
		at = time.Date(y, m, d+1, w.From/60, w.From%60, 0, 0, t.Location())
	}
	return at
}

// NextClose returns the first moment after t at which opening hours w, which
// are open at t, are not open any more.
func (w Window) NextClose(t time.Time) time.Time {
	y, m, d := t.Date()
	at := time.Date(y, m, d, w.To/60, w.To%60, 0, 0, t.Location())
	if !at.After(t) {
		at = time.Date(y, m, d+1, w.To/60, w.To%60, 0, 0, t.Location())
	}
	return at
}

// String returns the form of [ParseWindow]; "" is any time.
func (w Window) String() string {
	if w.IsZero() {
		return ""
	}
	return clockText(w.From) + "-" + clockText(w.To)
}

// clockText writes minutes after midnight as 08:05.
func clockText(minute int) string { return fmt.Sprintf("%02d:%02d", minute/60, minute%60) }
