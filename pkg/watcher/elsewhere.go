package watcher

import (
	"slices"
	"time"

	"go.uber.org/zap"
)

// What an account has ordered only that account can look at. An attempt that
// is not settled when watcherd is started with another one stays as it is: it
// is neither failed nor in the way of the new account. The user is told, and
// is reminded by the clock alone. When the old account comes back, it is taken
// up again.

// elsewhere reports whether an attempt belongs to another account than the one
// in force.
func (s *State) elsewhere(a *Attempt) bool { return a.who != "" && a.who != s.who }

// strangers returns the attempts of other accounts of which it is not known
// what became of them, oldest first.
func (s *State) strangers() []*Attempt {
	var out []*Attempt
	for _, a := range s.Attempts {
		if s.elsewhere(a) && (a.open() || a.State == StateBooked) {
			out = append(out, a)
		}
	}
	return out
}

// changeAccount folds an [OtherAccount].
func (s *State) changeAccount(e Event) {
	for _, a := range s.Attempts {
		if a.who == "" {
			a.who = e.Before
		}
	}
	s.who, s.refused = e.Who, time.Time{} // it was the other one whose orders 12306 refused for the day
	for _, a := range s.Attempts {
		if !a.open() && a.State != StateBooked {
			continue
		}
		if a.Why = ""; s.elsewhere(a) {
			a.Why = e.Why
		}
	}
}

// nobody is who takes over when watch.yaml names no account any more: its orders
// are out of sight, too. The saved session stays for when it is back.
const nobody = "none"

// changeOwner writes down that another account than before takes over. owner is
// the one of the saved session, who the new one; see [Options.who].
func (w *Watcher) changeOwner(owner, who string, say speaker) error {
	w.mu.Lock()
	if w.state.who != "" {
		owner = w.state.who
	}
	w.mu.Unlock()
	if owner == "" || owner == who {
		return nil
	}
	return w.record(nil, Event{Kind: OtherAccount, Before: owner, Who: who, Why: say.otherAccount()})
}

// tellStrangers tells, once each, of orders that only another account can see.
func (w *Watcher) tellStrangers() {
	w.mu.Lock()
	list := slices.DeleteFunc(w.state.strangers(), func(a *Attempt) bool { return a.told[stepElsewhere] })
	w.mu.Unlock()
	for _, a := range list {
		now := time.Now()
		n := w.say.stranger(a, w.railway(now))
		v := a.view(w.opt.Location)
		n.Order = &v
		w.log.Warn("an order belongs to another account; it is left alone until that one is back",
			zap.String("rule", a.Rule), zap.String("attempt", a.ID), zap.String("number", v.Number), zap.String("state", string(a.State)))
		w.recordAlways([]News{n}, Event{At: now, Kind: Reminded, Rule: a.Rule, Attempt: a.ID, Step: stepElsewhere})
	}
}

// stepElsewhere is the Step of the Reminded that stands for tellStrangers.
const stepElsewhere = "elsewhere"

// otherAccount is why nobody knows what became of an order.
func (s speaker) otherAccount() string {
	return s.f("用另一个账号下的单，现在看不到；请用那个账号到 12306 App 里看",
		"ordered with another account and out of sight now; please look with that account in the 12306 app")
}

// stranger tells of an order that the account in force cannot see.
func (s speaker) stranger(a *Attempt, now time.Time) News {
	o := a.Order
	if o == nil {
		o = a.Trip.asked(a.Number, a.Begun)
	}
	title, fact := s.f("订单在另一个账号里：%s", "Held by another account: %s", s.inTitle(o)), s.f("订单 %s 还没付款。", "Order %s is not paid yet.", o.Number)
	if a.open() {
		title = s.f("可能有订单在另一个账号里：%s", "Another account may hold a seat: %s", s.inTitle(o))
		fact = s.f("这一单已经提交，成没成还不知道。", "The order was sent, and whether it was taken is not known.")
	}
	todo := s.f("请用原来的账号到 12306 官方 App 看“未完成订单”，有就付款或取消。",
		"Please look with the old account in the official 12306 app, under unfinished orders, and pay for or cancel what is there.")
	switch {
	case o.PayBy.After(now):
		todo = s.f("请在 %s 前用原来的账号到 12306 官方 App 付款，或取消它。",
			"Please pay for it before %s in the official 12306 app, with the old account, or cancel it.", s.clock(o.PayBy, now))
	case !o.PayBy.IsZero():
		fact = s.f("订单 %s 的付款时间已过，付没付不知道。", "The time to pay for order %s is over; whether it was paid is not known.", o.Number)
	}
	return News{Kind: NewsHeldElsewhere, Rule: a.Rule, Loud: true, Title: title,
		Text: lines(fact, s.f("watch.yaml 里换了或去掉了账号，watcherd 看不到原来账号的订单，也不会动它。",
			"watch.yaml names another account now, or none: watcherd cannot see the orders of the old one, and leaves them alone."), s.trip(o), todo,
			s.f("规则“%s”不会再抢；要用现在的账号抢：watcherd resume %[1]s。账号改回去，watcherd 就接着管这一单。",
				"Rule %s books no more; to book with the present account: watcherd resume %[1]s. With the old account back in watch.yaml, watcherd goes on with this order.", a.Rule))}
}
