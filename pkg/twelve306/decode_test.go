package twelve306

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The traps of PROTOCOL.md 0, at the steps that meet them. The forms
// themselves are tested in internal/wire.

// TestMessagesIsATextInQueries: "" in leftTicket/query* since 2019, an array
// everywhere else.
func TestMessagesIsATextInQueries(t *testing.T) {
	j := Journey{Date: Date{2027, 2, 3}}
	for _, messages := range []string{`""`, `[]`, `["",""]`, `null`} {
		trains, err := ParseTrains([]byte(`{"data":{"flag":"1","map":{},"result":[]},"httpstatus":200,"messages":`+messages+`,"status":true}`), j)
		if err != nil || len(trains) != 0 {
			t.Errorf("messages %s: %d trains, %v", messages, len(trains), err)
		}
	}
	for _, messages := range []string{`"网络繁忙"`, `["网络繁忙"]`, `["","网络繁忙"]`} {
		if _, err := ParseTrains([]byte(`{"httpstatus":200,"messages":`+messages+`,"status":false}`), j); KindOf(err) != Busy {
			t.Errorf("messages %s: %v", messages, err)
		}
	}
}

// TestNoTrainsIsSaid: an empty result means no trains only when 12306 says so.
func TestNoTrainsIsSaid(t *testing.T) {
	j := Journey{Date: Date{2027, 2, 3}}
	short := `"a|b|c"`
	row := `"||||||IZQ|WHN|09:30|13:30|04:00` + strings.Repeat("|", 47) + `"`
	shifted := `"|||||||IZQ|WHN|09:30|13:30|04:00` + strings.Repeat("|", 46) + `"`
	for body, want := range map[string]Kind{
		`{"status":true,"data":{"result":[]}}`:                                      "",
		`{"status":true,"data":{"result":[` + row + `,` + row + `,` + short + `]}}`: "",
		`{"status":true,"data":{"result":[` + short + `]}}`:                         Changed,
		`{"status":true,"data":{"result":[` + row + `,` + short + `]}}`:             Changed,
		`{"status":true,"data":{"result":[` + row + `,` + shifted + `]}}`:           Changed,
		`{"status":false,"data":{"result":[]}}`:                                     Changed,
		`{"status":true,"data":{}}`:                                                 Changed,
		`{"status":true,"data":null}`:                                               Changed,
		`{"status":true}`:                                                           Changed,
		`{}`:                                                                        Changed,
		`{"status":true,"data":{"result":"[]"}}`:                                    Changed,
		`{"c_url":"leftTicket/queryZ","status":false}`:                              Changed,
		`null`: Network, ``: Network, `<html></html>`: Network, `{"status":true,"data":{"result":[`: Network,
	} {
		if _, err := ParseTrains([]byte(body), j); KindOf(err) != want || (err == nil) != (want == "") {
			t.Errorf("%.70s: %v, want %q", body, err, want)
		}
	}
}

// TestResultCodeForms: a number in web/login, uamtk and uamauthclient, a text
// in captcha-check, create-qr64 and checkqr; taken in both forms everywhere.
func TestResultCodeForms(t *testing.T) {
	for _, code := range []string{`0`, `"0"`} {
		c := one(t, "/passport/web/login", `{"result_message":"登录成功","result_code":`+code+`,"uamtk":"tok"}`)
		if err := c.submitLogin(t.Context(), nil, "", nil); err != nil || !c.hasCookie("/passport/web", "uamtk") {
			t.Errorf("login %s: %v", code, err)
		}
		c = one(t, "/passport/web/auth/uamtk", `{"apptk":null,"result_message":"验证通过","result_code":`+code+`,"newapptk":"new"}`)
		if tk, err := c.uamtk(t.Context(), ""); err != nil || tk != "new" {
			t.Errorf("uamtk %s: %q, %v", code, tk, err)
		}
		c = one(t, "/otn/uamauthclient", `{"apptk":"tk","result_code":`+code+`,"result_message":"验证通过","username":"张三"}`)
		if err := c.uamauthclient(t.Context(), "new", ""); err != nil || !c.hasCookie("/otn/x", "tk") {
			t.Errorf("uamauthclient %s: %v", code, err)
		}
	}
	for code, want := range map[string]verdict{`4`: right, `"4"`: right, `"5"`: wrong, `7`: expired, `"8"`: wrong} {
		c := one(t, "/passport/captcha/captcha-check", `{"result_message":"","result_code":`+code+`}`)
		if got, err := c.captchaCheck(t.Context(), "1,2"); err != nil || got != want {
			t.Errorf("captcha-check %s: %q, %v", code, got, err)
		}
		c = one(t, "/passport/captcha/captcha-check", `/**/jQuery19_1({"result_message":"","result_code":`+code+`});`)
		if got, err := c.captchaCheck(t.Context(), ""); err != nil || got != want {
			t.Errorf("captcha-check as JSONP, %s: %q, %v", code, got, err)
		}
	}
	// Without a code nothing succeeded.
	for _, body := range []string{`{}`, `{"result_code":null}`, `{"result_code":""}`, `{"result_code":true}`, `{"result_message":"登录成功"}`} {
		if err := one(t, "/passport/web/login", body).submitLogin(t.Context(), nil, "", nil); err == nil {
			t.Errorf("login took %s for success", body)
		}
		if _, err := one(t, "/passport/web/auth/uamtk", body).uamtk(t.Context(), ""); err == nil {
			t.Errorf("uamtk took %s for success", body)
		}
		if err := one(t, "/otn/uamauthclient", body).uamauthclient(t.Context(), "", ""); err == nil {
			t.Errorf("uamauthclient took %s for success", body)
		}
		if _, err := one(t, "/passport/captcha/captcha-check", body).captchaCheck(t.Context(), ""); err == nil {
			t.Errorf("captcha-check took %s for an answer", body)
		}
	}
}

// TestStaleToken: a token that uamauthclient refuses sends the client to
// userLogin once more, and then for another token.
func TestStaleToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := play(t, map[string][]string{
			"/otn/login/userLogin":     {"<html></html>"},
			"/passport/web/auth/uamtk": {`{"apptk":null,"result_message":"验证通过","result_code":0,"newapptk":"a"}`, `{"result_code":0,"newapptk":"b"}`},
			"/otn/uamauthclient":       {`{"result_code":2,"result_message":"uamtk票据内容为空"}`, `{"apptk":"b","result_code":0,"result_message":"验证通过","username":"张三"}`},
		})
		if err := c.authorise(t.Context(), true, pageLogin); err != nil {
			t.Fatal(err)
		}
		var asked []string
		for _, a := range p.asked {
			asked = append(asked, a.path[strings.LastIndexByte(a.path, '/')+1:])
		}
		if got := strings.Join(asked, " "); got != "userLogin uamtk uamauthclient userLogin uamtk uamauthclient" {
			t.Error(got)
		}
	})
}

// TestSubmitTestsStatusAlone: data was "N" in 2018, "0" in 2021, "220" in 2024
// and "Y" when the train leaves soon.
func TestSubmitTestsStatusAlone(t *testing.T) {
	submit := func(body string) error {
		c := one(t, "/otn/leftTicket/submitOrderRequest", body)
		return c.submitOrderRequest(t.Context(), aDraft(t, c).req)
	}
	for _, data := range []string{`"N"`, `"0"`, `"220"`, `"Y"`, `null`, `{}`, `true`} {
		if err := submit(otn(data)); err != nil {
			t.Errorf("data %s: %v", data, err)
		}
	}
	for body, want := range map[string]Kind{
		`{"status":false,"messages":["您还有未处理的订单，请您到<a href=\"../queryOrder/initNoComplete\">[未完成订单]</a>进行处理!"]}`: Unpaid,
		`{"status":true,"messages":["非法请求"]}`: Invalid,
		`{"status":false,"data":"网络繁忙"}`:      Busy,
		`{"status":false,"messages":[]}`:      Changed,
		`{"status":false}`:                    Changed,
	} {
		err := submit(body)
		if KindOf(err) != want || strings.Contains(err.Error(), "<") {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// TestCheckOrderForms: ifShowPassCode is gone in 2024, ifShowPassCodeTime is a
// text of digits.
func TestCheckOrderForms(t *testing.T) {
	tests := []struct {
		data    string
		picture bool
		wait    time.Duration
	}{
		{`{"ifShowPassCode":"N","canChooseSeats":"Y","ifShowPassCodeTime":"2423","submitStatus":true}`, false, 2423 * time.Millisecond},
		{`{"ifShowPassCode":"Y","ifShowPassCodeTime":"1","submitStatus":true}`, true, time.Millisecond},
		{`{"canChooseSeats":"Y","choose_Seats":"MOP","ifShowPassCodeTime":"1","submitStatus":true,"smokeStr":""}`, false, time.Millisecond},
		{`{"ifShowPassCodeTime":15,"submitStatus":"true"}`, false, 15 * time.Millisecond},
		{`{"ifShowPassCodeTime":"35000","submitStatus":true}`, false, 35 * time.Second},
		{`{"ifShowPassCodeTime":"119000","submitStatus":true}`, false, 119 * time.Second},
		{`{"submitStatus":true}`, false, 0},
		{`{"ifShowPassCodeTime":"999999999","submitStatus":true}`, false, maxPassCodeTime},
		{`{"ifShowPassCodeTime":"-5","submitStatus":true}`, false, 0},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			info, err := aDraft(t, one(t, "/otn/confirmPassenger/checkOrderInfo", otn(tt.data))).checkOrderInfo(t.Context())
			wait := max(time.Until(info.button), 0)
			if err != nil || info.wantsPicture != tt.picture || wait != tt.wait {
				t.Errorf("%s: %+v, button in %v, %v", tt.data, info, wait, err)
			}
		})
	}
	for data, want := range map[string]Kind{
		`{"submitStatus":false,"errMsg":"您选择了1位乘车人，但本次列车一等座仅剩0张。","checkSeatNum":true}`: SoldOut,
		`{"submitStatus":false,"errMsg":"何","checkSeatNum":true}`:                       SoldOut,
		`{"submitStatus":false,"errMsg":"何","isRelogin":true}`:                          Session,
		`{"submitStatus":false,"get608Msg":"何"}`:                                        Conflict,
		`{"submitStatus":false}`: Changed,
		`{}`:                     Changed,
		`"x"`:                    Network,
	} {
		if _, err := aDraft(t, one(t, "/otn/confirmPassenger/checkOrderInfo", otn(data))).checkOrderInfo(t.Context()); KindOf(err) != want {
			t.Errorf("%s: %v, want %s", data, err, want)
		}
	}
}

// TestQueueCountForms: every number is a text, ticket is seats[,standing] or a
// word, op_2 "true" ends the order and op_1 does not.
func TestQueueCountForms(t *testing.T) {
	tests := []struct {
		data   string
		seat   Seat
		want   Kind
		ticket string
		queue  int
	}{
		{`{"count":"3","ticket":"310,0","op_2":"false","countT":"0","op_1":"true"}`, SecondClass, "", "310,0", 0},
		{`{"count":"0","ticket":"8","op_2":"false","countT":"12","op_1":"false"}`, FirstClass, "", "8", 12},
		{`{"ticket":"充足","op_2":"false","countT":"0"}`, SecondClass, "", "充足", 0},
		{`{"ticket":"2,1146","op_2":"true","countT":"9"}`, SecondClass, SoldOut, "2,1146", 9},
		{`{"ticket":"0,30","op_2":"false","countT":"0"}`, SecondClass, SoldOut, "0,30", 0},
		{`{"ticket":"0,30","op_2":"false","countT":"0"}`, Standing, "", "0,30", 0},
		{`{"ticket":"30,0","op_2":"false","countT":"0"}`, Standing, SoldOut, "30,0", 0},
		{`{"ticket":5,"op_2":false,"countT":1}`, SecondClass, "", "5", 1},
		{`{"isRelogin":"Y"}`, SecondClass, Session, "", 0},
		{`{"ticket":"5","countT":""}`, SecondClass, "", "", 0}, // unreadable advice is no advice
		{`"x"`, SecondClass, "", "", 0},
	}
	for _, tt := range tests {
		d := aDraft(t, one(t, "/otn/confirmPassenger/getQueueCount", otn(tt.data)))
		d.req.Seat = tt.seat
		if err := d.getQueueCount(t.Context()); KindOf(err) != tt.want || tt.want == "" && (d.Ticket != tt.ticket || d.Queue != tt.queue) {
			t.Errorf("%s for %s: %v, ticket %q, queue %d", tt.data, tt.seat, err, d.Ticket, d.Queue)
		}
	}
}

// TestConfirmVerdicts: success is data.submitStatus true and nothing else; what
// is neither success nor 12306's words is Ambiguous.
func TestConfirmVerdicts(t *testing.T) {
	for body, want := range map[string]Kind{
		otn(`{"submitStatus":true}`):                                         "",
		otn(`{"isAsync":"1","submitStatus":true}`):                           "", // 2024
		otn(`{"isAsync":1,"submitStatus":"true"}`):                           "",
		otn(`{"submitStatus":false,"errMsg":"没有足够的票!"}`):                     SoldOut,
		otn(`{"submitStatus":false,"errMsg":"包含未付款订单"}`):                     Unpaid,
		otn(`{"errMsg":"非法的订票请求！"}`):                                         Invalid,
		`{"status":false,"data":"扣票失败","messages":[]}`:                       SoldOut,
		`{"status":false,"messages":["系统忙，请稍后重试"]}`:                          Busy,
		`{"status":true,"messages":["非法请求"]}`:                                Invalid,
		`{"status":false,"data":{"submitStatus":true},"messages":[]}`:        Ambiguous,
		`{"status":true,"httpstatus":200,"messages":[]}`:                     Ambiguous, // 2014
		`{"status":false,"messages":[]}`:                                     Ambiguous,
		otn(`{}`):                                                            Ambiguous,
		otn(`{"submitStatus":false}`):                                        Ambiguous,
		otn(`{"submitStatus":null}`):                                         Ambiguous,
		otn(`null`):                                                          Ambiguous,
		otn(`true`):                                                          Ambiguous,
		otn(`[]`):                                                            Ambiguous,
		otn(`"N"`):                                                           Ambiguous,
		`{"status":"true","data":"{\"submitStatus\":true}","messages":"[]"}`: Ambiguous, // every type another
		`{"status":"false","data":"[]","messages":"{}"}`:                     Ambiguous,
		`null`: Ambiguous, `{`: Ambiguous, `<html>系统忙</html>`: Ambiguous, redirectToError: Ambiguous, redirectToLogin: Ambiguous,
		"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n": Ambiguous,
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n":                  Ambiguous,
		"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{\"status\":":    Ambiguous,
	} {
		c, p := play(t, map[string][]string{"/otn/confirmPassenger/confirmSingleForQueue": {body}})
		d := aDraft(t, c)
		q, err := d.Confirm(t.Context())
		if KindOf(err) != want || (err == nil) != (want == "") || (q != nil) != (want == "") {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
		if _, err := d.Confirm(t.Context()); KindOf(err) != Ambiguous || len(p.asked) != 1 {
			t.Errorf("%s: a second Confirm: %v, %d requests", body, err, len(p.asked))
		}
	}
}

// TestWaitForms reads what the queue says, and what it says when it says nothing.
func TestWaitForms(t *testing.T) {
	tests := []struct {
		name    string
		replies []string
		number  string
		want    Kind
	}{
		{"recorded 2019 and 2024", []string{
			otn(`{"queryOrderWaitTimeStatus":true,"count":0,"waitTime":-100,"requestId":6535491582148718991,"waitCount":0,"tourFlag":"dc","orderId":null}`),
			otn(`{"queryOrderWaitTimeStatus":true,"count":0,"waitTime":75,"requestId":6535491582148718991,"waitCount":815,"tourFlag":"dc","orderId":null}`),
			otn(`{"queryOrderWaitTimeStatus":true,"count":0,"waitTime":4,"requestId":6535491582148718991,"waitCount":0,"tourFlag":"dc","orderId":null}`),
			otn(`{"queryOrderWaitTimeStatus":true,"count":0,"waitTime":-1,"requestId":6535491582148718991,"waitCount":0,"tourFlag":"dc","orderId":"EH00000000"}`),
		}, "EH00000000", ""},
		{"numbers as texts", []string{otn(`{"waitTime":"4","requestId":"1","waitCount":"3"}`), otn(`{"waitTime":"-1","orderId":"E1"}`)}, "E1", ""},
		{"a number before -1", []string{otn(`{"waitTime":0,"orderId":"E2"}`)}, "E2", ""},
		{"markup in the number", []string{otn(`{"waitTime":-1,"orderId":"<b>E3</b>\u0007"}`)}, "E3", ""},
		{"-1 without a number", []string{otn(`{"waitTime":-1,"orderId":null}`)}, "", Ambiguous},
		{"-2", []string{otn(`{"waitTime":-2,"errorcode":"0","msg":"没有足够的票!"}`)}, "", SoldOut},
		{"-2 without a word", []string{otn(`{"waitTime":-2}`)}, "", SoldOut},
		{"-2 cancelled too often", []string{otn(`{"waitTime":-2,"msg":"对不起，由于您取消次数过多，今日将不能继续受理您的订票请求。"}`)}, "", Refused},
		{"-3", []string{otn(`{"waitTime":-3}`)}, "", SoldOut},
		{"-4 is nobody's", []string{otn(`{"waitTime":-4}`)}, "", Ambiguous},
		{"-100 for ever", []string{otn(`{"waitTime":-100}`)}, "", Ambiguous},
		{"an empty body", []string{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}, "", Ambiguous},
		{"unreadable twice", []string{"null", "<html>", otn(`{"waitTime":-1,"orderId":"E4"}`)}, "E4", ""},
		{"unreadable three times, then a number", []string{"null", otn(`"x"`), redirectToError, otn(`{"waitTime":-1,"orderId":"E5"}`)}, "", Ambiguous},
		{"busy three times", []string{`{"status":false,"messages":["系统忙"]}`}, "", Ambiguous},
		{"the bare form, unreadable", []string{`{"waitTime":"soon"}`}, "", Ambiguous},
		{"logged out", []string{otn(`{"queryOrderWaitTimeStatus":false,"waitTime":0}`)}, "", Session},
		{"sent to the login", []string{redirectToLogin}, "", Session},
		{"the bare form of 2013", []string{`{"tourFlag":"dc","waitTime":4,"waitCount":0,"count":0}`, `{"tourFlag":"dc","waitTime":-1,"orderId":"E6"}`}, "E6", ""},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			c, _ := play(t, map[string][]string{"/otn/confirmPassenger/queryOrderWaitTime": tt.replies})
			started := time.Now()
			number, err := c.WaitOrder(t.Context(), Queued{Token: "t"}, nil)
			if number != tt.number || KindOf(err) != tt.want {
				t.Errorf("%s: %q, %v", tt.name, number, err)
			}
			if polls := len(tt.replies); err == nil && time.Since(started).Round(time.Millisecond) != time.Duration(polls-1)*PollInterval {
				t.Errorf("%s: %d polls took %v", tt.name, polls, time.Since(started))
			}
		})
	}
}

// TestPassengerForms: the list of 2019 and that of 2024, and what stands in its place.
func TestPassengerForms(t *testing.T) {
	const lists = `"two_isOpenClick":["93","95","97","99"],"other_isOpenClick":["91","93","98","99","95","97"]`
	ask := func(data string) ([]passenger, error) {
		return one(t, "/otn/confirmPassenger/getPassengerDTOs", otn(data)).passengerList(t.Context(), "", pageQuery)
	}
	list, err := ask(`{"isExist":true,"exMsg":"",` + lists + `,"normal_passengers":[
		{"passenger_name":"张三","passenger_id_type_code":"1","passenger_id_no":"1","total_times":"99","index_id":"0"},
		{"passenger_name":"李四","passenger_id_type_code":"1","passenger_id_no":"2","total_times":"92"},
		{"passenger_name":"王五","passenger_id_type_code":"B","passenger_id_no":"3","total_times":91,"allEncStr":null},
		{"passenger_name":"赵六","passenger_id_type_code":"B","passenger_id_no":"4","total_times":"93"},
		{"passenger_name":"赵六","passenger_id_type_code":"B","passenger_id_no":"5","total_times":"93"}],"dj_passengers":[]}`)
	if err != nil || len(list) != 5 {
		t.Fatalf("%d passengers, %v", len(list), err)
	}
	for names, want := range map[string]string{"张三": "", "王五 张三": "", "李四": "李四 is not verified", "赵六": "2 passengers of the account are called 赵六", "钱七": "no passenger 钱七 in the account; there are: 张三, 李四, 王五, 赵六, 赵六"} {
		people, err := choose(list, strings.Fields(names), nil)
		if want == "" && (err != nil || len(people) != len(strings.Fields(names)) || string(people[0].Name) != strings.Fields(names)[0]) {
			t.Errorf("%s: %v, %v", names, people, err)
		}
		if want != "" && (KindOf(err) != Passenger || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", names, err)
		}
	}
	for data, want := range map[string]Kind{
		`{"isExist":false,"exMsg":"用户未登录","noLogin":"true"}`: Session,
		`{"isExist":false,"exMsg":"系统忙，请稍后重试"}`:              Busy,
		`{"isExist":false,"exMsg":""}`:                       Passenger,
		`{"isExist":true}`:                                   Network,
		`{"isExist":true,"normal_passengers":"x"}`:           Network,
		`"x"`: Network,
	} {
		if _, err := ask(data); KindOf(err) != want {
			t.Errorf("%s: %v, want %s", data, err, want)
		}
	}
}
