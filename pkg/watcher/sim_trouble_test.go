package watcher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// troubled is what of a world's trouble is under way.
type troubled struct {
	armed    atomic.Bool // a kill may come
	full     atomic.Bool // the disk
	quiet    atomic.Bool // nothing goes wrong any more
	requests atomic.Int64
	commits  atomic.Int64

	second *phone

	noting sync.Mutex // guards the story

	mu         sync.Mutex
	killRandom *rand.Rand
	atRequest  int64 // the request, counted from the first, that brings the next kill
	atCommit   int64
	confirms   map[string]int // tokens of confirms that arrived
	broken     map[string]error
	slow       map[string]time.Duration
	kills      int
}

// happening is one thing that happens.
type happening struct {
	at   time.Duration
	what string
	do   func()
}

// plan says what happens when: everything random about it is decided here, or
// drawn from the driver's numbers.
func (w *world) plan() []happening {
	r := w.stream("plan", 0)
	var list []happening
	some := func(what string, n int, do func()) {
		for range n {
			list = append(list, happening{between(r, time.Minute, w.span), what, do})
		}
	}
	n := func(t trouble, most int) int {
		if !w.has[t] {
			return 0
		}
		return 1 + r.IntN(most)
	}
	some("seats", 6+r.IntN(20), w.seats)
	some("fault", n(troubleFaults, 25), w.fault)
	some("burst", n(troubleBursts, 4), w.burst)
	some("outage", n(troubleOutages, 3), w.outage)
	some("throttle", n(troubleThrottling, 3), w.throttle)
	some("sessions", n(troubleSessions, 5), w.sessions)
	some("queue", n(troubleQueues, 6), w.queue)
	some("foreign", n(troubleForeign, 3), w.foreign)
	some("hand", n(troubleHands, 12), w.hand)
	some("restart", n(troubleRestarts, 5), w.restart)
	some("reload", n(troubleReloads, 6), w.reload)
	some("disk", n(troubleDisk, 3), w.fillDisk)
	some("channel", n(troubleChannels, 4), w.channel)
	slices.SortStableFunc(list, func(a, b happening) int { return cmp.Compare(a.at, b.at) })
	return list
}

func (w *world) note(format string, args ...any) {
	w.noting.Lock()
	defer w.noting.Unlock()
	w.story = append(w.story, time.Now().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
}

func (w *world) seats() {
	code := pick(w.rng, simTrains...).Code
	date, seat, n := day.AddDays(w.rng.IntN(simDays)), pick(w.rng, seatsOf(code)...), pick(w.rng, 0, 1, 1, 2, 3, 30)
	w.note("%d %s of %s on %s", n, seat, code, date)
	w.s.site.Sell(date.String(), code, seat, n)
}

// simSteps are what watcherd asks of either era.
var simSteps = []railsim.Step{
	railsim.StepLoginInit, railsim.StepLoginPage, railsim.StepConf, railsim.StepUamtkStatic, railsim.StepCaptchaImage, railsim.StepCaptchaCheck,
	railsim.StepLoginVerify, railsim.StepSMS, railsim.StepQRCreate, railsim.StepQRCheck, railsim.StepLogin, railsim.StepUserLogin,
	railsim.StepPassport, railsim.StepUamtk, railsim.StepUamauthclient, railsim.StepStations, railsim.StepQueryInit, railsim.StepQuery,
	railsim.StepCheckUser, railsim.StepSubmit, railsim.StepInitDc, railsim.StepPassengers, railsim.StepPassCode, railsim.StepCheckPassCode,
	railsim.StepCheckOrder, railsim.StepQueueCount, railsim.StepConfirm, railsim.StepConfirm, railsim.StepConfirm, railsim.StepWait, railsim.StepWait,
	railsim.StepResult, railsim.StepNoCompletePage, railsim.StepNoComplete, railsim.StepNoComplete, railsim.StepMyOrder,
}

func (w *world) anyFault() railsim.Fault {
	r := w.rng
	f := railsim.Fault{Step: pick(r, simSteps...), Kind: pick(r, railsim.FaultKinds()...), Acts: in(r, 1, 2), Skip: r.IntN(3)}
	switch f.Kind {
	case railsim.Slow:
		f.Delay = between(r, time.Second, 40*time.Second)
	case railsim.Refused:
		f.Kind = railsim.Busy
		if msg, ok := refusalsOf[f.Step]; ok {
			f.Kind, f.Msg, f.Acts = railsim.Refused, pick(r, msg...), false
		}
	}
	return f
}

// refusalsOf are words with which a step may refuse.
var refusalsOf = map[railsim.Step][]string{
	railsim.StepSubmit:     {"车票信息已过期，请重新查询最新车票信息", "您还有未处理的订单，请您到<a>[未完成订单]</a>进行处理!", "今日宜静坐"},
	railsim.StepCheckOrder: {"余票不足", "今日宜静坐"},
	railsim.StepConfirm:    {"没有足够的票!", "包含未付款订单", "今日宜静坐"},
}

func (w *world) fault() {
	f := w.anyFault()
	w.note("fault %+v", f)
	w.s.site.AddFault(f)
}

func (w *world) burst() {
	for range 1 + w.rng.IntN(6) {
		f := w.anyFault()
		f.Times = 1 + w.rng.IntN(8)
		w.note("burst %+v", f)
		w.s.site.AddFault(f)
	}
}

func (w *world) outage() {
	kind := pick(w.rng, railsim.Unreachable, railsim.RequestLost, railsim.ReplyLost, railsim.HTML, railsim.Status502, railsim.Hang, railsim.Empty200)
	w.note("outage: %s", kind)
	w.s.site.AddFault(railsim.Fault{Kind: kind, Times: -1})
	time.AfterFunc(between(w.rng, 10*time.Second, 20*time.Minute), w.mend)
}

func (w *world) fillDisk() {
	w.note("the disk is full")
	w.full.Store(true)
	time.AfterFunc(between(w.rng, time.Second, 15*time.Minute), func() {
		w.note("there is room again")
		w.full.Store(false)
	})
}

func (w *world) mend() {
	w.note("all failures are over")
	w.s.site.ClearFaults()
}

func (w *world) throttle() {
	f := railsim.Fault{Step: railsim.StepQuery, Kind: pick(w.rng, railsim.TooMany429, railsim.Forbidden403, railsim.Redirect302, railsim.Busy),
		Times: 1 + w.rng.IntN(10), RetryAfter: pick(w.rng, 0, 30*time.Second, 5*time.Minute)}
	w.note("throttled: %+v", f)
	w.s.site.AddFault(f)
}

func (w *world) sessions() {
	switch w.rng.IntN(4) {
	case 0:
		w.note("stale secrets")
		w.s.site.ExpireSecrets()
	case 1:
		letter := pick(w.rng, "-", "Z", "A", "X")
		w.note("letter %s", letter)
		w.s.site.SetLetter(letter)
	default:
		w.note("sessions lost")
		w.s.site.KillSessions()
	}
}

func (w *world) queue() {
	r := w.rng
	q := railsim.Queue{Waits: pick(r, []int{-100}, []int{-100, 4}, []int{75, 40, 4}, nil)}
	switch r.IntN(6) {
	case 0:
		q.Lasts = between(r, time.Second, 4*time.Minute)
	case 1:
		q.Fail, q.Msg = pick(r, -2, -3), pick(r, "", "没有足够的票!")
	case 2:
		q.Empty = true
	case 3:
		q.Refuse = pick(r, refusalsOf[railsim.StepConfirm]...)
	}
	w.note("queue %+v", q)
	w.s.site.PlanQueue(q)
}

// foreign lets the account's owner order something by himself, or end it.
func (w *world) foreign() {
	for _, o := range w.s.site.AllOrders() {
		if o.Planted && o.State == railsim.Unpaid {
			w.note("the owner pays %s", o.Number)
			_ = w.s.site.PayOrder(o.Number)
			return
		}
	}
	o := w.s.site.PlantOrder("zhangsan", day.AddDays(7).String(),
		railsim.Train{Code: "D1", No: "240000D10000", From: "BJP", To: "SHH", Depart: "07:00", Arrive: "15:00"}, "O", simPeople[w.rng.IntN(3)].Name)
	w.note("the owner orders %s", o.Number)
}

// hand ends the order that waits for payment, if its owner was told of it.
func (w *world) hand() {
	for _, o := range w.s.site.AllOrders() {
		if o.State != railsim.Unpaid || o.Planted || !w.told(o.Number) {
			continue
		}
		end, how := w.s.site.PayOrder, "pays"
		switch w.rng.IntN(3) {
		case 0:
			end, how = w.s.site.ExpireOrder, "lets expire"
		case 1:
			end, how = w.s.site.CancelOrder, "cancels"
		}
		w.note("the owner %s %s", how, o.Number)
		w.end(o, end)
	}
}

// payTold pays what its owner knows of, as he should.
func (w *world) payTold() {
	for _, o := range w.s.site.AllOrders() {
		if o.State == railsim.Unpaid && !o.Planted && w.told(o.Number) {
			w.note("the owner pays %s", o.Number)
			w.end(o, w.s.site.PayOrder)
		}
	}
}

func (w *world) end(o railsim.Order, end func(string) error) {
	if end(o.Number) == nil {
		w.s.hands[o.Number] = time.Now()
	}
}

func (w *world) restart() {
	w.note("stop")
	w.s.stop(w.s.now())
	w.pass(between(w.rng, time.Second, 5*time.Minute))
	select {
	case <-w.s.now().done:
		w.start()
	default: // it was killed while it stopped, and is up again
	}
}

func (w *world) reload() {
	switch n := len(w.rules); {
	case n > 1 && in(w.rng, 1, 3):
		i := w.rng.IntN(n)
		w.note("%s is removed", w.rules[i].Name)
		w.rules = slices.Delete(slices.Clone(w.rules), i, i+1)
	case n < 6 && in(w.rng, 1, 2):
		w.rules = append(slices.Clone(w.rules), w.rule(w.rng))
		w.note("%s is new", w.rules[n].Name)
	default:
		i := w.rng.IntN(n)
		changed := w.rule(w.rng)
		changed.Name = w.rules[i].Name
		w.rules = slices.Clone(w.rules)
		w.rules[i] = changed
		w.note("%s is changed", changed.Name)
	}
	w.s.set.rules = w.rules
	if l := w.s.now(); !l.dead.Load() {
		_ = l.w.Reload(Change{Options: Options{Rules: w.rules}})
	}
}

var errDiskFull = errors.New("no space left on device")

// start starts the next daemon, as a service manager does: again and again.
func (w *world) start() {
	for {
		w.armed.Store(false)
		w.watchCommits()
		l, err := w.s.open()
		if err != nil {
			w.note("it does not start: %v", err)
			if !w.full.Load() {
				w.s.t.Fatalf("Open: %v", err)
			}
			time.Sleep(20 * time.Second)
			continue
		}
		w.note("life %d", l.n)
		w.s.run(l)
		w.armed.Store(true)
		return
	}
}

// pass lets time pass. A daemon that was killed meanwhile is started again.
func (w *world) pass(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			return
		case <-w.s.crashed:
			n := w.s.now().n
			rest := w.stream("rise", n)
			time.Sleep(pick(rest, 2*time.Second, between(rest, time.Second, time.Minute)))
			if w.s.now().dead.Load() {
				w.start()
			}
		}
	}
}

// killSoon chooses the request and the commit that bring the next kills.
func (w *world) killSoon() {
	r := w.killRandom
	w.atRequest, w.atCommit = -1, -1
	if w.has[troubleRequestKill] {
		w.atRequest = w.requests.Load() + 1 + r.Int64N(pick[int64](r, 20, 150, 600))
	}
	if w.has[troubleCommitKill] {
		w.atCommit = w.commits.Load() + 1 + r.Int64N(pick[int64](r, 10, 50, 200))
	}
}

// onRequest looks at every request before it has any effect.
func (w *world) onRequest(step railsim.Step, r *http.Request) {
	if step == railsim.StepConfirm {
		w.checkIntent()
	}
	n := w.requests.Add(1)
	w.mu.Lock()
	hit := n == w.atRequest && w.armed.Load() && !w.quiet.Load()
	if n >= w.atRequest {
		defer w.mu.Unlock()
		defer w.killSoon()
	} else {
		w.mu.Unlock()
	}
	if !hit {
		return
	}
	w.kills++
	w.s.kill()
	kind := pick(w.killRandom, railsim.RequestLost, railsim.ReplyLost)
	w.s.site.AddFault(railsim.Fault{Step: step, Kind: kind})
	w.note("killed at request %d, %s: %s", n, step, kind)
}

// watchCommits is told of every commit in the folder of the next life.
func (w *world) watchCommits() {
	w.s.mu.Lock()
	dir := w.s.dir
	w.s.mu.Unlock()
	commits.Store(dir, func() error {
		if w.full.Load() {
			return errDiskFull
		}
		n := w.commits.Add(1)
		w.mu.Lock()
		defer w.mu.Unlock()
		if n < w.atCommit || w.atCommit < 0 {
			return nil
		}
		if w.armed.Load() && !w.quiet.Load() && w.s.now().dir == dir && !w.s.now().dead.Load() {
			w.kills++
			w.s.kill()
			w.note("killed at commit %d", n)
		}
		w.killSoon()
		return nil
	})
	w.s.t.Cleanup(func() { commits.Delete(dir) })
}

// channel breaks a channel, or makes it slow.
func (w *world) channel() {
	name := pick(w.rng, "phone", "second")
	time.AfterFunc(between(w.rng, time.Second, 30*time.Minute), w.mendChannels)
	w.mu.Lock()
	defer w.mu.Unlock()
	switch w.rng.IntN(4) {
	case 0:
		w.slow[name] = between(w.rng, time.Second, time.Minute)
		w.note("%s is slow: %v", name, w.slow[name])
	case 1:
		w.broken[name] = &notifier.Error{Channel: name, Err: errors.New("try later"), RetryAfter: 40 * time.Second}
		w.note("%s asks to wait", name)
	default:
		w.broken[name] = &notifier.Error{Channel: name, Err: errors.New("no way")}
		w.note("%s is down", name)
	}
}

func (w *world) mendChannels() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.note("channels work")
	clear(w.slow)
	clear(w.broken)
}

// options are what a world changes of every life's.
func (w *world) options(o *Options) {
	first := o.Channels[0].Notifier.(*line)
	o.Channels[0].Notifier = &bad{w, "phone", first}
	if w.two {
		second := &bad{w, "second", &line{w.second, first.l}}
		c := notifier.Channel{Name: "second", Notifier: second}
		if !w.hears {
			c.Notifier = deaf{second}
		}
		o.Channels = append(o.Channels, c)
	}
}

// bad is a channel that may be slow or down.
type bad struct {
	w    *world
	name string
	*line
}

// deaf is a channel that cannot be answered on.
type deaf struct{ notifier.Notifier }

func (b *bad) hitch(ctx context.Context) error {
	b.w.mu.Lock()
	slow, err := b.w.slow[b.name], b.w.broken[b.name]
	b.w.mu.Unlock()
	if slow > 0 {
		if err := sleep(ctx, slow); err != nil {
			return err
		}
	}
	return err
}

// Notify implements notifier.Notifier.
func (b *bad) Notify(ctx context.Context, m notifier.Message) error {
	if err := b.hitch(ctx); err != nil {
		return err
	}
	return b.line.Notify(ctx, m)
}

// Ask implements notifier.Asker.
func (b *bad) Ask(ctx context.Context, q notifier.Prompt) (notifier.Reply, error) {
	if err := b.hitch(ctx); err != nil {
		return notifier.Reply{}, err
	}
	return b.line.Ask(ctx, q)
}

// answer is what the person does about a question.
func (w *world) answer(p *phone) func(q *asked) act {
	return func(q *asked) act {
		r := w.stream("answer", q.n)
		do := p.right(q)
		if w.quiet.Load() {
			return do
		}
		after := between(r, time.Second, 30*time.Second)
		if w.has[troublePerson] {
			switch r.IntN(8) {
			case 0:
				return act{nothing: true}
			case 1:
				return cancel(q)
			case 2:
				return another(q)
			case 3:
				do = p.wrongly(q)
				if q.Kind == notifier.Offer {
					do = no(q)
				}
			case 4:
				after = max(time.Until(q.Deadline)-between(r, -time.Second, time.Second), 0)
			}
		}
		do.after = after
		return do
	}
}
