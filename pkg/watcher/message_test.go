package watcher

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
)

var update = flag.Bool("update", false, "write testdata/messages anew")

// everyNews is every kind of news, worded for one ordinary trip.
func everyNews(t *testing.T, s speaker) map[string]News {
	now := time.Date(2027, 1, 20, 9, 0, 0, 0, twelve306.Shanghai())
	train := testTrain(t, fields{fSecond: "3"})
	c := Candidate{Journey: trip(feb3, wuhan), Train: train, Seat: twelve306.SecondClass, Left: train.Left(twelve306.SecondClass), Take: 2}
	rule := *testRule(func(r *Rule) { r.Passengers = []string{"张三", "李四"} })
	wanted := tripOf(rule, c)
	order := &HeldOrder{Number: "EA12345678", Train: "G1110", Date: feb3, From: "广州南", To: "武汉", Depart: "09:30", Arrive: "13:30",
		Seats: []string{"二等座 05车 08A号", "二等座 05车 08B号"}, Passengers: []string{"张三", "李四"}, PriceTenth: 9270, PayBy: now.Add(30 * time.Minute), ReadBack: true}
	asked := wanted.asked("EA12345678", now)
	login := twelve306.Challenge{Kind: twelve306.PictureChallenge, For: twelve306.ForLogin}
	ask := func(ch twelve306.Challenge, t *Trip) News {
		_, title, text := s.question(ch, "回家", t)
		return News{Title: title, Text: text}
	}
	again := login
	again.Previous = "wrong"
	elsewhere := func(code int) News {
		return ask(twelve306.Challenge{Kind: twelve306.AppChallenge, For: twelve306.ForLogin, Words: "请按提示办理。", Code: code}, nil)
	}
	return map[string]News{
		"day-opened": s.dayOpened("回家", trip(feb3, wuhan), now.Add(225*time.Minute), now), "day-open": s.dayOpened("回家", trip(feb3, wuhan), time.Time{}, now),
		"elsewhere-91": elsewhere(91), "elsewhere-92": elsewhere(92), "elsewhere-94": elsewhere(94), "elsewhere-95": elsewhere(95),
		"elsewhere-97": elsewhere(97), "elsewhere-101": elsewhere(101),
		"started": s.started(2, 1), "stopping": s.stopping(),
		"seats-book": s.seats("回家", []Candidate{c}, s.thenBook()), "seats-notify": s.seats("回家", []Candidate{c, c, c, c, c, c, c, c}, s.thenBuy()),
		"seats-ask": s.seats("回家", []Candidate{c}, s.thenAsk()), "seats-held": s.seats("回家", []Candidate{c}, s.thenHeld("EA12345678")),
		"seats-stopped":   s.seats("回家", []Candidate{c}, s.thenStopped(s.said("没有这个乘车人"))),
		"answered":        s.answered("回家", "小明", "telegram"),
		"logged-in":       s.loggedIn(),
		"login-password":  s.loginFailed(s.said("密码输入错误。如果输错次数超过4次，用户将被锁定。"), s.nextPassword()),
		"login-silence":   s.loginFailed(s.f("没有人及时回答", "nobody answered in time"), s.nextAsk(10*time.Minute)),
		"login-person":    s.loginFailed(s.said("请完成滑动验证。"), s.nextPerson()),
		"booked":          s.booked("回家", order, now),
		"booked-not-read": s.booked("回家", asked, now),
		"reminder":        s.reminder("回家", order, 15*time.Minute, now.Add(15*time.Minute)),
		"paid":            s.paid("回家", order),
		"expired":         s.expired("回家", order, false),
		"cancelled":       s.expired("回家", order, true),
		"failed":          s.failed("回家", &wanted, s.said("没有足够的票!"), s.nextLook()),
		"failed-tomorrow": s.failed("回家", &wanted, s.said("由于您取消次数过多，今日将不能继续受理您的订票请求。"), s.nextTomorrow()),
		"failed-unpaid":   s.failed("回家", &wanted, s.said("您还有未处理的订单。"), s.nextUnpaid()),
		"failed-stopped":  s.failed("回家", &wanted, s.said("账户里没有乘车人王五"), s.nextStopRule()),
		"blind":           s.blind(now.Add(-time.Minute), s.f("网络不通，或 12306 的回答读不懂。", "No network, or an answer from 12306 that cannot be read."), now),
		"blind-kept":      s.blind(now.Add(-time.Minute), lines(s.f("12306 的回答和以前不一样，读不懂。", "12306 answers in a form that is not known."), s.captured()), now),
		"blind-rule":      s.blindTo("回家", trip(feb3, wuhan), s.f("12306 之前列出过 %d 趟车，现在一趟也不列。", "12306 lists no trains where it listed %d.", 12), s.captured()),
		"blind-word":      s.unknownWord("回家", trip(feb3, wuhan), "G1110", "抢光", 0, s.captured()),
		"blind-words":     s.unknownWord("回家", trip(feb3, wuhan), "G1110", "抢光", 3, ""),
		"no-trains":       s.noTrains(trip(feb3, wuhan), now.Add(-6*time.Hour), now),
		"sees-again":      s.seesAgain(now.Add(-5*time.Minute), now),
		"blocked":         s.blocked(s.f("12306 暂时不让这个网络地址查询。", "12306 turns this address away for now.")),
		"held-elsewhere":  s.heldElsewhere(order, now),
		"may-be-held":     s.mayBeHeld(&Attempt{Rule: "回家", Trip: wanted}),
		"reloaded":        s.reloaded(s.changes([]string{"甲"}, []string{"乙"}, []string{"丙"}, true)),
		"reload-refused":  s.reloadRefused("watch.yaml:12:11: rules[0].from: no station"),
		"offer":           s.offer(rule, c),
		"question-login":  ask(login, nil),
		"question-again":  ask(again, nil),
		"question-order":  ask(twelve306.Challenge{Kind: twelve306.PictureChallenge, For: twelve306.ForOrder}, &wanted),
		"question-sms":    ask(twelve306.Challenge{Kind: twelve306.SMSChallenge, For: twelve306.ForLogin}, nil),
		"question-qr":     ask(twelve306.Challenge{Kind: twelve306.QRChallenge, For: twelve306.ForLogin}, nil),
	}
}

// foreignWords are English words that are names in Chinese too.
var foreignWords = regexp.MustCompile(`watcherd( capture)?|watch\.yaml(:\d+)*|login: qr|12306|App|telegram|rules\[0\]\.from|no station|[GDE]A?\d+|\bA\b|\d+[A-F]号`)

func TestMessages(t *testing.T) {
	for _, lang := range []notifier.Lang{notifier.Chinese, notifier.English} {
		for name, n := range everyNews(t, speaker{lang, twelve306.Shanghai()}) {
			got := fmt.Sprintf("%s\n\n%s\n", n.Title, n.Text)
			path := filepath.Join("testdata", "messages", name+"."+string(lang)+".golden")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Errorf("%v; write it with -update, and read it", err)
				continue
			}
			if got != string(want) {
				t.Errorf("%s is\n%s\nwant\n%s", path, got, want)
			}
			if strings.Contains(got, "%!") {
				t.Errorf("%s: a broken format", path)
			}
			if width := len([]rune(n.Title)); n.Title == "" || width > 60 {
				t.Errorf("%s: a title of %d characters", path, width)
			}
			if lang == notifier.Chinese && regexp.MustCompile(`[A-Za-z]{2,}`).MatchString(foreignWords.ReplaceAllString(got, "")) {
				t.Errorf("%s holds English words:\n%s", path, got)
			}
		}
	}
}

// Both languages say the same: the same numbers, times and names.
func TestMessagesAgree(t *testing.T) {
	facts := regexp.MustCompile(`EA\d+|G\d{4}|\d\d:\d\d|05车 08.号|\d+\.\d\b|张三|李四`)
	zh, en := everyNews(t, speaker{notifier.Chinese, twelve306.Shanghai()}), everyNews(t, speaker{notifier.English, twelve306.Shanghai()})
	for name := range zh {
		a, b := zh[name], en[name]
		if a.Kind != b.Kind || a.Loud != b.Loud || a.Title == b.Title || a.Rule != b.Rule {
			t.Errorf("%s: %+v and %+v", name, a, b)
		}
		x, y := map[string]int{}, map[string]int{}
		for _, f := range facts.FindAllString(a.Title+a.Text, -1) {
			x[f]++
		}
		for _, f := range facts.FindAllString(b.Title+b.Text, -1) {
			y[f]++
		}
		if fmt.Sprint(x) != fmt.Sprint(y) {
			t.Errorf("%s: the facts are %v and %v", name, x, y)
		}
	}
}
