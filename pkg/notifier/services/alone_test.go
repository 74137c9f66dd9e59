package services

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// fleet is a channel of every service, each with the name of its kind; hung is
// the one whose service takes the connection and never answers.
func fleet(t testing.TB, hung string, taken func(name string)) []notifier.Channel {
	var out []notifier.Channel
	for name, a := range accounts() {
		_, n, err := New(a.right, nil, &http.Client{Transport: inProcess{func(w http.ResponseWriter, r *http.Request) {
			if name == hung {
				<-r.Context().Done()
				return
			}
			status, body, p := a.fake(r)
			if p != nil && p.title != "" {
				taken(name)
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}}})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, notifier.Channel{Name: name, Notifier: n})
	}
	return out
}

// Whichever service hangs, all the others are told at once, of news and of
// questions; and it is let go of when its own time is over.
func TestOneHangsTheOthersAreTold(t *testing.T) {
	for hung := range accounts() {
		t.Run(hung, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				var mu sync.Mutex
				at := map[string]time.Duration{}
				f := &notifier.Fanout{Channels: fleet(t, hung, func(name string) {
					mu.Lock()
					defer mu.Unlock()
					at[name] = time.Since(begun)
				})}
				check := func(what string) {
					mu.Lock()
					defer mu.Unlock()
					for name := range accounts() {
						if took, told := at[name]; told == (name == hung) || took != 0 {
							t.Errorf("%s: %s told: %v, after %v", what, name, told, took)
						}
					}
					clear(at)
				}
				err := f.Notify(t.Context(), messages[0])
				e, ok := errors.AsType[*notifier.Error](err)
				if !ok || e.Channel != hung || !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != sendTimeout {
					t.Errorf("%v after %v", err, time.Since(begun))
				}
				leaks(t, err)
				check("news")

				begun = time.Now()
				hears := both(t, &ntfyServer{})
				f.Channels = append(f.Channels, notifier.Channel{Name: "hears", Notifier: hears})
				p := question(notifier.Offer)
				p.Text = messages[0].Text // the webhook's fake knows one message
				p.Rule, p.AskedAt = messages[0].Rule, sentAt
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan struct{})
				go func() {
					defer close(done)
					_, _ = f.Ask(ctx, p)
				}()
				synctest.Wait()
				mu.Lock()
				if _, told := at["webhook"]; !told && hung != "webhook" {
					at["webhook"] = 0 // its fake refuses the kind "question"
				}
				mu.Unlock()
				check("a question")
				cancel()
				<-done
				if err := f.Wait(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// The pause that a service's refusal is turned into is long enough: who waits
// for it is not refused again, and every message of a burst arrives.
func TestPausesAreLongEnough(t *testing.T) {
	tests := []struct {
		name   string
		most   int           // messages
		within time.Duration // in this time
		shut   time.Duration // how long it takes none after that
		refuse string
	}{
		{"wecom", 20, time.Minute, 0, `{"errcode":45009,"errmsg":"api freq out of limit"}`},
		{"dingtalk", 20, time.Minute, 10 * time.Minute, `{"errcode":130101,"errmsg":"send too fast, exceed 20 times per minute"}`},
		{"lark", 100, time.Minute, 0, `{"code":11232,"msg":"frequency limited psm"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := accounts()[tt.name]
				var taken []time.Time
				var shut time.Time
				n := make1(t, tt.name, a.right, func(w http.ResponseWriter, r *http.Request) {
					now := time.Now()
					if len(taken) >= tt.most && now.Sub(taken[len(taken)-tt.most]) < tt.within {
						shut = now.Add(tt.shut)
					} else if !now.Before(shut) {
						taken = append(taken, now)
						status, body, _ := a.fake(r)
						w.WriteHeader(status)
						_, _ = w.Write([]byte(body))
						return
					}
					_, _ = w.Write([]byte(tt.refuse))
				})
				refused := 0
				for range tt.most + 5 {
					for {
						err := n.Notify(t.Context(), messages[0])
						if err == nil {
							break
						}
						e, ok := errors.AsType[*notifier.Error](err)
						if refused++; !ok || e.Permanent || e.RetryAfter <= 0 || refused > 1 {
							t.Fatalf("refusal %d: %v", refused, err)
						}
						time.Sleep(e.RetryAfter)
					}
				}
				if len(taken) != tt.most+5 || refused != 1 {
					t.Errorf("%d messages taken, %d refused", len(taken), refused)
				}
			})
		})
	}
}

// BenchmarkTell is the time from the word to tell, or to ask, until the request
// is on the wire, with a question's picture.
func BenchmarkTell(b *testing.B) {
	m := messages[0]
	m.Image = captcha()
	for name, a := range accounts() {
		b.Run(name, func(b *testing.B) {
			var begun time.Time
			var total time.Duration
			first := false
			_, n, err := New(a.right, nil, &http.Client{Transport: inProcess{func(w http.ResponseWriter, r *http.Request) {
				if first {
					total += time.Since(begun)
					first = false
				}
				status, body, _ := a.fake(r)
				w.WriteHeader(status)
				_, _ = w.Write([]byte(body))
			}}})
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				begun, first = time.Now(), true
				if err := n.Notify(b.Context(), m); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(total.Microseconds())/float64(b.N), "µs-to-wire")
		})
	}
	b.Run("ntfy-ask", func(b *testing.B) {
		s := &ntfyServer{}
		wired := make(chan time.Time, 8)
		s.refuse = func(*http.Request) *http.Response {
			wired <- time.Now()
			return nil
		}
		_, n, err := New(Service{Ntfy: &Ntfy{Server: server, Topic: newsTopic, Token: canary + "token", ReplyTopic: replyTopic}}, nil, &http.Client{Transport: s})
		if err != nil {
			b.Fatal(err)
		}
		a := n.(*NtfyAsker)
		var total time.Duration
		for b.Loop() {
			p := question(notifier.Picture)
			begun := time.Now()
			ctx, cancel := context.WithCancel(b.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				_, _ = a.Ask(ctx, p)
			}()
			total += (<-wired).Sub(begun)
			cancel()
			<-done
			<-wired // how it ended
		}
		b.ReportMetric(float64(total.Microseconds())/float64(b.N), "µs-to-wire")
		a.drain()
	})
}
