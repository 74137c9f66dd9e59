package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/watcherd/watcherd/pkg/notifier"
)

func TestOutline(t *testing.T) {
	env := func(vars ...string) func(string) (string, bool) {
		return func(name string) (string, bool) {
			for i := 0; i < len(vars); i += 2 {
				if vars[i] == name {
					return vars[i+1], true
				}
			}
			return "", false
		}
	}
	for _, tt := range []struct {
		name, text string
		env        []string
		lang       notifier.Lang
		zone, dir  string // dir: relative to the file's folder, or absolute
		wrong      string
	}{
		{name: "good", text: "language: en\ntimezone: UTC\nstate_dir: st\nrules: []\n", lang: "en", zone: "UTC", dir: "st"},
		{name: "mistakes elsewhere", text: "langauge: en\nstate_dir: st\nrules: [{from: 广洲南, date: nope}]\n", lang: "zh", zone: "CST", dir: "st"},
		{name: "no such language", text: "language: fr\nstate_dir: st\n", lang: "zh", zone: "CST", dir: "st"},
		{name: "secrets of somebody else", text: "state_dir: st\ntwelve306: {username: x, password_file: '${CREDENTIALS_DIRECTORY}/x'}\n", lang: "zh", zone: "CST", dir: "st"},
		{name: "the default", text: "rules: []\n", env: []string{"STATE_DIRECTORY", "/var/lib/x:/y"}, lang: "zh", zone: "CST", dir: "/var/lib/x"},
		{name: "from the environment", text: "state_dir: ${WHERE}\n", env: []string{"WHERE", "/there"}, lang: "zh", zone: "CST", dir: "/there"},
		{name: "not in the environment", text: "state_dir: ${WHERE}\n", wrong: "state_dir"},
		{name: "no state folder", text: "rules: []\n", wrong: "state_dir"},
		{name: "no YAML", text: "state_dir: [\n", wrong: ":1:"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "watch.yaml")
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := Outline(path, env(tt.env...))
			if tt.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wrong) {
					t.Fatalf("%+v, %v", c, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := tt.dir
			if !filepath.IsAbs(want) {
				want = filepath.Join(dir, want)
			}
			if c.Language != tt.lang || c.Location.String() != tt.zone || c.StateDir != want {
				t.Errorf("%s %v %s", c.Language, c.Location, c.StateDir)
			}
		})
	}
	if _, err := Outline(filepath.Join(t.TempDir(), "none.yaml"), env()); err == nil || !strings.Contains(err.Error(), "cannot read") {
		t.Errorf("%v", err)
	}
}
