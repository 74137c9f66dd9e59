package watcher

import (
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/twelve306"
)

// diary is what the log says of the looks, which are too many for a line each:
// a line an hour, and the end and the beginning of service_hours. Only the loop
// that looks writes it.
type diary struct {
	since        time.Time // the first look that is not written yet
	good, failed int
	last         error // why the last of the failed did
	closed       bool  // service_hours are over
}

// looked counts a look.
func (d *diary) looked(log *zap.Logger, err error, now time.Time) {
	if d.since.IsZero() {
		d.since = now
	}
	if err == nil {
		d.good++
	} else {
		d.failed++
		d.last = err
	}
	if now.Sub(d.since) >= time.Hour {
		d.write(log)
	}
}

// write writes what was counted and begins anew.
func (d *diary) write(log *zap.Logger) {
	if d.since.IsZero() {
		return
	}
	fields := []zap.Field{zap.Int("good", d.good), zap.Int("failed", d.failed), zap.Time("since", d.since)}
	if d.last != nil {
		fields = append(fields, zap.NamedError("last_failure", d.last))
	}
	log.Info("looks", fields...)
	*d = diary{closed: d.closed}
}

// serviceHours notes that service_hours have ended or begun. A night without
// looks is no blindness.
func (w *Watcher) serviceHours(now time.Time) {
	switch open := w.open(now); {
	case !open && !w.diary.closed:
		w.diary.write(w.log)
		w.diary.closed = true
		w.log.Info("service_hours are over; nothing is asked before they begin", zap.Time("next", w.nextOpen(now)))
	case open && w.diary.closed:
		w.diary.closed = false
		w.log.Info("service_hours have begun")
		w.mu.Lock()
		if s := &w.sight; !s.blind {
			s.opened, s.bad = now, 0
		}
		w.mu.Unlock()
	}
}

// confirmSaid logs what became of a confirm.
func confirmSaid(log *zap.Logger, err error) {
	switch {
	case err == nil:
		log.Info("the confirm was accepted")
	case unsent(err):
		log.Warn("the confirm could not be sent; nothing was ordered", zap.Error(err))
	case twelve306.KindOf(err) == twelve306.Ambiguous:
		log.Warn("nobody knows whether the confirm was accepted", zap.Error(err))
	default:
		log.Warn("12306 refused the confirm", zap.Error(err))
	}
}
