package watcher

import (
	"context"
	"errors"
	"slices"
	"strings"
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

// endedBefore is the same for an order that left the queue without a seat. It
// is short: the one before, for the same train, may be half a minute old, and
// what is not recognised is asked about a minute longer, no more.
const endedBefore = 5 * time.Second

// namedFor is how long a number that the queue gives, and that no list
// explains, keeps "nothing" from being believed: 12306 may be slow to show an
// order, and whoever ordered something else by hand has paid for it by then.
const (
	namedFor      = shortestPayWindow
	quickNamedFor = 30 * time.Second
)

// namedGap is how soon the list is asked again for a number that has just been
// given.
const namedGap = 10 * time.Second

// longestDoubtPause bounds the pause between two tries to learn what 12306
// holds, whatever Retry-After asks for: a seat that is held is gone in minutes.
const longestDoubtPause = 5 * time.Minute

// inquiry is one reconcile: what has been learnt of the attempt so far.
type inquiry struct {
	*account
	at      *Attempt
	d       doubt
	nothing time.Time // the first readable "nothing" of those that still stand
	named   string    // the number that the queue gives, when no list has it
	since   time.Time // when it first did
	queued  int       // rounds that found the order in the queue still
	mute    int       // of them, those in which the queue said nothing of it
	worry   *worry
}

// reconcile asks 12306 what is true until it is known, and ends the attempt.
// Meanwhile the account orders nothing: run comes here first. It returns early
// only when ctx ends.
func (a *account) reconcile(ctx context.Context, at *Attempt, d doubt) {
	w := a.w
	a.hold.giveBack()
	own := *at // the intent may have to be corrected
	at = &own
	if at.Intent.IsZero() {
		at.Intent = d.intent
	}
	a.log.Warn("asking 12306 what became of a confirm", zap.String("rule", at.Rule), zap.String("attempt", at.ID),
		zap.Time("intent", at.Intent), zap.String("number", at.Number), zap.Error(d.err))
	w.client.Pace().Ordering(true)
	defer w.client.Pace().Ordering(false)
	if at.Number != "" {
		// It is told before anybody is asked to log in.
		a.finish(ctx, at, twelve306.Queued{}, at.Number)
		return
	}
	apart, after, named := nothingApart, nothingAfter, namedFor
	if w.opt.Quick {
		apart, after, named = quickNothingApart, quickNothingAfter, quickNamedFor
	}
	if now := time.Now(); at.Intent.After(now) {
		// The clock was set back since: the intent may be of any time before now.
		at.Intent, apart = now.AddDate(0, 0, -1), after
	}
	a.doubted = time.Now()
	q := &inquiry{account: a, at: at, d: d, worry: a.worries(at)}
	defer q.worry.end()
	// A refusal in words needs no second look at the queue: it ended there.
	askQueue := !d.refused
	for tries := 0; ctx.Err() == nil; tries++ {
		if a.inHours(ctx, at) != nil || a.loginUrgently(ctx, at) != nil {
			return
		}
		if askQueue && q.nothing.IsZero() { // else watchQueue did
			number, err := w.client.WaitOrder(ctx, twelve306.Queued{}, q.heard)
			if err == nil {
				if q.settleNumber(ctx, number) {
					return
				}
			} else if !errors.Is(err, context.Canceled) && q.d.err == nil && twelve306.KindOf(err) != twelve306.Ambiguous {
				q.d.err = err // -2 or -3: its words are the reason, if nothing is held
			}
		}
		h, err := w.client.Unfinished(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			if twelve306.KindOf(err) != twelve306.Session {
				a.log.Debug("12306 does not say what it holds", zap.Error(err))
				if sleep(ctx, min(asAsked(err, min(time.Second<<min(tries, 6), time.Minute)), longestDoubtPause)) != nil {
					return
				}
			}
			continue
		}
		q.worry.rest(0)
		if o := w.ours(a.unclaimed(h.Orders, at), at); o != nil {
			a.book(at, heldOrder(*o))
			return
		}
		if h.Queueing != nil && a.queuesOurs(h.Queueing, at) {
			q.nothing, askQueue = time.Time{}, true
			// The list is two requests: while the queue is long, it alone is asked,
			// every five seconds.
			if q.watchQueue(ctx, time.Now().Add(min(listPause<<q.queued, longestListPause)), true) {
				return
			}
			q.queued = min(q.queued+1, 8)
			continue
		}
		a.noteForeign(h)
		now := time.Now()
		ended := w.endOf(h.Failed, at)
		if !h.Nothing() && !d.refused && !ended {
			// Somebody's order stands before ours, which is not "nothing".
			q.nothing = time.Time{}
			q.worry.rest(a.lookGap())
			if q.watchQueue(ctx, now.Add(a.lookGap()), false) {
				return
			}
			continue
		}
		if q.nothing.IsZero() {
			q.nothing = now
		}
		believed := maxTime(q.nothing.Add(apart), at.Intent.Add(after))
		gap := max(apart, a.lookGap())
		if q.named != "" {
			believed = maxTime(believed, at.Intent.Add(named))
			if now.Sub(q.since) >= worryAfter {
				a.tellDoubt(at, stepNamed, q.named)
			} else {
				gap = namedGap
			}
		}
		if d.refused || ended || !now.Before(believed) {
			if !d.refused && !ended && a.paidMeanwhile(ctx, at) || ctx.Err() != nil {
				return
			}
			a.endWithout(at, q.d, h)
			return
		}
		next := minTime(believed, now.Add(gap))
		q.worry.rest(next.Sub(now))
		if q.watchQueue(ctx, next, false) {
			return
		}
	}
}

// inHours waits for service_hours, outside of which nothing is asked. An order
// that has just been sent is the exception: it is lost in the time that it
// takes to pay.
func (a *account) inHours(ctx context.Context, at *Attempt) error {
	for now := time.Now(); !a.w.open(now) && now.Sub(at.Intent) > shortestPayWindow; now = time.Now() {
		a.log.Info("12306 is closed; what became of the confirm is asked when it opens", zap.String("attempt", at.ID))
		if err := sleep(ctx, a.w.nextOpen(now).Sub(now)); err != nil {
			return err
		}
	}
	return nil
}

// heard is told of every readable answer of the queue.
func (q *inquiry) heard(twelve306.WaitStatus) { q.worry.rest(0) }

// watchQueue asks the queue until a time, for an order that 12306 is slow to
// show; where the order is known to stand in it, only until the queue says that
// it has ended. It reports whether that has settled the attempt.
func (q *inquiry) watchQueue(ctx context.Context, until time.Time, standing bool) bool {
	polling, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	var mute time.Time // when the list is asked, for the queue says nothing
	for polling.Err() == nil {
		number, err := q.w.client.WaitOrder(polling, twelve306.Queued{}, q.heard)
		switch kind := twelve306.KindOf(err); {
		case err == nil && q.settleNumber(ctx, number):
			return true
		case err == nil && q.named != "":
			_ = sleep(polling, namedGap)
			return false
		case err == nil: // it speaks of an older order
			<-polling.Done()
		case standing && kind == twelve306.Ambiguous:
			// The queue says nothing of it: the list may know.
			if now := time.Now(); mute.IsZero() {
				mute = now.Add(q.muteGap())
			} else if !now.Before(mute) {
				return false
			}
		case kind == twelve306.Session:
			return false
		case standing && kind != twelve306.Network && kind != twelve306.Busy && kind != twelve306.Blocked:
			return false // the list knows why
		}
	}
	return false
}

// muteGap is how soon the list is asked again when the queue says nothing: at
// first soon, then so that the budget bears it for long.
func (q *inquiry) muteGap() time.Duration {
	if q.w.opt.Quick {
		return twelve306.PollInterval
	}
	gaps := [...]time.Duration{10 * time.Second, 20 * time.Second, listPause, longestListPause}
	q.mute = min(q.mute+1, len(gaps))
	return gaps[q.mute-1]
}

// paidMeanwhile looks for the order among those that were paid: its user may
// have found it in the app. A list that cannot be read, after a few tries, says
// nothing.
func (a *account) paidMeanwhile(ctx context.Context, at *Attempt) bool {
	w := a.w
	tries := unreadableLooks
	if time.Since(at.Intent) < soonestPaid {
		tries = 2
	}
	for n := range tries {
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
		held := heldOrder(*o)
		held.PayBy = time.Time{}
		a.cameAndWent(at, held, Paid)
		return true
	}
	return false
}

// cameAndWent writes down that the order of an attempt was made and, when this
// is learnt, is paid or has expired already.
func (a *account) cameAndWent(at *Attempt, held *HeldOrder, end EventKind) {
	w, now := a.w, time.Now()
	n := w.say.paid(at.Rule, held)
	if end != Paid {
		n = w.say.expired(at.Rule, held, lapsedOrCancelled, !w.over(at.Rule))
	}
	v := (&Attempt{ID: at.ID, Rule: at.Rule, State: AttemptState(end), Trip: at.Trip, Order: held, Begun: at.Begun, Ended: now}).view(w.opt.Location)
	n.Order = &v
	w.recordAlways([]News{n}, Event{At: now, Kind: Booked, Rule: at.Rule, Attempt: at.ID, Order: held},
		Event{At: now, Kind: end, Rule: at.Rule, Attempt: at.ID, Order: held})
	a.log.Info("the order was made, and is "+string(end)+" already", zap.String("rule", at.Rule), zap.String("number", held.Number))
	nudge(w.replan)
}

// soonestPaid is how soon after a confirm of which nobody knew the outcome a
// user who found its order in the app has, most likely, paid for it: from then
// on the list of paid orders is worth several tries.
const soonestPaid = 3 * time.Minute

// settleNumber takes a number that the queue gave after a crash or a lost
// reply. The queue may speak of an older order, so the list has to agree; while
// it does not show the order, nothing else is believed for a while either
// (named). When the list cannot be read, the number is told with a word of
// doubt rather than lost.
func (q *inquiry) settleNumber(ctx context.Context, number string) bool {
	if q.known(number) || q.named == number { // the list is asked by reconcile
		return false
	}
	for n := range 4 {
		h, err := q.w.client.Unfinished(ctx)
		if ctx.Err() != nil {
			return true
		}
		if err == nil {
			q.worry.rest(0)
			o := orderWithNumber(h.Orders, number)
			if o == nil {
				if !q.isForeign(number) {
					q.named, q.since = number, time.Now()
					q.log.Warn("12306's queue gives an order number that its list does not show", zap.String("attempt", q.at.ID), zap.String("number", number))
				}
				return false
			}
			if q.w.ours(q.unclaimed([]twelve306.Order{*o}, q.at), q.at) == nil {
				return false
			}
			q.book(q.at, heldOrder(*o))
			return true
		}
		if sleep(ctx, time.Second<<n) != nil {
			return true
		}
	}
	q.finish(ctx, q.at, twelve306.Queued{}, number)
	return true
}

// isForeign reports whether an order was told as one that is not ours.
func (a *account) isForeign(number string) bool {
	a.w.mu.Lock()
	defer a.w.mu.Unlock()
	_, told := a.w.state.foreign[number]
	return told
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
		if a.w.endOf(h.Failed, at) && h.Failed.Msg != "" {
			lost.Msg = h.Failed.Msg
			err = lost
		}
	}
	a.w.mu.Lock()
	r := a.w.byName[at.Rule]
	key, left := seatKey{}, ""
	if r != nil {
		key, left = r.keyOfTrip(at.Trip)
	}
	a.w.mu.Unlock()
	a.refusedBy(r, at, key, left, err)
}

// keyOfTrip finds the seat of a trip, with its leftTicket when the last looks
// have found it. The rule may have been edited since; a seat that it does not
// want any more has the zero key.
func (r *watched) keyOfTrip(t Trip) (seatKey, string) {
	for c := range r.candidates {
		if c.Train.Code() == t.Train && c.Journey.Date == t.Date && c.Seat == t.Seat {
			return keyOf(c), c.Train.LeftTicket()
		}
	}
	code := func(list []twelve306.Station, name string) string {
		for _, s := range list {
			if s.Name == name {
				return s.Code
			}
		}
		return ""
	}
	k := seatKey{t.Date, t.Train, code(r.From, t.From), code(r.To, t.To), t.Seat}
	if k.from == "" || k.to == "" {
		return seatKey{}, ""
	}
	return k, ""
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

// samePeople compares lists of names in any order, and whatever blanks 12306
// puts into them.
func samePeople(a, b []string) bool {
	bare := func(names []string) []string {
		out := make([]string, 0, len(names))
		for _, n := range names {
			out = append(out, strings.Join(strings.Fields(n), " "))
		}
		return out
	}
	a, b = bare(a), bare(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

func (a *account) queuesOurs(q *twelve306.QueuedOrder, at *Attempt) bool {
	return q.Train == "" || q.Train == at.Trip.Train && (q.Date.IsZero() || q.Date == at.Trip.Date)
}

// endOf reports whether an order that left the queue without a seat is the
// attempt's. 12306 goes on to list an older one, of the same train even.
func (w *Watcher) endOf(q *twelve306.QueuedOrder, at *Attempt) bool {
	return q != nil && q.Train == at.Trip.Train && (q.Date.IsZero() || q.Date == at.Trip.Date) &&
		!q.Requested.IsZero() && !q.Requested.Before(w.railway(at.Intent).Add(-endedBefore)) &&
		(len(q.Passengers) == 0 || samePeople(q.Passengers, at.Trip.Passengers))
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
