package twelve306

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// budgetWindow is the time that a budget is counted over. Long-running clients
// found 80 requests in 5 minutes to be what 12306 lets pass (PROTOCOL.md 3).
const budgetWindow = 5 * time.Minute

// slowest is the longest gap that throttling leads to: one look a minute.
const slowest = time.Minute

// loginEnds is how many requests follow on the scan of a QR code until the
// session is proven.
const loginEnds = 8

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

// beside reports whether a request is for queries rather than for the account.
func (c class) beside() bool { return c == classLook || c == classAgain || c == classAside }

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
}

// Pace is the one place where requests wait for their turn. All requests of
// one address share it, whatever they are for. It is safe for concurrent use.
type Pace struct {
	mu        sync.Mutex
	onSend    func(Mark) // called for every request before it leaves; may be nil
	nextPoll  time.Time
	cfg       PaceConfig
	sent      []time.Time // of the last budgetWindow, oldest first
	ordering  int         // how many orders and logins are under way
	nextLook  time.Time
	lastLook  time.Time
	lastTurn  time.Time     // of the last query that waited for its turn
	lookGap   time.Duration // between that one and the one before it
	slow      float64       // 1 = full speed; 2 = half
	slowBase  time.Duration // the gap between queries when slowing began
	slowAt    time.Time
	notSooner time.Time // what a Retry-After asked for
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
		if m.At.After(now) || now.Sub(m.At) >= budgetWindow {
			continue
		}
		p.sent = append(p.sent, m.At)
		if next := m.At.Add(p.cfg.MinInterval); m.Look && next.After(p.nextLook) {
			p.lastLook, p.nextLook = m.At, next
		}
		if next := m.At.Add(PollInterval); m.Poll && next.After(p.nextPoll) {
			p.nextPoll = next
		}
	}
	slices.SortFunc(p.sent, time.Time.Compare)
}

// Ordering tells the pace that an order, or a login by QR code, is under way
// (or over); each begin has its end. Meanwhile queries leave three quarters of
// the budget to it instead of one: a queue is polled twelve times a minute.
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
	return p.cfg.Budget / 4
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
	return PaceStats{p.cfg.MinInterval, p.cfg.Budget, len(p.sent), p.factor(now)}
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
	if until := now.Add(min(retryAfter, time.Hour)); until.After(p.notSooner) {
		p.notSooner = until
	}
}

// slowness is how much queries are slowed, and until when.
type slowness struct {
	slow          float64
	base          time.Duration
	at, notSooner time.Time
}

func (p *Pace) slowness() slowness {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slowness{p.slow, p.slowBase, p.slowAt, p.notSooner}
}

// pardon takes back what slowed queries since before: a redirect that had
// another cause than us.
func (p *Pace) pardon(before slowness) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slow, p.slowBase, p.slowAt, p.notSooner = before.slow, before.base, before.at, before.notSooner
	if next := p.lastLook.Add(p.gap(time.Now())); next.Before(p.nextLook) {
		p.nextLook = next
	}
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
	return gap + time.Duration(rand.Int64N(int64(gap)/10+1))
}

func (p *Pace) forget(now time.Time) {
	n := 0
	for n < len(p.sent) && now.Sub(p.sent[n]) >= budgetWindow {
		n++
	}
	p.sent = append(p.sent[:0], p.sent[n:]...)
}

// take books a request that may go now, or says when to ask again.
func (p *Pace) take(c class) (wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.forget(now)
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
		if c.beside() {
			room = max(room-p.reserve(), 1)
		}
		if c == classScan {
			room = max(room-loginEnds, 1)
		}
		if over := len(p.sent) - room; over >= 0 {
			return max(p.sent[over].Add(budgetWindow).Sub(now), time.Millisecond)
		}
	}
	p.sent = append(p.sent, now)
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
		p.onSend(Mark{now, c == classLook, c == classPoll})
	}
	return 0
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
		// Not for all of d: the end of an order frees its part of the budget.
		if err := sleep(ctx, min(d, 5*time.Second)); err != nil {
			return err
		}
	}
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
