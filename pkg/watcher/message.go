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

	// Asked are, of an answer, the channels that the question was for (none: all of them), Called
	// says that those that cannot hear were told of it.
	Asked  []string
	Called bool
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

// some is people for a list that may be long.
func (s speaker) some(names []string, most int) string {
	if more := len(names) - most; more > 0 {
		return s.people(names[:most]) + s.lang.Pick(fmt.Sprintf("等 %d 个", len(names)), fmt.Sprintf(" and %d more", more))
	}
	return s.people(names)
}

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
		Text:  s.f("%s 条规则，%d 条在盯。有票、要你回答、抢到了，都在这里告诉你。", "%s, %d looking. Seats, questions and orders are told here.", s.lang.Count(rules, "rule", "rules"), looking)}
}

// dayOpened tells that a day which 12306 did not sell has come into its sale
// window; opens is when the wanted trains go on sale, zero when they are; login
// that the login is made sure of before.
func (s speaker) dayOpened(rule string, j twelve306.Journey, opens time.Time, login bool, now time.Time) News {
	n := News{Kind: NewsStarted, Rule: rule, Title: s.f("开始盯 %s 的票：%s→%s", "Watching %s now: %s to %s", s.short(j.Date), j.From.Name, j.To.Name),
		Text: s.f("这一天刚进入 12306 的预售期。", "This day has just come into 12306's sale window.")}
	if !opens.IsZero() {
		n.Text = lines(n.Text, s.f("你要的车 %s 起售。", "Your trains go on sale at %s.", s.clock(opens, now)))
	}
	if !opens.IsZero() && login {
		n.Text = lines(n.Text, s.f("起售前 30、10、3 分钟会检查登录；要你回答时请看手机。", "The login is checked 30, 10 and 3 minutes before: please have the phone at hand."))
	}
	return n
}

// stopping names an order that nobody will remind of until the next start.
func (s speaker) stopping(unpaid *HeldOrder, now time.Time) News {
	n := News{Kind: NewsStopping,
		Title: s.f("watcherd 停了", "watcherd has stopped"),
		Text:  s.f("现在没有人盯票；再启动就接着盯。", "Nobody is watching now; it goes on after the next start.")}
	if unpaid != nil && unpaid.PayBy.After(now) {
		n.Text = lines(n.Text, s.f("订单 %s 还没付款，停着不会提醒：请在 %s 前到 12306 官方 App 付款。",
			"Order %s is not paid yet and nobody reminds you of it now: pay before %s in the official 12306 app.", unpaid.Number, s.clock(unpaid.PayBy, now)))
	}
	return n
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
		fmt.Fprintf(&b, s.lang.Pick("%s %s %s %s → %s %s  %s %s", "%s %s %s %s → %s %s  %s: %s"), c.Train.Code(), s.short(c.Journey.Date), c.Journey.From.Name, c.Train.Depart(),
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
	return s.f("规则只通知；想要就到 12306 官方 App 买。", "This rule only tells: to have it, buy it in the official 12306 app.")
}
func (s speaker) thenAsk() string {
	return s.f("马上问你要不要抢。", "You are asked in a moment whether to book it.")
}
func (s speaker) thenBook() string {
	return s.f("正在下单；要是来了问题，请尽快回答。", "Booking it now. If a question comes, please answer it quickly.")
}
func (s speaker) thenHeld(number string) string {
	return s.f("订单 %s 还没付款，12306 不收新订单，所以这次只告诉你。付款或取消以后，有票会接着抢。",
		"Order %s is not paid yet and 12306 takes no other, so this is only told. Once it is paid or cancelled, booking goes on.", number)
}
func (s speaker) thenStopped(rule, why string) string {
	return lines(s.f("这条规则暂不下单，只通知：", "This rule books nothing for now and only tells:"), why,
		s.f("办好后发 /resume %s，有票就会再抢。", "Once that is settled, send /resume %s, and it books again.", rule))
}
func (s speaker) thenForeign(number string) string {
	return s.f("账户里有未付款的订单 %s，不是 watcherd 下的；12306 不收新订单，所以这次只告诉你。付款或取消以后，有票会接着抢。",
		"The account has the unpaid order %s, not made by watcherd, and 12306 takes no other, so this is only told. Once it is paid or cancelled, booking goes on.", number)
}
func (s speaker) thenQueueing() string {
	return s.f("账户有一单正在 12306 排队，不是 watcherd 下的；12306 不收新订单，所以这次只告诉你。排完以后，有票会接着抢。",
		"An order of the account is in 12306's queue, not made by watcherd, and 12306 takes no other, so this is only told. Once it has left the queue, booking goes on.")
}
func (s speaker) thenOpen(rule string) string {
	return s.f("规则“%s”的一单成没成还不知道，弄清以前不下新单，所以这次只告诉你。",
		"Whether the order of rule %s was taken is not known yet; nothing is ordered before that, so this is only told.", rule)
}
func (s speaker) thenPassword() string {
	return s.f("12306 不认 watch.yaml 里的用户名和密码，登录不上，所以这次只告诉你。改好就接着抢。",
		"12306 refused the username and password in watch.yaml, so this is only told. Booking goes on when you have changed them.")
}
func (s speaker) thenTomorrow() string {
	return s.f("12306 今天不再受理这个账户的订单，所以这次只告诉你；明天自动再试。",
		"12306 takes no more orders of this account today, so this is only told; tomorrow it tries again by itself.")
}

// thenAgain is of seats that could not be booked a while ago.
func (s speaker) thenAgain(why string) string {
	return lines(s.f("刚才下过单，没成：", "They could not be booked a while ago:"), why,
		s.f("还会再试；还是一样的话，就不再说了。", "It tries again; if it ends the same way, that is not told again."))
}

// What follows on a yes that cannot be followed.
func (s speaker) nowGone() string {
	return s.f("票刚才没了，没有下单。还在盯，再有票会再问你。", "The seats have gone meanwhile and nothing was ordered. Still watching; you are asked again when there are seats.")
}
func (s speaker) nowChanged() string {
	return s.f("规则刚改过，或不再盯票，没有下单。", "The rule was changed meanwhile or looks no more, and nothing was ordered.")
}

// notYet tells what a yes waits for.
func (s speaker) notYet(rule string, t *Trip) News {
	return News{Kind: NewsFailed, Rule: rule, Title: s.f("还没下单：%s %s %s", "Not ordered yet: %s %s, %s", t.Train, s.short(t.Date), seatText(s.lang, t.Seat)),
		Text: s.f("账户还腾不出手：12306 正忙，或者在办另一单。腾得出手就下单，不用再回答。急的话，请在 12306 官方 App 里下单。",
			"The account is not free: 12306 is busy, or another order is under way. It is ordered as soon as it is, no need to answer again. If it is urgent, please order in the official 12306 app.")}
}

func (s speaker) answered(p notifier.Prompt, r notifier.Reply) News {
	n := News{Kind: NewsAnswered, Rule: p.Rule, Shown: true, Asked: p.To, Called: p.Replaces == "" || p.Anew, Title: s.f("已有人回答", "Answered"), Text: s.lang.EndedBy(r)}
	switch r.Action {
	case notifier.Another:
		n.Title = s.f("有人要求换一张", "A new picture was asked for")
	case notifier.Cancelled:
		n.Title = s.f("有人取消了", "Cancelled")
	}
	return n
}

func (s speaker) loggedIn() News {
	return News{Kind: NewsLoggedIn, Title: s.f("已登录 12306", "Logged in to 12306"),
		Text: s.f("会保持登录，有票时不用再等。", "It stays logged in, so that seats do not have to wait.")}
}

func (s speaker) loginFailed(why string, next string) News {
	return News{Kind: NewsLoginFailed, Loud: true, Title: s.f("没能登录 12306", "Could not log in to 12306"), Text: lines(why, next)}
}
func (s speaker) nextPassword() string {
	return s.f("请检查 watch.yaml 里的用户名和密码。改好之前不会再试，免得账户被锁。",
		"Please check username and password in watch.yaml. Nothing is tried until you change them, so that the account is not locked.")
}
func (s speaker) nextRefusal() string {
	return s.f("请检查 watch.yaml 里的用户名和密码。改好之前不会再试，免得账户被锁。密码没错？停掉 watcherd，运行 watcherd login 再试一次。",
		"Please check username and password in watch.yaml. Nothing is tried until you change them, so that the account is not locked. They are right? Stop watcherd and run watcherd login, which tries once more.")
}
func (s speaker) nextLocked() string {
	return s.f("不会再试，免得锁得更久。等 12306 说的时间过了，先在它的官方 App 里登录成功，再停掉 watcherd，运行 watcherd login，然后重新启动。规则照常盯着。",
		"Nothing is tried, so that it is not locked for longer. When the time that 12306 names is over, log in in its official app first; then stop watcherd, run watcherd login and start it again. The rules keep looking.")
}

// noAnswers says why a password is posted no more that nobody has refused.
func (s speaker) noAnswers(posts int) string {
	return s.f("密码发出去 %d 次，都没收到 12306 能读懂的回答：说不定是密码错了。", "The password was sent %d times and 12306 gave no answer that can be read: it may be wrong.", posts)
}
func (s speaker) nextPosts() string {
	return s.f("不会再发，免得账户被锁。请先在 12306 官方 App 里登录一次看看；密码没错，就停掉 watcherd，运行 watcherd login，再重新启动；错了就改 watch.yaml。规则照常盯着。",
		"It is not sent again, so that the account is not locked. Please log in once in the official 12306 app: if the password is right, stop watcherd, run watcherd login and start it again; if not, change watch.yaml. The rules keep looking.")
}
func (s speaker) nextAsk(after time.Duration) string {
	return s.f("过 %s再问你，一有票就马上问。规则照常盯着。", "You are asked again in %s, or at once when seats appear. The rules keep looking.", s.lang.Remaining(after))
}
func (s speaker) nextPerson() string {
	return s.f("请在 12306 官方 App 里照它说的办；之后会自动再试。规则照常盯着。", "Please do what it says in the official 12306 app; the login is then tried again. The rules keep looking.")
}

func (s speaker) nextLogin() string {
	return s.f("会自动再试，不用做什么。规则照常盯着。", "It is tried again by itself, nothing to do. The rules keep looking.")
}

func (s speaker) booked(rule string, o *HeldOrder, now time.Time) News {
	n := News{Kind: NewsBooked, Rule: rule, Loud: true}
	trip := s.f("%s %s %s→%s", "%s %s %s to %s", o.Train, s.short(o.Date), o.From, o.To)
	n.Title = s.f("抢到了，请马上付款：%s", "Booked, pay at once: %s", trip)
	pay := s.f("付款期限没有读到：请在 10 分钟内到 12306 官方 App 的“未完成订单”里付款。",
		"The time limit could not be read: pay within 10 minutes in the official 12306 app, under unfinished orders.")
	switch {
	case !o.PayBy.IsZero():
		until := s.clock(o.PayBy, now)
		n.Title = s.f("抢到了，%s 前付款：%s", "Booked, pay before %s: %s", until, trip)
		pay = s.f("请在 %s 前到 12306 官方 App 的“未完成订单”里付款，过时座位会被收回。",
			"Pay before %s in the official 12306 app, under unfinished orders; after that the seats are gone.", until)
	case !o.Since.IsZero() && now.Sub(o.Since) > shortestPayWindow:
		n.Title = s.f("抢到过，请马上看 App：%s", "Was booked, look at once: %s", trip)
		pay = s.f("这一单是 %s 下的，可能快要过时，也可能已经过时或付过款：请马上到 12306 官方 App 的“未完成订单”里看，有就付款。",
			"It was ordered at %s, and may soon expire, or be expired or paid already: look at once in the official 12306 app, under unfinished orders, and pay for it if it is there.", s.clock(o.Since, now))
	}
	number := s.orderNumber(o)
	if o.Number == "" {
		number = s.f("座位已占，订单号还没读到，App 里能看到。", "The seats are held; their order number is not known here yet, the app shows it.")
	}
	check := ""
	if !o.ReadBack {
		check = s.f("没能从 12306 读回订单：以上是下单时要的内容，请在 App 里核对。", "The order could not be read back: this is what was asked for, please compare it with the app.")
	}
	n.Text = lines(pay, number, s.trip(o), s.seated(o), s.price(o), check)
	return n
}

func (s speaker) orderNumber(o *HeldOrder) string { return s.f("订单号 %s", "Order %s", o.Number) }

// inTitle says which order it is, in few characters.
func (s speaker) inTitle(o *HeldOrder) string { return o.Train + " " + s.short(o.Date) }

func (s speaker) trip(o *HeldOrder) string {
	return s.f("%s %s\n%s %s → %s %s", "%s, %s\n%s %s to %s %s", o.Train, s.day(o.Date), o.From, o.Depart, o.To, o.Arrive)
}

// seated names each passenger with the seat that was given.
func (s speaker) seated(o *HeldOrder) string {
	var out []string
	for i, name := range o.Passengers {
		if i < len(o.Seats) {
			name += s.lang.Pick(" ", ": ") + s.seatOf(o.Seats[i])
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
		Title: s.f("还剩 %s付款：%s", "%s left to pay: %s", s.lang.Remaining(left), s.inTitle(o)),
		Text: lines(s.f("请在 %s 前到 12306 官方 App 的“未完成订单”里付款，过时座位会被收回。",
			"Pay before %s in the official 12306 app, under unfinished orders; after that the seats are gone.", s.clock(o.PayBy, now)),
			s.orderNumber(o), s.trip(o), s.price(o))}
}

// reminderUnsure is the reminder of an order of which 12306 does not say until
// when it must be paid.
func (s speaker) reminderUnsure(rule string, o *HeldOrder) News {
	return News{Kind: NewsReminder, Rule: rule, Loud: true,
		Title: s.f("还没付款，请马上付：%s", "Not paid yet, please pay now: %s", s.inTitle(o)),
		Text: lines(s.f("付款期限没有读到，最短只有 10 分钟：请马上到 12306 官方 App 的“未完成订单”里付款。",
			"The time limit could not be read, and may be as short as 10 minutes: please pay now in the official 12306 app, under unfinished orders."),
			s.orderNumber(o), s.trip(o), s.price(o))}
}

// outOfSight tells that nobody knows what became of an order whose time to pay
// is over. It is a reminder: the order and what to do are those of one, and any
// other kind of news would claim an end.
func (s speaker) outOfSight(rule string, o *HeldOrder) News {
	return News{Kind: NewsReminder, Rule: rule, Loud: true,
		Title: s.f("付款时间已过，付没付不知道：%s", "Time to pay is over, paid or not? %s", s.inTitle(o)),
		Text: lines(s.f("现在读不到 12306 的订单列表，订单 %s 是付了、过期了还是取消了，不知道。请到 12306 官方 App 看看。",
			"12306's list of orders cannot be read now: whether order %s was paid, has expired or was cancelled is not known. Please look in the official 12306 app.", o.Number),
			s.trip(o),
			s.f("会接着问，问到就告诉你。在那之前所有规则都不下单，只通知；看过了、要接着抢：watcherd resume %s。",
				"It goes on asking and tells you when it knows. Until then no rule books, all only tell; when you have looked, to book again: watcherd resume %s.", rule))}
}

func (s speaker) paid(rule string, o *HeldOrder) News {
	return News{Kind: NewsPaid, Rule: rule, Title: s.f("已付款：%s，一路顺风", "Paid: %s. Have a good trip", s.inTitle(o)),
		Text: lines(s.orderNumber(o), s.trip(o), s.seated(o), s.price(o))}
}

// expired tells that an order is lost; asks says that the user is asked about it.
func (s speaker) expired(rule string, o *HeldOrder, end ending, asks bool) News {
	n := News{Kind: NewsExpired, Rule: rule, Loud: true}
	what := ""
	switch end {
	case lapsed:
		n.Title = s.f("没按时付款，座位没了：%s", "Not paid in time: %s, the seats are gone", s.inTitle(o))
		what = s.f("订单 %s 过时没付款，12306 收回了座位。", "Order %s was not paid in time and 12306 took the seats back.", o.Number)
	case cancelled:
		n.Title = s.f("订单已取消：%s", "Order cancelled: %s", s.inTitle(o))
		what = s.f("订单 %s 已不在 12306 的未完成订单里。", "Order %s is no longer among 12306's unfinished orders.", o.Number)
	case lapsedOrCancelled:
		n.Title = s.f("订单没了，过期或已取消：%s", "Order gone, expired or cancelled: %s", s.inTitle(o))
		what = s.f("订单 %s 已不在 12306 的未完成订单里，也不在已付款的里：过期了，或者被取消了。",
			"Order %s is neither among 12306's unfinished orders any more nor among the paid ones: it has expired or was cancelled.", o.Number)
	case unsaid:
		n.Title = s.f("订单不在了，付没付请看 App：%s", "Order gone, paid or not? %s", s.inTitle(o))
		what = s.f("订单 %s 已不在 12306 的未完成订单里；是付了、过期了还是取消了，12306 没有说。请到 12306 官方 App 看看。",
			"Order %s is no longer among 12306's unfinished orders; whether it was paid, has expired or was cancelled, 12306 does not say. Please look in the official 12306 app.", o.Number)
	}
	next := ""
	if asks {
		next = s.f("马上问你要不要继续盯。", "You are asked in a moment whether to look again.")
	}
	n.Text = lines(what, s.trip(o), next)
	return n
}

// failed tells why an attempt ended without a seat, and what happens next.
func (s speaker) failed(rule string, t *Trip, why, next string) News {
	n := News{Kind: NewsFailed, Rule: rule, Title: s.f("没能下单", "Could not book"), Text: lines(why, next)}
	if t != nil {
		n.Title = s.f("没抢到 %s %s %s", "Not booked: %s %s, %s", t.Train, s.short(t.Date), seatText(s.lang, t.Seat))
		n.Text = lines(n.Text, s.f("%s %s → %s %s", "%s %s to %s %s", t.From, t.Depart, t.To, t.Arrive))
	}
	return n
}

func (s speaker) cannotWrite() string {
	return s.f("状态目录写不进去（磁盘满了？），所以不下单，只盯票。腾出地方就会再试。", "The state folder cannot be written (is the disk full?), so nothing is ordered, only watched. It tries again once there is room.")
}

// unfit words what the account says against a passenger, and what helps.
func (s speaker) unfit(u *twelve306.Unfit) string {
	switch u.Why {
	case twelve306.NotSaved:
		return s.f("12306 账户里没有乘车人“%s”，现有：%s。", "No passenger called %s is saved in the 12306 account; there are: %s.", u.Name, s.people(u.Saved))
	case twelve306.SavedTwice:
		return s.f("12306 账户里有 %d 位乘车人都叫%s，分不清是哪一位。请在 App 里删到只剩一位。",
			"%d passengers in the 12306 account are called %s, and nobody can tell which one is meant. Please delete all but one in the app.", u.Count, u.Name)
	case twelve306.NotVerified:
		return s.f("%s的身份还没通过 12306 核验，不能买票。请先在 App 里办核验。", "12306 has not verified the identity of %s yet, who cannot buy before. Please see to it in the app.", u.Name)
	case twelve306.NotEntitled:
		return s.f("%s在账户里没有登记为%s，不能买%[2]s票。", "%s is not registered as a %s in the account and cannot have that ticket.", u.Name, s.lang.Pick(u.Ticket.Name(), u.Ticket.English()))
	case twelve306.ChildrenAlone:
		return s.f("儿童不能单独乘车：同一个订单里要有一位成人。", "Children may not travel alone: an adult must be in the same order.")
	default:
		return s.f("12306 一个订单最多 %d 位乘车人，这条规则有 %d 位。", "One order of 12306 takes %d passengers at most, and this rule has %d.", u.Most, u.Count)
	}
}

// said quotes 12306.
func (s speaker) said(words string) string { return s.f("12306 说：%s", "12306 says: %s", words) }

func (s speaker) nextLook() string {
	return s.f("继续盯着，再有票会再试。", "Still watching; it tries again when there are seats.")
}
func (s speaker) nextGone() string {
	return s.f("没等下成单，票就没了。继续盯着，再有票会再试。", "The seats went before it could be ordered. Still watching; it tries again when there are seats.")
}
func (s speaker) nextGoesOn() string {
	return s.f("现在下不了单。票还在就接着试，一样的原因不再说。急的话，请在 12306 官方 App 里下单。",
		"It cannot be ordered for now. It goes on trying while there are seats, and does not tell the same again. If it is urgent, please order in the official 12306 app.")
}

// nextNoneShown is what follows when 12306 speaks of an unfinished order and
// lists none.
func (s speaker) nextNoneShown() string {
	return s.f("可是未完成订单里一张也没有：可能有人在别处用这个账号，或刚在别处下了单。请到 12306 官方 App 看看，有就付款或取消；会接着试，一样的原因不再说。",
		"But its list of unfinished orders is empty: perhaps somebody else uses this account, or has just ordered with it. Please look in the official 12306 app, and pay for or cancel what is there; it goes on trying, and does not tell the same again.")
}
func (s speaker) nextUnpaid() string {
	return s.f("没看到未付款的订单，一分钟后再试。App 里要是有，请付款或取消。", "No unpaid order was found; trying again in a minute. If the app shows one, please pay for it or cancel it.")
}
func (s speaker) nextStopRule(rule string) string {
	return s.f("这条规则不再下单，只通知。改好规则，或在 12306 里办好后发 /resume %s（电脑上：watcherd resume %[1]s），就会再试。",
		"This rule books no more and only tells. It tries again when you have edited it, or settled it with 12306 and sent /resume %s (on the machine: watcherd resume %[1]s).", rule)
}
func (s speaker) nextTomorrow() string {
	return s.f("今天不再下单，只盯票和通知；明天自动再试。", "No more orders today, only watching and telling; tomorrow it tries again by itself.")
}

func (s speaker) blind(since time.Time, why string, now time.Time) News {
	return News{Kind: NewsBlind, Loud: true, Title: s.f("看不到余票了", "Cannot see any trains"),
		Text: lines(s.f("从 %s 起没有一次查询成功。", "No look has worked since %s.", s.clock(since, now)), why,
			s.f("这不等于没票：会放慢些接着试，看得到就告诉你。急的话，请先到 12306 官方 App 看看。",
				"This does not mean sold out. It keeps trying, more slowly, and tells you when it sees again. If it is urgent, please look in the official 12306 app."))}
}

// captured says where the copies of strange answers lie.
func (s speaker) captured() string {
	return s.f("留了一份去掉个人信息的回答：watcherd capture 可以看，报告问题时请附上。",
		"A copy of the answer without personal data is kept: watcherd capture shows it, please add it to a report.")
}

// blindTo tells that one journey of a rule cannot be seen, while others may.
func (s speaker) blindTo(rule string, j twelve306.Journey, why, kept string) News {
	return News{Kind: NewsBlind, Rule: rule, Loud: true,
		Title: s.f("看不到 %s %s→%s 的余票", "Cannot see the trains of %s, %s to %s", s.short(j.Date), j.From.Name, j.To.Name),
		Text: lines(why, s.f("这不等于没票：会接着试，看得到就告诉你。急的话，请先到 12306 官方 App 看看。",
			"This does not mean sold out. It keeps trying and tells you when it sees again. If it is urgent, please look in the official 12306 app."), kept)}
}

// unknownWord tells that a train which a rule wants cannot be judged.
func (s speaker) unknownWord(rule string, j twelve306.Journey, train, word string, more int, kept string) News {
	others := ""
	if more > 0 {
		others = s.f("还有 %s 趟车也是这样。", "It is the same with %s.", s.lang.Count(more, "other train", "other trains"))
	}
	return News{Kind: NewsBlind, Rule: rule, Loud: true,
		Title: s.f("看不懂 %s %s 的余票", "Cannot read the seats of %s on %s", train, s.short(j.Date)),
		Text: lines(s.f("%s→%s，12306 写的是“%s”。", "%s to %s: 12306 wrote %q.", j.From.Name, j.To.Name, word), others,
			s.f("这不等于没票：请到 12306 官方 App 看一眼。别的车照常盯着。", "This does not mean sold out: please look in the official 12306 app. The other trains are watched as before."), kept)}
}

// noTrains ends a blindness with an empty list that has lasted so long that it
// is believed.
func (s speaker) noTrains(j twelve306.Journey, since, now time.Time) News {
	return News{Kind: NewsSeesAgain, Title: s.f("%s %s→%s 没有车", "No trains on %s, %s to %s", s.short(j.Date), j.From.Name, j.To.Name),
		Text: s.f("从 %s 起 12306 一直说一趟车也没有，就当真了。还会接着看，有车就盯。", "12306 has said so since %s, so it is believed now. It keeps looking, in case there are some.", s.clock(since, now))}
}

func (s speaker) seesAgain(since, now time.Time) News {
	return News{Kind: NewsSeesAgain, Title: s.f("又看得到余票了", "Seeing trains again"),
		Text: s.f("中断了 %s，现在照常盯着。", "It was blind for %s; now it watches as before.", s.lang.Remaining(now.Sub(since)))}
}

func (s speaker) blocked(why string) News {
	return News{Kind: NewsBlocked, Loud: true, Title: s.f("12306 让我们慢一点", "12306 wants us to slow down"),
		Text: lines(why, s.f("查询已放慢，会自己慢慢恢复，不用做什么。要是别处也在刷票，请停掉一个。",
			"Looks are slower now and recover by themselves, nothing to do. If another tool looks from this connection, please stop one of them."))}
}

func (s speaker) heldElsewhere(o *HeldOrder, now time.Time) News {
	pay := s.f("请到 12306 官方 App 付款或取消；在那之前 12306 不收新订单，规则只盯票和通知。",
		"Please pay for it or cancel it in the official 12306 app; until then 12306 takes no other, and the rules only watch and tell.")
	if !o.PayBy.IsZero() {
		pay = s.f("请在 %s 前到 12306 官方 App 付款，或取消它；在那之前 12306 不收新订单，规则只盯票和通知。",
			"Please pay for it before %s in the official 12306 app, or cancel it; until then 12306 takes no other, and the rules only watch and tell.", s.clock(o.PayBy, now))
	}
	return News{Kind: NewsHeldElsewhere, Loud: true, Title: s.f("有未付款的订单，暂时不能抢：%s", "Unpaid order in the way: %s", s.inTitle(o)),
		Text: lines(s.f("订单 %s 不是 watcherd 下的，watcherd 不会动它。", "Order %s was not made by watcherd, which leaves it alone.", o.Number), s.trip(o), pay)}
}

func (s speaker) reloaded(what string) News {
	return News{Kind: NewsReloaded, Title: s.f("watch.yaml 已重新读入", "watch.yaml was reloaded"), Text: what}
}

// Bounds of what is told of a reload: it is read on a phone.
const (
	mostNames    = 12
	mostMistakes = 6
)

func (s speaker) reloadRefused(mistakes string) News {
	if all := strings.Split(mistakes, "\n"); len(all) > mostMistakes {
		mistakes = lines(append(all[:mostMistakes], s.f("……还有 %d 处，watcherd check 全部列出。", "... and %d more: watcherd check prints them all.", len(all)-mostMistakes))...)
	}
	return News{Kind: NewsReloadRefused, Loud: true, Title: s.f("watch.yaml 有错，旧规则继续生效", "watch.yaml has mistakes; the old rules go on"),
		Text: lines(mistakes, s.f("改好并保存，就会自动再读。", "Mend it and save it: it is then read again."))}
}

// changes words what a reload did.
func (s speaker) changes(r ruleChanges, settings, restart []string, waits string) string {
	var out []string
	for _, part := range []struct {
		zh, en string
		names  []string
	}{
		{"新增：%s", "added: %s", r.added}, {"修改：%s", "changed: %s", r.changed}, {"删除：%s", "removed: %s", r.removed},
		{"改名，历史照旧：%s", "renamed, with their history: %s", r.renamed},
		{"设置已更新：%s", "settings changed: %s", settings},
	} {
		if len(part.names) > 0 {
			out = append(out, s.f(part.zh, part.en, s.some(part.names, mostNames)))
		}
	}
	if len(out) == 0 {
		out = append(out, s.f("规则没有变化。", "The rules are the same."))
	}
	if waits != "" {
		out = append(out, s.f("%s 还没有了结，账号等它付款、取消或过期后再换。", "Another account waits until %s is paid, cancelled or expired.", waits))
	}
	if len(restart) > 0 {
		out = append(out, s.f("重启 watcherd 才生效：%s", "after a restart of watcherd: %s", s.people(restart)))
	}
	return strings.Join(out, "\n")
}
