package watcher

import (
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
	"github.com/watcherd/watcherd/pkg/watcher/internal/store"
)

// sense reads the news as the user does, one after the other: none of them
// contradicts what he was told before, and nothing is left hanging.
func (s *scene) sense() {
	t := s.t
	copies := map[string]int{}        // by ID
	holds := map[string]string{}      // by rule: the order that waits for payment
	over := map[string]NewsKind{}     // by order: how it ended
	hanging := map[string]time.Time{} // by rule: "a seat may be held"
	blind := map[string]bool{}        // by rule; "" is everything
	last := time.Time{}
	for i, m := range s.phone.news {
		if copies[m.ID]++; copies[m.ID] > len(s.lives) {
			t.Errorf("told %d times in %d lives: %s", copies[m.ID], len(s.lives), m.Title)
		}
		if copies[m.ID] > 1 { // a crash before it was known that it had arrived
			continue
		}
		if m.At.Before(last) {
			t.Errorf("told out of order: %q of %v after one of %v", m.Title, m.At, last)
		}
		last = m.At
		var v OrderView
		if len(m.Order) > 0 && json.Unmarshal(m.Order, &v) != nil {
			continue // told by orders
		}
		kind := NewsKind(m.Kind)
		switch kind {
		case NewsBooked, NewsReminder, NewsPaid, NewsExpired:
			end := over[v.Number]
			if s.set.forgets && end != "" {
				continue
			}
			if end != "" {
				t.Errorf("told %s of the order %s, which was told to be %s", kind, v.Number, end)
			}
			found := (kind == NewsPaid || kind == NewsExpired) && holds[m.Rule] == "" // it ended while nobody could be told that it is held
			if kind != NewsBooked && holds[m.Rule] != v.Number && !found {
				t.Errorf("told %s of the order %s before it was told to be booked", kind, v.Number)
			}
		case NewsFailed:
			s.trueFailure(m, s.phone.came[i])
			if n := holds[m.Rule]; n != "" {
				t.Errorf("told %q while the order %s of the same rule waits for payment", m.Title, n)
			}
		}
		switch kind {
		case NewsBooked:
			holds[m.Rule] = v.Number
			delete(hanging, m.Rule)
		case NewsPaid, NewsExpired:
			over[v.Number] = kind
			delete(holds, m.Rule)
			delete(hanging, m.Rule)
		case NewsFailed:
			delete(hanging, m.Rule)
		case NewsLoginFailed, NewsHeldElsewhere:
			if strings.Contains(m.Title, "可能已占到座") {
				hanging[m.Rule] = m.At
			}
		case NewsStarted: // what a life is blind to dies with it
			clear(blind)
		case NewsBlind, NewsSeesAgain:
			if blind[m.Rule] == (kind == NewsBlind) {
				t.Errorf("told %s twice in a row: %s", kind, m.Title)
			}
			blind[m.Rule] = kind == NewsBlind
		}
	}
	if len(hanging) > 0 && s.now().w.state.Open() == nil {
		t.Errorf("told that a seat may be held, and never how it ended: %v", hanging)
	}
}

// trueFailure checks that 12306 held nothing for the rule when it was told that
// there is no seat. What came late speaks of an earlier moment.
func (s *scene) trueFailure(m notifier.Message, came time.Time) {
	if came.Sub(m.At) >= time.Second { // messages are dated to the second
		return
	}
	for _, o := range s.site.AllOrders() {
		if !o.Planted && o.State != railsim.Failed && !came.Before(o.Asked) && came.Before(s.ended(o)) && s.bookedFor(o.Number, m.Rule) {
			s.t.Errorf("told %q at %v while 12306 held order %s", m.Title, came, o.Number)
		}
	}
}

// bookedFor reports whether an order is the rule's, as far as anybody was told.
func (s *scene) bookedFor(number, rule string) bool {
	for _, m := range s.phone.news {
		var v OrderView
		if (m.Kind == string(NewsBooked) || m.Kind == string(NewsPaid)) && json.Unmarshal(m.Order, &v) == nil && v.Number == number {
			return m.Rule == rule
		}
	}
	return true
}

// written looks at the disk when a request that spends something leaves: what
// it needs must be there. The confirm needs its intent, an answer the mark that
// it is used.
func (s *scene) written(form url.Values, path string) {
	question, attempt := "", false
	switch {
	case strings.HasSuffix(path, "/confirmSingleForQueue"), strings.HasSuffix(path, "/confirmSingle"):
		attempt = true
	case strings.HasSuffix(path, "/captcha-check"), strings.HasSuffix(path, "/checkRandCodeAnsyn"),
		strings.HasSuffix(path, "/web/login") && form.Get("randCode") != "":
		var newest time.Time
		for _, p := range append(s.others, s.phone) {
			for _, q := range p.questions("") {
				if q.Kind != notifier.Offer && !q.at.Before(newest) {
					question, newest = q.ID, q.at
				}
			}
		}
	default:
		return
	}
	s.mu.Lock()
	dir := s.dir
	s.mu.Unlock()
	disk, err := store.View(dir)
	if err != nil {
		s.t.Errorf("looking at the disk: %v", err)
		return
	}
	defer disk.Close()
	var last Event // of an attempt
	used := false
	if err := disk.Events(func(r store.Record) error {
		e, err := readEvent(r)
		if e.Attempt != "" && e.Kind != QuestionOpened && e.Kind != AnswerUsed {
			last = e
		}
		used = used || e.Kind == AnswerUsed && e.Question == question
		return err
	}); err != nil {
		s.t.Errorf("looking at the disk: %v", err)
	}
	switch {
	case attempt && last.Kind != Confirming && last.Kind != Unsent:
		s.t.Errorf("a confirm left before its intent was on the disk; the last thing there is %q", last.Kind)
	case question != "" && !used:
		s.t.Errorf("an answer left before it was on the disk that it is used: %s", path)
	}
}
