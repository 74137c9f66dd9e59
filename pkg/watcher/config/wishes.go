package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher"
)

// passengers decodes names, with what their owners travel as behind them; the
// checks take the two apart. One person stands there once, whatever he travels
// as.
func (d *decoder) passengers(n *yaml.Node, key string) []string {
	var out, names []string
	d.items(n, key, "a name or a list of them", func(item *yaml.Node, key string) {
		text, ok := d.scalar(item, key, "a name")
		if !ok {
			return
		}
		name, _, err := twelve306.ParsePassenger(text)
		if err == nil {
			name, err = parsePerson(name)
		}
		switch {
		case err != nil:
			d.problem(item, key, "%s", unexpanded(err, text, item.Value, "a name"))
		case slices.Contains(names, name):
			d.problem(item, key, "%s is named twice", name)
		default:
			out, names = append(out, text), append(names, name)
		}
	})
	return out
}

// several decodes one value or a list of them, which may repeat.
func several[T any](d *decoder, n *yaml.Node, key, want string, parse func(string) (T, error)) []T {
	var out []T
	d.items(n, key, want+" or a list of them", func(item *yaml.Node, key string) {
		text, ok := d.scalar(item, key, want)
		if !ok {
			return
		}
		value, err := parse(text)
		if err != nil {
			d.problem(item, key, "%s", unexpanded(severalIn(err, text, want), text, item.Value, want))
			return
		}
		out = append(out, value)
	})
	return out
}

// tickets takes what the passengers travel as from behind their names.
func (k *checker) tickets(r *watcher.Rule, key string) {
	tickets := make([]twelve306.TicketType, len(r.Passengers))
	children, kinds := 0, 0
	for i, text := range r.Passengers {
		name, ticket, err := twelve306.ParsePassenger(text)
		if err != nil {
			continue // said where it was read
		}
		r.Passengers[i], tickets[i] = name, ticket
		if ticket != "" {
			kinds++
		}
		if ticket == twelve306.ChildTicket {
			children++
		}
	}
	if kinds > 0 {
		r.Tickets = tickets
	}
	if children > 0 && children == len(tickets) {
		k.wrong(key, "a child may not travel alone (儿童不能单独乘车); name an adult in the same rule")
	}
}

// season warns of students' tickets for days on which there are none: 12306
// has them for the summer from June to September and the winter from December
// to March.
func (k *checker) season(r *watcher.Rule, key string, past int) {
	if !slices.Contains(r.Tickets, twelve306.StudentTicket) {
		return
	}
	for _, day := range r.Dates[past:] {
		if day.Month > time.March && day.Month < time.June || day.Month > time.September && day.Month < time.December {
			k.warn(key, "12306 sells students' tickets for June to September and December to March; it will refuse %v", day)
			return
		}
	}
}

// wishes reports whether a list of wishes, one for each passenger, can be
// checked any further.
func (k *checker) wishes(r *watcher.Rule, rule, at string, n int) bool {
	switch {
	case n == 0 || k.bad(at) || k.unclear(join(rule, "passengers")) || k.bad(join(rule, "seats")):
		return false
	case len(r.Passengers) == 0:
		k.warn(at, "does nothing without passengers")
		return false
	case n != len(r.Passengers):
		k.wrong(at, "%d for %d passengers; write one for each", n, len(r.Passengers))
		return false
	}
	return true
}

// seatChoice checks that some seat of the rule can be what is wished for.
func (k *checker) seatChoice(r *watcher.Rule, key string) {
	at := join(key, "seat_choice")
	if !k.wishes(r, key, at, len(r.SeatChoice)) {
		return
	}
	var plans []string
	var planned []twelve306.Seat
	for _, s := range r.Seats {
		if letters := s.Letters(); letters != "" {
			planned = append(planned, s)
			plans = append(plans, fmt.Sprintf("%s (%s) has %s", s.Name(), s.English(), strings.Join(strings.Split(letters, ""), ", ")))
		}
	}
	if len(planned) == 0 {
		k.warn(at, "no seat of this rule can be chosen by its letter; it will be any seat")
		return
	}
	for i, w := range r.SeatChoice {
		if !slices.ContainsFunc(planned, w.Can) {
			one := nth(at, i)
			if k.at(one) == nil {
				one = at // it stands there alone
			}
			k.wrong(one, "no seat %s here; %s", w, strings.Join(plans, "; "))
		}
	}
	if k.bad(at) {
		return
	}
	if !slices.ContainsFunc(planned, func(s twelve306.Seat) bool { return twelve306.ChooseSeats(s, r.SeatChoice) != "" }) {
		k.wrong(at, "more of one kind than the two rows of 12306's plan hold; %s", strings.Join(plans, "; "))
	}
}

// berth checks that some seat of the rule can be what is wished for. A single
// value is meant for everybody.
func (k *checker) berth(r *watcher.Rule, key string) {
	at := join(key, "berth")
	if len(r.Berth) == 1 && len(r.Passengers) > 0 && k.at(at).Kind == yaml.ScalarNode {
		r.Berth = slices.Repeat(r.Berth, len(r.Passengers))
	}
	if !k.wishes(r, key, at, len(r.Berth)) {
		return
	}
	var missing []string
	for _, b := range r.Berth {
		if !slices.ContainsFunc(r.Seats, func(s twelve306.Seat) bool { return s.HasBerth(b) }) && !slices.Contains(missing, b.String()) {
			missing = append(missing, b.String())
		}
	}
	if len(missing) > 0 {
		k.warn(at, "no seat of this rule has a berth that is %s; it will be any", strings.Join(missing, " or "))
	}
}
