package watcher

import (
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
)

func TestParseWindow(t *testing.T) {
	for _, tt := range []struct {
		text string
		want string
		bad  bool
	}{
		{"", "", false},
		{"  ", "", false},
		{"08:00-14:00", "08:00-14:00", false},
		{"8:00 - 14:00", "08:00-14:00", false},
		{"08：00～14：00", "08:00-14:00", false},
		{"０８:00至14:00", "08:00-14:00", false},
		{"22:00-02:00", "22:00-02:00", false},
		{"00:00-24:00", "00:00-24:00", false},
		{"24:00-06:00", "00:00-06:00", false},
		{"08:00", "", true},
		{"08:00-", "", true},
		{"8-14", "", true},
		{"08:60-14:00", "", true},
		{"08:00-24:01", "", true},
		{"08:00-08:00", "", true},
		{"08:00-14:00-15:00", "", true},
		{"-8:00-14:00", "", true},
		{"morning", "", true},
	} {
		w, err := ParseWindow(tt.text)
		if (err != nil) != tt.bad || w.String() != tt.want {
			t.Errorf("%q: %q, %v", tt.text, w, err)
		}
	}
}

func TestWindowContains(t *testing.T) {
	at := func(h, m int) int { return h*60 + m }
	for _, tt := range []struct {
		window  string
		in, out []int
	}{
		{"", []int{0, at(12, 0), at(23, 59), at(24, 0)}, nil},
		{"08:00-14:00", []int{at(8, 0), at(14, 0), at(11, 11)}, []int{at(7, 59), at(14, 1), 0, at(24, 0)}},
		{"22:00-02:00", []int{at(22, 0), at(23, 59), 0, at(2, 0), at(24, 0)}, []int{at(21, 59), at(2, 1), at(12, 0)}},
		{"00:00-24:00", []int{0, at(23, 59), at(24, 0)}, nil},
		{"00:00-06:00", []int{0, at(6, 0), at(24, 0)}, []int{at(6, 1), at(23, 59)}},
	} {
		w, err := ParseWindow(tt.window)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range tt.in {
			if !w.Contains(m) {
				t.Errorf("%q does not contain %s", tt.window, clockText(m))
			}
		}
		for _, m := range tt.out {
			if w.Contains(m) {
				t.Errorf("%q contains %s", tt.window, clockText(m))
			}
		}
	}
}

func TestOpeningHours(t *testing.T) {
	day := func(h, m int) time.Time { return time.Date(2027, 2, 3, h, m, 0, 0, twelve306.Shanghai()) }
	hours := Window{5 * 60, 60}
	for _, tt := range []struct {
		at   time.Time
		next time.Time
	}{
		{day(0, 59), day(0, 59)},
		{day(1, 0), day(5, 0)},
		{day(4, 59), day(5, 0)},
		{day(5, 0), day(5, 0)},
		{day(23, 0), day(23, 0)},
	} {
		if got := hours.NextOpen(tt.at); !got.Equal(tt.next) || hours.Open(tt.at) != tt.at.Equal(tt.next) {
			t.Errorf("%v: next open %v, want %v", tt.at, got, tt.next)
		}
	}
	morning := Window{5 * 60, 12 * 60}
	if got, want := morning.NextOpen(day(13, 0)), day(29, 0); !got.Equal(want) {
		t.Errorf("next open %v, want %v", got, want)
	}
}
