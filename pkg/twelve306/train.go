package twelve306

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306/internal/wire"
)

// Journey is what is asked in one query: all trains of a day between two
// stations, with the tickets of adults or of students.
type Journey struct {
	Date     Date
	From, To Station
	Student  bool // purpose_codes 0X00: what is ordered from the reply may hold students' tickets
}

// String returns the journey in words for logs: 2027-02-03 广州南-武汉, and
// that it asks for students' tickets.
func (j Journey) String() string {
	s := j.Date.String() + " " + j.From.Name + "-" + j.To.Name
	if j.Student {
		s += " (student)"
	}
	return s
}

// purpose is purpose_codes of the query and of submitOrderRequest. The order
// page has its own: 00 where these say ADULT.
func (j Journey) purpose() string {
	if j.Student {
		return "0X00"
	}
	return "ADULT"
}

// Train is one row of a query reply. Its methods read the row in place; the
// field numbers are those of PROTOCOL.md 1.7.
type Train struct {
	row wire.Row
	day Date
}

// ParseTrain reads one row of a query reply for a day; it is how recorded
// rows become trains in tests and benchmarks.
func ParseTrain(row string, day Date) (Train, error) {
	r, ok := wire.SplitRow(row)
	if !ok {
		return Train{}, &Error{Op: "query", Kind: Changed, Msg: "a row of " + strconv.Itoa(r.Len()) + " fields"}
	}
	return Train{r, day}, nil
}

// Date is the day that was asked for: the day the train leaves From. (Field 13
// is the day at the train's first station, which may be earlier.)
func (t *Train) Date() Date { return t.day }

// Secret is secretStr as the row gives it, URL-encoded; "" when the train
// cannot be bought now. Pass it on unchanged.
func (t *Train) Secret() string {
	if s := t.row.Field(0); s != "null" {
		return s
	}
	return ""
}

// Button is the text of the page's button: 预订, a sale time, or why not. It
// may hold <br/>.
func (t *Train) Button() string { return plain(t.row.Field(1)) }

// No is train_no, 12306's internal number, twelve characters.
func (t *Train) No() string { return t.row.Field(2) }

// Code is station_train_code, the number people know: G1110.
func (t *Train) Code() string { return t.row.Field(3) }

// From is the telecode of the station where this row boards.
func (t *Train) From() string { return t.row.Field(6) }

// To is the telecode of the station where this row gets off.
func (t *Train) To() string { return t.row.Field(7) }

// Depart is the departure time on the wire, HH:MM; cancelled trains say 24:00.
func (t *Train) Depart() string { return t.row.Field(8) }

// Arrive is the arrival time on the wire, HH:MM, on a later day when the
// duration says so.
func (t *Train) Arrive() string { return t.row.Field(9) }

// DepartMinute is the departure in minutes after midnight; ok is false when
// the field is no time.
func (t *Train) DepartMinute() (minute int, ok bool) { return clock(t.row.Field(8)) }

// ArriveMinute is the arrival in minutes after its own midnight.
func (t *Train) ArriveMinute() (minute int, ok bool) { return clock(t.row.Field(9)) }

// Duration is lishi, the time under way.
func (t *Train) Duration() (d time.Duration, ok bool) {
	m, ok := clock(t.row.Field(10))
	return time.Duration(m) * time.Minute, ok
}

// Buyable reports whether 12306 would take an order: canWebBuy is Y and there
// is a secretStr.
func (t *Train) Buyable() bool { return t.row.Field(11) == "Y" && t.Secret() != "" }

// NotOnSale reports whether the train is not on sale yet, at night, or
// suspended (IS_TIME_NOT_BUY); Button says which.
func (t *Train) NotOnSale() bool { return t.row.Field(11) == "IS_TIME_NOT_BUY" }

// LeftTicket is yp_info, encrypted by 12306. It changes when the stock does.
func (t *Train) LeftTicket() string { return t.row.Field(12) }

// Location is location_code, sent back as train_location.
func (t *Train) Location() string { return t.row.Field(15) }

// SeatTypes is seat_types, the codes of the train's seats: 9MOO. Field 35.
func (t *Train) SeatTypes() string { return t.row.Field(35) }

// BedLevelInfo is field 53, sent back in submitOrderRequest since about 2023.
func (t *Train) BedLevelInfo() string { return t.row.Field(53) }

// SeatDiscountInfo is field 54, sent back in submitOrderRequest.
func (t *Train) SeatDiscountInfo() string { return t.row.Field(54) }

// Fields is the number of fields of the row: 35 in 2017, 39 in 2019, 57 in
// 2024, 58 in 2026.
func (t *Train) Fields() int { return t.row.Len() }

// SaleTime is when this date went or will go on sale for this train at this
// station: field 55, since about 2023; before that the button of a train that
// is not on sale yet says it (5月23日<br/>8点起售, recorded 2019).
func (t *Train) SaleTime() (time.Time, bool) {
	if at, err := time.ParseInLocation("200601021504", t.row.Field(55), shanghai); err == nil {
		return at, true
	}
	if !t.NotOnSale() || !strings.Contains(t.row.Field(1), "起售") {
		return time.Time{}, false
	}
	m := saleButton.FindStringSubmatch(t.Button())
	if m == nil {
		return time.Time{}, false
	}
	n := [4]int{}
	for i := range n {
		n[i], _ = strconv.Atoi(m[i+1]) // at most two digits, or none
	}
	at := time.Date(t.day.Year, time.Month(n[0]), n[1], n[2], n[3], 0, 0, shanghai)
	if DateOf(at) != (Date{t.day.Year, time.Month(n[0]), n[1]}) || n[2] > 23 || n[3] > 59 {
		return time.Time{}, false
	}
	if t.day.Before(DateOf(at)) { // sold in December for a day in January
		at = at.AddDate(-1, 0, 0)
	}
	return at, true
}

var saleButton = regexp.MustCompile(`(\d{1,2})月(\d{1,2})日\D*(\d{1,2})[点:：时](\d{1,2})?分?起售`)

// Left is what a seat cell says.
type Left struct {
	Text   string // the cell as 12306 wrote it: 有, 无, 5, *, or "" when the train has no such seat
	Count  int    // how many seats are left; at least Count when Plenty
	Plenty bool   // 有: more than 20
	Known  bool   // false for a word that is not in 12306's vocabulary: then it is neither "none" nor "some"
}

// plentyCount is what 有 stands for at least: numbers up to 20 are printed.
const plentyCount = 21

// Left reads the cell of a seat. Of seats that share a cell (soft sleeper and
// first sleeper) the one that the train really has is meant; for the other it
// returns an empty cell.
func (t *Train) Left(s Seat) Left {
	in := s.info()
	if in == nil || !t.has(in) {
		return Left{Known: true}
	}
	return parseLeft(t.row.Field(in.field))
}

func parseLeft(cell string) Left {
	switch cell {
	case "", "--":
		return Left{Known: true}
	case "无", "*", "N", "候补":
		return Left{Text: cell, Known: true}
	case "有":
		return Left{Text: cell, Count: plentyCount, Plenty: true, Known: true}
	}
	n, err := strconv.Atoi(cell)
	if err != nil || n < 0 {
		return Left{Text: plain(cell)}
	}
	return Left{Text: cell, Count: n, Known: true}
}

// has reports whether the cell of the seat is about that seat on this train.
// A name that is the cell's ordinary meaning (软卧) also takes its D-train
// sibling (一等卧); the sibling asked for by name takes only itself.
func (t *Train) has(in *seatInfo) bool {
	types := t.SeatTypes()
	if in.sibling != "" || !isSibling(in.seat) || types == "" {
		return true
	}
	return strings.Contains(types, string(in.seat))
}

func isSibling(s Seat) bool {
	return s == DeluxeMoving || s == FirstSleeper || s == SecondSleeper
}

// SeatCode is the code to order a seat with on this train: the sibling's when
// the train has that one (field 35), and for standing tickets that of the
// class they stand in, O on G, D and C trains and 1 on others (PROTOCOL.md 2.1).
func (t *Train) SeatCode(s Seat) string {
	if s == Standing {
		if code := t.Code(); code != "" && strings.IndexByte("GDC", code[0]) >= 0 {
			return string(SecondClass)
		}
		return string(HardSeat)
	}
	if in := s.info(); in != nil && in.sibling != "" {
		types := t.SeatTypes()
		if !strings.Contains(types, string(s)) && strings.Contains(types, string(in.sibling)) {
			return string(in.sibling)
		}
	}
	return string(s)
}

// Price is the fare of a seat in tenths of a yuan, from yp_info_new (field 39,
// since about 2021): groups of ten characters, code, price x10 in five digits,
// count in four; a count of 3000 and more is a standing ticket.
func (t *Train) Price(s Seat) (tenths int, ok bool) {
	code := t.SeatCode(s)
	for groups := t.row.Field(39); len(groups) >= 10; groups = groups[10:] {
		g := groups[:10]
		count, err := strconv.Atoi(g[6:])
		if err != nil || g[:1] != code || (count >= 3000) != (s == Standing) {
			continue
		}
		if price, err := strconv.Atoi(g[1:6]); err == nil {
			return price, true
		}
	}
	return 0, false
}

// clock reads HH:MM as minutes; 24:00 and longer durations (99:59) are taken.
func clock(s string) (int, bool) {
	if len(s) != 5 || s[2] != ':' {
		return 0, false
	}
	h, m := digits2(s[:2]), digits2(s[3:])
	return h*60 + m, h >= 0 && m >= 0 && m < 60
}

func digits2(s string) int {
	if s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9' {
		return -1
	}
	return int(s[0]-'0')*10 + int(s[1]-'0')
}
