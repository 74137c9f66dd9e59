package telegram

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/go-telegram/bot"
)

const (
	// editGap is the shortest time between a countdown's edit and the edit of
	// the same message before it. Telegram counts edits, and has to have some
	// left for those that matter.
	editGap = 10 * time.Second
	// countTimeout is how long one edit of a countdown may take: it is soon
	// out of date.
	countTimeout = 5 * time.Second
	// settle is how long an edit that was cut off may still arrive.
	settle = 2 * time.Second
)

// moments returns when a question of that length shows anew how long is left:
// the times left then, falling, no two closer than editGap.
func moments(length time.Duration) []time.Duration {
	var out []time.Duration
	for _, left := range []time.Duration{length / 2, time.Minute, 30 * time.Second, 10 * time.Second} {
		if left > length-editGap || len(out) > 0 && out[len(out)-1]-left < editGap {
			continue
		}
		out = append(out, left)
	}
	return out
}

// countdown keeps the time left in q's caption roughly true until q ends or
// Telegram says that it is too much. It gives way to every other edit.
func (d *Driver) countdown(q *question, deadline time.Time) {
	left := moments(time.Until(deadline))
	for i, l := range left {
		next := deadline
		if i+1 < len(left) {
			next = deadline.Add(-left[i+1])
		}
		for at := deadline.Add(-l); !at.IsZero() && at.Before(next); {
			if !d.still(q, at) {
				return
			}
			var err error
			if at, err = d.count(q); toldToWait(err) {
				return
			}
		}
	}
}

// toldToWait reports whether Telegram has answered 429.
func toldToWait(err error) bool {
	var busy *bot.TooManyRequestsError
	return errors.As(err, &busy)
}

// still waits until at and reports whether q is open then.
func (d *Driver) still(q *question, at time.Time) bool {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-q.over:
	case <-d.life.Done():
	}
	return false
}

// count writes q's caption anew, with the time that is left now. When another
// edit is under way, or was just done, it does nothing and returns when to try
// again; else later is zero.
func (d *Driver) count(q *question) (later time.Time, err error) {
	d.mu.Lock()
	if q.end != "" {
		d.mu.Unlock()
		return time.Time{}, nil
	}
	if at := q.edited.Add(editGap); time.Now().Before(at) {
		d.mu.Unlock()
		return at, nil
	}
	if q.drawing != nil || !q.uptodate() {
		d.mu.Unlock()
		return time.Now().Add(editGap), nil
	}
	call, cut := context.WithTimeout(d.life, countTimeout)
	defer cut()
	q.drawing, q.cut = make(chan struct{}), cut
	v, p, photo := q.view(), q.p, q.photo
	ids := slices.Sorted(maps.Keys(q.shown))
	d.mu.Unlock()
	for _, id := range ids {
		if err = d.write(call, id, p, photo, v); err != nil {
			break
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if call.Err() != nil {
		q.doubt = true
	}
	q.edited = time.Now()
	close(q.drawing)
	q.drawing, q.cut = nil, nil
	d.refresh(q)
	return time.Time{}, err
}
