package watcher

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
)

// How often 12306 is asked whether a held order was paid.
const (
	lookAtHeldEvery      = time.Minute
	quickLookAtHeldEvery = 5 * time.Second
)

func (a *account) lookGap() time.Duration {
	if a.w.opt.Quick {
		return quickLookAtHeldEvery
	}
	return lookAtHeldEvery
}

// holds reports whether an order of ours waits for payment.
func (a *account) holds() bool {
	a.w.mu.Lock()
	defer a.w.mu.Unlock()
	return len(a.w.state.Held()) > 0
}

// lookAtHeld asks what 12306 holds and tells what became of our orders: paid,
// expired, cancelled. An answer that cannot be read changes nothing.
func (a *account) lookAtHeld(ctx context.Context) {
	w := a.w
	a.looked = time.Now()
	if in, _ := w.client.LoggedIn(); !in {
		if !a.mayLogin(time.Now(), 0) || a.login(ctx, "") != nil {
			return
		}
	}
	h, err := w.client.Unfinished(ctx)
	if err != nil {
		a.log.Debug("12306 does not say what it holds", zap.Error(err))
		return
	}
	w.mu.Lock()
	held := w.state.Held()
	w.mu.Unlock()
	for _, at := range held {
		if o := a.w.ours(h.Orders, at); o != nil {
			a.stillHeld(at, *o)
			continue
		}
		a.vanished(ctx, at)
	}
	if !a.adopt(h) {
		a.noteForeign(h)
	}
}

// stillHeld takes up what could not be read when the order was booked.
func (a *account) stillHeld(at *Attempt, o twelve306.Order) {
	delete(a.gone, at.ID)
	if at.Order.ReadBack && at.Number != "" {
		return
	}
	a.book(at, heldOrder(o))
}

// vanished decides what became of an order that is not in the list of unpaid
// ones any more. Once may be a hiccup; the second time it is believed.
func (a *account) vanished(ctx context.Context, at *Attempt) {
	w := a.w
	now := time.Now()
	g := a.gone[at.ID]
	if g.looks++; g.looks == 1 {
		g.since = now
	}
	a.gone[at.ID] = g
	if g.looks < 2 {
		return
	}
	o := at.Order
	e := Event{At: now, Rule: at.Rule, Attempt: at.ID, Order: o}
	// What left the list before its deadline has not expired, however long it
	// takes to learn what became of it.
	late := !o.PayBy.IsZero() && !w.railway(g.since).Before(o.PayBy)
	switch status, err := w.client.OrderStatus(ctx, o.Number, o.Since); {
	case ctx.Err() != nil:
		return
	case err != nil && g.looks < unreadableLooks:
		return
	case err != nil && !late:
		// The list of paid orders cannot be read. An unpaid order leaves the
		// other list before its deadline when it is paid, or by the user's hand.
		a.log.Info("the order is no longer unpaid; whether it was paid cannot be read", zap.Error(err))
		e.Kind = Paid
	case err == nil && status == twelve306.OrderPaid: // perhaps in the last minute
		e.Kind = Paid
	case late:
		e.Kind = Expired
	default:
		e.Kind = Cancelled
	}
	delete(a.gone, at.ID)
	n := w.say.paid(at.Rule, o)
	if e.Kind != Paid {
		n = w.say.expired(at.Rule, o, e.Kind == Cancelled, !w.over(at.Rule))
	}
	v := (&Attempt{ID: at.ID, Rule: at.Rule, State: AttemptState(e.Kind), Trip: at.Trip, Order: o, Begun: at.Begun, Ended: now}).view(w.opt.Location)
	n.Order = &v
	w.recordAlways([]News{n}, e)
	a.log.Info("the held order is "+string(e.Kind), zap.String("rule", at.Rule), zap.String("number", o.Number))
	if e.Kind != Paid {
		w.lookAgain(ctx, at)
	}
	nudge(w.seats)
}

// gone is an order that is not in the list of unpaid ones any more.
type gone struct {
	looks int       // that did not find it
	since time.Time // of the first of them
}

// unreadableLooks is how many looks may fail to say what became of an order
// before it is told by its deadline alone.
const unreadableLooks = 6

// lookAgain asks whether the rule of a lost order shall look again. A stop of
// the daemon leaves the question open; the next start asks it again.
func (w *Watcher) lookAgain(ctx context.Context, at *Attempt) {
	rule := at.Rule
	if w.over(rule) {
		return
	}
	words := w.say.lookAgain(rule, at.Order)
	w.side.Go(func() {
		yes := w.askOffer(ctx, words, rule, func(yes bool) []Event {
			if yes {
				return []Event{{Kind: Resumed, Rule: rule, Attempt: at.ID}}
			}
			return []Event{{Kind: Declined, Rule: rule, Attempt: at.ID}}
		})
		switch {
		case yes:
			w.resumed(rule)
		case ctx.Err() == nil:
			w.log.Info("the rule stays done until it is resumed", zap.String("rule", rule))
		}
	})
}

func (s speaker) lookAgain(rule string, o *HeldOrder) notifier.Prompt {
	return notifier.Prompt{Rule: rule, Title: s.f("要继续盯“%s”吗？", "Look again for %s?", rule),
		Text: s.trip(o), How: s.f("回复 是：继续盯，有票再抢。回复 不要：到此为止。", "Reply yes to look and book again, no to leave it.")}
}

// over reports whether a rule has nothing more to look for.
func (w *Watcher) over(rule string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.byName[rule]
	return r == nil || !r.Enabled || r.AllPast(twelve306.DateOf(time.Now()))
}

// Pause stops a rule, or all of them when rule is empty, until it is resumed,
// over restarts too. Orders that are held are watched and reminded of all the
// same. The error is an *[UnknownRule] or that of the disk.
func (w *Watcher) Pause(rule string) error {
	if err := w.known(rule); err != nil {
		return err
	}
	if err := w.record(nil, Event{Kind: Paused, Rule: rule}); err != nil {
		return err
	}
	w.log.Info("paused", zap.String("rule", rule))
	nudge(w.replan)
	return nil
}

// Resume lets a rule that was paused look again, and one that is done, or that
// books no more since 12306 refused its passengers, look and book again; all
// that were paused when rule is empty. The error is an
// *[UnknownRule] or that of the disk.
func (w *Watcher) Resume(rule string) error {
	if err := w.known(rule); err != nil {
		return err
	}
	idle := w.rearms(rule)
	if err := w.record(nil, Event{Kind: Resumed, Rule: rule}); err != nil {
		return err
	}
	if idle {
		w.resumed(rule)
	}
	return nil
}

// rearms lets a rule that is named book again though it was stopped, and have
// its passengers compared anew: the user says that he has settled it. It
// reports whether a resume changes anything.
func (w *Watcher) rearms(rule string) bool {
	if rule != "" {
		w.comparePeople(true)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.byName[rule]
	if r == nil { // all of them
		return slices.ContainsFunc(w.rules, func(r *watched) bool { return w.state.Paused(r.Name) })
	}
	idle := w.state.Paused(rule) || r.Action.Orders() && w.state.Done(rule) || r.stopped != "" || r.unfit != ""
	r.stopped, r.unfit, r.idleTill = "", "", time.Time{}
	return idle
}

// UnknownRule is the error of a name that no rule has.
type UnknownRule struct {
	Name  string
	Rules []string // those there are, in the order of the file
}

func (e *UnknownRule) Error() string {
	return fmt.Sprintf("there is no rule %q; the rules are: %s", e.Name, strings.Join(few(e.Rules), ", "))
}

// known reports a rule that is not there; the empty name is all rules.
func (w *Watcher) known(rule string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if rule == "" || w.byName[rule] != nil {
		return nil
	}
	return w.unknown(rule)
}

// unknown is the error of a name that no rule has. Callers hold w.mu.
func (w *Watcher) unknown(rule string) error {
	e := &UnknownRule{Name: rule}
	for _, r := range w.rules {
		e.Rules = append(e.Rules, r.Name)
	}
	return e
}

func (w *Watcher) resumed(rule string) {
	if rule == "" {
		w.log.Info("all rules that were paused look again")
	} else {
		w.log.Info("the rule looks again", zap.String("rule", rule))
	}
	nudge(w.replan)
	nudge(w.seats)
}

// hearSeen stops the reminders of orders of which the user says on a channel
// that he knows.
func (w *Watcher) hearSeen(ctx context.Context, c notifier.Seer) {
	for {
		id, by, err := c.Seen(ctx)
		if err != nil {
			return // ctx has ended
		}
		w.mu.Lock()
		at := w.state.byID[id]
		known := at != nil && at.State == StateBooked && !at.seen
		w.mu.Unlock()
		if !known {
			continue
		}
		w.recordAlways(nil, Event{Kind: Seen, Rule: at.Rule, Attempt: id})
		w.log.Info("seen: no more reminders for this order", zap.String("rule", at.Rule), zap.String("by", by))
	}
}

// reminders of an unpaid order: half-way to its deadline, and when five and
// two minutes are left.
func reminders(at *Attempt) map[string]time.Time {
	o := at.Order
	if o == nil || o.PayBy.IsZero() || at.seen {
		return nil
	}
	from := at.Ended
	out := map[string]time.Time{
		"half": from.Add(o.PayBy.Sub(from) / 2),
		"5m":   o.PayBy.Add(-5 * time.Minute),
		"2m":   o.PayBy.Add(-2 * time.Minute),
	}
	for step, when := range out {
		if at.told[step] || when.Before(from) {
			delete(out, step)
		}
	}
	return out
}

// remind tells the reminders that are due. Of several that came due together
// (after a stop) one is told.
func (a *account) remind(now time.Time) {
	w := a.w
	clock := w.railway(now) // times to pay by are 12306's
	w.mu.Lock()
	held := w.state.Unpaid()
	due := map[*Attempt][]string{}
	for _, at := range held {
		for step, when := range reminders(at) {
			if !clock.Before(when) {
				due[at] = append(due[at], step)
			}
		}
	}
	w.mu.Unlock()
	for at, steps := range due {
		var news []News
		if left := at.Order.PayBy.Sub(clock); left > 0 {
			n := w.say.reminder(at.Rule, at.Order, left, clock)
			w.mu.Lock()
			v := at.view(w.opt.Location)
			w.mu.Unlock()
			n.Order, n.Seen = &v, at.ID
			news = append(news, n)
		}
		for i, step := range steps {
			w.recordAlways(news, Event{At: now, Kind: Reminded, Rule: at.Rule, Attempt: at.ID, Step: step})
			if i == 0 {
				news = nil
			}
		}
	}
}

// nextReminder is when the next reminder is due; a day ahead when none is.
func (a *account) nextReminder(now time.Time) time.Time {
	a.w.mu.Lock()
	defer a.w.mu.Unlock()
	next := now.Add(24 * time.Hour)
	for _, at := range a.w.state.Unpaid() {
		for _, when := range reminders(at) {
			next = minTime(next, a.w.local(when))
		}
	}
	return next
}
