package watcher

import (
	"slices"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
)

// Action is what a rule does when it finds seats.
type Action string

// The actions. They are written to watch.yaml and to disk: never rename one.
const (
	ActionNotify Action = "notify" // tell the user
	ActionAsk    Action = "ask"    // offer the seats, and book them if the user says yes
	ActionBook   Action = "book"   // book them
)

// Orders reports whether the action may end in an order.
func (a Action) Orders() bool { return a == ActionAsk || a == ActionBook }

// MaxPassengers is how many people one order of 12306 can hold.
const MaxPassengers = 5

// MaxPriority is the highest priority of a rule; the lowest is its negative.
const MaxPriority = 5

// Rule is one wish: these trains, on these days, for these people. It is the
// resolved form of an entry of rules: in watch.yaml; the tags are its keys.
//
// Of several matches the best is taken: earlier dates first, then trains in
// the order given, then seats in the order given, then the earlier departure.
type Rule struct {
	// Name is how messages, status and the history call the rule. A rule is
	// its name: an edit keeps its history. Left out, it is made of the first
	// stations (广州南-武汉).
	Name string `yaml:"name"`

	// Dates are the days of departure, ascending and unique: one day
	// (2027-02-03), a list, or ranges (2027-02-04..2027-02-06). A past day is
	// skipped; a rule whose days are all past is done.
	Dates []twelve306.Date `yaml:"date"`

	// From and To are stations by name, telecode (IZQ) or pinyin, one or a
	// list. Only the stations named count: 12306 answers for the whole city.
	From []twelve306.Station `yaml:"from"`
	To   []twelve306.Station `yaml:"to"`

	// Trains are train numbers in order of preference; * is a wildcard, a
	// leading ! excludes. Left out: every train.
	Trains TrainPatterns `yaml:"trains"`

	// Depart and Arrive are windows of the day (08:00-14:00), both ends
	// included; they may pass midnight. Left out: any time.
	Depart Window `yaml:"depart"`
	Arrive Window `yaml:"arrive"`

	// MaxDuration is the longest time under way (6h). Left out: any.
	MaxDuration time.Duration `yaml:"max_duration"`

	// Seats are kinds of seat in order of preference: Chinese names, 12306
	// codes or English names. Left out: every kind but 无座 (standing).
	Seats []twelve306.Seat `yaml:"seats"`

	// Passengers are names as saved in the 12306 account, at most five. What
	// somebody travels as stands behind the name as on 12306's own page:
	// 小宝(儿童), 李四(学生), 老王(残军), or in English (child), (student),
	// (soldier). Without it: a child's ticket for somebody saved as a child,
	// else an adult's.
	Passengers []string `yaml:"passengers"`

	// Tickets are what the Passengers travel as, taken from behind their names,
	// one for each; nil when nothing stands there.
	Tickets []twelve306.TicketType `yaml:"-"`

	// SeatChoice is where the passengers would like to sit, one for each: A, B,
	// C, D, F, 靠窗 (window) or 过道 (aisle). It is a wish: it is sent where
	// 12306 offers a choice for the seat that is ordered, all of it or nothing.
	SeatChoice []twelve306.SeatWish `yaml:"seat_choice"`

	// Berth is the bed of a sleeper, one for all passengers or one for each:
	// lower, middle, upper, 下铺, 中铺, 上铺. It is a wish as seat_choice is.
	Berth []twelve306.Berth `yaml:"berth"`

	// Partial says that fewer seats than passengers are good enough; the
	// first passengers of the list get them, if they may go by themselves: not
	// children alone, and where there are students, with one of them.
	Partial bool `yaml:"partial"`

	// NearMisses says that trains are told, quietly and at most once an hour,
	// that would do but for one thing: fewer seats than passengers, told when two
	// looks have seen it; up to half an hour outside depart or arrive, or only
	// kinds of seat that the rule does not name, told when it has lasted a
	// minute. They are never booked. Left out: true.
	NearMisses bool `yaml:"near_misses"`

	// Action is notify, ask or book. Left out: book when the rule has
	// passengers and an account is configured, else notify.
	Action Action `yaml:"action" oneof:"notify ask book"`

	// Notify names the channels that are told of the rule and asked for it,
	// as notify: names them. Left out: all of them.
	Notify []string `yaml:"notify"`

	// Schedule says when the rule looks. Left out: the schedule of the file.
	Schedule Schedule `yaml:"schedule"`

	// Priority says which rule is looked at more often when there is more to ask
	// than the budget bears: each step up doubles its share, from
	// -MaxPriority to MaxPriority. It does not change what is booked first.
	// Left out: 0.
	Priority int `yaml:"priority"`

	// Enabled is false for a rule that rests. Left out: true.
	Enabled bool `yaml:"enabled"`
}

// DefaultSeats returns the seats of a rule that names none: every kind but
// standing, in [twelve306.Seats]' order.
func DefaultSeats() []twelve306.Seat {
	all := twelve306.Seats()
	out := all[:0]
	for _, s := range all {
		if s != twelve306.Standing {
			out = append(out, s)
		}
	}
	return out
}

// Journeys returns what has to be asked for the rule, each day and pair of
// stations once: days first, then stations in the order given. A pair of a
// station with itself is left out. With a student among the passengers it is
// asked for students' tickets.
func (r *Rule) Journeys() []twelve306.Journey {
	student := slices.Contains(r.Tickets, twelve306.StudentTicket)
	out := make([]twelve306.Journey, 0, len(r.Dates)*len(r.From)*len(r.To))
	for _, d := range r.Dates {
		for _, from := range r.From {
			for _, to := range r.To {
				if from.Code != to.Code {
					out = append(out, twelve306.Journey{Date: d, From: from, To: to, Student: student})
				}
			}
		}
	}
	return out
}

// AllPast reports whether every day of the rule is before today: the rule is
// done.
func (r *Rule) AllPast(today twelve306.Date) bool {
	for _, d := range r.Dates {
		if !d.Before(today) {
			return false
		}
	}
	return true
}

// mayGo reports whether the first n passengers can be an order of their own:
// children may not travel alone, and what was asked for with a student is
// ordered with one.
func (r *Rule) mayGo(n int) bool {
	if n >= len(r.Tickets) { // all of them, or plain names only
		return true
	}
	them := r.Tickets[:n]
	return slices.ContainsFunc(them, func(t twelve306.TicketType) bool { return t != twelve306.ChildTicket }) &&
		slices.Contains(them, twelve306.StudentTicket) == slices.Contains(r.Tickets, twelve306.StudentTicket)
}

// seatsWanted is how many seats satisfy the rule fully.
func (r *Rule) seatsWanted() int { return max(len(r.Passengers), 1) }
