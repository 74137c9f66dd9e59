package twelve306

import (
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestKeywords walks the keyword table that the clients of 2013 to 2026 agree
// on: every keyword has its kind, whatever sentence it stands in.
func TestKeywords(t *testing.T) {
	n := 0
	for _, row := range []struct {
		keywords string
		kind     Kind
	}{
		{"取消次数过多", Refused},
		{"未处理的订单, 未完成, 排队中, 包含未付款订单", Unpaid},
		{"未登录, 重新登录, 请登录", Session},
		{"冲突, 您的证件, 一日一车一证一票", Conflict},
		{"用户信息, 身份信息, 核验, 线下窗口", Conflict},
		{"用户名或密码错误, 登录名不存在, 密码输入错误", Password},
		{"锁定", Refused},
		{"验证码, 校验码, 动态码", Wrong},
		{"滑动验证", Person},
		{"没有足够, 余票不足, 仅剩0张, 排队人数, 实时余票无票, 非法的席别, 扣票失败, 占座失败", SoldOut},
		{"重新查询, 已过期", Stale},
		{"非法请求, 非法的订票请求, 数据无效", Invalid},
		{"繁忙, 系统忙, 网络错误, 重试, 人数过多, 提交失败", Busy},
		{"频率太快, 过于频繁", Busy},
		{"起售, 暂停发售, 停运, 预售期", NotOnSale},
	} {
		for word := range strings.SplitSeq(row.keywords, ", ") {
			n++
			for _, sentence := range []string{word, "对不起，" + word + "。", "<b>" + word + "</b>!"} {
				if e := refused("x", sentence); e.Kind != row.kind {
					t.Errorf("%s: %s, want %s", sentence, e.Kind, row.kind)
				}
			}
		}
	}
	if n != 48 {
		t.Errorf("%d keywords walked", n)
	}
	// The more telling part of a sentence wins.
	for sentence, want := range map[string]Kind{
		"您的身份信息核验未完成":             Conflict,
		"您选择了3位乘车人，但本次列车一等座仅剩2张。": SoldOut,
		"目前您已有待支付的候补订单，请先支付":      Unpaid,
		"uamtk票据内容为空":             Stale,
	} {
		if got := Classify(sentence); got != want {
			t.Errorf("%s: %s, want %s", sentence, got, want)
		}
	}
}

// TestShapes: a failure is known by its shape on every step (PROTOCOL.md 1.3).
func TestShapes(t *testing.T) {
	response := func(head string) string { return "HTTP/1.1 " + head + "\r\nContent-Length: 0\r\n\r\n" }
	for name, c := range map[string]struct {
		reply string
		want  Kind
	}{
		"error.html":              {redirectToError, Blocked},
		"error.html followed":     {`<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"><html>网络可能存在问题，请您重试一下！</html>`, Blocked},
		"passport":                {redirectToLogin, Session},
		"login/init":              {response("302 Found\r\nLocation: /otn/login/init"), Session},
		"login/error":             {response("302 Found\r\nLocation: /otn/login/error"), Busy},
		"another redirect":        {response("302 Found\r\nLocation: /otn/somewhere"), Changed},
		"busy":                    {`{"status":false,"httpstatus":200,"messages":["网络繁忙"]}`, Busy},
		"busy, status true":       {`{"status":true,"httpstatus":200,"messages":["系统忙，请稍后重试"]}`, Busy},
		"nothing":                 {"", Network},
		"illegal, status true":    {`{"status":true,"httpstatus":200,"messages":["非法请求"]}`, Invalid},
		"403":                     {response("403 Forbidden"), Blocked},
		"405":                     {response("405 Method Not Allowed"), Blocked},
		"412":                     {response("412 Precondition Failed"), Blocked},
		"429":                     {response("429 Too Many Requests"), Busy},
		"503":                     {response("503 Service Unavailable"), Busy},
		"500":                     {response("500 Internal Server Error"), Network},
		"404":                     {response("404 Not Found"), Changed},
		"some page":               {"<html><body>公告</body></html>", Network},
		"the login page":          {fixture(t, "passport-redirect.2019-05-18.trimmed.html"), Session},
		"unknown words":           {`{"status":false,"httpstatus":200,"messages":["今天天气不错"]}`, Changed},
		"status false, no word":   {`{"status":false,"httpstatus":200,"messages":[]}`, Changed},
		"status false, a word":    {`{"status":false,"httpstatus":200,"data":"扣票失败","messages":[]}`, SoldOut},
		"half of a reply":         {`{"status":true,"data":{"fl`, Network},
		"not logged in, in words": {`{"status":false,"httpstatus":200,"messages":["用户未登录"]}`, Session},
	} {
		synctest.Test(t, func(t *testing.T) {
			if err := one(t, "/otn/login/checkUser", c.reply).CheckUser(t.Context()); KindOf(err) != c.want {
				t.Errorf("%s: %v, want %s", name, err, c.want)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		// getPassengerDTOs says it in its own way, and so does the queue.
		if _, err := one(t, "/otn/confirmPassenger/getPassengerDTOs", otn(`{"noLogin":"true"}`)).Passengers(t.Context()); KindOf(err) != Session {
			t.Errorf("noLogin: %v", err)
		}
		if _, err := one(t, "/otn/confirmPassenger/queryOrderWaitTime", otn(`{"queryOrderWaitTimeStatus":false}`)).waitTime(t.Context(), Queued{}); KindOf(err) != Session {
			t.Errorf("queryOrderWaitTimeStatus: %v", err)
		}
		if err := checkImage("captcha-image", []byte(fixture(t, "captcha/captcha-throttled.2019-01-11.1c5ba95.jpg"))); KindOf(err) != Busy {
			t.Errorf("the throttle picture: %v", err)
		}
		// A query's address that has moved is no failure, and the night none either.
		c, tape := play(t, map[string][]string{"/otn/leftTicket/query": {`{"status":false,"c_url":"leftTicket/queryZ","c_name":"CLeftTicketUrl"}`},
			"/otn/leftTicket/queryZ": {fixture(t, "queryZ.2017-12-23.YLZ-YSZ.offhours.json")}})
		c.queryPath = "leftTicket/query"
		j := Journey{Date: DateOf(time.Now()).AddDays(3), From: station(t, "YLZ"), To: station(t, "YSZ")}
		trains, err := c.Query(t.Context(), j)
		if err != nil || len(tape.asked) != 2 || len(trains) == 0 || trains[0].Buyable() || !trains[0].NotOnSale() {
			t.Errorf("c_url, then the night: %d trains, %v", len(trains), err)
		}
	})
}

// TestTableForPeople keeps the table in PROTOCOL.md true: each telling part of
// a sentence stands in a row with its kind.
func TestTableForPeople(t *testing.T) {
	page, err := os.ReadFile("PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(page), "\n## 5. What went wrong, in words\n")
	if !ok {
		t.Fatal("PROTOCOL.md has no section 5")
	}
	kindOf := map[string]string{} // by telling part
	rows := 0
	for line := range strings.Lines(section) {
		cells := strings.Split(line, "|")
		if len(cells) != 6 {
			continue
		}
		rows++
		for word := range strings.SplitSeq(cells[1], "、") {
			kindOf[strings.TrimSpace(word)] = cells[2]
		}
	}
	for _, r := range refusals {
		for word := range strings.SplitSeq(r.words, "|") {
			if !strings.Contains(kindOf[word], "("+string(r.kind)+")") {
				t.Errorf("the row of %s says %q, want (%s)", word, kindOf[word], r.kind)
			}
		}
	}
	if rows < 20 {
		t.Errorf("only %d rows", rows)
	}
	for _, k := range []Kind{Network, Busy, Blocked, Session, SoldOut, Stale, Wrong, Unpaid, Conflict, Refused, Password, Person, NotOnSale, Passenger, Invalid, Changed, Ambiguous} {
		if !strings.Contains(section, "("+string(k)+")") {
			t.Errorf("no row is about %s", k)
		}
	}
}
