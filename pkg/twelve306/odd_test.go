package twelve306

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// oddities makes a client whose 12306 is a tape and lists what it finds odd.
func oddities(t *testing.T, replies map[string][]string) (*Client, *[]string) {
	c, _ := play(t, replies)
	var list []string
	c.OnOdd(func(o Odd) {
		if len(o.Body) == 0 || o.Status == 0 {
			t.Errorf("%s without a body or a status", o.Why)
		}
		list = append(list, o.Op+" "+o.Why)
	})
	return c, &list
}

// aRow is a row of n fields for IZQ-WHN at a time, with a word in the cell of
// the second class.
func aRow(n int, depart, second string) string {
	f := make([]string, n)
	f[1], f[2], f[3], f[6], f[7], f[8], f[9], f[10], f[11], f[30] = "预订", "6i000G111000", "G1110", "IZQ", "WHN", depart, "13:30", "04:00", "Y", second
	return strings.Join(f, "|")
}

func answerOf(rows ...string) string {
	return `{"data":{"flag":"1","map":{},"result":["` + strings.Join(rows, `","`) + `"]},"httpstatus":200,"messages":"","status":true}`
}

const emptyAnswer = `{"data":{"flag":"1","map":{},"result":[]},"httpstatus":200,"messages":"","status":true}`

// looking is a client that knows today's letter.
func looking(t *testing.T, answers ...string) (*Client, *[]string) {
	c, odd := oddities(t, map[string][]string{"/otn/leftTicket/queryZ": answers})
	c.queryPath = "leftTicket/queryZ"
	return c, odd
}

func journeyOn(t *testing.T, d Date) Journey {
	return Journey{Date: d, From: station(t, "IZQ"), To: station(t, "WHN")}
}

// TestOddAnswers: each way in which a query's answer can be strange, and what
// becomes of it.
func TestOddAnswers(t *testing.T) {
	good, other := aRow(58, "09:30", "5"), strings.Replace(aRow(58, "09:30", "5"), "WHN", "HKN", 1)
	shifted := "|" + aRow(57, "09:30", "5")
	for _, c := range []struct {
		name, answer string
		kind         Kind
		odd          string
		trains       int
	}{
		{"as ever", answerOf(good, good), "", "", 2},
		{"39 fields", answerOf(aRow(39, "09:30", "无")), "", "", 1},
		{"41 fields", answerOf(aRow(41, "09:30", "有")), "", "queryZ field-count", 1},
		{"70 fields", answerOf(aRow(70, "09:30", "有")), "", "queryZ field-count", 1},
		{"a new word", answerOf(good, aRow(58, "10:30", "抢光")), "", "queryZ seat-word", 2},
		{"a third unreadable", answerOf(good, good, "a|b"), "", "queryZ bad-rows", 2},
		{"half unreadable", answerOf(good, "a|b"), Changed, "queryZ bad-rows", 0},
		{"half shifted", answerOf(good, shifted), Changed, "queryZ bad-rows", 0},
		{"a broken time", answerOf(good, good, aRow(58, "half past nine", "5")), "", "queryZ bad-rows", 3},
		{"another station", answerOf(other), "", "", 0},
		{"the login page", fixture(t, "passport-redirect.2019-05-18.trimmed.html"), Session, "queryZ login-page", 0},
		{"some page", "<html><body>升级公告</body></html>", Network, "queryZ page", 0},
		{"the error page", "<html><body>网络可能存在问题，请您重试一下！</body></html>", Blocked, "", 0},
		{"a busy page", "<html><body>系统忙，请稍后重试</body></html>", Busy, "", 0},
		{"no JSON", "window.location=1", Network, "queryZ not-json", 0},
		{"busy", `{"status":false,"messages":["网络繁忙"]}`, Busy, "", 0},
		{"new words", `{"status":false,"messages":["今天天气不错"]}`, Changed, "queryZ words", 0},
		{"no words", `{"status":true,"data":{}}`, Changed, "queryZ shape", 0},
		{"elsewhere", "HTTP/1.1 302 Found\r\nLocation: https://example.com/?a=b\r\nContent-Length: 0\r\n\r\n", Changed, "queryZ redirect", 0},
		{"blocked", redirectToError, Blocked, "", 0},
		{"forbidden", "HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\n<html>", Blocked, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, odd := looking(t, c.answer)
			client.renewed = true // no second try
			trains, err := client.Query(t.Context(), journeyOn(t, DateOf(time.Now()).AddDays(3)))
			if KindOf(err) != c.kind || (err == nil) != (c.kind == "") || len(trains) != c.trains {
				t.Errorf("%d trains, %v; want %d and kind %q", len(trains), err, c.trains, c.kind)
			}
			if got := strings.Join(*odd, ", "); got != c.odd {
				t.Errorf("odd: %q, want %q", got, c.odd)
			}
		})
	}
}

// TestOddSteps: refusals in unknown words are odd at every step, known ones and
// answers that are none are not.
func TestOddSteps(t *testing.T) {
	const order = "/otn/confirmPassenger/"
	checkOrder := func(ctx context.Context, c *Client) error {
		_, err := aDraft(t, c).checkOrderInfo(ctx)
		return err
	}
	wait := func(ctx context.Context, c *Client) error { _, err := c.waitTime(ctx, Queued{}); return err }
	initDc := func(ctx context.Context, c *Client) error { _, err := c.initDc(ctx, OrderRequest{}); return err }
	uamtk := func(ctx context.Context, c *Client) error { _, err := c.uamtk(ctx, ""); return err }
	people := func(ctx context.Context, c *Client) error { _, err := c.Passengers(ctx); return err }
	for _, c := range []struct {
		path, reply string
		ask         func(context.Context, *Client) error
		odd         string
	}{
		{order + "checkOrderInfo", otn(`{"submitStatus":false,"errMsg":"今天天气不错"}`), checkOrder, "checkOrderInfo words"},
		{order + "checkOrderInfo", otn(`{"submitStatus":false,"errMsg":"余票不足"}`), checkOrder, ""},
		{order + "checkOrderInfo", otn(`{"submitStatus":true,"ifShowPassCode":"N"}`), checkOrder, ""},
		{order + "checkOrderInfo", `{"status":false,"messages":["今天天气不错"]}`, checkOrder, "checkOrderInfo words"},
		{order + "checkOrderInfo", `nothing`, checkOrder, "checkOrderInfo not-json"},
		{order + "queryOrderWaitTime", otn(`{"waitTime":-2,"msg":"今天天气不错"}`), wait, "queryOrderWaitTime words"},
		{order + "queryOrderWaitTime", otn(`{"waitTime":-2,"msg":"没有足够的票!"}`), wait, ""},
		{order + "queryOrderWaitTime", otn(`{"waitTime":-100,"msg":""}`), wait, ""},
		{order + "queryOrderWaitTime", `nothing`, wait, "queryOrderWaitTime not-json"},
		{order + "initDc", "<html><body>维护公告</body></html>", initDc, "initDc no-token"},
		{order + "initDc", "<html><body>系统忙</body></html>", initDc, ""},
		{order + "getPassengerDTOs", otn(`{"isExist":false,"exMsg":"今天天气不错"}`), people, "getPassengerDTOs words"},
		{"/passport/web/auth/uamtk", `{"result_code":1,"result_message":"今天天气不错"}`, uamtk, "uamtk words"},
		{"/passport/web/auth/uamtk", `{"result_code":1,"result_message":"用户未登录"}`, uamtk, ""},
		{"/passport/web/auth/uamtk", `{"result_code":94,"result_message":"请完成人脸核验"}`, uamtk, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			client, odd := oddities(t, map[string][]string{c.path: {c.reply}})
			_ = c.ask(t.Context(), client)
			if got := strings.Join(slices.Compact(*odd), ", "); got != c.odd {
				t.Errorf("%s %.60s: odd %q, want %q", c.path, c.reply, got, c.odd)
			}
		})
	}
}

// TestRecordingsAreNotOdd: nothing that was recorded is strange.
func TestRecordingsAreNotOdd(t *testing.T) {
	for _, name := range []string{"query.2019-05-18.HZH-NGH.subset.json", "queryG.2026-10-04.VNP-AOH.json", "queryZ.2017-12-23.YLZ-YSZ.offhours.json"} {
		client, odd := looking(t, fixture(t, name))
		if _, err := client.Query(t.Context(), journeyOn(t, DateOf(time.Now()).AddDays(3))); err != nil || len(*odd) > 0 {
			t.Errorf("%s: %v, odd %q", name, err, *odd)
		}
	}
	client, odd := oddities(t, map[string][]string{"/otn/leftTicket/init": {fixture(t, "leftTicket-init.2019-05-18.trimmed.html")}})
	if _, err := client.learnQueryPath(t.Context(), classAgain); err != nil || len(*odd) > 0 {
		t.Errorf("leftTicket/init: %v, odd %q", err, *odd)
	}
}

// TestEmptied: an empty list where there were trains is an error until it has
// lasted for six hours; it is believed at once where there were none, where
// rows for other stations remain, and after the last train of today.
func TestEmptied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		train, other := answerOf(aRow(58, "09:30", "5")), answerOf(strings.Replace(aRow(58, "09:30", "5"), "WHN", "HKN", 1))
		// A bubble begins on 2000-01-01 at 08:00 in Shanghai.
		today := DateOf(time.Now())
		look := func(t *testing.T, c *Client, d Date, want string) {
			t.Helper()
			trains, err := c.Query(t.Context(), journeyOn(t, d))
			got := fmt.Sprint(len(trains))
			if err != nil {
				got = err.Error()
			}
			if got != want {
				t.Errorf("%v: %s, want %s", time.Now().UTC(), got, want)
			}
			if n, ok := errors.AsType[Emptied](err); ok != (KindOf(err) == Changed) || ok && n < 1 {
				t.Errorf("the cause of %v", err)
			}
		}
		const gone = "query: changed: 12306 lists no trains where it listed 1 (the list is empty)"

		c, odd := looking(t, emptyAnswer, train, emptyAnswer, emptyAnswer, other, emptyAnswer)
		c.OnOdd(func(o Odd) { *odd = append(*odd, o.Why) })
		day := today.AddDays(3)
		look(t, c, day, "0")
		look(t, c, day, "1")
		look(t, c, day, gone)
		look(t, c, day, gone)
		look(t, c, day, "0") // rows for another station
		look(t, c, day, "0")
		if got := strings.Join(*odd, " "); got != "no-trains no-trains" {
			t.Errorf("odd: %s", got)
		}

		c, _ = looking(t, train, emptyAnswer)
		look(t, c, day, "1")
		look(t, c, day, gone)
		c.queryPath = "leftTicket/queryZ"
		time.Sleep(believeEmpty - time.Second)
		look(t, c, day, gone)
		time.Sleep(time.Second)
		look(t, c, day, "0")
		look(t, c, day, "0")

		// 14:00 by now: trains of 20:00.
		late := answerOf(aRow(58, "09:30", "5"), aRow(58, "20:00", "5"))
		c, _ = looking(t, late, emptyAnswer)
		look(t, c, today, "2")
		look(t, c, today, "query: changed: 12306 lists no trains where it listed 2 (the list is empty)")
		time.Sleep(time.Until(today.Time().Add(19*time.Hour + 56*time.Minute)))
		look(t, c, today, "0")
	})
}
