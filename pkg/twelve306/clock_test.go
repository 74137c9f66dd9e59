package twelve306

import (
	"math/rand/v2"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// tells gives a timepiece one Date, of a server whose clock is ahead, in a
// reply that took a round trip.
func tells(p *timepiece, ahead, rtt time.Duration) {
	sent := time.Now()
	time.Sleep(rtt / 2)
	h := http.Header{"Date": {time.Now().Add(ahead).UTC().Format(http.TimeFormat)}}
	time.Sleep(rtt / 2)
	p.header(h, sent, time.Now())
}

func known(p *timepiece) Clock {
	c := Client{}
	c.clock.now.Store(p.now.Load())
	return c.Clock()
}

// TestClock: the Dates of a minute's looks, which have whole seconds, find the
// offset to a fraction of one, and never wrongly.
func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, ahead := range []time.Duration{0, 300 * time.Millisecond, 40 * time.Second, -40 * time.Second, -59 * time.Minute} {
			p := &timepiece{}
			random := rand.New(rand.NewPCG(1, uint64(ahead)))
			for n := range 40 {
				tells(p, ahead, time.Duration(random.IntN(300))*time.Millisecond)
				time.Sleep(3*time.Second + time.Duration(random.IntN(400))*time.Millisecond)
				c := known(p)
				if c.Known != (n+1 >= clockLeast) {
					t.Fatalf("%v after %d replies: %+v", ahead, n+1, c)
				}
				if c.Known && (c.Least > ahead || c.Most < ahead) {
					t.Fatalf("%v after %d replies: between %v and %v", ahead, n+1, c.Least, c.Most)
				}
			}
			c := known(p)
			if width := c.Most - c.Least; width > 300*time.Millisecond {
				t.Errorf("%v: still %v wide", ahead, width)
			}
			if ahead == 0 && c.Offset() != 0 {
				t.Errorf("a clock that is right is corrected by %v", c.Offset())
			}
		}
	})
}

// TestClockIsNotMisled: one header that is wrong, a cache's reply, no date, and
// dates from nowhere change nothing; more than that is not known at all.
func TestClockIsNotMisled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ahead = -40 * time.Second
		p := &timepiece{}
		good := func(n int) {
			for range n {
				tells(p, ahead, 50*time.Millisecond)
				time.Sleep(3100 * time.Millisecond)
			}
		}
		right := func(when string) {
			t.Helper()
			if c := known(p); !c.Known || c.Least > ahead || c.Most < ahead {
				t.Fatalf("%s: %+v", when, c)
			}
		}
		tells(p, time.Hour/2, 0) // the very first is wrong
		good(4)
		right("a wrong one first")
		tells(p, 7*24*time.Hour, 0)
		right("a week ahead")
		now := time.Now()
		for _, h := range []http.Header{{}, {"Date": {"soon"}}, {"Date": {now.Add(-time.Hour / 2).UTC().Format(http.TimeFormat)}, "Age": {"1800"}}} {
			for range 20 {
				p.header(h, now, now)
			}
		}
		right("headers without a date of now")

		// A proxy writes its own Date; what conf says weighs more than four of them.
		p = &timepiece{}
		for range 4 {
			tells(p, time.Minute, 0)
		}
		p.read(time.Now().Add(ahead), time.Millisecond, time.Now().Add(-time.Second), time.Now(), ownClock)
		right("conf against a proxy")

		p = &timepiece{}
		for range 6 { // two that contradict each other all the time
			tells(p, time.Minute, 0)
			tells(p, -time.Minute, 0)
			time.Sleep(3 * time.Second)
		}
		if c := known(p); c.Known {
			t.Errorf("no majority, and yet %+v", c)
		}
		p = &timepiece{}
		for range 6 {
			tells(p, 25*time.Hour, 0)
		}
		if c := known(p); c.Known || c.Offset() != 0 {
			t.Errorf("a day ahead is believed: %+v", c)
		}

		// What is old is forgotten: the clock was wrong, then it drifted.
		p = &timepiece{}
		good(40)
		time.Sleep(clockAge)
		for range 3 {
			tells(p, 0, 0)
			time.Sleep(3300 * time.Millisecond)
		}
		if c := known(p); !c.Known || c.Offset() != 0 {
			t.Errorf("after the clock was set right: %+v", c)
		}
	})
}

// TestClockOfReplies: a client learns the clock from what it asks anyway.
func TestClockOfReplies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, era := range []railsim.Era{railsim.Classic, railsim.Present} {
			const ahead = 40 * time.Second
			site := railsim.New(railsim.Options{Seed: 1, Calm: true, Era: era, Ahead: ahead, RTT: 60 * time.Millisecond})
			c, err := New(Options{Transport: site.Transport(), Pace: NewPace(PaceConfig{})})
			if err != nil {
				t.Fatal(err)
			}
			day := DateOf(time.Now()).AddDays(3)
			from, _ := BuiltinStations().Lookup("广州南")
			to, _ := BuiltinStations().Lookup("武汉")
			for range 6 {
				if _, err := c.Query(t.Context(), Journey{Date: day, From: from, To: to}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(3200 * time.Millisecond)
			}
			if _, err := c.conf(t.Context()); err != nil {
				t.Fatal(err)
			}
			k := c.Clock()
			if !k.Known || k.Least > ahead || k.Most < ahead || era == railsim.Present && k.Most-k.Least > 62*time.Millisecond {
				t.Errorf("%s: %+v, want %v", era, k, ahead)
			}
			for _, v := range site.Misconduct() {
				t.Errorf("violation: %v", v)
			}
			c.Close()
			site.Close()
		}
	})
}

// TestConfIsHints: what conf says beside who is logged in may be in any form; a
// now that cannot be read leaves nowStr to tell the time.
func TestConfIsHints(t *testing.T) {
	const ahead = 40 * time.Second
	for name, fields := range map[string]map[string]any{
		"as recorded":    {},
		"no text of it":  {"nowStr": nil},
		"now as a text":  {"now": "2024-04-22 14:08:18"},
		"now as a list":  {"now": []int{2024, 4, 22}},
		"no now":         {"now": nil},
		"nothing of use": {"now": "soon", "nowStr": 20.5, "other_control": "fifteen", "stu_control": []int{15}, "queryUrl": map[string]string{}},
	} {
		synctest.Test(t, func(t *testing.T) {
			site := railsim.New(railsim.Options{Seed: 1, Calm: true, Era: railsim.Present, Ahead: ahead, Conf: fields})
			defer site.Close()
			c, err := New(Options{Transport: site.Transport(), Pace: NewPace(PaceConfig{})})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			time.Sleep(300 * time.Millisecond)
			d, err := c.conf(t.Context())
			if err != nil || bool(d.LoggedIn) {
				t.Fatalf("%s: %+v, %v", name, d, err)
			}
			if name == "nothing of use" {
				if c.Window() != 0 || c.queryPath != "" {
					t.Errorf("%d days, %q", c.Window(), c.queryPath)
				}
				return
			}
			if k := c.Clock(); !k.Known || k.Least > ahead || k.Most < ahead || c.Window() != 15 {
				t.Errorf("%s: %+v, %d days", name, k, c.Window())
			}
		})
	}
}
