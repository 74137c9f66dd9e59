package watcher

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
)

// TestManyRulesInWords holds all that a person reads of ten thousand rules to
// what fits on a phone or a page, the rules first that want to be seen.
func TestManyRulesInWords(t *testing.T) {
	const n = 10_000
	now := time.Now()
	st := Status{Pace: PaceStatus{3000, 40, 80}}
	var names, mistakes []string
	for i := range n {
		r := RuleStatus{Name: fmt.Sprint("rule ", i), State: RuleLooking, LastLook: &now, LastResult: "100 trains, no seat that fits", Query: []QueryStatus{{"2027-02-03", "广州南", "武汉"}}}
		switch i {
		case n - 1:
			r.State = RuleTelling
		case n - 2:
			r.seats = true
		case 0:
			r.State = RulePast
		}
		st.Rules = append(st.Rules, r)
		names = append(names, r.Name)
		mistakes = append(mistakes, fmt.Sprintf("watch.yaml:%d:3: rules[%d].from: no station", i, i))
	}
	shown, more := st.Foremost(3)
	if got := []string{shown[0].Name, shown[1].Name, shown[2].Name}; more != n-3 || !slices.Equal(got, []string{"rule 9999", "rule 9998", "rule 1"}) {
		t.Errorf("first are %v, and %d more", got, more)
	}
	if all, more := st.Foremost(n); more != 0 || all[0].Name != "rule 0" {
		t.Errorf("all: the first is %s, and %d more", all[0].Name, more)
	}
	for _, lang := range []notifier.Lang{notifier.Chinese, notifier.English} {
		s := speaker{lang, twelve306.Shanghai()}
		b := s.board(st, nil, false, now)
		i := slices.IndexFunc(b.Sections, func(part notifier.Section) bool { return len(part.Rows) > mostRows })
		if i < 0 || len(b.Sections[i].Rows) != mostRows+1 || !strings.Contains(b.Sections[i].Rows[mostRows].Title, fmt.Sprint(n-mostRows)) {
			t.Errorf("the page shows %v", b.Sections)
		}
		for what, text := range map[string]string{
			"/status":     s.status(st, false, now),
			"a reload":    s.changes(ruleChanges{names, names, names, names}, nil, nil, ""),
			"a refusal":   s.reloadRefused(strings.Join(mistakes, "\n")).Text,
			"a misnaming": s.notDone(&UnknownRule{Name: "x", Rules: names}),
		} {
			if size := utf8.RuneCountInString(text); size > 1500 {
				t.Errorf("%s takes %d characters: %.300s", what, size, text)
			}
			if !strings.Contains(text, "99") && !strings.Contains(text, fmt.Sprint(n)) {
				t.Errorf("%s does not say how many there are: %s", what, text)
			}
		}
	}
	if list := few(names); len(list) != mostNames+1 || list[mostNames] != "... and 9988 more" || names[mostNames] != "rule 12" {
		t.Errorf("the log says %v", list)
	}
	if e := (&UnknownRule{Name: "x", Rules: names}).Error(); len(e) > 1000 {
		t.Errorf("an error of %d bytes", len(e))
	}
}

// BenchmarkStatus is what it costs to say what 10,000 rules do.
func BenchmarkStatus(b *testing.B) {
	w := planWatcher(b)
	w.meter = newMeter()
	w.setRules(manyRules(10_000, twelve306.DateOf(time.Now())))
	w.plan(time.Now())
	for name, say := range map[string]func(){
		"Status":  func() { w.Status() },
		"Line":    func() { w.Line() },
		"Board":   func() { w.Board() },
		"Metrics": func() { w.WriteMetrics(&strings.Builder{}) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				say()
			}
		})
	}
}
