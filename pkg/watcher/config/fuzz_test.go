package config

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/watcherd/watcherd/pkg/twelve306"
)

// FuzzLoad: a file is taken complete, or every mistake in it has a place in it
// and words without a secret.
func FuzzLoad(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	dir := f.TempDir()
	path := filepath.Join(dir, "watch.yaml")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(path, testEnv(dir), testDay)
		if (c == nil) == (err == nil) {
			t.Fatalf("config %v, error %v", c, err)
		}
		var ps Problems
		if err != nil {
			ps = err.(Problems)
			if len(ps) == 0 {
				t.Fatal("an error without a problem")
			}
		} else {
			ps = c.Warnings
			for _, r := range c.Rules {
				if r.Name == "" || len(r.Seats) == 0 || r.Schedule == nil || len(r.Journeys()) == 0 || r.Action == "" {
					t.Fatalf("an incomplete rule %+v", r)
				}
			}
			if err := c.Describe(&strings.Builder{}, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		lines := bytes.Count(data, []byte("\n")) + 1
		for i, p := range ps {
			if p.Line < 1 || p.Column < 1 || p.Line > lines || strings.ContainsFunc(p.String(), unicode.IsControl) {
				t.Fatalf("problem %q of a file of %d lines", p, lines)
			}
			if strings.Contains(p.Text, "geheim") && !bytes.Contains(data, []byte("geheim")) {
				t.Fatalf("the environment is told: %v", p)
			}
			if i > 0 && (p.Line < ps[i-1].Line) {
				t.Fatalf("out of order: %v", ps)
			}
		}
	})
}

// FuzzExpand: only ${NAME} is replaced, a value is taken as it is, and no
// error repeats one.
func FuzzExpand(f *testing.F) {
	for _, s := range []string{"", "a", "${NAME}", "$NAME", "$${NAME}", "$$${NAME}", "${NAME", "${}", "${1A}", "${NO_SUCH}", "x${NAME}y${SELF}z", "${NAME}}", "$${$${", "${ſ}"} {
		f.Add(s)
	}
	env := func(name string) (string, bool) {
		v, ok := map[string]string{"NAME": "hunter2-geheim", "SELF": "${NAME}", "EMPTY": ""}[name]
		return v, ok
	}
	name := regexp.MustCompile(`\$\{[A-Za-z_][A-Za-z_0-9]*\}`)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := expand(text, env)
		if err != nil {
			if !strings.Contains(text, "${") || got != "" || strings.Contains(err.Error(), "geheim") && !strings.Contains(text, "geheim") {
				t.Fatalf("%q: %q, %v", text, got, err)
			}
			return
		}
		if !strings.Contains(text, "$${") {
			want := name.ReplaceAllStringFunc(text, func(s string) string { v, _ := env(s[2 : len(s)-1]); return v })
			if got != want {
				t.Fatalf("%q is %q, want %q", text, got, want)
			}
			return
		}
		if literal := strings.ReplaceAll(text, "$${", ""); !strings.Contains(literal, "${") && got != strings.ReplaceAll(text, "$${", "${") {
			t.Fatalf("%q is %q", text, got)
		}
	})
}

// FuzzDays: what is taken is one day or a short range without a gap, and what
// an error proposes is taken.
func FuzzDays(f *testing.F) {
	for _, s := range []string{"2027-02-03", "2027-02-04..2027-02-06", "2027-02-06..2027-02-04", "2027-2-3", "2027年2月3日", "20270203", "2027-02-30", "..", "0000-01-01..0000-03-01", "9999-12-31..9999-12-31", "明天"} {
		f.Add(s)
	}
	proposal := regexp.MustCompile(`did you mean ([0-9.-]+)\?`)
	f.Fuzz(func(t *testing.T, text string) {
		days, err := parseDays(text)
		if err != nil {
			if len(days) > 0 || !utf8.ValidString(err.Error()) || strings.ContainsFunc(err.Error(), unicode.IsControl) {
				t.Fatalf("%q: %v, %q", text, days, err)
			}
			if m := proposal.FindStringSubmatch(err.Error()); m != nil && !strings.Contains(text, "did you mean") {
				if _, err := parseDays(m[1]); err != nil && !strings.Contains(err.Error(), "longer than") {
					t.Fatalf("%q: it proposes %s, and then says %v", text, m[1], err)
				}
			}
			return
		}
		if len(days) < 1 || len(days) > maxDays {
			t.Fatalf("%q is %d days", text, len(days))
		}
		for i, d := range days {
			if got, err := twelve306.ParseDate(d.String()); err != nil || got != d || d != days[0].AddDays(i) {
				t.Fatalf("%q: day %d is %v", text, i, d)
			}
		}
	})
}

// FuzzSecretFile: a secret is one line without its end, and an error tells
// nothing of it.
func FuzzSecretFile(f *testing.F) {
	for _, s := range []string{"hunter2\n", "hunter2\r\n", "a\nb", "", "\n\n", "\x00", " hunter2 ", "\ufeffx", "\xff"} {
		f.Add([]byte(s))
	}
	path := filepath.Join(f.TempDir(), "secret")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		text, err := readSecret(path)
		if err != nil {
			if text != "" || len(err.Error()) > len(path)+100 {
				t.Fatalf("%q, %v", text, err)
			}
			return
		}
		if text == "" || strings.ContainsAny(text, "\r\n\x00") || len(text) > maxSecret || !strings.HasPrefix(string(data), text) {
			t.Fatalf("%q of %q", text, data)
		}
		if s := Secret(text).String(); strings.Contains(s, text) && !strings.Contains("<secret>", text) {
			t.Fatalf("it prints as %s", s)
		}
	})
}
