package railsim

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

var letterRE = regexp.MustCompile(`CLeftTicketUrl = 'leftTicket/query([A-Z]?)'`)

// openQuery reads the query letter from the page.
func (b *browser) openQuery() {
	b.t.Helper()
	a := b.visit("/otn/leftTicket/init?linktypeid=dc")
	m := letterRE.FindStringSubmatch(a.body)
	if m == nil {
		b.t.Fatal("no CLeftTicketUrl")
	}
	b.letter = m[1]
}

func (b *browser) query() answer {
	b.t.Helper()
	return b.do("GET", "/otn/leftTicket/query"+b.letter+"?leftTicketDTO.train_date="+day+
		"&leftTicketDTO.from_station=IZQ&leftTicketDTO.to_station=WHN&purpose_codes=ADULT", "", true)
}

// look takes the row of the exact pair.
func (b *browser) look() {
	b.t.Helper()
	b.openQuery()
	b.take(b.query())
}

func (b *browser) take(a answer) {
	b.t.Helper()
	rows, _ := a.json(b.t, "data", "result").([]any)
	for _, r := range rows {
		f := strings.Split(r.(string), "|")
		if f[3] == "G1110" && f[6] == "IZQ" && f[7] == "WHN" {
			b.fields, b.secret = f, f[0]
			return
		}
	}
	b.t.Fatalf("no row of G1110 from IZQ in %.300s", a.body)
}

func (b *browser) submitBody() string {
	body := "secretStr=" + b.secret + "&train_date=" + day + "&back_train_date=" + day +
		"&tour_flag=dc&purpose_codes=ADULT&query_from_station_name=广州南&query_to_station_name=武汉"
	if b.site.opts.Era == Present {
		body += "&bed_level_info=" + b.fields[53] + "&seat_discount_info=" + b.fields[54]
	}
	return body + "&undefined"
}

func (b *browser) submit() {
	b.t.Helper()
	b.want(b.form("/otn/login/checkUser", "_json_att=").json(b.t, "data", "flag"), true)
	b.want(b.form("/otn/leftTicket/submitOrderRequest", b.submitBody()).json(b.t, "status"), true)
}

func decode64(t *testing.T, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func find(t *testing.T, page, re string) string {
	t.Helper()
	m := regexp.MustCompile(re).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("the page has no %s", re)
	}
	return m[1]
}

func (b *browser) openOrder() {
	b.t.Helper()
	b.header["Content-Type"] = "application/x-www-form-urlencoded"
	a := b.do("POST", "/otn/confirmPassenger/initDc", "_json_att=", false)
	delete(b.header, "Content-Type")
	b.read(a)
}

// read takes from the order page what the later steps need.
func (b *browser) read(a answer) {
	b.t.Helper()
	b.page = "/otn/confirmPassenger/initDc"
	// The seed's own expressions.
	b.token = find(b.t, a.body, `globalRepeatSubmitToken\s+=\s+'(\w+)'`)
	b.keyCheck = find(b.t, a.body, `'key_check_isChange'\s*:\s*'(\w+)'`)
	// And the recorded page's objects as JSON.
	var v map[string]any
	form := strings.ReplaceAll(find(b.t, a.body, `var ticketInfoForPassengerForm=(.*);`), "'", `"`)
	if err := json.Unmarshal([]byte(form), &v); err != nil {
		b.t.Fatal(err)
	}
	b.leftTicket, b.location, b.purpose = v["leftTicketStr"].(string), v["train_location"].(string), v["purpose_codes"].(string)
}

// tail is what every step of an order ends in.
func (b *browser) tail() string { return "&_json_att=&REPEAT_SUBMIT_TOKEN=" + b.token }

func (b *browser) passengers() (ticketStr, oldStr string) {
	b.t.Helper()
	a := b.form("/otn/confirmPassenger/getPassengerDTOs", "_json_att=&REPEAT_SUBMIT_TOKEN="+b.token)
	p := a.json(b.t, "data", "normal_passengers").([]any)[0].(map[string]any)
	one := "O,0,1," + p["passenger_name"].(string) + ",1," + p["passenger_id_no"].(string) + "," + p["mobile_no"].(string) + ",N"
	if enc, ok := p["allEncStr"].(string); ok {
		one += "," + enc
	}
	return url.QueryEscape(one), url.QueryEscape(p["passenger_name"].(string) + ",1," + p["passenger_id_no"].(string) + ",1_")
}

func (b *browser) checkBody() string {
	ticket, old := b.passengers()
	code := "&randCode="
	last := ""
	if b.site.opts.Era == Present {
		code, last = "", "&sessionId=&sig=&scene=nc_login"
	}
	return "cancel_flag=2&bed_level_order_num=" + strings.Repeat("0", 30) + "&passengerTicketStr=" + ticket +
		"&oldPassengerStr=" + old + "&tour_flag=dc" + code + "&whatsSelect=1" + last + b.tail()
}

func (b *browser) check() answer {
	b.t.Helper()
	return b.form("/otn/confirmPassenger/checkOrderInfo", b.checkBody())
}

func (b *browser) countBody() string {
	return "train_date=Wed+Jan+05+2000+00%3A00%3A00+GMT%2B0800+(%E4%B8%AD%E5%9B%BD%E6%A0%87%E5%87%86%E6%97%B6%E9%97%B4)" +
		"&train_no=6c000G11100C&stationTrainCode=G1110&seatType=O&fromStationTelecode=IZQ&toStationTelecode=WHN&leftTicket=" +
		url.QueryEscape(b.leftTicket) + "&purpose_codes=" + b.purpose + "&train_location=" + b.location + b.tail()
}

func (b *browser) confirmBody() string {
	ticket, old := b.passengers()
	code, last := "&randCode=", ""
	if b.site.opts.Era == Present {
		code, last = "", "&is_jy=N&is_cj=Y&encryptedData="
	}
	return "passengerTicketStr=" + ticket + "&oldPassengerStr=" + old + code + "&purpose_codes=" + b.purpose +
		"&key_check_isChange=" + b.keyCheck + "&leftTicketStr=" + url.QueryEscape(b.leftTicket) + "&train_location=" + b.location +
		"&choose_seats=&seatDetailType=000" + last + "&whatsSelect=1&roomType=00&dwAll=N" + b.tail()
}

// prepare is everything before the confirm.
func (b *browser) prepare() {
	b.t.Helper()
	b.look()
	b.submit()
	b.openOrder()
	a := b.check()
	b.want(a.json(b.t, "data", "submitStatus"), true)
	ms, err := strconv.Atoi(a.json(b.t, "data", "ifShowPassCodeTime").(string))
	if err != nil {
		b.t.Fatal(err)
	}
	time.Sleep(time.Duration(ms) * time.Millisecond)
	b.want(b.form("/otn/confirmPassenger/getQueueCount", b.countBody()).json(b.t, "data", "op_2"), "false")
}

func (b *browser) confirm() answer {
	b.t.Helper()
	return b.form("/otn/confirmPassenger/confirmSingleForQueue", b.confirmBody())
}

func (b *browser) poll() answer {
	b.t.Helper()
	return b.do("GET", "/otn/confirmPassenger/queryOrderWaitTime?random="+strconv.FormatInt(time.Now().UnixMilli(), 10)+
		"&tourFlag=dc"+b.tail(), "", true)
}

// wait polls every five seconds until the number or a failure.
func (b *browser) wait() string {
	b.t.Helper()
	for range 100 {
		data := b.poll().json(b.t, "data").(map[string]any)
		if n := data["requestId"].(json.Number).String(); len(n) != 19 {
			b.t.Fatalf("requestId %s has not 19 digits", n)
		}
		if id, ok := data["orderId"].(string); ok {
			b.want(data["waitTime"].(json.Number).String(), "-1")
			return id
		}
		if w := data["waitTime"].(json.Number).String(); w == "-2" || w == "-3" {
			return w
		}
		time.Sleep(5 * time.Second)
	}
	b.t.Fatal("the queue never ends")
	return ""
}
