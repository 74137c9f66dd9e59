package email

import (
	"cmp"
	"errors"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// person returns the configured address that wrote m; nil for a stranger, and
// for a mail that no person wrote.
func (d *Driver) person(m *received) *mail.Address {
	if m.automatic {
		return nil
	}
	for i := range d.to {
		if strings.EqualFold(d.to[i].Address, m.from) {
			return &d.to[i]
		}
	}
	return nil
}

// hear takes a mail and reports whether it was used, that is whether it was
// about something of ours and the person was answered.
func (d *Driver) hear(m *received) bool {
	from := d.person(m)
	if from == nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	asked, shown := m.about(func(id string) bool { return d.question(id) != nil })
	if shown != "" {
		return d.hearSeen(m, shown, *from)
	}
	q := d.question(asked)
	switch {
	case q == nil || m.id != "" && m.id == q.used:
		return false
	case q.end || !q.p.Deadline.IsZero() && !time.Now().Before(q.p.Deadline):
		return d.hearLate(m, q, *from)
	}
	r, err := q.p.Parse(m.line())
	if err != nil {
		var no *notifier.NotAnswer
		if errors.As(err, &no) && q.words < maxWordsSent {
			d.say(q, no.Error(), m.id, *from)
		}
		return true
	}
	r.Channel, r.At, r.By = d.name, time.Now(), name(*from)
	q.used = cmp.Or(m.id, "?")
	q.reply <- r // before anything is sent: the answer must not wait
	d.finish(q)
	d.say(q, q.p.Lang.Ack(r.Action), m.id, *from)
	others := slices.DeleteFunc(slices.Clone(d.to), func(a mail.Address) bool { return a == *from })
	d.say(q, q.p.Lang.EndedBy(r), "", others...)
	return true
}

// question returns the question with that ID, if it is known. Callers hold d.mu.
func (d *Driver) question(id string) *question {
	for _, q := range d.known() {
		if q.p.ID == id {
			return q
		}
	}
	return nil
}

// hearLate tells who has answered a question that has ended: every time when
// another has taken its place, because somebody waits for an answer, else once.
func (d *Driver) hearLate(m *received, q *question, from mail.Address) bool {
	if _, err := q.p.Parse(m.line()); err != nil {
		return false // a word of thanks
	}
	switch {
	case q.newer && len(d.open) > 0 && q.words < maxWordsSent:
		d.say(q, q.p.Lang.Superseded(), m.id, from)
	case !q.told:
		q.told = true
		d.say(q, q.p.Lang.Late(), m.id, from)
	}
	return true
}

// hearSeen takes the word of the person that he has seen a message, perhaps
// one of a former life of the daemon.
func (d *Driver) hearSeen(m *received, id string, from mail.Address) bool {
	if !notifier.IsKnown(m.line()) {
		return false
	}
	select {
	case d.seen <- sighting{id, name(from)}:
	default: // nobody listens; the next reminder can be answered again
		return false
	}
	l := letter{
		ID: "wd-word." + notifier.NewID() + "@" + d.domain, Subject: "Re: " + d.lang.Known(), Lang: d.lang, Text: d.lang.Quiet(),
	}
	if m.subject != "" {
		l.Subject = m.subject
	}
	if messageID(m.id) {
		l.Thread = []string{m.id}
	}
	d.send(l, []mail.Address{from})
	return true
}

// name is what a person is called in the news: as `to` names him.
func name(a mail.Address) string { return cmp.Or(a.Name, a.Address) }
