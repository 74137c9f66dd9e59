package services

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// What is refused with a status of its own says why, and what a retry does: a
// day's quota that is used up is new tomorrow.
func TestRefusedInWords(t *testing.T) {
	tests := []struct {
		name, body string
		says       string
		permanent  bool
		after      time.Duration
	}{
		{"serverchan", `{"code":40001,"message":"超过当天的发送次数限制[5]","info":"超过当天的发送次数限制[5]","args":[null]}`, "超过当天的发送次数", false, time.Hour},
		{"serverchan", `{"code":40001,"message":"[AUTH]用户不存在或者权限不足"}`, "用户不存在", true, 0},
		{"discord", `{"message":"Invalid Form Body","code":50035,"errors":{"content":{"_errors":[{"code":"BASE_TYPE_MAX_LENGTH","message":"Must be 2000 or fewer in length."}]}}}`,
			"HTTP 400: Invalid Form Body: content: Must be 2000 or fewer in length.", true, 0},
		{"discord", `{"message":"Invalid Form Body","code":50035,"errors":{"embeds":{"0":{"url":{"_errors":[{"code":"URL","message":"Not a well formed URL."}]}}}}}`,
			"Invalid Form Body: embeds.0.url: Not a well formed URL.", true, 0},
		{"discord", `{"webhook_id":["Value is not snowflake."],"message":"no","errors":7}`, "HTTP 400: no", true, 0},
		{"pushover", `{"status":0,"errors":["oh","no"],"token":"invalid"}`, "HTTP 400: oh; no", true, 0},
		{"bark", `{"code":400,"message":"bad","time":"now"}`, "HTTP 400: bad", true, 0},
	}
	for _, tt := range tests {
		n := make1(t, tt.name, accounts()[tt.name].right, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			w.Write([]byte(tt.body))
		})
		err := n.Notify(t.Context(), messages[0])
		var e *notifier.Error
		if !errors.As(err, &e) || e.Permanent != tt.permanent || e.RetryAfter != tt.after || !strings.Contains(e.Error(), tt.says) {
			t.Errorf("%s: %#v: %v", tt.name, err, err)
		}
	}
}

// A service that complains of the address it was called at repeats its token,
// as a part of the path or in whatever form it has come.
func TestEchoedAddress(t *testing.T) {
	const id, secret = "1180000000000000001", "xKq-7_TOKENTOKENTOKEN"
	tests := map[string]struct {
		s    Service
		says string // what is left to read
	}{
		"discord":    {Service{Discord: &Discord{Webhook: "https://discord.com/api/webhooks/" + id + "/" + secret}}, "Cannot POST"},
		"slack":      {Service{Slack: &Slack{Webhook: "https://hooks.slack.com/services/T0TOKEN01/B0TOKEN01/" + secret}}, "Cannot POST"},
		"lark":       {Service{Lark: &Lark{Webhook: "https://open.feishu.cn/open-apis/bot/v2/hook/" + secret, Secret: "TOKENsign"}}, "Cannot POST"},
		"bark":       {Service{Bark: &Bark{DeviceKey: secret, Server: "https://me:pw-TOKEN@bark.example"}}, "Cannot POST /push"},
		"ntfy":       {Service{Ntfy: &Ntfy{Topic: "TOKEN-topic", Server: "https://me:pw-TOKEN@ntfy.example/x"}}, "Cannot"},
		"wecom":      {Service{WeCom: &WeCom{Key: secret}}, "Cannot POST /cgi-bin/webhook/send?key="},
		"dingtalk":   {Service{DingTalk: &DingTalk{Token: secret, Secret: "SEC TOKEN"}}, "Cannot POST /robot/send?access_token="},
		"serverchan": {Service{ServerChan: &ServerChan{Key: "SCT" + secret}}, "Cannot POST"},
		"webhook":    {Service{Webhook: &Webhook{URL: "https://me:pw%20TOKEN@hook.example/a/" + secret + "?k=TOK%20EN1&n=1"}}, "HTTP 404"},
	}
	forms := []func(r *http.Request) string{
		func(r *http.Request) string { return "Cannot " + r.Method + " " + r.URL.RequestURI() },
		func(r *http.Request) string { return "Cannot " + r.Method + " " + r.URL.Path },
		func(r *http.Request) string { return "no hook " + r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:] },
		func(r *http.Request) string { return "no hook " + strings.ReplaceAll(r.URL.Path, "/", " / ") },
		func(r *http.Request) string { return "not found: " + r.URL.String() },
		func(r *http.Request) string { return "query " + r.URL.RawQuery + ", k " + r.URL.Query().Get("k") },
		func(r *http.Request) string { return "not allowed: " + r.Header.Get("Authorization") },
		func(r *http.Request) string { user, password, _ := r.BasicAuth(); return user + ": wrong " + password },
	}
	for name, tt := range tests {
		for i, form := range forms {
			n := make1(t, name, tt.s, func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(http.StatusNotFound)
				json.NewEncoder(w).Encode(map[string]string{"message": form(r)})
			})
			err := n.Notify(t.Context(), messages[0])
			c, _ := n.(*channel)
			for _, s := range []string{"TOKEN", "TOK EN1", "TOK%20EN1", base64.StdEncoding.EncodeToString([]byte("me:pw-TOKEN"))} {
				if err == nil || strings.Contains(err.Error(), s) || strings.Contains(c.tidy("dial "+c.request(messages[0]).url), s) {
					t.Errorf("%s, form %d: %v shows %s", name, i, err, s)
				}
			}
			if i == 0 && err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%s: %q does not say %q", name, err, tt.says)
			}
		}
	}
}

// The words arrive without the picture when that is refused. WeCom's come
// first: they are delivered then, and are not told again for the sake of the
// picture, which has one more try by itself where that can help.
func TestPictureRefused(t *testing.T) {
	for _, name := range []string{"discord", "ntfy", "pushover"} {
		var got []pushed
		calls := 0
		a := accounts()[name]
		n := make1(t, name, a.right, func(w http.ResponseWriter, r *http.Request) {
			if calls++; calls == 1 {
				w.WriteHeader(http.StatusRequestEntityTooLarge)
				return
			}
			a.serve(t, &got)(w, r)
		})
		m := messages[0]
		m.Image = captcha()
		if err := n.Notify(t.Context(), m); err != nil || len(got) != 1 || got[0].image != "" || got[0].text != m.Text {
			t.Errorf("%s: %v, %+v", name, err, got)
		}
	}
	for body, tries := range map[string]int{
		`{"errcode":45009,"errmsg":"api freq out of limit"}`:      1, // it asks for a minute
		`{"errcode":40008,"errmsg":"invalid message type"}`:       1, // for good
		`{"errcode":-1,"errmsg":"system busy"}`:                   2,
		`<html>upload of media files is switched off here</html>`: 2,
	} {
		var got []pushed
		pictures := 0
		a := accounts()["wecom"]
		n := make1(t, "wecom", a.right, func(w http.ResponseWriter, r *http.Request) {
			if len(got) > 0 {
				pictures++
				w.Write([]byte(body))
				return
			}
			a.serve(t, &got)(w, r)
		})
		m := messages[0]
		m.Image = captcha()
		if err := n.Notify(t.Context(), m); err != nil || len(got) != 1 || got[0].text != m.Text || pictures != tries {
			t.Errorf("%s: %v, %d tries, %+v", body, err, pictures, got)
		}
	}
}
