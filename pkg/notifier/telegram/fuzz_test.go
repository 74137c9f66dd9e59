package telegram

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-telegram/bot/models"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// FuzzCompose: a text is within its limit, and its bold part is in the text.
func FuzzCompose(f *testing.F) {
	f.Add("标题", "正文 <b> & 🚄", "https://x", 100)
	f.Add("", "\xff\x00", "", 1)
	f.Fuzz(func(t *testing.T, title, body, tail string, limit int) {
		limit = maxTitle + 50 + max(limit, 0)%maxText
		text, es := compose(limit, title, body, tail)
		if !utf8.ValidString(text) || length(text) > limit {
			t.Fatalf("%d units of %d: %q", length(text), limit, text)
		}
		for _, e := range es {
			if e.Length <= 0 || e.Offset+e.Length > length(text) {
				t.Fatalf("%+v in %q", e, text)
			}
		}
	})
}

// oneReply answers every call alike, but for that to a tap, and counts them.
type oneReply struct {
	mu     sync.Mutex
	calls  []string // of which method
	status int
	body   string
}

func (o *oneReply) RoundTrip(r *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, r.Body)
	r.Body.Close()
	o.mu.Lock()
	defer o.mu.Unlock()
	method := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	if o.calls = append(o.calls, method); method == "answerCallbackQuery" {
		return reply(200, `{"ok":true,"result":true}`), nil
	}
	return reply(o.status, o.body), nil
}

// FuzzUpdate: an update that is not of the configured person in his own chat
// changes nothing and gets no word; what one of his answers is an answer to
// the open question, by numbers from 1 to 8.
func FuzzUpdate(f *testing.F) {
	const id = "0123456789abcdef0123456789abcdef"
	person := `{"id":4242,"is_bot":false,"first_name":"Li","username":"li4"}`
	chat := `{"id":4242,"type":"private","first_name":"Li"}`
	for _, s := range []string{
		`{"update_id":1,"message":{"message_id":101,"date":1800000001,"from":P,"chat":C,"text":"2 5"}}`,
		`{"update_id":1,"message":{"message_id":101,"date":1800000000,"from":P,"chat":C,"text":"42,38","reply_to_message":{"message_id":100,"date":1,"chat":C}}}`,
		`{"update_id":1,"message":{"message_id":101,"date":1800000001,"from":P,"chat":C,"text":"2 5 please"}}`,
		`{"update_id":1,"message":{"message_id":101,"date":1800000001,"from":P,"chat":C,"forward_origin":{"type":"hidden_user","date":1,"sender_user_name":"x"},"text":"2 5"}}`,
		`{"update_id":1,"message":{"message_id":101,"date":1800000001,"from":P,"chat":{"id":-100,"type":"supergroup"},"text":"2 5"}}`,
		`{"update_id":1,"message":{"message_id":101,"date":1800000001,"from":{"id":9,"is_bot":false,"first_name":"Eve"},"chat":C,"text":"x"}}`,
		`{"update_id":1,"callback_query":{"id":"t","from":P,"message":{"message_id":100,"date":1800000000,"chat":C},"data":"ID:3"}}`,
		`{"update_id":1,"callback_query":{"id":"t","from":P,"message":{"message_id":100,"date":1800000000,"chat":C},"data":"ID:submit"}}`,
		`{"update_id":1,"callback_query":{"id":"t","from":P,"message":{"message_id":77,"date":0,"chat":C},"data":"ID:cancel"}}`,
		`{"update_id":1,"callback_query":{"id":"t","from":P,"message":{"message_id":77,"date":5,"chat":C},"data":"seen:E1"}}`,
		`{"update_id":1,"callback_query":{"id":"t","from":P,"inline_message_id":"i","data":"ID:cancel"}}`,
		`{"update_id":1,"callback_query":{"id":"t","from":{"id":9},"message":{"message_id":100,"date":1800000000,"chat":C},"data":"ID:9"}}`,
		`{"update_id":1,"edited_message":{"message_id":101,"date":1800000001,"from":P,"chat":C,"text":"2 5"}}`,
		`{"update_id":-1,"message":null,"callback_query":null}`, `{}`, `[]`,
	} {
		f.Add(byte(0), []byte(strings.NewReplacer("P", person, "C", chat, "ID", id).Replace(s)))
	}
	kinds := []notifier.Kind{notifier.Picture, notifier.SMS, notifier.QR, notifier.Offer, notifier.App}
	f.Fuzz(func(t *testing.T, kind byte, data []byte) {
		var u models.Update
		if json.Unmarshal(data, &u) != nil {
			return // the library asks for it again
		}
		api := &oneReply{status: 200, body: `{"ok":true,"result":{"message_id":1,"date":1,"chat":{"id":1,"type":"private"}}}`}
		d, err := newDriver(Config{Token: fakeToken, ChatID: fakeChat}, notifier.Chinese, zap.NewNop(), api)
		if err != nil {
			t.Fatal(err)
		}
		q := &question{
			p:     notifier.Prompt{ID: id, Kind: kinds[int(kind)%len(kinds)], Deadline: time.Now().Add(time.Hour)},
			reply: make(chan notifier.Reply, 1), over: make(chan struct{}), shown: map[int]view{100: {}}, sent: 1800000000, picks: 0b10010,
		}
		d.open = []*question{q}
		d.handle(t.Context(), d.bot, &u)
		d.handle(t.Context(), d.bot, &u) // Telegram repeats what was not confirmed
		d.drain()
		d.kill()

		var who struct {
			Message *struct {
				From *struct{ ID int64 }
				Chat struct {
					ID   int64
					Type string
				}
			}
			Tap *struct {
				From    struct{ ID int64 }
				Message struct{ Chat struct{ ID int64 } }
			} `json:"callback_query"`
		}
		_ = json.Unmarshal(data, &who)
		ours := who.Message != nil && who.Message.From != nil && who.Message.From.ID == fakeChat && who.Message.Chat.ID == fakeChat && who.Message.Chat.Type == "private" ||
			who.Tap != nil && who.Tap.From.ID == fakeChat && who.Tap.Message.Chat.ID == fakeChat
		if !ours && (len(api.calls) > 0 || len(q.reply) > 0 || len(d.open) != 1 || q.picks != 0b10010 || len(d.seen) > 0) {
			t.Fatalf("a stranger was heard: %q, %d replies, picks %v", api.calls, len(q.reply), q.picks)
		}
		if len(api.calls) > 6 {
			t.Fatalf("%q for one update", api.calls)
		}
		select {
		case r := <-q.reply:
			if r.Channel != channel || r.At.IsZero() || q.p.Kind != notifier.Picture && (len(r.Picks) > 0 || len(r.Points) > 0) || q.p.Kind == notifier.QR && r.Action == notifier.Answered {
				t.Fatalf("%s: %+v", q.p.Kind, r)
			}
			for _, n := range r.Picks {
				if n < 1 || n > 8 {
					t.Fatalf("%+v", r)
				}
			}
			if q.end == "" || len(d.open) > 0 {
				t.Fatal("answered and still open")
			}
		default:
		}
	})
}

// FuzzAPIReply: only "ok" is a message that arrived; all else is an error
// without the token, with a pause that can be waited for.
func FuzzAPIReply(f *testing.F) {
	for _, s := range []string{
		`{"ok":true,"result":{"message_id":1,"date":1,"chat":{"id":4242,"type":"private"}}}`, `{"ok":true,"result":null}`, `{"ok":true}`, `{"ok":true,"result":[]}`, `{"ok":"true"}`,
		`{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":99999999999999}}`, `{"ok":false,"error_code":429,"parameters":{"retry_after":-5}}`,
		`{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}`, `{"ok":false,"error_code":400,"description":"x","parameters":{"migrate_to_chat_id":-100}}`,
		`{"ok":false,"error_code":401,"description":"123456:CANARY-s3cret_token\u0000"}`, `{"ok":false,"error_code":0,"description":"12345\u00366:CANARY-s3cret_token"}`,
		`["123456:CANARY-s3cret_token"]`, `<html>`, ``, `null`,
	} {
		f.Add(200, s)
		f.Add(502, s)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		status = 100 + ((status-100)%500+500)%500
		core, logs := observer.New(zap.DebugLevel)
		d, err := newDriver(Config{Token: fakeToken, ChatID: fakeChat}, notifier.Chinese, zap.New(core), &oneReply{status: status, body: body})
		if err != nil {
			t.Fatal(err)
		}
		defer d.kill()
		err = d.Notify(t.Context(), notifier.Message{Title: "t", Text: "x"})
		for _, e := range logs.All() {
			t.Fatalf("a log line: %s", e.Message)
		}
		if err == nil {
			var r struct{ OK bool }
			if json.Unmarshal([]byte(body), &r) != nil || !r.OK {
				t.Fatalf("HTTP %d %q is an arrival", status, body)
			}
			return
		}
		e, ok := errors.AsType[*notifier.Error](err)
		if !ok || e.Channel != channel || e.RetryAfter < 0 || e.RetryAfter > time.Hour {
			t.Fatalf("%T %v, a pause of %v", err, err, e.RetryAfter)
		}
		for ; err != nil; err = errors.Unwrap(err) {
			if strings.Contains(err.Error(), "CANARY-s3cret_token") && !strings.Contains(strings.ReplaceAll(body, fakeToken, ""), "CANARY") {
				t.Fatalf("it tells the token: %v", err)
			}
		}
	})
}
