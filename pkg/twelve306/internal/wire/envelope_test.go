package wire

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// The traps of PROTOCOL.md 0: one name each, every form recorded.

func TestMessagesAreATextOrAnArray(t *testing.T) {
	tests := map[string][]string{
		`""`:                nil,
		`[]`:                nil,
		`null`:              nil,
		`["系统忙"]`:           {"系统忙"},
		`"系统忙"`:             {"系统忙"},
		`["a",null,"","b"]`: {"a", "b"},
		`[1,{"x":1},["y"]]`: {"1"},
		`{}`:                nil,
		`"[]"`:              nil, // an array that became a text is no message
		`"{\"a\":1}"`:       nil,
		`"[未完成订单]"`:         {"[未完成订单]"},
	}
	for in, want := range tests {
		env, _, err := ParseEnvelope([]byte(`{"status":true,"messages":` + in + `}`))
		if err != nil || !slices.Equal(env.Messages, want) {
			t.Errorf("messages %s: %q, %v; want %q", in, env.Messages, err, want)
		}
	}
}

func TestResultCodeIsANumberOrAText(t *testing.T) {
	for in, want := range map[string]Number{`0`: 0, `"4"`: 4, `91`: 91, `" 2 "`: 2, `1.0`: 1, `-1`: -1} {
		env, _, err := ParseEnvelope([]byte(`{"result_message":"","result_code":` + in + `}`))
		if err != nil || env.ResultCode == nil || *env.ResultCode != want {
			t.Errorf("result_code %s: %v, %v", in, env.ResultCode, err)
		}
	}
	// A result_code that says nothing must never be read as 0, which is success.
	for _, in := range []string{`""`, `"ok"`, `true`, `[]`, `{}`, `1.5`, `"0x0"`, `1e400`} {
		if env, _, err := ParseEnvelope([]byte(`{"result_code":` + in + `}`)); err == nil {
			t.Errorf("result_code %s was read as %d", in, *env.ResultCode)
		}
	}
	for _, in := range []string{`{}`, `{"result_code":null}`} {
		if env, _, err := ParseEnvelope([]byte(in)); err != nil || env.ResultCode != nil {
			t.Errorf("%s: %v, %v", in, env.ResultCode, err)
		}
	}
}

func TestDataIsAnythingOrAbsent(t *testing.T) {
	for _, in := range []string{`{"flag":true}`, `"N"`, `"220"`, `"扣票失败"`, `true`, `[]`, `null`} {
		env, _, err := ParseEnvelope([]byte(`{"status":true,"data":` + in + `,"messages":[]}`))
		if err != nil || string(env.Data) != in {
			t.Errorf("data %s: %q, %v", in, env.Data, err)
		}
	}
	env, _, err := ParseEnvelope([]byte(`{"status":true,"messages":[]}`))
	if err != nil || env.Data != nil {
		t.Errorf("absent data: %q, %v", env.Data, err)
	}
}

func TestNumbersAreTextsAndLongIntegers(t *testing.T) {
	var q struct {
		CountT Number `json:"countT"`
		Op2    Bool   `json:"op_2"`
		Ticket Text   `json:"ticket"`
	}
	// getQueueCount, 2019-05-18: everything a text.
	if err := Decode([]byte(`{"count":"3","ticket":"310,0","op_2":"false","countT":"12","op_1":"true"}`), &q); err != nil || q.CountT != 12 || bool(q.Op2) || q.Ticket != "310,0" {
		t.Errorf("getQueueCount: %+v, %v", q, err)
	}
	var w struct {
		WaitTime  Number `json:"waitTime"`
		RequestID Number `json:"requestId"`
		OrderID   Text   `json:"orderId"`
	}
	// queryOrderWaitTime, 2019-05-18: numbers, requestId above 2^53, orderId null.
	if err := Decode([]byte(`{"waitTime":75,"requestId":6535491582148718991,"orderId":null}`), &w); err != nil || w.WaitTime != 75 || w.RequestID != 6535491582148718991 || w.OrderID != "" {
		t.Errorf("queryOrderWaitTime: %+v, %v", w, err)
	}
	w.WaitTime = 7
	if err := Decode([]byte(`{"waitTime":null}`), &w); err != nil || w.WaitTime != 7 {
		t.Errorf("a null number: %d, %v", w.WaitTime, err)
	}
}

func TestTextsAreNumbersAndBools(t *testing.T) {
	for in, want := range map[string]Text{`"1"`: "1", `1`: "1", `true`: "true", `null`: "", `"中文"`: "中文", `"中"`: "中"} {
		var got struct {
			IsAsync Text `json:"isAsync"`
		}
		if err := Decode([]byte(`{"isAsync":`+in+`}`), &got); err != nil || got.IsAsync != want {
			t.Errorf("isAsync %s: %q, %v", in, got.IsAsync, err)
		}
	}
}

func TestBoolsAreTexts(t *testing.T) {
	for in, want := range map[string]bool{`true`: true, `"true"`: true, `"Y"`: true, `"1"`: true, `1`: true,
		`false`: false, `"false"`: false, `"N"`: false, `""`: false, `0`: false, `null`: false, `{}`: false, `[true]`: false, `"yes"`: false} {
		var got struct {
			V Bool `json:"v"`
		}
		if err := Decode([]byte(`{"v":`+in+`}`), &got); err != nil || bool(got.V) != want {
			t.Errorf("%s: %v, %v", in, got.V, err)
		}
	}
}

func TestStatusIsTrueAlone(t *testing.T) {
	for in, want := range map[string]True{`true`: true, `false`: false, `"true"`: false, `1`: false, `"Y"`: false, `null`: false, `{}`: false} {
		if env, _, err := ParseEnvelope([]byte(`{"status":` + in + `}`)); err != nil || env.Status != want {
			t.Errorf("status %s: %v, %v", in, env.Status, err)
		}
	}
}

func TestJSONPAndByteOrderMark(t *testing.T) {
	const object = `{"result_message":"验证码校验成功","result_code":"4"}`
	for _, in := range []string{
		object,
		"\ufeff" + object,
		"  \r\n" + object + "\n",
		"\ufeff \n" + object,
		"/**/jQuery191027188156577876876_1558182495381(" + object + ");", // recorded 2019-05-18
		"callbackFunction(" + object + ")",
		"a.b$c(" + object + ");",
	} {
		env, raw, err := ParseEnvelope([]byte(in))
		if err != nil || env.ResultCode == nil || *env.ResultCode != 4 || string(raw) != object {
			t.Errorf("%.60q: %q, %v", in, raw, err)
		}
	}
	for _, in := range []string{"", " ", "null", "[]", `"text"`, "12", "<html></html>", "\ufeff<html>", "f(" + object, "alert(1);" + object, "(" + object + ")", object + object, object[:20], "f(null);"} {
		if _, _, err := ParseEnvelope([]byte(in)); err == nil {
			t.Errorf("%.60q was taken for an object", in)
		}
	}
}

// TestErrorsHoldNoText: a reply may hold a name or a token, and errors are
// logged.
func TestErrorsHoldNoText(t *testing.T) {
	var v struct {
		Count Number `json:"count"`
		List  []Text `json:"list"`
	}
	for _, in := range []string{
		`{"count":"110101199001010014"}`, `{"count":"secret"}`, `{"list":{"secret":1}}`, `{"list":"secret"}`, `{"count":"sec`, `{"secret`,
		`{"list":["a",{"secret":1}]}`, `secret`, `{"count":secret}`, "{\"count\":\"\x01secret\"}",
	} {
		err := Decode([]byte(in), &v)
		if in == `{"count":"110101199001010014"}` {
			if err != nil || v.Count != 110101199001010014 {
				t.Errorf("%s: %v", in, err)
			}
			continue
		}
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", in, err)
		}
		if _, ok := err.(*json.SyntaxError); ok {
			t.Errorf("%s: a raw error of encoding/json", in)
		}
	}
	if err := Decode(nil, &v); err == nil {
		t.Error("nothing was decoded")
	}
}
