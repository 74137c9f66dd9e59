package watcher

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
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
	put := func(p notifier.Prompt) News { return News{Title: p.Title, Text: p.Body()} }
	ask := func(ch twelve306.Challenge, t *Trip) News {
		return put(s.question(ch, "回家", t))
	}
	previous := func(how string) News {
		ch := login
		ch.Previous = how
		return ask(ch, nil)
	}
	urgent := func() News {
		p := s.question(login, "回家", nil)
		p.Title, p.Text = s.urgently(&Attempt{Rule: "回家", Trip: wanted}, p.Title, p.Text)
		return put(p)
	}
	why := (&Watcher{say: s}).why
	few := nearMiss{journey: trip(feb3, wuhan), train: &train, why: Reason{Kind: TooFew, Seat: twelve306.SecondClass, Have: 1, Want: 2}}
	late := nearMiss{journey: trip(feb3, wuhan), train: &train, why: Reason{Kind: Arrives, Minute: 13*60 + 30, Window: Window{0, 13 * 60}}, seat: twelve306.SecondClass}
	around := nearMiss{journey: trip(feb3, wuhan), train: &train, why: Reason{Kind: Departs, Minute: 9*60 + 30, Window: Window{600, 120}}, seat: twelve306.SecondClass}
	early := nearMiss{journey: trip(feb3, wuhan), train: &train, why: Reason{Kind: Departs, Minute: 9*60 + 30, Window: Window{600, 720}}, seat: twelve306.SecondClass}
	other := nearMiss{journey: trip(feb3, wuhan), train: &train, why: Reason{Kind: NoSeat, Seat: twelve306.SecondClass}, others: []twelve306.Seat{twelve306.FirstClass, twelve306.Standing}}
	unfit := &twelve306.Error{Op: "getPassengerDTOs", Kind: twelve306.Passenger,
		Err: &twelve306.Unfit{Why: twelve306.NotSaved, Name: "王五", Saved: []string{"张三", "李四"}}}
	elsewhere := func(code int) News {
		return ask(twelve306.Challenge{Kind: twelve306.AppChallenge, For: twelve306.ForLogin, Words: "请按提示办理。", Code: code}, nil)
	}
	quiet := outline{dayCount: emptyDay(now.Add(-24 * time.Hour)), rules: 3, looking: 3, opens: feb3.Time(), wholeDay: true}
	quiet.looks = 412
	busy := outline{dayCount: emptyDay(now.Add(-3 * time.Hour)), rules: 3, looking: 2, blind: true, opens: now.Add(90 * time.Minute)}
	busy.looks, busy.asked, busy.answered = 1288, 3, 2
	busy.failed = map[twelve306.Kind]int{twelve306.Busy: 2, twelve306.Network: 12, twelve306.Blocked: 2, twelve306.Changed: 1, twelve306.Session: 1}
	busy.ended = map[EventKind]int{AttemptBegun: 3, Booked: 1, Paid: 1, Failed: 2}
	busy.held = []OrderView{{Rule: "回家", State: StateBooked, Number: "EA12345678", Train: "G1110", Date: feb3.String(), From: "广州南", To: "武汉", PayBy: &order.PayBy}}
	return map[string]News{
		"digest-quiet": s.digest(quiet, now), "digest-busy": s.digest(busy, now),
		"day-opened":         s.dayOpened("回家", trip(feb3, wuhan), now.Add(225*time.Minute), true, now),
		"day-opened-to-tell": s.dayOpened("回家", trip(feb3, wuhan), now.Add(225*time.Minute), false, now),
		"day-open":           s.dayOpened("回家", trip(feb3, wuhan), time.Time{}, true, now),
		"elsewhere-91":       elsewhere(91), "elsewhere-92": elsewhere(92), "elsewhere-94": elsewhere(94), "elsewhere-95": elsewhere(95),
		"elsewhere-97": elsewhere(97), "elsewhere-101": elsewhere(101),
		"started": s.started(2, 1), "stopping": s.stopping(nil, now), "stopping-unpaid": s.stopping(order, now),
		"seats-book": s.seats("回家", []Candidate{c}, s.thenBook()), "seats-notify": s.seats("回家", []Candidate{c, c, c, c, c, c, c, c}, s.thenBuy()),
		"seats-ask": s.seats("回家", []Candidate{c}, s.thenAsk()), "seats-held": s.seats("回家", []Candidate{c}, s.thenHeld("EA12345678")),
		"seats-stopped":       s.seats("回家", []Candidate{c}, s.thenStopped("回家", why(unfit))),
		"seats-foreign":       s.seats("回家", []Candidate{c}, s.thenForeign("EA12345678")),
		"seats-queueing":      s.seats("回家", []Candidate{c}, s.thenQueueing()),
		"seats-open":          s.seats("回家", []Candidate{c}, s.thenOpen("出差")),
		"seats-password":      s.seats("回家", []Candidate{c}, s.thenPassword()),
		"seats-tomorrow":      s.seats("回家", []Candidate{c}, s.thenTomorrow()),
		"seats-again":         s.seats("回家", []Candidate{c}, s.thenAgain(s.said("没有足够的票!"))),
		"yes-not-yet":         s.notYet("回家", &wanted),
		"yes-gone":            s.failed("回家", &wanted, s.nowGone(), ""),
		"yes-changed":         s.failed("回家", &wanted, s.nowChanged(), ""),
		"failed-goes-on":      s.failed("回家", &wanted, why(&twelve306.Error{Op: "initDc", Kind: twelve306.Stale}), s.nextGoesOn()),
		"failed-gone":         s.failed("回家", &wanted, why(&twelve306.Error{Op: "initDc", Kind: twelve306.Network}), s.nextGone()),
		"failed-none-shown":   s.failed("回家", &wanted, s.said("您还有未处理的订单。"), s.nextNoneShown()),
		"answered":            s.answered(notifier.Prompt{Rule: "回家"}, notifier.Reply{Action: notifier.Answered, By: "小明", Channel: "telegram"}),
		"answered-another":    s.answered(notifier.Prompt{Rule: "回家"}, notifier.Reply{Action: notifier.Another, Channel: "telegram"}),
		"answered-cancelled":  s.answered(notifier.Prompt{Rule: "回家"}, notifier.Reply{Action: notifier.Cancelled, By: "小明", Channel: "telegram"}),
		"logged-in":           s.loggedIn(),
		"login-password":      s.loginFailed(s.said("密码输入错误。如果输错次数超过4次，用户将被锁定。"), s.nextPassword()),
		"login-refused":       s.loginFailed(s.said("账号或口令不正确，请核对后再试。"), s.nextRefusal()),
		"login-locked":        s.loginFailed(s.said("该用户已被锁定，请20分钟后再试。"), s.nextLocked()),
		"login-posts":         s.loginFailed(s.noAnswers(3), s.nextPosts()),
		"login-silence":       s.loginFailed(s.nobodyAnswered(), s.nextAsk(10*time.Minute)),
		"login-network":       s.loginFailed(why(&twelve306.Error{Op: "login", Kind: twelve306.Network}), s.nextLogin()),
		"login-person":        s.loginFailed(s.said("请完成滑动验证。"), s.nextPerson()),
		"booked":              s.booked("回家", order, now),
		"booked-not-read":     s.booked("回家", asked, now),
		"booked-long-ago":     s.booked("回家", wanted.asked("EA12345678", now.Add(-45*time.Minute)), now),
		"question-urgent":     urgent(),
		"booked-unknown":      s.booked("回家", wanted.asked("", now), now),
		"reminder":            s.reminder("回家", order, 15*time.Minute, now.Add(15*time.Minute)),
		"paid":                s.paid("回家", order),
		"reminder-unsure":     s.reminderUnsure("回家", order),
		"out-of-sight":        s.outOfSight("回家", order),
		"expired":             s.expired("回家", order, lapsed, true),
		"expired-over":        s.expired("回家", order, lapsed, false),
		"expired-somehow":     s.expired("回家", order, lapsedOrCancelled, true),
		"expired-unsaid":      s.expired("回家", order, unsaid, true),
		"cancelled":           s.expired("回家", order, cancelled, true),
		"look-again":          put(s.lookAgain("回家", order)),
		"failed":              s.failed("回家", &wanted, s.said("没有足够的票!"), s.nextLook()),
		"failed-tomorrow":     s.failed("回家", &wanted, s.said("由于您取消次数过多，今日将不能继续受理您的订票请求。"), s.nextTomorrow()),
		"failed-unpaid":       s.failed("回家", &wanted, s.said("您还有未处理的订单。"), s.nextUnpaid()),
		"failed-stopped":      s.failed("回家", &wanted, why(unfit), s.nextStopRule("回家")),
		"failed-ahead":        s.unfitAhead("回家", why(unfit)),
		"failed-disk":         s.failed("回家", &wanted, s.cannotWrite(), ""),
		"failed-nothing":      s.failed("回家", nil, why(&twelve306.Error{Op: "initDc", Kind: twelve306.Invalid}), s.nextLook()),
		"blind":               s.blind(now.Add(-time.Minute), why(&twelve306.Error{Op: "query", Kind: twelve306.Network}), now),
		"blind-kept":          s.blind(now.Add(-time.Minute), lines(why(&twelve306.Error{Op: "query", Kind: twelve306.Changed}), s.captured()), now),
		"blind-rule":          s.blindTo("回家", trip(feb3, wuhan), why(&twelve306.Error{Op: "query", Kind: twelve306.Changed, Err: twelve306.Emptied(12)}), s.captured()),
		"blind-word":          s.unknownWord("回家", trip(feb3, wuhan), "G1110", "抢光", 0, s.captured()),
		"blind-words":         s.unknownWord("回家", trip(feb3, wuhan), "G1110", "抢光", 3, ""),
		"no-trains":           s.noTrains(trip(feb3, wuhan), now.Add(-6*time.Hour), now),
		"sees-again":          s.seesAgain(now.Add(-5*time.Minute), now),
		"blocked":             s.blocked(why(&twelve306.Error{Op: "query", Kind: twelve306.Blocked})),
		"held-elsewhere":      s.heldElsewhere(order, now),
		"held-somehow":        s.heldElsewhere(asked, now),
		"stranger-held":       s.stranger(&Attempt{Rule: "回家", Trip: wanted, State: StateBooked, Order: order}, now),
		"stranger-late":       s.stranger(&Attempt{Rule: "回家", Trip: wanted, State: StateBooked, Order: order}, now.Add(time.Hour)),
		"stranger-open":       s.stranger(&Attempt{Rule: "回家", Trip: wanted, State: StateConfirm}, now),
		"may-be-held":         s.mayBeHeld(&Attempt{Rule: "回家", Trip: wanted}, "", false),
		"may-be-held-unsaid":  s.mayBeHeld(&Attempt{Rule: "回家", Trip: wanted}, "", true),
		"may-be-held-named":   s.mayBeHeld(&Attempt{Rule: "回家", Trip: wanted}, "EA12345678", true),
		"reloaded":            s.reloaded(s.changes(ruleChanges{[]string{"甲"}, []string{"乙"}, []string{"丙"}, []string{"丁 → 戊"}}, nil, []string{"state_dir"}, "")),
		"reloaded-settings":   s.reloaded(s.changes(ruleChanges{}, []string{"notify.telegram", "twelve306.budget"}, nil, s.waitsFor("EA12345678"))),
		"reload-refused":      s.reloadRefused("watch.yaml:12:11: rules[0].from: no station"),
		"reload-refused-long": s.reloadRefused(strings.TrimSpace(strings.Repeat("watch.yaml:12:11: rules[0].from: no station\n", mostMistakes+2))),
		"near-few":            s.nearMisses(&rule, []nearMiss{few}),
		"near-late":           s.nearMisses(&rule, []nearMiss{late}),
		"near-around":         s.nearMisses(&rule, []nearMiss{around}),
		"near-early":          s.nearMisses(&rule, []nearMiss{early}),
		"near-other":          s.nearMisses(&rule, []nearMiss{other}),
		"near-many":           s.nearMisses(&rule, []nearMiss{few, late, other, few, few}),
		"offer":               put(s.offer(rule, c)),
		"reloaded-same":       s.reloaded(s.changes(ruleChanges{}, nil, nil, "")),
		"question-login":      ask(login, nil),
		"question-again":      previous("wrong"),
		"question-order":      ask(twelve306.Challenge{Kind: twelve306.PictureChallenge, For: twelve306.ForOrder}, &wanted),
		"question-sms":        ask(twelve306.Challenge{Kind: twelve306.SMSChallenge, For: twelve306.ForLogin}, nil),
		"question-sms-wrong":  ask(twelve306.Challenge{Kind: twelve306.SMSChallenge, For: twelve306.ForLogin, Previous: "wrong", Wrong: 1}, nil),
		"question-forgotten":  previous("forgotten"), "question-lost": previous("lost"), "question-another": previous("another"), "question-expired": previous("expired"),
		"elsewhere-again": ask(twelve306.Challenge{Kind: twelve306.AppChallenge, For: twelve306.ForLogin, Wrong: 1}, nil),
		"question-qr":     ask(twelve306.Challenge{Kind: twelve306.QRChallenge, For: twelve306.ForLogin}, nil),
	}
}

// foreignWords are English words that are names in Chinese too.
var foreignWords = regexp.MustCompile(`watcherd( capture| check| login| resume)?|/resume|state_dir|notify\.telegram|twelve306\.budget|initDc|near_misses: false|partial: true|\b(seats|depart|arrive)。|watch\.yaml(:\d+)*|login: qr|12306|App|telegram|rules\[0\]\.from|no station|[GDE]A?\d+|\bA\b|\d+[A-F]号`)

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

// factsOf are the facts of a message, in the form of neither language: numbers
// and times, days, trains, orders, people, stations and kinds of seat.
func factsOf(text string) []string {
	text = regexp.MustCompile(`(\d+)月(\d+)日`).ReplaceAllString(text, "day$1.$2 ")
	for i, month := range []string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"} {
		text = regexp.MustCompile(`\b(\d+) `+month+`\b`).ReplaceAllString(text, fmt.Sprintf("day%d.$1 ", i+1))
		text = strings.ReplaceAll(text, time.Weekday(i % 7).String()[:3]+" 2", "周"+string([]rune("日一二三四五六")[i%7])+" 2") // Wed 2027-02-03
	}
	for _, seat := range twelve306.Seats() {
		text = strings.ReplaceAll(text, seatText(notifier.English, seat), seat.Name())
	}
	text = regexp.MustCompile(`coach (\d+), seat (\w+)`).ReplaceAllString(text, "${1}车 ${2}号")
	facts := regexp.MustCompile(`EA\d+|[GDK]\d+|day\d+\.\d+|\d+-\d+-\d+|\d\d:\d\d|\d\d车 \d\d.号|\d+(\.\d+)?|周[日一二三四五六]|张三|李四|王五|广州南|武汉|二等座|一等座|无座`).FindAllString(text, -1)
	facts = slices.DeleteFunc(facts, func(f string) bool { return f == "12306" || f == "0" }) // the site's name, as often as it reads well; none is a word in Chinese
	slices.Sort(facts)
	return facts
}

// Both languages say the same: the same numbers, times and names.
func TestMessagesAgree(t *testing.T) {
	zh, en := everyNews(t, speaker{notifier.Chinese, twelve306.Shanghai()}), everyNews(t, speaker{notifier.English, twelve306.Shanghai()})
	for name := range zh {
		a, b := zh[name], en[name]
		if a.Kind != b.Kind || a.Loud != b.Loud || a.Title == b.Title || a.Rule != b.Rule {
			t.Errorf("%s: %+v and %+v", name, a, b)
		}
		x, y := factsOf(a.Title+"\n"+a.Text), factsOf(b.Title+"\n"+b.Text)
		if !slices.Equal(x, y) {
			t.Errorf("%s: the facts are %v and %v", name, x, y)
		}
	}
}

// English counts one thing as one.
func TestOne(t *testing.T) {
	s := speaker{notifier.English, twelve306.Shanghai()}
	now := time.Date(2027, 1, 20, 9, 0, 0, 0, s.loc)
	o := outline{dayCount: emptyDay(now.AddDate(0, 0, -1)), rules: 1, looking: 1}
	o.looks, o.asked, o.answered = 1, 1, 1
	o.failed, o.ended = map[twelve306.Kind]int{twelve306.Busy: 1}, map[EventKind]int{AttemptBegun: 1, Booked: 1}
	digest := s.digest(o, now)
	j := twelve306.Journey{Date: twelve306.DateOf(now)}
	wrong := func(kind twelve306.ChallengeKind, wrong, forgotten int) string {
		return s.enough(twelve306.Challenge{Kind: kind, Wrong: wrong}, forgotten)
	}
	for _, tt := range []struct{ got, want string }{
		{s.started(1, 1).Text, "1 rule, 1 looking."},
		{s.status(Status{Rules: []RuleStatus{{Name: "home", State: RuleLooking}}, Pace: PaceStatus{Requests5M: 1}}, true, now), "1 rule, 1 looking\n"},
		{s.status(Status{Pace: PaceStatus{Requests5M: 1}}, true, now), "1 request in 5 minutes"},
		{s.noResult(1), "1 train, no seat"},
		{s.unknownWord("home", j, "G1", "*", 1, "").Text, "the same with 1 other train."},
		{wrong(twelve306.PictureChallenge, 1, 0), "1 answer was wrong."},
		{wrong(twelve306.PictureChallenge, 3, 1), "3 answers came to nothing; 1 of them was right, and"},
		{wrong(twelve306.PictureChallenge, 1, 1), "12306 lost the login, 1 time."},
		{wrong(twelve306.SMSChallenge, 1, 0), "1 code was wrong"},
		{digest.Title, "The day: 1 look, 1 error"},
		{digest.Text, "1 rule, 1 of them looking."},
		{digest.Text, "1 try to book, 1 order held."},
		{digest.Text, "asked 1 time and answered 1."},
	} {
		if !strings.Contains(tt.got, tt.want) {
			t.Errorf("%q is not in\n%s", tt.want, tt.got)
		}
	}
}

// A rule that names nobody makes an offer for nobody in particular.
func TestOfferForNobody(t *testing.T) {
	c := Candidate{Train: testTrain(t, fields{fCode: "G13"}), Seat: twelve306.SecondClass, Left: twelve306.Left{Count: 3}}
	for _, s := range []speaker{{notifier.Chinese, twelve306.Shanghai()}, {notifier.English, twelve306.Shanghai()}} {
		if n := s.offer(Rule{Name: "r"}, c); strings.Contains(n.Text, "乘车人") || strings.Contains(n.Text, "For:") || strings.Contains(n.Text, "\n\n") {
			t.Errorf("it says\n%s", n.Text)
		}
	}
}

func TestSeatWords(t *testing.T) {
	for seat, want := range map[string]string{
		"二等座 13车 12A号": "second class, coach 13, seat 12A", "硬卧 05车 03号上铺": "hard sleeper, coach 05, upper berth 03", "无座 加1车 无座": "standing, 加1车, standing",
		"二等座": "second class", "": "", "动卧 02车 11号": "moving sleeper, coach 02, seat 11",
	} {
		if got := SeatWords(notifier.English, seat); got != want {
			t.Errorf("%q: %q, want %q", seat, got, want)
		}
		if got := SeatWords(notifier.Chinese, seat); got != seat {
			t.Errorf("%q: %q", seat, got)
		}
	}
}
