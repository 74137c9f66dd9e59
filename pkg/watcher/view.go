package watcher

import (
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// OrderView is an order or attempt as `watcherd orders --json` and the
// webhook's `order` print it.
type OrderView struct {
	Rule       string       `json:"rule"`
	Attempt    string       `json:"attempt"`
	State      AttemptState `json:"state"`
	Number     string       `json:"number"`
	Train      string       `json:"train"`
	Date       string       `json:"date"`
	From       string       `json:"from"`
	To         string       `json:"to"`
	Seats      []string     `json:"seats"`
	Passengers []string     `json:"passengers"`
	Price      *float64     `json:"price"`  // yuan, all tickets; null when not known
	PayBy      *time.Time   `json:"pay_by"` // null when not known
	At         time.Time    `json:"at"`
	Why        string       `json:"why"`
}

// In returns the state in words of l.
func (s AttemptState) In(l notifier.Lang) string {
	switch s {
	case StateConfirm:
		return l.Pick("确认中", "confirming")
	case StateQueued:
		return l.Pick("排队中", "in the queue")
	case StateBooked:
		return l.Pick("待付款", "not paid yet")
	case StatePaid:
		return l.Pick("已付款", "paid")
	case StateExpired:
		return l.Pick("过期未付", "expired")
	case StateCancelled:
		return l.Pick("已取消", "cancelled")
	case StateFailed:
		return l.Pick("没订上", "failed")
	}
	return string(s)
}

// view is the attempt for other programs.
func (a *Attempt) view(loc *time.Location) OrderView {
	o := a.Order
	if o == nil {
		o = a.Trip.asked(a.Number, a.Begun)
	}
	v := OrderView{
		Rule: a.Rule, Attempt: a.ID, State: a.State, Number: o.Number, Train: o.Train, Date: o.Date.String(), From: o.From, To: o.To,
		Seats: o.Seats, Passengers: o.Passengers, At: a.Begun.In(loc).Truncate(time.Second), Why: a.Why,
	}
	if !a.Ended.IsZero() {
		v.At = a.Ended.In(loc).Truncate(time.Second)
	}
	if o.PriceTenth > 0 {
		price := float64(o.PriceTenth) / 10
		v.Price = &price
	}
	if !o.PayBy.IsZero() {
		at := o.PayBy.In(loc)
		v.PayBy = &at
	}
	return v
}

// Orders returns every attempt that came as far as a confirm, newest first.
func (s *State) Orders(loc *time.Location) []OrderView {
	out := []OrderView{}
	for i := len(s.Attempts) - 1; i >= 0; i-- {
		if a := s.Attempts[i]; !a.Intent.IsZero() {
			out = append(out, a.view(loc))
		}
	}
	return out
}
