package watcher

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
)

// nearMiss is a train that a rule wants and that would do but for one thing
// which the user could change.
type nearMiss struct {
	journey twelve306.Journey
	train   *twelve306.Train
	why     Reason           // TooFew, Departs or Arrives; NoSeat when there are other kinds of seat
	seat    twelve306.Seat   // Departs, Arrives: the best seat there is
	others  []twelve306.Seat // NoSeat: what there is in their place
}

// nearMinutes is how far outside its window a train may be to be worth telling.
const nearMinutes = 30

// nearMisses finds them among the trains of a journey, the nearest first.
// Other kinds of seat are for rules that name their trains: on a whole line
// there is always some.
func (r *Rule) nearMisses(j twelve306.Journey, trains []*twelve306.Train) []nearMiss {
	var out []nearMiss
	for _, t := range trains {
		if !t.Buyable() {
			continue
		}
		c, why, ok := r.Verdict(j, t)
		if ok {
			return nil
		}
		n := nearMiss{journey: j, train: t, why: why}
		switch why.Kind {
		case TooFew:
			out = append(out, n)
		case Departs, Arrives:
			if why.Window.distance(why.Minute) > nearMinutes {
				continue
			}
			wider := *r
			if why.Kind == Departs {
				wider.Depart = Window{}
			} else {
				wider.Arrive = Window{}
			}
			if c, _, ok = wider.Verdict(j, t); ok {
				n.seat = c.Seat
				out = append(out, n)
			}
		case NoSeat, NoSuchSeat:
			if n.others = r.otherSeats(t); len(n.others) > 0 && !r.Trains.All() {
				out = append(out, n)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b nearMiss) int {
		return cmp.Or(b.why.Kind.nearness()-a.why.Kind.nearness(), strings.Compare(a.train.Depart(), b.train.Depart()))
	})
	return out
}

// otherSeats are the kinds of seat that the rule does not name and of which a
// train has enough.
func (r *Rule) otherSeats(t *twelve306.Train) []twelve306.Seat {
	wide := Rule{Seats: twelve306.Seats(), Passengers: r.Passengers}
	var out []twelve306.Seat
	for k, s := range wide.Seats {
		if slices.Contains(r.Seats, s) {
			continue
		}
		if _, _, why := wide.judgeSeat(t, k); why == "" {
			out = append(out, s)
		}
	}
	return out
}

// distance is how many minutes a clock time lies outside a window.
func (w Window) distance(minute int) int {
	if w.Contains(minute) {
		return 0
	}
	around := func(n int) int { return (n%minutesPerDay + minutesPerDay) % minutesPerDay }
	return min(around(w.From-minute), around(minute-w.To))
}

// nearKey names a near miss: a train and what is wrong with it.
type nearKey struct {
	date     twelve306.Date
	train    string
	from, to string
	why      ReasonKind
}

func (n *nearMiss) key() nearKey {
	kind := n.why.Kind
	if kind == NoSuchSeat {
		kind = NoSeat
	}
	return nearKey{n.journey.Date, n.train.Code(), n.journey.From.Code, n.journey.To.Code, kind}
}

// nearSeen is what is known of a near miss.
type nearSeen struct {
	since time.Time // of the looks in a row that found it; zero while it is away
	last  time.Time // when it was last there
	told  bool
}

// nears is what a rule knows of its near misses. It is guarded by Watcher.mu.
type nears struct {
	seen map[nearKey]*nearSeen
	told [2]time.Time // when the last message went out; of what the user could have at once, and of the rest
}

// A near miss is told when two looks have seen it. One seat where two are wanted
// is told then, for who wants it must be quick; a train at the wrong hour or with
// the wrong seats has time, and may be about to have the right ones.
const (
	nearSoon  = 5 * time.Second // so long it was there, when there are too few seats
	nearLasts = time.Minute     // and else
	nearGap   = time.Hour       // the least between two messages of a rule, and how long one must be away to be news again
)

// haste says which of the two a near miss is: an index of nears.told.
func (k nearKey) haste() int {
	if k.why == TooFew {
		return 0
	}
	return 1
}

// take takes up what a look found, with quiet while nothing may be told, and
// returns what is to be told: all that is there when there is something new.
func (n *nears) take(j twelve306.Journey, found []nearMiss, quiet bool, now time.Time) []nearMiss {
	here := make(map[nearKey]bool, len(found))
	var ripe [2]bool
	for i := range found {
		k := found[i].key()
		here[k] = true
		s := n.seen[k]
		if s == nil {
			s = &nearSeen{}
			n.seen[k] = s
		}
		if s.told && now.Sub(s.last) >= nearGap {
			s.told = false
		}
		if s.since.IsZero() {
			s.since = now
		}
		s.last = now
		ripe[k.haste()] = ripe[k.haste()] || s.lasts(k) && !s.told
	}
	for k, s := range n.seen {
		if k.date != j.Date || k.from != j.From.Code || k.to != j.To.Code || here[k] {
			continue
		}
		if s.since = (time.Time{}); !s.told || now.Sub(s.last) >= nearGap {
			delete(n.seen, k)
		}
	}
	if quiet {
		return nil
	}
	for h := range ripe {
		if ripe[h] = ripe[h] && (n.told[h].IsZero() || now.Sub(n.told[h]) >= nearGap); ripe[h] {
			n.told[h] = now
		}
	}
	var tell []nearMiss
	for _, m := range found {
		k := m.key()
		if s := n.seen[k]; ripe[k.haste()] && s.lasts(k) && !s.told {
			s.told = true
			tell = append(tell, m)
		}
	}
	return tell
}

func (s *nearSeen) lasts(k nearKey) bool {
	least := nearLasts
	if k.haste() == 0 {
		least = nearSoon
	}
	return !s.since.IsZero() && s.last.Sub(s.since) >= least
}

// near is what a look has to say about near misses. Nothing is said while there
// is anything that satisfies the rule, on this journey or another, nor while
// something is ordered, offered or held. Callers hold w.mu.
func (w *Watcher) near(r *watched, j twelve306.Journey, trains []*twelve306.Train, hits int, now time.Time) []nearMiss {
	if !r.NearMisses {
		return nil
	}
	var list []nearMiss
	if hits == 0 {
		list = r.nearMisses(j, trains)
	}
	if r.nears == nil && len(list) == 0 {
		return nil
	}
	if r.nears == nil {
		r.nears = &nears{seen: map[nearKey]*nearSeen{}}
	}
	quiet := hits > 0 || r.asking || r.stopped != "" || w.state.Open() != nil || len(w.state.Held()) > 0
	for _, f := range r.found {
		quiet = quiet || len(f.hits) > 0
	}
	return r.nears.take(j, list, quiet, now)
}

// nearMisses tells of trains that would do but for one thing, and what to
// change to have them.
func (s speaker) nearMisses(r *Rule, list []nearMiss) News {
	const most = 3
	n := News{Kind: NewsSeats, Rule: r.Name, Title: s.nearTitle(&list[0])}
	var out []string
	hints := map[string]bool{}
	for i := range list {
		m := &list[i]
		if i == most {
			out = append(out, s.f("……还有 %d 趟", "... and %d more", len(list)-most))
		}
		if i < most {
			out = append(out, s.nearLine(m))
			hints[s.nearHint(r, m)] = true
		}
	}
	out = append(out, s.f("和你要的不一样，所以没有下单。", "This is not what you asked for, so nothing was ordered."))
	for i := range list[:min(most, len(list))] {
		if h := s.nearHint(r, &list[i]); hints[h] {
			out, hints[h] = append(out, h), false
		}
	}
	n.Text = lines(append(out, s.f("不想听这些：near_misses: false", "To hear no more of these: near_misses: false"))...)
	return n
}

func (s speaker) nearTitle(m *nearMiss) string {
	train, day := m.train.Code(), s.short(m.journey.Date)
	switch m.why.Kind {
	case TooFew:
		return s.f("差一点：%s 只有 %d 张，你要 %d 张（%s）", "Near miss: %s has %d, you want %d (%s)", train, m.why.Have, m.why.Want, day)
	case Departs, Arrives:
		return s.f("差一点：%s %s，%s", "Near miss: %s %s, %s", train, s.nearTime(m.why), s.nearWish(m.why))
	}
	return s.f("差一点：%s %s 只有%s", "Near miss: %s %s, only %s", train, day, s.nearOthers(m))
}

func (s speaker) nearTime(why Reason) string {
	if why.Kind == Departs {
		return s.f("%s 发车", "departs %s", clockText(why.Minute))
	}
	return s.f("%s 到", "arrives %s", clockText(why.Minute))
}

// nearWish is [Window.wish] in the few words that a title has room for.
func (s speaker) nearWish(why Reason) string {
	switch w := why.Window; {
	case w.From >= w.To:
		return s.f("你要 %s", "wanted %s", w)
	case why.Minute > w.To:
		return s.f("你最晚要 %s", "wanted by %s", clockText(w.To))
	default:
		return s.f("你最早要 %s", "wanted from %s", clockText(w.From))
	}
}

// nearOthers names the kinds of seat there are, the first three.
func (s speaker) nearOthers(m *nearMiss) string {
	var names []string
	for _, o := range m.others[:min(3, len(m.others))] {
		names = append(names, seatText(s.lang, o))
	}
	return s.people(names)
}

// nearLine says which train it is and what is wrong with it.
func (s speaker) nearLine(m *nearMiss) string {
	wrong := m.why.In(s.lang)
	switch m.why.Kind {
	case Departs, Arrives:
		wrong = s.f("有%s，但 %s", "%s, but %s", seatText(s.lang, m.seat), wrong)
	case NoSeat, NoSuchSeat:
		wrong = s.f("只有%s", "only %s", s.nearOthers(m))
	}
	return s.f("%s %s %s %s → %s %s  %s", "%s %s %s %s → %s %s  %s", m.train.Code(), s.short(m.journey.Date), m.journey.From.Name, m.train.Depart(),
		m.journey.To.Name, m.train.Arrive(), wrong)
}

// nearHint says what the user could change in watch.yaml.
func (s speaker) nearHint(r *Rule, m *nearMiss) string {
	switch {
	case m.why.Kind == TooFew && !r.Partial:
		return s.f("能走几个先走几个的话，在这条规则里写 partial: true。", "If some of you may go without the others, write partial: true in the rule.")
	case m.why.Kind == Departs:
		return s.f("这个时间也行的话，放宽 depart。", "If that time will do, widen depart.")
	case m.why.Kind == Arrives:
		return s.f("这个时间也行的话，放宽 arrive。", "If that time will do, widen arrive.")
	case m.why.Kind == NoSeat, m.why.Kind == NoSuchSeat:
		return s.f("这些席别也行的话，写进 seats。", "If those seats will do, add them to seats.")
	}
	return ""
}
