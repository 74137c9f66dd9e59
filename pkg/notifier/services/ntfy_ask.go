package services

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// NtfyAsker is ntfy both ways, a [notifier.Asker]. Questions go to the one
// topic, with buttons for what can be said without typing; the other topic is
// subscribed to, and everything that is published there was said by the user:
// its name is the secret.
//
// A text there answers the newest open question if the server took it over in
// a later second than the question. A button says which question it belongs to,
// as does whoever begins his text with its ID. Nothing is heard unless Run runs.
type NtfyAsker struct {
	*channel
	topics  *Ntfy
	server  string
	log     *zap.Logger
	started int64 // Unix time

	life    context.Context // of what is said in the background
	kill    context.CancelFunc
	running sync.WaitGroup

	mu     sync.Mutex
	closed bool // Run has ended: nothing more is said
	open   []*ntfyQuestion
	ended  []*ntfyQuestion // the last maxEnded
	early  []event         // may answer a question that is still on its way
	known  []string        // IDs of what was heard, the last maxKnown
}

// ntfyQuestion is a prompt from its Ask until it is forgotten. Its fields
// belong to NtfyAsker.mu.
type ntfyQuestion struct {
	p       notifier.Prompt // without its picture once it has ended
	reply   chan notifier.Reply
	absent  bool          // it is surely not on the phone
	settled chan struct{} // closed when it is on the phone, or is sent no more
	sent    int64         // when the server took it over, in its Unix time; 0: not yet
	hints   int           // how often it was said what is accepted
	endedAt time.Time     //
	told    bool          // somebody was told that he is too late
}

const (
	maxEnded  = 16
	maxKnown  = 256
	maxEarly  = 8
	maxHints  = 5                // a question need not explain itself for ever: ntfy.sh takes 250 messages a day
	lateAfter = 10 * time.Minute // a text without a question may be meant for one that ended less than this ago

	saidWithin  = time.Minute      // how long a short word is worth sending
	lastWords   = 3 * time.Second  // how long Run waits for them at its end
	slowestSend = 30 * time.Second // the longest pause between two tries to deliver a question
)

func newNtfyAsker(c *Ntfy, tells *channel, log *zap.Logger) *NtfyAsker {
	server, _ := base("server", c.Server, "https://ntfy.sh") // api has checked it
	a := &NtfyAsker{channel: tells, topics: c, server: server, log: log, started: time.Now().Unix()}
	a.life, a.kill = context.WithCancel(context.Background())
	return a
}

// Ask implements [notifier.Asker].
func (a *NtfyAsker) Ask(ctx context.Context, p notifier.Prompt) (notifier.Reply, error) {
	if !p.Deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, p.Deadline, notifier.ErrExpired)
		defer cancel()
	}
	if ctx.Err() != nil {
		return notifier.Reply{}, context.Cause(ctx)
	}
	q := &ntfyQuestion{p: p, reply: make(chan notifier.Reply, 1), settled: make(chan struct{})}
	a.mu.Lock()
	a.open = append(a.open, q)
	a.mu.Unlock()
	sending, stop := context.WithCancel(ctx)
	failed := make(chan error, 1)
	go func() {
		defer close(q.settled)
		sent, err := a.persist(sending, a.question(p))
		if err == nil {
			a.posted(q, sent)
		} else if sending.Err() == nil {
			failed <- err
		}
	}()
	defer func() {
		stop()
		<-q.settled
	}()

	select {
	case r := <-q.reply:
		return r, nil
	case err := <-failed:
		a.mu.Lock()
		q.absent = true
		a.mu.Unlock()
		return a.withdraw(q, err, p.Lang.Withdrawn())
	case <-ctx.Done():
	}
	reason, cause := p.Ended(ctx)
	return a.withdraw(q, cause, reason)
}

// question is how p looks on the phone.
func (a *NtfyAsker) question(p notifier.Prompt) note {
	return note{
		title: p.Title, text: lines(p.Body(), p.DeadlineLine(time.Now()), a.how(p)), link: p.Link, image: p.Image,
		priority: 5, sequence: p.ID, actions: a.buttons(p),
	}
}

// how says where an answer is written: ntfy has no reply below a message.
func (a *NtfyAsker) how(p notifier.Prompt) string {
	switch p.Kind {
	case notifier.Picture, notifier.SMS:
		return p.Lang.Pick("在 ntfy 里打开回复用的那个主题，把答案发在那里。", "Open your reply topic in ntfy and send the answer there.")
	default:
		return ""
	}
}

// buttons are what can be said without typing, and the answer page; at most
// three, which is all that ntfy takes.
func (a *NtfyAsker) buttons(p notifier.Prompt) []button {
	say := func(label, word string) button {
		return button{Action: "http", Label: label, URL: a.server + "/" + a.topics.ReplyTopic, Body: p.ID + " " + word}
	}
	another, cancel := say(p.Lang.Another(), "?"), say(p.Lang.Cancel(), "x")
	var out []button
	if p.Link != "" {
		out = append(out, button{Action: "view", Label: p.Lang.Pick("回答", "Answer"), URL: p.Link})
	}
	switch p.Kind {
	case notifier.Picture, notifier.QR:
		out = append(out, another, cancel)
	case notifier.Offer:
		out = append(out, say(p.Lang.Book(), "yes"), say(p.Lang.Skip(), "no"))
	case notifier.App:
		out = append(out, say(p.Lang.Done(), "done"), cancel)
	default:
		out = append(out, cancel)
	}
	return out
}

// withdraw ends q without a reply, unless one came at the same moment.
func (a *NtfyAsker) withdraw(q *ntfyQuestion, err error, reason string) (notifier.Reply, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	select {
	case r := <-q.reply:
		return r, nil
	default:
	}
	a.finish(q, reason)
	return notifier.Reply{}, err
}

// finish moves q from the open to the ended questions and shows how it ended in
// its place. Callers hold a.mu.
func (a *NtfyAsker) finish(q *ntfyQuestion, end string) {
	q.endedAt = time.Now()
	q.p.Image = nil
	a.open = slices.DeleteFunc(a.open, func(o *ntfyQuestion) bool { return o == q })
	a.ended = append(a.ended, q)
	a.ended = a.ended[max(0, len(a.ended)-maxEnded):]
	if !q.absent {
		a.say(q, note{title: q.p.Title, text: end, priority: 2, sequence: q.p.ID})
	}
	a.hearEarly()
}

// posted writes down that the server has q since then.
func (a *NtfyAsker) posted(q *ntfyQuestion, sent int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	q.sent = cmp.Or(sent, time.Now().Unix())
	a.hearEarly()
}

// persist sends n until it has arrived, cannot, or ctx ends. It returns when the
// server took it over, in its Unix time.
func (a *NtfyAsker) persist(ctx context.Context, n note) (int64, error) {
	for tries := 0; ; tries++ {
		got, err := a.send(ctx, a.topics.publish(a.server, n))
		if err == nil {
			return got.Time, nil
		}
		e, ok := errors.AsType[*notifier.Error](err)
		if !ok || e.Permanent {
			return 0, err
		}
		a.log.Debug("ntfy: not sent yet", zap.Error(err))
		select {
		case <-time.After(max(e.RetryAfter, min(time.Second<<min(tries, 10), slowestSend))):
		case <-ctx.Done():
			return 0, err
		}
	}
}

// say sends n in the background, and never before q, which it is about. Callers
// hold a.mu.
func (a *NtfyAsker) say(q *ntfyQuestion, n note) {
	if a.closed {
		return
	}
	a.running.Go(func() {
		ctx, cancel := context.WithTimeout(a.life, saidWithin)
		defer cancel()
		select {
		case <-q.settled:
		case <-ctx.Done():
			return
		}
		if _, err := a.persist(ctx, n); err != nil {
			a.log.Debug("ntfy: a word was not sent", zap.Error(err))
		}
	})
}

// hear takes what was published in the reply topic.
func (a *NtfyAsker) hear(e event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if e.Event != "message" || e.Topic != a.topics.ReplyTopic || slices.Contains(a.known, e.ID) {
		return
	}
	a.known = append(a.known, e.ID)
	a.known = a.known[max(0, len(a.known)-maxKnown):]
	a.listenTo(e)
}

func (a *NtfyAsker) listenTo(e event) {
	id, text, bound := strings.Cut(strings.TrimSpace(e.Message), " ")
	if bound = bound && isID(id); bound {
		a.hearBound(id, text)
		return
	}
	var asked []*ntfyQuestion // the newest first
	for _, q := range slices.Backward(a.open) {
		if q.sent != 0 && e.Time > q.sent && q.inTime() {
			asked = append(asked, q)
		}
	}
	for _, q := range asked {
		if r, err := q.p.Parse(e.Message); err == nil {
			a.answer(q, r)
			return
		}
	}
	switch {
	case slices.ContainsFunc(a.open, func(q *ntfyQuestion) bool { return q.sent == 0 }) && len(a.early) < maxEarly:
		a.early = append(a.early, e)
	case len(asked) > 0:
		a.hint(asked[0], e.Message)
	default:
		for _, q := range slices.Backward(a.ended) {
			if _, err := q.p.Parse(e.Message); err == nil && q.sent != 0 && e.Time > q.sent && time.Since(q.endedAt) < lateAfter {
				a.tooLate(q, q.p.Lang.Late())
				return
			}
		}
	}
}

// hearBound takes what was said to the question of that ID.
func (a *NtfyAsker) hearBound(id, text string) {
	named := func(q *ntfyQuestion) bool { return q.p.ID == id }
	if i := slices.IndexFunc(a.open, named); i >= 0 {
		q := a.open[i]
		switch r, err := q.p.Parse(text); {
		case !q.inTime():
			a.tooLate(q, q.p.Lang.Late())
		case err != nil:
			a.hint(q, text)
		default:
			a.answer(q, r)
		}
		return
	}
	if i := slices.IndexFunc(a.ended, named); i >= 0 {
		word := a.ended[i].p.Lang.Late()
		if slices.ContainsFunc(a.open, func(q *ntfyQuestion) bool { return q.p.Replaces == id }) {
			word = a.ended[i].p.Lang.Superseded()
		}
		a.tooLate(a.ended[i], word)
	}
}

// hearEarly takes what came while a question was on its way: it may be the
// answer, which has overtaken the server's word that the question arrived.
func (a *NtfyAsker) hearEarly() {
	early := a.early
	a.early = nil
	for _, e := range early {
		a.listenTo(e)
	}
}

// isID reports whether s can be the ID of a prompt.
func isID(s string) bool { return len(s) == 32 && strings.Trim(s, "0123456789abcdef") == "" }

func (q *ntfyQuestion) inTime() bool { return q.p.Deadline.IsZero() || time.Now().Before(q.p.Deadline) }

// answer takes r as the one reply to q.
func (a *NtfyAsker) answer(q *ntfyQuestion, r notifier.Reply) {
	r.Channel, r.At = a.name, time.Now()
	q.reply <- r
	a.finish(q, q.p.Lang.Ack(r.Action))
}

// hint says what q accepts.
func (a *NtfyAsker) hint(q *ntfyQuestion, text string) {
	if q.hints++; q.hints > maxHints {
		return
	}
	_, err := q.p.Parse(text)
	if no, ok := errors.AsType[*notifier.NotAnswer](err); ok {
		a.say(q, note{title: q.p.Title, text: no.Error(), priority: 3})
	}
}

// tooLate says once per question that it is over.
func (a *NtfyAsker) tooLate(q *ntfyQuestion, word string) {
	if !q.told {
		q.told = true
		a.say(q, note{title: q.p.Title, text: word, priority: 2})
	}
}
