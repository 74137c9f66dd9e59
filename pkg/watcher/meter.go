package watcher

import (
	"fmt"
	"io"
	"maps"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
)

// meter counts what the daemon does from its start on: for /metrics, and for
// the daily digest.
type meter struct {
	set *metrics.Set

	mu    sync.Mutex
	today dayCount
}

// dayCount is what happened since the last digest, or since the start.
type dayCount struct {
	since    time.Time
	looks    int // good ones
	failed   map[twelve306.Kind]int
	asked    int // questions
	answered int
	ended    map[EventKind]int // attempts, by how they ended
}

func (t dayCount) failures() int {
	n := 0
	for _, k := range t.failed {
		n += k
	}
	return n
}

func newMeter() *meter {
	m := &meter{set: metrics.NewSet()}
	m.today = emptyDay(time.Time{})
	// What is there from the beginning can be alerted on before it happens.
	m.looks("ok")
	for _, k := range []twelve306.Kind{twelve306.Network, twelve306.Busy, twelve306.Blocked, twelve306.Changed} {
		m.looks(string(k))
	}
	for _, k := range attemptKinds {
		m.attempts(k)
	}
	return m
}

func emptyDay(since time.Time) dayCount {
	return dayCount{since: since, failed: map[twelve306.Kind]int{}, ended: map[EventKind]int{}}
}

// attemptKinds are the steps of an attempt that are counted.
var attemptKinds = [...]EventKind{AttemptBegun, Confirming, Booked, Failed, Paid, Expired, Cancelled}

func (m *meter) looks(result string) *metrics.Counter {
	return m.set.GetOrCreateCounter(fmt.Sprintf(`watcherd_looks_total{result=%q}`, result))
}

func (m *meter) attempts(k EventKind) *metrics.Counter {
	return m.set.GetOrCreateCounter(fmt.Sprintf(`watcherd_attempts_total{step=%q}`, k))
}

// look counts a look that worked, or one that did not.
func (m *meter) look(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err == nil {
		m.looks("ok").Inc()
		m.today.looks++
		return
	}
	k := twelve306.KindOf(err)
	if k == "" {
		k = twelve306.Network // no error of 12306's: it was not reached
	}
	m.looks(string(k)).Inc()
	m.today.failed[k]++
}

// happened counts the steps of attempts.
func (m *meter) happened(e Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range attemptKinds {
		if e.Kind == k {
			m.attempts(k).Inc()
			m.today.ended[k]++
		}
	}
}

// questionTimes are the bounds of the buckets of question times, in seconds.
var questionTimes = []float64{5, 10, 20, 30, 60, 90, 120, 180, 300, 600}

// question counts a question and how long it was open. outcome is answered,
// expired or withdrawn.
func (m *meter) question(kind notifier.Kind, outcome string, took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.set.GetOrCreatePrometheusHistogramExt(fmt.Sprintf(`watcherd_question_seconds{kind=%q,outcome=%q}`, kind, outcome), questionTimes).Update(took.Seconds())
	m.today.asked++
	if outcome == answeredInTime {
		m.today.answered++
	}
}

// What became of a question.
const (
	answeredInTime = "answered"
	expiredUnheard = "expired"
	withdrawn      = "withdrawn"
)

// count returns what has happened since the last call of turn, or since the start.
func (m *meter) count() dayCount {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.today
	t.failed, t.ended = maps.Clone(t.failed), maps.Clone(t.ended)
	return t
}

// turn begins a new count.
func (m *meter) turn(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.today = emptyDay(now)
}

// WriteMetrics writes what the daemon has done and does in Prometheus' text
// format. Times are in seconds; watcherd_last_good_look_age_seconds counts from
// the start when no look has worked yet.
func (w *Watcher) WriteMetrics(out io.Writer) {
	w.meter.set.WritePrometheus(out)
	now := time.Now()
	today := twelve306.DateOf(now)
	states := map[RuleState]int{}
	w.mu.Lock()
	s := w.overview()
	for _, r := range w.rules {
		states[w.stateOf(r, today)]++
	}
	w.mu.Unlock()
	slow := w.client.Pace().Stats().Slow
	gauge := func(name string, value float64) { metrics.WriteGaugeFloat64(out, name, value) }
	gauge("watcherd_start_time_seconds", float64(s.Since.Unix()))
	gauge("watcherd_last_good_look_age_seconds", now.Sub(w.lastGood()).Seconds())
	gauge("watcherd_blind", truth(s.BlindSince != nil))
	gauge("watcherd_alive", truth(w.Alive(now)))
	gauge("watcherd_logged_in", truth(s.Session.LoggedIn))
	gauge("watcherd_question_open", truth(s.Question != nil))
	held := 0
	for _, o := range s.Orders {
		if o.State == StateBooked {
			held++
		}
	}
	gauge("watcherd_orders_unpaid", float64(held))
	gauge("watcherd_pace_requests_5m", float64(s.Pace.Requests5M))
	gauge("watcherd_pace_budget_5m", float64(s.Pace.Budget5M))
	gauge("watcherd_pace_min_interval_seconds", float64(s.Pace.MinIntervalMS)/1000)
	gauge("watcherd_pace_slowdown", slow)
	for _, state := range ruleStates {
		gauge(fmt.Sprintf(`watcherd_rules{state=%q}`, state), float64(states[state]))
	}
	metrics.WriteProcessMetrics(out)
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// lastGood is when a look last worked; the start before the first.
func (w *Watcher) lastGood() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sight.good.IsZero() {
		return w.since
	}
	return w.sight.good
}

// Health says whether the daemon does its work: nil, or why not.
func (w *Watcher) Health(now time.Time) error {
	if !w.Alive(now) {
		return fmt.Errorf("the loop that looks is stuck")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sight.blind {
		return fmt.Errorf("no look has worked since %s", w.sight.since().In(w.opt.Location).Format(time.DateTime))
	}
	if len(w.unsaved) > 0 {
		return fmt.Errorf("the state folder cannot be written")
	}
	return nil
}
