package railsim

import (
	"net/url"
	"regexp"
	"strconv"
	"time"
)

var javascriptDate = regexp.MustCompile(`^([A-Z][a-z]{2} [A-Z][a-z]{2} \d{2} \d{4}) 00:00:00 GMT\+0800 \([^()]+\)$`)

// queueCount says how many seats and how many people there are. op_2 "true"
// means that the queue is longer than the seats.
func (s *Server) queueCount(x *exchange) {
	if !x.loggedIn() {
		x.decided("not logged in")
		x.otn(map[string]any{"isRelogin": "Y"})
		return
	}
	d := x.draft()
	if d == nil {
		x.illegal()
		return
	}
	if d.people == nil && !s.opts.Overlap {
		x.violate("getQueueCount before checkOrderInfo")
		x.illegal()
		return
	}
	before := len(s.violations)
	sent := x.form.Get("train_date")
	m := javascriptDate.FindStringSubmatch(sent)
	day, _ := time.ParseInLocation(time.DateOnly, d.date, railway)
	if m == nil {
		x.violate("train_date %q is not what JavaScript prints", sent)
	} else if m[1] != day.Format("Mon Jan 02 2006") {
		x.violate("train_date is %s instead of %s", m[1], day.Format("Mon Jan 02 2006"))
	}
	x.must("train_no", d.No)
	x.must("stationTrainCode", d.Code)
	x.must("fromStationTelecode", d.From)
	x.must("toStationTelecode", d.To)
	x.must("purpose_codes", d.pagePurpose())
	x.must("train_location", d.location)
	x.mustBeEncodedAgain("leftTicket", d)
	seat := x.form.Get("seatType")
	if column(seat) == 0 || seat == "W" || d.people != nil && !ordersSeat(d.people, seat) {
		x.violate("seatType is %q, which nobody on this order has", seat)
	}
	if len(s.violations) > before {
		x.illegal()
		return
	}
	d.counted = true
	stock := d.seats(&s.board)
	waiting := s.queueing(d.train, seat)
	left := max(stock[seat], 0)
	number := strconv.Itoa(left)
	if _, stands := stock["W"]; stands && seat == d.standsOn() {
		number += "," + strconv.Itoa(stock["W"])
		left += stock["W"]
	}
	full := waiting > 0 && waiting >= left
	count := 0
	if !s.opts.Calm {
		count = s.rng.IntN(5)
	}
	x.otn(map[string]any{"count": strconv.Itoa(count), "ticket": number, "op_2": strconv.FormatBool(full),
		"countT": strconv.Itoa(waiting), "op_1": strconv.FormatBool(s.awkward(2))})
}

// mustBeEncodedAgain checks leftTicketStr: the page gives it encoded, and the
// form encodes it once more.
func (x *exchange) mustBeEncodedAgain(name string, d *draft) {
	got := x.form.Get(name)
	if got == d.ypInfo {
		return
	}
	if once, err := url.QueryUnescape(d.ypInfo); err == nil && once == got {
		x.violate("%s is not encoded once more", name)
		return
	}
	x.violate("%s is not that of the page", name)
}

func ordersSeat(people []ticket, seat string) bool {
	for _, t := range people {
		if t.seat == seat {
			return true
		}
	}
	return false
}

// queueing is how many seats of a kind the orders in the queue want.
func (s *Server) queueing(t *train, seat string) int {
	n := 0
	for _, o := range s.orders {
		if o.State == Queued && o.train.date == t.date && o.train.Code == t.Code {
			for _, p := range o.tickets {
				if p.seat == seat {
					n++
				}
			}
		}
	}
	return n
}
