package terminal

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// Ended questions are remembered to tell the late so.
const (
	maxEnded  = 16
	lateAfter = 10 * time.Minute // a line without a number may be meant for one that ended less than this ago
)

// question is a prompt on the screen. Its fields belong to Driver.mu.
type question struct {
	n       int // what the person calls it: #1, #2
	p       notifier.Prompt
	reply   chan notifier.Reply
	byName  bool // only a line that begins with #n answers it
	endedAt time.Time
	ours    bool // it ended by a line typed here
}

// Ask prints p and waits for the line that answers it; see [notifier.Asker].
//
// While one question is open, a line answers it. While several are, and after
// a picture was exchanged for another by somebody else, a line must begin with
// the number of its question, as in "#2 2 5": it may have been begun before
// the newest was on the screen.
func (d *Driver) Ask(ctx context.Context, p notifier.Prompt) (notifier.Reply, error) {
	if !p.Deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, p.Deadline, notifier.ErrExpired)
		defer cancel()
	}
	q, err := d.begin(p)
	if err != nil {
		return notifier.Reply{}, err
	}
	select {
	case r := <-q.reply:
		return r, nil
	case <-ctx.Done():
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case r := <-q.reply: // at the same moment; its writer was thanked
		return r, nil
	default:
	}
	reason, cause := p.Ended(ctx)
	d.end(q)
	d.say(q.name() + " " + clean(reason))
	return notifier.Reply{}, cause
}

// begin puts p on the screen.
func (d *Driver) begin(p notifier.Prompt) (*question, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	q := &question{n: d.count + 1, p: p, reply: make(chan notifier.Reply, 1)}
	if p.Kind == notifier.Picture && p.Replaces != "" {
		// The old one may not have been withdrawn yet.
		q.byName = slices.ContainsFunc(slices.Concat(d.open, d.ended), func(o *question) bool {
			return o.p.ID == p.Replaces && !o.ours
		})
	}
	now := time.Now()
	if !p.Deadline.IsZero() {
		now = now.In(p.Deadline.Location())
	}
	head := now.Format(time.TimeOnly) + " " + q.name() + " " + clean(p.Title)
	how := ""
	if q.byName || len(d.open) > 0 {
		how = q.nameIt()
	}
	if err := d.print(head, p.Body()); err != nil {
		return nil, err
	}
	if len(p.Image) > 0 {
		if err := d.show(p); err != nil {
			return nil, err
		}
	}
	if err := d.print("", p.DeadlineLine(now), p.Link, how); err != nil {
		return nil, err
	}
	q.p.Image = nil
	d.count++
	d.open = append(d.open, q)
	return q, nil
}

// show draws the picture of p, or says why not.
func (d *Driver) show(p notifier.Prompt) error {
	var b bytes.Buffer
	if drawn := paint(&b, p, d.width()); !drawn {
		why := fmt.Sprintf(p.Lang.Pick("（这里画不出图片：要 %d 列宽的彩色终端。）", "(The picture cannot be drawn here: that takes a colour terminal of %d columns.)"), minColumns)
		if p.Link != "" {
			why = p.Lang.Pick("（图片请在链接里看。）", "(Open the link for the picture.)")
		}
		return d.print("", why)
	}
	return d.write(b.Bytes())
}

// hear takes one typed line.
func (d *Driver) hear(line string) {
	line = strings.TrimSpace(clean(strings.ReplaceAll(line, "\t", " ")))
	if line == "" {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	n, text, named := split(line)
	if named {
		same := func(q *question) bool { return q.n == n }
		if i := slices.IndexFunc(d.open, same); i >= 0 {
			d.answer(d.open[i], text)
			return
		}
		switch i := slices.IndexFunc(d.ended, same); {
		case i < 0:
			d.say(d.lang.NoQuestion())
		case slices.ContainsFunc(d.open, func(q *question) bool { return q.p.Replaces == d.ended[i].p.ID }):
			d.say(d.ended[i].p.Lang.Superseded())
		default:
			d.say(d.ended[i].p.Lang.Late())
		}
		return
	}
	switch {
	case len(d.open) == 1 && !d.open[0].byName:
		d.answer(d.open[0], text)
	case len(d.open) > 0:
		d.say(d.open[len(d.open)-1].nameIt())
	default:
		d.idle(text)
	}
}

// idle takes a line typed while no question is open.
func (d *Driver) idle(text string) {
	for _, q := range slices.Backward(d.ended) {
		if _, err := q.p.Parse(text); err == nil && time.Since(q.endedAt) < lateAfter {
			d.say(q.p.Lang.Late())
			return
		}
	}
	d.say(d.lang.NoQuestion())
}

// answer takes text as the reply to q, if it is one.
func (d *Driver) answer(q *question, text string) {
	if q.expired() {
		d.say(q.p.Lang.Late())
		return
	}
	r, err := q.p.Parse(text)
	if err != nil {
		d.say(err.Error())
		return
	}
	r.Channel, r.At = channel, time.Now()
	q.reply <- r // never blocks: a question ends with its one reply
	q.ours = true
	d.end(q)
	d.say(q.p.Lang.Ack(r.Action))
}

// end moves q from the open to the ended questions.
func (d *Driver) end(q *question) {
	q.endedAt = time.Now()
	d.open = slices.DeleteFunc(d.open, func(o *question) bool { return o == q })
	d.ended = append(d.ended, q)
	if n := len(d.ended) - maxEnded; n > 0 {
		d.ended = slices.Delete(d.ended, 0, n)
	}
}

func (q *question) expired() bool {
	return !q.p.Deadline.IsZero() && !time.Now().Before(q.p.Deadline)
}

func (q *question) name() string { return "#" + strconv.Itoa(q.n) }

// nameIt says how to answer q and no other.
func (q *question) nameIt() string {
	answer := "x"
	switch q.p.Kind {
	case notifier.Picture:
		answer = "2 5"
	case notifier.SMS:
		answer = "123456"
	case notifier.Offer:
		answer = q.p.Lang.Pick("要", "yes")
	case notifier.App:
		answer = q.p.Lang.Pick("好了", "done")
	}
	return fmt.Sprintf(q.p.Lang.Pick("回答时请写上问题的编号，例如：%s %s", "Begin your answer with the number of the question, such as: %s %s"), q.name(), answer)
}

// split takes the number off a line such as "#2 2 5".
func split(line string) (n int, text string, named bool) {
	rest, ok := strings.CutPrefix(strings.Replace(line, "＃", "#", 1), "#")
	if !ok {
		return 0, line, false
	}
	number, text, _ := strings.Cut(strings.TrimLeft(rest, " "), " ")
	n, err := strconv.Atoi(number)
	return n, text, err == nil
}
