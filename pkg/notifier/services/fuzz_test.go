package services

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// replying is a service that answers every request alike.
type replying struct {
	status int
	header http.Header
	body   string
}

func (r replying) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		_, _ = io.Copy(io.Discard, req.Body)
		req.Body.Close()
	}
	return &http.Response{
		StatusCode: r.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: r.header, Body: io.NopCloser(strings.NewReader(r.body)), Request: req,
	}, nil
}

// FuzzReply: only a service that says so has taken a message over. Everything
// else is an error of one clean line, without a secret, whose pause can be
// waited for.
func FuzzReply(f *testing.F) {
	all := accounts()
	var names []string
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	for i := range names {
		for _, body := range []string{
			`{"code":200,"message":"success"}`, `{"code":0,"msg":"success"}`, `{"errcode":0,"errmsg":"ok"}`, `{"status":1,"request":"r"}`, `{"status":0,"errors":["user key is invalid"]}`,
			`{"errcode":130101,"errmsg":"send too fast"}`, `{"code":40001,"message":"用户不存在"}`, `{"code":null}`, `{"code":"0"}`, `[]`, `<html>`, "",
			`{"message":"Invalid Form Body","errors":{"content":{"_errors":[{"code":"X","message":"too long"}]},"a":[1,"b"]}}`, `{"errors":{"":{"":{}}}}`,
			`{"code":1,"msg":"CANARY-s3cr3t/+\u0000key \u001b[2J CANARY-s3cr3t\/+token"}`, `{"errcode":7,"errmsg":"CANA\u0000RY-s3cr3t/+token CANARY-s3cr3t%2F%2Btoken"}`,
		} {
			f.Add(byte(i), 200, "", body)
		}
		f.Add(byte(i), 503, "99999999999999", "busy")
		f.Add(byte(i), 429, "Fri, 31 Dec 9999 23:59:59 GMT", `{"error":"CANARY-s3cr3t/+token"}`)
		f.Add(byte(i), 302, "-1", "")
	}
	m := messages[0]
	f.Fuzz(func(t *testing.T, i byte, status int, after, body string) {
		name := names[int(i)%len(names)]
		status = 100 + ((status-100)%500+500)%500
		_, n, err := New(all[name].right, nil, &http.Client{Transport: replying{status, http.Header{"Retry-After": {after}}, body}})
		if err != nil {
			t.Fatal(err)
		}
		err = n.Notify(t.Context(), m)
		if err == nil {
			if status/100 != 2 || (name != "ntfy" && name != "webhook" && name != "discord" && !strings.Contains(body, "{")) {
				t.Fatalf("%s: taken over with HTTP %d and %q", name, status, body)
			}
			return
		}
		e, ok := errors.AsType[*notifier.Error](err)
		if !ok || e.Channel != name {
			t.Fatalf("%T %v", err, err)
		}
		if e.RetryAfter < 0 || e.RetryAfter > time.Hour {
			t.Fatalf("%s: a pause of %v", name, e.RetryAfter)
		}
		text := err.Error()
		if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) || len(text) > 500 {
			t.Fatalf("%q", text)
		}
		for _, secret := range n.(*channel).hidden {
			if secret != "" && strings.Contains(text, secret) {
				t.Fatalf("%s: it tells the secret: %s", name, text)
			}
		}
		if strings.Contains(text, m.Text) || errors.Is(err, context.Canceled) {
			t.Fatal(text)
		}
	})
}

// FuzzText: what is sent is clean and within its limit, and Markdown says what
// the text says.
func FuzzText(f *testing.F) {
	f.Add("抢到了 <G1110> & 🚄\n[a](b) #1 *x* _y_ `z`", 20)
	f.Add("\x00\x1b[2J\xff\r\n\t", 1)
	f.Add(strings.Repeat("长 ", 50), 0)
	f.Fuzz(func(t *testing.T, s string, n int) {
		c := notifier.Clean(s)
		if !utf8.ValidString(c) || strings.ContainsFunc(c, func(r rune) bool { return unicode.IsControl(r) && r != '\n' }) {
			t.Fatalf("%q", c)
		}
		n = 4 + max(n, 0)%3000
		if short := cut(c, n); len(short) > n || !utf8.ValidString(short) {
			t.Fatalf("%d bytes of %d: %q", len(short), n, short)
		}
		if short := cutRunes(c, n); utf8.RuneCountInString(short) > n {
			t.Fatalf("%d characters of %d: %q", utf8.RuneCountInString(short), n, short)
		}
		_, plain, _ := unmarkdown("#### t\n\n" + markdown(s) + "\n\n[l](l)")
		words := func(s string) string { return strings.Join(strings.Fields(s), " ") }
		if words(plain) != words(c) {
			t.Fatalf("%q reads as %q", c, plain)
		}
	})
}
