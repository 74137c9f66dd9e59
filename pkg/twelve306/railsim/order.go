package railsim

import (
	"fmt"
	"time"
)

// OrderState is where an order stands.
type OrderState string

// The states of an order.
const (
	Queued    OrderState = "queued"
	Failed    OrderState = "failed"    // the queue ended without a seat
	Unpaid    OrderState = "unpaid"    // seats are held until PayBy
	Paid      OrderState = "paid"      //
	Expired   OrderState = "expired"   // not paid in time; the seats are back
	Cancelled OrderState = "cancelled" // by request; the seats are back
)

// Order is what 12306 holds for somebody.
type Order struct {
	Number    string     `json:"number"` // "" until there is one
	RequestID int64      `json:"request_id"`
	User      string     `json:"user"`
	State     OrderState `json:"state"`
	Date      string     `json:"date"`
	Train     string     `json:"train"`
	TrainNo   string     `json:"train_no"`
	From      string     `json:"from"` // telecode
	To        string     `json:"to"`   // telecode
	Depart    string     `json:"depart"`
	Arrive    string     `json:"arrive"`
	Tickets   []Ticket   `json:"tickets"`
	Price     int        `json:"price"` // jiao, of all tickets
	Asked     time.Time  `json:"asked"` // the confirm
	Held      time.Time  `json:"held"`  // the number
	PayBy     time.Time  `json:"pay_by"`
	Message   string     `json:"message,omitempty"` // why it failed
	Planted   bool       `json:"planted,omitempty"` // by PlantOrder
}

// Ticket is one seat of an order.
type Ticket struct {
	Passenger string `json:"passenger"`
	Seat      string `json:"seat"`   // code as ordered
	Name      string `json:"name"`   // 二等座, or 无座 for a ticket to stand
	Coach     string `json:"coach"`  // "" until held
	Number    string `json:"number"` // 08B号
	Price     int    `json:"price"`  // jiao
}

// Queue is the course that an order takes after its confirm.
type Queue struct {
	// Waits are the waitTime answers, one a poll, before the end: -100, or
	// seconds left.
	Waits []int `json:"waits"`
	// Lasts makes the queue last that long, repeating the last of Waits. 0:
	// until Waits have been told, or 5 s for each of them have passed.
	Lasts time.Duration `json:"lasts"`
	// Hidden is how long after the confirm nothing shows the order: neither the
	// queue nor the list of unfinished orders.
	Hidden time.Duration `json:"hidden"`
	// Fail is how it ends: 0 with a number, -2 failed, -3 withdrawn.
	Fail int `json:"fail"`
	// Msg says why it failed. Default 没有足够的票!
	Msg string `json:"msg"`
	// Empty ends the queue without a word: 200 with an empty body.
	Empty bool `json:"empty"`
	// Refuse makes the confirm itself fail with this errMsg.
	Refuse string `json:"refuse"`
}

type order struct {
	Order
	train   *train
	tickets []ticket
	plan    Queue
	told    int // waits told
}

// PlanQueue plans the course of the next orders, one each.
func (s *Server) PlanQueue(q ...Queue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plans = append(s.plans, q...)
}

// nextQueue takes the plan of the order that is being confirmed.
func (s *Server) nextQueue() Queue {
	switch {
	case len(s.plans) > 0:
		q := s.plans[0]
		s.plans = s.plans[1:]
		return q
	case s.opts.Queue != nil:
		return *s.opts.Queue
	case s.opts.Calm:
		return Queue{Waits: []int{-100, 4}}
	}
	return [...]Queue{
		{Waits: []int{-100}}, {Waits: []int{-100, 4}}, {Waits: []int{75, 40, 4}}, {Waits: []int{-100, 0}}, {},
	}[s.rng.IntN(5)]
}

// unfinished is the queued or unpaid order of a user.
func (s *Server) unfinished(user string) *order {
	for _, o := range s.orders {
		if o.User == user && (o.State == Queued || o.State == Unpaid) {
			return o
		}
	}
	return nil
}

// settle ends queues and payment times that are over.
func (s *Server) settle(now time.Time) {
	for _, o := range s.orders {
		if o.State == Queued {
			if end := o.queueEnd(); !now.Before(end) {
				s.resolve(o, end)
			}
		}
		if o.State == Unpaid && !s.says(now).Before(o.PayBy) {
			s.giveBack(o, Expired)
		}
	}
}

func (o *order) queueEnd() time.Time {
	if o.plan.Lasts > 0 {
		return o.Asked.Add(o.plan.Lasts)
	}
	return o.Asked.Add(time.Duration(len(o.plan.Waits)) * 5 * time.Second)
}

// resolve ends the queue: a number and seats, or a failure.
func (s *Server) resolve(o *order, at time.Time) {
	fail := func(msg string) {
		o.State, o.Message, o.Held = Failed, msg, at
		if o.plan.Fail == 0 {
			o.plan.Fail = -2
		}
	}
	if o.plan.Empty || o.plan.Fail != 0 {
		fail(or(o.plan.Msg, "没有足够的票!"))
		return
	}
	for _, t := range o.tickets {
		if s.clashes(o, t.passenger.IDNo) {
			fail(fmt.Sprintf("%s(%s-%s)存在与本次购票行程冲突的车票!!", t.passenger.Name, idTypeName(t.passenger.IDType), t.passenger.IDNo))
			return
		}
	}
	if !s.seat(o) {
		fail("没有足够的票!")
		return
	}
	o.Number = "E" + s.pick("A", "B", "C", "E", "G", "H") + s.text("0123456789", 8)
	o.State, o.Held, o.PayBy = Unpaid, at, s.says(at).Add(s.opts.PayWindow)
}

// clashes reports whether a person travels at the same time on another order.
func (s *Server) clashes(o *order, id string) bool {
	for _, u := range s.orders {
		if u == o || u.State != Unpaid && u.State != Paid || u.train == nil ||
			!u.train.leaves().Before(o.train.arrives()) || !o.train.leaves().Before(u.train.arrives()) {
			continue
		}
		for _, t := range u.tickets {
			if t.passenger.IDNo == id {
				return true
			}
		}
	}
	return false
}

// seat takes the seats of an order, all or none.
func (s *Server) seat(o *order) bool {
	stock := o.train.seats(&s.board)
	want := map[string]int{}
	for i := range o.tickets {
		t := &o.tickets[i]
		t.placed = t.seat
		if stock[t.seat]-want[t.seat] <= 0 && t.seat == o.train.standsOn() {
			t.placed = "W"
		}
		if want[t.placed]++; want[t.placed] > stock[t.placed] {
			return false
		}
	}
	o.Tickets, o.Price = nil, 0
	coach := s.rng.IntN(14) + 1
	row := s.rng.IntN(12) + 1
	for i := range o.tickets {
		t := &o.tickets[i]
		stock[t.placed]--
		t.coach = fmt.Sprintf("%02d", coach)
		t.seatNum, t.number = s.place(t.placed, row, i)
		t.grant(row)
		fare := o.train.fare(t.placed)
		o.Price += fare
		o.Tickets = append(o.Tickets, Ticket{Passenger: t.passenger.Name, Seat: t.seat, Name: seatName(t.placed),
			Coach: t.coach, Number: t.number, Price: fare})
	}
	return true
}

// place invents a seat: its number and how it is printed.
func (s *Server) place(seat string, row, i int) (num, printed string) {
	letters := map[string]string{"9": "ACF", "P": "ACF", "D": "ACDF", "M": "ACDF", "O": "ABCDF", "S": "ACDF"}[seat]
	switch {
	case letters != "":
		num = fmt.Sprintf("%02d%c", row+i/len(letters), letters[i%len(letters)])
		return "0" + num, num + "号"
	case seat == "W":
		return "0000", "无座"
	case seat == "3" || seat == "J":
		num = fmt.Sprintf("%02d", row+i/3)
		return num, num + "号" + [...]string{"下铺", "中铺", "上铺"}[i%3]
	case seat == "1" || seat == "2" || seat == "H":
		num = fmt.Sprintf("%03d", row*5+i)
		return num, num + "号"
	}
	num = fmt.Sprintf("%02d", row+i/2)
	return num, num + "号" + [...]string{"下铺", "上铺"}[i%2]
}

// giveBack ends an order and puts its seats back. An unpaid order given back
// counts against the account.
func (s *Server) giveBack(o *order, to OrderState) {
	if o.train != nil && (o.State == Unpaid || o.State == Paid) {
		stock := o.train.seats(&s.board)
		for _, t := range o.tickets {
			if stock != nil && t.placed != "" {
				stock[t.placed]++
			}
		}
	}
	if a := s.accounts[o.User]; a != nil && o.State == Unpaid {
		at := o.PayBy
		if to == Cancelled {
			at = time.Now()
		}
		a.cancels[dayOf(at)]++
	}
	o.State = to
}
