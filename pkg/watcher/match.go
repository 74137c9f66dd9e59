package watcher

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
)

// Candidate is a seat kind on a train that a rule wants and 12306 would sell.
type Candidate struct {
	Journey twelve306.Journey
	Train   twelve306.Train
	Seat    twelve306.Seat // as the rule names it; Train.SeatCode says what to order
	Left    twelve306.Left
	Take    int // how many seats to book: one for each passenger, fewer when the rule is Partial; 1 without passengers

	trainRank, seatRank int // places in the rule's orders of preference
}

// CompareCandidates orders candidates of one rule by its preference, the best
// first: earlier dates, then trains in the order given, then seats in the
// order given, then the earlier departure. The train number settles the rest,
// so that the order never depends on that of a reply.
func CompareCandidates(a, b Candidate) int { return compare(&a, &b) }

func compare(a, b *Candidate) int {
	if a.Journey.Date != b.Journey.Date {
		if a.Journey.Date.Before(b.Journey.Date) {
			return -1
		}
		return 1
	}
	if a.trainRank != b.trainRank {
		return a.trainRank - b.trainRank
	}
	if a.seatRank != b.seatRank {
		return a.seatRank - b.seatRank
	}
	if c := strings.Compare(a.Train.Depart(), b.Train.Depart()); c != 0 {
		return c // HH:MM sorts as text
	}
	return cmp.Or(
		strings.Compare(a.Train.Code(), b.Train.Code()),
		strings.Compare(a.Journey.From.Code, b.Journey.From.Code),
		strings.Compare(a.Journey.To.Code, b.Journey.To.Code),
	)
}

// SortCandidates sorts the merged candidates of several journeys of one rule,
// the best first.
func SortCandidates(list []Candidate) {
	if len(list) < 2 {
		return
	}
	// A candidate is half a kilobyte: sort numbers and move each once.
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(compare(&list[a], &list[b]), a-b)
	})
	sorted := make([]Candidate, len(list))
	for i, k := range order {
		sorted[i] = list[k]
	}
	copy(list, sorted)
}

// Match returns every seat kind of every train that satisfies the rule, the
// best first. A train that the rule does not want costs no allocation.
func (r *Rule) Match(j twelve306.Journey, trains []twelve306.Train) []Candidate {
	var hits []hit
	for i := range trains {
		hits = r.hit(hits, j, &trains[i])
	}
	if len(hits) == 0 {
		return nil
	}
	sortHits(hits)
	out := make([]Candidate, len(hits))
	for i, h := range hits {
		out[i] = r.candidateOf(j, h)
	}
	return out
}

// hit is a [Candidate] in small: thousands of rules keep what they found.
type hit struct {
	train *twelve306.Train // shared by all that saw the same look
	rank  int32            // of the train in the rule
	count int32            // how many are left
	seat  int16            // place in the rule's seats
	take  int16
	since uint32 // when the first of the looks that saw it in a row was made, in Unix seconds
}

// candidateOf is what a hit stands for.
func (r *Rule) candidateOf(j twelve306.Journey, h hit) Candidate {
	s := r.Seats[h.seat]
	return Candidate{j, *h.train, s, h.train.Left(s), int(h.take), int(h.rank), int(h.seat)}
}

// hits is [Rule.Match] among trains that the rule may want.
func (r *Rule) hits(j twelve306.Journey, trains []*twelve306.Train) []hit {
	var out []hit
	for _, t := range trains {
		out = r.hit(out, j, t)
	}
	sortHits(out)
	return out
}

// hit appends the seats of one train that satisfy the rule.
func (r *Rule) hit(out []hit, j twelve306.Journey, t *twelve306.Train) []hit {
	if !t.Buyable() {
		return out
	}
	rank, why := r.judgeTrain(j, t)
	if why.Kind != "" {
		return out
	}
	for k := range r.Seats {
		left, take, why := r.judgeSeat(t, k)
		if why == "" {
			out = append(out, hit{t, int32(rank), int32(left.Count), int16(k), int16(take), 0})
		}
	}
	return out
}

// sortHits sorts what one journey has for one rule as [CompareCandidates] does.
func sortHits(list []hit) {
	slices.SortStableFunc(list, func(a, b hit) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.seat, b.seat),
			strings.Compare(a.train.Depart(), b.train.Depart()), strings.Compare(a.train.Code(), b.train.Code()))
	})
}

// timetable is the trains of one look, for all the rules that share it.
type timetable struct {
	trains []twelve306.Train
	all    []*twelve306.Train
	byCode map[string][]int // made when a rule first names its trains
	mine   []int
	picked []*twelve306.Train
	empty  string
}

func newTimetable(trains []twelve306.Train) *timetable {
	b := &timetable{trains: trains, all: make([]*twelve306.Train, len(trains))}
	for i := range trains {
		b.all[i] = &trains[i]
	}
	return b
}

// wanted returns the trains that a rule may want, in the order of the reply,
// until it is called again: all of them unless the rule names each by its
// number. Of two hundred rules that want one train each, none looks at a
// hundred.
func (b *timetable) wanted(r *Rule) []*twelve306.Train {
	if !r.Trains.exact() {
		return b.all
	}
	if b.byCode == nil {
		b.byCode = make(map[string][]int, len(b.all))
		for i, t := range b.all {
			b.byCode[t.Code()] = append(b.byCode[t.Code()], i)
		}
	}
	b.mine, b.picked = b.mine[:0], b.picked[:0]
	for _, code := range r.Trains.wanted {
		b.mine = append(b.mine, b.byCode[code]...)
	}
	slices.Sort(b.mine)
	for _, i := range slices.Compact(b.mine) {
		b.picked = append(b.picked, b.all[i])
	}
	return b.picked
}

// nothing words a look without a hit, once for all the rules.
func (b *timetable) nothing(s speaker) string {
	if b.empty == "" {
		b.empty = s.noResult(len(b.trains))
	}
	return b.empty
}

// Verdict says whether a train satisfies the rule, with its best seat, or the
// first reason why it does not.
func (r *Rule) Verdict(j twelve306.Journey, t *twelve306.Train) (Candidate, Reason, bool) {
	rank, why := r.judgeTrain(j, t)
	if why.Kind != "" {
		if why.Kind == NotOnSale {
			why.Words = t.Button()
		}
		return Candidate{}, why, false
	}
	short := Reason{Kind: NoSuchSeat}
	for k, s := range r.Seats {
		left, take, kind := r.judgeSeat(t, k)
		switch {
		case kind == "" && !t.Buyable():
			return Candidate{}, Reason{Kind: CannotBuy, Seat: s, Words: t.Button()}, false
		case kind == "":
			return Candidate{j, *t, s, left, take, rank, k}, Reason{}, true
		case weight(kind) > weight(short.Kind):
			short = Reason{Kind: kind, Seat: s, Have: left.Count, Want: r.seatsWanted(), Words: left.Text}
		}
	}
	return Candidate{}, short, false
}

// weight orders the reasons of a train's seats: what we could not read is
// said before what we could, and some seats before none.
func weight(k ReasonKind) int {
	switch k {
	case Unreadable:
		return 4
	case TooFew:
		return 3
	case NoSeat:
		return 2
	case NoSuchSeat:
		return 1
	default:
		return 0
	}
}

// judgeTrain judges all but the seats. Kind is empty for a train that passes.
func (r *Rule) judgeTrain(j twelve306.Journey, t *twelve306.Train) (rank int, why Reason) {
	if t.From() != j.From.Code || t.To() != j.To.Code {
		return 0, Reason{Kind: WrongStation, Words: t.From() + "-" + t.To()}
	}
	code := t.Code()
	rank, ok := r.Trains.Rank(code)
	switch {
	case !ok && r.Trains.Excludes(code):
		return 0, Reason{Kind: Excluded}
	case !ok:
		return 0, Reason{Kind: NotWanted}
	}
	departs, ok1 := t.DepartMinute()
	arrives, ok2 := t.ArriveMinute()
	took, ok3 := t.Duration()
	switch {
	case !ok1 || !ok2 || !ok3:
		return 0, Reason{Kind: Unreadable, Words: t.Depart() + "-" + t.Arrive()}
	case departs >= minutesPerDay && t.NotOnSale():
		// A cancelled train says 24:00, 24:00, 99:59 (PROTOCOL.md 1.7): its
		// times mean nothing.
		return 0, Reason{Kind: NotOnSale}
	case !r.Depart.Contains(departs):
		return 0, Reason{Kind: Departs, Minute: departs, Window: r.Depart}
	case !r.Arrive.Contains(arrives):
		return 0, Reason{Kind: Arrives, Minute: arrives, Window: r.Arrive}
	case r.MaxDuration > 0 && took > r.MaxDuration:
		return 0, Reason{Kind: TooLong, Took: took, Max: r.MaxDuration}
	case t.NotOnSale():
		return 0, Reason{Kind: NotOnSale}
	}
	return rank, Reason{}
}

// judgeSeat judges the rule's k-th seat on a train; the kind is empty for one
// that satisfies the rule.
func (r *Rule) judgeSeat(t *twelve306.Train, k int) (left twelve306.Left, take int, why ReasonKind) {
	left = t.Left(r.Seats[k])
	want := r.seatsWanted()
	switch {
	case !left.Known:
		return left, 0, Unreadable
	case left.Text == "", r.sameSeatBefore(t, k):
		return left, 0, NoSuchSeat
	case left.Count == 0:
		return left, 0, NoSeat
	case left.Count >= want:
		return left, want, ""
	case r.Partial && r.mayGo(left.Count):
		return left, left.Count, ""
	default:
		return left, 0, TooFew
	}
}

// sameSeatBefore reports whether the rule's k-th seat is, on this train, one
// that it named before: 软卧 and 一等卧 are one cell on D trains.
func (r *Rule) sameSeatBefore(t *twelve306.Train, k int) bool {
	s := r.Seats[k]
	if s == twelve306.Standing {
		return false
	}
	code := t.SeatCode(s)
	for _, before := range r.Seats[:k] {
		if before != twelve306.Standing && t.SeatCode(before) == code {
			return true
		}
	}
	return false
}

// ReasonKind is why a train does not satisfy a rule.
type ReasonKind string

// The reasons, in the order in which they are looked for. They are printed by
// explain --json: never rename one.
const (
	WrongStation ReasonKind = "wrong_station" // the row is for another station of the city
	Excluded     ReasonKind = "excluded"      // a ! of trains
	NotWanted    ReasonKind = "not_wanted"    // not in trains
	Departs      ReasonKind = "departs"       // outside depart
	Arrives      ReasonKind = "arrives"       // outside arrive
	TooLong      ReasonKind = "too_long"      // longer than max_duration
	NotOnSale    ReasonKind = "not_on_sale"   // not yet, at night, cancelled or suspended
	CannotBuy    ReasonKind = "cannot_buy"    // there are seats, and 12306 says it sells none
	NoSuchSeat   ReasonKind = "no_such_seat"  // the train has none of the seats wanted
	NoSeat       ReasonKind = "no_seat"       // sold out
	TooFew       ReasonKind = "too_few"       // fewer than passengers
	Unreadable   ReasonKind = "unreadable"    // a cell we do not understand, which is not "none"
)

// Reason is why a train does not satisfy a rule, with what is needed to say it.
// The zero Reason is none.
type Reason struct {
	Kind   ReasonKind     `json:"kind"`
	Minute int            `json:"-"` // Departs, Arrives: the train's time, in minutes after midnight
	Window Window         `json:"-"` // Departs, Arrives: what the rule wants
	Took   time.Duration  `json:"-"` // TooLong: the time under way
	Max    time.Duration  `json:"-"` // TooLong: the longest the rule wants
	Seat   twelve306.Seat `json:"-"` // the seats' reasons: the kind of seat
	Have   int            `json:"-"` // TooFew: how many are left
	Want   int            `json:"-"` // TooFew: how many passengers there are
	Words  string         `json:"-"` // 12306's own: the button of a train not on sale, an unreadable cell, the stations of the row
}
