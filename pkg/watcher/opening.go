package watcher

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/twelve306"
)

// warmUps is how long before trains go on sale the login is made sure of: a
// person has to be found before the moment, not at it.
var warmUps = [...]time.Duration{30 * time.Minute, 10 * time.Minute, 3 * time.Minute}

// burst is how long after trains go on sale they are asked for at
// min_interval, before all others.
const burst = 45 * time.Second

// quiet is what is kept free of looks before that, beyond the gap between two:
// a slow answer must not stand in the way.
const quiet = time.Second

// salesAt takes up when the next trains go on sale that a rule of the query
// waits for. now is by 12306's clock. Callers hold w.mu.
func (q *query) salesAt(now time.Time) {
	if !q.sale.IsZero() && !now.Before(q.sale) && now.Before(q.sale.Add(burst)) {
		return
	}
	q.sale = time.Time{}
	for _, r := range q.rules {
		if at := r.opens[q.journey]; !at.IsZero() && r.looksAround(at) && (q.sale.IsZero() || at.Before(q.sale)) {
			q.sale = at
		}
	}
}

// looksAround reports whether a rule's schedule looks about when trains go on
// sale: one that looks at seven in the morning does not want a burst at noon.
func (r *watched) looksAround(sale time.Time) bool {
	if _, even := Interval(r.Schedule); even {
		return true
	}
	at := r.Schedule.Next(sale.Add(-time.Minute))
	return !at.IsZero() && at.Before(sale.Add(burst))
}

// opens returns what to ask, and when, because trains go on sale: at that
// moment of 12306's clock, again and again for a while, and nothing shortly
// before. ok is false when no sale is near. Callers hold w.mu.
func (w *Watcher) opens(now, turn time.Time) (next *query, at time.Time, ok bool) {
	least := w.client.Clock().Least // too late by a little costs that little; too early costs a whole gap
	pace := w.client.Pace()
	gap := max(pace.Stats().MinInterval, MinInterval)
	var first time.Time // of the sales to come
	for _, q := range w.planner.queries {
		if q.sale.IsZero() || !w.opt.Hours.Open(q.sale.In(w.opt.Location)) {
			continue
		}
		sale := q.sale.Add(-least)
		if now.Before(sale) {
			if first.IsZero() || sale.Before(first) {
				first = sale
			}
			continue
		}
		if !now.Before(sale.Add(burst)) {
			continue
		}
		due := sale
		if !q.asked.Before(sale) {
			due = q.asked.Add(gap)
		}
		if next == nil || due.Before(at) || due.Equal(at) && heavier(q, next) {
			next, at = q, due
		}
	}
	pace.Save(first, burst)
	if next != nil {
		return next, maxTime(at, turn), true
	}
	if before := gap + gap/10 + quiet; first.IsZero() || first.After(maxTime(now, turn).Add(before)) {
		return nil, time.Time{}, false
	}
	for _, q := range w.planner.queries {
		if q.sale.Add(-least).Equal(first) && (next == nil || heavier(q, next)) {
			next = q
		}
	}
	return next, maxTime(first, turn), true
}

// opening returns the rule whose trains go on sale next, when that is by
// 12306's clock, and when the login is next to be made sure of for it; a zero rule and a moment
// far away when nothing is known to open.
func (a *account) opening(now time.Time) (rule string, opens, due time.Time) {
	w := a.w
	due = now.Add(24 * time.Hour)
	w.mu.Lock()
	defer w.mu.Unlock()
	today := twelve306.DateOf(now)
	for _, r := range w.rules {
		if !r.Action.Orders() || r.stopped != "" || !w.looks(r, today) {
			continue
		}
		for _, at := range r.opens {
			sale := w.local(at)
			if !sale.After(now) {
				continue
			}
			for _, before := range warmUps {
				if m := sale.Add(-before); m.After(a.warmed) && m.Before(due) {
					rule, opens, due = r.Name, at, m
				}
			}
		}
	}
	return rule, opens, due
}

// warm makes sure of the login before trains go on sale, even when an earlier
// question of it was not answered a moment ago.
func (a *account) warm(ctx context.Context, rule string, opens time.Time) {
	a.warmed = time.Now()
	if a.refused || !a.w.local(opens).After(a.warmed) {
		return
	}
	a.log.Info("trains go on sale soon; making sure of the login", zap.String("rule", rule), zap.Time("on_sale", opens))
	if !a.warmed.Before(a.w.client.Pace().NotSooner()) {
		if err := a.w.client.KeepAlive(ctx, twelve306.Fresh); err != nil && twelve306.KindOf(err) != twelve306.Session {
			return // no answer is not logged out
		}
	}
	if in, _ := a.w.client.LoggedIn(); !in {
		// The error was told; the next of the warm-ups tries again.
		_ = a.loginBefore(ctx, rule, opens)
	}
}
