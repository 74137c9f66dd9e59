package web

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// question is what watcherd asks, in the words of pkg/watcher.
func (p *phone) question(kind notifier.Kind, deadline time.Duration) notifier.Prompt {
	l := p.lang
	q := prompt(p, kind)
	q.Lang, q.Deadline = l, time.Now().Add(deadline)
	rule := l.Pick("规则：回家", "Rule: 回家")
	switch kind {
	case notifier.Picture:
		q.Title = l.Pick("请选图：下单 G1110 2月3日 广州南→武汉 二等座", "Captcha: book G1110 3 Feb 广州南 to 武汉, second class")
		q.Text = l.Pick("请选出所有和图上文字相符的图片：从左到右、从上到下是 1 到 8。", "Choose all pictures that show what the words above them say; they count 1 to 8 in reading order.") + "\n" + rule
		q.How = l.Pick("用编号回答，比如 2 5。", "Answer with their numbers, such as 2 5.")
	case notifier.SMS:
		q.Title = l.Pick("短信验证码：登录 12306", "SMS code: log in to 12306")
		q.Text = l.Pick("12306 刚给账户的手机发了短信，里面有 6 位数字。", "12306 has just sent a text message with 6 digits to the account's phone.") + "\n" + rule
		q.How = l.Pick("请回复这 6 位数字。", "Reply with the 6 digits.")
	case notifier.QR:
		q.Title = l.Pick("请扫码：登录 12306", "Scan this code: log in to 12306")
		q.Text = l.Pick("用 12306 官方 App 扫这个二维码，再在 App 里点确认。App 就在这部手机上？先存图，再从 App 的相册里选。", "Scan it with the official 12306 app and confirm there. The app is on this very phone? Save the picture, then pick it from the app's album.")
	case notifier.Offer:
		q.Title = l.Pick("要抢吗？G1110 2月3日 广州南→武汉 二等座", "Book it? G1110 3 Feb 广州南 to 武汉, second class")
		q.Text = l.Pick("广州南 09:30 → 武汉 13:30，二等座 3 张\n乘车人：张三、李四\n回复 抢 或 不要。", "广州南 09:30 to 武汉 13:30, second class 3 left\nFor: 张三, 李四\nReply yes or no.") + "\n" + rule
	case notifier.App:
		q.Title = l.Pick("请先办一件事：登录 12306", "To do first: log in to 12306")
		q.Text = l.Pick("请在十分钟内打开 12306 官方 App，确认这次登录。\n办好后回复 好了，马上再登录。", "Open the official 12306 app within ten minutes and confirm this login.\nThen reply done, and the login is tried again at once.")
	}
	return q
}

// TestBrowser opens every page of a question on the screen of a phone, taps and
// types what a person would, and looks at what comes of it.
func TestBrowser(t *testing.T) {
	onPhone(t, func(p *phone) {
		l := p.lang

		// A picture, nothing chosen, a slip of the finger, an answer that is
		// wrong, the next picture, another one, and the old link.
		first := p.question(notifier.Picture, 170*time.Second)
		link, replies := ask(p.T, p.s, first)
		if status := p.open(link); status != 200 {
			p.Fatal(status)
		}
		p.looks("question", first.Title, strings.Split(first.Text, "\n")[0], l.Submit(), l.Another(), l.Cancel())
		if status := p.press("button[value=submit]"); status != 422 {
			p.Errorf("nothing was chosen: HTTP %d", status)
		}
		p.looks("nothing-chosen", l.Pick("还没有选", "Nothing is chosen"))
		p.open(link)
		for _, n := range []int{1, 5, 7, 6} {
			p.tap(fmt.Sprintf("label[for=c%d]", n))
		}
		p.tap("label[for=c7]")
		if n := p.count(":checked"); n != 3 {
			p.Errorf("%d tiles are chosen", n)
		}
		p.looks("chosen")
		if status := p.press("button[value=submit]"); status != 200 {
			p.Errorf("submit: HTTP %d", status)
		}
		p.looks("answered", l.Thanks(), "1 5 6")
		if r := <-replies; fmt.Sprint(r.Picks) != "[1 5 6]" {
			p.Errorf("%+v", r)
		}
		second := p.question(notifier.Picture, 150*time.Second)
		second.Replaces, second.Wrong = first.ID, true
		second.Text = l.Pick("上次答错了，没关系，再来一张。\n", "That was wrong, never mind: here is another one.\n") + second.Text
		newest, replies := ask(p.T, p.s, second)
		if p.first {
			p.waits(".again", strings.Split(second.Text, "\n")[0]) // by itself
		} else {
			p.open(link)
		}
		if at := evaluate[string](p, "location.href"); at != newest {
			p.Errorf("the page is at %s, want %s", at, newest)
		}
		p.looks("wrong", second.Title)
		if status := p.press("button[value=another]"); status != 200 {
			p.Errorf("another: HTTP %d", status)
		}
		p.looks("another", l.NewOneComes())
		<-replies
		third := p.question(notifier.Picture, time.Minute)
		third.Replaces, third.Image = second.ID, nil
		_, replies = ask(p.T, p.s, third)
		p.do(chromedp.WaitVisible(chromedp.CSS(".loose"))) // by itself
		p.looks("no-picture")
		p.do(chromedp.SendKeys(chromedp.ID("answer"), "2 5"))
		p.press("button[value=submit]")
		p.looks("typed", "2 5")
		<-replies
		p.ends()

		sms := p.question(notifier.SMS, 170*time.Second)
		link, replies = ask(p.T, p.s, sms)
		p.open(link)
		p.looks("sms", sms.Title)
		if p.count("input[inputmode=numeric][autocomplete=one-time-code]") != 1 {
			p.Error("a phone would not offer the code of the message")
		}
		p.do(chromedp.SendKeys(chromedp.ID("answer"), "12345"))
		if status := p.press("button[value=submit]"); status != 422 {
			p.Errorf("five digits: HTTP %d", status)
		}
		p.looks("sms-short", sms.Accepted())
		p.do(chromedp.SendKeys(chromedp.ID("answer"), "123456\r"))
		p.waits(".outcome", l.Thanks())
		p.looks("sms-answered")
		if r := <-replies; r.Code != "123456" {
			p.Errorf("%+v", r)
		}

		qr := p.question(notifier.QR, 100*time.Second)
		link, _ = ask(p.T, p.s, qr)
		p.open(link)
		p.looks("qr", qr.Title)
		if p.count(`a[download="12306-qr.png"][href$="/picture"]`) != 1 {
			p.Error("the code cannot be saved")
		}
		if p.first {
			p.s.mu.Lock()
			p.s.byID[qr.ID].close(l.Pick("已扫码，请在 12306 App 里点确认登录。", "Scanned. Now confirm the login in the 12306 app."))
			p.s.mu.Unlock()
			p.waits(".outcome", "12306") // by itself
			p.looks("qr-scanned")
		}

		offer := p.question(notifier.Offer, 170*time.Second)
		link, replies = ask(p.T, p.s, offer)
		p.open(link)
		p.looks("offer", offer.Title, l.Book(), l.Skip())
		p.press("button[value=yes]")
		p.looks("offer-answered", l.Thanks())
		if r := <-replies; !r.Yes {
			p.Errorf("%+v", r)
		}

		app := p.question(notifier.App, 10*time.Minute)
		link, replies = ask(p.T, p.s, app)
		p.open(link)
		p.looks("app", l.Done())
		p.press("button[value=done]")
		<-replies
	})
}

// ends looks at the other ways in which a question ends.
func (p *phone) ends() {
	l := p.lang
	q := p.question(notifier.Picture, time.Minute)
	link, replies := ask(p.T, p.s, q)
	p.open(link)
	p.press("button[value=cancel]")
	p.looks("cancelled", l.GivenUp())
	<-replies

	q = p.question(notifier.Picture, time.Minute)
	link, _ = ask(p.T, p.s, q)
	p.open(link)
	p.tap("label[for=c2]")
	p.s.mu.Lock()
	p.s.byID[q.ID].close(l.AnsweredBy("@xiaoming", "telegram"))
	p.s.mu.Unlock()
	if status := p.press("button[value=submit]"); status != 410 {
		p.Errorf("an answer after the end: HTTP %d", status)
	}
	p.looks("late", l.Late(), "@xiaoming")
	p.open(link)
	p.looks("elsewhere", "@xiaoming")

	q = p.question(notifier.Picture, time.Second)
	link, _ = ask(p.T, p.s, q)
	if !p.first {
		p.s.mu.Lock()
		p.s.byID[q.ID].close(l.Expired())
		p.s.mu.Unlock()
	}
	p.open(link)
	p.waits(".outcome", l.Expired()) // by itself
	p.looks("expired", l.Expired())

	if status := p.open(p.s.base + "/q/" + notifier.NewID()); status != 404 {
		p.Errorf("a link that is none: HTTP %d", status)
	}
}

// board is the status of a busy evening.
func (p *phone) board(prompt string) notifier.Board {
	l := p.lang
	return notifier.Board{Lang: l, Title: l.Pick("等你回答", "It waits for your answer"), Tone: notifier.Urgent, At: l.Pick("21:37:15 的情况", "as of 21:37:15"), Sections: []notifier.Section{
		{Title: l.Pick("等你回答", "Waiting for your answer"), Rows: []notifier.Row{{
			Title: l.Pick("请选图：下单 G1110 2月3日 广州南→武汉 二等座", "Captcha: book G1110 3 Feb 广州南 to 武汉, second class"), State: l.Pick("还有 2 分 50 秒", "2 min 50 s left"), Tone: notifier.Urgent,
			Do: l.Pick("21:40:05 前回答有效", "An answer counts until 21:40:05"), Prompt: prompt}}},
		{Title: l.Pick("订单", "Orders"), Rows: []notifier.Row{{
			Title: l.Pick("G1110 2月3日 广州南→武汉", "G1110 3 Feb 广州南 to 武汉"), State: l.Pick("待付款", "not paid yet"), Tone: notifier.Urgent,
			Do: l.Pick("21:55 前到 12306 App 付款", "Pay before 21:55 in the 12306 app"), Lines: []string{l.Pick("订单 EA12345678，共 927 元", "Order EA12345678, 927 yuan in all"), l.Pick("张三、李四", "张三, 李四")}}}},
		{Title: l.Pick("规则", "Rules"), Rows: []notifier.Row{
			{Title: l.Pick("回家", "going-home"), State: l.Pick("在盯", "looking"), Tone: notifier.Good, Lines: []string{
				l.Pick("2月3日、2月4日  广州南→武汉", "3 Feb, 4 Feb  广州南 to 武汉"), l.Pick("21:37:12 看过，21:37:17 再看", "looked at 21:37:12, next at 21:37:17"), l.Pick("231 趟车，没有合适的票", "231 trains, no seat that fits")}},
			{Title: "a-rule-with-a-name-that-somebody-made-much-too-long-for-any-phone", State: l.Pick("只通知，不下单", "tells, books no more"), Tone: notifier.Urgent, Lines: []string{l.Pick("21:37:12 看过", "looked at 21:37:12")}},
			{Title: l.Pick("返程", "back"), State: l.Pick("已暂停", "paused")}}},
		{Title: "12306", Rows: []notifier.Row{
			{Title: l.Pick("余票", "Trains"), State: l.Pick("看不到", "not seen"), Tone: notifier.Bad, Lines: []string{l.Pick("从 21:36:40 起没有一次查询成功，会接着试", "No look has worked since 21:36:40; it keeps trying")}},
			{Title: l.Pick("登录", "Session"), State: l.Pick("已登录", "logged in"), Tone: notifier.Good, Lines: []string{l.Pick("从 08:02 起", "since 08:02")}},
			{Title: l.Pick("请求", "Requests"), State: "43 / 80", Lines: []string{l.Pick("最近 5 分钟 43 次，最多 80 次；两次查询至少隔 3 秒", "43 in the last 5 minutes, 80 at most; at least 3 s between queries")}}}},
	}}
}

// TestBrowserStatus walks from the status page to a question, and stops the
// reminders of an order.
func TestBrowserStatus(t *testing.T) {
	onPhone(t, func(p *phone) {
		l := p.lang
		q := p.question(notifier.Picture, 170*time.Second)
		link, _ := ask(p.T, p.s, q)
		on := true
		p.s.Show(Source{Key: []byte("0123456789abcdef"), Board: func() notifier.Board { return p.board(q.ID) },
			Repeat: func(string) notifier.Repeat {
				return notifier.Repeat{Lang: l, On: on, Title: l.Pick("G1110 2月3日 广州南→武汉", "G1110 3 Feb 广州南 to 武汉"),
					Text: l.Pick("待付款，21:55 前到 12306 App 付款（订单 EA12345678）\n付款之前会一直提醒。知道了就点下面，不再提醒；款还是要付。", "not paid yet, pay before 21:55 in the 12306 app (order EA12345678)\nYou are reminded until it is paid. Tap below when you know; it must be paid all the same.")}
			}})
		if status := p.open(p.s.StatusLink()); status != 200 {
			p.Fatal(status)
		}
		p.looks("status", "EA12345678", "231", "43")
		if n := p.count("meta[http-equiv=refresh][content^='15;']"); n != 1 {
			p.Error("it does not refresh by itself")
		}
		p.do(chromedp.ScrollIntoView(chromedp.CSS("section:last-of-type .card:last-child")))
		p.looks("status-end")
		p.open(p.s.StatusLink()) // it was about to refresh itself
		p.press(".card .button")
		if at := evaluate[string](p, "location.href"); at != link {
			p.Errorf("the button leads to %s, want %s", at, link)
		}

		p.open(p.s.SeenLink("00ff00ff00ff00ff"))
		p.looks("seen", l.Known())
		if len(p.s.seen) != 0 {
			p.Error("looking stops the reminders")
		}
		p.press("button")
		p.looks("seen-stopped", l.Quiet())
		if id, _, err := p.s.Seen(p.ctx); id != "00ff00ff00ff00ff" || err != nil {
			p.Errorf("seen: %q %v", id, err)
		}
		on = false
		p.open(p.s.SeenLink("00ff00ff00ff00ff"))
		p.looks("seen-before", "EA12345678")
		if n := p.count("button"); n != 0 {
			p.Errorf("%d buttons on a page with nothing to stop", n)
		}
	})
}
