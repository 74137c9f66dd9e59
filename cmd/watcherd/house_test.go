package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// module is the prefix of our own import paths.
const module = "github.com/watcherd/watcherd/"

// root is the top of the repository, seen from this package.
const root = "../.."

// source is one Go file of the repository.
type source struct {
	path string // from the top of the repository: pkg/notifier/error.go
	dir  string
	test bool
	size int // in lines
	file *ast.File
}

// sources parses every Go file of the repository. It is done in-process: a
// test that asks the go command is served from the test cache after the very
// change that it should catch, while files that a test opens are remembered
// with its result.
func sources(t *testing.T) (*token.FileSet, []source) {
	t.Helper()
	fset := token.NewFileSet()
	var out []source
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && p != root && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "vendor") {
			return fs.SkipDir
		}
		if d.IsDir() || filepath.Ext(name) != ".go" {
			return nil
		}
		text, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		file, err := parser.ParseFile(fset, rel, text, parser.ParseComments)
		if err != nil {
			return err
		}
		out = append(out, source{
			path: rel, dir: path.Dir(rel), test: strings.HasSuffix(rel, "_test.go"), size: bytes.Count(text, []byte("\n")), file: file,
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return fset, out
}

// TestFilesAreRooms checks that a file can be read in one sitting.
func TestFilesAreRooms(t *testing.T) {
	const most = 600
	_, all := sources(t)
	for _, s := range all {
		if s.size > most {
			t.Errorf("%s has %d lines: make it two files of one subject each", s.path, s.size)
		}
	}
}

// TestNothingUnfinished checks that no comment puts work off.
func TestNothingUnfinished(t *testing.T) {
	later := regexp.MustCompile(`\b(TODO|FIXME|HACK|XXX)\b|(?i:not implemented)`)
	fset, all := sources(t)
	for _, s := range all {
		for _, group := range s.file.Comments {
			for _, c := range group.List {
				if word := later.FindString(c.Text); word != "" && !strings.HasSuffix(s.path, "house_test.go") {
					t.Errorf("%s: %s", fset.Position(c.Pos()), word)
				}
			}
		}
	}
}

// TestExportedNamesAreDocumented checks that every exported name of a package
// that others can import says what it is. For a constant or variable the
// comment of its group or of its line will do.
func TestExportedNamesAreDocumented(t *testing.T) {
	fset, all := sources(t)
	for _, s := range all {
		if s.test || s.file.Name.Name == "main" {
			continue
		}
		missing := func(pos token.Pos, name string) {
			t.Errorf("%s: %s has no comment", fset.Position(pos), name)
		}
		for _, d := range s.file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && receiverExported(d) && d.Doc.Text() == "" {
					missing(d.Pos(), d.Name.Name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						if spec.Name.IsExported() && spec.Doc.Text() == "" && d.Doc.Text() == "" {
							missing(spec.Pos(), spec.Name.Name)
						}
					case *ast.ValueSpec:
						for _, n := range spec.Names {
							if n.IsExported() && spec.Doc.Text() == "" && spec.Comment.Text() == "" && d.Doc.Text() == "" {
								missing(n.Pos(), n.Name)
							}
						}
					}
				}
			}
		}
	}
	packages := map[string]bool{} // dir: has a package comment
	for _, s := range all {
		if !s.test {
			packages[s.dir] = packages[s.dir] || s.file.Doc.Text() != ""
		}
	}
	for dir, documented := range packages {
		if !documented {
			t.Errorf("%s has no package comment", dir)
		}
	}
}

// receiverExported reports whether d is a function, or a method that an
// importer can see and that says more than that an interface is satisfied.
func receiverExported(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	if slices.Contains([]string{"Error", "Unwrap", "String", "Len", "Less", "Swap"}, d.Name.Name) {
		return false
	}
	typ := d.Recv.List[0].Type
	for {
		switch x := typ.(type) {
		case *ast.StarExpr:
			typ = x.X
		case *ast.IndexExpr:
			typ = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return false
		}
	}
}

// settled are the ways to give a package-level variable a value that nobody
// changes afterwards.
var settled = regexp.MustCompile(`^(regexp\.MustCompile|errors\.New|fmt\.Errorf|fmt\.Sprintf|strings\.NewReplacer|template\.Must|time\.FixedZone|sync\.OnceValue|cron\.NewParser)$`)

// variables are the package-level variables that the rule below does not
// understand, each with the reason why it may stay.
var variables = map[string]string{
	"cmd/watcherd.version":          "the linker sets it in a release",
	"pkg/notifier/email.quoteMark":  "an expression that later compiles once, when it is asked for",
	"pkg/notifier/email.stopMark":   "an expression that later compiles once, when it is asked for",
	"pkg/notifier/email.attributes": "an expression that later compiles once, when it is asked for",
	"pkg/notifier/email.wrote":      "an expression that later compiles once, when it is asked for",
	"pkg/notifier/email.separator":  "an expression that later compiles once, when it is asked for",
	"pkg/notifier/email.fieldLine":  "an expression that later compiles once, when it is asked for",
	"pkg/notifier/email.signature":  "an expression that later compiles once, when it is asked for",
	"pkg/twelve306/railsim.siteMap": "a table that is built once from two others",
}

// TestNoMutableState checks that packages have no init functions and no
// variables that change: what changes belongs to a value that somebody made.
func TestNoMutableState(t *testing.T) {
	fset, all := sources(t)
	byDir := map[string][]source{}
	for _, s := range all {
		if !s.test {
			byDir[s.dir] = append(byDir[s.dir], s)
		}
	}
	used := map[string]bool{}
	for dir, files := range byDir {
		for _, s := range files {
			for _, d := range s.file.Decls {
				if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
					t.Errorf("%s: an init function; do it where it is needed", fset.Position(f.Pos()))
				}
				g, ok := d.(*ast.GenDecl)
				if !ok || g.Tok != token.VAR {
					continue
				}
				for _, spec := range g.Specs {
					v := spec.(*ast.ValueSpec)
					for i, n := range v.Names {
						if n.Name == "_" {
							continue
						}
						full := dir + "." + n.Name
						var value ast.Expr
						if i < len(v.Values) {
							value = v.Values[i]
						}
						if variables[full] != "" {
							used[full] = true
						} else if !constant(value) && !embedded(g, v) {
							t.Errorf("%s: the variable %s: make it part of a value, or say in house_test.go why it may stay", fset.Position(n.Pos()), full)
						}
					}
				}
			}
		}
		for _, w := range writes(fset, files) {
			t.Errorf("%s: %s.%s is changed here", fset.Position(w.Pos()), dir, w.Name)
		}
	}
	for full := range variables {
		if !used[full] {
			t.Errorf("there is no variable %s any more: take it out of house_test.go", full)
		}
	}
}

// constant reports whether a value is one that nothing need change: a literal,
// a table, or the work of one of the settled functions.
func constant(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return true
	case *ast.CompositeLit:
		return len(e.Elts) > 0 // an empty one is there to be filled
	case *ast.CallExpr:
		var b bytes.Buffer
		fun := e.Fun
		if ix, ok := fun.(*ast.IndexExpr); ok {
			fun = ix.X
		}
		if sel, ok := fun.(*ast.SelectorExpr); ok {
			fmt.Fprintf(&b, "%s.%s", sel.X, sel.Sel)
		}
		return settled.MatchString(b.String())
	}
	return false
}

// embedded reports whether the compiler fills the variable from a file.
func embedded(g *ast.GenDecl, v *ast.ValueSpec) bool {
	for _, group := range []*ast.CommentGroup{g.Doc, v.Doc} {
		if group == nil {
			continue
		}
		for _, c := range group.List {
			if strings.HasPrefix(c.Text, "//go:embed ") {
				return true
			}
		}
	}
	return false
}

// writes finds the places of a package that change one of its variables or
// take its address.
func writes(fset *token.FileSet, sources []source) []*ast.Ident {
	var files []*ast.File
	for _, s := range sources {
		files = append(files, s.file)
	}
	// What is imported stays unknown: only the package's own names are asked for.
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	pkg, _ := (&types.Config{Error: func(error) {}}).Check("p", fset, files, info)
	var out []*ast.Ident
	hit := func(e ast.Expr) {
		for {
			switch x := e.(type) {
			case *ast.ParenExpr:
				e = x.X
			case *ast.StarExpr:
				e = x.X
			case *ast.IndexExpr:
				e = x.X
			case *ast.SelectorExpr:
				e = x.X
			case *ast.Ident:
				if v, ok := info.Uses[x].(*types.Var); ok && v.Parent() == pkg.Scope() {
					out = append(out, x)
				}
				return
			default:
				return
			}
		}
	}
	look := func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				for _, l := range n.Lhs {
					hit(l)
				}
			}
		case *ast.IncDecStmt:
			hit(n.X)
		case *ast.UnaryExpr:
			// A pointer to a row of a table spares a copy of it.
			if _, row := n.X.(*ast.IndexExpr); n.Op == token.AND && !row {
				hit(n.X)
			}
		case *ast.RangeStmt:
			if n.Tok == token.ASSIGN {
				hit(n.Key)
				hit(n.Value)
			}
		case *ast.CallExpr:
			if id, ok := n.Fun.(*ast.Ident); ok && (id.Name == "delete" || id.Name == "clear") && len(n.Args) > 0 {
				hit(n.Args[0])
			}
		}
		return true
	}
	for _, f := range files {
		ast.Inspect(f, look)
	}
	return out
}
