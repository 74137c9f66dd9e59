package railsim

import (
	"regexp"
	"strconv"
	"time"
)

var milliseconds = regexp.MustCompile(`^\d{12,13}$`)

// waitTime says how the queue goes. It answers for the order of the token, or
// for the account's newest.
func (s *Server) waitTime(x *exchange) {
	if !x.loggedIn() {
		x.decided("not logged in")
		x.otn(map[string]any{"queryOrderWaitTimeStatus": false, "count": 0, "waitTime": 0, "requestId": 0, "waitCount": 0,
			"tourFlag": "dc", "orderId": nil})
		return
	}
	before := len(s.violations)
	x.must("tourFlag", "dc")
	if r := x.form.Get("random"); x.form.Has("random") && !milliseconds.MatchString(r) {
		x.note("random is %q, not milliseconds", r) // seconds in YY, any digits in PJ
	}
	token := x.form.Get("REPEAT_SUBMIT_TOKEN")
	o := s.newest(x.sess.user)
	if token != "" {
		d := x.draft()
		if d != nil && d.confirms == 0 {
			x.violate("queryOrderWaitTime before the confirm")
		}
		if d != nil {
			o = d.order
		}
	}
	key := x.sess.user + " " + token
	if last, ok := s.polls[key]; ok && x.now.Sub(last) < s.opts.PollGap {
		x.note("queryOrderWaitTime %v after the last one", x.now.Sub(last))
	}
	s.polls[key] = x.now
	if len(s.violations) > before {
		x.otnEnvelope(false, nil, "系统忙，请稍后重试")
		return
	}
	if o == nil || o.State == Cancelled || o.State == Expired || o.State == Paid || o.hidden(x.now) {
		x.decided("no queue")
		x.reply(200, typeJSON, nil)
		return
	}
	if o.State == Queued && o.plan.Lasts == 0 && o.told >= len(o.plan.Waits) {
		s.resolve(o, x.now)
	}
	data := map[string]any{"queryOrderWaitTimeStatus": true, "count": 0, "waitTime": -1, "requestId": o.RequestID,
		"waitCount": 0, "tourFlag": "dc", "orderId": nil}
	switch {
	case o.State == Queued:
		data["waitTime"] = -100
		if n := len(o.plan.Waits); n > 0 {
			data["waitTime"] = o.plan.Waits[min(o.told, n-1)]
		}
		if w := data["waitTime"].(int); w > 4 {
			data["waitCount"] = w * 11
		}
		o.told++
		x.decided("waitTime " + strconv.Itoa(data["waitTime"].(int)))
	case o.State == Failed && o.plan.Empty:
		x.decided("queue cancelled: empty")
		x.reply(200, typeJSON, nil)
		return
	case o.State == Failed:
		data["waitTime"], data["errorcode"], data["msg"] = o.plan.Fail, "0", o.Message
		x.decided("waitTime " + strconv.Itoa(o.plan.Fail) + " " + o.Message)
	default:
		data["orderId"] = o.Number
		x.decided("order " + o.Number)
	}
	x.otn(data)
}

// hidden reports whether nothing shows the order yet.
func (o *order) hidden(now time.Time) bool { return now.Before(o.Asked.Add(o.plan.Hidden)) }

// newest is the order a user asked for last, if it has not ended long ago.
func (s *Server) newest(user string) *order {
	for i := len(s.orders) - 1; i >= 0; i-- {
		o := s.orders[i]
		if o.User != user || o.Planted {
			continue
		}
		if o.State == Failed && time.Since(o.Held) > failedKept {
			return nil
		}
		return o
	}
	return nil
}

// failedKept is how long the site remembers an order that found no seat.
const failedKept = 10 * time.Minute

// result is told the number by the page, and agrees.
func (s *Server) result(x *exchange) {
	if !x.loggedIn() {
		x.toLogin()
		return
	}
	if token := x.form.Get("REPEAT_SUBMIT_TOKEN"); token != "" && x.draft() == nil {
		x.illegal()
		return
	}
	for _, o := range s.orders {
		if o.User == x.sess.user && o.Number != "" && o.Number == x.form.Get("orderSequence_no") {
			x.otn(map[string]any{"submitStatus": true})
			return
		}
	}
	x.violate("orderSequence_no %q is no order of this account", x.form.Get("orderSequence_no"))
	x.otn(map[string]any{"submitStatus": false, "errMsg": "非法请求"})
}

// payInit is the page that asks for the money.
func (s *Server) payInit(x *exchange) {
	if !x.loggedIn() {
		x.toLogin()
		return
	}
	x.sess.openedOrders = true
	o := s.unfinished(x.sess.user)
	if o == nil || o.State != Unpaid {
		x.page("<html><body>没有未支付的订单</body></html>")
		return
	}
	x.page("<html><body>席位已锁定，请在提示时间内尽快完成支付<script>var loseTime='" +
		strconv.FormatInt(o.PayBy.UnixMilli(), 10) + "';var beginTime='" + strconv.FormatInt(s.says(x.now).UnixMilli(), 10) + "';</script></body></html>")
}
