package watcher

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
)

// Bounds of an answer to a command: it is read on a phone.
const (
	mostRules  = 12
	mostOrders = 6
)

// Command answers a command of the user, as he wrote it ("/pause 回家"), in his
// language. What is no command is answered with what there is. Everybody whom a
// channel hears may command everything.
func (w *Watcher) Command(_ context.Context, text string) string {
	name, rule := strings.TrimSpace(text), ""
	if i := strings.IndexFunc(name, unicode.IsSpace); i >= 0 {
		name, rule = name[:i], strings.TrimSpace(name[i:])
	}
	name, _, _ = strings.Cut(strings.ToLower(strings.TrimPrefix(name, "/")), "@") // /status@my_bot
	s, now := w.say, time.Now()
	switch name {
	case "status":
		answer := s.status(w.Status(), w.opt.Account != nil, now)
		if w.opt.StatusLink == nil {
			return answer
		}
		if link := w.opt.StatusLink(); link != "" {
			answer = lines(answer, s.statusHere(link))
		}
		return answer
	case "orders":
		w.mu.Lock()
		orders := w.state.Orders(w.opt.Location)
		w.mu.Unlock()
		return s.orders(orders, now)
	case "pause":
		return s.paused(rule, w.Pause(rule))
	case "resume":
		return s.resumed(rule, w.Resume(rule))
	}
	return s.help()
}

// commands is the menu of [Watcher.Command].
func (s speaker) commands() []notifier.Command {
	return []notifier.Command{
		{Name: "status", Description: s.f("现在在做什么", "what it is doing")},
		{Name: "pause", Description: s.f("暂停全部规则，或 /pause 规则名", "stop looking, or /pause RULE")},
		{Name: "resume", Description: s.f("接着盯，或 /resume 规则名", "look again, or /resume RULE")},
		{Name: "orders", Description: s.f("下过的单", "what was ordered")},
		{Name: "help", Description: s.f("有哪些命令", "the commands")},
	}
}

func (s speaker) help() string {
	out := []string{s.f("watcherd 替你盯 12306 的票。可以发：", "watcherd watches 12306 for you. You can send:")}
	for _, c := range s.commands() {
		out = append(out, "/"+c.Name+"  "+c.Description)
	}
	return lines(append(out, s.f("问题直接在它下面回答，不用命令。", "Answer a question right below it, without a command."))...)
}

// hearCommands answers the commands that come through a channel.
func (w *Watcher) hearCommands(ctx context.Context, c notifier.Commander) {
	err := c.Commands(ctx, w.say.commands(), func(ctx context.Context, text string) string {
		name, _, _ := strings.Cut(text, " ")
		w.log.Info("a command", zap.String("command", name))
		return w.Command(ctx, text)
	})
	if ctx.Err() == nil {
		w.log.Error("a channel hears no more commands", zap.Error(err))
	}
}

func (s speaker) status(st Status, account bool, now time.Time) string {
	looking := 0
	var out []string
	for _, r := range st.Rules {
		if r.State == RuleLooking || r.State == RuleTelling {
			looking++
		}
	}
	rules, more := st.Foremost(mostRules)
	for _, r := range rules {
		out = append(out, s.ruleLine(r, st.StateIn(r, s.lang), now))
	}
	if more > 0 {
		out = append(out, s.f("……还有 %d 条", "... and %d more", more))
	}
	head := []string{s.f("%s 条规则，%d 条在盯", "%s, %d looking", s.lang.Count(len(st.Rules), "rule", "rules"), looking)}
	if st.BlindSince != nil {
		head = append(head, s.f("⚠ 从 %s 起看不到余票", "⚠ cannot see seats since %s", s.clock(*st.BlindSince, now)))
	}
	if q := st.Question; q != nil {
		what := q.Rule
		if what == "" {
			what = s.f("登录 12306", "the login to 12306")
		}
		head = append(head, s.f("⚠ 等你回答：%s，还有 %s", "⚠ waiting for your answer: %s, %s left", what, s.lang.Remaining(q.ExpiresAt.Sub(now))))
	}
	for _, o := range st.Orders {
		switch o.State {
		case StateBooked, StateConfirm, StateQueued:
			head = append(head, "⚠ "+s.orderLine(o, now))
		}
	}
	for _, why := range st.obstacles {
		out = append(out, "⚠ "+why)
	}
	foot := s.f("没有账号，只看不订", "no account, watching only")
	switch {
	case st.Session.LoggedIn:
		foot = s.f("已登录", "logged in")
	case account:
		foot = s.f("没有登录", "not logged in")
	}
	asked := s.f("5 分钟内 %s 次请求", "%s in 5 minutes", s.lang.Count(st.Pace.Requests5M, "request", "requests"))
	if st.Pace.Budget5M > 0 {
		asked += s.f("（上限 %d）", " (of %d)", st.Pace.Budget5M)
	}
	return lines(append(append(head, out...), s.f("12306：%s，%s", "12306: %s, %s", foot, asked))...)
}

func (s speaker) ruleLine(r RuleStatus, state string, now time.Time) string {
	line := s.f("· %s：%s", "· %s: %s", r.Name, state)
	if r.LastLook != nil && (r.State == RuleLooking || r.State == RuleTelling) {
		line += s.f("，%s 看过", ", last look %s", s.clock(*r.LastLook, now))
		if r.LastResult != "" {
			line += s.f("：%s", ": %s", r.LastResult)
		}
	}
	return line
}

func (s speaker) orders(orders []OrderView, now time.Time) string {
	if len(orders) == 0 {
		return s.f("还没有下过单。", "Nothing was ordered yet.")
	}
	var out []string
	for i, o := range orders {
		if i == mostOrders {
			out = append(out, s.f("……还有 %d 单，见 watcherd orders", "... and %d more: see watcherd orders", len(orders)-mostOrders))
			break
		}
		out = append(out, s.orderLine(o, now))
	}
	return lines(out...)
}

// orderLine says which order it is, how far it came and what to do.
func (s speaker) orderLine(o OrderView, now time.Time) string {
	day := o.Date
	if d, err := twelve306.ParseDate(o.Date); err == nil {
		day = s.short(d)
	}
	line := s.f("%s %s %s→%s：%s", "%s %s %s to %s: %s", o.Train, day, o.From, o.To, o.State.In(s.lang))
	if o.State == StateBooked && o.PayBy != nil {
		line += s.f("，%s 前到 12306 App 付款", ", pay before %s in the 12306 app", s.clock(*o.PayBy, now))
	}
	if o.Number != "" {
		line += s.f("（订单 %s）", " (order %s)", o.Number)
	}
	if o.Why != "" {
		line += s.f("，%s", ", %s", o.Why)
	}
	return line
}

// paused says what became of a pause, resumed of a resume; err is theirs.
func (s speaker) paused(rule string, err error) string {
	switch {
	case err != nil:
		return s.notDone(err)
	case rule == "":
		return s.f("全部规则已暂停；待付款的订单照样提醒。接着盯发 /resume", "All rules are paused; you are still reminded of unpaid orders. To go on: /resume")
	}
	return s.f("“%s”已暂停。接着盯发 /resume %[1]s", "%s is paused. To go on: /resume %[1]s", rule)
}

func (s speaker) resumed(rule string, err error) string {
	switch {
	case err != nil:
		return s.notDone(err)
	case rule == "":
		return s.f("暂停的规则都接着盯了。抢到过的规则要写名字才会再抢：/resume 规则名", "All paused rules look again. One that has booked books again only by name: /resume RULE")
	}
	return s.f("“%s”接着盯了。", "%s looks again.", rule)
}

func (s speaker) notDone(err error) string {
	if unknown, ok := errors.AsType[*UnknownRule](err); ok {
		return s.f("没有叫“%s”的规则。现有：%s", "There is no rule %s. There are: %s", unknown.Name, s.some(unknown.Rules, mostRules))
	}
	return fmt.Sprintf(s.lang.Pick("没有做成，硬盘写不进去：%v", "Not done, the disk cannot be written: %v"), err)
}
