package services

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// inProcess serves requests with a handler, without a socket, and gives up
// when the request's context ends, as a network would.
type inProcess struct{ h http.HandlerFunc }

func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	r.Body.Close()
	if err != nil {
		return nil, err
	}
	in := r.Clone(r.Context())
	in.Body = io.NopCloser(bytes.NewReader(body))
	w := httptest.NewRecorder()
	done := make(chan struct{})
	go func() {
		defer close(done)
		t.h(w, in)
	}()
	select {
	case <-done:
		return w.Result(), nil
	case <-r.Context().Done():
		<-done
		return nil, r.Context().Err()
	}
}

// pushed is what a service would show to the user.
type pushed struct {
	title, text, link string
	loud              bool
	image             string // the bytes of a picture
}

// The fakes below know one account, whose every secret is canary + something,
// and refuse what the real services refuse.
const canary = "CANARY-s3cr3t/+"

// fake answers like a service. It returns the status, the body and, when the
// message was taken over, what the user sees.
type fake func(r *http.Request) (status int, body string, p *pushed)

// strict decodes the one JSON document of the request into v, unknown fields
// refused.
func strict(r *http.Request, v any) error {
	if r.Method != http.MethodPost {
		return errors.New("not a POST")
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		return errors.New("not JSON but " + kind)
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("more than one document")
	}
	return nil
}

func fakeBark(r *http.Request) (int, string, *pushed) {
	var in struct {
		DeviceKey string `json:"device_key"`
		Title     string `json:"title"`
		Body      string `json:"body"`
		Group     string `json:"group"`
		Level     string `json:"level"`
		URL       string `json:"url"`
	}
	if err := strict(r, &in); err != nil || r.URL.Path != "/push" {
		return 400, fmt.Sprintf(`{"code":400,"message":"request bind failed: %v","timestamp":1}`, err), nil
	}
	if in.DeviceKey != canary+"device" {
		return 400, `{"code":400,"message":"failed to get device token: failed to get [` + in.DeviceKey + `] device token from database","timestamp":1}`, nil
	}
	switch in.Level {
	case "active", "timeSensitive", "passive", "critical":
	default:
		return 400, `{"code":400,"message":"level","timestamp":1}`, nil
	}
	if in.Group == "" || len(in.Body) > 3000 {
		return 500, `{"code":500,"message":"push failed: PayloadTooLarge","timestamp":1}`, nil
	}
	return 200, `{"code":200,"message":"success","timestamp":1700000000}`, &pushed{title: in.Title, text: in.Body, link: in.URL, loud: in.Level == "critical"}
}

func fakeDingTalk(r *http.Request) (int, string, *pushed) {
	var in struct {
		Type     string `json:"msgtype"`
		Markdown struct {
			Title string `json:"title"`
			Text  string `json:"text"`
		} `json:"markdown"`
	}
	q := r.URL.Query()
	if err := strict(r, &in); err != nil || r.URL.Path != "/robot/send" || in.Type != "markdown" {
		return 200, `{"errcode":40035,"errmsg":"参数错误"}`, nil
	}
	if q.Get("access_token") != canary+"token" {
		return 200, `{"errcode":300005,"errmsg":"token is not exist"}`, nil
	}
	ms, err := strconv.ParseInt(q.Get("timestamp"), 10, 64)
	if err != nil || time.Since(time.UnixMilli(ms)).Abs() > time.Hour {
		return 200, `{"errcode":310000,"errmsg":"invalid timestamp"}`, nil
	}
	if q.Get("sign") != sign(canary+"secret", q.Get("timestamp")+"\n"+canary+"secret") {
		return 200, `{"errcode":310000,"errmsg":"sign not match, more: [https://ding-doc.dingtalk.com/doc]"}`, nil
	}
	title, text, link := unmarkdown(in.Markdown.Text)
	if in.Markdown.Title == "" || title != in.Markdown.Title {
		return 200, `{"errcode":40035,"errmsg":"缺少参数 title"}`, nil
	}
	return 200, `{"errcode":0,"errmsg":"ok"}`, &pushed{title: title, text: text, link: link}
}

// unmarkdown reads the Markdown that we write, as DingTalk and WeChat render it.
func unmarkdown(s string) (title, text, link string) {
	if at := strings.LastIndex(s, "]("); at >= 0 && strings.HasSuffix(s, ")") {
		link = s[at+2 : len(s)-1]
		s = strings.TrimSpace(s[:strings.LastIndex(s[:at], "\n\n")])
	}
	if rest, ok := strings.CutPrefix(s, "#### "); ok {
		title, s, _ = strings.Cut(rest, "\n\n")
	}
	plain := func(s string) string {
		var b strings.Builder
		escaped := false
		for _, r := range strings.ReplaceAll(s, "  \n", "\n") {
			if escaped = r == '\\' && !escaped; !escaped {
				b.WriteRune(r)
			}
		}
		return b.String()
	}
	return plain(title), plain(s), link
}

func fakeLark(r *http.Request) (int, string, *pushed) {
	var in struct {
		Timestamp string `json:"timestamp"`
		Sign      string `json:"sign"`
		Type      string `json:"msg_type"`
		Content   struct {
			Post map[string]struct {
				Title   string `json:"title"`
				Content [][]struct {
					Tag  string `json:"tag"`
					Text string `json:"text"`
					Href string `json:"href"`
				} `json:"content"`
			} `json:"post"`
		} `json:"content"`
	}
	if err := strict(r, &in); err != nil || in.Type != "post" || len(in.Content.Post["zh_cn"].Content) == 0 {
		return 200, `{"code":9499,"msg":"Bad Request","data":{}}`, nil
	}
	if r.URL.Path != "/open-apis/bot/v2/hook/"+canary+"hook" {
		return 200, `{"code":19001,"msg":"param invalid: incoming webhook access token invalid","data":{}}`, nil
	}
	at, err := strconv.ParseInt(in.Timestamp, 10, 64)
	if err != nil || time.Since(time.Unix(at, 0)).Abs() > time.Hour || in.Sign != sign(in.Timestamp+"\n"+canary+"secret", "") {
		return 200, `{"code":19021,"msg":"sign match fail or timestamp is not within one hour from current time","data":{}}`, nil
	}
	post := in.Content.Post["zh_cn"]
	p := &pushed{title: post.Title}
	for _, row := range post.Content {
		for _, s := range row {
			switch s.Tag {
			case "text":
				p.text += s.Text
			case "a":
				p.link = s.Href
			}
		}
	}
	return 200, `{"StatusCode":0,"StatusMessage":"success","code":0,"data":{},"msg":"success"}`, p
}

func fakeWeCom(r *http.Request) (int, string, *pushed) {
	var in struct {
		Type string `json:"msgtype"`
		Text *struct {
			Content string `json:"content"`
		} `json:"text"`
		Image *struct {
			Base64 string `json:"base64"`
			MD5    string `json:"md5"`
		} `json:"image"`
	}
	if err := strict(r, &in); err != nil || in.Type != "text" && in.Type != "image" {
		return 200, `{"errcode":40008,"errmsg":"invalid message type"}`, nil
	}
	if r.URL.Path != "/cgi-bin/webhook/send" || r.URL.Query().Get("key") != canary+"key" {
		return 200, `{"errcode":93000,"errmsg":"invalid webhook url, hint: [1700000000], from ip: 192.0.2.1"}`, nil
	}
	if in.Type == "image" {
		if in.Image == nil || in.Text != nil {
			return 200, `{"errcode":40008,"errmsg":"invalid message type"}`, nil
		}
		image, err := base64.StdEncoding.DecodeString(in.Image.Base64)
		if err != nil || len(image) == 0 || len(image) > 2<<20 || fmt.Sprintf("%x", md5.Sum(image)) != in.Image.MD5 {
			return 200, `{"errcode":301019,"errmsg":"media file md5 not match"}`, nil
		}
		if kind := http.DetectContentType(image); kind != "image/jpeg" && kind != "image/png" {
			return 200, `{"errcode":40009,"errmsg":"invalid image type"}`, nil
		}
		return 200, `{"errcode":0,"errmsg":"ok"}`, &pushed{image: string(image)}
	}
	if in.Text == nil || in.Image != nil || in.Text.Content == "" || len(in.Text.Content) > 2048 {
		return 200, `{"errcode":40058,"errmsg":"text.content exceed max length 2048"}`, nil
	}
	return 200, `{"errcode":0,"errmsg":"ok"}`, split(in.Text.Content)
}

func fakeDiscord(r *http.Request) (int, string, *pushed) {
	if r.Method != http.MethodPost || r.URL.Path != "/api/webhooks/1/"+canary+"hook" {
		return 404, `{"message": "Unknown Webhook", "code": 10015}`, nil
	}
	var in struct {
		Content  *string `json:"content"`
		Mentions *struct {
			Parse []string `json:"parse"`
		} `json:"allowed_mentions"`
	}
	p := &pushed{}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "multipart/form-data" {
		if err := r.ParseMultipartForm(1 << 20); err != nil || len(r.MultipartForm.File) != 1 || len(r.MultipartForm.Value) != 1 {
			return 400, `{"message": "Invalid Form Body", "code": 50035}`, nil
		}
		file, head, err := r.FormFile("files[0]")
		if err != nil || !strings.Contains(head.Filename, ".") || !strings.HasPrefix(head.Header.Get("Content-Type"), "image/") {
			return 400, `{"message": "Invalid Form Body", "code": 50035}`, nil
		}
		image, _ := io.ReadAll(file)
		p.image = string(image)
		r.Header.Set("Content-Type", "application/json")
		r.Body = io.NopCloser(strings.NewReader(r.FormValue("payload_json")))
	}
	if err := strict(r, &in); err != nil || in.Mentions == nil || in.Mentions.Parse == nil {
		return 400, `{"message": "Invalid Form Body", "code": 50035}`, nil
	}
	if in.Content == nil || *in.Content == "" {
		return 400, `{"message": "Cannot send an empty message", "code": 50006}`, nil
	}
	if utf8.RuneCountInString(*in.Content) > 2000 {
		return 400, `{"message": "Invalid Form Body", "code": 50035, "errors": {"content": {}}}`, nil
	}
	title, text, _ := strings.Cut(*in.Content, "\n")
	if at := strings.LastIndex("\n"+text, "\n<https://"); at >= 0 {
		p.link = strings.Trim(text[at:], "<>")
		text = strings.TrimSpace(text[:at])
	}
	_, p.title, _ = unmarkdown("#### \n\n" + strings.Trim(title, "*"))
	_, p.text, _ = unmarkdown("#### \n\n" + text)
	return 204, "", p
}

func fakeSlack(r *http.Request) (int, string, *pushed) {
	var in struct {
		Text   string `json:"text"`
		Unfurl *bool  `json:"unfurl_links"`
		Markup *bool  `json:"mrkdwn"`
	}
	if r.URL.Path != "/services/T/B/"+canary+"hook" {
		return 404, "no_service", nil
	}
	if err := strict(r, &in); err != nil || in.Unfurl == nil || *in.Unfurl || in.Markup == nil || *in.Markup {
		return 400, "invalid_payload", nil
	}
	if in.Text == "" || len(in.Text) > 40000 {
		return 400, "no_text", nil
	}
	p := &pushed{}
	p.title, p.text, _ = strings.Cut(in.Text, "\n")
	if at := strings.LastIndex("\n"+p.text, "\n<https://"); at >= 0 {
		p.link, p.text = strings.Trim(p.text[at:], "<>"), strings.TrimSpace(p.text[:at])
	}
	unescape := strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">").Replace
	if strings.ContainsAny(p.title+p.text+p.link, "<>") {
		return 400, "invalid_payload", nil
	}
	p.title, p.text, p.link = unescape(p.title), unescape(p.text), unescape(p.link)
	return 200, "ok", p
}

// split reads a text whose first line is the title and whose last may be a link.
func split(s string) *pushed {
	p := &pushed{}
	p.title, p.text, _ = strings.Cut(s, "\n")
	if at := strings.LastIndex("\n"+p.text, "\nhttps://"); at >= 0 {
		p.link = p.text[at:]
		p.text = strings.TrimSpace(p.text[:at])
	}
	return p
}

func fakeServerChan(r *http.Request) (int, string, *pushed) {
	var in struct{ Title, Desp string }
	if r.URL.Path != "/"+canary+"key.send" {
		return 400, `{"message":"[AUTH]用户不存在或者权限不足","code":40001,"info":"用户不存在或者权限不足","args":[null],"scode":461}`, nil
	}
	if err := strict(r, &in); err != nil || in.Title == "" || utf8.RuneCountInString(in.Title) > 32 {
		return 400, `{"message":"[INPUT]标题不能为空","code":20001}`, nil
	}
	_, text, link := unmarkdown(in.Desp)
	return 200, `{"code":0,"message":"","data":{"pushid":"1","readkey":"k","error":"SUCCESS","errno":0}}`, &pushed{title: in.Title, text: text, link: link}
}

func fakePushPlus(r *http.Request) (int, string, *pushed) {
	var in struct{ Token, Title, Content, Template string }
	if err := strict(r, &in); err != nil || r.URL.Path != "/send" || in.Content == "" || in.Template != "txt" || utf8.RuneCountInString(in.Title) > 100 {
		return 200, `{"code":999,"msg":"服务端验证错误","data":null,"count":null}`, nil
	}
	if in.Token != canary+"token" {
		return 200, `{"code":903,"msg":"用户token不正确","data":null,"count":null}`, nil
	}
	p := split(in.Title + "\n" + in.Content)
	return 200, `{"code":200,"msg":"请求成功","data":"f9cff4a1","count":null}`, p
}

func fakePushover(r *http.Request) (int, string, *pushed) {
	if r.Method != http.MethodPost || r.URL.Path != "/1/messages.json" || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		return 404, `{"status":0,"errors":["no such resource"]}`, nil
	}
	body, _ := io.ReadAll(r.Body)
	q, err := url.ParseQuery(string(body))
	if err != nil {
		return 400, `{"status":0,"errors":["malformed"]}`, nil
	}
	for k := range q {
		if !strings.Contains(" token user title message url priority timestamp attachment_base64 attachment_type ", " "+k+" ") {
			return 400, `{"status":0,"errors":["unknown parameter"]}`, nil
		}
	}
	switch {
	case q.Get("token") != canary+"token":
		return 400, `{"token":"invalid","errors":["application token is invalid, see https://pushover.net/api"],"status":0,"request":"r"}`, nil
	case q.Get("user") != canary+"user":
		return 400, `{"user":"invalid","errors":["user key is invalid"],"status":0,"request":"r"}`, nil
	case q.Get("message") == "" || utf8.RuneCountInString(q.Get("message")) > 1024 || utf8.RuneCountInString(q.Get("title")) > 250 || len(q.Get("url")) > 512:
		return 400, `{"errors":["message cannot be blank or too long"],"status":0,"request":"r"}`, nil
	}
	image, err := base64.StdEncoding.DecodeString(q.Get("attachment_base64"))
	if err != nil || len(image) > 0 != strings.HasPrefix(q.Get("attachment_type"), "image/") || len(image) > 5<<20 {
		return 400, `{"attachment":"is not a valid image","errors":["attachment is not a valid image"],"status":0,"request":"r"}`, nil
	}
	return 200, `{"status":1,"request":"r"}`, &pushed{q.Get("title"), q.Get("message"), q.Get("url"), q.Get("priority") == "1", string(image)}
}

func fakeWebhook(r *http.Request) (int, string, *pushed) {
	var in map[string]json.RawMessage
	if err := strict(r, &in); err != nil || r.URL.Path != "/hook/"+canary {
		return 404, `{"error":"no such hook"}`, nil
	}
	field := func(k string) (s string) {
		if json.Unmarshal(in[k], &s) != nil {
			s = "missing " + k
		}
		delete(in, k)
		return s
	}
	p := &pushed{title: field("title"), text: field("text"), link: field("link")}
	kind, rule := field("kind"), field("rule")
	at, err := time.Parse(time.RFC3339, field("at"))
	var order struct{ Number string }
	if o, ok := in["order"]; ok {
		if json.Unmarshal(o, &order) != nil || order.Number != "E123456789" {
			return 422, `{}`, nil
		}
		delete(in, "order")
	}
	if kind != "booked" || rule != "回家" || err != nil || !at.Equal(sentAt) || len(in) != 0 {
		return 422, `{}`, nil
	}
	return 204, "", p
}
