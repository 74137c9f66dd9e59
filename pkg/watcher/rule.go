package watcher

import (
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

	// Passengers are names as saved in the 12306 account, at most five.
	Passengers []string `yaml:"passengers"`

	// Partial says that fewer seats than passengers are good enough; the
	// first passengers of the list get them.
	Partial bool `yaml:"partial"`

	// Action is notify, ask or book. Left out: book when the rule has
	// passengers and an account is configured, else notify.
	Action Action `yaml:"action" oneof:"notify ask book"`

	// Notify names the channels that are told of the rule and asked for it,
	// as notify: names them. Left out: all of them.
	Notify []string `yaml:"notify"`

	// Schedule says when the rule looks. Left out: the schedule of the file.
	Schedule Schedule `yaml:"schedule"`

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
// station with itself is left out.
func (r *Rule) Journeys() []twelve306.Journey {
	out := make([]twelve306.Journey, 0, len(r.Dates)*len(r.From)*len(r.To))
	for _, d := range r.Dates {
		for _, from := range r.From {
			for _, to := range r.To {
				if from.Code != to.Code {
					out = append(out, twelve306.Journey{Date: d, From: from, To: to})
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

// seatsWanted is how many seats satisfy the rule fully.
func (r *Rule) seatsWanted() int { return max(len(r.Passengers), 1) }
