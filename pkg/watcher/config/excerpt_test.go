package config

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestExcerpt: the line of a mistake, with a caret under the place.
func TestExcerpt(t *testing.T) {
	for _, tt := range []struct{ name, yaml, want string }{
		{"value", "rules:\n  - date: 2027-02-03\n    from: 广洲南 # 家\n    to: 武汉\n", "    from: 广洲南\n          ^"},
		{"behind wide characters", "rules:\n  - {date: 2027-02-03, from: 广州南, to: 武汗汗}\n", "  - {date: 2027-02-03, from: 广州南, to: 武汗汗}\n                                         ^"},
		{"key", "langauge: zh\nrules:\n  - {date: 2027-02-03, from: 广州南, to: 武汉}\n", "langauge:\n^"}, // what follows may be a misspelt secret's
		{"syntax", "rules:\n  - date: 2027-02-03\n    from: 广州南\n    schedule: @every 5s\n", "    schedule: @every 5s\n              ^"},
		{"beside a secret", "notify: {telegram: {token: hunter2, chat_id: x}}\nrules:\n  - {date: 2027-02-03, from: 广州南, to: 武汉}\n", ""},
		{"missing", "rules:\n  - date: 2027-02-03\n    from: 广州南\n", "  - date: 2027-02-03\n    ^"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, ps := load(t, []byte(tt.yaml))
			if len(ps) != 1 || ps[0].Excerpt() != tt.want {
				for _, p := range ps {
					t.Errorf("%s\n%s\nwant\n%s", p, p.Excerpt(), tt.want)
				}
			}
		})
	}
}

// TestSecretsInMistakes puts a secret into every key that holds one, with a
// mistake beside it, before it and in it, and looks for it in all that is said.
func TestSecretsInMistakes(t *testing.T) {
	const canary = "hunter2"
	_, private := keyWords()
	schema, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"password", "id_last4", "token", "device_key", "secret", "webhook", "key", "topic", "user", "url", "ping_url"} {
		if !private[key] || !strings.Contains(string(schema), `"`+key+`"`) {
			t.Errorf("%s is not taken for a secret", key)
		}
	}
	values := []string{canary, `"` + canary + `"`, "'" + canary + "'", "|\n        " + canary, ">-\n        a\n        " + canary, "\"a\n        " + canary + "\"", "[" + canary + "]",
		"{a: " + canary + "}", "@" + canary, "*" + canary, "&" + canary, "!" + canary, `"` + canary, "%" + canary, canary + ": x", "- " + canary, "`" + canary, "\t" + canary, "${" + canary, "x # " + canary}
	places := []string{
		"twelve306:\n    %s: %s\n    login: x\n    min_interval: 1\n",
		"twelve306:\n    login: x # %[1]s %[2]s\n    username: a\n    %[1]s: %[2]s\n",
		"notify:\n  telegram:\n    chat_id: x\n    %s: %s\n    proxy: " + canary + "://a\n",
		"notify:\n  services:\n    - bark: {%s: %s, level: x}\n    - webhook: {url: ftp://" + canary + "}\n",
		"notify:\n  email:\n    to: x\n    smtp:\n      security: x\n      %s: %s\n      addr: x\n",
		"monitor:\n    %s: %s\n    listen: x\n    digest: x\n",
	}
	said := 0
	for i, key := range append(slices.Sorted(maps.Keys(private)), "pasword", "tokn", "web_hook") {
		for j, value := range values {
			for l, place := range places {
				if (i+j+l)%12 != 0 { // a file costs 20 ms
					continue
				}
				text := fmt.Sprintf(place, key, value) + "rules:\n  - {date: 2027-2-3, from: 广洲南, to: 武汉}\n"
				_, ps := load(t, []byte(text))
				for _, p := range ps {
					said++
					if strings.Contains(p.String()+p.Excerpt(), canary) && !strings.Contains(p.Text, "the environment has no") {
						t.Errorf("a secret is told:\n%s\n%s\nof\n%s", p, p.Excerpt(), text)
					}
				}
			}
		}
	}
	if said < 300 {
		t.Errorf("only %d mistakes", said)
	}
}
