package terminal

import (
	"bytes"
	"image"
	"image/png"
	"os"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// FuzzHear: whatever is typed, what appears is text, one answer counts, and
// its numbers are 1 to 8. Nor does anything that is asked or told move the
// cursor.
func FuzzHear(f *testing.F) {
	for i, s := range []string{"2 5", "#1 2 5", "＃１ 25", "#2 yes", "#", "#99999999999999999999 x", "x", "\x1b[2J", "\xff", "42,38,253,34", "抢", "012345", "#1", "#-1 2"} {
		f.Add(i, s, "回家：\x1b]0;G1110\x07\n\u009b2J")
	}
	kinds := []notifier.Kind{notifier.Picture, notifier.SMS, notifier.QR, notifier.Offer, notifier.App}
	f.Fuzz(func(t *testing.T, kind int, line, foreign string) {
		var out bytes.Buffer
		d := New(nil, &out, Options{Columns: -1})
		p := notifier.Prompt{
			ID: "1", Kind: kinds[uint(kind)%uint(len(kinds))], Lang: notifier.Chinese, Title: foreign, Text: foreign, Link: foreign,
			Deadline: time.Now().Add(time.Hour),
		}
		q, err := d.begin(p)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Notify(t.Context(), notifier.Message{Title: foreign, Text: foreign, Link: foreign}); err != nil {
			t.Fatal(err)
		}
		d.hear(line)
		d.hear(line)
		if len(q.reply) > 1 || (len(q.reply) == 1) != (len(d.open) == 0) {
			t.Fatalf("%d replies, %d open", len(q.reply), len(d.open))
		}
		if len(q.reply) == 1 {
			r := <-q.reply
			for _, n := range r.Picks {
				if n < 1 || n > 8 {
					t.Fatalf("%+v", r)
				}
			}
			if r.Channel != channel || r.At.IsZero() || p.Kind != notifier.Picture && len(r.Picks)+len(r.Points) > 0 {
				t.Fatalf("%+v", r)
			}
		}
		shown := out.String()
		if strings.ContainsFunc(shown, func(r rune) bool { return unicode.IsControl(r) && r != '\n' }) || !utf8.ValidString(shown) {
			t.Fatalf("%q", shown)
		}
	})
}

// FuzzPaint: a picture of any bytes is drawn with our own escapes alone, no
// wider than the terminal and not without end.
func FuzzPaint(f *testing.F) {
	for _, name := range []string{"captcha.jpg", "qr.png"} {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, true, 80)
		f.Add(b, false, 60)
		f.Add(b[:len(b)/2], false, 200)
	}
	f.Add(gray(f, 1, 100_000), false, 80) // thinner and taller than any screen
	f.Add(gray(f, 40, 20), false, 80)
	f.Add([]byte("GIF89a"), false, 80)
	f.Fuzz(func(t *testing.T, img []byte, qr bool, columns int) {
		p := notifier.Prompt{Kind: notifier.Picture, Image: img}
		if qr {
			p.Kind = notifier.QR
		}
		columns %= 1000
		var b bytes.Buffer
		if !paint(&b, p, columns) {
			if b.Len() > 0 {
				t.Fatalf("not drawn, but %d bytes", b.Len())
			}
			return
		}
		text := escapes.ReplaceAllString(b.String(), "")
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		if len(lines) > maxHeight*maxColumns/2 {
			t.Fatalf("%d lines", len(lines))
		}
		for _, line := range lines {
			if n := utf8.RuneCountInString(line); n > min(max(columns, 0), 200) || strings.Trim(line, "▀12345678") != "" {
				t.Fatalf("%d columns of %d: %q", n, columns, line)
			}
		}
	})
}

// gray is a small file that is a picture.
func gray(f *testing.F, w, h int) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, w, h))); err != nil {
		f.Fatal(err)
	}
	return b.Bytes()
}
