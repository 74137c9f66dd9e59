package config

import (
	"slices"
	"strings"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher"
)

// shortestRide is shorter than any two stations of 12306 are apart.
const shortestRide = 10 * time.Minute

// impossible warns of wishes that no train can meet.
func (k *checker) impossible(r *watcher.Rule, key string) {
	at := join(key, "max_duration")
	switch least := leastRide(r.Depart, r.Arrive); {
	case r.MaxDuration == 0:
	case r.MaxDuration < shortestRide && r.MaxDuration%time.Minute == 0:
		k.warn(at, "no train is that fast; did you mean %dh?", int(r.MaxDuration.Minutes()))
	case r.MaxDuration < shortestRide:
		k.warn(at, "no train is that fast; write it as 6h or 90m")
	case least > r.MaxDuration:
		k.warn(at, "who departs %v and arrives %v is under way for %s at least, so no train will do", r.Depart, r.Arrive, shortDuration(least))
	}
	k.excluded(r, join(key, "trains"))
	if !k.bad(join(key, "trains")) && k.given(join(key, "seats")) {
		k.seatsOfTrains(r, join(key, "seats"))
	}
}

// leastRide is the shortest time from a moment in one window to one in another.
func leastRide(depart, arrive watcher.Window) time.Duration {
	const day = 24 * 60
	if depart.IsZero() || arrive.IsZero() || depart.Contains(arrive.From) || arrive.Contains(depart.To) && depart.To%day != arrive.To%day {
		return 0
	}
	return time.Duration((arrive.From-depart.To+day)%day) * time.Minute
}

// excluded warns of trains that are wanted and excluded.
func (k *checker) excluded(r *watcher.Rule, key string) {
	wanted := r.Trains.Wanted()
	if len(wanted) == 0 && !r.Trains.All() {
		wanted = []string{"*"}
	}
	var gone []string
	for _, w := range wanted {
		if r.Trains.Excludes(w) { // a wildcard is one character more to another that covers it
			gone = append(gone, w)
		}
	}
	switch {
	case len(gone) == 0:
	case len(gone) == len(wanted):
		k.warn(key, "every train of this rule is excluded (!%s), so nothing is left", strings.Join(r.Trains.Excluded(), ", !"))
	default:
		k.warn(key, "%s is wanted and excluded (!%s); it is excluded", strings.Join(gone, ", "), strings.Join(r.Trains.Excluded(), ", !"))
	}
}

// seatsOfTrains warns of seats that no train of the rule has, as far as its
// letter tells: 12306's pages show no such column filled for them.
func (k *checker) seatsOfTrains(r *watcher.Rule, key string) {
	wanted := r.Trains.Wanted()
	all := func(letters string) bool {
		return len(wanted) > 0 && !slices.ContainsFunc(wanted, func(w string) bool { return strings.IndexByte(letters, w[0]) < 0 })
	}
	var never []twelve306.Seat
	switch {
	case all("GC"):
		never = []twelve306.Seat{twelve306.HardSleeper, twelve306.HardSeat, twelve306.SoftSeat}
	case all("KTZ0123456789"):
		never = []twelve306.Seat{twelve306.Business, twelve306.Premier, twelve306.PreferredFirst, twelve306.MovingSleeper, twelve306.DeluxeMoving}
	}
	var names []string
	for _, s := range r.Seats {
		if slices.Contains(never, s) {
			names = append(names, s.Name()+" ("+s.English()+")")
		}
	}
	if len(names) > 0 {
		k.warn(key, "%s: trains like %s have no such seat", strings.Join(names, ", "), wanted[0])
	}
}

// late warns of a schedule that looks only when the last day is over.
func (k *checker) late(r *watcher.Rule, key string) {
	if len(r.Dates) == 0 || r.AllPast(k.today) || k.bad("schedule") || k.bad(key) || k.bad("timezone") || k.bad("twelve306.service_hours") {
		return
	}
	last := r.Dates[len(r.Dates)-1]
	next := k.firstLook(r.Schedule)
	if next.IsZero() || !last.Before(twelve306.DateOf(next)) {
		return // closedHours speaks of the one
	}
	at := join(key, "schedule")
	if !k.given(at) {
		at = "schedule"
	}
	if k.marks[at]&warned == 0 {
		k.warn(at, "it looks next on %v, and the last day of the rule is %v", twelve306.DateOf(next), last)
	}
}

// unheard warns of an account whose questions nobody can answer.
func (k *checker) unheard() {
	n := &k.c.Notify
	if !k.c.Twelve306.HasAccount() || n.None() || k.bad("notify") || k.bad("twelve306") {
		return
	}
	for _, e := range n.Email {
		if e.IMAP != nil {
			return
		}
	}
	for _, s := range n.Services {
		if s.Ntfy != nil && s.Ntfy.ReplyTopic != "" {
			return
		}
	}
	switch {
	case len(n.Telegram) > 0:
	case n.Web == nil:
		k.warn("notify", "no channel here hears an answer, and 12306 asks when one logs in; add telegram, email with imap, or web")
	case n.Web.PublicURL == "" && len(n.Email)+len(n.Services) > 0:
		k.warn("notify.web", "without public_url its links lead to this machine, and no other channel here hears an answer: on the road you could not log in")
	}
}
