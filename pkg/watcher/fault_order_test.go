package watcher

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// unread are the replies that are none.
func unread() []railsim.FaultKind {
	return []railsim.FaultKind{railsim.RequestLost, railsim.ReplyLost, railsim.Hang, railsim.HTML, railsim.Redirect302, railsim.Empty200,
		railsim.Truncated, railsim.BrokenBody, railsim.WrongType, railsim.Null, railsim.Status500, railsim.Status502}
}

// but leaves kinds out.
func but(kinds []railsim.FaultKind, out ...railsim.FaultKind) (left []railsim.FaultKind) {
	for _, k := range kinds {
		if !slices.Contains(out, k) {
			left = append(left, k)
		}
	}
	return left
}

// Parts of a walk.
const (
	revived  = "checkUser userLogin passport uamtk uamauthclient " // the sign-on lives: nobody is asked
	toEnd    = "checkOrder count confirm " + queue
	fromPage = "initDc passengers " + toEnd
	again    = "submit initDc " + toEnd // the passengers are known by now
	afresh   = "submit " + fromPage
	queue    = "wait 5s wait 5s wait result list-page list"
	// Nothing is held, as two lists and that of the paid orders say.
	disproved = "wait list-page list polls list-page list queryMyOrder "
	// The sign-on is gone, too: a person is asked.
	newLogin  = "checkUser userLogin passport uamtk conf uamtk-static login-page picture 1s check password userLogin passport uamtk uamauthclient "
	toConfirm = "submit initDc passengers checkOrder count confirm "
	relogged  = "seats logged_in booked"
)

// halved checks that looks were slowed to half (one minute ago, at most).
func halved(s *scene, _ *tap) {
	if slow := s.now().w.client.Pace().Stats().Slow; slow < 1.9 || slow > 2 {
		s.t.Errorf("looks are slowed by %.2f, want 2", slow)
	}
}

func fullSpeed(s *scene, _ *tap) {
	if slow := s.now().w.client.Pace().Stats().Slow; slow != 1 {
		s.t.Errorf("looks are slowed by %.2f", slow)
	}
}

// dies ends all sessions, sign-on and all, when a step arrives for the first
// time.
func dies(step railsim.Step) func(*scene) {
	return func(s *scene) {
		s.onRequest(func(arrived railsim.Step, _ *http.Request) {
			if arrived == step {
				s.onRequest(nil)
				s.site.KillSessions()
			}
		})
	}
}

// asks wants the order's picture.
func withPicture(s *scene) { s.site.SetOrderCaptcha(true) }

// TestFaultsBeforeConfirm: nothing is held yet, so nothing is told of what a
// retry can mend.
func TestFaultsBeforeConfirm(t *testing.T) {
	const mended = "seats booked"
	runCells(t, []cell{
		{row: "submitOrderRequest", column: "nothing was written", faults: on(railsim.StepSubmit, railsim.Unreachable), wire: "submit 1s " + afresh, told: mended},
		{row: "submitOrderRequest", column: "unread", faults: on(railsim.StepSubmit, unread()...), wire: "submit 1s " + afresh, told: mended},
		{row: "submitOrderRequest", column: "unread three times", faults: often(3, on(railsim.StepSubmit, railsim.HTML, railsim.Status502)), wire: "submit 1s submit 2s submit 4s " + afresh, told: mended},
		{row: "submitOrderRequest", column: "429", faults: on(railsim.StepSubmit, railsim.TooMany429), wire: "submit 5s " + afresh, told: mended, then: halved},
		{row: "submitOrderRequest", column: "busy", faults: on(railsim.StepSubmit, railsim.Busy, railsim.Status503), wire: "submit 1s " + afresh, told: mended, then: halved},
		{row: "submitOrderRequest", column: "session gone", faults: on(railsim.StepSubmit, railsim.LoggedOut), wire: "submit " + revived + afresh, told: "seats booked"},
		{row: "submitOrderRequest", column: "sign-on gone", before: dies(railsim.StepSubmit), wire: "submit " + newLogin + afresh, told: relogged},
		{row: "submitOrderRequest", column: "unfinished order", faults: refusals(railsim.StepSubmit, "您还有未处理的订单，请您到[未完成订单]进行处理!"), wire: "submit list-page list 1s " + afresh, told: mended},
		{row: "submitOrderRequest", column: "stale", faults: refusals(railsim.StepSubmit, "车票信息已过期，请重新查询最新车票信息"), wire: "query submit 5s query submit initDc passengers checkOrder count confirm wait 5s wait 5s wait result list-page list ...", looks: true, told: mended},
		{row: "submitOrderRequest", column: "cancelled too often", faults: often(-1, refusals(railsim.StepSubmit, "由于您取消次数过多，今日将不能继续受理您的订票请求。")), wire: "submit 51s passengers 3m checkUser ...", told: "seats failed", until: 20 * time.Minute, says: []string{"取消次数过多", "今天不再下单", "明天自动再试"}},

		{row: "initDc", column: "nothing was written", faults: on(railsim.StepInitDc, railsim.Unreachable), wire: "submit initDc 1s " + fromPage, told: mended},
		{row: "initDc", column: "unread", faults: on(railsim.StepInitDc, unread()...), wire: "submit initDc 1s " + fromPage, told: mended},
		{row: "initDc", column: "unread twice", faults: often(2, on(railsim.StepInitDc, railsim.HTML, railsim.Status502)), wire: "submit initDc 1s initDc 1s " + afresh, told: mended},
		{row: "initDc", column: "429", faults: on(railsim.StepInitDc, railsim.TooMany429), wire: "submit initDc 5s " + fromPage, told: mended, then: halved},
		{row: "initDc", column: "busy", faults: on(railsim.StepInitDc, railsim.Status503), wire: "submit initDc 1s " + fromPage, told: mended, then: halved},
		{row: "initDc", column: "session gone", faults: on(railsim.StepInitDc, railsim.LoggedOut), wire: "submit initDc " + revived + afresh, told: "seats booked"},

		{row: "getPassengerDTOs", column: "nothing was written", faults: on(railsim.StepPassengers, railsim.Unreachable), wire: "submit initDc passengers 1s " + afresh, told: mended},
		{row: "getPassengerDTOs", column: "unread", faults: on(railsim.StepPassengers, unread()...), wire: "submit initDc passengers 1s " + afresh, told: mended},
		{row: "getPassengerDTOs", column: "429", faults: on(railsim.StepPassengers, railsim.TooMany429), wire: "submit initDc passengers 5s " + afresh, told: mended, then: halved},
		{row: "getPassengerDTOs", column: "session gone", faults: on(railsim.StepPassengers, railsim.LoggedOut), wire: "submit initDc passengers " + revived + afresh, told: "seats booked"},

		{row: "getPassengerDTOs", column: "cached", before: knownPassengers, faults: on(railsim.StepPassengers, append(unread(), railsim.Unreachable, railsim.TooMany429, railsim.Busy)...), told: mended, then: oneSubmit},

		{row: "order captcha", column: "nothing was written", before: withPicture, faults: on(railsim.StepPassCode, railsim.Unreachable), wire: "submit initDc passengers checkOrder picture 1s picture 1s check count confirm " + queue, told: mended},
		{row: "order captcha", column: "unread", before: withPicture, faults: on(railsim.StepPassCode, unread()...), wire: "submit initDc passengers checkOrder picture 1s picture 1s check count confirm " + queue, told: mended},
		{row: "order captcha", column: "429", before: withPicture, faults: on(railsim.StepPassCode, railsim.TooMany429), wire: "submit initDc passengers checkOrder picture 5s picture 1s check count confirm " + queue, told: mended, then: halved},
		{row: "order captcha", column: "session gone", before: withPicture, faults: on(railsim.StepPassCode, railsim.LoggedOut), wire: "submit initDc passengers checkOrder picture " + revived + "submit initDc passengers checkOrder picture 1s check count confirm " + queue, told: "seats booked"},
		{row: "order captcha's check", column: "nothing was written", before: withPicture, faults: on(railsim.StepCheckPassCode, railsim.Unreachable), wire: "submit initDc passengers checkOrder picture 1s check 1s check count confirm " + queue, told: mended},
		{row: "order captcha's check", column: "unread", before: withPicture, faults: on(railsim.StepCheckPassCode, unread()...), wire: "submit initDc passengers checkOrder picture 1s check 2s picture 1s check count confirm " + queue, told: mended, then: askedAgain},
		{row: "order captcha's check", column: "429", before: withPicture, faults: on(railsim.StepCheckPassCode, railsim.TooMany429), wire: "submit initDc passengers checkOrder picture 1s check 5s picture 1s check count confirm " + queue, told: mended, then: askedAgain},
		{row: "order captcha's check", column: "busy", before: withPicture, faults: on(railsim.StepCheckPassCode, railsim.Busy), wire: "submit initDc passengers checkOrder picture 1s check 2s picture 1s check count confirm " + queue, told: mended, then: askedAgain},

		{row: "checkOrderInfo", column: "nothing was written", faults: on(railsim.StepCheckOrder, railsim.Unreachable), wire: "submit initDc passengers checkOrder 1s " + toEnd, told: mended},
		{row: "checkOrderInfo", column: "unread", faults: on(railsim.StepCheckOrder, unread()...), wire: "submit initDc passengers checkOrder 1s " + again, told: mended},
		{row: "checkOrderInfo", column: "429", faults: on(railsim.StepCheckOrder, railsim.TooMany429), wire: "submit initDc passengers checkOrder 5s " + again, told: mended, then: halved},
		{row: "checkOrderInfo", column: "busy", faults: on(railsim.StepCheckOrder, railsim.Busy, railsim.Status503), wire: "submit initDc passengers checkOrder 1s " + again, told: mended, then: halved},
		{row: "checkOrderInfo", column: "session gone", faults: on(railsim.StepCheckOrder, railsim.LoggedOut), wire: "submit initDc passengers checkOrder " + revived + afresh, told: "seats booked"},
		{row: "checkOrderInfo", column: "no tickets", faults: refusals(railsim.StepCheckOrder, "余票不足"), wire: "submit initDc passengers checkOrder 10s " + again + " ...", told: "seats failed booked", until: 2 * time.Minute, says: []string{"12306 说：余票不足", "继续盯着"}},
		{row: "checkOrderInfo", column: "clash", faults: refusals(railsim.StepCheckOrder, "张三(二代身份证-110101199001010014)存在与本次购票行程冲突的车票!!"), wire: "submit initDc passengers checkOrder 4m checkUser ...", told: "seats failed", until: 20 * time.Minute, says: []string{"冲突", "这条规则不再下单"}},

		{row: "getQueueCount", column: "goes on", faults: on(railsim.StepQueueCount, append(unread(), railsim.Unreachable, railsim.TooMany429, railsim.Busy)...), wire: afresh, told: mended},
		{row: "getQueueCount", column: "session gone", faults: on(railsim.StepQueueCount, railsim.LoggedOut), wire: "submit initDc passengers checkOrder count " + revived + afresh, told: "seats booked"},
		{row: "getQueueCount", column: "0 tickets", before: soldOutAt(railsim.StepQueueCount), wire: "submit initDc passengers checkOrder count 10s " + again + " ...", told: "seats failed booked", until: 2 * time.Minute, says: []string{"余票不足", "继续盯着"}},
	}, (*cell).playOrder)
}

// knownPassengers lets an attempt more than an hour ago have read them.
func knownPassengers(s *scene) {
	s.site.AddFault(railsim.Fault{Step: railsim.StepCheckOrder, Kind: railsim.Refused, Msg: "余票不足"})
	s.sell(2)
	s.pass(8 * time.Second)
	s.sell(0)
	s.pass(time.Hour)
}

// oneSubmit checks that knownPassengers' attempt was followed by one alone.
func oneSubmit(s *scene, _ *tap) {
	if n, asked := s.site.Count(railsim.StepSubmit), s.site.Count(railsim.StepPassengers); n != 2 || asked > 2 {
		s.t.Errorf("%d orders begun, passengers asked %d times", n, asked)
	}
}

// soldOutAt lets somebody else take the seats when a step arrives for the
// first time, and gives them back a moment later, before the next look.
func soldOutAt(step railsim.Step) func(*scene) {
	return func(s *scene) {
		s.onRequest(func(arrived railsim.Step, _ *http.Request) {
			if arrived == step {
				s.onRequest(nil)
				s.sell(0)
				time.AfterFunc(time.Second, func() { s.sell(2) })
			}
		})
	}
}

// refusals are a step's own refusals in words.
func refusals(step railsim.Step, words ...string) (list []railsim.Fault) {
	for _, w := range words {
		list = append(list, railsim.Fault{Step: step, Kind: railsim.Refused, Msg: w})
	}
	return list
}

// TestFaultsFromConfirmOn: from the first byte of confirm on nothing is sent
// twice, and what is not known is asked.
func TestFaultsFromConfirmOn(t *testing.T) {
	runCells(t, []cell{
		{row: "confirm", column: "nothing was written", faults: on(railsim.StepConfirm, railsim.Unreachable), wire: toConfirm + "1s confirm " + queue, told: "seats booked"},
		{row: "confirm", column: "nothing was written, twice", faults: often(2, on(railsim.StepConfirm, railsim.Unreachable)), wire: toConfirm + "1s confirm 1s " + again + " ...", told: "seats failed booked", says: []string{"网络不通", "继续盯着"}},
		{row: "confirm", column: "nothing was written, ever", faults: often(-1, on(railsim.StepConfirm, railsim.Unreachable)), wire: toConfirm + "1s confirm 1s submit initDc checkOrder count confirm 1s confirm 2s submit initDc checkOrder count confirm 1s confirm 4s submit ...", told: "seats failed", until: 10 * time.Minute},
		{row: "confirm", column: "unread, did not act", faults: on(railsim.StepConfirm, but(append(unread(), railsim.TooMany429, railsim.Status503), railsim.ReplyLost)...), wire: toConfirm + disproved + "35s " + again + " ...", told: "seats failed booked", until: 2 * time.Minute, says: []string{"没有成功", "没有占座", "继续盯着"}, then: twoNothings},
		{row: "confirm", column: "unread, acted", faults: acting(on(railsim.StepConfirm, but(append(unread(), railsim.TooMany429, railsim.Status503), railsim.RequestLost, railsim.Hang)...)), wire: toConfirm + "wait list-page list polls list-page list", told: "seats booked", then: soon},
		{row: "confirm", column: "unread, acted, held meanwhile", faults: acting(on(railsim.StepConfirm, railsim.Hang)), wire: toConfirm + "wait list-page list", told: "seats booked"},
		{row: "confirm", column: "busy", faults: on(railsim.StepConfirm, railsim.Busy), wire: toConfirm + disproved + "60s checkUser " + again + " ...", told: "seats failed booked", until: 3 * time.Minute, says: []string{"12306 说：网络繁忙", "继续盯着"}, then: twoNothings},
		{row: "confirm", column: "session gone", faults: on(railsim.StepConfirm, railsim.LoggedOut), wire: toConfirm + revived + disproved + "passengers 30s " + again + " ...", told: "seats failed booked", until: 2 * time.Minute, then: twoNothings},
		{row: "confirm", column: "sign-on gone", before: dies(railsim.StepConfirm), wire: toConfirm + newLogin + disproved + "1s passengers 29s " + again + " ...", told: "seats logged_in failed booked", until: 2 * time.Minute, then: twoNothings},
		{row: "confirm refused", column: "no tickets", faults: refusals(railsim.StepConfirm, "没有足够的票!"), wire: toConfirm + "35s " + again + " ...", told: "seats failed booked", until: 2 * time.Minute, says: []string{"12306 说：没有足够的票!", "继续盯着"}},
		{row: "confirm refused", column: "unfinished", faults: refusals(railsim.StepConfirm, "您还有未处理的订单，请您到[未完成订单]进行处理!", "您的订单正在排队中"), wire: toConfirm + disproved + "60s checkUser " + again + " ...", told: "seats failed booked", until: 3 * time.Minute, then: twoNothings},
		{row: "confirm refused", column: "cancelled too often", faults: refusals(railsim.StepConfirm, "由于您取消次数过多，今日将不能继续受理您的订票请求。"), wire: toConfirm + "4m checkUser ...", told: "seats failed", until: 20 * time.Minute, says: []string{"取消次数过多", "明天自动再试"}},
		{row: "confirm refused", column: "clash", faults: refusals(railsim.StepConfirm, "张三(二代身份证-110101199001010014)存在与本次购票行程冲突的车票!!"), wire: toConfirm + "4m checkUser ...", told: "seats failed", until: 20 * time.Minute, says: []string{"1101***********014", "冲突", "这条规则不再下单"}},
		{row: "confirm refused", column: "unknown", faults: refusals(railsim.StepConfirm, "今日宜静坐"), wire: toConfirm + "list-page list 60s " + again + " ...", told: "seats failed booked", until: 2 * time.Minute, says: []string{"12306 说：今日宜静坐", "继续盯着"}},

		{row: "queryOrderWaitTime", column: "nothing was written", faults: on(railsim.StepWait, railsim.Unreachable), wire: toConfirm + queue, told: "seats booked"},
		{row: "queryOrderWaitTime", column: "unread", faults: on(railsim.StepWait, but(unread(), railsim.Empty200, railsim.Hang)...), wire: toConfirm + queue, told: "seats booked"},
		{row: "queryOrderWaitTime", column: "empty", faults: on(railsim.StepWait, railsim.Empty200), wire: toConfirm + "wait 5s wait list-page list polls list-page list", told: "seats booked"},
		{row: "queryOrderWaitTime", column: "unread three times", faults: often(3, on(railsim.StepWait, railsim.HTML, railsim.Null, railsim.Status502, railsim.RequestLost)), wire: toConfirm + "wait 5s wait 5s wait 5s wait list-page list", told: "seats booked"},
		{row: "queryOrderWaitTime", column: "429, busy", faults: on(railsim.StepWait, railsim.TooMany429, railsim.Status503, railsim.Busy), wire: toConfirm + "wait 10s wait result list-page list", told: "seats booked"},
		{row: "queryOrderWaitTime", column: "session gone", faults: on(railsim.StepWait, railsim.LoggedOut), wire: toConfirm + "wait " + revived + "5s wait 5s wait result list-page list", told: "seats booked"},
		{row: "queryOrderWaitTime", column: "sign-on gone", before: dies(railsim.StepWait), wire: toConfirm + "wait " + newLogin + "4s wait 5s wait result list-page list", told: relogged},
		{row: "queryOrderWaitTime", column: "-2", before: plan(railsim.Queue{Waits: []int{-100}, Fail: -2}), wire: toConfirm + "wait 5s wait list-page list ...", told: "seats failed booked", says: []string{"12306 说：没有足够的票!", "继续盯着"}},
		{row: "queryOrderWaitTime", column: "-3", before: plan(railsim.Queue{Waits: []int{-100}, Fail: -3}), wire: toConfirm + "wait 5s wait list-page list ...", told: "seats failed booked", says: []string{"12306 说：没有足够的票!", "继续盯着"}},
		{row: "queryOrderWaitTime", column: "-2 untrue", faults: refusals(railsim.StepWait, "没有足够的票!"), wire: toConfirm + "wait list-page list 5s wait 5s wait list-page list", told: "seats booked"},
		{row: "queryOrderWaitTime", column: "n >= 0", before: plan(railsim.Queue{Waits: []int{-100, 30, 20, 10}}), wire: toConfirm + "wait 5s wait 5s wait 5s wait 5s wait result list-page list", told: "seats booked"},

		{row: "resultOrderForDcQueue", column: "unread", faults: on(railsim.StepResult, but(append(unread(), railsim.Unreachable, railsim.Busy, railsim.Status503), railsim.Hang, railsim.WrongType)...), wire: toConfirm + "wait 5s wait 5s wait result 1s result list-page list", told: "seats booked"},
		{row: "resultOrderForDcQueue", column: "unread for ever", faults: often(-1, on(railsim.StepResult, railsim.HTML, railsim.Status502, railsim.Unreachable)), wire: toConfirm + "wait 5s wait 5s wait result 1s result 2s result list-page list", told: "seats booked"},
		{row: "resultOrderForDcQueue", column: "hangs", faults: on(railsim.StepResult, railsim.Hang), wire: toConfirm + "wait 5s wait 5s wait result list-page list", told: "seats booked"},
		{row: "resultOrderForDcQueue", column: "429", faults: on(railsim.StepResult, railsim.TooMany429), wire: toConfirm + "wait 5s wait 5s wait result 4s list-page list", told: "seats booked"},
		{row: "resultOrderForDcQueue", column: "session gone", faults: on(railsim.StepResult, railsim.LoggedOut), wire: toConfirm + "wait 5s wait 5s wait result list-page " + revived + "list-page list", told: "seats booked"},
		{row: "resultOrderForDcQueue", column: "sign-on gone", before: dies(railsim.StepResult), wire: toConfirm + "wait 5s wait 5s wait result list-page checkUser userLogin passport uamtk " + newLogin + "list-page list", told: "seats booked logged_in booked"},

		{row: "queryMyOrderNoComplete", column: "unread", faults: on(railsim.StepNoComplete, but(append(unread(), railsim.Unreachable, railsim.Busy, railsim.Status503), railsim.Hang)...), wire: toConfirm + "wait 5s wait 5s wait result list-page list 1s list-page list", told: "seats booked"},
		{row: "queryMyOrderNoComplete", column: "429", faults: on(railsim.StepNoComplete, railsim.TooMany429), wire: toConfirm + "wait 5s wait 5s wait result list-page list 5s list-page list", told: "seats booked"},
		{row: "queryMyOrderNoComplete", column: "hangs", faults: on(railsim.StepNoComplete, railsim.Hang), wire: toConfirm + "wait 5s wait 5s wait result list-page list list-page list", told: "seats booked booked", says: []string{"没能从 12306 读回订单"}},
		{row: "queryMyOrderNoComplete", column: "session gone", faults: on(railsim.StepNoComplete, railsim.LoggedOut), wire: toConfirm + "wait 5s wait 5s wait result list-page list " + revived + "list-page list", told: "seats booked"},
		{row: "queryMyOrderNoComplete", column: "unread, in doubt", before: inDoubt, faults: often(4, on(railsim.StepNoComplete, railsim.HTML, railsim.Null, railsim.Status502)), wire: toConfirm + "wait list-page list 5s wait list-page list 5s wait list-page list 5s wait list-page list 8s wait list-page list", told: "seats booked"},
	}, (*cell).playOrder)
}

// inDoubt lets the order's confirm act and its reply be lost, and the queue
// say nothing.
func inDoubt(s *scene) {
	s.site.AddFault(railsim.Fault{Step: railsim.StepConfirm, Kind: railsim.ReplyLost})
	s.site.AddFault(railsim.Fault{Step: railsim.StepWait, Kind: railsim.Empty200, Times: -1})
}

// twoNothings checks that an attempt ended only after two readable "nothing",
// the second a minute after the confirm, half a minute after the first.
func twoNothings(s *scene, p *tap) {
	var confirm time.Time
	var lists []time.Time
	for _, r := range p.since(time.Time{}, false) {
		switch {
		case r.name == "confirm" && confirm.IsZero():
			confirm = r.at
		case r.name == "list":
			lists = append(lists, r.at)
		}
	}
	failed := s.phone.told(NewsFailed)[0].At
	if len(lists) < 2 || lists[1].Sub(confirm) < time.Minute || lists[1].Sub(lists[0]) < 30*time.Second || failed.Before(lists[1].Truncate(time.Second)) {
		s.t.Errorf("confirm %v, lists %v, failed %v", confirm, lists, failed)
	}
	if took := failed.Sub(confirm); took > 70*time.Second {
		s.t.Errorf("failed is told %v after the confirm", took)
	}
}

// soon checks that an order whose confirm had no reply is told within ten
// seconds of the moment at which 12306 held it.
func soon(s *scene, _ *tap) {
	if took := s.phone.told(NewsBooked)[0].At.Sub(s.site.AllOrders()[0].Held); took > 10*time.Second {
		s.t.Errorf("told %v after 12306 held it", took)
	}
}

// askedAgain checks that a person whose answer was lost was asked once more,
// and told why.
func askedAgain(s *scene, _ *tap) {
	q := s.phone.questions(notifier.Picture)
	if last := q[len(q)-1]; len(q) != 3 || !strings.Contains(last.Text, "没有送到 12306") {
		s.t.Errorf("%d questions, the last: %s", len(q), last.Text)
	}
}

// plan is the course of the order's queue.
func plan(q railsim.Queue) func(*scene) { return func(s *scene) { s.site.PlanQueue(q) } }
