package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one mistake in the file, or one warning, at its place.
type Problem struct {
	File   string // as it was given on the command line
	Line   int    // from 1
	Column int    // from 1, in characters
	Key    string // rules[0].from; empty when the whole file is meant
	Text   string // what is wrong and what would be right; never a secret value
	line   string // the file's, for Excerpt; empty when it is not to be shown
}

// String returns the line that is printed:
//
//	watch.yaml:12:11: rules[0].from: no station "广洲南"; did you mean 广州南?
func (p Problem) String() string {
	at := fmt.Sprintf("%s:%d:%d: ", p.File, p.Line, p.Column)
	if p.Key != "" {
		at += p.Key + ": "
	}
	return at + p.Text
}

// Problems are all mistakes of a file in the order of their places. It is the
// error of [Load].
type Problems []Problem

// Error returns one line per mistake.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// sorted returns the problems by place, each once.
func sorted(ps []Problem) []Problem {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(a.Line-b.Line, a.Column-b.Column)
	})
	return slices.Compact(ps)
}
