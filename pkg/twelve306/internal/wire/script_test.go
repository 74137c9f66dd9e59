package wire

import (
	"strings"
	"testing"
)

// TestOrderPageTokens reads the recorded order page by the seed's patterns and
// as an object: both must say the same.
func TestOrderPageTokens(t *testing.T) {
	page := recorded(t, "initDc.2019-05-18.trimmed.html")
	const key = "6EA22D0407A1115A91DD5C4BD6F07AE5ECF33A7794E22EC55AD1DBAC"
	if got := RepeatSubmitToken(page); got != "6d946b88192ceddadccb285f84a74a2b" {
		t.Errorf("globalRepeatSubmitToken %q", got)
	}
	if got := KeyCheckIsChange(page); got != key {
		t.Errorf("key_check_isChange %q", got)
	}
	var f struct {
		Key        Text   `json:"key_check_isChange"`
		LeftTicket Text   `json:"leftTicketStr"`
		Location   Text   `json:"train_location"`
		Purpose    Text   `json:"purpose_codes"`
		IsAsync    Text   `json:"isAsync"`
		Left       []Text `json:"leftDetails"`
		Request    struct {
			TrainNo Text `json:"train_no"`
		} `json:"queryLeftTicketRequestDTO"`
	}
	if err := Object(page, "ticketInfoForPassengerForm", &f); err != nil {
		t.Fatal(err)
	}
	if f.Key != key || f.LeftTicket != "D%2Be4vDwFvbLJVq%2FfJFeqiwe6nAC37KC1B0mzAYxo4LLPH3XN" || f.Location != "W2" || f.Purpose != "00" ||
		f.IsAsync != "1" || f.Request.TrainNo != "770000D65805" || len(f.Left) != 3 || f.Left[0] != "一等座(87.00元)14张票" {
		t.Errorf("ticketInfoForPassengerForm: %+v", f)
	}
	var o struct {
		TrainNo Text `json:"train_no"`
		From    Text `json:"from_station_name"`
		Child   Text `json:"child_num"`
	}
	if err := Object(page, "orderRequestDTO", &o); err != nil || o.TrainNo != "770000D65805" || o.From != "杭州东" || o.Child != "0" {
		t.Errorf("orderRequestDTO: %+v, %v", o, err)
	}
	if SlidePasscode(page) {
		t.Error("a slider in the page of 2019")
	}
	if LeftTicketURL(page) != "" {
		t.Error("a query address in the order page, where CLeftTicketUrl is null")
	}
}

func TestQueryPageLetter(t *testing.T) {
	page := recorded(t, "leftTicket-init.2019-05-18.trimmed.html")
	if got := LeftTicketURL(page); got != "leftTicket/query" {
		t.Errorf("CLeftTicketUrl %q", got)
	}
	if got := RepeatSubmitToken(page); got != "" {
		t.Errorf("globalRepeatSubmitToken %q, it is null there", got)
	}
	for line, want := range map[string]string{
		`<script src="/otn/resources/js/framework/station_name.js?station_version=1.9274"></script>`: "1.9274",
		`station_name.js?station_version='+x`:                                                        "",
		``:                                                                                           "",
	} {
		if got := StationVersion(line); got != want {
			t.Errorf("%s: %q", line, got)
		}
	}
	if !SlidePasscode("var if_check_slide_passcode = '1';") || SlidePasscode("var if_check_slide_passcode='0';") {
		t.Error("if_check_slide_passcode")
	}
}

func TestObject(t *testing.T) {
	type object struct {
		Name Text `json:"n"`
	}
	good := map[string]string{
		`var x={'n':'a'};`:                       "a",
		`var x = {"n":"a"}`:                      "a",
		`x=null; x={'n':'a'};`:                   "a",
		"var x=\n{'n':'a'};":                     "a",
		`xx={'n':'b'};`:                          "b",
		`var x={'n':'O\'Neil "the" {'};`:         `O'Neil "the" {`,
		`var x={'n':'\u5F20\u4E09','l':[{},[]]}`: "张三",
		`var x={'n':"it's"};`:                    "it's",
		`var x={'n':null};`:                      "",
		`var x={'n':'a\\'};`:                     `a\`,
	}
	for page, want := range good {
		var o object
		if err := Object(page, "x", &o); err != nil || string(o.Name) != want {
			t.Errorf("%s: %q, %v", page, o.Name, err)
		}
	}
	for _, page := range []string{"", "x", "x=1;", "x={", "x={'n':'a", "x={'n':'a\\", "x={'n':'a\n'}", "x={n:'a'}", "x={'n':undefined}", "x={]", "x={'n':{}}",
		"x=" + strings.Repeat("{", 100), "x={'secret':secret}"} {
		var o object
		if err := Object(page, "x", &o); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%.40q: %+v, %v", page, o, err)
		}
	}
}
