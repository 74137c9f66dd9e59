package config

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher"
)

// presale is how many days ahead 12306 sells, today included (PROTOCOL.md 3:
// 15 in 2024 and 2026; it has been 30 and more).
const presale = 15

// Describe writes in words what the configuration does, as `watcherd check`
// prints it: how 12306 is asked, who is told, and of every rule what it wants,
// what it will do and when it looks next after now. It holds no secret, and no
// user name either, for that may be a phone number.
func (c *Config) Describe(w io.Writer, now time.Time) error {
	p := printer{w: w, lang: c.Language}
	p.queries, p.gap = c.round(twelve306.DateOf(now))
	p.head(c)
	for i := range c.Rules {
		p.rule(c, &c.Rules[i], now)
	}
	for _, warning := range c.Warnings {
		p.line("\n注意：%s", "\nwarning: %s", warning)
	}
	return p.err
}

// printer writes lines in one language and keeps the first error.
type printer struct {
	w    io.Writer
	lang notifier.Lang
	err  error

	queries int           // how many take turns
	gap     time.Duration // between two of them
}

func (p *printer) line(zh, en string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, p.lang.Pick(zh, en)+"\n", args...)
	}
}

// list joins words as the language does.
func (p *printer) list(words ...string) string { return strings.Join(words, p.lang.Pick("、", ", ")) }

func (p *printer) head(c *Config) {
	t := &c.Twelve306
	p.line("%s 没有问题，共 %d 条规则。状态保存在 %s", "%s is good: %d rule(s), state in %s", c.Path, len(c.Rules), c.StateDir)
	budget := p.lang.Pick("不限总数", "no limit in all")
	if t.Budget > 0 {
		budget = fmt.Sprintf(p.lang.Pick("5 分钟内最多 %d 次请求", "at most %d requests in 5 minutes"), t.Budget)
	}
	p.line("12306：%s，两次查询至少隔 %v，%s", "12306: %s, at least %v between queries, %s", t.BaseURL, shortDuration(t.MinInterval), budget)
	if hours := t.ServiceHours; hours.IsZero() || hours == (watcher.Window{To: 24 * 60}) {
		p.line("时间：全天（%s）", "hours: always (%s)", zoneName(c.Location))
	} else {
		p.line("时间：%v（%s），其余时间不查", "hours: %v (%s), nothing is asked outside them", hours, zoneName(c.Location))
	}
	if t.HasAccount() {
		p.line("账号：已配置，登录方式 %s，%s", "account: configured, login %s, %s", t.Login, p.session(t.Session))
	} else {
		p.line("账号：没有，只看不订", "account: none, watching only")
	}
	p.line("通知：%s", "told on: %s", p.list(p.channels(&c.Notify)...))
}

func (p *printer) session(s string) string {
	if s == "on_seats" {
		return p.lang.Pick("有票时才登录", "logs in only when seats appear")
	}
	return p.lang.Pick("启动时登录并保持", "logs in at start and stays")
}

func (p *printer) channels(n *Notify) []string {
	if n.None() {
		return []string{p.lang.Pick("终端", "the terminal")}
	}
	return n.Names()
}

func (p *printer) rule(c *Config, r *watcher.Rule, now time.Time) {
	today := twelve306.DateOf(now)
	p.line("\n%s%s", "\n%s%s", r.Name, p.state(r, today))
	p.line("  %s → %s", "  %s to %s", p.stations(r.From), p.stations(r.To))
	p.line("  日期：%s", "  dates: %s", p.dates(r.Dates))
	p.line("  车次：%s", "  trains: %s", p.trains(r))
	p.line("  席别：%s", "  seats: %s", p.seats(r.Seats))
	if len(r.Passengers) > 0 {
		p.line("  乘车人：%s%s", "  passengers: %s%s", p.passengers(r), p.partial(r))
	}
	if len(r.SeatChoice) > 0 && len(r.Passengers) > 0 {
		p.line("  选座：%s（12306 让选才选得上，选不上也照订）", "  seats wished for: %s (where 12306 lets one choose; booked either way)", p.seatChoice(r))
	}
	if len(r.Berth) > 0 && len(r.Passengers) > 0 {
		p.line("  铺位：%s（12306 让选才选得上，选不上也照订）", "  berths wished for: %s (where 12306 lets one choose; booked either way)", p.berths(r))
	}
	p.line("  有票时：%s", "  when there are seats: %s", p.action(r.Action))
	if len(r.Notify) > 0 {
		p.line("  通知和提问：%s", "  told and asked on: %s", p.list(r.Notify...))
	}
	if !r.Enabled || r.AllPast(today) {
		return
	}
	next := watcher.NextLook(r.Schedule, c.Twelve306.ServiceHours, now.In(c.Location))
	p.line("  %s", "  %s", p.looks(r.Schedule, next, now.In(c.Location)))
	if first := firstAhead(r.Dates, today); today.AddDays(presale - 1).Before(first) {
		p.line("  %v 大约 %v 开售，在那之前先看着等", "  %v goes on sale about %v; until then it looks and waits", first, first.AddDays(1-presale))
	}
}

func (p *printer) state(r *watcher.Rule, today twelve306.Date) string {
	switch {
	case r.AllPast(today):
		return p.lang.Pick("（日期都过了，已结束）", " (done: every day is past)")
	case !r.Enabled:
		return p.lang.Pick("（已停用：enabled: false）", " (rests: enabled: false)")
	}
	return ""
}

func (p *printer) stations(list []twelve306.Station) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = s.Name + " (" + s.Code + ")"
	}
	return p.list(out...)
}

// dates writes runs of days as ranges.
func (p *printer) dates(list []twelve306.Date) string { return p.list(runs(list)...) }

func (p *printer) trains(r *watcher.Rule) string {
	out := []string{p.lang.Pick("全部", "all")}
	if wanted := r.Trains.Wanted(); len(wanted) > 0 {
		out = wanted
	}
	text := p.list(out...)
	if excluded := r.Trains.Excluded(); len(excluded) > 0 {
		text += p.lang.Pick("，不要 ", ", but not ") + p.list(excluded...)
	}
	if !r.Depart.IsZero() {
		text += fmt.Sprintf(p.lang.Pick("，%v 发车", ", departing %v"), r.Depart)
	}
	if !r.Arrive.IsZero() {
		text += fmt.Sprintf(p.lang.Pick("，%v 到达", ", arriving %v"), r.Arrive)
	}
	if r.MaxDuration > 0 {
		text += fmt.Sprintf(p.lang.Pick("，最长 %v", ", at most %v under way"), shortDuration(r.MaxDuration))
	}
	return text
}

func (p *printer) seats(list []twelve306.Seat) string {
	if len(list) == len(watcher.DefaultSeats()) {
		return p.lang.Pick("除无座外都行", "any but standing")
	}
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = p.lang.Pick(s.Name(), s.English())
	}
	return p.list(out...)
}

// passengers names them, and what they travel as where the rule says so.
func (p *printer) passengers(r *watcher.Rule) string {
	out := slices.Clone(r.Passengers)
	for i, t := range r.Tickets {
		if t != "" {
			out[i] += p.lang.Pick("（"+t.Name()+"票）", " ("+t.English()+")")
		}
	}
	return p.list(out...)
}

func (p *printer) seatChoice(r *watcher.Rule) string {
	out := make([]string, len(r.SeatChoice))
	for i, w := range r.SeatChoice {
		switch w {
		case twelve306.Window:
			out[i] = p.lang.Pick("靠窗", "window")
		case twelve306.Aisle:
			out[i] = p.lang.Pick("过道", "aisle")
		default:
			out[i] = string(w)
		}
	}
	return p.list(out...)
}

func (p *printer) berths(r *watcher.Rule) string {
	out := make([]string, len(r.Berth))
	for i, b := range r.Berth {
		out[i] = p.lang.Pick(b.Name(), b.String())
	}
	return p.list(out...)
}

func (p *printer) partial(r *watcher.Rule) string {
	switch {
	case len(r.Passengers) < 2:
		return ""
	case r.Partial:
		return p.lang.Pick("（票不够时，排在前面的先走）", " (with fewer seats, the first of them)")
	default:
		return p.lang.Pick("（要么一起，要么不订）", " (all of them or none)")
	}
}

func (p *printer) action(a watcher.Action) string {
	switch a {
	case watcher.ActionBook:
		return p.lang.Pick("下单，然后通知你付款", "books, and tells you to pay")
	case watcher.ActionAsk:
		return p.lang.Pick("先问你，你同意就下单", "asks you, and books if you say yes")
	default:
		return p.lang.Pick("通知你", "tells you")
	}
}

func (p *printer) looks(s watcher.Schedule, next, now time.Time) string {
	text := fmt.Sprintf(p.lang.Pick("按 %q 查", "looks by %q"), fmt.Sprint(s))
	gap, even := watcher.Interval(s)
	if even {
		text = fmt.Sprintf(p.lang.Pick("每 %s 查一次", "looks every %s"), shortDuration(gap))
	}
	switch round := (time.Duration(p.queries) * p.gap).Round(time.Second / 4); {
	case even && round > gap && p.queries > 1:
		text = fmt.Sprintf(p.lang.Pick("大约每 %s 查一次（%d 种查询轮流，赶不上每 %s 一次）", "looks about every %s (%d queries take turns, so not every %s)"), shortDuration(round), p.queries, shortDuration(gap))
	case even && round > gap:
		text = fmt.Sprintf(p.lang.Pick("大约每 %s 查一次（min_interval 和 budget 不许每 %s 一次）", "looks about every %s (min_interval and budget do not allow every %s)"), shortDuration(round), shortDuration(gap))
	case !even && round > maxRound:
		text += fmt.Sprintf(p.lang.Pick("（%d 种查询轮流，一轮大约 %s）", " (%d queries take turns, a round takes about %s)"), p.queries, shortDuration(round))
	}
	if next.IsZero() {
		return text + p.lang.Pick("；不会有下一次", "; never again")
	}
	layout := time.TimeOnly
	if twelve306.DateOf(next) != twelve306.DateOf(now) {
		layout = time.DateTime
	}
	return text + fmt.Sprintf(p.lang.Pick("；下一次 %s", "; next %s"), next.Format(layout))
}

// zoneName is the name by which a zone is written in watch.yaml.
func zoneName(loc *time.Location) string {
	if loc == twelve306.Shanghai() {
		return "Asia/Shanghai"
	}
	return loc.String()
}

// shortDuration drops the zero units that time.Duration prints: 6h0m0s is 6h.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

func firstAhead(days []twelve306.Date, today twelve306.Date) twelve306.Date {
	for _, d := range days {
		if !d.Before(today) {
			return d
		}
	}
	return today
}
