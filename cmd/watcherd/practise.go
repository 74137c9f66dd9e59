package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/notifier/telegram"
	"github.com/watcherd/watcherd/pkg/notifier/web"
	"github.com/watcherd/watcherd/pkg/twelve306"
)

// practiceOptions says what is tried.
type practiceOptions struct {
	Lang     notifier.Lang
	Timeout  time.Duration // of the question
	Question bool
	Only     []string // names of channels; empty: all of them
}

// testStep is one line of a test: how it went on a channel.
type testStep struct {
	Step    string        `json:"step"`
	Channel string        `json:"channel,omitempty"`
	Error   string        `json:"error,omitempty"`
	By      string        `json:"by,omitempty"`     // answered: who; elsewhere: the channel
	Answer  string        `json:"answer,omitempty"` // answered: what was heard; empty when it was a word to cancel
	Right   string        `json:"right,omitempty"`  // answered: what is right
	Names   []string      `json:"names,omitempty"`  // asked: the channels
	Link    string        `json:"link,omitempty"`   // asked: the answer page
	Wait    time.Duration `json:"wait,omitempty"`   // asked: how long

	Telegram bool `json:"telegram,omitempty"` // the channel is one of Telegram's
}

// The steps.
const (
	stepTold      = "told"
	stepOpen      = "open" // the answer page, which is told nothing
	stepAsked     = "asked"
	stepAnswered  = "answered"
	stepElsewhere = "elsewhere" // another channel was faster
	stepSilent    = "silent"
	stepOver      = "over" // all is done; with an error: it was broken off
)

// testTimeout is how long a channel may take to take the test message over,
// unless the question waits less.
const testTimeout = 30 * time.Second

// practise tells every channel, then asks one question on all of those that
// can hear and have taken the message. Each result is reported as soon as it
// is known, one at a time. The error says why the test was broken off.
func (p *parts) practise(ctx context.Context, o practiceOptions, report func(testStep)) error {
	var tried []notifier.Channel
	for _, c := range p.channels {
		if len(o.Only) == 0 || slices.Contains(o.Only, c.Name) {
			tried = append(tried, c)
		}
	}
	for _, name := range o.Only {
		if !p.has(name) {
			return errors.New(o.Lang.Pick("没有叫 "+name+" 的渠道，有：", "there is no channel "+name+"; there are: ") + strings.Join(p.names(), o.Lang.Pick("、", ", ")))
		}
	}
	var mu sync.Mutex
	say := func(s testStep) {
		mu.Lock()
		defer mu.Unlock()
		for _, c := range tried {
			if _, ok := c.Notifier.(*telegram.Driver); ok && c.Name == s.Channel {
				s.Telegram = true
			}
		}
		report(s)
	}
	good := make([]bool, len(tried))
	var told sync.WaitGroup
	for i, c := range tried {
		told.Go(func() {
			if _, page := c.Notifier.(*web.Server); page {
				good[i] = true // it keeps no news; it is tried by the question
				if !o.Question {
					say(testStep{Step: stepOpen, Channel: c.Name})
				}
				return
			}
			s := testStep{Step: stepTold, Channel: c.Name}
			if err := tryMessage(ctx, c.Notifier, o); err != nil {
				s.Error = plainError(err)
			}
			good[i] = s.Error == ""
			say(s)
		})
	}
	told.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !o.Question {
		return nil
	}
	var working []notifier.Channel
	var hear []string
	for i, c := range tried {
		if !good[i] {
			continue
		}
		working = append(working, c)
		if _, ok := c.Notifier.(notifier.Asker); ok {
			hear = append(hear, c.Name)
		}
	}
	if len(hear) == 0 {
		return nil
	}
	return p.practiceQuestion(ctx, o, working, hear, say)
}

func (p *parts) names() []string {
	out := make([]string, len(p.channels))
	for i, c := range p.channels {
		out[i] = c.Name
	}
	return out
}

func tryMessage(ctx context.Context, n notifier.Notifier, o practiceOptions) error {
	ctx, cancel := context.WithTimeout(ctx, min(testTimeout, o.Timeout))
	defer cancel()
	return n.Notify(ctx, notifier.Message{
		ID: notifier.NewID(), Kind: "test", At: time.Now(), Loud: true,
		Title: o.Lang.Pick("watcherd 测试", "watcherd: a test"),
		Text:  o.Lang.Pick("收到这条，说明这个渠道能通知到你。", "If you read this, watcherd can reach you here."),
	})
}

// plainError is the error without the channel's name, which stands beside it.
func plainError(err error) string {
	if e, ok := errors.AsType[*notifier.Error](err); ok {
		return e.Err.Error()
	}
	return err.Error()
}

// practiceQuestion asks until somebody answers, which may be after a few new
// pictures, or until nobody did.
func (p *parts) practiceQuestion(ctx context.Context, o practiceOptions, working []notifier.Channel, hear []string, say func(testStep)) error {
	var mu sync.Mutex
	failed := map[string]string{}
	link := p.link
	if !slices.Contains(hear, p.page()) {
		link = nil
	}
	fan := &notifier.Fanout{Channels: working, Near: p.near(), Report: func(channel string, err error) {
		mu.Lock()
		defer mu.Unlock()
		failed[channel] = plainError(err)
	}}
	defer func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
		defer cancel()
		_ = fan.Wait(last) // a question that stays on a phone is withdrawn later or never
	}()
	deadline := time.Now().Add(o.Timeout)
	var r notifier.Reply
	var round []int
	for before := ""; ; {
		var q notifier.Prompt
		q, round = practicePrompt(o.Lang, before, deadline)
		if link != nil {
			q.Link = link(&q)
		}
		if before == "" {
			say(testStep{Step: stepAsked, Names: hear, Link: q.Link, Wait: o.Timeout})
		}
		var err error
		r, err = fan.Ask(ctx, q)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err == nil && r.Action == notifier.Another {
			before = q.ID
			continue
		}
		if err != nil {
			r = notifier.Reply{}
		}
		break
	}
	echoed := p.echo(ctx, o, r, round)
	mu.Lock()
	defer mu.Unlock()
	for _, c := range working {
		s := testStep{Channel: c.Name, Error: failed[c.Name]}
		if s.Error == "" && r.Channel == "" {
			s.Error = deafness(c.Notifier)
		}
		switch {
		case !slices.Contains(hear, c.Name):
			if s.Step = stepAsked; s.Error == "" {
				continue
			}
		case s.Error != "":
			s.Step = stepSilent
		case r.Channel == c.Name:
			s.Step, s.By, s.Answer, s.Right, s.Error = stepAnswered, r.By, heard(r), numbers(round), echoed
		case r.Channel != "":
			s.Step, s.By = stepElsewhere, r.Channel
		default:
			s.Step = stepSilent
		}
		say(s)
	}
	return nil
}

// deafness says why a channel does not hear just now; empty when it does, or
// does not know.
func deafness(n notifier.Notifier) string {
	if d, ok := n.(interface{ Deaf() error }); ok {
		if err := d.Deaf(); err != nil {
			return plainError(err)
		}
	}
	return ""
}

// heard is what a reply says, in the numbers of pictures.
func heard(r notifier.Reply) string {
	picks := slices.Clone(r.Picks)
	for _, at := range r.Points {
		picks = append(picks, nearest(at))
	}
	slices.Sort(picks)
	return numbers(slices.Compact(picks))
}

// nearest returns the number of the picture at a place.
func nearest(at notifier.Point) (n int) {
	least := captchaWidth * captchaWidth
	for i := 1; i <= 8; i++ {
		c, _ := twelve306.TileCentre(i)
		if far := (at.X-c.X)*(at.X-c.X) + (at.Y-c.Y)*(at.Y-c.Y); far < least {
			n, least = i, far
		}
	}
	return n
}

func numbers(ns []int) string { return strings.Trim(fmt.Sprint(ns), "[]") }

// echo tells whoever has answered what was heard, on the channel where he did,
// and returns what went wrong with that. The answer page keeps no news.
func (p *parts) echo(ctx context.Context, o practiceOptions, r notifier.Reply, round []int) string {
	for _, c := range p.channels {
		if _, page := c.Notifier.(*web.Server); page || c.Name != r.Channel {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, min(testTimeout, o.Timeout))
		defer cancel()
		if err := c.Notifier.Notify(ctx, notifier.Message{
			ID: notifier.NewID(), Kind: "test", At: time.Now(),
			Title: practiceResult(o.Lang, heard(r), numbers(round)),
			Text:  o.Lang.Pick("练习结束，真的验证码也这样回答。", "That was the practice; a captcha is answered the same way."),
		}); err != nil {
			return plainError(err)
		}
	}
	return ""
}

// practiceResult compares an answer with the right one.
func practiceResult(l notifier.Lang, heard, right string) string {
	switch heard {
	case right:
		return fmt.Sprintf(l.Pick("收到 %s，答对了", "Heard %s, which is right"), heard)
	case "":
		return l.Pick("收到：取消", "Heard: cancel")
	}
	return fmt.Sprintf(l.Pick("收到 %s，圆其实在 %s", "Heard %s; the circles are %s"), heard, right)
}

// lastWords is how long the end of a practice question may take on the phones.
const lastWords = 3 * time.Second

// practicePrompt is a question as a captcha asks it, with its right answer.
// before is the ID of the picture that it takes the place of.
func practicePrompt(l notifier.Lang, before string, deadline time.Time) (p notifier.Prompt, round []int) {
	picture, round := practicePicture()
	return notifier.Prompt{
		ID: notifier.NewID(), Kind: notifier.Picture, Lang: l, Image: picture, AskedAt: time.Now(), Deadline: deadline, Replaces: before,
		Title: l.Pick("练习：哪些图里是圆？", "Practice: which pictures show a circle?"),
		Text: fmt.Sprintf(l.Pick("这是 watcherd test-notify 的练习题，图从左到右、从上到下是 1 到 8。（圆在 %s；答错也没关系。）",
			"This is the practice question of watcherd test-notify; the pictures count 1 to 8 in reading order. (The circles are %s; a wrong answer does no harm.)"), numbers(round)),
		How: l.Pick("和真的验证码一样，用编号回答，比如 2 5。", "Answer it as you would a captcha, with their numbers, such as 2 5."),
	}, round
}

// The measures of a captcha (PROTOCOL.md 2.2): a strip of 30 px, then two rows
// of four pictures.
const (
	captchaWidth  = 293
	captchaHeight = 190
	captchaStrip  = 30
	tileRadius    = 32
	shapeRadius   = 22
)

// practicePicture draws eight pictures of circles and squares and says which
// are circles: at least one, never all.
func practicePicture() (picture []byte, round []int) {
	m := image.NewRGBA(image.Rect(0, 0, captchaWidth, captchaHeight))
	for y := range captchaHeight {
		for x := range captchaWidth {
			m.Set(x, y, color.White)
		}
	}
	order := rand.Perm(8)
	round = order[:1+rand.IntN(4)]
	for i := range round {
		round[i]++
	}
	slices.Sort(round)
	for n := 1; n <= 8; n++ {
		centre, _ := twelve306.TileCentre(n)
		at := image.Pt(centre.X, centre.Y+captchaStrip)
		ground := color.RGBA{uint8(200 + rand.IntN(40)), uint8(200 + rand.IntN(40)), uint8(200 + rand.IntN(40)), 255}
		shape := color.RGBA{uint8(rand.IntN(140)), uint8(rand.IntN(140)), uint8(rand.IntN(140)), 255}
		circle := slices.Contains(round, n)
		for y := -tileRadius; y <= tileRadius; y++ {
			for x := -tileRadius; x <= tileRadius; x++ {
				c := ground
				if circle && x*x+y*y <= shapeRadius*shapeRadius || !circle && max(x, -x, y, -y) <= shapeRadius-3 {
					c = shape
				}
				m.Set(at.X+x, at.Y+y, c)
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err) // a bytes.Buffer takes everything
	}
	return b.Bytes(), round
}

// page is the name of the channel that is the answer page.
func (p *parts) page() string {
	for _, c := range p.channels {
		if _, ok := c.Notifier.(*web.Server); ok {
			return c.Name
		}
	}
	return ""
}

// withoutPage takes the answer page away: it cannot listen.
func (p *parts) withoutPage() {
	name := p.page()
	p.channels = slices.DeleteFunc(p.channels, func(c notifier.Channel) bool { return c.Name == name })
	p.link = nil
}
