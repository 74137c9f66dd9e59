package main

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var readmes = []string{"README.md", "README.zh-CN.md"}

// TestPages checks what people read: both READMEs print the same commands, and
// both maps of the tree name every package.
func TestPages(t *testing.T) {
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
