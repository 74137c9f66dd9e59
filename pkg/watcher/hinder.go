package watcher

import (
	"context"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
)

// What keeps a rule from booking is known to the account's goroutine, and told
// by the one that looks, by offers, and at the end of a row of attempts that
// come to nothing.

// hindrance is what keeps the account from ordering anything, as others than
// its goroutine may know it. It is guarded by Watcher.mu.
type hindrance struct {
	tomorrow time.Time // 12306 takes no order of the account before this
	foreign  string    // number of an unfinished order that is not ours; "?" while it has none
	refused  bool      // the password was refused
	login    time.Time // no login by itself before this
}

// shows lets the others know what hinders the account.
func (a *account) shows() {
	a.w.mu.Lock()
	defer a.w.mu.Unlock()
	a.w.hindered = hindrance{a.tomorrow, a.foreign, a.refused, a.loginAfter}
}

// blockedFor says why a rule that books cannot do so now; "" when it can.
// Callers hold w.mu.
func (w *Watcher) blockedFor(r *watched, now time.Time) string {
	if !r.Action.Orders() {
		return ""
	}
	if r.stopped != "" {
		return w.say.thenStopped(r.Name, r.stopped)
	}
	for _, a := range w.state.Held() {
		return w.say.thenHeld(a.Number)
	}
	if o := w.state.Open(); o != nil && o.Rule != r.Name && now.Sub(o.Intent) >= longOpen {
		return w.say.thenOpen(o.Rule)
	}
	if w.opt.Account == nil {
		return ""
	}
	in, _ := w.client.LoggedIn()
	switch h := w.hindered; {
	case h.foreign == "?":
		return w.say.thenQueueing()
	case h.foreign != "":
		return w.say.thenForeign(h.foreign)
	case h.refused && !in:
		return w.say.thenPassword()
	case h.tomorrow.After(now):
		return w.say.thenTomorrow()
	}
	return ""
}

// longOpen is how long an order may be on its way without being a reason to
// give: an ordinary one is known by then.
const longOpen = 30 * time.Second

// heard is a reason that the user was given why a seat could not be booked.
type heard struct {
	why      string
	seat     seatKey
	appeared int // of the rule, when it was last the reason
	at       time.Time
}

// Reasons are remembered for a while: a seat that flickers fails in the same
// words each time. A rule remembers so many.
const (
	remembered  = 10 * time.Minute
	mostReasons = 16
)

// knows reports whether the user was given this reason before: for this seat a
// while ago at most, or, where it is no matter of the seat, since the last seats
// appeared. From now on he was. Callers hold w.mu.
func (r *watched) knows(why string, seat seatKey, seatOnly bool, now time.Time) bool {
	known := false
	kept := r.heard[:0]
	for _, h := range r.heard {
		since := !seatOnly && h.appeared == r.appeared
		switch {
		case h.why == why && (since || h.seat == seat && now.Sub(h.at) < remembered):
			known = true
		case since || now.Sub(h.at) < remembered:
			kept = append(kept, h)
		}
	}
	r.heard = append(kept[max(0, len(kept)-mostReasons+1):], heard{why, seat, r.appeared, now})
	return known
}

// failedLately returns why a seat could not be booked a while ago; "" when
// nothing is known against it. Callers hold w.mu.
func (r *watched) failedLately(k seatKey, now time.Time) string {
	for i := len(r.heard) - 1; i >= 0; i-- {
		if h := r.heard[i]; h.seat == k && now.Sub(h.at) < remembered {
			return h.why
		}
	}
	return ""
}

// resting reports whether a seat is left alone. Callers hold w.mu.
func (r *watched) resting(c Candidate, now time.Time) bool {
	z, ok := r.rests[keyOf(c)]
	return ok && (now.Before(z.least) || now.Before(z.until) && z.left == c.Train.LeftTicket())
}

// trial is a row of attempts of one rule that came to nothing before the
// confirm, for reasons that a retry may mend. It is guarded by Watcher.mu.
type trial struct {
	times       int
	since, last time.Time // of the first and of the last of them
	seat        seatKey   // of the last
	appeared    int       // of the rule, at the last
	trip        Trip
	why         string
	told        bool
}

// What a retry mends is not told: so many attempts, as long as they take no
// longer than this. The pauses between them are 1, 2 and 4 seconds.
const (
	mendable     = 3
	patienceTime = 30 * time.Second
)

// comesToNothing takes up an attempt that failed before the confirm for a reason
// that a retry may mend. When that goes on the user is told so, each reason
// once: the last that he heard is that it is being booked.
func (a *account) comesToNothing(r *watched, at *Attempt, k seatKey, err error, next string) {
	w := a.w
	now := time.Now()
	w.mu.Lock()
	t := &r.trial
	if t.appeared != r.appeared && (t.seat != k || now.Sub(t.last) >= remembered) {
		*t = trial{}
	}
	if t.times++; t.times == 1 {
		t.since = now
	}
	t.last, t.seat, t.appeared, t.trip, t.why = now, k, r.appeared, at.Trip, w.why(err)
	tell := t.times > mendable || now.Sub(t.since) >= patienceTime || a.restTill.Sub(now) >= patienceTime
	if tell {
		t.told = true
		tell = !r.knows(t.why, k, false, now)
	}
	w.mu.Unlock()
	if tell {
		a.failed(at, err, next, false)
	}
}

// tellGone tells of seats that went while they could not be booked, and of which
// nothing was told but that they are being booked. No attempt is under way.
func (a *account) tellGone(now time.Time) {
	w := a.w
	var news []News
	today := twelve306.DateOf(now)
	w.mu.Lock()
	for _, r := range w.rules {
		t := r.trial
		if t.times == 0 || r.anyHits() {
			continue
		}
		r.trial = trial{}
		if !t.told && now.Sub(t.last) < remembered && w.looks(r, today) && !r.knows(t.why, t.seat, true, now) {
			news = append(news, w.say.failed(r.Name, &t.trip, t.why, w.say.nextGone()))
		}
	}
	w.mu.Unlock()
	if len(news) > 0 {
		w.tell(news...)
	}
}

// anyHits reports whether the last looks found anything.
func (r *watched) anyHits() bool {
	for i := range r.found {
		if len(r.found[i].hits) > 0 {
			return true
		}
	}
	return false
}

// followTime is how soon an attempt follows on the user's yes; after that he is
// told what it waits for.
const followTime = 10 * time.Second

// follow sees to it that a yes to an offer is followed, or that the user hears
// why it is not.
func (w *Watcher) follow(ctx context.Context, r *watched, c Candidate) {
	said := time.Now()
	for _, wait := range []time.Duration{0, followTime} {
		if wait > 0 && sleep(ctx, wait) != nil {
			return
		}
		now := time.Now()
		w.mu.Lock()
		tried := !r.tried.Before(said) || w.state.Done(r.Name) // it may have booked what he said yes to before
		why := ""
		switch trip := tripOf(r.Rule, c); {
		case tried:
		case w.byName[r.Name] != r || !w.looks(r, twelve306.DateOf(now)):
			why = w.say.nowChanged()
		case w.blockedFor(r, now) != "":
			why = w.blockedFor(r, now)
		case !r.has(trip):
			why = w.say.nowGone()
		}
		w.mu.Unlock()
		switch trip := tripOf(r.Rule, c); {
		case tried:
			return
		case why != "":
			w.tell(w.say.failed(r.Name, &trip, why, ""))
			return
		case wait > 0:
			w.tell(w.say.notYet(r.Name, &trip))
		}
	}
}

// has reports whether the last looks found the seat of a trip. Callers hold w.mu.
func (r *watched) has(t Trip) bool {
	for i := range r.found {
		for _, h := range r.found[i].hits {
			if c := r.candidateOf(r.found[i].journey, h); c.Train.Code() == t.Train && c.Journey.Date == t.Date && c.Seat == t.Seat {
				return true
			}
		}
	}
	return false
}
