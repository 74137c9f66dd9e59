package config

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"
)

// Excerpt returns the line of the file at which the problem stands, and below
// it a caret under the place, for a terminal; "" for a line on which a secret
// may stand.
func (p Problem) Excerpt() string {
	if p.line == "" {
		return ""
	}
	var pad strings.Builder
	for i, r := range []rune(p.line) {
		switch {
		case i >= p.Column-1:
		case r == '\t':
			pad.WriteByte('\t')
		case wide(r):
			pad.WriteString("  ")
		default:
			pad.WriteByte(' ')
		}
	}
	return p.line + "\n" + pad.String() + "^"
}

// wide reports whether a terminal shows a character two columns wide.
func wide(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) ||
		r >= 0x3000 && r <= 0x303f || r >= 0xff01 && r <= 0xff60
}

// longestLine is the longest line that is shown, in characters.
const longestLine = 120

// excerpts gives problems the lines at which they stand. root is nil for a file
// that is no YAML.
func excerpts(ps []Problem, data []byte, root *yaml.Node) {
	if len(ps) == 0 {
		return
	}
	known, private := keyWords()
	lines := strings.Split(string(data), "\n")
	var hide map[int]bool
	if root != nil {
		hide = privateLines(root, known, private, lines)
	}
	for i := range ps {
		p := &ps[i]
		if p.Line < 1 || p.Line > len(lines) {
			continue
		}
		line := strings.TrimRight(lines[p.Line-1], " \r")
		if m := wideColon.FindString(line); m != "" { // nobody takes note of whose value follows: it may be a secret's
			if p.Column <= len([]rune(m)) {
				p.line = strings.Clone(m)
			}
			continue
		}
		if hide[p.Line] {
			// A key that nobody knows is shown without what may be a secret.
			if m := beginsWithKey.FindString(line); strings.HasPrefix(p.Text, "unknown key") && p.Column <= len(m) {
				p.line = strings.Clone(m)
			}
			continue
		}
		if root == nil && !harmless(line, known, private) {
			continue
		}
		if at := strings.Index(line, " #"); at >= 0 { // a comment may hold what was there before
			line = strings.TrimRight(line[:at], " ")
		}
		if n := len([]rune(line)); n <= longestLine && p.Column <= n {
			p.line = strings.Clone(line) // a warning is kept, the file is not
		}
	}
}

// keyWords returns the keys of watch.yaml, and those whose values are shown to
// nobody: secrets, names of accounts, and addresses, which may hold either.
func keyWords() (known, private map[string]bool) {
	known, private = map[string]bool{}, map[string]bool{}
	for _, k := range []string{"username", "user", "proxy", "url", "public_url", "api_url", "base_url", "server"} {
		private[k] = true
	}
	seen := map[reflect.Type]bool{}
	var walk func(reflect.Type)
	walk = func(t reflect.Type) {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || seen[t] {
			return
		}
		seen[t] = true
		keys := keysOf(t)
		for _, k := range keys {
			known[k] = true
			if slices.Contains(keys, k+"_file") {
				private[k] = true
			}
		}
		for i := range t.NumField() {
			walk(t.Field(i).Type)
		}
	}
	walk(reflect.TypeFor[Config]())
	return known, private
}

// privateLines returns the lines that the values of private keys may reach,
// and of keys that nobody knows: one of them may be a secret's, misspelt.
func privateLines(root *yaml.Node, known, private map[string]bool, lines []string) map[int]bool {
	hide := map[int]bool{}
	from := 0 // the line on which the last private value begins; 0 when none is open
	reached := func(line, column int) {
		if from == 0 {
			return
		}
		if line <= len(lines) { // the value may end on the line on which the next one begins
			if before := []rune(lines[line-1]); strings.Trim(string(before[:min(column-1, len(before))]), " -") != "" {
				line++
			}
		}
		for l := from; l < line; l++ {
			hide[l] = true
		}
		from = 0
	}
	var walk func(n *yaml.Node, secret bool)
	walk = func(n *yaml.Node, secret bool) {
		reached(n.Line, n.Column)
		if secret {
			from = n.Line
			hide[n.Line] = true
		}
		for i, c := range n.Content {
			key := n.Kind == yaml.MappingNode && i%2 == 0
			value := n.Kind == yaml.MappingNode && i%2 == 1
			within := secret
			if value {
				k := n.Content[i-1].Value
				within = secret || private[k] || !known[k]
			}
			walk(c, within && !key || secret)
		}
	}
	walk(root, root.Kind == yaml.ScalarNode)
	reached(len(lines)+1, 1)
	return hide
}

var (
	beginsWithKey = regexp.MustCompile(`^\s*(?:- +)*[A-Za-z0-9_-]+ *:`)
	keyOfLine     = regexp.MustCompile(`([A-Za-z0-9_-]+)["']? *:`)
)

// harmless reports whether a line of a file that is no YAML may be shown: it
// begins with a key, and all its keys are known and no secret's.
func harmless(line string, known, private map[string]bool) bool {
	if !beginsWithKey.MatchString(line) {
		return false
	}
	for _, m := range keyOfLine.FindAllStringSubmatch(line, -1) {
		if !known[m[1]] || private[m[1]] {
			return false
		}
	}
	return true
}
