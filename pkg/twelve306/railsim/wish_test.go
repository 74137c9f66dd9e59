package railsim

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

// family is an account with an adult, a child and a student.
func family() Account {
	a := DefaultAccount()
	a.Passengers = []Passenger{
		{Name: "张三", IDNo: "110101199001010014", Mobile: "13800000000"},
		{Name: "小宝", IDNo: "110101199501010011", Type: "2"},
		{Name: "李四", IDNo: "110101197901010011", Type: "3"},
	}
	return a
}

// strs writes both passenger strings: seat,bed,ticket for each of the family.
func strs(a Account, each ...string) string {
	var tickets []string
	old := ""
	for i, what := range each {
		if what == "" {
			continue
		}
		p := a.Passengers[i]
		tickets = append(tickets, what+","+p.Name+",1,"+p.IDNo+","+p.Mobile+",N")
		old += p.Name + ",1," + p.IDNo + "," + or(p.Type, "1") + "_"
		if strings.HasSuffix(what, ",2") {
			old += "_+"
		}
	}
	return "passengerTicketStr=" + url.QueryEscape(strings.Join(tickets, "_")) + "&oldPassengerStr=" + url.QueryEscape(old)
}

// TestWishes gives seats and berths as they were wished for.
func TestWishes(t *testing.T) {
	for name, c := range map[string]struct {
		check, confirm []string // seat,bed,ticket of each person
		seats, beds    string
		want           string // the seats given, without their numbers; "" is refused
		says           string // in a violation
	}{
		"window and aisle": {[]string{"O,0,1", "O,0,2"}, nil, "1C1F", "000", "C F", ""},
		"two rows":         {[]string{"O,0,1", "O,0,2"}, nil, "1A2A", "000", "A A", ""},
		"backwards":        {[]string{"O,0,1", "O,0,2"}, nil, "1F1A", "000", "", "order of the page"},
		"the same twice":   {[]string{"O,0,1", "O,0,2"}, nil, "1A1A", "000", "", "order of the page"},
		"no B":             {[]string{"M,0,1", "M,0,2"}, nil, "1A1B", "000", "", "no seat 1B in M"},
		"a seat in a bed":  {[]string{"3,0,1", "3,0,2"}, nil, "1A1C", "000", "", "no seat of 3 can be chosen"},
		"berths":           {[]string{"3,0,1", "3,0,2"}, []string{"3,3,1", "3,1,2"}, "", "101", "上铺 下铺", ""},
		"one berth":        {[]string{"3,0,1", "3,0,2"}, []string{"3,0,1", "3,2,2"}, "", "010", "下铺 中铺", ""},
		"miscounted":       {[]string{"3,0,1", "3,0,2"}, []string{"3,1,1", "3,1,2"}, "", "100", "", "seatDetailType"},
		"no middle":        {[]string{"4,0,1", "4,0,2"}, []string{"4,2,1", "4,1,2"}, "", "110", "", "middle berth"},
		"a bed in a seat":  {[]string{"O,0,1", "O,0,2"}, []string{"O,1,1", "O,1,2"}, "", "200", "", "bed 1 on the seat O"},
		"a bed too many":   {[]string{"3,0,1"}, []string{"3,1,1", "3,1,2"}, "", "200", "", "not the one that checkOrderInfo passed"},
		"another ticket":   {[]string{"3,0,1", "3,0,2"}, []string{"3,1,1", "3,1,1"}, "", "200", "", "not the one that checkOrderInfo passed"},
	} {
		t.Run(name, func(t *testing.T) {
			a := family()
			inBubble(t, Options{Calm: true, Accounts: []Account{a}}, func(b *browser) {
				b.site.SetTrains(day, Train{Code: "G1110", No: "6c000G11100C", From: "IZQ", To: "WHN", Depart: "08:00", Arrive: "12:00",
					Seats: map[string]int{"M": 5, "O": 30, "3": 6, "4": 4}})
				b.login()
				b.look()
				b.submit()
				b.openOrder()
				b.passengers()
				both := strs(a, c.check...)
				ok := b.form("/otn/confirmPassenger/checkOrderInfo", "cancel_flag=2&bed_level_order_num="+strings.Repeat("0", 30)+"&"+both+
					"&tour_flag=dc&randCode=&whatsSelect=1"+b.tail())
				b.want(ok.json(t, "data", "choose_Seats"), "MO")
				b.want(ok.json(t, "data", "canChooseBeds"), "Y")
				b.want(ok.json(t, "data", "isCanChooseMid"), "Y")
				time.Sleep(time.Second)
				b.form("/otn/confirmPassenger/getQueueCount", strings.Replace(b.countBody(), "seatType=O", "seatType="+c.check[0][:1], 1))
				b.clean()
				if c.confirm != nil {
					both = strs(a, c.confirm...)
				}
				body := b.confirmBody()
				body = both + strings.Replace(strings.Replace(body[strings.Index(body, "&randCode="):], "choose_seats=", "choose_seats="+c.seats, 1),
					"seatDetailType=000", "seatDetailType="+c.beds, 1)
				b.want(b.form("/otn/confirmPassenger/confirmSingleForQueue", body).json(t, "data", "submitStatus"), c.want != "")
				if c.want == "" {
					for _, v := range b.site.Violations() {
						if strings.Contains(v.Text, c.says) {
							return
						}
					}
					t.Errorf("violations %v, want %q", b.site.Violations(), c.says)
					return
				}
				b.wait()
				got := ""
				for _, tk := range b.site.Orders("zhangsan")[0].Tickets {
					got += " " + strings.TrimSuffix(strings.TrimLeft(tk.Number, "0123456789"), "号")
				}
				b.want(strings.ReplaceAll(strings.TrimSpace(got), "号", ""), c.want)
				b.clean()
			})
		})
	}
}

// TestSingle: where the page says isAsync 0 there is an order at once.
func TestSingle(t *testing.T) {
	inBubble(t, Options{Calm: true, Era: Present}, func(b *browser) {
		b.sell()
		b.site.SetSingle(true)
		b.login()
		b.prepare()
		a := b.form("/otn/confirmPassenger/confirmSingle", b.confirmBody())
		b.want(a.json(t, "data", "isAsync"), "0")
		if o := b.site.Orders("zhangsan"); len(o) != 1 || o[0].Number == "" || o[0].State != Unpaid {
			t.Errorf("orders %+v", o)
		}
		b.want(len(b.site.Confirms()), 1)
		b.clean()
	})
}

// TestStudentTickets: a student's ticket begins with a student's query, and
// the other way round; on other days 12306 refuses it.
func TestStudentTickets(t *testing.T) {
	for name, c := range map[string]struct {
		query  string
		day    string
		after  time.Duration
		people []string
		want   string // errMsg, or the words of submitOrderRequest
		says   string // in a violation
	}{
		"student":            {"0X00", day, 0, []string{"O,0,1", "", "O,0,3"}, "", ""},
		"no student":         {"0X00", day, 0, []string{"O,0,1"}, "非法请求", "0 students on an order that began with purpose_codes 0X00"},
		"adults' query":      {"ADULT", day, 0, []string{"", "", "O,0,3"}, "非法请求", "1 students on an order that began with purpose_codes ADULT"},
		"student as adult":   {"ADULT", day, 0, []string{"", "", "O,0,1"}, "", ""},
		"outside the season": {"0X00", "2000-04-20", 105 * 24 * time.Hour, nil, studentText, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := family()
			inBubble(t, Options{Calm: true, Accounts: []Account{a}}, func(b *browser) {
				time.Sleep(c.after)
				b.site.SetTrains(c.day, Train{Code: "G1110", No: "6c000G11100C", From: "IZQ", To: "WHN", Depart: "08:00", Arrive: "12:00",
					Seats: map[string]int{"O": 30}})
				b.login()
				b.openQuery()
				b.take(b.do("GET", "/otn/leftTicket/query"+b.letter+"?leftTicketDTO.train_date="+c.day+
					"&leftTicketDTO.from_station=IZQ&leftTicketDTO.to_station=WHN&purpose_codes="+c.query, "", true))
				body := strings.ReplaceAll(strings.Replace(b.submitBody(), "purpose_codes=ADULT", "purpose_codes="+c.query, 1), day, c.day)
				sent := b.form("/otn/leftTicket/submitOrderRequest", body)
				if c.people == nil {
					b.want(strings.Contains(sent.body, c.want), true)
					b.clean()
					return
				}
				b.openOrder()
				b.want(b.purpose, map[string]string{"ADULT": "00", "0X00": "0X00"}[c.query])
				b.passengers()
				both := strs(a, c.people...)
				ok := b.form("/otn/confirmPassenger/checkOrderInfo", "cancel_flag=2&bed_level_order_num="+strings.Repeat("0", 30)+"&"+both+
					"&tour_flag=dc&randCode=&whatsSelect=1"+b.tail())
				b.want(ok.json(t, "data", "submitStatus"), c.want == "")
				if c.says == "" {
					b.clean()
				} else if v := b.site.Violations(); len(v) != 1 || !strings.Contains(v[0].Text, c.says) {
					t.Errorf("violations %v", v)
				}
			})
		})
	}
}

// TestMasked: a masked ID number is worth nothing without its allEncStr.
func TestMasked(t *testing.T) {
	inBubble(t, Options{Calm: true, Era: Present}, func(b *browser) {
		b.sell()
		b.login()
		b.look()
		b.submit()
		b.openOrder()
		body := b.checkBody()
		at := strings.Index(body, "%2CN%2C") + len("%2CN%2C")
		end := at + strings.Index(body[at:], "&")
		for _, other := range []string{body[:at] + body[end:], body[:at-len("%2C")] + body[end:], body[:at] + strings.Repeat("0", end-at) + body[end:]} {
			b.want(b.form("/otn/confirmPassenger/checkOrderInfo", other).json(t, "data", "submitStatus"), false)
		}
		b.want(len(b.site.Violations()), 3)
		b.want(b.form("/otn/confirmPassenger/checkOrderInfo", body).json(t, "data", "submitStatus"), true)
	})
}
