package watcher

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
)

// attempt books one candidate: the walk of DESIGN.md, steps 5 to 12. Up to
// Confirm a failure costs nothing; from the intent on, the attempt stays open
// until 12306 has said what is true.
func (a *account) attempt(ctx context.Context, r *watched, c Candidate) {
	w := a.w
	a.hold = &hold{turn: w.turn, ctx: ctx}
	defer func() { a.hold.giveBack(); a.hold = nil }()
	if a.hold.take() != nil {
		return
	}
	trip := tripOf(r.Rule, c)
	at := &Attempt{ID: notifier.NewID()[:16], Rule: r.Name, Trip: trip}
	log := a.log.With(zap.String("rule", r.Name), zap.String("attempt", at.ID), zap.String("train", trip.Train),
		zap.Stringer("date", trip.Date), zap.String("seat", trip.Seat.Name()))
	if err := w.record(nil, Event{Kind: AttemptBegun, Rule: at.Rule, Attempt: at.ID, Trip: &trip}); err != nil {
		a.cannotWrite(at, err)
		return
	}
	a.unwritable = false
	log.Info("booking", zap.Int("passengers", len(trip.Passengers)))
	w.client.Pace().Ordering(true)
	defer w.client.Pace().Ordering(false)

	draft, err := a.prepare(ctx, at, r.Rule, c)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		a.notPrepared(ctx, log, r, at, c, err)
		return
	}
	// The commit point. Nothing of the confirm leaves before this is on disk.
	if err := w.record(nil, Event{Kind: Confirming, Rule: at.Rule, Attempt: at.ID}); err != nil {
		a.cannotWrite(at, err)
		return
	}
	intent := time.Now()
	at.Intent = intent
	queued, err := a.confirm(ctx, draft, at)
	if !unsent(err) {
		a.failures = 0
	}
	confirmSaid(log, err)
	switch kind := twelve306.KindOf(err); {
	case err == nil:
		w.recordAlways(nil, Event{Kind: Queued, Rule: at.Rule, Attempt: at.ID})
		w.saveSession()
		if queued.Single {
			a.took(ctx, at)
			break
		}
		a.wait(ctx, at, *queued)
	case unsent(err):
		a.fail(r, at, err, w.say.nextLook())
		a.pause(err)
	case kind == twelve306.Ambiguous, kind == twelve306.Network, kind == twelve306.Busy, kind == twelve306.Blocked, kind == twelve306.Session, kind == twelve306.Unpaid:
		// What says that it is busy, that nobody is logged in, or that an order is
		// open may have taken this one: PROMISES' U.
		w.recordAlways(nil, Event{Kind: Doubt, Rule: at.Rule, Attempt: at.ID, Why: w.why(err), Cause: string(kind)})
		a.reconcile(ctx, at, doubt{intent: intent, err: err})
	case kind == twelve306.SoldOut, kind == twelve306.NotOnSale, kind == twelve306.Refused, kind == twelve306.Conflict:
		a.refusedBy(r, at, keyOf(c), c.Train.LeftTicket(), err)
	default:
		// Refused in words that may hide an order: look once before it is believed.
		w.recordAlways(nil, Event{Kind: Doubt, Rule: at.Rule, Attempt: at.ID, Why: w.why(err), Cause: string(kind)})
		a.reconcile(ctx, at, doubt{intent: intent, err: err, refused: true})
	}
}

func tripOf(r Rule, c Candidate) Trip {
	t := Trip{
		Train: c.Train.Code(), Date: c.Journey.Date, From: c.Journey.From.Name, To: c.Journey.To.Name,
		Depart: c.Train.Depart(), Arrive: c.Train.Arrive(), Seat: c.Seat, Passengers: r.Passengers[:min(c.Take, len(r.Passengers))],
	}
	t.PriceTenth, _ = c.Train.Price(c.Seat)
	return t
}

func unsent(err error) bool {
	e, ok := errors.AsType[*twelve306.Error](err)
	return ok && e.Unsent
}

// maxRelogins is how often one attempt logs in again when 12306 loses the
// session under it.
const maxRelogins = 3

// prepare logs in if need be and takes the order to the commit point.
func (a *account) prepare(ctx context.Context, at *Attempt, r Rule, c Candidate) (*twelve306.Draft, error) {
	w := a.w
	n := len(at.Trip.Passengers)
	req := twelve306.OrderRequest{Journey: c.Journey, Train: c.Train, Seat: c.Seat, Passengers: at.Trip.Passengers,
		Tickets: first(r.Tickets, n), SeatChoice: first(r.SeatChoice, n), Berths: first(r.Berth, n)}
	for n := 0; ; n++ {
		if in, _ := w.client.LoggedIn(); !in {
			if err := a.login(ctx, at.Rule); err != nil {
				return nil, &loginError{err}
			}
		}
		s := &solver{w: w, rule: at.Rule, attempt: at.ID, trip: &at.Trip, hold: a.hold}
		draft, err := w.client.Prepare(ctx, req, s)
		if twelve306.KindOf(err) != twelve306.Session || n >= maxRelogins {
			return draft, err
		}
		a.log.Info("12306 lost the session during the order; logging in again", zap.String("attempt", at.ID), zap.Error(err))
	}
}

// first returns the first n of a list that may be shorter.
func first[T any](list []T, n int) []T { return list[:min(n, len(list))] }

// loginError marks a failure that was told as login_failed already.
type loginError struct{ err error }

func (e *loginError) Error() string { return e.err.Error() }
func (e *loginError) Unwrap() error { return e.err }

// confirm sends the confirm, a second time only when the first provably never
// left. A stop of the daemon does not cut it off: its reply is worth waiting
// for.
func (a *account) confirm(ctx context.Context, d *twelve306.Draft, at *Attempt) (*twelve306.Queued, error) {
	stopping, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		if sleep(stopping, confirmGrace) == nil {
			cancel()
		}
	})()
	q, err := d.Confirm(stopping)
	if !unsent(err) || ctx.Err() != nil {
		return q, err
	}
	a.w.recordAlways(nil, Event{Kind: Unsent, Rule: at.Rule, Attempt: at.ID, Why: err.Error()})
	if sleep(ctx, time.Second) != nil {
		return nil, err
	}
	return d.Confirm(stopping)
}

// confirmGrace is how long a stop waits for the reply of a confirm.
const confirmGrace = 8 * time.Second

// wait polls the queue until it ends. Losing the session does not end it: the
// order lives on the account.
func (a *account) wait(ctx context.Context, at *Attempt, q twelve306.Queued) {
	w := a.w
	told := false
	for {
		number, err := w.client.WaitOrder(ctx, q, func(s twelve306.WaitStatus) {
			if !told && s.WaitTime >= 0 { // below: how it ended, or that nobody knows yet
				told = true
				a.log.Info("in 12306's queue", zap.String("attempt", at.ID), zap.Duration("wait", time.Duration(s.WaitTime)*time.Second), zap.Int64("ahead", s.WaitCount))
			}
		})
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			a.finish(ctx, at, q, number)
			return
		case twelve306.KindOf(err) == twelve306.Session:
			if a.loginUrgently(ctx, at) != nil {
				return
			}
		case twelve306.KindOf(err) == twelve306.Ambiguous:
			a.reconcile(ctx, at, doubt{intent: at.Intent, err: err})
			return
		default:
			a.reconcile(ctx, at, doubt{intent: at.Intent, err: err, refused: true})
			return
		}
	}
}

// took is what follows on an order that 12306 takes without a queue: it stands
// among the unfinished ones. When it does not, or they cannot be read, it is
// as after any other confirm: 12306 is asked until it is known.
func (a *account) took(ctx context.Context, at *Attempt) {
	h, err := a.w.client.Unfinished(ctx)
	if o := a.w.ours(a.unclaimed(h.Orders, at), at); err == nil && o != nil {
		a.book(at, heldOrder(*o))
		return
	}
	if ctx.Err() == nil {
		a.reconcile(ctx, at, doubt{intent: at.Intent})
	}
}

// finish is what follows on an order number: it is written down, the page's
// last question is asked, the order is read back, and the news is written with
// it. After a crash in between, recovery comes here again, with the number in
// at. Nobody is asked to log in before he knows that he has a seat.
func (a *account) finish(ctx context.Context, at *Attempt, q twelve306.Queued, number string) {
	w := a.w
	since := time.Now()
	if at.Number == number {
		since = at.Intent
	} else {
		w.recordAlways(nil, Event{Kind: Numbered, Rule: at.Rule, Attempt: at.ID, Order: at.Trip.asked(number, since)})
	}
	a.log.Info("there is an order number", zap.String("attempt", at.ID), zap.String("number", number))
	reading, cancel := context.WithTimeout(ctx, readBackTime)
	defer cancel()
	// The page asks with its own token, which only the life that confirmed has.
	if q.Token == "" {
		a.log.Debug("no page token: the queue's last question is left out")
	} else {
		asking, cancel := context.WithTimeout(reading, readBackTime/2) // the list is worth more
		if err := w.client.Result(asking, q, number); err != nil {
			a.log.Info("the queue's last question was not answered; the order stands", zap.Error(err))
		}
		cancel()
	}
	held := at.Trip.asked(number, since)
	missing := false // the list can be read, and the order is not in it
	for revived := false; reading.Err() == nil; {
		h, err := w.client.Unfinished(reading)
		if o := orderWithNumber(h.Orders, number); err == nil && o != nil {
			held = heldOrder(*o)
			break
		}
		if missing = err == nil; missing && (len(h.Orders) > 0 || time.Since(since) > shortestPayWindow) {
			break
		}
		if twelve306.KindOf(err) == twelve306.Session {
			if in, _ := w.client.Revive(reading); revived || !in {
				break
			}
			revived = true
			continue
		}
		if sleep(reading, asAsked(err, time.Second)) != nil {
			break
		}
	}
	if ctx.Err() != nil {
		return // the next start reads it back and tells
	}
	if missing && time.Since(since) > shortestPayWindow {
		// The daemon was down for as long as an order lives.
		if status, err := w.client.OrderStatus(reading, number, since); err == nil {
			end := Expired
			if status == twelve306.OrderPaid {
				end = Paid
			}
			a.cameAndWent(at, held, end)
			if end == Expired {
				w.lookAgain(ctx, &Attempt{ID: at.ID, Rule: at.Rule, Trip: at.Trip, Order: held})
			}
			return
		}
	}
	a.book(at, held)
}

// readBackTime bounds the reading back of an order; then it is told as it is.
const readBackTime = 8 * time.Second

// book writes down that a seat is held, together with the news of it.
func (a *account) book(at *Attempt, held *HeldOrder) {
	w := a.w
	now := time.Now()
	e := Event{At: now, Kind: Booked, Rule: at.Rule, Attempt: at.ID, Order: held}
	n := w.say.booked(at.Rule, held, now)
	v := (&Attempt{ID: at.ID, Rule: at.Rule, State: StateBooked, Trip: at.Trip, Order: held, Begun: at.Begun, Ended: now}).view(w.opt.Location)
	n.Order, n.Seen = &v, at.ID
	w.recordAlways([]News{n}, e)
	a.looked, a.failures = now, 0
	if !held.ReadBack {
		a.looked = time.Time{} // the deadline is not known yet: look again at once
	}
	a.log.Info("booked: a seat is held and must be paid", zap.String("rule", at.Rule), zap.String("number", held.Number),
		zap.String("train", held.Train), zap.Stringer("date", held.Date), zap.Strings("seats", held.Seats), zap.Time("pay_by", held.PayBy))
	w.saveSession()
	nudge(w.replan)
}

func orderWithNumber(list []twelve306.Order, number string) *twelve306.Order {
	for i := range list {
		if list[i].Number == number {
			return &list[i]
		}
	}
	return nil
}

// notPrepared decides what follows on a failure before the commit point.
// Nothing is held then, so the kind of the failure is all that counts.
func (a *account) notPrepared(ctx context.Context, log *zap.Logger, r *watched, at *Attempt, c Candidate, err error) {
	w := a.w
	if !a.endsHere(err) {
		log.Info("not booked", zap.Error(err)) // else failed says it
	}
	if _, ok := errors.AsType[*loginError](err); ok {
		return // told as login_failed; the account's loginAfter decides what is next
	}
	if errors.Is(err, twelve306.ErrGaveUp) {
		w.mu.Lock()
		r.idleTill, r.idleFrom = time.Now().Add(w.opt.Question.AskAgain), r.appeared
		w.mu.Unlock()
		w.tell(w.say.failed(at.Rule, &at.Trip, gaveUp(err), w.say.nextAsk(w.opt.Question.AskAgain)))
		return
	}
	switch twelve306.KindOf(err) {
	case twelve306.Stale:
		// What was found cannot be ordered any more; the next look brings a fresh
		// secretStr, and wakes us. When that is stale too, and again, it is not for
		// its age: the seat rests for 1, 2, 4 ... 60 seconds, and other seats do not
		// wait for it.
		now := time.Now()
		w.mu.Lock()
		if f := r.finding(c.Journey); f != nil {
			f.spent = true
		}
		k := keyOf(c)
		old := r.rests[k]
		until := now.Add(min(time.Second<<min(old.times, 6), restTime))
		r.rests[k] = rest{until, until, c.Train.LeftTicket(), w.why(err), old.times + 1}
		w.mu.Unlock()
		a.comesToNothing(r, at, k, err, w.say.nextGoesOn())
	case twelve306.Unpaid:
		a.pause(err)
		next := w.say.nextGoesOn()
		a.looked = time.Now()
		if h, err := w.client.Unfinished(ctx); err == nil {
			if a.adopt(h) {
				return
			}
			if a.noteForeign(h); a.foreign != "" {
				return // told as held_elsewhere
			}
			next = w.say.nextNoneShown()
		}
		if ctx.Err() == nil {
			a.comesToNothing(r, at, keyOf(c), err, next)
		}
	case twelve306.Network, twelve306.Busy, twelve306.Blocked, twelve306.Session:
		a.pause(err)
		a.comesToNothing(r, at, keyOf(c), err, w.say.nextGoesOn())
	case "":
		a.cannotWrite(at, err)
	default:
		a.refusedBy(r, at, keyOf(c), c.Train.LeftTicket(), err)
	}
}

// endsHere reports whether notPrepared has the failure written down as the end
// of the attempt.
func (a *account) endsHere(err error) bool {
	if _, ok := errors.AsType[*loginError](err); ok || errors.Is(err, twelve306.ErrGaveUp) {
		return false
	}
	switch twelve306.KindOf(err) {
	case twelve306.Stale, twelve306.Unpaid, twelve306.Network, twelve306.Busy, twelve306.Blocked, twelve306.Session, "":
		return false
	}
	return true
}

// follows says for the log what an end means for the next attempt.
func follows(err error) string {
	switch twelve306.KindOf(err) {
	case twelve306.SoldOut, twelve306.NotOnSale:
		return "this seat is left alone for a moment; the rule keeps looking"
	case twelve306.Refused:
		return "no order until tomorrow"
	case twelve306.Conflict, twelve306.Passenger:
		return "the rule books no more until it is edited or resumed"
	}
	return "it tries again when there are seats"
}

// refusedBy is what follows on a refusal in 12306's words when nothing is held.
// r is nil when the rule is gone; the seat k, with its leftTicket, is zero when
// the rule wants it no more.
func (a *account) refusedBy(r *watched, at *Attempt, k seatKey, left string, err error) {
	w := a.w
	next := w.say.nextLook()
	now := time.Now()
	quiet := false
	if r != nil {
		w.mu.Lock()
		r.trial = trial{}
		w.mu.Unlock()
	}
	switch kind := twelve306.KindOf(err); {
	case kind == twelve306.Refused:
		a.tomorrow = w.nextDay(now)
		next = w.say.nextTomorrow()
	case r == nil:
	case kind == twelve306.SoldOut, kind == twelve306.NotOnSale:
		if k == (seatKey{}) {
			break
		}
		w.mu.Lock()
		old := r.rests[k]
		quiet = r.knows(w.why(err), k, true, now)
		least := min(restLeast<<min(old.times, 3), restTime)
		if !at.Intent.IsZero() {
			least = max(least, restAfterConfirm)
		}
		r.rests[k] = rest{now.Add(least), now.Add(restTime), left, w.why(err), old.times + 1}
		w.mu.Unlock()
	case kind == twelve306.Conflict, kind == twelve306.Passenger:
		w.mu.Lock()
		r.stopped = w.why(err)
		w.mu.Unlock()
		next = w.say.nextStopRule(r.Name)
	default:
		if kind == twelve306.Unpaid {
			next = w.say.nextUnpaid()
		}
		a.pauseAfter(err, restTime)
		quiet = a.repeats(r, err)
	}
	a.failed(at, err, next, quiet)
}

// fail ends an attempt that may be tried again and tells so.
func (a *account) fail(r *watched, at *Attempt, err error, next string) {
	a.failed(at, err, next, a.repeats(r, err))
}

// repeats reports whether the user knows already, since the seats appeared, or
// of this seat, why the rule cannot book them.
func (a *account) repeats(r *watched, err error) bool {
	a.w.mu.Lock()
	defer a.w.mu.Unlock()
	r.trial = trial{}
	return r.knows(a.w.why(err), r.trying, false, time.Now())
}

// failed writes down that the attempt holds nothing and tells why; quiet when
// the user knows it from the attempt before.
func (a *account) failed(at *Attempt, err error, next string, quiet bool) {
	w := a.w
	why := w.why(err)
	news := []News{w.say.failed(at.Rule, &at.Trip, why, next)}
	if quiet && !a.doubtTold(at) {
		news = nil
	}
	a.log.Info("not booked", zap.String("rule", at.Rule), zap.String("attempt", at.ID), zap.String("train", at.Trip.Train), zap.Stringer("date", at.Trip.Date),
		zap.Error(err), zap.String("follows", follows(err)))
	w.recordAlways(news, Event{Kind: Failed, Rule: at.Rule, Attempt: at.ID, Why: why, Cause: string(twelve306.KindOf(err))})
	nudge(w.replan)
}

// pause keeps the account from trying again at once after a failure that a
// retry may mend: 1, 2, 4 ... 60 seconds.
func (a *account) pause(err error) {
	a.failures++
	a.pauseAfter(err, min(time.Second<<min(a.failures-1, 6), time.Minute))
}

func (a *account) pauseAfter(err error, d time.Duration) {
	a.restTill = time.Now().Add(asAsked(err, d))
}

// asAsked is a pause of d, or the longer one that 12306 asked for, an hour at
// most.
func asAsked(err error, d time.Duration) time.Duration {
	if e, ok := errors.AsType[*twelve306.Error](err); ok {
		d = max(d, min(e.RetryAfter, time.Hour))
	}
	return d
}

// cannotWrite ends an attempt that could not be written down: without a
// journal nothing is ordered.
func (a *account) cannotWrite(at *Attempt, err error) {
	a.log.Error("not booking: the state folder cannot be written", zap.String("attempt", at.ID), zap.Error(err))
	a.restTill = time.Now().Add(time.Minute)
	if a.unwritable {
		return
	}
	a.unwritable = true
	a.w.tell(a.w.say.failed(at.Rule, &at.Trip, a.w.say.cannotWrite(), ""))
}
