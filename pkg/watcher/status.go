package watcher

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
)

// Status is what the daemon is doing: the document of `watcherd status --json`,
// but for what only the process knows of itself. Times are in the zone of the
// configuration.
type Status struct {
	Since      time.Time       `json:"since"`
	Rules      []RuleStatus    `json:"rules"`
	Question   *QuestionStatus `json:"question"` // the oldest that is open; null when none is
	Session    SessionStatus   `json:"session"`
	Orders     []OrderView     `json:"orders"` // newest first; those that hold or held a seat, or may
	Pace       PaceStatus      `json:"pace"`
	BlindSince *time.Time      `json:"blind_since"` // null while looks work
	obstacles  []string        // see [Watcher.Obstacles]
}

// Lost reports whether the rule has booked and lost it: its order has expired
// or was cancelled, and the user has not said that it shall look again.
func (s *Status) Lost(r RuleStatus) bool {
	if r.State != RuleDone {
		return false
	}
	for _, o := range s.Orders { // newest first
		if o.Rule == r.Name {
			return o.State == StateExpired || o.State == StateCancelled
		}
	}
	return false
}

// StateIn returns in words of l what a rule of the Status does.
func (s *Status) StateIn(r RuleStatus, l notifier.Lang) string {
	if s.Lost(r) {
		return l.Pick("订单没了", "order lost")
	}
	return r.State.In(l)
}

// LooksAgain reports whether the open question is about a lost order.
func (s *Status) LooksAgain() bool {
	return s.Question != nil && s.Question.Kind == notifier.Offer && slices.ContainsFunc(s.Rules, func(r RuleStatus) bool {
		return r.Name == s.Question.Rule && s.Lost(r)
	})
}

// RuleState says in one word what a rule does. The words are printed by
// status --json: never rename one.
type RuleState string

// The states of a rule.
const (
	RuleBooking  RuleState = "booking" // its order is on its way: sent, and neither held nor refused yet
	RuleLooking  RuleState = "looking"
	RuleWaiting  RuleState = "waiting"  // none of its days is on sale yet
	RuleTelling  RuleState = "telling"  // it books no more until it is edited, and tells
	RulePaused   RuleState = "paused"   // by hand
	RuleDone     RuleState = "done"     // it has booked
	RulePast     RuleState = "past"     // its days are over
	RuleDisabled RuleState = "disabled" // enabled: false
)

// ruleStates are all of them.
var ruleStates = [...]RuleState{RuleBooking, RuleLooking, RuleWaiting, RuleTelling, RulePaused, RuleDone, RulePast, RuleDisabled}

// In returns the state in words of l.
func (r RuleState) In(l notifier.Lang) string {
	switch r {
	case RuleBooking:
		return l.Pick("正在下单", "booking")
	case RuleLooking:
		return l.Pick("在盯", "looking")
	case RuleWaiting:
		return l.Pick("等开售", "not on sale yet")
	case RuleTelling:
		return l.Pick("只通知，不下单", "tells, books no more")
	case RulePaused:
		return l.Pick("已暂停", "paused")
	case RuleDone:
		return l.Pick("已抢到", "has booked")
	case RulePast:
		return l.Pick("日期已过", "its days are past")
	case RuleDisabled:
		return l.Pick("已停用", "disabled")
	}
	return string(r)
}

// RuleStatus is one rule.
type RuleStatus struct {
	Name       string        `json:"name"`
	State      RuleState     `json:"state"`
	LastLook   *time.Time    `json:"last_look"`   // null before the first
	NextLook   *time.Time    `json:"next_look"`   // null when none is planned
	LastResult string        `json:"last_result"` // of the last look, in words
	Query      []QueryStatus `json:"query"`       // what its looks ask for
	seats      bool          // the last looks found some
}

// QueryStatus is one query of a rule.
type QueryStatus struct {
	Date string `json:"date"`
	From string `json:"from"`
	To   string `json:"to"`
}

// QuestionStatus is an open question.
type QuestionStatus struct {
	ID        string        `json:"id"`
	Kind      notifier.Kind `json:"kind"`
	Rule      string        `json:"rule"`
	AskedAt   time.Time     `json:"asked_at"`
	ExpiresAt time.Time     `json:"expires_at"`
	Channels  []string      `json:"channels"` // where it can be answered
}

// SessionStatus is the session with 12306.
type SessionStatus struct {
	LoggedIn bool       `json:"logged_in"`
	Since    *time.Time `json:"since"` // null when not logged in
}

// PaceStatus is how much 12306 was asked.
type PaceStatus struct {
	MinIntervalMS int64 `json:"min_interval_ms"`
	Requests5M    int   `json:"requests_5m"`
	Budget5M      int   `json:"budget_5m"` // 0 = no limit
}

// Status says what the daemon is doing.
func (w *Watcher) Status() Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.overview()
	now := time.Now()
	today, slot := twelve306.DateOf(now), now.Add(w.client.Pace().NextLook())
	for _, r := range w.rules {
		s.Rules = append(s.Rules, w.ruleStatus(r, today, slot))
	}
	s.obstacles = w.obstacles(now)
	return s
}

// overview is the Status but for the rules. Callers hold w.mu.
func (w *Watcher) overview() Status {
	in, since := w.client.LoggedIn()
	pace := w.client.Pace().Stats()
	s := Status{
		Since: w.second(w.since), Rules: make([]RuleStatus, 0, len(w.rules)), Orders: []OrderView{},
		Session: SessionStatus{LoggedIn: in}, Pace: PaceStatus{pace.MinInterval.Milliseconds(), pace.Requests, pace.Budget},
	}
	if in {
		s.Session.Since = w.moment(since)
	}
	if w.sight.blind {
		s.BlindSince = w.moment(w.sight.since())
	}
	if len(w.pending) > 0 {
		p := w.pending[0]
		s.Question = &QuestionStatus{p.ID, p.Kind, p.Rule, w.second(p.AskedAt), w.second(p.Deadline), []string{}}
		for _, c := range w.opt.Channels {
			if hears(c) && (len(p.To) == 0 || slices.Contains(p.To, c.Name)) {
				s.Question.Channels = append(s.Question.Channels, c.Name)
			}
		}
	}
	for _, v := range w.state.Orders(w.opt.Location) {
		if v.State != StateFailed {
			s.Orders = append(s.Orders, v)
		}
	}
	return s
}

// Foremost returns the n rules that most want to be seen, and how many there are
// besides: first what books no more, then what has found seats, then what looks.
// When there are no more than n it is all of them as they are in the file.
func (s *Status) Foremost(n int) (rules []RuleStatus, more int) {
	if len(s.Rules) <= n {
		return s.Rules, 0
	}
	rank := func(r *RuleStatus) int {
		switch {
		case r.State == RuleTelling:
			return 0
		case r.State == RuleLooking && r.seats:
			return 1
		}
		return 2 + slices.Index(ruleStates[:], r.State)
	}
	var ranks [2 + len(ruleStates)][]int
	for i := range s.Rules {
		at := rank(&s.Rules[i])
		ranks[at] = append(ranks[at], i)
	}
	for _, i := range slices.Concat(ranks[:]...)[:n] {
		rules = append(rules, s.Rules[i])
	}
	return rules, len(s.Rules) - n
}

// result says in words what a look found: how many trains there are, and the
// best that satisfies the rule.
func (s speaker) result(trains int, best Candidate) string {
	return s.f("%s 趟车，最好的：%s %s %s", "%s, the best: %s, %s, %s", s.lang.Count(trains, "train", "trains"), best.Train.Code(), seatText(s.lang, best.Seat), s.left(best.Left))
}

// noResult is result when nothing satisfies the rule.
func (s speaker) noResult(trains int) string {
	return s.f("%s 趟车，没有合适的票", "%s, no seat that fits", s.lang.Count(trains, "train", "trains"))
}

// ruleStatus is one rule of the Status; no look comes before slot, when the
// pace has its next turn. Callers hold w.mu.
func (w *Watcher) ruleStatus(r *watched, today twelve306.Date, slot time.Time) RuleStatus {
	rs := RuleStatus{Name: r.Name, State: w.stateOf(r, today), LastLook: w.moment(r.lastLook), LastResult: r.result, Query: []QueryStatus{},
		seats: slices.ContainsFunc(r.found, func(f finding) bool { return len(f.hits) > 0 })}
	if rs.State == RuleLooking || rs.State == RuleTelling {
		if next := r.nextLook(); !next.IsZero() {
			rs.NextLook = w.moment(maxTime(next, slot))
		}
	}
	for _, j := range r.Journeys() {
		if !j.Date.Before(today) {
			rs.Query = append(rs.Query, QueryStatus{j.Date.String(), j.From.Name, j.To.Name})
		}
	}
	return rs
}

// second is a moment as other programs are told it: in the zone of the
// configuration, in whole seconds.
func (w *Watcher) second(t time.Time) time.Time { return t.In(w.opt.Location).Truncate(time.Second) }

// moment is second; nil for the zero Time.
func (w *Watcher) moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = w.second(t)
	return &t
}

// stateOf says what a rule does. Callers hold w.mu.
func (w *Watcher) stateOf(r *watched, today twelve306.Date) RuleState {
	switch {
	case !r.Enabled:
		return RuleDisabled
	case r.Action.Orders() && w.state.Booking(r.Name):
		return RuleBooking
	case r.Action.Orders() && w.state.Done(r.Name):
		return RuleDone
	case r.AllPast(today):
		return RulePast
	case w.state.Paused(r.Name):
		return RulePaused
	case r.stopped != "":
		return RuleTelling
	}
	for _, d := range r.Dates {
		if !d.Before(today) && w.client.OnSale(d) {
			return RuleLooking
		}
	}
	return RuleWaiting
}

// Line says in one line what the daemon is doing, for systemctl status.
func (w *Watcher) Line() string {
	rules, looking := w.counts()
	w.mu.Lock()
	defer w.mu.Unlock()
	in, _ := w.client.LoggedIn()
	var next time.Time
	for _, r := range w.rules {
		if at := r.nextLook(); !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	line := fmt.Sprintf("%d of %d rules looking", looking, rules)
	if !next.IsZero() {
		line += ", next look " + maxTime(next, time.Now().Add(w.client.Pace().NextLook())).In(w.opt.Location).Format(time.TimeOnly)
	}
	switch {
	case w.sight.blind:
		line += ", BLIND since " + w.sight.since().In(w.opt.Location).Format(time.TimeOnly)
	case w.opt.Account == nil:
		line += ", no account"
	case in:
		line += ", session ok"
	default:
		line += ", not logged in"
	}
	if len(w.pending) > 0 {
		line += ", waiting for your answer"
	}
	if held := w.state.Held(); len(held) > 0 {
		line += ", order " + held[0].Number + " waits for payment"
	}
	return line
}

// Alive reports whether the loop that looks still turns, and whether the account
// still works at what it works at: what feeds the watchdog. A loop that waits for
// its next look, or for 12306 to come back, is alive; one that is stuck within a
// look is not.
func (w *Watcher) Alive(now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.looking.IsZero() && now.Sub(w.looking) >= stuck {
		return false
	}
	// A question waits for a person, and a pause is one that 12306 asked for, an
	// hour at most, or that of ask_again.
	return len(w.pending) > 0 || w.work.silent(now) < max(time.Hour, w.opt.Question.AskAgain)+stuck
}

// stuck is longer than one look can take: its turn in the pace (five minutes
// when the budget is spent) and its requests.
const stuck = 10 * time.Minute

// signs are those that the goroutine of the account gives of its life: it begins
// its round, a request of it leaves, a question of it ends. It may rightly be at
// one thing for hours, a queue or a doubt, but not without any of these.
type signs struct {
	born time.Time
	busy atomic.Bool  // else it waits for what is due
	last atomic.Int64 // nanoseconds after born
}

func (s *signs) begin() { s.sign(); s.busy.Store(true) }
func (s *signs) pause() { s.busy.Store(false) }
func (s *signs) sign()  { s.last.Store(int64(time.Since(s.born))) }

// silent is how long it has been at work without a sign.
func (s *signs) silent(now time.Time) time.Duration {
	if !s.busy.Load() {
		return 0
	}
	return now.Sub(s.born) - time.Duration(s.last.Load())
}
