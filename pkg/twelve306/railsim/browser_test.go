package railsim

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emmansun/gmsm/sm4"
)

const origin = "https://kyfw.12306.cn"

// browser does what the recordings do, request by request. It is written from
// them alone: it is the check that the simulator takes what 12306 took.
type browser struct {
	t    *testing.T
	site *Server
	http *http.Client
	page string // the Referer

	header map[string]string // overrides, "" deletes

	letter, secret, row, token, keyCheck, leftTicket, location, purpose string
	fields                                                              []string
	order                                                               string
}

// inBubble runs a test in virtual time, a little before 2 January 2000, noon.
func inBubble(t *testing.T, o Options, f func(*browser)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if o.Seed == 0 {
			o.Seed = 7
		}
		s := New(o)
		defer s.Close()
		f(newBrowser(t, s))
	})
}

func newBrowser(t *testing.T, s *Server) *browser {
	jar, _ := cookiejar.New(nil)
	return &browser{t: t, site: s, header: map[string]string{}, http: &http.Client{
		Transport: s.Transport(), Jar: jar, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

const day = "2000-01-05"

func (b *browser) sell() {
	b.site.SetTrains(day, Train{Code: "G1110", No: "6c000G11100C", From: "IZQ", To: "WHN", Depart: "08:00", Arrive: "12:00",
		Seats: map[string]int{"9": 0, "M": 5, "O": 30, "W": 10}})
}

type answer struct {
	status int
	body   string
	header http.Header
	err    error
}

func (a answer) json(t *testing.T, path ...string) any {
	t.Helper()
	body := a.body
	if strings.HasPrefix(body, "/**/") {
		body = body[strings.Index(body, "(")+1 : strings.LastIndex(body, ")")]
	}
	var v any
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("no JSON: %v: %.200s", err, a.body)
	}
	for _, p := range path {
		m, _ := v.(map[string]any)
		v = m[p]
	}
	return v
}

func (b *browser) do(method, path, body string, xhr bool) answer {
	b.t.Helper()
	r, err := http.NewRequest(method, origin+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("User-Agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/124.0.0.0")
	if b.page != "" {
		r.Header.Set("Referer", origin+b.page)
	}
	if xhr {
		r.Header.Set("X-Requested-With", "XMLHttpRequest")
	}
	if method == "POST" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
	}
	for k, v := range b.header {
		r.Header.Del(k)
		if v != "" {
			r.Header.Set(k, v)
		}
	}
	resp, err := b.http.Do(r)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, string(data), resp.Header, err}
}

func (b *browser) visit(path string) answer {
	b.t.Helper()
	a := b.do("GET", path, "", false)
	b.page = path
	return a
}
func (b *browser) form(path, body string) answer { b.t.Helper(); return b.do("POST", path, body, true) }

func (b *browser) want(got, want any) {
	b.t.Helper()
	if n, ok := got.(json.Number); ok {
		got = n.String()
	}
	if got != want {
		b.t.Fatalf("got %v, want %v; last: %s", got, want, b.last())
	}
}

func (b *browser) last() string {
	r := b.site.Requests()
	return string(r[len(r)-1].Step) + " " + r[len(r)-1].Decision
}

// clean fails the test if the simulator saw anything a browser does not do.
func (b *browser) clean() {
	b.t.Helper()
	for _, v := range b.site.Violations() {
		b.t.Errorf("%s: violation: %s", b.site, v)
	}
}

func (b *browser) picture() []byte {
	b.t.Helper()
	a := b.do("GET", "/passport/captcha/captcha-image?login_site=E&module=login&rand=sjrand&0.3638160110014952", "", false)
	b.want(a.status, 200)
	return []byte(a.body)
}

func (b *browser) openLogin() {
	b.t.Helper()
	b.want(b.visit("/otn/resources/login.html").status, 200)
	b.want(b.form("/otn/login/conf", "").json(b.t, "data", "is_login"), "N")
	b.want(b.form("/passport/web/auth/uamtk-static", "appid=otn").json(b.t, "result_code"), "1")
}

// signOn is steps 1 to 4 of the seed.
func (b *browser) signOn() {
	b.t.Helper()
	b.openLogin()
	code := b.site.AnswerOf(b.picture())
	a := b.form("/passport/captcha/captcha-check", "answer="+url.QueryEscape(code)+"&login_site=E&rand=sjrand")
	b.want(a.json(b.t, "result_code"), "4")
	b.want(b.password("secret12306").json(b.t, "result_code"), "0")
}

func (b *browser) password(p string) answer {
	b.t.Helper()
	return b.form("/passport/web/login", "username=zhangsan&password="+p+"&appid=otn")
}

// enter is steps 5 to 7 of the seed.
func (b *browser) enter() {
	b.t.Helper()
	a := b.do("GET", "/otn/login/userLogin", "", false)
	b.want(a.status, 302)
	b.want(a.header.Get("Location"), origin+"/otn/passport?redirect=/otn/login/userLogin")
	b.visit("/otn/passport?redirect=/otn/login/userLogin")
	a = b.form("/passport/web/auth/uamtk", "appid=otn")
	b.want(a.json(b.t, "result_code"), "0")
	b.want(a.json(b.t, "apptk"), nil)
	tk := a.json(b.t, "newapptk").(string)
	a = b.form("/otn/uamauthclient", "tk="+tk)
	b.want(a.json(b.t, "result_code"), "0")
	b.want(a.json(b.t, "username"), "张三")
	b.want(b.do("GET", "/otn/login/userLogin", "", false).header.Get("Location"), origin+"/otn/view/index.html")
	b.visit("/otn/view/index.html")
	b.want(b.form("/otn/login/conf", "").json(b.t, "data", "is_login"), "Y")
}

func (b *browser) login() {
	b.t.Helper()
	if b.site.opts.Era == Classic {
		b.signOn()
	} else {
		b.signOnBySMS()
	}
	b.enter()
}

func (b *browser) signOnBySMS() {
	b.t.Helper()
	b.openLogin()
	b.want(b.form("/passport/web/checkLoginVerify", "username=zhangsan&appid=otn").json(b.t, "login_check_code"), "3")
	b.want(b.form("/passport/web/getMessageCode", "appid=otn&username=zhangsan&castNum=0014").json(b.t, "result_code"), "0")
	b.want(b.sms(b.site.SMSCode("zhangsan")).json(b.t, "result_code"), "0")
}

func (b *browser) sms(code string) answer {
	b.t.Helper()
	return b.form("/passport/web/login", "sessionId=&sig=&if_check_slide_passcode_token=&scene=&checkMode=0&randCode="+code+
		"&username=zhangsan&password="+url.QueryEscape(seal("secret12306"))+"&appid=otn")
}

// seal is the page's encryption, the other way round than openPassword.
func seal(p string) string {
	pad := 16 - len(p)%16
	data := []byte(p + strings.Repeat(string(rune(pad)), pad))
	c, _ := sm4.NewCipher([]byte("tiekeyuankp12306"))
	for i := 0; i < len(data); i += 16 {
		c.Encrypt(data[i:], data[i:i+16])
	}
	return "@" + base64.StdEncoding.EncodeToString(data)
}

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
