package twelve306

import (
	"fmt"
	"strings"
)

// Seat is a kind of seat by 12306's code: O second class, M first class, ...
// It is what a passenger asks for; see [Train.SeatCode] for what is ordered.
type Seat string

// The seats that a query reply has a column for.
const (
	Business       Seat = "9"
	Premier        Seat = "P"
	PreferredFirst Seat = "D"
	FirstClass     Seat = "M"
	SecondClass    Seat = "O"
	SecondCabin    Seat = "S"
	DeluxeSleeper  Seat = "6"
	DeluxeMoving   Seat = "A"
	SoftSleeper    Seat = "4"
	FirstSleeper   Seat = "I"
	MovingSleeper  Seat = "F"
	HardSleeper    Seat = "3"
	SecondSleeper  Seat = "J"
	SoftSeat       Seat = "2"
	HardSeat       Seat = "1"
	Standing       Seat = "W" // no code of its own when ordering
	OtherSeat      Seat = "H"
)

// seatInfo is one line of the table of PROTOCOL.md 2.1: field is the place of
// the seat's cell in a query row. Pairs that share a cell (6 and A, 4 and I,
// 3 and J) are told apart by field 35.
type seatInfo struct {
	seat    Seat
	field   int
	name    string
	english string
	sibling Seat   // the code that the same cell means on D trains
	aliases string // other spellings, separated by |
}

// seatTable is in the order in which seats are preferred when a rule names
// none: the ordinary class of each kind of train first.
var seatTable = []seatInfo{
	{SecondClass, 30, "二等座", "second", "", "second class|二等"},
	{FirstClass, 31, "一等座", "first", "", "first class|一等"},
	{HardSleeper, 28, "硬卧", "hard sleeper", SecondSleeper, ""},
	{SecondSleeper, 28, "二等卧", "second sleeper", "", "second class sleeper"},
	{SoftSleeper, 23, "软卧", "soft sleeper", FirstSleeper, ""},
	{FirstSleeper, 23, "一等卧", "first sleeper", "", "first class sleeper"},
	{MovingSleeper, 33, "动卧", "moving sleeper", "", ""},
	{HardSeat, 29, "硬座", "hard seat", "", ""},
	{SoftSeat, 24, "软座", "soft seat", "", ""},
	{SecondCabin, 27, "二等包座", "second cabin", "", ""},
	{PreferredFirst, 20, "优选一等座", "preferred first", "", ""},
	{Business, 32, "商务座", "business", "", "business class|商务"},
	{Premier, 25, "特等座", "premium", "", "premier|特等"},
	{DeluxeSleeper, 21, "高级软卧", "deluxe soft sleeper", DeluxeMoving, ""},
	{DeluxeMoving, 21, "高级动卧", "deluxe moving sleeper", "", ""},
	{OtherSeat, 22, "其他", "other", "", ""},
	{Standing, 26, "无座", "standing", "", "WZ|站票"},
}

// Seats returns every kind of seat in the order of preference used when
// nothing else is said; standing comes last.
func Seats() []Seat {
	out := make([]Seat, len(seatTable))
	for i, s := range seatTable {
		out[i] = s.seat
	}
	return out
}

func (s Seat) info() *seatInfo {
	for i := range seatTable {
		if seatTable[i].seat == s {
			return &seatTable[i]
		}
	}
	return nil
}

// Name returns 12306's Chinese name, or the code itself for a seat that is
// not in the table.
func (s Seat) Name() string {
	if in := s.info(); in != nil {
		return in.name
	}
	return string(s)
}

// English returns the name used in watch.yaml and in English messages.
func (s Seat) English() string {
	if in := s.info(); in != nil {
		return in.english
	}
	return string(s)
}

// ParseSeat reads a seat as people write it: 12306's Chinese name, its code
// (O, M, 9, WZ), or the English name.
func ParseSeat(text string) (Seat, error) {
	t := strings.Join(strings.Fields(text), " ")
	bare := withoutBlanks(t)
	for _, in := range seatTable {
		if bare == in.name || strings.EqualFold(t, in.english) || strings.EqualFold(bare, string(in.seat)) {
			return in.seat, nil
		}
		for a := range strings.SplitSeq(in.aliases, "|") {
			if a != "" && strings.EqualFold(t, a) {
				return in.seat, nil
			}
		}
	}
	return "", fmt.Errorf("no seat %q%s", text, similarSeat(t))
}

func similarSeat(text string) string {
	best, distance := "", 3
	for _, in := range seatTable {
		for _, name := range []string{in.name, in.english} {
			limit := 1
			if len(name) == len([]rune(name)) && len(name) > 5 {
				limit = 2
			}
			if d := editDistance([]rune(strings.ToLower(text)), []rune(name), limit); d <= limit && d < distance {
				best, distance = name, d
			}
		}
	}
	if best != "" {
		return "; did you mean " + best + "?"
	}
	names := make([]string, len(seatTable))
	for i, in := range seatTable {
		names[i] = in.name
	}
	return "; seats are " + strings.Join(names, ", ")
}
