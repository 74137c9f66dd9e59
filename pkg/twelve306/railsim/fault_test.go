package railsim

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// TestFaults meets every kind of failure once, at the confirm, with and
// without its effect, and looks at what the site then holds.
func TestFaults(t *testing.T) {
	status := func(want int) func(*testing.T, answer) {
		return func(t *testing.T, a answer) {
			t.Helper()
			if a.err != nil || a.status != want {
				t.Errorf("status %d, error %v; want %d", a.status, a.err, want)
			}
		}
	}
	body := func(want string) func(*testing.T, answer) {
		return func(t *testing.T, a answer) {
			t.Helper()
			if a.err != nil || a.status != 200 || !strings.Contains(a.body, want) {
				t.Errorf("%d %.200s, error %v; want %s", a.status, a.body, a.err, want)
			}
		}
	}
	broken := func(t *testing.T, a answer) {
		t.Helper()
		if a.err == nil {
			t.Errorf("answered %d %s; want a broken connection", a.status, a.body)
		}
	}
	looks := map[FaultKind]func(*testing.T, answer){
		Unreachable: func(t *testing.T, a answer) {
			if !errors.Is(a.err, syscall.ECONNREFUSED) {
				t.Errorf("error %v, want connection refused", a.err)
			}
		},
		RequestLost: broken,
		ReplyLost:   broken,
		HTML:        body("网络可能存在问题，请您重试一下！"),
		Redirect302: func(t *testing.T, a answer) {
			status(302)(t, a)
			if l := a.header.Get("Location"); l != "http://www.12306.cn/mormhweb/logFiles/error.html" {
				t.Errorf("sent to %s", l)
			}
		},
		Empty200: func(t *testing.T, a answer) {
			body("")(t, a)
			if a.body != "" {
				t.Errorf("body %q", a.body)
			}
		},
		Truncated: func(t *testing.T, a answer) {
			body("{")(t, a)
			if json.Valid([]byte(a.body)) {
				t.Errorf("valid JSON: %s", a.body)
			}
		},
		BrokenBody: func(t *testing.T, a answer) {
			if !errors.Is(a.err, io.ErrUnexpectedEOF) {
				t.Errorf("error %v, want an unexpected EOF", a.err)
			}
		},
		WrongType: func(t *testing.T, a answer) {
			if _, ok := a.json(t, "data").(string); !ok {
				t.Errorf("data is no string: %s", a.body)
			}
			if a.json(t, "httpstatus") != "200" {
				t.Errorf("httpstatus is no string: %s", a.body)
			}
		},
		Null:         body("null"),
		Status500:    status(500),
		Status502:    status(502),
		Status503:    status(503),
		Forbidden403: status(403),
		TooMany429: func(t *testing.T, a answer) {
			status(429)(t, a)
			if a.header.Get("Retry-After") != "7" {
				t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
			}
		},
		LoggedOut: status(302),
		SignedOut: status(302),
		Busy:      body("网络繁忙"),
		Refused:   body(`"errMsg":"余票不足"`),
		Slow:      body(`"submitStatus":true`),
		Hang:      broken,
	}
	never := map[FaultKind]bool{Unreachable: true, RequestLost: true, LoggedOut: true, SignedOut: true}
	always := map[FaultKind]bool{ReplyLost: true, Slow: true}
	for _, kind := range FaultKinds() {
		for _, acts := range []bool{false, true} {
			name := string(kind) + map[bool]string{false: ", not done", true: ", done"}[acts]
			t.Run(name, func(t *testing.T) {
				inBubble(t, Options{Calm: true}, func(b *browser) {
					b.sell()
					b.login()
					b.prepare()
					b.site.AddFault(Fault{Step: StepConfirm, Kind: kind, Acts: acts, Delay: 3 * time.Second, RetryAfter: 7 * time.Second, Msg: "余票不足"})
					from := time.Now()
					a := b.confirm()
					if d := time.Since(from); kind == Hang && d != time.Minute || kind != Hang && d != 3*time.Second {
						t.Errorf("took %v", d)
					}
					looks[kind](t, a)
					synctest.Wait()
					done := len(b.site.Orders("zhangsan")) == 1
					if want := (acts || always[kind]) && !never[kind]; done != want {
						t.Errorf("order made: %v, want %v", done, want)
					}
					b.clean()
				})
			})
		}
	}
}

// TestFaultOccurrence lets some requests pass, then some fail, then none.
func TestFaultOccurrence(t *testing.T) {
	inBubble(t, Options{Calm: true}, func(b *browser) {
		b.sell()
		b.openQuery()
		b.site.AddFault(Fault{Step: StepQuery, Kind: Status503, Skip: 1, Times: 2})
		for i, want := range []int{200, 503, 503, 200} {
			if got := b.query().status; got != want {
				t.Errorf("query %d: %d, want %d", i, got, want)
			}
		}
		b.site.AddFault(Fault{Kind: Status500, Times: -1})
		for range 5 {
			b.want(b.query().status, 500)
		}
		b.site.ClearFaults()
		b.want(b.query().status, 200)
		b.clean()
	})
}

// TestEveryStepCanFail holds the closed list of steps to the site map.
func TestEveryStepCanFail(t *testing.T) {
	seen := map[Step]bool{}
	for _, s := range Steps() {
		if seen[s] {
			t.Errorf("step %s is there twice", s)
		}
		seen[s] = true
	}
	for _, s := range []Step{StepCaptchaImage, StepQuery, StepConfirm, StepWait, StepNoComplete, StepErrorPage} {
		if !seen[s] {
			t.Errorf("step %s is not listed", s)
		}
	}
}

// TestHook sees the confirm before it has any effect.
func TestHook(t *testing.T) {
	var site *Server
	orders := -1
	synctest.Test(t, func(t *testing.T) {
		site = New(Options{Seed: 1, Calm: true, Hook: func(step Step, r *http.Request) {
			if step == StepConfirm {
				orders = len(site.AllOrders())
			}
		}})
		defer site.Close()
		b := newBrowser(t, site)
		b.sell()
		b.login()
		b.prepare()
		b.confirm()
		if orders != 0 || len(site.AllOrders()) != 1 {
			t.Errorf("the hook saw %d orders, then there are %d", orders, len(site.AllOrders()))
		}
	})
}

// TestRTT: a request on a warm connection takes one round trip.
func TestRTT(t *testing.T) {
	inBubble(t, Options{Calm: true, RTT: 50 * time.Millisecond}, func(b *browser) {
		b.sell()
		from := time.Now()
		b.openQuery()
		if d := time.Since(from); d != 150*time.Millisecond {
			t.Errorf("the first request took %v, want 3 round trips", d)
		}
		from = time.Now()
		b.query()
		if d := time.Since(from); d != 50*time.Millisecond {
			t.Errorf("the second request took %v, want 1 round trip", d)
		}
	})
}

// TestPaces covers the limits that are off by default.
func TestPaces(t *testing.T) {
	inBubble(t, Options{Calm: true, QueryGap: 3 * time.Second, Budget: 4}, func(b *browser) {
		b.sell()
		b.openQuery()
		b.query()
		time.Sleep(3 * time.Second)
		b.query()
		b.clean()
		time.Sleep(2 * time.Second)
		b.query()
		b.query()
		var texts []string
		for _, v := range b.site.Notes() {
			texts = append(texts, v.Text)
		}
		all := strings.Join(texts, "\n")
		if !strings.Contains(all, "a query 2s after the last one") || !strings.Contains(all, "5 requests in 5 minutes, the budget is 4") {
			t.Errorf("notes:\n%s", all)
		}
	})
}
