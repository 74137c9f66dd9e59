package telegram

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/watcherd/watcherd/pkg/notifier"
)

func texts(k [][]button) string {
	var rows []string
	for _, r := range k {
		var row []string
		for _, b := range r {
			row = append(row, b.Text)
		}
		rows = append(rows, strings.Join(row, " "))
	}
	return strings.Join(rows, "|")
}

func TestPictureByTaps(t *testing.T) {
	phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
		p := prompt(notifier.Picture)
		a := ask(t, d, p)
		m := f.last(1)
		if !bytes.Equal(m.photo, p.Image) || m.filename != "picture.jpg" || m.silent || m.bold != p.Title {
			t.Errorf("sent %q, %d bytes, silent %v, bold %q", m.filename, len(m.photo), m.silent, m.bold)
		}
		for _, want := range []string{p.Title, p.Text, p.Link, p.Deadline.In(railway).Format(time.TimeOnly)} {
			if !strings.Contains(m.text, want) {
				t.Errorf("the caption lacks %q:\n%s", want, m.text)
			}
		}
		if got, want := texts(m.keyboard), "1 2 3 4|5 6 7 8|提交 换一张 取消"; got != want {
			t.Errorf("buttons %q, want %q", got, want)
		}

		f.tap(m, "提交")
		if got := f.toast(); got != p.Accepted() {
			t.Errorf("submit without a choice: %q", got)
		}
		a.pending(t)
		for _, n := range []string{"5", "7", "2", "7"} {
			f.tap(m, n)
		}
		if got, want := texts(f.get(m.id).keyboard), "1 ✓ 2 3 4|✓ 5 6 7 8|提交 换一张 取消"; got != want {
			t.Errorf("buttons %q, want %q", got, want)
		}
		a.pending(t)
		f.tap(m, "提交")
		r := a.got(t)
		if r.Action != notifier.Answered || !slices.Equal(r.Picks, []int{2, 5}) || r.Channel != "telegram" || r.By != "@li4" || r.At.IsZero() {
			t.Errorf("reply %+v", r)
		}
		m = f.get(m.id)
		if len(m.keyboard) != 0 || !strings.HasSuffix(m.text, p.Lang.Thanks()+" 2 5") || !strings.HasPrefix(m.text, p.Title) {
			t.Errorf("afterwards %v:\n%s", m.keyboard, m.text)
		}
	})
}

// Each kind, each way to answer it.
func TestAnswers(t *testing.T) {
	tests := []struct {
		kind notifier.Kind
		text string // typed; or
		tap  string // pressed
		want notifier.Reply
		ends string
	}{
		{kind: notifier.Picture, text: "２、5", want: notifier.Reply{Action: notifier.Answered, Picks: []int{2, 5}}, ends: "2 5"},
		{kind: notifier.Picture, text: "42,38,253,34", want: notifier.Reply{Action: notifier.Answered, Points: []notifier.Point{{X: 42, Y: 38}, {X: 253, Y: 34}}}, ends: "42,38,253,34"},
		{kind: notifier.Picture, text: "?", want: notifier.Reply{Action: notifier.Another}},
		{kind: notifier.Picture, tap: "换一张", want: notifier.Reply{Action: notifier.Another}},
		{kind: notifier.Picture, tap: "取消", want: notifier.Reply{Action: notifier.Cancelled}},
		{kind: notifier.SMS, text: "123456", want: notifier.Reply{Action: notifier.Answered, Code: "123456"}},
		{kind: notifier.SMS, tap: "取消", want: notifier.Reply{Action: notifier.Cancelled}},
		{kind: notifier.QR, tap: "换一张", want: notifier.Reply{Action: notifier.Another}},
		{kind: notifier.QR, tap: "取消", want: notifier.Reply{Action: notifier.Cancelled}},
		{kind: notifier.Offer, tap: "抢", want: notifier.Reply{Action: notifier.Answered, Yes: true}, ends: "抢"},
		{kind: notifier.Offer, tap: "不要", want: notifier.Reply{Action: notifier.Answered}, ends: "不要"},
		{kind: notifier.Offer, text: "yes", want: notifier.Reply{Action: notifier.Answered, Yes: true}, ends: "抢"},
		{kind: notifier.App, tap: "好了", want: notifier.Reply{Action: notifier.Answered, Yes: true}},
		{kind: notifier.App, text: "x", want: notifier.Reply{Action: notifier.Cancelled}},
	}
	for _, tt := range tests {
		for _, bound := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s %s%s %v", tt.kind, tt.text, tt.tap, bound), func(t *testing.T) {
				phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
					p := prompt(tt.kind)
					a := ask(t, d, p)
					m := f.last(1)
					switch {
					case tt.tap != "":
						f.tap(m, tt.tap)
					case bound:
						f.write(tt.text, m.id)
					default:
						f.write(tt.text, 0)
					}
					got := a.got(t)
					got.At, got.By, got.Channel = time.Time{}, "", ""
					if fmt.Sprint(got) != fmt.Sprint(tt.want) {
						t.Errorf("reply %+v, want %+v", got, tt.want)
					}
					m = f.last(1)
					if len(m.keyboard) != 0 || !strings.HasSuffix(m.text, tt.ends) || strings.Contains(m.text, "123456") || strings.Contains(m.text, p.Link) {
						t.Errorf("afterwards:\n%s", m.text)
					}
				})
			})
		}
	}
}

// Every end shows on the phone.
func TestEnds(t *testing.T) {
	tests := []struct {
		name string
		end  func(a *asked, p notifier.Prompt)
		err  error
		says string
	}{
		{"deadline", func(_ *asked, p notifier.Prompt) { time.Sleep(time.Until(p.Deadline)) }, notifier.ErrExpired, notifier.Chinese.Expired()},
		{"closed", func(a *asked, _ notifier.Prompt) { a.cancel(&notifier.Closed{Reason: "li4 已在 web 上回答。"}) }, nil, "li4 已在 web 上回答。"},
		{"cancelled", func(a *asked, _ notifier.Prompt) { a.cancel(errors.New("stop")) }, nil, notifier.Chinese.Withdrawn()},
	}
	for _, tt := range tests {
		for _, kind := range []notifier.Kind{notifier.Picture, notifier.Offer} {
			t.Run(tt.name+" "+string(kind), func(t *testing.T) {
				phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
					p := prompt(kind)
					a := ask(t, d, p)
					m := f.last(1)
					begun := time.Now()
					tt.end(a, p)
					synctest.Wait()
					<-a.done
					if a.err == nil || tt.err != nil && !errors.Is(a.err, tt.err) {
						t.Errorf("Ask = %v, want %v", a.err, tt.err)
					}
					if d := time.Since(begun); d > time.Until(p.Deadline)+d {
						t.Errorf("ended after %v", d)
					}
					if got := f.get(m.id); len(got.keyboard) != 0 || !strings.HasSuffix(got.text, tt.says) {
						t.Errorf("afterwards %v:\n%s", got.keyboard, got.text)
					}
					// Late answers are told so, once.
					f.tap(m, strings.Fields(texts(m.keyboard))[0])
					if got := f.toast(); got != p.Lang.Late() {
						t.Errorf("a late tap is told %q", got)
					}
					f.write("x", 0)
					if got := f.last(2); got.text != p.Lang.Late() {
						t.Errorf("a late text is told %q", got.text)
					}
					f.write("x", m.id)
					f.last(2)
				})
			})
		}
	}
}

// A question that cannot be sent is sent when the API is back, once; whoever
// is not on the phone then still has the answer.
func TestAPIDown(t *testing.T) {
	phone(t, func(t *testing.T, f *fakeAPI, d *Driver, logs *observer.ObservedLogs) {
		f.break_(func(string) *fault { return &fault{err: errors.New("dial tcp: connection refused")} })
		a := ask(t, d, prompt(notifier.Picture))
		time.Sleep(50 * time.Second)
		f.break_(nil)
		time.Sleep(30 * time.Second)
		m := f.last(1)
		f.write("3", 0)
		time.Sleep(10 * time.Second) // the poll is back at the latest
		if r := a.got(t); !slices.Equal(r.Picks, []int{3}) {
			t.Errorf("reply %+v", r)
		}
		if m = f.get(m.id); len(m.keyboard) != 0 {
			t.Error("the buttons stay")
		}
		if n := logs.FilterMessageSnippet("no replies can be heard").Len(); n == 0 {
			t.Error("nothing was logged")
		}
		warned := 0
		for _, e := range logs.FilterMessageSnippet("no replies can be heard").All() {
			if e.Level.String() == "warn" {
				warned++
			}
		}
		if warned != 1 || logs.FilterMessageSnippet("heard again").Len() != 1 {
			t.Errorf("warned %d times, and %d times of the end", warned, logs.FilterMessageSnippet("heard again").Len())
		}
	})
}

// A daemon that starts while Telegram cannot be reached, for hours, is heard
// as soon as it can be.
func TestUnreachableAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		f.break_(func(string) *fault { return &fault{err: errors.New("dial tcp: i/o timeout")} })
		d, logs := start(t, f)
		got := commanded(t, d)
		p := prompt(notifier.Picture)
		p.Deadline = time.Now().Add(4 * time.Hour)
		a := ask(t, d, p)
		if err := d.Notify(t.Context(), notifier.Message{Title: "x"}); err == nil {
			t.Error("a message was taken by nobody")
		}
		time.Sleep(3 * time.Hour)
		a.pending(t)
		f.break_(nil)
		time.Sleep(40 * time.Second)
		m := f.last(1)
		f.write("/status", 0)
		f.tap(m, "6")
		f.tap(m, "提交")
		if r := a.got(t); !slices.Equal(r.Picks, []int{6}) || len(*got) != 1 || len(f.menus) != 1 {
			t.Errorf("reply %+v, commands %q, menus %v", r, *got, f.menus)
		}
		warned := 0
		for _, e := range logs.All() {
			if e.Level >= zap.WarnLevel && strings.Contains(e.Message, "no replies can be heard") {
				warned++
			}
		}
		if warned != 1 {
			t.Errorf("warned %d times", warned)
		}
	})
}

// 429 is waited out as long as it says, 5xx and HTML with a back-off.
func TestBusyAPI(t *testing.T) {
	phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
		var at []time.Duration
		begun := time.Now()
		replies := []*fault{
			{code: 429, reply: `{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 17","parameters":{"retry_after":17}}`},
			{code: 500, reply: `{"ok":false,"error_code":500,"description":"Internal Server Error"}`},
			{code: 502, reply: `<html>Bad Gateway</html>`},
		}
		f.break_(func(method string) *fault {
			if method != "sendPhoto" {
				return nil
			}
			at = append(at, time.Since(begun))
			if len(at) <= len(replies) {
				return replies[len(at)-1]
			}
			return nil
		})
		a := ask(t, d, prompt(notifier.Picture))
		time.Sleep(time.Minute)
		m := f.last(1)
		if want := []time.Duration{0, 17 * time.Second, 19 * time.Second, 23 * time.Second}; !slices.Equal(at, want) {
			t.Errorf("tried at %v, want %v", at, want)
		}
		f.tap(m, "取消")
		a.got(t)
	})
}

// A token or chat that Telegram refuses ends Ask at once.
func TestAskRefused(t *testing.T) {
	for code, text := range map[int]string{400: "Bad Request: chat not found", 403: "Forbidden: bot was blocked by the user", 401: "Unauthorized", 404: "Not Found"} {
		phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
			f.break_(func(method string) *fault {
				if method != "sendPhoto" {
					return nil
				}
				return &fault{code: code, reply: fmt.Sprintf(`{"ok":false,"error_code":%d,"description":"%s"}`, code, text)}
			})
			a := ask(t, d, prompt(notifier.Picture))
			synctest.Wait()
			<-a.done
			var e *notifier.Error
			if !errors.As(a.err, &e) || !e.Permanent || e.Channel != "telegram" || !strings.Contains(e.Error(), text) {
				t.Errorf("Ask = %v", a.err)
			}
		})
	}
}

// Telegram took the picture over but its reply was lost: there are two
// messages, and both work.
func TestReplyLost(t *testing.T) {
	phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
		lost := true
		f.break_(func(method string) *fault {
			if method == "sendPhoto" && lost {
				lost = false
				return &fault{lost: true}
			}
			return nil
		})
		a := ask(t, d, prompt(notifier.Picture))
		first := f.last(1)
		f.tap(first, "4")
		if got := texts(f.get(first.id).keyboard); !strings.Contains(got, "✓ 4") {
			t.Errorf("the first shows %q", got)
		}
		time.Sleep(5 * time.Second)
		second := f.last(2)
		if !strings.Contains(texts(second.keyboard), "✓ 4") {
			t.Errorf("the second shows %q", texts(second.keyboard))
		}
		f.tap(first, "6")
		f.tap(second, "提交")
		if r := a.got(t); !slices.Equal(r.Picks, []int{4, 6}) {
			t.Errorf("reply %+v", r)
		}
		for _, id := range []int{first.id, second.id} {
			if len(f.get(id).keyboard) != 0 {
				t.Errorf("message %d keeps its buttons", id)
			}
		}
	})
}

// Edits that fail hold up nothing and are tried again.
func TestEditsFail(t *testing.T) {
	phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
		a := ask(t, d, prompt(notifier.Picture))
		m := f.last(1)
		f.break_(func(method string) *fault {
			switch {
			case method == "editMessageCaption":
				return &fault{lost: true} // done, but it does not look so
			case strings.HasPrefix(method, "edit"):
				return &fault{err: errors.New("broken pipe")}
			}
			return nil
		})
		begun := time.Now()
		f.tap(m, "1")
		f.tap(m, "8")
		f.tap(m, "提交")
		if r := a.got(t); !slices.Equal(r.Picks, []int{1, 8}) || time.Since(begun) > 0 {
			t.Errorf("reply %+v after %v", r, time.Since(begun))
		}
		time.Sleep(10 * time.Second)
		f.mu.Lock()
		again := f.refused
		f.refused = nil // "not modified" is how the second try learns of the first
		f.mu.Unlock()
		if len(f.get(m.id).keyboard) != 0 || len(again) == 0 || strings.Contains(strings.Join(again, ""), "not found") {
			t.Errorf("afterwards %v, refused %v", f.get(m.id).keyboard, again)
		}
		f.break_(nil)
		time.Sleep(2 * time.Minute)
		f.mu.Lock()
		f.refused = nil
		f.mu.Unlock()
	})
}

// The question is over before its picture has arrived on the phone.
func TestWithdrawnWhileSending(t *testing.T) {
	phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
		f.break_(func(method string) *fault {
			if method == "sendPhoto" {
				return &fault{slow: 5 * time.Second}
			}
			return nil
		})
		a := ask(t, d, prompt(notifier.Picture))
		time.Sleep(time.Second)
		a.cancel(&notifier.Closed{Reason: "已在 web 上回答。"})
		synctest.Wait()
		select {
		case <-a.done:
		default:
			t.Fatal("Ask waits for the picture")
		}
		time.Sleep(5 * time.Second)
		if m := f.last(1); len(m.keyboard) != 0 || !strings.HasSuffix(m.text, "已在 web 上回答。") {
			t.Errorf("left %v:\n%s", m.keyboard, m.text)
		}
	})
}
