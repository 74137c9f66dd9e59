package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher"
)

// leaf decodes the values that are not groups of keys; false means that v is
// none of them.
func (d *decoder) leaf(v reflect.Value, n *yaml.Node, key string, tag reflect.StructTag) bool {
	switch x := v.Addr().Interface().(type) {
	case *time.Duration:
		set(x, d, n, key, "a time such as 3m or 10s", parseDuration)
	case **time.Location:
		set(x, d, n, key, "a time zone such as Asia/Shanghai", parseZone)
		if *x != nil {
			d.zone = *x
			clear(d.memo.schedules)
		}
	case *watcher.Window:
		set(x, d, n, key, "a part of the day such as 08:00-14:00", parseWindow)
	case *watcher.Clock:
		set(x, d, n, key, "a time of day such as 21:30", watcher.ParseClock)
	case *watcher.Schedule:
		set(x, d, n, key, `a schedule such as "@every 5s"`, func(text string) (watcher.Schedule, error) {
			if s := d.memo.schedules[text]; s != nil {
				return s, nil
			}
			s, err := watcher.ParseSchedule(text, d.zone)
			if err == nil {
				d.memo.schedules[text] = s
			}
			return s, err
		})
	case *[]twelve306.Date:
		*x = once(d, n, d.memo.dates, func() []twelve306.Date { return d.dates(n, key) })
	case *[]twelve306.Station:
		*x = once(d, n, d.memo.stations, func() []twelve306.Station {
			return each(d, n, key, "a station", twelve306.Station.String, d.stations.Lookup)
		})
	case *[]twelve306.Seat:
		*x = once(d, n, d.memo.seats, func() []twelve306.Seat {
			return each(d, n, key, "a seat", twelve306.Seat.Name, twelve306.ParseSeat)
		})
	case *[]twelve306.SeatWish:
		*x = several(d, n, key, "a seat", twelve306.ParseSeatWish)
	case *[]twelve306.Berth:
		*x = several(d, n, key, "a berth", twelve306.ParseBerth)
	case *[]string:
		if tag.Get("yaml") == "passengers" {
			*x = d.passengers(n, key)
			break
		}
		*x = each(d, n, key, "a name", func(s string) string { return s }, parseName)
	case *watcher.TrainPatterns:
		*x = once(d, n, d.memo.trains, func() watcher.TrainPatterns {
			p, _ := watcher.ParseTrains(each(d, n, key, "a train", func(s string) string { return s }, parseTrain))
			return p
		})
	case *bool:
		set(x, d, n, key, "true or false", parseBool)
	case *int:
		set(x, d, n, key, "a whole number", parseInt)
	case *int64:
		set(x, d, n, key, "a whole number", parseInt64)
	default:
		if v.Kind() != reflect.String {
			return false
		}
		d.text(v, n, key, tag)
	}
	return true
}

// text decodes a string: a word of a list, a path, or anything.
func (d *decoder) text(v reflect.Value, n *yaml.Node, key string, tag reflect.StructTag) {
	text, ok := d.scalar(n, key, "text")
	if !ok {
		return
	}
	if words := strings.Fields(tag.Get("oneof")); len(words) > 0 && text != "" && !slices.Contains(words, text) {
		hint := "; write " + strings.Join(words, ", ")
		if s := similar(text, words); s != "" {
			hint = fmt.Sprintf("; did you mean %s? (%s)", s, strings.Join(words, ", "))
		}
		d.problem(n, key, "no such choice %q%s", n.Value, hint)
		return
	}
	name := tag.Get("yaml")
	if strings.HasSuffix(name, "_file") || strings.HasSuffix(name, "_dir") {
		text = d.path(text)
	}
	if m := userinfo.FindStringSubmatch(n.Value); m != nil {
		d.secret(n, key, m[1])
	}
	if text != "" || len(tag.Get("oneof")) == 0 {
		v.SetString(text)
	}
}

// scalar returns the text of a single value with the environment in it. What
// is wrong is reported here.
func (d *decoder) scalar(n *yaml.Node, key, want string) (string, bool) {
	if !d.plain(n, key) {
		return "", false
	}
	if n.Kind != yaml.ScalarNode {
		d.problem(n, key, "%s where %s is expected", kindName(n), want)
		return "", false
	}
	if n.Tag == "!!null" {
		return "", true
	}
	text, err := expand(n.Value, d.env)
	if err != nil {
		d.problem(n, key, "%v", err)
		return "", false
	}
	return text, true
}

// set decodes one value with a parser.
func set[T any](x *T, d *decoder, n *yaml.Node, key, want string, parse func(string) (T, error)) {
	text, ok := d.scalar(n, key, want)
	if !ok || text == "" {
		return
	}
	value, err := parse(text)
	if err != nil {
		d.problem(n, key, "%s", unexpanded(err, text, n.Value, want))
		return
	}
	*x = value
}

// unexpanded words an error about a value that may hold ${NAME}: with what was
// written in place of what the environment holds, which is nobody's business.
// Where the value is not only quoted as a whole, it says what is wanted.
func unexpanded(err error, text, written, want string) string {
	switch {
	case text == written:
		return err.Error()
	case strings.TrimSpace(text) == "":
		return fmt.Sprintf("%s is empty; set it, or write the value here", written)
	}
	if _, ok := errors.AsType[*severalError](err); ok {
		return fmt.Sprintf("%q holds several; write each as an entry of a list", written)
	}
	before, after, quoted := strings.Cut(err.Error(), strconv.Quote(text))
	if !quoted || strings.Contains(before+after, text) {
		return fmt.Sprintf("%q does not hold %s", written, want)
	}
	return before + strconv.Quote(written) + after
}

// each decodes one value or a list of them. Values that mean the same are
// reported: the second is surely a slip.
func each[T comparable](d *decoder, n *yaml.Node, key, want string, name func(T) string, parse func(string) (T, error)) []T {
	var out []T
	d.items(n, key, want+" or a list of them", func(item *yaml.Node, key string) {
		text, ok := d.scalar(item, key, want)
		if !ok {
			return
		}
		value, err := parse(text)
		switch {
		case err != nil:
			d.problem(item, key, "%s", unexpanded(severalIn(err, text, want), text, item.Value, want))
		case slices.Contains(out, value):
			d.problem(item, key, "%s is named twice", name(value))
		default:
			out = append(out, value)
		}
	})
	return out
}

// items calls f for a single value, or for every entry of a list.
func (d *decoder) items(n *yaml.Node, key, want string, f func(item *yaml.Node, key string)) {
	switch n.Kind {
	case yaml.ScalarNode:
		if !empty(n) || n.Style&yaml.TaggedStyle != 0 {
			f(n, key)
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			f(item, nth(key, i))
		}
	default:
		d.problem(n, key, "%s where %s is expected", kindName(n), want)
	}
}

func parseDuration(text string) (time.Duration, error) {
	v, err := time.ParseDuration(strings.ReplaceAll(text, " ", ""))
	switch {
	case err != nil && strings.Trim(text, "0123456789.") == "":
		return 0, fmt.Errorf("%q has no unit; write %ss, %sm or %sh", text, text, text, text)
	case err != nil && similarDuration(text) != "":
		return 0, fmt.Errorf("%q is not how a time is written; did you mean %s?", text, similarDuration(text))
	case err != nil:
		return 0, fmt.Errorf("%q is not a time; write it as 10s, 3m or 6h30m", text)
	case v < 0:
		return 0, fmt.Errorf("%q is less than nothing", text)
	}
	return v, nil
}

func parseZone(text string) (*time.Location, error) {
	if text == "Local" {
		return nil, fmt.Errorf("name the zone, as in Asia/Shanghai: the machine's may change")
	}
	loc, err := time.LoadLocation(text)
	if err != nil {
		return nil, fmt.Errorf("no time zone %q; the railway's is Asia/Shanghai", text)
	}
	return loc, nil
}

func parseBool(text string) (bool, error) {
	switch text {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("%q where true or false is expected", text)
}

func parseInt(text string) (int, error) {
	n, err := parseInt64(text)
	return int(n), err
}

func parseInt64(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q where a whole number is expected", text)
	}
	return n, nil
}

func parseName(text string) (string, error) {
	if strings.TrimSpace(text) == "" {
		return "", fmt.Errorf("an empty name")
	}
	return strings.TrimSpace(text), nil
}

// between are the signs that people write between names; none is part of one.
const between = ",，、;；/"

// parsePerson reads a passenger's name. Two of them in one would be looked for
// in the account, and not found, only when there are seats.
func parsePerson(text string) (string, error) {
	name, err := parseName(text)
	if err == nil && strings.ContainsAny(name, between) {
		return "", notOne(text, "name")
	}
	return name, err
}

// notOne is the error of a text that is several: what a list of them looks like.
func notOne(text, what string) error {
	var list []string
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(between, r) }) {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	if len(list) < 2 {
		return fmt.Errorf("%q is not a %s; only a list of them has such signs in it, as in [张三, 李四]", text, what)
	}
	return &severalError{fmt.Sprintf("%q is not one %s; write several as a list, [%s]", text, what, strings.Join(list, ", "))}
}

// severalError quotes parts of a value.
type severalError struct{ text string }

func (e *severalError) Error() string { return e.text }

// severalIn is notOne where an error may be only that; else the error.
func severalIn(err error, text, want string) error {
	if !strings.ContainsAny(text, strings.TrimSuffix(between, "/")) { // 2027/02/03 is one
		return err
	}
	return notOne(text, strings.TrimPrefix(strings.TrimPrefix(want, "a "), "an "))
}

// parseTrain gives a train back as it was written; case and width are settled
// when all are parsed together.
func parseTrain(text string) (string, error) {
	p, errs := watcher.ParseTrains([]string{text})
	if errs != nil {
		return "", errs[0]
	}
	return p.String(), nil
}
