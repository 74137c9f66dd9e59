package watcher

import (
	"fmt"
	"strings"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
)

// NewsKind is the kind of a piece of news: the `kind` of the webhook's JSON.
// Names are fixed by the users' programs: never rename one.
type NewsKind string

// The kinds of news.
const (
	NewsStarted       NewsKind = "started"
	NewsStopping      NewsKind = "stopping"
	NewsSeats         NewsKind = "seats"
	NewsQuestion      NewsKind = "question"
	NewsAnswered      NewsKind = "answered"
	NewsLoggedIn      NewsKind = "logged_in"
	NewsLoginFailed   NewsKind = "login_failed"
	NewsBooked        NewsKind = "booked"
	NewsReminder      NewsKind = "reminder"
	NewsPaid          NewsKind = "paid"
	NewsExpired       NewsKind = "expired"
	NewsFailed        NewsKind = "failed"
	NewsBlind         NewsKind = "blind"
	NewsSeesAgain     NewsKind = "sees_again"
	NewsBlocked       NewsKind = "blocked"
	NewsHeldElsewhere NewsKind = "held_elsewhere"
	NewsReloaded      NewsKind = "reloaded"
	NewsReloadRefused NewsKind = "reload_refused"
	NewsDigest        NewsKind = "digest" // only when monitor.digest asks for it
)

// News is one piece of news in words. The words are made here and nowhere
// else; a channel only lays them out.
type News struct {
	Kind  NewsKind
	Rule  string
	Title string
	Text  string
	Loud  bool
	Shown bool // a question shows it already to the channels that can hear
	Order *OrderView
	Seen  string // the attempt whose reminders end when the user says that he has seen this
}

// speaker words news in one language.
type speaker struct {
	lang notifier.Lang
	loc  *time.Location
}

func (s speaker) f(zh, en string, args ...any) string {
	return fmt.Sprintf(s.lang.Pick(zh, en), args...)
}

// clock writes a time of day, with the date when it is another day than now.
func (s speaker) clock(at, now time.Time) string {
	at, now = at.In(s.loc), now.In(s.loc)
	if at.YearDay() == now.YearDay() && at.Year() == now.Year() {
		return at.Format("15:04")
	}
	return at.Format("01-02 15:04")
}

// day writes a date with its weekday: 2027-02-03 周三, Wed 2027-02-03.
func (s speaker) day(d twelve306.Date) string {
	if d.IsZero() {
		return ""
	}
	w := d.Time().Weekday()
	if s.lang == notifier.English {
		return w.String()[:3] + " " + d.String()
	}
	return d.String() + " 周" + string([]rune("日一二三四五六")[w])
}

// short writes a date for a title: 2月3日, 3 Feb.
func (s speaker) short(d twelve306.Date) string {
	if s.lang == notifier.English {
		return d.Time().Format("2 Jan")
	}
	return fmt.Sprintf("%d月%d日", d.Month, d.Day)
}

func (s speaker) people(names []string) string { return strings.Join(names, s.lang.Pick("、", ", ")) }

func yuan(tenths int) string { return fmt.Sprintf("%d.%d", tenths/10, tenths%10) }

func lines(parts ...string) string {
	out := parts[:0]
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, "\n")
}

func (s speaker) started(rules, looking int) News {
	return News{Kind: NewsStarted,
		Title: s.f("watcherd 开始盯票", "watcherd is watching"),
		Text:  s.f("共 %d 条规则，正在盯 %d 条。有票、要你回答、抢到了，都会在这里告诉你。", "%d rules, %d of them looking. Seats, questions and orders will be told here.", rules, looking)}
}

// dayOpened tells that a day which 12306 did not sell has come into its sale
// window; opens is when the wanted trains go on sale, zero when they are.
func (s speaker) dayOpened(rule string, j twelve306.Journey, opens, now time.Time) News {
	n := News{Kind: NewsStarted, Rule: rule, Title: s.f("开始盯 %s 的票：%s→%s", "Watching %s now: %s to %s", s.short(j.Date), j.From.Name, j.To.Name),
		Text: s.f("这一天进入了 12306 的预售期。", "This day has come into 12306's sale window.")}
	if !opens.IsZero() {
		n.Text = lines(n.Text, s.f("你要的车 %s 起售；起售前 30、10、3 分钟会确认已登录。", "Your trains go on sale at %s; 30, 10 and 3 minutes before, the login is made sure of.", s.clock(opens, now)))
	}
	return n
}

func (s speaker) stopping() News {
	return News{Kind: NewsStopping,
		Title: s.f("watcherd 停了", "watcherd has stopped"),
		Text:  s.f("现在没有人盯票；重新启动后会接着盯。", "Nobody is watching now; it goes on after the next start.")}
}

// seats lists what there is, best first.
func (s speaker) seats(rule string, list []Candidate, then string) News {
	const most = 6
	best := list[0]
	n := News{Kind: NewsSeats, Rule: rule,
		Title: s.f("有票：%s %s %s→%s %s", "Seats: %s %s %s to %s, %s", best.Train.Code(), s.short(best.Journey.Date),
			best.Journey.From.Name, best.Journey.To.Name, seatText(s.lang, best.Seat))}
	var b strings.Builder
	for i, c := range list {
		if i == most {
			b.WriteString(s.f("……还有 %d 种\n", "... and %d more\n", len(list)-most))
			break
		}
		fmt.Fprintf(&b, "%s %s %s %s → %s %s  %s %s", c.Train.Code(), s.short(c.Journey.Date), c.Journey.From.Name, c.Train.Depart(),
			c.Journey.To.Name, c.Train.Arrive(), seatText(s.lang, c.Seat), s.left(c.Left))
		if price, ok := c.Train.Price(c.Seat); ok {
			b.WriteString(s.f(" %s 元", " %s yuan", yuan(price)))
		}
		b.WriteByte('\n')
	}
	n.Text = lines(strings.TrimRight(b.String(), "\n"), then)
	return n
}

func (s speaker) left(l twelve306.Left) string {
	if l.Plenty {
		return s.f("有票", "plenty")
	}
	return s.f("%d 张", "%d left", l.Count)
}

// What follows on seats, by what the rule does.
func (s speaker) thenBuy() string {
	return s.f("规则只通知：请到 12306 官方 App 购买。", "This rule only tells: buy it in the official 12306 app.")
}
func (s speaker) thenAsk() string {
	return s.f("马上问你要不要抢。", "You are about to be asked whether to book it.")
}
func (s speaker) thenBook() string { return s.f("正在下单。", "Booking it now.") }
func (s speaker) thenHeld(number string) string {
	return s.f("账户里订单 %s 还没付款，付款、取消或过期之前 12306 不收新订单，所以这次只通知。",
		"Order %s on the account is not paid yet; until it is paid, cancelled or expired 12306 takes no other, so this is only told.", number)
}
func (s speaker) thenStopped(why string) string {
	return s.f("这条规则现在不下单：%s", "This rule does not book now: %s", why)
}

func (s speaker) answered(rule, by, channel string) News {
	return News{Kind: NewsAnswered, Rule: rule,
		Shown: true, Title: s.f("已有人回答", "Answered"), Text: s.lang.AnsweredBy(by, channel)}
}

func (s speaker) loggedIn() News {
	return News{Kind: NewsLoggedIn, Title: s.f("已登录 12306", "Logged in to 12306"),
		Text: s.f("会保持登录；有票时不用再等登录。", "It stays logged in, so that seats need not wait for it.")}
}

func (s speaker) loginFailed(why string, next string) News {
	return News{Kind: NewsLoginFailed, Loud: true, Title: s.f("没能登录 12306", "Could not log in to 12306"), Text: lines(why, next)}
}
func (s speaker) nextPassword() string {
	return s.f("请检查 watch.yaml 里的用户名和密码，改好后会再试；在那之前不会重试，以免账户被锁。",
		"Check username and password in watch.yaml. It is tried again after you change them, and not before: four misses lock the account.")
}
func (s speaker) nextAsk(after time.Duration) string {
	return s.f("%s 后再问；有票时马上再问。规则照常盯票。", "You are asked again in %s, or at once when seats appear. The rules keep looking.", s.lang.Remaining(after))
}
func (s speaker) nextPerson() string {
	return s.f("请按 12306 的提示在官方 App 里处理；之后会再试。", "Please do what 12306 says in its official app; it is tried again afterwards.")
}

func (s speaker) booked(rule string, o *HeldOrder, now time.Time) News {
	n := News{Kind: NewsBooked, Rule: rule, Loud: true}
	trip := s.f("%s %s %s→%s", "%s %s %s to %s", o.Train, s.short(o.Date), o.From, o.To)
	until := s.f("尽快", "soon")
	pay := s.f("付款期限没有读到，请马上（10 分钟内）在 12306 官方 App 的“未完成订单”里付款。",
		"The time limit could not be read: pay at once (within 10 minutes) in the official 12306 app, under unfinished orders.")
	if !o.PayBy.IsZero() {
		until = s.clock(o.PayBy, now)
		pay = s.f("请在 %s 前在 12306 官方 App 的“未完成订单”里付款，过时座位会被收回。",
			"Pay before %s in the official 12306 app, under unfinished orders; after that the seats are gone.", until)
	}
	if o.PayBy.IsZero() {
		n.Title = s.f("抢到了：%s，请尽快付款", "Booked: %s, pay soon", trip)
	} else {
		n.Title = s.f("抢到了：%s，请在 %s 前付款", "Booked: %s, pay before %s", trip, until)
	}
	number := s.f("订单号 %s", "Order %s", o.Number)
	if o.Number == "" {
		number = s.f("座位已占，订单号还没读到，请打开 12306 官方 App 查看。", "Seats are held; the number is not known yet, please open the 12306 app.")
	}
	check := ""
	if !o.ReadBack {
		check = s.f("没能从 12306 读回订单，以上是下单时要的内容，请在 App 里核对。", "The order could not be read back; this is what was asked for, please check it in the app.")
	}
	n.Text = lines(number, s.trip(o), s.seated(o), s.price(o), pay, check)
	return n
}

func (s speaker) trip(o *HeldOrder) string {
	return s.f("%s %s %s %s → %s %s", "%s, %s, %s %s to %s %s", o.Train, s.day(o.Date), o.From, o.Depart, o.To, o.Arrive)
}

// seated names each passenger with the seat that was given.
func (s speaker) seated(o *HeldOrder) string {
	var out []string
	for i, name := range o.Passengers {
		if i < len(o.Seats) {
			name += " " + o.Seats[i]
		}
		out = append(out, name)
	}
	return strings.Join(out, "\n")
}

func (s speaker) price(o *HeldOrder) string {
	if o.PriceTenth == 0 {
		return ""
	}
	return s.f("共 %s 元", "%s yuan in all", yuan(o.PriceTenth))
}

func (s speaker) reminder(rule string, o *HeldOrder, left time.Duration, now time.Time) News {
	return News{Kind: NewsReminder, Rule: rule, Loud: true,
		Title: s.f("还没付款：还剩 %s", "Not paid yet: %s left", s.lang.Remaining(left)),
		Text: lines(s.f("订单 %s 请在 %s 前在 12306 官方 App 付款。", "Order %s: pay before %s in the official 12306 app.", o.Number, s.clock(o.PayBy, now)),
			s.trip(o))}
}

func (s speaker) paid(rule string, o *HeldOrder) News {
	return News{Kind: NewsPaid, Rule: rule, Title: s.f("已付款，一路顺风", "Paid. Have a good trip"),
		Text: lines(s.f("订单 %s", "Order %s", o.Number), s.trip(o), s.seated(o))}
}

func (s speaker) expired(rule string, o *HeldOrder, cancelled bool) News {
	n := News{Kind: NewsExpired, Rule: rule, Loud: true,
		Title: s.f("订单 %s 过时未付，座位已收回", "Order %s was not paid in time", o.Number),
		Text:  lines(s.trip(o), s.f("马上问你要不要继续盯。", "You are about to be asked whether to look again."))}
	if cancelled {
		n.Title = s.f("订单 %s 已不在未完成订单里（已取消）", "Order %s was cancelled", o.Number)
	}
	return n
}

// failed tells why an attempt ended without a seat, and what happens next.
func (s speaker) failed(rule string, t *Trip, why, next string) News {
	n := News{Kind: NewsFailed, Rule: rule, Text: lines(why, next)}
	if t == nil {
		n.Title = s.f("没能下单", "Could not book")
		return n
	}
	n.Text = lines(s.f("%s %s → %s %s", "%s %s to %s %s", t.From, t.Depart, t.To, t.Arrive), n.Text)
	n.Title = s.f("没抢到 %s %s %s", "Not booked: %s %s, %s", t.Train, s.short(t.Date), seatText(s.lang, t.Seat))
	return n
}

// said quotes 12306.
func (s speaker) said(words string) string { return s.f("12306 说：%s", "12306 says: %s", words) }

func (s speaker) nextLook() string { return s.f("继续盯着。", "Still watching.") }
func (s speaker) nextUnpaid() string {
	return s.f("未完成订单里没有看到订单，一分钟后再试；App 里若有，请付款或取消。", "No unfinished order was found; trying again in a minute. If the app shows one, pay for it or cancel it.")
}
func (s speaker) nextStopRule() string {
	return s.f("这条规则不再下单，只通知；改好规则后会再试。", "This rule books no more and only tells; it tries again after you edit it.")
}
func (s speaker) nextTomorrow() string {
	return s.f("今天不再下单，只盯票和通知，明天再试。", "No more orders today, only watching and telling; it tries again tomorrow.")
}

func (s speaker) blind(since time.Time, why string, now time.Time) News {
	return News{Kind: NewsBlind, Loud: true, Title: s.f("看不到余票了", "Cannot see any trains"),
		Text: lines(s.f("从 %s 起没有一次查询成功。", "No look has worked since %s.", s.clock(since, now)), why,
			s.f("这不等于没票；会放慢速度接着试，看得到时告诉你。", "This does not mean sold out. It keeps trying, more slowly, and tells you when it sees again."))}
}

// captured says where the copies of strange answers lie.
func (s speaker) captured() string {
	return s.f("已留下一份去掉个人信息的回答，运行 watcherd capture 查看；报告问题时请附上。",
		"A copy of the answer without personal data is kept: watcherd capture shows it; please add it to a report.")
}

// blindTo tells that one journey of a rule cannot be seen, while others may.
func (s speaker) blindTo(rule string, j twelve306.Journey, why, kept string) News {
	return News{Kind: NewsBlind, Rule: rule, Loud: true,
		Title: s.f("看不到 %s %s→%s 的余票了", "Cannot see the trains of %s, %s to %s", s.short(j.Date), j.From.Name, j.To.Name),
		Text:  lines(why, s.f("这不等于没票；会接着试，看得到时告诉你。", "This does not mean sold out. It keeps trying and tells you when it sees again."), kept)}
}

// unknownWord tells that a train which a rule wants cannot be judged.
func (s speaker) unknownWord(rule string, j twelve306.Journey, train, word string, more int, kept string) News {
	others := ""
	if more > 0 {
		others = s.f("还有 %d 趟车也是这样。", "It is the same with %d other trains.", more)
	}
	return News{Kind: NewsBlind, Rule: rule, Loud: true,
		Title: s.f("看不懂 %s %s 的余票", "Cannot read the seats of %s on %s", train, s.short(j.Date)),
		Text: lines(s.f("%s→%s，12306 写的是“%s”。", "%s to %s: 12306 wrote %q.", j.From.Name, j.To.Name, word), others,
			s.f("这不等于没票：请到 12306 官方 App 看一眼。别的车照常盯着。", "This does not mean sold out: please look in the official 12306 app. Other trains are watched as ever."), kept)}
}

// noTrains ends a blindness with an empty list that has lasted so long that it
// is believed.
func (s speaker) noTrains(j twelve306.Journey, since, now time.Time) News {
	return News{Kind: NewsSeesAgain, Title: s.f("%s %s→%s 没有车", "No trains on %s, %s to %s", s.short(j.Date), j.From.Name, j.To.Name),
		Text: s.f("%s 以来 12306 一直说一趟车也没有，就当真了；有车时会接着盯。", "12306 has said so since %s, and it is believed now. It keeps looking.", s.clock(since, now))}
}

func (s speaker) seesAgain(since, now time.Time) News {
	return News{Kind: NewsSeesAgain, Title: s.f("又看得到余票了", "Seeing trains again"),
		Text: s.f("中断了 %s。", "It was blind for %s.", s.lang.Remaining(now.Sub(since)))}
}

func (s speaker) blocked(why string) News {
	return News{Kind: NewsBlocked, Loud: true, Title: s.f("12306 让我们慢一点", "12306 wants us to slow down"),
		Text: lines(why, s.f("已放慢查询，会慢慢恢复。不用做什么；如果在别处也在刷票，请停掉一个。",
			"Looks are slower now and recover slowly. Nothing to do; if another tool uses this connection, stop one of them."))}
}

func (s speaker) heldElsewhere(o *HeldOrder, now time.Time) News {
	pay := ""
	if !o.PayBy.IsZero() {
		pay = s.f("付款期限 %s。", "It must be paid before %s.", s.clock(o.PayBy, now))
	}
	return News{Kind: NewsHeldElsewhere, Loud: true, Title: s.f("账户里有一个未完成的订单", "The account has an unfinished order"),
		Text: lines(s.f("订单 %s，不是 watcherd 下的。", "Order %s was not made by watcherd.", o.Number), s.trip(o), pay,
			s.f("它付款或取消之前 12306 不收新订单；规则照常盯票，只通知。watcherd 不会动它。",
				"Until it is paid or cancelled 12306 takes no other. The rules keep watching and tell; watcherd leaves that order alone."))}
}

func (s speaker) reloaded(what string) News {
	return News{Kind: NewsReloaded, Title: s.f("watch.yaml 已重新读入", "watch.yaml was reloaded"), Text: what}
}

func (s speaker) reloadRefused(mistakes string) News {
	return News{Kind: NewsReloadRefused, Loud: true, Title: s.f("watch.yaml 有错，旧规则继续生效", "watch.yaml has mistakes; the old rules go on"),
		Text: mistakes}
}

// changes words what a reload did.
func (s speaker) changes(added, changed, removed []string, restart bool) string {
	var out []string
	for _, part := range []struct {
		zh, en string
		names  []string
	}{{"新增：%s", "added: %s", added}, {"修改：%s", "changed: %s", changed}, {"删除：%s", "removed: %s", removed}} {
		if len(part.names) > 0 {
			out = append(out, s.f(part.zh, part.en, s.people(part.names)))
		}
	}
	if len(out) == 0 {
		out = append(out, s.f("规则没有变化。", "The rules are the same."))
	}
	if restart {
		out = append(out, s.f("账户、通知渠道等其他设置要重启 watcherd 才生效。", "Settings other than rules take effect after a restart."))
	}
	return strings.Join(out, "\n")
}
