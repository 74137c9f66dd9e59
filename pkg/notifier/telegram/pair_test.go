package telegram

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// paired runs test in a bubble with a pairing under way.
func paired(t *testing.T, test func(t *testing.T, f *fakeAPI, code string, found <-chan Found, stop func())) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		core, logs := observer.New(zap.DebugLevel)
		ctx, cancel := context.WithCancel(t.Context())
		f.write("123456", 0) // from yesterday
		code, found, err := pair(ctx, Config{Token: fakeToken}, notifier.Chinese, zap.New(core), f)
		if err != nil || len(code) != 6 || strings.Trim(code, "0123456789") != "" {
			t.Fatalf("%q %v", code, err)
		}
		synctest.Wait()
		test(t, f, code, found, cancel)
		cancel()
		for range found { // until it is closed
		}
		for _, e := range logs.All() {
			if strings.Contains(e.Message+fmt.Sprint(e.ContextMap()), "CANARY") {
				t.Errorf("the log holds the token: %s", e.Message)
			}
		}
	})
}

// result is how the pairing ended, which it must have.
func result(t *testing.T, found <-chan Found) Found {
	t.Helper()
	synctest.Wait()
	select {
	case r, ok := <-found:
		if !ok {
			t.Fatal("closed without a result")
		}
		return r
	default:
		t.Fatal("the pairing goes on")
		return Found{}
	}
}

func TestPair(t *testing.T) {
	paired(t, func(t *testing.T, f *fakeAPI, code string, found <-chan Found, _ func()) {
		f.write("/start", 0)
		f.write(code[:5], 0)
		f.write(code+"0", 0)
		f.write("code "+code, 0)
		time.Sleep(9 * time.Minute)
		f.write(" "+code+"\n", 0)
		if r := result(t, found); r.Err != nil || r.Chat != (Chat{fakeChat, "@li4"}) {
			t.Errorf("%+v", r)
		}
		if m := f.last(1); !strings.Contains(m.text, "4242") {
			t.Errorf("told %q", m.text)
		}
	})
}

// Codes come from crypto/rand: no two pairings in a row have the same.
func TestPairCodes(t *testing.T) {
	codes := map[string]bool{}
	for range 3 {
		paired(t, func(_ *testing.T, _ *fakeAPI, code string, _ <-chan Found, _ func()) { codes[code] = true })
	}
	if len(codes) < 2 {
		t.Errorf("codes %v", codes)
	}
}

// Only the code, from a person in his private chat, in time.
func TestPairRefuses(t *testing.T) {
	set := func(what, key string, v any) func(map[string]any) {
		return func(m map[string]any) { m[what].(map[string]any)[key] = v }
	}
	for name, change := range map[string][]func(map[string]any){
		"group": {set("chat", "id", -5), set("chat", "type", "group")},
		"bot":   {set("from", "is_bot", true)},
		"forwarded": {func(m map[string]any) {
			m["forward_origin"] = map[string]any{"type": "hidden_user", "date": 1, "sender_user_name": "x"}
		}},
		"other": {set("from", "id", 666)},
		"via":   {func(m map[string]any) { m["via_bot"] = map[string]any{"id": 3, "is_bot": true, "first_name": "b"} }},
	} {
		t.Run(name, func(t *testing.T) {
			paired(t, func(t *testing.T, f *fakeAPI, code string, found <-chan Found, _ func()) {
				f.write(code, 0, change...)
				time.Sleep(PairTimeout)
				if r := result(t, found); !errors.Is(r.Err, ErrNotPaired) {
					t.Errorf("%+v", r)
				}
				if n := len(f.bots()); n != 0 {
					t.Errorf("%d messages", n)
				}
			})
		})
	}
	t.Run("guesses", func(t *testing.T) {
		paired(t, func(t *testing.T, f *fakeAPI, code string, found <-chan Found, _ func()) {
			wrong := "000000"
			if code == wrong {
				wrong = "111111"
			}
			for range maxGuesses {
				f.write(wrong, 0, set("from", "id", 666), set("chat", "id", 666))
			}
			f.write(code, 0, set("from", "id", 666), set("chat", "id", 666))
			synctest.Wait()
			f.write(code, 0)
			if r := result(t, found); r.Chat.ID != fakeChat {
				t.Errorf("%+v", r)
			}
		})
	})
	t.Run("stopped", func(t *testing.T) {
		paired(t, func(t *testing.T, f *fakeAPI, code string, found <-chan Found, stop func()) {
			stop()
			if r := result(t, found); !errors.Is(r.Err, context.Canceled) {
				t.Errorf("%+v", r)
			}
		})
	})
}

// What cannot work ends at once, in words that help; what may mend itself is
// waited for.
func TestPairTrouble(t *testing.T) {
	for _, tt := range []struct {
		code       int
		text, says string
	}{
		{409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running", "used elsewhere"},
		{409, "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first", "deleteWebhook"},
		{401, "Unauthorized", "Unauthorized"},
		{502, "Bad Gateway", ""},
	} {
		t.Run(tt.text, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t)
				f.break_(func(string) *fault {
					return &fault{code: tt.code, reply: fmt.Sprintf(`{"ok":false,"error_code":%d,"description":"%s"}`, tt.code, tt.text)}
				})
				code, found, err := pair(t.Context(), Config{Token: fakeToken}, notifier.English, zap.NewNop(), f)
				if err != nil {
					t.Fatal(err)
				}
				if tt.says != "" {
					if r := result(t, found); r.Err == nil || !strings.Contains(r.Err.Error(), tt.says) || strings.Contains(r.Err.Error(), "CANARY") {
						t.Errorf("%+v", r)
					}
					return
				}
				time.Sleep(5 * time.Minute)
				f.break_(nil)
				f.write(code, 0)
				time.Sleep(10 * time.Second)
				if r := result(t, found); r.Chat.ID != fakeChat {
					t.Errorf("%+v", r)
				}
			})
		})
	}
	if _, _, err := Pair(t.Context(), Config{Token: "no token"}, "", zap.NewNop()); err == nil {
		t.Error("paired without a token")
	}
}
