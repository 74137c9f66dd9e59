package main

import (
	"bytes"
	"image/png"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher"
	"github.com/watcherd/watcherd/pkg/watcher/config"
)

func TestWrap(t *testing.T) {
	for _, tt := range []struct {
		text  string
		width int
		want  string
	}{
		{"", 10, ""},
		{"short", 10, "short"},
		{"广州南到武汉", 12, "广州南到武汉"},
		{"广州南到武汉", 11, "广州南到武\n汉"},
		{"departs 21:10, you want 20:00", 20, "departs 21:10, you\nwant 20:00"},
		{"a verylongwordwithoutblanks", 10, "a verylong\nwordwithou\ntblanks"},
		{"one\ntwo three four", 9, "one\ntwo three\nfour"},
		{"12306 正忙，请稍后再试", 8, "12306\n正忙，请\n稍后再试"},
		{"请稍后再试。好", 10, "请稍后再\n试。好"},
	} {
		got := wrap(tt.text, tt.width)
		if got != tt.want {
			t.Errorf("wrap(%q, %d) = %q, want %q", tt.text, tt.width, got, tt.want)
		}
		if w := text.LongestLineLen(got); w > tt.width {
			t.Errorf("wrap(%q, %d) is %d wide", tt.text, tt.width, w)
		}
	}
}

// The tables fit 80 columns whatever the names and words, in both languages,
// and lose nothing.
func TestTablesFit(t *testing.T) {
	now := time.Date(2027, 2, 1, 8, 0, 0, 0, twelve306.Shanghai())
	before, price := now.Add(-48*time.Hour), 1029.5
	long := strings.Repeat("一条名字很长的规则 with words ", 3)
	why := "您的账户有未处理的订单，请您到“未完成订单”页面完成支付后再试。You have an order that is not paid for."
	s := &statusView{Version: "v1", PID: 1, Status: watcher.Status{
		Since: before, BlindSince: &before, Session: watcher.SessionStatus{LoggedIn: true, Since: &before},
		Question: &watcher.QuestionStatus{Kind: notifier.SMS, Rule: long, AskedAt: now, ExpiresAt: now, Channels: []string{"web"}},
	}}
	for _, state := range []watcher.RuleState{watcher.RuleBooking, watcher.RuleLooking, watcher.RuleWaiting, watcher.RuleTelling, watcher.RulePaused, watcher.RuleDone, watcher.RulePast, watcher.RuleDisabled} {
		s.Rules = append(s.Rules, watcher.RuleStatus{Name: long, State: state, LastLook: &before, NextLook: &now, LastResult: why})
	}
	var orders []watcher.OrderView
	for _, state := range []watcher.AttemptState{watcher.StateConfirm, watcher.StateQueued, watcher.StateBooked, watcher.StatePaid, watcher.StateExpired, watcher.StateCancelled, watcher.StateFailed} {
		orders = append(orders, watcher.OrderView{
			Rule: long, State: state, Number: "EH89558884", Train: "G1110", Date: "2027-02-03", From: "呼和浩特东", To: "乌鲁木齐南",
			Seats: []string{"二等座 07车 01A号", "高级软卧 12车 02号下铺"}, Passengers: []string{"张三", "买买提·阿卜杜拉"}, Price: &price, PayBy: &now, At: before, Why: why,
		})
	}
	trains := []watcher.VerdictView{
		{Train: "G1110", Date: "2027-02-03", From: "呼和浩特东", To: "乌鲁木齐南", Depart: "08:00", Arrive: "12:05", OK: true, Seat: "二等座", Left: "有", Price: &price},
		{Train: "G1112", Date: "2027-02-03", From: "呼和浩特东", To: "乌鲁木齐南", Depart: "08:00", Arrive: "12:05", Reason: &watcher.ReasonView{Kind: watcher.NotOnSale, Words: why}},
	}
	s.Orders = orders
	for _, l := range []notifier.Lang{notifier.Chinese, notifier.English} {
		c := &caller{Config: &config.Config{Language: l, Location: twelve306.Shanghai()}}
		var b bytes.Buffer
		p := newPaper(&b)
		c.printStatus(p, s, now)
		b.WriteString(c.ordersTable(p, orders) + "\n")
		c.printVerdicts(p, "回家", trains)
		rows := 0
		for line := range strings.Lines(b.String()) {
			line = strings.TrimRight(line, "\n")
			if !strings.ContainsAny(line, "│┌├└") {
				continue
			}
			rows++
			if w := text.StringWidth(line); w > usualColumns {
				t.Errorf("%s: %d columns: %s", l, w, line)
			}
		}
		if rows < 50 {
			t.Errorf("%s: only %d lines of tables", l, rows)
		}
		if strings.Contains(b.String(), "\x1b") {
			t.Error("colours where there is no terminal")
		}
		bare := strings.Join(strings.FieldsFunc(b.String(), func(r rune) bool { return strings.ContainsRune(" │\n", r) }), "")
		for _, want := range []string{"08:00 前付款|pay before 08:00", "¥1029.5", "EH89558884"} {
			zh, en, two := strings.Cut(want, "|")
			if !two {
				en = zh
			}
			if !strings.Contains(bare, strings.ReplaceAll(l.Pick(zh, en), " ", "")) {
				t.Errorf("%s: no %s", l, l.Pick(zh, en))
			}
		}
		t.Logf("\n%s", b.String())
	}
}

// The practice picture is of a captcha's size, and its circles and squares are
// where the answer says.
func TestPracticePicture(t *testing.T) {
	for range 20 {
		picture, round := practicePicture()
		m, err := png.Decode(bytes.NewReader(picture))
		if err != nil || m.Bounds().Dx() != captchaWidth || m.Bounds().Dy() != captchaHeight || len(picture) > 256<<10 {
			t.Fatalf("%v, %d bytes, %v", m.Bounds(), len(picture), err)
		}
		if len(round) < 1 || len(round) > 7 || !slices.IsSorted(round) {
			t.Fatalf("circles %v", round)
		}
		for n := 1; n <= 8; n++ {
			at, _ := twelve306.TileCentre(n)
			ground := m.At(at.X-tileRadius, at.Y+captchaStrip)
			corner := m.At(at.X-shapeRadius+4, at.Y+captchaStrip-shapeRadius+4)
			if isRound := corner == ground; isRound != slices.Contains(round, n) {
				t.Fatalf("picture %d is round: %v; the circles are %v", n, isRound, round)
			}
		}
	}
	for _, l := range []notifier.Lang{notifier.Chinese, notifier.English} {
		q, round := practicePrompt(l, zhID, time.Now())
		if right := numbers(round); heard(notifier.Reply{Picks: round}) != right || !strings.Contains(q.Text, right) ||
			practiceResult(l, right, right) == practiceResult(l, "1 2 3 4 5 6 7 8", right) {
			t.Errorf("%s: the right answer is %s", q.Text, right)
		}
		if r, err := q.Parse("2 5"); err != nil || r.Action != notifier.Answered {
			t.Errorf("%+v, %v", r, err)
		}
		if strings.ContainsAny(q.Text+q.Title, "%[]") {
			t.Errorf("%s: %s", q.Title, q.Text)
		}
	}
	at := []notifier.Point{{X: 0, Y: 0}, {X: 292, Y: 159}, {X: 75, Y: 90}, {X: 76, Y: 79}}
	if got := heard(notifier.Reply{Points: at}); got != "1 2 6 8" {
		t.Errorf("%v are the pictures %s", at, got)
	}
}

const zhID = "0123456789abcdef0123456789abcdef"
