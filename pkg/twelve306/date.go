package twelve306

import (
	"fmt"
	"time"
)

// Shanghai is the railway's clock: UTC+8 all year, since 1991 without summer
// time. Every date and clock time that 12306 prints is in it.
func Shanghai() *time.Location { return shanghai }

// A fixed zone and not time.LoadLocation, so that a machine without a zone
// database prints the same train_date. It is never changed.
var shanghai = time.FixedZone("CST", 8*60*60)

// Date is a day of the railway's calendar. Dates are comparable with ==.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// DateOf returns the day that t falls on in Shanghai.
func DateOf(t time.Time) Date {
	y, m, d := t.In(shanghai).Date()
	return Date{y, m, d}
}

// ParseDate reads a date as 2006-01-02. 12306 itself answers an unpadded date
// such as 2019-2-9 with a redirect to its error page, so the zeros are required.
func ParseDate(s string) (Date, error) {
	t, err := time.ParseInLocation(time.DateOnly, s, shanghai)
	if err != nil {
		return Date{}, fmt.Errorf("%q is not a date; write it as 2027-02-03", s)
	}
	return DateOf(t), nil
}

// Time returns the first moment of the day in Shanghai.
func (d Date) Time() time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, shanghai) }

// AddDays returns the day n days later; n may be negative.
func (d Date) AddDays(n int) Date { return DateOf(d.Time().AddDate(0, 0, n)) }

// Before reports whether d is an earlier day than e.
func (d Date) Before(e Date) bool { return d.Time().Before(e.Time()) }

// IsZero reports whether d is the zero Date, which is no day.
func (d Date) IsZero() bool { return d == Date{} }

// String returns the date as 12306 wants it in a query: 2027-02-03.
func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, int(d.Month), d.Day) }

// MarshalText returns the form of String.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the form of ParseDate, and of the zero Date what
// MarshalText wrote: an order whose day 12306 did not say is stored, too.
func (d *Date) UnmarshalText(b []byte) (err error) {
	if string(b) == (Date{}).String() {
		*d = Date{}
		return nil
	}
	*d, err = ParseDate(string(b))
	return err
}

// javaScript prints the date as the browser's Date.toString() does for
// midnight in China, the form of getQueueCount's train_date (seed step 15).
func (d Date) javaScript() string {
	return d.Time().Format("Mon Jan 02 2006") + " 00:00:00 GMT+0800 (中国标准时间)"
}
