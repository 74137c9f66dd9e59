package email

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzRead reads mails that anybody may have written.
func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/replies/*.eml")
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
	f.Add([]byte("From: a@b\r\nContent-Type: text/html\r\n\r\n<div class=gmail_quote>1</div><p title='>'>2&#x20;5<br"))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, headErr := readHeader(data)
		m, err := read(data)
		if err != nil {
			return
		}
		if len(data) <= maxMail && headErr == nil && (h.from != m.from || h.automatic != m.automatic || h.id != m.id) {
			t.Errorf("the header alone says %q %q %v, the mail %q %q %v", h.from, h.id, h.automatic, m.from, m.id, m.automatic)
		}
		if len(m.plain) > 4*maxMail || len(m.html) > 4*maxMail {
			t.Errorf("%d bytes of mail gave %d and %d", len(data), len(m.plain), len(m.html))
		}
		line := m.line()
		if len(line) > maxLine || strings.Contains(line, "\n") || line != strings.TrimSpace(line) && len(line) < maxLine {
			t.Errorf("the line is %q", line)
		}
		if strings.HasPrefix(line, ">") {
			t.Errorf("a quoted line is returned: %q", line)
		}
		if !utf8.ValidString(m.subject) || strings.ContainsAny(m.subject, "\r\n") {
			t.Errorf("the subject is %q", m.subject)
		}
		if m.id != "" && strings.ContainsAny(m.id, "<> \r\n\t") {
			t.Errorf("the Message-ID is %q", m.id)
		}
		m.about(func(string) bool { return false })
	})
}
