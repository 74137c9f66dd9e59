package email

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const sampleToken = "0123456789abcdef0123456789abcdef"

// replies are the mails in testdata/replies, made after those of the programs
// that they are named for, and what the person wrote in each.
var replies = map[string]string{
	"gmail-android-zh-hant": "2 5", "gmail-bottom": "2 5", "gmail-empty": "", "gmail-html-bottom": "2 5", "gmail-html-only": "2 5",
	"gmail-html-only-zh": "换", "gmail-signature": "2 5", "gmail-web-en": "2 5", "gmail-web-zh": "2 5", "gmail-wrapped": "抢",
	"outlook-android-zh": "2 5", "outlook-desktop-en": "2 5", "outlook-desktop-html-only-empty": "", "outlook-desktop-zh": "2 5",
	"outlook-html-only": "2\u00a05", "outlook-ios-en": "2 5", "outlook-ios-zh": "2 5", "outlook-mac-en": "2 5", "outlook-web-en": "2 5",
	"outlook-web-zh": "2 5", "outlook-windows-mail-zh": "2 5",
	"qq-html-only": "２、５", "qq-html-only-empty": "", "qq-new-web-html-only": "2 5", "qq-phone": "2 5", "qq-phone-android": "2 5",
	"qq-phone-html-only": "2 5", "qq-web": "2 5", "qq-web-en": "2 5",
	"foxmail": "2 5", "foxmail-no-thread": "2 5",
	"163-html-only": "2 5", "163-html-only-empty": "", "163-master": "2 5", "163-master-empty": "", "163-master-en": "2 5",
	"163-master-html-only": "2 5", "163-master-phone": "2 5", "163-web": "2 5", "163-web-zh": "2 5",
	"apple-ipad-en": "2 5", "apple-iphone-empty": "", "apple-iphone-en": "25", "apple-iphone-html-only": "2 5", "apple-iphone-zh": "2 5",
	"apple-iphone-zh-hant": "抢", "apple-iphone-zh-new": "2 5", "apple-mac-en": "2 5", "apple-mac-html-only-en": "2 5", "apple-mac-zh": "取消",
	"attachment": "2 5", "attachment-first": "2 5", "button": "抢", "dingtalk": "2 5", "empty": "", "huawei": "2 5", "odd-blanks": "2 5",
	"proton": "2 5", "samsung": "2 5", "signature-only": "", "thunderbird-bottom": "2 5", "thunderbird-html-only": "2 5", "thunderbird-zh": "2 5",
	"unknown-charset": "2 5", "wework": "2 5", "wrong-charset": "换一张", "xiaomi": "2 5", "yahoo": "2 5",
}

func TestReplies(t *testing.T) {
	files, err := filepath.Glob("testdata/replies/*.eml")
	if err != nil || len(files) != len(replies) {
		t.Errorf("%d files, %d rows, %v", len(files), len(replies), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".eml")
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want, ok := replies[name]
			if !ok {
				t.Fatal("it has no row")
			}
			m, err := read(data)
			if err != nil {
				t.Fatal(err)
			}
			if got := m.line(); got != want {
				t.Errorf("the line is %q, want %q", got, want)
			}
			// The HTML alone must say the same: some programs send no text.
			if m.html != "" {
				if got := firstLine(htmlText(m.html)); got != want {
					t.Errorf("the line of the HTML is %q, want %q, of\n%s", got, want, htmlText(m.html))
				}
			}
			asked, _ := m.about(func(id string) bool { return id == sampleToken })
			if bare := strings.Contains(name, "charset") || strings.HasPrefix(name, "attach") || name == "odd-blanks"; !bare && asked != sampleToken {
				t.Errorf("it is about %q", asked)
			}
			if m.from != "me@example.com" || m.automatic {
				t.Errorf("from %q, automatic %v", m.from, m.automatic)
			}
			h, err := readHeader(data)
			if err != nil || h.from != m.from || h.id != m.id {
				t.Errorf("the header alone: %+v, %v", h, err)
			}
			// Without its header lines the quote still says which question.
			if h.refs != nil && !strings.Contains(m.plain+m.html, sampleToken) && asked == "" {
				t.Error("the quote has lost the token")
			}
		})
	}
}

// No person wrote these.
func TestAutomatic(t *testing.T) {
	for _, header := range []string{
		"Auto-Submitted: auto-replied", "Auto-Submitted: auto-generated (rejected)", "X-Autoreply: yes", "X-Autorespond: x", "Precedence: bulk",
		"Precedence: auto_reply", "Precedence: junk", "List-Id: <x.example.com>", "Return-Path: <>", "X-Failed-Recipients: a@example.com",
		"Content-Type: multipart/report; report-type=delivery-status; boundary=x", "Message-ID: <wd." + sampleToken + ".q@example.com>",
		"X-Auto-Reply: yes", "X-POST-MessageClass: 9; Autoresponder",
		"Subject: 自动回复：请选图", "Subject: =?UTF-8?B?6Ieq5Yqo5Zue5aSNOiDor7fpgInlm74=?=", "Subject: Automatic reply: x", "Subject: Out of Office: x", "Subject: Auto: x", "Subject: AutoReply: x",
		"From: MAILER-DAEMON@example.com", "From: Mail Delivery System <Postmaster@example.com>",
	} {
		text := header + "\r\nX-Subject: x\r\n\r\n2 5\r\n"
		if !strings.HasPrefix(header, "From") {
			text = "From: me@example.com\r\n" + text
		}
		if m, err := readHeader([]byte(text)); err != nil || !m.automatic {
			t.Errorf("%s: a person wrote it, %v", header, err)
		}
	}
	for _, header := range []string{"Auto-Submitted: no", "Precedence: first-class", "Subject: Re: 请选图", "Subject: 回复：自动回复", "X-POST-MessageClass: 1; Personal", "Return-Path: <me@example.com>", "Content-Type: multipart/mixed; boundary=x"} {
		if m, err := readHeader([]byte("From: me@example.com\r\n" + header + "\r\n\r\n2 5\r\n")); err != nil || m.automatic {
			t.Errorf("%s: no person wrote it, %v", header, err)
		}
	}
}

// Charsets that few programs still write, and types that are written wrongly,
// are read all the same.
func TestOddBodies(t *testing.T) {
	for head, tt := range map[string]struct{ body, want string }{
		`Content-Type: text/plain; charset=utf-16le`:                 {"2\x00 \x005\x00\n\x00", "2 5"},
		`Content-Type: text/plain; charset=utf-16`:                   {"\xff\xfeb\x63\n\x00", "换"},
		`Content-Type: text/plain; charset="utf-16be"`:               {"\x63b\x00\n", "换"},
		`Content-Type: text/plain; charset=hz-gb-2312`:               {"~{;;~}\n", "换"},
		`Content-Type: text/html; charset="utf-8`:                    {"<p>2 5</p>", "2 5"},
		`Content-Type: TEXT/HTML; charset=gbk; charset=gbk`:          {"<p>\xbb\xbb</p>", "换"},
		`Content-Type: text/html; name=a b; charset=gbk`:             {"<p>\xbb\xbb</p>", "换"},
		`Content-Type: text/plain; charset=utf-8; format=flowed; x=`: {"2 5\n", "2 5"},
	} {
		raw := "From: me@example.com\r\n" + head + "\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString([]byte(tt.body)) + "\r\n"
		m, err := read([]byte(raw))
		if err != nil || m.line() != tt.want {
			t.Errorf("%s: %v, %+v, want %q", head, err, m, tt.want)
		}
	}
}

// A mail comes from one address or from nobody: what stands in a name is no
// address.
func TestFrom(t *testing.T) {
	for header, want := range map[string]string{
		"From: ME@Example.com":                                  "me@example.com",
		"From: \"me@example.com\" <stranger@example.org>":       "stranger@example.org",
		"From: me@example.com, stranger@example.org":            "",
		"From: me@example.com\r\nFrom: stranger@example.org":    "",
		"From: =?klingon?B?AAAA?= <me@example.com>":             "me@example.com",
		"From: me@example.com <stranger@example.org>":           "",
		"From: me@work <me@example.com>":                        "me@example.com",
		"From: me@example.com <me@example.com>":                 "me@example.com",
		"From: M. Li, Jr. <ME@example.com>":                     "me@example.com",
		"From: \xd0\xa1\xc3\xf7 <me@example.com>":               "me@example.com", // GBK as it is
		"From: \"\xd0\xa1\xc3\xf7\" <me@example.com>":           "me@example.com",
		"From: stranger@example.org, Li, <me@example.com>":      "",
		"From: Li, Jr. <stranger@example.org> <me@example.com>": "",
		"From: Li, Jr. <me@example.com>, x@example.org":         "",
		"From: M. Li, Jr. <me@example.com> and others":          "",
		"From:":  "",
		"To: me": "",
	} {
		m, err := readHeader([]byte(header + "\r\n\r\n"))
		if err != nil || m.from != want {
			t.Errorf("%s: %+v, %v; want %q", header, m, err, want)
		}
	}
}

// What a person writes instead of an answer is still his line.
func TestFirstLine(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "",
		"> 2 5":                  "",
		"\r\n\r\n  2 5\r\n1 2":   "2 5",
		"-- \r\n2 5":             "",
		"--- 2 5 ---":            "",
		"on the train, wait":     "on the train, wait",
		"At last: 2 5":           "At last: 2 5",
		"在 2 和 5":                "在 2 和 5",
		"42,38,253,34":           "42,38,253,34",
		"123456":                 "123456",
		"２０２６年":                  "２０２６年",
		"x":                      "x",
		"?":                      "?",
		"to: you":                "",
		"2 5\nOn Monday\nwrote:": "2 5",
		"watcherd wrote:\n\n> please\n> 3 6\n\n2 5": "2 5",
		"watcherd 写道：\n> 请选图\n2 5":                  "2 5",
		"as my father wrote:\n2 5":                  "as my father wrote:",
		"来自vivo电子邮件\n2 5":                           "2 5",
		"来自我的OPPO手机\n2 5":                           "2 5",
		"来自 139邮箱\n2 5":                             "2 5",
		"来自小明":                                      "来自小明",
		strings.Repeat("a", 999):                    strings.Repeat("a", maxLine),
		strings.Repeat("> \n", maxLines) + "2 5":    "",
	} {
		if got := firstLine(text); got != want {
			t.Errorf("%.40q: %q, want %q", text, got, want)
		}
	}
}

// All after the header of a quoted mail is quoted, however it is wrapped.
func TestHTMLText(t *testing.T) {
	for page, want := range map[string]string{
		`<div><br></div><div id="divRplyFwdMsg">From: x</div><div>12306 wants a captcha</div>`:             "",
		`<div id="appendonsend"></div><p>12306 wants a captcha</p>`:                                        "",
		`<p>2&nbsp;&#53;</p><style>p{}</style>`:                                                            "2\u00a05",
		`<html><head><meta charset=utf-8><title>7</title><style>p{}</style><body><p>2 5</p></body></html>`: "2 5",
		`<html><head><meta charset=utf-8><p>2 5</p>`:                                                       "2 5",
		`<head><title>Re: 7</title></head><body>2 5`:                                                       "2 5",
		`<script>7</script><!-- 7 --><b>2</b> <i>5</i><br>6`:                                               "2 5",
		`<p title="a>b">2 5</p>`:                                                                           "2 5",
		`1 < 2`:                                                                                            "1",
	} {
		if got := firstLine(htmlText(page)); got != want {
			t.Errorf("%s: %q, want %q", page, got, want)
		}
	}
}

// Mails that are made to do harm are read in no time and give nothing.
func TestBombs(t *testing.T) {
	nested := "From: me@example.com\r\n"
	for i := range 3000 {
		nested += fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	many := "From: me@example.com\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\nContent-Type: text/html\r\n\r\n\r\n", 20000)
	for name, text := range map[string]string{
		"nested":       nested,
		"many parts":   many,
		"huge header":  "From: me@example.com\r\nSubject: " + strings.Repeat("a", 5<<20) + "\r\n\r\n2 5",
		"many headers": "From: me@example.com\r\n" + strings.Repeat("References: <a@b>\r\n", 50000) + "\r\n2 5",
		"huge body":    "From: me@example.com\r\n\r\n" + strings.Repeat("> a\r\n", 1<<20) + "2 5",
		"open tags":    "From: me@example.com\r\nContent-Type: text/html\r\n\r\n" + strings.Repeat("<div class=\"", 20000),
		"blockquotes":  "From: me@example.com\r\nContent-Type: text/html\r\n\r\n" + strings.Repeat("<blockquote>", 20000) + "2 5",
		"comments":     "From: me@example.com\r\nContent-Type: text/html\r\n\r\n" + strings.Repeat("<!--", 20000),
		"dashes":       "From: me@example.com\r\n\r\n" + strings.Repeat(strings.Repeat("-", 200)+"a\r\n", 300),
		"words":        "From: " + strings.Repeat("=?utf-8?B?YQ==?= ", 3000) + "<me@example.com>\r\n\r\n",
	} {
		began := time.Now()
		if m, err := read([]byte(text)); err == nil {
			m.line()
			m.about(func(string) bool { return false })
			if len(m.plain)+len(m.html) > 2*maxMail {
				t.Errorf("%s: %d bytes are kept", name, len(m.plain)+len(m.html))
			}
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
	if m, err := read(append(bytes.Repeat([]byte("x"), maxMail), "\r\n\r\n2 5"...)); err == nil && m.line() != "" {
		t.Errorf("behind 64 KiB: %q", m.line())
	}
}
