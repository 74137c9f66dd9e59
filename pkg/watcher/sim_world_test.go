package watcher

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// trouble is one kind of thing that goes wrong in a world.
type trouble string

// The kinds of trouble. A world has a random few of them, so that each also
// comes alone and with every other.
const (
	troubleFaults      trouble = "faults"       // single requests fail, in every way and with or without their effect
	troubleBursts      trouble = "bursts"       // runs of them
	troubleOutages     trouble = "outages"      // nothing can be reached, for minutes
	troubleThrottling  trouble = "throttling"   // 429, 403, 302
	troubleSessions    trouble = "sessions"     // 12306 forgets who is logged in, or what it offered
	troubleQueues      trouble = "queues"       // long queues, and queues that end badly
	troubleForeign     trouble = "foreign"      // orders that are not watcherd's
	troubleHands       trouble = "hands"        // orders paid, cancelled or left to expire by their owner
	troubleRequestKill trouble = "request kill" // kill -9 at a request, before or after its effect
	troubleCommitKill  trouble = "commit kill"  // kill -9 in a write to the disk
	troubleRestarts    trouble = "restarts"     // clean stops
	troubleReloads     trouble = "reloads"      // rules added, changed, removed
	troubleDisk        trouble = "disk"         // it is full for a while
	troubleChannels    trouble = "channels"     // they fail, or are slow
	troublePerson      trouble = "person"       // wrong, late, never, another, cancel, no
)

var troubles = []trouble{troubleFaults, troubleBursts, troubleOutages, troubleThrottling, troubleSessions, troubleQueues, troubleForeign, troubleHands, troubleRequestKill, troubleCommitKill, troubleRestarts,
	troubleReloads, troubleDisk, troubleChannels, troublePerson}

// world is what a seed makes: a site, rules, channels, a person, and what
// happens to them.
type world struct {
	seed   uint64
	s      *scene
	set    setup
	has    map[trouble]bool
	span   time.Duration // of the trouble
	gap    time.Duration // between looks
	rng    *rand.Rand    // of the driver alone
	rules  []Rule
	named  int  // rules that were ever made
	limits bool // 12306 counts the orders that were given back
	two    bool
	hears  bool // the second channel can be answered on

	troubled
	story []string
}

// stream returns the random numbers of one concern. Each has its own, so that
// one question more does not change when the next kill comes.
func (w *world) stream(of string, n int) *rand.Rand {
	h := uint64(14695981039346656037)
	for _, b := range []byte(of) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return rand.New(rand.NewPCG(w.seed, h+uint64(n)))
}

// jitter is the product's randomness: a number that depends on the moment
// alone, whichever goroutine asks first.
func (w *world) jitter(n int64) int64 {
	return rand.New(rand.NewPCG(w.seed, uint64(time.Now().UnixNano()))).Int64N(n)
}

// in reports, n times in m, true.
func in(r *rand.Rand, n, m int) bool { return r.IntN(m) < n }

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// between picks a duration.
func between(r *rand.Rand, from, to time.Duration) time.Duration {
	return from + time.Duration(r.Int64N(int64(to-from)+1))
}

// simTrains are what runs on each of simDays.
var simTrains = []railsim.Train{
	{Code: "G1110", No: "6i000G111000", From: "IZQ", To: "WHN", Depart: "09:30", Arrive: "13:30"},
	{Code: "G1112", No: "6i000G111200", From: "IZQ", To: "WHN", Depart: "12:00", Arrive: "16:05"},
	{Code: "D920", No: "6i0000D92000", From: "IZQ", To: "HKN", Depart: "17:00", Arrive: "22:40"},
	{Code: "K528", No: "6i0000K52800", From: "IZQ", To: "WHN", Depart: "20:10", Arrive: "08:20"},
}

const simDays = 3

func seatsOf(code string) []string {
	if strings.HasPrefix(code, "K") {
		return []string{"4", "3", "1"}
	}
	return []string{"O", "M", "9"}
}

// simPeople are saved in the account, after its owner.
var simPeople = []railsim.Passenger{
	{Name: "张三", IDNo: "110101199001010014", Mobile: "13800000000"},
	{Name: "李四", IDNo: "110101196301010011", Mobile: "13900000000"},
	{Name: "王芳", IDNo: "110101199203040025", Mobile: "13700000000"},
}

func newWorld(seed uint64) *world {
	w := &world{seed: seed, has: map[trouble]bool{}}
	r := w.stream("world", 0)
	w.rng = w.stream("driver", 0)
	few := pick(r, 1, 2, 4, 8, len(troubles))
	for _, i := range r.Perm(len(troubles))[:few] {
		w.has[troubles[i]] = true
	}
	w.span = between(r, 2*time.Hour, pick(r, 3*time.Hour, 3*time.Hour, 4*time.Hour, 12*time.Hour))
	w.gap = pick(r, 20*time.Second, time.Minute, 2*time.Minute, 5*time.Minute, 5*time.Minute)
	if in(r, 1, 20) {
		w.gap = 5 * time.Second
	}
	if w.gap < time.Minute { // many looks are dear: the short gap goes with the short day
		w.span = between(r, time.Hour, 2*time.Hour)
	}
	account := railsim.DefaultAccount()
	account.Passengers = simPeople
	w.set.random = w.jitter
	w.set.sim = railsim.Options{Seed: seed + 1, Calm: in(r, 1, 2), NoGuard: in(r, 1, 2), RTT: pick(r, 0, 50*time.Millisecond, 300*time.Millisecond)}
	w.set.session = pick(r, "keep", "keep", "keep", "on_seats", "on_seats", "none")
	w.set.mode = pick(r, twelve306.LoginCaptcha, twelve306.LoginAuto)
	if in(r, 1, 2) {
		w.set.sim.Era = railsim.Present
		w.set.mode = pick(r, twelve306.LoginSMS, twelve306.LoginQR, twelve306.LoginAuto)
		account.VerifyCode = pick(r, "0", "1", "3", "3")
		if w.set.mode == twelve306.LoginSMS {
			account.VerifyCode = "3"
		}
	}
	w.set.sim.Accounts = []railsim.Account{account}
	w.limits = in(r, 1, 10)
	w.two = in(r, 1, 2)
	w.hears = in(r, 1, 2)
	for range 1 + r.IntN(6) {
		w.rules = append(w.rules, w.rule(r))
	}
	w.set.rules = slices.Clone(w.rules)
	w.set.change = w.options
	w.set.excuses = 20
	w.set.excuse = w.excuses()
	w.set.forgets = w.has[troubleDisk] && (w.has[troubleRequestKill] || w.has[troubleCommitKill] || w.has[troubleRestarts])
	return w
}

// rule makes one more rule.
func (w *world) rule(r *rand.Rand) Rule {
	w.named++
	name := fmt.Sprintf("规则%d", w.named)
	rule := homeRule(func(x *Rule) {
		x.Name, x.Dates, x.Trains, x.Seats, x.Passengers = name, nil, TrainPatterns{}, nil, nil
		x.Schedule = every{"@every " + w.gap.String(), w.gap, twelve306.Shanghai()}
	})
	for d := range simDays {
		if in(r, 1, 2) {
			rule.Dates = append(rule.Dates, day.AddDays(d))
		}
	}
	if rule.Dates == nil {
		rule.Dates = []twelve306.Date{day}
	}
	if in(r, 1, 4) {
		rule.To = append(rule.To, hankou)
	}
	var trains []string
	for _, i := range r.Perm(len(simTrains))[:r.IntN(len(simTrains)+1)] {
		trains = append(trains, simTrains[i].Code)
	}
	if trains != nil {
		rule.Trains, _ = ParseTrains(append(trains, "G111*"))
	}
	rule.Seats = pick(r, DefaultSeats(), []twelve306.Seat{twelve306.SecondClass}, []twelve306.Seat{twelve306.FirstClass, twelve306.SecondClass})
	rule.Action = pick(r, ActionBook, ActionBook, ActionBook, ActionAsk, ActionNotify)
	if w.set.session == "none" {
		rule.Action = ActionNotify
	}
	for _, i := range r.Perm(len(simPeople))[:pick(r, 1, 1, 2, 3)] {
		rule.Passengers = append(rule.Passengers, simPeople[i].Name)
	}
	rule.Partial = in(r, 1, 3)
	return rule
}

// String names what the seed made.
func (w *world) String() string {
	var has []string
	for _, t := range troubles {
		if w.has[t] {
			has = append(has, string(t))
		}
	}
	o := w.set.sim
	return fmt.Sprintf("seed %d: %v, looks %v apart, %d rules, era %q, login %q, session %s, calm %v, guard %v, rtt %v, channels %v/%v; trouble: %s",
		w.seed, w.span.Round(time.Minute), w.gap, len(w.set.rules), o.Era, w.set.mode, w.set.session, o.Calm, !o.NoGuard, o.RTT, w.two, w.hears, strings.Join(has, ", "))
}

// excuses are what a failure makes a browser do as well.
func (w *world) excuses() []string {
	// A look that is turned away is tried once more without a gap, and where
	// requests take time, the first opens a connection and the next has one.
	out := []string{"a query "}
	if w.set.sim.RTT > 0 {
		w.set.excuses = 200
		out = append(out, "queryOrderWaitTime 4.", "81 requests in 5 minutes")
	}
	if w.has[troubleFaults] || w.has[troubleBursts] || w.has[troubleOutages] {
		// A step that looked like a success and was none, and what follows on it.
		out = append(out, "before initNoComplete was opened", "initDc without submitOrderRequest", "missing cookie",
			"getMessageCode without checkLoginVerify", "uamauthclient without login/userLogin",
			"queryOrderWaitTime 0s after the last one", // net/http repeats a GET by itself
			"submitOrderRequest without checkUser")
	}
	if len(out) > 1 || w.has[troubleSessions] || w.has[troubleRequestKill] || w.has[troubleCommitKill] {
		// What 12306 forgot, or the life that was killed.
		out = append(out, "web/login without checkLoginVerify", "but no code was sent", "the tk cookie is not that of the login")
	}
	if w.has[troubleRequestKill] || w.has[troubleCommitKill] {
		// A code that an earlier life had sent: 12306 says so, and it still counts.
		out = append(out, "a second code within")
	}
	return out
}
