package main

import (
	"flag"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// killsFlag says how many kills TestKills does: "some", which fits into every
// run of the tests, or "all": go test ./cmd/watcherd -run TestKills -kills all -v
var killsFlag = flag.String("kills", "some", "some or all: how many kills and stops of the real daemon are tried")

// promised is how long after a restart an order that 12306 holds is told, and
// how long a stop takes. The sweep of all kills, for a machine of its own, holds
// the daemon to it; on one that does other things besides it says nothing of the
// daemon, so that the other runs only print the figures.
const promised = 10 * time.Second

// hung is when even a slow machine does not explain it.
const hung = time.Minute

// linger is how long a play goes on after the news of the seat, for blows that
// fall behind it.
const linger = 300 * time.Millisecond

// crashes matches what no browser would do, but a browser that has lost its
// memory in the middle of a login: the reply with the cookie is gone, and so is
// the time at which a code was sent.
var crashes = regexp.MustCompile(`^(the tk cookie is not that of the login|uamauthclient without login/userLogin|a second code within .*)$`)

var running = regexp.MustCompile(`watcherd is running`)

// outcome is what a play came to.
type outcome struct {
	blows   int // that fell
	orders  int
	numbers int           // told on the phone, each counted once
	slowest time.Duration // from a restart to the news, when an order was held at the restart
	begun   time.Duration // the same when there was nothing yet: login and order included
	stop    time.Duration // the slowest SIGTERM
	trace   []string
}

// perform runs the play and checks what must be true after it.
func (p *play) perform() (out outcome) {
	defer p.close()
	p.stage()
	defer p.watchWrites()()
	lives := append(p.blows, blow{})
	for i := range lives {
		b := &lives[i]
		if i == len(p.blows) {
			b = nil
		}
		held := len(p.site.AllOrders()) > 0
		told := p.told()
		started := time.Now()
		life := p.begin(b)
		if !p.watch(life, b, told) {
			break
		}
		if n := p.booked(); len(n) > told && told == 0 && i > 0 {
			if wait := n[0].at.Sub(started); held {
				// Before 12306 has the number nobody can tell it.
				if o := p.site.AllOrders(); o[0].Held.After(started) {
					wait = n[0].at.Sub(o[0].Held)
				}
				out.slowest = max(out.slowest, wait)
			} else {
				out.begun = max(out.begun, wait)
			}
		}
		if b == nil || !b.stops() || !p.fallen() { // a second one would end it where it stands
			life.cmd.Process.Signal(syscall.SIGTERM)
		}
		signalled := time.Now()
		<-life.gone
		// A blow may have fallen as late as in the stop.
		ws := life.cmd.ProcessState.Sys().(syscall.WaitStatus)
		if b != nil && b.moment == committed && ws.Signaled() {
			p.fell()
		}
		if p.fallen() {
			out.blows++
		}
		if p.fallen() && !b.stops() {
			if killed := ws.Signaled() && ws.Signal() == syscall.SIGKILL; killed == (b.moment == dumped) {
				p.fault("life %d ended with %v and was to be killed", i, life.cmd.ProcessState)
			}
		} else {
			if ws.ExitStatus() != 0 {
				p.fault("life %d ended with %v:\n%s", i, life.cmd.ProcessState, life.out.all())
			}
			if p.fallen() {
				signalled = p.struck
			}
			out.stop = max(out.stop, p.died.Sub(signalled))
		}
		p.outputs = append(p.outputs, life.out.all())
	}
	p.judge(&out)
	return out
}

// watch waits for the end of a life's part of the play: its blow, or the news
// of the seat and a little more. A life that is stopped by a blow is waited
// for here. It reports false when nothing of this comes.
func (p *play) watch(life *process, b *blow, told int) bool {
	late := time.After(patience)
	var enough <-chan time.Time
	if told > 0 { // a life that has nothing left to tell but perhaps the same once more
		if _, err := life.out.await(running, life.gone); err == nil {
			enough = time.After(linger)
		}
	}
	for {
		select {
		case <-p.arrived:
			enough = time.After(linger)
		case <-enough:
			return true
		case <-life.gone:
			if b == nil || b.moment != committed && !p.fallen() {
				p.fault("the daemon ended by itself: %v\n%s", life.cmd.ProcessState, life.out.all())
			}
			return true
		case <-late:
			p.fault("nothing is told; the daemon printed:\n%s", life.out.all())
			return false
		}
	}
}

func (p *play) fallen() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// booked lists the news of a seat.
func (p *play) booked() []letter {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(p.mail), func(l letter) bool { return l.Kind != "booked" })
}

func (p *play) told() int { return len(p.booked()) }

// judge checks the invariants at the end of the play.
func (p *play) judge(out *outcome) {
	orders := p.site.AllOrders()
	if out.orders = len(orders); len(orders) != 1 || orders[0].State != railsim.Unpaid {
		p.fault("12306 holds %+v", orders)
	}
	act := 0
	tokens := map[string]bool{}
	for _, c := range p.site.Confirms() {
		if tokens[c.Token] {
			p.fault("two confirms with one token")
		}
		tokens[c.Token] = true
		if act > 0 {
			p.fault("a confirm after the one that acted")
		}
		if c.Acted {
			act++
		}
	}
	if act != 1 {
		p.fault("%d confirms acted", act)
	}
	told := map[string]bool{}
	for _, l := range p.booked() {
		if l.Order != nil {
			told[l.Order.Number] = true
		}
		if len(orders) > 0 && (l.Order == nil || l.Order.Number != orders[0].Number || !strings.Contains(l.Text, orders[0].Number)) {
			p.fault("told %+v, and 12306 holds %s", l, orders[0].Number)
		}
	}
	out.numbers = len(told)
	if n := p.told(); n == 0 || n > 1+out.blows {
		p.fault("the seat was told %d times, after %d blows", n, out.blows)
	}
	most := hung
	if *killsFlag == "all" {
		most = promised
	}
	if out.slowest > most {
		p.fault("%v from the restart to the news", out.slowest)
	}
	if out.stop > most {
		p.fault("%v from SIGTERM to the end", out.stop)
	}
	for _, v := range p.site.Misconduct() {
		if out.blows == 0 || !crashes.MatchString(v.Text) {
			p.fault("12306 saw %v", v)
		}
	}
	if n := p.site.Cancels(); n > 0 {
		p.fault("%d cancels that nobody asked for", n)
	}
	p.confess()
	p.mu.Lock()
	defer p.mu.Unlock()
	out.trace = p.trace
	for _, w := range p.wrong {
		p.t.Errorf("%s: %s (%v)", p.name, w, p.site)
	}
	if len(p.wrong) > 0 {
		for _, l := range p.mail {
			p.t.Logf("%s: %s %s %s", p.name, l.at.Format("05.000"), l.Kind, l.Title)
		}
		for i, text := range p.outputs {
			p.t.Logf("%s: life %d printed:\n%s", p.name, i, text)
		}
	}
}

// rehearse performs the play undisturbed, to learn what there is to disturb:
// each step with how often it is met.
func rehearse(t *testing.T) (steps []blow, writes int) {
	out := newPlay(t, "rehearsal", t.TempDir(), railsim.Options{}).perform()
	if t.Failed() {
		t.FailNow()
	}
	seen := map[string]int{}
	for _, step := range out.trace {
		if seen[step]++; step != "written" {
			steps = append(steps, blow{step: step, nth: seen[step]})
		}
	}
	if n := seen[string(railsim.StepConfirm)]; n != 1 || len(steps) < 25 || seen["written"] < 15 {
		t.Fatalf("a strange rehearsal: %v", out.trace)
	}
	return steps, seen["written"]
}

// tryAll performs one play for each list of blows, some at a time, and adds up.
func tryAll(t *testing.T, guards []bool, all [][]blow) (sum outcome, plays int) {
	const together = 16 // they mostly wait
	var mu sync.Mutex
	var group sync.WaitGroup
	turn := make(chan struct{}, together)
	dir := t.TempDir()
	for i, blows := range all {
		for _, guard := range guards {
			turn <- struct{}{}
			group.Go(func() {
				defer func() { <-turn }()
				name := fmt.Sprintf("%v guard=%v", blows, guard)
				out := newPlay(t, name, filepath.Join(dir, fmt.Sprint(i, guard)), railsim.Options{NoGuard: !guard}, blows...).perform()
				mu.Lock()
				defer mu.Unlock()
				plays++
				sum.blows += out.blows
				sum.orders += out.orders
				sum.numbers += out.numbers
				sum.slowest, sum.begun, sum.stop = max(sum.slowest, out.slowest), max(sum.begun, out.begun), max(sum.stop, out.stop)
			})
		}
	}
	group.Wait()
	return sum, plays
}

// TestKills kills the daemon with SIGKILL at request boundaries and at writes
// to the disk, starts it again, and checks that the order is told and is one.
func TestKills(t *testing.T) {
	t.Parallel()
	steps, writes := rehearse(t)
	all := *killsFlag == "all"
	guards := []bool{true, false}
	if !all {
		guards = []bool{false} // the harder one
	}
	var points [][]blow
	ordering := false
	for _, at := range steps {
		ordering = ordering || at.step == string(railsim.StepSubmit)
		for _, m := range []moment{before, acted, replied} {
			at.moment = m
			// What comes before the order holds nothing; a taste of it will do.
			if all || at.nth == 1 && (ordering && m == acted || at.step == string(railsim.StepConfirm) || m == replied && at.step == string(railsim.StepUamauthclient)) {
				points = append(points, []blow{at})
			}
		}
	}
	stride := 1
	if !all {
		stride = 6
	}
	for n := 1; n <= writes; n += stride {
		points = append(points, []blow{{moment: written, step: "written", nth: n}})
	}
	// A life has fewer commits than writes; those that are never reached cost a
	// play, not a kill.
	for n := 1; n <= writes; n++ {
		points = append(points, []blow{{moment: committed, nth: n}})
	}
	// Killed again while it recovers, and again.
	late := []blow{
		{moment: acted, step: string(railsim.StepConfirm), nth: 1},
		{moment: replied, step: string(railsim.StepConfirm), nth: 1},
		{moment: acted, step: string(railsim.StepWait), nth: 1},
		{moment: replied, step: string(railsim.StepWait), nth: 2},
	}
	last := 8
	if !all {
		late, last = late[:1], 3
	}
	for _, first := range late {
		for n := 1; n <= last; n++ {
			points = append(points,
				[]blow{first, {moment: acted, nth: n}},
				[]blow{first, {moment: before, nth: n}, {moment: replied, nth: n}},
				[]blow{first, {moment: committed, nth: n}, {moment: acted, nth: n}, {moment: written, step: "written", nth: n}})
		}
	}
	sum, plays := tryAll(t, guards, points)
	t.Logf("%d plays at %d kill points, %d kills: %d double orders, %d lost numbers; worst %.1f s from restart to news of an order that was held, %.1f s with login and order still to come",
		plays, len(points), sum.blows, sum.orders-plays, plays-sum.numbers, sum.slowest.Seconds(), sum.begun.Seconds())
	if sum.blows < plays/2 {
		t.Errorf("%d kills in %d plays: the points do not fit the daemon any more", sum.blows, plays)
	}
}

// TestStops sends SIGTERM at every stage: with each request under way, with a
// question open, in the queue, and while nobody replies any more.
func TestStops(t *testing.T) {
	t.Parallel()
	steps, _ := rehearse(t)
	all := *killsFlag == "all"
	var points [][]blow
	ordering := false
	for _, at := range steps {
		if strings.HasPrefix(at.step, "news stopping") {
			continue // it is being stopped already
		}
		ordering = ordering || at.step == string(railsim.StepSubmit)
		for _, m := range []moment{stopped, stopLost, deserted} {
			at.moment = m
			spare := at.step == string(railsim.StepCaptchaImage) || at.step == "news question" || ordering && m == stopped || at.step == string(railsim.StepConfirm)
			if all || at.nth == 1 && spare {
				points = append(points, []blow{at})
			}
		}
	}
	sum, plays := tryAll(t, []bool{true}, points)
	t.Logf("%d stops in %d plays: %d double orders, %d lost numbers; worst %.1f s from SIGTERM to the end, %.1f s from restart to news",
		sum.blows, plays, sum.orders-plays, plays-sum.numbers, sum.stop.Seconds(), max(sum.slowest, sum.begun).Seconds())
}
