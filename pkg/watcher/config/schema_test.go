package config

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher"
)

const schemaFile = "watch.schema.json"

// TestSchema holds the schema against the types: a field that is new is in it
// after `go generate ./pkg/watcher/config`.
func TestSchema(t *testing.T) {
	g := &generator{docs: map[string]string{}, defs: map[string]any{}}
	for _, dir := range []string{".", "..", "../../notifier/telegram", "../../notifier/email", "../../notifier/web", "../../notifier/services"} {
		g.read(t, dir)
	}
	root := g.object(reflect.TypeFor[Config]())
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "watch.yaml of watcherd"
	root["required"] = []string{"rules"}
	root["$defs"] = g.defs
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(root); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(schemaFile, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, b.Bytes()) {
		t.Errorf("%s is not what the types say any more; run: go generate ./pkg/watcher/config", schemaFile)
	}
	for _, name := range g.bare {
		t.Errorf("%s has no comment, which is its manual", name)
	}
}

// generator makes a schema of the types that watch.yaml is decoded into.
type generator struct {
	docs map[string]string // "package.Type.Field": its comment
	defs map[string]any
	bare []string
}

// read takes the comments of the fields of a package.
func (g *generator) read(t *testing.T, dir string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			st, ok := spec.Type.(*ast.StructType)
			if !ok {
				return true
			}
			doc := ""
			for _, f := range st.Fields.List {
				switch {
				case f.Doc != nil:
					doc = f.Doc.Text()
				case f.Comment != nil:
					doc = f.Comment.Text()
				}
				for _, id := range f.Names {
					// A field without a comment shares that of the one above: from and to.
					g.docs[file.Name.Name+"."+spec.Name.Name+"."+id.Name] = strings.Join(strings.Fields(doc), " ")
				}
			}
			return true
		})
	}
}

type schema = map[string]any

func (g *generator) object(t reflect.Type) schema {
	properties := schema{}
	for i := range t.NumField() {
		f := t.Field(i)
		key := f.Tag.Get("yaml")
		if key == "" || key == "-" {
			continue
		}
		s := g.value(f.Type, f.Tag)
		pkg, _, _ := strings.Cut(t.String(), ".")
		doc := g.docs[pkg+"."+t.Name()+"."+f.Name]
		if doc == "" && !strings.HasSuffix(key, "_file") {
			g.bare = append(g.bare, t.String()+"."+f.Name)
		}
		if doc != "" {
			s["description"] = doc
		}
		properties[key] = s
	}
	return schema{"type": []string{"object", "null"}, "properties": properties, "additionalProperties": false}
}

// environment is a value that holds ${NAME}: what it will be is not known here.
var environment = schema{"type": "string", "pattern": `\$\{`}

var null = schema{"type": "null"}

func text(pattern string) schema { return schema{"type": "string", "pattern": pattern} }

func either(list ...schema) schema { return schema{"anyOf": list} }

func listOf(s schema) schema { return schema{"type": "array", "items": s} }

// manyOf is one value or a list of them.
func manyOf(one schema) schema {
	return either(one, listOf(either(one, environment)), environment, null)
}

var (
	anyText = schema{"type": []string{"string", "number", "boolean", "null"}} // a password may be written as a number
	window  = text(`^\s*$|^\s*[0-9０-９]{1,2}\s*[:：]\s*[0-9０-９]{2}\s*[-－–—~～至]\s*[0-9０-９]{1,2}\s*[:：]\s*[0-9０-９]{2}\s*$`)
	gap     = text(`^ *([0-9.]+ *(ns|us|µs|ms|s|m|h) *)+$`)
)

func (g *generator) value(t reflect.Type, tag reflect.StructTag) schema {
	switch reflect.New(t).Interface().(type) {
	case *time.Duration:
		return either(gap, schema{"const": 0}, environment, null)
	case **time.Location:
		return schema{"type": []string{"string", "null"}, "examples": []string{"Asia/Shanghai"}}
	case *watcher.Window:
		return either(window, environment, null)
	case *watcher.Clock:
		return either(text(`^\s*[0-9０-９]{1,2}[:：][0-9０-９]{2}\s*$|^$`), schema{"type": "integer"}, environment, null)
	case *watcher.Schedule:
		s := either(text(`^\s*@(every +.+|hourly|daily|midnight|weekly|monthly|yearly|annually)\s*$`), text(`^\s*\S+(\s+\S+){4,5}\s*$`), environment, null)
		s["examples"] = []string{"@every 5s", "*/5 * 6-22 * * *"}
		return s
	case *[]twelve306.Date:
		const day = `[0-9]{4}-[0-9]{2}-[0-9]{2}`
		return manyOf(text(`^\s*` + day + `\s*(\.\.\s*` + day + `\s*)?$`))
	case *[]twelve306.Seat:
		names := []string{}
		for _, s := range twelve306.Seats() {
			names = append(names, s.Name(), s.English(), string(s))
		}
		return manyOf(either(schema{"enum": names}, schema{"type": []string{"string", "integer"}}))
	case *[]twelve306.SeatWish:
		return manyOf(either(schema{"enum": []string{"A", "B", "C", "D", "F", "靠窗", "过道", "window", "aisle"}}, schema{"type": "string"}))
	case *[]twelve306.Berth:
		return manyOf(either(schema{"enum": []string{"lower", "middle", "upper", "下铺", "中铺", "上铺"}}, schema{"type": "string"}))
	case *[]twelve306.Station:
		return manyOf(schema{"type": "string"})
	case *[]string, *watcher.TrainPatterns:
		return manyOf(schema{"type": []string{"string", "integer"}})
	case *bool:
		return either(schema{"type": "boolean"}, environment, null)
	case *int, *int64:
		return either(schema{"type": "integer"}, environment, null)
	}
	if words := strings.Fields(tag.Get("oneof")); len(words) > 0 {
		return either(schema{"enum": append(words, "")}, environment, null)
	}
	switch t.Kind() {
	case reflect.String:
		return schema{"type": anyText["type"]}
	case reflect.Pointer:
		return g.value(t.Elem(), tag)
	case reflect.Slice:
		one := g.value(t.Elem(), tag)
		if _, ok := reflect.New(t).Elem().Interface().(interface{ oneOrMore() }); ok {
			return either(one, listOf(one))
		}
		return schema{"type": []string{"array", "null"}, "items": one}
	case reflect.Struct:
		name := t.String()
		if g.defs[name] == nil {
			g.defs[name] = true // a type within itself
			def := g.object(t)
			if t == reflect.TypeFor[watcher.Rule]() {
				def["type"], def["required"] = "object", []string{"date", "from", "to"}
			}
			g.defs[name] = def
		}
		return schema{"$ref": "#/$defs/" + name}
	}
	panic("no schema for " + t.String())
}

// unknowable are mistakes that no schema can know: limits, what does not fit
// together, what the YAML itself says.
var unknowable = regexp.MustCompile(`^(bad-)?(` + strings.Join([]string{
	"action-.*", "alias", "all-at-once", "base-url.*", "berth.*", "budget-.*", "ca-file", "channel-name-.*", "chats?-.*", "date-.*", "duplicate-.*",
	"email-.*", "empty", "env-.*", "exclusion-unquoted", "id-last4", "login-.*", "max-duration", "merge-key", "min-interval.*", "monitor-.*", "name-.*",
	"ntfy-.*", "passenger.*", "password-.*", "proxy", "question-bounds", "rule-.*", "rules-empty", "schedule-.*", "seat.*", "second-document",
	"service-.*", "services-.*", "station.*", "syntax-.*", "tag", "telegram-token", "timezone", "train-.*", "twin-.*", "web-.*", "window-.*", "priority.*",
}, "|") + `)$`)

// TestSchemaJudges: the schema takes every good file and the example, and
// refuses the bad ones that a schema can know.
func TestSchemaJudges(t *testing.T) {
	c := jsonschema.NewCompiler()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.AddResource(schemaFile, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	refused, missed := 0, 0
	for _, file := range append(files, "../../../watch.yaml.example") {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		var n yaml.Node
		if yaml.Unmarshal(data, &n) != nil || len(n.Content) == 0 {
			continue // Load says why
		}
		v, ok := asJSON(n.Content[0])
		if !ok {
			continue
		}
		err = s.Validate(v)
		bad := strings.HasPrefix(name, "bad-")
		switch {
		case !bad && err != nil:
			t.Errorf("%s is good, but: %v", name, err)
		case bad && err != nil:
			refused++
		case bad && !unknowable.MatchString(name):
			t.Errorf("%s is taken for good; if no schema can know it, say so above", name)
		case bad:
			missed++
		}
	}
	if refused < 30 {
		t.Errorf("%d bad files are refused, %d not", refused, missed)
	}
}

// asJSON is the value that an editor's YAML becomes: YAML 1.2, without dates.
// Files with what JSON cannot have are for Load alone.
func asJSON(n *yaml.Node) (any, bool) {
	switch n.Kind {
	case yaml.MappingNode:
		out := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			v, ok := asJSON(n.Content[i+1])
			if !ok {
				return nil, false
			}
			out[n.Content[i].Value] = v
		}
		return out, true
	case yaml.SequenceNode:
		out := []any{}
		for _, c := range n.Content {
			v, ok := asJSON(c)
			if !ok {
				return nil, false
			}
			out = append(out, v)
		}
		return out, true
	case yaml.ScalarNode:
		switch n.Tag {
		case "!!null":
			return nil, true
		case "!!bool":
			return n.Value == "true", true
		case "!!int", "!!float":
			if f, err := strconv.ParseFloat(n.Value, 64); err == nil {
				return f, true
			}
		}
		return n.Value, true
	}
	return nil, false
}
