package watcher

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/watcher/internal/store"
)

// deliveryTimeout bounds one try to deliver one message on one channel.
const deliveryTimeout = 30 * time.Second

// slowestRetry is the longest pause between two tries.
const slowestRetry = time.Minute

// longestPause is the longest pause that a channel may ask for.
const longestPause = time.Hour

// patience is how long an important message keeps trying a channel that says
// it will never work.
const patience = 24 * time.Hour

// stale is the age at which news of seats are not worth telling any more.
const stale = 15 * time.Minute

// message is news as a channel takes it.
func (w *Watcher) message(n News) notifier.Message {
	m := notifier.Message{
		ID: notifier.NewID(), Kind: string(n.Kind), Rule: n.Rule, Title: n.Title, Text: n.Text, Loud: n.Loud, Seen: n.Seen,
		At: time.Now().In(w.opt.Location).Truncate(time.Second),
	}
	if n.Order != nil {
		b, err := json.Marshal(n.Order)
		if err != nil { // plain values only: cannot happen
			panic(err)
		}
		m.Order = b
	}
	return m
}

// outgoing is one copy of the news for each channel that should have it. That a
// question was answered is not told where the question itself shows it.
//
// When only one channel can answer, it is told to those that were told of the
// question and cannot hear: somebody has the question on his lock screen there,
// and must not open a link for nothing. To programs and screens of this machine
// (Channel.Here) it is not: there is no doubt who did, and the programs that
// read the webhook, the acceptance tests among them, take an answered of the one
// channel that they have answered through themselves for a mistake.
func (w *Watcher) outgoing(n News, now time.Time) []store.Outgoing {
	b, err := json.Marshal(w.message(n))
	if err != nil { // plain values only: cannot happen
		panic(err)
	}
	var out []store.Outgoing
	told := w.channelsOf(n.Rule)
	if n.Kind == NewsAnswered {
		told = w.opt.Channels
		if len(n.Asked) > 0 {
			told = slices.DeleteFunc(slices.Clone(told), func(c notifier.Channel) bool { return !slices.Contains(n.Asked, c.Name) })
		}
	}
	askers := 0
	for _, c := range told {
		if hears(c) {
			askers++
		}
	}
	for _, c := range told {
		if hears(c) && n.Shown || n.Kind == NewsAnswered && askers < 2 && (c.Here || !n.Called) {
			continue
		}
		out = append(out, store.Outgoing{Channel: c.Name, At: now, Data: b})
	}
	return out
}

func hears(c notifier.Channel) bool {
	_, ok := c.Notifier.(notifier.Asker)
	return ok
}

// channelsOf returns the channels that are told of a rule: those it names, all
// of them when it names none or is not there any more. Callers hold w.mu.
func (w *Watcher) channelsOf(rule string) []notifier.Channel {
	r := w.byName[rule]
	if r == nil || len(r.Notify) == 0 {
		return w.opt.Channels
	}
	var out []notifier.Channel
	for _, c := range w.opt.Channels {
		if slices.Contains(r.Notify, c.Name) {
			out = append(out, c)
		}
	}
	if out == nil { // a channel that was renamed: better told elsewhere than nowhere
		return w.opt.Channels
	}
	return out
}

// askedOf returns the names of the channels that are asked for a rule: those
// that are told of it, and when none of them can hear, every other that can.
func (w *Watcher) askedOf(rule string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	told := w.channelsOf(rule)
	deaf := !slices.ContainsFunc(told, hears)
	var names []string
	for _, c := range w.opt.Channels {
		if deaf && hears(c) || slices.ContainsFunc(told, func(t notifier.Channel) bool { return t.Name == c.Name }) {
			names = append(names, c.Name)
		}
	}
	return names
}

func (w *Watcher) posted(out []store.Outgoing) {
	for _, o := range out {
		nudge(w.posts[o.Channel])
	}
}

// deliver sends one channel its messages, oldest first, each until it has
// arrived or never can. It is the only one that sends news there, so that a
// slow channel holds up nobody else.
func (w *Watcher) deliver(ctx context.Context, c notifier.Channel) {
	log := w.log.With(zap.String("channel", c.Name))
	down := false
	var done int64 // up to here everything was told, whether or not the disk knows
	for tries := 0; ; {
		o, ok, err := w.nextOutgoing(c.Name, done)
		switch {
		case err != nil:
			log.Error("the outbox cannot be read", zap.Error(err))
			if sleep(ctx, slowestRetry) != nil {
				return
			}
			continue
		case !ok:
			select {
			case <-w.posts[c.Name]:
			case <-ctx.Done():
				return
			}
			continue
		}
		pause, err := w.send(ctx, c, o)
		if ctx.Err() != nil {
			return
		}
		if err == nil || pause < 0 {
			if err != nil {
				log.Error("a message could not be told and is given up", zap.Error(err))
			} else if down {
				log.Info("the channel works again")
			}
			down, tries = false, 0
			if err := w.sent(o); err != nil {
				log.Error("the outbox cannot be written; a message may be told again after a restart", zap.Error(err))
			}
			done = max(done, o.Seq)
			continue
		}
		if !down {
			log.Warn("the channel does not work; its messages wait", zap.Error(err))
			down = true
		}
		if pause == 0 {
			pause = min(time.Second<<min(tries, 10), slowestRetry)
		}
		tries++
		if sleep(ctx, pause) != nil {
			return
		}
	}
}

// nextOutgoing returns the oldest message that waits for a channel: first those
// on the disk, written after the one of that number, then those in memory.
func (w *Watcher) nextOutgoing(channel string, after int64) (o *store.Outgoing, ok bool, err error) {
	written, ok, err := w.store.NextOutgoing(channel, after)
	if ok {
		return &written, true, nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, o := range w.untold {
		if o.Channel == channel {
			return o, true, nil
		}
	}
	return nil, false, err
}

// sent forgets a message that has arrived, or never will.
func (w *Watcher) sent(o *store.Outgoing) error {
	w.mu.Lock()
	w.untold = slices.DeleteFunc(w.untold, func(u *store.Outgoing) bool { return u == o })
	seq := o.Seq // writeUnsaved may have written it while it was told
	w.mu.Unlock()
	if seq == 0 {
		return nil
	}
	return w.store.Sent(o.Channel, seq)
}

// send tries once. pause is what the service asked for; negative means that a
// retry cannot help.
func (w *Watcher) send(ctx context.Context, c notifier.Channel, o *store.Outgoing) (pause time.Duration, err error) {
	var m notifier.Message
	if err := json.Unmarshal(o.Data, &m); err != nil {
		return -1, err
	}
	if string(m.Order) == "null" {
		m.Order = nil
	}
	if m.Kind == string(NewsSeats) && time.Since(o.At) > stale {
		return -1, nil
	}
	if _, ok := c.Notifier.(notifier.Seer); !ok && w.opt.SeenLink != nil && m.Seen != "" && m.Link == "" {
		// Now, and not when it was written: the link is that of today's settings.
		if m.Link = w.opt.SeenLink(m.Seen); m.Link != "" {
			m.Text = lines(m.Text, w.say.seenHere())
		}
	}
	ctx, cancel := context.WithTimeout(ctx, deliveryTimeout)
	defer cancel()
	err = c.Notifier.Notify(ctx, m)
	if e, ok := errors.AsType[*notifier.Error](err); ok {
		if e.Permanent && m.Loud && time.Since(o.At) < patience {
			return slowestRetry, err // what must not be lost waits for somebody to mend the channel
		}
		if e.Permanent {
			return -1, err
		}
		return min(max(e.RetryAfter, 0), longestPause), err // below 0 would be "never"
	}
	return 0, err
}

// flush waits until everything has been told, at most for d.
func (w *Watcher) flush(d time.Duration) {
	deadline := time.Now().Add(d)
	for time.Now().Before(deadline) {
		waiting := false
		for _, c := range w.opt.Channels {
			_, ok, err := w.nextOutgoing(c.Name, 0)
			waiting = waiting || ok && err == nil
		}
		if !waiting {
			return
		}
		if sleep(context.Background(), 20*time.Millisecond) != nil {
			return
		}
	}
}
