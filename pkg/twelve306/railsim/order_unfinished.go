package railsim

import (
	"strconv"
	"strings"
	"time"
)

// noCompletePage opens the pages of unfinished orders.
func (s *Server) noCompletePage(x *exchange) {
	if !x.loggedIn() {
		x.toLogin()
		return
	}
	x.sess.openedOrders = true
	x.page("<html><head><title>中国铁路12306</title></head><body>未完成订单</body></html>")
}

// opened checks that the browser is on a page that could ask about orders.
func (x *exchange) opened() bool {
	if !x.loggedIn() {
		x.toLogin()
		return false
	}
	if !x.sess.openedOrders {
		x.violate("orders asked for before initNoComplete was opened")
		x.illegal()
		return false
	}
	return true
}

// noComplete lists what the account holds unpaid ("db"), what is in the queue
// or just failed there ("cache"), or nothing: no data at all.
func (s *Server) noComplete(x *exchange) {
	if !x.opened() {
		return
	}
	user := x.sess.user
	var held []any
	for _, o := range s.orders {
		if o.User == user && o.State == Unpaid && !o.hidden(x.now) {
			held = append(held, orderDB(o))
		}
	}
	switch o := s.newest(user); {
	case held != nil:
		x.decided("db")
		x.otn(map[string]any{"orderDBList": held, "to_page": "db"})
	case o != nil && !o.hidden(x.now) && (o.State == Queued || o.State == Failed && !o.plan.Empty):
		x.decided("cache")
		x.otn(map[string]any{"orderCacheDTO": orderCache(o), "to_page": "cache"})
	default:
		x.decided("none")
		x.otn(nil)
	}
}

// noCompleteQueue is the newer page's view of the queue.
func (s *Server) noCompleteQueue(x *exchange) {
	if !x.opened() {
		return
	}
	o := s.newest(x.sess.user)
	if o == nil || o.State != Queued && (o.State != Failed || o.plan.Empty) {
		x.otn(map[string]any{"current_page": "none"})
		return
	}
	at := stations().byCode
	day := o.train.leaves()
	data := map[string]any{
		"startTimeString": o.Depart, "endTimeString": o.Arrive, "waitTime": 0, "stationTrainCode": o.Train,
		"fromStationName": at[o.From].name, "toStationName": at[o.To].name, "passengerNames": o.names(),
		"trainDateString": day.Format("2006-01-02") + " (" + weekday(day) + ") ", "can_jb": "N", "orderCacheDO": orderCache(o),
		"current_page": "wait",
	}
	if o.State == Failed {
		data["current_page"], data["errorMsgInfo"] = "fail", "占座失败"
	}
	x.otn(data)
}

func weekday(t time.Time) string {
	return "周" + [...]string{"日", "一", "二", "三", "四", "五", "六"}[t.Weekday()]
}

func (o *order) names() string {
	var n []string
	for _, t := range o.tickets {
		n = append(n, t.passenger.Name)
	}
	return strings.Join(n, ",")
}

func stamp(t time.Time) string { return t.In(railway).Format(time.DateTime) }

// orderDB is an unpaid or paid order, field for field as recorded in 2017.
func orderDB(o *order) map[string]any {
	at := stations().byCode
	var tickets []any
	var names []string
	status, name := "i", "待支付"
	if o.State == Paid {
		status, name = "a", "已支付"
	}
	for i, t := range o.tickets {
		names = append(names, t.passenger.Name)
		price := o.Tickets[i].Price
		tickets = append(tickets, map[string]any{
			"stationTrainDTO": map[string]any{"trainDTO": map[string]any{}, "station_train_code": o.Train,
				"from_station_telecode": o.From, "from_station_name": at[o.From].name, "start_time": "1970-01-01 " + o.Depart + ":00",
				"to_station_telecode": o.To, "to_station_name": at[o.To].name, "arrive_time": "1970-01-01 " + o.Arrive + ":00", "distance": "1318"},
			"passengerDTO": map[string]any{"passenger_name": t.passenger.Name, "passenger_id_type_code": t.passenger.IDType,
				"passenger_id_type_name": idTypeName(t.passenger.IDType), "passenger_id_no": t.passenger.IDNo, "total_times": t.passenger.TotalTimes},
			"ticket_no": o.Number + "1" + t.coach + t.seatNum, "sequence_no": o.Number, "batch_no": "1", "train_date": o.Date + " 00:00:00",
			"coach_no": t.coach, "coach_name": t.coach, "seat_no": t.seatNum, "seat_name": t.number, "seat_flag": "0",
			"seat_type_code": t.seat, "seat_type_name": o.Tickets[i].Name, "ticket_type_code": t.kind,
			"ticket_type_name": ticketTypeName(t.kind) + "票", "reserve_time": stamp(o.Held), "limit_time": stamp(o.Held),
			"lose_time": stamp(o.PayBy), "pay_limit_time": stamp(o.PayBy), "ticket_price": price * 10, "print_eticket_flag": "N",
			"resign_flag": "4", "return_flag": "N", "confirm_flag": "N", "pay_mode_code": "Y", "ticket_status_code": status,
			"ticket_status_name": name, "cancel_flag": "Y", "amount_char": 0, "trade_mode": "",
			"start_train_date_page": o.Date + " " + o.Depart, "str_ticket_price_page": yuan(price), "come_go_traveller_ticket_page": "N",
			"return_deliver_flag": "N", "deliver_fee_char": "", "is_need_alert_flag": false, "is_deliver": "N", "dynamicProp": "",
			"fee_char": "", "insure_query_no": "",
		})
	}
	return map[string]any{
		"sequence_no": o.Number, "order_date": stamp(o.Held), "ticket_totalnum": len(tickets), "ticket_price_all": o.Price * 10,
		"cancel_flag": "Y", "resign_flag": "4", "return_flag": "N", "print_eticket_flag": "N", "pay_flag": "Y", "pay_resign_flag": "N",
		"confirm_flag": "N", "tickets": tickets, "reserve_flag_query": "p", "if_show_resigning_info": "N", "recordCount": "1",
		"isNeedSendMailAndMsg": "N", "array_passser_name_page": names, "from_station_name_page": []string{at[o.From].name},
		"to_station_name_page": []string{at[o.To].name}, "start_train_date_page": o.Date + " " + o.Depart, "start_time_page": o.Depart,
		"arrive_time_page": o.Arrive, "train_code_page": o.Train, "ticket_total_price_page": yuan(o.Price),
		"come_go_traveller_order_page": "N", "canOffLinePay": "N", "if_deliver": "N", "insure_query_no": "",
	}
}

// orderCache is an order in the queue, or one that failed there (status 9),
// field for field as recorded in 2019.
func orderCache(o *order) map[string]any {
	at := stations().byCode
	var tickets []any
	var names []string
	for _, t := range o.tickets {
		names = append(names, t.passenger.Name)
		tickets = append(tickets, map[string]any{"seatTypeName": seatName(t.seat), "seatTypeCode": t.seat,
			"ticketTypeName": ticketTypeName(t.kind) + "票", "passengerName": t.passenger.Name,
			"passengerIdTypeName": idTypeName(t.passenger.IDType)})
	}
	m := map[string]any{
		"requestId": o.RequestID, "userId": int64(1500000000000), "number": 2, "tourFlag": "dc", "requestTime": stamp(o.Asked),
		"queueOffset": 937903, "queueName": "ORDER_SL1", "trainDate": o.Date + " 00:00:00", "startTime": "1970-01-01 " + o.Depart + ":00",
		"stationTrainCode": o.Train, "fromStationCode": o.From, "fromStationName": at[o.From].name, "toStationCode": o.To,
		"toStationName": at[o.To].name, "status": 1, "modifyTime": stamp(o.Asked), "tickets": tickets, "waitTime": 5, "waitCount": 3,
		"ticketCount": len(tickets), "startTimeString": o.Date + " " + o.Depart, "array_passser_name_page": names,
	}
	if o.State == Failed {
		m["status"], m["waitTime"], m["waitCount"], m["modifyTime"] = 9, o.plan.Fail, 0, stamp(o.Held)
		m["message"] = map[string]string{"messageKey": "prompt.displaytext.userNumTooManyConErr", "message": "占座失败"}
	}
	return m
}

// myOrder lists the orders of the account, those to travel (G) or past ones (H).
func (s *Server) myOrder(x *exchange) {
	if !x.loggedIn() {
		x.toLogin()
		return
	}
	x.must("come_from_flag", "my_order")
	list := []any{}
	for _, o := range s.orders {
		if o.User == x.sess.user && o.State == Paid && o.train != nil &&
			(x.form.Get("query_where") == "G") == x.now.Before(o.train.leaves()) {
			list = append(list, orderDB(o))
		}
	}
	x.otn(map[string]any{"OrderDTODataList": list, "order_total_number": strconv.Itoa(len(list))})
}

// cancelOrder gives an unpaid order back.
func (s *Server) cancelOrder(x *exchange) {
	if !x.opened() || !x.must("cancel_flag", "cancel_order") {
		return
	}
	for _, o := range s.orders {
		if o.User == x.sess.user && o.State == Unpaid && o.Number == x.form.Get("sequence_no") {
			s.giveBack(o, Cancelled)
			x.otn(map[string]any{"existError": "N"})
			return
		}
	}
	x.otn(map[string]any{"existError": "Y", "errorMsg": "订单不存在"})
}

// cancelQueue leaves the queue.
func (s *Server) cancelQueue(x *exchange) {
	if !x.opened() || !x.must("tourFlag", "dc") {
		return
	}
	o := s.unfinished(x.sess.user)
	if o == nil || o.State != Queued {
		x.otn(map[string]any{"existError": "Y"})
		return
	}
	s.giveBack(o, Cancelled)
	x.otn(map[string]any{"existError": "N"})
}
