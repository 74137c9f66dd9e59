package watcher

import (
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Schedule says when a rule looks. It is an interface because the text of a
// schedule may mean a clock (cron) or a gap (@every). What [ParseSchedule]
// returns is also a fmt.Stringer that gives the text back.
type Schedule interface {
	// Next returns the first moment after t at which to look; the zero Time
	// means never again.
	Next(t time.Time) time.Time
}

// MinInterval is the shortest gap that @every takes; what is really asked is
// held to twelve306.min_interval besides.
const MinInterval = 100 * time.Millisecond

// ParseSchedule reads cron with five fields (minute hour day month weekday),
// or six with seconds first, a descriptor (@hourly), or a gap (@every 5s,
// also below a second). Times are by the clock of loc, and so are the times
// that the Schedule returns. Cron can name a day that never comes, 31 February:
// its Next is the zero Time.
//
// The looks of @every lie on a grid (every 5s: at second 0, 5, 10, ...), so
// that rules with the same gap look together and share their queries.
func ParseSchedule(text string, loc *time.Location) (Schedule, error) {
	t := strings.Join(strings.Fields(text), " ")
	switch {
	case t == "":
		return nil, fmt.Errorf(`the schedule is empty; write "@every 5s" or "*/5 * 6-22 * * *"`)
	case strings.Contains(t, "TZ="):
		return nil, fmt.Errorf("a schedule takes no time zone; set timezone for the whole file")
	case t == "@every" || strings.HasPrefix(t, "@every "):
		return parseEvery(text, strings.TrimPrefix(strings.TrimPrefix(t, "@every"), " "), loc)
	case strings.HasPrefix(t, "@"):
		if _, err := descriptorParser.Parse(t); err != nil {
			return nil, fmt.Errorf("no schedule %q; there are @every 5s, @hourly, @daily, @weekly, @monthly and @yearly", text)
		}
		return parseCron(text, t, loc)
	}
	if err := checkFields(text, strings.Fields(t)); err != nil {
		return nil, err
	}
	return parseCron(text, t, loc)
}

// Interval returns the gap of an @every schedule.
func Interval(s Schedule) (time.Duration, bool) {
	e, ok := s.(every)
	return e.gap, ok
}

// NextLook returns the first moment after t at which s looks and opening
// hours are open. It is the zero Time when that does not happen within a year.
func NextLook(s Schedule, hours Window, t time.Time) time.Time {
	limit := t.AddDate(1, 0, 1)
	for {
		at := s.Next(t)
		if at.IsZero() || at.After(limit) {
			return time.Time{}
		}
		if hours.Open(at) {
			return at
		}
		// Every turn passes a closing time, so there are two a day at most.
		t = hours.NextOpen(at).Add(-1)
	}
}

type every struct {
	text string
	gap  time.Duration
	loc  *time.Location
}

func parseEvery(text, gap string, loc *time.Location) (Schedule, error) {
	d, err := time.ParseDuration(strings.ReplaceAll(gap, " ", ""))
	switch {
	case err != nil && gap != "" && strings.Trim(gap, "0123456789.") == "":
		return nil, fmt.Errorf("%q has no unit; did you mean @every %ss?", text, gap)
	case err != nil:
		return nil, fmt.Errorf("%q is no gap; write @every 5s, @every 500ms or @every 2m", text)
	case d < MinInterval:
		return nil, fmt.Errorf("%q is too often; the shortest gap is @every %v", text, MinInterval)
	}
	return every{text, d, loc}, nil
}

func (e every) Next(t time.Time) time.Time { return t.Truncate(e.gap).Add(e.gap).In(e.loc) }
func (e every) String() string             { return e.text }

type cronSchedule struct {
	text string
	spec *cron.SpecSchedule
}

func (c cronSchedule) Next(t time.Time) time.Time { return c.spec.Next(t.In(c.spec.Location)) }
func (c cronSchedule) String() string             { return c.text }

var (
	cronParser       = cron.NewParser(cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)
	descriptorParser = cron.NewParser(cron.Descriptor)
)

func parseCron(text, t string, loc *time.Location) (Schedule, error) {
	s, err := cronParser.Parse(t)
	if err != nil {
		return nil, fmt.Errorf("no schedule %q: %w", text, err)
	}
	spec, ok := s.(*cron.SpecSchedule)
	if !ok {
		return nil, fmt.Errorf("no schedule %q", text)
	}
	// The parser's own zone is the machine's, which a container sets to UTC.
	spec.Location = loc
	return cronSchedule{text, spec}, nil
}

// cronField is one field of a cron schedule, with a parser for it alone, so
// that a mistake can be said of the field and not of the whole line.
type cronField struct {
	name   string
	limits string
	option cron.ParseOption
}

var cronFields = [6]cronField{
	{"second", "0-59", cron.Second},
	{"minute", "0-59", cron.Minute},
	{"hour", "0-23", cron.Hour},
	{"day of the month", "1-31", cron.Dom},
	{"month", "1-12 or JAN-DEC", cron.Month},
	{"day of the week", "0-6 or SUN-SAT", cron.Dow},
}

func checkFields(text string, fields []string) error {
	names := cronFields[:]
	switch len(fields) {
	case 5:
		names = names[1:]
	case 6:
	default:
		if d, err := time.ParseDuration(text); err == nil && d > 0 {
			return fmt.Errorf("%q is a gap; did you mean @every %s?", text, text)
		}
		if len(fields) == 1 {
			return fmt.Errorf(`no schedule %q; write "@every 5s" or "*/5 * 6-22 * * *"`, text)
		}
		return fmt.Errorf("%q has %d fields; cron has 5 (minute hour day month weekday) or 6 with seconds first; or write @every 5s", text, len(fields))
	}
	for i, f := range names {
		field := fields[i]
		if _, err := cron.NewParser(f.option).Parse(field); err == nil {
			continue
		}
		hint := ""
		switch {
		case f.option == cron.Dow && strings.Contains(field, "7"):
			hint = "; use 0 for Sunday"
		case strings.ContainsAny(strings.Trim(field, "0123456789-,"), "LW#") && len(strings.Trim(field, "0123456789-,")) <= 2:
			hint = "; L, W and # are not known here"
		}
		return fmt.Errorf("%s %q cannot be; it takes %s, lists, ranges and steps (*/5)%s", f.name, field, f.limits, hint)
	}
	return nil
}
