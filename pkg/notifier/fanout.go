package notifier

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// notifyTimeout is how long one channel may take to take one message over.
	notifyTimeout = 30 * time.Second

	// lastMoment is how long Ask listens on after the deadline, so that a
	// reply that a driver accepted just before it is not thrown away after
	// the user was thanked for it.
	lastMoment = 2 * time.Second

	// A channel that did not take the news of a question is tried again after
	// firstRetry, then after twice as long, at most slowestRetry.
	firstRetry   = time.Second
	slowestRetry = 30 * time.Second
)

// Fanout makes many channels one. Its fields must not change once it is in
// use; its methods may be called from several goroutines, and several
// questions may be open at once.
type Fanout struct {
	Channels []Channel

	// Link returns the address of a question's answer page. It may be nil. It
	// is called once per question that has no Link yet, before anything is
	// sent, so that every channel can show it. It may add to the question's To:
	// whoever gives the link must hear what is answered there.
	Link func(*Prompt) string

	// Near is the name of the channel behind the links when these lead to this
	// machine only; empty: a phone can open them. A channel that cannot hear
	// then gets none, unless it is Here: the tap of its user would end nowhere.
	Near string

	// Report is told which channel failed while a question was open: its user
	// does not see the question, or not any more. It may be nil.
	Report func(channel string, err error)

	running sync.WaitGroup // calls into drivers that Ask has left behind
}

// Ask asks on all channels of p at once and returns the first reply, with Channel
// set. The questions of the other channels are withdrawn in the background
// with a word on who answered and where; [Fanout.Wait] waits for that.
//
// A channel that cannot hear is told that there is a question, unless p takes
// the place of an earlier one and is not Anew: the link that it has leads to
// the newest.
//
// A channel that fails does not end the question for the others. When all
// failed, the error is theirs, joined. It is [ErrNoAsker] when no channel can
// hear, [ErrExpired] (possibly joined with the errors of channels that failed)
// when the deadline has passed, and the cause of ctx when that has ended.
func (f *Fanout) Ask(ctx context.Context, p Prompt) (Reply, error) {
	channels := f.asked(p)
	if len(askers(channels)) == 0 {
		return Reply{}, ErrNoAsker
	}
	if f.Link != nil && p.Link == "" {
		p.Link = f.Link(&p)
		channels = f.asked(p)
	}

	names := askers(channels)
	asked, withdraw := context.WithCancelCause(ctx)
	stop := context.CancelFunc(func() {})
	if !p.Deadline.IsZero() {
		asked, stop = context.WithDeadlineCause(asked, p.Deadline, &Closed{Reason: p.Lang.Expired()})
	}
	defer stop()
	// Before stop, whose cause would be a bare context.Canceled.
	defer withdraw(&Closed{Reason: p.Lang.Withdrawn()})

	type result struct {
		reply Reply
		err   error
	}
	results := make(chan result, len(channels))
	open := 0
	for _, c := range channels {
		asker, ok := c.Notifier.(Asker)
		if !ok {
			if p.Replaces == "" || p.Anew {
				f.running.Go(func() { f.announce(ctx, asked.Done(), c, p, names) })
			}
			continue
		}
		open++
		f.running.Go(func() {
			r, err := asker.Ask(asked, p)
			r.Channel = c.Name
			if err != nil && asked.Err() == nil && !errors.Is(err, ErrExpired) {
				err = named(c.Name, err)
				f.report(c.Name, err)
			}
			results <- result{r, err}
		})
	}

	var failed []error
	expired, ended := false, asked.Done()
	var tooLate <-chan time.Time
	for ; open > 0; open-- {
		select {
		case r := <-results:
			switch {
			case r.err == nil:
				withdraw(&Closed{Reason: p.Lang.EndedBy(r.reply), Settled: r.reply.Action != Another})
				return r.reply, nil
			case asked.Err() != nil || errors.Is(r.err, ErrExpired):
				expired = true
			default:
				failed = append(failed, r.err)
			}
		case <-ended:
			if ctx.Err() != nil {
				return Reply{}, context.Cause(ctx)
			}
			ended, expired = nil, true
			timer := time.NewTimer(lastMoment)
			defer timer.Stop()
			tooLate = timer.C
			open++ // nobody has returned yet
		case <-tooLate:
			open = 1
		}
	}
	if ctx.Err() != nil {
		return Reply{}, context.Cause(ctx)
	}
	if expired {
		if failed == nil {
			return Reply{}, ErrExpired
		}
		return Reply{}, errors.Join(append([]error{ErrExpired}, failed...)...)
	}
	return Reply{}, errors.Join(failed...)
}

// Notify tells all channels at once and waits for them, half a minute for each
// at most. The errors of those that failed are joined, in the order of the
// channels; each is an *[Error].
func (f *Fanout) Notify(ctx context.Context, m Message) error {
	errs := make([]error, len(f.Channels))
	var told sync.WaitGroup
	for i, c := range f.Channels {
		told.Go(func() { errs[i] = tell(ctx, c, m) })
	}
	told.Wait()
	return errors.Join(errs...)
}

// Amend has the channels add to the end of an answered question that it led to
// nothing; see [Amender].
func (f *Fanout) Amend(id, text string) {
	for _, c := range f.Channels {
		if a, ok := c.Notifier.(Amender); ok {
			a.Amend(id, text)
		}
	}
}

// Wait returns when no driver is busy with a question that has ended, or with
// ctx's cause when that takes longer than ctx. It is for shutting down: no Ask
// may begin after it.
func (f *Fanout) Wait(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		f.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// asked returns the channels that p is for.
func (f *Fanout) asked(p Prompt) []Channel {
	if len(p.To) == 0 {
		return f.Channels
	}
	var out []Channel
	for _, c := range f.Channels {
		if slices.Contains(p.To, c.Name) {
			out = append(out, c)
		}
	}
	return out
}

// askers returns the names of those of the channels that can hear a reply.
func askers(channels []Channel) (names []string) {
	for _, c := range channels {
		if _, ok := c.Notifier.(Asker); ok {
			names = append(names, c.Name)
		}
	}
	return names
}

// announce tells a channel that cannot hear that there is a question, and where
// it can be answered; names are the channels that hear. A channel that does not
// take it is tried again until the question is over.
func (f *Fanout) announce(ctx context.Context, over <-chan struct{}, c Channel, p Prompt, names []string) {
	if f.Near != "" && !c.Here && p.Link != "" {
		p.Link = ""
		names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == f.Near })
	}
	for pause := firstRetry; ; pause = min(2*pause, slowestRetry) {
		err := tell(ctx, c, p.notice(names))
		if err == nil || ctx.Err() != nil {
			return
		}
		if pause == firstRetry {
			f.report(c.Name, err)
		}
		e, _ := errors.AsType[*Error](err)
		if e.Permanent {
			return
		}
		wait := time.NewTimer(max(pause, e.RetryAfter))
		select {
		case <-over:
			wait.Stop()
			return
		case <-wait.C:
		}
	}
}

// notice is how a channel that cannot hear tells of a question; names are the
// channels that can, as far as they are of use to its user.
func (p Prompt) notice(names []string) Message {
	text := strings.TrimPrefix(p.Text+"\n"+p.Lang.Elsewhere(p.Link, strings.Join(names, p.Lang.Pick("、", ", "))), "\n")
	if line := p.DeadlineLine(time.Now()); line != "" {
		text += "\n" + line
	}
	var picture []byte
	if p.Kind == Picture { // a QR code would stay there when it has expired
		picture = p.Image
	}
	return Message{
		Image: picture,
		ID:    p.ID,
		Kind:  "question",
		Rule:  p.Rule,
		Title: p.Title,
		Text:  text,
		At:    p.AskedAt,
		Link:  p.Link,
		Loud:  true,
	}
}

func (f *Fanout) report(channel string, err error) {
	if f.Report != nil {
		f.Report(channel, err)
	}
}

// tell tells one channel. The error is an *[Error].
func tell(ctx context.Context, c Channel, m Message) error {
	ctx, cancel := context.WithTimeout(ctx, notifyTimeout)
	defer cancel()
	if err := c.Notifier.Notify(ctx, m); err != nil {
		return named(c.Name, err)
	}
	return nil
}

// named makes err an *[Error] unless it is one.
func named(channel string, err error) error {
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	return &Error{Channel: channel, Err: err}
}
