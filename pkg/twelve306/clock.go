package twelve306

import (
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Clock is how far 12306's clock is ahead of this machine's (behind it, when
// negative): between Least and Most. The zero Clock is not known.
type Clock struct {
	Least, Most time.Duration
	Known       bool
}

// Offset is what to add to this machine's time to have 12306's. It is 0 for a
// clock that may well be right.
func (c Clock) Offset() time.Duration {
	if !c.Known || c.Least <= 0 && c.Most >= 0 {
		return 0
	}
	return c.Least + (c.Most-c.Least)/2
}

// maxOffset is the largest difference that is believed: somebody whose clock is
// off by more has other troubles (certificates, the day), or a proxy that
// writes dates of its own.
const maxOffset = time.Hour

const (
	clockMost  = 48               // readings that are kept
	clockLeast = 3                // readings that have to agree before they are believed
	clockAge   = 20 * time.Minute // how old a reading may be: quartz drifts
	ownClock   = 5                // login/conf's own clock weighs as much as so many Date headers, which a proxy may write
)

// reading is one look at 12306's clock. Date has whole seconds: between them
// the edges of many readings find the offset to a fraction of one.
type reading struct {
	at          time.Time
	least, most time.Duration
	weight      int
}

// timepiece learns [Clock] from replies.
type timepiece struct {
	mu   sync.Mutex
	list []reading
	now  atomic.Pointer[Clock]
}

// Clock returns what is known of 12306's clock: from the Date of its replies
// and from login/conf's now (PROTOCOL.md 2).
func (c *Client) Clock() Clock {
	if k := c.clock.now.Load(); k != nil {
		return *k
	}
	return Clock{}
}

// header takes up the Date of a reply to a request that was sent and answered
// at two moments. A reply from a cache says when it was put there.
func (t *timepiece) header(h http.Header, sent, got time.Time) {
	at, err := http.ParseTime(h.Get("Date"))
	if err != nil || h.Get("Age") != "" && h.Get("Age") != "0" {
		return
	}
	t.read(at, time.Second, sent, got, 1)
}

// read takes up that 12306's clock said a time, cut to a unit, between sent
// and got.
func (t *timepiece) read(said time.Time, unit time.Duration, sent, got time.Time, weight int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.list); n > 0 {
		// A clock that was set meanwhile makes what was read before worthless: the
		// wall's time and the time since differ.
		last := t.list[n-1].at
		if d := got.Round(0).Sub(last.Round(0)) - got.Sub(last); d.Abs() > time.Second {
			t.list = nil
		}
	}
	r := reading{got, said.Sub(got.Round(0)), said.Add(unit).Sub(sent.Round(0)), weight}
	if r.most < r.least {
		return
	}
	t.list = append(t.list, r)
	t.list = slices.DeleteFunc(t.list, func(r reading) bool { return got.Sub(r.at) > clockAge })
	t.list = t.list[max(0, len(t.list)-clockMost):]
	k := agreed(t.list)
	t.now.Store(&k)
}

// agreed is the span in which most readings agree (Marzullo): one header that
// is wrong has no say, however wrong it is. It is not known while no more than
// half of them agree.
func agreed(list []reading) Clock {
	type edge struct {
		at     time.Duration
		weight int // negative where a reading ends
	}
	edges := make([]edge, 0, 2*len(list))
	all := 0
	for _, r := range list {
		all += r.weight
		edges = append(edges, edge{r.least, r.weight}, edge{r.most, -r.weight})
	}
	slices.SortFunc(edges, func(a, b edge) int {
		if a.at != b.at {
			return int(max(min(a.at-b.at, 1), -1))
		}
		return b.weight - a.weight // what only touches agrees
	})
	var c Clock
	sum, best := 0, 0
	for i, e := range edges {
		if sum += e.weight; sum > best {
			best = sum
			c.Least, c.Most = e.at, edges[i+1].at
		}
	}
	c.Known = best >= clockLeast && 2*best > all && c.Least > -maxOffset && c.Most < maxOffset
	if !c.Known {
		return Clock{}
	}
	return c
}
