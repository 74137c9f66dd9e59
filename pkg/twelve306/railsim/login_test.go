package railsim

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestLoginCodes: what web/login can say to the right password today.
func TestLoginCodes(t *testing.T) {
	for code, want := range map[int]string{91: "尾号0000", 92: "手机验证码", 94: "车站窗口", 95: "APP", 97: "滑动验证", 101: "重置密码"} {
		a := DefaultAccount()
		a.LoginCode = code
		inBubble(t, Options{Era: Present, Calm: true, Accounts: []Account{a}}, func(b *browser) {
			b.openLogin()
			b.form("/passport/web/checkLoginVerify", "username=zhangsan&appid=otn")
			b.form("/passport/web/getMessageCode", "appid=otn&username=zhangsan&castNum=0014")
			got := b.sms(b.site.SMSCode("zhangsan"))
			b.want(got.json(t, "result_code"), strconv.Itoa(code))
			if msg := got.json(t, "result_message").(string); !strings.Contains(msg, want) {
				t.Errorf("%d says %s, want %s", code, msg, want)
			}
			b.want(b.form("/passport/web/auth/uamtk", "appid=otn").json(t, "result_code"), "1")
			b.clean()
		})
	}
}

// TestVerifyCodes: an account that 12306 asks nothing, and one that must
// move a slider.
func TestVerifyCodes(t *testing.T) {
	for code, want := range map[string]string{"0": "0", "2": "1"} {
		a := DefaultAccount()
		a.VerifyCode = code
		inBubble(t, Options{Era: Present, Calm: true, Accounts: []Account{a}}, func(b *browser) {
			b.openLogin()
			b.want(b.form("/passport/web/checkLoginVerify", "username=zhangsan&appid=otn").json(t, "login_check_code"), code)
			got := b.form("/passport/web/login", "sessionId=&sig=&if_check_slide_passcode_token=&scene=&checkMode=&randCode=&username=zhangsan&password="+
				url.QueryEscape(seal("secret12306"))+"&appid=otn")
			b.want(got.json(t, "result_code"), want)
			b.clean()
		})
	}
}

// TestMixedSites: conf says what it is told to, tokens come without their
// cookies, and a classic site may list today's rows.
func TestMixedSites(t *testing.T) {
	conf := map[string]any{"queryUrl": nil, "now": "soon"}
	inBubble(t, Options{Era: Present, Calm: true, Conf: conf, BodyTokens: true}, func(b *browser) {
		b.signOnBySMS()
		b.want(b.form("/passport/web/auth/uamtk", "appid=otn").json(t, "result_code"), "1") // nobody set the cookie
		data := b.form("/otn/login/conf", "").json(t, "data").(map[string]any)
		if _, there := data["queryUrl"]; there || data["now"] != "soon" || data["nowStr"] == nil {
			t.Errorf("conf %v", data)
		}
		b.clean()
	})
	inBubble(t, Options{Calm: true, Rows: Present}, func(b *browser) {
		b.sell()
		b.login()
		b.look()
		b.want(len(b.fields), 58)
		b.submit()
		b.clean()
	})
}

// TestOrderCaptchaMistakes covers the order's picture done wrong.
func TestOrderCaptchaMistakes(t *testing.T) {
	picture := func(b *browser) {
		b.do("GET", "/otn/passcodeNew/getPassCodeNew?module=passenger&rand=randp&0.1", "", false)
	}
	for name, c := range map[string]struct {
		before         func(*browser)
		code           string
		want, violated string
	}{
		"no picture": {func(*browser) {}, "38,44", "EXPIRED", "without a picture"},
		"empty":      {picture, "", `"msg":""`, "empty randCode"},
		"numbers":    {picture, "1,5,6", `"msg":""`, "not x,y"},
		"old":        {func(b *browser) { picture(b); time.Sleep(6 * time.Minute) }, "38,44", "EXPIRED", ""},
		"wrong":      {picture, "1,1", "FALSE", ""},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Options{Calm: true}, func(b *browser) {
				b.sell()
				b.site.SetOrderCaptcha(true)
				b.login()
				b.look()
				b.submit()
				b.openOrder()
				b.check()
				c.before(b)
				a := b.form("/otn/passcodeNew/checkRandCodeAnsyn", "randCode="+c.code+"&rand=randp"+b.tail())
				if !strings.Contains(a.body, c.want) {
					t.Errorf("answered %s, want %s", a.body, c.want)
				}
				if c.violated == "" {
					b.clean()
				} else if v := b.site.Violations(); len(v) != 1 || !strings.Contains(v[0].Text, c.violated) {
					t.Errorf("violations %v, want %q", v, c.violated)
				}
				b.form("/otn/confirmPassenger/getQueueCount", b.countBody())
				time.Sleep(time.Millisecond)
				b.want(b.confirm().json(t, "data", "errMsg"), "非法的订票请求！")
				v := b.site.Violations()
				b.want(v[len(v)-1].Text, "the order's picture was not answered")
			})
		})
	}
}

// TestSleeper orders berths on a slow train that left its first station the
// day before.
func TestSleeper(t *testing.T) {
	for seat, want := range map[string]string{"3": "下铺", "4": "下铺", "1": "号"} {
		inBubble(t, Options{Calm: true}, func(b *browser) {
			b.site.SetTrains(day, Train{Code: "G1110", No: "6c000G11100C", From: "IZQ", To: "WHN", Start: "GZQ", End: "BJP", Depart: "22:00",
				Arrive: "09:00", StartedDaysAgo: 1, Seats: map[string]int{seat: 5, "W": 3}})
			b.login()
			b.look()
			b.want(b.fields[13], "20000104")
			b.want(b.fields[10], "11:00")
			b.submit()
			b.openOrder()
			b.form("/otn/confirmPassenger/checkOrderInfo", strings.Replace(b.checkBody(), "Str=O", "Str="+seat, 1))
			b.form("/otn/confirmPassenger/getQueueCount", strings.Replace(b.countBody(), "seatType=O", "seatType="+seat, 1))
			time.Sleep(time.Millisecond)
			b.form("/otn/confirmPassenger/confirmSingleForQueue", strings.Replace(b.confirmBody(), "Str=O", "Str="+seat, 1))
			b.wait()
			tk := b.site.Orders("zhangsan")[0].Tickets[0]
			if !strings.HasSuffix(tk.Number, want) || tk.Price == 0 || tk.Seat != seat {
				t.Errorf("ticket %+v, want %s", tk, want)
			}
			b.clean()
		})
	}
}
