package telegram

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap/zaptest/observer"

	"github.com/watcherd/watcherd/pkg/notifier"
)

func TestMoments(t *testing.T) {
	for length, want := range map[time.Duration]string{
		time.Hour:        "[30m0s 1m0s 30s 10s]",
		3 * time.Minute:  "[1m30s 1m0s 30s 10s]",
		2 * time.Minute:  "[1m0s 30s 10s]",
		70 * time.Second: "[35s 10s]",
		20 * time.Second: "[10s]",
		15 * time.Second: "[]",
		0:                "[]",
		-time.Minute:     "[]",
	} {
		if got := fmt.Sprint(moments(length)); got != want {
			t.Errorf("%v: %s, want %s", length, got, want)
		}
	}
}

// edited returns when message id was edited by that method, from begun on.
func (f *fakeAPI) edited(id int, method string, begun time.Time) (at []time.Duration, captions []string) {
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.edits {
		if e.id == id && (method == "" || e.method == method) {
			at, captions = append(at, e.at.Sub(begun)), append(captions, e.text)
		}
	}
	return at, captions
}

// A question counts down: at half, and when 60, 30 and 10 seconds are left,
// with its buttons as they are, and ends with what happened.
func TestCountdown(t *testing.T) {
	for kind, method := range map[notifier.Kind]string{notifier.Picture: "editMessageCaption", notifier.Offer: "editMessageText"} {
		phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
			begun := time.Now()
			p := prompt(kind)
			a := ask(t, d, p)
			m := f.last(1)
			if !strings.Contains(m.text, "（还有 3 分钟）") {
				t.Errorf("at first:\n%s", m.text)
			}
			if kind == notifier.Picture {
				f.tap(m, "3")
			}
			time.Sleep(179 * time.Second)
			at, captions := f.edited(m.id, method, begun)
			if want := []time.Duration{90 * time.Second, 120 * time.Second, 150 * time.Second, 170 * time.Second}; !slices.Equal(at, want) {
				t.Fatalf("%s: counted at %v, want %v", kind, at, want)
			}
			for i, left := range []string{"1 分 30 秒", "1 分钟", "30 秒", "10 秒"} {
				if !strings.Contains(captions[i], "（还有 "+left+"）") || !strings.Contains(captions[i], p.Link) || !strings.HasPrefix(captions[i], p.Title) {
					t.Errorf("%s: with %s left:\n%s", kind, left, captions[i])
				}
			}
			now := f.get(m.id)
			if got := texts(now.keyboard); kind == notifier.Picture && got != "1 2 ✓ 3 4|5 6 7 8|提交 换一张 取消" || got == "" || now.bold != p.Title {
				t.Errorf("%s: buttons %q", kind, got)
			}
			time.Sleep(time.Second)
			<-a.done
			if now := f.get(m.id); len(now.keyboard) != 0 || !strings.HasSuffix(now.text, p.Lang.Expired()) || strings.Contains(now.text, "还有") {
				t.Errorf("%s: afterwards %v:\n%s", kind, now.keyboard, now.text)
			}
		})
	}
}

// Between two edits of a message, the person's taps included, the countdown
// keeps ten seconds; the taps wait for nothing.
func TestCountdownKeepsAway(t *testing.T) {
	phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
		begun := time.Now()
		ask(t, d, prompt(notifier.Picture))
		m := f.last(1)
		var taps []time.Duration
		for range 32 { // one every 3.5 seconds until 112 seconds, over the half
			time.Sleep(3500 * time.Millisecond)
			f.tap(m, "1")
			taps = append(taps, time.Since(begun))
		}
		time.Sleep(67 * time.Second)
		if at, _ := f.edited(m.id, "editMessageReplyMarkup", begun); !slices.Equal(at, taps) {
			t.Errorf("tapped at %v, shown at %v", taps, at)
		}
		at, _ := f.edited(m.id, "editMessageCaption", begun)
		if want := []time.Duration{122 * time.Second, 150 * time.Second, 170 * time.Second}; !slices.Equal(at, want) {
			t.Errorf("counted at %v, want %v", at, want)
		}
	})
}

// After a 429 the countdown stops for good; the end is shown all the same.
func TestCountdownLimited(t *testing.T) {
	phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
		calls := 0
		f.break_(func(method string) *fault {
			if method != "editMessageCaption" {
				return nil
			}
			if calls++; calls == 1 {
				return &fault{code: 429, reply: `{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 3","parameters":{"retry_after":3}}`}
			}
			return nil
		})
		a := ask(t, d, prompt(notifier.Picture))
		m := f.last(1)
		time.Sleep(175 * time.Second)
		synctest.Wait()
		if calls != 1 {
			t.Errorf("%d edits after a 429", calls-1)
		}
		f.tap(m, "5")
		f.tap(m, "提交")
		if r := a.got(t); !slices.Equal(r.Picks, []int{5}) {
			t.Errorf("reply %+v", r)
		}
		if m = f.get(m.id); len(m.keyboard) != 0 || !strings.HasSuffix(m.text, "5") {
			t.Errorf("afterwards:\n%s", m.text)
		}
	})
}

// An edit of the countdown that hangs, or fails, holds up neither the answer
// nor the end; and when it arrives after all, the buttons do not come back.
func TestCountdownHangs(t *testing.T) {
	for name, bust := range map[string]*fault{"hangs": {slow: 4 * time.Second}, "lost": {lost: true}, "broken": {err: errors.New("broken pipe")}} {
		t.Run(name, func(t *testing.T) {
			phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
				first := true
				f.break_(func(method string) *fault {
					if method == "editMessageCaption" && first {
						first = false
						return bust
					}
					return nil
				})
				p := prompt(notifier.Picture)
				a := ask(t, d, p)
				m := f.last(1)
				time.Sleep(91 * time.Second) // the edit at the half is under way
				f.tap(m, "2")
				if got := texts(f.get(m.id).keyboard); !strings.Contains(got, "✓ 2") {
					t.Errorf("the tap is not shown: %s", got)
				}
				f.tap(m, "提交")
				a.got(t)
				if got := f.get(m.id); len(got.keyboard) != 0 || !strings.HasSuffix(got.text, p.Lang.Thanks()+" 2") {
					t.Errorf("afterwards %v:\n%s", got.keyboard, got.text)
				}
				if name == "hangs" { // what was cut off arrives now
					f.mu.Lock()
					late := f.find(m.id)
					late.text, late.keyboard = m.text, m.keyboard
					f.mu.Unlock()
				}
				time.Sleep(settle)
				if got := f.get(m.id); len(got.keyboard) != 0 || !strings.HasSuffix(got.text, p.Lang.Thanks()+" 2") {
					t.Errorf("at last %v:\n%s", got.keyboard, got.text)
				}
			})
		})
	}
}

// A question that another takes the place of says why: its answer was wrong,
// wherever it was given, or another one was asked for.
func TestWrong(t *testing.T) {
	for _, tt := range []struct {
		name  string
		wrong bool
		end   func(f *fakeAPI, m message, a *asked)
		says  []string
	}{
		{"here", true, func(f *fakeAPI, m message, _ *asked) { f.write("2 5", m.id) }, []string{"收到，谢谢。 2 5", "答错了，请回答下面的新问题。"}},
		{"elsewhere", true, func(_ *fakeAPI, _ message, a *asked) {
			a.cancel(&notifier.Closed{Reason: "li4 已在 web 上回答。"})
		}, []string{"li4 已在 web 上回答。", "答错了，请回答下面的新问题。"}},
		{"another", false, func(f *fakeAPI, m message, _ *asked) { f.tap(m, "换一张") }, []string{"好，马上换一张。", "已换成下面的新问题。"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
				p := prompt(notifier.Picture)
				a := ask(t, d, p)
				m := f.last(1)
				tt.end(f, m, a)
				<-a.done
				if m = f.get(m.id); len(m.keyboard) != 0 || !strings.HasSuffix(m.text, tt.says[0]) {
					t.Errorf("ended %v:\n%s", m.keyboard, m.text)
				}
				next := prompt(notifier.Picture)
				next.Replaces, next.Wrong = p.ID, tt.wrong
				ask(t, d, next)
				f.last(2)
				if m = f.get(m.id); len(m.keyboard) != 0 || !strings.HasSuffix(m.text, strings.Join(tt.says, "\n")) {
					t.Errorf("replaced %v:\n%s", m.keyboard, m.text)
				}
			})
		})
	}
}
