package watcher

import (
	"context"
	"crypto/tls"
	"errors"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/twelve306"
)

// watched is a rule at work: what its looks found and why it may not book.
// It is guarded by Watcher.mu. There may be ten thousand of them.
type watched struct {
	Rule
	wants    []want                          // the queries that it shares with others; none while it does not look
	found    []finding                       // by journey
	offered  map[seatKey]bool                // offers made (true: accepted) since the seat appeared
	asking   bool                            // an offer is open
	rests    map[seatKey]rest                // seats that 12306 refused lately
	stopped  string                          // why the rule books no more until it is edited or resumed
	unfit    string                          // why the account could not order for its passengers, told already
	idleTill time.Time                       // no attempt before this, unless new seats have appeared since
	idleFrom int                             // appeared, when idleTill was set
	appeared int                             // how often new seats have appeared
	lastLook time.Time                       //
	result   string                          // of the last look, in words
	heard    []heard                         // why it could not book lately, as the user was told
	trial    trial                           // attempts that come to nothing, in a row
	trying   seatKey                         // what the last attempt is for
	tried    time.Time                       // when it was chosen
	warned   map[string]bool                 // cells nobody understands that were logged
	waits    map[twelve306.Date]bool         // days that 12306 did not sell yet; true: it does now, and the user is about to be told
	opens    map[twelve306.Journey]time.Time // when the next train that is wanted goes on sale, by 12306's clock
	spots    map[twelve306.Journey]*blindSpot
	nears    *nears // trains that nearly do; nil before the first

	blindSince time.Time // since when the user knows that the rule cannot see; zero when it can
}

// finding is what a journey's last good look found for a rule, which is also
// what the user knows to be left.
type finding struct {
	journey twelve306.Journey
	at      time.Time
	hits    []hit
	spent   bool // refused as stale: known, but not to be ordered from
}

// finding returns what the last good look at a journey found; nil before it.
func (r *watched) finding(j twelve306.Journey) *finding {
	for i := range r.found {
		if f := &r.found[i]; f.journey == j {
			return f
		}
	}
	return nil
}

// candidates yields what the last looks found that may still be ordered from.
func (r *watched) candidates(yield func(c Candidate, at time.Time) bool) {
	for i := range r.found {
		f := &r.found[i]
		if f.spent {
			continue
		}
		for _, h := range f.hits {
			if !yield(r.candidateOf(f.journey, h), f.at) {
				return
			}
		}
	}
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
// never for less than least, for that text may change with every look. One that
// goes and comes back has changed, and rests for least all the same.
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
	for ctx.Err() == nil {
		now := time.Now()
		w.serviceHours(now)
		next, at := w.plan(now)
		if next != nil && !at.After(now) {
			w.look(ctx, next)
			continue
		}
		pause := time.Minute // a day may come into the sale window
		if next != nil {
			pause = min(pause, at.Sub(now))
		}
		wait := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-w.replan:
		case <-wait.C:
		}
		wait.Stop()
	}
}

// look asks one query and hands its answer to every rule that wants it.
func (w *Watcher) look(ctx context.Context, q *query) {
	q.asked = time.Now()
	q.sway = int64(w.client.Pace().Jitter(2*swayMost)) - swayMost
	w.setLooking(q.asked)
	w.planner.asks(q)
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
	w.checkClock()
	w.diary.looked(w.log, nil, now)
	if q.failed >= worthALine {
		w.log.Info("the look works again", zap.Stringer("query", q.journey), zap.Int("failed", q.failed))
	}
	q.failed = 0
	again := w.say.seesAgain
	if q.believed(trains) {
		w.log.Warn("12306 keeps saying that there are no trains where there were some; it is believed now",
			zap.Stringer("query", q.journey), zap.Time("since", q.emptied))
		again = func(since, now time.Time) News { return w.say.noTrains(q.journey, since, now) }
	}
	q.emptied = time.Time{}
	w.sees(now, again)
	b := newTimetable(trains)
	var news []News
	for _, r := range q.rules {
		news = append(news, w.found(ctx, r, q.journey, b, now)...)
	}
	w.mu.Lock()
	q.salesAt(w.railway(now))
	w.mu.Unlock()
	// One write for all: two hundred rules may have waited for these seats.
	if len(news) > 0 {
		w.tell(news...)
	}
}

// tillClosing is ctx until service_hours end: a look that waits for its turn in
// the pace must not leave after that.
func (w *Watcher) tillClosing(ctx context.Context) (context.Context, context.CancelFunc) {
	if w.opt.Hours.IsZero() {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, w.local(w.opt.Hours.NextClose(w.railway(time.Now()))))
}

func (w *Watcher) setLooking(at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looking = at
}

func (w *Watcher) lookFailed(q *query, err error, now time.Time) {
	if twelve306.KindOf(err) == twelve306.NotOnSale && unsent(err) {
		// Neither seeing nor blindness: the day is left alone until it opens. The
		// client says so of a day outside the sale window; when 12306 itself refuses
		// a query, for maintenance say, nothing was seen.
		w.log.Info("not on sale yet; waiting for it", zap.Stringer("query", q.journey), zap.Error(err))
		return
	}
	w.meter.look(err)
	w.diary.looked(w.log, err, now)
	if q.failed++; q.failed == worthALine {
		w.log.Warn("looks fail; it goes on trying", zap.Stringer("query", q.journey), zap.Int("failed", q.failed), zap.Error(err))
	} else {
		w.log.Debug("a look failed", zap.Stringer("query", q.journey), zap.Error(err))
	}
	w.mu.Lock()
	for _, r := range q.rules {
		r.lastLook, r.result = now, w.why(err)
	}
	w.mu.Unlock()
	q.suspects(err, now)
	w.seesNothing(err, now)
	var news []News
	for _, r := range q.rules { // other journeys may be seen all the same
		if kept, turned := w.puzzled(r, q.journey, now); turned {
			news = append(news, w.say.blindTo(r.Name, q.journey, w.why(err), kept))
		}
	}
	if len(news) > 0 {
		w.log.Error("looks at one journey do not work any more, while others do", zap.Stringer("query", q.journey), zap.Int("failed", q.failed), zap.Error(err))
		w.tell(news...)
	}
}

// worthALine is how many failed looks in a row at one query are logged. A
// single one is 12306's everyday life; diary counts it.
const worthALine = 2

// found takes the trains of a journey for one rule: it keeps what may be
// booked, returns what is new, and wakes the account.
func (w *Watcher) found(ctx context.Context, r *watched, j twelve306.Journey, b *timetable, now time.Time) []News {
	trains := b.wanted(&r.Rule)
	hits := r.hits(j, trains)
	w.mu.Lock()
	if w.byName[r.Name] != r { // replaced by a reload while we asked
		w.mu.Unlock()
		return nil
	}
	r.lastLook = now
	if len(hits) == 0 {
		w.unreadable(r, j, trains)
	}
	if at := r.opensNext(j, trains, w.railway(now)); at.IsZero() {
		delete(r.opens, j)
	} else {
		r.opens[j] = at
	}
	opened := r.waits[j.Date]
	delete(r.waits, j.Date)
	opens := r.opens[j]
	fresh, lost := r.news(j, hits, now)
	if len(hits) == 0 {
		r.result = b.nothing(w.say)
	} else {
		r.result = w.say.result(len(b.trains), r.candidateOf(j, hits[0]))
	}
	blocked := w.blockedFor(r, now)
	near := w.near(r, j, trains, len(hits), now)
	tells := !r.Action.Orders() || blocked != ""
	again := ""
	if len(fresh) > 0 && !slices.ContainsFunc(fresh, func(c Candidate) bool { return r.failedLately(keyOf(c), now) == "" }) {
		again = r.failedLately(keyOf(fresh[0]), now)
	}
	w.mu.Unlock()

	w.judged(r, j, trains, len(hits) > 0, now)
	var news []News
	if opened {
		w.log.Info("the day is on sale now", zap.String("rule", r.Name), zap.Stringer("query", j))
		news = append(news, w.say.dayOpened(r.Name, j, opens, r.Action.Orders() && w.opt.Account != nil, now))
	}
	if len(fresh) > 0 {
		best := fresh[0]
		w.log.Info("seats", zap.String("rule", r.Name), zap.Stringer("query", j), zap.String("train", best.Train.Code()),
			zap.String("seat", best.Seat.Name()), zap.String("left", best.Left.Text), zap.Int("kinds", len(fresh)))
	}
	if len(lost) > 0 {
		best := lost[0]
		w.log.Info("seats gone", zap.String("rule", r.Name), zap.Stringer("query", j), zap.String("train", best.train.Code()),
			zap.String("seat", r.Seats[best.seat].Name()), zap.Duration("after", now.Sub(time.Unix(int64(best.since), 0)).Round(time.Second)),
			zap.Int("kinds", len(lost)), zap.Int("still", len(hits)))
	}
	offered := false
	if len(hits) > 0 && r.Action.Orders() {
		offered = r.Action == ActionAsk && blocked == "" && w.offer(ctx, r)
		nudge(w.seats)
	}
	if len(fresh) > 0 {
		n := w.say.seats(r.Name, fresh, w.then(r, blocked, again, offered))
		n.Shown = offered
		n.Loud = tells // nothing louder follows: whoever wants the seat must hear of it here
		news = append(news, n)
	}
	if len(near) > 0 {
		w.log.Info("near misses", zap.String("rule", r.Name), zap.Stringer("query", j), zap.String("train", near[0].train.Code()),
			zap.String("why", string(near[0].why.Kind)), zap.Int("trains", len(near)))
		news = append(news, w.say.nearMisses(&r.Rule, near))
	}
	return news
}

// opensNext is when the next of the trains that the rule wants goes on sale;
// zero when none of them says so. now and what it returns are by 12306's clock.
func (r *watched) opensNext(j twelve306.Journey, trains []*twelve306.Train, now time.Time) time.Time {
	var next time.Time
	for _, t := range trains {
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
// more. A seat that is gone is forgotten, so that its return is news again; but
// not that 12306 refused it, for seats flicker. lost are those that went.
func (r *watched) news(j twelve306.Journey, hits []hit, now time.Time) (fresh []Candidate, lost []hit) {
	f := r.finding(j)
	if f == nil {
		r.found = append(r.found, finding{journey: j})
		f = &r.found[len(r.found)-1]
	}
	told := sighting{rule: &r.Rule, hits: f.hits}
	for i := range hits {
		h := &hits[i]
		before, known := told.find(r.Seats[h.seat], h.train)
		if known {
			h.since = before.since
			if h.count <= before.count {
				continue
			}
		} else {
			h.since = uint32(now.Unix())
			r.appeared++
		}
		fresh = append(fresh, r.candidateOf(j, *h))
	}
	still := sighting{rule: &r.Rule, hits: hits}
	for _, h := range f.hits {
		if _, known := still.find(r.Seats[h.seat], h.train); !known {
			lost = append(lost, h)
		}
	}
	f.at, f.hits, f.spent = now, hits, false
	gone := func(k seatKey) bool {
		return k.date == j.Date && k.from == j.From.Code && k.to == j.To.Code && !slices.ContainsFunc(hits, func(h hit) bool {
			return r.Seats[h.seat] == k.seat && h.train.Code() == k.train
		})
	}
	for k := range r.offered {
		if gone(k) {
			delete(r.offered, k)
		}
	}
	for k, z := range r.rests {
		switch {
		case now.Sub(z.until) >= remembered:
			delete(r.rests, k)
		case gone(k):
			z.until = z.least
			r.rests[k] = z
		}
	}
	return fresh, lost
}

// sighting is what one look found, to be asked in nearly the order of another.
type sighting struct {
	rule *Rule
	hits []hit
	at   int
}

// find returns the seats of a kind on a train.
func (e *sighting) find(s twelve306.Seat, t *twelve306.Train) (found hit, known bool) {
	code := t.Code()
	for range e.hits {
		h := e.hits[e.at]
		if e.at++; e.at == len(e.hits) {
			e.at = 0
		}
		if e.rule.Seats[h.seat] == s && h.train.Code() == code {
			return h, true
		}
	}
	return hit{}, false
}

// then says what follows on seats. again is why they could not be booked a
// while ago, offered that an offer is made of them.
func (w *Watcher) then(r *watched, blocked, again string, offered bool) string {
	switch {
	case !r.Action.Orders():
		return w.say.thenBuy()
	case blocked != "":
		return blocked
	case again != "" && !offered:
		return w.say.thenAgain(again)
	case r.Action == ActionAsk:
		return w.say.thenAsk()
	}
	return w.say.thenBook()
}

// unreadable logs, once each, cells that are in no vocabulary: a wanted train
// that cannot be judged must not look like one without seats.
func (w *Watcher) unreadable(r *watched, j twelve306.Journey, trains []*twelve306.Train) {
	for _, t := range trains {
		_, why, ok := r.Verdict(j, t)
		if ok || why.Kind != Unreadable || r.warned[why.Words] || len(r.warned) > 20 {
			continue
		}
		r.warned[strings.Clone(why.Words)] = true
		w.log.Warn("12306 wrote something about seats that is not understood; it is not taken for sold out",
			zap.String("rule", r.Name), zap.String("train", t.Code()), zap.String("words", why.Words))
	}
}

// sight is whether looks work at all (PROMISES I9). It is guarded by mu.
type sight struct {
	good    time.Time // the last good look; the start before the first
	opened  time.Time // when service_hours began after that; zero when they did not
	bad     int       // bad looks since then
	blind   bool
	blocked bool
}

// since is when looks could have been good and were not.
func (s sight) since() time.Time {
	if s.opened.After(s.good) {
		return s.opened
	}
	return s.good
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
		w.log.Info("seeing trains again", zap.Time("blind_since", was.since()))
		w.tell(again(was.since(), now))
	}
}

func (w *Watcher) seesNothing(err error, now time.Time) {
	w.mu.Lock()
	s := &w.sight
	if s.good.IsZero() {
		s.good = w.since
	}
	s.bad++
	turned := !s.blind && s.bad >= blindLooks && now.Sub(s.since()) >= blindTime
	s.blind = s.blind || turned
	since := s.since()
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
	if u, ok := errors.AsType[*twelve306.Unfit](err); ok {
		return w.say.unfit(u)
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
		return w.say.f("网络不通，或 12306 的回答读不懂。", "There is no network, or 12306's answer cannot be read.")
	case twelve306.Busy:
		return w.say.f("12306 正忙。", "12306 is busy.")
	case twelve306.Blocked:
		return w.say.f("12306 暂时不让这个网络地址查询。", "12306 turns this network address away for now.")
	case twelve306.Session:
		return w.say.f("12306 说还没有登录。", "12306 says that nobody is logged in.")
	case twelve306.Person:
		if e.Op == "initDc" {
			return w.say.f("12306 下单前要拖滑块，那只有它自己的页面能显示；请在官方 App 里下单。",
				"12306 wants a slider before the order, which only its own page can show; please order in the official app.")
		}
		return w.say.f("12306 要你先在它的官方 App 里办一件事，但没说是什么。", "12306 wants you to do something in its official app first, and does not say what.")
	case twelve306.Stale:
		return w.say.f("12306 的下单页不认刚查到的这趟车。", "12306's order page does not know the train that it has just listed.")
	case twelve306.SoldOut:
		return w.say.f("没有票了。", "Sold out.")
	case twelve306.Changed:
		return w.say.f("12306 的回答和以前不一样，读不懂。", "12306 answers in a form that is not known here.")
	}
	return w.say.f("12306 没有答应，也没说为什么（%s）。", "12306 did not agree and does not say why (%s).", e.Op)
}

func hasHan(s string) bool {
	return slices.ContainsFunc([]rune(s), func(r rune) bool { return r >= 0x4e00 && r < 0xa000 })
}
