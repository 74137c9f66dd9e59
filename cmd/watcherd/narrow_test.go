package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher"
	"github.com/watcherd/watcherd/pkg/watcher/config"
)

// On a phone's terminal there are no tables; nothing is lost and no line is
// too long, in both languages. A wide one has room for all columns.
func TestNarrow(t *testing.T) {
	now := time.Date(2027, 2, 1, 8, 0, 0, 0, twelve306.Shanghai())
	count, price := 3, 1029.5
	seat := func(code, left string) seatView {
		return seatView{Name: twelve306.Seat(code).Name(), Code: code, Left: left, Count: &count, Price: &price, seat: twelve306.Seat(code)}
	}
	trains := []trainView{
		{Train: "G1110", Depart: "08:00", Arrive: "12:05", DurationMin: 245, Bookable: true, Seats: []seatView{seat("O", "3"), seat("M", "有"), seat("9", "无")}},
		{Train: "K1160", Depart: "21:10", Arrive: "09:02", DurationMin: 712, Note: "1月21日12点30分起售", Seats: []seatView{seat("1", "候补"), seat("3", "3"), seat("4", "3"), seat(string(twelve306.Standing), "3")}},
		{Train: "K1162", Depart: "21:30", Arrive: "09:12", DurationMin: 702, Note: "预订", Seats: []seatView{seat("1", "无")}},
	}
	rules := []watcher.RuleStatus{{Name: "一条名字很长很长很长很长很长很长的规则", State: watcher.RuleTelling, LastLook: &now, NextLook: &now, LastResult: "231 趟车，没有合适的票"}}
	orders := []watcher.OrderView{{Rule: "回家", State: watcher.StateFailed, Number: "EH89558884", Train: "G1110", Date: "2027-02-03", From: "呼和浩特东", To: "乌鲁木齐南",
		Seats: []string{"高级软卧 12车 02号下铺"}, Passengers: []string{"买买提·阿卜杜拉"}, Price: &price, At: now, Why: "您的账户有未处理的订单，请您到“未完成订单”页面完成支付后再试。"}}
	verdicts := []watcher.VerdictView{
		{Train: "G1110", Date: "2027-02-03", From: "呼和浩特东", To: "乌鲁木齐南", Depart: "08:00", Arrive: "12:05", OK: true, Seat: "二等座", Left: "有", Price: &price},
		{Train: "G79", Date: "2027-02-03", From: "广州南", To: "武汉", Depart: "14:00", Arrive: "18:42", Reason: &watcher.ReasonView{Kind: watcher.Arrives, Words: "18:42 到达，你最晚要 18:30"}},
	}
	journey := twelve306.Journey{Date: twelve306.Date{Year: 2027, Month: 2, Day: 3}, From: twelve306.Station{Name: "广州南", Code: "IZQ"}, To: twelve306.Station{Name: "武汉", Code: "WHN"}}
	for _, l := range []notifier.Lang{notifier.Chinese, notifier.English} {
		for _, columns := range []int{leastColumns, 40, tableColumns - 1, usualColumns, mostColumns} {
			c := &caller{Config: &config.Config{Language: l, Location: twelve306.Shanghai()}}
			var b bytes.Buffer
			p := paper{Writer: &b, columns: columns}
			b.WriteString(c.rulesTable(p, &statusView{}, rules, now) + "\n" + c.ordersTable(p, orders) + "\n")
			c.printVerdicts(p, "回家", verdicts)
			printTrains(p, l, trains, journey, 5)
			drawn := strings.ContainsRune(b.String(), '│')
			if drawn != (columns >= tableColumns) {
				t.Errorf("%s, %d columns: tables %v", l, columns, drawn)
			}
			for line := range strings.Lines(b.String()) {
				line = strings.TrimRight(line, "\n")
				title := strings.Contains(line, "：") && strings.Contains(line, "趟") || strings.Contains(line, " trains") // the terminal breaks it
				if w := text.StringWidth(line); w > columns && !title {
					t.Errorf("%s, %d columns: a line of %d: %s", l, columns, w, line)
				}
			}
			bare := strings.Join(strings.FieldsFunc(b.String(), func(r rune) bool { return strings.ContainsRune(" │\n", r) }), "")
			for _, want := range []string{"G1110", "K1160", "09:02+1", "11:52", "¥1029.5", "1月21日12点30分起售", "18:42到达，你最晚要18:30", "EH89558884", "买买提·阿卜杜拉" + l.Pick("高级软卧12车02号下铺", "deluxesoftsleeper,coach12,lowerberth02"), "231趟车，没有合适的票",
				l.Pick("二等座", "second"), l.Pick("有¥1029.5", "many¥1029.5"), l.Pick("候补", "waitlist"), l.Pick("只通知", "tells")} {
				if !strings.Contains(bare, want) && !(columns >= tableColumns && strings.Contains(want, "买买提")) { // broken between two lines of a cell
					t.Errorf("%s, %d columns: no %s in\n%s", l, columns, want, b.String())
				}
			}
			if strings.Contains(b.String(), "预订") || strings.Contains(b.String(), "\x1b") {
				t.Errorf("%s, %d columns: a button that says nothing, or colours:\n%s", l, columns, b.String())
			}
			p.colours = true
			if painted := c.rulesTable(p, &statusView{}, rules, now) + p.seatCell(l, trains[0], "O"); strings.Count(painted, "\x1b[0m") != 2 {
				t.Errorf("%s, %d columns: painted %q", l, columns, painted)
			}
		}
	}
}
