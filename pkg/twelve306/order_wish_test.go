package twelve306

import (
	"strings"
	"testing"

	"github.com/watcherd/watcherd/pkg/twelve306/internal/wire"
)

func TestParsePassenger(t *testing.T) {
	for text, want := range map[string]struct {
		name   string
		ticket TicketType
	}{
		"张三": {"张三", ""}, " 张三 ": {"张三", ""}, "小宝(儿童)": {"小宝", ChildTicket}, "李四（学生）": {"李四", StudentTicket},
		"李四(学生票)": {"李四", StudentTicket}, "Wang(student)": {"Wang", StudentTicket}, "Wang Wu ( Child )": {"Wang Wu", ChildTicket},
		"老王（残军)": {"老王", SoldierTicket}, "老王(disabled soldier)": {"老王", SoldierTicket}, "张三(成人)": {"张三", AdultTicket}, "张三(adult)": {"张三", AdultTicket},
		"阿不都·热合曼": {"阿不都·热合曼", ""},
	} {
		if name, ticket, err := ParsePassenger(text); err != nil || name != want.name || ticket != want.ticket {
			t.Errorf("%s: %q %q, %v", text, name, ticket, err)
		}
	}
	for _, text := range []string{"(儿童)", "小宝()", "小宝(老人)", "小宝（）", "小宝(儿童)(学生"} {
		if name, ticket, err := ParsePassenger(text); err == nil && strings.HasSuffix(text, ")") {
			t.Errorf("%s is %q %q", text, name, ticket)
		}
	}
	for _, in := range ticketTable {
		for _, word := range append(strings.Split(in.aliases, "|"), in.name, in.english) {
			if _, ticket, err := ParsePassenger("x(" + word + ")"); err != nil || ticket != in.ticket || ticket.Name() != in.name || ticket.English() != in.english {
				t.Errorf("%s: %q, %v", word, ticket, err)
			}
		}
	}
}

// What people write behind a name, and as a wish, is either understood or an
// error, and what is understood says itself again.
func FuzzParseWishes(f *testing.F) {
	for _, s := range []string{"张三", "小宝(儿童)", "李四（学生）", "()", "（", ")(", "a(b)c(child)", "A", "靠窗", "下铺", "Ｆ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if name, ticket, err := ParsePassenger(text); err == nil && ticket != "" {
			again, same, err := ParsePassenger(name + "(" + ticket.Name() + ")")
			if err != nil || again != name || same != ticket || name == "" {
				t.Errorf("%q: %q %q, then %q %q, %v", text, name, ticket, again, same, err)
			}
		}
		if w, err := ParseSeatWish(text); err == nil && len(ChooseSeats(SecondClass, []SeatWish{w})) != 2 {
			t.Errorf("%q: no seat %s", text, w)
		}
		if b, err := ParseBerth(text); err == nil && !HardSleeper.HasBerth(b) {
			t.Errorf("%q: no berth %v", text, b)
		}
	})
}

// TestTickets: who travels as what, and who may not.
func TestTickets(t *testing.T) {
	list := []passenger{
		{Name: "张三", IDType: "1", Type: "1", canBuy: true}, {Name: "小宝", IDType: "1", Type: "2", canBuy: true},
		{Name: "李四", IDType: "1", Type: "3", canBuy: true}, {Name: "老王", IDType: "1", Type: "4", canBuy: true},
	}
	for _, tt := range []struct {
		names   string
		tickets []TicketType
		want    string // the types, or words of the error
	}{
		{"张三 小宝 李四", nil, "1 2 1"}, // saved as a student, asked for as nothing: an adult
		{"张三 李四", []TicketType{"", StudentTicket}, "1 3"},
		{"老王 小宝", []TicketType{SoldierTicket}, "4 2"},
		{"小宝", []TicketType{AdultTicket}, "1"},
		{"张三 小宝", []TicketType{ChildTicket, AdultTicket}, "2 1"},
		{"小宝", nil, "children without an adult"},
		{"张三 小宝", []TicketType{ChildTicket, ""}, "children without an adult"},
		{"张三", []TicketType{StudentTicket}, "not saved as a student"},
		{"李四", []TicketType{SoldierTicket}, "not saved as a soldier"},
	} {
		people, err := choose(list, strings.Fields(tt.names), tt.tickets)
		got := ""
		for _, p := range people {
			got += " " + string(p.ticket)
		}
		switch {
		case err == nil && strings.TrimSpace(got) != tt.want:
			t.Errorf("%s %v: %s, want %s", tt.names, tt.tickets, got, tt.want)
		case err != nil && (KindOf(err) != Passenger || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s %v: %v", tt.names, tt.tickets, err)
		}
	}
	if list[0].ticket != "" {
		t.Error("the account's list was changed")
	}
}

func TestParseWishes(t *testing.T) {
	for text, want := range map[string]SeatWish{"A": "A", "f": "F", "Ｄ": "D", " c ": "C", "靠窗": Window, "Window": Window, "过道": Aisle, "aisle": Aisle} {
		if got, err := ParseSeatWish(text); err != nil || got != want {
			t.Errorf("%s: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "E", "AB", "1A", "G", "window seat?"} {
		if got, err := ParseSeatWish(text); err == nil {
			t.Errorf("%s is %q", text, got)
		}
	}
	for text, want := range map[string]Berth{"lower": LowerBerth, "下铺": LowerBerth, "Middle": MiddleBerth, "中": MiddleBerth, "上铺": UpperBerth} {
		if got, err := ParseBerth(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "any", "left"} {
		if got, err := ParseBerth(text); err == nil {
			t.Errorf("%s is %v", text, got)
		}
	}
	if LowerBerth.Name() != "下铺" || UpperBerth.String() != "upper" || AnyBerth.Name() != "" || Berth(9).String() != "any" {
		t.Error("names of berths")
	}
}

func TestChooseSeats(t *testing.T) {
	for _, tt := range []struct {
		seat   Seat
		wishes string
		want   string
	}{
		{SecondClass, "A", "1A"}, {SecondClass, "A F", "1A1F"}, {SecondClass, "F A", "1A1F"}, {SecondClass, "A D F", "1A1D1F"},
		{SecondClass, "A A", "1A2A"}, {SecondClass, "A A A", ""}, {SecondClass, "F D A B C", "1A1B1C1D1F"},
		{SecondClass, "window A", "1A1F"}, {SecondClass, "window window window", "1A1F2A"}, {SecondClass, "aisle window", "1A1C"},
		{SecondClass, "window window window window window", ""},
		{FirstClass, "B", ""}, {FirstClass, "A B", ""}, {FirstClass, "A C D F", "1A1C1D1F"},
		{Business, "aisle aisle", "1C2C"}, {Business, "D", ""}, {Premier, "F", "1F"},
		{HardSleeper, "A", ""}, {HardSeat, "A", ""}, {Standing, "A", ""}, {SecondClass, "", ""},
	} {
		var wishes []SeatWish
		for _, w := range strings.Fields(tt.wishes) {
			wishes = append(wishes, SeatWish(w))
		}
		if got := ChooseSeats(tt.seat, wishes); got != tt.want {
			t.Errorf("%s %s: %q, want %q", tt.seat.English(), tt.wishes, got, tt.want)
		}
	}
	if Window.Can(HardSleeper) || !Aisle.Can(Business) || SeatWish("B").Can(FirstClass) {
		t.Error("Can")
	}
}

// TestWishesOnTheWire: a wish is sent where checkOrderInfo offers a choice for
// the very seat, all of it or nothing; and the order goes on either way.
func TestWishesOnTheWire(t *testing.T) {
	const (
		offers = `{"submitStatus":true,"canChooseSeats":"Y","choose_Seats":"OM","canChooseBeds":"Y","isCanChooseMid":"Y"}`
		path   = "/otn/confirmPassenger/"
	)
	for _, tt := range []struct {
		name   string
		reply  string // of checkOrderInfo
		seat   Seat
		code   string // ordered; default seat
		seats  []SeatWish
		berths []Berth
		want   string // choose_seats seatDetailType beds
	}{
		{"no wish", offers, SecondClass, "", nil, nil, " 000 00"},
		{"seats", offers, SecondClass, "", []SeatWish{"A", Window}, nil, "1A1F 000 00"},
		{"not offered", `{"submitStatus":true,"canChooseSeats":"N","choose_Seats":"OM"}`, SecondClass, "", []SeatWish{"A", "F"}, nil, " 000 00"},
		{"nothing said", `{"submitStatus":true}`, SecondClass, "", []SeatWish{"A", "F"}, []Berth{LowerBerth, LowerBerth}, " 000 00"},
		{"offered for another", `{"submitStatus":true,"canChooseSeats":"Y","choose_Seats":"9M"}`, SecondClass, "", []SeatWish{"A", "F"}, nil, " 000 00"},
		{"no such letter", offers, FirstClass, "", []SeatWish{"A", "B"}, nil, " 000 00"},
		{"too few", offers, SecondClass, "", []SeatWish{"A"}, nil, " 000 00"},
		{"standing", offers, Standing, "O", []SeatWish{"A", "F"}, nil, " 000 00"},
		{"berths", offers, HardSleeper, "", nil, []Berth{LowerBerth, MiddleBerth}, " 110 12"},
		{"berths of a D train", offers, SoftSleeper, "I", nil, []Berth{UpperBerth, UpperBerth}, " 002 33"},
		{"no middle", `{"submitStatus":true,"canChooseBeds":"Y","isCanChooseMid":"N"}`, HardSleeper, "", nil, []Berth{LowerBerth, MiddleBerth}, " 000 00"},
		{"no middle in a soft sleeper", offers, SoftSleeper, "", nil, []Berth{LowerBerth, MiddleBerth}, " 000 00"},
		{"berths not offered", `{"submitStatus":true,"canChooseBeds":"N","isCanChooseMid":"Y"}`, HardSleeper, "", nil, []Berth{LowerBerth, LowerBerth}, " 000 00"},
		{"no sleeper", offers, SecondClass, "", nil, []Berth{LowerBerth, LowerBerth}, " 000 00"},
	} {
		c, p := play(t, map[string][]string{path + "checkOrderInfo": {otn(tt.reply)}, path + "getQueueCount": {otn(`{"ticket":"8,5"}`)},
			path + "confirmSingleForQueue": {otn(`{"submitStatus":true}`)}})
		d := aDraft(t, c)
		d.people = append(d.people, d.people[0])
		d.seat, d.req.Seat, d.req.SeatChoice, d.req.Berths = or(tt.code, string(tt.seat)), tt.seat, tt.seats, tt.berths
		if err := d.check(t.Context(), nil); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if _, values := p.last(path + "checkOrderInfo").fields(); strings.Count(values.Get("passengerTicketStr"), d.seat+",0,1,") != 2 {
			t.Errorf("%s: a wish before there is a choice: %s", tt.name, values.Get("passengerTicketStr"))
		}
		d.makeBeds()
		if q, err := d.Confirm(t.Context()); err != nil || q.Single {
			t.Fatalf("%s: %+v, %v", tt.name, q, err)
		}
		_, values := p.last(path + "confirmSingleForQueue").fields()
		got := values.Get("choose_seats") + " " + values.Get("seatDetailType") + " "
		for person := range strings.SplitSeq(values.Get("passengerTicketStr"), "_") {
			got += strings.Split(person, ",")[1]
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestSingle: where the page says isAsync 0, the confirm goes to confirmSingle
// with the same fields, once, under the same rules.
func TestSingle(t *testing.T) {
	const path = "/otn/confirmPassenger/"
	for reply, want := range map[string]Kind{
		otn(`{"submitStatus":true}`):                     "",
		otn(`{"submitStatus":false,"errMsg":"没有足够的票!"}`): SoldOut,
		otn(`null`):     Ambiguous,
		`<html></html>`: Ambiguous,
	} {
		c, p := play(t, map[string][]string{path + "confirmSingle": {reply}, path + "confirmSingleForQueue": {reply}})
		two := aDraft(t, c)
		if _, err := two.Confirm(t.Context()); KindOf(err) != want {
			t.Errorf("%s: %v", reply, err)
		}
		d := aDraft(t, c)
		d.page.single = true
		q, err := d.Confirm(t.Context())
		if KindOf(err) != want || want == "" && !q.Single {
			t.Errorf("%s: %+v, %v", reply, q, err)
		}
		if p.last(path+"confirmSingle").raw != p.last(path+"confirmSingleForQueue").raw {
			t.Errorf("other fields: %s", p.last(path+"confirmSingle").raw)
		}
		if _, err := d.Confirm(t.Context()); KindOf(err) != Ambiguous {
			t.Errorf("a second confirm: %v", err)
		}
	}
}

// TestPageLimits: isAsync and maxTicketNum are read from the page, and a page
// that says neither queues and limits nothing.
func TestPageLimits(t *testing.T) {
	page := fixture(t, "initDc.2019-05-18.trimmed.html")
	tr, err := ParseTrain("x|预订|770000D65805|D655|HGH|NGH|HGH|NGH|19:19|20:39"+strings.Repeat("|", 40), Date{2019, 5, 25})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		old, new string
		single   bool
		most     int
	}{{"", "", false, 5}, {"'isAsync':'1'", "'isAsync':'0'", true, 5}, {"'maxTicketNum':'5'", "'maxTicketNum':'3'", false, 3}, {"'maxTicketNum':'5'", "'maxTicketNum':null", false, 0}} {
		if !strings.Contains(page, tt.old) {
			t.Fatalf("the page has no %s", tt.old)
		}
		p, err := one(t, "/otn/confirmPassenger/initDc", strings.Replace(page, tt.old, tt.new, 1)).initDc(t.Context(), OrderRequest{Train: tr})
		if err != nil || p.single != tt.single || p.most != tt.most {
			t.Errorf("%s: %+v, %v", tt.new, p, err)
		}
	}
}

// TestStudents: a student's query and submit say 0X00, and 12306's refusal of
// the date is told as one about the passenger.
func TestStudents(t *testing.T) {
	c, p := play(t, map[string][]string{
		"/otn/leftTicket/init":               {"<html><script>var CLeftTicketUrl = 'leftTicket/queryG';</script></html>"},
		"/otn/leftTicket/queryG":             {`{"data":{"result":[]},"messages":"","status":true}`},
		"/otn/leftTicket/submitOrderRequest": {`{"status":false,"messages":["学生票的乘车时间为每年的暑假6月1日至9月30日、寒假12月1日至3月31日"]}`},
	})
	j := Journey{Date: Date{2024, 4, 22}, From: station(t, "SHH"), To: station(t, "CZH"), Student: true}
	if _, err := c.Query(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	if raw := p.last("/otn/leftTicket/queryG").raw; !strings.HasSuffix(raw, "&purpose_codes=0X00") {
		t.Error(raw)
	}
	tr, err := ParseTrain("x"+strings.Repeat("|", 40), j.Date)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.submitOrderRequest(t.Context(), OrderRequest{Train: tr, Journey: j}); KindOf(err) != Passenger || !strings.Contains(err.Error(), "寒假12月1日") {
		t.Error(err)
	}
	if raw := p.last("/otn/leftTicket/submitOrderRequest").raw; !strings.Contains(raw, "&purpose_codes=0X00&") {
		t.Error(raw)
	}
	grown := j
	grown.Student = false
	if j == grown || j.String() == grown.String() {
		t.Error("two queries look like one")
	}
	var none wire.Text
	if passengerTicketStr("O", []passenger{{Type: none}}) != "O,0,1,,,,,N" {
		t.Error("without a type, an adult")
	}
}
