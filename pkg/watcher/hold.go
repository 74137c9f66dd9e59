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

// holds reports whether an order of ours waits for payment, as far as anybody
// knows: nothing else is ordered then.
func (a *account) holds() bool {
	a.w.mu.Lock()
	defer a.w.mu.Unlock()
	return len(a.w.state.Held()) > 0
}

// watches reports whether there is an order of which 12306 has to be asked what
// became of it.
func (a *account) watches() bool {
	a.w.mu.Lock()
	defer a.w.mu.Unlock()
	return len(a.w.state.watched()) > 0
}

// watched returns the attempts of the account whose end is not known, oldest
// first: those of Held, and those that are in nobody's way any more.
func (s *State) watched() []*Attempt {
	return slices.DeleteFunc(s.Unpaid(), s.elsewhere)
}

// letGo reports whether an order stands in the way of no other any more: its
// time to pay is over, 12306 does not say what became of it, and the user, who
// was told so, has resumed its rule.
func (s *State) letGo(a *Attempt) bool { return a.told[stepOutOfSight] && s.last[a.Rule] != a }

// lookAtHeld asks what 12306 holds and tells what became of our orders: paid,
// expired, cancelled. An answer that cannot be read changes nothing.
func (a *account) lookAtHeld(ctx context.Context) {
	w := a.w
	a.looked = time.Now()
	if in, _ := w.client.LoggedIn(); !in {
		if !a.mayLogin(time.Now(), 0) || a.login(ctx, "") != nil {
			a.outOfSight(ctx)
			return
		}
	}
	h, err := w.client.Unfinished(ctx)
	if err != nil {
		a.log.Debug("12306 does not say what it holds", zap.Error(err))
		a.outOfSight(ctx)
		return
	}
	a.read = time.Now()
	w.mu.Lock()
	watched := w.state.watched()
	w.mu.Unlock()
	for _, at := range watched {
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

// outOfSight tells, once each, of orders whose time to pay is over while 12306
// does not say what became of them: until it does, nothing else is ordered, and
// only the user can find out.
func (a *account) outOfSight(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
	w, now := a.w, time.Now()
	patience := sightPatience
	if w.opt.Quick {
		patience = quickSightPatience
	}
	if now.Sub(a.read) < patience {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	clock := w.railway(now)
	for _, at := range w.state.Held() {
		by, sure := at.deadline()
		if !sure {
			by = by.Add(longestPayWindow - shortestPayWindow)
		}
		if by.IsZero() || at.told[stepOutOfSight] || clock.Sub(by) < patience {
			continue
		}
		n := w.say.outOfSight(at.Rule, at.Order)
		v := at.view(w.opt.Location)
		n.Order = &v
		a.log.Warn("the time to pay is over and 12306 does not say what became of the order; nothing is ordered until it does or the rule is resumed",
			zap.String("rule", at.Rule), zap.String("number", at.Number))
		w.recordAlwaysHeld([]News{n}, []Event{{At: now, Kind: Reminded, Rule: at.Rule, Attempt: at.ID, Step: stepOutOfSight}})
	}
}

// stepOutOfSight is the Step of the Reminded that stands for outOfSight.
const stepOutOfSight = "out_of_sight"

// How long the list of unpaid orders may be unreadable, and the time to pay
// over, before the user has to look for himself.
const (
	sightPatience      = 5 * time.Minute
	quickSightPatience = 30 * time.Second
)

// longestPayWindow is the longest that 12306 was seen to wait for a payment
// (2017 to 2020).
const longestPayWindow = 30 * time.Minute

// stillHeld takes up what could not be read when the order was booked.
func (a *account) stillHeld(at *Attempt, o twelve306.Order) {
	delete(a.gone, at.ID)
	if at.Order.ReadBack && at.Number != "" && (!at.Order.PayBy.IsZero() || o.PayBy.IsZero()) {
		return
	}
	a.book(at, heldOrder(o))
}

// vanished decides what became of an order that is not in the list of unpaid
// ones any more. Once may be a hiccup, and the list of paid ones may lag behind:
// whether it is there is asked again each time, and that it is in neither is
// believed, before its deadline, only after a while.
func (a *account) vanished(ctx context.Context, at *Attempt) {
	w := a.w
	now := time.Now()
	o := at.Order
	status, err := w.client.OrderStatus(ctx, o.Number, o.Since)
	if ctx.Err() != nil {
		return
	}
	g := a.gone[at.ID]
	if g.looks++; g.looks == 1 {
		g.since = now
	}
	if neither := err == nil && status != twelve306.OrderPaid; neither && g.neither.IsZero() {
		g.neither = now
	}
	a.gone[at.ID] = g
	if g.looks < 2 {
		return
	}
	apart := neitherApart
	if w.opt.Quick {
		apart = quickNeitherApart
	}
	by, sure := at.deadline()
	over := sure && !w.railway(now).Before(by)
	// What left the list before its deadline has not expired, however long it
	// takes to learn what became of it.
	late := !w.railway(g.since).Before(by)
	e := Event{At: now, Rule: at.Rule, Attempt: at.ID, Order: o}
	end := lapsed
	switch {
	case err == nil && status == twelve306.OrderPaid: // perhaps in the last minute
		e.Kind = Paid
	case err == nil && !over && now.Sub(g.neither) < apart:
		return
	case err == nil && late && sure:
		e.Kind = Expired
	case err == nil && late:
		e.Kind, end = Expired, lapsedOrCancelled
	case err == nil:
		e.Kind, end = Cancelled, cancelled
	case g.looks < unreadableLooks:
		return
	case !late && g.neither.IsZero():
		// The list of paid orders cannot be read. An unpaid order leaves the
		// other list before its deadline when it is paid, or by the user's hand.
		a.log.Info("the order is no longer unpaid; whether it was paid cannot be read", zap.Error(err))
		e.Kind = Paid
	default:
		a.log.Warn("the order is no longer unpaid; whether it was paid cannot be read", zap.Error(err))
		e.Kind, end = Expired, unsaid
	}
	delete(a.gone, at.ID)
	w.mu.Lock()
	asks := e.Kind != Paid && w.state.last[at.Rule] == at // else the rule was resumed, and looks already
	w.mu.Unlock()
	asks = asks && !w.over(at.Rule)
	n := w.say.paid(at.Rule, o)
	if e.Kind != Paid {
		n = w.say.expired(at.Rule, o, end, asks)
	}
	v := (&Attempt{ID: at.ID, Rule: at.Rule, State: AttemptState(e.Kind), Trip: at.Trip, Order: o, Begun: at.Begun, Ended: now}).view(w.opt.Location)
	n.Order = &v
	w.recordAlways([]News{n}, e)
	a.log.Info("the held order is "+string(e.Kind), zap.String("rule", at.Rule), zap.String("number", o.Number))
	if asks {
		w.lookAgain(ctx, at)
	}
	nudge(w.seats)
}

// gone is an order that is not in the list of unpaid ones any more.
type gone struct {
	looks   int       // that did not find it
	since   time.Time // of the first of them
	neither time.Time // when it was first in no list at all
}

// How far apart two readable answers must be, neither of which knows an order,
// before one that could still be paid counts as cancelled. A payment of a moment
// ago may be in no list for minutes, and whoever has paid must not be asked
// whether to book again.
const (
	neitherApart      = 3 * time.Minute
	quickNeitherApart = 4 * time.Second
)

// ending is how an order ended that was not paid, as far as it is known.
type ending int

const (
	lapsed            ending = iota // its time was over
	cancelled                       // it was gone before
	lapsedOrCancelled               // nobody knows when its time was over
	unsaid                          // nor whether it was paid
)

// unreadableLooks is how many looks may fail to say what became of an order
// before what is known is told.
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
// that were paused when rule is empty. The error is an *[UnknownRule] or that of
// the disk. A rule that is in watch.yaml no more can be resumed as long as its
// order is in the way of the others, see outOfSight.
func (w *Watcher) Resume(rule string) error {
	if err := w.known(rule); err != nil && !w.inTheWay(rule) {
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

// inTheWay reports whether nothing is ordered because of an order of the rule
// of which 12306 does not say what became of it.
func (w *Watcher) inTheWay(rule string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.state.Held(), func(a *Attempt) bool { return a.Rule == rule && a.told[stepOutOfSight] })
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
