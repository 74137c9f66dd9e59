package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher"
)

// maxName is the longest name of a rule or a passenger, in bytes.
const maxName = 120

func (k *checker) rules() {
	if len(k.c.Rules) == 0 {
		k.wrong("rules", "no rule to watch; the least is one with date, from and to")
		return
	}
	named := make(map[string]int)
	k.seats = watcher.DefaultSeats()
	for i := range k.c.Rules {
		r := &k.c.Rules[i]
		key := nth("rules", i)
		k.rule(r, key)
		k.name(i, named)
	}
	k.overlaps()
	k.load()
}

func (k *checker) rule(r *watcher.Rule, key string) {
	for _, need := range []struct {
		key     string
		have    bool
		example string
	}{
		{"date", len(r.Dates) > 0, "2027-02-03"},
		{"from", len(r.From) > 0, "广州南"},
		{"to", len(r.To) > 0, "武汉"},
	} {
		if !need.have && !k.bad(key) {
			k.wrong(join(key, need.key), "missing; write %s: %s", need.key, need.example)
		} else if !need.have {
			// Something else is wrong with the rule. Say this too, unless it
			// is the same: a misspelt key, or a rule that is no group of keys.
			k.missing(key, need.key, need.example)
		}
	}
	if len(r.From) > 0 && len(r.To) > 0 && !slices.ContainsFunc(r.From, func(s twelve306.Station) bool {
		return slices.ContainsFunc(r.To, func(t twelve306.Station) bool { return t.Code != s.Code })
	}) {
		k.wrong(join(key, "to"), "from and to are the same station, %s", r.To[0].Name)
	}
	if r.Seats == nil {
		r.Seats = k.seats
	}
	if r.Schedule == nil {
		r.Schedule = k.c.Schedule
	}
	k.passengers(r, key)
	k.seatChoice(r, key)
	k.berth(r, key)
	k.action(r, key)
	k.told(r, key)
	if p := r.Priority; p < -watcher.MaxPriority || p > watcher.MaxPriority {
		k.wrong(join(key, "priority"), "%d is not between %d and %d; 1 is looked at twice as often as 0 when not all can be", p, -watcher.MaxPriority, watcher.MaxPriority)
	}
	k.dateWarnings(r, key)
	k.closedHours(r, key)
	k.late(r, key)
	k.impossible(r, key)
}

// missing reports a key that a rule needs, when the rule has other mistakes.
func (k *checker) missing(rule, key, example string) {
	if k.marks[rule]&wrongHere != 0 || k.marks[join(rule, key)]&misspelt != 0 {
		return
	}
	k.wrong(join(rule, key), "missing; write %s: %s", key, example)
}

func (k *checker) passengers(r *watcher.Rule, key string) {
	key = join(key, "passengers")
	if len(r.Passengers) > watcher.MaxPassengers {
		k.wrong(key, "%d passengers; one order of 12306 holds at most %d. Make two rules", len(r.Passengers), watcher.MaxPassengers)
	}
	k.tickets(r, key)
	if r.Partial && len(r.Passengers) < 2 && !k.bad(key) {
		k.warn(strings.TrimSuffix(key, "passengers")+"partial", "does nothing with fewer than two passengers")
	}
}

func (k *checker) action(r *watcher.Rule, key string) {
	account := k.c.Twelve306.HasAccount()
	at := join(key, "action")
	if r.Action == "" {
		r.Action = watcher.ActionNotify
		if account && len(r.Passengers) > 0 {
			r.Action = watcher.ActionBook
		}
		return
	}
	if !r.Action.Orders() || k.bad(at) {
		return
	}
	var lacks []string
	if len(r.Passengers) == 0 && !k.unclear(join(key, "passengers")) {
		lacks = append(lacks, "passengers: [张三] in this rule")
	}
	if !account && !k.unclear("twelve306") {
		lacks = append(lacks, "twelve306.username and password_file")
	}
	if len(lacks) > 0 {
		k.wrong(at, "%s needs %s; or write action: notify", r.Action, strings.Join(lacks, " and "))
	}
}

func (k *checker) dateWarnings(r *watcher.Rule, key string) {
	if len(r.Dates) == 0 {
		return
	}
	past := 0
	for past < len(r.Dates) && r.Dates[past].Before(k.today) {
		past++
	}
	key = join(key, "date")
	last := r.Dates[len(r.Dates)-1]
	switch {
	case past == len(r.Dates):
		k.warn(key, "every day is past (the last is %v); the rule is done", last)
	case past == 1:
		k.warn(key, "%v is past and is skipped", r.Dates[0])
	case past > 1:
		k.warn(key, "%v and %d more days are past and are skipped", r.Dates[0], past-1)
	case k.today.AddDays(366).Before(last):
		k.warn(key, "%v is more than a year ahead; is the year right?", last)
	}
	k.season(r, key, past)
}

// closedHours warns of a schedule that only looks while 12306 is closed, or on
// a day that the next year does not have.
func (k *checker) closedHours(r *watcher.Rule, key string) {
	hours := k.c.Twelve306.ServiceHours
	if k.bad("twelve306.service_hours") || k.bad("schedule") || k.bad("timezone") {
		return
	}
	if k.firstLook(r.Schedule).IsZero() {
		at := join(key, "schedule")
		if !k.given(at) {
			at = "schedule"
		}
		day := k.today.Time().In(k.c.Location)
		switch next := r.Schedule.Next(day); {
		case k.marks[at]&warned != 0:
		case next.IsZero() || next.After(day.AddDate(1, 0, 1)):
			k.warn(at, "%q does not come within a year, so it never looks", r.Schedule)
		default:
			k.warn(at, "it looks only while 12306 is closed (service_hours %v), so it never looks", hours)
		}
	}
}

// firstLook is when a schedule looks next, counted from the beginning of today.
func (k *checker) firstLook(s watcher.Schedule) time.Time {
	at, known := k.next[s]
	if !known {
		at = watcher.NextLook(s, k.c.Twelve306.ServiceHours, k.today.Time().In(k.c.Location))
		k.next[s] = at
	}
	return at
}

// name checks a rule's name, or makes one of its stations. A rule is its name,
// so a made-up name must not move from one rule to another when the file is
// edited: of two that would be called the same, one has to be named.
func (k *checker) name(i int, named map[string]int) {
	r, at := &k.c.Rules[i], nth("rules", i)+".name"
	if k.bad(at) {
		return
	}
	made := strings.TrimSpace(r.Name) == ""
	switch {
	case made && (len(r.From) == 0 || len(r.To) == 0):
		return
	case made:
		r.Name = r.From[0].Name + "-" + r.To[0].Name
	case strings.IndexFunc(r.Name, unicode.IsControl) >= 0:
		k.wrong(at, "a line break or another control character in a name")
		return
	case len(r.Name) > maxName:
		k.wrong(at, "longer than %d bytes", maxName)
		return
	}
	r.Name = strings.TrimSpace(r.Name)
	first, taken := named[r.Name]
	switch {
	case taken && made:
		k.wrong(at, "missing, and rules[%d] is called %s already; give this rule a name", first, r.Name)
	case taken:
		k.wrong(at, "rules[%d] is called %q already; a rule is its name", first, r.Name)
	default:
		named[r.Name] = i
	}
}

// overlaps warns of rules that would book the same person twice for a day.
func (k *checker) overlaps() {
	type trip struct {
		name string
		day  twelve306.Date
	}
	taken := make(map[trip]int)
	for i := range k.c.Rules {
		r := &k.c.Rules[i]
		if !r.Enabled || !r.Action.Orders() {
			continue
		}
		told := false
		for _, day := range r.Dates {
			for _, name := range r.Passengers {
				t := trip{name, day}
				other, ok := taken[t]
				if !ok {
					taken[t] = i
				} else if !told && other != i && !day.Before(k.today) {
					told = true
					k.warn(fmt.Sprintf("rules[%d].passengers", i), "%s is booked on %v by rules[%d] (%s) too; whichever finds seats first books, and then the other as well", name, day, other, k.c.Rules[other].Name)
				}
			}
		}
	}
}

// maxRound is how long a round of all questions may take unremarked.
const maxRound = 2 * time.Minute

// load warns of more questions than can be asked often.
func (k *checker) load() {
	if len(k.problems) > 0 {
		return
	}
	queries, gap := k.c.round(k.today)
	if round := time.Duration(queries) * gap; round > maxRound {
		k.warn("rules", "%d different queries (days × stations), one every %s: a round takes %s", queries, shortDuration(gap), shortDuration(round.Round(time.Second)))
	}
}

// round returns how many different queries there are, and how long one takes at
// least: together they bound how often a rule looks, whatever its schedule says.
func (c *Config) round(today twelve306.Date) (queries int, gap time.Duration) {
	asked := make(map[twelve306.Journey]bool)
	for i := range c.Rules {
		r := &c.Rules[i]
		if !r.Enabled {
			continue
		}
		for _, j := range r.Journeys() {
			if !j.Date.Before(today) {
				asked[j] = true
			}
		}
	}
	gap = c.Twelve306.MinInterval
	if budget := c.Twelve306.Budget; budget > 0 {
		gap = max(gap, 5*time.Minute/time.Duration(budget))
	}
	return len(asked), gap
}
