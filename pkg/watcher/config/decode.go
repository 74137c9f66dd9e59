package config

import (
	"cmp"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher"
)

// decoder fills a Config from the parsed file. It reports every mistake where
// it stands and goes on, and remembers where each value stood for the checks
// that come after.
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

	at       map[string]*yaml.Node // where the value of a key stands
	keys     map[string]*yaml.Node // where the key itself stands
	problems []Problem
	warnings []Problem
	inline   *place // the first secret that stands in the file itself
}

type place struct {
	node *yaml.Node
	key  string
}

// problem reports a mistake at a node.
func (d *decoder) problem(n *yaml.Node, key, format string, args ...any) {
	d.problems = append(d.problems, d.place(n, key, fmt.Sprintf(format, args...)))
}

func (d *decoder) place(n *yaml.Node, key, text string) Problem {
	return Problem{File: d.file, Line: n.Line, Column: n.Column, Key: key, Text: text}
}

// node returns where the value of key stands or, when it is left out, where
// the nearest mapping around it begins.
func (d *decoder) node(key string) *yaml.Node {
	for {
		if n := d.at[key]; n != nil {
			return n
		}
		i := strings.LastIndexAny(key, ".[")
		if i < 0 {
			return cmp.Or(d.at[""], &yaml.Node{Line: 1, Column: 1})
		}
		key = key[:i]
	}
}

// bad reports whether a mistake was found at key or below it, so that nothing
// is said twice or because of another mistake.
func (d *decoder) bad(key string) bool {
	return slices.ContainsFunc(d.problems, func(p Problem) bool {
		return p.Key == key || strings.HasPrefix(p.Key, key+".") || strings.HasPrefix(p.Key, key+"[")
	})
}

// given reports whether the file has a value for key.
func (d *decoder) given(key string) bool {
	n := d.at[key]
	return n != nil && !empty(n)
}

func empty(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && (n.Tag == "!!null" || n.Value == "")
}

// decode fills v, which is settable, from n.
func (d *decoder) decode(v reflect.Value, n *yaml.Node, key string, tag reflect.StructTag) {
	d.at[key] = n
	if n.Kind != yaml.ScalarNode && !d.plain(n, key) {
		return
	}
	if _, ok := v.Interface().(interface{ oneOrMore() }); ok && n.Kind != yaml.SequenceNode {
		only := reflect.New(v.Type().Elem()).Elem()
		d.decode(only, n, key, tag)
		v.Set(reflect.Append(v, only))
		return
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
	if n.Kind != yaml.MappingNode {
		d.problem(n, key, "%s where a group of keys is expected (%s)", kindName(n), strings.Join(keysOf(v.Type()), ", "))
		return
	}
	values := d.pairs(n, key, keysOf(v.Type()))
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name := f.Tag.Get("yaml")
		if child := values[name]; child != nil {
			d.decode(v.Field(i), child, join(key, name), f.Tag)
		}
	}
	d.twins(v, key)
}

// pairs returns the values of a mapping by key. Of a key that is there twice
// the first counts.
func (d *decoder) pairs(n *yaml.Node, key string, known []string) map[string]*yaml.Node {
	values := make(map[string]*yaml.Node)
	first := make(map[string]int)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		name := join(key, k.Value)
		switch {
		case k.Kind != yaml.ScalarNode:
			d.problem(k, key, "%s where a key is expected", kindName(k))
		case first[k.Value] != 0:
			d.problem(k, name, "this key is already on line %d", first[k.Value])
		case !slices.Contains(known, k.Value):
			first[k.Value] = k.Line
			d.problem(k, name, "%s", unknownKey(name, k.Value, known))
		default:
			first[k.Value] = k.Line
			values[k.Value] = n.Content[i+1]
			d.keys[name] = k
		}
	}
	return values
}

func unknownKey(path, name string, known []string) string {
	if s := similar(name, known); s != "" {
		return fmt.Sprintf("unknown key; did you mean %s?", s)
	}
	return "unknown key; here are " + strings.Join(known, ", ")
}

func (d *decoder) list(v reflect.Value, n *yaml.Node, key string, tag reflect.StructTag) {
	if n.Kind != yaml.SequenceNode {
		d.problem(n, key, "%s where a list is expected; begin each entry with a dash", kindName(n))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), 0, len(n.Content)))
	for i, child := range n.Content {
		elem := reflect.New(v.Type().Elem()).Elem()
		if rule, ok := elem.Addr().Interface().(*watcher.Rule); ok {
			rule.Enabled, rule.NearMisses = true, true
		}
		name := fmt.Sprintf("%s[%d]", key, i)
		d.decode(elem, child, name, tag)
		if child.Tag == "!!null" {
			d.problem(child, name, "an empty entry; take the dash away, or write the entry after it")
		}
		v.Set(reflect.Append(v, elem))
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

// twins reads the files of x_file keys into x.
func (d *decoder) twins(v reflect.Value, key string) {
	t := v.Type()
	for i := range t.NumField() {
		name, isFile := strings.CutSuffix(t.Field(i).Tag.Get("yaml"), "_file")
		if !isFile { // of thousands of rules none has a twin
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
			later := d.keys[xf]
			if k := d.keys[x]; k.Line > later.Line || k.Line == later.Line && k.Column > later.Column {
				later = k
			}
			d.problem(later, xf, "%s and %s_file are both given; keep one", name, name)
		case d.given(xf) && !d.bad(xf):
			text, err := readSecret(file.String())
			if err != nil {
				d.problem(d.at[xf], xf, "%v", err)
				continue
			}
			value.SetString(text)
			if othersCanRead(file.String()) {
				d.warnings = append(d.warnings, d.place(d.at[xf], xf, fmt.Sprintf("others can read %s; chmod 600 %[1]s", file.String())))
			}
		case d.given(x) && !d.bad(x) && !strings.Contains(d.at[x].Value, "${"):
			if n := d.at[x]; d.inline == nil || n.Line < d.inline.node.Line {
				d.inline = &place{n, x}
			}
		}
	}
}

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
