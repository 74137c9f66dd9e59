package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/watcher"
)

func statusCommand(f *flags) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "status", Short: "what the running daemon is doing: rules, question, session, orders, pace", Args: cobra.NoArgs,
		Long: `status asks the daemon that runs on the state folder of the configuration: what
each rule does, when it looked and looks next, the question that waits for your
answer and until when, the session, the orders that wait for payment, and how
much 12306 was asked. With a web channel, the link to the same as a page follows.`,
		Example: `  watcherd status
  watcherd status --json | jq '.rules[] | {name, state, next_look}'`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := outline(f)
			if err != nil {
				return err
			}
			var document json.RawMessage
			if err := c.get(cmd.Context(), http.MethodGet, "/status", nil, &document); err != nil {
				return c.failed(err)
			}
			if asJSON {
				var b bytes.Buffer
				if err := json.Indent(&b, document, "", "  "); err != nil {
					return c.failed(err)
				}
				_, err := fmt.Fprintln(cmd.OutOrStdout(), b.String())
				return err
			}
			var s statusView
			if err := json.Unmarshal(document, &s); err != nil {
				return c.failed(err)
			}
			_ = c.get(cmd.Context(), http.MethodGet, "/obstacles", nil, &s.why) // without them it is a status all the same
			c.printStatus(newPaper(cmd.OutOrStdout()), &s, time.Now())
			var pages pagesView
			if err := c.get(cmd.Context(), http.MethodGet, "/pages", nil, &pages); err == nil && pages.Status != "" {
				fmt.Fprintf(cmd.OutOrStdout(), c.Language.Pick("网页（收藏好，别给别人）：%s", "As a page, to bookmark and to keep to yourself: %s")+"\n", pages.Status)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON document on standard output")
	return c
}

// stateColour is green for what works, yellow for what rests.
func stateColour(s watcher.RuleState) text.Color {
	switch s {
	case watcher.RuleLooking, watcher.RuleDone:
		return text.FgGreen
	case watcher.RuleBooking, watcher.RuleTelling, watcher.RulePaused:
		return text.FgYellow
	}
	return text.Faint
}

// The widest that columns get, in columns of a terminal.
const (
	nameColumn  = 16
	stateColumn = 10
)

func (c *caller) printStatus(p paper, s *statusView, now time.Time) {
	l := c.Language
	line := func(zh, en string, args ...any) { fmt.Fprintf(p, l.Pick(zh, en)+"\n", args...) }
	line("watcherd %s（进程 %d），%s 开始运行", "watcherd %s (process %d), running since %s", s.Version, s.PID, c.moment(&s.Since, now))
	if s.BlindSince != nil {
		fmt.Fprintln(p, p.paint(fmt.Sprintf(l.Pick("现在看不见：从 %s 起没有一次查询成功", "Blind: no look has worked since %s"), c.moment(s.BlindSince, now)), text.FgRed))
	}
	if len(s.Rules) == 0 {
		line("没有规则", "no rules")
	} else {
		rules, more := s.Foremost(mostRules)
		fmt.Fprintln(p, c.rulesTable(p, s, rules, now))
		if more > 0 {
			line("……还有 %d 条规则，watcherd status --json 全部列出", "... and %d more rules: watcherd status --json lists them all", more)
		}
	}
	for _, line := range s.why {
		fmt.Fprintln(p, p.paint("⚠ "+line, text.FgYellow))
	}
	if q := s.Question; q != nil {
		what := kindWords(l, q.Kind)
		if s.LooksAgain() {
			what = l.Pick("要不要继续盯", "whether to look again")
		}
		if q.Rule != "" {
			what += fmt.Sprintf(l.Pick("（%s）", " (%s)"), q.Rule)
		}
		fmt.Fprintln(p, p.paint(fmt.Sprintf(l.Pick("等你回答：%s，%s 问的，%s 前有效，在 %s 上回答", "Waiting for your answer: %s, asked %s, until %s, on %s"),
			what, c.moment(&q.AskedAt, now), c.moment(&q.ExpiresAt, now), strings.Join(q.Channels, l.Pick("、", ", "))), text.FgYellow))
	}
	for _, o := range s.Orders {
		c.printHeld(p, o, now)
	}
	if s.Session.LoggedIn {
		line("12306：已登录，从 %s 起", "12306: logged in since %s", c.moment(s.Session.Since, now))
	} else {
		line("12306：没有登录", "12306: not logged in")
	}
	most := l.Pick("不限", "no limit")
	if s.Pace.Budget5M > 0 {
		most = fmt.Sprintf(l.Pick("最多 %d 次", "%d at most"), s.Pace.Budget5M)
	}
	line("请求：最近 5 分钟 %d 次（%s），两次查询至少隔 %s", "Requests: %d in the last 5 minutes (%s), at least %s between queries",
		s.Pace.Requests5M, most, time.Duration(s.Pace.MinIntervalMS)*time.Millisecond)
}

func (c *caller) rulesTable(p paper, s *statusView, rules []watcher.RuleStatus, now time.Time) string {
	l := c.Language
	header := []string{l.Pick("规则", "Rule"), l.Pick("状态", "State"), l.Pick("上次", "Last look"), l.Pick("下次", "Next look"), l.Pick("结果", "Result")}
	rows := make([][]string, len(rules))
	for i, r := range rules {
		rows[i] = []string{wrap(r.Name, nameColumn), wrap(s.StateIn(r, l), stateColumn), c.moment(r.LastLook, now), c.moment(r.NextLook, now), r.LastResult}
	}
	if p.columns < tableColumns { // there the times stand without their header
		for i := range rows {
			last, next := rows[i][2], rows[i][3]
			rows[i] = []string{rules[i].Name, s.StateIn(rules[i], l), fmt.Sprintf(l.Pick("上次 %s，下次 %s", "last %s, next %s"), last, next), rules[i].LastResult}
		}
	}
	return p.rows(header, rows, 1, func(row, column int) text.Color {
		if column == 1 && s.Lost(rules[row]) {
			return text.FgRed
		}
		if column == 1 {
			return stateColour(rules[row].State)
		}
		return 0
	})
}

// printHeld prints an order that somebody must do something about, or that is
// on its way.
func (c *caller) printHeld(p paper, o watcher.OrderView, now time.Time) {
	l := c.Language
	trip := fmt.Sprintf(l.Pick("%s %s %s→%s，%s", "%s %s %s to %s, %s"), o.Train, o.Date, o.From, o.To, strings.Join(o.Passengers, l.Pick("、", ", ")))
	switch o.State {
	case watcher.StateBooked, watcher.StateConfirm, watcher.StateQueued:
		if o.Why != "" { // of another account
			fmt.Fprintln(p, p.paint(strings.TrimSpace(o.Number+" "+trip)+l.Pick("：", ": ")+o.Why, text.FgYellow))
			return
		}
	}
	switch o.State {
	case watcher.StateBooked:
		by := l.Pick("尽快", "pay soon")
		if o.PayBy != nil {
			by = fmt.Sprintf(l.Pick("在 %s 前", "pay before %s"), o.PayBy.In(c.Location).Format("15:04"))
		}
		fmt.Fprintln(p, p.paint(fmt.Sprintf(l.Pick("待付款：%s %s%s，请%s到 12306 App 付款", "To pay: %s %s%s; %s in the 12306 app"), o.Number, trip, priceWords(o.Price, l.Pick("，", ", ")), by), text.FgYellow))
	case watcher.StateConfirm, watcher.StateQueued:
		fmt.Fprintln(p, p.paint(fmt.Sprintf(l.Pick("正在下单：%s（%s）", "Ordering: %s (%s)"), trip, o.State.In(l)), text.FgYellow))
	}
}

func priceWords(price *float64, before string) string {
	if price == nil {
		return ""
	}
	return fmt.Sprintf("%s¥%g", before, *price)
}

// kindWords says what a question wants.
func kindWords(l notifier.Lang, k notifier.Kind) string {
	switch k {
	case notifier.Picture:
		return l.Pick("选图", "which pictures")
	case notifier.SMS:
		return l.Pick("短信验证码", "SMS code")
	case notifier.QR:
		return l.Pick("扫码登录", "a code to scan")
	case notifier.Offer:
		return l.Pick("要不要抢", "whether to book")
	case notifier.App:
		return l.Pick("在 12306 App 里办一件事", "something to do in the 12306 app")
	}
	return string(k)
}
