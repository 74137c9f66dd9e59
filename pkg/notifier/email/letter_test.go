package email

import (
	"bytes"
	"encoding/base64"
	"flag"
	"html"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
)

var update = flag.Bool("update", false, "write testdata/letters anew; look at them before you believe them")

// letters are one mail of each sort, in both languages.
func letters(d *Driver) map[string]letter {
	const id = "0123456789abcdef0123456789abcdef"
	out := map[string]letter{}
	for _, lang := range []notifier.Lang{notifier.Chinese, notifier.English} {
		d.lang = lang
		for _, kind := range []notifier.Kind{notifier.Picture, notifier.SMS, notifier.QR, notifier.Offer, notifier.App} {
			p := notifier.Prompt{
				ID: id, Kind: kind, Lang: lang, Title: lang.Pick("登录 12306 要验证码：回家", "12306 wants a captcha: home"),
				Text:     lang.Pick("选出所有的 <刺猬> & 苹果\n02-03 广州南 → 武汉 G1110 二等座", "Choose every <hedgehog> & apple\n02-03 Guangzhounan → Wuhan G1110 second class"),
				Deadline: time.Now().Add(3 * time.Minute), Link: "https://watch.example.com/a/xyz?q=1&r=2",
			}
			if kind == notifier.Picture || kind == notifier.QR {
				p.Image = captcha()
			}
			out[string(kind)+"-"+string(lang)] = d.ask(p, []string{"wd.ffff.q@example.com", "wd.eeee.q@example.com"})
		}
		out["news-"+string(lang)] = d.news(notifier.Message{
			ID: id, Title: lang.Pick("订到了，15:30 前付款", "Booked: pay before 15:30"), Text: "E123456789\nG1110 02-03 08:00–11:59", Seen: "00ff00ff00ff00ff",
		})
		out["word-"+string(lang)] = d.word(&question{id: "wd." + id + ".q@example.com", p: notifier.Prompt{ID: id, Lang: lang, Title: "T"}}, lang.Late())
	}
	return out
}

// TestLetters compares the texts and the pages with those in testdata, and
// checks that each mail is what its pieces say.
func TestLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // for the clock
		log, _ := watched(t)
		d, err := New(config("127.0.0.1:25", "127.0.0.1:143", "none"), notifier.Chinese, log)
		if err != nil {
			t.Fatal(err)
		}
		for name, l := range letters(d) {
			m, err := d.message(l, mail.Address{Name: "小明", Address: me})
			if err != nil {
				t.Fatal(err)
			}
			var raw bytes.Buffer
			if _, err := m.WriteTo(&raw); err != nil {
				t.Fatal(err)
			}
			got := parsed(t, raw.Bytes())
			golden := filepath.Join("testdata", "letters", name)
			for ext, text := range map[string]string{".txt": got.received.plain, ".html": got.received.html} {
				text = strings.ReplaceAll(text, "\r\n", "\n")
				if *update {
					if err := os.WriteFile(golden+ext, []byte(text), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden + ext)
				if err != nil || text != string(want) {
					t.Errorf("%s%s: %v; it is now\n%s", name, ext, err, text)
				}
			}
			if got.subject() != l.Subject || got.header.Get("Message-Id") != "<"+l.ID+">" {
				t.Errorf("%s: %v", name, got.header)
			}
			if n := len(l.Thread); n > 0 && got.header.Get("In-Reply-To") != "<"+l.Thread[n-1]+">" {
				t.Errorf("%s: in reply to %s", name, got.header.Get("In-Reply-To"))
			}
			if strings.HasPrefix(name, "picture") && bytes.Equal(l.Picture, captcha()) {
				t.Error("the picture has no numbers")
			}
			inline := related(t, got)
			if strings.Contains(got.received.html, "cid:") != (len(inline) > 0) || (len(l.Picture) > 0) != (len(inline) > 0) || len(inline) > 0 && !bytes.Equal(inline, l.Picture) {
				t.Errorf("%s: the picture is not that of the page: %d bytes of %d", name, len(inline), len(l.Picture))
			}
			// A button writes a mail that is an answer.
			links := regexp.MustCompile(`href="(mailto:[^"]*)"`).FindAllStringSubmatch(got.received.html, -1)
			if len(links) != len(l.Buttons) {
				t.Errorf("%s: %d buttons, %d links", name, len(l.Buttons), len(links))
			}
			for i, link := range links {
				u, err := url.Parse(html.UnescapeString(link[1]))
				if err != nil {
					t.Fatal(err)
				}
				to, _ := url.PathUnescape(u.Opaque)
				reply := &received{plain: u.Query().Get("body")}
				asked, shown := reply.about(func(id string) bool { return id == l.Mark })
				if to != daemon || reply.line() != l.Buttons[i].Word || asked != l.Mark && shows+shown != l.Mark {
					t.Errorf("%s: the button %s writes %q to %q", name, l.Buttons[i].Word, reply.plain, to)
				}
				if strings.HasPrefix(name, "news") {
					if !notifier.IsKnown(reply.line()) {
						t.Errorf("%s is not understood", reply.line())
					}
					continue
				}
				kind, lang, _ := strings.Cut(name, "-")
				if _, err := (notifier.Prompt{Kind: notifier.Kind(kind), Lang: notifier.Lang(lang)}).Parse(reply.line()); err != nil {
					t.Errorf("%s: the button %q is no answer", name, reply.line())
				}
			}
		}
	})
}

// related returns the part that the page shows.
func related(t *testing.T, m mailed) []byte {
	t.Helper()
	var walk func(kind string, r io.Reader) []byte
	walk = func(kind string, r io.Reader) []byte {
		media, params, err := mime.ParseMediaType(kind)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(media, "multipart/") {
			return nil
		}
		for parts := multipart.NewReader(r, params["boundary"]); ; {
			p, err := parts.NextPart()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				t.Fatal(err)
			}
			if p.Header.Get("Content-Id") == "<"+pictureID+">" {
				if !strings.HasPrefix(p.Header.Get("Content-Disposition"), "inline") {
					t.Errorf("the picture is %s", p.Header.Get("Content-Disposition"))
				}
				b, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, p))
				if err != nil {
					t.Fatal(err)
				}
				return b
			}
			if b := walk(p.Header.Get("Content-Type"), p); b != nil {
				return b
			}
		}
	}
	raw, err := mail.ReadMessage(bytes.NewReader(m.raw))
	if err != nil {
		t.Fatal(err)
	}
	return walk(raw.Header.Get("Content-Type"), raw.Body)
}

// A title or a text cannot add a header or a tag.
func TestNoInjection(t *testing.T) {
	log, _ := watched(t)
	d, err := New(config("127.0.0.1:25", "127.0.0.1:143", "none"), notifier.Chinese, log)
	if err != nil {
		t.Fatal(err)
	}
	for _, evil := range []string{"a\r\nBcc: evil@example.com\r\n\r\n<script>alert(1)</script>", "\x00\x1b[31m<img src=x onerror=y>", strings.Repeat("长", 5000), "=?utf-8?B?YQ==?=\n.\nQUIT"} {
		m, err := d.message(d.news(notifier.Message{ID: notifier.NewID(), Title: evil, Text: evil, Link: "javascript:alert(1)"}), mail.Address{Address: me})
		if err != nil {
			t.Fatal(err)
		}
		var raw bytes.Buffer
		if _, err := m.WriteTo(&raw); err != nil {
			t.Fatal(err)
		}
		got := parsed(t, raw.Bytes())
		if got.header.Get("Bcc") != "" || strings.Contains(got.received.html, "<script") || strings.Contains(got.received.html, "<img") || strings.Contains(got.received.html, `href="javascript`) {
			t.Errorf("%q got through: %v\n%s", evil, got.header, got.received.html)
		}
		if s := got.subject(); strings.ContainsAny(s, "\r\n\x00\x1b") || len([]rune(s)) > maxSubject {
			t.Errorf("the subject is %q", s)
		}
	}
}
