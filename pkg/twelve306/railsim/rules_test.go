package railsim

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestCell(t *testing.T) {
	for n, want := range map[int]string{-1: "无", 0: "无", 1: "1", 20: "20", 21: "有", 900: "有"} {
		if got := cell(n); got != want {
			t.Errorf("cell(%d) = %s, want %s", n, got, want)
		}
	}
}

// TestGoodOnce: what 12306 takes once it does not take again.
func TestGoodOnce(t *testing.T) {
	inBubble(t, Options{Calm: true}, func(b *browser) {
		b.signOn()
		b.want(b.password("secret12306").json(t, "result_code"), "5") // the picture is spent
		b.want(len(b.site.Violations()), 1)

		b.do("GET", "/otn/login/userLogin", "", false)
		tk := b.form("/passport/web/auth/uamtk", "appid=otn").json(t, "newapptk").(string)
		b.want(b.form("/otn/uamauthclient", "tk="+tk).json(t, "result_code"), "0")
		b.want(b.form("/otn/uamauthclient", "tk="+tk).json(t, "result_code"), "2")
	})
}

// TestSecondDevice: the same account orders from two browsers.
func TestSecondDevice(t *testing.T) {
	inBubble(t, Options{Calm: true}, func(b *browser) {
		b.sell()
		b.login()
		b.prepare()
		other := newBrowser(t, b.site)
		other.login()
		other.prepare()
		b.confirm()
		b.clean()
		b.want(other.confirm().json(t, "data", "errMsg"), "包含未付款订单")
		if v := b.site.Violations(); len(v) != 1 || !strings.Contains(v[0].Text, "unfinished order") {
			t.Errorf("violations %v", v)
		}
	})
}

// TestForeignBalancer: cookies of two sessions mixed.
func TestForeignBalancer(t *testing.T) {
	inBubble(t, Options{Calm: true}, func(b *browser) {
		b.sell()
		b.openQuery()
		u, _ := url.Parse(origin + "/")
		b.http.Jar.SetCookies(u, []*http.Cookie{{Name: "route", Value: "0", Path: "/"}})
		b.want(b.query().status, 302)
		b.want(len(b.site.Violations()), 1)
	})
}

// TestFailureForgotten: a failed order is shown for ten minutes.
func TestFailureForgotten(t *testing.T) {
	inBubble(t, Options{Calm: true}, func(b *browser) {
		b.sell()
		b.login()
		b.prepare()
		b.site.PlanQueue(Queue{Fail: -2})
		b.confirm()
		b.wait()
		ask := func() any {
			return b.form("/otn/queryOrder/queryMyOrderNoComplete", "_json_att=").json(t, "data", "to_page")
		}
		b.visit("/otn/queryOrder/initNoComplete?_json_att=")
		b.want(ask(), "cache")
		time.Sleep(failedKept + time.Second)
		b.want(ask(), nil)
		b.clean()
	})
}

// TestClash: only trips at the same time clash.
func TestClash(t *testing.T) {
	for trip, want := range map[[2]string]OrderState{{"07:00", "20:00"}: Failed, {"11:59", "20:00"}: Failed, {"06:00", "08:01"}: Failed,
		{"12:00", "20:00"}: Unpaid, {"06:00", "08:00"}: Unpaid} {
		inBubble(t, Options{Calm: true}, func(b *browser) {
			b.sell()
			b.login()
			o := b.site.PlantOrder("zhangsan", day, Train{Code: "G9", From: "WHN", To: "BJP", Depart: trip[0], Arrive: trip[1]}, "O", "张三")
			if err := b.site.PayOrder(o.Number); err != nil {
				t.Fatal(err)
			}
			b.prepare()
			b.confirm()
			b.wait()
			if got := b.site.Orders("zhangsan")[1].State; got != want {
				t.Errorf("with a trip at %s: %s, want %s", trip, got, want)
			}
		})
	}
}

// crowd is an account with n passengers.
func crowd(n int) Account {
	a := DefaultAccount()
	a.Passengers = nil
	for i := range n {
		a.Passengers = append(a.Passengers, Passenger{Name: "旅客" + string(rune('一'+i)), IDNo: "11010119900101001" + string(rune('0'+i)), Mobile: "13800000000"})
	}
	return a
}

// people writes both passenger strings for the first n passengers.
func people(a Account, n int, seat, kind string) string {
	var tickets []string
	old := ""
	for _, p := range a.Passengers[:n] {
		tickets = append(tickets, strings.Join([]string{seat, "0", kind, p.Name, "1", p.IDNo, p.Mobile, "N"}, ","))
		old += p.Name + ",1," + p.IDNo + ",1_"
		if kind == "2" {
			old += "_+"
		}
	}
	return "passengerTicketStr=" + url.QueryEscape(strings.Join(tickets, "_")) + "&oldPassengerStr=" + url.QueryEscape(old)
}

// TestSeveralPassengers books five on one order; six are too many, and a
// child does not travel alone.
func TestSeveralPassengers(t *testing.T) {
	a := crowd(6)
	inBubble(t, Options{Calm: true, Accounts: []Account{a}}, func(b *browser) {
		b.sell()
		b.login()
		b.look()
		b.submit()
		b.openOrder()
		check := func(who string) answer {
			return b.form("/otn/confirmPassenger/checkOrderInfo", "cancel_flag=2&bed_level_order_num="+strings.Repeat("0", 30)+"&"+who+
				"&tour_flag=dc&randCode=&whatsSelect=1"+b.tail())
		}
		b.want(check(people(a, 1, "O", "2")).json(t, "data", "errMsg"), "儿童不能单独乘车，请与成人同行。")
		b.clean()
		five := people(a, 5, "M", "1")
		b.want(check(five).json(t, "data", "submitStatus"), true)
		b.form("/otn/confirmPassenger/getQueueCount", strings.Replace(b.countBody(), "seatType=O", "seatType=M", 1))
		time.Sleep(time.Millisecond)
		body := five + b.confirmBody()[strings.Index(b.confirmBody(), "&randCode="):]
		b.want(b.form("/otn/confirmPassenger/confirmSingleForQueue", body).json(t, "data", "submitStatus"), true)
		b.wait()
		seats := map[string]bool{}
		for _, tk := range b.site.Orders("zhangsan")[0].Tickets {
			seats[tk.Coach+tk.Number] = true
		}
		b.want(len(seats), 5)
		b.want(b.site.Left(day, "G1110", "M"), 0)
		b.clean()

		b.want(check(people(a, 6, "O", "1")).json(t, "data", "errMsg"), "非法请求")
		if v := b.site.Violations(); !strings.Contains(v[len(v)-1].Text+v[0].Text+v[1].Text, "6 passengers") {
			t.Errorf("violations %v", v)
		}
	})
}

// TestStanding: who orders second class when only standing is left stands.
func TestStanding(t *testing.T) {
	inBubble(t, Options{Calm: true}, func(b *browser) {
		b.sell()
		b.site.Sell(day, "G1110", "O", 0)
		b.login()
		b.prepare()
		b.confirm()
		b.wait()
		b.want(b.site.Orders("zhangsan")[0].Tickets[0].Name, "无座")
		b.want(b.site.Left(day, "G1110", "W"), 9)
		b.clean()
	})
}

// TestCancel gives an order back, and counts it.
func TestCancel(t *testing.T) {
	inBubble(t, Options{Calm: true}, func(b *browser) {
		b.sell()
		b.login()
		b.prepare()
		b.confirm()
		id := b.wait()
		b.visit("/otn/queryOrder/initNoComplete?_json_att=")
		cancel := "sequence_no=" + id + "&cancel_flag=cancel_order&_json_att="
		b.want(b.form("/otn/queryOrder/cancelNoCompleteMyOrder", cancel).json(t, "data", "existError"), "N")
		b.want(b.form("/otn/queryOrder/cancelNoCompleteMyOrder", cancel).json(t, "data", "existError"), "Y")
		b.want(b.site.Cancels(), 2)
		b.want(b.site.Left(day, "G1110", "O"), 30)
		b.clean()
	})
}

// TestAccountPages covers the pages around the order.
func TestAccountPages(t *testing.T) {
	inBubble(t, Options{Calm: true}, func(b *browser) {
		b.sell()
		b.login()
		b.want(b.form("/otn/index/initMy12306Api", "").json(t, "data", "user_name"), "张三")
		b.prepare()
		b.confirm()
		id := b.wait()
		if err := b.site.PayOrder(id); err != nil {
			t.Fatal(err)
		}
		if err := b.site.ExpireOrder(id); err == nil {
			t.Error("a paid order expired")
		}
		list := b.form("/otn/queryOrder/queryMyOrder", "come_from_flag=my_order&query_where=G&queryStartDate=2000-01-01&queryEndDate=2000-01-30&queryType=1&sequeue_train_name=&pageIndex=0&pageSize=8")
		b.want(list.json(t, "data", "order_total_number"), "1")
		b.want(laterPoll(b).body, "") // paid: there is no queue any more
		b.want(b.form("/otn/index12306/getLoginBanner", "").status, 405)
		b.page = "/otn/view/index.html"
		b.site.KillSessions()
		b.want(strings.Contains(b.form("/otn/index/initMy12306Api", "").body, "/otn/login/init"), true)
	})
}
