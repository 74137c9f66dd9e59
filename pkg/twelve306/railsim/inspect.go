package railsim

import (
	"fmt"
	"slices"
	"time"
)

// Violations lists what 12306 refuses and what no client may do, in order: a
// step out of order, an unknown token, a mis-encoded value, a second confirm.
func (s *Server) Violations() []Violation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Violation(nil), s.violations...)
}

// Notes lists what no browser sends and 12306 serves anyway, in order (of the
// last 10,000 at least): a missing X-Requested-With, an odd Referer, a harmless
// field too many or too few, a queue polled faster than its page does.
func (s *Server) Notes() []Violation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Violation(nil), s.notes...)
}

// Misconduct lists both, in order: everything a browser would never have done.
// A client that wants to pass for one does nothing of it, so this is what
// watcherd's own tests fail on.
func (s *Server) Misconduct() []Violation {
	list := append(s.Violations(), s.Notes()...)
	slices.SortStableFunc(list, func(a, b Violation) int { return a.At.Compare(b.At) })
	return list
}

// Requests lists the requests that arrived (the last 10,000 at least), in order.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Request, len(s.requests))
	for i, r := range s.requests {
		list[i] = *r
	}
	return list
}

// Count says how many requests of a step arrived.
func (s *Server) Count(step Step) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, r := range s.requests {
		if r.Step == step {
			n++
		}
	}
	return n
}

// Orders lists the orders of a user as they stand now, oldest first.
func (s *Server) Orders(user string) []Order {
	var list []Order
	for _, o := range s.AllOrders() {
		if o.User == user {
			list = append(list, o)
		}
	}
	return list
}

// AllOrders lists everybody's orders as they stand now, oldest first.
func (s *Server) AllOrders() []Order {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(time.Now())
	list := make([]Order, len(s.orders))
	for i, o := range s.orders {
		list[i] = o.Order
		list[i].Tickets = append([]Ticket(nil), o.Order.Tickets...)
	}
	return list
}

// PayOrder pays an unpaid order.
func (s *Server) PayOrder(number string) error { return s.end(number, Paid) }

// ExpireOrder lets the time to pay run out now.
func (s *Server) ExpireOrder(number string) error { return s.end(number, Expired) }

// CancelOrder gives an unpaid order back, as its owner could in the app.
func (s *Server) CancelOrder(number string) error { return s.end(number, Cancelled) }

func (s *Server) end(number string, to OrderState) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle(time.Now())
	for _, o := range s.orders {
		if o.Number != number || number == "" {
			continue
		}
		if o.State != Unpaid {
			return fmt.Errorf("railsim: order %s is %s", number, o.State)
		}
		if to == Paid {
			o.State = Paid
		} else {
			s.giveBack(o, to)
		}
		return nil
	}
	return fmt.Errorf("railsim: no order %q", number)
}

// Cancels counts the requests to cancel an order or to leave the queue: each
// must be one that a person asked for.
func (s *Server) Cancels() int {
	return s.Count(StepCancelOrder) + s.Count(StepCancelQueue)
}

// SetCancels sets how many orders a user has given back today; three are too
// many.
func (s *Server) SetCancels(user string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.accounts[user]; a != nil {
		a.cancels[dayOf(time.Now())] = n
	}
}

// PlantOrder gives the user an unpaid order that was made elsewhere, say in
// the app, and returns it. Seats are passengers' names; the train need not be
// on the board.
func (s *Server) PlantOrder(user, date string, t Train, seat string, passengers ...string) Order {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	tr := &train{Train: t, date: date}
	tr.Took = or(t.Took, took(t.Depart, t.Arrive))
	o := &order{train: tr, Order: Order{Number: "EZ" + s.text("0123456789", 8), RequestID: 6 << 60, User: user, State: Unpaid,
		Date: date, Train: t.Code, TrainNo: t.No, From: t.From, To: t.To, Depart: t.Depart, Arrive: t.Arrive,
		Asked: now, Held: now, PayBy: s.says(now).Add(s.opts.PayWindow), Planted: true}}
	for i, name := range passengers {
		p := Passenger{Name: name, IDType: "1", Type: "1", TotalTimes: "99"}
		if a := s.accounts[user]; a != nil {
			for _, saved := range a.Passengers {
				if saved.Name == name {
					p = saved
				}
			}
		}
		tk := ticket{passenger: p, seat: seat, bed: "0", kind: "1", coach: "05"}
		tk.seatNum, tk.number = s.place(seat, 3, i)
		fare := tr.fare(seat)
		o.tickets = append(o.tickets, tk)
		o.Price += fare
		o.Order.Tickets = append(o.Order.Tickets, Ticket{Passenger: name, Seat: seat, Name: seatName(seat), Coach: "05", Number: tk.number, Price: fare})
	}
	s.orders = append(s.orders, o)
	return o.Order
}

// AnswerOf is the right answer to a captcha that this site drew lately, as
// captcha-check takes it ("38,44,110,116"), or "" for any other picture.
func (s *Server) AnswerOf(image []byte) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.pictures.find(image); p != nil {
		return p.answer()
	}
	return ""
}

// Forget drops what is kept for inspection alone: the log of requests,
// confirms, violations and notes, and the orders that have ended. For tests that
// measure a client's memory in the same process.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests, s.confirms, s.violations, s.notes = nil, nil, nil, nil
	s.orders = slices.DeleteFunc(s.orders, func(o *order) bool { return o.State != Queued && o.State != Unpaid })
}
