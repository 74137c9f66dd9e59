package watcher

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
)

// fields sets fields of a row by their numbers in PROTOCOL.md 1.7.
type fields map[int]string

const (
	fButton  = 1
	fCode    = 3
	fTo      = 7
	fDepart  = 8
	fArrive  = 9
	fTook    = 10
	fCanBuy  = 11
	fSoft    = 23
	fStand   = 26
	fHard    = 28
	fSecond  = 30
	fFirst   = 31
	fBiz     = 32
	fTypes   = 35
	fSecret  = 0
	nFields  = 58
	testSale = "5月23日<br/>8点起售"
)

var (
	guangzhou = twelve306.Station{Name: "广州南", Code: "IZQ"}
	wuhan     = twelve306.Station{Name: "武汉", Code: "WHN"}
	hankou    = twelve306.Station{Name: "汉口", Code: "HKN"}
	feb3      = twelve306.Date{Year: 2027, Month: time.February, Day: 3}
)

func trip(d twelve306.Date, to twelve306.Station) twelve306.Journey {
	return twelve306.Journey{Date: d, From: guangzhou, To: to}
}

// testTrain is G1110, 09:30-13:30, with seats of the second class, and with
// the fields changed.
func testTrain(t testing.TB, f fields) twelve306.Train {
	t.Helper()
	row := make([]string, nFields)
	for i, s := range (fields{fSecret: "x%2Fy", fButton: "预订", 2: "6i000G111000", fCode: "G1110", 4: "IZQ", 5: "WHN", 6: "IZQ", fTo: "WHN",
		fDepart: "09:30", fArrive: "13:30", fTook: "04:00", fCanBuy: "Y", fSecond: "有", fFirst: "无", fStand: "无", fTypes: "9MOO"}) {
		row[i] = s
	}
	for i, s := range f {
		row[i] = s
	}
	train, err := twelve306.ParseTrain(strings.Join(row, "|"), feb3)
	if err != nil {
		t.Fatal(err)
	}
	return train
}

func testRule(change func(*Rule)) *Rule {
	r := &Rule{Name: "回家", Dates: []twelve306.Date{feb3}, From: []twelve306.Station{guangzhou}, To: []twelve306.Station{wuhan}, Seats: DefaultSeats(), Enabled: true}
	if change != nil {
		change(r)
	}
	return r
}

func patterns(t testing.TB, list ...string) TrainPatterns {
	t.Helper()
	p, errs := ParseTrains(list)
	if errs != nil {
		t.Fatal(errs)
	}
	return p
}

func TestVerdict(t *testing.T) {
	second := []twelve306.Seat{twelve306.SecondClass}
	for _, tt := range []struct {
		name  string
		train fields
		rule  func(*Rule)
		want  ReasonKind // empty: it satisfies the rule
		seat  twelve306.Seat
		take  int
		words string // in English
	}{
		{name: "plain", seat: twelve306.SecondClass, take: 1},
		{name: "another station of the city", train: fields{fTo: "HKN"}, want: WrongStation, words: "goes by another station of the city: 广州南 to 汉口"},
		{name: "excluded", rule: func(r *Rule) { r.Trains = patterns(t, "G11*", "!G1110") }, want: Excluded, words: "you excluded it with !"},
		{name: "not wanted", rule: func(r *Rule) { r.Trains = patterns(t, "D*") }, want: NotWanted, words: "not one of your trains"},
		{name: "wildcard", rule: func(r *Rule) { r.Trains = patterns(t, "G11*") }, seat: twelve306.SecondClass, take: 1},

		{name: "departs on the first minute", rule: func(r *Rule) { r.Depart = Window{570, 600} }, seat: twelve306.SecondClass, take: 1},
		{name: "departs on the last minute", rule: func(r *Rule) { r.Depart = Window{500, 570} }, seat: twelve306.SecondClass, take: 1},
		{name: "departs too late", rule: func(r *Rule) { r.Depart = Window{500, 569} }, want: Departs, words: "departs 09:30, you want 09:29 at the latest"},
		{name: "departs too early", rule: func(r *Rule) { r.Depart = Window{571, 600} }, want: Departs, words: "departs 09:30, you want 09:31 at the earliest"},
		{name: "arrives too late", rule: func(r *Rule) { r.Arrive = Window{0, 800} }, want: Arrives, words: "arrives 13:30, you want 13:20 at the latest"},
		{name: "arrives outside the night", rule: func(r *Rule) { r.Arrive = Window{1320, 120} }, want: Arrives, words: "arrives 13:30, you want 22:00-02:00"},
		{name: "arrives after midnight", train: fields{fArrive: "01:10", fTook: "15:40"}, rule: func(r *Rule) { r.Arrive = Window{1320, 120} }, seat: twelve306.SecondClass, take: 1},
		{name: "exactly max_duration", rule: func(r *Rule) { r.MaxDuration = 4 * time.Hour }, seat: twelve306.SecondClass, take: 1},
		{name: "over max_duration", rule: func(r *Rule) { r.MaxDuration = 3*time.Hour + 59*time.Minute }, want: TooLong, words: "takes 4:00, you want 3:59 at most"},
		{name: "no time", train: fields{fDepart: "soon"}, want: Unreadable, words: `12306 wrote "soon-13:30", which is not understood and not taken for sold out`},

		{name: "cancelled", train: fields{fButton: "列车停运", fDepart: "24:00", fArrive: "24:00", fTook: "99:59", fCanBuy: "IS_TIME_NOT_BUY", fSecond: "*", fSecret: ""},
			rule: func(r *Rule) { r.Depart, r.MaxDuration = Window{480, 840}, 6*time.Hour }, want: NotOnSale, words: "not on sale now: 列车停运"},
		{name: "not on sale yet", train: fields{fButton: testSale, fCanBuy: "IS_TIME_NOT_BUY", fSecond: "*", fFirst: "*"}, want: NotOnSale, words: "not on sale now: 5月23日8点起售"},
		{name: "night of 2017", train: fields{fButton: "23:00-06:00系统维护时间", fSecret: "null", fCanBuy: "IS_TIME_NOT_BUY"}, want: NotOnSale, words: "not on sale now: 23:00-06:00系统维护时间"},
		{name: "seats and canWebBuy N", train: fields{fCanBuy: "N"}, want: CannotBuy, words: "has second class, but 12306 does not sell it"},
		{name: "seats and no secret", train: fields{fSecret: ""}, want: CannotBuy, words: "has second class, but 12306 does not sell it"},
		{name: "sold out and canWebBuy N", train: fields{fCanBuy: "N", fSecond: "无", fSecret: ""}, want: NoSeat, words: "second class sold out"},

		{name: "sold out", train: fields{fSecond: "无"}, want: NoSeat, words: "second class sold out"},
		{name: "waitlist only", train: fields{fSecond: "候补"}, want: NoSeat, words: "second class sold out"},
		{name: "zero", train: fields{fSecond: "0"}, want: NoSeat, words: "second class sold out"},
		{name: "no such seat", train: fields{fSecond: "", fFirst: "--", fStand: ""}, want: NoSuchSeat, words: "has none of the seats you want"},
		{name: "another kind only", train: fields{fSecond: "无", fBiz: "3"}, rule: func(r *Rule) { r.Seats = second }, want: NoSeat, words: "second class sold out"},
		{name: "unreadable", train: fields{fSecond: "暂无"}, want: Unreadable, words: `12306 wrote "暂无", which is not understood and not taken for sold out`},
		{name: "unreadable beside sold out", train: fields{fSecond: "无", fFirst: "??"}, want: Unreadable, words: `12306 wrote "??", which is not understood and not taken for sold out`},
		{name: "unreadable beside seats", train: fields{fSecond: "??", fFirst: "3"}, seat: twelve306.FirstClass, take: 1},
		{name: "unreadable that nobody wants", train: fields{fSecond: "无", fFirst: "??"}, rule: func(r *Rule) { r.Seats = second }, want: NoSeat, words: "second class sold out"},

		{name: "order of seats", train: fields{fFirst: "1", fBiz: "9"}, rule: func(r *Rule) {
			r.Seats = []twelve306.Seat{twelve306.Business, twelve306.FirstClass, twelve306.SecondClass}
		}, seat: twelve306.Business, take: 1},
		{name: "standing is not asked for", train: fields{fSecond: "无", fStand: "有"}, want: NoSeat, words: "second class sold out"},
		{name: "standing is asked for", train: fields{fSecond: "无", fStand: "有"}, rule: func(r *Rule) {
			r.Seats = []twelve306.Seat{twelve306.SecondClass, twelve306.Standing}
		}, seat: twelve306.Standing, take: 1},

		{name: "enough", train: fields{fSecond: "2"}, rule: func(r *Rule) { r.Passengers = []string{"张三", "李四"} }, seat: twelve306.SecondClass, take: 2},
		{name: "plenty", rule: func(r *Rule) { r.Passengers = []string{"一", "二", "三", "四", "五"} }, seat: twelve306.SecondClass, take: 5},
		{name: "too few", train: fields{fSecond: "1"}, rule: func(r *Rule) { r.Passengers = []string{"张三", "李四"} }, want: TooFew, words: "second class: 1 left, you want 2"},
		{name: "too few, next kind", train: fields{fSecond: "1", fFirst: "2"}, rule: func(r *Rule) { r.Passengers = []string{"张三", "李四"} }, seat: twelve306.FirstClass, take: 2},
		{name: "partial", train: fields{fSecond: "1"}, rule: func(r *Rule) { r.Passengers, r.Partial = []string{"张三", "李四"}, true }, seat: twelve306.SecondClass, take: 1},
		{name: "partial, a child first", train: fields{fSecond: "1"}, rule: func(r *Rule) {
			r.Passengers, r.Partial, r.Tickets = []string{"小宝", "张三"}, true, []twelve306.TicketType{twelve306.ChildTicket, ""}
		}, want: TooFew, words: "second class: 1 left, you want 2"},
		{name: "partial, a child second", train: fields{fSecond: "1"}, rule: func(r *Rule) {
			r.Passengers, r.Partial, r.Tickets = []string{"张三", "小宝"}, true, []twelve306.TicketType{"", twelve306.ChildTicket}
		}, seat: twelve306.SecondClass, take: 1},
		{name: "partial, without the student", train: fields{fSecond: "1"}, rule: func(r *Rule) {
			r.Passengers, r.Partial, r.Tickets = []string{"张三", "小明"}, true, []twelve306.TicketType{"", twelve306.StudentTicket}
		}, want: TooFew, words: "second class: 1 left, you want 2"},
		{name: "partial, a student first", train: fields{fSecond: "1"}, rule: func(r *Rule) {
			r.Passengers, r.Partial, r.Tickets = []string{"小明", "张三"}, true, []twelve306.TicketType{twelve306.StudentTicket, ""}
		}, seat: twelve306.SecondClass, take: 1},
		{name: "partial of none", train: fields{fSecond: "无"}, rule: func(r *Rule) { r.Passengers, r.Partial = []string{"张三", "李四"}, true }, want: NoSeat, words: "second class sold out"},

		{name: "sibling seat by its own name", train: fields{fCode: "D1", fSecond: "", fSoft: "4", fTypes: "JIO"}, rule: func(r *Rule) { r.Seats = []twelve306.Seat{twelve306.FirstSleeper} }, seat: twelve306.FirstSleeper, take: 1},
		{name: "sibling seat by the cell's name", train: fields{fCode: "D1", fSecond: "", fSoft: "4", fTypes: "JIO"}, rule: func(r *Rule) { r.Seats = []twelve306.Seat{twelve306.SoftSleeper} }, seat: twelve306.SoftSleeper, take: 1},
		{name: "sibling seat on a train without it", train: fields{fCode: "K1", fSecond: "", fSoft: "4", fTypes: "1413"}, rule: func(r *Rule) { r.Seats = []twelve306.Seat{twelve306.FirstSleeper} }, want: NoSuchSeat, words: "has none of the seats you want"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, train := testRule(tt.rule), testTrain(t, tt.train)
			c, why, ok := r.Verdict(trip(feb3, wuhan), &train)
			if ok != (tt.want == "") || why.Kind != tt.want || c.Seat != tt.seat || c.Take != tt.take {
				t.Errorf("seat %q, take %d, reason %+v, %v", c.Seat, c.Take, why, ok)
			}
			if got := why.In(notifier.English); got != tt.words {
				t.Errorf("says %q, want %q", got, tt.words)
			}
			if zh := why.In(notifier.Chinese); (zh == "") != (tt.words == "") {
				t.Errorf("says %q in Chinese", zh)
			}
			found := r.Match(trip(feb3, wuhan), []twelve306.Train{train})
			if ok != (len(found) > 0) || ok && (found[0].Seat != c.Seat || found[0].Take != c.Take) {
				t.Errorf("Verdict says %v and Match %v", ok, found)
			}
		})
	}
}

// One cell is one candidate: 软卧 and 一等卧 of a D train are the same berths.
func TestSiblingsAreOne(t *testing.T) {
	train := testTrain(t, fields{fCode: "D1", fSecond: "", fSoft: "4", fHard: "5", fTypes: "JIO"})
	var got []string
	for _, c := range testRule(nil).Match(trip(feb3, wuhan), []twelve306.Train{train}) {
		got = append(got, c.Train.SeatCode(c.Seat))
	}
	if !slices.Equal(got, []string{"J", "I"}) {
		t.Errorf("codes %v", got)
	}
}

func TestOrderOfPreference(t *testing.T) {
	mk := func(code, depart, second, first string) twelve306.Train {
		return testTrain(t, fields{fCode: code, fDepart: depart, fSecond: second, fFirst: first})
	}
	trains := []twelve306.Train{
		mk("G1120", "12:00", "有", "3"),
		mk("G1118", "11:00", "无", "3"),
		mk("G1116", "10:00", "有", "无"),
		mk("G1110", "13:00", "无", "1"),
		mk("D2", "08:00", "有", "有"),
	}
	r := testRule(func(r *Rule) {
		r.Trains = patterns(t, "G1110", "G11*")
		r.Seats = []twelve306.Seat{twelve306.SecondClass, twelve306.FirstClass}
		r.To = []twelve306.Station{wuhan, hankou}
	})
	next := feb3.AddDays(1)
	all := r.Match(trip(next, wuhan), trains)
	all = append(all, r.Match(trip(feb3, wuhan), trains)...)
	SortCandidates(all)
	var got []string
	for _, c := range all {
		got = append(got, fmt.Sprintf("%d %s %s", c.Journey.Date.Day, c.Train.Code(), c.Seat))
	}
	day := []string{"G1110 M", "G1116 O", "G1120 O", "G1118 M", "G1120 M"}
	var want []string
	for _, d := range []string{"3 ", "4 "} {
		for _, s := range day {
			want = append(want, d+s)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("order\n%q, want\n%q", got, want)
	}
}

func TestJourneys(t *testing.T) {
	r := testRule(func(r *Rule) {
		r.Dates = []twelve306.Date{feb3, feb3.AddDays(1)}
		r.From = []twelve306.Station{guangzhou, wuhan}
		r.To = []twelve306.Station{wuhan, hankou}
	})
	var got []string
	for _, j := range r.Journeys() {
		got = append(got, j.String()[8:])
	}
	want := []string{"03 广州南-武汉", "03 广州南-汉口", "03 武汉-汉口", "04 广州南-武汉", "04 广州南-汉口", "04 武汉-汉口"}
	if !slices.Equal(got, want) {
		t.Errorf("journeys %q", got)
	}
	if r.AllPast(feb3.AddDays(1)) || !r.AllPast(feb3.AddDays(2)) {
		t.Error("a rule is past when its last day is")
	}
}

// The recorded replies through the rule that names nothing.
func TestRecorded(t *testing.T) {
	hangzhou := twelve306.Journey{Date: feb3, From: twelve306.Station{Code: "HGH"}, To: twelve306.Station{Code: "NGH"}}
	want := map[string]ReasonKind{
		"D3165": "", "G7537": "", "G1673": "", "G57": "", "G7669": NotOnSale, "K211": WrongStation,
		"G1431": "", "D3101": NoSeat, "D941": "", "D905": "",
	}
	for _, row := range recordedRows(t, "testdata/query.2019-05-18.HZH-NGH.subset.json") {
		train, err := twelve306.ParseTrain(row, feb3)
		if err != nil {
			t.Fatal(err)
		}
		kind, known := want[train.Code()]
		if _, why, ok := testRule(nil).Verdict(hangzhou, &train); !known || why.Kind != kind || ok != (kind == "") {
			t.Errorf("%s: %+v %v, want %q", train.Code(), why, ok, kind)
		}
		delete(want, train.Code())
	}
	if len(want) > 0 {
		t.Errorf("not in the recording: %v", want)
	}
}

func recordedRows(t testing.TB, file string) []string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var reply struct{ Data struct{ Result []string } }
	if err := json.Unmarshal(data, &reply); err != nil || len(reply.Data.Result) == 0 {
		t.Fatal(err)
	}
	return reply.Data.Result
}

var beijing = twelve306.Journey{Date: feb3, From: twelve306.Station{Name: "北京南", Code: "VNP"}, To: twelve306.Station{Name: "上海虹桥", Code: "AOH"}}

// hundredTrains is a reply of 100 trains made of the recorded rows of one pair
// of stations, with numbers G1 to G100.
func hundredTrains(t testing.TB) []byte {
	t.Helper()
	recorded := slices.DeleteFunc(recordedRows(t, "testdata/queryG.2026-10-04.VNP-AOH.json"), func(row string) bool {
		return !strings.Contains(row, "|VNP|AOH|")
	})
	rows := make([]string, 100)
	for i := range rows {
		f := strings.Split(recorded[i%len(recorded)], "|")
		f[fCode] = fmt.Sprintf("G%d", i+1)
		rows[i] = strings.Join(f, "|")
	}
	body, err := json.Marshal(map[string]any{"status": true, "httpstatus": 200, "messages": "",
		"data": map[string]any{"flag": "1", "result": rows, "map": map[string]string{"VNP": "北京南", "AOH": "上海虹桥"}}})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestMatchAllocatesNothingForUnwanted(t *testing.T) {
	trains, err := twelve306.ParseTrains(hundredTrains(t), beijing)
	if err != nil || len(trains) != 100 {
		t.Fatal(len(trains), err)
	}
	for name, r := range map[string]*Rule{
		"another train": testRule(func(r *Rule) { r.Trains = patterns(t, "D*", "!G5*") }),
		"another hour":  testRule(func(r *Rule) { r.Depart = Window{22 * 60, 2 * 60} }),
		"another seat":  testRule(func(r *Rule) { r.Seats = []twelve306.Seat{twelve306.HardSleeper, twelve306.FirstSleeper} }),
	} {
		if n := testing.AllocsPerRun(100, func() {
			if len(r.Match(beijing, trains)) != 0 {
				t.Fatal("a train that is not wanted was found")
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// The promise: parse and match 100 trains in 100 µs, beside encoding/json and
// strings.Split in the same run.
func BenchmarkParseAndMatch(b *testing.B) {
	body := hundredTrains(b)
	for _, bb := range []struct {
		name string
		rule *Rule
		none bool
	}{
		{"none", testRule(func(r *Rule) { r.Trains = patterns(b, "D*") }), true},
		{"one", testRule(func(r *Rule) { r.Trains = patterns(b, "G7", "!G77") }), false},
		{"all", testRule(nil), false},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				trains, err := twelve306.ParseTrains(body, beijing)
				if err != nil {
					b.Fatal(err)
				}
				if got := len(bb.rule.Match(beijing, trains)); (got == 0) != bb.none {
					b.Fatal(got)
				}
			}
		})
	}
	b.Run("encoding-json-and-split", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			var reply struct{ Data struct{ Result []string } }
			if err := json.Unmarshal(body, &reply); err != nil {
				b.Fatal(err)
			}
			found := 0
			for _, row := range reply.Data.Result {
				if f := strings.Split(row, "|"); f[fCode] == "G7" && cmp.Or(f[fSecond], "无") != "无" {
					found++
				}
			}
			if found != 1 {
				b.Fatal(found)
			}
		}
	})
}
