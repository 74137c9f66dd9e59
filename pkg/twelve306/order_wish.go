package twelve306

import (
	"fmt"
	"slices"
	"strings"
)

// SeatWish is where in a row somebody would like to sit: one of the letters of
// 12306's seat plan, [Window] or [Aisle].
type SeatWish string

// The wishes that name no letter.
const (
	Window SeatWish = "window" // A or F
	Aisle  SeatWish = "aisle"  // C or D
)

// seatLetters are the letters that 12306's page offers (PROTOCOL.md 1.8.8), in
// its order. What is not here has no seat plan, or none that is known.
var seatLetters = map[Seat]string{SecondClass: "ABCDF", FirstClass: "ACDF", Business: "ACF", Premier: "ACF"}

// Letters returns the letters that can be wished for: ABCDF in the second
// class, "" for a kind of seat without a plan.
func (s Seat) Letters() string { return seatLetters[s] }

// ParseSeatWish reads a wish as people write it: A, B, C, D or F, 靠窗 (window),
// 过道 (aisle).
func ParseSeatWish(text string) (SeatWish, error) {
	switch t := strings.ToUpper(halfWidth(withoutBlanks(text))); t {
	case "A", "B", "C", "D", "F":
		return SeatWish(t), nil
	case "WINDOW", "靠窗", "窗", "窗边":
		return Window, nil
	case "AISLE", "过道", "靠过道", "走道":
		return Aisle, nil
	}
	return "", fmt.Errorf("no seat %q; seats are A, B, C, D, F, 靠窗 (window), 过道 (aisle)", text)
}

// Can reports whether a kind of seat has what is wished for.
func (w SeatWish) Can(s Seat) bool { return strings.ContainsAny(s.Letters(), w.letters()) }

// letters are the letters that satisfy the wish, the best first.
func (w SeatWish) letters() string {
	switch w {
	case Window:
		return "AF"
	case Aisle:
		return "CD"
	}
	return string(w)
}

// ChooseSeats returns wishes as choose_seats says them: row 1 or 2 and a
// letter for each, in the order of the page (1A1D2F). It is "" when a kind of
// seat cannot grant all of them: 12306 takes all or none. Who gets which is
// for 12306 to say.
func ChooseSeats(s Seat, wishes []SeatWish) string {
	plan := s.Letters()
	taken := make([]string, 0, len(wishes))
	grant := func(w SeatWish) bool {
		for _, row := range "12" {
			for _, letter := range w.letters() {
				place := string(row) + string(letter)
				if strings.ContainsRune(plan, letter) && !slices.Contains(taken, place) {
					taken = append(taken, place)
					return true
				}
			}
		}
		return false
	}
	for _, w := range wishes { // who wants one letter goes before who takes either
		if len(w) == 1 && !grant(w) {
			return ""
		}
	}
	for _, w := range wishes {
		if len(w) > 1 && !grant(w) {
			return ""
		}
	}
	slices.Sort(taken)
	return strings.Join(taken, "")
}

// Berth is a bed of a sleeper, by its number in passengerTicketStr.
type Berth int

// The berths.
const (
	AnyBerth Berth = iota
	LowerBerth
	MiddleBerth
	UpperBerth
)

var berthNames = [...][]string{
	AnyBerth: {"any"}, LowerBerth: {"lower", "下铺", "下"}, MiddleBerth: {"middle", "中铺", "中"}, UpperBerth: {"upper", "上铺", "上"},
}

// String returns the English name: lower, middle, upper; any for none.
func (b Berth) String() string {
	if b < 0 || int(b) >= len(berthNames) {
		b = AnyBerth
	}
	return berthNames[b][0]
}

// Name returns the Chinese name: 下铺, 中铺, 上铺; "" for none.
func (b Berth) Name() string {
	if b <= AnyBerth || int(b) >= len(berthNames) {
		return ""
	}
	return berthNames[b][1]
}

// ParseBerth reads lower, middle, upper, 下铺, 中铺, 上铺.
func ParseBerth(text string) (Berth, error) {
	t := strings.ToLower(withoutBlanks(text))
	for b := LowerBerth; b <= UpperBerth; b++ {
		if slices.Contains(berthNames[b], t) {
			return b, nil
		}
	}
	return AnyBerth, fmt.Errorf("no berth %q; berths are lower (下铺), middle (中铺), upper (上铺)", text)
}

// HasBerth reports whether a kind of seat is a sleeper with such a berth. Only
// hard sleepers, and the second class sleepers of D trains, have a middle one.
func (s Seat) HasBerth(b Berth) bool {
	switch s {
	case HardSleeper, SecondSleeper:
		return b == LowerBerth || b == MiddleBerth || b == UpperBerth
	case SoftSleeper, FirstSleeper, MovingSleeper, DeluxeSleeper, DeluxeMoving:
		return b == LowerBerth || b == UpperBerth
	}
	return false
}

// chooseSeats is choose_seats: the wish where checkOrderInfo offers a choice,
// else "", any seats.
func (d *Draft) chooseSeats() string {
	if d.req.Seat == Standing || len(d.req.SeatChoice) != len(d.people) || !strings.Contains(d.info.seats, d.seat) {
		return ""
	}
	return ChooseSeats(Seat(d.seat), d.req.SeatChoice)
}

// makeBeds gives the people of the order the berths they wish for, all or
// none, where checkOrderInfo offers a choice.
func (d *Draft) makeBeds() {
	if len(d.req.Berths) != len(d.people) || !d.info.beds {
		return
	}
	for _, b := range d.req.Berths {
		if !Seat(d.seat).HasBerth(b) || b == MiddleBerth && !d.info.middle {
			return
		}
	}
	for i := range d.people {
		d.people[i].bed = d.req.Berths[i]
	}
}

// seatDetailType counts the lower, middle and upper berths that are wished
// for: 000 for none.
func seatDetailType(people []passenger) string {
	var n [UpperBerth + 1]int
	for _, p := range people {
		n[p.bed]++
	}
	return fmt.Sprintf("%d%d%d", n[LowerBerth], n[MiddleBerth], n[UpperBerth])
}

// halfWidth turns full-width letters, as a Chinese keyboard writes them, into
// plain ones.
func halfWidth(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '！' && r <= '～' {
			r -= '！' - '!'
		}
		return r
	}, s)
}
