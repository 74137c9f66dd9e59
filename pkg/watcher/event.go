package watcher

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher/internal/store"
)

// EventKind says what happened. Kinds are written to disk: never rename one.
type EventKind string

// The kinds of event, in the order in which an attempt meets them.
const (
	AttemptBegun   EventKind = "attempt_begun"   // a train and seat were chosen; nothing is spent yet
	QuestionOpened EventKind = "question_opened" // a person is about to be asked
	AnswerUsed     EventKind = "answer_used"     // his answer is about to go to 12306; it counts once
	Confirming     EventKind = "confirming"      // the intent: written before the first byte of confirmSingleForQueue
	Unsent         EventKind = "unsent"          // the confirm provably never left; it may be tried once more
	Queued         EventKind = "queued"          // 12306 took the order into its queue
	Doubt          EventKind = "doubt"           // the confirm's effect is unknown; 12306 is being asked
	Numbered       EventKind = "numbered"        // there is an order number
	Booked         EventKind = "booked"          // a seat is held and must be paid; ends the attempt
	Failed         EventKind = "failed"          // nothing is held; ends the attempt
	Paid           EventKind = "paid"            // the held order was paid
	Expired        EventKind = "expired"         // it was not paid in time
	Cancelled      EventKind = "cancelled"       // it was cancelled by somebody
	Reminded       EventKind = "reminded"        // a payment reminder was told; Step says which
	Seen           EventKind = "seen"            // the user said that he knows of the order: no more reminders
	Declined       EventKind = "declined"        // asked whether to look again for a lost order, the user did not say yes
	Paused         EventKind = "paused"          // the rule looks no more until it is resumed; without a rule: none does
	Resumed        EventKind = "resumed"         // the rule may look and book again; without a rule: those that were paused look again
	HeldElsewhere  EventKind = "held_elsewhere"  // an unfinished order on the account that is not ours
	Renamed        EventKind = "renamed"         // a rule has another name, and its history with it
	OtherAccount   EventKind = "other_account"   // watcherd goes on with another account than before
)

// Event is one thing that happened: what the journal keeps, what [State.Fold]
// derives the state from, and what messages and logs are worded from.
type Event struct {
	At      time.Time `json:"at"`
	Kind    EventKind `json:"kind"`
	Rule    string    `json:"rule,omitempty"`
	Attempt string    `json:"attempt,omitempty"`

	Trip     *Trip      `json:"trip,omitempty"`     // AttemptBegun
	Question string     `json:"question,omitempty"` // QuestionOpened, AnswerUsed: the prompt's ID
	Order    *HeldOrder `json:"order,omitempty"`    // Numbered, Booked, HeldElsewhere, Paid, Expired, Cancelled
	Why      string     `json:"why,omitempty"`      // Failed, Doubt: in 12306's own words where it has any; OtherAccount: of what is unsettled
	Cause    string     `json:"cause,omitempty"`    // Failed, Doubt: the twelve306.Kind
	Step     string     `json:"step,omitempty"`     // Reminded: half, 5m, 2m, those of a deadline that is assumed, out_of_sight, or elsewhere: that the order is another account's
	Before   string     `json:"before,omitempty"`   // OtherAccount: whose the attempts were so far, see [Options.who]; Renamed: what Rule was called
	Who      string     `json:"who,omitempty"`      // OtherAccount: whose they are from now on
}

// Trip is what an attempt wants to book.
type Trip struct {
	Train      string         `json:"train"`
	Date       twelve306.Date `json:"date"`
	From       string         `json:"from"`
	To         string         `json:"to"`
	Depart     string         `json:"depart"`
	Arrive     string         `json:"arrive"`
	Seat       twelve306.Seat `json:"seat"`
	Passengers []string       `json:"passengers"`
	PriceTenth int            `json:"price_tenth,omitempty"` // of one ticket, in tenths of a yuan; 0 = not known
}

// HeldOrder is an order as 12306 holds it, read back where it could be.
type HeldOrder struct {
	Number     string         `json:"number"` // "" = an order is held, its number is not known yet
	Train      string         `json:"train"`
	Date       twelve306.Date `json:"date"`
	From       string         `json:"from"`
	To         string         `json:"to"`
	Depart     string         `json:"depart,omitempty"`
	Arrive     string         `json:"arrive,omitempty"`
	Seats      []string       `json:"seats,omitempty"` // one for each ticket: "二等座 05车 08B号"
	Passengers []string       `json:"passengers,omitempty"`
	PriceTenth int            `json:"price_tenth,omitempty"`
	PayBy      time.Time      `json:"pay_by,omitzero"`
	Since      time.Time      `json:"since,omitzero"`
	ReadBack   bool           `json:"read_back,omitempty"` // false = what was asked for, not what 12306 said
}

// heldOrder is the order as 12306 lists it.
func heldOrder(o twelve306.Order) *HeldOrder {
	h := &HeldOrder{
		Number: o.Number, Train: o.Train, Date: o.Date, From: o.From, To: o.To, Depart: o.Depart, Arrive: o.Arrive,
		PriceTenth: o.PriceTenth, PayBy: o.PayBy, Since: o.Ordered, ReadBack: true,
	}
	for _, t := range o.Tickets {
		h.Passengers = append(h.Passengers, t.Passenger)
		seat := t.SeatType
		if t.Coach != "" {
			seat += " " + t.Coach + "车"
		}
		if t.Seat != "" {
			seat += " " + t.Seat
		}
		h.Seats = append(h.Seats, seat)
	}
	return h
}

// asked is the order as it was asked for, when 12306 cannot be read back.
func (t *Trip) asked(number string, now time.Time) *HeldOrder {
	h := &HeldOrder{
		Number: number, Train: t.Train, Date: t.Date, From: t.From, To: t.To, Depart: t.Depart, Arrive: t.Arrive,
		Passengers: t.Passengers, PriceTenth: t.PriceTenth * len(t.Passengers), Since: now,
	}
	for range t.Passengers {
		h.Seats = append(h.Seats, t.Seat.Name())
	}
	return h
}

func (e Event) record() store.Record {
	b, err := json.Marshal(e)
	if err != nil { // plain values only: cannot happen
		panic(err)
	}
	return store.Record{At: e.At, Kind: string(e.Kind), Rule: e.Rule, Data: b}
}

func readEvent(r store.Record) (Event, error) {
	var e Event
	if err := json.Unmarshal(r.Data, &e); err != nil {
		return Event{}, fmt.Errorf("the journal's entry %d cannot be read: %w", r.Seq, err)
	}
	return e, nil
}
