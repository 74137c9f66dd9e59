package watcher

import (
	"fmt"
	"time"
)

// Line says in one line what the daemon is doing, for systemctl status.
func (w *Watcher) Line() string {
	rules, looking := w.counts()
	in, _ := w.client.LoggedIn()
	w.mu.Lock()
	defer w.mu.Unlock()
	var next time.Time
	for _, r := range w.rules {
		if !r.nextLook.IsZero() && (next.IsZero() || r.nextLook.Before(next)) {
			next = r.nextLook
		}
	}
	line := fmt.Sprintf("%d of %d rules looking", looking, rules)
	if !next.IsZero() {
		line += ", next look " + next.In(w.opt.Location).Format(time.TimeOnly)
	}
	switch {
	case w.sight.blind:
		line += ", BLIND since " + w.sight.good.In(w.opt.Location).Format(time.TimeOnly)
	case w.opt.Account == nil:
		line += ", no account"
	case in:
		line += ", session ok"
	default:
		line += ", not logged in"
	}
	if len(w.pending) > 0 {
		line += ", waiting for your answer"
	}
	if held := w.state.Held(); len(held) > 0 {
		line += ", order " + held[0].Number + " waits for payment"
	}
	return line
}

// Alive reports whether the loop that looks still turns: what feeds the
// watchdog. It turns at every look and at least once an hour; a look that
// hangs longer than any of its timeouts is a loop that is stuck.
func (w *Watcher) Alive(now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.looking.IsZero() || now.Sub(w.looking) < stuck
}

// stuck is longer than one look can take: its turn in the pace (five minutes
// when the budget is spent) and its requests.
const stuck = 10 * time.Minute
