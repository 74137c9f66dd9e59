package watcher

import (
	"reflect"
	"slices"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
)

// ruleChanges are the names of the rules that an edit changed.
type ruleChanges struct{ added, changed, removed, renamed []string }

func (w *Watcher) changeRules(rules []Rule) ruleChanges {
	old := w.renames(rules)
	var r ruleChanges
	for to, from := range old {
		w.recordAlways(nil, Event{Kind: Renamed, Rule: to, Before: from})
		r.renamed = append(r.renamed, from+" → "+to)
	}
	slices.Sort(r.renamed)
	r.added, r.changed, r.removed = w.setRules(rules)
	r.added = slices.DeleteFunc(r.added, func(name string) bool { return old[name] != "" })
	r.removed = slices.DeleteFunc(r.removed, func(name string) bool {
		for _, from := range old {
			if from == name {
				return true
			}
		}
		return false
	})
	return r
}

// renames finds the rules that an edit gave another name and nothing else. A
// rule is its name; but one that has booked must not book again because of a
// nicer one, nor one look that was paused. Those without a history are simply
// other rules. A rename while no daemon runs cannot be seen: the journal keeps
// what rules did, not what they say.
func (w *Watcher) renames(rules []Rule) (from map[string]string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	there := make(map[string]bool, len(rules))
	for i := range rules {
		there[rules[i].Name] = true
	}
	from = map[string]string{}
	for _, e := range w.rules {
		if there[e.Name] || !w.state.remembers(e.Name) {
			continue
		}
		for _, r := range rules {
			to := r.Name
			if w.byName[to] != nil || from[to] != "" || w.state.remembers(to) {
				continue
			}
			r.Name = e.Name
			if sameRule(e.Rule, r) {
				from[to] = e.Name
				break
			}
		}
	}
	return from
}

// setRules puts rules in force and says what changed, by name.
func (w *Watcher) setRules(rules []Rule) (added, changed, removed []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.edition++
	old := w.byName
	w.byName = make(map[string]*watched, len(rules))
	w.rules = w.rules[:0:0]
	for _, r := range rules {
		e := old[r.Name]
		switch {
		case e == nil:
			added = append(added, r.Name)
		case !sameRule(e.Rule, r):
			changed = append(changed, r.Name)
			e = e.rescheduled(r)
		}
		if e == nil {
			e = &watched{Rule: r, offered: map[seatKey]bool{}, rests: map[seatKey]rest{}, warned: map[string]bool{},
				waits: map[twelve306.Date]bool{}, opens: map[twelve306.Journey]time.Time{}, spots: map[twelve306.Journey]*blindSpot{}}
		}
		w.copies.keeps(r.Passengers...)
		w.rules = append(w.rules, e)
		w.byName[r.Name] = e
	}
	for name := range old {
		if w.byName[name] == nil {
			removed = append(removed, name)
		}
	}
	slices.Sort(removed)
	return added, changed, removed
}

// rescheduled is the rule at work with what it has found, when an edit changed
// no more than when it looks: what the user was told is not told again. It is
// nil for any other edit. It is a copy: whoever is at work with the old one
// reads that without a lock.
func (r *watched) rescheduled(to Rule) *watched {
	same := to
	same.Schedule, same.Priority = r.Schedule, r.Priority
	if !sameRule(r.Rule, same) {
		return nil
	}
	n := *r
	n.Rule, n.wants, n.asking = to, nil, false
	return &n
}

// sameRule compares two rules by what they say.
func sameRule(a, b Rule) bool { return reflect.DeepEqual(a, b) }
