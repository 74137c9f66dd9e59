package main

import (
	"go/ast"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"gopkg.in/yaml.v3"

	"github.com/watcherd/watcherd/pkg/notifier/services"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher"
	"github.com/watcherd/watcherd/pkg/watcher/config"
)

// The tests of this file keep the table "Where to add" of CONTRIBUTING.md
// true: whoever adds half of something is told where the other half goes.

// Channels without a stanza, each with the reason.
var unconfigured = map[string]string{"terminal": "it is what remains when nothing is configured"}

// TestPlacesOfANotifier checks every channel's package: a field in
// config.Notify, a stanza in the example, an entry in wire.go, a row in both
// READMEs, and the conversations of notifiertest.
func TestPlacesOfANotifier(t *testing.T) {
	stanza := map[string]string{} // package: key
	for _, f := range reflect.VisibleFields(reflect.TypeFor[config.Notify]()) {
		typ := f.Type
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		stanza[path.Base(typ.PkgPath())] = f.Tag.Get("yaml")
	}
	var example struct {
		Notify map[string]yaml.Node `yaml:"notify"`
	}
	if err := yaml.Unmarshal(read(t, "watch.yaml.example"), &example); err != nil {
		t.Fatal(err)
	}
	wire := string(read(t, "cmd/watcherd/wire.go"))
	_, all := sources(t)
	found := 0
	var drivers []string
	for _, s := range all {
		if path.Dir(s.dir) == "pkg/notifier" && s.dir != "pkg/notifier/notifiertest" {
			drivers = append(drivers, path.Base(s.dir))
		}
	}
	for _, dir := range slices.Compact(drivers) {
		found++
		if !strings.Contains(wire, module+"pkg/notifier/"+dir+`"`) {
			t.Errorf("%s: wire.go does not build it", dir)
		}
		key, ok := stanza[dir]
		switch {
		case unconfigured[dir] != "":
			if ok {
				t.Errorf("%s has a stanza now: take it out of unconfigured", dir)
			}
		case !ok:
			t.Errorf("%s: config.Notify has no field of its Config", dir)
		default:
			if _, ok := example.Notify[key]; !ok {
				t.Errorf("%s: watch.yaml.example has no stanza notify.%s", dir, key)
			}
		}
		exercised := false
		for _, s := range all {
			exercised = exercised || s.test && s.dir == "pkg/notifier/"+dir && calls(s.file, "notifiertest", "Exercise")
		}
		if !exercised {
			t.Errorf("%s: its tests do not call notifiertest.Exercise", dir)
		}
	}
	if found < 3 {
		t.Errorf("only %d channels were seen", found)
	}
}

// TestPlacesOfAService checks that both READMEs name every one-way service.
func TestPlacesOfAService(t *testing.T) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[services.Service]()) {
		for _, readme := range readmes {
			if key := f.Tag.Get("yaml"); !strings.Contains(string(read(t, readme)), "`"+key+"`") {
				t.Errorf("%s does not name the service %s", readme, key)
			}
		}
	}
}

// alone are steps of the client without a file of the same name in the
// simulator, or the other way round.
var alone = map[string]string{
	"order.go":      "no step: it says in which order the steps go",
	"order_wish.go": "no step: the words for seats and berths that checkOrderInfo and confirmSingleForQueue carry",
	"order_list.go": "queryMyOrder; the simulator answers it with the unfinished orders (order_unfinished.go)",
}

// TestPlacesOfAStep checks that client and simulator have the same steps, by
// the names of their files.
func TestPlacesOfAStep(t *testing.T) {
	step := regexp.MustCompile(`^(login|order)_[a-z]+\.go$`)
	steps := func(dir string) map[string]bool {
		out := map[string]bool{}
		for _, f := range files(t, dir) {
			if step.MatchString(f) && !strings.HasSuffix(f, "_test.go") {
				out[f] = true
			}
		}
		return out
	}
	client, sim := steps("pkg/twelve306"), steps("pkg/twelve306/railsim")
	if len(client) < 8 {
		t.Fatalf("only %d steps were seen", len(client))
	}
	for f := range client {
		if !sim[f] && alone[f] == "" {
			t.Errorf("pkg/twelve306/%s has no twin in railsim", f)
		}
	}
	for f := range sim {
		if !client[f] && alone[f] == "" {
			t.Errorf("railsim/%s has no twin in pkg/twelve306", f)
		}
	}
	for f, why := range alone {
		if client[f] && sim[f] {
			t.Errorf("%s stands on both sides now; it is no exception any more (%s)", f, why)
		}
	}
}

// TestPlacesOfALoginMode checks that a way to log in is a file, a constant and
// a choice in watch.yaml, and that demo can show it.
func TestPlacesOfALoginMode(t *testing.T) {
	field, _ := reflect.TypeFor[config.Twelve306]().FieldByName("Login")
	choices := strings.Fields(field.Tag.Get("oneof"))
	var modes []string
	for _, f := range files(t, "pkg/twelve306") {
		mode, ok := strings.CutPrefix(strings.TrimSuffix(f, ".go"), "login_")
		if ok && !strings.HasSuffix(f, "_test.go") {
			modes = append(modes, mode)
		}
	}
	constants := values(t, "pkg/twelve306", "Mode")
	for _, m := range modes {
		if !slices.Contains(choices, m) {
			t.Errorf("login: %s is no choice in watch.yaml", m)
		}
		if _, ok := constants[m]; !ok {
			t.Errorf("login_%s.go has no Mode %q", m, m)
		}
	}
	for _, c := range choices {
		if c != string(twelve306.LoginAuto) && !slices.Contains(modes, c) {
			t.Errorf("login: %s can be written in watch.yaml, and login_%s.go is missing", c, c)
		}
	}
}

// TestPlacesOfARefusal checks that every kind of failure says in its line what
// to do next, and that something can fail with it.
func TestPlacesOfARefusal(t *testing.T) {
	kinds := values(t, "pkg/twelve306", "Kind")
	if len(kinds) < 15 {
		t.Fatalf("only %d kinds were seen", len(kinds))
	}
	for kind, doc := range kinds {
		if len(strings.TrimSpace(doc)) < 15 {
			t.Errorf("the kind %q does not say what to do next: %q", kind, doc)
		}
	}
	mentions := map[string]int{} // in the client, its declaration included
	_, all := sources(t)
	for _, s := range all {
		if s.dir != "pkg/twelve306" || s.test {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				mentions[id.Name]++
			}
			return true
		})
	}
	for name := range names(t, "pkg/twelve306", "Kind") {
		if mentions[name] < 2 {
			t.Errorf("nothing in pkg/twelve306 ever fails with %s", name)
		}
	}
}

// unbreakable are the keys of a rule that no bad-*.yaml is about.
var unbreakable = map[string]string{"enabled": "true or false, and partial shows what else is said to that"}

// TestPlacesOfARuleField checks that every key of a rule is in the example and
// has at least one bad-*.yaml that says what a mistake in it is told.
func TestPlacesOfARuleField(t *testing.T) {
	example := string(read(t, "watch.yaml.example"))
	var wants strings.Builder
	const dir = "pkg/watcher/config/testdata"
	for _, f := range files(t, dir) {
		if strings.HasPrefix(f, "bad-") {
			for line := range strings.Lines(string(read(t, path.Join(dir, f)))) {
				if strings.HasPrefix(line, "# want ") {
					wants.WriteString(line)
				}
			}
		}
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[watcher.Rule]()) {
		key := f.Tag.Get("yaml")
		if key == "-" { // written as a part of another field
			continue
		}
		if key == "" {
			t.Errorf("watcher.Rule.%s has no key", f.Name)
			continue
		}
		if !regexp.MustCompile(`(?m)^ +(- )?` + key + `:`).MatchString(example) {
			t.Errorf("watch.yaml.example has no rule with %s", key)
		}
		shown := regexp.MustCompile(`rules\[\d+\]\.` + key + `\b`).MatchString(wants.String())
		if shown == (unbreakable[key] != "") {
			t.Errorf("rules[].%s: a bad-*.yaml is about it: %v", key, shown)
		}
	}
}

// TestPlacesOfACommand checks that every command and flag says what it does,
// that both READMEs have a row for each command, and none for one that does
// not exist.
func TestPlacesOfACommand(t *testing.T) {
	real := map[string]bool{}
	for _, c := range command().Commands() {
		name := c.Name()
		real[name] = true
		if c.Short == "" {
			t.Errorf("watcherd %s: no help", name)
		}
		if c.RunE == nil {
			t.Errorf("watcherd %s does nothing", name)
		}
		described(t, c)
	}
	row := regexp.MustCompile("(?m)^\\| `watcherd ([a-z-]+)")
	for _, readme := range readmes {
		rows := map[string]bool{}
		for _, m := range row.FindAllStringSubmatch(string(read(t, readme)), -1) {
			rows[m[1]] = true
			if !real[m[1]] {
				t.Errorf("%s has a row for watcherd %s, which does not exist", readme, m[1])
			}
		}
		for name := range real {
			if !rows[name] {
				t.Errorf("%s has no row for watcherd %s", readme, name)
			}
		}
	}
}

func described(t *testing.T, c *cobra.Command) {
	t.Helper()
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Usage == "" {
			t.Errorf("watcherd %s --%s: no help", c.Name(), f.Name)
		}
	})
}

// read returns a file of the repository.
func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// files lists the files of a folder of the repository.
func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(root, dir))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		if !e.IsDir() {
			out = append(out, e.Name())
		}
	}
	return out
}

// calls reports whether a file calls pkg.name.
func calls(f *ast.File, pkg, name string) bool {
	found := false
	ast.Inspect(f, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == name {
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == pkg {
				found = true
			}
		}
		return !found
	})
	return found
}

// constants calls see for every constant of a package with the type typ.
func constants(t *testing.T, dir, typ string, see func(name, value, doc string)) {
	t.Helper()
	_, all := sources(t)
	for _, s := range all {
		if s.dir != dir || s.test {
			continue
		}
		for _, d := range s.file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range g.Specs {
				v, ok := spec.(*ast.ValueSpec)
				if !ok {
					continue
				}
				if id, ok := v.Type.(*ast.Ident); !ok || id.Name != typ || len(v.Values) != len(v.Names) {
					continue
				}
				for i, n := range v.Names {
					lit, ok := v.Values[i].(*ast.BasicLit)
					if !ok {
						continue
					}
					value, err := strconv.Unquote(lit.Value)
					if err != nil {
						t.Fatal(err)
					}
					see(n.Name, value, v.Doc.Text()+v.Comment.Text())
				}
			}
		}
	}
}

// values maps the constants of a type to their comments.
func values(t *testing.T, dir, typ string) map[string]string {
	out := map[string]string{}
	constants(t, dir, typ, func(_, value, doc string) { out[value] = doc })
	return out
}

// names is the set of names of the constants of a type.
func names(t *testing.T, dir, typ string) map[string]bool {
	out := map[string]bool{}
	constants(t, dir, typ, func(name, _, _ string) { out[name] = true })
	return out
}
