package notifier

import (
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"
)

// TestParity calls every method of Lang that words something, so that no
// sentence can be added in one language only.
func TestParity(t *testing.T) {
	typ := reflect.TypeFor[Lang]()
	said := 0
	for i := range typ.NumMethod() {
		m := typ.Method(i)
		if m.Name == "Pick" || m.Name == "Count" { // words are given to them
			continue
		}
		for _, args := range arguments(m.Type) {
			zh := m.Func.Call(append([]reflect.Value{reflect.ValueOf(Chinese)}, args...))[0].String()
			en := m.Func.Call(append([]reflect.Value{reflect.ValueOf(English)}, args...))[0].String()
			check(t, m.Name, zh, en)
			said++
		}
	}
	if said < 15 {
		t.Errorf("only %d sentences found", said)
	}
	for _, kind := range []Kind{Picture, SMS, QR, Offer, App} {
		check(t, "Accepted "+string(kind), Prompt{Kind: kind, Lang: Chinese}.Accepted(), Prompt{Kind: kind, Lang: English}.Accepted())
	}
	now := time.Now()
	check(t, "DeadlineLine", Prompt{Lang: Chinese, Deadline: now.Add(time.Minute)}.DeadlineLine(now), Prompt{Lang: English, Deadline: now.Add(time.Minute)}.DeadlineLine(now))
}

// arguments returns sets of arguments that bring out every sentence of a
// method of Lang.
func arguments(method reflect.Type) [][]reflect.Value {
	if method.NumIn() == 1 {
		return [][]reflect.Value{nil}
	}
	switch method.In(1) {
	case reflect.TypeFor[string]():
		return [][]reflect.Value{{reflect.ValueOf("Li"), reflect.ValueOf("web")}, {reflect.ValueOf(""), reflect.ValueOf("web")}, {reflect.ValueOf(""), reflect.ValueOf("")}}
	case reflect.TypeFor[bool]():
		return [][]reflect.Value{{reflect.ValueOf(true)}, {reflect.ValueOf(false)}}
	case reflect.TypeFor[Reply]():
		var sets [][]reflect.Value
		for _, a := range []Action{Answered, Another, Cancelled} {
			for _, by := range []string{"", "Li"} {
				sets = append(sets, []reflect.Value{reflect.ValueOf(Reply{Action: a, By: by, Channel: "web"})})
			}
		}
		return sets
	case reflect.TypeFor[Action]():
		return [][]reflect.Value{{reflect.ValueOf(Answered)}, {reflect.ValueOf(Another)}, {reflect.ValueOf(Cancelled)}}
	default:
		return [][]reflect.Value{{reflect.ValueOf(30 * time.Second)}, {reflect.ValueOf(2 * time.Hour)}, {reflect.ValueOf(time.Minute)}}
	}
}

func check(t *testing.T, name, zh, en string) {
	t.Helper()
	han := func(r rune) bool { return unicode.Is(unicode.Han, r) }
	if !strings.ContainsFunc(zh, han) || strings.ContainsFunc(en, han) || en == "" || strings.Contains(zh+en, "%!") {
		t.Errorf("%s: %q and %q", name, zh, en)
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int][2]string{0: {"0", "0 rules"}, 1: {"1", "1 rule"}, 12: {"12", "12 rules"}} {
		if zh, en := Chinese.Count(n, "rule", "rules"), English.Count(n, "rule", "rules"); zh != want[0] || en != want[1] {
			t.Errorf("%d: %q and %q", n, zh, en)
		}
	}
}

func TestDeadlineLine(t *testing.T) {
	beijing := time.FixedZone("", 8*3600)
	at := time.Date(2027, 2, 3, 21, 40, 5, 0, beijing)
	for _, tt := range []struct {
		left   time.Duration
		zh, en string
	}{
		{170 * time.Second, "21:40:05 前回答有效（还有 2 分 50 秒）", "Open until 21:40:05 (2 min 50 s left)"},
		{2 * time.Minute, "21:40:05 前回答有效（还有 2 分钟）", "Open until 21:40:05 (2 min left)"},
		{119600 * time.Millisecond, "21:40:05 前回答有效（还有 2 分钟）", "Open until 21:40:05 (2 min left)"},
		{59 * time.Second, "21:40:05 前回答有效（还有 59 秒）", "Open until 21:40:05 (59 s left)"},
		{90 * time.Minute, "21:40:05 前回答有效（还有 1 小时 30 分）", "Open until 21:40:05 (1 h 30 min left)"},
		{-time.Second, "21:40:05 前回答有效（还有 0 秒）", "Open until 21:40:05 (0 s left)"},
	} {
		p := Prompt{Lang: Chinese, Deadline: at}
		if got := p.DeadlineLine(at.Add(-tt.left)); got != tt.zh {
			t.Errorf("%v: %q, want %q", tt.left, got, tt.zh)
		}
		p.Lang = English
		if got := p.DeadlineLine(at.Add(-tt.left).UTC()); got != tt.en {
			t.Errorf("%v: %q, want %q", tt.left, got, tt.en)
		}
	}
	if got := (Prompt{}).DeadlineLine(at); got != "" {
		t.Errorf("without a deadline: %q", got)
	}
}
