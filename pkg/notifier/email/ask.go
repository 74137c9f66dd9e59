package email

import (
	"context"
	"errors"
	"net/mail"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// question is a prompt in the mail, from its Ask until it is forgotten. Its
// fields belong to Driver.mu.
type question struct {
	p      notifier.Prompt     // without its picture once the question has ended
	id     string              // the Message-ID of its mail
	thread []string            // the Message-IDs before it: of the questions that it replaces
	reply  chan notifier.Reply // one slot, filled at most once
	sentAt time.Time           // when somebody first had it; zero before
	end    bool                // it has ended
	used   string              // the Message-ID of the reply that counted
	told   bool                // somebody was told that he is too late
	newer  bool                // another question has taken its place
	words  int                 // how many short words were sent in its thread
	owed   string              // the word on its end, while its mail is still on the way; empty: none
}

const (
	// Questions are remembered after their end, to tell the late so and to
	// keep the thread of those that replace them.
	maxEnded = 16

	// maxWordsSent bounds the answers to what is no answer, should two
	// machines ever talk to each other.
	maxWordsSent = 20

	maxThread  = 10 // Message-IDs in References
	sayTimeout = time.Minute
)

// Ask mails p and waits for the reply; see [notifier.Asker]. Replies arrive
// only while [Driver.Run] runs.
func (d *Driver) Ask(ctx context.Context, p notifier.Prompt) (notifier.Reply, error) {
	if !p.Deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, p.Deadline, notifier.ErrExpired)
		defer cancel()
	}
	if ctx.Err() != nil {
		return notifier.Reply{}, context.Cause(ctx)
	}
	failed := make(chan error, 1)
	d.mu.Lock()
	d.begin()
	defer d.end()
	q := &question{p: p, thread: d.threadOf(p), reply: make(chan notifier.Reply, 1)}
	l := d.ask(p, q.thread)
	q.id = l.ID
	d.open = append(d.open, q)
	d.background(func() {
		if err := d.deliver(ctx, q, l); err != nil && ctx.Err() == nil {
			failed <- err
		}
	})
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default:
	}

	select {
	case r := <-q.reply:
		return r, nil
	case err := <-failed:
		return d.withdraw(q, err, p.Lang.Withdrawn())
	case <-ctx.Done():
	}
	reason, cause := p.Ended(ctx)
	return d.withdraw(q, cause, reason)
}

// threadOf returns the Message-IDs of the questions that p replaces, oldest
// first, and marks the last of them. Callers hold d.mu.
func (d *Driver) threadOf(p notifier.Prompt) []string {
	if p.Replaces == "" {
		return nil
	}
	for _, q := range d.known() {
		if q.p.ID == p.Replaces {
			q.newer = true
			thread := append(slices.Clone(q.thread), q.id)
			return thread[max(0, len(thread)-maxThread):]
		}
	}
	return nil
}

// known returns the open questions and those that are remembered, the newest
// first. Callers hold d.mu.
func (d *Driver) known() []*question {
	all := slices.Concat(d.ended, d.open)
	slices.Reverse(all)
	return all
}

// deliver mails q, however long it takes. It returns when everybody has it or
// can never have it; the error is nil when somebody has.
func (d *Driver) deliver(ctx context.Context, q *question, l letter) error {
	left := slices.Clone(d.to)
	err := d.persist(ctx, zap.WarnLevel, "a question", func(call context.Context) error {
		sent, err := d.post(call, l, left)
		left = slices.DeleteFunc(left, func(a mail.Address) bool { return slices.Contains(sent, a) })
		if len(sent) > 0 {
			d.mu.Lock()
			defer d.mu.Unlock()
			if q.sentAt.IsZero() {
				q.sentAt = time.Now()
			}
		}
		return err
	})
	d.mu.Lock()
	defer d.mu.Unlock()
	if q.sentAt.IsZero() {
		return err
	}
	if q.owed != "" {
		d.say(q, q.owed, "", d.to...)
		q.owed = ""
	}
	return nil
}

// withdraw ends q without a reply of ours, unless one came at the same moment.
func (d *Driver) withdraw(q *question, err error, reason string) (notifier.Reply, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case r := <-q.reply:
		return r, nil
	default:
	}
	d.finish(q)
	closed, _ := errors.AsType[*notifier.Closed](err)
	settled := closed != nil && closed.Settled
	switch {
	case q.sentAt.IsZero() && settled:
		q.owed = reason // should the mail arrive all the same
	case q.sentAt.IsZero():
	// Somebody may be reading the mail, or find it in an hour: that there is
	// nothing to do any more is worth a word. Apart from that an inbox is no
	// screen: what came and went within a moment, because a fresh code or
	// another picture took its place, needs no mail to say that it is gone.
	case settled || time.Since(q.sentAt) >= d.quiet:
		d.say(q, reason, "", d.to...)
	}
	return notifier.Reply{}, err
}

// finish moves q from the open to the ended questions. Callers hold d.mu.
func (d *Driver) finish(q *question) {
	q.end = true
	q.p.Image = nil
	d.open = slices.DeleteFunc(d.open, func(o *question) bool { return o == q })
	d.ended = append(d.ended, q)
	if n := len(d.ended) - maxEnded; n > 0 {
		d.ended = slices.Delete(d.ended, 0, n)
	}
}

// say sends a short word in the thread of q, below the mail to when that has
// an ID. Callers hold d.mu.
func (d *Driver) say(q *question, text, to string, whom ...mail.Address) {
	if len(whom) == 0 {
		return
	}
	l := d.word(q, text)
	if messageID(to) {
		l.Thread = append(l.Thread, to)
	}
	d.send(l, whom)
}

// send mails l beside the caller, as long as a short word is worth it. Callers
// hold d.mu.
func (d *Driver) send(l letter, whom []mail.Address) {
	whom = slices.Clone(whom)
	d.background(func() {
		ctx, cancel := context.WithTimeout(d.life, sayTimeout)
		defer cancel()
		err := d.persist(ctx, zap.DebugLevel, "a short word", func(call context.Context) error {
			sent, err := d.post(call, l, whom)
			whom = slices.DeleteFunc(whom, func(a mail.Address) bool { return slices.Contains(sent, a) })
			return err
		})
		if err != nil {
			d.log.Debug("email: a short word was not sent", zap.Error(err))
		}
	})
}

// messageID reports whether s may stand in a header of ours as a Message-ID.
func messageID(s string) bool {
	if s == "" || len(s) > 250 || !strings.Contains(s, "@") {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '<' || r == '>' })
}

// Seen implements [notifier.Seer]. Replies arrive only while [Driver.Run] runs.
func (d *Driver) Seen(ctx context.Context) (id, by string, err error) {
	select {
	case s := <-d.seen:
		return s.id, s.by, nil
	case <-ctx.Done():
		return "", "", context.Cause(ctx)
	}
}
