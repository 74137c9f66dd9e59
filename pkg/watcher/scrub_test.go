package watcher

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// somebody are the canaries: what of a person or a session must not survive.
var somebody = map[string]string{
	"name": "欧阳小明", "id": "110101199001011237", "masked": "3207***********815", "phone": "13912345678", "hiddenPhone": "177****5166",
	"mail": "xiaoming@example.com", "user": "ouyangxm", "pass": "hunter2hunter", "born": "1990-01-01",
	"uamtk": "JtBvY0tVb3dxYW5kZXJl", "hex": "6d946b88192ceddadccb285f84a74a2b", "enc": strings.Repeat("0a1B2c3D", 20),
	"secret": "MjAxOS0wNS0yNSMwMCNENjU1IzAx%2FJKbVx%2Bq8Hn%0AaZ3kP0v9YtWmXr5oQe7LuCsD2fGhIjN%3D%3D", "order": "EA12345678",
}

// survivors lists what of somebody is left in a text.
func survivors(text string) (left []string) {
	for what, v := range somebody {
		for len(v) > 0 {
			if strings.Contains(text, v) {
				left = append(left, what+" "+v)
				break
			}
			if utf8.RuneCountInString(v) <= 12 {
				break
			}
			v = v[:len(v)/2] // nor half of it
		}
	}
	return left
}

// TestScrubCanaries puts somebody into real replies, in every place and form
// that was seen, and into a few that were not.
func TestScrubCanaries(t *testing.T) {
	fill := strings.NewReplacer("{name}", somebody["name"], "{id}", somebody["id"], "{masked}", somebody["masked"], "{phone}", somebody["phone"],
		"{hidden}", somebody["hiddenPhone"], "{mail}", somebody["mail"], "{user}", somebody["user"], "{pass}", somebody["pass"], "{born}", somebody["born"],
		"{uamtk}", somebody["uamtk"], "{hex}", somebody["hex"], "{enc}", somebody["enc"], "{secret}", somebody["secret"], "{order}", somebody["order"],
		"{js}", `\u6B27\u9633\u5C0F\u660E`)
	for in, want := range map[string]string{
		`{"result_code":0,"result_message":"验证通过","username":"{name}","apptk":"{uamtk}"}`:                `{"result_code":0,"result_message":"验证通过","username":"<4 chars>","apptk":"<20 chars>"}`,
		`{"apptk":null,"result_message":"验证通过","result_code":0,"newapptk":"{uamtk}"}`:                    `{"apptk":null,"result_message":"验证通过","result_code":0,"newapptk":"<20 chars>"}`,
		`{"is_login":"Y","name":"{name}","user_name":"{user}","born_date":"{born}","ei_email":"{mail}"}`: `{"is_login":"Y","name":"<4 chars>","user_name":"<8 chars>","born_date":"<10 chars>","ei_email":"<20 chars>"}`,
		`"passenger_id_no":"{masked}","mobile_no":"{hidden}","allEncStr":"{enc}","passenger_type":"1"`:   `"passenger_id_no":"<18 chars>","mobile_no":"<11 chars>","allEncStr":"<160 chars>","passenger_type":"1"`,
		`var globalRepeatSubmitToken = '{hex}';`:                                                         `var <23 chars> = '<32 chars>';`,
		`var sessionInit = '{js}';`:                                                                      `var sessionInit = '<24 chars>';`,
		`'key_check_isChange':'{hex}','leftTicketStr':'ab%2Bcd','purpose_codes':'00'`:                    `'key_check_isChange':'<32 chars>','leftTicketStr':'<7 chars>','purpose_codes':'00'`,
		`["{secret}|预订|6i000G111000|G1110|IZQ|WHN|IZQ|WHN|08:00|12:05|04:05|Y"]`:                         `["<83 chars>|预订|6i000G111000|G1110|IZQ|WHN|IZQ|WHN|08:00|12:05|04:05|Y"]`,
		`{name}(二代身份证-{id})存在与本次购票行程冲突的车票!!`:                                                             `<4 chars>(二代身份证-<18 chars>)存在与本次购票行程冲突的车票!!`,
		`您好，{name}`:                            `您好，<4 chars>`,
		`"passengerNames":"{name}"`:            `"passengerNames":"<4 chars>"`,
		`"array_passser_name_page":["{name}"]`: `"array_passser_name_page":[<6 chars>]`,
		`"text":"{\"passenger_name\":\"{name}\",\"passenger_id_no\":\"{id}\"}"`: `"text":"{\"passenger_name\":\"<4 chars>\",\"passenger_id_no\":\"<18 chars>\"}"`,
		`a=1,token={uamtk}&b=2`:                                          `a=1,token=<20 chars>&b=2`,
		`Set-Cookie: JSESSIONID=A1; route=b2`:                            `Set-Cookie: <19 chars>`,
		`请用{phone}联系，或 {mail}，+86{phone}，139 1234 5678`:                  `请用<11 chars>联系，或 <20 chars>，+<13 chars>，<13 chars>`,
		`"sequence_no":"{order}","pay_limit_time":"2017-02-09 10:40:55"`: `"sequence_no":"<10 chars>","pay_limit_time":"2017-02-09 10:40:55"`,
		`password={pass}`: `password=<13 chars>`,
		`"sale_time":"202404081330","nowStr":"20240422140818","now":1713766098347`:       `"sale_time":"202404081330","nowStr":"20240422140818","now":<13 chars>`,
		`{"token":true,"mobile":"","phone":null,"is_phone_check":"N","tk":[],"idNo":{}}`: `{"token":true,"mobile":"","phone":null,"is_phone_check":"N","tk":[],"idNo":{}}`,
	} {
		filled := fill.Replace(in)
		if len(survivors(filled)) == 0 && strings.Contains(in, "{n") {
			t.Fatalf("the canary is not in %s", filled)
		}
		got := scrub([]byte(filled), nil)
		if want = strings.Replace(want, "<23 chars> =", "globalRepeatSubmitToken =", 1); got != want {
			t.Errorf("%s\nbecomes %s\nwant    %s", filled, got, want)
		}
		if left := survivors(got); len(left) > 0 {
			t.Errorf("%v survived in %s", left, got)
		}
	}
	// Names that we know go wherever they stand, in every form.
	for _, form := range []string{"{name}", "{js}", "%E6%AC%A7%E9%98%B3%E5%B0%8F%E6%98%8E", "%25E6%25AC%25A7%25E9%2598%25B3%25E5%25B0%258F%25E6%2598%258E",
		"&#27431;&#38451;&#23567;&#26126;", "&#x6b27;&#x9633;&#x5c0f;&#x660e;"} {
		if got := scrub([]byte("<span>"+fill.Replace(form)+"</span>"), []string{somebody["name"], ""}); !regexp.MustCompile(`^<span><\d+ chars></span>$`).MatchString(got) {
			t.Errorf("%s: %s", form, got)
		}
	}
}

// TestScrubRecordings: nothing of a session or a person is left of the recorded
// replies, and what a maintainer needs is.
func TestScrubRecordings(t *testing.T) {
	long := regexp.MustCompile(`[A-Za-z0-9+/=_-]{24,}|[0-9]{15,}|张三|\\u5F20\\u4E09|1101[0-9]{14}`)
	for name, structure := range map[string][]string{
		"query.2019-05-18.HZH-NGH.subset.json":                            {`"result":["<`, "|预订|56000D316511|D3165|HGH|", "|IS_TIME_NOT_BUY|"},
		"queryG.2026-10-04.VNP-AOH.json":                                  {`"result"`, "|VNP|AOH|", `"status": true`},
		"queryZ.2017-12-23.YLZ-YSZ.offhours.json":                         {"null|23:00-06:00系统维护时间|"},
		"initDc.2019-05-18.trimmed.html":                                  {"var sessionInit = '<12 chars>'", "globalRepeatSubmitToken = '<32 chars>'", `'key_check_isChange':'<56 chars>'`, `'train_location':'`},
		"leftTicket-init.2019-05-18.trimmed.html":                         {"var CLeftTicketUrl = 'leftTicket/query'", "var sessionInit = '<12 chars>'"},
		"passport-redirect.2019-05-18.trimmed.html":                       {"uampassport.checkLogin"},
		"initNoCompleteQueueApi.2019-05-18.failed-in-queue.redacted.json": {`"passengerNames":"<2 chars>"`, `"errorMsgInfo":"占座失败"`, `"waitTime":-2`},
		"queryMyOrderNoComplete.2017-02-09.unpaid.redacted.json":          {`"passenger_name":"<2 chars>"`, `"passenger_id_no":"<18 chars>"`, `"pay_limit_time":"2017-02-09 10:40:55"`},
		"failures.recorded.jsonl":                                         {"<2 chars>(二代身份证-<18 chars>)存在", "非法请求", `"c_url":"leftTicket/query"`},
	} {
		body, err := os.ReadFile(filepath.Join("..", "twelve306", "testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		got := scrub(body, nil)
		if left := long.FindString(got); left != "" {
			t.Errorf("%s: %q is left", name, left)
		}
		for _, want := range structure {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %q cannot be read any more:\n%.3000s", name, want, got)
			}
		}
		if strings.HasPrefix(name, "query") && !strings.HasPrefix(name, "queryMy") && !json.Valid([]byte(got)) {
			t.Errorf("%s is no JSON any more:\n%.3000s", name, got)
		}
	}
}

// A reply of any length becomes a copy of bounded length, and what was cut
// through is not left in halves.
func TestScrubLong(t *testing.T) {
	for _, pad := range []int{0, 10, 18} {
		body := strings.Repeat("票 ", maxScrubbed/4-10) + strings.Repeat(" ", pad) + somebody["id"]
		got := scrub([]byte(body), nil)
		if len(got) > 64<<10 || !utf8.ValidString(got) || !strings.HasSuffix(got, "(cut off here)\n") || strings.Contains(got, "1101") {
			t.Errorf("%d bytes: %.40q", len(got), got[len(got)-40:])
		}
	}
	text := strings.Repeat(somebody["hex"]+" "+somebody["id"]+"|", 5000)
	if got := scrub([]byte(text), nil); len(survivors(got)) > 0 || len(got) > 64<<10 {
		t.Errorf("%d bytes, %v", len(got), survivors(got))
	}
}

func FuzzScrub(f *testing.F) {
	for _, v := range somebody {
		f.Add(v, "张三")
	}
	files, _ := filepath.Glob(filepath.Join("..", "twelve306", "testdata", "*.json*"))
	for _, name := range files {
		if b, err := os.ReadFile(name); err == nil {
			f.Add(string(b[:min(len(b), 8000)]), "张三")
		}
	}
	f.Add(`"token":"\\"abc`, "a")
	f.Add(`\"passenger_name\":\"x\\\"y`, "李四")
	f.Add("x%2", "Aa")
	opaqueRun := regexp.MustCompile(`[A-Za-z0-9+/=]{24,}`)
	id := regexp.MustCompile(`[0-9]{17}[0-9Xx]`)
	phone := regexp.MustCompile(`(?:^|[^0-9])1[3-9][0-9]{9}(?:[^0-9]|$)`)
	f.Fuzz(func(t *testing.T, body, name string) {
		got := scrub([]byte(body), []string{name})
		for _, re := range []*regexp.Regexp{opaqueRun, id, phone} {
			if left := re.FindString(got); left != "" {
				t.Fatalf("%q is left of %q:\n%q", left, body, got)
			}
		}
		// "2 chars>" and the like are the marks' own.
		if utf8.RuneCountInString(name) > 1 && utf8.ValidString(name) && !strings.Contains("<0123456789 chars>(cut off here)\n?", name) &&
			regexp.MustCompile(`^\p{Han}+$`).MatchString(name) && strings.Contains(got, name) {
			t.Fatalf("the name %q is left of %q:\n%q", name, body, got)
		}
		if !utf8.ValidString(got) || len(got) > 64<<10 {
			t.Fatalf("%d bytes: %q", len(got), got)
		}
	})
}
