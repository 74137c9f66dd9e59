package railsim

import (
	"fmt"
	"hash/fnv"
	"sort"
	"time"
)

// Train is one train between two stations, on one day.
type Train struct {
	// Code is what passengers call it: G1110.
	Code string
	// No is 12306's internal name, 12 characters. Default: made from Code.
	No string
	// From and To are the telecodes of this row; Start and End those of the
	// whole run (default: From and To).
	From, To, Start, End string
	// Depart and Arrive, "15:04". Arrive before Depart is the next day.
	Depart, Arrive string
	// Took is the duration, "15:04" with hours above 23 allowed. Default:
	// from Depart to Arrive within 24 hours.
	Took string
	// StartedDaysAgo is how long before the boarding date the train left its
	// first station (field 13 of the row).
	StartedDaysAgo int
	// Seats are the seats left, by 12306's code ("O", "M", "9", "1" ...; "W"
	// for standing). Rows of the same Code and date share them; a later row
	// may leave Seats nil.
	Seats map[string]int
	// Fares in jiao (0.1 yuan), as in field 39. Default: made from Took.
	Fares map[string]int
	// Note, when set, stands in place of 预订, and the train is not on sale:
	// `5月23日<br/>8点起售`, 列车停运.
	Note string
	// Opens is when the train goes on sale: until then its button says so (the
	// year is left to the reader, as on the page) and so does field 55.
	Opens time.Time
}

type train struct {
	Train
	date     string
	location string // train_location
	fromNo   string
	toNo     string
	invented bool // a row of a neighbouring station, or of the timetable
}

// board is what is on sale. mu of the server guards it.
type board struct {
	days  map[string][]*train
	stock map[string]map[string]int // date and code -> seat -> left
}

func stockKey(date, code string) string { return date + " " + code }

// seatOrder is the order of seats in the fields 34, 35 and 39.
const seatOrder = "9PDMOS6A4IFCJ32J1HW"

func (t *train) seats(b *board) map[string]int { return b.stock[stockKey(t.date, t.Code)] }

// seatCodes lists the seats that the train has, standing last.
func (t *train) seatCodes(b *board) []string {
	var list []string
	for c := range t.seats(b) {
		list = append(list, c)
	}
	sort.Slice(list, func(i, j int) bool {
		return indexByte(seatOrder, list[i]) < indexByte(seatOrder, list[j])
	})
	return list
}

func indexByte(s, c string) int {
	for i := range s {
		if s[i:i+1] == c {
			return i
		}
	}
	return len(s)
}

// SetTrains replaces the trains of a day ("2006-01-02").
func (s *Server) SetTrains(date string, trains ...Train) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.board.days[date] {
		delete(s.board.stock, stockKey(date, t.Code))
	}
	s.board.days[date] = nil
	for _, t := range trains {
		s.addTrain(date, t)
	}
}

// AddTrain puts one more train on the board.
func (s *Server) AddTrain(date string, t Train) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addTrain(date, t)
}

func (s *Server) addTrain(date string, t Train) *train {
	h := fnv.New32a()
	h.Write([]byte(t.Code + t.Start))
	sum := h.Sum32()
	t.Start, t.End = or(t.Start, t.From), or(t.End, t.To)
	if t.No == "" {
		no := fmt.Sprintf("%02x0000%s", sum%256, t.Code)
		for len(no) < 12 {
			no += "0"
		}
		t.No = no[:12]
	}
	t.Took = or(t.Took, took(t.Depart, t.Arrive))
	b := &train{Train: t, date: date, location: fmt.Sprintf("%c%d", "PHQWK"[sum%5], sum/5%9+1),
		fromNo: fmt.Sprintf("%02d", sum%7+1), toNo: fmt.Sprintf("%02d", sum%7+4)}
	key := stockKey(date, t.Code)
	if t.Seats != nil || s.board.stock[key] == nil {
		stock := map[string]int{}
		for c, n := range t.Seats {
			stock[c] = n
		}
		s.board.stock[key] = stock
	}
	s.board.days[date] = append(s.board.days[date], b)
	return b
}

// Sell sets how many seats of a kind a train has left; 0 takes them away. It
// reports whether there is such a train.
func (s *Server) Sell(date, code, seat string, count int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	stock := s.board.stock[stockKey(date, code)]
	if stock == nil {
		return false
	}
	stock[seat] = count
	return true
}

// Left says how many seats of a kind a train has left.
func (s *Server) Left(date, code, seat string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.board.stock[stockKey(date, code)][seat]
}

// SetNote makes a train not on sale, with what its button says; "" sells it.
func (s *Server) SetNote(date, code, note string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.board.days[date] {
		if t.Code == code {
			t.Note = note
		}
	}
}

func clock(hhmm string) time.Duration {
	var h, m int
	fmt.Sscanf(hhmm, "%d:%d", &h, &m)
	return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute
}

func took(depart, arrive string) string {
	d := clock(arrive) - clock(depart)
	if d < 0 {
		d += 24 * time.Hour
	}
	return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60)
}

// leaves and arrives are the moments of this row.
func (t *train) leaves() time.Time {
	day, err := time.ParseInLocation(time.DateOnly, t.date, railway)
	if err != nil {
		return time.Time{}
	}
	return day.Add(clock(t.Depart))
}

func (t *train) arrives() time.Time { return t.leaves().Add(clock(t.Took)) }

// fare is the price of a seat in jiao.
func (t *train) fare(seat string) int {
	if f, ok := t.Fares[seat]; ok {
		return f
	}
	perMinute := map[string]float64{"9": 70, "P": 60, "D": 44, "M": 34, "O": 21, "W": 21, "S": 25, "6": 18, "A": 26,
		"4": 11, "I": 22, "F": 16, "3": 7, "J": 14, "2": 6, "1": 4}[seat]
	if perMinute == 0 {
		perMinute = 10
	}
	if seat == "W" && t.standsOn() == "1" {
		perMinute = 4
	}
	jiao := int(perMinute * 10 * clock(t.Took).Minutes() / 10)
	return (jiao + 4) / 5 * 5
}

// standsOn is the code a ticket without a seat is ordered with.
func (t *train) standsOn() string {
	switch t.Code[:1] {
	case "G", "D", "C":
		return "O"
	}
	return "1"
}

// seatNames are 12306's names of its seat codes.
func seatName(code string) string {
	return map[string]string{"9": "商务座", "P": "特等座", "D": "优选一等座", "M": "一等座", "O": "二等座", "S": "二等包座",
		"6": "高级软卧", "A": "高级动卧", "4": "软卧", "I": "一等卧", "F": "动卧", "3": "硬卧", "J": "二等卧", "2": "软座",
		"1": "硬座", "W": "无座", "H": "其他"}[code]
}

// timetable invents the trains of a pair of stations.
func (s *Server) timetable(date, from, to string) {
	for _, t := range s.board.days[date] {
		if t.From == from && t.To == to {
			return
		}
	}
	h := fnv.New32a()
	h.Write([]byte(from + to))
	base := int(h.Sum32() % 8000)
	for i := range 9 {
		leave := time.Duration(6*60+i*105+base%40) * time.Minute
		ride := time.Duration(45+base%280+i*7) * time.Minute
		t := Train{Code: fmt.Sprintf("G%d", 100+base+2*i), From: from, To: to,
			Seats: map[string]int{"9": i % 3, "M": base % 23, "O": (base + i*13) % 60, "W": 30 * (i % 2)}}
		if i%4 == 3 {
			ride *= 3
			t.Code = fmt.Sprintf("K%d", 100+(base+2*i)%900)
			t.Seats = map[string]int{"4": i, "3": base % 40, "1": (base + i) % 50, "W": 50}
		}
		t.Depart = hhmm(leave)
		t.Arrive = hhmm((leave + ride) % (24 * time.Hour))
		if s.board.stock[stockKey(date, t.Code)] == nil {
			s.addTrain(date, t).invented = true
		}
	}
}

func hhmm(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60)
}
