package watcher

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher/internal/store"
)

// Options is everything a Watcher is made of.
type Options struct {
	Dir      string // the state folder
	Rules    []Rule
	Account  *Account // nil: rules can only tell
	Channels []notifier.Channel
	Link     func(*notifier.Prompt) string // the answer page's link; nil without one
	Near     string                        // the channel behind Link, when its links lead to this machine only

	// StatusLink is where a phone can look up the [Watcher.Board], SeenLink
	// where it can say that its user has seen the message of that Seen. They
	// return nothing as long as there is no such place; nil is the same.
	StatusLink func() string
	SeenLink   func(seen string) string

	// Client makes the client from the session that an earlier life saved (nil
	// when there is none, or when it could not be used).
	Client func(saved []byte) (*twelve306.Client, error)
	Site   string // where 12306 is: a session belongs to it

	// Hear runs what the channels need to hear their user, for as long as they
	// are in use; nil when somebody else does.
	Hear func(context.Context) (stop func())

	Language notifier.Lang
	Location *time.Location
	Hours    Window // service_hours
	Question QuestionOptions
	Digest   Clock // when the daily digest is told; zero = never
	Quick    bool  // a loopback simulator: the gaps between looks at a held or doubtful order are short
	Log      *zap.Logger
}

// Account is who books.
type Account struct {
	Credentials twelve306.Credentials
	OnSeats     bool // session: on_seats; log in only when seats appear
}

// QuestionOptions is the question: section of watch.yaml.
type QuestionOptions struct {
	Timeout  time.Duration // how long one question waits
	Attempts int           // wrong answers before giving up
	AskAgain time.Duration // when an unanswered login question is asked again
}

// Watcher is the daemon: it looks, tells, and books. Open makes it, Run runs
// it until its context ends.
//
// Four kinds of goroutine work for Run. One looks (plan.go, poll.go). One owns the
// account: logins, attempts, recovery and the watch over held orders follow
// each other there and never overlap (account.go). One reminds of what must be
// paid, whatever the account waits for (remind.go). One per channel tells
// (tell.go). What they share is below mu.
type Watcher struct {
	opt    Options
	log    *zap.Logger
	say    speaker
	store  *store.Store
	client *twelve306.Client
	fan    *notifier.Fanout
	marks  *store.Marks
	since  time.Time
	copies *captures // of what 12306 said and nobody understood
	meter  *meter

	replan chan struct{}            // the plan of looks changed
	seats  chan struct{}            // there may be something to book
	unkept chan struct{}            // something is in memory only
	unpaid chan struct{}            // there may be an order to remind of
	posts  map[string]chan struct{} // by channel: something to tell
	renew  chan struct{}            // next waits
	turn   turn                     // the account's, while an attempt must not be interrupted

	side sync.WaitGroup // offers

	work signs // of the account's goroutine

	account *account // of the settings in force; nil before Run
	diary   diary    // of the loop that looks

	mu      sync.Mutex
	state   *State
	next    *Change // takes the place of opt as soon as no attempt is in progress
	later   *Change // brings another account, as soon as nothing is open on this one
	rules   []*watched
	byName  map[string]*watched
	edition uint64  // counts what may change who looks: reloads and events
	planner planner // what there is to ask
	offBy   bool    // it was logged that this machine's clock is wrong
	sight   sight
	looking time.Time         // when the look that is under way began; zero between looks
	pending []notifier.Prompt // open questions
	unsaved []store.Record    // events in memory only: the disk was full
	untold  []*store.Outgoing // messages in memory only, until they are told or written

	hindered hindrance // what keeps the account from ordering
	peopleAt time.Time // when the passengers are to be compared with the account; zero: they need not
}

// Open takes the lock on the state folder, reads its journal, and restores the
// session. The error is a *store.Locked when another daemon has the folder.
func Open(opt Options) (*Watcher, error) {
	s, err := store.Open(opt.Dir)
	if err != nil {
		return nil, err
	}
	w, err := open(opt, s)
	if err != nil {
		s.Close()
		return nil, err
	}
	return w, nil
}

func open(opt Options, s *store.Store) (*Watcher, error) {
	if opt.Log == nil {
		opt.Log = zap.NewNop()
	}
	w := &Watcher{
		log: opt.Log, store: s, state: NewState(), byName: map[string]*watched{},
		replan: make(chan struct{}, 1), seats: make(chan struct{}, 1), unkept: make(chan struct{}, 1), unpaid: make(chan struct{}, 1),
		renew: make(chan struct{}, 1), turn: make(turn, 1),
		copies: &captures{dir: opt.Dir, log: opt.Log}, meter: newMeter(), work: signs{born: time.Now()},
	}
	if err := w.replay(); err != nil {
		return nil, fmt.Errorf("state folder %s: %w", opt.Dir, err)
	}
	if err := w.equip(opt); err != nil {
		return nil, err
	}
	w.setRules(opt.Rules)
	return w, nil
}

// equip takes up options, all but their rules: at Open, and when they change.
// When it fails the old ones are in force.
func (w *Watcher) equip(opt Options) error {
	saved, err := w.session(opt)
	if err != nil {
		return err
	}
	client, err := opt.Client(saved)
	if err != nil && saved != nil {
		w.log.Warn("the saved session cannot be used; starting with a new one", zap.Error(err))
		client, err = opt.Client(nil)
	}
	if err != nil {
		return err
	}
	client.OnOdd(w.copies.odd)
	if a := opt.Account; a != nil {
		w.copies.keeps(a.Credentials.Username, a.Credentials.Password)
	}
	posts, names := map[string]chan struct{}{}, make([]string, 0, len(opt.Channels))
	for _, c := range opt.Channels {
		posts[c.Name] = make(chan struct{}, 1)
		names = append(names, c.Name)
	}
	if err := w.readdress(opt.Channels); err != nil {
		return err
	}
	if err := w.store.DropOther(names); err != nil {
		return err
	}
	if err := w.rememberPace(opt.Dir, client); err != nil {
		return err
	}
	opt.Rules = nil // setRules has copies; there may be ten thousand
	w.mu.Lock()
	defer w.mu.Unlock()
	w.opt, w.say, w.client, w.posts = opt, speaker{opt.Language, opt.Location}, client, posts
	w.fan = &notifier.Fanout{Channels: opt.Channels, Link: opt.Link, Near: opt.Near}
	return nil
}

// replay folds the journal and drops from it what nobody will ask for again.
func (w *Watcher) replay() error {
	old := newOldEvents(time.Now())
	if err := w.store.Events(func(r store.Record) error {
		e, err := readEvent(r)
		if err != nil {
			return err
		}
		old.add(r.Seq, e)
		return w.state.Fold(e)
	}); err != nil {
		return err
	}
	w.state.prune(time.Now())
	w.drop(old)
	return nil
}

// oldEvents are those that may be dropped from the journal: old questions, and
// old attempts that never came to a confirm or that failed long ago.
type oldEvents struct {
	limit  time.Time
	list   []oldEvent
	recent map[string]bool // by attempt
}

type oldEvent struct {
	seq     int64
	attempt string
}

func newOldEvents(now time.Time) *oldEvents {
	return &oldEvents{limit: now.Add(-trivialAge), recent: map[string]bool{}}
}

func (o *oldEvents) add(seq int64, e Event) {
	switch {
	case !e.At.Before(o.limit):
		o.recent[e.Attempt] = e.Attempt != ""
	case e.Kind != HeldElsewhere && e.Kind != OtherAccount && e.Kind != Paused && e.Kind != Resumed && e.Kind != Renamed:
		o.list = append(o.list, oldEvent{seq, e.Attempt})
	}
}

// drop drops from the journal what the state does not remember.
func (w *Watcher) drop(old *oldEvents) {
	var drop []int64
	w.mu.Lock()
	for _, t := range old.list {
		// All of an attempt or nothing: what is left must not speak of an attempt
		// that never began.
		if w.state.byID[t.attempt] == nil && !old.recent[t.attempt] {
			drop = append(drop, t.seq)
		}
	}
	w.mu.Unlock()
	if err := w.store.Forget(drop); err != nil {
		w.log.Warn("old entries of the journal could not be dropped", zap.Error(err)) // a full disk: there is more room for it tomorrow
	}
}

// forgetOld is what replay drops, for a daemon that runs for weeks.
func (w *Watcher) forgetOld() {
	old := newOldEvents(time.Now())
	if err := w.store.Events(func(r store.Record) error {
		e, err := readEvent(r)
		if err == nil {
			old.add(r.Seq, e)
		}
		return err
	}); err != nil {
		w.log.Warn("the journal cannot be read", zap.Error(err))
		return
	}
	w.drop(old)
}

// trivialAge is how long the journal keeps what has led to nothing.
const trivialAge = 7 * 24 * time.Hour

// sessionValue is the name under which the session is stored.
const sessionValue = "session"

// Close gives the state folder back. Run must have returned.
func (w *Watcher) Close() error {
	w.client.Close()
	return errors.Join(w.marks.Close(), w.store.Close())
}

// rememberPace lets the pace of a client go on where that of an earlier one
// stopped.
func (w *Watcher) rememberPace(dir string, client *twelve306.Client) error {
	marks, sent, err := store.OpenMarks(dir)
	if err != nil {
		return err
	}
	if w.marks != nil {
		if err := w.marks.Close(); err != nil {
			w.log.Warn("the pace file could not be closed", zap.Error(err))
		}
	}
	w.marks = marks
	var past []twelve306.Mark
	for _, m := range sent {
		past = append(past, twelve306.Mark{At: m.At, Look: m.Kind == 'l', Poll: m.Kind == 'p'})
	}
	client.Pace().Remember(past, func(m twelve306.Mark) {
		kind := byte('o')
		switch {
		case m.Look:
			kind = 'l'
		case m.Poll:
			kind = 'p'
		}
		// A mark that is not written only shortens what the next life knows.
		_ = marks.Add(store.Mark{At: m.At, Kind: kind})
		if !m.Look {
			w.work.sign()
		}
	})
	// What 12306 asked for holds for the next life, and for the next settings.
	s := marks.Slowed()
	client.Pace().RememberSlow(twelve306.Slowness{Factor: s.Factor, Base: s.Base, At: s.At, NotSooner: s.NotSooner}, func(s twelve306.Slowness) {
		_ = marks.Slow(store.Slow{Factor: s.Factor, Base: s.Base, At: s.At, NotSooner: s.NotSooner})
	})
	return nil
}

// Run works until ctx ends, then stops in order within ten seconds: a confirm
// that is on its way gets its reply, what is known is written down, and the
// last news are told.
func (w *Watcher) Run(ctx context.Context) error {
	w.mu.Lock() // somebody may ask for the status already
	w.since = time.Now()
	w.mu.Unlock()
	w.tell(w.say.started(w.counts()))
	w.tellStrangers()
	for w.live(ctx) {
		w.change()
	}
	return nil
}

// lastWords tells that the daemon stops.
func (w *Watcher) lastWords() {
	w.mu.Lock()
	held := w.state.Held()
	w.mu.Unlock()
	var unpaid *HeldOrder
	if len(held) > 0 {
		unpaid = held[0].Order
	}
	w.tell(w.say.stopping(unpaid, time.Now()))
}

// startTelling starts the tellers. They outlive ctx, so that the last news can
// be told; stop ends them.
func (w *Watcher) startTelling(ctx context.Context) (stop func()) {
	telling, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var tellers sync.WaitGroup
	for _, c := range w.opt.Channels {
		tellers.Go(func() { w.deliver(telling, c) })
		if s, ok := c.Notifier.(notifier.Seer); ok {
			tellers.Go(func() { w.hearSeen(telling, s) })
		}
		if m, ok := c.Notifier.(notifier.Commander); ok {
			tellers.Go(func() { w.hearCommands(telling, m) })
		}
	}
	return func() { cancel(); tellers.Wait() }
}

// Login logs in now, whatever session is configured, and keeps the session for
// the next Run; it takes Run's place. It tries a password that was refused
// before, or posted often enough: the user asks for it. It returns the names of the passengers that
// the account has saved.
func (w *Watcher) Login(ctx context.Context) (passengers []string, err error) {
	w.since = time.Now()
	defer w.startTelling(ctx)()
	defer w.flush(stopGrace(w.since.Add(stopTime)))
	a := newAccount(w)
	a.forgetPosts()
	if err := a.login(ctx, ""); err != nil {
		w.closeQuestions(stopGrace(time.Now().Add(stopTime)))
		return nil, err
	}
	w.closeQuestions(stopGrace(time.Now().Add(stopTime)))
	passengers, err = w.client.Passengers(ctx)
	w.saveSession()
	return passengers, err
}

// stopTime is how long a stop may take, but for what cannot be left undone.
const stopTime = 8500 * time.Millisecond

// stopGrace is how long the last questions and the last news may each take at a
// stop that is to be over at end. What has not arrived by then is told after
// the next start.
func stopGrace(end time.Time) time.Duration {
	return min(max(time.Until(end), 200*time.Millisecond), 3*time.Second)
}

// record writes events and the news of them in one durable step and folds
// them. When it fails nothing has happened.
func (w *Watcher) record(news []News, events ...Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.recordHeld(news, events)
}

// recordHeld is record for callers that hold w.mu.
func (w *Watcher) recordHeld(news []News, events []Event) error {
	if err := w.writeUnsaved(); err != nil {
		return err
	}
	records, out := w.encode(news, events)
	if err := w.store.Append(records, out); err != nil {
		return err
	}
	w.fold(events)
	w.posted(out)
	return nil
}

// recordAlways is record for what has already happened at 12306: when the disk
// refuses it, it is kept in memory, told from there, and written later.
func (w *Watcher) recordAlways(news []News, events ...Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.recordAlwaysHeld(news, events)
}

// recordAlwaysHeld is recordAlways for callers that hold w.mu.
func (w *Watcher) recordAlwaysHeld(news []News, events []Event) {
	err := w.recordHeld(news, events)
	if err == nil {
		return
	}
	w.log.Error("the state folder cannot be written; going on in memory", zap.Error(err))
	records, out := w.encode(news, events)
	w.unsaved = append(w.unsaved, records...)
	for i := range out {
		w.untold = append(w.untold, &out[i])
	}
	w.untold = w.untold[max(0, len(w.untold)-mostUntold):]
	w.fold(events)
	w.posted(out)
	nudge(w.unkept)
}

// writeLater writes down what is in memory only, as soon as the disk takes it,
// and drops from the journal once a day what nobody will ask for again.
func (w *Watcher) writeLater(ctx context.Context) {
	daily := time.NewTicker(24 * time.Hour)
	defer daily.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-daily.C:
			w.forgetOld()
			continue
		case <-w.unkept:
		}
		for w.record(nil) != nil {
			if sleep(ctx, writeAgain) != nil {
				return
			}
		}
		w.log.Info("the state folder can be written again; nothing was lost")
	}
}

// writeAgain is how often a disk that was full is tried.
const writeAgain = 15 * time.Second

// mostUntold bounds the messages in memory, for a disk that is full for weeks.
const mostUntold = 1000

// writeUnsaved writes down what could not be written before. A message that
// is being told meanwhile stays with its teller, who finds it numbered now.
func (w *Watcher) writeUnsaved() error {
	if len(w.unsaved) == 0 && len(w.untold) == 0 {
		return nil
	}
	out := make([]store.Outgoing, len(w.untold))
	for i, o := range w.untold {
		out[i] = *o
	}
	if err := w.store.Append(w.unsaved, out); err != nil {
		return err
	}
	for i, o := range w.untold {
		o.Seq = out[i].Seq
	}
	w.unsaved, w.untold = nil, nil
	return nil
}

func (w *Watcher) encode(news []News, events []Event) ([]store.Record, []store.Outgoing) {
	now := time.Now()
	records := make([]store.Record, len(events))
	for i := range events {
		if events[i].At.IsZero() {
			events[i].At = now
		}
		records[i] = events[i].record()
	}
	var out []store.Outgoing
	for _, n := range news {
		out = append(out, w.outgoing(n, now)...)
	}
	return records, out
}

func (w *Watcher) fold(events []Event) {
	w.edition += uint64(len(events))
	for _, e := range events {
		if err := w.state.Fold(e); err != nil {
			// Our own events always follow from the state.
			panic("watcher: " + err.Error())
		}
		if e.Kind == AttemptBegun {
			w.state.prune(e.At)
		}
		w.meter.happened(e)
		if e.Kind == Booked {
			nudge(w.unpaid)
		}
	}
}

// tell writes news that belong to no event.
func (w *Watcher) tell(news ...News) { w.recordAlways(news) }

func (w *Watcher) saveSession() {
	if err := w.store.Put(sessionValue, w.client.Save()); err != nil {
		w.log.Error("the session could not be saved; a restart will need a new login", zap.Error(err))
	}
}

// nudge wakes whoever waits on c, if he is not awake already.
func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// IsLocked reports whether Open failed because another daemon has the folder.
func IsLocked(err error) bool {
	_, ok := errors.AsType[*store.Locked](err)
	return ok
}
