package twelve306

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306/internal/wire"
)

// TestSecretOnTheWire: secretStr reaches 12306 decoded exactly once, as the
// same bytes that the row holds: + / = and line breaks stay encoded.
func TestSecretOnTheWire(t *testing.T) {
	secrets := []string{
		// The seed's sample of step 10.
		"9YXJREQTn7FpxrpnjYe%2BKmcbV1UFxzCX%2BhoKgtd0GPhDS0BJgWvO1R1MQ5lTZ%2FX%2BHy7l7TSNLXqz%0Aqgc7zM9mhQOF0s6fN%2F3d6iKEPuco8QDgOGGyoxCEGSmhS%2FsIq6SgdBFIZHUeGh%2BKM6UgJdZCSGbH%0AadZyYPs0Tqb1S9yj3WbKhZmAkrZgDHjuRJFsepfSKbkBzCT8Nuvdle%2BgKG%2BZM7h7OISADPNGgBFH%0A2evh8a43gpwITXD01Y%2F%2BfVRbQCzP",
	}
	for _, file := range []struct{ name, from, to string }{{"query.2019-05-18.HZH-NGH.subset.json", "HGH", "NGH"}, {"queryG.2026-10-04.VNP-AOH.json", "VNP", "AOH"}} {
		for _, tr := range recordedTrains(t, file.name, file.from, file.to, Date{2026, 10, 10}) {
			if s := tr.Secret(); s != "" {
				secrets = append(secrets, s)
			}
		}
	}
	if len(secrets) < 15 {
		t.Fatalf("%d secrets", len(secrets))
	}
	submit := func(secret string) asked {
		tr, err := ParseTrain(secret+strings.Repeat("|", 40), Date{2018, 2, 5})
		if err != nil {
			t.Fatal(err)
		}
		c, p := play(t, map[string][]string{"/otn/leftTicket/submitOrderRequest": {otn(`"N"`)}})
		if err := c.submitOrderRequest(t.Context(), OrderRequest{Train: tr, Journey: Journey{From: station(t, "IZQ"), To: station(t, "WHN")}}); err != nil {
			t.Fatal(err)
		}
		return p.last("/otn/leftTicket/submitOrderRequest")
	}
	for _, s := range secrets {
		if raw := submit(s).raw; !strings.HasPrefix(raw, "secretStr="+s+"&") {
			t.Errorf("secretStr %s went as %s", s, raw)
		}
	}
	// A row that does not encode it (none is known) means the same bytes.
	if raw := submit("a+b/c=").raw; !strings.HasPrefix(raw, "secretStr=a%2Bb%2Fc%3D&") {
		t.Error(raw)
	}
}

// TestSubmitFields holds the fields of both eras to their recordings of 2019
// and 2024, names and order, and the bare "undefined" at the end.
func TestSubmitFields(t *testing.T) {
	for fields, want := range map[int]string{
		40: "secretStr train_date back_train_date tour_flag purpose_codes query_from_station_name query_to_station_name undefined",
		58: "secretStr train_date back_train_date tour_flag purpose_codes query_from_station_name query_to_station_name bed_level_info seat_discount_info undefined",
	} {
		cells := make([]string, fields)
		cells[0] = "x"
		if fields > 54 {
			cells[54] = "90084M0084"
		}
		tr, err := ParseTrain(strings.Join(cells, "|"), Date{2027, 2, 3})
		if err != nil {
			t.Fatal(err)
		}
		c, p := play(t, map[string][]string{"/otn/leftTicket/submitOrderRequest": {otn(`"N"`)}})
		if err := c.submitOrderRequest(t.Context(), OrderRequest{Train: tr, Journey: Journey{From: station(t, "IZQ"), To: station(t, "WHN")}}); err != nil {
			t.Fatal(err)
		}
		a := p.last("/otn/leftTicket/submitOrderRequest")
		names, values := a.fields()
		if got := strings.Join(names, " "); got != want || !strings.HasSuffix(a.raw, "&undefined") {
			t.Errorf("%d fields: %s", fields, got)
		}
		for name, value := range map[string]string{"train_date": "2027-02-03", "back_train_date": DateOf(time.Now()).String(), "tour_flag": "dc",
			"purpose_codes": "ADULT", "query_from_station_name": "广州南", "query_to_station_name": "武汉", "seat_discount_info": strings.TrimSpace(cells[min(54, fields-1)])} {
			if values.Get(name) != value {
				t.Errorf("%d fields: %s is %q", fields, name, values.Get(name))
			}
		}
	}
}

// TestJavaScriptDate: getQueueCount's train_date is what the browser's
// Date.toString() says for midnight in China, whatever zone this machine is in
// and whatever its summer time does that day.
func TestJavaScriptDate(t *testing.T) {
	for d, want := range map[Date]string{
		{2018, 1, 16}:  "Tue Jan 16 2018 00:00:00 GMT+0800 (中国标准时间)", // the seed
		{2018, 2, 5}:   "Mon Feb 05 2018 00:00:00 GMT+0800 (中国标准时间)",
		{2019, 5, 25}:  "Sat May 25 2019 00:00:00 GMT+0800 (中国标准时间)",
		{2024, 4, 25}:  "Thu Apr 25 2024 00:00:00 GMT+0800 (中国标准时间)",
		{2026, 3, 8}:   "Sun Mar 08 2026 00:00:00 GMT+0800 (中国标准时间)", // New York's clocks change
		{2026, 11, 1}:  "Sun Nov 01 2026 00:00:00 GMT+0800 (中国标准时间)",
		{2027, 6, 9}:   "Wed Jun 09 2027 00:00:00 GMT+0800 (中国标准时间)",
		{2027, 12, 31}: "Fri Dec 31 2027 00:00:00 GMT+0800 (中国标准时间)",
		{2028, 2, 29}:  "Tue Feb 29 2028 00:00:00 GMT+0800 (中国标准时间)",
		{1990, 7, 1}:   "Sun Jul 01 1990 00:00:00 GMT+0800 (中国标准时间)", // China had summer time then; a fixed zone does not
	} {
		if got := d.javaScript(); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
	c, p := play(t, map[string][]string{"/otn/confirmPassenger/getQueueCount": {otn(`{"ticket":"8"}`)}})
	if err := aDraft(t, c).getQueueCount(t.Context()); err != nil {
		t.Fatal(err)
	}
	const recorded = "train_date=Sat+May+25+2019+00%3A00%3A00+GMT%2B0800+(%E4%B8%AD%E5%9B%BD%E6%A0%87%E5%87%86%E6%97%B6%E9%97%B4)&train_no=770000D65805&stationTrainCode=D655&seatType=O&fromStationTelecode=HGH&toStationTelecode=NGH&leftTicket=D%252Be4vDwFvbLJVq%252FfJFeqiwe6nAC37KC1B0mzAYxo4LLPH3XN&purpose_codes=00&train_location=W2&_json_att=&REPEAT_SUBMIT_TOKEN=6d946b88192ceddadccb285f84a74a2b"
	if raw := p.last("/otn/confirmPassenger/getQueueCount").raw; raw != recorded {
		t.Errorf("getQueueCount: %s", raw)
	}
	if at := time.Date(2027, 2, 3, 16, 0, 0, 0, time.UTC); DateOf(at) != (Date{2027, 2, 4}) || DateOf(at.Add(-time.Second)) != (Date{2027, 2, 3}) {
		t.Error("the day begins at midnight in China")
	}
}

// TestZones runs the tests of dates again in other zones.
func TestZones(t *testing.T) {
	if os.Getenv("TWELVE306_ZONE") != "" {
		t.Skip("in the child")
	}
	for _, zone := range []string{"UTC", "America/New_York", "Pacific/Apia"} {
		cmd := exec.Command(os.Args[0], "-test.run=^(TestJavaScriptDate|TestDates|TestSubmitFields|TestRecordedHoldings)$", "-test.count=1")
		cmd.Env = append(os.Environ(), "TZ="+zone, "TWELVE306_ZONE=1")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "PASS") {
			t.Errorf("TZ=%s: %v\n%s", zone, err, out)
		}
	}
}

func TestDates(t *testing.T) {
	for text, want := range map[string]Date{"2027-02-03": {2027, 2, 3}, "2028-02-29": {2028, 2, 29}} {
		d, err := ParseDate(text)
		if err != nil || d != want || d.String() != text || DateOf(d.Time()) != d {
			t.Errorf("%s: %v, %v", text, d, err)
		}
	}
	for _, text := range []string{"", "2027-2-3", "2019-2-9", "2027-02-30", "2027/02/03", "20270203", "27-02-03", "2027-02-03 ", "2027-02-03T00:00:00Z"} {
		if d, err := ParseDate(text); err == nil {
			t.Errorf("%q is %v", text, d)
		}
	}
	d := Date{2026, 12, 31}
	if d.AddDays(1) != (Date{2027, 1, 1}) || d.AddDays(-31) != (Date{2026, 11, 30}) || !d.Before(d.AddDays(1)) || d.Before(d) || d.IsZero() || !(Date{}).IsZero() {
		t.Error("arithmetic of dates")
	}
	var back Date
	if b, err := d.MarshalText(); err != nil || back.UnmarshalText(b) != nil || back != d {
		t.Errorf("%s: %v", b, back)
	}
}

// TestPassengerStrings holds the two strings of an order to the recordings of
// 2019 and 2024: one person and several, with and without allEncStr.
func TestPassengerStrings(t *testing.T) {
	zhang := passenger{Name: "张三", IDType: "1", IDNo: "110101199001010014", Type: "1", Mobile: "13800000000"}
	li := passenger{Name: "李四", IDType: "1", IDNo: "110101196301010011", Type: "3"}
	seal := strings.Repeat("0f", 80)
	masked := []passenger{
		{Name: "张三", IDType: "1", IDNo: "1101***********014", Type: "1", Mobile: "138****0000", AllEncStr: wire.Text("a" + seal)},
		{Name: "李四", IDType: "1", IDNo: "1101***********011", Type: "1", Mobile: "139****0000", AllEncStr: wire.Text("b" + seal)},
	}
	tests := []struct {
		seat         string
		people       []passenger
		tickets, old string
	}{
		{"O", []passenger{zhang}, "O,0,1,张三,1,110101199001010014,13800000000,N", "张三,1,110101199001010014,1_"},
		{"1", []passenger{zhang, li}, "1,0,1,张三,1,110101199001010014,13800000000,N_1,0,1,李四,1,110101196301010011,,N", "张三,1,110101199001010014,1_李四,1,110101196301010011,3_"},
		{"M", masked, "M,0,1,张三,1,1101***********014,138****0000,N,a" + seal + "_M,0,1,李四,1,1101***********011,139****0000,N,b" + seal,
			"张三,1,1101***********014,1_李四,1,1101***********011,1_"},
	}
	child := passenger{Name: "小宝", IDType: "1", IDNo: "110101201901010011", Type: "2", ticket: ChildTicket, bed: LowerBerth}
	li.ticket, li.bed = StudentTicket, UpperBerth
	tests = append(tests, struct {
		seat         string
		people       []passenger
		tickets, old string
	}{"3", []passenger{child, zhang, li}, "3,1,2,小宝,1,110101201901010011,,N_3,0,1,张三,1,110101199001010014,13800000000,N_3,3,3,李四,1,110101196301010011,,N",
		"小宝,1,110101201901010011,2__+张三,1,110101199001010014,1_李四,1,110101196301010011,3_"})
	for _, tt := range tests {
		if got := passengerTicketStr(tt.seat, tt.people); got != tt.tickets {
			t.Errorf("passengerTicketStr %s, want %s", got, tt.tickets)
		}
		if got := oldPassengerStr(tt.people); got != tt.old {
			t.Errorf("oldPassengerStr %s, want %s", got, tt.old)
		}
	}
}

// TestOrderForms holds the forms of the order page to the recordings of 2019
// (order.2019-05-18) and 2024 (login-order.2024-04-22): names and order.
func TestOrderForms(t *testing.T) {
	const (
		check2019   = "cancel_flag bed_level_order_num passengerTicketStr oldPassengerStr tour_flag randCode whatsSelect _json_att REPEAT_SUBMIT_TOKEN"
		check2024   = "cancel_flag bed_level_order_num passengerTicketStr oldPassengerStr tour_flag whatsSelect sessionId sig scene _json_att REPEAT_SUBMIT_TOKEN"
		queue       = "train_date train_no stationTrainCode seatType fromStationTelecode toStationTelecode leftTicket purpose_codes train_location _json_att REPEAT_SUBMIT_TOKEN"
		confirm2019 = "passengerTicketStr oldPassengerStr randCode purpose_codes key_check_isChange leftTicketStr train_location choose_seats seatDetailType whatsSelect roomType dwAll _json_att REPEAT_SUBMIT_TOKEN"
		confirm2024 = "passengerTicketStr oldPassengerStr purpose_codes key_check_isChange leftTicketStr train_location choose_seats seatDetailType is_jy is_cj encryptedData whatsSelect roomType dwAll _json_att REPEAT_SUBMIT_TOKEN"
		path        = "/otn/confirmPassenger/"
	)
	for _, present := range []bool{false, true} {
		c, p := play(t, map[string][]string{
			path + "checkOrderInfo":        {otn(`{"submitStatus":true}`)},
			path + "getQueueCount":         {otn(`{"ticket":"8"}`)},
			path + "confirmSingleForQueue": {otn(`{"submitStatus":true}`)},
		})
		d := aDraft(t, c)
		d.present = present
		if _, err := d.checkOrderInfo(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := d.getQueueCount(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Confirm(t.Context()); err != nil {
			t.Fatal(err)
		}
		check, confirm := check2019, confirm2019
		if present {
			check, confirm = check2024, confirm2024
		}
		for step, want := range map[string]string{"checkOrderInfo": check, "getQueueCount": queue, "confirmSingleForQueue": confirm} {
			a := p.last(path + step)
			names, values := a.fields()
			if got := strings.Join(names, " "); got != want {
				t.Errorf("present %v, %s:\n%s, want\n%s", present, step, got, want)
			}
			if values.Get("_json_att") != "" || values.Get("REPEAT_SUBMIT_TOKEN") != d.page.token || a.header.Get("Idempotency-Key") != "" {
				t.Errorf("%s: %s", step, a.raw)
			}
			// The page gives the text encoded and the form encodes it once more.
			for _, name := range []string{"leftTicket", "leftTicketStr"} {
				if values.Has(name) && (values.Get(name) != d.page.leftTicket || !strings.Contains(a.raw, name+"=D%252Be4vDwFvbLJVq%252FfJFeqiwe6nAC37KC1B0mzAYxo4LLPH3XN&")) {
					t.Errorf("%s: %s", step, a.raw)
				}
			}
		}
	}
}

func TestSealPassword(t *testing.T) {
	for password, want := range map[string]string{ // PROTOCOL.md 1.5
		"TestPassword123!": "@NjQc0TZhH8uX3oz7y3tDIz3TFq/xcowVYjwPOcgTuic=",
		"1234567890abcdef": "@CVPRqtdzdC5zVLgdBgwQGz3TFq/xcowVYjwPOcgTuic=",
		"测试密码123":          "@Kl75cikg3jE+jKIcAfqCQA==",
	} {
		if got := sealPassword(password); got != want {
			t.Errorf("%s: %s, want %s", password, got, want)
		}
	}
}

// TestQueryAddress: the parameters in the browser's order (2024-04-22), and the
// headers that its script adds.
func TestQueryAddress(t *testing.T) {
	c, p := play(t, map[string][]string{
		"/otn/leftTicket/init":   {"<html><script>var CLeftTicketUrl = 'leftTicket/queryG';</script></html>"},
		"/otn/leftTicket/queryG": {`{"data":{"result":[]},"messages":"","status":true}`},
	})
	if _, err := c.Query(t.Context(), Journey{Date: Date{2024, 4, 22}, From: station(t, "SHH"), To: station(t, "CZH")}); err != nil {
		t.Fatal(err)
	}
	a := p.last("/otn/leftTicket/queryG")
	const want = "leftTicketDTO.train_date=2024-04-22&leftTicketDTO.from_station=SHH&leftTicketDTO.to_station=CZH&purpose_codes=ADULT"
	if a.raw != want || a.header.Get("Referer") != DefaultBaseURL+"/otn/leftTicket/init?linktypeid=dc" || a.header.Get("If-Modified-Since") != "0" ||
		a.header.Get("Cache-Control") != "no-cache" || a.header.Get("X-Requested-With") != "XMLHttpRequest" || !strings.Contains(a.header.Get("User-Agent"), "Chrome/") {
		t.Errorf("%s\n%v", a.raw, a.header)
	}
}
