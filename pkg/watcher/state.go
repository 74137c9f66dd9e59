package watcher

import (
	"fmt"
	"slices"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
)

// AttemptState is how far an attempt came. The words are those of
// `orders --json`.
type AttemptState string

// The states. begun is never shown: nothing was spent yet.
const (
	stateBegun     AttemptState = "begun"
	StateConfirm   AttemptState = "confirming"
	StateQueued    AttemptState = "queued"
	StateBooked    AttemptState = "booked"
	StatePaid      AttemptState = "paid"
	StateExpired   AttemptState = "expired"
	StateCancelled AttemptState = "cancelled"
	StateFailed    AttemptState = "failed"
)

// Attempt is one try to book, as the journal tells it.
type Attempt struct {
	ID    string
	Rule  string
	State AttemptState
	Trip  Trip
	Begun time.Time
	// Intent is when the confirm was about to be sent; zero before that.
	Intent time.Time
	Number string     // the order's, as soon as it is known
	Order  *HeldOrder // once booked
	Ended  time.Time
	Why    string
	Cause  string
	told   map[string]bool // reminders that were sent
	seen   bool            // the user wants no more of them
	left   bool            // the user was asked whether to look again, and did not say yes
	who    string          // the account it was made with; empty: the only one so far
}

// open reports whether the confirm may have acted and the end is not known.
func (a *Attempt) open() bool { return a.State == StateConfirm || a.State == StateQueued }

// State is where we are. It is derived from the journal by [State.Fold] and never
// stored.
type State struct {
	// Attempts holds every attempt that came as far as a confirm, oldest
	// first, and the newest of those that did not. Of those that failed prune
	// leaves the newest: a seat that can never be had fails once a minute for weeks.
	Attempts []*Attempt
	byID     map[string]*Attempt
	last     map[string]*Attempt // by rule: the newest that booked, or may have
	foreign  map[string]time.Time
	paused   map[string]bool // by rule: stopped by hand
	still    bool            // all rules were stopped by hand, but for those in awake
	awake    map[string]bool
	refused  time.Time // when 12306 last refused the account's orders for the day
	who      string    // the account; empty as long as there was but one
}

// NewState returns the state of an empty journal.
func NewState() *State {
	return &State{byID: map[string]*Attempt{}, last: map[string]*Attempt{}, foreign: map[string]time.Time{},
		paused: map[string]bool{}, awake: map[string]bool{}}
}

// Done reports whether the rule has booked (or may have) and must not book
// again: until it is resumed, or its order was cancelled or has expired and
// the user said to look again.
func (s *State) Done(rule string) bool {
	a := s.last[rule]
	return a != nil && a.State != StateFailed
}

// Booking reports whether an order of the rule is on its way.
func (s *State) Booking(rule string) bool {
	a := s.last[rule]
	return a != nil && a.open() && !s.elsewhere(a)
}

// Paused reports whether the rule was stopped by hand.
func (s *State) Paused(rule string) bool { return s.paused[rule] || s.still && !s.awake[rule] }

// Open returns the attempt of the account whose end is not known. There is at
// most one.
func (s *State) Open() *Attempt {
	for i := len(s.Attempts) - 1; i >= 0; i-- {
		if a := s.Attempts[i]; a.open() && !s.elsewhere(a) {
			return a
		}
	}
	return nil
}

// Held returns the attempts of the account whose order waits for payment,
// oldest first.
func (s *State) Held() []*Attempt {
	return slices.DeleteFunc(s.watched(), s.letGo)
}

// Unpaid returns the attempts whose order waits for payment, whichever account
// has it, oldest first.
func (s *State) Unpaid() []*Attempt {
	var out []*Attempt
	for _, a := range s.Attempts {
		if a.State == StateBooked {
			out = append(out, a)
		}
	}
	return out
}

// Lost returns the attempts whose order expired or was cancelled and of which
// the user has not said yet whether to look again, oldest first.
func (s *State) Lost() []*Attempt {
	var out []*Attempt
	for _, a := range s.Attempts {
		if (a.State == StateExpired || a.State == StateCancelled) && !a.left && s.last[a.Rule] == a {
			out = append(out, a)
		}
	}
	return out
}

// Failed attempts are forgotten when they are this old and so many others have
// failed since. What 12306 made of one after all shows within its time to pay.
const (
	failedAge  = 24 * time.Hour
	mostFailed = 100
)

// prune forgets old failed attempts. It is no part of the fold: a journal may
// tell that such an attempt was found to hold a seat after all. Whoever may find
// that, the account's goroutine, is the one that prunes.
func (s *State) prune(now time.Time) {
	if len(s.Attempts) <= mostFailed {
		return
	}
	failed := 0
	for _, a := range s.Attempts {
		if a.State == StateFailed {
			failed++
		}
	}
	s.Attempts = slices.DeleteFunc(s.Attempts, func(a *Attempt) bool {
		if a.State != StateFailed {
			return false
		}
		if failed--; failed < mostFailed || now.Sub(a.Ended) < failedAge {
			return false
		}
		delete(s.byID, a.ID)
		if s.last[a.Rule] == a { // it stands for nothing: see Done
			delete(s.last, a.Rule)
		}
		return true
	})
}

// Fold derives the next state: the one place that knows what an event means.
// An event that cannot follow from the state is an error, and so is a kind
// that is not known: a journal of a newer watcherd must not be guessed at.
func (s *State) Fold(e Event) error {
	if e.Kind == AttemptBegun {
		if e.Trip == nil || e.Attempt == "" {
			return fmt.Errorf("%s without a trip", e.Kind)
		}
		a := &Attempt{ID: e.Attempt, Rule: e.Rule, State: stateBegun, Trip: *e.Trip, Begun: e.At, told: map[string]bool{}}
		if n := len(s.Attempts); n > 0 && s.Attempts[n-1].Intent.IsZero() {
			delete(s.byID, s.Attempts[n-1].ID) // it spent nothing: not worth remembering
			s.Attempts = s.Attempts[:n-1]
		}
		s.Attempts = append(s.Attempts, a)
		s.byID[a.ID] = a
		return nil
	}
	switch e.Kind {
	case Paused:
		if e.Rule == "" {
			s.still, s.awake = true, map[string]bool{}
			return nil
		}
		delete(s.awake, e.Rule)
		s.paused[e.Rule] = true
		return nil
	case Resumed:
		if e.Rule == "" {
			s.still, s.paused = false, map[string]bool{}
			return nil
		}
		rule := e.Rule
		if a := s.byID[e.Attempt]; a != nil {
			rule = a.Rule // it may have another name since it was asked
		}
		delete(s.paused, rule)
		s.awake[rule] = true
		// The answer to an offer is about the order that was lost, and must not
		// let go of one that the rule has booked since.
		if a := s.last[rule]; a != nil && (e.Attempt == "" || e.Attempt == a.ID) {
			delete(s.last, rule)
		}
		return nil
	case QuestionOpened, AnswerUsed:
		return nil // an answer that a crash finds written was sent, or never will be
	case HeldElsewhere:
		if e.Order != nil {
			s.foreign[e.Order.Number] = e.At
		}
		return nil
	case OtherAccount:
		s.changeAccount(e)
		return nil
	case Renamed:
		s.rename(e.Before, e.Rule)
		return nil
	}
	a := s.byID[e.Attempt]
	if a == nil {
		return fmt.Errorf("%s of an attempt that never began (%s)", e.Kind, e.Attempt)
	}
	switch e.Kind {
	case Confirming:
		a.State = StateConfirm
		if a.Intent.IsZero() {
			a.Intent = e.At
		}
		s.last[a.Rule] = a
	case Unsent, Doubt:
		// The intent stands: whatever follows has to settle it.
	case Queued:
		a.State = StateQueued
	case Numbered:
		a.State = StateQueued
		if e.Order != nil {
			a.Number = e.Order.Number
		}
	case Booked:
		a.State, a.Order, a.Ended = StateBooked, e.Order, e.At
		if e.Order != nil {
			a.Number = e.Order.Number
		}
		s.last[a.Rule] = a
	case Failed:
		a.State, a.Why, a.Cause, a.Ended = StateFailed, e.Why, e.Cause, e.At
		if e.Cause == string(twelve306.Refused) {
			s.refused = e.At
		}
	case Paid:
		a.State = StatePaid
	case Expired:
		a.State = StateExpired
	case Cancelled:
		a.State = StateCancelled
	case Reminded:
		a.told[e.Step] = true
	case Seen:
		a.seen = true
	case Declined:
		a.left = true
	default:
		return fmt.Errorf("an event of the unknown kind %q; was this journal written by a newer watcherd?", e.Kind)
	}
	return nil
}

// rename lets a rule go on under another name that no rule had. Its attempts
// are copied: somebody may be at work with one and read its rule without a lock.
func (s *State) rename(from, to string) {
	last := s.last[from]
	delete(s.last, from)
	for i, a := range s.Attempts {
		if a.Rule != from {
			continue
		}
		b := *a
		b.Rule = to
		s.Attempts[i], s.byID[b.ID] = &b, &b
		if a == last {
			s.last[to] = &b
		}
	}
	for _, set := range []map[string]bool{s.paused, s.awake} {
		if set[from] {
			set[to] = true
		}
		delete(set, from)
	}
}

// remembers reports whether a rule has a history that decides what it does.
func (s *State) remembers(rule string) bool { return s.Done(rule) || s.paused[rule] || s.awake[rule] }
