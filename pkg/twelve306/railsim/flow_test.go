package railsim

import (
	"strings"
	"testing"
	"time"
)

// TestOrder places one order in each era as the recordings do, start to end.
func TestOrder(t *testing.T) {
	for _, era := range []Era{Classic, Present} {
		t.Run(string(era), func(t *testing.T) {
			inBubble(t, Options{Era: era, Calm: true}, func(b *browser) {
				b.sell()
				b.login()
				b.prepare()
				b.want(b.confirm().json(t, "data", "submitStatus"), true)
				b.want(b.form("/otn/basedata/log", "type=dc"+b.tail()).json(t, "data"), true)
				id := b.wait()
				a := b.form("/otn/confirmPassenger/resultOrderForDcQueue", "orderSequence_no="+id+b.tail())
				b.want(a.json(t, "data", "submitStatus"), true)
				b.want(strings.Contains(b.do("POST", "/otn/payOrder/init?random=1", "_json_att=&REPEAT_SUBMIT_TOKEN="+b.token, false).body, "席位已锁定"), true)
				b.visit("/otn/queryOrder/initNoComplete?_json_att=")
				a = b.form("/otn/queryOrder/queryMyOrderNoComplete", "_json_att=")
				b.want(a.json(t, "data", "to_page"), "db")
				db := a.json(t, "data", "orderDBList").([]any)[0].(map[string]any)
				b.want(db["sequence_no"], id)
				orders := b.site.Orders("zhangsan")
				b.want(len(orders), 1)
				b.want(orders[0].State, Unpaid)
				b.want(b.site.Left(day, "G1110", "O"), 29)
				b.clean()

				time.Sleep(31 * time.Minute)
				b.want(b.site.Orders("zhangsan")[0].State, Expired)
				b.want(b.site.Left(day, "G1110", "O"), 30)
			})
		})
	}
}

// TestAwkward places orders against sites as they are by default: whatever
// the seed, a client that retries what says "busy" gets its seat.
func TestAwkward(t *testing.T) {
	for seed := uint64(1); seed <= 20; seed++ {
		inBubble(t, Options{Seed: seed, Queue: &Queue{Waits: []int{-100, 75, 4}}}, func(b *browser) {
			b.sell()
			b.login0()
			for range 20 {
				if id := b.try(); id != "" {
					b.clean()
					return
				}
			}
			t.Fatalf("%s: no order in 20 tries", b.site)
		})
	}
}

// login0 logs in, once more if the site is busy.
func (b *browser) login0() {
	b.openLogin()
	for range 5 {
		time.Sleep(time.Minute)
		code := b.site.AnswerOf(b.picture())
		b.form("/passport/captcha/captcha-check", "answer="+code+"&login_site=E&rand=sjrand")
		if b.password("secret12306").json(b.t, "result_message") == "登录成功" {
			b.enter()
			return
		}
	}
	b.t.Fatalf("%s: no login in 5 tries", b.site)
}

// try is one attempt at an order; "" when the site would not.
func (b *browser) try() string {
	t := b.t
	b.openQuery()
	a := b.query()
	if url, ok := a.json(t, "c_url").(string); ok {
		b.letter = strings.TrimPrefix(url, "leftTicket/query")
		a = b.query()
	}
	if a.json(t, "data") == nil {
		return ""
	}
	b.take(a)
	b.form("/otn/login/checkUser", "_json_att=")
	if b.form("/otn/leftTicket/submitOrderRequest", b.submitBody()).json(t, "status") != true {
		return ""
	}
	page := b.do("POST", "/otn/confirmPassenger/initDc", "_json_att=", false)
	if strings.Contains(page.body, "系统忙") {
		return ""
	}
	b.read(page)
	if b.check().json(t, "data", "submitStatus") != true {
		return ""
	}
	time.Sleep(3 * time.Second)
	b.form("/otn/confirmPassenger/getQueueCount", b.countBody())
	b.want(b.confirm().json(t, "data", "submitStatus"), true)
	return b.wait()
}

func TestCaptchaByJSONP(t *testing.T) {
	inBubble(t, Options{Calm: true}, func(b *browser) {
		b.openLogin()
		cb := "jQuery191027188156577876876_1558182495381"
		a := b.do("GET", "/passport/captcha/captcha-image64?login_site=E&module=login&rand=sjrand&1558182497061&callback="+cb+"&_=1558182495382", "", false)
		b.want(strings.HasPrefix(a.body, "/**/"+cb+"({"), true)
		b.want(a.json(t, "result_code"), "0")
		img := decode64(t, a.json(t, "image").(string))
		answer := strings.ReplaceAll(b.site.AnswerOf(img), ",", "%2C")
		a = b.do("GET", "/passport/captcha/captcha-check?callback="+cb+"&answer="+answer+"&rand=sjrand&login_site=E&_=1558182495383", "", false)
		b.want(a.json(t, "result_code"), "4")
		a = b.do("POST", "/passport/web/login", "username=zhangsan&password=secret12306&appid=otn&answer="+answer, false)
		b.want(a.json(t, "result_code"), "0")
		b.enter()
		b.clean()
	})
}

func TestQRLogin(t *testing.T) {
	inBubble(t, Options{Era: Present, Calm: true}, func(b *browser) {
		b.openLogin()
		a := b.form("/passport/web/create-qr64", "appid=otn")
		b.want(a.json(t, "result_code"), "0")
		poll := "uuid=" + a.json(t, "uuid").(string) + "&appid=otn"
		ask := func(want string) {
			t.Helper()
			time.Sleep(time.Second)
			b.want(b.form("/passport/web/checkqr", poll).json(t, "result_code"), want)
		}
		ask("0")
		if err := b.site.ConfirmQR("zhangsan"); err == nil {
			t.Error("confirmed without a scan")
		}
		if err := b.site.ScanQR("zhangsan"); err != nil {
			t.Fatal(err)
		}
		ask("1")
		if err := b.site.ConfirmQR("zhangsan"); err != nil {
			t.Fatal(err)
		}
		ask("2")
		b.enter()
		b.clean()

		old := newBrowser(t, b.site)
		old.openLogin()
		poll = "uuid=" + old.form("/passport/web/create-qr64", "appid=otn").json(t, "uuid").(string) + "&appid=otn"
		time.Sleep(4 * time.Minute)
		old.want(old.form("/passport/web/checkqr", poll).json(t, "result_code"), "3")
	})
}

func TestOrderCaptcha(t *testing.T) {
	inBubble(t, Options{Calm: true}, func(b *browser) {
		b.sell()
		b.site.SetOrderCaptcha(true)
		b.login()
		b.look()
		b.submit()
		b.openOrder()
		b.want(b.check().json(t, "data", "ifShowPassCode"), "Y")
		try := func(code, result, msg string) {
			t.Helper()
			a := b.form("/otn/passcodeNew/checkRandCodeAnsyn", "randCode="+code+"&rand=randp"+b.tail())
			b.want(a.json(t, "data", "result"), result)
			b.want(a.json(t, "data", "msg"), msg)
		}
		picture := func() string {
			return b.site.AnswerOf([]byte(b.do("GET", "/otn/passcodeNew/getPassCodeNew?module=passenger&rand=randp&0.8263549525374525", "", false).body))
		}
		picture()
		try("1,1", "1", "FALSE")
		right := picture()
		try(right, "1", "TRUE")
		b.form("/otn/confirmPassenger/getQueueCount", b.countBody())
		body := strings.Replace(b.confirmBody(), "randCode=", "randCode="+right, 1)
		time.Sleep(time.Millisecond)
		b.want(b.form("/otn/confirmPassenger/confirmSingleForQueue", body).json(t, "data", "submitStatus"), true)
		b.clean()
	})
}

// TestSeedLogin logs in as the seed's scripts do: login/init, captcha-check
// and userLogin by POST, no page of /otn/passport in between.
func TestSeedLogin(t *testing.T) {
	inBubble(t, Options{Calm: true}, func(b *browser) {
		b.visit("/otn/login/init")
		code := b.site.AnswerOf(b.picture())
		b.want(b.form("/passport/captcha/captcha-check", "answer="+code+"&login_site=E&rand=sjrand").json(t, "result_code"), "4")
		b.want(b.password("secret12306").json(t, "result_code"), "0")
		b.want(b.do("POST", "/otn/login/userLogin", "_json_att=", false).status, 302)
		a := b.form("/passport/web/auth/uamtk", "appid=otn")
		a = b.form("/otn/uamauthclient", "tk="+a.json(t, "newapptk").(string))
		b.want(a.json(t, "username"), "张三")
		b.page = "/otn/leftTicket/init"
		b.want(b.form("/otn/login/checkUser", "_json_att=").json(t, "data", "flag"), true)
		b.clean()

		// The otn session alone dies: the sign-on is enough to come back.
		b.site.KillTickets()
		b.want(b.form("/otn/login/checkUser", "_json_att=").json(t, "data", "flag"), false)
		b.enter()
		b.want(b.form("/otn/login/checkUser", "_json_att=").json(t, "data", "flag"), true)
		b.clean()
	})
}

// TestSameSeed: the same requests to the same seed get the same answers.
func TestSameSeed(t *testing.T) {
	var rows [2]string
	for i := range rows {
		inBubble(t, Options{Seed: 42}, func(b *browser) {
			b.sell()
			b.openQuery()
			rows[i] = b.query().body
		})
	}
	if rows[0] != rows[1] {
		t.Errorf("answers differ:\n%.200s\n%.200s", rows[0], rows[1])
	}
}
