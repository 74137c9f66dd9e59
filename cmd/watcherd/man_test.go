package main

import (
	"cmp"
	"flag"
	"fmt"
	"go/ast"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/watcherd/watcherd/pkg/notifier/web"
	"github.com/watcherd/watcherd/pkg/watcher/config"
)

var update = flag.Bool("update", false, "write the manual pages of deploy/deb anew; read them in man before you believe them")

// TestManualPages checks that the manual pages of the package say what the
// program's own help and the comments of its configuration say.
func TestManualPages(t *testing.T) {
	for name, page := range map[string]string{"watcherd.1": manOfCommands(command()), "watch.yaml.5": manOfConfig(t)} {
		path := "deploy/deb/" + name
		if *update {
			if err := os.WriteFile(filepath.Join(root, path), []byte(page), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if string(read(t, path)) != page {
			t.Errorf("%s is not what the commands and the configuration say: go test ./cmd/watcherd -run TestManualPages -update", path)
		}
	}
}

// roff writes a manual page.
type roff struct{ strings.Builder }

// escape protects text from troff: its backslashes and hyphens, and a dot or
// quote that would begin a request.
func escape(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	return regexp.MustCompile(`(?m)^([.'])`).ReplaceAllString(text, `\&$1`)
}

func (r *roff) title(name, section, what string) {
	fmt.Fprintf(r, ".\\\" Written by TestManualPages of cmd/watcherd. Change the help or the comments there.\n")
	fmt.Fprintf(r, ".TH %s %s \"\" watcherd watcherd\n", escape(strings.ToUpper(name)), section)
	fmt.Fprintf(r, ".SH NAME\n%s \\- %s\n", name, escape(what))
}

func (r *roff) section(name string) { fmt.Fprintf(r, ".SH %s\n", escape(name)) }

func (r *roff) part(name string) { fmt.Fprintf(r, ".SS %s\n", escape(name)) }

// text writes paragraphs. What is indented stays as it is.
func (r *roff) text(text string) {
	for _, paragraph := range strings.Split(strings.Trim(text, "\n"), "\n\n") {
		if strings.HasPrefix(paragraph, "  ") {
			r.literal(paragraph)
		} else {
			fmt.Fprintf(r, ".PP\n%s\n", escape(paragraph))
		}
	}
}

func (r *roff) literal(text string) {
	lines := strings.Split(strings.Trim(text, "\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimPrefix(line, "  ")
	}
	fmt.Fprintf(r, ".PP\n.in +4\n.nf\n%s\n.fi\n.in\n", escape(strings.Join(lines, "\n")))
}

// item writes a term, bold but for what is in angle brackets, and what it
// means.
func (r *roff) item(term, text string) {
	term = regexp.MustCompile(`<([^>]*)>`).ReplaceAllString(escape(term), `\fI$1\fB`)
	fmt.Fprintf(r, ".TP\n\\fB%s\\fR\n%s\n", term, escape(text))
}

func manOfCommands(c *cobra.Command) string {
	r := &roff{}
	r.title("watcherd", "1", c.Short)
	r.section("SYNOPSIS")
	r.WriteString(".B watcherd\n.RI [ command ]\n.RI [ flags ]\n")
	r.section("DESCRIPTION")
	r.text(c.Long)
	r.section("FLAGS OF EVERY COMMAND")
	c.PersistentFlags().VisitAll(r.flag)
	r.item("-h, --help", "What the command does and the flags it takes.")
	r.section("COMMANDS")
	for _, c := range c.Commands() {
		r.part("watcherd " + c.Use)
		if c.Long == "" {
			c.Long = sentence(c.Short)
		}
		r.text(c.Long)
		c.LocalNonPersistentFlags().VisitAll(r.flag)
		if c.Example != "" {
			r.literal(c.Example)
		}
	}
	r.part("watcherd completion bash|zsh|fish")
	r.text("Writes the completion of its commands and flags for a shell. A package has installed it.")
	r.section("EXIT STATUS")
	r.item("0", "It worked; the daemon was stopped.")
	r.item(fmt.Sprint(exitFailed), "It did not work.")
	r.item(fmt.Sprint(exitBadConfig), "The configuration or the arguments cannot be right.")
	r.section("SIGNALS")
	r.item("SIGTERM, SIGINT", "The daemon stops. The reply of an order that is being confirmed is waited for.")
	r.item("SIGHUP", "The daemon reads watch.yaml again, all of it or, when it has mistakes, nothing. It does so by itself when the file is saved.")
	r.section("ENVIRONMENT")
	r.item("STATE_DIRECTORY, RUNTIME_DIRECTORY, CREDENTIALS_DIRECTORY", "The folders of the service's state, of its socket, and of its secrets; systemd sets them.")
	r.item("XDG_STATE_HOME", "Where the state is kept without the first: in its folder watcherd.")
	r.item("HTTPS_PROXY, HTTP_PROXY, NO_PROXY", "The way to 12306 when watch.yaml names no proxy.")
	r.item("NO_COLOR", "No colours, whatever its value.")
	r.section("FILES")
	r.item("watch.yaml", "The configuration, in the working folder.")
	r.item(systemConfig, "The configuration of the service, and of every command where there is none in the working folder.")
	r.item("/etc/watcherd/secrets/<NAME>", "Secrets of the service, each a file of root's alone. In watch.yaml it is ${CREDENTIALS_DIRECTORY}/secret_NAME.")
	r.item(systemState, "The state of the service: the journal of what happened, and the session.")
	r.item(systemRuntime+"/"+socketName, "The socket of the service. Members of the group watcherd may use it.")
	r.section("SEE ALSO")
	r.WriteString(".BR watch.yaml (5),\n.BR systemctl (1),\n.BR journalctl (1)\n.PP\nhttps://github.com/watcherd/watcherd\n")
	return r.String()
}

func (r *roff) flag(f *pflag.Flag) {
	value, usage := pflag.UnquoteUsage(f)
	term := "--" + f.Name
	if value != "" {
		term += " <" + value + ">"
	}
	r.item(term, sentence(usage))
}

// sentence is text that begins and ends as a sentence does. What is to be
// written as it stands, as in "keep: log in at start", keeps its first letter.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	first, size := utf8.DecodeRuneInString(text)
	if word, rest, _ := strings.Cut(text, " "); !strings.ContainsAny(word, ":,/_.") && !strings.HasPrefix(rest, "(") {
		text = string(unicode.ToUpper(first)) + text[size:]
	}
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	return text
}

func manOfConfig(t *testing.T) string {
	r := &roff{}
	r.title("watch.yaml", "5", "what watcherd watches, books and tells")
	r.section("DESCRIPTION")
	intro := fieldComments(t)["pkg/watcher/config"]
	r.text(intro[strings.Index(intro, "\n\n")+2:])
	r.text("The smallest useful file is one rule, which watches without an account and tells its terminal:\n\n" +
		"  rules:\n    - date: 2027-02-03\n      from: 广州南\n      to: 武汉\n\n" +
		"watcherd check says what is wrong in a file, and in words what a good one will do.")
	sections := &sections{r, fieldComments(t), map[reflect.Type]string{}}
	sections.write(reflect.TypeFor[config.Config](), "")
	r.section("FILES")
	r.item("/usr/share/doc/watcherd/examples/watch.yaml", "Everything that can be written, with a word on each.")
	r.item("/usr/share/watcherd/watch.schema.json", "The same for editors, as a JSON Schema.")
	r.section("SEE ALSO")
	r.WriteString(".BR watcherd (1)\n")
	return r.String()
}

// sections writes the sections of watch.yaml.
type sections struct {
	*roff
	comments map[string]string
	written  map[reflect.Type]string // where
}

// write writes the keys of a section, and after them the sections in it.
func (s *sections) write(typ reflect.Type, path string) {
	s.section(cmp.Or(path, "KEYS OF THE FILE"))
	if same := s.written[typ]; same != "" {
		s.text("As " + same + ".")
		return
	}
	s.written[typ] = path
	if about := s.about(typ); path != "" && about != "" {
		s.text(about)
	}
	var inner []reflect.StructField
	last := ""
	for _, f := range reflect.VisibleFields(typ) {
		key := f.Tag.Get("yaml")
		if key == "" || key == "-" {
			continue
		}
		text := prose(f.Name, strings.ReplaceAll(s.comments[comment(typ)+"."+f.Name], " ("+key+")", ""))
		if of, ok := strings.CutSuffix(key, "_file"); ok && of == last {
			text = "A file that holds it."
		}
		section := element(f.Type)
		switch choices := f.Tag.Get("oneof"); {
		case text == "" && section != nil:
			text = s.about(section)
		case text == "" && choices != "":
			text = "One of " + choices + "."
		}
		s.item(key, text)
		if section != nil {
			inner = append(inner, f)
		}
		last = key
	}
	for _, f := range inner {
		at := f.Tag.Get("yaml")
		if f.Type.Kind() == reflect.Slice && !strings.Contains(f.Type.Name(), "OneOrMore") {
			at += "[]"
		}
		if path != "" {
			at = path + "." + at
		}
		s.write(element(f.Type), at)
	}
}

// about is what a section's type says of it, if that is more than its name.
func (s *sections) about(typ reflect.Type) string {
	text := prose(typ.Name(), s.comments[comment(typ)])
	if regexp.MustCompile(`^The (section \S+|\S+ stanza of watch\.yaml)\.$`).MatchString(text) {
		return ""
	}
	return text
}

// element is the section that a field of this type holds, or nil: one of our
// own structs with keys.
func element(typ reflect.Type) reflect.Type {
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
		typ = typ.Elem()
	}
	if typ.Kind() != reflect.Struct || !strings.HasPrefix(typ.PkgPath(), module) {
		return nil
	}
	for _, f := range reflect.VisibleFields(typ) {
		if f.Tag.Get("yaml") != "" {
			return typ
		}
	}
	return nil
}

func comment(typ reflect.Type) string {
	return strings.TrimPrefix(typ.PkgPath(), module) + "." + typ.Name()
}

// prose is the comment of a field without the field's name, which is Go's and
// not the file's.
func prose(name, comment string) string {
	text := strings.Join(strings.Fields(strings.ReplaceAll(comment, "[DefaultListen]", web.DefaultListen)), " ")
	text = regexp.MustCompile(`\[([A-Za-z.]+)\]`).ReplaceAllString(text, "$1")
	for _, verb := range []string{" is ", " are ", " says that ", " says "} {
		if rest, ok := strings.CutPrefix(text, name+verb); ok {
			text = rest
			break
		}
	}
	return sentence(text)
}

// fieldComments are the comments of packages ("pkg/watcher/config"), of their
// types ("pkg/watcher/config.Config") and of the fields of those
// ("pkg/watcher/config.Config.Rules").
func fieldComments(t *testing.T) map[string]string {
	_, all := sources(t)
	out := map[string]string{}
	for _, s := range all {
		if s.test {
			continue
		}
		if text := s.file.Doc.Text(); text != "" {
			out[s.dir] = text
		}
		for _, d := range s.file.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range g.Specs {
				typ, ok := spec.(*ast.TypeSpec)
				if !ok {
					continue
				}
				at := s.dir + "." + typ.Name.Name
				out[at] = g.Doc.Text() + typ.Doc.Text()
				st, ok := typ.Type.(*ast.StructType)
				if !ok {
					continue
				}
				for _, f := range st.Fields.List {
					for _, n := range f.Names {
						out[at+"."+n.Name] = f.Doc.Text() + f.Comment.Text()
					}
				}
			}
		}
	}
	return out
}
