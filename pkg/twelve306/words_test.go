package twelve306

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// TestClassify has a sentence for every row of the table of refusals, most of
// them recorded (PROTOCOL.md 1.10).
func TestClassify(t *testing.T) {
	for words, want := range map[string]Kind{
		"对不起，由于您取消次数过多，今日将不能继续受理您的订票请求。2月10日您可继续使用订票功能。":                       Refused,
		`您还有未处理的订单，请您到<a href="../queryOrder/initNoComplete">[未完成订单]</a>进行处理!`: Unpaid,
		`您还有未处理的订单，请您到<a href="../view/train_order.html">[未完成订单]</a>进行处理!`:     Unpaid,
		"包含未付款订单":       Unpaid,
		"您有订单正在排队中，请稍候": Unpaid,
		"用户名或密码错误":      Password,
		"登录名不存在。":       Password,
		"密码输入错误。如果输错次数超过4次，用户将被锁定。": Password,
		"用户未登录":  Session,
		"请您重新登录": Session,
		"张三(二代身份证-110101199001010014)存在与本次购票行程冲突的车票!!": Conflict,
		"您的证件号码已经购买过本次列车车票":                            Conflict,
		"张三的身份信息未经核验，请持有效身份证件原件到车站窗口办理。":               Conflict,
		"您的用户已经被锁定，请稍后再试。":                             Refused,
		"请完成滑动验证。":                 Person,
		"很抱歉，您输入的短信验证码有误。":         Wrong,
		"验证码校验失败":                  Wrong,
		"没有足够的票!":                  SoldOut,
		"您选择了1位乘车人，但本次列车一等座仅剩0张。":  SoldOut,
		"排队人数现已超过余票数，请您选择其他席别或车次。": SoldOut,
		"非法的席别，请重新选择！":             SoldOut,
		"扣票失败":                     SoldOut,
		"占座失败":                     SoldOut,
		"车票信息已过期，请重新查询最新车票信息":      Stale,
		"非法请求":                     Invalid,
		"非法的订票请求！":                 Invalid,
		"您获取短信验证码过于频繁":             Wrong, // about a code: the person is told
		"您刷新的频率太快，请稍后再试！":          Busy,
		"网络繁忙":                     Busy,
		"系统繁忙，请稍后重试！":              Busy,
		"提交失败，请重试...":              Busy,
		"很抱歉！当前提交订单用户过多":           Busy,
		"网络可能存在问题，请您重试一下！":         Busy,
		"5月23日<br/>8点起售":           NotOnSale,
		"您选择的G1次列车已暂停发售":           NotOnSale,
		"列车停运":                     NotOnSale,
		"23:00-06:00系统维护时间":        NotOnSale,
		"":                         Changed,
		"今天天气不错":                   Changed,
	} {
		if got := Classify(words); got != want {
			t.Errorf("%s: %s, want %s", words, got, want)
		}
	}
}

// TestPlain: what 12306 says is shown, logged and sent, so it holds no markup,
// no control characters and nobody's numbers.
func TestPlain(t *testing.T) {
	for in, want := range map[string]string{
		`您还有未处理的订单，请您到<a href="../queryOrder/initNoComplete">[未完成订单]</a>进行处理!`: "您还有未处理的订单，请您到[未完成订单]进行处理!",
		"5月23日<br/>8点起售":            "5月23日8点起售",
		"  a\t\r\nb\u2028c  ":       "a b c",
		"a\x1b[31mred\u202egnp.exe": "a [31mred gnp.exe",
		"<script>alert(1)</script>": "alert(1)",
		"1 > 0":                     "1 > 0",
		"x<y":                       "x",
		"张三(二代身份证-110101199001010014)存在与本次购票行程冲突的车票!!": "张三(二代身份证-1101***********014)存在与本次购票行程冲突的车票!!",
		"110101196301010x11":            "110101196301010x11", // no number of anybody
		"身份证11010119630101001X":         "身份证1101***********01X",
		"(护照-E12345678)":                "(护照-*******78)",
		"请使用手机13800000000发送短信666至12306": "请使用手机138****0000发送短信666至12306",
		"订单E079331507，2月10日":            "订单E079331507，2月10日",
		"请使用尾号0000的手机":                  "请使用尾号0000的手机",
	} {
		if got := plain(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	long := plain(strings.Repeat("票", 199) + "110101199001010014")
	if n := utf8.RuneCountInString(long); n != maxWords+1 || strings.Contains(long, "110101") {
		t.Errorf("%d runes: %s", n, long)
	}
}

func TestErrorText(t *testing.T) {
	e := &Error{Op: "queryZ", Kind: Network, Msg: "no reply", Err: errors.New("malformed HTTP response \"\x1b]0;13800000000\"")}
	if got, want := e.Error(), `queryZ: network: no reply (malformed HTTP response " ]0;138****0000")`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if KindOf(errors.New("x")) != "" || KindOf(nil) != "" || !errors.Is(e, e.Err) {
		t.Error("KindOf or Unwrap")
	}
}

func FuzzPlain(f *testing.F) {
	for _, s := range []string{"", "网络繁忙", "<a href='x'>[未完成订单]</a>", "张三(二代身份证-110101199001010014)存在", "a\x00\x1b\u202e<", "证-1", "照-12345"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, words string) {
		p := plain(words)
		if !utf8.ValidString(p) || utf8.RuneCountInString(p) > maxWords+1 || strings.ContainsFunc(p, unicode.IsControl) || strings.Contains(p, "<") {
			t.Fatalf("%q", p)
		}
		if m := personal.FindString(p); m != "" && m != mask(m) {
			t.Fatalf("%q is in %q", m, p)
		}
		Classify(p)
	})
}
