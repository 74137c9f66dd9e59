package telegram

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap/zaptest/observer"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// The person answers before Telegram's reply to the question has reached us: a
// quick thumb, or a slow line. What was written before that is no answer.
func TestEarlyAnswer(t *testing.T) {
	for _, kind := range []notifier.Kind{notifier.SMS, notifier.Picture} {
		phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
			f.break_(func(method string) *fault {
				if strings.HasPrefix(method, "send") {
					return &fault{late: 2 * time.Second}
				}
				return nil
			})
			f.write("1 1 1 1 1 1", 0)
			synctest.Wait()
			a := ask(t, d, prompt(kind))
			synctest.Wait()
			f.write("234567", 0)
			f.write("765432", 0) // late: one answer is enough
			a.pending(t)
			time.Sleep(3 * time.Second)
			r := a.got(t)
			if kind == notifier.SMS && r.Code != "234567" || kind == notifier.Picture && len(r.Picks) != 6 {
				t.Errorf("%s: %+v", kind, r)
			}
		})
	}
}

// Nobody but the configured person is heard, and nobody else gets a word.
func TestStrangers(t *testing.T) {
	set := func(path string, value any) func(map[string]any) {
		return func(m map[string]any) {
			keys := strings.Split(path, ".")
			for _, k := range keys[:len(keys)-1] {
				m = m[k].(map[string]any)
			}
			m[keys[len(keys)-1]] = value
		}
	}
	both := func(a, b func(map[string]any)) func(map[string]any) {
		return func(m map[string]any) { a(m); b(m) }
	}
	user := map[string]any{"id": 9, "is_bot": false, "first_name": "Eve"}
	messages := map[string]func(map[string]any){
		"another private chat": both(set("chat", map[string]any{"id": 9, "type": "private"}), set("from", user)),
		"our user elsewhere":   set("chat.id", 9),
		"a group":              set("chat", map[string]any{"id": -100, "type": "supergroup"}),
		"a group of our id":    set("chat.type", "group"),
		"a channel":            both(set("chat.type", "channel"), func(m map[string]any) { delete(m, "from") }),
		"a forward":            set("forward_origin", map[string]any{"type": "user", "date": 1, "sender_user": user}),
		"another user":         set("from", user),
		"a bot":                set("from.is_bot", true),
		"through a bot":        set("via_bot", map[string]any{"id": 7, "is_bot": true, "first_name": "b"}),
		"as a channel":         set("sender_chat", map[string]any{"id": -5, "type": "channel"}),
	}
	for name, change := range messages {
		t.Run(name, func(t *testing.T) {
			phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
				f.write("2 5", 0, change) // idle
				synctest.Wait()
				if n := len(f.bots()); n != 0 {
					t.Errorf("%d messages to a stranger", n)
				}
				a := ask(t, d, prompt(notifier.Picture))
				m := f.last(1)
				f.write("2 5", 0, change)
				f.write("2 5", m.id, change)
				f.write("nonsense", 0, change)
				a.pending(t)
				f.last(1)
			})
		})
	}
	taps := map[string]func(map[string]any){
		"another user":         set("from.id", 9),
		"another chat":         set("message.chat.id", -100),
		"no message":           func(q map[string]any) { delete(q, "message"); q["inline_message_id"] = "i" },
		"a bot":                set("from.is_bot", true),
		"an inaccessible chat": set("message", map[string]any{"chat": map[string]any{"id": 9, "type": "private"}, "message_id": 1, "date": 0}),
	}
	for name, change := range taps {
		t.Run("tap of "+name, func(t *testing.T) {
			phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
				a := ask(t, d, prompt(notifier.Picture))
				m := f.last(1)
				f.tap(m, "取消", change)
				a.pending(t)
				f.mu.Lock()
				clear(f.taps) // it is right not to answer these
				n := len(f.toasts)
				f.mu.Unlock()
				if n != 0 {
					t.Error("a stranger's tap was answered")
				}
			})
		})
	}
}

func TestEditedMessagesAndPosts(t *testing.T) {
	phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
		a := ask(t, d, prompt(notifier.Picture))
		m := f.last(1)
		for _, kind := range []string{"edited_message", "channel_post", "business_message"} {
			f.push(kind, f.show(&message{id: m.id + 50, date: time.Now().Unix() + 1, text: "2 5"}))
		}
		a.pending(t)
	})
}

func TestNotAnAnswer(t *testing.T) {
	phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
		p := prompt(notifier.Picture)
		a := ask(t, d, p)
		m := f.last(1)
		for i, text := range []string{"9", "买两张", "", strings.Repeat("1", 4000), "/start"} {
			f.write(text, []int{0, m.id}[i%2])
			got := f.last(2 + i)
			if got.text != p.Accepted() || got.replyTo == 0 {
				t.Errorf("%.10q is told %q", text, got.text)
			}
		}
		a.pending(t)
		f.write("8", 0)
		a.got(t)
	})
}

// Two questions are open: plain text goes to the newest that accepts it, a
// reply to the one that it replies to.
func TestTwoQuestions(t *testing.T) {
	phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
		offer := ask(t, d, prompt(notifier.Offer))
		f.last(1)
		sms := ask(t, d, prompt(notifier.SMS))
		f.last(2)
		picture := ask(t, d, prompt(notifier.Picture))
		m := f.last(3)
		f.write("yes", m.id)
		if got := f.last(4); got.text != prompt(notifier.Picture).Accepted() {
			t.Errorf("told %q", got.text)
		}
		offer.pending(t)
		f.write("yes", 0)
		if !offer.got(t).Yes {
			t.Error("the offer was declined")
		}
		f.write("123456", 0) // both a code and pictures
		if got := picture.got(t).Picks; !slices.Equal(got, []int{1, 2, 3, 4, 5, 6}) {
			t.Errorf("picks %v", got)
		}
		sms.pending(t)
		f.write("123456", 0)
		if sms.got(t).Code != "123456" {
			t.Error("no code")
		}
	})
}

// An answer to an older picture never counts, however it is given.
func TestReplaced(t *testing.T) {
	phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
		p1 := prompt(notifier.Picture)
		a1 := ask(t, d, p1)
		m1 := f.last(1)
		f.tap(m1, "换一张")
		if a1.got(t).Action != notifier.Another {
			t.Fatal("not another")
		}
		p2 := prompt(notifier.Picture)
		p2.Replaces = p1.ID
		a2 := ask(t, d, p2)
		m2 := f.last(2)
		if got := f.get(m1.id); len(got.keyboard) != 0 || !strings.HasSuffix(got.text, "已换成下面的新问题。") || len(m2.keyboard) != 3 {
			t.Errorf("the old one:\n%s", got.text)
		}
		f.tap(m1, "3")
		f.tap(m1, "提交")
		if f.toast() != p1.Lang.Superseded() {
			t.Errorf("told %q while a newer one waits", f.toast())
		}
		f.write("2 5", m1.id)
		if got := f.last(3); got.text != p1.Lang.Superseded() {
			t.Errorf("told %q", got.text)
		}
		f.write("2 5", 0, func(m map[string]any) { // to a message that we know nothing of
			m["reply_to_message"] = f.show(&message{id: 7, ours: true, date: 1, text: "news"})
		})
		f.last(4)
		a2.pending(t)
		if strings.Contains(texts(f.get(m2.id).keyboard), "✓") {
			t.Error("a tap on the old picture marked the new one")
		}
		f.tap(m2, "换一张")
		a2.got(t)
		p3 := prompt(notifier.Picture)
		p3.Replaces = p2.ID
		a3 := ask(t, d, p3)
		m3 := f.last(5)
		f.tap(m1, "提交")
		if f.toast() != p1.Lang.Superseded() {
			t.Errorf("told %q while the one after the next waits", f.toast())
		}
		f.tap(m3, "取消")
		a3.got(t)
		f.tap(m1, "提交")
		if f.toast() != p1.Lang.Late() {
			t.Errorf("told %q when none waits any more", f.toast())
		}
	})
}

// A choice that is taken back says that nothing is chosen.
func TestNothingChosen(t *testing.T) {
	phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
		ask(t, d, prompt(notifier.Picture))
		f.tap(f.last(1), "3")
		if f.toast() != "已选 3" {
			t.Errorf("told %q", f.toast())
		}
		f.tap(f.last(1), "3")
		if f.toast() != "一张也没选" {
			t.Errorf("told %q", f.toast())
		}
	})
}

// The last answer's own message says that it led to nothing, once that is known.
func TestAmend(t *testing.T) {
	phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
		p := prompt(notifier.Picture)
		a := ask(t, d, p)
		f.tap(f.last(1), "3")
		f.tap(f.last(1), "提交")
		a.got(t)
		d.Amend(notifier.NewID(), "of nothing")
		d.Amend(p.ID, "答错了 3 次。")
		synctest.Wait()
		if m := f.last(1); !strings.HasSuffix(m.text, p.Lang.Thanks()+" 3\n答错了 3 次。") || len(m.keyboard) != 0 {
			t.Errorf("it ends\n%s", m.text)
		}
	})
}

// Only a code takes the place of a code: a text that replies to a message must
// not bind to a picture which came there later.
func TestReplacesAcrossKinds(t *testing.T) {
	for _, kinds := range [][2]notifier.Kind{{notifier.QR, notifier.Picture}, {notifier.Picture, notifier.QR}, {notifier.SMS, notifier.QR}} {
		phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
			p1, p2 := prompt(kinds[0]), prompt(kinds[1])
			a := ask(t, d, p1)
			f.tap(f.last(1), "取消")
			a.got(t)
			p2.Replaces = p1.ID
			ask(t, d, p2)
			f.last(2)
		})
	}
}

// A fresh QR code takes the place of the old one in the same message.
func TestFreshCode(t *testing.T) {
	phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
		p1 := prompt(notifier.QR)
		a1 := ask(t, d, p1)
		m := f.last(1)
		f.tap(m, "换一张")
		a1.got(t)
		p2 := prompt(notifier.QR)
		p2.Image, p2.Replaces, p2.Text = append(slices.Clone(png), 2), p1.ID, "第二张"
		a2 := ask(t, d, p2)
		m2 := f.last(1)
		if string(m2.photo) != string(p2.Image) || m2.filename != "picture.png" || !strings.Contains(m2.text, "第二张") || len(m2.keyboard) != 1 {
			t.Errorf("shown %d bytes:\n%s", len(m2.photo), m2.text)
		}
		f.tap(m, "取消") // the old buttons, tapped before the phone had the new ones
		a2.pending(t)
		f.tap(m2, "取消")
		if a2.got(t).Action != notifier.Cancelled {
			t.Error("not cancelled")
		}
		// The message is gone: a new one is sent.
		p3 := prompt(notifier.QR)
		p3.Replaces = p2.ID
		f.mu.Lock()
		f.messages = slices.DeleteFunc(f.messages, func(o *message) bool { return o.id == m.id })
		f.mu.Unlock()
		ask(t, d, p3)
		if m3 := f.last(1); m3.id == m.id {
			t.Error("the same message")
		}
		f.mu.Lock()
		f.refused = nil
		f.mu.Unlock()
	})
}

// Updates that waited while the daemon was down answer nothing.
func TestOldUpdates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		f.write("2 5", 0)
		f.write("hello", 0)
		f.mu.Lock()
		f.ids += 10
		f.messages = append(f.messages, &message{id: 50, ours: true, date: 1, photo: jpeg, text: "old",
			keyboard: [][]button{{{"取消", strings.Repeat("a", 32) + ":cancel"}}}})
		old := *f.find(50)
		f.mu.Unlock()
		f.tap(old, "取消")
		f.write("2 5", 50)
		// In the same second: only the numbers of the messages tell the order.
		updates := f.hold()
		d, _ := start(t, f)
		a := ask(t, d, prompt(notifier.Picture))
		f.last(2)
		f.release(updates)
		a.pending(t)
		if got := f.last(3); got.text != notifier.Chinese.Superseded() {
			t.Errorf("the old reply is told %q", got.text)
		}
		if f.toast() != notifier.Chinese.Late() {
			t.Errorf("the old tap is told %q", f.toast())
		}
		if len(f.get(50).keyboard) != 0 {
			t.Error("the old buttons stay")
		}
		f.write("7", 0) // the same second still
		if r := a.got(t); !slices.Equal(r.Picks, []int{7}) {
			t.Errorf("reply %+v", r)
		}
	})
}

// hold takes the waiting updates away; release brings them back.
func (f *fakeAPI) hold() []json.RawMessage {
	f.mu.Lock()
	defer f.mu.Unlock()
	u := f.updates
	f.updates = nil
	return u
}

func (f *fakeAPI) release(u []json.RawMessage) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.updates = append(u, f.updates...)
	f.changed()
}

// The date of a message is Telegram's word on when it was written.
func TestDates(t *testing.T) {
	date := func(d time.Duration) func(map[string]any) {
		return func(m map[string]any) { m["date"] = time.Now().Add(d).Unix() }
	}
	phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
		f.write("在吗", 0, date(-time.Hour)) // from before the start: nobody waits for a word
		synctest.Wait()
		if n := len(f.bots()); n != 0 {
			t.Errorf("%d messages", n)
		}
		time.Sleep(time.Minute)
		a := ask(t, d, prompt(notifier.Picture))
		m := f.last(1)
		f.write("2 5", 0, date(-time.Second))
		f.write("2 5", m.id, date(-time.Second))
		a.pending(t)
		f.write("2 5", 0, date(time.Second), func(v map[string]any) { v["message_id"] = 1 })
		a.got(t)
	})
}

// Without a question, chatter is answered at most once a minute.
func TestIdle(t *testing.T) {
	phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
		for range 5 {
			f.write("在吗", 0)
			time.Sleep(time.Second)
		}
		if got := f.last(1); got.text != notifier.Chinese.NoQuestion() {
			t.Errorf("told %q", got.text)
		}
		time.Sleep(time.Minute)
		f.write("2 5", 0)
		f.last(2)
	})
}

// Answers that come together: the first counts, the second is told.
func TestSecondAnswer(t *testing.T) {
	phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
		p := prompt(notifier.Picture)
		a := ask(t, d, p)
		m := f.last(1)
		for i := range 4 {
			f.write(fmt.Sprint(i+1), 0)
		}
		f.tap(m, "取消")
		if r := a.got(t); !slices.Equal(r.Picks, []int{1}) {
			t.Errorf("reply %+v", r)
		}
		if got := f.last(2); got.text != p.Lang.Late() || f.toast() != p.Lang.Late() {
			t.Errorf("told %q and %q", got.text, f.toast())
		}
	})
}
