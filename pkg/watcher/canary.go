package watcher

import (
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/twelve306"
)

// blindSpot is a journey of which a rule cannot see what it wants, while looks
// in general may well work: 12306 writes a word that nobody knows about every
// seat that matters, lists no trains for this one day, or refuses to be asked
// about it.
type blindSpot struct {
	since time.Time // when the looks in a row began; zero while the rule finds something else
	looks int
}

// puzzled counts a look at a journey in which the rule could not see. It reports
// when that is to be told, by the rule that holds for blindness in general: once,
// and not again until the rule has seen everything in between; not while nothing
// at all can be seen. kept says where a copy of the answers lies.
func (w *Watcher) puzzled(r *watched, j twelve306.Journey, now time.Time) (kept string, turned bool) {
	w.mu.Lock()
	if w.byName[r.Name] != r {
		w.mu.Unlock()
		return "", false
	}
	s := r.spots[j]
	if s == nil {
		s = &blindSpot{}
		r.spots[j] = s
	}
	if s.since.IsZero() {
		s.since = now
	}
	s.looks++
	since := s.since
	if w.sight.opened.After(since) { // a night without looks is no blindness
		since = w.sight.opened
	}
	turned = r.blindSince.IsZero() && !w.sight.blind && s.looks >= blindLooks && now.Sub(since) >= blindTime
	if turned {
		r.blindSince = s.since
	}
	since = s.since
	w.mu.Unlock()
	if turned {
		kept = w.keptCopy(since)
	}
	return kept, turned
}

// sawOthers ends the row of looks without forgetting what was told.
func (r *watched) sawOthers(j twelve306.Journey) {
	if s := r.spots[j]; s != nil {
		*s = blindSpot{}
	}
}

// seesJourney forgets the blind spot of a journey, and tells the end of the
// rule's blindness when it was the last one. The caller holds no lock.
func (w *Watcher) seesJourney(r *watched, j twelve306.Journey, now time.Time) {
	w.mu.Lock()
	delete(r.spots, j)
	for k := range r.spots {
		if k.Date.Before(twelve306.DateOf(now)) {
			delete(r.spots, k)
		}
	}
	since := r.blindSince
	over := !since.IsZero() && len(r.spots) == 0
	if over {
		r.blindSince = time.Time{}
	}
	w.mu.Unlock()
	if over {
		w.log.Info("the rule can be judged again", zap.String("rule", r.Name), zap.Time("since", since))
		n := w.say.seesAgain(since, now)
		n.Rule = r.Name
		w.tell(n)
	}
}

// puzzle is what is not understood about the trains that a rule wants.
type puzzle struct {
	train, words string // the first of them
	more         int    // how many other trains there are
}

// puzzleOf looks for wanted trains that cannot be judged.
func (r *watched) puzzleOf(j twelve306.Journey, trains []*twelve306.Train) puzzle {
	var p puzzle
	for _, t := range trains {
		_, why, ok := r.Verdict(j, t)
		switch {
		case ok || why.Kind != Unreadable:
		case p.train == "":
			p.train, p.words = t.Code(), why.Words
		default:
			p.more++
		}
	}
	return p
}

// judged takes up whether a look at a journey let the rule judge its trains.
func (w *Watcher) judged(r *watched, j twelve306.Journey, trains []*twelve306.Train, found bool, now time.Time) {
	w.mu.Lock()
	spot := r.spots[j] != nil
	w.mu.Unlock()
	if found && !spot {
		return
	}
	switch p := r.puzzleOf(j, trains); {
	case p.train == "":
		w.seesJourney(r, j, now)
	case found:
		w.mu.Lock()
		r.sawOthers(j)
		w.mu.Unlock()
	default:
		if kept, turned := w.puzzled(r, j, now); turned {
			w.tell(w.say.unknownWord(r.Name, j, p.train, p.words, p.more, kept))
		}
	}
}

// keptCopy says where the copies lie, if one was kept since then.
func (w *Watcher) keptCopy(since time.Time) string {
	if !w.copies.keptSince(since) {
		return ""
	}
	return w.say.captured()
}

// believed reports whether an answer without trains follows upon one that was
// not believed.
func (q *query) believed(trains []twelve306.Train) bool {
	return !q.emptied.IsZero() && len(trains) == 0
}

// suspects notes that a query is answered with an empty list where there were
// trains.
func (q *query) suspects(err error, now time.Time) {
	_, ok := errors.AsType[twelve306.Emptied](err)
	switch {
	case !ok:
	case q.emptied.IsZero():
		q.emptied = now
	}
}
