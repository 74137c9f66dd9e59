package main

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/watcherd/watcherd/pkg/notifier/services"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher/config"
)

// pages are all Markdown files of the repository.
func pages(t *testing.T) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "dist"):
			return fs.SkipDir
		case path.Ext(p) == ".md":
			name, err := filepath.Rel(root, p)
			out = append(out, filepath.ToSlash(name))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 10 {
		t.Fatalf("only %d pages were seen", len(out))
	}
	return out
}

var (
	fenced = regexp.MustCompile("(?ms)^ *```.*?^ *```")
	inline = regexp.MustCompile("`[^`\n]*`")
)

// links returns where the links and pictures of a page lead.
func links(page string) []string {
	page = inline.ReplaceAllString(fenced.ReplaceAllString(page, ""), "`x`")
	var out []string
	for _, m := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(page, -1) {
		out = append(out, m[1])
	}
	return out
}

// anchors are what GitHub lets a link to a heading of the page end with.
func anchors(page string) map[string]bool {
	out := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^#+ +(.*)$`).FindAllStringSubmatch(fenced.ReplaceAllString(page, ""), -1) {
		slug := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r):
				return unicode.ToLower(r)
			}
			return -1
		}, strings.TrimSpace(m[1]))
		out[slug] = true
	}
	return out
}

// TestLinks follows every link within the repository, to its heading too, and
// looks for pictures in docs/ that no page shows.
func TestLinks(t *testing.T) {
	outside := regexp.MustCompile(`^[a-z]+:`)
	led := map[string]bool{}
	for _, page := range pages(t) {
		text := string(read(t, page))
		for _, link := range links(text) {
			if outside.MatchString(link) {
				continue
			}
			file, heading, _ := strings.Cut(link, "#")
			to := page
			if file != "" {
				to = path.Join(path.Dir(page), file)
			}
			led[to] = true
			if _, err := os.Stat(filepath.Join(root, to)); err != nil {
				t.Errorf("%s: the link to %s leads nowhere", page, link)
				continue
			}
			if heading != "" && !anchors(string(read(t, to)))[heading] {
				t.Errorf("%s: %s has no heading for the link %s", page, to, link)
			}
		}
	}
	for _, f := range files(t, "docs") {
		if name := path.Join("docs", f); path.Ext(f) != ".md" && !led[name] {
			t.Errorf("no page shows %s", name)
		}
	}
	for _, page := range pages(t) {
		if strings.HasPrefix(page, "docs/") && !led[page] {
			t.Errorf("no page leads to %s", page)
		}
	}
}

// TestAnchors compares anchors with what GitHub makes of headings.
func TestAnchors(t *testing.T) {
	page := "# What it does when …\n## 5. What went wrong, in words\n## 通知渠道\n```\n# a comment\n```\n### `watcherd init` & co\n"
	got := anchors(page)
	for _, want := range []string{"what-it-does-when-", "5-what-went-wrong-in-words", "通知渠道", "watcherd-init--co"} {
		if !got[want] {
			t.Errorf("no %s in %v", want, got)
		}
		delete(got, want)
	}
	if len(got) > 0 {
		t.Errorf("too many: %v", got)
	}
}

// secretFor is a secret that will do for a key x_file.
func secretFor(key string) string {
	switch key {
	case "webhook_file", "url_file", "ping_url_file":
		return "https://example.com/x"
	case "id_last4_file":
		return "123X"
	case "reply_topic_file":
		return "0123456789abcdef0123456789abcdef"
	}
	return "1:x"
}

// TestPagesShowGoodConfigurations loads every watch.yaml that is printed on a
// page, so that nobody copies a mistake, nor anything that is warned of.
func TestPagesShowGoodConfigurations(t *testing.T) {
	block := regexp.MustCompile("(?sm)^( *)```yaml\n(.*?)^ *```")
	file := regexp.MustCompile(`\b([a-z0-9_]+_file): *((?:\$\{\w+\}|[^\s,}])+)`)
	rule := "rules: [{date: 2027-02-03, from: 广州南, to: 武汉}]\n"
	day := twelve306.Date{Year: 2026, Month: time.November, Day: 27}
	shown := map[string]bool{}
	for _, page := range pages(t) {
		for _, b := range block.FindAllStringSubmatch(string(read(t, page)), -1) {
			shown[page] = true
			text := regexp.MustCompile("(?m)^"+b[1]).ReplaceAllString(b[2], "")
			if !strings.Contains(text, "rules:") {
				text += rule
			}
			dir := t.TempDir()
			for _, m := range file.FindAllStringSubmatch(text, -1) {
				secret := filepath.Join(dir, strings.Replace(m[2], "${CREDENTIALS_DIRECTORY}", "secrets", 1))
				if err := os.MkdirAll(filepath.Dir(secret), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(secret, []byte(secretFor(m[1])), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			at := filepath.Join(dir, "watch.yaml")
			if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			env := map[string]string{"HOME": dir, "CREDENTIALS_DIRECTORY": filepath.Join(dir, "secrets")}
			c, err := config.Load(at, func(name string) (string, bool) { v, ok := env[name]; return v, ok }, day)
			if err != nil {
				t.Errorf("%s: %v in\n%s", page, err, text)
				continue
			}
			for _, w := range c.Warnings {
				t.Errorf("%s: %v in\n%s", page, w, text)
			}
		}
	}
	for _, page := range append([]string{"deploy/systemd/README.md", "docs/operating.md"}, readmes...) {
		if !shown[page] {
			t.Errorf("%s shows no watch.yaml", page)
		}
	}
}

// TestChannelPages checks that every channel has a page of its own which is
// short, speaks both languages, shows its stanza, and is led to from both
// READMEs.
func TestChannelPages(t *testing.T) {
	want := map[string]string{"terminal": ""} // name: key of its stanza
	for _, f := range reflect.VisibleFields(reflect.TypeFor[config.Notify]()) {
		if f.Name != "Services" {
			want[f.Tag.Get("yaml")] = f.Tag.Get("yaml")
		}
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[services.Service]()) {
		if f.Type.Kind() == reflect.Pointer {
			want[f.Tag.Get("yaml")] = f.Tag.Get("yaml")
		}
	}
	for _, f := range files(t, "docs/channels") {
		if name := strings.TrimSuffix(f, ".md"); name != "README" {
			if _, ok := want[name]; !ok {
				t.Errorf("docs/channels/%s is about no channel", f)
			}
		}
	}
	for name, key := range want {
		page := "docs/channels/" + name + ".md"
		if _, err := os.Stat(filepath.Join(root, page)); err != nil {
			t.Errorf("%s is missing", page)
			continue
		}
		text := string(read(t, page))
		if n := strings.Count(text, "\n"); n > 80 {
			t.Errorf("%s has %d lines, more than 80", page, n)
		}
		for _, part := range []string{"## 中文", "## Set up", "## Answer", "## When something is wrong", "## Tried"} {
			if !strings.Contains(text, part) {
				t.Errorf("%s: no %q", page, part)
			}
		}
		if key != "" && !regexp.MustCompile("(?s)```yaml\n[^`]*\\b"+key+":").MatchString(text) {
			t.Errorf("%s shows no stanza", page)
		}
		for _, readme := range readmes {
			if !slices.Contains(links(string(read(t, readme))), page) {
				t.Errorf("%s does not lead to %s", readme, page)
			}
		}
	}
}

// TestOperatingNamesTheMetrics checks the table of metrics.
func TestOperatingNamesTheMetrics(t *testing.T) {
	name := regexp.MustCompile(`\bwatcherd_[a-z0-9_]+`)
	set := func(text string) map[string]bool {
		out := map[string]bool{}
		for _, m := range name.FindAllString(text, -1) {
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				m = strings.TrimSuffix(m, suffix)
			}
			out[m] = true
		}
		return out
	}
	real, told := set(string(read(t, "pkg/watcher/meter.go"))), set(string(read(t, "docs/operating.md")))
	if len(real) < 10 {
		t.Fatalf("only %d metrics were seen", len(real))
	}
	for m := range real {
		if !told[m] {
			t.Errorf("docs/operating.md does not name %s", m)
		}
	}
	for m := range told {
		if !real[m] {
			t.Errorf("docs/operating.md names %s, which does not exist", m)
		}
	}
}

// TestDesignNamesEveryFile checks the table of files in pkg/watcher/DESIGN.md.
func TestDesignNamesEveryFile(t *testing.T) {
	const dir = "pkg/watcher"
	_, table, ok := strings.Cut(string(read(t, dir+"/DESIGN.md")), "\n## This package, file by file\n")
	if !ok {
		t.Fatal("DESIGN.md has no table of files")
	}
	table, _, _ = strings.Cut(table, "\n## ")
	named := map[string]bool{}
	for _, m := range regexp.MustCompile("`([a-z_]+\\.go)`").FindAllStringSubmatch(table, -1) {
		named[m[1]] = true
	}
	for _, f := range files(t, dir) {
		if path.Ext(f) != ".go" || strings.HasSuffix(f, "_test.go") || f == "doc.go" {
			continue
		}
		if !named[f] {
			t.Errorf("DESIGN.md does not say what %s is", f)
		}
		delete(named, f)
	}
	for f := range named {
		t.Errorf("DESIGN.md names %s, which does not exist", f)
	}
}

// TestWhenQuotesTheMessages checks that every title on the pages "What it does
// when" is the title of a message that is sent, and that both pages have the
// same situations.
func TestWhenQuotesTheMessages(t *testing.T) {
	const golden = "pkg/watcher/testdata/messages"
	count := map[string]int{}
	for lang, page := range map[string]string{"en": "docs/what-it-does-when.md", "zh": "docs/what-it-does-when.zh-CN.md"} {
		real := map[string]bool{}
		for _, f := range files(t, golden) {
			if strings.HasSuffix(f, "."+lang+".golden") {
				title, _, _ := strings.Cut(string(read(t, path.Join(golden, f))), "\n")
				real[title] = true
			}
		}
		text := string(read(t, page))
		for _, m := range regexp.MustCompile(`\*\*([^*]+)\*\*`).FindAllStringSubmatch(text, -1) {
			if !real[m[1]] {
				t.Errorf("%s: no message has the title %q", page, m[1])
			}
		}
		count[lang] = strings.Count(text, "\n### ")
	}
	if count["en"] != count["zh"] || count["en"] < 20 {
		t.Errorf("situations: %v", count)
	}
}

// TestDocLinks checks that what stands in brackets in a doc comment leads
// somewhere, when it is exported: what does not is shown with its brackets.
func TestDocLinks(t *testing.T) {
	broken := regexp.MustCompile(`\[\*?([a-z]\w*\.)?[A-Z]\w*(\.[A-Z]\w*)?\]`)
	seen := 0
	for _, f := range floors {
		fset := token.NewFileSet()
		var parsed []*ast.File
		for _, name := range files(t, f.dir) {
			if path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(fset, filepath.Join(root, f.dir, name), nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			parsed = append(parsed, file)
		}
		if len(parsed) == 0 {
			continue
		}
		p, err := doc.NewFromFiles(fset, parsed, module+f.dir, doc.AllDecls)
		if err != nil {
			t.Fatal(err)
		}
		check := func(of, text string) {
			seen++
			plain := string(p.Printer().Text(p.Parser().Parse(text)))
			for _, link := range broken.FindAllString(plain, -1) {
				t.Errorf("%s: the doc comment of %s links to %s, which is not there", f.dir, of, link)
			}
		}
		funcs := func(list []*doc.Func) {
			for _, fn := range list {
				check(fn.Name, fn.Doc)
			}
		}
		check("the package", p.Doc)
		funcs(p.Funcs)
		for _, v := range append(slices.Clone(p.Consts), p.Vars...) {
			check(v.Names[0], v.Doc)
		}
		for _, typ := range p.Types {
			check(typ.Name, typ.Doc)
			funcs(typ.Funcs)
			funcs(typ.Methods)
			for _, v := range append(slices.Clone(typ.Consts), typ.Vars...) {
				check(v.Names[0], v.Doc)
			}
		}
	}
	if seen < 100 {
		t.Errorf("only %d doc comments were seen", seen)
	}
}
