package watcher

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/twelve306"
)

// watched is a rule at work: what its looks found and why it may not book.
// It is guarded by Watcher.mu.
type watched struct {
	Rule
	found    map[twelve306.Journey]finding
	told     map[seatKey]int                 // what the user knows to be left, by seat
	offered  map[seatKey]bool                // offers made (true: accepted) since the seat appeared
	asking   bool                            // an offer is open
	rests    map[seatKey]rest                // seats that 12306 refused lately
	stopped  string                          // why the rule books no more until it is edited
	idleTill time.Time                       // no attempt before this, unless new seats have appeared since
	idleFrom int                             // appeared, when idleTill was set
	appeared int                             // how often new seats have appeared
	lastLook time.Time                       //
	nextLook time.Time                       //
	result   string                          // of the last look, in words
	refusal  string                          // words of a refusal that nobody knows a cure for, told already
	refused  int                             // appeared, when they were told
	warned   map[string]bool                 // cells nobody understands that were logged
	waits    map[twelve306.Date]bool         // days that 12306 did not sell yet; true: it does now, and the user is about to be told
	opens    map[twelve306.Journey]time.Time // when the next train that is wanted goes on sale
	spots    map[twelve306.Journey]*blindSpot

	blindSince time.Time // since when the user knows that the rule cannot see; zero when it can
}

// finding is what a journey's last good look found for a rule.
type finding struct {
	at   time.Time
	list []Candidate
}

// seatKey names a kind of seat on a train on a day.
type seatKey struct {
	date  twelve306.Date
	train string
	from  string
	to    string
	seat  twelve306.Seat
}

func keyOf(c Candidate) seatKey {
	return seatKey{c.Journey.Date, c.Train.Code(), c.Journey.From.Code, c.Journey.To.Code, c.Seat}
}

// rest is a seat left alone after 12306 said there was none (the field calls
// them zombie tickets): until then, or until its leftTicket text changes; but
// never for less than least, for that text may change with every look.
type rest struct {
	least, until time.Time
	left         string
	why          string
	times        int
}

// How long such a seat is left alone. Orders that follow a refusal faster
// bring the refusal for the day (PROTOCOL.md 3).
const (
	restTime         = time.Minute
	restLeast        = 10 * time.Second // refused before the confirm; doubled each time it happens again
	restAfterConfirm = 30 * time.Second // refused by it, or by the queue
)

// query is one journey that some rule wants, asked once for all of them.
type query struct {
	journey twelve306.Journey
	rules   []*watched
	due     time.Time
	born    time.Time // when it was first wanted
	asked   time.Time // when it was last asked
	failing bool
	emptied time.Time // since when an empty list is not believed
}

// setRules puts rules in force and says what changed, by name.
func (w *Watcher) setRules(rules []Rule) (added, changed, removed []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	old := w.byName
	w.byName = make(map[string]*watched, len(rules))
	w.rules = w.rules[:0:0]
	for _, r := range rules {
		e := old[r.Name]
		switch {
		case e == nil:
			added = append(added, r.Name)
		case !sameRule(e.Rule, r):
			changed = append(changed, r.Name)
			e = nil
		}
		if e == nil {
			e = &watched{Rule: r, found: map[twelve306.Journey]finding{}, told: map[seatKey]int{}, offered: map[seatKey]bool{},
				rests: map[seatKey]rest{}, warned: map[string]bool{}, waits: map[twelve306.Date]bool{}, opens: map[twelve306.Journey]time.Time{},
				spots: map[twelve306.Journey]*blindSpot{}}
		}
		w.copies.keeps(r.Passengers...)
		w.rules = append(w.rules, e)
		w.byName[r.Name] = e
	}
	for name := range old {
		if w.byName[name] == nil {
			removed = append(removed, name)
		}
	}
	slices.Sort(removed)
	return added, changed, removed
}

// sameRule compares two rules by what they say.
func sameRule(a, b Rule) bool { return fmt.Sprint(a) == fmt.Sprint(b) }

// counts returns how many rules there are and how many of them look.
func (w *Watcher) counts() (rules, looking int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	today := twelve306.DateOf(time.Now())
	for _, r := range w.rules {
		if w.looks(r, today) {
			looking++
		}
	}
	return len(w.rules), looking
}

// looks reports whether a rule wants to be asked about at all.
func (w *Watcher) looks(r *watched, today twelve306.Date) bool {
	return r.Enabled && !w.state.Paused(r.Name) && !r.AllPast(today) && !(r.Action.Orders() && w.state.Done(r.Name))
}

// lookLoop asks, one query after the other: the pace has one line anyway, and
// a tick that comes while its query is waiting or running is skipped.
func (w *Watcher) lookLoop(ctx context.Context) {
	plan := map[twelve306.Journey]*query{}
	for ctx.Err() == nil {
		next := w.plan(plan, time.Now())
		wait := time.NewTimer(time.Minute) // a day may come into the sale window
		if next != nil {
			wait.Reset(max(time.Until(next.due), 0))
		}
		select {
		case <-ctx.Done():
		case <-w.replan:
		case <-wait.C:
			if next != nil && !time.Now().Before(next.due) {
				w.look(ctx, next)
			}
		}
		wait.Stop()
	}
}

// plan brings the queries up to date with the rules and returns the one that
// is due first. A query that was never asked is due at once when its rule
// looks at a gap, and at its next tick when it looks by the clock.
func (w *Watcher) plan(plan map[twelve306.Journey]*query, now time.Time) *query {
	w.mu.Lock()
	defer w.mu.Unlock()
	today := twelve306.DateOf(now)
	for _, q := range plan {
		q.rules = q.rules[:0]
	}
	for _, r := range w.rules {
		r.nextLook = time.Time{}
		if !w.looks(r, today) {
			continue
		}
		for _, j := range r.Journeys() {
			if j.Date.Before(today) {
				continue
			}
			if !w.client.OnSale(j.Date) {
				r.waits[j.Date] = false
				continue
			}
			if _, waited := r.waits[j.Date]; waited {
				r.waits[j.Date] = true
			}
			q := plan[j]
			if q == nil {
				q = &query{journey: j, born: now}
				plan[j] = q
			}
			q.rules = append(q.rules, r)
		}
	}
	var next *query
	for j, q := range plan {
		if len(q.rules) == 0 {
			delete(plan, j)
			continue
		}
		q.due = time.Time{}
		for _, r := range q.rules {
			at := w.due(r, q, now)
			if !at.IsZero() && (q.due.IsZero() || at.Before(q.due)) {
				q.due = at
			}
			if !at.IsZero() && (r.nextLook.IsZero() || at.Before(r.nextLook)) {
				r.nextLook = at
			}
		}
		if q.due.IsZero() {
			continue
		}
		if next == nil || q.due.Before(next.due) || q.due.Equal(next.due) && before(q, next) {
			next = q
		}
	}
	return next
}

// before breaks the tie of two queries that are due together: the one that has
// waited longer, and then a fixed order.
func before(a, b *query) bool {
	if !a.asked.Equal(b.asked) {
		return a.asked.Before(b.asked)
	}
	return a.journey.String() < b.journey.String()
}

// due is when a rule next wants a query. Ticks that were missed while another
// query was running are never made up for.
func (w *Watcher) due(r *watched, q *query, now time.Time) time.Time {
	gap, even := Interval(r.Schedule)
	hours := w.opt.Hours
	if q.asked.IsZero() {
		if even && hours.Open(now.In(w.opt.Location)) {
			return q.born // and not now: it must not stand behind those that are due again
		}
		return NextLook(r.Schedule, hours, now)
	}
	if even {
		at := q.asked.Add(gap) // a tick that was missed is due at once, and only once
		if goes := maxTime(at, now).In(w.opt.Location); !hours.Open(goes) {
			return hours.NextOpen(goes)
		}
		return at
	}
	at := NextLook(r.Schedule, hours, q.asked)
	if at.Before(now) && (now.Sub(at) > time.Second || !hours.Open(now.In(w.opt.Location))) {
		return NextLook(r.Schedule, hours, now)
	}
	return at
}

// look asks one query and hands its answer to every rule that wants it.
func (w *Watcher) look(ctx context.Context, q *query) {
	q.asked = time.Now()
	w.setLooking(q.asked)
	defer w.setLooking(time.Time{})
	asking, release := w.tillClosing(ctx)
	defer release()
	trains, err := w.client.Query(asking, q.journey)
	if asking.Err() != nil {
		return
	}
	now := time.Now()
	if err != nil {
		w.lookFailed(q, err, now)
		return
	}
	w.meter.look(nil)
	if q.failing {
		q.failing = false
		w.log.Info("the look works again", zap.Stringer("query", q.journey))
	}
	again := w.say.seesAgain
	if q.believed(trains) {
		w.log.Warn("12306 keeps saying that there are no trains where there were some; it is believed now",
			zap.Stringer("query", q.journey), zap.Time("since", q.emptied))
		again = func(since, now time.Time) News { return w.say.noTrains(q.journey, since, now) }
	}
	q.emptied = time.Time{}
	w.sees(now, again)
	for _, r := range q.rules {
		w.found(ctx, r, q.journey, trains, now)
	}
}

// tillClosing is ctx until service_hours end: a look that waits for its turn in
// the pace must not leave after that.
func (w *Watcher) tillClosing(ctx context.Context) (context.Context, context.CancelFunc) {
	if w.opt.Hours.IsZero() {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, w.opt.Hours.NextClose(time.Now().In(w.opt.Location)))
}

func (w *Watcher) setLooking(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looking = at
}

func (w *Watcher) lookFailed(q *query, err error, now time.Time) {
	if twelve306.KindOf(err) == twelve306.NotOnSale {
		// Neither seeing nor blindness: the day is left alone until it opens.
		w.log.Info("not on sale yet; waiting for it", zap.Stringer("query", q.journey), zap.Error(err))
		return
	}
	w.meter.look(err)
	if !q.failing {
		q.failing = true
		w.log.Warn("a look failed; it is tried again at its next time", zap.Stringer("query", q.journey), zap.Error(err))
	}
	w.mu.Lock()
	for _, r := range q.rules {
		r.lastLook, r.result = now, w.why(err)
	}
	w.mu.Unlock()
	q.suspects(err, now)
	w.seesNothing(err, now)
	if twelve306.KindOf(err) == twelve306.Changed {
		for _, r := range q.rules { // other journeys may be seen all the same
			w.puzzled(r, q.journey, now, func(kept string) News { return w.say.blindTo(r.Name, q.journey, w.why(err), kept) })
		}
	}
}

// found takes the trains of a journey for one rule: it keeps what may be
// booked, tells what is new, and wakes the account.
func (w *Watcher) found(ctx context.Context, r *watched, j twelve306.Journey, trains []twelve306.Train, now time.Time) {
	list := r.Match(j, trains)
	w.mu.Lock()
	if w.byName[r.Name] != r { // replaced by a reload while we asked
		w.mu.Unlock()
		return
	}
	r.lastLook = now
	if len(list) == 0 {
		w.unreadable(r, j, trains)
	}
	r.found[j] = finding{now, list}
	r.opens[j] = r.opensNext(j, trains, now)
	opened := r.waits[j.Date]
	delete(r.waits, j.Date)
	fresh := r.news(j, list)
	r.result = w.say.result(len(trains), list)
	blocked := w.blockedFor(r, now)
	w.mu.Unlock()

	w.judged(r, j, trains, len(list) > 0, now)
	if opened {
		w.log.Info("the day is on sale now", zap.String("rule", r.Name), zap.Stringer("query", j))
		w.tell(w.say.dayOpened(r.Name, j, r.opens[j], now))
	}
	if len(fresh) > 0 {
		best := fresh[0]
		w.log.Info("seats", zap.String("rule", r.Name), zap.Stringer("query", j), zap.String("train", best.Train.Code()),
			zap.String("seat", best.Seat.Name()), zap.String("left", best.Left.Text), zap.Int("kinds", len(fresh)))
	}
	offered := false
	if len(list) > 0 && r.Action.Orders() {
		offered = r.Action == ActionAsk && blocked == "" && w.offer(ctx, r)
		nudge(w.seats)
	}
	if len(fresh) > 0 {
		n := w.say.seats(r.Name, fresh, w.then(r, blocked))
		n.Shown = offered
		w.tell(n)
	}
}

// opensNext is when the next of the trains that the rule wants goes on sale;
// zero when none of them says so.
func (r *watched) opensNext(j twelve306.Journey, trains []twelve306.Train, now time.Time) time.Time {
	var next time.Time
	for i := range trains {
		t := &trains[i]
		if !t.NotOnSale() {
			continue
		}
		at, ok := t.SaleTime()
		if !ok || !at.After(now) || !next.IsZero() && !at.Before(next) {
			continue
		}
		if _, why := r.judgeTrain(j, t); why.Kind == NotOnSale {
			next = at
		}
	}
	return next
}

// news compares what is left with what the user was told and returns the
// candidates that are worth telling: new ones, and those of which there are
// more. A seat that is gone is forgotten, so that its return is news again.
func (r *watched) news(j twelve306.Journey, list []Candidate) []Candidate {
	var fresh []Candidate
	now := make(map[seatKey]bool, len(list))
	for _, c := range list {
		k := keyOf(c)
		now[k] = true
		if before, known := r.told[k]; !known || c.Left.Count > before {
			if !known {
				r.appeared++
			}
			fresh = append(fresh, c)
		}
		r.told[k] = c.Left.Count
	}
	for k := range r.told {
		if k.date == j.Date && k.from == j.From.Code && k.to == j.To.Code && !now[k] {
			delete(r.told, k)
			delete(r.offered, k)
			delete(r.rests, k)
		}
	}
	return fresh
}

// then says what follows on seats.
func (w *Watcher) then(r *watched, blocked string) string {
	switch {
	case !r.Action.Orders():
		return w.say.thenBuy()
	case blocked != "":
		return blocked
	case r.Action == ActionAsk:
		return w.say.thenAsk()
	}
	return w.say.thenBook()
}

// blockedFor says why a rule that books cannot do so now; "" when it can.
func (w *Watcher) blockedFor(r *watched, now time.Time) string {
	if !r.Action.Orders() {
		return ""
	}
	if r.stopped != "" {
		return w.say.thenStopped(r.stopped)
	}
	for _, a := range w.state.Held() {
		return w.say.thenHeld(a.Number)
	}
	return ""
}

// unreadable logs, once each, cells that are in no vocabulary: a wanted train
// that cannot be judged must not look like one without seats.
func (w *Watcher) unreadable(r *watched, j twelve306.Journey, trains []twelve306.Train) {
	for i := range trains {
		_, why, ok := r.Verdict(j, &trains[i])
		if ok || why.Kind != Unreadable || r.warned[why.Words] || len(r.warned) > 20 {
			continue
		}
		r.warned[why.Words] = true
		w.log.Warn("12306 wrote something about seats that is not understood; it is not taken for sold out",
			zap.String("rule", r.Name), zap.String("train", trains[i].Code()), zap.String("words", why.Words))
	}
}

// sight is whether looks work at all (PROMISES I9). It is guarded by mu.
type sight struct {
	good    time.Time // the last good look; the start before the first
	bad     int       // bad looks since then
	blind   bool
	blocked bool
}

// Blindness: no good look for this many looks in a row and for this long,
// whichever is later.
const (
	blindLooks = 5
	blindTime  = 30 * time.Second
)

// longBlock is a Retry-After that is told at once: there will be no five looks
// before it ends.
const longBlock = 5 * time.Minute

// sees takes up a good look; again words the end of a blindness.
func (w *Watcher) sees(now time.Time, again func(since, now time.Time) News) {
	w.mu.Lock()
	was := w.sight
	w.sight = sight{good: now, blocked: was.blocked && w.client.Pace().Stats().Slow > 1.5}
	w.mu.Unlock()
	if was.blind {
		w.log.Info("seeing trains again", zap.Time("blind_since", was.good))
		w.tell(again(was.good, now))
	}
}

func (w *Watcher) seesNothing(err error, now time.Time) {
	w.mu.Lock()
	s := &w.sight
	if s.good.IsZero() {
		s.good = w.since
	}
	s.bad++
	turned := !s.blind && s.bad >= blindLooks && now.Sub(s.good) >= blindTime
	s.blind = s.blind || turned
	since := s.good
	held := !s.blocked && !s.blind && (s.bad >= 2 && twelve306.KindOf(err) == twelve306.Blocked || asAsked(err, 0) >= longBlock)
	s.blocked = s.blocked || held
	w.mu.Unlock()
	if held {
		w.log.Warn("12306 turns us away; looking more slowly", zap.Error(err))
		w.tell(w.say.blocked(w.why(err)))
	}
	if turned {
		w.log.Error("no look works any more", zap.Time("since", since), zap.Error(err))
		w.tell(w.say.blind(since, lines(w.why(err), w.keptCopy(since)), now))
	}
}

// ourWords is an error about which 12306 said nothing.
type ourWords struct {
	error
	words string
}

func (e ourWords) Unwrap() error { return e.error }

// why words an error for the user: 12306's own words if it had any.
func (w *Watcher) why(err error) string {
	if own, ok := errors.AsType[ourWords](err); ok {
		return own.words
	}
	e, ok := errors.AsType[*twelve306.Error](err)
	if !ok {
		return err.Error()
	}
	if hasHan(e.Msg) {
		return w.say.said(e.Msg)
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return w.say.f("对方的证书不可信，不是真的 12306；自己的模拟站要配 twelve306.ca_file。",
			"The certificate is not trusted: this is not 12306. A simulator of yours needs twelve306.ca_file.")
	}
	if n, ok := errors.AsType[twelve306.Emptied](err); ok {
		return w.say.f("12306 之前列出过 %d 趟车，现在一趟也不列。", "12306 lists no trains where it listed %d.", int(n))
	}
	switch e.Kind { // our own words for those who run it are in the log
	case twelve306.Network:
		return w.say.f("网络不通，或 12306 的回答读不懂。", "No network, or an answer from 12306 that cannot be read.")
	case twelve306.Busy:
		return w.say.f("12306 正忙。", "12306 is busy.")
	case twelve306.Blocked:
		return w.say.f("12306 暂时不让这个网络地址查询。", "12306 turns this address away for now.")
	case twelve306.Session:
		return w.say.f("12306 说还没有登录。", "12306 says that nobody is logged in.")
	case twelve306.Person:
		if e.Op == "initDc" {
			return w.say.f("12306 下单前要拖滑块，那只有它自己的页面能显示；请在官方 App 里下单。",
				"12306 wants a slider before the order, which only its own page can show; please order in the official app.")
		}
	case twelve306.Changed:
		return w.say.f("12306 的回答和以前不一样，读不懂。", "12306 answers in a form that is not known.")
	}
	return e.Op + ": " + e.Msg
}

func hasHan(s string) bool {
	return slices.ContainsFunc([]rune(s), func(r rune) bool { return r >= 0x4e00 && r < 0xa000 })
}
