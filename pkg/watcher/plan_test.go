package watcher

import (
	"fmt"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
)

// BenchmarkPlan measures what every look costs before it is asked: 10 distinct
// journeys, whatever the number of rules.
func BenchmarkPlan(b *testing.B) {
	for _, n := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := &Watcher{opt: Options{Location: twelve306.Shanghai()}, state: NewState(), byName: map[string]*watched{}}
			today := twelve306.DateOf(time.Now())
			rules := make([]Rule, n)
			for i := range rules {
				rules[i] = homeRule(func(r *Rule) {
					r.Name = fmt.Sprint("rule ", i)
					r.Dates = []twelve306.Date{today.AddDays(i % 10)}
				})
			}
			w.setRules(rules)
			plan := map[twelve306.Journey]*query{}
			b.ReportAllocs()
			for b.Loop() {
				if w.plan(plan, time.Now()) == nil {
					b.Fatal("nothing to ask")
				}
			}
		})
	}
}
