package twelve306

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306/internal/wire"
)

// TestRecordedQueries filters every recorded reply by the stations asked for:
// 12306 answers for whole cities.
func TestRecordedQueries(t *testing.T) {
	const (
		y2019 = "query.2019-05-18.HZH-NGH.subset.json"
		y2026 = "queryG.2026-10-04.VNP-AOH.json"
		y2017 = "queryZ.2017-12-23.YLZ-YSZ.offhours.json"
	)
	tests := []struct {
		file, from, to string
		fields         int
		codes          string
	}{
		{y2019, "HGH", "NGH", 39, "D3165 G7537 G1673 G57 G7669 G1431 D3101 D941 D905"},
		{y2019, "HZH", "NGH", 39, "K211"},
		{y2019, "NGH", "HZH", 39, ""},
		{y2026, "VNP", "AOH", 58, "G531 G547 G1 G565 G549 G597 G37 G599 G633"},
		{y2026, "VNP", "SHH", 58, "G3 G5"},
		{y2026, "BJP", "SHH", 58, "G5"},
		{y2017, "YLZ", "YSZ", 37, "K830 5538 K872"},
	}
	for _, tt := range tests {
		trains := recordedTrains(t, tt.file, tt.from, tt.to, Date{2026, 10, 10})
		var codes []string
		for i := range trains {
			codes = append(codes, trains[i].Code())
			if tr := &trains[i]; tr.Fields() != tt.fields || tr.From() != tt.from || tr.To() != tt.to || len(tr.No()) != 12 {
				t.Errorf("%s: %s has %d fields, %s-%s", tt.file, tr.Code(), tr.Fields(), tr.From(), tr.To())
			}
		}
		if got := strings.Join(codes, " "); got != tt.codes {
			t.Errorf("%s %s-%s: %s, want %s", tt.file, tt.from, tt.to, got, tt.codes)
		}
	}
}

// TestRecordedCells reads the seats, prices and times of chosen recorded rows.
func TestRecordedCells(t *testing.T) {
	day := Date{2019, 5, 25}
	old := recordedTrains(t, "query.2019-05-18.HZH-NGH.subset.json", "HGH", "NGH", day)
	old = append(old, recordedTrains(t, "query.2019-05-18.HZH-NGH.subset.json", "HZH", "NGH", day)...)
	now := recordedTrains(t, "queryG.2026-10-04.VNP-AOH.json", "VNP", "AOH", Date{2026, 10, 10})
	now = append(now, recordedTrains(t, "queryG.2026-10-04.VNP-AOH.json", "VNP", "SHH", Date{2026, 10, 10})...)
	night := recordedTrains(t, "queryZ.2017-12-23.YLZ-YSZ.offhours.json", "YLZ", "YSZ", Date{2017, 12, 24})
	all := append(append(old, now...), night...)
	find := func(code string) *Train {
		for i := range all {
			if all[i].Code() == code {
				return &all[i]
			}
		}
		t.Fatalf("no %s", code)
		return nil
	}
	cells := []struct {
		code  string
		seat  Seat
		text  string
		count int
		send  string
	}{
		{"D3165", SecondClass, "有", 21, "O"},
		{"D3165", Standing, "无", 0, "O"},
		{"D3165", Business, "", 0, "9"},
		{"G7537", Business, "13", 13, "9"},
		{"G1431", Premier, "7", 7, "P"},
		{"G7669", SecondClass, "*", 0, "O"},
		{"D3101", FirstClass, "无", 0, "M"},
		{"D941", DeluxeSleeper, "无", 0, "A"}, // a D train: the cell of 高级软卧 is 高级动卧's
		{"D941", DeluxeMoving, "无", 0, "A"},
		{"D905", MovingSleeper, "有", 21, "F"},
		{"D905", HardSleeper, "", 0, "3"},
		{"K211", SoftSleeper, "4", 4, "4"},
		{"K211", FirstSleeper, "", 0, "I"}, // not on this train: field 35 has 4, no I
		{"K211", HardSeat, "有", 21, "1"},
		{"K211", Standing, "有", 21, "1"},
		{"G3", PreferredFirst, "10", 10, "D"},
		{"G531", FirstClass, "无", 0, "M"},
		{"K830", HardSleeper, "11", 11, "3"},
	}
	for _, c := range cells {
		l := find(c.code).Left(c.seat)
		if l.Text != c.text || l.Count != c.count || !l.Known || l.Plenty != (c.text == "有") || find(c.code).SeatCode(c.seat) != c.send {
			t.Errorf("%s %s: %+v, ordered as %s", c.code, c.seat.Name(), l, find(c.code).SeatCode(c.seat))
		}
	}
	prices := []struct {
		code   string
		seat   Seat
		tenths int
	}{{"G547", SecondClass, 5760}, {"G547", Standing, 5760}, {"G547", Business, 21560}, {"G3", PreferredFirst, 14680}, {"D3165", SecondClass, 0}, {"G547", HardSeat, 0}}
	for _, p := range prices {
		if got, ok := find(p.code).Price(p.seat); got != p.tenths || ok != (p.tenths > 0) {
			t.Errorf("%s %s costs %d tenths, want %d", p.code, p.seat.Name(), got, p.tenths)
		}
	}
	for code, want := range map[string][2]bool{ // buyable, not on sale
		"D3165": {true, false}, "D3101": {false, false}, "G7669": {false, true}, "K830": {false, true}, "G547": {true, false},
	} {
		if tr := find(code); tr.Buyable() != want[0] || tr.NotOnSale() != want[1] {
			t.Errorf("%s: buyable %v, not on sale %v", code, tr.Buyable(), tr.NotOnSale())
		}
	}
	if got := find("G7669").Button(); got != "5月23日8点起售" {
		t.Errorf("button %q", got)
	}
	if got := find("K830").Secret(); got != "" {
		t.Errorf("the secretStr null is %q", got)
	}
	if at, ok := find("G547").SaleTime(); !ok || !at.Equal(time.Date(2026, 9, 26, 4, 45, 0, 0, time.UTC)) {
		t.Errorf("on sale at %v, %v", at, ok)
	}
	if at, ok := find("G7669").SaleTime(); !ok || !at.Equal(time.Date(2019, 5, 23, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("by its button on sale at %v, %v", at, ok)
	}
	if d, ok := find("K211").Duration(); !ok || d != 165*time.Minute {
		t.Errorf("K211 takes %v", d)
	}
	if m, ok := find("K211").DepartMinute(); !ok || m != 14*60 {
		t.Errorf("K211 leaves at minute %d", m)
	}
	// K211 left its first station a day before (field 13); the day of boarding counts.
	if find("K211").Date() != day {
		t.Errorf("K211 boards on %v", find("K211").Date())
	}
}

// TestRecordedStations reads the lists of four years.
func TestRecordedStations(t *testing.T) {
	lists := []struct {
		file  string
		bytes int
		len   int
		city  string // of 广州南
	}{
		{"stations/station_name.2018-12306ForMac.js", 89731, 2675, ""},
		{"stations/station_names.2023-johnshazhu.js", 161435, 3258, "广州"},
		{"stations/stations.2024-04-py12306.txt", 112781, 3319, ""},
		{"../data/station_name.js", 167194, 3368, "广州"},
	}
	for _, l := range lists {
		text := fixture(t, l.file)
		if len(text) != l.bytes {
			t.Errorf("%s has %d bytes, want %d", l.file, len(text), l.bytes)
		}
		s, err := ParseStations(text)
		if err != nil || s.Len() != l.len {
			t.Fatalf("%s: %v", l.file, err)
		}
		if st, err := s.Lookup("广州南"); err != nil || st.Code != "IZQ" || st.City != l.city || st.Pinyin != "guangzhounan" {
			t.Errorf("%s: %+v, %v", l.file, st, err)
		}
		for _, st := range s.list {
			if strings.ContainsAny(st.Name, " \t\u3000") {
				t.Errorf("%s: a blank in %q", l.file, st.Name)
			}
		}
	}
	old, err := ParseStations(fixture(t, "stations/station_name.2018-12306ForMac.js"))
	if err != nil {
		t.Fatal(err)
	}
	// The list of 2018 has 三亚 and 三  亚: the name without a blank is meant.
	for name, code := range map[string]string{"三亚": "SEQ", "包头东": "BDC", "海口东": "HMQ"} {
		if st, err := old.Lookup(name); err != nil || st.Code != code {
			t.Errorf("%s is %s, want %s", name, st.Code, code)
		}
	}
	if st, ok := old.ByCode("JUQ"); !ok || st.Name != "三亚" {
		t.Errorf("JUQ is %+v", st)
	}
}

// TestStationListForms: the same stations with and without the blank, the
// semicolon, the wrapper, and the oddities of 2018 to 2021.
func TestStationListForms(t *testing.T) {
	bare := strings.TrimSpace(fixture(t, "stations/stations.2024-04-py12306.txt"))
	for _, js := range []string{bare, bare + "\n", "var station_names ='" + bare + "';", "var station_names = '" + bare + "'", "\ufeffvar station_names=\"" + bare + "\";\r\n"} {
		s, err := ParseStations(js)
		if err != nil || s.Len() != 3319 {
			t.Errorf("%.40q: %v", js, err)
			continue
		}
		if st, ok := s.ByCode("ZZE"); !ok || st.Index != 3318 || st.Name != "资中西" {
			t.Errorf("%.40q: the last station is %+v", js, st)
		}
	}
	odd, err := ParseStations(bare + "@nch|南 昌|NCG|nanchang|nc|9001@had|淮安东|HAU|huaiandong|had|9002@had|淮安东|HAU|huaiandong|had|9002@cxw|重庆  西 |CXW|chongqingxi|cqx|9003")
	if err != nil || odd.Len() != 3319 {
		t.Errorf("repeated records: %d stations, %v", odd.Len(), err)
	}
	for name, js := range map[string]string{
		"empty": "", "html": "<html>12306@example.com</html>", "short": "var station_names ='@bjb|北京北|VAP|beijingbei|bjb|0';",
		"a broken record": bare + "@bjb|北京北|VAP", "no telecode": bare + "@x|某站|vap|mouzhan|mz|1", "cut in the middle": bare[:len(bare)/2-3] + "@a|b", "no end": "var station_names ='" + bare,
	} {
		if _, err := ParseStations(js); KindOf(err) != Changed && (KindOf(err) != Network || name != "no end") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRecordedLoginPage: the page that every logged-out call lands on is no
// answer and no error page but a lost session.
func TestRecordedLoginPage(t *testing.T) {
	page := fixture(t, "passport-redirect.2019-05-18.trimmed.html")
	if kind, _ := pageKind([]byte(page)); kind != Session {
		t.Errorf("the passport page is %q", kind)
	}
	c := one(t, "/otn/login/checkUser", page)
	if err := c.CheckUser(t.Context()); KindOf(err) != Session {
		t.Errorf("in place of JSON: %v", err)
	}
	c = one(t, "/otn/confirmPassenger/initDc", page)
	if _, err := c.initDc(t.Context(), OrderRequest{}); KindOf(err) != Session {
		t.Errorf("in place of the order page: %v", err)
	}
	// The page that holds the letter mentions no login and is none.
	if kind, _ := pageKind([]byte(fixture(t, "initDc.2019-05-18.trimmed.html"))); kind == Session || kind == Blocked {
		t.Errorf("the order page is %q", kind)
	}
}

// TestRecordedOrderPage reads the recorded order page as initDc does.
func TestRecordedOrderPage(t *testing.T) {
	c := one(t, "/otn/confirmPassenger/initDc", fixture(t, "initDc.2019-05-18.trimmed.html"))
	row := strings.Repeat("|", 40)
	tr, err := ParseTrain("x|预订|770000D65805|D655|HGH|NGH|HGH|NGH|19:19|20:39"+row, Date{2019, 5, 25})
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.initDc(t.Context(), OrderRequest{Train: tr})
	want := aDraft(t, c).page
	want.standingCode, want.most = "O", 5
	if err != nil || p != want {
		t.Errorf("%+v, %v\nwant %+v", p, err, want)
	}
	other, _ := ParseTrain("x|预订|5l000D301002|D3010|HGH|NGH|HGH|NGH|19:19|20:39"+row, Date{2019, 5, 25})
	if _, err := c.initDc(t.Context(), OrderRequest{Train: other}); KindOf(err) != Stale {
		t.Errorf("the page of another train: %v", err)
	}
}

// TestRecordedHoldings reads the recorded unpaid order, and the recorded order
// that failed in the queue.
func TestRecordedHoldings(t *testing.T) {
	holding := func(body string) (Holding, error) {
		c, _ := play(t, map[string][]string{"/otn/queryOrder/initNoComplete": {"<html></html>"}, "/otn/queryOrder/queryMyOrderNoComplete": {body}})
		return c.Unfinished(t.Context())
	}
	h, err := holding(fixture(t, "queryMyOrderNoComplete.2017-02-09.unpaid.redacted.json"))
	at := time.Date(2017, 2, 9, 10, 10, 55, 0, shanghai)
	want := Order{Number: "E079331507", Train: "G41", Date: Date{2017, 2, 11}, From: "北京南", To: "上海虹桥", Depart: "09:16", Arrive: "14:48",
		PriceTenth: 5530, Ordered: at, PayBy: at.Add(30 * time.Minute), Status: "待支付",
		Tickets: []Ticket{{"张三", "10", "08B号", "二等座"}}}
	if err != nil || len(h.Orders) != 1 || fmt.Sprintf("%+v", h.Orders[0]) != fmt.Sprintf("%+v", want) || h.Nothing() {
		t.Errorf("unpaid: %+v, %v\nwant %+v", h, err, want)
	}

	var api struct {
		Data struct {
			Cache json.RawMessage `json:"orderCacheDO"`
		}
	}
	if err := json.Unmarshal([]byte(fixture(t, "initNoCompleteQueueApi.2019-05-18.failed-in-queue.redacted.json")), &api); err != nil {
		t.Fatal(err)
	}
	failed := otn(`{"to_page":"cache","orderCacheDTO":` + string(api.Data.Cache) + `}`)
	h, err = holding(failed)
	queued := QueuedOrder{Train: "D379", Date: Date{2019, 5, 22}, Passengers: []string{"张三"}, Requested: time.Date(2019, 5, 18, 16, 7, 15, 0, shanghai), WaitTime: -2, Msg: "占座失败"}
	if err != nil || h.Failed == nil || fmt.Sprintf("%+v", *h.Failed) != fmt.Sprintf("%+v", queued) || !h.Nothing() {
		t.Errorf("failed in the queue: %+v, %v", h.Failed, err)
	}
	h, err = holding(strings.NewReplacer(`"status":9`, `"status":1`, `"waitTime":-2`, `"waitTime":4`).Replace(failed))
	if err != nil || h.Queueing == nil || h.Queueing.WaitTime != 4 || h.Nothing() {
		t.Errorf("still queueing: %+v, %v", h, err)
	}
}

// TestHoldingIsNeverNothingByAccident: only a reply that says so means that no
// order is open.
func TestHoldingIsNeverNothingByAccident(t *testing.T) {
	nothing := []string{`{"status":true,"httpstatus":200,"messages":[],"validateMessages":{}}`, otn("null"), otn("{}"), otn(`{"to_page":"db","orderDBList":[]}`)}
	unknown := []string{
		`null`, `[]`, `{}`, `""`, "<html></html>", `{"status":false,"messages":[]}`, `{"status":true,"messages":["系统忙"]}`, `{"status":false,"messages":["用户未登录"]}`,
		otn(`"N"`), otn(`[]`), otn(`true`), otn(`{"x":1}`), otn(`{"to_page":"db"}`), otn(`{"to_page":"db","orderDBList":"[]"}`),
		otn(`{"to_page":"cache"}`), otn(`{"to_page":"cache","orderCacheDTO":null}`), otn(`{"orderDBList":null}`), otn(`{"to_page":"cache","orderDBList":[]}`), otn(`{"to_page":"wait"}`),
	}
	read := func(body string) (Holding, error) {
		c := one(t, "/otn/x", "")
		env, _, err := wire.ParseEnvelope([]byte(body))
		if err != nil {
			return Holding{}, err
		}
		return c.holding("queryMyOrderNoComplete", env)
	}
	for _, body := range nothing {
		if h, err := read(body); err != nil || !h.Nothing() {
			t.Errorf("%s: %+v, %v", body, h, err)
		}
	}
	for _, body := range unknown {
		if h, err := read(body); err == nil {
			t.Errorf("%s means %+v", body, h)
		}
	}
	// An order whose smaller facts are missing or of another type is still an order.
	for _, order := range []string{`{}`, `{"sequence_no":"E1"}`, `{"sequence_no":"E1","ticket_price_all":null,"tickets":null}`,
		`{"sequence_no":"E1","ticket_price_all":"","tickets":[{"passengerDTO":null,"stationTrainDTO":null}]}`, `{"sequence_no":"E1","ticket_price_all":"553.0","start_train_date_page":"?"}`} {
		if h, err := read(otn(`{"to_page":"db","orderDBList":[` + order + `]}`)); err != nil || len(h.Orders) != 1 || h.Nothing() {
			t.Errorf("%s: %+v, %v", order, h, err)
		}
	}
}
