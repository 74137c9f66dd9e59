package railsim

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// getPassCode draws the order's picture.
func (s *Server) getPassCode(x *exchange) {
	if !x.must("module", "passenger") || !x.must("rand", "randp") {
		x.redirectToError()
		return
	}
	if !x.loggedIn() {
		x.toLogin()
		return
	}
	d := x.sess.ticket
	if d == nil || d.order != nil {
		// The query page preloads one that nobody answers (R19).
		x.sendPicture(s.draw(x.now).image)
		return
	}
	var throttled bool
	if d.fetched, throttled = throttle(d.fetched, x.now); throttled {
		x.decided("throttled")
		x.sendPicture(throttlePicture())
		return
	}
	d.picture = s.draw(x.now)
	x.sendPicture(d.picture.image)
}

// checkPassCode judges the answer to the order's picture.
func (s *Server) checkPassCode(x *exchange) {
	if !x.loggedIn() {
		x.otnEnvelope(false, nil, "用户未登录")
		return
	}
	answer := func(result, msg string) {
		x.decided(result + " " + msg)
		x.otn(map[string]string{"result": result, "msg": msg})
	}
	d := x.draft()
	if d == nil || !x.must("rand", "randp") {
		answer("0", "")
		return
	}
	code := x.form.Get("randCode")
	if code == "" {
		x.violate("empty randCode")
		answer("0", "")
		return
	}
	p := d.picture
	d.picture, d.code = nil, ""
	if p == nil {
		x.violate("an answer without a picture, or to a picture already answered")
		answer("0", "EXPIRED")
		return
	}
	switch right, well := p.judge(code); {
	case !well:
		x.violate("randCode %q is not x,y,x,y,...", code)
		answer("0", "")
	case x.now.Sub(p.at) > s.opts.CaptchaLife:
		answer("0", "EXPIRED")
	case !right:
		answer("1", "FALSE")
	default:
		d.code = code
		answer("1", "TRUE")
	}
}

// SetOrderCaptcha makes checkOrderInfo ask for a picture (ifShowPassCode Y).
// Present has no such question.
func (s *Server) SetOrderCaptcha(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.orderCode = on
}

// SetChoice switches off that checkOrderInfo offers a choice of seats and
// beds, and on again.
func (s *Server) SetChoice(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noChoice = !on
}

// checkOrder looks at passengers and seats before anything is spent.
func (s *Server) checkOrder(x *exchange) {
	fail := func(msg string, more map[string]any) {
		x.decided("submitStatus false: " + msg)
		m := map[string]any{"errMsg": msg, "submitStatus": false}
		for k, v := range more {
			m[k] = v
		}
		x.otn(m)
	}
	if !x.loggedIn() {
		fail("用户未登录", map[string]any{"isRelogin": true})
		return
	}
	d := x.draft()
	if d == nil {
		fail("非法请求", nil)
		return
	}
	ok := x.must("cancel_flag", "2")
	ok = x.must("bed_level_order_num", strings.Repeat("0", 30)) && ok
	ok = x.must("tour_flag", "dc") && ok
	x.whatsSelect()
	switch {
	case s.opts.Era == Classic && !x.form.Has("randCode"):
		x.note("parameter randCode missing")
	case s.opts.Era == Present && !x.form.Has("scene"): // randCode in its place (PJ)
		x.note("parameter scene missing")
	case s.opts.Era == Present:
		ok = x.must("scene", "nc_login") && ok
		x.otherYears("randCode")
	default:
		x.otherYears("sessionId", "sig", "scene")
	}
	if d.order != nil {
		x.violate("checkOrderInfo after the confirm")
		ok = false
	}
	people := x.parseTickets(d)
	if !ok || people == nil {
		fail("非法请求", nil)
		return
	}
	if msg := x.user().refusedToday(x.now); msg != "" {
		fail(msg, nil)
		return
	}
	if s.awkward(60) {
		fail("系统繁忙，请稍后重试！", nil)
		return
	}
	if msg, more := s.refuseTickets(d, people); msg != "" {
		fail(msg, more)
		return
	}
	d.ticketStr, d.oldStr, d.people = x.form.Get("passengerTicketStr"), x.form.Get("oldPassengerStr"), people
	d.checkedAt = x.now
	d.hold = time.Millisecond
	if !s.opts.Calm {
		d.hold = time.Duration(1+s.rng.IntN(2423)) * time.Millisecond
	}
	d.wantCode = s.orderCode && s.opts.Era == Classic
	d.choice, d.beds, d.middle = "", false, false
	for _, c := range d.seatCodes(&s.board) {
		switch {
		case s.noChoice:
		case strings.Contains("9PDMO", c):
			d.choice += c
		case strings.Contains(sleepers, c):
			d.beds = true
			d.middle = d.middle || strings.Contains(threeTiers, c)
		}
	}
	data := map[string]any{"canChooseBeds": yesNo(d.beds), "canChooseSeats": yesNo(d.choice != ""), "choose_Seats": d.choice, "isCanChooseMid": yesNo(d.middle),
		"ifShowPassCodeTime": strconv.Itoa(int(d.hold.Milliseconds())), "submitStatus": true, "smokeStr": ""}
	if s.opts.Era == Classic {
		data["ifShowPassCode"] = "N"
		if d.wantCode {
			data["ifShowPassCode"] = "Y"
		}
	}
	x.otn(data)
}

// sleepers are the seats that are beds, threeTiers those with a middle one.
const sleepers, threeTiers = "6A4IF3J", "3J"

func yesNo(b bool) string {
	if b {
		return "Y"
	}
	return "N"
}

// refuseTickets is why these people cannot have these seats, or "".
func (s *Server) refuseTickets(d *draft, people []ticket) (string, map[string]any) {
	stock := d.seats(&s.board)
	want := map[string]int{}
	children := 0
	for _, t := range people {
		if _, ok := stock[t.seat]; !ok && !(t.seat == d.standsOn() && stock["W"] > 0) {
			return "非法的席别，请重新选择！", nil
		}
		want[t.seat]++
		if t.kind == "2" {
			children++
		}
		if !strings.Contains(" 93 95 97 99 ", " "+t.passenger.TotalTimes+" ") {
			return t.passenger.Name + "的身份信息未经核验，请持有效身份证件原件到车站窗口办理。", map[string]any{"isNoActive": true}
		}
	}
	if children > 0 && children == len(people) {
		return "儿童不能单独乘车，请与成人同行。", nil
	}
	for seat, n := range want {
		have := stock[seat]
		if seat == d.standsOn() {
			have += stock["W"]
		}
		if have < n {
			return fmt.Sprintf("您选择了%d位乘车人，但本次列车%s仅剩%d张。", n, seatName(seat), have), map[string]any{"checkSeatNum": true}
		}
	}
	return "", nil
}
