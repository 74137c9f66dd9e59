package railsim

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	typeJSON = "application/json;charset=UTF-8"
	typeHTML = "text/html;charset=UTF-8"
)

// pair is one parameter as it was sent: decoded once, in order.
type pair struct{ name, value string }

// exchange is one request with everything a handler may look at, and the
// reply it makes.
type exchange struct {
	s     *Server
	r     *http.Request
	step  Step
	route *route
	rec   *Request
	now   time.Time
	body  []byte // of the reply

	pairs []pair
	form  url.Values
	raw   string // the parameters as they stood on the wire

	unread bool // there is a body that is no form

	sess     *session  // nil without a living one
	passport *passport // nil without a living one

	status   int
	header   http.Header
	decision string

	confirmed int    // place in Server.confirms
	counted   *draft // the draft whose confirms it was counted in
}

// marshal is json.Marshal as 12306's Java does it: < > & as they are.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

func (x *exchange) reply(status int, contentType string, body []byte) {
	x.status, x.body = status, body
	if contentType != "" {
		x.header.Set("Content-Type", contentType)
	}
}

func (x *exchange) json(v any) {
	b, err := marshal(v)
	if err != nil {
		panic(err) // only values of this package come here
	}
	x.reply(http.StatusOK, typeJSON, b)
}

// envelope is the form of every answer under /otn.
type envelope struct {
	ID         string         `json:"validateMessagesShowId"`
	Status     bool           `json:"status"`
	HTTPStatus int            `json:"httpstatus"`
	Data       any            `json:"data,omitempty"`
	Messages   []string       `json:"messages"`
	Validate   map[string]any `json:"validateMessages"`
}

// otn answers status true with data; nil leaves the field out.
func (x *exchange) otn(data any) { x.otnEnvelope(true, data) }

// refuse answers status false with a message.
func (x *exchange) refuse(msg string) {
	x.decided("refused: " + msg)
	x.otnEnvelope(false, nil, msg)
}

// illegal is what 12306 says of steps out of order: status true, no data.
func (x *exchange) illegal() {
	x.decided("非法请求")
	x.otnEnvelope(true, nil, "非法请求")
}

func (x *exchange) otnEnvelope(ok bool, data any, msgs ...string) {
	if msgs == nil {
		msgs = []string{}
	}
	x.json(envelope{"_validatorMessage", ok, 200, data, msgs, map[string]any{}})
}

// busy is the JSON of an overloaded site: the /otn or the /passport form.
func (x *exchange) busy() {
	x.decided("busy")
	if strings.HasPrefix(x.r.URL.Path, "/passport/") {
		x.sign(1, "网络繁忙", nil)
		return
	}
	x.otnEnvelope(false, nil, "网络繁忙")
}

// sign answers as /passport does. code is a number or a string: 12306 is not
// of one mind (PROTOCOL.md, decoding traps).
func (x *exchange) sign(code any, msg string, more map[string]any) {
	m := map[string]any{"result_message": msg, "result_code": code}
	for k, v := range more {
		m[k] = v
	}
	x.json(m)
}

// refuseAs refuses in the form of the step.
func (x *exchange) refuseAs(msg string) {
	switch {
	case x.step == StepCheckOrder || x.step == StepConfirm || x.step == StepConfirmSingle:
		x.otn(map[string]any{"errMsg": msg, "submitStatus": false})
	case x.step == StepWait:
		x.otn(map[string]any{"queryOrderWaitTimeStatus": true, "count": 0, "waitTime": -2, "requestId": int64(6 << 60),
			"waitCount": 0, "tourFlag": "dc", "errorcode": "0", "msg": msg, "orderId": nil})
	case strings.HasPrefix(x.r.URL.Path, "/passport/"):
		x.sign(1, msg, nil)
	default:
		x.otnEnvelope(false, nil, msg)
	}
}

// script answers JSONP when a callback was named, else plain JSON.
func (x *exchange) script() {
	cb := x.form.Get("callback")
	if cb == "" {
		return
	}
	body := append([]byte("/**/"+cb+"("), x.body...)
	x.reply(http.StatusOK, "application/javascript;charset=UTF-8", append(body, ");"...))
}

func (x *exchange) page(html string) { x.reply(http.StatusOK, typeHTML, []byte(html)) }

// errorPage is what stands behind error.html: the doctype and the sentence
// are recorded, the rest of the real page was never copied.
const errorPage = `<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml"><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8" />
<title>铁路客户服务中心</title></head>
<body><div class="err_text"><p>网络可能存在问题，请您重试一下！</p></div></body></html>
`

// redirect sends the browser elsewhere on the same site, with an absolute
// address as 12306 does.
func (x *exchange) redirect(path string) {
	x.decided("302 " + path)
	x.header.Set("Location", x.origin()+path)
	x.reply(http.StatusFound, "", nil)
}

// redirectToError is the CDN's refusal (recorded 2018-05-18). On a private
// address it stays on the host, so that a client which follows it is seen and
// never reaches the real site.
func (x *exchange) redirectToError() {
	x.decided("302 error.html")
	host := x.origin()
	if strings.HasSuffix(x.r.Host, "12306.cn") {
		host = "http://www.12306.cn"
	}
	x.header.Set("Location", host+"/mormhweb/logFiles/error.html")
	x.header.Set("Server", "Cdn Cache Server V2.0")
	x.header.Set("X-Via", "1.0 PSshgqdxxx63:10 (Cdn Cache Server V2.0)")
	x.reply(http.StatusFound, typeHTML, nil)
}

// toLogin sends a browser that is not logged in where 12306 sends it.
func (x *exchange) toLogin() {
	if x.sess != nil {
		x.sess.sentToPassport = true
	}
	x.redirect("/otn/passport?redirect=" + strings.SplitN(x.r.URL.Path, "?", 2)[0])
}

func (x *exchange) origin() string {
	if x.r.TLS != nil || x.r.Context().Value(secureKey{}) == true {
		return "https://" + x.r.Host
	}
	return "http://" + x.r.Host
}

func (x *exchange) setCookie(name, value, path string) {
	x.header.Add("Set-Cookie", name+"="+value+"; Path="+path)
}

func (x *exchange) cookie(name string) string {
	c, err := x.r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

// decided notes in a few words what became of the request; the first word wins.
func (x *exchange) decided(what string) {
	if x.decision == "" {
		x.decision = what
	}
}
