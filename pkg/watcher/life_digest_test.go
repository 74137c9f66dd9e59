package watcher

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// A day with failures, a question and an order, told at half past nine; the
// next is counted from nothing.
func TestDigest(t *testing.T) {
	t.Parallel()
	far := twelve306.Date{Year: 2000, Month: time.January, Day: 20}
	half9, err := ParseClock("21:30")
	if err != nil {
		t.Fatal(err)
	}
	rules := []Rule{homeRule(), homeRule(func(r *Rule) { r.Name, r.Dates = "远", []twelve306.Date{far} })}
	play(t, setup{
		sim: railsim.Options{Calm: true, Era: railsim.Present, Window: 15}, mode: twelve306.LoginSMS, rules: rules,
		change: func(o *Options) { o.Digest = half9 },
	}, func(s *scene) {
		w := s.start().w
		s.pass(time.Minute)
		s.site.AddFault(railsim.Fault{Step: railsim.StepQuery, Kind: railsim.Status502, Times: 2})
		s.pass(time.Minute)
		s.sell(1)
		s.untilTold(NewsBooked, 1, 20*time.Minute)
		if err := s.site.PayOrder(s.site.Orders("zhangsan")[0].Number); err != nil {
			t.Fatal(err)
		}
		s.untilTold(NewsPaid, 1, 10*time.Minute)
		got := s.untilTold(NewsDigest, 1, 14*time.Hour)
		if at := got.At.Format("15:04"); at != "21:30" {
			t.Errorf("told at %s", at)
		}
		for _, want := range []string{"次失败", "网络不通 2 次", "下单 1 次，抢到 1 次。付款 1 单", "问过你 1 次，回答了 1 次", "从 08:00 启动算起"} {
			if !strings.Contains(got.Title+got.Text, want) {
				t.Errorf("%q is not in\n%s\n%s", want, got.Title, got.Text)
			}
		}
		told := func(looks int) string { return fmt.Sprintf("这一天：看了 %d 次，2 次失败", looks) }
		values := metricsOf(t, w)
		for name, want := range map[string]float64{
			`watcherd_looks_total{result="network"}`:                                   2,
			`watcherd_looks_total{result="changed"}`:                                   0,
			`watcherd_attempts_total{step="booked"}`:                                   1,
			`watcherd_question_seconds_count{kind="sms",outcome="answered"}`:           1,
			`watcherd_question_seconds_bucket{kind="sms",outcome="answered",le="600"}`: 1,
			`watcherd_pace_budget_5m`:                                                  80,
			`watcherd_pace_min_interval_seconds`:                                       3,
			`watcherd_blind`:                                                           0,
			`watcherd_alive`:                                                           1,
			`watcherd_rules{state="paused"}`:                                           0,
		} {
			if have, ok := values[name]; !ok || have != want {
				t.Errorf("%s is %v (%v), want %v", name, have, ok, want)
			}
		}
		if n := int(values[`watcherd_looks_total{result="ok"}`]); n < 5 || !slices.Contains([]string{told(n), told(n - 1)}, got.Title) { // a look of the same moment may come after it
			t.Errorf("%d good looks; told %s", n, got.Title)
		}
		again := s.untilTold(NewsDigest, 2, 25*time.Hour)
		if d := again.At.Sub(got.At); d != 24*time.Hour {
			t.Errorf("the next after %v", d)
		}
		if strings.Contains(again.Text, "下单") || strings.Contains(again.Text, "问过") || strings.Contains(again.Text, "启动") {
			t.Errorf("the second day tells of the first:\n%s", again.Text)
		}
	})
}

// Blindness is told as the state of the daemon, not only as news.
func TestHealth(t *testing.T) {
	play(t, setup{session: "none", sim: railsim.Options{Calm: true}}, func(s *scene) {
		w := s.start().w
		s.pass(20 * time.Second)
		if err := w.Health(time.Now()); err != nil {
			t.Errorf("a daemon that sees: %v", err)
		}
		if age := metricsOf(t, w)["watcherd_last_good_look_age_seconds"]; age > 6 {
			t.Errorf("the last good look is %v s old", age)
		}
		s.site.AddFault(railsim.Fault{Step: railsim.StepQuery, Kind: railsim.Status502, Times: -1})
		s.untilTold(NewsBlind, 1, 10*time.Minute)
		if err := w.Health(time.Now()); err == nil || !strings.Contains(err.Error(), "no look has worked since 2000-01-01 08:00") {
			t.Errorf("a daemon that is blind: %v", err)
		}
		if values := metricsOf(t, w); values["watcherd_blind"] != 1 || values["watcherd_last_good_look_age_seconds"] < 30 {
			t.Errorf("%v", values)
		}
		s.site.ClearFaults()
		s.untilTold(NewsSeesAgain, 1, 30*time.Minute)
		if err := w.Health(time.Now()); err != nil {
			t.Errorf("a daemon that sees again: %v", err)
		}
		if err := w.Health(time.Now().Add(stuck)); err != nil {
			t.Errorf("between two looks nothing is stuck: %v", err)
		}
		w.setLooking(time.Now().Add(-stuck))
		if err := w.Health(time.Now()); err == nil || !strings.Contains(err.Error(), "stuck") {
			t.Errorf("a loop that is stuck: %v", err)
		}
		w.setLooking(time.Time{})
	})
}

// metricsOf reads what a daemon writes for Prometheus.
func metricsOf(t *testing.T, w *Watcher) map[string]float64 {
	t.Helper()
	var b bytes.Buffer
	w.WriteMetrics(&b)
	values := map[string]float64{}
	for line := range strings.Lines(b.String()) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		i := strings.LastIndexByte(line, ' ')
		v, err := strconv.ParseFloat(strings.TrimSpace(line[i+1:]), 64)
		if i < 0 || err != nil {
			t.Fatalf("not a metric: %q", line)
		}
		if _, twice := values[line[:i]]; twice {
			t.Errorf("%s is written twice", line[:i])
		}
		values[line[:i]] = v
	}
	return values
}

func TestClock(t *testing.T) {
	at := time.Date(2027, 2, 28, 21, 30, 0, 0, twelve306.Shanghai())
	for _, tt := range []struct{ text, want, next string }{
		{"21:30", "21:30", "2027-03-01 21:30"},
		{" ２１：３１ ", "21:31", "2027-02-28 21:31"},
		{"00:00", "00:00", "2027-03-01 00:00"},
		{"24:00", "00:00", "2027-03-01 00:00"},
		{"9:05", "09:05", "2027-03-01 09:05"},
		{"", "", ""}, {"9", "bad", ""}, {"25:00", "bad", ""}, {"12:60", "bad", ""}, {"noon", "bad", ""},
	} {
		c, err := ParseClock(tt.text)
		if tt.want == "bad" || err != nil {
			if (err != nil) != (tt.want == "bad") {
				t.Errorf("%q: %v, %v", tt.text, c, err)
			}
			continue
		}
		if c.String() != tt.want || c.IsZero() != (tt.want == "") {
			t.Errorf("%q: %q", tt.text, c)
		}
		if tt.next != "" && c.Next(at).Format("2006-01-02 15:04") != tt.next {
			t.Errorf("%q after %v: %v", tt.text, at, c.Next(at))
		}
	}
}
