package twelve306

import (
	"fmt"
	"strings"
)

// Unfit is the Err of an [Error] of Kind Passenger about which 12306 has not
// said a word: an order is not begun for somebody whom the account shows to be
// unfit for it. Its Error is for the log; whoever tells the user words it.
type Unfit struct {
	Why    UnfitReason
	Name   string     // of the passenger; empty when it is about all of them
	Saved  []string   // NotSaved: whom the account has, the first eight
	Count  int        // SavedTwice: how often; TooMany: how many there are
	Most   int        // TooMany: how many 12306 takes
	Ticket TicketType // NotEntitled: the ticket that was wanted
}

// UnfitReason is why passengers cannot be ordered for.
type UnfitReason int

// The reasons.
const (
	NotSaved      UnfitReason = iota + 1 // nobody of that name is saved in the account
	SavedTwice                           // more than one is
	NotVerified                          // 12306 has not verified who it is
	NotEntitled                          // not saved as a student or soldier
	ChildrenAlone                        // no adult in the order
	TooMany                              // more than one order takes
)

func (u *Unfit) Error() string {
	switch u.Why {
	case NotSaved:
		return fmt.Sprintf("no passenger %s in the account; there are: %s", u.Name, strings.Join(u.Saved, ", "))
	case SavedTwice:
		return fmt.Sprintf("%d passengers of the account are called %s", u.Count, u.Name)
	case NotVerified:
		return fmt.Sprintf("the identity of %s is not verified", u.Name)
	case NotEntitled:
		return fmt.Sprintf("%s is not saved as a %s", u.Name, u.Ticket.English())
	case ChildrenAlone:
		return "children without an adult"
	default:
		return fmt.Sprintf("%d passengers, and one order takes %d", u.Count, u.Most)
	}
}

func unfit(op string, u Unfit) *Error { return &Error{Op: op, Kind: Passenger, Err: &u} }
