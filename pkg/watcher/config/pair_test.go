package config

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestUnpaired(t *testing.T) {
	const rule = "rules:\n  - {date: 2027-02-03, from: 广洲南, to: 武汉, notify: [wife]}\n"
	for _, tt := range []struct {
		name, yaml string
		token, key string // or
		says       string
	}{
		{"alone", "notify:\n  telegram: {token: 1:geheim, proxy: 'socks5://u:p@h:1'}\n", "1:geheim", "notify.telegram", ""},
		{"with a mistake elsewhere", "notify:\n  telegram: {token: 1:geheim, chat_id: }\n  web: {listen: x}\n" + rule, "1:geheim", "notify.telegram", ""},
		{"from a file", "notify:\n  telegram: {token_file: secrets/telegram, chat_id: 0}\n", "1:hunter2-geheim", "notify.telegram", ""},
		{"a group", "notify:\n  telegram: {token: 1:geheim, chat_id: -5}\n", "1:geheim", "notify.telegram", ""},
		{"not a number", "notify:\n  telegram: {token: 1:geheim, chat_id: me}\n", "1:geheim", "notify.telegram", ""},
		{"the second", "notify:\n  telegram:\n    - {token: 1:geheim, chat_id: 5, api_url: x}\n    - {token: 2:geheim}\n", "2:geheim", "notify.telegram[1]", ""},
		{"all have one", "notify:\n  telegram:\n    - {token: 1:geheim, chat_id: 5}\n    - {token: 2:geheim, chat_id: 6}\n", "1:geheim", "notify.telegram[0]", ""},
		{"no token", "notify:\n  telegram: {chat_id: 5}\n", "", "", ":2:13: notify.telegram.token: missing"},
		{"no telegram", rule, "", "", ": notify.telegram: missing; write"},
		{"no bot", "notify:\n  telegram: yes\n", "", "", ": notify.telegram: text where a group of keys is expected"},
		{"bad proxy", "notify:\n  telegram: {token: 1:geheim, proxy: 'ftp://h'}\n", "", "", "notify.telegram.proxy: only http"},
		{"bad syntax", "notify: [\n", "", "", ":"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := placeFile(t, []byte(tt.yaml))
			bot, key, err := Unpaired(path, testEnv(filepath.Dir(path)))
			switch {
			case tt.says == "" && (err != nil || bot.Token != tt.token || key != tt.key):
				t.Errorf("%q %q %v", bot.Token, key, err)
			case tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "geheim")):
				t.Errorf("says %v, want %s", err, tt.says)
			}
		})
	}
	if _, _, err := Unpaired(filepath.Join(t.TempDir(), "none"), testEnv("")); err == nil {
		t.Error("there is no file")
	}
}
