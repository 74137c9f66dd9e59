package notifier

import (
	"strings"
	"unicode"
)

// Clean makes a text fit for any service: broken UTF-8 is replaced, tabs and
// carriage returns are blanks, and control characters other than the line feed
// are dropped.
func Clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || !unicode.IsControl(r):
			return r
		case r == '\t' || r == '\r':
			return ' '
		}
		return -1
	}, strings.ToValidUTF8(s, "\uFFFD"))
}
