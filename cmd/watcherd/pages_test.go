package main

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher/config"
)

var readmes = []string{"README.md", "README.zh-CN.md"}

// TestPages checks what people read: links lead to files that exist, both
// READMEs print the same commands, and both maps of the tree name every
// package.
func TestPages(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	for _, page := range append([]string{"CONTRIBUTING.md", "CHANGELOG.md", "deploy/systemd/README.md"}, readmes...) {
		for _, m := range link.FindAllStringSubmatch(string(read(t, page)), -1) {
			if _, err := os.Stat(filepath.Join(root, path.Dir(page), m[1])); err != nil {
				t.Errorf("%s: the link to %s leads nowhere", page, m[1])
			}
		}
	}
	if en, zh := typed(t, readmes[0]), typed(t, readmes[1]); len(en) == 0 || !slices.Equal(en, zh) {
		t.Errorf("the READMEs print different commands:\n%s\nand\n%s", strings.Join(en, "\n"), strings.Join(zh, "\n"))
	}
	for _, f := range floors {
		if strings.Contains(f.dir, "/internal/") || strings.Contains(f.dir, "/cmd/") {
			continue
		}
		for _, readme := range readmes {
			if !strings.Contains(string(read(t, readme)), path.Base(f.dir)+"/") {
				t.Errorf("the map in %s does not have %s", readme, f.dir)
			}
		}
	}
}

// typed returns what a page says to type, without the comments, which are in
// its language.
func typed(t *testing.T, page string) []string {
	t.Helper()
	var out []string
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(read(t, page)), -1) {
		for line := range strings.Lines(block[1]) {
			line, _, _ = strings.Cut(line, " # ")
			out = append(out, strings.TrimSpace(line))
		}
	}
	return out
}

// TestPagesShowGoodConfigurations loads every watch.yaml that is printed on a
// page, so that nobody copies a mistake.
func TestPagesShowGoodConfigurations(t *testing.T) {
	block := regexp.MustCompile("(?s)( *)```yaml\n(.*?)```")
	rule := "rules: [{date: 2027-02-03, from: 广州南, to: 武汉}]\n"
	day := twelve306.Date{Year: 2027, Month: time.January, Day: 20}
	for _, page := range append([]string{"deploy/systemd/README.md"}, readmes...) {
		blocks := block.FindAllStringSubmatch(string(read(t, page)), -1)
		if len(blocks) == 0 {
			t.Errorf("%s shows no watch.yaml", page)
		}
		for _, b := range blocks {
			text := regexp.MustCompile("(?m)^"+b[1]).ReplaceAllString(b[2], "")
			if !strings.Contains(text, "rules:") {
				text += rule
			}
			dir := t.TempDir()
			if err := os.Mkdir(filepath.Join(dir, "secrets"), 0o700); err != nil {
				t.Fatal(err)
			}
			for name, secret := range map[string]string{"12306": "x", "telegram": "1:x", "secret_12306": "x", "secret_telegram": "1:x"} {
				if err := os.WriteFile(filepath.Join(dir, "secrets", name), []byte(secret), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			path := filepath.Join(dir, "watch.yaml")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			env := map[string]string{"HOME": dir, "CREDENTIALS_DIRECTORY": filepath.Join(dir, "secrets")}
			c, err := config.Load(path, func(name string) (string, bool) { v, ok := env[name]; return v, ok }, day)
			if err != nil {
				t.Errorf("%s: %v in\n%s", page, err, text)
				continue
			}
			for _, w := range c.Warnings {
				t.Errorf("%s: %v in\n%s", page, w, text)
			}
		}
	}
}
