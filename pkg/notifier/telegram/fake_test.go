package telegram

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"
)

const (
	fakeToken = "123456:CANARY-s3cret_token"
	fakeChat  = 4242
)

// fakeAPI is a Bot API in the process, an http.RoundTripper, so that it works
// under synctest. It refuses what Telegram refuses and writes down that it had
// to; the test then fails. It is out of order on demand.
type fakeAPI struct {
	t *testing.T

	mu       sync.Mutex
	wake     chan struct{} // closed and renewed at every change
	messages []*message
	ids      int
	updates  []json.RawMessage
	updateID int
	taps     map[string]bool // callback queries: answered or not
	toasts   []string
	polls    int
	refused  []string
	also     int               // another chat that the bot may write to
	menus    map[string]string // commands by scope
	edits    []edit
	fault    func(method string) *fault // nil: none
}

// fault is what goes wrong with one call.
type fault struct {
	err   error         // the connection breaks: nothing arrived
	slow  time.Duration // it takes that long to arrive
	lost  bool          // it arrived, and the reply did not
	late  time.Duration // it arrived at once, and the reply takes that long
	reply string        // what is answered instead, with its status
	code  int
}

// edit is an edit of a message, as it arrived.
type edit struct {
	at     time.Time
	id     int
	method string
	text   string
}

// message is a message in the chat.
type message struct {
	id       int
	chat     int
	ours     bool // the bot's
	date     int64
	text     string // or caption
	photo    []byte
	filename string
	keyboard [][]button
	silent   bool
	bold     string
	replyTo  int
	edits    int
}

type button struct {
	Text string `json:"text"`
	Data string `json:"callback_data"`
}

func newFake(t *testing.T) *fakeAPI {
	f := &fakeAPI{t: t, wake: make(chan struct{}), ids: 100, updateID: 7000, taps: map[string]bool{}}
	t.Cleanup(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, r := range f.refused {
			t.Errorf("Telegram would refuse: %s", r)
		}
		for id, answered := range f.taps {
			if !answered {
				t.Errorf("tap %s was never answered", id)
			}
		}
	})
	return f
}

func (f *fakeAPI) changed() {
	close(f.wake)
	f.wake = make(chan struct{})
}

type refusal struct {
	code int
	text string
}

func bad(format string, a ...any) *refusal {
	return &refusal{400, "Bad Request: " + fmt.Sprintf(format, a...)}
}

// RoundTrip answers one call of the API.
func (f *fakeAPI) RoundTrip(r *http.Request) (*http.Response, error) {
	defer r.Body.Close()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	prefix := "/bot" + fakeToken + "/"
	method, ok := strings.CutPrefix(r.URL.Path, prefix)
	f.mu.Lock()
	var bust *fault
	if f.fault != nil {
		bust = f.fault(method)
	}
	f.mu.Unlock()
	if bust != nil && bust.slow > 0 {
		select {
		case <-time.After(bust.slow):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	switch {
	case bust != nil && bust.err != nil:
		return nil, bust.err
	case bust != nil && bust.reply != "":
		return reply(bust.code, bust.reply), nil
	case !ok:
		return reply(401, `{"ok":false,"error_code":401,"description":"Unauthorized"}`), nil
	}
	form := map[string]string{}
	files := map[string]*multipart.FileHeader{}
	if r.ContentLength <= 0 {
		return nil, errors.New("a body of unknown length")
	}
	if err := r.ParseMultipartForm(1 << 20); err != nil {
		return nil, err
	}
	for k, v := range r.MultipartForm.Value {
		form[k] = v[0]
	}
	for k, v := range r.MultipartForm.File {
		files[k] = v[0]
	}
	if method == "getUpdates" {
		return f.getUpdates(r.Context(), form)
	}
	if bust != nil && bust.late > 0 {
		defer time.Sleep(bust.late) // of virtual time
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	result, no := f.call(method, form, files)
	f.changed()
	if no != nil {
		f.refused = append(f.refused, fmt.Sprintf("%s %v: %s", method, form, no.text))
		body, _ := json.Marshal(map[string]any{"ok": false, "error_code": no.code, "description": no.text})
		return reply(no.code, string(body)), nil
	}
	if bust != nil && bust.lost {
		return nil, errors.New("read: connection reset by peer")
	}
	body, _ := json.Marshal(map[string]any{"ok": true, "result": result})
	return reply(200, string(body)), nil
}

func reply(status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)),
	}
}

func (f *fakeAPI) getUpdates(ctx context.Context, form map[string]string) (*http.Response, error) {
	if form["allowed_updates"] != `["message","callback_query"]` {
		f.t.Errorf("allowed_updates = %s", form["allowed_updates"])
	}
	offset, _ := strconv.Atoi(form["offset"])
	seconds, _ := strconv.Atoi(form["timeout"])
	end := time.After(time.Duration(seconds) * time.Second)
	f.mu.Lock()
	f.polls++
	f.changed()
	f.mu.Unlock()
	for {
		f.mu.Lock()
		// A higher offset confirms everything below it, for good.
		f.updates = slices.DeleteFunc(f.updates, func(u json.RawMessage) bool {
			var v struct {
				ID int `json:"update_id"`
			}
			json.Unmarshal(u, &v)
			return v.ID < offset
		})
		batch, wake := slices.Clone(f.updates), f.wake
		f.mu.Unlock()
		if len(batch) > 0 || seconds == 0 {
			body, _ := json.Marshal(map[string]any{"ok": true, "result": batch})
			return reply(200, string(body)), nil
		}
		select {
		case <-wake:
		case <-end:
			seconds = 0
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// call is every other method; f.mu is held.
func (f *fakeAPI) call(method string, form map[string]string, files map[string]*multipart.FileHeader) (any, *refusal) {
	if method == "answerCallbackQuery" {
		answered, known := f.taps[form["callback_query_id"]]
		if !known || answered {
			return nil, bad("query is too old and response timeout expired or query ID is invalid")
		}
		if length(form["text"]) > 200 {
			return nil, bad("MESSAGE_TOO_LONG")
		}
		f.taps[form["callback_query_id"]] = true
		f.toasts = append(f.toasts, form["text"])
		return true, nil
	}
	if method == "setMyCommands" {
		return f.setMenu(form)
	}
	chat, _ := strconv.Atoi(form["chat_id"])
	if chat != fakeChat && (chat == 0 || chat != f.also) {
		return nil, bad("chat not found")
	}
	m := &message{id: f.ids + 1, chat: chat, ours: true, date: time.Now().Unix(), silent: form["disable_notification"] == "true"}
	var before message
	editing := strings.HasPrefix(method, "edit")
	if editing {
		id, _ := strconv.Atoi(form["message_id"])
		if m = f.find(id); m == nil || !m.ours || m.chat != 0 && m.chat != chat {
			return nil, bad("message to edit not found")
		}
		before = *m
	}
	limit, text, entities, required := 4096, form["text"], form["entities"], true
	switch method {
	case "sendMessage":
		if !strings.Contains(form["link_preview_options"], `"is_disabled":true`) {
			f.t.Errorf("a link would be opened by Telegram: %v", form)
		}
	case "editMessageText":
		if m.photo != nil {
			return nil, bad("there is no text in the message to edit")
		}
	case "sendPhoto", "editMessageCaption", "editMessageMedia":
		limit, text, entities, required = 1024, form["caption"], form["caption_entities"], false
		part := "photo"
		if method == "editMessageMedia" {
			var media struct {
				Type     string          `json:"type"`
				Media    string          `json:"media"`
				Caption  string          `json:"caption"`
				Entities json.RawMessage `json:"caption_entities"`
			}
			if json.Unmarshal([]byte(form["media"]), &media) != nil || media.Type != "photo" {
				return nil, bad("can't parse InputMedia")
			}
			text, entities, part = media.Caption, string(media.Entities), strings.TrimPrefix(media.Media, "attach://")
		}
		if method != "editMessageCaption" {
			file := files[part]
			if file == nil || file.Size == 0 {
				return nil, bad("there is no photo in the request")
			}
			r, _ := file.Open()
			m.photo, _ = io.ReadAll(r)
			m.filename = file.Filename
			if !bytes.HasPrefix(m.photo, []byte("\xff\xd8")) && !bytes.HasPrefix(m.photo, []byte("\x89PNG")) {
				return nil, bad("IMAGE_PROCESS_FAILED")
			}
		} else if m.photo == nil {
			return nil, bad("there is no caption in the message to edit")
		}
	case "editMessageReplyMarkup":
		text, required = m.text, false
	default:
		return nil, &refusal{404, "Not Found"}
	}
	if no := check(text, entities, limit, required, m); no != nil {
		return nil, no
	}
	m.text = text
	if no := m.setKeyboard(form["reply_markup"]); no != nil {
		return nil, no
	}
	if r := form["reply_parameters"]; r != "" {
		var p struct {
			ID     int  `json:"message_id"`
			Anyhow bool `json:"allow_sending_without_reply"`
		}
		json.Unmarshal([]byte(r), &p)
		if m.replyTo = p.ID; f.find(p.ID) == nil && !p.Anyhow {
			return nil, bad("message to be replied not found")
		}
	}
	if !editing {
		f.ids++
		f.messages = append(f.messages, m)
		return f.show(m), nil
	}
	if method != "editMessageMedia" && before.text == m.text && fmt.Sprint(before.keyboard) == fmt.Sprint(m.keyboard) {
		return nil, bad("message is not modified: specified new message content and reply markup are exactly the same")
	}
	m.edits++
	f.edits = append(f.edits, edit{time.Now(), m.id, method, m.text})
	return f.show(m), nil
}

// setMenu takes the menu of commands of one scope.
func (f *fakeAPI) setMenu(form map[string]string) (any, *refusal) {
	var commands []struct{ Command, Description string }
	if json.Unmarshal([]byte(form["commands"]), &commands) != nil || len(commands) > 100 {
		return nil, bad("can't parse commands")
	}
	names := ""
	for _, c := range commands {
		if c.Command == "" || length(c.Command) > 32 || strings.Trim(c.Command, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
			return nil, bad("BOT_COMMAND_INVALID")
		}
		if n := length(c.Description); n < 1 || n > 256 {
			return nil, bad("BOT_COMMAND_DESCRIPTION_INVALID")
		}
		names += "/" + c.Command
	}
	if f.menus == nil {
		f.menus = map[string]string{}
	}
	f.menus[form["scope"]] = names
	return true, nil
}

// check is what Telegram checks of a text and its entities.
func check(text, entities string, limit int, required bool, m *message) *refusal {
	if required && strings.TrimSpace(text) == "" {
		return bad("message text is empty")
	}
	if n := length(text); n > limit {
		return bad("message is too long: %d", n)
	}
	if entities == "" || entities == "null" {
		return nil
	}
	var es []struct {
		Type           string
		Offset, Length int
	}
	if err := json.Unmarshal([]byte(entities), &es); err != nil {
		return bad("can't parse entities: %v", err)
	}
	u := utf16.Encode([]rune(text))
	for _, e := range es {
		if e.Type != "bold" || e.Length <= 0 || e.Offset < 0 || e.Offset+e.Length > len(u) {
			return bad("can't parse entities: %v", e)
		}
		m.bold = string(utf16.Decode(u[e.Offset : e.Offset+e.Length]))
	}
	return nil
}

func (m *message) setKeyboard(markup string) *refusal {
	m.keyboard = nil
	if markup == "" {
		return nil
	}
	var k struct {
		Rows *[][]button `json:"inline_keyboard"`
	}
	if json.Unmarshal([]byte(markup), &k) != nil || k.Rows == nil {
		return bad("object expected as reply markup")
	}
	for _, row := range *k.Rows {
		for _, b := range row {
			if len(b.Data) == 0 || len(b.Data) > 64 || b.Text == "" {
				return bad("BUTTON_DATA_INVALID")
			}
		}
	}
	m.keyboard = *k.Rows
	return nil
}

func length(s string) int { return len(utf16.Encode([]rune(s))) }

func (f *fakeAPI) find(id int) *message {
	for _, m := range f.messages {
		if m.id == id {
			return m
		}
	}
	return nil
}

// show is the Message object of m.
func (f *fakeAPI) show(m *message) map[string]any {
	chat := m.chat
	if chat == 0 {
		chat = fakeChat
	}
	from := map[string]any{"id": chat, "is_bot": false, "first_name": "Li", "username": "li4"}
	if m.ours {
		from = map[string]any{"id": 123456, "is_bot": true, "first_name": "watcherd"}
	}
	v := map[string]any{
		"message_id": m.id, "date": m.date, "from": from,
		"chat": map[string]any{"id": chat, "type": "private", "first_name": "Li"},
	}
	if m.photo != nil {
		v["photo"], v["caption"] = []map[string]any{{"file_id": "F", "file_unique_id": "U", "width": 293, "height": 190}}, m.text
	} else {
		v["text"] = m.text
	}
	if r := f.find(m.replyTo); r != nil {
		v["reply_to_message"] = f.show(&message{id: r.id, chat: r.chat, ours: r.ours, date: r.date, text: r.text, photo: r.photo})
	}
	if m.edits > 0 {
		v["edit_date"] = time.Now().Unix()
	}
	return v
}
