package railsim

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
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
	host string // that the requests name; "" is kyfw.12306.cn

	header map[string]string // overrides, "" deletes

	letter, secret, token, keyCheck, leftTicket, location, purpose string
	fields                                                         []string
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
	r.Host = b.host
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
		if v != "" || k == "User-Agent" { // of which Go sends its own, unless it is empty
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
	for _, v := range b.site.Misconduct() {
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
