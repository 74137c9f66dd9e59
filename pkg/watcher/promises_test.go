package watcher

import (
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// promises checks what must be true at the end of every scene, whatever
// happened in it.
func (s *scene) promises() {
	t := s.t
	t.Helper()
	excused := map[string]int{}
	s.set.excuse = append(s.set.excuse, "a query 0s after the last one") // the one retry on a new session does not wait
	for _, v := range s.site.Misconduct() {
		i := slices.IndexFunc(s.set.excuse, func(text string) bool { return strings.Contains(v.Text, text) })
		if i >= 0 {
			if excused[s.set.excuse[i]]++; excused[s.set.excuse[i]] <= cmp.Or(s.set.excuses, 3) {
				continue
			}
		}
		t.Errorf("12306 was asked what no browser asks: %v", v)
	}
	if n := s.site.Cancels(); n > 0 {
		t.Errorf("watcherd cancelled %d times", n)
	}
	s.phone.mu.Lock()
	defer s.phone.mu.Unlock()
	for _, w := range s.phone.wrong {
		t.Error(w)
	}
	s.orders()
	s.sense()
	s.secrets()
	s.files()
}

// orders compares what 12306 made with what the user was told: every number
// once, as it is held, and nothing that contradicts it.
func (s *scene) orders() {
	t := s.t
	booked := map[string][]notifier.Message{}
	ruleOf := map[string]string{} // by order number
	for _, m := range s.phone.news {
		switch NewsKind(m.Kind) {
		case NewsBooked:
			var v OrderView
			if err := json.Unmarshal(m.Order, &v); err != nil || v.Number == "" {
				t.Errorf("booked without a number: %s / %s", m.Title, m.Text)
			}
			booked[v.Number] = append(booked[v.Number], m)
			if rule := ruleOf[v.Number]; rule != "" && rule != v.Rule {
				t.Errorf("the order %s was told for %s and for %s", v.Number, rule, v.Rule)
			}
			ruleOf[v.Number] = v.Rule
		case NewsPaid: // found when nobody could be told that it is held
			var v OrderView
			if json.Unmarshal(m.Order, &v) == nil {
				ruleOf[v.Number] = v.Rule
			}
		}
	}
	live := map[string]int{} // by rule
	for _, o := range s.site.AllOrders() {
		if o.Planted {
			continue
		}
		if o.State == railsim.Queued || o.State == railsim.Unpaid || o.State == railsim.Paid {
			live[ruleOf[o.Number]]++
		}
		for _, m := range s.phone.news {
			if m.Kind == string(NewsFailed) && (ruleOf[o.Number] == "" || m.Rule == ruleOf[o.Number]) && o.State != railsim.Failed && m.At.After(o.Asked) && m.At.Before(s.ended(o)) {
				t.Errorf("told %q at %v while 12306 held order %s", m.Title, m.At, o.Number)
			}
		}
		if o.Number == "" {
			continue
		}
		list := booked[o.Number]
		delete(booked, o.Number)
		if len(list) == 0 {
			if !s.toldOfDoubt(o) {
				t.Errorf("the order %s was never told", o.Number)
			}
			continue
		}
		// Once in each life that crashed before it knew that it was told; and an
		// order that could not be read back, or not until when it must be paid, is
		// told again when it can be.
		sure := slices.DeleteFunc(slices.Clone(list), func(m notifier.Message) bool {
			return strings.Contains(m.Text, "没能从 12306 读回") || strings.Contains(m.Text, "付款期限没有读到")
		})
		if len(sure) > len(s.lives) || len(list)-len(sure) > len(s.lives) {
			t.Errorf("the order %s was told %d times in %d lives", o.Number, len(list), len(s.lives))
		}
		s.sameOrder(list[len(list)-1], o)
	}
	for number := range booked {
		t.Errorf("told a number that 12306 does not have: %s", number)
	}
	for rule, n := range live {
		if n > 1 {
			t.Errorf("%d orders are held for the rule %q", n, rule)
		}
	}
	acted := 0
	for _, c := range s.site.Confirms() {
		if c.Acted {
			acted++
		}
	}
	ended := 0
	for _, o := range s.site.AllOrders() {
		if !o.Planted && (o.State == railsim.Failed || o.State == railsim.Expired || o.State == railsim.Cancelled) {
			ended++
		}
	}
	rules := map[string]bool{}
	for _, l := range s.lives {
		for _, r := range l.w.rules {
			rules[r.Name] = true
		}
		for _, at := range l.w.state.Attempts { // of rules that a reload took away
			rules[at.Rule] = true
		}
	}
	if acted > len(rules)+ended {
		t.Errorf("%d confirms took effect for %d rules, %d of whose orders ended", acted, len(rules), ended)
	}
}

// ended is when 12306 held the order no more.
func (s *scene) ended(o railsim.Order) time.Time {
	if at, ok := s.hands[o.Number]; ok && o.State != railsim.Paid {
		return at
	}
	if o.State == railsim.Expired || o.State == railsim.Cancelled {
		return o.PayBy
	}
	return time.Now().Add(time.Hour)
}

// sameOrder compares what was told with what is held, field by field.
func (s *scene) sameOrder(m notifier.Message, o railsim.Order) {
	t := s.t
	var v OrderView
	if err := json.Unmarshal(m.Order, &v); err != nil {
		t.Errorf("the order of %q: %v", m.Title, err)
		return
	}
	if v.Train != o.Train || v.Date != o.Date || v.State != StateBooked {
		t.Errorf("told %s %s %s, 12306 holds %s %s", v.Train, v.Date, v.State, o.Train, o.Date)
	}
	if strings.Contains(m.Text, "没能从 12306 读回") && (o.State != railsim.Unpaid || !s.askedSince(railsim.StepNoComplete, m.At)) {
		return // it ended before it could be read, or nobody has logged in since
	}
	var seats, names []string
	for _, k := range o.Tickets {
		seats = append(seats, k.Name+" "+k.Coach+"车 "+k.Number)
		names = append(names, k.Passenger)
	}
	if !slices.Equal(v.Seats, seats) || !slices.Equal(v.Passengers, names) {
		t.Errorf("told %v for %v, 12306 holds %v for %v", v.Seats, v.Passengers, seats, names)
	}
	if !s.limitless && (v.PayBy == nil || !v.PayBy.Equal(o.PayBy.Truncate(time.Second))) {
		t.Errorf("told to pay by %v, 12306 says %v", v.PayBy, o.PayBy)
	}
	if v.Price == nil || int(*v.Price*10+0.5) != o.Price {
		t.Errorf("told the price %v, 12306 says %d jiao", v.Price, o.Price)
	}
	clock := o.PayBy.In(m.At.Location()).Format("15:04")
	if s.limitless {
		clock = ""
	}
	for _, want := range append([]string{o.Number, o.Train, clock}, seats...) {
		if !strings.Contains(m.Title+m.Text, want) && !strings.Contains(m.Text, SeatWords(notifier.English, want)) {
			t.Errorf("the words do not name %s: %s / %s", want, m.Title, m.Text)
		}
	}
}

// askedSince reports whether a step was asked after a moment.
func (s *scene) askedSince(step railsim.Step, at time.Time) bool {
	return slices.ContainsFunc(s.site.Requests(), func(r railsim.Request) bool { return r.Step == step && r.At.After(at) })
}

// cameUpBefore reports whether a life had just begun at a moment.
func (s *scene) cameUpBefore(at time.Time) bool {
	return slices.ContainsFunc(s.phone.news, func(m notifier.Message) bool {
		return m.Kind == string(NewsStarted) && !m.At.After(at) && at.Sub(m.At) < time.Minute
	})
}

// toldOfDoubt reports whether the person was sent to the app in time, because
// nobody could log in for as long as 12306 held the order, or was told that it
// was paid, or has expired, while the daemon was down: all that can be promised then.
func (s *scene) toldOfDoubt(o railsim.Order) bool {
	ends := map[railsim.OrderState]NewsKind{railsim.Paid: NewsPaid, railsim.Expired: NewsExpired}
	if end := ends[o.State]; end != "" && slices.ContainsFunc(s.phone.news, func(m notifier.Message) bool {
		return m.Kind == string(end) && strings.Contains(m.Text, o.Number) && (end == NewsPaid || s.cameUpBefore(m.At))
	}) {
		return true
	}
	return o.State == railsim.Expired && slices.ContainsFunc(s.phone.news, func(m notifier.Message) bool {
		return strings.Contains(m.Title, "可能已占到座") && strings.Contains(m.Text, o.Train) && m.At.After(o.Asked) && m.At.Before(o.PayBy)
	})
}

// secrets looks for what must not be printed in all that was.
func (s *scene) secrets() {
	printed := s.ink.String()
	for _, m := range s.phone.news {
		printed += m.Title + m.Text + string(m.Order)
	}
	for _, q := range s.phone.asked {
		printed += q.Title + q.Text
	}
	s.seen.mu.Lock()
	defer s.seen.mu.Unlock()
	for v := range s.seen.list {
		if strings.Contains(printed, v) && !partOfANumber(printed, v) {
			s.t.Errorf("a secret was printed: %s", v)
		}
	}
}

// partOfANumber reports whether digits stand in a text only within longer runs
// of digits: a code of six is found in many a moment in nanoseconds.
func partOfANumber(text, digits string) bool {
	return strings.Trim(digits, "0123456789") == "" && !regexp.MustCompile(`(^|\D)`+digits+`(\D|$)`).MatchString(text)
}

// files checks that the state folder is its owner's alone.
func (s *scene) files() {
	folders := map[string]os.FileMode{s.dir: 0o700}
	copies := filepath.Join(s.dir, captureFolder)
	if _, err := os.Stat(copies); err == nil {
		folders[copies] = 0o700
	}
	for dir, want := range folders {
		info, err := os.Stat(dir)
		if err != nil {
			s.t.Error(err)
			return
		}
		if got := info.Mode().Perm(); got != want {
			s.t.Errorf("%s has mode %o", dir, got)
		}
		list, _ := os.ReadDir(dir)
		for _, e := range list {
			if info, err := e.Info(); err == nil && !e.IsDir() && info.Mode().Perm() != 0o600 {
				s.t.Errorf("%s has mode %o", filepath.Base(e.Name()), info.Mode().Perm())
			}
		}
	}
}
