package services

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image"
	"image/jpeg"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/watcherd/watcherd/pkg/notifier"
)

var sentAt = time.Date(2027, 1, 4, 8, 30, 15, 0, time.FixedZone("CST", 8*3600))

const server = "https://push.example"

// account is a service with the right secrets, the same with wrong ones, and
// the fake that knows the difference.
type account struct {
	right    Service
	wrong    []Service
	fake     fake
	silent   bool // the service knows no urgency
	pictures bool // it shows the picture of a question
	words    []string
}

func accounts() map[string]account {
	return map[string]account{
		"bark": {
			right: Service{Bark: &Bark{DeviceKey: canary + "device", Server: server + "/"}},
			wrong: []Service{{Bark: &Bark{DeviceKey: canary + "other", Server: server}}},
			fake:  fakeBark, words: []string{"failed to get device token"},
		},
		"dingtalk": {
			right: Service{DingTalk: &DingTalk{Token: canary + "token", Secret: canary + "secret", Server: server}},
			wrong: []Service{
				{DingTalk: &DingTalk{Token: canary + "other", Secret: canary + "secret", Server: server}},
				{DingTalk: &DingTalk{Token: canary + "token", Secret: canary + "other", Server: server}},
				{DingTalk: &DingTalk{Token: canary + "token", Server: server}},
			},
			fake: fakeDingTalk, silent: true, words: []string{"token is not exist", "sign not match", "invalid timestamp"},
		},
		"lark": {
			right: Service{Lark: &Lark{Webhook: server + "/open-apis/bot/v2/hook/" + canary + "hook", Secret: canary + "secret"}},
			wrong: []Service{
				{Lark: &Lark{Webhook: server + "/open-apis/bot/v2/hook/" + canary + "other", Secret: canary + "secret"}},
				{Lark: &Lark{Webhook: server + "/open-apis/bot/v2/hook/" + canary + "hook"}},
			},
			fake: fakeLark, silent: true, words: []string{"incoming webhook access token invalid", "sign match fail"},
		},
		"wecom": {
			right: Service{WeCom: &WeCom{Key: canary + "key", Server: server}},
			wrong: []Service{{WeCom: &WeCom{Key: canary + "other", Server: server}}},
			fake:  fakeWeCom, silent: true, pictures: true, words: []string{"93000"},
		},
		"ntfy": {
			right: Service{Ntfy: &Ntfy{Topic: canary + "topic", Token: canary + "token", Server: server}},
			wrong: []Service{
				{Ntfy: &Ntfy{Topic: canary + "topic", Token: canary + "other", Server: server}},
				{Ntfy: &Ntfy{Topic: canary + "topic", Server: server}},
				{Ntfy: &Ntfy{Topic: canary + "other", Token: canary + "token", Server: server}},
			},
			fake: new(ntfyServer).publish, pictures: true, words: []string{"forbidden", "forbidden", "page not found"},
		},
		"discord": {
			right: Service{Discord: &Discord{Webhook: server + "/api/webhooks/1/" + canary + "hook"}},
			wrong: []Service{{Discord: &Discord{Webhook: server + "/api/webhooks/1/" + canary + "other"}}},
			fake:  fakeDiscord, silent: true, pictures: true, words: []string{"Unknown Webhook"},
		},
		"slack": {
			right: Service{Slack: &Slack{Webhook: server + "/services/T/B/" + canary + "hook"}},
			wrong: []Service{{Slack: &Slack{Webhook: server + "/services/T/B/" + canary + "other"}}},
			fake:  fakeSlack, silent: true, words: []string{"no_service"},
		},
		"serverchan": {
			right: Service{ServerChan: &ServerChan{Key: canary + "key", Server: server}},
			wrong: []Service{{ServerChan: &ServerChan{Key: canary + "other", Server: server}}},
			fake:  fakeServerChan, silent: true, words: []string{"用户不存在或者权限不足"},
		},
		"pushplus": {
			right: Service{PushPlus: &PushPlus{Token: canary + "token", Server: server}},
			wrong: []Service{{PushPlus: &PushPlus{Token: canary + "other", Server: server}}},
			fake:  fakePushPlus, silent: true, words: []string{"用户token不正确"},
		},
		"pushover": {
			right: Service{Pushover: &Pushover{Token: canary + "token", User: canary + "user", Server: server}},
			wrong: []Service{
				{Pushover: &Pushover{Token: canary + "other", User: canary + "user", Server: server}},
				{Pushover: &Pushover{Token: canary + "token", User: canary + "other", Server: server}},
			},
			fake: fakePushover, pictures: true, words: []string{"application token is invalid", "user key is invalid"},
		},
		"webhook": {
			right: Service{Webhook: &Webhook{URL: server + "/hook/" + canary}},
			wrong: []Service{{Webhook: &Webhook{URL: server + "/hook/" + canary + "other"}}},
			fake:  fakeWebhook, silent: true, words: []string{"HTTP 404"},
		},
	}
}

// make1 builds the notifier of s over h and checks its name.
func make1(t *testing.T, name string, s Service, h http.HandlerFunc) notifier.Notifier {
	t.Helper()
	got, n, err := New(s, nil, &http.Client{Transport: inProcess{h}})
	if err != nil || got != name {
		t.Fatalf("New = %q, %v; want %q", got, err, name)
	}
	return n
}

func (a account) serve(t *testing.T, got *[]pushed) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		status, body, p := a.fake(r)
		if p != nil {
			*got = append(*got, *p)
		}
		w.WriteHeader(status)
		w.Write([]byte(body))
	}
}

var messages = []notifier.Message{
	{
		ID: "1", Kind: "booked", Rule: "回家", At: sentAt, Loud: true,
		Title: "抢到了：G1110 2月3日 <二等座>", Text: "订单 E123456789 & 两人\n请在 08:55 前付款 [a](b) #1 *x* _y_",
		Link: "https://watch.example/q/abc?x=1&y=2", Order: json.RawMessage(`{"number":"E123456789","price":1}`),
	},
	{ID: "2", Kind: "booked", Rule: "回家", At: sentAt, Title: "quiet", Text: "one line"},
}

func TestDelivers(t *testing.T) {
	for name, a := range accounts() {
		t.Run(name, func(t *testing.T) {
			var got []pushed
			n := make1(t, name, a.right, a.serve(t, &got))
			for i, m := range messages {
				if err := n.Notify(t.Context(), m); err != nil {
					t.Fatal(err)
				}
				want := pushed{title: m.Title, text: m.Text, link: m.Link, loud: m.Loud && !a.silent}
				if len(got) != i+1 || got[i] != want {
					t.Errorf("message %d shown as\n%#v, want\n%#v", i, got, want)
				}
			}
		})
	}
}

// Nothing a watcher can write is refused for its length or its letters.
func TestDeliversLongAndOdd(t *testing.T) {
	long := strings.Repeat("武汉🚄 & <", 3000)
	for name, a := range accounts() {
		t.Run(name, func(t *testing.T) {
			var got []pushed
			n := make1(t, name, a.right, a.serve(t, &got))
			for _, m := range []notifier.Message{
				{Title: long, Text: long, Link: "https://watch.example/q"},
				{Title: "a\x00b\tc", Text: "x\x1b[31my\xff\u0085z"},
				{Title: "only a title"},
			} {
				m.Kind, m.Rule, m.At = "booked", "回家", sentAt
				if err := n.Notify(t.Context(), m); err != nil {
					t.Errorf("%.20q: %v", m.Title, err)
				}
			}
		})
	}
}

func TestRefused(t *testing.T) {
	for name, a := range accounts() {
		for i, s := range a.wrong {
			t.Run(name, func(t *testing.T) {
				var got []pushed
				err := make1(t, name, s, a.serve(t, &got)).Notify(t.Context(), messages[0])
				var e *notifier.Error
				if !errors.As(err, &e) || !e.Permanent || e.Channel != name {
					t.Fatalf("Notify = %#v, want a permanent *notifier.Error", err)
				}
				if len(got) != 0 {
					t.Errorf("delivered %v", got)
				}
				if !strings.Contains(err.Error(), a.words[i]) {
					t.Errorf("%q does not say %q", err, a.words[i])
				}
				leaks(t, err)
			})
		}
	}
}

// leaks fails the test when err shows a secret or the message.
func leaks(t *testing.T, err error) {
	t.Helper()
	for e := err; e != nil; e = errors.Unwrap(e) {
		for _, s := range []string{canary, "CANARY", "E123456789", "抢到了"} {
			if strings.Contains(e.Error(), s) {
				t.Errorf("%q shows %q", e, s)
			}
		}
	}
}

// Every service must tell trouble that passes from trouble that stays.
func TestTrouble(t *testing.T) {
	tests := []struct {
		name      string
		status    int
		header    string
		body      string
		permanent bool
		after     time.Duration
	}{
		{"down", 502, "", "<html>Bad Gateway</html>", false, 0},
		{"maintenance", 503, "120", "", false, 2 * time.Minute},
		{"too fast", 429, "7", `{"code":429,"error":"slow down"}`, false, 7 * time.Second},
		{"timeout", 408, "", "", false, 0},
		{"gone", 410, "", "", true, 0},
		{"moved", 302, "", "", true, 0},
	}
	for name, a := range accounts() {
		for _, tt := range tests {
			t.Run(name+"/"+tt.name, func(t *testing.T) {
				calls := 0
				n := make1(t, name, a.right, func(w http.ResponseWriter, r *http.Request) {
					calls++
					w.Header().Set("Retry-After", tt.header)
					w.Header().Set("Location", "https://elsewhere.example/"+canary)
					w.WriteHeader(tt.status)
					w.Write([]byte(tt.body))
				})
				err := n.Notify(t.Context(), messages[0])
				var e *notifier.Error
				if !errors.As(err, &e) || e.Permanent != tt.permanent || e.RetryAfter != tt.after {
					t.Errorf("Notify = %#v", err)
				}
				if calls != 1 {
					t.Errorf("%d requests for one message", calls)
				}
				leaks(t, err)
			})
		}
	}
}

// What is refused inside a 200 body is refused.
func TestRefusedInBody(t *testing.T) {
	tests := []struct {
		name      string
		body      string
		says      string
		permanent bool
		after     time.Duration
	}{
		{"bark", `{"code":500,"message":"push failed"}`, "push failed", false, 0},
		{"dingtalk", `{"errcode":130101,"errmsg":"send too fast, exceed 20 times per minute"}`, "send too fast", false, 10 * time.Minute},
		{"dingtalk", `{"errcode":-1,"errmsg":"系统繁忙"}`, "系统繁忙", false, 0},
		{"lark", `{"code":11232,"msg":"frequency limited psm"}`, "frequency limited", false, time.Minute},
		{"wecom", `{"errcode":45009,"errmsg":"api freq out of limit"}`, "api freq out of limit", false, time.Minute},
		{"serverchan", `{"code":40001,"message":"[INPUT]超过当天的发送次数限制[10]"}`, "超过当天", false, time.Hour},
		{"serverchan", `{"code":40001,"message":"[AUTH]用户不存在或者权限不足"}`, "用户不存在", true, 0},
		{"slack", `no_text`, "no_text", false, 0},
		{"slack", `<html>ok</html>`, "not the service's", false, 0},
		{"slack", `{"ok":true}`, "not the service's", false, 0},
		{"pushplus", `{"code":500,"msg":"系统异常"}`, "系统异常", false, 0},
		{"pushover", `{"status":0,"errors":["oh","no"]}`, "oh; no", false, 0},
		{"lark", `<html>login</html>`, "not the service's", false, 0},
		{"wecom", `{}`, "not the service's", false, 0},
		{"bark", `{"code":"200"}`, "not the service's", false, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := make1(t, tt.name, accounts()[tt.name].right, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(tt.body)) })
			err := n.Notify(t.Context(), messages[0])
			var e *notifier.Error
			if !errors.As(err, &e) || e.Permanent != tt.permanent || e.RetryAfter != tt.after || !strings.Contains(e.Error(), tt.says) {
				t.Errorf("Notify = %#v: %v", err, err)
			}
		})
	}
}

// A service that never answers holds nobody longer than the caller's deadline,
// and nobody without one for ever.
func TestSilence(t *testing.T) {
	for name, a := range accounts() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := make1(t, name, a.right, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
				for _, wait := range []time.Duration{3 * time.Second, sendTimeout} {
					begun := time.Now()
					ctx, cancel := context.WithTimeout(t.Context(), min(wait, time.Hour))
					err := n.Notify(ctx, messages[0])
					cancel()
					var e *notifier.Error
					if !errors.As(err, &e) || e.Permanent || !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("Notify = %v", err)
					}
					if d := time.Since(begun); d != wait {
						t.Errorf("took %v, want %v", d, wait)
					}
					leaks(t, err)
				}
				begun := time.Now()
				if err := n.Notify(t.Context(), messages[0]); err == nil || time.Since(begun) > sendTimeout {
					t.Errorf("after %v: %v", time.Since(begun), err)
				}
			})
		})
	}
}

// The server's address as such is no secret, but an address that cannot be
// reached stands in net/http's error with everything after it.
func TestUnreachable(t *testing.T) {
	for name, a := range accounts() {
		_, n, err := New(a.right, nil, &http.Client{Transport: refusing{}})
		if err != nil {
			t.Fatal(err)
		}
		err = n.Notify(t.Context(), messages[0])
		var e *notifier.Error
		if !errors.As(err, &e) || e.Permanent {
			t.Errorf("%s: %v", name, err)
		}
		leaks(t, err)
	}
}

type refusing struct{}

func (refusing) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, errors.New("connection refused by " + r.URL.String())
}

func TestNewRefuses(t *testing.T) {
	tests := []struct {
		s    Service
		want string
	}{
		{Service{}, "names no service"},
		{Service{Bark: &Bark{}, Ntfy: &Ntfy{}}, "two services"},
		{Service{Bark: &Bark{}}, "bark: device_key is missing"},
		{Service{Bark: &Bark{DeviceKey: "k", Server: "ftp://" + canary}}, "bark: server is not a web address"},
		{Service{DingTalk: &DingTalk{Secret: canary}}, "dingtalk: token is missing"},
		{Service{Lark: &Lark{Webhook: canary}}, "lark: webhook is not a web address"},
		{Service{Lark: &Lark{}}, "lark: webhook is missing"},
		{Service{WeCom: &WeCom{}}, "wecom: key is missing"},
		{Service{Bark: &Bark{DeviceKey: "k", Level: canary}}, "bark: level is not critical, timeSensitive or active"},
		{Service{Discord: &Discord{}}, "discord: webhook is missing"},
		{Service{Discord: &Discord{Webhook: canary}}, "discord: webhook is not a web address"},
		{Service{Slack: &Slack{}}, "slack: webhook is missing"},
		{Service{Slack: &Slack{Webhook: canary}}, "slack: webhook is not a web address"},
		{Service{Ntfy: &Ntfy{}}, "ntfy: topic is missing"},
		{Service{Ntfy: &Ntfy{Topic: "t", ReplyTopic: canary}}, "ntfy: reply_topic is no name of a topic"},
		{Service{Ntfy: &Ntfy{Topic: "t", ReplyTopic: strings.Repeat("a", 65)}}, "ntfy: reply_topic is no name of a topic"},
		{Service{Ntfy: &Ntfy{Topic: "t", ReplyTopic: "CANARY"}}, "ntfy: reply_topic can be guessed"},
		{Service{Ntfy: &Ntfy{Topic: "CANARY-0123456789", ReplyTopic: "CANARY-0123456789"}}, "ntfy: reply_topic is the same as topic"},
		{Service{ServerChan: &ServerChan{}}, "serverchan: key is missing"},
		{Service{PushPlus: &PushPlus{}}, "pushplus: token is missing"},
		{Service{Pushover: &Pushover{Token: canary}}, "pushover: user is missing"},
		{Service{Webhook: &Webhook{}}, "webhook: url is missing"},
		{Service{Webhook: &Webhook{URL: "http://%zz" + canary}}, "webhook: url is not a web address"},
	}
	for _, tt := range tests {
		_, _, err := New(tt.s, nil, nil)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("New = %v, want %q", err, tt.want)
		}
		leaks(t, err)
	}
}

func TestServerChanKeys(t *testing.T) {
	for key, want := range map[string]string{
		"SCT123abc":   "https://sctapi.ftqq.com/SCT123abc.send",
		"sctp123tabc": "https://123.push.ft07.com/send/sctp123tabc.send",
	} {
		a, err := (&ServerChan{Key: key}).api()
		if got := a.request(notifier.Message{}).url; err != nil || got != want {
			t.Errorf("%s goes to %s, want %s", key, got, want)
		}
	}
}

// The keys of watch.yaml are those of the manual.
func TestYAML(t *testing.T) {
	const text = `
- bark: {device_key: a, device_key_file: f, server: s, level: l}
- dingtalk: {token: a, token_file: f, secret: b, secret_file: f, server: s}
- lark: {webhook: a, webhook_file: f, secret: b, secret_file: f}
- wecom: {key: a, key_file: f, server: s}
- discord: {webhook: a, webhook_file: f}
- slack: {webhook: a, webhook_file: f}
- ntfy: {server: s, topic: a, topic_file: f, token: b, token_file: f, reply_topic: c, reply_topic_file: f}
- serverchan: {key: a, key_file: f, server: s}
- pushplus: {token: a, token_file: f, server: s}
- pushover: {token: a, token_file: f, user: b, user_file: f, server: s}
- webhook: {url: a, url_file: f}
`
	d := yaml.NewDecoder(strings.NewReader(text))
	d.KnownFields(true)
	var c Config
	if err := d.Decode(&c); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, s := range c {
		name, _, err := s.one()
		if err != nil || seen[name] {
			t.Errorf("%q: %v", name, err)
		}
		seen[name] = true
	}
	if len(seen) != len(accounts()) {
		t.Errorf("%d services in the file, %d are tested", len(seen), len(accounts()))
	}
}

// A question that is told brings its picture, with the numbers, where the
// service can show one; and its words everywhere.
func TestShowsThePicture(t *testing.T) {
	for name, a := range accounts() {
		t.Run(name, func(t *testing.T) {
			var got []pushed
			m := messages[0]
			m.Image = captcha()
			if err := make1(t, name, a.right, a.serve(t, &got)).Notify(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			image := ""
			for _, p := range got {
				image += p.image
			}
			want := ""
			if a.pictures {
				want = string(notifier.Numbered(m.Image))
			}
			if image != want {
				t.Errorf("a picture of %d bytes is shown, want %d", len(image), len(want))
			}
			if p := got[0]; p.title != m.Title || p.text != m.Text || p.link != m.Link {
				t.Errorf("%+v", p)
			}
		})
	}
}

// captcha returns a picture of the size of a captcha.
func captcha() []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 293, 190)), nil); err != nil {
		panic(err) // a bytes.Buffer takes everything
	}
	return b.Bytes()
}

// Feishu's robots and Lark's have other hosts, and are one service.
func TestLarkHosts(t *testing.T) {
	for _, host := range []string{"open.feishu.cn", "open.larksuite.com"} {
		asked := ""
		n := make1(t, "lark", Service{Lark: &Lark{Webhook: "https://" + host + "/open-apis/bot/v2/hook/x"}}, func(w http.ResponseWriter, r *http.Request) {
			asked = r.URL.Host
			w.Write([]byte(`{"code":0}`))
		})
		if err := n.Notify(t.Context(), messages[1]); err != nil || asked != host {
			t.Errorf("%s: %v, %s was asked", host, err, asked)
		}
	}
}

// Two of a kind are two channels, and each says its own name.
func TestNames(t *testing.T) {
	for _, name := range []string{"妈妈", "爸爸"} {
		s := Service{Name: name, Bark: &Bark{DeviceKey: canary + "other", Server: server}}
		err := make1(t, "bark", s, accounts()["bark"].serve(t, new([]pushed))).Notify(t.Context(), messages[0])
		if e, ok := errors.AsType[*notifier.Error](err); !ok || e.Channel != name {
			t.Errorf("%v", err)
		}
	}
}

// The level that was chosen is that of what is worth waking somebody.
func TestBarkLevel(t *testing.T) {
	for level, want := range map[string]string{"": "critical", "timeSensitive": "timeSensitive", "critical": "critical", "active": "active"} {
		a, err := (&Bark{DeviceKey: "k", Level: level}).api()
		if err != nil {
			t.Fatal(err)
		}
		body, err := json.Marshal(a.request(messages[0]).payload)
		if err != nil || !strings.Contains(string(body), `"level":"`+want+`"`) || !strings.Contains(string(body), `"url":"https://watch.example/`) {
			t.Errorf("level %q: %s, %v", level, body, err)
		}
	}
}
