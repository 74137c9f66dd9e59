package twelve306

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func cookies(j *jar, address string) map[string]string {
	u, _ := url.Parse(address)
	got := map[string]string{}
	for _, c := range j.Cookies(u) {
		got[c.Name] = c.Value
	}
	return got
}

// TestJarRoundTrip: what a jar sends after a restart is what it sent before,
// path by path, and what expires in between is gone.
func TestJarRoundTrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const base = "https://kyfw.12306.cn"
		set := func(j *jar, path string, lines ...string) {
			u, _ := url.Parse(base + path)
			h := http.Header{"Set-Cookie": lines}
			j.SetCookies(u, (&http.Response{Header: h}).Cookies())
		}
		j := newJar()
		// The cookies of 2024-04-22, and some that end.
		set(j, "/otn/login/conf", "JSESSIONID=AAA; Path=/otn", "route=rrr; Path=/", "BIGipServerotn=1.2.0000; path=/")
		set(j, "/passport/web/auth/uamtk-static", "_passport_session=ppp; Path=/passport", "BIGipServerpassport=3.4.0000; path=/")
		set(j, "/passport/web/login", "uamtk=uuu; Path=/passport")
		set(j, "/otn/uamauthclient", "tk=ttt; Path=/otn", "bare=default-path")
		set(j, "/otn/login/userLogin", "uKey=kkk; Path=/; Secure; HttpOnly")
		set(j, "/otn/x", "short=s; Path=/; Max-Age=60", "long=l; Path=/; Expires="+time.Now().Add(time.Hour).UTC().Format(http.TimeFormat),
			"both=b; Path=/; Max-Age=3600; Expires=Thu, 01 Jan 1970 00:00:00 GMT") // Max-Age wins
		set(j, "/otn/x", "gone=g; Path=/")
		set(j, "/otn/x", "gone=; Path=/; Max-Age=0")
		set(j, "/otn/x", "old=o; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT")
		set(j, "/otn/passport", "JSESSIONID=BBB; Path=/otn") // replaced by the passport page

		copied := func() *jar {
			b, err := json.Marshal(j.list())
			if err != nil {
				t.Fatal(err)
			}
			var list []savedCookie
			if err := json.Unmarshal(b, &list); err != nil {
				t.Fatal(err)
			}
			n := newJar()
			n.restore(list)
			return n
		}
		addresses := []string{"/otn/x", "/otn", "/passport/web/login", "/", "/otn/a/b", "/other"}
		same := func(a, b *jar) {
			t.Helper()
			for _, host := range []string{base, "http://kyfw.12306.cn", "https://www.12306.cn", "https://example.com"} {
				for _, path := range addresses {
					if x, y := cookies(a, host+path), cookies(b, host+path); fmt.Sprint(x) != fmt.Sprint(y) {
						t.Errorf("%s%s: %v before, %v after", host, path, x, y)
					}
				}
			}
		}
		second := copied()
		same(j, second)
		otn := cookies(second, base+"/otn/x")
		if otn["JSESSIONID"] != "BBB" || otn["tk"] != "ttt" || otn["short"] != "s" || otn["both"] != "b" || otn["uamtk"] != "" || otn["gone"] != "" || otn["old"] != "" {
			t.Errorf("%v", otn)
		}
		if p := cookies(second, base+"/passport/web"); p["uamtk"] != "uuu" || p["JSESSIONID"] != "" {
			t.Errorf("%v", p)
		}
		time.Sleep(2 * time.Minute)
		third := copied()
		same(j, third)
		if otn := cookies(third, base+"/otn/x"); otn["short"] != "" || otn["long"] != "l" {
			t.Errorf("after two minutes: %v", otn)
		}
		time.Sleep(time.Hour)
		if otn := cookies(copied(), base+"/otn/x"); otn["long"] != "" || otn["both"] != "" || otn["tk"] != "ttt" {
			t.Errorf("after an hour: %v", otn)
		}
	})
}

// TestJarIsBounded: a server cannot make it grow for ever, nor fill it with
// cookies that have ended.
func TestJarIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJar()
		u, _ := url.Parse("https://kyfw.12306.cn/otn/x")
		for i := range 10 * maxCookies {
			j.SetCookies(u, []*http.Cookie{{Name: fmt.Sprint("c", i), Value: "v", MaxAge: 1}})
		}
		if n := len(j.list()); n > maxCookies {
			t.Errorf("%d cookies kept", n)
		}
		time.Sleep(time.Minute)
		j.SetCookies(u, []*http.Cookie{{Name: "tk", Value: "new", Path: "/otn"}})
		if list := j.list(); len(list) != 1 || list[0].Name != "tk" {
			t.Errorf("kept: %v", list)
		}
	})
}

func TestSaveForms(t *testing.T) {
	c, _ := play(t, map[string][]string{"/otn/login/conf": {"HTTP/1.1 200 OK\r\nSet-Cookie: JSESSIONID=AAA; Path=/otn\r\nContent-Length: 85\r\n\r\n" +
		`{"status":true,"data":{"is_login":"N","queryUrl":"leftTicket/queryG"},"messages":[]}` + "\n"}})
	if _, err := c.conf(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept := c.Save()
	again, err := New(Options{Transport: &tape{t: t}, Saved: kept})
	if err != nil || !again.hasCookie("/otn/x", "JSESSIONID") || again.queryPath != "leftTicket/queryG" {
		t.Errorf("restored: %v, %q", err, again.queryPath)
	}
	if in, _ := again.LoggedIn(); in {
		t.Error("a restored session counts as logged in before 12306 has said so")
	}
	elsewhere, err := New(Options{Transport: &tape{t: t}, Saved: kept, BaseURL: "http://127.0.0.1:8306"})
	if err != nil || elsewhere.hasCookie("/otn/x", "JSESSIONID") {
		t.Errorf("a session of the real site on a simulator: %v", err)
	}
	for _, bad := range []string{"x", "{", "[]", `{"version":2}`, string(kept[:len(kept)/2])} {
		if _, err := New(Options{Saved: []byte(bad)}); KindOf(err) != Changed || strings.Contains(err.Error(), "AAA") {
			t.Errorf("%.20s: %v", bad, err)
		}
	}
	// A path from an edited file goes nowhere.
	c, err = New(Options{Saved: []byte(`{"version":1,"host":"kyfw.12306.cn","query_path":"../evil","cookies":[{"url":"%zz"},{"url":""}]}`)})
	if err != nil || c.queryPath != "" {
		t.Errorf("%v, %q", err, c.queryPath)
	}
	for _, u := range []string{"kyfw.12306.cn", "ftp://kyfw.12306.cn", "https://", "://"} {
		if _, err := New(Options{BaseURL: u}); err == nil {
			t.Errorf("base_url %q was taken", u)
		}
	}
}

// TestCredentialsHideTheirSecrets, however they are printed.
func TestCredentialsHideTheirSecrets(t *testing.T) {
	cred := Credentials{Username: "zhangsan", Password: "secret12306", IDLast4: "001X"}
	for _, form := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for _, v := range []any{cred, &cred, []Credentials{cred}, struct{ C Credentials }{cred}} {
			if s := fmt.Sprintf(form, v); strings.Contains(s, "secret12306") || strings.Contains(s, "001X") || strings.Contains(s, "zhangsan") {
				t.Errorf("%s: %s", form, s)
			}
		}
	}
}
