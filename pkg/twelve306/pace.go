package twelve306

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// budgetWindow is the time that a budget is counted over. Long-running clients
// found 80 requests in 5 minutes to be what 12306 lets pass (PROTOCOL.md 3).
const budgetWindow = 5 * time.Minute

// budgetSlack is added to it: a request counts at 12306 when it arrives, and a
// first one may be under way for seconds longer than the last.
const budgetSlack = 5 * time.Second

// slowest is the longest gap that throttling leads to: one look a minute.
const slowest = time.Minute

// loginEnds is how many requests follow on the scan of a QR code until the
// session is proven.
const loginEnds = 8

// headroom is the part of the budget, in percent, that queries leave free at
// every moment, whatever was spent: seats that they find must be bookable.
const headroom = 15

// class says what a request waits for.
type class int

const (
	classOrder class = iota // order, login, session: the whole budget, no gap
	classLook               // a query: the gap between queries and the smaller part of the budget
	classAgain              // the one repeat of a query (new letter, new session): no gap
	classAside              // a file that goes with queries: no gap, and none after it
	classPoll               // a question to the queue: the whole budget, PollInterval apart
	classScan               // a question about a QR code: the budget but for what the rest of the login needs
)

// looks reports whether a request is a query.
func (c class) looks() bool { return c == classLook || c == classAgain }

// beside reports whether a request is for queries rather than for the account.
func (c class) beside() bool { return c.looks() || c == classAside }

// Mark is one request that was sent: what has to be remembered over a restart,
// so that a daemon that crashes and comes back keeps its pace.
type Mark struct {
	At   time.Time
	Look bool // a query
	Poll bool // a question to the queue
}

// PaceConfig says how often 12306 may be asked.
type PaceConfig struct {
	MinInterval time.Duration // the shortest gap between two queries
	Budget      int           // the most requests in any 5 minutes, everything counted; 0 = no limit

	// Random returns a number from 0 to n-1, for what shall not be exactly on
	// the beat. Left out, math/rand's; a simulation that is to be repeated
	// brings its own.
	Random func(n int64) int64
}

// Pace is the one place where requests wait for their turn. All requests of
// one address share it, whatever they are for. It is safe for concurrent use.
type Pace struct {
	mu        sync.Mutex
	onSend    func(Mark)     // called for every request before it leaves; may be nil
	onSlow    func(Slowness) // called when queries are slowed, or are not any more; may be nil
	nextPoll  time.Time
	cfg       PaceConfig
	sent      []Mark // of the last budgetWindow, and of budgetSlack before it, oldest first
	ordering  int    // how many orders and logins are under way
	nextLook  time.Time
	lastLook  time.Time
	lastTurn  time.Time     // of the last query that waited for its turn
	lookGap   time.Duration // between that one and the one before it
	slow      float64       // 1 = full speed; 2 = half
	slowBase  time.Duration // the gap between queries when slowing began
	slowAt    time.Time
	notSooner time.Time // what a Retry-After asked for
	burstAt   time.Time // when queries will follow each other at MinInterval
	burstFor  time.Duration
}

// NewPace returns a pace that has sent nothing yet.
func NewPace(cfg PaceConfig) *Pace {
	p := &Pace{slow: 1}
	p.Set(cfg)
	return p
}

// Set changes the limits; what was already sent still counts.
func (p *Pace) Set(cfg PaceConfig) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cfg = cfg
}

// Remember takes up what an earlier life sent, and calls onSend with every
// request from now on, before it leaves. Marks of the future, from a clock
// that was wrong, are left out.
func (p *Pace) Remember(marks []Mark, onSend func(Mark)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.onSend = onSend
	for _, m := range marks {
		if m.At.After(now) || now.Sub(m.At) >= budgetWindow+budgetSlack {
			continue
		}
		p.sent = append(p.sent, m)
		if next := m.At.Add(p.cfg.MinInterval); m.Look && next.After(p.nextLook) {
			p.lastLook, p.nextLook = m.At, next
		}
		if next := m.At.Add(PollInterval); m.Poll && next.After(p.nextPoll) {
			p.nextPoll = next
		}
	}
	slices.SortFunc(p.sent, func(a, b Mark) int { return a.At.Compare(b.At) })
}

// Ordering tells the pace that an order, or a login by QR code, is under way
// (or over); each begin has its end. Meanwhile queries leave three quarters of
// the budget to it instead of less than a third: a queue is polled twelve times a minute.
func (p *Pace) Ordering(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if on {
		p.ordering++
	} else {
		p.ordering--
	}
}

// sustained is the gap that a budget bears for hours.
func (p *Pace) sustained() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cfg.Budget == 0 {
		return 0
	}
	return budgetWindow / time.Duration(p.cfg.Budget)
}

// reserve is the part of the budget that queries leave to orders.
func (p *Pace) reserve() int {
	if p.ordering > 0 {
		return p.cfg.Budget * 3 / 4
	}
	return p.cfg.Budget * 3 / 10 // a login and an order at once: 24 of 80
}

// PaceStats is a moment's view of a Pace.
type PaceStats struct {
	MinInterval time.Duration
	Budget      int
	Requests    int     // in the last 5 minutes
	Slow        float64 // 1 = full speed, 2 = half, ...
}

// Stats returns the numbers for `watcherd status`.
func (p *Pace) Stats() PaceStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.forget(now)
	n := 0
	for _, m := range p.sent {
		if now.Sub(m.At) < budgetWindow {
			n++
		}
	}
	return PaceStats{p.cfg.MinInterval, p.cfg.Budget, n, p.factor(now)}
}

// Throttle slows queries to half after 12306 asked for it (429, busy, the
// redirect to error.html). Speed comes back by 5 % a minute.
func (p *Pace) Throttle(retryAfter time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	f := p.factor(now)
	if f == 1 {
		p.slowBase = max(p.cfg.MinInterval, time.Second)
		// Half of the pace that we really had; after a long pause there was none.
		if gap := p.lookGap; gap > p.slowBase && gap <= slowest/2 {
			p.slowBase = gap
		}
	}
	p.slow, p.slowAt = 2*f, now
	if limit := float64(slowest) / float64(p.slowBase); p.slow > limit {
		p.slow = max(limit, 1)
	}
	// From the last query on: whatever else is throttled again and again must
	// not put queries off for ever.
	if next := p.lastLook.Add(p.gap(now)); next.After(p.nextLook) {
		p.nextLook = next
	}
	if until := now.Add(min(retryAfter, maxRetryAfter)); until.After(p.notSooner) {
		p.notSooner = until
	}
	p.slowed()
}

// Slowness is how much queries are slowed, and until when: what has to be
// remembered over a restart besides the marks. 12306 asked for it; that we were
// started anew is nothing to it.
type Slowness struct {
	Factor    float64       // at At: 2 = half speed
	Base      time.Duration // the gap that it multiplies
	At        time.Time
	NotSooner time.Time // no query before this: a Retry-After
}

func (p *Pace) slowness() Slowness {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Slowness{p.slow, p.slowBase, p.slowAt, p.notSooner}
}

// slowed hands on how much queries are slowed now. Callers hold p.mu.
func (p *Pace) slowed() {
	if p.onSlow != nil {
		p.onSlow(Slowness{p.slow, p.slowBase, p.slowAt, p.notSooner})
	}
}

// pardon takes back what slowed queries since before: a redirect that had
// another cause than us.
func (p *Pace) pardon(before Slowness) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slow, p.slowBase, p.slowAt, p.notSooner = before.Factor, before.Base, before.At, before.NotSooner
	if next := p.lastLook.Add(p.gap(time.Now())); next.Before(p.nextLook) {
		p.nextLook = next
	}
	p.slowed()
}

// RememberSlow takes up how much an earlier life had to slow down, after
// [Pace.Remember], and calls onSlow with every change from now on. What cannot
// be, from a file that was damaged or a clock that was wrong, is left out.
func (p *Pace) RememberSlow(s Slowness, onSlow func(Slowness)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.onSlow = onSlow
	if s.At.After(now) || s.NotSooner.Sub(s.At) > maxRetryAfter {
		return
	}
	p.notSooner = s.NotSooner
	if s.Base < time.Second || s.Base > slowest || !(s.Factor > 1 && s.Factor <= float64(slowest/time.Second)) { // NaN is neither
		return
	}
	p.slow, p.slowBase, p.slowAt = s.Factor, s.Base, s.At
	if next := p.lastLook.Add(p.gap(now)); next.After(p.nextLook) {
		p.nextLook = next
	}
}

// NotSooner is until when 12306 has asked to be left alone (Retry-After); a
// moment that is past when it has not. Queries wait for it by themselves. Orders
// and logins do not: a person may be waiting, or a seat.
func (p *Pace) NotSooner() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.notSooner
}

// factor is how much slower than full speed we are now.
func (p *Pace) factor(now time.Time) float64 {
	f := p.slow
	for m := int(now.Sub(p.slowAt) / time.Minute); f > 1 && m > 0; m-- {
		f *= 0.95
	}
	return max(f, 1)
}

func (p *Pace) gap(now time.Time) time.Duration {
	gap := p.cfg.MinInterval
	if f := p.factor(now); f > 1 {
		gap = max(gap, min(time.Duration(f*float64(p.slowBase)), slowest))
	}
	// Never exactly on the beat, and never below the gap that was promised.
	return gap + time.Duration(p.cfg.random(int64(gap)/10+1))
}

func (c *PaceConfig) random(n int64) int64 {
	if c.Random != nil {
		return c.Random(n)
	}
	return rand.Int64N(n)
}

// Jitter returns a random part of d, for waits that shall not be exactly on
// the beat.
func (p *Pace) Jitter(d time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Duration(p.cfg.random(int64(d) + 1))
}

func (p *Pace) forget(now time.Time) {
	n := 0
	for n < len(p.sent) && now.Sub(p.sent[n].At) >= budgetWindow+budgetSlack {
		n++
	}
	p.sent = append(p.sent[:0], p.sent[n:]...)
}

// share is how long queries have to wait for their part of the budget. What
// logins and orders have spent counts against it only by the headroom: a login
// must not blind the looks for a minute.
func (p *Pace) share(now time.Time) time.Duration {
	room := max(p.cfg.Budget-p.reserve(), 1)
	looks, last := 0, time.Time{}
	for i := len(p.sent) - 1; i >= 0 && now.Sub(p.sent[i].At) < budgetWindow; i-- {
		if !p.sent[i].Look {
			continue
		}
		if looks++; looks == 1 {
			last = p.sent[i].At
		}
		if looks == room {
			return max(p.sent[i].At.Add(budgetWindow).Sub(now), time.Millisecond)
		}
	}
	if looks > room*3/4 {
		// What is left is spread: better a little slower than blind for the end of
		// every five minutes.
		return max(last.Add(budgetWindow/time.Duration(room)).Sub(now), 0)
	}
	return 0
}

// Save leaves queries at MinInterval room in the budget from a moment on, for a
// while: trains go on sale then. For five minutes before it queries go so slowly
// that those which still count at its end, and the burst, are not more than go
// without being spread. The zero Time saves nothing.
func (p *Pace) Save(at time.Time, span time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.burstAt, p.burstFor = at, span
}

// saving is how long a query has to wait for the sake of a burst.
func (p *Pace) saving(now time.Time) time.Duration {
	until := p.burstAt.Sub(now)
	before := budgetWindow - p.burstFor // what is sent in this time before the burst still counts at its end
	if until <= 0 || until > before || p.cfg.Budget == 0 {
		return 0
	}
	burst := int(p.burstFor/max(p.cfg.MinInterval, time.Second)) + 1
	free := max((p.cfg.Budget-p.reserve())*3/4-burst, 1)
	return p.lastLook.Add(before / time.Duration(free)).Sub(now)
}

// Turn is how long a query would have to wait now; after that, or after five
// seconds, ask again: the end of an order frees its part of the budget.
func (p *Pace) Turn() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.forget(now)
	if d := p.turn(classLook, now); d > 0 {
		// Of those that wait for the same moment a query goes last.
		return min(d, 5*time.Second) + time.Duration(classLook)*time.Microsecond
	}
	return 0
}

// NextLook is how long a query has to wait for its turn, as far as is known now.
func (p *Pace) NextLook() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.forget(now)
	return max(p.turn(classLook, now), 0)
}

// take books a request that may go now, or says when to ask again.
func (p *Pace) take(c class) (wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.forget(now)
	if d := p.turn(c, now); d > 0 {
		return d
	}
	p.book(c, now)
	return 0
}

// turn is how long a request has to wait for its turn.
func (p *Pace) turn(c class, now time.Time) time.Duration {
	if c == classPoll {
		if d := p.nextPoll.Sub(now); d > 0 {
			return d
		}
	}
	if c.beside() {
		if d := p.notSooner.Sub(now); d > 0 {
			return d
		}
	}
	if c == classLook {
		if d := p.nextLook.Sub(now); d > 0 {
			return d
		}
	}
	if p.cfg.Budget > 0 {
		room := p.cfg.Budget
		switch {
		case c == classScan:
			room = max(room-loginEnds, 1)
		case c.beside():
			room = max(room-room*headroom/100, 1)
		}
		if over := len(p.sent) - room; over >= 0 {
			return max(p.sent[over].At.Add(budgetWindow+budgetSlack).Sub(now), time.Millisecond)
		}
		if c.looks() {
			if d := p.share(now); d > 0 {
				return d
			}
		}
		if c == classLook {
			if d := p.saving(now); d > 0 {
				return d
			}
		}
	}
	return 0
}

// book notes a request that goes now.
func (p *Pace) book(c class, now time.Time) {
	mark := Mark{now, c.looks(), c == classPoll}
	p.sent = append(p.sent, mark)
	switch c {
	case classLook:
		p.lookGap, p.lastTurn = now.Sub(p.lastTurn), now
		p.lastLook, p.nextLook = now, now.Add(p.gap(now))
	case classAgain: // the next query counts from it, too
		p.lastLook = now
		if next := now.Add(p.gap(now)); next.After(p.nextLook) {
			p.nextLook = next
		}
	case classPoll:
		p.nextPoll = now.Add(PollInterval)
	}
	if p.onSend != nil {
		p.onSend(mark)
	}
}

// rebook moves the last query that was booked by a time to now: it had to wait
// for a login that was about to switch sessions.
func (p *Pace) rebook(by time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for i := len(p.sent) - 1; i >= 0 && now.Sub(by) >= time.Second; i-- {
		m := p.sent[i]
		if m.Poll || m.At.After(by) {
			continue
		}
		p.sent = append(slices.Delete(p.sent, i, i+1), Mark{now, m.Look, false})
		if p.onSend != nil {
			p.onSend(p.sent[len(p.sent)-1]) // the next life counts both
		}
		return
	}
}

// wrote says that a request was written now: its connection had to be made
// first, or it waited for another's. The gap that 12306 sees begins here.
func (p *Pace) wrote(c class) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	switch c {
	case classLook, classAgain:
		if next := now.Add(p.cfg.MinInterval); next.After(p.nextLook) {
			p.nextLook = next
		}
	case classPoll:
		if next := now.Add(PollInterval); next.After(p.nextPoll) {
			p.nextPoll = next
		}
	}
}

// wait blocks until a request of the class may be sent and books it.
func (p *Pace) wait(ctx context.Context, c class) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		d := p.take(c)
		if d == 0 {
			return nil
		}
		// Not for all of d: the end of an order frees its part of the budget. Of
		// two that wait for the same moment, the one of the class named first goes.
		if err := sleep(ctx, min(d, 5*time.Second)+time.Duration(c)*time.Microsecond); err != nil {
			return err
		}
	}
}

// backoff waits after try n (0, 1, 2, ...) of the same request, which failed
// with err: 1, 2, 4 ... seconds, a fifth more or less, or what a Retry-After
// asked for. When that is more than a minute there is no next try here: the
// error goes back, and the caller obeys it.
func (p *Pace) backoff(ctx context.Context, n int, err error) error {
	d := min(time.Second<<n, time.Minute)
	d += p.Jitter(2*d/5) - d/5
	if e, ok := errors.AsType[*Error](err); ok {
		if e.RetryAfter > time.Minute {
			return err
		}
		d = max(d, e.RetryAfter)
	}
	return sleep(ctx, d)
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
