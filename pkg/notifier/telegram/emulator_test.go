package telegram

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// emulator is the person at the other end of a Bot API that is not ours.
type emulator struct {
	t     *testing.T
	at    string
	token string
}

// emulated is a message of the bot, as the emulator keeps it.
type emulated struct {
	ID      int `json:"messageId"`
	Message struct {
		Chat    string `json:"chat_id"`
		Text    string `json:"text"`
		Caption string `json:"caption"`
		Markup  struct {
			Rows [][]button `json:"inline_keyboard"`
		} `json:"reply_markup"`
	} `json:"message"`
}

func (m emulated) says() string { return m.Message.Text + m.Message.Caption }

// post calls the emulator's own interface.
func (e *emulator) post(path string, body any, out any) {
	e.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		e.t.Fatal(err)
	}
	resp, err := http.Post(e.at+path, "application/json", bytes.NewReader(b))
	if err != nil {
		e.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		e.t.Fatalf("%s: HTTP %d", path, resp.StatusCode)
	}
	if out != nil {
		if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
			e.t.Fatal(err)
		}
	}
}

func (e *emulator) person(id int) map[string]any {
	return map[string]any{
		"botToken": e.token, "date": time.Now().Unix(),
		"from": map[string]any{"id": id, "first_name": "Li", "username": "li4", "is_bot": false},
		"chat": map[string]any{"id": id, "first_name": "Li", "username": "li4", "type": "private"},
	}
}

func (e *emulator) write(id int, text string) {
	m := e.person(id)
	m["text"] = text
	e.post("/sendMessage", m, nil)
}

func (e *emulator) tap(m emulated, text string) {
	e.t.Helper()
	for _, row := range m.Message.Markup.Rows {
		for _, b := range row {
			if strings.Trim(b.Text, "✓ ") == text {
				q := e.person(fakeChat)
				q["data"] = b.Data
				q["message"] = map[string]any{"message_id": m.ID, "date": time.Now().Unix(), "chat": q["chat"], "from": map[string]any{"id": 1, "is_bot": true, "first_name": "bot"}}
				e.post("/sendCallback", q, nil)
				return
			}
		}
	}
	e.t.Fatalf("no button %q: %+v", text, m)
}

// until returns the newest of the bot's messages that satisfies f.
func (e *emulator) until(what string, f func(emulated) bool) emulated {
	e.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var got struct{ Result []json.RawMessage }
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); <-tick.C {
		e.post("/getUpdatesHistory", map[string]any{"token": e.token}, &got)
		for _, raw := range slices.Backward(got.Result) {
			var m emulated
			if json.Unmarshal(raw, &m) == nil && m.Message.Chat == fmt.Sprint(fakeChat) && f(m) {
				return m
			}
		}
	}
	e.t.Fatalf("%s is not on the phone: %s", what, got.Result)
	return emulated{}
}

// TestEmulator has the conversations of a day with the emulator that
// deploy/telegram-test.sh sets up: real HTTP, and somebody else's reading of
// the Bot API.
func TestEmulator(t *testing.T) {
	at := os.Getenv("WATCHERD_TELEGRAM_TEST")
	if at == "" || at == "must" {
		t.Skip("run deploy/telegram-test.sh")
	}
	e := &emulator{t, at, fakeToken}
	d, err := New(Config{Token: e.token, ChatID: fakeChat, APIURL: at}, notifier.Chinese, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { ended <- d.Run(ctx) }()
	go func() {
		d.Commands(ctx, []notifier.Command{{Name: "status", Description: "what it does"}}, func(_ context.Context, text string) string { return "answer to " + text })
		ended <- nil
	}()
	defer func() {
		stop()
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}()
	if err := d.Notify(ctx, notifier.Message{Title: "有票 <G1110> & 🚄", Text: "二等座"}); err != nil {
		t.Fatal(err)
	}
	e.until("the news", func(m emulated) bool { return m.says() == "有票 <G1110> & 🚄\n二等座" })

	replies := make(chan notifier.Reply, 1)
	ask := func(p notifier.Prompt) emulated {
		t.Helper()
		go func() {
			r, err := d.Ask(ctx, p)
			if err != nil {
				t.Error(err)
			}
			replies <- r
		}()
		return e.until("the question", func(m emulated) bool {
			return strings.HasPrefix(m.says(), p.Title) && len(m.Message.Markup.Rows) > 0
		})
	}
	named := func(p notifier.Prompt, title string) notifier.Prompt { p.Title = title; return p }

	p := named(prompt(notifier.Picture), "图片一")
	m := ask(p)
	e.tap(m, "3")
	e.tap(m, "7")
	m = e.until("the choice", func(o emulated) bool { return o.ID == m.ID && strings.Contains(texts(o.Message.Markup.Rows), "✓ 7") })
	e.tap(m, "提交")
	if r := <-replies; !slices.Equal(r.Picks, []int{3, 7}) || r.By != "@li4" {
		t.Errorf("reply %+v", r)
	}
	e.until("the end", func(o emulated) bool {
		return o.ID == m.ID && strings.HasSuffix(o.says(), p.Lang.Thanks()+" 3 7") && len(o.Message.Markup.Rows) == 0
	})

	m = ask(named(prompt(notifier.Offer), "要抢吗"))
	e.write(666, "抢") // a stranger
	e.write(fakeChat, "/status")
	e.until("the answer to the command", func(o emulated) bool { return o.says() == "answer to /status" })
	e.write(fakeChat, "不要")
	if r := <-replies; r.Action != notifier.Answered || r.Yes {
		t.Errorf("reply %+v", r)
	}

	p = named(prompt(notifier.SMS), "验证码")
	p.Deadline = time.Now().Add(23 * time.Second)
	m = ask(p)
	e.until("the countdown", func(o emulated) bool {
		return o.ID == m.ID && strings.Contains(o.says(), "还有 11 秒") || strings.Contains(o.says(), "还有 12 秒")
	})
	e.write(fakeChat, "012345")
	if r := <-replies; r.Code != "012345" {
		t.Errorf("reply %+v", r)
	}

	code, found, err := Pair(ctx, Config{Token: "2:" + e.token[7:], APIURL: at}, notifier.Chinese, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	(&emulator{t, at, "2:" + e.token[7:]}).write(777, code)
	if f := <-found; f.Err != nil || f.Chat != (Chat{777, "@li4"}) {
		t.Errorf("found %+v", f)
	}
}
