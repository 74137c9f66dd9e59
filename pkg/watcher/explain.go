package watcher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
)

// VerdictView is a train and what a rule says to it: an entry of `watcherd
// explain --json`.
type VerdictView struct {
	Train  string      `json:"train"`
	Date   string      `json:"date"`
	From   string      `json:"from"`
	To     string      `json:"to"`
	Depart string      `json:"depart"` // HH:MM
	Arrive string      `json:"arrive"`
	OK     bool        `json:"ok"`
	Seat   string      `json:"seat"`   // the best that satisfies the rule, or the one that comes nearest; may be empty
	Left   string      `json:"left"`   // 12306's word about that seat
	Price  *float64    `json:"price"`  // yuan, of one such seat; null when not known
	Reason *ReasonView `json:"reason"` // the first why not; null for a train that satisfies the rule
}

// ReasonView is a [Reason] for other programs.
type ReasonView struct {
	Kind  ReasonKind `json:"kind"`
	Words string     `json:"words"` // in the user's language
}

// NoDay is the error of a look at a rule without a day that is not past.
type NoDay struct{ Rule string }

func (e *NoDay) Error() string { return fmt.Sprintf("every day of the rule %q is past", e.Rule) }

// OutOfHours is the error of a look outside service_hours.
type OutOfHours struct{ Opens time.Time }

func (e *OutOfHours) Error() string {
	return "nothing is asked outside service_hours; they begin at " + e.Opens.Format("15:04")
}

// Look asks 12306 once for each pair of stations of a rule on a day (the zero
// Date: its first that is not past) and says of every train what the rule says
// to it, in the language l, the best first. It waits its turn in the pace of
// the daemon and uses its session. Nothing is told, offered or booked.
//
// What was found is returned even beside an error: another pair of stations
// may have answered. The error is an *[UnknownRule], a *[NoDay], an
// *[OutOfHours], a *[twelve306.Error], or that of ctx.
func (w *Watcher) Look(ctx context.Context, rule string, date twelve306.Date, l notifier.Lang) ([]VerdictView, error) {
	w.mu.Lock()
	e := w.byName[rule]
	if e == nil {
		defer w.mu.Unlock()
		return nil, w.unknown(rule)
	}
	r := e.Rule
	w.mu.Unlock()
	client, hours, zone := w.asks()
	now := time.Now().In(zone)
	if !hours.Open(now) {
		return nil, &OutOfHours{hours.NextOpen(now)}
	}
	if !hours.IsZero() {
		till, release := context.WithDeadline(ctx, hours.NextClose(now))
		defer release()
		ctx = till
	}
	return r.Look(ctx, client.Query, date, l)
}

// Look is [Watcher.Look] for a rule without a daemon: query asks 12306.
func (r *Rule) Look(ctx context.Context, query func(context.Context, twelve306.Journey) ([]twelve306.Train, error), date twelve306.Date, l notifier.Lang) ([]VerdictView, error) {
	today := twelve306.DateOf(time.Now())
	day := *r
	switch first := slices.IndexFunc(r.Dates, func(d twelve306.Date) bool { return !d.Before(today) }); {
	case !date.IsZero():
		day.Dates = []twelve306.Date{date}
	case first < 0:
		return nil, &NoDay{r.Name}
	default:
		day.Dates = r.Dates[first : first+1]
	}
	var all []judged
	var failed []error
	for _, j := range day.Journeys() {
		trains, err := query(ctx, j)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		for i := range trains {
			v := judged{journey: j, train: trains[i]}
			v.best, v.why, v.ok = r.Verdict(j, &trains[i])
			all = append(all, v)
		}
	}
	slices.SortStableFunc(all, compareJudged)
	out := make([]VerdictView, len(all))
	for i := range all {
		out[i] = all[i].view(l)
	}
	return out, errors.Join(failed...)
}

// judged is a train with its verdict.
type judged struct {
	journey twelve306.Journey
	train   twelve306.Train
	best    Candidate
	why     Reason
	ok      bool
}

// compareJudged puts what satisfies the rule first, the best of it first, and
// then what comes nearest to that.
func compareJudged(a, b judged) int {
	switch {
	case a.ok && b.ok:
		return compare(&a.best, &b.best)
	case a.ok:
		return -1
	case b.ok:
		return 1
	}
	return cmp.Or(
		b.why.Kind.nearness()-a.why.Kind.nearness(),
		strings.Compare(a.train.Depart(), b.train.Depart()), // HH:MM sorts as text
		strings.Compare(a.train.Code(), b.train.Code()),
	)
}

// nearness is how near a train came to satisfying the rule: the later its
// reason is looked for, the nearer.
func (k ReasonKind) nearness() int {
	return slices.Index([]ReasonKind{
		WrongStation, Excluded, NotWanted, Departs, Arrives, TooLong, NotOnSale, NoSuchSeat, NoSeat, CannotBuy, TooFew, Unreadable,
	}, k)
}

func (v *judged) view(l notifier.Lang) VerdictView {
	t := &v.train
	out := VerdictView{
		Train: t.Code(), Date: v.journey.Date.String(), From: v.journey.From.Name, To: v.journey.To.Name,
		Depart: t.Depart(), Arrive: t.Arrive(), OK: v.ok,
	}
	seat := v.why.Seat
	if v.ok {
		seat = v.best.Seat
	} else {
		out.Reason = &ReasonView{v.why.Kind, v.why.In(l)}
	}
	if seat == "" {
		return out
	}
	out.Seat, out.Left = l.Pick(seat.Name(), seat.English()), t.Left(seat).Text
	if tenths, ok := t.Price(seat); ok {
		price := float64(tenths) / 10
		out.Price = &price
	}
	return out
}
