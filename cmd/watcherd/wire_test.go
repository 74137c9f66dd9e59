package main

import (
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/notifier/services"
	"github.com/watcherd/watcherd/pkg/notifier/telegram"
	"github.com/watcherd/watcherd/pkg/notifier/web"
	"github.com/watcherd/watcherd/pkg/watcher/config"
)

// The links of a page that only this machine can open go to what can open them,
// and into the log where no channel brings them; the log holds none otherwise.
func TestWhoBringsTheLinks(t *testing.T) {
	bark := services.Service{Name: "bark", Bark: &services.Bark{DeviceKey: "k"}}
	hook := services.Service{Name: "webhook", Webhook: &services.Webhook{URL: "http://127.0.0.1:9/hook"}}
	chat := telegram.Config{Name: "telegram", Token: "1:a", ChatID: 7}
	for name, tt := range map[string]struct {
		public   string
		chats    []telegram.Config
		services services.Config
		near     string
		here     []string
		logged   bool
	}{
		"the page alone":              {near: "web", here: []string{"terminal"}, logged: true},
		"a public page alone":         {public: "https://watch.example.com", here: []string{"terminal"}, logged: true},
		"beside one that is deaf":     {services: services.Config{bark}, near: "web", logged: true},
		"beside a program":            {services: services.Config{bark, hook}, near: "web", here: []string{"webhook"}},
		"beside one that hears":       {chats: []telegram.Config{chat}, services: services.Config{bark}, near: "web"},
		"a public one, deaf channels": {public: "https://watch.example.com", services: services.Config{bark}},
	} {
		core, logs := observer.New(zapcore.InfoLevel)
		c := &config.Config{Language: notifier.Chinese, Notify: config.Notify{Web: &web.Config{PublicURL: tt.public}, Telegram: tt.chats, Services: tt.services}}
		p, err := channels(c, zap.New(core))
		if err != nil {
			t.Fatal(name, err)
		}
		o, err := options(c, p, zap.NewNop())
		if err != nil {
			t.Fatal(name, err)
		}
		if o.Near != tt.near {
			t.Errorf("%s: the page that is near is %q, want %q", name, o.Near, tt.near)
		}
		var here []string
		for _, c := range p.channels {
			if c.Here {
				here = append(here, c.Name)
			}
		}
		if !slices.Equal(here, tt.here) {
			t.Errorf("%s: here are %v, want %v", name, here, tt.here)
		}
		link := o.Link(&notifier.Prompt{ID: notifier.NewID(), Title: "x"})
		written := false
		for _, e := range logs.All() {
			written = written || e.ContextMap()["link"] == link && strings.Contains(e.Message, "answer here")
		}
		if written != tt.logged {
			t.Errorf("%s: the link is in the log: %v", name, written)
		}
	}
}
