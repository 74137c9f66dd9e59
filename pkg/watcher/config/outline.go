package config

import (
	"fmt"
	"reflect"
	"slices"

	"gopkg.in/yaml.v3"
)

// Outline reads no more of the file than a command needs which speaks to a
// running daemon or reads its state folder: language, timezone, state_dir. A
// mistake elsewhere, or a secret that only the daemon may read, is no
// hindrance then. Rules and all the rest may be missing in what it returns.
//
// The error is [Problems].
func Outline(path string, env func(string) (string, bool)) (*Config, error) {
	data, err := readFile(path, maxSize)
	if err != nil {
		return nil, Problems{{File: path, Line: 1, Column: 1, Text: fmt.Sprintf("cannot read the file: %v", err)}}
	}
	root, syntax := parse(data)
	if syntax != nil {
		syntax.File = path
		return nil, Problems{*syntax}
	}
	if i := slices.IndexFunc(root.Content, func(k *yaml.Node) bool { return k.Value == "rules" }); i >= 0 && i%2 == 0 && i+1 < len(root.Content) {
		root.Content = slices.Delete(root.Content, i, i+2) // there may be thousands
	}
	d := newDecoder(path, env, root)
	c := defaults()
	c.Path = path
	d.decode(reflect.ValueOf(c).Elem(), root, "", "")
	k := checker{decoder: d, c: c}
	k.stateDir()
	wrong := slices.DeleteFunc(d.problems, func(p Problem) bool { return p.Key != "" && p.Key != "state_dir" })
	if len(wrong) > 0 {
		return nil, Problems(sorted(wrong))
	}
	return c, nil
}

// Nearest returns the word that text was perhaps meant to be, "" when none is
// near.
func Nearest(text string, words []string) string { return similar(text, words) }
