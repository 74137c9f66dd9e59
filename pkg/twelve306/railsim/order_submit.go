package railsim

import (
	"net/url"
	"time"
)

// draft is an order in the making: from submitOrderRequest to the confirm.
type draft struct {
	*offer
	user     string
	at       time.Time
	data     string // what submitOrderRequest answered
	token    string // "" until initDc
	keyCheck string

	listed    bool
	ticketStr string // what checkOrderInfo passed
	oldStr    string
	people    []ticket
	choice    string // choose_Seats: the codes whose letters checkOrderInfo offered
	beds      bool   // canChooseBeds
	middle    bool   // isCanChooseMid
	single    bool   // isAsync 0: confirmSingle, and no queue
	checkedAt time.Time
	hold      time.Duration // ifShowPassCodeTime
	counted   bool

	wantCode bool     // checkOrderInfo said ifShowPassCode Y
	picture  *picture // the newest order picture, not answered yet
	fetched  []time.Time
	code     string // the answer that was right

	confirms int // that arrived with this token
	order    *order
}

// checkAge is how old "logged in" may be when an order begins: two minutes,
// and time for a slow line.
const checkAge = 150 * time.Second

const unfinishedText = `您还有未处理的订单，请您到<a href="../queryOrder/initNoComplete">[未完成订单]</a>进行处理!`

const studentText = "学生票的乘车时间为每年的暑假6月1日至9月30日、寒假12月1日至3月31日"

// studentDate reports whether a student travels at his price on that day.
func studentDate(date string) bool {
	month := date[5:7]
	return month >= "06" && month <= "09" || month == "12" || month <= "03"
}

// submit begins an order of one row.
func (s *Server) submit(x *exchange) {
	if !x.loggedIn() {
		x.refuse("用户未登录")
		return
	}
	if x.now.Sub(x.sess.checked) > checkAge {
		// The browser asks just before; no source says that 12306 minds.
		x.note("submitOrderRequest without checkUser")
	}
	o := x.submitted()
	if o == nil {
		x.refuse("非法请求")
		return
	}
	switch {
	case o.stale || x.now.Sub(o.at) > s.opts.SecretLife || s.awkward(40):
		x.refuse("车票信息已过期，请重新查询最新车票信息")
		return
	case s.awkward(100):
		x.refuse("提交失败，请重试...")
		return
	case !s.opts.NoGuard && s.unfinished(x.sess.user) != nil:
		x.refuse(unfinishedText)
		return
	case o.purpose == "0X00" && !studentDate(o.date):
		x.refuse(studentText)
		return
	case s.onSale(o, s.says(x.now)) == "IS_TIME_NOT_BUY":
		x.refuse("您选择的" + o.Code + "次列车已暂停发售")
		return
	}
	d := &draft{offer: o, user: x.sess.user, at: x.now}
	d.data = "N"
	if s.opts.Era == Present {
		d.data = "220"
	}
	if !s.opts.Calm {
		d.data = s.pick("N", "0", "220", "Y")
	}
	x.sess.ticket = d
	x.otn(d.data)
}

// submitted checks the parameters and returns the row they buy, or nil.
func (x *exchange) submitted() *offer {
	before := len(x.s.violations)
	secret := x.form.Get("secretStr")
	o := x.s.offers[secret]
	if o == nil {
		once, err := url.QueryUnescape(secret)
		spaced := ""
		for _, c := range secret {
			if c == ' ' {
				c = '+'
			}
			spaced += string(c)
		}
		switch {
		case err == nil && x.s.offers[once] != nil:
			x.violate("secretStr is encoded once too often")
		case x.s.offers[spaced] != nil:
			x.violate("secretStr is encoded once too seldom: + became blank")
		default:
			x.violate("secretStr is not that of a row")
		}
		return nil
	}
	x.must("train_date", o.date)
	x.must("tour_flag", "dc")
	x.must("purpose_codes", o.purpose)
	x.mustIfSent("undefined", "")
	if back := x.form.Get("back_train_date"); back != o.date && back != dayOf(x.now) {
		x.violate("back_train_date is %q, neither today nor the train_date", back)
	}
	x.mustName("query_from_station_name", o.from)
	x.mustName("query_to_station_name", o.to)
	if x.s.opts.Era == Present {
		// Clients of 2021 to 2023 have neither (PJ, JZ), and get orders.
		if !x.form.Has("bed_level_info") || !x.form.Has("seat_discount_info") {
			x.note("bed_level_info or seat_discount_info missing")
		}
		x.mustIfSent("bed_level_info", "")
		x.mustIfSent("seat_discount_info", o.discount)
	} else {
		x.otherYears("bed_level_info", "seat_discount_info")
	}
	if len(x.s.violations) > before {
		return nil
	}
	return o
}

// must checks that a parameter has the one value that a browser sends.
func (x *exchange) must(name, want string) bool {
	if got := x.form.Get(name); got != want {
		x.violate("%s is %q instead of %q", name, got, want)
		return false
	}
	return true
}

// otherYears notes parameters that only the pages of other years send.
func (x *exchange) otherYears(names ...string) {
	for _, n := range names {
		if x.form.Has(n) {
			x.note("parameter %s that no browser of %s sends", n, x.s.opts.Era)
		}
	}
}

// mustIfSent is must for what older or newer clients leave out.
func (x *exchange) mustIfSent(name, want string) bool {
	return !x.form.Has(name) || x.must(name, want)
}

// whatsSelect is 1 in every recording, and the number of passengers in JZ.
func (x *exchange) whatsSelect() {
	if v := x.form.Get("whatsSelect"); x.form.Has("whatsSelect") && v != "1" {
		x.note("whatsSelect is %q instead of 1", v)
	}
}

// mustName checks that a parameter is the name that was typed for a query:
// that of the station asked for, or its city's.
func (x *exchange) mustName(param, code string) {
	got, at := x.form.Get(param), stations()
	if st, ok := at.byName[got]; ok && at.sameCity(st.code, code) || got == at.byCode[code].city {
		return
	}
	if _, ok := at.byCode[got]; ok {
		x.violate("%s is the telecode %s, browsers send the name", param, got)
		return
	}
	x.violate("%s is %q, the query was from or to %s", param, got, at.byCode[code].name)
}
