package watcher

import "time"

// Obstacles says why nothing is booked, or not by some rules: a line each, with
// what helps.
func (w *Watcher) Obstacles() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.opt.Account == nil {
		return []string{w.say.noAccount()}
	}
	return w.obstacles(time.Now())
}

// obstacles is Obstacles with an account. Callers hold w.mu.
func (w *Watcher) obstacles(now time.Time) []string {
	if w.opt.Account == nil {
		return nil
	}
	var out []string
	in, _ := w.client.LoggedIn()
	h := w.hindered
	switch {
	case h.refused:
		out = append(out, w.say.passwordRefused())
	case !in && h.login.After(now):
		out = append(out, w.say.loginLater(h.login, now))
	}
	if h.tomorrow.After(now) {
		out = append(out, w.say.notToday(h.tomorrow, now))
	}
	if h.foreign != "" {
		out = append(out, w.say.foreignOrder(h.foreign))
	}
	rules := 0
	for _, r := range w.rules {
		why := r.stopped
		if why == "" {
			why = r.unfit
		}
		if why == "" || !r.Action.Orders() || !r.Enabled {
			continue
		}
		if rules++; rules <= mostRules {
			out = append(out, w.say.ruleStopped(r.Name, why))
		}
	}
	if more := rules - mostRules; more > 0 {
		out = append(out, w.say.f("……还有 %d 条", "... and %d more", more))
	}
	return out
}

func (s speaker) noAccount() string {
	return s.f("没有账号，只看不订：要订就在 watch.yaml 里写 twelve306 的 username 和 password_file，规则里写 passengers。",
		"There is no account, so it only watches: to book, write twelve306.username and password_file in watch.yaml, and passengers in the rules.")
}

func (s speaker) passwordRefused() string {
	return s.f("12306 没有接受密码，所以不登录、不下单：改好 watch.yaml 里的用户名和密码就会再试。",
		"12306 refused the password, so nobody logs in and nothing is booked: mend username and password in watch.yaml and it tries again.")
}

func (s speaker) loginLater(at, now time.Time) string {
	return s.f("还没有登录上，%s 再试，有票时马上再试。", "The login has not worked; it is tried again at %s, and at once when seats appear.", s.clock(at, now))
}

func (s speaker) notToday(until, now time.Time) string {
	return s.f("12306 今天不收这个账号的新订单，%s 起再下单；在那之前只通知。", "12306 takes no more orders of this account today; it books again from %s on and only tells until then.", s.clock(until, now))
}

func (s speaker) foreignOrder(number string) string {
	if number == "?" {
		return s.f("账号里有一单不是 watcherd 下的，正在排队；等它有了结果再下单。", "An order that watcherd did not make stands in the queue; booking waits for what becomes of it.")
	}
	return s.f("订单 %s 不是 watcherd 下的，还没付款：到 12306 App 里付款或取消，之后才能下单。",
		"Order %s was not made by watcherd and is not paid: pay for it or cancel it in the 12306 app; booking goes on after that.", number)
}

// ruleStopped ends with what helps; why is a sentence, or several.
func (s speaker) ruleStopped(rule, why string) string {
	return s.f("“%s”订不了：%s", "%s cannot book: %s", rule, why) + s.f(" 办好后：watcherd resume %s", " Once that is settled: watcherd resume %s", rule)
}
