package watcher

import (
	"context"
	"time"
)

// The reminders of what must be paid hang on the clock and on the journal alone.
// The goroutine of the account may wait for minutes: for the answer to a login,
// for a request that hangs, for its turn in the pace. Meanwhile the seats would
// be gone.

// remind tells the reminders as they come due, until ctx ends.
func (w *Watcher) remind(ctx context.Context) {
	for {
		w.remindNow(time.Now())
		pause := remindPause
		w.mu.Lock()
		if next, ok := w.nextReminder(); ok {
			pause = min(max(time.Until(next), 100*time.Millisecond), remindPause)
		}
		w.mu.Unlock()
		wait := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			wait.Stop()
			return
		case <-w.unpaid:
		case <-wait.C:
		}
		wait.Stop()
	}
}

// remindPause is how long a reminder is slept for at a time: this machine's
// clock may be set meanwhile, and what is known of 12306's may change.
const remindPause = time.Minute

// deadline is until when an attempt's order has to be paid. sure is false when
// 12306 did not say so: then it is the soonest that its orders have ended.
func (at *Attempt) deadline() (by time.Time, sure bool) {
	o := at.Order
	switch {
	case o == nil:
		return time.Time{}, false
	case !o.PayBy.IsZero():
		return o.PayBy, true
	case o.Since.IsZero():
		return at.Ended.Add(shortestPayWindow), false
	}
	return o.Since.Add(shortestPayWindow), false
}

// assumed marks, in the Step of a Reminded, a reminder of a deadline that
// nobody knew: when it is known after all, those of the true one are still due.
const assumed = "assumed-"

// reminders of an unpaid order: half-way to its deadline, and when five and
// two minutes are left.
func reminders(at *Attempt) map[string]time.Time {
	by, sure := at.deadline()
	if by.IsZero() || at.seen || at.State != StateBooked {
		return nil
	}
	prefix := assumed
	if sure {
		prefix = ""
	}
	from := at.Ended
	half := from.Add(by.Sub(from) / 2)
	out := map[string]time.Time{prefix + "5m": by.Add(-5 * time.Minute), prefix + "2m": by.Add(-2 * time.Minute)}
	near := false // ten minutes in all: half of them is five
	for _, when := range out {
		near = near || half.Sub(when).Abs() < remindApart
	}
	if !near {
		out[prefix+"half"] = half
	}
	for step, when := range out {
		if at.told[step] || when.Before(from) {
			delete(out, step)
		}
	}
	return out
}

// remindApart is how close two reminders would say the same.
const remindApart = 30 * time.Second

// remindNow tells the reminders that are due, of orders of any account. Of
// several of one order that came due together (after a stop) one is told. What is due is found
// and written down in one step: no end of an order comes between the two, and no
// crash tells one twice or leaves one out.
func (w *Watcher) remindNow(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	clock := w.railway(now) // times to pay by are 12306's
	for _, at := range w.state.Unpaid() {
		var events []Event
		for step, when := range reminders(at) {
			if !clock.Before(when) {
				events = append(events, Event{At: now, Kind: Reminded, Rule: at.Rule, Attempt: at.ID, Step: step})
			}
		}
		if len(events) == 0 {
			continue
		}
		var news []News
		by, sure := at.deadline()
		if left := by.Sub(clock); left > 0 {
			n := w.say.reminder(at.Rule, at.Order, left, clock)
			if !sure {
				n = w.say.reminderUnsure(at.Rule, at.Order)
			}
			v := at.view(w.opt.Location)
			n.Order, n.Seen = &v, at.ID
			news = []News{n}
		}
		w.recordAlwaysHeld(news, events)
	}
}

// nextReminder is when the next reminder is due. Callers hold w.mu.
func (w *Watcher) nextReminder() (next time.Time, ok bool) {
	for _, at := range w.state.Unpaid() {
		for _, when := range reminders(at) {
			if local := w.local(when); !ok || local.Before(next) {
				next, ok = local, true
			}
		}
	}
	return next, ok
}
