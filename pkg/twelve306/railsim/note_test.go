package railsim

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestNotes does what no browser does and 12306 serves, each once, and expects
// the simulator to notice it, and to serve it.
func TestNotes(t *testing.T) {
	prepared := func(b *browser) { b.sell(); b.login(); b.prepare() }
	opened := func(b *browser) { b.sell(); b.login(); b.look(); b.submit(); b.openOrder() }
	looked := func(b *browser) { b.sell(); b.login(); b.look() }
	submitted := func(b *browser) { looked(b); b.submit() }
	anonymous := func(b *browser) { b.sell(); b.openQuery() }
	loginPage := func(b *browser) { b.openLogin() }
	nowhere := func(b *browser) {}
	queue := func(b *browser) { prepared(b); b.confirm() }

	// post sends the parameters with some changed: old, new, old, new...
	post := func(path string, body func(*browser) string, change ...string) func(*browser) answer {
		return func(b *browser) answer {
			text := body(b)
			for i := 0; i < len(change); i += 2 {
				if !strings.Contains(text, change[i]) {
					panic("nothing to edit: " + change[i] + " in " + text)
				}
				text = strings.Replace(text, change[i], change[i+1], 1)
			}
			return b.form(path, text)
		}
	}
	submit := func(change ...string) func(*browser) answer {
		return func(b *browser) answer {
			b.form("/otn/login/checkUser", "_json_att=")
			return post("/otn/leftTicket/submitOrderRequest", (*browser).submitBody, change...)(b)
		}
	}
	check := func(change ...string) func(*browser) answer {
		return post("/otn/confirmPassenger/checkOrderInfo", (*browser).checkBody, change...)
	}
	count := func(change ...string) func(*browser) answer {
		return post("/otn/confirmPassenger/getQueueCount", (*browser).countBody, change...)
	}
	confirm := func(change ...string) func(*browser) answer {
		return post("/otn/confirmPassenger/confirmSingleForQueue", (*browser).confirmBody, change...)
	}
	get := func(path string, xhr bool) func(*browser) answer {
		return func(b *browser) answer { return b.do("GET", path, "", xhr) }
	}
	header := func(k, v string, f func(*browser) answer) func(*browser) answer {
		return func(b *browser) answer { b.header[k] = v; return f(b) }
	}
	form := func(path, body string) func(*browser) answer {
		return func(b *browser) answer { return b.form(path, body) }
	}
	theQuery := func(b *browser) answer { return b.query() }
	const (
		sold   = `"result":["`
		ok     = `"status":true`
		passed = `"submitStatus":true`
		token  = "globalRepeatSubmitToken = '"
		initDc = "/otn/confirmPassenger/initDc"
		dtos   = "/otn/confirmPassenger/getPassengerDTOs"
		people = `"isExist":true`
	)

	for name, c := range map[string]struct {
		era    Era
		before func(*browser)
		do     func(*browser) answer
		want   string // in a note
		body   string // in the answer, or in its Location
	}{
		"go user agent":     {"", anonymous, header("User-Agent", "Go-http-client/1.1", theQuery), "User-Agent", sold},
		"no xhr":            {"", anonymous, header("X-Requested-With", "", theQuery), "no X-Requested-With", sold},
		"xhr on a page":     {"", submitted, form(initDc, "_json_att="), "X-Requested-With on a page", token},
		"wrong page":        {"", anonymous, header("Referer", origin+"/otn/login/init", theQuery), "not a page", sold},
		"login no referer":  {"", nowhere, header("Referer", "", form("/otn/login/conf", "")), "no Referer", ok},
		"foreign referer":   {"", nowhere, header("Referer", "https://www.12306.cn/index/", form("/otn/login/conf", "")), "another host", ok},
		"page no referer":   {"", submitted, header("Referer", "", func(b *browser) answer { return b.do("POST", initDc, "_json_att=", false) }), "no Referer", token},
		"no form":           {"", looked, header("Content-Type", "application/json", form("/otn/login/checkUser", "_json_att=")), "Content-Type", `"flag":true`},
		"json":              {"", nowhere, header("Content-Type", "application/json; charset=utf-8", form("/otn/login/conf", "{}")), "Content-Type", ok},
		"json as form":      {"", opened, form(dtos, `{"_json_att": ""}`), "no browser sends", people},
		"query extra":       {"", anonymous, func(b *browser) answer { return extraQuery(b, "&x=1") }, "no browser sends", sold},
		"query twice":       {"", anonymous, func(b *browser) answer { return extraQuery(b, "&purpose_codes=ADULT") }, "twice", sold},
		"conf by GET":       {"", nowhere, get("/otn/login/conf", true), "method GET", ok},
		"static by GET":     {"", nowhere, get("/passport/web/auth/uamtk-static?appid=otn", true), "method GET", "用户未登录"},
		"initDc by GET":     {"", submitted, get(initDc, false), "method GET", token},
		"passengers by GET": {"", opened, get(dtos, true), "method GET", people},
		"initDc bare":       {"", submitted, func(b *browser) answer { return b.do("POST", initDc, "", false) }, "_json_att missing", token},
		"passengers bare":   {"", opened, form(dtos, ""), "_json_att missing", people},
		"no userLogin":      {"", func(b *browser) { b.signOn() }, authAtOnce, "without login/userLogin", `"username":"张三"`},
		"never a session":   {"", func(b *browser) { b.signOn() }, authWithoutSession, "missing cookie JSESSIONID", `"username":"张三"`},
		"userLogin unknown": {"", nowhere, get("/otn/login/userLogin", false), "missing cookie", "/otn/passport?redirect=/otn/login/userLogin"},
		"undefined":         {"", looked, submit("&undefined", ""), "undefined missing", ok},
		"submit extra":      {"", looked, submit("&undefined", "&undefined&foo=1"), "foo that no browser", ok},
		"no checkUser": {"", looked, func(b *browser) answer {
			time.Sleep(3 * time.Minute)
			return post("/otn/leftTicket/submitOrderRequest", (*browser).submitBody)(b)
		}, "without checkUser", ok},
		"submit of 2021":    {Present, looked, func(b *browser) answer { return submit("&bed_level_info=&seat_discount_info="+b.fields[54], "")(b) }, "bed_level_info or seat_discount_info missing", ok},
		"submit of today":   {"", looked, submit("&undefined", "&bed_level_info=&undefined"), "bed_level_info that no browser of classic", ok},
		"check of today":    {"", opened, check("&whatsSelect", "&scene=nc_login&whatsSelect"), "scene that no browser of classic", passed},
		"confirm of today":  {"", prepared, confirm("&whatsSelect", "&is_jy=N&whatsSelect"), "is_jy that no browser of classic", passed},
		"check extra":       {"", opened, check("randCode=", "foo=1&randCode="), "no browser sends", passed},
		"check no randCode": {"", opened, check("randCode=&", ""), "randCode missing", passed},
		"check select":      {"", opened, check("&whatsSelect=1", ""), "whatsSelect missing", passed},
		"check selects":     {"", opened, check("whatsSelect=1", "whatsSelect=2"), "whatsSelect is", passed},
		"check of 2021":     {Present, opened, check("&sessionId=&sig=&scene=nc_login", "&randCode="), "scene missing", passed},
		"old of PJ":         {"", opened, check("%2C1_&", "%2C1__+_+_&"), "ends in __ _ _", passed},
		"count no json":     {"", prepared, count("&_json_att=", ""), "_json_att missing", `"countT":"0"`},
		"confirm early":     {"", func(b *browser) { opened(b); b.check(); b.form("/otn/confirmPassenger/getQueueCount", b.countBody()) }, confirm(), "before ifShowPassCodeTime", passed},
		"confirm of 2021":   {Present, prepared, confirm("&is_jy=N&is_cj=Y&encryptedData=", "&randCode="), "is_cj missing", passed},
		"confirm no beds":   {"", prepared, confirm("seatDetailType=000", "seatDetailType="), "seatDetailType is empty", passed},
		"confirm bare":      {"", prepared, confirm("&choose_seats=&seatDetailType=000", "", "&roomType=00&dwAll=N&_json_att=", ""), "dwAll missing", passed},
		"confirm no code":   {"", prepared, confirm("&randCode=", ""), "randCode missing", passed},
		"poll too fast":     {"", func(b *browser) { queue(b); b.poll() }, (*browser).poll, "after the last one", `"waitTime":4`},
		"poll by seconds":   {"", queue, get("/otn/confirmPassenger/queryOrderWaitTime?random=946742400&tourFlag=dc&_json_att=", true), "not milliseconds", `"waitTime":-100`},
		"result no json": {"", func(b *browser) { queue(b); b.wait() }, func(b *browser) answer {
			return b.form("/otn/confirmPassenger/resultOrderForDcQueue", "orderSequence_no="+b.site.Orders("zhangsan")[0].Number)
		}, "_json_att missing", passed},
		"fingerprint":        {"", nowhere, get("/otn/HttpZF/logdevice?algID=x&hashCode=y&FMQw=0", false), "is not part of", `callbackFunction('{"exp":"`},
		"fingerprint script": {"", nowhere, get("/otn/HttpZF/GetJS", false), "is not part of", ""},
		"my page":            {"", looked, get("/otn/index/initMy12306", false), "is not part of", "我的12306"},
		"user info":          {"", looked, get("/otn/modifyUser/initQueryUserInfoApi", true), "is not part of", `"name":"张三"`},
		"user info out":      {"", anonymous, get("/otn/modifyUser/initQueryUserInfoApi", true), "is not part of", "/otn/passport?redirect="},
		"picture _":          {"", loginPage, get("/passport/captcha/captcha-image?login_site=E&module=login&rand=sjrand&_=1640000000000", true), "", "\xff\xd8"},
		"real referer":       {"", func(b *browser) { b.sell(); b.host = "127.0.0.1:12306"; b.openQuery() }, theQuery, "", sold},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Options{Calm: true, Era: c.era}, func(b *browser) {
				c.before(b)
				b.clean()
				a := c.do(b)
				if !strings.Contains(a.body+a.header.Get("Location"), c.body) {
					t.Errorf("answered %d %.200s, want %s in it", a.status, a.body, c.body)
				}
				for _, v := range b.site.Violations() {
					t.Errorf("violation: %v", v)
				}
				texts := ""
				for _, n := range b.site.Notes() {
					texts += n.Text + "\n"
				}
				if !strings.Contains(texts, c.want) || c.want == "" && texts != "" {
					t.Errorf("notes %q, want %q among them", texts, c.want)
				}
			})
		})
	}
}

// extraQuery is query with more behind it.
func extraQuery(b *browser, more string) answer {
	return b.do("GET", "/otn/leftTicket/query"+b.letter+"?leftTicketDTO.train_date="+day+
		"&leftTicketDTO.from_station=IZQ&leftTicketDTO.to_station=WHN&purpose_codes=ADULT"+more, "", true)
}

func authAtOnce(b *browser) answer {
	tk := b.form("/passport/web/auth/uamtk", "appid=otn").json(b.t, "newapptk").(string)
	return b.form("/otn/uamauthclient", "tk="+tk)
}

func authWithoutSession(b *browser) answer {
	tk := b.form("/passport/web/auth/uamtk", "appid=otn").json(b.t, "newapptk").(string)
	b.http.Jar = nil
	return b.form("/otn/uamauthclient", "tk="+tk)
}

// TestTurnedAway: a confirm that is refused at the door leaves its token good.
func TestTurnedAway(t *testing.T) {
	inBubble(t, Options{Calm: true}, func(b *browser) {
		b.sell()
		b.login()
		b.prepare()
		b.header["Referer"] = ""
		b.want(b.confirm().status, http.StatusFound)
		delete(b.header, "Referer")
		b.want(b.form("/otn/confirmPassenger/confirmSingleForQueue", strings.Replace(b.confirmBody(), "&train_location=", "&x=", 1)).
			json(t, "data", "errMsg"), "非法的订票请求！")
		b.want(b.confirm().json(t, "data", "submitStatus"), true)
		for _, v := range b.site.Violations() {
			if strings.Contains(v.Text, "twice") {
				t.Errorf("violation: %v", v)
			}
		}
		b.want(len(b.site.Confirms()), 3)
	})
}

// TestCodeOutlivesTypo: a wrong password does not use up the code by SMS.
func TestCodeOutlivesTypo(t *testing.T) {
	inBubble(t, Options{Calm: true, Era: Present}, func(b *browser) {
		b.openLogin()
		b.form("/passport/web/checkLoginVerify", "username=zhangsan&appid=otn")
		b.form("/passport/web/getMessageCode", "appid=otn&username=zhangsan&castNum=0014")
		code := b.site.SMSCode("zhangsan")
		wrong := b.form("/passport/web/login", "checkMode=0&randCode="+code+"&username=zhangsan&password="+url.QueryEscape(seal("wrong"))+"&appid=otn")
		b.want(strings.Contains(wrong.body, "密码输入错误"), true)
		b.want(b.sms(code).json(t, "result_code"), "0")
		b.want(strings.Contains(b.sms(code).body, "验证码有误"), true)
		b.want(b.site.SMSCode("zhangsan"), "")
	})
}

// TestNotesAreKept: the newest notes, and not without end.
func TestNotesAreKept(t *testing.T) {
	inBubble(t, Options{Calm: true}, func(b *browser) {
		x := &exchange{s: b.site, rec: &Request{}}
		for i := range keptRequests + 1 {
			x.note("%d", i)
		}
		n := b.site.Notes()
		b.want(len(n), keptRequests/2+1)
		b.want(n[len(n)-1].Text, "20000")
		b.site.Forget()
		b.want(len(b.site.Misconduct()), 0)
	})
}
