package telegram

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// commanded answers commands until the test ends and keeps what it was sent.
func commanded(t *testing.T, d *Driver) *[]string {
	t.Helper()
	got := new([]string)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	menu := []notifier.Command{{Name: "status", Description: "现在在做什么"}, {Name: "help", Description: "有哪些命令"}}
	go func() {
		done <- d.Commands(ctx, menu, func(_ context.Context, text string) string {
			*got = append(*got, text)
			return "answer to " + text
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Commands = %v", err)
		}
	})
	synctest.Wait()
	return got
}

// Commands are answered, in their order, and are no answers to a question: not
// even to one that would take them for wrong words.
func TestCommands(t *testing.T) {
	phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
		got := commanded(t, d)
		f.mu.Lock()
		if want := `{"type":"chat","chat_id":4242}`; len(f.menus) != 1 || f.menus[want] != "/status/help" {
			t.Errorf("menus %v", f.menus)
		}
		f.mu.Unlock()
		a := ask(t, d, prompt(notifier.Picture))
		m := f.last(1)
		f.write("/status", 0)
		if answer := f.last(2); answer.text != "answer to /status" || answer.silent || answer.replyTo == 0 {
			t.Errorf("%+v", answer)
		}
		f.write("/pause 回家", m.id) // as a reply to the question
		f.last(3)
		a.pending(t)
		if now := f.get(m.id); now.text != m.text || texts(now.keyboard) != texts(m.keyboard) {
			t.Errorf("the question was disturbed:\n%s", now.text)
		}
		for range 3 {
			f.write("/a", 0)
			f.write("/b", 0)
		}
		synctest.Wait()
		if want := []string{"/status", "/pause 回家", "/a", "/b", "/a", "/b", "/a", "/b"}; !slices.Equal(*got, want) {
			t.Errorf("heard %q, want %q", *got, want)
		}
		f.write("25", 0)
		if r := a.got(t); !slices.Equal(r.Picks, []int{2, 5}) {
			t.Errorf("reply %+v", r)
		}
	})
}

// Strangers, groups, forwards and what was written before the start command
// nothing and are told nothing.
func TestCommandsOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		f.write("/old", 0)
		time.Sleep(time.Hour)
		d, _ := start(t, f)
		got := commanded(t, d)
		set := func(what, key string, v any) func(map[string]any) {
			return func(m map[string]any) { m[what].(map[string]any)[key] = v }
		}
		f.write("/stranger", 0, set("from", "id", 666), set("chat", "id", 666))
		f.write("/group", 0, set("chat", "id", -5), set("chat", "type", "group"))
		f.write("/bot", 0, set("from", "is_bot", true))
		f.write("/forward", 0, func(m map[string]any) {
			m["forward_origin"] = map[string]any{"type": "hidden_user", "date": 1, "sender_user_name": "x"}
		})
		synctest.Wait()
		if len(*got) != 0 || len(f.bots()) != 0 {
			t.Errorf("heard %q, and said %d things", *got, len(f.bots()))
		}
		f.write("/mine", 0)
		f.last(1)
	})
}

// The menu comes when Telegram can be reached; a menu that it refuses, and a
// flood of commands, are no harm.
func TestMenuFails(t *testing.T) {
	phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
		f.break_(func(string) *fault { return &fault{err: errors.New("network is unreachable")} })
		commanded(t, d)
		time.Sleep(10 * time.Minute)
		f.break_(nil)
		time.Sleep(time.Minute)
		f.mu.Lock()
		if len(f.menus) != 1 {
			t.Errorf("menus %v", f.menus)
		}
		f.mu.Unlock()
	})
	phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
		var tries atomic.Int32
		f.break_(func(method string) *fault {
			if method != "setMyCommands" {
				return nil
			}
			if tries.Add(1) == 1 {
				return &fault{code: 429, reply: `{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 40","parameters":{"retry_after":40}}`}
			}
			return &fault{code: 404, reply: `{"ok":false,"error_code":404,"description":"Not Found"}`}
		})
		commanded(t, d)
		time.Sleep(39 * time.Second)
		if synctest.Wait(); tries.Load() != 1 {
			t.Errorf("%d tries within the 40 seconds", tries.Load())
		}
		time.Sleep(time.Hour)
		if synctest.Wait(); tries.Load() != 2 {
			t.Errorf("%d tries", tries.Load())
		}
		for range 50 {
			f.write("/status", 0)
		}
		synctest.Wait()
		f.write("/status", 0)
		synctest.Wait()
		if n := len(f.bots()); n < maxCommands {
			t.Errorf("%d answers", n)
		}
	})
}

// 429 is obeyed by every call, each for its own part: the answer to a tap, a
// short word, a poll.
func TestEveryCallWaits(t *testing.T) {
	for method, act := range map[string]func(f *fakeAPI, m message){
		"answerCallbackQuery":    func(f *fakeAPI, m message) { f.tap(m, "1") },
		"editMessageReplyMarkup": func(f *fakeAPI, m message) { f.tap(m, "1") },
		"editMessageCaption":     func(f *fakeAPI, m message) { f.tap(m, "取消") },
		"sendMessage":            func(f *fakeAPI, m message) { f.write("what?", 0) },
		"getUpdates":             func(f *fakeAPI, m message) { f.write("what?", 0) },
	} {
		t.Run(method, func(t *testing.T) {
			phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
				ask(t, d, prompt(notifier.Picture))
				m := f.last(1)
				var at []time.Duration
				begun := time.Now()
				f.break_(func(called string) *fault {
					if called != method {
						return nil
					}
					if at = append(at, time.Since(begun)); len(at) > 1 {
						return nil
					}
					return &fault{code: 429, reply: `{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 9","parameters":{"retry_after":9}}`}
				})
				act(f, m)
				time.Sleep(20 * time.Second)
				synctest.Wait()
				if method == "getUpdates" && len(at) > 1 {
					at = at[:2]
				}
				if want := []time.Duration{0, 9 * time.Second}; !slices.Equal(at, want) {
					t.Errorf("called at %v, want %v", at, want)
				}
			})
		})
	}
}

// Two chats of one bot share one poll and nothing else.
func TestTwoChats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const wife = 7007
		f := newFake(t)
		f.also = wife
		cfgs := []Config{{Token: fakeToken, ChatID: fakeChat}, {Name: "wife", Token: fakeToken + "\n", ChatID: wife}}
		ds, loops, err := open(cfgs, notifier.Chinese, zap.NewNop(), func(string) (http.RoundTripper, error) { return f, nil })
		if err != nil || len(ds) != 2 || len(loops) != 1 {
			t.Fatalf("%d drivers, %d loops, %v", len(ds), len(loops), err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- loops[0](ctx) }()
		hers := func(m map[string]any) {
			m["from"].(map[string]any)["id"] = wife
			if chat, ok := m["chat"].(map[string]any); ok {
				chat["id"] = wife
			}
		}
		synctest.Wait()
		if f.polls != 1 {
			t.Errorf("%d polls", f.polls)
		}
		mine, yours := ask(t, ds[0], prompt(notifier.Picture)), ask(t, ds[1], prompt(notifier.Picture))
		ms := func() (my, her message) {
			synctest.Wait()
			for _, m := range f.bots() {
				if m.chat == wife {
					her = m
				} else {
					my = m
				}
			}
			return my, her
		}
		my, her := ms()
		f.write("3", 0, hers)
		if r := yours.got(t); !slices.Equal(r.Picks, []int{3}) || r.Channel != "wife" {
			t.Errorf("reply %+v", r)
		}
		mine.pending(t)
		f.tap(my, "4", func(q map[string]any) { hers(q) }) // she cannot tap in my chat
		f.mu.Lock()
		for id := range f.taps {
			f.taps[id] = true
		}
		f.mu.Unlock()
		mine.pending(t)
		f.tap(my, "4")
		f.tap(my, "提交")
		if r := mine.got(t); !slices.Equal(r.Picks, []int{4}) || r.Channel != "telegram" {
			t.Errorf("reply %+v", r)
		}
		my, her = ms()
		if !strings.HasSuffix(my.text, "4") || !strings.HasSuffix(her.text, "3") || len(my.keyboard)+len(her.keyboard) != 0 {
			t.Errorf("afterwards\n%s\n%s", my.text, her.text)
		}
		for i, want := range []string{"telegram: ", "wife: "} {
			f.break_(func(string) *fault {
				return &fault{code: 403, reply: `{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}`}
			})
			if err := ds[i].Notify(t.Context(), notifier.Message{Title: "x"}); err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("Notify = %v", err)
			}
			f.break_(nil)
		}
		// Both are withdrawn at the end of the one loop.
		last := []*asked{ask(t, ds[0], prompt(notifier.Offer)), ask(t, ds[1], prompt(notifier.Offer))}
		synctest.Wait()
		for _, a := range last {
			a.cancel(&notifier.Closed{Reason: "watcherd 停了。"})
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if my, her = ms(); !strings.HasSuffix(my.text, "停了。") || !strings.HasSuffix(her.text, "停了。") {
			t.Errorf("at last\n%s\n%s", my.text, her.text)
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	for want, cfgs := range map[string][]Config{
		"the same chat": {{Token: fakeToken, ChatID: 5}, {Token: fakeToken, ChatID: 5, Name: "b"}},
		"chat_id":       {{Token: fakeToken, ChatID: 5}, {Token: fakeToken}},
	} {
		if _, _, err := Open(cfgs, "", zap.NewNop()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open = %v, want %q", err, want)
		}
	}
	ds, loops, err := Open([]Config{{Token: "1:a", ChatID: 5}, {Token: "2:b", ChatID: 5}, {Token: "1:a", ChatID: 6}}, "", zap.NewNop())
	if err != nil || len(ds) != 3 || len(loops) != 2 || ds[0].hub != ds[2].hub || ds[0].hub == ds[1].hub {
		t.Error(fmt.Sprint(len(ds), len(loops), err))
	}
}
