package railsim

import (
	"strings"
	"testing"
	"time"
)

// TestRefusals brings about every refusal of 12306 that has a natural cause.
// None of them is the client's fault, so none is a violation.
func TestRefusals(t *testing.T) {
	logged := func(b *browser) { b.sell(); b.login() }
	looked := func(b *browser) { logged(b); b.look() }
	opened := func(b *browser) { looked(b); b.submit(); b.openOrder() }
	prepared := func(b *browser) { logged(b); b.prepare() }
	queued := func(b *browser) { prepared(b); b.confirm() }
	held := func(b *browser) { queued(b); b.wait() }
	submit := func(b *browser) answer {
		b.form("/otn/login/checkUser", "_json_att=")
		return b.form("/otn/leftTicket/submitOrderRequest", b.submitBody())
	}
	checkUser := func(b *browser) answer { return b.form("/otn/login/checkUser", "_json_att=") }
	initDc := func(b *browser) answer { return b.do("POST", "/otn/confirmPassenger/initDc", "_json_att=", false) }
	open := func(b *browser) answer {
		b.visit("/otn/queryOrder/initNoComplete?_json_att=")
		return b.form("/otn/queryOrder/queryMyOrderNoComplete", "_json_att=")
	}
	solve := func(b *browser) {
		b.form("/passport/captcha/captcha-check", "answer="+b.site.AnswerOf(b.picture())+"&login_site=E&rand=sjrand")
	}
	plan := func(q Queue) func(*browser) { return func(b *browser) { b.site.PlanQueue(q); queued(b) } }
	rival := func(left int) func(*browser) {
		return func(b *browser) { prepared(b); b.site.Sell(day, "G1110", "O", left); b.site.Sell(day, "G1110", "W", 0) }
	}
	kill := func(f func(*browser)) func(*browser) { return func(b *browser) { f(b); b.site.KillSessions() } }

	for name, c := range map[string]struct {
		before func(*browser)
		do     func(*browser) answer
		want   string // in the body or the Location
	}{
		"letter":           {func(b *browser) { b.sell(); b.openQuery(); b.site.SetLetter("X") }, (*browser).query, `{"c_name":"CLeftTicketUrl","c_url":"leftTicket/queryX","status":false}`},
		"no session query": {kill(func(b *browser) { b.sell(); b.openQuery() }), (*browser).query, "error.html"},
		"late date": {func(b *browser) { b.sell(); b.openQuery() }, func(b *browser) answer {
			return b.do("GET", "/otn/leftTicket/query"+b.letter+"?leftTicketDTO.train_date=2000-03-01&leftTicketDTO.from_station=IZQ&leftTicketDTO.to_station=WHN&purpose_codes=ADULT", "", true)
		}, "error.html"},
		"no such user":   {func(b *browser) { b.openLogin(); solve(b) }, func(b *browser) answer { return b.form("/passport/web/login", "username=nobody&password=x&appid=otn") }, "登录名不存在"},
		"wrong password": {func(b *browser) { b.openLogin(); solve(b) }, func(b *browser) answer { return b.password("wrong") }, "密码输入错误"},
		"locked": {func(b *browser) {
			b.openLogin()
			for range 5 {
				time.Sleep(time.Minute)
				solve(b)
				b.password("wrong")
			}
			solve(b)
		}, func(b *browser) answer { return b.password("secret12306") }, "锁定"},
		"old picture": {func(b *browser) { b.openLogin(); b.picture(); time.Sleep(6 * time.Minute) }, func(b *browser) answer {
			return b.form("/passport/captcha/captcha-check", "answer=38,44&login_site=E&rand=sjrand")
		}, `"result_code":"7"`},
		"wrong answer": {func(b *browser) { b.openLogin(); b.picture() }, func(b *browser) answer {
			return b.form("/passport/captcha/captcha-check", "answer=1,1&login_site=E&rand=sjrand")
		}, `"result_code":"5"`},
		"throttled": {func(b *browser) {
			b.openLogin()
			for range throttleCount {
				b.picture()
			}
		}, func(b *browser) answer { return answer{status: 200, body: string(b.picture())} }, string(throttlePicture())},
		"checkUser":     {kill(logged), checkUser, `"flag":false`},
		"ticket killed": {func(b *browser) { logged(b); b.site.KillTickets() }, checkUser, `"flag":false`},
		"idle":          {func(b *browser) { logged(b); time.Sleep(31 * time.Minute) }, checkUser, `"flag":false`},
		"submit out":    {kill(looked), submit, "用户未登录"},
		"stale":         {func(b *browser) { looked(b); time.Sleep(6 * time.Minute) }, submit, "车票信息已过期"},
		"made stale":    {func(b *browser) { looked(b); b.site.ExpireSecrets() }, submit, "车票信息已过期"},
		"suspended":     {func(b *browser) { looked(b); b.site.SetNote(day, "G1110", "列车停运") }, submit, "暂停发售"},
		"pending":       {func(b *browser) { held(b); b.page = ""; b.look() }, submit, `<a href=\"../queryOrder/initNoComplete\">[未完成订单]</a>`},
		"planted": {func(b *browser) {
			b.site.PlantOrder("zhangsan", day, Train{Code: "G1", From: "BJP", To: "SHH", Depart: "09:00", Arrive: "13:00"}, "O", "张三")
			looked(b)
		}, submit, "未处理的订单"},
		"page out":       {kill(func(b *browser) { looked(b); b.submit() }), initDc, "/otn/passport?redirect=/otn/confirmPassenger/initDc"},
		"passengers out": {kill(opened), func(b *browser) answer { return b.form("/otn/confirmPassenger/getPassengerDTOs", "_json_att=") }, `"noLogin":"true"`},
		"cancels":        {func(b *browser) { opened(b); b.site.SetCancels("zhangsan", 3) }, (*browser).check, "由于您取消次数过多，今日将不能继续受理您的订票请求。1月2日您可继续使用订票功能。"},
		"cancelled thrice": {func(b *browser) {
			logged(b)
			for range 3 {
				o := b.site.PlantOrder("zhangsan", day, Train{Code: "G1", From: "BJP", To: "SHH", Depart: "09:00", Arrive: "13:00"}, "O", "张三")
				if err := b.site.CancelOrder(o.Number); err != nil {
					b.t.Fatal(err)
				}
			}
			b.look()
			b.submit()
			b.openOrder()
		}, (*browser).check, "取消次数过多"},
		"no such seat": {opened, func(b *browser) answer {
			return b.form("/otn/confirmPassenger/checkOrderInfo", strings.Replace(b.checkBody(), "Str=O%2C", "Str=4%2C", 1))
		}, "非法的席别，请重新选择！"},
		"seats gone": {opened, func(b *browser) answer {
			return b.form("/otn/confirmPassenger/checkOrderInfo", strings.Replace(b.checkBody(), "Str=O%2C", "Str=9%2C", 1))
		}, "您选择了1位乘车人，但本次列车商务座仅剩0张。"},
		"taken before confirm": {rival(0), (*browser).confirm, "没有足够的票!"},
		"taken in the queue": {func(b *browser) {
			queued(b)
			b.site.Sell(day, "G1110", "O", 0)
			b.site.Sell(day, "G1110", "W", 0)
			b.wait()
		}, laterPoll, "没有足够的票!"},
		"failed":    {plan(Queue{Fail: -2, Msg: "很抱歉！当前提交订单用户过多"}), (*browser).poll, "当前提交订单用户过多"},
		"withdrawn": {plan(Queue{Fail: -3}), (*browser).poll, `"waitTime":-3`},
		"refused":   {func(b *browser) { b.site.PlanQueue(Queue{Refuse: "网络繁忙"}); prepared(b) }, (*browser).confirm, "网络繁忙"},
		"clash": {func(b *browser) {
			logged(b)
			o := b.site.PlantOrder("zhangsan", day, Train{Code: "G9", From: "IZQ", To: "WHN", Depart: "09:00", Arrive: "13:00"}, "O", "张三")
			b.site.PayOrder(o.Number)
			b.prepare()
			b.confirm()
			b.wait()
		}, laterPoll, "张三(中国居民身份证-110101199001010014)存在与本次购票行程冲突的车票!!"},
		"cache":  {func(b *browser) { b.site.PlanQueue(Queue{Lasts: time.Minute}); queued(b) }, open, `"to_page":"cache"`},
		"status": {func(b *browser) { plan(Queue{Fail: -2})(b); b.wait() }, open, `"status":9`},
		"db":     {held, open, `"to_page":"db"`},
		"night": {func(b *browser) { b.site.opts.Night = "00:00-09:00"; b.sell(); b.openQuery() },
			(*browser).query, "null|00:00-09:00系统维护时间|"},
		"not on sale": {func(b *browser) { b.sell(); b.site.SetNote(day, "G1110", "1月3日<br/>8点起售"); b.openQuery() },
			(*browser).query, `"|1月3日<br/>8点起售|6c000G11100C|G1110|`},
		"sold out": {func(b *browser) {
			b.sell()
			for _, c := range []string{"9", "M", "O", "W"} {
				b.site.Sell(day, "G1110", c, 0)
			}
			b.openQuery()
		}, (*browser).query, "|04:00|N|"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Options{Calm: true}, func(b *browser) {
				c.before(b)
				a := c.do(b)
				if !strings.Contains(a.body+a.header.Get("Location"), c.want) {
					t.Errorf("answered %d %.300s %s, want %s in it", a.status, a.body, a.header.Get("Location"), c.want)
				}
				b.clean()
			})
		})
	}
}

func laterPoll(b *browser) answer { time.Sleep(5 * time.Second); return b.poll() }

// TestQueueTooLong has two people ask for the last seat.
func TestQueueTooLong(t *testing.T) {
	lisi := DefaultAccount()
	lisi.Username = "lisi"
	inBubble(t, Options{Calm: true, Accounts: []Account{DefaultAccount(), lisi}}, func(b *browser) {
		b.sell()
		b.site.Sell(day, "G1110", "O", 1)
		b.site.Sell(day, "G1110", "W", 0)
		b.site.PlanQueue(Queue{Lasts: time.Minute})
		b.login()
		b.prepare()
		other := newBrowser(t, b.site)
		other.openLogin()
		other.form("/passport/captcha/captcha-check", "answer="+b.site.AnswerOf(other.picture())+"&login_site=E&rand=sjrand")
		other.form("/passport/web/login", "username=lisi&password=secret12306&appid=otn")
		other.enter()
		other.prepare()
		b.want(b.confirm().json(t, "data", "submitStatus"), true)
		a := other.form("/otn/confirmPassenger/getQueueCount", other.countBody())
		b.want(a.json(t, "data", "op_2"), "true")
		b.want(a.json(t, "data", "countT"), "1")
		b.want(other.confirm().json(t, "data", "errMsg"), "排队人数现已超过余票数，请您选择其他席别或车次。")
		b.wait()
		b.want(b.site.Left(day, "G1110", "O"), 0)
		b.clean()
	})
}

// TestQueueEnds covers the ends of a queue that say nothing.
func TestQueueEnds(t *testing.T) {
	inBubble(t, Options{Calm: true}, func(b *browser) {
		b.sell()
		b.login()
		b.prepare()
		b.site.PlanQueue(Queue{Waits: []int{4}, Empty: true})
		b.confirm()
		b.poll()
		a := laterPoll(b)
		b.want(a.status, 200)
		b.want(a.body, "")
		b.want(b.site.Orders("zhangsan")[0].State, Failed)
		b.visit("/otn/queryOrder/initNoComplete?_json_att=")
		b.want(b.form("/otn/queryOrder/queryMyOrderNoComplete", "_json_att=").json(t, "data"), nil)

		b.prepare()
		b.site.PlanQueue(Queue{Lasts: time.Hour})
		b.confirm()
		b.visit("/otn/queryOrder/initNoComplete?_json_att=")
		b.want(b.form("/otn/queryOrder/initNoCompleteQueueApi", "").json(t, "data", "current_page"), "wait")
		b.want(b.form("/otn/queryOrder/cancelQueueNoCompleteMyOrder", "tourFlag=dc").json(t, "data", "existError"), "N")
		b.want(b.site.Orders("zhangsan")[1].State, Cancelled)
		b.want(b.site.Cancels(), 1)
		b.clean()
	})
}

// TestNoGuard: without 12306's own protection a second order goes through,
// and is a violation all the same.
func TestNoGuard(t *testing.T) {
	inBubble(t, Options{Calm: true, NoGuard: true}, func(b *browser) {
		b.sell()
		b.login()
		b.prepare()
		b.confirm()
		b.wait()
		b.clean()
		b.prepare()
		b.want(b.confirm().json(t, "data", "submitStatus"), true)
		b.want(len(b.site.Orders("zhangsan")), 2)
		b.want(len(b.site.Violations()), 1)
		b.want(b.site.Confirms()[1].Acted, true)
	})
}

// TestPresent covers what only the present has.
func TestPresent(t *testing.T) {
	present := Options{Era: Present, Calm: true}
	verify := func(b *browser) {
		b.openLogin()
		b.form("/passport/web/checkLoginVerify", "username=zhangsan&appid=otn")
	}
	sms := func(b *browser, tail string) answer {
		return b.form("/passport/web/getMessageCode", "appid=otn&username=zhangsan&castNum="+tail)
	}
	for name, c := range map[string]struct {
		do        func(*browser) answer
		want      string
		violation string
	}{
		"last four":   {func(b *browser) answer { verify(b); return sms(b, "9999") }, `"result_code":11`, ""},
		"three chars": {func(b *browser) answer { verify(b); return sms(b, "999") }, `"result_code":6`, "3 characters"},
		"too soon":    {func(b *browser) answer { verify(b); sms(b, "0014"); return sms(b, "0014") }, "过于频繁", "second code"},
		"unverified":  {func(b *browser) answer { b.openLogin(); return sms(b, "0014") }, `"result_code":6`, "without checkLoginVerify"},
		"wrong code":  {func(b *browser) answer { verify(b); sms(b, "0014"); return b.sms("x") }, "短信验证码有误", ""},
		"old code": {func(b *browser) answer {
			verify(b)
			sms(b, "0014")
			time.Sleep(6 * time.Minute)
			return b.sms(b.site.SMSCode("zhangsan"))
		}, "短信验证码有误", ""},
		"clear password": {func(b *browser) answer { verify(b); return b.password("secret12306") }, "用户名或密码错误", "not @"},
		"masked, no allEncStr": {func(b *browser) answer {
			b.sell()
			b.login()
			b.look()
			b.submit()
			b.openOrder()
			body := b.checkBody()
			i, j := strings.Index(body, "%2CN%2C"), strings.Index(body, "&oldPassengerStr")
			return b.form("/otn/confirmPassenger/checkOrderInfo", body[:i]+"%2CN"+body[j:])
		}, "非法请求", "8 fields"},
		"idle": {func(b *browser) answer {
			b.login()
			time.Sleep(11 * time.Minute)
			return b.form("/otn/login/checkUser", "_json_att=")
		}, `"flag":false`, ""},
		"classic captcha": {func(b *browser) answer { b.openLogin(); return b.password("%40") }, "用户名或密码错误", "not @"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, present, func(b *browser) {
				a := c.do(b)
				if !strings.Contains(a.body, c.want) {
					t.Errorf("answered %.300s, want %s in it", a.body, c.want)
				}
				if c.violation == "" {
					b.clean()
				} else if v := b.site.Violations(); len(v) == 0 || !strings.Contains(v[0].Text, c.violation) {
					t.Errorf("violations %v, want %q", v, c.violation)
				}
			})
		})
	}
}

// TestSealVectors holds the password's encryption to published vectors.
func TestSealVectors(t *testing.T) {
	for plain, sealed := range map[string]string{
		"TestPassword123!": "@NjQc0TZhH8uX3oz7y3tDIz3TFq/xcowVYjwPOcgTuic=",
		"1234567890abcdef": "@CVPRqtdzdC5zVLgdBgwQGz3TFq/xcowVYjwPOcgTuic=",
		"测试密码123":          "@Kl75cikg3jE+jKIcAfqCQA==",
	} {
		if got, ok := openPassword(sealed); !ok || got != plain {
			t.Errorf("openPassword(%s) = %q, %v", sealed, got, ok)
		}
	}
}
