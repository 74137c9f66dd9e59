package config

import (
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher"
)

// at returns where the value of a key stands, nil when it is left out.
func (d *decoder) at(key string) *yaml.Node {
	value, _ := d.find(key)
	return value
}

// find returns where the value of a key such as rules[0].from stands, and where
// the key itself stands, which entries of lists have none of. Of a key that is
// there twice the first counts, as in pairs.
func (d *decoder) find(path string) (value, key *yaml.Node) {
	value = d.root
	for path != "" && value != nil {
		if value.Kind == yaml.AliasNode || value.Style&yaml.TaggedStyle != 0 {
			return nil, nil // refused, and nothing in it was read
		}
		if rest, ok := strings.CutPrefix(path, "["); ok {
			number, after, _ := strings.Cut(rest, "]")
			i, err := strconv.Atoi(number)
			if err != nil || value.Kind != yaml.SequenceNode || i >= len(value.Content) {
				return nil, nil
			}
			value, key, path = value.Content[i], nil, strings.TrimPrefix(after, ".")
			continue
		}
		name := path
		if i := strings.IndexAny(path, ".["); i >= 0 {
			name = path[:i]
		}
		path = strings.TrimPrefix(path[len(name):], ".")
		value, key = member(value, name)
	}
	return value, key
}

// member returns a value of a mapping and its key.
func member(n *yaml.Node, name string) (value, key *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if k := n.Content[i]; k.Kind == yaml.ScalarNode && k.Value == name {
			return n.Content[i+1], k
		}
	}
	return nil, nil
}

// memo holds what values were decoded to: ten thousand rules name the same few
// stations, days, seats and schedules, and then share them. Nothing that is
// decoded through it is written to again.
type memo struct {
	dates     map[string][]twelve306.Date
	stations  map[string][]twelve306.Station
	seats     map[string][]twelve306.Seat
	trains    map[string]watcher.TrainPatterns
	schedules map[string]watcher.Schedule
}

func newMemo() memo {
	return memo{
		dates:     make(map[string][]twelve306.Date),
		stations:  make(map[string][]twelve306.Station),
		seats:     make(map[string][]twelve306.Seat),
		trains:    make(map[string]watcher.TrainPatterns),
		schedules: make(map[string]watcher.Schedule),
	}
}

// once returns what a single value or a list of them was decoded to before, or
// decodes it. What has mistakes is decoded again, for each is reported.
func once[T any](d *decoder, n *yaml.Node, known map[string]T, decode func() T) T {
	words, ok := spelt(n)
	if !ok {
		return decode()
	}
	if v, again := known[words]; again {
		return v
	}
	before := len(d.problems)
	v := decode()
	if len(d.problems) == before {
		known[words] = v
	}
	return v
}

// spelt returns the words of a value or a list; false for anything else.
func spelt(n *yaml.Node) (string, bool) {
	switch {
	case n.Style&yaml.TaggedStyle != 0 || n.Anchor != "":
		return "", false
	case n.Kind == yaml.ScalarNode:
		return n.Value, n.Tag != "!!null"
	case n.Kind != yaml.SequenceNode:
		return "", false
	}
	var b strings.Builder
	for _, item := range n.Content {
		word, ok := spelt(item)
		if !ok || item.Kind != yaml.ScalarNode {
			return "", false
		}
		b.WriteString(word)
		b.WriteByte(0) // which YAML cannot write
	}
	return b.String(), true
}
