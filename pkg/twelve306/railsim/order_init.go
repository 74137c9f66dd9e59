package railsim

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

//go:embed data/initDc.html
var initDcHTML string

var (
	tokenLine   = regexp.MustCompile(`globalRepeatSubmitToken = '[0-9a-f]+'`)
	sessionLine = regexp.MustCompile(`sessionInit = '[^']*'`)
)

// initDc is the order page: the token and everything that the later steps
// must send back.
func (s *Server) initDc(x *exchange) {
	if !x.loggedIn() {
		x.toLogin()
		return
	}
	d := x.sess.ticket
	if d == nil {
		x.violate("initDc without submitOrderRequest")
		x.page(tokenLine.ReplaceAllString(initDcHTML[:strings.Index(initDcHTML, "<!-- 页面js模块")], "globalRepeatSubmitToken = null"))
		return
	}
	if s.awkward(100) {
		x.decided("busy")
		x.page(`<html><body><div class="err_text">系统忙，请稍后重试</div></body></html>`)
		return
	}
	if d.order != nil {
		x.violate("initDc after the confirm")
	}
	d.token = s.text(hexLower, 32)
	d.keyCheck = s.text(hexUpper, 56)
	s.drafts[d.token] = d
	page := tokenLine.ReplaceAllString(initDcHTML, "globalRepeatSubmitToken = '"+d.token+"'")
	page = sessionLine.ReplaceAllLiteralString(page, "sessionInit = '"+jsEscape(x.user().Name)+"'")
	seats := s.seatList(d)
	order := d.orderRequestDTO()
	page = setVar(page, "init_seatTypes", seats)
	page = setVar(page, "ticket_seat_codeMap", s.byTicketType(seats))
	page = setVar(page, "orderRequestDTO", order)
	page = setVar(page, "ticketInfoForPassengerForm", s.passengerForm(d, seats, order))
	if s.slider {
		page = strings.Replace(page, "</script>", "var if_check_slide_passcode='1';\nvar if_check_slide_passcode_token='"+s.text(hexLower, 32)+"';\n</script>", 1)
	}
	x.page(page)
}

// SetSingle makes the order page ask for confirmSingle (isAsync 0): an order
// without a queue.
func (s *Server) SetSingle(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.single = on
}

// SetSlider puts a slider before checkOrderInfo (if_check_slide_passcode 1).
// The page only says so: there is none to drag.
func (s *Server) SetSlider(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slider = on
}

// setVar replaces one line `var name=...;` of the page.
func setVar(page, name string, v any) string {
	from := strings.Index(page, "var "+name+"=")
	to := from + strings.Index(page[from:], "\n")
	return page[:from] + "var " + name + "=" + jsObject(v) + ";" + page[to:]
}

// passengerForm is the recorded object with the values of this order.
func (s *Server) passengerForm(d *draft, seats []any, order map[string]any) map[string]any {
	form := recordedVar("ticketInfoForPassengerForm")
	form["isAsync"] = "1"
	if d.single = s.single; d.single {
		form["isAsync"] = "0"
	}
	form["key_check_isChange"] = d.keyCheck
	form["leftTicketStr"] = d.ypInfo
	form["train_location"] = d.location
	form["purpose_codes"] = d.pagePurpose()
	form["orderRequestDTO"] = order
	form["leftDetails"] = s.leftDetails(d)
	limit := form["limitBuySeatTicketDTO"].(map[string]any)
	limit["seat_type_codes"] = seats
	limit["ticket_seat_codeMap"] = s.byTicketType(seats)

	at := stations().byCode
	codes := d.seatCodes(&s.board)
	_, seatTypes := s.entries(d.train, codes)
	req := form["queryLeftTicketRequestDTO"].(map[string]any)
	set(req, "arrive_time", d.Arrive, "from_station", d.From, "from_station_name", at[d.From].name,
		"from_station_no", d.fromNo, "lishi", d.Took, "purpose_codes", d.pagePurpose(), "seat_types", seatTypes,
		"start_time", d.Depart, "station_train_code", d.Code, "to_station", d.To, "to_station_name", at[d.To].name,
		"to_station_no", d.toNo, "train_date", strings.ReplaceAll(d.date, "-", ""), "train_no", d.No, "ypInfoDetail", d.ypInfo)

	left := form["queryLeftNewDetailDTO"].(map[string]any)
	for k := range left {
		switch {
		case strings.HasSuffix(k, "_num"):
			left[k] = "-1"
		case strings.HasSuffix(k, "_price"):
			left[k] = "0"
		}
	}
	for _, c := range codes {
		name := detailName(c)
		left[name+"_num"] = strconv.Itoa(min(d.seats(&s.board)[c], 100))
		left[name+"_price"] = fmt.Sprintf("%05d", d.fare(c))
	}
	set(left, "WZ_seat_type_code", d.standsOn(), "arrive_time", strings.ReplaceAll(d.Arrive, ":", ""),
		"start_time", strings.ReplaceAll(d.Depart, ":", ""), "from_station_name", at[d.From].name,
		"from_station_telecode", d.From, "to_station_name", at[d.To].name, "to_station_telecode", d.To,
		"lishi", d.Took, "station_train_code", d.Code, "train_no", d.No)
	return form
}

// pagePurpose is the page's purpose_codes: "00" for an adult's query.
func (d *draft) pagePurpose() string {
	if d.purpose == "0X00" {
		return "0X00"
	}
	return "00"
}

func set(m map[string]any, pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
}

// detailName is the name of a seat in queryLeftNewDetailDTO.
func detailName(code string) string {
	return map[string]string{"9": "SWZ", "P": "TZ", "D": "GG", "M": "ZY", "O": "ZE", "S": "YB", "6": "GR", "A": "GR",
		"4": "RW", "I": "YDRW", "F": "SRRB", "3": "YW", "J": "EDRW", "2": "RZ", "1": "YZ", "W": "WZ", "H": "QT"}[code]
}

// seatList are the seats still sold; standing has no entry of its own.
func (s *Server) seatList(d *draft) []any {
	list := []any{}
	stock := d.seats(&s.board)
	for _, c := range d.seatCodes(&s.board) {
		if c == "W" || stock[c] == 0 && !(c == d.standsOn() && stock["W"] > 0) {
			continue
		}
		list = append(list, map[string]any{"end_station_name": nil, "end_time": nil, "id": c,
			"start_station_name": nil, "start_time": nil, "value": seatName(c)})
	}
	return list
}

func (s *Server) byTicketType(seats []any) map[string]any {
	return map[string]any{"1": seats, "2": seats, "3": seats, "4": seats}
}

func (s *Server) leftDetails(d *draft) []any {
	list := []any{}
	for _, c := range d.seatCodes(&s.board) {
		left := "无票"
		switch n := d.seats(&s.board)[c]; {
		case n > 20:
			left = "有票"
		case n > 0:
			left = fmt.Sprintf("%d张票", n)
		}
		list = append(list, fmt.Sprintf("%s(%s元)%s", seatName(c), yuan(d.fare(c))+"0", left))
	}
	return list
}

// yuan writes jiao as yuan with one decimal.
func yuan(jiao int) string { return fmt.Sprintf("%d.%d", jiao/10, jiao%10) }

func (d *draft) orderRequestDTO() map[string]any {
	o := recordedVar("orderRequestDTO")
	at := stations().byCode
	day, _ := time.ParseInLocation(time.DateOnly, d.date, railway)
	set(o, "from_station_name", at[d.From].name, "from_station_telecode", d.From, "station_train_code", d.Code,
		"to_station_name", at[d.To].name, "to_station_telecode", d.To, "train_no", d.No)
	o["start_time"] = javaDate(time.Date(1970, 1, 1, 0, 0, 0, 0, railway).Add(clock(d.Depart)))
	o["end_time"] = javaDate(time.Date(1970, 1, 1, 0, 0, 0, 0, railway).Add(clock(d.Arrive)))
	o["train_date"] = javaDate(day)
	return o
}

// javaDate is a java.util.Date as it stands in the page.
func javaDate(t time.Time) map[string]any {
	return map[string]any{"date": t.Day(), "day": int(t.Weekday()), "hours": t.Hour(), "minutes": t.Minute(),
		"month": int(t.Month()) - 1, "seconds": t.Second(), "time": t.UnixMilli(), "timezoneOffset": -480, "year": t.Year() - 1900}
}

// recordedVar reads one of the recorded page's objects.
func recordedVar(name string) map[string]any {
	_, rest, _ := strings.Cut(initDcHTML, "var "+name+"=")
	line, _, _ := strings.Cut(rest, ";\n")
	d := json.NewDecoder(strings.NewReader(strings.ReplaceAll(line, "'", `"`)))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		panic("railsim: recorded " + name + ": " + err.Error())
	}
	return m
}

// jsObject writes a value as the page does: one line, single quotes, all that
// is not ASCII escaped.
func jsObject(v any) string {
	b, err := marshal(v)
	if err != nil {
		panic(err) // only values of this package come here
	}
	return strings.ReplaceAll(jsEscape(string(b)), `"`, "'")
}

// jsEscape writes everything that is not ASCII as \uXXXX.
func jsEscape(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < 128 {
			b.WriteRune(r)
			continue
		}
		for _, u := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04X`, u)
		}
	}
	return b.String()
}
