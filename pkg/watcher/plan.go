package watcher

import (
	"fmt"
	"math"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/twelve306"
)

// planner is what there is to ask: each journey once, for all the rules that
// want it. It is guarded by Watcher.mu.
//
// It is made anew only when the rules, their state, the day or the sale window
// change. In between a plan costs what its queries cost, whatever the number of
// rules: a query keeps one tick for all of its rules with the same schedule.
type planner struct {
	queries map[twelve306.Journey]*query
	made    edition
	turns   int // looks at what weighs most since one at what waited longest
}

// edition is what queries are made of.
type edition struct {
	rules  uint64
	today  twelve306.Date
	window int
}

// query is one journey that some rule wants, asked once for all of them.
type query struct {
	journey twelve306.Journey
	rules   []*watched
	ticks   []*tick
	weight  float64
	due     time.Time
	born    time.Time // when it was first wanted
	asked   time.Time // when it was last asked
	sway    int64     // how much longer the gap after this look is, in thousandths
	sale    time.Time // when trains that a rule waits for go on sale, by 12306's clock; kept while the burst lasts
	failed  int       // looks in a row that failed
	emptied time.Time // since when an empty list is not believed
}

// tick is one schedule of the rules of a query.
type tick struct {
	text string
	at   Schedule
	due  time.Time
}

// want is one journey of a rule.
type want struct {
	*query
	tick *tick
}

// nextLook is when the rule looks next; zero when it does not.
func (r *watched) nextLook() (next time.Time) {
	for i := range r.wants {
		if at := r.wants[i].tick.due; !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

// The part of their own gap by which looks come earlier or later, in
// thousandths: never on the beat, and never all rules at once.
const swayMost = 100

// When not all that is due can be asked, the look goes to the query with the
// largest product of its weight and the time since it was last asked: in a
// crowd each is asked in proportion to its weight. The weight doubles with each
// step of priority, and is larger the sooner the train leaves.
const (
	weightSoon = 4 // today or tomorrow
	weightNear = 2 // within four days
	nearDays   = 4
)

// fairTurn is how often a look goes to the query that has waited longest,
// whatever it weighs. Of n queries none waits for more than n times as many.
const fairTurn = 4

func (q *query) weigh(today twelve306.Date) {
	priority := math.MinInt
	for _, r := range q.rules {
		priority = max(priority, r.Priority)
	}
	w := 1.0
	switch {
	case !today.AddDays(1).Before(q.journey.Date):
		w = weightSoon
	case !today.AddDays(nearDays).Before(q.journey.Date):
		w = weightNear
	}
	q.weight = math.Ldexp(w, priority)
}

// plan returns the query to ask next and when; nil when nothing is to be asked.
func (w *Watcher) plan(now time.Time) (next *query, at time.Time) {
	turn := now
	if d := w.client.Pace().Turn(); d > 0 {
		turn = now.Add(d)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	p := &w.planner
	if e := (edition{w.edition, twelve306.DateOf(now), w.client.Window()}); e != p.made || p.queries == nil {
		p.made = e
		w.makeQueries(now)
	}
	for _, q := range p.queries {
		q.due = time.Time{}
		for _, t := range q.ticks {
			if t.due = w.due(t.at, q, now); !t.due.IsZero() && (q.due.IsZero() || t.due.Before(q.due)) {
				q.due = t.due
			}
		}
	}
	if q, at, ok := w.opens(now, turn); ok {
		return q, at
	}
	if next = p.first(turn); next == nil {
		return nil, now
	}
	return next, maxTime(next.due, turn)
}

// makeQueries brings the queries up to date with the rules.
func (w *Watcher) makeQueries(now time.Time) {
	p, today := &w.planner, w.planner.made.today
	if p.queries == nil {
		p.queries = map[twelve306.Journey]*query{}
	}
	for _, q := range p.queries {
		q.rules, q.ticks = nil, nil
	}
	for _, r := range w.rules {
		r.wants = r.wants[:0]
		r.found = slices.DeleteFunc(r.found, func(f finding) bool { return f.journey.Date.Before(today) })
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
			q := p.queries[j]
			if q == nil {
				q = &query{journey: j, born: now}
				p.queries[j] = q
			}
			q.rules = append(q.rules, r)
			r.wants = append(r.wants, want{q, q.tick(r.Schedule)})
		}
	}
	for j, q := range p.queries {
		if len(q.rules) == 0 {
			delete(p.queries, j)
			continue
		}
		q.weigh(today)
	}
}

// tick returns the tick of a schedule, by what it says.
func (q *query) tick(s Schedule) *tick {
	text := ""
	if t, ok := s.(fmt.Stringer); ok {
		text = t.String()
	}
	for _, t := range q.ticks {
		if t.at == s || text != "" && t.text == text {
			return t
		}
	}
	t := &tick{text: text, at: s}
	q.ticks = append(q.ticks, t)
	return t
}

// first chooses among the queries that are due when the pace has its next
// turn; when none is, it is the one that will be first.
func (p *planner) first(turn time.Time) *query {
	var next, eldest, later *query
	var most float64
	for _, q := range p.queries {
		switch {
		case q.due.IsZero():
			continue
		case q.due.After(turn):
			if later == nil || q.due.Before(later.due) || q.due.Equal(later.due) && before(q, later) {
				later = q
			}
			continue
		}
		if eldest == nil || before(q, eldest) {
			eldest = q
		}
		waited := math.Inf(1) // what was never asked does not stand behind those that are asked again
		if !q.asked.IsZero() {
			waited = turn.Sub(q.asked).Seconds() * q.weight
		}
		if next == nil || waited > most || waited == most && heavier(q, next) {
			next, most = q, waited
		}
	}
	switch {
	case next == nil:
		return later
	case p.turns >= fairTurn-1:
		return eldest
	}
	return next
}

// asks counts the turns.
func (p *planner) asks(*query) { p.turns = (p.turns + 1) % fairTurn }

// before says which of two queries has waited longer, and then a fixed order.
func before(a, b *query) bool {
	if !a.asked.Equal(b.asked) {
		return a.asked.Before(b.asked)
	}
	return a.journey.String() < b.journey.String()
}

// heavier breaks the tie of two that weigh the same by what they wait.
func heavier(a, b *query) bool {
	if a.weight != b.weight {
		return a.weight > b.weight
	}
	return before(a, b)
}

// due is when a schedule next wants a query. What the clock says is said by
// 12306's clock. A tick that was missed while others were asked is due at
// once, and only once.
func (w *Watcher) due(s Schedule, q *query, now time.Time) time.Time {
	hours := w.opt.Hours
	gap, even := Interval(s)
	var at time.Time
	switch {
	case even && !q.asked.IsZero():
		at = q.asked.Add(gap + gap/1000*time.Duration(q.sway))
	case even:
		at = q.born
	case q.asked.IsZero():
		at = w.local(NextLook(s, hours, w.railway(q.born)))
	default:
		at = w.local(NextLook(s, hours, w.railway(q.asked)))
	}
	if at.IsZero() {
		return at
	}
	if goes := w.railway(maxTime(at, now)); !hours.Open(goes) {
		if even {
			return w.local(hours.NextOpen(goes))
		}
		return w.local(NextLook(s, hours, goes))
	}
	return at
}

// railway is a moment by 12306's clock, in the zone of the configuration: what
// service_hours, schedules and sale times are said in.
func (w *Watcher) railway(at time.Time) time.Time {
	return at.Add(w.client.Clock().Offset()).In(w.opt.Location)
}

// local is the moment by this machine's clock at which 12306's says at.
func (w *Watcher) local(at time.Time) time.Time {
	if at.IsZero() {
		return at
	}
	return at.Add(-w.client.Clock().Offset())
}

// wrongClock is how far this machine's clock may be off unremarked.
const wrongClock = 30 * time.Second

// checkClock logs once that this machine's clock is wrong, and once that it is
// right again. Only the loop that looks calls it.
func (w *Watcher) checkClock() {
	k := w.client.Clock()
	off := k.Offset()
	switch wrong := off.Abs() > wrongClock; {
	case !k.Known || wrong == w.offBy:
		return
	case wrong:
		w.log.Warn("The clock of this machine is wrong; sale times, service_hours and times to pay are taken by 12306's. Set it, say with timedatectl set-ntp true",
			zap.String("ahead_of_12306", (-off).Round(time.Second).String()))
	default:
		w.log.Info("The clock of this machine agrees with 12306's again")
	}
	w.offBy = !w.offBy
}

// open reports whether service_hours are open.
func (w *Watcher) open(now time.Time) bool { return w.opt.Hours.Open(w.railway(now)) }

// nextOpen is when service_hours are open, by this machine's clock.
func (w *Watcher) nextOpen(now time.Time) time.Time {
	return w.local(w.opt.Hours.NextOpen(w.railway(now)))
}
