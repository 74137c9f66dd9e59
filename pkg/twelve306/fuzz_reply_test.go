package twelve306

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/watcherd/watcherd/pkg/twelve306/internal/wire"
)

// onlyOnce answers one request and ends its context, so that no step waits for a
// second try.
type onlyOnce struct {
	tape
	end context.CancelFunc
}

func (o *onlyOnce) RoundTrip(r *http.Request) (*http.Response, error) {
	defer o.end()
	return o.tape.RoundTrip(r)
}

// answering is a client whose every request to path gets that reply, and the
// context for one request.
func answering(t *testing.T, path, reply string) (*Client, context.Context) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	c, err := New(Options{Transport: &onlyOnce{tape{t: t, replies: map[string][]string{path: {reply}}}, cancel}, Pace: NewPace(PaceConfig{})})
	if err != nil {
		t.Fatal(err)
	}
	c.OnOdd(func(o Odd) {
		if o.Op == "" || o.Why == "" || len(o.Body) == 0 || looksLikeHTML(o.Body) && (o.Why == OddShape || o.Why == OddWords) {
			t.Errorf("odd: %s, %s, %q", o.Op, o.Why, o.Body)
		}
	})
	return c, ctx
}

// plainly returns a member of the one object that body is, as text without
// quotes; ok is false when there is room for another reading.
func plainly(body, name string) (value string, ok bool) {
	var object map[string]json.RawMessage
	low := strings.ToLower(body)
	if strings.ContainsAny(body, "\\\u017f\u212a") || strings.Count(low, `"`+strings.ToLower(name)+`"`) != 1 || json.Unmarshal([]byte(body), &object) != nil {
		return "", false
	}
	if v, here := object[name]; here {
		return strings.TrimSpace(strings.Trim(string(v), `"`)), true
	}
	return "", false
}

// loginReplies are the steps of a login whose reply is JSON. ask returns what
// else than an error may be wrong with what was read.
var loginReplies = []struct {
	path string
	ask  func(ctx context.Context, c *Client, body string) (wrong string, err error)
}{
	{"/passport/web/login", func(ctx context.Context, c *Client, body string) (string, error) {
		err := c.submitLogin(ctx, nil, "", nil)
		return successCode(body, "0"), err
	}},
	{"/passport/web/auth/uamtk", func(ctx context.Context, c *Client, body string) (string, error) {
		tk, err := c.uamtk(ctx, "")
		if err == nil && tk == "" {
			return "no token", nil
		}
		return successCode(body, "0"), err
	}},
	{"/otn/uamauthclient", func(ctx context.Context, c *Client, body string) (string, error) {
		err := c.uamauthclient(ctx, "x", "")
		return successCode(body, "0"), err
	}},
	{"/passport/captcha/captcha-check", func(ctx context.Context, c *Client, body string) (string, error) {
		v, err := c.captchaCheck(ctx, "1,1")
		if v == right {
			return successCode(body, "4"), err
		}
		return "", err
	}},
	{"/otn/login/conf", func(ctx context.Context, c *Client, _ string) (string, error) {
		_, err := c.conf(ctx)
		if c.queryPath != "" && !queryPathForm.MatchString(c.queryPath) || c.window < 0 || c.window > maxWindow {
			return "asks at " + c.queryPath, err
		}
		return "", err
	}},
	{"/otn/login/checkUser", func(ctx context.Context, c *Client, body string) (string, error) {
		err := c.CheckUser(ctx)
		if data, ok := plainly(body, "data"); err == nil && ok {
			if flag, ok := plainly(data, "flag"); ok && flag != "true" && flag != "Y" && flag != "1" {
				return "logged in by flag " + flag, nil
			}
		}
		return "", err
	}},
	{"/passport/web/checkLoginVerify", func(ctx context.Context, c *Client, body string) (string, error) {
		code, err := c.askLoginVerify(ctx, Credentials{})
		if err != nil && code != 0 {
			return "a code beside an error", err
		}
		if _, ok := plainly(body, "login_check_code"); !ok && err == nil && code == 0 && !strings.Contains(strings.ToLower(body), "login_check_code") && !strings.ContainsAny(body, "\\\u017f\u212a") {
			return "no verification is needed, says nobody", nil
		}
		return "", err
	}},
	{"/passport/web/getMessageCode", func(ctx context.Context, c *Client, body string) (string, error) {
		words, err := c.getMessageCode(ctx, Credentials{})
		if words != plain(words) {
			return "words " + words, err
		}
		return successCode(body, "0"), err
	}},
	{"/passport/web/create-qr64", func(ctx context.Context, c *Client, _ string) (string, error) {
		uuid, img, err := c.createQR(ctx)
		if err == nil && (uuid == "" || len(img) > maxImage || checkImage("", img) != nil) {
			return "a code that is none", nil
		}
		return "", err
	}},
	{"/passport/web/checkqr", func(ctx context.Context, c *Client, body string) (string, error) {
		code, err := c.checkQR(ctx, "x")
		if code == 2 {
			return successCode(body, "2"), err
		}
		return "", err
	}},
	{"/passport/captcha/captcha-image64", func(ctx context.Context, c *Client, body string) (string, error) {
		img, err := c.picture64(ctx)
		if err == nil && (len(img) > maxImage || checkImage("", img) != nil) {
			return "a picture that is none", nil
		}
		return successCode(body, "0"), err
	}},
}

// successCode says that the result_code of a body that was read as a success
// is not that of one.
func successCode(body, good string) string {
	if code, ok := plainly(body, "result_code"); ok && code != good && strings.Trim(code, "+-0123456789") == "" && strings.TrimLeft(strings.TrimLeft(code, "+-"), "0") != strings.TrimLeft(good, "0") {
		return "taken for " + good + " with result_code " + code
	}
	return ""
}

// FuzzLoginReply: no reply but the two that say so makes a client logged in,
// a success has the code of one, and what fails says why in clean words.
func FuzzLoginReply(f *testing.F) {
	qr, err := json.Marshal(map[string]any{"result_code": "0", "uuid": "u", "image": []byte(fixture(f, "login-qr.2023-09-22.png"))})
	if err != nil {
		f.Fatal(err)
	}
	for i := range loginReplies {
		for _, body := range []string{
			`{"result_message":"验证通过","result_code":0,"apptk":"a","newapptk":"b","uamtk":"c"}`,
			`{"result_message":"验证码校验成功","result_code":"4"}`, `{"result_code":"5"}`, `{"result_code":2,"uamtk":"c","result_message":"扫码登录成功"}`,
			`{"result_message":"密码输入错误。如果输错次数超过4次，用户将被锁定。","result_code":1}`, `{"result_code":""}`, `{"result_code":null}`,
			`{"login_check_code":"3","result_code":0,"result_message":""}`, `{"result_code":"11","result_message":"请使用手机13800000000\u001b[2J发送短信"}`,
			otn(`{"is_login":"Y","queryUrl":"leftTicket/queryG","other_control":"15"}`), otn(`{"queryUrl":"//evil.example/x","other_control":1e18}`),
			otn(`{"flag":true}`), otn(`{"flag":false}`), string(qr), `/**/jQuery1_2({"result_code":"0"});`,
			"HTTP/1.1 200 OK\r\nSet-Cookie: tk=x; Path=/otn\r\nContent-Length: 2\r\n\r\n{}", redirectToLogin, "<html></html>", "",
		} {
			f.Add(byte(i), body)
		}
	}
	f.Fuzz(func(t *testing.T, i byte, body string) {
		step := loginReplies[int(i)%len(loginReplies)]
		c, ctx := answering(t, step.path, body)
		wrong, err := step.ask(ctx, c, body)
		if err != nil {
			clean(t, err)
		} else if wrong != "" {
			t.Fatalf("%s: %s", step.path, wrong)
		}
		proves := step.path == "/otn/uamauthclient" || step.path == "/otn/login/checkUser"
		if in, _ := c.LoggedIn(); in != (proves && err == nil) {
			t.Fatalf("%s: logged in %v after %v", step.path, in, err)
		}
	})
}

// FuzzPassengers: people are chosen by their name alone, once each, and what
// an account says of them reaches no error as it is.
func FuzzPassengers(f *testing.F) {
	f.Add(otn(`{"isExist":true,"exMsg":"","two_isOpenClick":["93","95"],"other_isOpenClick":["91"],"normal_passengers":[{"passenger_name":"张三","passenger_id_type_code":"1","passenger_id_no":"1101***********014","passenger_type":"1","mobile_no":"138****0000","total_times":"99","allEncStr":"ab"}]}`), "张三")
	f.Add(otn(`{"two_isOpenClick":["93"],"normal_passengers":[{"passenger_name":" 李\u001b四 ","passenger_id_type_code":"1","total_times":"93"},{"passenger_name":"李四"}]}`), "李四")
	f.Add(otn(`{"noLogin":"true","exMsg":"用户未登录"}`), "x")
	f.Add(otn(`{"isExist":false,"exMsg":"系统忙"}`), "x")
	f.Add(otn(`{"normal_passengers":[]}`), "")
	f.Add(otn(`{"normal_passengers":null}`), "x")
	f.Fuzz(func(t *testing.T, body, name string) {
		c, ctx := answering(t, "/otn/confirmPassenger/getPassengerDTOs", body)
		list, err := c.passengerList(ctx, "", "")
		if err != nil {
			if clean(t, err); list != nil {
				t.Fatal("a list beside an error")
			}
			return
		}
		if list == nil {
			t.Fatal("neither a list nor an error")
		}
		if name != plain(name) {
			return // names come from watch.yaml, which has no others
		}
		people, err := choose(list, []string{name}, nil)
		if err != nil {
			if clean(t, err); people != nil {
				t.Fatal("people beside an error")
			}
			return
		}
		if len(people) != 1 || strings.TrimSpace(string(people[0].Name)) != name || !people[0].canBuy {
			t.Fatalf("%q is %+v", name, people)
		}
		passengerTicketStr("O", people)
		oldPassengerStr(people)
	})
}

// orderReplies are the steps of an order. ask returns what else than an error
// may be wrong with what was read.
var orderReplies = []struct {
	path string
	ask  func(ctx context.Context, d *Draft, body string) (wrong string, err error)
}{
	{"/otn/leftTicket/submitOrderRequest", func(ctx context.Context, d *Draft, body string) (string, error) {
		err := d.c.submitOrderRequest(ctx, d.req)
		return mustBe(body, "status", "true"), err
	}},
	{"/otn/confirmPassenger/initDc", func(ctx context.Context, d *Draft, _ string) (string, error) {
		p, err := d.c.initDc(ctx, d.req)
		if err == nil && (p.token == "" || p.key == "" || p.trainNo != d.req.Train.No()) {
			return "a page without token, key or train", nil
		}
		return "", err
	}},
	{"/otn/confirmPassenger/checkOrderInfo", func(ctx context.Context, d *Draft, body string) (string, error) {
		_, err := d.checkOrderInfo(ctx)
		return mustBe(body, "status", "true"), err
	}},
	{"/otn/passcodeNew/checkRandCodeAnsyn", func(ctx context.Context, d *Draft, body string) (string, error) {
		v, err := d.checkRandCode(ctx, "1,1")
		if err == nil && v == right && !strings.Contains(body, "TRUE") && !strings.Contains(body, `\`) {
			return "right, says nobody", nil
		}
		return "", err
	}},
	{"/otn/confirmPassenger/getQueueCount", func(ctx context.Context, d *Draft, _ string) (string, error) {
		return "", d.getQueueCount(ctx)
	}},
	{"/otn/confirmPassenger/confirmSingleForQueue", func(ctx context.Context, d *Draft, body string) (string, error) {
		q, err := d.Confirm(ctx)
		if (q == nil) == (err == nil) {
			return "neither an order nor an error, or both", nil
		}
		if _, again := d.Confirm(ctx); KindOf(again) != Ambiguous {
			return "confirmed twice", nil
		}
		e, _ := err.(*Error)
		switch {
		case e == nil && !strings.Contains(strings.ToLower(body), "submit") && !strings.Contains(body, `\`):
			return "queued, says nobody", nil
		case e == nil:
			return mustBe(body, "status", "true"), nil
		case e.Unsent, e.Kind == Network, e.Kind == Session && e.Msg == "", e.Kind != Ambiguous && strings.TrimSpace(e.Msg) == "":
			return "no refusal in words and not in doubt: " + e.Error(), nil
		}
		return "", err
	}},
	{"/otn/confirmPassenger/resultOrderForDcQueue", func(ctx context.Context, d *Draft, body string) (string, error) {
		err := d.c.Result(ctx, Queued{}, "E123456789")
		return mustBe(body, "status", "true"), err
	}},
	{"/otn/queryOrder/queryMyOrder", func(ctx context.Context, d *Draft, body string) (string, error) {
		s, err := d.c.OrderStatus(ctx, "E123456789", d.req.Train.Date().Time())
		switch {
		case err == nil && s == OrderGone && !strings.Contains(strings.ToLower(body), "list") && !strings.Contains(body, `\`) && !strings.Contains(body, "\u017f"):
			return "gone from a list that is not there", nil
		case err == nil && s == OrderPaid && !strings.Contains(body, "E123456789") && !strings.Contains(body, `\`):
			return "paid, says nobody", nil
		case err != nil && s != "":
			return "a status beside an error", err
		}
		return "", err
	}},
}

// mustBe says that a member of a body that was read as a success is not so.
func mustBe(body, name, value string) string {
	if v, ok := plainly(body, name); ok && v != value {
		return "went on with " + name + " " + v
	}
	return ""
}

// FuzzOrderReply: no step goes on, no order is queued, paid or gone without a
// reply that says so, and a confirm that was not refused in words is in doubt.
func FuzzOrderReply(f *testing.F) {
	page := fixture(f, "initDc.2019-05-18.trimmed.html")
	page = page[strings.Index(page, "<script"):]
	f.Add(byte(1), page)
	f.Add(byte(1), "<html>var globalRepeatSubmitToken = '6d94'; 'key_check_isChange':'6EA2'")
	for i := range orderReplies {
		for _, body := range []string{
			`{"status":true,"messages":[],"data":"N"}`, `{"status":true,"messages":["非法请求"]}`, `{"status":false,"data":"扣票失败"}`,
			otn(`{"submitStatus":true}`), otn(`{"submitStatus":"true","ifShowPassCode":"Y","ifShowPassCodeTime":"2423"}`), otn(`{"submitStatus":false,"errMsg":"余票不足！"}`),
			otn(`{"submitStatus":false,"errMsg":"<br/>\u0000"}`), `{"status":false,"messages":["<b></b>"]}`, `{"status":"true","data":{"submitStatus":true}}`,
			otn(`{"result":"1","msg":"TRUE"}`), otn(`{"result":"0","msg":"FALSE"}`), otn(`{"count":"3","ticket":"310,0","op_2":"false","countT":"99999999999999999999"}`),
			otn(`{"OrderDTODataList":[{"sequence_no":"E123456789"}]}`), otn(`{"OrderDTODataList":[]}`), otn(`{"OrderDTODataList":null}`), otn(`{}`), otn(`null`),
			redirectToError, redirectToLogin, "<html>网络可能存在问题</html>", "",
		} {
			f.Add(byte(i), body)
		}
	}
	draft := *aDraft(f, nil)
	f.Fuzz(func(t *testing.T, i byte, body string) {
		step := orderReplies[int(i)%len(orderReplies)]
		c, ctx := answering(t, step.path, body)
		d := draft
		d.c = c
		wrong, err := step.ask(ctx, &d, body)
		if wrong != "" && err == nil {
			t.Fatalf("%s: %s", step.path, wrong)
		}
		if err != nil {
			clean(t, err)
		}
		if in, _ := c.LoggedIn(); in {
			t.Fatal("logged in by an order")
		}
	})
}

// FuzzResponse: whatever stands where a reply was asked for, its body is in
// bounds and of the form that was asked, or it is an error that says what to
// do; and a redirect leads nowhere else.
func FuzzResponse(f *testing.F) {
	for _, reply := range []string{
		"HTTP/1.1 429 Too Many\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 503 x\r\nRetry-After: 99999999999999\r\n\r\nbusy",
		"HTTP/1.1 503 x\r\nRetry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n\r\n", "HTTP/1.1 403 Forbidden\r\nRetry-After: -5\r\n\r\n",
		redirectToError, redirectToLogin, "HTTP/1.1 302 Found\r\nLocation: https://evil.example/otn/passport\r\n\r\n", "HTTP/1.1 302 Found\r\nLocation: //evil.example\\@kyfw.12306.cn/x\r\n\r\n",
		"HTTP/1.1 302 Found\r\nLocation: https://kyfw.12306.cn//evil.example/x\r\n\r\n", "HTTP/1.1 302 Found\r\n\r\n", "HTTP/1.1 404 x\r\n\r\n<html>", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\ncut",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n", "{}", "\ufeff<html>系统忙</html>", "<html>uampassport.checkLogin</html>", "",
	} {
		f.Add(byte(0), reply)
		f.Add(byte(1), reply)
	}
	for _, name := range []string{"passport-redirect.2019-05-18.trimmed.html", "leftTicket-init.2019-05-18.trimmed.html"} {
		f.Add(byte(1), fixture(f, name))
	}
	f.Fuzz(func(t *testing.T, how byte, reply string) {
		c, ctx := answering(t, "/x", reply)
		q := call{op: "query", path: "/x", accept: accept(how % 4), follow: how&4 != 0, empty: how&8 != 0}
		r, err := c.do(ctx, q)
		if err != nil {
			if clean(t, err); r != nil {
				t.Fatal("a reply beside an error")
			}
			return
		}
		switch {
		case r.redirect:
			if path, ok := c.ownPath(r.location); ok {
				u, err := url.Parse(c.base.String() + path)
				if err != nil || u.Host != c.base.Host || u.User != nil {
					t.Fatalf("%q leads to %v, %v", r.location, u, err)
				}
			}
		case len(r.body) == 0 && !q.empty:
			t.Fatal("an empty reply")
		case q.accept != acceptPage && looksLikeHTML(r.body):
			t.Fatal("a page in place of data")
		case q.accept == acceptImage && checkImage("", r.body) == nil:
			if _, _, err := image.Decode(bytes.NewReader(r.body)); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := wire.ParseEnvelope(r.body); err == nil && looksLikeHTML(r.body) {
			t.Fatal("a page and JSON")
		}
	})
}
