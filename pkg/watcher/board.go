package watcher

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
)

// mostRows is how many rules the page shows.
const mostRows = 50

// Board is the [Status] in words, for a page: what `watcherd status` prints.
func (w *Watcher) Board() notifier.Board {
	st := w.Status()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.say.board(st, w.pending, w.opt.Account != nil, time.Now())
}

// Reminding says how the order of an attempt is, of which the user may say that
// he knows: id is a [notifier.Message].Seen of ours.
func (w *Watcher) Reminding(id string) notifier.Repeat {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := w.state.byID[id]
	if at == nil {
		return w.say.forgotten()
	}
	return w.say.reminding(at.view(w.opt.Location), at.State == StateBooked && !at.seen, time.Now())
}

func (s speaker) forgotten() notifier.Repeat {
	return notifier.Repeat{Lang: s.lang, Title: s.f("没有要提醒的了", "No more reminders"),
		Text: s.f("这个订单已经过去了，不会再提醒。", "This order is past; there are no more reminders.")}
}

// reminding words an order and whether somebody is still reminded of it.
func (s speaker) reminding(o OrderView, on bool, now time.Time) notifier.Repeat {
	r := notifier.Repeat{Lang: s.lang, On: on, Title: s.orderTitle(o)}
	switch {
	case o.State != StateBooked:
		r.Text = lines(s.orderState(o, now), s.f("不会再提醒。", "There are no more reminders."))
	case on:
		r.Text = lines(s.orderState(o, now), s.f("付款之前会一直提醒。知道了就点下面，不再提醒；款还是要付。",
			"You are reminded until it is paid. Tap below when you know; it must be paid all the same."))
	default:
		r.Text = lines(s.orderState(o, now), s.f("不会再提醒，别忘了付款。", "There are no more reminders: do not forget to pay."))
	}
	return r
}

// seenHere is what stands above the link to the page of [Watcher.Reminding].
func (s speaker) seenHere() string {
	return s.f("知道了？打开链接可以停止提醒。", "Seen it? Open the link to stop the reminders.")
}

// statusHere is what stands above the link to the page of the [Watcher.Board].
func (s speaker) statusHere(link string) string { return s.f("网页：%s", "As a page: %s", link) }

func (s speaker) board(st Status, open []notifier.Prompt, account bool, now time.Time) notifier.Board {
	b := notifier.Board{Lang: s.lang, At: s.f("%s 的情况", "as of %s", s.second(now, now))}
	looking := 0
	rules := notifier.Section{Title: s.f("规则", "Rules")}
	for _, r := range st.Rules {
		if r.State == RuleLooking || r.State == RuleTelling {
			looking++
		}
	}
	shown, more := st.Foremost(mostRows)
	for _, r := range shown {
		row := s.ruleRow(r, now)
		if st.Lost(r) {
			row.State, row.Tone = st.StateIn(r, s.lang), notifier.Bad
		}
		rules.Rows = append(rules.Rows, row)
	}
	if more > 0 {
		rules.Rows = append(rules.Rows, notifier.Row{Title: s.f("……还有 %d 条，见 watcherd status --json", "... and %d more: see watcherd status --json", more)})
	}
	if len(rules.Rows) == 0 {
		rules.Rows = []notifier.Row{{Title: s.f("没有规则", "No rules")}}
	}
	held := notifier.Section{Title: s.f("订单", "Orders")}
	unpaid := false
	for i, o := range st.Orders {
		if i == mostOrders {
			held.Rows = append(held.Rows, notifier.Row{Title: s.f("……还有 %d 单，见 watcherd orders", "... and %d more: see watcherd orders", len(st.Orders)-mostOrders)})
			break
		}
		unpaid = unpaid || o.State == StateBooked && (o.Why == "" || o.PayBy != nil && o.PayBy.After(now))
		held.Rows = append(held.Rows, s.orderRow(o, now))
	}
	asked := notifier.Section{Title: s.f("等你回答", "Waiting for your answer")}
	for _, p := range open {
		asked.Rows = append(asked.Rows, notifier.Row{
			Title: p.Title, State: s.f("还有 %s", "%s left", s.lang.Remaining(p.Deadline.Sub(now))), Tone: notifier.Urgent,
			Do: s.f("%s 前回答有效", "An answer counts until %s", s.second(p.Deadline, now)), Prompt: p.ID,
		})
	}
	switch {
	case len(open) > 0:
		b.Title, b.Tone = s.f("等你回答", "It waits for your answer"), notifier.Urgent
	case unpaid:
		b.Title, b.Tone = s.f("抢到了，请付款", "Booked: please pay"), notifier.Urgent
	case st.BlindSince != nil:
		b.Title, b.Tone = s.f("看不到余票", "It cannot see any trains"), notifier.Bad
	case looking > 0:
		b.Title, b.Tone = s.f("正在盯 %s 条规则", "Looking for %s", s.lang.Count(looking, "rule", "rules")), notifier.Good
	default:
		b.Title = s.f("现在没有在盯票", "Nothing is looked for now")
	}
	for _, part := range []notifier.Section{asked, held, rules, {Title: "12306", Rows: s.railRows(st, account, now)}} {
		if len(part.Rows) > 0 {
			b.Sections = append(b.Sections, part)
		}
	}
	return b
}

func (s speaker) ruleRow(r RuleStatus, now time.Time) notifier.Row {
	row := notifier.Row{Title: r.Name, State: r.State.In(s.lang)}
	switch r.State {
	case RuleLooking, RuleDone:
		row.Tone = notifier.Good
	case RuleTelling, RuleBooking:
		row.Tone = notifier.Urgent
	}
	looks := ""
	if r.LastLook != nil {
		looks = s.f("%s 看过", "looked at %s", s.second(*r.LastLook, now))
	}
	if r.NextLook != nil {
		if looks != "" {
			looks += s.lang.Pick("，", ", ")
		}
		looks += s.f("%s 再看", "next at %s", s.second(*r.NextLook, now))
	}
	for _, line := range []string{s.queries(r.Query), looks, r.LastResult} {
		if line != "" {
			row.Lines = append(row.Lines, line)
		}
	}
	return row
}

// queries says in one line which days and ways a rule asks for.
func (s speaker) queries(all []QueryStatus) string {
	const most = 4
	var days, ways []string
	add := func(list *[]string, word string) {
		if !slices.Contains(*list, word) {
			*list = append(*list, word)
		}
	}
	for _, q := range all {
		day := q.Date
		if d, err := twelve306.ParseDate(q.Date); err == nil {
			day = s.short(d)
		}
		add(&days, day)
		add(&ways, s.f("%s→%s", "%s to %s", q.From, q.To))
	}
	return strings.TrimSpace(s.some(days, most) + "  " + s.some(ways, most))
}

// orderTitle says which order it is.
func (s speaker) orderTitle(o OrderView) string {
	day := o.Date
	if d, err := twelve306.ParseDate(o.Date); err == nil {
		day = s.short(d)
	}
	return s.f("%s %s %s→%s", "%s %s %s to %s", o.Train, day, o.From, o.To)
}

// orderState says how far an order has come and what to do.
func (s speaker) orderState(o OrderView, now time.Time) string {
	text := o.State.In(s.lang)
	switch {
	case o.State != StateBooked:
	case o.PayBy != nil:
		text += s.f("，%s 前到 12306 App 付款", ", pay before %s in the 12306 app", s.clock(*o.PayBy, now))
	default:
		text += s.f("，请尽快到 12306 App 付款", ", pay soon in the 12306 app")
	}
	if o.Number != "" {
		text += s.f("（订单 %s）", " (order %s)", o.Number)
	}
	return text
}

func (s speaker) orderRow(o OrderView, now time.Time) notifier.Row {
	row := notifier.Row{Title: s.orderTitle(o), State: o.State.In(s.lang)}
	switch o.State {
	case StateBooked:
		row.Tone = notifier.Urgent
		row.Do = s.f("请尽快到 12306 App 付款", "Pay soon in the 12306 app")
		if o.PayBy != nil {
			row.Do = s.f("%s 前到 12306 App 付款", "Pay before %s in the 12306 app", s.clock(*o.PayBy, now))
		}
	case StatePaid:
		row.Tone = notifier.Good
	}
	if o.State != StateFailed && o.Why != "" { // of another account
		row.Do = o.Why
	}
	what := ""
	if o.Number != "" {
		what = s.f("订单 %s", "Order %s", o.Number)
	}
	if o.Price != nil {
		what = strings.TrimPrefix(what+s.f("，共 %g 元", ", %g yuan in all", *o.Price), s.lang.Pick("，", ", "))
	}
	for _, line := range []string{what, s.people(o.Passengers), strings.Join(s.seatsOf(o.Seats), s.lang.Pick("、", "; "))} {
		if line != "" {
			row.Lines = append(row.Lines, line)
		}
	}
	return row
}

// railRows says how things are with 12306: sight, session, pace.
func (s speaker) railRows(st Status, account bool, now time.Time) []notifier.Row {
	var rows []notifier.Row
	if st.BlindSince != nil {
		rows = append(rows, notifier.Row{Title: s.f("余票", "Trains"), State: s.f("看不到", "not seen"), Tone: notifier.Bad,
			Lines: []string{s.f("从 %s 起没有一次查询成功，会接着试", "No look has worked since %s; it keeps trying", s.second(*st.BlindSince, now))}})
	}
	session := notifier.Row{Title: s.f("登录", "Session"), State: s.f("没有登录", "not logged in")}
	switch {
	case st.Session.LoggedIn:
		session.State, session.Tone = s.f("已登录", "logged in"), notifier.Good
		if st.Session.Since != nil {
			session.Lines = []string{s.f("从 %s 起", "since %s", s.clock(*st.Session.Since, now))}
		}
	case !account:
		session.State = s.f("没有账号，只看不订", "no account, watching only")
	}
	pace := notifier.Row{Title: s.f("请求", "Requests"), State: fmt.Sprint(st.Pace.Requests5M)}
	most := s.f("不限", "no limit")
	if st.Pace.Budget5M > 0 {
		pace.State += fmt.Sprintf(" / %d", st.Pace.Budget5M)
		most = s.f("最多 %d 次", "%d at most", st.Pace.Budget5M)
	}
	pace.Lines = []string{s.f("最近 5 分钟 %d 次，%s；两次查询至少隔 %g 秒", "%d in the last 5 minutes, %s; at least %g s between queries",
		st.Pace.Requests5M, most, float64(st.Pace.MinIntervalMS)/1000)}
	for _, why := range st.obstacles {
		session.Lines = append(session.Lines, why)
	}
	return append(rows, session, pace)
}

// second writes a time of day to the second, with the date instead when it is
// another day than now.
func (s speaker) second(at, now time.Time) string {
	at, now = at.In(s.loc), now.In(s.loc)
	if at.YearDay() == now.YearDay() && at.Year() == now.Year() {
		return at.Format(time.TimeOnly)
	}
	return at.Format("01-02 15:04")
}
