package watcher

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
)

// account owns everything that is done in the name of the 12306 account. One
// goroutine runs it, so a login, an attempt, a recovery and a look at a held
// order can never overlap: 12306 allows one unfinished order at a time.
type account struct {
	w   *Watcher
	log *zap.Logger

	loginAfter time.Time       // no login by itself before this
	appeared   int             // of the rules that book, when the last login was given up
	refused    bool            // the password was refused, or posted often enough: nothing is tried until it changes
	restTill   time.Time       // no attempt before this: 12306 was busy, or the network down
	failures   int             // attempts in a row that failed for such a reason
	tomorrow   time.Time       // 12306 takes no order of this account before this
	foreign    string          // number of an unfinished order that is not ours
	looked     time.Time       // when 12306 was last asked what it holds
	read       time.Time       // when it last said so, readably
	gone       map[string]gone // by attempt
	proveAfter time.Time       // no keep-alive before this: the last one failed
	unwritable bool            // told that the state folder cannot be written
	loginTold  string          // what was told of the last login that failed; empty after one that did not
	lost       int             // logins in a row of which 12306 said nothing that can be read
	welcomed   bool            // a login of this life was told
	warmed     time.Time       // when the login was last made sure of before trains go on sale
	unanswered bool            // nobody answered the question of the last login
	who        string          // see [Options.who]
	cred       twelve306.Credentials
	hold       *hold     // of the attempt under way
	doubted    time.Time // when reconcile began
	urgent     *Attempt  // whose end is not known, and for which a login is wanted
}

func newAccount(w *Watcher) *account {
	return &account{w: w, log: w.log, read: time.Now(), gone: map[string]gone{}, tomorrow: w.nextDay(w.state.refused), who: w.opt.who(), cred: w.opt.Account.Credentials}
}

// of returns the account that goes on with the settings in force. What 12306
// asked of the same account, its pauses, still holds; but what nobody answered
// is asked again at once.
func (a *account) of(w *Watcher) *account {
	switch {
	case a == nil:
		return newAccount(w)
	case a.who != w.opt.who():
		n := newAccount(w)
		n.tomorrow = time.Time{} // it was the other one whose orders 12306 refused for the day
		return n
	}
	if a.unanswered {
		a.loginAfter = time.Time{}
	}
	if c := w.opt.Account.Credentials; c != a.cred { // what failed was with others
		a.cred, a.loginAfter, a.refused, a.loginTold, a.lost = c, time.Time{}, false, "", 0
	}
	return a
}

// nextDay is the midnight after at, by 12306's clock and calendar, whatever the
// timezone of the configuration.
func (w *Watcher) nextDay(at time.Time) time.Time {
	y, m, d := w.railway(at).In(twelve306.Shanghai()).Date()
	return w.local(time.Date(y, m, d+1, 0, 0, 0, 0, twelve306.Shanghai()))
}

// keepAliveAge is how old a proof of login may get: sessions die after about
// ten idle minutes.
const keepAliveAge = 4 * time.Minute

// run works until ctx ends. Whatever an earlier life left open is settled
// before anything new is ordered.
func (a *account) run(ctx context.Context) {
	a.refused = a.passwordRefused()
	if !a.refused && a.posts().enough() {
		a.tellEnough(errEnough)
	}
	a.w.comparePeople(false)
	a.w.mu.Lock()
	lost := a.w.state.Lost()
	a.w.mu.Unlock()
	for _, at := range lost {
		a.w.lookAgain(ctx, at)
	}
	defer a.w.work.pause()
	for ctx.Err() == nil {
		a.w.work.begin()
		a.w.settled()
		a.shows()
		if open := a.open(); open != nil {
			a.reconcile(ctx, open, doubt{})
			continue
		}
		a.work(ctx)
		a.shows()
		wait := time.NewTimer(time.Until(a.next()))
		a.w.work.pause()
		select {
		case <-ctx.Done():
		case <-a.w.seats:
		case <-wait.C:
		}
		wait.Stop()
	}
}

func (a *account) open() *Attempt {
	a.w.mu.Lock()
	defer a.w.mu.Unlock()
	return a.w.state.Open()
}

// work does what is due now.
func (a *account) work(ctx context.Context) {
	now := time.Now()
	if !a.w.open(now) {
		return
	}
	if (a.watches() || a.foreign != "") && now.Sub(a.looked) >= a.lookGap() {
		a.lookAtHeld(ctx)
		return
	}
	if rule, opens, due := a.opening(now); !due.After(now) {
		a.warm(ctx, rule, opens)
	}
	in, _ := a.w.client.LoggedIn()
	switch {
	case !in && !a.w.opt.Account.OnSeats && a.mayLogin(now, 0):
		a.login(ctx, "")
	case in && !now.Before(a.proveAfter) && now.Before(a.w.client.Pace().NotSooner()):
		// 12306 wants to be left alone. A proof of login is worth less than that:
		// the session may die of it, and is renewed or asked for after.
		a.proveAfter = a.w.client.Pace().NotSooner()
	case in && !now.Before(a.proveAfter):
		switch err := a.w.client.KeepAlive(ctx, keepAliveAge); {
		case twelve306.KindOf(err) == twelve306.Session:
			a.log.Info("12306 has ended the session")
			a.w.saveSession()
			return
		case err != nil:
			a.proveAfter = time.Now().Add(asAsked(err, time.Minute))
		}
	}
	if ctx.Err() == nil && !a.holds() && a.foreign == "" {
		if r, c, ok := a.choose(time.Now()); ok {
			a.attempt(ctx, r, c)
			return
		}
	}
	if in, _ := a.w.client.LoggedIn(); in && ctx.Err() == nil {
		if due := a.w.peopleDue(); !due.IsZero() && !due.After(time.Now()) {
			a.compare(ctx)
		}
	}
}

// next is when there will be something to do without being woken.
func (a *account) next() time.Time {
	now := time.Now()
	if !a.w.open(now) {
		return a.w.nextOpen(now)
	}
	at := now.Add(time.Minute)
	in, _ := a.w.client.LoggedIn()
	if in {
		// A little off the beat, so that many daemons do not ask together.
		due := a.w.client.Proven().Add(keepAliveAge + a.w.client.Pace().Jitter(20*time.Second))
		at = minTime(minTime(at, maxTime(due, a.proveAfter)), a.w.peopleDue())
	} else if !a.refused && !a.w.opt.Account.OnSeats {
		at = minTime(at, maxTime(a.loginAfter, now))
	}
	if a.watches() || a.foreign != "" {
		at = minTime(at, a.looked.Add(a.lookGap()))
	}
	_, _, due := a.opening(now)
	at = minTime(at, due)
	if a.restTill.After(now) {
		at = minTime(at, a.restTill)
	}
	if at.Before(now) {
		at = now
	}
	// Never a busy loop, whatever is due.
	return maxTime(at, now.Add(100*time.Millisecond))
}

func minTime(a, b time.Time) time.Time {
	if b.IsZero() || a.Before(b) {
		return a
	}
	return b
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// mayLogin reports whether a login may be tried now. appeared is how often
// seats have appeared for rules that book: when that is more than at the last
// login that was given up, it is tried at once.
func (a *account) mayLogin(now time.Time, appeared int) bool {
	return !a.refused && (!now.Before(a.loginAfter) || appeared > a.appeared)
}

// appearances counts the seats that appeared for rules that book.
func (a *account) appearances() int {
	a.w.mu.Lock()
	defer a.w.mu.Unlock()
	n := 0
	for _, r := range a.w.rules {
		if r.Action.Orders() {
			n += r.appeared
		}
	}
	return n
}

// login logs in if the session is dead and tells how it went. rule is the one
// that wants it, if any.
func (a *account) login(ctx context.Context, rule string) error {
	return a.loginBefore(ctx, rule, time.Time{})
}

// errRefusedBefore is the error of a login that is not tried.
var errRefusedBefore = errors.New("the password was refused before")

// loginBefore is login with the moment it is wanted for, if that is known.
func (a *account) loginBefore(ctx context.Context, rule string, opens time.Time) error {
	w := a.w
	if a.refused { // not even for an order that may be held: four misses lock the account
		return &twelve306.Error{Op: "login", Kind: twelve306.Password, Err: errRefusedBefore}
	}
	was, _ := w.client.LoggedIn()
	proven := w.client.Proven()
	w.client.OnPassword(a.posting)
	person := &solver{w: w, rule: rule, opens: opens, hold: a.hold, doubt: a.urgent, enough: func() bool { return a.posts().enough() }}
	err := w.client.Login(ctx, w.opt.Account.Credentials, person)
	asked := person.last != ""
	if err == nil {
		if now := w.client.Proven(); !was && !now.Equal(proven) {
			a.log.Info("logged in to 12306", zap.Stringer("user", w.opt.Account.Credentials))
			w.saveSession()
			a.rememberRefused(false)
			a.forgetPosts()
			w.comparePeople(false)
			// A session that was renewed without a word is no news.
			if asked || a.loginTold != "" || !a.welcomed {
				w.tell(w.say.loggedIn())
			}
			a.welcomed = true
		}
		a.loginAfter, a.refused, a.loginTold, a.lost = time.Time{}, false, "", 0
		return nil
	}
	if ctx.Err() != nil {
		return err
	}
	a.appeared, a.unanswered = a.appearances(), errors.Is(err, twelve306.ErrGaveUp)
	a.loginAfter = time.Now().Add(w.opt.Question.AskAgain)
	next := w.say.nextAsk(w.opt.Question.AskAgain)
	why := w.why(err)
	tell := why
	switch kind := twelve306.KindOf(err); kind {
	case twelve306.Password:
		a.refused = true
		a.rememberRefused(true)
		next = w.say.nextPassword()
		if e, ok := errors.AsType[*twelve306.Error](err); ok && twelve306.Classify(e.Msg) != kind {
			next = w.say.nextRefusal() // in words that are not known
		}
	case twelve306.Refused:
		next = w.say.nextPerson()
		if e, ok := errors.AsType[*twelve306.Error](err); ok && e.Op == "login" { // locked: each further post makes it longer
			a.refused = true
			a.rememberRefused(true)
			next = w.say.nextLocked()
		}
	case twelve306.Person:
		next = w.say.nextPerson()
	case twelve306.Network, twelve306.Busy, twelve306.Blocked:
		again := time.Minute
		if e, ok := errors.AsType[*twelve306.Error](err); asked || ok && e.Op == "login" {
			// Somebody was asked for nothing, or the password was posted: less and
			// less often, but when seats appear at once.
			again = w.opt.Question.AskAgain << min(a.lost, 3)
			a.lost++
		}
		a.loginAfter = time.Now().Add(asAsked(err, again))
		next = w.say.nextLogin()
		tell = "no reply" // whichever step it is that gets none
	}
	if _, full := errors.AsType[*unwritten](err); full {
		why, tell, next = w.say.cannotWrite(), "disk", ""
		a.loginAfter = time.Now().Add(time.Minute)
	}
	if errors.Is(err, twelve306.ErrGaveUp) {
		why, tell = gaveUp(err), ""
	}
	if !a.refused && a.posts().enough() {
		a.tellEnough(err)
		return err
	}
	again := zap.Time("again", a.loginAfter)
	if a.refused {
		again = zap.String("again", "when username or password change")
	}
	a.log.Warn("could not log in", zap.Error(err), again)
	if tell == "" || tell != a.loginTold { // the same trouble once, a question that nobody answered each time
		w.tell(w.say.loginFailed(why, next))
	}
	a.loginTold = tell
	return err
}

// gaveUp is the reason behind "no answer: reason".
func gaveUp(err error) string {
	const prefix = "no answer: "
	if s := err.Error(); len(s) > len(prefix) && s[:len(prefix)] == prefix {
		return s[len(prefix):]
	}
	return err.Error()
}

// choose picks what to book now: the best candidate of the first rule, in the
// order of the file, that has one.
func (a *account) choose(now time.Time) (*watched, Candidate, bool) {
	w := a.w
	if a.restTill.After(now) || a.tomorrow.After(now) {
		return nil, Candidate{}, false
	}
	a.tellGone(now)
	loggedIn, _ := w.client.LoggedIn()
	if !loggedIn && !a.mayLogin(now, a.appearances()) {
		return nil, Candidate{}, false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	today := twelve306.DateOf(now)
	for _, r := range w.rules {
		if !r.Action.Orders() || r.stopped != "" || !w.looks(r, today) || r.idleTill.After(now) && r.appeared == r.idleFrom {
			continue
		}
		var best *Candidate
		for c, at := range r.candidates {
			if now.Sub(at) <= foundFresh && r.bookable(c, now) && (best == nil || CompareCandidates(c, *best) < 0) {
				best = &c
			}
		}
		if best != nil {
			r.trying, r.tried = keyOf(*best), now
			return r, *best, true
		}
	}
	return nil, Candidate{}, false
}

// foundFresh is how old a look may be to be ordered from: secretStr lives for
// some minutes, seats for less.
const foundFresh = 2 * time.Minute

// bookable reports whether a candidate may be ordered: it does not rest, and
// where the user wants to be asked he said yes.
func (r *watched) bookable(c Candidate, now time.Time) bool {
	return !r.resting(c, now) && (r.Action == ActionBook || r.offered[keyOf(c)])
}

// offer asks the user whether the best seat of an ask rule shall be booked.
// Each seat is offered once for as long as it stays; one that rests is offered
// after that, so that a yes can be followed. It reports whether an offer is made
// now.
func (w *Watcher) offer(ctx context.Context, r *watched) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.asking || w.opt.Account == nil || w.state.Done(r.Name) {
		return false
	}
	var best *Candidate
	now := time.Now()
	for c := range r.candidates {
		if r.resting(c, now) {
			continue
		}
		if _, done := r.offered[keyOf(c)]; !done && (best == nil || CompareCandidates(c, *best) < 0) {
			best = &c
		}
	}
	if best == nil {
		return false
	}
	c := *best
	r.asking = true
	r.offered[keyOf(c)] = false
	w.side.Go(func() {
		yes := w.askOffer(ctx, w.say.offer(r.Rule, c), r.Name, nil)
		w.mu.Lock()
		r.asking = false
		switch {
		case yes:
			r.offered[keyOf(c)] = true
		case ctx.Err() != nil:
			delete(r.offered, keyOf(c)) // withdrawn, not declined
		}
		w.mu.Unlock()
		if yes {
			nudge(w.seats)
			w.follow(ctx, r, c)
		}
	})
	return true
}

// askOffer asks a yes-or-no question. No answer is no. What follows on the
// answer is written in one step with it; nothing follows when ctx ends first.
func (w *Watcher) askOffer(ctx context.Context, words notifier.Prompt, rule string, follows func(yes bool) []Event) bool {
	now := time.Now()
	p := notifier.Prompt{
		ID: notifier.NewID(), Kind: notifier.Offer, Lang: w.opt.Language, Rule: rule, Title: words.Title, Text: words.Text, How: words.How, To: w.askedOf(rule),
		AskedAt: now.In(w.opt.Location), Deadline: now.Add(w.opt.Question.Timeout).In(w.opt.Location),
	}
	if err := w.record(nil, Event{Kind: QuestionOpened, Rule: rule, Question: p.ID}); err != nil {
		w.log.Error("the offer cannot be written down, so it is not made", zap.Error(err))
		return false
	}
	r, err := w.ask(ctx, p)
	if ctx.Err() != nil {
		return false
	}
	var news []News
	var events []Event
	if err == nil {
		news = append(news, w.say.answered(p, r))
		events = append(events, Event{Kind: AnswerUsed, Rule: rule, Question: p.ID})
	}
	yes := err == nil && r.Action == notifier.Answered && r.Yes
	if follows != nil {
		events = append(events, follows(yes)...)
	}
	if err := w.record(news, events...); err != nil {
		w.log.Error("the answer cannot be written down, so it is not used", zap.Error(err))
		return false
	}
	return yes
}

func (s speaker) offer(r Rule, c Candidate) notifier.Prompt {
	n := notifier.Prompt{Rule: r.Name,
		Title: s.f("要抢吗？%s %s %s→%s %s", "Book it? %s %s %s to %s, %s", c.Train.Code(), s.short(c.Journey.Date),
			c.Journey.From.Name, c.Journey.To.Name, seatText(s.lang, c.Seat))}
	price := ""
	if tenths, ok := c.Train.Price(c.Seat); ok {
		price = s.f("每张 %s 元", "%s yuan each", yuan(tenths))
	}
	whose := ""
	if people := r.Passengers[:min(c.Take, len(r.Passengers))]; len(people) > 0 {
		whose = s.f("乘车人：%s", "For: %s", s.people(people))
	}
	n.Text = lines(
		s.f("%s %s → %s %s，%s %s", "%s %s to %s %s, %s: %s", c.Journey.From.Name, c.Train.Depart(), c.Journey.To.Name, c.Train.Arrive(),
			seatText(s.lang, c.Seat), s.left(c.Left)),
		price, whose,
		s.f("规则：%s", "Rule: %s", r.Name))
	n.How = s.f("回复 抢 或 不要。", "Reply yes or no.")
	return n
}
