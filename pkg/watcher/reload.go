package watcher

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher/internal/store"
)

// Change is an edit of watch.yaml.
type Change struct {
	Options  Options  // all of them, as a start with the new file would have them; Dir and Log stay as they are
	Settings []string // the keys that changed besides the rules: notify.telegram, twelve306.budget
	Restart  []string // the keys that changed and that only a restart takes up
}

// Reload takes up an edit of watch.yaml and tells what it changed. Rules are
// replaced at once: those whose name stays keep their history, an attempt in
// progress finishes with the old one.
//
// When other settings changed, all of them and the rules are replaced together
// as soon as no attempt is in progress: what Run works with is stopped and
// started anew on the same state, as a restart does. A question that is open
// is withdrawn and asked again, by the new settings. While an order of the
// account waits for payment, or may be held, another account has to wait.
//
// Reload returns before that. A second edit takes the place of one that waits.
// The error is that of Options.Client; nothing has changed then.
func (w *Watcher) Reload(c Change) error {
	w.mu.Lock()
	if len(c.Settings) == 0 && w.next == nil {
		say := w.say
		if w.later != nil {
			w.later.Options = c.Options
		}
		w.mu.Unlock()
		w.applied(say, w.changeRules(c.Options.Rules), c, "")
		return nil
	}
	if w.next != nil {
		c.Settings = slices.Concat(c.Settings, w.next.Settings)
	}
	if w.later != nil {
		c.Settings = slices.Concat(c.Settings, w.later.Settings)
	}
	w.mu.Unlock()
	trial, err := c.Options.Client(nil)
	if err != nil {
		return err
	}
	trial.Close()
	slices.Sort(c.Settings)
	c.Settings = slices.Compact(c.Settings)
	w.mu.Lock()
	w.next = &c
	w.mu.Unlock()
	w.log.Info("settings changed; they take effect as soon as no attempt is in progress", zap.Strings("settings", c.Settings))
	nudge(w.renew)
	return nil
}

// ReloadRefused tells that an edit of watch.yaml has mistakes.
func (w *Watcher) ReloadRefused(mistakes string) {
	w.tell(w.speaks().reloadRefused(mistakes))
}

// applied tells and logs what an edit changed. waits is the number of the order
// for which another account waits.
func (w *Watcher) applied(say speaker, r ruleChanges, c Change, waits string) {
	w.log.Info("watch.yaml reloaded", zap.Strings("added", few(r.added)), zap.Strings("changed", few(r.changed)), zap.Strings("removed", few(r.removed)), zap.Strings("renamed", few(r.renamed)),
		zap.Strings("settings", c.Settings), zap.Strings("restart", c.Restart))
	w.tell(say.reloaded(say.changes(r, c.Settings, c.Restart, waits)))
	w.comparePeople(len(r.added)+len(r.changed) > 0) // whoever adds a passenger here may have added him in the app
	nudge(w.replan)
	nudge(w.seats)
}

// few are the first of names that may be thousands, for the log.
func few(names []string) []string {
	if more := len(names) - mostNames; more > 0 {
		return append(slices.Clone(names[:mostNames]), fmt.Sprintf("... and %d more", more))
	}
	return names
}

// speaks returns the words of the settings in force.
func (w *Watcher) speaks() speaker {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.say
}

// asks returns the client in force, and when it may ask.
func (w *Watcher) asks() (*twelve306.Client, Window, *time.Location) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.client, w.opt.Hours, w.opt.Location
}

// live works with one set of options until ctx ends, or until a [Change] is to
// take their place and no attempt is in progress: then it reports true.
func (w *Watcher) live(ctx context.Context) (again bool) {
	deaf := func() {}
	if w.opt.Hear != nil {
		deaf = w.opt.Hear(ctx)
	}
	defer func() { deaf() }()
	stopTelling := w.startTelling(ctx)

	living, end := context.WithCancelCause(ctx)
	defer end(nil)
	var work sync.WaitGroup
	work.Go(func() { w.lookLoop(living) })
	work.Go(func() { w.refreshStations(living) })
	work.Go(func() { w.writeLater(living) })
	work.Go(func() { w.remind(living) })
	if !w.opt.Digest.IsZero() {
		work.Go(func() { w.sendDigests(living) })
	}
	if w.opt.Account != nil {
		w.account = w.account.of(w)
		work.Go(func() { w.account.run(living) })
	}
	if w.whenQuiet(ctx) {
		end(&notifier.Closed{Reason: w.say.newSettings()})
		again = true
		defer w.turn.giveBack()
	}
	by := time.Now().Add(stopTime)
	work.Wait()
	w.side.Wait()
	w.closeQuestions(stopGrace(by))
	w.saveSession()
	if !again {
		w.lastWords()
	}
	w.flush(stopGrace(by))
	stopTelling()
	return again
}

// whenQuiet waits for a change and takes the turn from the account. It reports
// false when ctx ends first.
func (w *Watcher) whenQuiet(ctx context.Context) bool {
	for {
		select {
		case <-ctx.Done():
			return false
		case <-w.renew:
		}
		if w.turn.take(ctx) != nil {
			return false
		}
		w.mu.Lock()
		waits := w.next != nil
		w.mu.Unlock()
		if waits {
			return true
		}
		w.turn.giveBack() // it was part of the change before
	}
}

// change puts the options of the waiting change in force. Nothing of Run works
// meanwhile.
func (w *Watcher) change() {
	w.mu.Lock()
	c := *w.next
	w.next, w.later = nil, nil
	say := w.say
	w.mu.Unlock()
	opt := c.Options
	opt.Dir, opt.Log = w.opt.Dir, w.opt.Log
	waits := ""
	if w.opt.otherAccount(opt) {
		if number, open := w.unsettled(); open {
			waits = say.waitsFor(number)
			opt.Account, opt.Client, opt.Site, opt.Quick = w.opt.Account, w.opt.Client, w.opt.Site, w.opt.Quick
			later := c
			later.Settings, later.Restart = slices.DeleteFunc(slices.Clone(c.Settings), func(key string) bool { return !isSite(key) }), nil
			w.mu.Lock()
			w.later = &later
			w.mu.Unlock()
		}
	}
	old := w.client
	if err := w.equip(opt); err != nil {
		w.log.Error("the settings could not be changed; the old ones go on", zap.Error(err))
		w.tell(say.reloadRefused(err.Error()))
		return
	}
	old.Close()
	rules := w.changeRules(opt.Rules)
	w.mu.Lock()
	for i, r := range w.rules {
		r.Schedule = opt.Rules[i].Schedule // the same words may mean another clock
		r.idleTill = time.Time{}           // what nobody answered is asked again at once
	}
	w.planner = planner{}
	w.mu.Unlock()
	w.applied(w.say, rules, c, waits)
	w.tellStrangers()
}

// newSettings ends a question whose channels or account have changed.
func (s speaker) newSettings() string {
	return s.f("设置改了，这个问题作废；还要问的会马上再问。", "The settings have changed; this question is void, and asked again at once if it still matters.")
}

// waitsFor names what another account waits for.
func (s speaker) waitsFor(number string) string {
	if number == "" {
		return s.f("刚提交的订单", "the order that was just sent")
	}
	return s.f("订单 %s", "order %s", number)
}

// readdress hands what channels that go have not taken to those that come: the
// token that was wrong may be why the user changes them.
func (w *Watcher) readdress(to []notifier.Channel) error {
	lacks := func(list []notifier.Channel, name string) bool {
		return !slices.ContainsFunc(list, func(c notifier.Channel) bool { return c.Name == name })
	}
	var moved []store.Outgoing
	seen := map[string]bool{} // the same news wait on each channel that goes
	for _, old := range w.opt.Channels {
		for after, more := int64(0), lacks(to, old.Name); more; {
			var o store.Outgoing
			var err error
			if o, more, err = w.store.NextOutgoing(old.Name, after); err != nil {
				return err
			}
			after = o.Seq
			if !more || seen[string(o.Data)] {
				continue
			}
			seen[string(o.Data)] = true
			for _, c := range to {
				if lacks(w.opt.Channels, c.Name) {
					moved = append(moved, store.Outgoing{Channel: c.Name, At: o.At, Data: o.Data})
				}
			}
		}
	}
	return w.store.Append(nil, moved)
}

// isSite reports whether a key belongs to what stays with an account.
func isSite(key string) bool { return len(key) > 10 && key[:10] == "twelve306." }

// unsettled returns the attempt that another account has to wait for: its order
// is not paid yet, or may be held.
func (w *Watcher) unsettled() (number string, yes bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if a := w.state.Open(); a != nil {
		return a.Number, true
	}
	for _, a := range w.state.Held() {
		return a.Number, true
	}
	return "", false
}

// settled brings up the change of account that waited, once nothing of the old
// account's is open any more.
func (w *Watcher) settled() {
	if _, yes := w.unsettled(); yes {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.later == nil {
		return
	}
	if w.next == nil { // else a newer edit holds all that is wanted
		w.next = w.later
	}
	w.later = nil
	nudge(w.renew)
}

// who names the site and the account that a session and its orders belong to;
// empty without an account.
func (o *Options) who() string {
	if o.Account == nil {
		return ""
	}
	sum := sha256.Sum256([]byte("watcherd\x00" + o.Site + "\x00" + o.Account.Credentials.Username))
	return hex.EncodeToString(sum[:])
}

// otherAccount reports whether n books with another account than o.
func (o *Options) otherAccount(n Options) bool { return o.Account != nil && o.who() != n.who() }

// ownerValue is the name under which it is stored whose session it is, as a
// hash.
const ownerValue = "session_owner"

// session returns the saved session. That of another account is dropped: what
// is ordered with it would be somebody else's.
func (w *Watcher) session(opt Options) ([]byte, error) {
	owner, err := w.store.Get(ownerValue)
	if err != nil {
		return nil, err
	}
	who := opt.who()
	if err := w.changeOwner(string(owner), cmp.Or(who, nobody), speaker{opt.Language, opt.Location}); err != nil {
		return nil, err
	}
	if who != "" && who != string(owner) {
		if len(owner) > 0 {
			w.log.Info("another account: the saved session is dropped")
			if err := w.store.Put(sessionValue, nil); err != nil {
				return nil, err
			}
		}
		if err := w.store.Put(ownerValue, []byte(who)); err != nil {
			return nil, err
		}
	}
	return w.store.Get(sessionValue)
}

// turn is what an attempt holds while it must not be interrupted by a change of
// settings: not while a person is asked, for the question is asked again; and
// not while 12306 is asked what became of a confirm, for that goes on with the
// new settings, as after a crash.
type turn chan struct{}

func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turn) giveBack() { <-t }

// hold is an attempt's share in the turn.
type hold struct {
	turn turn
	ctx  context.Context // the attempt's
	held bool
}

// take returns the error of the attempt's context when that ends first.
func (h *hold) take() error {
	if h == nil || h.held {
		return nil
	}
	err := h.turn.take(h.ctx)
	h.held = err == nil
	return err
}

// pause gives the turn back while somebody is asked; goOn takes it again.
func (h *hold) pause() (goOn func() error) {
	if h == nil || !h.held {
		return func() error { return nil }
	}
	h.giveBack()
	return h.take
}

func (h *hold) giveBack() {
	if h != nil && h.held {
		h.turn.giveBack()
		h.held = false
	}
}
