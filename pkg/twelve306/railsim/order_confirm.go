package railsim

import (
	"fmt"
	"strings"
	"time"
)

// Confirm is one confirmSingleForQueue, or confirmSingle, that arrived.
type Confirm struct {
	At    time.Time `json:"at"`
	User  string    `json:"user"`
	Token string    `json:"token"`
	// Acted says that an order came of it.
	Acted bool `json:"acted"`
}

// Confirms lists every confirm that arrived, in order.
func (s *Server) Confirms() []Confirm {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Confirm(nil), s.confirms...)
}

// noteConfirm counts a confirm when it arrives, even if a failure then keeps
// it from acting: the client cannot know that.
func (s *Server) noteConfirm(x *exchange, f *Fault) {
	c := Confirm{At: x.now, Token: x.form.Get("REPEAT_SUBMIT_TOKEN")}
	if d := s.drafts[c.Token]; d != nil {
		c.User = d.user
		x.counted = d
		if d.confirms++; d.confirms > 1 {
			x.violate("confirmSingleForQueue twice with one token")
		}
	}
	if o := s.unfinished(c.User); c.User != "" && o != nil && !o.Planted {
		x.violate("confirmSingleForQueue while the account has an unfinished order")
	}
	s.confirms = append(s.confirms, c)
	x.confirmed = len(s.confirms) - 1
}

// unconfirm takes a confirm back that was turned away at the door, for its
// headers, cookies or fields: its token is as good as before.
func (x *exchange) unconfirm() {
	if x.counted != nil {
		x.counted.confirms--
	}
}

// confirm begins the order. From here on 12306 holds something.
func (s *Server) confirm(x *exchange) {
	refuse := func(msg string) {
		x.decided("submitStatus false: " + msg)
		x.otn(map[string]any{"errMsg": msg, "submitStatus": false})
	}
	if !x.loggedIn() {
		x.toLogin()
		return
	}
	d := x.draft()
	if d == nil {
		refuse("非法的订票请求！")
		return
	}
	if d.order != nil && !s.opts.NoGuard {
		refuse("非法的订票请求！")
		return
	}
	if !s.confirmParams(x, d) {
		refuse("非法的订票请求！")
		return
	}
	if !s.opts.NoGuard && s.unfinished(x.sess.user) != nil {
		refuse("包含未付款订单")
		return
	}
	if msg := x.user().refusedToday(x.now); msg != "" {
		refuse(msg)
		return
	}
	plan := s.nextQueue()
	if plan.Refuse != "" {
		refuse(plan.Refuse)
		return
	}
	stock := d.seats(&s.board)
	for _, t := range d.people {
		left := stock[t.seat]
		if t.seat == d.standsOn() {
			left += stock["W"]
		}
		switch {
		case left <= 0 && s.awkward(2):
			x.decided("扣票失败")
			x.otnEnvelope(false, "扣票失败")
			return
		case left <= 0:
			refuse("没有足够的票!")
			return
		case left < len(d.people)+s.queueing(d.train, t.seat) && len(d.people) == wanting(d.people, t.seat):
			refuse("排队人数现已超过余票数，请您选择其他席别或车次。")
			return
		}
	}
	o := &order{train: d.train, tickets: append([]ticket(nil), d.people...), plan: plan, Order: Order{
		RequestID: 6<<60 + s.rng.Int64N(1<<59), User: d.user, State: Queued, Date: d.date, Train: d.Code, TrainNo: d.No,
		From: d.From, To: d.To, Depart: d.Depart, Arrive: d.Arrive, Asked: x.now}}
	for _, t := range d.people {
		o.Tickets = append(o.Tickets, Ticket{Passenger: t.passenger.Name, Seat: t.seat, Name: seatName(t.seat)})
	}
	s.orders = append(s.orders, o)
	d.order = o
	s.confirms[x.confirmed].Acted = true
	data := map[string]any{"submitStatus": true}
	if s.opts.Era == Present {
		data["isAsync"] = "1"
	}
	if d.single {
		if s.resolve(o, x.now); o.State == Failed {
			refuse(o.Message)
			return
		}
		data["isAsync"] = "0"
	}
	x.decided(string(o.State))
	x.otn(data)
}

func wanting(people []ticket, seat string) int {
	n := 0
	for _, t := range people {
		if t.seat == seat {
			n++
		}
	}
	return n
}

// confirmParams checks that the confirm says what the page and the check said.
func (s *Server) confirmParams(x *exchange, d *draft) bool {
	before := len(s.violations)
	if d.people == nil {
		x.violate("confirmSingleForQueue before checkOrderInfo")
		return false
	}
	if d.single != (x.step == StepConfirmSingle) {
		x.violate("%s where the page said isAsync %s", x.step, map[bool]string{true: "0", false: "1"}[d.single])
	}
	if !d.counted && !s.excused[StepQueueCount] {
		x.violate("confirmSingleForQueue without getQueueCount")
	}
	if due := d.checkedAt.Add(d.hold); x.now.Before(due) {
		// The page keeps its button dead that long and TS sleeps; PJ does not
		// wait at all, and gets orders.
		x.note("confirmSingleForQueue %v before ifShowPassCodeTime has passed", due.Sub(x.now))
	}
	x.wishes(d)
	x.same("oldPassengerStr", d.oldStr)
	x.must("purpose_codes", d.pagePurpose())
	x.must("key_check_isChange", d.keyCheck)
	x.mustBeEncodedAgain("leftTicketStr", d)
	x.must("train_location", d.location)
	x.whatsSelect()
	x.mustIfSent("roomType", "00")
	x.mustIfSent("dwAll", "N")
	if s.opts.Era == Present {
		for _, n := range []string{"is_jy", "is_cj", "encryptedData"} {
			if !x.form.Has(n) { // as before 2024, and in PJ
				x.note("parameter %s missing", n)
			}
		}
		x.otherYears("randCode")
	} else {
		if !x.form.Has("randCode") {
			x.note("parameter randCode missing")
		}
		x.otherYears("is_jy", "is_cj", "encryptedData")
		switch code := x.form.Get("randCode"); {
		case d.wantCode && d.code == "":
			x.violate("the order's picture was not answered")
		case d.wantCode && code != d.code:
			x.violate("randCode is not the answer that was right")
		case !d.wantCode && code != "" && code != d.code:
			x.violate("randCode where no picture was asked for")
		}
	}
	return len(s.violations) == before
}

// wishes checks passengerTicketStr, which may name beds now, seatDetailType,
// which counts them, and choose_seats; and notes who wishes what.
func (x *exchange) wishes(d *draft) {
	sent := strings.Split(x.form.Get("passengerTicketStr"), "_")
	checked := strings.Split(d.ticketStr, "_")
	var beds [4]int
	for i, person := range sent {
		f := strings.SplitN(person, ",", 3)
		if len(f) < 3 || len(f[1]) != 1 || f[1] < "0" || f[1] > "3" {
			x.violate("passengerTicketStr has no bed for a person")
			return
		}
		bed := f[1]
		f[1] = "0"
		if len(sent) != len(checked) || strings.Join(f, ",") != checked[i] {
			x.violate("passengerTicketStr is not the one that checkOrderInfo passed")
			return
		}
		switch {
		case bed == "0":
		case !d.beds:
			x.violate("bed %s where no bed can be chosen", bed)
		case !strings.Contains(sleepers, f[0]):
			x.violate("bed %s on the seat %s", bed, f[0])
		case bed == "2" && (!d.middle || !strings.Contains(threeTiers, f[0])):
			x.violate("a middle berth where there is none")
		}
		beds[bed[0]-'0']++
		d.people[i].bed = bed
	}
	if want := fmt.Sprintf("%d%d%d", beds[1], beds[2], beds[3]); want != "000" || x.form.Get("seatDetailType") != "" {
		x.must("seatDetailType", want)
	} else if x.form.Has("seatDetailType") { // TS, GG
		x.note("seatDetailType is empty")
	}
	v := x.form.Get("choose_seats")
	if v == "" {
		return
	}
	if len(v) != 2*len(d.people) {
		x.violate("choose_seats %q is not two characters a passenger", v)
		return
	}
	last := ""
	for i := range d.people {
		t := &d.people[i]
		t.wish = v[2*i : 2*i+2]
		plan := rowLetters[t.seat]
		switch {
		case !strings.Contains(d.choice, t.seat) || plan == "":
			x.violate("choose_seats %q, and no seat of %s can be chosen", v, t.seat)
		case t.wish[0] != '1' && t.wish[0] != '2' || !strings.Contains(plan, t.wish[1:]):
			x.violate("choose_seats %q: no seat %s in %s", v, t.wish, t.seat)
		case t.wish <= last:
			x.violate("choose_seats %q is not in the order of the page", v)
		}
		last = t.wish
	}
}

// rowLetters are the letters that the page offers for a kind of seat.
var rowLetters = map[string]string{"9": "ACF", "P": "ACF", "D": "ACDF", "M": "ACDF", "O": "ABCDF"}

// grant gives the seat or the berth that was wished for. row is the first row
// of the order.
func (t *ticket) grant(row int) {
	switch {
	case t.placed != t.seat: // he stands
	case t.wish != "":
		num := fmt.Sprintf("%02d%s", row+int(t.wish[0]-'1'), t.wish[1:])
		t.seatNum, t.number = "0"+num, num+"号"
	case t.bed > "0":
		t.number = t.seatNum + "号" + [...]string{"下铺", "中铺", "上铺"}[t.bed[0]-'1']
	}
}

// same is must for values that must not be printed.
func (x *exchange) same(name, want string) {
	if x.form.Get(name) != want {
		x.violate("%s is not the one that checkOrderInfo passed", name)
	}
}

// baseLog is told after a confirm; nobody reads its answer.
func (s *Server) baseLog(x *exchange) {
	if x.loggedIn() && x.must("type", "dc") {
		x.draft()
	}
	x.otn(true)
}
