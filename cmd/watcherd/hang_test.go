package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher/config"
)

// TestEveryOtherChannelHangs: the servers of all channels but one take the
// connection and say nothing. The one is told at once, and the answer on the
// page ends the question at once.
func TestEveryOtherChannelHangs(t *testing.T) {
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	held := make(chan net.Conn, 1000)
	go func() {
		for {
			c, err := mute.Accept()
			if err != nil {
				close(held)
				return
			}
			held <- c
		}
	}()
	type news struct{ Kind, Link string }
	told := make(chan news, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var n news
		if json.NewDecoder(r.Body).Decode(&n) == nil {
			told <- n
		}
	}))
	defer hook.Close()

	dir := t.TempDir()
	path := filepath.Join(dir, "watch.yaml")
	at := mute.Addr().String()
	text := fmt.Sprintf(`
state_dir: %[3]s
notify:
  telegram: {token: "1:a", chat_id: 1, api_url: "http://%[1]s"}
  email:
    from: a@example.com
    to: [b@example.com]
    smtp: {addr: "%[1]s", security: none, username: a, password: b}
    imap: {addr: "%[1]s", security: none, username: a, password: b}
  web: {listen: "127.0.0.1:0"}
  services:
    - bark: {device_key: a, server: "http://%[1]s"}
    - dingtalk: {token: a, server: "http://%[1]s"}
    - lark: {webhook: "http://%[1]s/a"}
    - wecom: {key: a, server: "http://%[1]s"}
    - discord: {webhook: "http://%[1]s/a"}
    - slack: {webhook: "http://%[1]s/a"}
    - ntfy: {topic: a, server: "http://%[1]s"}
    - ntfy: {topic: a, reply_topic: 0123456789abcdef, server: "http://%[1]s"}
    - serverchan: {key: a, server: "http://%[1]s"}
    - pushplus: {token: a, server: "http://%[1]s"}
    - pushover: {token: a, user: b, server: "http://%[1]s"}
    - webhook: {url: "%[2]s"}
rules: [{date: 2027-02-03, from: 广州南, to: 武汉}]
`, at, hook.URL, dir)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(path, os.LookupEnv, twelve306.Date{Year: 2027, Month: time.January, Day: 20})
	if err != nil {
		t.Fatal(err)
	}
	p, err := channels(c, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	if len(p.channels) != 15 {
		t.Fatalf("%d channels", len(p.channels))
	}
	if err := p.listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	stop := p.hear(ctx, zap.NewNop())
	f := &notifier.Fanout{Channels: p.channels, Link: p.link}
	notified := make(chan error, 1)
	go func() {
		notified <- f.Notify(ctx, notifier.Message{ID: notifier.NewID(), Kind: "booked", Title: "t", Text: "x", At: time.Now(), Loud: true})
	}()
	if n := <-told; n.Kind != "booked" {
		t.Errorf("told of %q", n.Kind)
	}
	select {
	case err := <-notified:
		t.Errorf("all have answered: %v; nobody hung", err)
	default:
	}

	picture, _ := practicePicture()
	replies := make(chan notifier.Reply, 1)
	go func() {
		r, err := f.Ask(ctx, notifier.Prompt{
			ID: notifier.NewID(), Kind: notifier.Picture, Lang: notifier.Chinese, Title: "q", Image: picture, AskedAt: time.Now(), Deadline: time.Now().Add(time.Minute),
		})
		if err != nil {
			t.Error(err)
		}
		replies <- r
	}()
	n := <-told
	if n.Kind != "question" || n.Link == "" {
		t.Errorf("told of %+v", n)
	}
	begun := time.Now()
	var r notifier.Reply
	for open := true; open; { // the link may be told a moment before the page has the question
		resp, err := http.PostForm(n.Link, url.Values{"answer": {"2 5"}})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		select {
		case r = <-replies:
			open = false
		case <-time.After(50 * time.Millisecond):
		}
	}
	if took := time.Since(begun); r.Channel != "web" || took > 18*time.Second { // the shortest of the timeouts is 20 s
		t.Errorf("answered on %q after %v", r.Channel, took)
	}

	cancel()
	<-notified
	mute.Close()
	for c := range held {
		c.Close()
	}
	last, end := context.WithTimeout(context.Background(), 20*time.Second)
	defer end()
	if err := f.Wait(last); err != nil {
		t.Error(err)
	}
	stop()
}
