package services

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// lines joins the parts that are not empty, one below the other.
func lines(parts ...string) string {
	var kept []string
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, "\n")
}

// cut shortens s to at most n bytes, never through a character.
func cut(s string, n int) string {
	const ellipsis = "…"
	if len(s) <= n {
		return s
	}
	end := max(n-len(ellipsis), 0)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return strings.TrimRightFunc(s[:end], unicode.IsSpace) + ellipsis
}

// cutRunes shortens s to at most n characters.
func cutRunes(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return strings.TrimRightFunc(string(r[:n-1]), unicode.IsSpace) + "…"
	}
	return s
}

// markdown makes plain text read the same where Markdown is expected: its
// marks are escaped and its lines are kept.
func markdown(s string) string {
	var b strings.Builder
	for line := range strings.Lines(notifier.Clean(s)) {
		line = strings.TrimSpace(line)
		for _, r := range line {
			if strings.ContainsRune("\\`*_[]<#", r) {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
		}
		b.WriteString("  \n") // two blanks: a line break
	}
	return strings.TrimRight(b.String(), " \n")
}
