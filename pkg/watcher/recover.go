package watcher

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/twelve306"
)

// doubt is why the end of an attempt is not known. The zero doubt is a crash.
type doubt struct {
	intent  time.Time
	err     error // what the confirm or the queue said; nil after a crash
	refused bool  // 12306 refused in words: one readable "nothing" is enough to believe it
}

// When "nothing" is believed after a confirm without a verdict: two readable
// answers this far apart, the second this long after the intent. An order may
// show up late in 12306's list.
const (
	nothingApart      = 30 * time.Second
	nothingAfter      = 60 * time.Second
	quickNothingApart = 3 * time.Second
	quickNothingAfter = 6 * time.Second
)

// The pause between two looks at the list of orders while one of ours stands in
// the queue; it doubles. Each is two requests, and the budget has to last for
// the end of the queue.
const (
	listPause        = time.Minute
	longestListPause = 2 * time.Minute
)

// shortestPayWindow is how soon an order may have come and gone unpaid.
const shortestPayWindow = 10 * time.Minute

// orderedBefore is how much earlier than our intent 12306's clock may say that
// our order was made.
const orderedBefore = 2 * time.Minute

// reconcile asks 12306 what is true until it is known, and ends the attempt.
// Meanwhile the account orders nothing: run comes here first. It returns early
// only when ctx ends.
func (a *account) reconcile(ctx context.Context, at *Attempt, d doubt) {
	w := a.w
	a.hold.giveBack()
	log := a.log.With(zap.String("rule", at.Rule), zap.String("attempt", at.ID))
	if at.Intent.IsZero() {
		at.Intent = d.intent
	}
	log.Warn("asking 12306 what became of a confirm", zap.Time("intent", at.Intent), zap.String("number", at.Number), zap.Error(d.err))
	w.client.Pace().Ordering(true)
	defer w.client.Pace().Ordering(false)
	apart, after := nothingApart, nothingAfter
	if w.opt.Quick {
		apart, after = quickNothingApart, quickNothingAfter
	}
	var nothing time.Time // the first readable "nothing"
	// A refusal in words needs no second look at the queue: it ended there.
	askQueue := !d.refused && at.Number == ""
	if at.Number != "" {
		if a.loginUrgently(ctx, at) == nil {
			a.finish(ctx, at, twelve306.Queued{}, at.Number)
		}
		return
	}
	queued := 0 // rounds that found it in the queue still
	for tries := 0; ctx.Err() == nil; tries++ {
		if a.loginUrgently(ctx, at) != nil {
			return
		}
		if askQueue && nothing.IsZero() { // else watchQueue did
			number, err := w.client.WaitOrder(ctx, twelve306.Queued{}, nil)
			if err == nil {
				if a.settleNumber(ctx, at, number) {
					return
				}
			} else if !errors.Is(err, context.Canceled) && d.err == nil && twelve306.KindOf(err) != twelve306.Ambiguous {
				d.err = err // -2 or -3: its words are the reason, if nothing is held
			}
		}
		h, err := w.client.Unfinished(ctx)
		if ctx.Err() != nil {
			return
		}
		switch {
		case err != nil:
			if twelve306.KindOf(err) != twelve306.Session {
				log.Debug("12306 does not say what it holds", zap.Error(err))
				if sleep(ctx, asAsked(err, min(time.Second<<min(tries, 6), time.Minute))) != nil {
					return
				}
			}
			continue
		case a.w.ours(a.unclaimed(h.Orders, at), at) != nil:
			o := a.w.ours(a.unclaimed(h.Orders, at), at)
			a.book(at, heldOrder(*o))
			return
		case h.Queueing != nil && a.queuesOurs(h.Queueing, at):
			nothing, askQueue = time.Time{}, true
			// The list is two requests: while the queue is long, it alone is asked,
			// every five seconds.
			if a.watchQueue(ctx, at, time.Now().Add(min(listPause<<queued, longestListPause)), true) {
				return
			}
			queued = min(queued+1, 8)
			continue
		}
		a.noteForeign(h)
		now := time.Now()
		if len(h.Orders) > 0 && !d.refused && h.Failed == nil {
			// Somebody's order stands before ours in the list, which is not "nothing".
			nothing = time.Time{}
			if a.watchQueue(ctx, at, now.Add(a.lookGap()), false) {
				return
			}
			continue
		}
		if nothing.IsZero() {
			nothing = now
		}
		if d.refused || h.Failed != nil && h.Failed.Train == at.Trip.Train ||
			now.Sub(nothing) >= apart && now.Sub(at.Intent) >= after {
			if !d.refused && h.Failed == nil && a.paidMeanwhile(ctx, at) || ctx.Err() != nil {
				return
			}
			a.endWithout(at, d, h)
			return
		}
		if a.watchQueue(ctx, at, maxTime(nothing.Add(apart), at.Intent.Add(after)), false) {
			return
		}
	}
}

// watchQueue asks the queue until a time, for an order that 12306 is slow to
// show; where the order is known to stand in it, only until the queue says that
// it has ended. It reports whether that has settled the attempt.
func (a *account) watchQueue(ctx context.Context, at *Attempt, until time.Time, standing bool) bool {
	polling, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	for polling.Err() == nil {
		number, err := a.w.client.WaitOrder(polling, twelve306.Queued{}, nil)
		switch kind := twelve306.KindOf(err); {
		case err == nil && a.settleNumber(ctx, at, number):
			return true
		case err == nil: // it speaks of an older order
			<-polling.Done()
		case kind == twelve306.Session:
			return false
		case standing && kind != twelve306.Ambiguous && kind != twelve306.Network && kind != twelve306.Busy && kind != twelve306.Blocked:
			return false // the list knows why
		}
	}
	return false
}

// paidMeanwhile looks for the order among those that were paid: when watcherd
// was down for a while its user may have found it in the app. A list that
// cannot be read, after a few tries, says nothing.
func (a *account) paidMeanwhile(ctx context.Context, at *Attempt) bool {
	w := a.w
	if time.Since(at.Intent) < soonestPaid {
		return false
	}
	for n := range unreadableLooks {
		list, err := w.client.Paid(ctx, at.Intent)
		if err != nil {
			a.log.Debug("12306 does not say what was paid", zap.Error(err))
			if twelve306.KindOf(err) == twelve306.Session && a.loginUrgently(ctx, at) != nil || sleep(ctx, asAsked(err, time.Second<<n)) != nil {
				return false
			}
			continue
		}
		o := a.w.ours(a.unclaimed(list, at), at)
		if o == nil {
			return false
		}
		held, now := heldOrder(*o), time.Now()
		held.PayBy = time.Time{}
		n := w.say.paid(at.Rule, held)
		v := (&Attempt{ID: at.ID, Rule: at.Rule, State: StatePaid, Trip: at.Trip, Order: held, Begun: at.Begun, Ended: now}).view(w.opt.Location)
		n.Order = &v
		w.recordAlways([]News{n}, Event{At: now, Kind: Booked, Rule: at.Rule, Attempt: at.ID, Order: held},
			Event{At: now, Kind: Paid, Rule: at.Rule, Attempt: at.ID, Order: held})
		a.log.Info("the order was made, and paid meanwhile", zap.String("rule", at.Rule), zap.String("number", held.Number))
		return true
	}
	return false
}

// soonestPaid is how soon after a confirm of which nobody knew the outcome its
// order may have been found in the app and paid.
const soonestPaid = 3 * time.Minute

// settleNumber takes a number that the queue gave after a crash or a lost
// reply. The queue may speak of an older order, so the list has to agree; when
// the list cannot be read, the number is told with a word of doubt rather than
// lost.
func (a *account) settleNumber(ctx context.Context, at *Attempt, number string) bool {
	for n := range 4 {
		h, err := a.w.client.Unfinished(ctx)
		if ctx.Err() != nil {
			return true
		}
		if err == nil {
			o := orderWithNumber(h.Orders, number)
			if o == nil || a.w.ours(a.unclaimed([]twelve306.Order{*o}, at), at) == nil {
				return false
			}
			a.book(at, heldOrder(*o))
			return true
		}
		if sleep(ctx, time.Second<<n) != nil {
			return true
		}
	}
	a.finish(ctx, at, twelve306.Queued{}, number)
	return true
}

// endWithout ends an attempt of which 12306 holds nothing.
func (a *account) endWithout(at *Attempt, d doubt, h twelve306.Holding) {
	err := d.err
	if err == nil || twelve306.KindOf(err) == twelve306.Ambiguous {
		lost := &twelve306.Error{Op: "confirmSingleForQueue", Kind: twelve306.SoldOut, Msg: "no effect"}
		err = ourWords{lost, a.w.say.tookNoEffect()}
		if time.Since(at.Intent) > shortestPayWindow {
			err = ourWords{lost, a.w.say.heldNothing()}
		}
		if h.Failed != nil && h.Failed.Msg != "" {
			lost.Msg = h.Failed.Msg
			err = lost
		}
	}
	a.w.mu.Lock()
	r := a.w.byName[at.Rule]
	var c Candidate
	found := false
	if r != nil {
		c, found = r.candidate(at.Trip)
	}
	a.w.mu.Unlock()
	if r == nil || !found {
		a.failed(at, err, a.w.say.nextLook(), false)
		return
	}
	a.refusedBy(r, at, c, err)
}

// candidate finds the seat of a trip among what the last looks found.
func (r *watched) candidate(t Trip) (Candidate, bool) {
	for c := range r.candidates {
		if c.Train.Code() == t.Train && c.Journey.Date == t.Date && c.Seat == t.Seat {
			return c, true
		}
	}
	return Candidate{}, false
}

// loginUrgently logs in for an order that may be held. It asks until somebody
// answers: this question does not wait for ask_again.
func (a *account) loginUrgently(ctx context.Context, at *Attempt) error {
	a.hold.giveBack()
	for n := 0; ; n++ {
		if in, _ := a.w.client.LoggedIn(); in {
			return nil
		}
		err := a.login(ctx, at.Rule)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		}
		wait := a.w.opt.Question.AskAgain
		if k := twelve306.KindOf(err); k == twelve306.Network || k == twelve306.Busy || k == twelve306.Blocked {
			wait = min(time.Second<<min(n, 6), time.Minute)
		}
		if n == 0 {
			a.w.tell(a.w.say.mayBeHeld(at))
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

func (s speaker) tookNoEffect() string {
	return s.f("下单没有成功，12306 没有占座。", "The order did not take effect: 12306 holds nothing.")
}

func (s speaker) heldNothing() string {
	return s.f("12306 现在没有占座；就算占到过，也已经过时作废。", "12306 holds nothing now; if it did, that has expired.")
}

func (s speaker) mayBeHeld(at *Attempt) News {
	return News{Kind: NewsLoginFailed, Rule: at.Rule, Loud: true,
		Title: s.f("可能已占到座，但登录不上", "A seat may be held, and the login fails"),
		Text: s.f("%s %s 的订单已经提交，成没成还不知道。请马上打开 12306 官方 App 看“未完成订单”，有就付款。",
			"The order for %s on %s was sent, and whether it was taken is not known. Please look at once in the official 12306 app, under unfinished orders, and pay for what is there.", at.Trip.Train, s.day(at.Trip.Date))}
}

// ours finds the attempt's order in 12306's list: by its number when it is
// known, else the same train, day and passengers, ordered after the intent.
func (w *Watcher) ours(list []twelve306.Order, at *Attempt) *twelve306.Order {
	if at.Number != "" {
		return orderWithNumber(list, at.Number)
	}
	for i := range list {
		o := &list[i]
		if o.Train != at.Trip.Train || !o.Date.IsZero() && o.Date != at.Trip.Date {
			continue
		}
		if !o.Ordered.IsZero() && o.Ordered.Before(w.railway(at.Intent).Add(-orderedBefore)) {
			continue
		}
		names := make([]string, 0, len(o.Tickets))
		for _, t := range o.Tickets {
			names = append(names, t.Passenger)
		}
		if len(names) > 0 && !samePeople(names, at.Trip.Passengers) {
			continue
		}
		return o
	}
	return nil
}

func samePeople(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

func (a *account) queuesOurs(q *twelve306.QueuedOrder, at *Attempt) bool {
	return q.Train == "" || q.Train == at.Trip.Train && (q.Date.IsZero() || q.Date == at.Trip.Date)
}

// noteForeign tells, once each, of unfinished orders that are not ours. They
// are left alone, and nothing is ordered until they are gone.
func (a *account) noteForeign(h twelve306.Holding) {
	w := a.w
	a.looked = time.Now()
	before := a.foreign
	a.foreign = ""
	for _, o := range h.Orders {
		if a.known(o.Number) {
			continue
		}
		a.foreign = o.Number
		w.mu.Lock()
		_, told := w.state.foreign[o.Number]
		w.mu.Unlock()
		if told {
			continue
		}
		held := heldOrder(o)
		a.log.Warn("the account has an unfinished order that is not ours; booking waits for it", zap.String("number", o.Number))
		w.recordAlways([]News{w.say.heldElsewhere(held, time.Now())}, Event{Kind: HeldElsewhere, Order: held})
	}
	if h.Queueing != nil && a.foreign == "" {
		a.foreign = "?"
	}
	if before != "" && a.foreign == "" {
		a.log.Info("the account has no foreign order any more; booking goes on")
		nudge(w.seats)
	}
}

// unclaimed leaves out of 12306's list the orders of our other attempts: two
// tries for the same train look alike but for their numbers.
func (a *account) unclaimed(list []twelve306.Order, at *Attempt) []twelve306.Order {
	a.w.mu.Lock()
	defer a.w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(list), func(o twelve306.Order) bool {
		return slices.ContainsFunc(a.w.state.Attempts, func(b *Attempt) bool { return b.ID != at.ID && b.Number != "" && b.Number == o.Number })
	})
}

// known reports whether an order number is that of one of our attempts.
func (a *account) known(number string) bool {
	a.w.mu.Lock()
	defer a.w.mu.Unlock()
	return slices.ContainsFunc(a.w.state.Attempts, func(at *Attempt) bool { return at.Number == number })
}

// adopt finds an order that a failed attempt of ours made after all.
func (a *account) adopt(h twelve306.Holding) bool {
	var hit *Attempt
	var order twelve306.Order
	free := slices.DeleteFunc(slices.Clone(h.Orders), func(o twelve306.Order) bool { return a.known(o.Number) })
	a.w.mu.Lock()
	for _, at := range a.w.state.Attempts {
		if at.Intent.IsZero() || at.State != StateFailed || a.w.state.elsewhere(at) {
			continue
		}
		if o := a.w.ours(free, at); o != nil {
			hit, order = at, *o
		}
	}
	a.w.mu.Unlock()
	if hit == nil {
		return false
	}
	a.log.Warn("an attempt that was taken for failed holds a seat", zap.String("attempt", hit.ID))
	a.book(hit, heldOrder(order))
	return true
}

var _ twelve306.Solver = (*solver)(nil)
