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

// opening returns the rule whose trains go on sale next, when that is, and
// when the login is next to be made sure of for it; a zero rule and a moment
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
			if !at.After(now) {
				continue
			}
			for _, before := range warmUps {
				if m := at.Add(-before); m.After(a.warmed) && m.Before(due) {
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
	if a.refused || !opens.After(a.warmed) {
		return
	}
	a.log.Info("trains go on sale soon; making sure of the login", zap.String("rule", rule), zap.Time("on_sale", opens))
	if err := a.w.client.KeepAlive(ctx, twelve306.Fresh); err != nil && twelve306.KindOf(err) != twelve306.Session {
		return // no answer is not logged out
	}
	if in, _ := a.w.client.LoggedIn(); !in {
		// The error was told; the next of the warm-ups tries again.
		_ = a.loginBefore(ctx, rule, opens)
	}
}
