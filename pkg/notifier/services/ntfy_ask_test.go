package services

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/notifier/notifiertest"
)

// both is ntfy both ways over the fake.
func both(t *testing.T, s *ntfyServer) *NtfyAsker {
	t.Helper()
	name, n, err := New(Service{Name: "my-ntfy", Ntfy: &Ntfy{
		Server: server, Topic: newsTopic, Token: canary + "token", ReplyTopic: replyTopic,
	}}, nil, &http.Client{Transport: s})
	if err != nil || name != "ntfy" {
		t.Fatal(name, err)
	}
	return n.(*NtfyAsker)
}

// listening is both, while it runs.
func listening(t *testing.T, s *ntfyServer) *NtfyAsker {
	t.Helper()
	a := both(t, s)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	go s.keepAlive(ctx)
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	return a
}

func TestExercise(t *testing.T) {
	notifiertest.Exercise(t, func(t *testing.T) notifiertest.Harness {
		s := &ntfyServer{}
		a := listening(t, s)
		synctest.Wait()
		return notifiertest.Harness{
			Asker: a,
			// Where there is a button it is tapped.
			Reply: func(p notifier.Prompt, text string) {
				label := map[string]string{"?": p.Lang.Another(), "x": p.Lang.Cancel(), "好了": p.Lang.Done()}[text]
				if label == "" {
					label = text
				}
				if !s.tap(p.Title, label) {
					s.write(p.ID + " " + text)
				}
			},
			Loose: s.write,
			Sees:  func(notifier.Prompt) string { return s.read() },
			// He knows where the news go, not where the answers go.
			Stranger: func(p notifier.Prompt, text string) {
				s.mu.Lock()
				defer s.mu.Unlock()
				for _, b := range s.streams {
					b.send(event{ID: notifier.NewID(), Time: s.now() + 5, Event: "message", Topic: newsTopic, Message: text})
				}
			},
		}
	})
}

func question(kind notifier.Kind) notifier.Prompt {
	p := notifier.Prompt{
		ID: notifier.NewID(), Kind: kind, Lang: notifier.Chinese, Title: "登录 12306 要验证码：回家", Text: "选出所有的 <刺猬>\n回复图片编号",
		AskedAt: time.Now(), Deadline: time.Now().Add(3 * time.Minute), Link: "https://watch.example/q/abc?x=1&y=2",
	}
	if kind == notifier.Picture || kind == notifier.QR {
		p.Image = captcha()
	}
	return p
}

// asking is an Ask under way.
type asking struct {
	reply notifier.Reply
	err   error
	done  chan struct{}
	end   context.CancelCauseFunc
}

func ask(t *testing.T, a *NtfyAsker, p notifier.Prompt) *asking {
	ctx, cancel := context.WithCancelCause(t.Context())
	q := &asking{done: make(chan struct{}), end: cancel}
	go func() {
		defer close(q.done)
		q.reply, q.err = a.Ask(ctx, p)
	}()
	t.Cleanup(func() { cancel(nil); <-q.done })
	synctest.Wait()
	return q
}

func (q *asking) open() bool {
	synctest.Wait()
	select {
	case <-q.done:
		return false
	default:
		return true
	}
}

func TestNtfyShowsTheQuestion(t *testing.T) {
	labels := map[notifier.Kind][]string{
		notifier.Picture: {"回答", "换一张", "取消"},
		notifier.QR:      {"回答", "换一张", "取消"},
		notifier.SMS:     {"回答", "取消"},
		notifier.Offer:   {"回答", "抢", "不要"},
		notifier.App:     {"回答", "好了", "取消"},
	}
	for kind, want := range labels {
		t.Run(string(kind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &ntfyServer{}
				a := listening(t, s)
				p := question(kind)
				ask(t, a, p)
				got, ok := s.shown(p.Title)
				if !ok {
					t.Fatal("nothing on the phone")
				}
				if !strings.HasPrefix(got.text, p.Text+"\n") || !strings.Contains(got.text, p.DeadlineLine(time.Now())) || got.link != p.Link || !got.loud {
					t.Errorf("%+v", got)
				}
				var names []string
				for _, b := range got.actions {
					names = append(names, b.Label)
					if b.Action == "view" && b.URL != p.Link {
						t.Errorf("the button leads to %s", b.URL)
					}
				}
				if !slices.Equal(names, want) {
					t.Errorf("buttons %v, want %v", names, want)
				}
				if kind == notifier.Picture && got.image != string(notifier.Numbered(p.Image)) || kind == notifier.QR && got.image == "" {
					t.Errorf("a picture of %d bytes", len(got.image))
				}
			})
		})
	}
}

// A server that keeps no pictures still asks.
func TestNtfyWithoutPictures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &ntfyServer{noFiles: true}
		q := ask(t, listening(t, s), question(notifier.Picture))
		if got, ok := s.shown(question(notifier.Picture).Title); !ok || got.image != "" || len(got.actions) != 3 {
			t.Fatalf("%+v", got)
		}
		time.Sleep(5 * time.Second)
		s.write("２、5")
		synctest.Wait()
		if q.open() || q.err != nil || !slices.Equal(q.reply.Picks, []int{2, 5}) || q.reply.Channel != "my-ntfy" {
			t.Errorf("%+v, %v", q.reply, q.err)
		}
	})
}

// A text counts from the second after the question's on, by the server's clock,
// however wrong that is; not one that was there before, and not for a button's
// question that is over.
func TestNtfyWhatCounts(t *testing.T) {
	for _, skew := range []time.Duration{0, -48 * time.Hour, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			s := &ntfyServer{skew: skew}
			a := listening(t, s)
			s.write("1 2")
			q := ask(t, a, question(notifier.Picture))
			s.write("3 4") // in the same second: nobody reads so fast
			if !q.open() {
				t.Fatalf("skew %v: %+v", skew, q.reply)
			}
			s.cut()
			time.Sleep(10 * time.Second) // subscribed again: all is replayed
			if !q.open() {
				t.Fatalf("skew %v: a replay counted: %+v", skew, q.reply)
			}
			s.cut()
			s.write("5 6") // while nobody listens
			time.Sleep(10 * time.Second)
			if q.open() || !slices.Equal(q.reply.Picks, []int{5, 6}) {
				t.Fatalf("skew %v: %+v, %v", skew, q.reply, q.err)
			}
			next := ask(t, a, question(notifier.Picture))
			s.cut()
			time.Sleep(10 * time.Second)
			if !next.open() {
				t.Errorf("skew %v: the old answer was taken for the next question", skew)
			}
			if n := strings.Count(s.read(), notifier.Chinese.Late()); n != 0 {
				t.Errorf("skew %v: told %d times that it is too late, after a replay", skew, n)
			}
		})
	}
}

// A button of an older question is none of the newest, and a question explains
// itself at most so often.
func TestNtfyOlderButtonAndChatter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &ntfyServer{}
		a := listening(t, s)
		first := question(notifier.Offer)
		q := ask(t, a, first)
		older, _ := s.shown(first.Title)
		q.end(&notifier.Closed{Reason: "已在 web 上回答。"})
		q.open()
		next := ask(t, a, question(notifier.Offer))
		s.write(older.actions[1].Body)
		s.write(older.actions[1].Body)
		if !next.open() {
			t.Fatal("the tap on the older question counted")
		}
		if n := strings.Count(s.read(), notifier.Chinese.Late()); n != 1 {
			t.Errorf("told %d times that it is too late", n)
		}
		if !strings.Contains(s.read(), "已在 web 上回答。") {
			t.Error("not told where it was answered")
		}
		time.Sleep(time.Second)
		for range 20 {
			s.write("嗯")
		}
		synctest.Wait()
		if n := strings.Count(s.read(), first.Accepted()); n != maxHints {
			t.Errorf("told %d times what is accepted", n)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if got := s.posts[0].sequence; got != first.ID {
			t.Errorf("the sequence is %q", got)
		}
		if got := s.posts[1]; got.sequence != first.ID || got.actions != nil || got.priority > 2 {
			t.Errorf("the end of the question: %+v", got)
		}
	})
}

// Ask goes on when the server does not, and its reply does not wait for it.
func TestNtfyDownWhileAsking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		s := &ntfyServer{}
		s.refuse = func(r *http.Request) *http.Response {
			switch d := time.Since(begun); {
			case d < 5*time.Second:
				return answering(503, "", "")
			case d < 10*time.Second:
				return answering(429, "15", `{"code":42901,"http":429,"error":"limit reached: too many requests"}`)
			}
			return nil
		}
		a := listening(t, s)
		p := question(notifier.Offer)
		q := ask(t, a, p)
		time.Sleep(time.Minute)
		if _, ok := s.shown(p.Title); !ok || !q.open() {
			t.Fatal("not on the phone after a minute")
		}
		s.mu.Lock()
		if at := s.posts[0].at.Sub(begun); at < 20*time.Second {
			t.Errorf("sent after %v: Retry-After was not obeyed", at)
		}
		s.mu.Unlock()
		s.tap(p.Title, "抢")
		if q.open() || !q.reply.Yes {
			t.Errorf("%+v, %v", q.reply, q.err)
		}
	})
}

// What cannot be delivered ends the question here, so that the others know.
func TestNtfyRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &ntfyServer{}
		s.refuse = func(*http.Request) *http.Response {
			return answering(403, "", `{"code":40301,"http":403,"error":"forbidden to `+newsTopic+` and `+replyTopic+`"}`)
		}
		q := ask(t, listening(t, s), question(notifier.Picture))
		if q.open() {
			t.Fatal("still asking")
		}
		if e, ok := errors.AsType[*notifier.Error](q.err); !ok || !e.Permanent || e.Channel != "my-ntfy" {
			t.Errorf("%#v", q.err)
		}
		leaks(t, q.err)
		time.Sleep(time.Minute)
		if len(s.posts) != 0 {
			t.Errorf("%+v", s.posts)
		}
	})
}

// A subscription that has fallen silent is begun again, and one that only
// sends rubbish hears what comes between it.
func TestNtfySilenceAndRubbish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &ntfyServer{}
		a := both(t, s)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- a.Run(ctx) }() // without keepalives
		time.Sleep(10 * time.Minute)
		p := question(notifier.Offer)
		q := ask(t, a, p)
		s.mu.Lock()
		if s.opened < 4 || s.opened > 5 {
			t.Errorf("%d subscriptions in ten silent minutes", s.opened)
		}
		for _, line := range []string{"", "<html>", `{"event":1}`, `[]`, strings.Repeat("x", 3*maxEvent), `{"event":"message_delete","id":"z"}`} {
			s.streams[0].raw(line)
		}
		s.mu.Unlock()
		s.tap(p.Title, "不要")
		if q.open() || q.err != nil || q.reply.Yes {
			t.Errorf("%+v, %v", q.reply, q.err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// What was heard is not heard again after a line that was cut in that second.
func TestNtfyHeardOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &ntfyServer{}
		q := ask(t, listening(t, s), question(notifier.Picture))
		time.Sleep(5 * time.Second)
		s.write("2 5")
		if q.open() {
			t.Fatal("not heard")
		}
		s.cut()
		time.Sleep(5 * time.Second)
		if strings.Contains(s.read(), notifier.Chinese.Late()) {
			t.Error("the answer itself was told that it is late")
		}
	})
}

// Nobody is told that he is late who wrote before the question, however late
// that is heard.
func TestNtfyWrittenBeforeHeardAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		var tries atomic.Int32
		s := &ntfyServer{}
		s.refuse = func(r *http.Request) *http.Response {
			if r.Method == http.MethodGet && time.Since(begun) < 10*time.Minute {
				tries.Add(1)
				<-r.Context().Done() // it takes the connection and says nothing
				return answering(504, "", "")
			}
			return nil
		}
		a := listening(t, s)
		s.write("1 2")
		time.Sleep(5 * time.Second)
		q := ask(t, a, question(notifier.Picture))
		time.Sleep(10*time.Minute - 10*time.Second)
		q.open()
		next := ask(t, a, question(notifier.Picture))
		next.end(&notifier.Closed{Reason: "off"})
		time.Sleep(5 * time.Minute)
		s.mu.Lock()
		if tries.Load() < 3 || s.opened == 0 {
			t.Errorf("%d subscriptions that said nothing, %d that did", tries.Load(), s.opened)
		}
		s.mu.Unlock()
		if strings.Contains(s.read(), notifier.Chinese.Late()) {
			t.Error("told that it is late")
		}
	})
}

// An answer may be heard before the server's word that it took the question.
func TestNtfyAnswerOvertakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &ntfyServer{}
		s.refuse = func(r *http.Request) *http.Response {
			if r.Header.Get("Actions") == "" {
				return nil
			}
			status, body, _ := s.publish(r)
			<-time.After(5 * time.Second)
			return answering(status, "", body)
		}
		q := ask(t, listening(t, s), question(notifier.Picture))
		time.Sleep(2 * time.Second)
		s.write("2 5")
		if !q.open() {
			t.Fatalf("%+v, %v", q.reply, q.err)
		}
		time.Sleep(3 * time.Second)
		if q.open() || !slices.Equal(q.reply.Picks, []int{2, 5}) {
			t.Errorf("%+v, %v", q.reply, q.err)
		}
	})
}

// How a question ended is the last that is said of it, even when it was still
// on its way.
func TestNtfyEndComesLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &ntfyServer{}
		s.refuse = func(r *http.Request) *http.Response {
			if r.Header.Get("Actions") == "" {
				return nil
			}
			<-r.Context().Done()
			<-time.After(time.Second)
			s.publish(r)
			return answering(502, "", "")
		}
		q := ask(t, listening(t, s), question(notifier.Offer))
		q.end(&notifier.Closed{Reason: "已在 web 上回答。"})
		time.Sleep(5 * time.Second)
		s.mu.Lock()
		defer s.mu.Unlock()
		if n := len(s.posts); n != 2 || s.posts[1].text != "已在 web 上回答。" || s.posts[0].sequence != s.posts[1].sequence {
			t.Errorf("%+v", s.posts)
		}
	})
}

// FuzzEvents: whatever the server sends, nothing but the configured topic is
// heard, and only an answer ends the question.
func FuzzEvents(f *testing.F) {
	p := question(notifier.Picture)
	p.ID, p.Deadline, p.Image = "0123456789abcdef0123456789abcdef", time.Time{}, nil
	for _, line := range []string{
		`{"id":"a","time":99,"event":"message","topic":"` + replyTopic + `","message":"2 5"}`,
		`{"id":"a","time":99,"event":"message","topic":"` + replyTopic + `","message":"` + p.ID + ` 2 5"}`,
		`{"id":"a","time":99,"event":"message","topic":"elsewhere","message":"2 5"}`,
		`{"id":"a","time":1,"event":"message","topic":"` + replyTopic + `","message":"2 5"}`,
		`{"id":"a","time":99,"event":"open"}`, `{"event":1}`, "", "\x00", "[]\n{}\n",
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		h := http.Header{"Content-Type": {"application/x-ndjson"}}
		_, n, err := New(Service{Ntfy: &Ntfy{Topic: "t", ReplyTopic: replyTopic}}, nil, &http.Client{Transport: replying{200, h, string(data) + "\n"}})
		if err != nil {
			t.Fatal(err)
		}
		a := n.(*NtfyAsker)
		a.closed = true // nothing is said
		q := &ntfyQuestion{p: p, reply: make(chan notifier.Reply, 1), sent: 50}
		a.open = append(a.open, q)
		since := int64(0)
		_, err = a.subscribe(t.Context(), a.client, &since)
		if err == nil {
			t.Fatal("the subscription ended without an error")
		}
		select {
		case r := <-q.reply:
			if !strings.Contains(string(data), "message") || r.Channel != "ntfy" {
				t.Errorf("%q is the answer %+v", data, r)
			}
		default:
			if len(a.open) != 1 {
				t.Error("the question is gone without an answer")
			}
		}
	})
}

// Whoever reads English reads nothing else, and all that is said in Chinese is
// said in English too.
func TestNtfyEnglish(t *testing.T) {
	a := both(t, &ntfyServer{})
	for _, kind := range []notifier.Kind{notifier.Picture, notifier.QR, notifier.SMS, notifier.Offer, notifier.App} {
		p := question(kind)
		p.Title, p.Text = "Title", "Text"
		zh := a.question(p)
		p.Lang = notifier.English
		en := a.question(p)
		if strings.Count(zh.text, "\n") != strings.Count(en.text, "\n") || len(zh.actions) != len(en.actions) {
			t.Errorf("%s: %q and %q", kind, zh.text, en.text)
		}
		said := en.text
		for i, b := range en.actions {
			said += " " + b.Label
			if b.Body != zh.actions[i].Body || b.Label == zh.actions[i].Label {
				t.Errorf("%s: button %+v and %+v", kind, zh.actions[i], b)
			}
		}
		if strings.ContainsFunc(said, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			t.Errorf("%s: %q", kind, said)
		}
	}
}
