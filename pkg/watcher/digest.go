package watcher

import (
	"context"
	"slices"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
)

// sendDigests tells once a day, at the configured time, what the day was like:
// weeks without a word look like a daemon that has died.
func (w *Watcher) sendDigests(ctx context.Context) {
	w.meter.turn(time.Now())
	for ctx.Err() == nil {
		at := w.opt.Digest.Next(time.Now().In(w.opt.Location))
		if sleep(ctx, time.Until(at)) != nil {
			return
		}
		if time.Now().Before(at) {
			continue // the clock was set back
		}
		w.tell(w.say.digest(w.outline(), time.Now()))
		w.meter.turn(time.Now())
	}
}

// outline is what a digest is worded from.
type outline struct {
	dayCount
	rules, looking int
	blind          bool
	held           []OrderView // not paid yet
	opens          time.Time   // when the next wanted train or day goes on sale; zero when none waits
	wholeDay       bool        // opens is a day: its hour is not known
}

func (w *Watcher) outline() outline {
	o := outline{dayCount: w.meter.count()}
	o.rules, o.looking = w.counts()
	today := twelve306.DateOf(time.Now())
	w.mu.Lock()
	defer w.mu.Unlock()
	o.blind = w.sight.blind
	for _, v := range w.state.Orders(w.opt.Location) {
		if v.State == StateBooked {
			o.held = append(o.held, v)
		}
	}
	for _, r := range w.rules {
		if !w.looks(r, today) {
			continue
		}
		for _, at := range r.opens {
			if at.After(time.Now()) && (o.opens.IsZero() || at.Before(o.opens)) {
				o.opens, o.wholeDay = at, false
			}
		}
		for _, d := range r.Dates {
			day, known := w.client.SaleDay(d)
			if at := day.Time(); known && today.Before(day) && (o.opens.IsZero() || at.Before(o.opens)) {
				o.opens, o.wholeDay = at, true
			}
		}
	}
	return o
}

// digest words an outline.
func (s speaker) digest(o outline, now time.Time) News {
	n := News{Kind: NewsDigest, Title: s.f("这一天：看了 %s 次，%s 次失败", "The day: %s, %s", s.lang.Count(o.looks, "look", "looks"), s.lang.Count(o.failures(), "error", "errors"))}
	if o.failures() == 0 {
		n.Title = s.f("这一天：看了 %s 次，没有出错", "The day: %s, 0 errors", s.lang.Count(o.looks, "look", "looks"))
	}
	since := ""
	if now.Sub(o.since) < 23*time.Hour {
		since = s.f("从 %s 启动算起。", "Counted from the start at %s.", s.clock(o.since, now))
	}
	sight := ""
	if o.blind {
		sight = s.f("⚠ 现在看不到余票，正在接着试。", "⚠ No look works at the moment; it keeps trying.")
	}
	var held []string
	for _, v := range o.held {
		held = append(held, "⚠ "+s.orderLine(v, now))
	}
	n.Text = lines(sight, lines(held...), s.f("%s 条规则，%d 条在盯。", "%s, %d of them looking.", s.lang.Count(o.rules, "rule", "rules"), o.looking),
		s.failures(o.failed), s.dayOrders(o.ended), s.dayQuestions(o.asked, o.answered), s.nextSale(o, now), since)
	return n
}

// failures says how often looks failed, by what was wrong; the most frequent first.
func (s speaker) failures(failed map[twelve306.Kind]int) string {
	kinds := make([]twelve306.Kind, 0, len(failed))
	for k := range failed {
		kinds = append(kinds, k)
	}
	slices.SortFunc(kinds, func(a, b twelve306.Kind) int {
		if n := failed[b] - failed[a]; n != 0 {
			return n
		}
		return slices.Compare([]byte(a), []byte(b))
	})
	text := ""
	for _, k := range kinds {
		if text != "" {
			text += s.f("，", ", ")
		}
		text += s.f("%s %d 次", "%s %d", s.trouble(k), failed[k])
	}
	if text == "" {
		return ""
	}
	return s.f("没看成：%s。", "Looks that failed: %s.", text)
}

// trouble names in a word what was wrong with a look.
func (s speaker) trouble(k twelve306.Kind) string {
	switch k {
	case twelve306.Network:
		return s.f("网络不通", "no network")
	case twelve306.Busy:
		return s.f("12306 忙", "12306 busy")
	case twelve306.Blocked:
		return s.f("12306 限流", "turned away")
	case twelve306.Changed:
		return s.f("回答读不懂", "not understood")
	}
	return s.f("其他", "other")
}

func (s speaker) dayOrders(ended map[EventKind]int) string {
	if ended[AttemptBegun]+ended[Paid]+ended[Expired]+ended[Cancelled] == 0 {
		return ""
	}
	text := s.f("下单 %s 次，抢到 %s 次。", "%s to book, %s held.", s.lang.Count(ended[AttemptBegun], "try", "tries"), s.lang.Count(ended[Booked], "order", "orders"))
	if n := ended[Paid]; n > 0 {
		text += s.f("付款 %d 单。", " %d paid.", n)
	}
	return text
}

func (s speaker) dayQuestions(asked, answered int) string {
	if asked == 0 {
		return ""
	}
	return s.f("问过你 %s 次，回答了 %d 次。", "You were asked %s and answered %d.", s.lang.Count(asked, "time", "times"), answered)
}

func (s speaker) nextSale(o outline, now time.Time) string {
	if o.opens.IsZero() {
		return ""
	}
	today := twelve306.DateOf(now)
	days := 0
	for d := today; d.Before(twelve306.DateOf(o.opens)); d = d.AddDays(1) {
		days++
	}
	at := s.clock(o.opens, now)
	if o.wholeDay {
		at = s.day(twelve306.DateOf(o.opens))
	}
	switch days {
	case 0:
		return s.f("下一次开售：今天 %s。", "Next sale: today, %s.", at)
	case 1:
		return s.f("下一次开售：明天，%s。", "Next sale: tomorrow, %s.", at)
	}
	return s.f("下一次开售：%d 天后，%s。", "Next sale: in %d days, %s.", days, at)
}
