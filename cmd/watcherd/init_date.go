package main

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
)

// maxDaysAsked is how many days one answer may hold.
const maxDaysAsked = 31

var (
	fullDay    = regexp.MustCompile(`^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})[日号]?$`)
	monthDay   = regexp.MustCompile(`^(\d{1,2})[-/.月](\d{1,2})[日号]?$`)
	dayAlone   = regexp.MustCompile(`^(\d{1,2})[日号]?$`)
	dayDigits  = regexp.MustCompile(`^(\d{4})(\d{2})(\d{2})$`)
	rangeSigns = regexp.MustCompile(`\s*(\.\.+|…+|~|—+|–|至|到|\bto\b)\s*`)
	rangeDash  = regexp.MustCompile(`([日号]|/\d{1,2})-`) // 12月1日-3日, 12/1-12/3
)

// days reads what people write for days: 2026-12-01, 12-01, 12/1, 12月1日,
// 明天, tomorrow; several of them, and ranges: 12-01..12-03, 12月1日到3日. A day
// without a year is the next one of that name.
func (t *talk) days(answer string, today twelve306.Date) ([]twelve306.Date, error) {
	answer = rangeSigns.ReplaceAllString(strings.ToLower(narrow(answer)), "..")
	var out []twelve306.Date
	for _, word := range words(rangeDash.ReplaceAllString(answer, "$1..")) {
		a, b, isRange := strings.Cut(word, "..")
		first, err := t.day(a, today, twelve306.Date{})
		if err != nil {
			return nil, err
		}
		last := first
		if isRange {
			if last, err = t.day(b, first, first); err != nil {
				return nil, err
			}
		}
		switch {
		case first.Before(today):
			return nil, t.sorry("%v 已经过去了，今天是 %v；写今天或以后的日子。", "%v is past, today is %v; type a day that is still to come.", first, today)
		case last.Before(first):
			return nil, t.sorry("%s 的结束比开始还早；写成 %v..%v。", "%s ends before it begins; type %v..%v.", word, last, first)
		case today.AddDays(366).Before(last):
			return nil, t.sorry("%v 在一年以后；年份写对了吗？12306 大约提前 15 天开售。", "%v is more than a year ahead; is the year right? 12306 sells about 15 days ahead.", last)
		}
		for d := first; !last.Before(d); d = d.AddDays(1) {
			if !slices.Contains(out, d) {
				out = append(out, d)
			}
			if len(out) > maxDaysAsked {
				return nil, t.sorry("一条规则最多 %d 天；写少一点。", "One rule may have at most %d days; type fewer.", maxDaysAsked)
			}
		}
	}
	if len(out) == 0 {
		return nil, t.sorry("写一个日期，例如 12-01、12月1日、明天。", "Type a date, such as 12-01 or tomorrow.")
	}
	slices.SortFunc(out, func(a, b twelve306.Date) int { return a.Time().Compare(b.Time()) })
	return out, nil
}

// day reads one day. A day without a year is the first one from today on; one
// without a month is in the month of base, if there is one.
func (t *talk) day(word string, today, base twelve306.Date) (twelve306.Date, error) {
	for i, names := range [][]string{{"今天", "today"}, {"明天", "tomorrow"}, {"后天"}, {"大后天"}} {
		if slices.Contains(names, word) {
			return today.AddDays(i), nil
		}
	}
	var y, m, d string
	if f := fullDay.FindStringSubmatch(word); f != nil {
		y, m, d = f[1], f[2], f[3]
	} else if f := dayDigits.FindStringSubmatch(word); f != nil {
		y, m, d = f[1], f[2], f[3]
	} else if f := monthDay.FindStringSubmatch(word); f != nil {
		m, d = f[1], f[2]
	} else if f := dayAlone.FindStringSubmatch(word); f != nil && !base.IsZero() {
		m, d = strconv.Itoa(int(base.Month)), f[1]
	} else {
		return base, t.sorry("看不懂日期 %q；写成 2026-12-01、12-01、12月1日 或 明天，几天用逗号隔开，连着的写 12-01..12-03。",
			"%q is not a date that is understood; type 2026-12-01, 12-01 or tomorrow, several with commas, a range as 12-01..12-03.", word)
	}
	date := twelve306.Date{Month: time.Month(atoi(m)), Day: atoi(d)}
	if y != "" {
		date.Year = atoi(y)
		if !exists(date) {
			return date, t.sorry("没有 %s 这一天；再看看日历？", "There is no day %s; have another look at the calendar.", word)
		}
		return date, nil
	}
	for date.Year = today.Year; date.Year <= today.Year+8; date.Year++ { // 29 February may be that far
		if exists(date) && !date.Before(today) {
			return date, nil
		}
	}
	return date, t.sorry("没有 %s 这一天；再看看日历？", "There is no day %s; have another look at the calendar.", word)
}

// exists reports whether the calendar has the day.
func exists(d twelve306.Date) bool { return d.Year > 0 && twelve306.DateOf(d.Time()) == d }

// atoi reads digits, of which there are few.
func atoi(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}
