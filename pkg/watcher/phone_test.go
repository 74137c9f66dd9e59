package watcher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// phone is a person and the channel that reaches him. It outlives the daemon.
// It is strict: what no channel could show, or nobody could understand, is
// written down as wrong.
type phone struct {
	s *scene

	mu     sync.Mutex
	news   []notifier.Message
	came   []time.Time // when each of them did
	asked  []*asked
	answer func(q *asked) act // nil: the right answer after a second
	broken func() error       // why a message cannot be taken; nil or a nil error: it can
	failed map[string]int     // by message ID: deliveries that failed, or were cut off by a kill
	wrong  []string
	taps   chan string // on "seen"
}

// asked is a question on the phone.
type asked struct {
	notifier.Prompt
	n     int // 1 is the first question of the scene
	life  int
	at    time.Time
	ended string          // why it is open no more; "" while it is
	ctx   context.Context // of its Ask: it may end at the very moment at which the next question comes
}

// act is what the person does about a question.
type act struct {
	after   time.Duration
	nothing bool
	reply   notifier.Reply
}

// line is a life's channel to the phone.
type line struct {
	p *phone
	l *life
}

func newPhone(s *scene) *phone {
	return &phone{s: s, failed: map[string]int{}, taps: make(chan string)}
}

var errKilled = errors.New("the process was killed")

// Notify implements notifier.Notifier.
func (c *line) Notify(ctx context.Context, m notifier.Message) error {
	if c.l.dead.Load() {
		return errKilled
	}
	return c.p.take(m)
}

func (p *phone) take(m notifier.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken != nil {
		if err := p.broken(); err != nil {
			p.failed[m.ID]++
			return err
		}
	}
	p.judge(m)
	p.news, p.came = append(p.news, m), append(p.came, time.Now())
	return nil
}

var id32 = regexp.MustCompile(`^[0-9a-f]{32}$`)

// judge is what every channel relies on.
func (p *phone) judge(m notifier.Message) {
	bad := func(format string, args ...any) {
		p.wrong = append(p.wrong, fmt.Sprintf("message %s %q: ", m.Kind, m.Title)+fmt.Sprintf(format, args...))
	}
	if !id32.MatchString(m.ID) {
		bad("ID %q", m.ID)
	}
	if m.Title == "" || strings.Contains(m.Title, "\n") || len([]rune(m.Title)) > 60 {
		bad("a title that no lock screen can show")
	}
	if strings.Contains(m.Text, "%!") || strings.Contains(m.Title, "%!") {
		bad("a broken format: %s", m.Text)
	}
	if strings.HasPrefix(m.Text, "\n") || strings.HasSuffix(m.Text, "\n") || strings.Contains(m.Text, "\n\n") {
		bad("blank lines")
	}
	if time.Since(m.At) < 0 || m.At.IsZero() {
		bad("told at %v of %v", time.Now(), m.At)
	}
	if len(m.Order) > 0 {
		var v OrderView
		if err := json.Unmarshal(m.Order, &v); err != nil {
			bad("its order: %v", err)
		}
	}
	for _, other := range p.news {
		if other.ID == m.ID && p.s.now().n == 1 {
			bad("told twice without a crash")
		}
	}
}

// Ask implements notifier.Asker.
func (c *line) Ask(ctx context.Context, q notifier.Prompt) (notifier.Reply, error) {
	if c.l.dead.Load() {
		<-ctx.Done()
		return notifier.Reply{}, context.Cause(ctx)
	}
	p := c.p
	p.mu.Lock()
	a := &asked{Prompt: q, n: len(p.asked) + 1, life: c.l.n, at: time.Now(), ctx: ctx}
	p.judgeQuestion(a)
	p.asked = append(p.asked, a)
	answer := p.answer
	p.mu.Unlock()
	if answer == nil {
		answer = p.right
	}
	r, err := p.await(ctx, a, answer(a))
	p.mu.Lock()
	defer p.mu.Unlock()
	a.ended = "answered"
	if err != nil {
		a.ended = err.Error()
	}
	if c.l.dead.Load() {
		return notifier.Reply{}, errKilled
	}
	return r, err
}

func (p *phone) await(ctx context.Context, a *asked, do act) (notifier.Reply, error) {
	var act, end <-chan time.Time
	deadline := time.NewTimer(time.Until(a.Deadline))
	defer deadline.Stop()
	end = deadline.C
	if !do.nothing {
		t := time.NewTimer(do.after)
		defer t.Stop()
		act = t.C
	}
	select {
	case <-ctx.Done():
		return notifier.Reply{}, context.Cause(ctx)
	case <-end:
		return notifier.Reply{}, notifier.ErrExpired
	case <-act:
		do.reply.By, do.reply.At = "小明", time.Now()
		return do.reply, nil
	}
}

func (p *phone) judgeQuestion(a *asked) {
	bad := func(format string, args ...any) {
		p.wrong = append(p.wrong, fmt.Sprintf("question %s %q: ", a.Kind, a.Title)+fmt.Sprintf(format, args...))
	}
	if !id32.MatchString(a.ID) {
		bad("ID %q", a.ID)
	}
	if a.Title == "" || strings.Contains(a.Title, "\n") || len([]rune(a.Title)) > 60 {
		bad("a title that no lock screen can show")
	}
	if a.Text == "" || strings.Contains(a.Text+a.Title, "%!") {
		bad("text %q", a.Text)
	}
	if left := time.Until(a.Deadline); left <= 0 || left > 10*time.Minute {
		bad("%v to answer", left)
	}
	picture := a.Kind == notifier.Picture || a.Kind == notifier.QR
	if picture != (len(a.Image) > 0) {
		bad("a picture of %d bytes", len(a.Image))
	}
	for _, other := range p.asked {
		if other.ID == a.ID {
			bad("an ID that was used before")
		}
		if other.ended == "" && other.ctx.Err() == nil && other.Kind != notifier.Offer && a.Kind != notifier.Offer && other.life == a.life {
			bad("a second question while %q is open", other.Title)
		}
	}
}

// right answers rightly, after a second.
func (p *phone) right(a *asked) act {
	site := p.s.site
	switch a.Kind {
	case notifier.Picture:
		if site.AnswerOf(a.Image) == "" { // half a picture
			return another(a)
		}
		return act{after: time.Second, reply: notifier.Reply{Action: notifier.Answered, Points: pointsOf(site.AnswerOf(a.Image))}}
	case notifier.SMS:
		if site.SMSCode("zhangsan") == "" { // none came, or it was used
			return act{after: 30 * time.Second, reply: notifier.Reply{Action: notifier.Another}}
		}
		return act{after: time.Second, reply: notifier.Reply{Action: notifier.Answered, Code: site.SMSCode("zhangsan")}}
	case notifier.QR:
		time.AfterFunc(2*time.Second, func() { _ = site.ScanQR("zhangsan") })
		time.AfterFunc(5*time.Second, func() { _ = site.ConfirmQR("zhangsan") })
		return act{nothing: true}
	}
	return act{after: time.Second, reply: notifier.Reply{Action: notifier.Answered, Yes: true}}
}

// wrongly answers a picture or a code wrongly.
func (p *phone) wrongly(a *asked) act {
	r := notifier.Reply{Action: notifier.Answered, Code: "000000"}
	for n := 1; n <= 8; n++ { // the one picture that is right alone is never all of them
		r.Picks = append(r.Picks, n)
	}
	if a.Kind != notifier.Picture {
		r.Picks = nil
	}
	return act{after: time.Second, reply: r}
}

func pointsOf(answer string) []notifier.Point {
	var out []notifier.Point
	for pair := range slices.Chunk(strings.Split(answer, ","), 2) {
		if len(pair) < 2 {
			break
		}
		x, _ := strconv.Atoi(pair[0])
		y, _ := strconv.Atoi(pair[1])
		out = append(out, notifier.Point{X: x, Y: y})
	}
	return out
}

// answers sets the script: the n-th question of the scene is answered by the
// n-th act, later ones rightly.
func (p *phone) answers(list ...func(*asked) act) {
	p.mu.Lock()
	defer p.mu.Unlock()
	from := len(p.asked)
	p.answer = func(q *asked) act {
		if i := q.n - from - 1; i >= 0 && i < len(list) {
			return list[i](q)
		}
		return p.right(q)
	}
}

// always sets one way to answer everything.
func (p *phone) always(f func(*asked) act) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = f
}

func silence(*asked) act { return act{nothing: true} }
func cancel(*asked) act {
	return act{after: time.Second, reply: notifier.Reply{Action: notifier.Cancelled}}
}
func another(*asked) act {
	return act{after: time.Second, reply: notifier.Reply{Action: notifier.Another}}
}
func no(*asked) act {
	return act{after: time.Second, reply: notifier.Reply{Action: notifier.Answered}}
}

// breaks makes the channel fail.
func (p *phone) breaks(f func() error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broken = f
}

// all returns the news so far, oldest first.
func (p *phone) all() []notifier.Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.news)
}

// told returns the news of a kind, oldest first.
func (p *phone) told(kind NewsKind) []notifier.Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []notifier.Message
	for _, m := range p.news {
		if m.Kind == string(kind) {
			out = append(out, m)
		}
	}
	return out
}

// questions returns the questions of a kind; "" is every kind.
func (p *phone) questions(kind notifier.Kind) []*asked {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []*asked
	for _, q := range p.asked {
		if kind == "" || q.Kind == kind {
			out = append(out, q)
		}
	}
	return out
}

func (p *phone) story() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	for _, m := range p.news {
		fmt.Fprintf(&b, "%s %s %s | %s | %s\n", m.At.Format("15:04:05"), m.Kind, m.Rule, m.Title, strings.ReplaceAll(m.Text, "\n", " / "))
	}
	for _, q := range p.asked {
		fmt.Fprintf(&b, "%s asked %s | %s | %s -> %s\n", q.at.Format("15:04:05"), q.Kind, q.Title, strings.ReplaceAll(q.Text, "\n", " / "), q.ended)
	}
	return b.String()
}

var _ = railsim.Classic
