package config

import (
	"fmt"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher"
)

// decoder fills a Config from the parsed file. It reports every mistake where
// it stands and goes on, and finds where a value stands for the checks that
// come after. A file of ten thousand rules is read at each save: what most
// values never need is made when it is asked for.
//
// What a struct's tags say: yaml:"key" is the key; oneof:"a b" lists the words
// that are taken. A key x with a twin x_file in the same struct is a secret. A
// key that ends in _file or _dir is a path, relative to the file.
type decoder struct {
	file     string // as it was given
	dir      string // what relative paths are relative to
	env      func(string) (string, bool)
	stations *twelve306.Stations
	zone     *time.Location

	root     *yaml.Node // the file
	problems []Problem
	warnings []Problem
	marks    map[string]mark // what problems and warnings say of a key
	inline   *place          // the first secret that stands in the file itself

	shapes map[reflect.Type]*shape
	memo   memo
}

// mark is what was said of a key.
type mark uint8

const (
	wrongHere  mark = 1 << iota // a mistake at the key
	wrongBelow                  // a mistake at the key or below it
	misspelt                    // it was meant by a key that nobody knows
	warned                      // a warning at the key
)

type place struct {
	node *yaml.Node
	key  string
}

// problem reports a mistake at a node.
func (d *decoder) problem(n *yaml.Node, key, format string, args ...any) {
	d.problems = append(d.problems, d.place(n, key, fmt.Sprintf(format, args...)))
	d.marks[key] |= wrongHere
	for at := key; d.marks[at]&wrongBelow == 0; {
		d.marks[at] |= wrongBelow
		i := strings.LastIndexAny(at, ".[")
		if i < 0 {
			break
		}
		at = at[:i]
	}
}

// warning reports what is legal but surely not meant.
func (d *decoder) warning(n *yaml.Node, key, format string, args ...any) {
	d.warnings = append(d.warnings, d.place(n, key, fmt.Sprintf(format, args...)))
	d.marks[key] |= warned
}

func (d *decoder) place(n *yaml.Node, key, text string) Problem {
	return Problem{File: d.file, Line: n.Line, Column: n.Column, Key: key, Text: text}
}

// node returns where the value of key stands or, when it is left out, where
// the nearest mapping around it begins.
func (d *decoder) node(key string) *yaml.Node {
	for {
		if n := d.at(key); n != nil {
			return n
		}
		i := strings.LastIndexAny(key, ".[")
		if i < 0 {
			return d.root
		}
		key = key[:i]
	}
}

// bad reports whether a mistake was found at key or below it, so that nothing
// is said twice or because of another mistake.
func (d *decoder) bad(key string) bool { return d.marks[key]&wrongBelow != 0 }

// given reports whether the file has a value for key.
func (d *decoder) given(key string) bool {
	n := d.at(key)
	return n != nil && !empty(n)
}

func empty(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && (n.Tag == "!!null" || n.Value == "")
}

// decode fills v, which is settable, from n.
func (d *decoder) decode(v reflect.Value, n *yaml.Node, key string, tag reflect.StructTag) {
	if n.Kind != yaml.ScalarNode && !d.plain(n, key) {
		return
	}
	if v.Kind() == reflect.Slice && n.Kind != yaml.SequenceNode {
		if _, ok := v.Interface().(interface{ oneOrMore() }); ok {
			only := reflect.New(v.Type().Elem()).Elem()
			d.decode(only, n, key, tag)
			v.Set(reflect.Append(v, only))
			return
		}
	}
	if n.Tag == "!!null" && v.Kind() != reflect.Pointer {
		return // a key without a value is a key left out; but "web:" is a channel with its defaults
	}
	if d.leaf(v, n, key, tag) {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		if n.Tag != "!!null" {
			d.decode(v.Elem(), n, key, tag)
		}
	case reflect.Struct:
		d.mapping(v, n, key)
	case reflect.Slice:
		d.list(v, n, key, tag)
	default:
		panic("config: a field of a kind that the decoder does not know: " + v.Type().String())
	}
}

// plain refuses what YAML can do and this file does not need.
func (d *decoder) plain(n *yaml.Node, key string) bool {
	if n.Anchor != "" {
		d.problem(n, key, `anchors (&name) are not taken; in quotes if the value begins with &`)
	}
	switch {
	case n.Kind == yaml.AliasNode:
		d.problem(n, key, `aliases (*name) are not taken; write the value out, in quotes if it begins with *`)
	case n.Style&yaml.TaggedStyle != 0 && strings.HasPrefix(n.Tag, "!!"):
		d.problem(n, key, `tags (!!name) are not taken`)
	case n.Style&yaml.TaggedStyle != 0:
		d.problem(n, key, `a value that begins with ! must be in quotes, as in "!G1112"`)
	default:
		return true
	}
	return false
}

// kindName says in words what a node is.
func kindName(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a group of keys"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!int" || n.Tag == "!!float":
		return "a number"
	case n.Tag == "!!bool":
		return "true or false"
	default:
		return "text"
	}
}

func (d *decoder) mapping(v reflect.Value, n *yaml.Node, key string) {
	s := d.shape(v.Type())
	if m := wideColon.FindStringSubmatch(n.Value); n.Kind == yaml.ScalarNode && m != nil && slices.Contains(s.keys, m[1]) {
		d.problem(n, key, "%s", wideColonText(m[1]))
		return
	}
	if n.Kind != yaml.MappingNode {
		d.problem(n, key, "%s where a group of keys is expected (%s)", kindName(n), strings.Join(s.keys, ", "))
		return
	}
	for i, e := range d.pairs(n, key, s.keys) {
		if e.value != nil {
			d.decode(v.Field(s.fields[i]), e.value, join(key, s.keys[i]), s.tags[i])
		}
	}
	if s.twins {
		d.twins(v, key)
	}
}

// shape is a struct as the decoder sees it: of thousands of rules each is one.
type shape struct {
	keys   []string // as keysOf
	fields []int    // the field of each
	tags   []reflect.StructTag
	twins  bool // some key is a secret with an x_file
}

func (d *decoder) shape(t reflect.Type) *shape {
	if s := d.shapes[t]; s != nil {
		return s
	}
	s := &shape{keys: keysOf(t)}
	for i := range t.NumField() {
		f := t.Field(i)
		if name := f.Tag.Get("yaml"); name != "" && name != "-" {
			s.fields, s.tags = append(s.fields, i), append(s.tags, f.Tag)
			s.twins = s.twins || strings.HasSuffix(name, "_file")
		}
	}
	d.shapes[t] = s
	return s
}

// entry is the value of a known key, nil when it is left out, and the line of
// the key.
type entry struct {
	value *yaml.Node
	line  int
}

// pairs returns the entries of a mapping, in the order of the known keys. Of a
// key that is there twice the first counts.
func (d *decoder) pairs(n *yaml.Node, key string, known []string) []entry {
	entries := make([]entry, len(known))
	var unknown map[string]int // the line of a key that nobody knows
	twice := func(k *yaml.Node, line int) {
		d.problem(k, join(key, k.Value), "this key is already on line %d", line)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind != yaml.ScalarNode {
			d.problem(k, key, "%s where a key is expected", kindName(k))
			continue
		}
		switch at := slices.Index(known, k.Value); {
		case at >= 0 && entries[at].value != nil:
			twice(k, entries[at].line)
		case at >= 0:
			entries[at] = entry{n.Content[i+1], k.Line}
		case unknown[k.Value] != 0:
			twice(k, unknown[k.Value])
		default:
			if unknown == nil {
				unknown = make(map[string]int)
			}
			unknown[k.Value] = k.Line
			d.unknownKey(k, key, known)
		}
	}
	return entries
}

func (d *decoder) unknownKey(k *yaml.Node, parent string, known []string) {
	if name, _, wide := strings.Cut(k.Value, "："); wide && slices.Contains(known, strings.TrimSpace(name)) {
		// Its value, which may be a secret, is part of the key.
		name = strings.TrimSpace(name)
		d.marks[join(parent, name)] |= misspelt
		d.problem(k, join(parent, name), "%s", wideColonText(name))
		return
	}
	if s := meant(k.Value, known); s != "" {
		d.marks[join(parent, s)] |= misspelt
		d.problem(k, join(parent, k.Value), "unknown key; did you mean %s?", s)
		return
	}
	d.problem(k, join(parent, k.Value), "unknown key; here are %s", strings.Join(known, ", "))
}

func (d *decoder) list(v reflect.Value, n *yaml.Node, key string, tag reflect.StructTag) {
	if n.Kind != yaml.SequenceNode {
		d.problem(n, key, "%s where a list is expected; begin each entry with a dash", kindName(n))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, child := range n.Content {
		elem := v.Index(i)
		if rule, ok := elem.Addr().Interface().(*watcher.Rule); ok {
			rule.Enabled, rule.NearMisses = true, true
		}
		name := nth(key, i)
		d.decode(elem, child, name, tag)
		if child.Tag == "!!null" {
			d.problem(child, name, "an empty entry; take the dash away, or write the entry after it")
		}
	}
}

// keysOf returns the keys of a struct in their order.
func keysOf(t reflect.Type) []string {
	var out []string
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("yaml"); name != "" && name != "-" {
			out = append(out, name)
		}
	}
	return out
}

func join(parent, key string) string {
	if parent == "" {
		return key
	}
	return parent + "." + key
}

func nth(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }

// twins reads the files of x_file keys into x.
func (d *decoder) twins(v reflect.Value, key string) {
	t := v.Type()
	for i := range t.NumField() {
		name, isFile := strings.CutSuffix(t.Field(i).Tag.Get("yaml"), "_file")
		if !isFile {
			continue
		}
		file := v.Field(i)
		value, ok := fieldByKey(v, name)
		if !ok {
			continue
		}
		x, xf := join(key, name), join(key, name+"_file")
		switch {
		case d.given(x) && d.given(xf):
			_, later := d.find(xf)
			if _, k := d.find(x); k.Line > later.Line || k.Line == later.Line && k.Column > later.Column {
				later = k
			}
			d.problem(later, xf, "%s and %s_file are both given; keep one", name, name)
		case d.given(xf) && !d.bad(xf):
			text, err := readSecret(file.String())
			if err != nil {
				d.problem(d.at(xf), xf, "%v", err)
				continue
			}
			value.SetString(text)
			if othersCanRead(file.String()) {
				d.warning(d.at(xf), xf, "others can read %s; chmod 600 %[1]s", file.String())
			}
		case d.given(x) && !d.bad(x):
			d.secret(d.at(x), x, d.at(x).Value)
		}
	}
}

// secret takes note of a secret as it is written in the file itself. One that
// the environment holds, all of it, is not: half of one is.
func (d *decoder) secret(n *yaml.Node, key, written string) {
	if name, ok := strings.CutPrefix(written, "${"); ok && isEnvName(strings.TrimSuffix(name, "}")) && strings.HasSuffix(name, "}") {
		return
	}
	if d.inline == nil || n.Line < d.inline.node.Line {
		d.inline = &place{n, key}
	}
}

// userinfo is the password in an address.
var userinfo = regexp.MustCompile(`://[^/@]*?:([^/@]+)@`)

func fieldByKey(v reflect.Value, key string) (reflect.Value, bool) {
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("yaml") == key {
			return v.Field(i), true
		}
	}
	return reflect.Value{}, false
}

// path makes a path of the file relative to the file.
func (d *decoder) path(p string) string {
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(d.dir, p)
}
