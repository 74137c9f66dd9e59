package watcher

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
)

func TestSchedule(t *testing.T) {
	at := func(d, h, m, s int) time.Time { return time.Date(2027, 2, d, h, m, s, 0, twelve306.Shanghai()) }
	for _, tt := range []struct {
		text       string
		from, want time.Time
	}{
		{"@every 5s", at(3, 14, 2, 3), at(3, 14, 2, 5)},
		{"@every 5s", at(3, 14, 2, 5), at(3, 14, 2, 10)},
		{"@every 250ms", at(3, 14, 2, 3), at(3, 14, 2, 3).Add(250 * time.Millisecond)},
		{" @every  2m ", at(3, 14, 2, 3), at(3, 14, 4, 0)},
		{"*/5 * 6-22 * * *", at(3, 14, 2, 3), at(3, 14, 2, 5)},
		{"*/5 * 6-22 * * *", at(3, 22, 59, 56), at(4, 6, 0, 0)},
		{"30 9 * * *", at(3, 14, 2, 3), at(4, 9, 30, 0)},
		{"0 8 * * SUN", at(3, 14, 2, 3), at(7, 8, 0, 0)},
		{"@hourly", at(3, 14, 2, 3), at(3, 15, 0, 0)},
		{"0 0 29 2 *", at(3, 14, 2, 3), time.Date(2028, 2, 29, 0, 0, 0, 0, twelve306.Shanghai())},
	} {
		s, err := ParseSchedule(tt.text, twelve306.Shanghai())
		if err != nil {
			t.Errorf("%q: %v", tt.text, err)
			continue
		}
		// A machine in a container runs on UTC; the schedule does not.
		if got := s.Next(tt.from.UTC()); !got.Equal(tt.want) || got.Location() != twelve306.Shanghai() {
			t.Errorf("%q after %v: %v, want %v", tt.text, tt.from, got, tt.want)
		}
		if fmt.Sprint(s) != tt.text {
			t.Errorf("%q prints as %v", tt.text, s)
		}
	}
}

func TestBadSchedules(t *testing.T) {
	for text, want := range map[string]string{
		"":                      "is empty",
		"@every":                "no gap",
		"@every 5":              "did you mean @every 5s?",
		"@every 0s":             "too often",
		"@every -5s":            "too often",
		"@every 99ms":           "too often",
		"@every day":            "no gap",
		"TZ=":                   "no time zone",
		"TZ=Asia/Shanghai":      "no time zone",
		"CRON_TZ=UTC 0 8 * * *": "no time zone",
		"0 0 * * 7":             "use 0 for Sunday",
		"0 0 L * *":             "L, W and # are not known",
		"0 0 * * 5#2":           "L, W and # are not known",
		"60 * * * *":            `minute "60"`,
		"0 25 * * *":            `hour "25"`,
		"61 * * * * *":          `second "61"`,
		"0 0 * 13 *":            `month "13"`,
		"*/0 * * * *":           `minute "*/0"`,
		"5s":                    "did you mean @every 5s?",
		"every 5s":              "has 2 fields",
		"* * * * * * *":         "has 7 fields",
		"@reboot":               "@hourly",
		"@Hourly":               "@hourly",
		"often":                 "no schedule",
		"0 0 * * 星期一":           "day of the week",
	} {
		s, err := ParseSchedule(text, twelve306.Shanghai())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v; want %q", text, s, err, want)
		}
	}
}

func TestNextLook(t *testing.T) {
	hours := Window{5 * 60, 60}
	night := time.Date(2027, 2, 3, 1, 0, 0, 0, twelve306.Shanghai())
	parse := func(text string) Schedule {
		s, err := ParseSchedule(text, twelve306.Shanghai())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if got, want := NextLook(parse("@every 5s"), hours, night), night.Add(4*time.Hour); !got.Equal(want) {
		t.Errorf("@every 5s at night: %v, want %v", got, want)
	}
	if got, want := NextLook(parse("30 4,6 * * *"), hours, night), night.Add(5*time.Hour+30*time.Minute); !got.Equal(want) {
		t.Errorf("04:30 and 06:30 at night: %v, want %v", got, want)
	}
	if got := NextLook(parse("0 3 * * *"), hours, night); !got.IsZero() {
		t.Errorf("03:00 is never open, but %v", got)
	}
	if d, ok := Interval(parse("@every 90s")); !ok || d != 90*time.Second {
		t.Error(d, ok)
	}
	if _, ok := Interval(parse("@hourly")); ok {
		t.Error("@hourly has no gap")
	}
}

func FuzzParseSchedule(f *testing.F) {
	for _, s := range []string{"@every 5s", "*/5 * 6-22 * * *", "0 0 31 2 *", "TZ=", "@hourly", "0 0 ? * MON-FRI", "1-5/2 * * * *"} {
		f.Add(s)
	}
	from := time.Date(2027, 2, 3, 14, 2, 3, 0, twelve306.Shanghai())
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSchedule(text, twelve306.Shanghai())
		if err != nil {
			return
		}
		if next := s.Next(from); !next.IsZero() && !next.After(from) {
			t.Errorf("%q after %v is %v", text, from, next)
		}
	})
}
