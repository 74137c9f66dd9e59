package railsim

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestViolations does everything that 12306 refuses or that no client may do,
// each once, and expects the simulator to notice it and to refuse.
func TestViolations(t *testing.T) {
	prepared := func(b *browser) { b.sell(); b.login(); b.prepare() }
	opened := func(b *browser) { b.sell(); b.login(); b.look(); b.submit(); b.openOrder() }
	looked := func(b *browser) { b.sell(); b.login(); b.look() }
	anonymous := func(b *browser) { b.sell(); b.openQuery() }
	loginPage := func(b *browser) { b.openLogin() }
	queue := func(b *browser) { prepared(b); b.confirm() }

	edit := func(body, old, new string) string {
		out := strings.Replace(body, old, new, 1)
		if out == body {
			panic("nothing to edit: " + old + " in " + body)
		}
		return out
	}
	submit := func(old, new string) func(*browser) answer {
		return func(b *browser) answer {
			b.form("/otn/login/checkUser", "_json_att=")
			return b.form("/otn/leftTicket/submitOrderRequest", edit(b.submitBody(), old, new))
		}
	}
	check := func(old, new string) func(*browser) answer {
		return func(b *browser) answer {
			return b.form("/otn/confirmPassenger/checkOrderInfo", edit(b.checkBody(), old, new))
		}
	}
	count := func(old, new string) func(*browser) answer {
		return func(b *browser) answer {
			return b.form("/otn/confirmPassenger/getQueueCount", edit(b.countBody(), old, new))
		}
	}
	confirm := func(old, new string) func(*browser) answer {
		return func(b *browser) answer {
			return b.form("/otn/confirmPassenger/confirmSingleForQueue", edit(b.confirmBody(), old, new))
		}
	}
	query := func(tail string) func(*browser) answer {
		return func(b *browser) answer { return b.do("GET", "/otn/leftTicket/query"+b.letter+"?"+tail, "", true) }
	}
	header := func(k, v string, f func(*browser) answer) func(*browser) answer {
		return func(b *browser) answer { b.header[k] = v; return f(b) }
	}
	theQuery := func(b *browser) answer { return b.query() }
	captcha := func(body string) func(*browser) answer {
		return func(b *browser) answer { return b.form("/passport/captcha/captcha-check", body) }
	}
	const good = "leftTicketDTO.train_date=" + day + "&leftTicketDTO.from_station=IZQ&leftTicketDTO.to_station=WHN&purpose_codes=ADULT"
	const wrongAnswer = "answer=1,1&login_site=E&rand=sjrand"

	for name, c := range map[string]struct {
		before func(*browser)
		do     func(*browser) answer
		want   string // in a violation
		status int    // of the answer; 0 is 200
		body   string // in the answer
	}{
		"no user agent":    {anonymous, header("User-Agent", "", theQuery), "User-Agent", 302, ""},
		"no referer":       {anonymous, header("Referer", "", theQuery), "no Referer", 302, ""},
		"foreign referer":  {anonymous, header("Referer", "https://www.12306.cn/otn/leftTicket/init", theQuery), "another host", 302, ""},
		"no cookies":       {anonymous, func(b *browser) answer { b.http.Jar = nil; return b.query() }, "missing cookie JSESSIONID", 302, ""},
		"no such page":     {anonymous, func(b *browser) answer { return b.visit("/otn/nowhere") }, "no such page", 404, ""},
		"method":           {looked, func(b *browser) answer { return b.do("GET", "/otn/login/checkUser", "", true) }, "method", 405, ""},
		"error page":       {anonymous, func(b *browser) answer { return b.visit("/mormhweb/logFiles/error.html") }, "followed", 0, "网络可能存在问题"},
		"query order":      {anonymous, query("leftTicketDTO.from_station=IZQ&leftTicketDTO.train_date=" + day + "&leftTicketDTO.to_station=WHN&purpose_codes=ADULT"), "another order", 302, ""},
		"query twice":      {anonymous, query(good + "&purpose_codes=0X00"), "twice, with two values", 302, ""},
		"query missing":    {anonymous, query("leftTicketDTO.train_date=" + day), "missing", 302, ""},
		"unpadded date":    {anonymous, query(strings.Replace(good, "01-05", "1-5", 1)), "train_date", 302, ""},
		"past date":        {anonymous, query(strings.Replace(good, day, "1999-12-31", 1)), "past", 302, ""},
		"station name":     {anonymous, query(strings.Replace(good, "IZQ", "广州南", 1)), "no telecode", 302, ""},
		"purpose":          {anonymous, query(strings.Replace(good, "ADULT", "00", 1)), "purpose_codes", 302, ""},
		"json att":         {looked, func(b *browser) answer { return b.form("/otn/login/checkUser", "_json_att=1") }, "_json_att", 0, "非法请求"},
		"answer no image":  {func(b *browser) { loginPage(b) }, captcha(wrongAnswer), "without a picture", 0, `"7"`},
		"answer empty":     {func(b *browser) { loginPage(b); b.picture() }, captcha("answer=&login_site=E&rand=sjrand"), "empty answer", 0, `"8"`},
		"answer no points": {func(b *browser) { loginPage(b); b.picture() }, captcha("answer=1,5,6&login_site=E&rand=sjrand"), "is not x,y", 0, `"5"`},
		"answer again":     {func(b *browser) { loginPage(b); b.picture(); captcha(wrongAnswer)(b) }, captcha(wrongAnswer), "already answered", 0, `"7"`},
		"login no captcha": {loginPage, func(b *browser) answer { return b.password("secret12306") }, "without an answered picture", 0, `"result_code":5`},
		"appid":            {loginPage, func(b *browser) answer { return b.form("/passport/web/auth/uamtk-static", "appid=x") }, "appid", 0, "非法请求"},
		"secret too often": {looked, func(b *browser) answer {
			b.secret = url.QueryEscape(b.secret)
			return submit("&undefined", "&undefined=")(b)
		}, "once too often", 0, "非法请求"},
		"secret too seldom": {looked, func(b *browser) answer {
			b.secret, _ = url.QueryUnescape(b.secret)
			return submit("&undefined", "&undefined=")(b)
		}, "secretStr", 0, "非法请求"},
		"secret invented": {looked, submit("secretStr=", "secretStr=A"), "not that of a row", 0, "非法请求"},
		"stations codes":  {looked, submit("广州南", "IZQ"), "telecode", 0, "非法请求"},
		"stations wrong":  {looked, submit("武汉", "上海"), "query was from or to", 0, "非法请求"},
		"submit missing":  {looked, submit("train_date="+day+"&", ""), "train_date missing", 0, `"status":false`},
		"submit no form":  {looked, header("Content-Type", "application/json", submit("&undefined", "")), "secretStr missing", 0, `"status":false`},
		"submit date":     {looked, submit("train_date="+day, "train_date=2000-01-06"), "train_date", 0, "非法请求"},
		"back date":       {looked, submit("back_train_date="+day, "back_train_date=2000-01-09"), "back_train_date", 0, "非法请求"},
		"initDc first":    {looked, func(b *browser) answer { return b.do("POST", "/otn/confirmPassenger/initDc", "_json_att=", false) }, "without submitOrderRequest", 0, "globalRepeatSubmitToken = null"},
		"unknown token": {opened, func(b *browser) answer {
			return b.form("/otn/confirmPassenger/checkOrderInfo", edit(b.checkBody(), "TOKEN="+b.token, "TOKEN=0"))
		}, "unknown REPEAT_SUBMIT_TOKEN", 0, "非法请求"},
		"foreign token": {opened, foreignToken, "of somebody else", 0, "非法请求"},
		"old token": {func(b *browser) {
			opened(b)
			old := b.token
			b.page = "/otn/leftTicket/init"
			b.openOrder()
			b.token = old
		}, func(b *browser) answer {
			return b.form("/otn/confirmPassenger/getPassengerDTOs", "_json_att=&REPEAT_SUBMIT_TOKEN="+b.token)
		}, "older page", 0, "非法请求"},
		"check flag":         {opened, check("cancel_flag=2", "cancel_flag=1"), "cancel_flag", 0, "非法请求"},
		"trailing _":         {opened, check("%2CN&", "%2CN_&"), "ends in _", 0, "非法请求"},
		"old without _":      {opened, check("%2C1_&", "%2C1&"), "does not end in _", 0, "非法请求"},
		"old differs":        {opened, check("%2C1_&", "%2C2_&"), "the same as passengerTicketStr", 0, "非法请求"},
		"seat W":             {opened, check("Str=O%2C", "Str=W%2C"), "no code to order", 0, "非法请求"},
		"stranger":           {opened, check(url.QueryEscape("张三"), url.QueryEscape("王五")), "not in the account", 0, "非法请求"},
		"id number":          {opened, check("110101199001010014", "110101199001010015"), "not the one in getPassengerDTOs", 0, "非法请求"},
		"seven fields":       {opened, check("%2CN&", "&"), "7 fields", 0, "非法请求"},
		"save the passenger": {opened, check("%2CN&", "%2CY&"), "save the passenger", 0, "非法请求"},
		"count first":        {opened, count("seatType=O", "seatType=M"), "before checkOrderInfo", 0, "非法请求"},
		"count date":         {prepared, count("Wed+Jan", "Thu+Jan"), "train_date", 0, "非法请求"},
		"count date plain":   {prepared, count("Wed+Jan+05+2000+00%3A00%3A00+GMT%2B0800+(%E4%B8%AD%E5%9B%BD%E6%A0%87%E5%87%86%E6%97%B6%E9%97%B4)", day), "not what JavaScript prints", 0, "非法请求"},
		"count train":        {prepared, count("6c000G11100C", "G1110"), "train_no", 0, "非法请求"},
		"count seat":         {prepared, count("seatType=O", "seatType=M"), "seatType", 0, "非法请求"},
		"leftTicket": {prepared, func(b *browser) answer {
			return b.form("/otn/confirmPassenger/getQueueCount", edit(b.countBody(), url.QueryEscape(b.leftTicket), b.leftTicket))
		}, "not encoded once more", 0, "非法请求"},
		"leftTicket wrong":  {prepared, count("leftTicket=", "leftTicket=x"), "not that of the page", 0, "非法请求"},
		"confirm unchecked": {opened, (*browser).confirm, "before checkOrderInfo", 0, "非法的订票请求"},
		"confirm uncounted": {func(b *browser) { opened(b); b.check(); time.Sleep(time.Second) }, (*browser).confirm, "without getQueueCount", 0, "非法的订票请求"},
		"confirm key":       {prepared, confirm("key_check_isChange=", "key_check_isChange=0"), "key_check_isChange", 0, "非法的订票请求"},
		"confirm place":     {prepared, confirm("train_location=", "train_location=0"), "train_location", 0, "非法的订票请求"},
		"confirm leftTicket": {prepared, func(b *browser) answer {
			return b.form("/otn/confirmPassenger/confirmSingleForQueue", edit(b.confirmBody(), url.QueryEscape(b.leftTicket), b.leftTicket))
		}, "not encoded once more", 0, "非法的订票请求"},
		"confirm passengers": {prepared, confirm("Str=O%2C", "Str=M%2C"), "not the one that checkOrderInfo passed", 0, "非法的订票请求"},
		"confirm randCode":   {prepared, confirm("randCode=", "randCode=38,44"), "no picture was asked for", 0, "非法的订票请求"},
		"confirm seats":      {prepared, confirm("choose_seats=", "choose_seats=%22%22%22"), "two characters a passenger", 0, "非法的订票请求"},
		"confirm letter":     {prepared, confirm("choose_seats=", "choose_seats=1E"), "no seat 1E", 0, "非法的订票请求"},
		"confirm row":        {prepared, confirm("choose_seats=", "choose_seats=3A"), "no seat 3A", 0, "非法的订票请求"},
		"confirm two seats":  {prepared, confirm("choose_seats=", "choose_seats=1A1F"), "two characters a passenger", 0, "非法的订票请求"},
		"confirm no choice":  {func(b *browser) { b.site.SetChoice(false); prepared(b) }, confirm("choose_seats=", "choose_seats=1A"), "can be chosen", 0, "非法的订票请求"},
		"confirm a bed":      {prepared, confirm("seatDetailType=000", "seatDetailType=100"), "seatDetailType", 0, "非法的订票请求"},
		"confirm bed":        {prepared, confirm("Str=O%2C0", "Str=O%2C1"), "no bed can be chosen", 0, "非法的订票请求"},
		"confirm single": {prepared, func(b *browser) answer {
			return b.form("/otn/confirmPassenger/confirmSingle", b.confirmBody())
		}, "confirmSingle where the page said isAsync 1", 0, "非法的订票请求"},
		"confirm queue":   {func(b *browser) { b.site.SetSingle(true); prepared(b) }, (*browser).confirm, "where the page said isAsync 0", 0, "非法的订票请求"},
		"check bed":       {opened, check("Str=O%2C0", "Str=O%2C1"), "before a bed could be chosen", 0, "非法请求"},
		"check student":   {opened, check("Str=O%2C0%2C1", "Str=O%2C0%2C3"), "a ticket of type 3 for somebody saved as 1", 0, "非法请求"},
		"check soldier":   {opened, check("Str=O%2C0%2C1", "Str=O%2C0%2C4"), "a ticket of type 4 for somebody saved as 1", 0, "非法请求"},
		"check child":     {opened, check("Str=O%2C0%2C1", "Str=O%2C0%2C2"), "the same as passengerTicketStr", 0, "非法请求"},
		"submit students": {looked, submit("purpose_codes=ADULT", "purpose_codes=0X00"), "purpose_codes", 0, "非法请求"},
		"confirm twice":   {queue, (*browser).confirm, "twice with one token", 0, "非法的订票请求"},
		"poll first":      {prepared, (*browser).poll, "before the confirm", 0, "系统忙"},
		"result number": {queue, func(b *browser) answer {
			return b.form("/otn/confirmPassenger/resultOrderForDcQueue", "orderSequence_no=E1"+b.tail())
		}, "no order of this account", 0, `"submitStatus":false`},
		"orders unopened": {prepared, func(b *browser) answer { return b.form("/otn/queryOrder/queryMyOrderNoComplete", "_json_att=") }, "before initNoComplete", 0, "非法请求"},
		"tk cookie":       {looked, func(b *browser) answer { dropCookie(b, "tk"); return b.form("/otn/login/checkUser", "_json_att=") }, "tk cookie", 0, `"flag":false`},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Options{Calm: true}, func(b *browser) {
				c.before(b)
				b.clean()
				a := c.do(b)
				b.want(a.status, max(c.status, 200))
				if c.status == 302 && !strings.HasSuffix(a.header.Get("Location"), "/mormhweb/logFiles/error.html") {
					t.Errorf("sent to %s", a.header.Get("Location"))
				}
				if !strings.Contains(a.body, c.body) {
					t.Errorf("answered %.200s, want %s in it", a.body, c.body)
				}
				for _, v := range b.site.Violations() {
					if strings.Contains(v.Text, c.want) {
						return
					}
				}
				t.Errorf("violations %v, want %q among them", b.site.Violations(), c.want)
			})
		})
	}
}

// foreignToken uses the token of one browser's page in another's.
func foreignToken(b *browser) answer {
	lisi := DefaultAccount()
	lisi.Username = "lisi"
	b.site.AddAccount(lisi)
	b.site.mu.Lock()
	b.site.drafts[b.token].user = "lisi"
	b.site.mu.Unlock()
	return b.form("/otn/confirmPassenger/checkOrderInfo", "cancel_flag=2&bed_level_order_num="+strings.Repeat("0", 30)+
		"&passengerTicketStr=x&oldPassengerStr=y&tour_flag=dc&randCode=&whatsSelect=1"+b.tail())
}

func dropCookie(b *browser, name string) {
	u, _ := url.Parse(origin + "/otn/login/checkUser")
	for _, c := range b.http.Jar.Cookies(u) {
		if c.Name == name {
			c.MaxAge, c.Path = -1, "/otn"
			b.http.Jar.SetCookies(u, []*http.Cookie{c})
		}
	}
}
