package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// parse reads the one document of a file. Of a syntax error the parser names
// the line before, the line where the block began, or none, so it is looked
// for anew; its own words quote the text, so they are replaced.
func parse(data []byte) (*yaml.Node, *Problem) {
	if i, ok := notUTF8(data); ok {
		line := 1 + bytes.Count(data[:i], []byte("\n"))
		return nil, &Problem{Line: line, Column: 1, Text: "this is not UTF-8 text; save the file as UTF-8"}
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, &Problem{Line: 1, Column: 1, Text: "the file is empty; the least it needs is rules: with one rule of date, from and to"}
	case err != nil:
		return nil, syntaxProblem(data, err)
	}
	var second yaml.Node
	switch err := dec.Decode(&second); {
	case err == nil:
		return nil, &Problem{Line: second.Line, Column: second.Column, Text: "a second document begins here (---); one file holds one"}
	case !errors.Is(err, io.EOF):
		return nil, syntaxProblem(data, err)
	}
	return doc.Content[0], nil
}

func notUTF8(data []byte) (at int, bad bool) {
	if bytes.HasPrefix(data, []byte{0xFF, 0xFE}) || bytes.HasPrefix(data, []byte{0xFE, 0xFF}) {
		return 0, true
	}
	for at < len(data) {
		r, n := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && n == 1 {
			return at, true
		}
		at += n
	}
	return 0, false
}

// wideColon is a key with the colon of a Chinese keyboard after it, at the
// beginning of a line.
var wideColon = regexp.MustCompile(`^[\s-]*["']?([A-Za-z0-9_]+)["']?\s*：`)

// wideColonText teaches the other colon.
func wideColonText(key string) string {
	return fmt.Sprintf("a full-width colon ： after %s; write %[1]s: with the colon of an English keyboard, and a blank after it", key)
}

// wideColonProblem looks for such a key: what the parser stumbles over is
// elsewhere, if it stumbles at all.
func wideColonProblem(lines [][]byte) *Problem {
	known, _ := keyWords()
	for i, line := range lines {
		if m := wideColon.FindSubmatchIndex(line); m != nil && known[string(line[m[2]:m[3]])] {
			return &Problem{Line: i + 1, Column: utf8.RuneCount(line[:m[1]]), Text: wideColonText(string(line[m[2]:m[3]]))}
		}
	}
	return nil
}

func syntaxProblem(data []byte, err error) *Problem {
	lines := bytes.SplitAfter(data, []byte("\n"))
	if p := wideColonProblem(lines); p != nil {
		return p
	}
	line := badLine(lines)
	text := string(bytes.TrimRight(lines[line-1], "\r\n"))
	indent := len(text) - len(strings.TrimLeft(text, " \t"))
	value := valueStart(text, indent)
	words, atValue := syntaxText(err.Error(), text[:indent], text[value:])
	column := indent
	if atValue {
		column = value
	}
	return &Problem{Line: line, Column: 1 + utf8.RuneCountInString(text[:column]), Text: words}
}

// valueStart returns where the value of a line `- key: value` begins.
func valueStart(line string, at int) int {
	for strings.HasPrefix(line[at:], "- ") {
		at += 2
		at += len(line[at:]) - len(strings.TrimLeft(line[at:], " "))
	}
	if i := strings.Index(line[at:], ": "); i >= 0 {
		at += i + 2
		at += len(line[at:]) - len(strings.TrimLeft(line[at:], " "))
	}
	return at
}

// maxSearched is the largest file in which the line of a syntax error is
// searched by parsing its beginnings.
const maxSearched = 64 << 10

// maxFlow is how many lines a bracket or a quotation is supposed to span at most.
const maxFlow = 30

// badLine returns the line (from 1) after the longest beginning of the file
// that is good YAML. A beginning that ends inside a bracket or a quotation is
// bad although its file may be good, hence the look ahead.
func badLine(lines [][]byte) int {
	total := 0
	for _, l := range lines {
		total += len(l)
	}
	if total > maxSearched {
		lines = lines[:sort.Search(len(lines), func(i int) bool {
			return len(bytes.Join(lines[:i+1], nil)) > maxSearched
		})]
	}
	good := 0
	for good < len(lines) {
		// The first bad beginning above good, if beginnings were monotonic.
		n := good + sort.Search(len(lines)-good, func(i int) bool {
			return !parses(lines[:good+i+1])
		})
		good = n
		ahead := 0
		for i := n + 2; i <= min(n+maxFlow, len(lines)); i++ {
			if parses(lines[:i]) {
				ahead = i
				break
			}
		}
		if ahead == 0 {
			break
		}
		good = ahead
	}
	return min(good+1, max(len(lines), 1))
}

func parses(lines [][]byte) bool {
	dec := yaml.NewDecoder(bytes.NewReader(bytes.Join(lines, nil)))
	for {
		var doc yaml.Node
		switch err := dec.Decode(&doc); {
		case errors.Is(err, io.EOF):
			return true
		case err != nil:
			return false
		}
	}
}

// bareExclusion is a ! that stands outside quotes in a list.
var bareExclusion = regexp.MustCompile(`[\[,]\s*!`)

// syntaxText words a syntax error from yaml's message, the indentation of the
// line at fault and its value; atValue says that the value is what is wrong.
// It never quotes the line: it may hold a secret.
func syntaxText(msg, indent, value string) (text string, atValue bool) {
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(msg, w) {
				return true
			}
		}
		return false
	}
	switch {
	case strings.Contains(indent, "\t"):
		return "a tab in the indentation; use blanks", false
	case has("unknown anchor", "did not find expected alphabetic or numeric"):
		return `a value that begins with * or & must be in quotes, as in "*/5 * * * *"`, true
	case has("cannot start any token") && strings.ContainsAny(value, "@`%"):
		return `a value that begins with @, % or a backquote must be in quotes, as in "@every 5s"`, true
	case has("mapping values are not allowed"):
		return "a colon where none can be: a value that holds a colon and a blank must be in quotes, or the line is indented too deep", false
	case has("expected ',' or ']'") && bareExclusion.MatchString(value):
		return `a value that begins with ! must be in quotes, as in "!G1112"`, true
	case has("expected ',' or ']'", "expected ',' or '}'"):
		return "a bracket that opens here is not closed, or a comma is missing", true
	case has("found unexpected end of stream", "unexpected document indicator"):
		return "a quotation that opens here is not closed", true
	case has("did not find expected key", "did not find expected '-' indicator", "block sequence entries are not allowed"):
		return "this line is not indented like its neighbours, or a quotation mark is in the wrong place", false
	case has("could not find expected ':'"):
		return "a colon is missing after a key, or there is no blank after it", false
	case has("control characters are not allowed"):
		return "a control character, which cannot be in the file", false
	default:
		return "this is not YAML: look for a bracket, a quotation mark, a colon or an indentation that is wrong here or on the line above", false
	}
}
