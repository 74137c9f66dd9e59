package config

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/watcherd/watcherd/pkg/twelve306"
)

// maxDays is the longest range of days, about twice what 12306 ever sold ahead.
const maxDays = 60

// dates decodes days: one, a list, ranges. They come out ascending, each once.
func (d *decoder) dates(n *yaml.Node, key string) []twelve306.Date {
	var out []twelve306.Date
	d.items(n, key, "a date or a list of them", func(item *yaml.Node, key string) {
		text, ok := d.scalar(item, key, "a date")
		if !ok {
			return
		}
		days, err := parseDays(text)
		if err != nil {
			d.problem(item, key, "%s", unexpanded(severalIn(err, text, "a date"), text, item.Value, "a date"))
			return
		}
		out = append(out, days...)
	})
	slices.SortFunc(out, compareDates)
	return slices.Compact(out)
}

func compareDates(a, b twelve306.Date) int {
	return cmp.Or(a.Year-b.Year, int(a.Month-b.Month), a.Day-b.Day)
}

// parseDays reads 2027-02-03 or 2027-02-04..2027-02-06.
func parseDays(text string) ([]twelve306.Date, error) {
	a, b, isRange := strings.Cut(strings.TrimSpace(text), "..")
	first, err := parseDate(strings.TrimSpace(a))
	switch {
	case err != nil && isRange:
		return nil, notARange(text, a, b)
	case err != nil:
		return nil, err
	case !isRange:
		return []twelve306.Date{first}, nil
	}
	last, err := parseDate(strings.TrimSpace(b))
	switch {
	case err != nil:
		return nil, notARange(text, a, b)
	case last.Before(first):
		return nil, fmt.Errorf("%q ends before it begins; did you mean %v..%v?", text, last, first)
	case first.AddDays(maxDays - 1).Before(last):
		return nil, fmt.Errorf("%q is longer than %d days", text, maxDays)
	}
	var out []twelve306.Date
	for d := first; !last.Before(d); d = d.AddDays(1) {
		out = append(out, d)
	}
	return out, nil
}

var looseDate = regexp.MustCompile(`^(\d{4})\s*[-/.年]?\s*(\d{1,2})\s*[-/.月]?\s*(\d{1,2})\s*日?$`)

// notARange is the error of a range with an end that is no date. It quotes what
// was written, the whole of it.
func notARange(text, a, b string) error {
	var ends [2]string
	for i, end := range []string{a, b} {
		ends[i] = strings.TrimSpace(end)
		if m := looseDate.FindStringSubmatch(ends[i]); m != nil {
			ends[i] = fmt.Sprintf("%s-%02s-%02s", m[1], m[2], m[3])
		}
		if _, err := time.Parse(time.DateOnly, ends[i]); err != nil {
			return fmt.Errorf("%q is not a range of days; write it as 2027-02-03..2027-02-06", text)
		}
	}
	return fmt.Errorf("%q is not how a range of days is written; did you mean %s..%s?", text, ends[0], ends[1])
}

// parseDate reads 2027-02-03; of other spellings the error says the right one.
func parseDate(text string) (twelve306.Date, error) {
	date, err := twelve306.ParseDate(text)
	if err == nil {
		return date, nil
	}
	m := looseDate.FindStringSubmatch(text)
	if m == nil {
		return date, err
	}
	right := fmt.Sprintf("%s-%02s-%02s", m[1], m[2], m[3])
	if _, err := time.Parse(time.DateOnly, right); err != nil {
		return date, fmt.Errorf("there is no day %s", right)
	}
	return date, fmt.Errorf("%q is not how a date is written; did you mean %s?", text, right)
}
