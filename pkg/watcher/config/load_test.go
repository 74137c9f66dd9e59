package config

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
)

var update = flag.Bool("update", false, "write what Load says into the first lines of testdata/*.yaml; read the diff before you believe it")

var testDay = twelve306.Date{Year: 2027, Month: time.January, Day: 20}

// testEnv is the environment of the files in testdata.
func testEnv(dir string) func(string) (string, bool) {
	env := map[string]string{
		"HOME":                  "/home/me",
		"NAME":                  "zhangsan",
		"FIVE":                  "5",
		"EMPTY":                 "",
		"BOTH":                  "hunter2, geheim",
		"STATION":               "hunter2-geheim",
		"CREDENTIALS_DIRECTORY": filepath.Join(dir, "secrets"),
	}
	return func(name string) (string, bool) { v, ok := env[name]; return v, ok }
}

// placeFile writes a configuration where a person would have it: alone, readable
// for its owner, with the secrets beside it.
func placeFile(t testing.TB, data []byte) (path string) {
	t.Helper()
	dir := t.TempDir()
	path = filepath.Join(dir, "watch.yaml")
	files := map[string]string{
		"watch.yaml":        string(data),
		"secrets/12306":     "hunter2-geheim\n",
		"secrets/open":      "hunter2-geheim\n",
		"secrets/telegram":  "1:hunter2-geheim\r\n",
		"secrets/empty":     "\n",
		"secrets/two-lines": "hunter2-geheim\nb\n",
	}
	for name, text := range files {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(dir, "secrets/open"), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t testing.TB, data []byte) (*Config, Problems) {
	t.Helper()
	path := placeFile(t, data)
	c, err := Load(path, testEnv(filepath.Dir(path)), testDay)
	var ps Problems
	if err != nil && !errors.As(err, &ps) {
		t.Fatalf("the error is a %T: %v", err, err)
	}
	if (err == nil) != (c != nil) {
		t.Fatalf("config %v, error %v", c, err)
	}
	return c, ps
}

// wanted returns what the first comments of a test file want: Line:Column: key:
// text, one problem or warning each. They count as lines of the file.
func wanted(data []byte) (want []string) {
	for line := range strings.Lines(string(data)) {
		w, ok := strings.CutPrefix(strings.TrimSpace(line), "# want ")
		if !ok {
			break
		}
		want = append(want, w)
	}
	return want
}

var wantLines = regexp.MustCompile(`^(# want.*\n)+`)

// said returns problems as the test files want them: the path is left out, and
// the temporary folder is DIR.
func said(ps []Problem, dir string) []string {
	var out []string
	for _, p := range ps {
		s := strings.TrimPrefix(p.String(), p.File+":")
		out = append(out, strings.ReplaceAll(s, dir, "DIR"))
	}
	return out
}

func TestTestdata(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c, ps := load(t, data)
			got := ps
			if c != nil {
				got = c.Warnings
			}
			if bad := strings.HasPrefix(filepath.Base(file), "bad-"); bad != (c == nil) {
				t.Errorf("bad %v, but: %v", bad, ps)
			}
			kind, _, _ := strings.Cut(filepath.Base(file), "-")
			if (kind == "warn") != (c != nil && len(got) > 0) {
				t.Errorf("the name says %s, and there are %d warnings", kind, len(c.Warnings))
			}
			dir := ""
			if len(got) > 0 {
				dir = filepath.Dir(got[0].File)
			}
			lines := said(got, dir)
			if *update {
				updateWant(t, file, data)
				return
			}
			if g, w := strings.Join(lines, "\n"), strings.Join(wanted(data), "\n"); g != w {
				t.Errorf("says\n%s\nwant\n%s", g, w)
			}
			if g := strings.Join(lines, "\n"); strings.Contains(g, "hunter2") || strings.Contains(g, "geheim") {
				t.Errorf("a secret is told: %s", g)
			}
			for _, p := range got {
				if e := p.Excerpt(); strings.Contains(e, "hunter2") || strings.Contains(e, "geheim") {
					t.Errorf("a secret is shown: %s", e)
				}
			}
		})
	}
}

// updateWant writes the wanted lines anew. Their number moves the rest of the
// file, so it loads again with as many lines as there will be.
func updateWant(t *testing.T, file string, data []byte) {
	body := wantLines.ReplaceAll(data, nil)
	head := []byte(nil)
	for range 2 {
		c, ps := load(t, append(head, body...))
		if c != nil {
			ps = c.Warnings
		}
		head = nil
		if len(ps) > 0 {
			for _, s := range said(ps, filepath.Dir(ps[0].File)) {
				head = append(head, "# want "+s+"\n"...)
			}
		}
	}
	if out := append(head, body...); !bytes.Equal(out, data) {
		if err := os.WriteFile(file, out, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
