package web

import (
	"bytes"
	"context"
	"image"
	_ "image/jpeg" // the formats in which 12306 sends pictures
	_ "image/png"
	"slices"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// Ended questions are remembered, without their pictures, to say how they
// ended.
const (
	keepFor  = 6 * time.Hour
	keepMost = 256
)

// maxPicture is the size in bytes above which a picture is not shown.
const maxPicture = 256 << 10

// question is a prompt behind its link. Its fields belong to Server.mu, but
// for those above reply, which never change.
type question struct {
	token   string
	p       notifier.Prompt
	made    time.Time
	format  string // of the picture: jpeg, png, or empty when there is none
	captcha bool   // the picture has the size at which the tiles lie where they should
	reply   chan notifier.Reply

	end    string          // how it ended; empty while it is open
	endAt  time.Time       //
	ours   bool            // it ended by a reply on this page
	action notifier.Action // of that reply
	said   string          // that reply, in words
	wrong  string          // why that led to nothing; empty: it is not known to
	next   *question       // has taken its place
}

// Link returns the address of p's answer page, the same one each time. The
// page can be opened at once; see [notifier.Fanout].Link.
func (s *Server) Link(p *notifier.Prompt) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.base + "/q/" + s.asked(*p).token
}

// Ask shows p behind its link and waits; see [notifier.Asker].
func (s *Server) Ask(ctx context.Context, p notifier.Prompt) (notifier.Reply, error) {
	if !p.Deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, p.Deadline, notifier.ErrExpired)
		defer cancel()
	}
	s.mu.Lock()
	q := s.asked(p)
	s.mu.Unlock()

	select {
	case r := <-q.reply:
		return r, nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case r := <-q.reply: // at the same moment; its writer was thanked
		return r, nil
	default:
	}
	reason, cause := p.Ended(ctx)
	q.close(reason)
	return notifier.Reply{}, cause
}

// asked returns the question that asks p, a new one when there is none.
// Callers hold s.mu.
func (s *Server) asked(p notifier.Prompt) *question {
	if q := s.byID[p.ID]; q != nil {
		return q
	}
	now := time.Now()
	s.forget(now)
	q := &question{token: notifier.NewID(), p: p, made: now, reply: make(chan notifier.Reply, 1)}
	if len(p.Image) <= maxPicture {
		if c, format, err := image.DecodeConfig(bytes.NewReader(p.Image)); err == nil {
			q.format = format
			q.captcha = p.Kind == notifier.Picture && c.Width == 293 && c.Height == 190
		}
	}
	s.questions[q.token], s.byID[p.ID] = q, q
	s.order = append(s.order, q)
	if old := s.byID[p.Replaces]; old != nil && old != q {
		old.next = q
	}
	return q
}

// forget drops what is too old or too much, ended questions first.
func (s *Server) forget(now time.Time) {
	tooMany := len(s.order) - keepMost + 1
	s.order = slices.DeleteFunc(s.order, func(q *question) bool {
		over := q.end != "" || q.expired(now)
		last := q.endAt
		if last.IsZero() {
			last = q.made
		}
		old := over && now.Sub(last) > keepFor
		if !old && (tooMany <= 0 || !over) {
			return false
		}
		tooMany--
		delete(s.questions, q.token)
		delete(s.byID, q.p.ID)
		return true
	})
}

// expired reports whether q can no longer be answered because of the time.
func (q *question) expired(now time.Time) bool {
	return !q.p.Deadline.IsZero() && !now.Before(q.p.Deadline)
}

// close ends q, once. Callers hold Server.mu.
func (q *question) close(reason string) {
	if q.end != "" {
		return
	}
	q.end, q.endAt = reason, time.Now()
	q.p.Image, q.format = nil, ""
}

// Amend implements [notifier.Amender].
func (s *Server) Amend(id, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q := s.byID[id]; q != nil && q.ours {
		q.wrong = text
	}
}

// newest returns the question that has taken q's place in the end, q itself
// when none has.
func (q *question) newest() *question {
	for q.next != nil {
		q = q.next
	}
	return q
}
