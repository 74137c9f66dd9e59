package email

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"mime"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/textproto"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
)

const (
	maxMail  = 64 << 10 // what is read of a mail
	maxDepth = 6        // multiparts within multiparts
	maxParts = 40       // parts of a mail that are looked at
)

// received is a mail that came in.
type received struct {
	from      string   // the one address in From; empty when there is not exactly one
	id        string   // Message-ID, without its brackets
	refs      []string // In-Reply-To, then References from the last to the first
	subject   string
	automatic bool // no person wrote it, or we did
	plain     string
	html      string
}

// headerFields are those that received needs.
var headerFields = [...]string{
	"From", "Message-ID", "In-Reply-To", "References", "Subject", "Auto-Submitted", "Precedence",
	"X-Autoreply", "X-Auto-Reply", "X-Autorespond", "X-Auto-Reply-From", "X-POST-MessageClass", "X-Failed-Recipients", "Return-Path", "Content-Type", "List-Id",
}

// readHeader reads the header of a mail; data may go on after it.
func readHeader(data []byte) (*received, error) {
	h, err := textproto.ReadHeader(bufio.NewReader(bytes.NewReader(data)))
	if err != nil {
		return nil, errors.New("not a mail's header") // the library's words quote it
	}
	return header(h), nil
}

func header(h textproto.Header) *received {
	m := &received{}
	words := &mime.WordDecoder{CharsetReader: func(charset string, r io.Reader) (io.Reader, error) {
		b, err := io.ReadAll(r)
		return strings.NewReader(decode(b, charset)), err
	}}
	if fields := h.Values("From"); len(fields) == 1 {
		parser := mail.AddressParser{WordDecoder: words}
		list, err := parser.ParseList(fields[0])
		switch {
		case err != nil:
			m.from = strings.ToLower(sloppy(fields[0]))
		case len(list) == 1:
			m.from = strings.ToLower(list[0].Address)
		}
	}
	if ids := messageIDs(h.Get("Message-ID")); len(ids) > 0 {
		m.id = ids[0]
	}
	m.refs = messageIDs(h.Get("References"))
	slices.Reverse(m.refs)
	m.refs = append(messageIDs(h.Get("In-Reply-To")), m.refs...)
	if s, err := words.DecodeHeader(h.Get("Subject")); err == nil {
		m.subject = oneLine(s, maxSubject)
	}
	m.automatic = automatic(h, m)
	return m
}

var (
	onlyBracket = regexp.MustCompile(`^([^<>]*)<([^<>\s@]+@[^<>\s@]+)>\s*$`)
	wholeOne    = regexp.MustCompile(`[^\s,;"()]+@[^\s,;"()]+\.[^\s,;"()]+`)
)

// sloppy returns the address of a From that breaks RFC 5322, as programs write
// names that they should have quoted or encoded: "M. Li, Jr. <me@example.com>",
// "me@work <me@example.com>", a name in bare GBK. It is the one in brackets at
// the end; there is none when a second address, whole, stands before it.
func sloppy(from string) string {
	f := onlyBracket.FindStringSubmatch(from)
	if f == nil {
		return ""
	}
	for _, other := range wholeOne.FindAllString(f[1], -1) {
		if !strings.EqualFold(other, f[2]) {
			return ""
		}
	}
	return f[2]
}

// machineSubjects begin what answers by itself and says so nowhere else: QQ,
// NetEase and Exchange as they come from old servers.
var machineSubjects = [...]string{"自动回复", "自動回覆", "自動回復", "自动答复", "automatic reply", "auto reply", "auto-reply", "autoreply", "auto:", "out of office", "out-of-office"}

// automatic reports whether a machine wrote the mail: an out-of-office notice,
// a bounce, a list, or this program. RFC 3834, section 2, and what is common.
func automatic(h textproto.Header, m *received) bool {
	if s := strings.ToLower(strings.TrimSpace(h.Get("Auto-Submitted"))); s != "" && s != "no" {
		return true
	}
	for _, key := range []string{"X-Autoreply", "X-Auto-Reply", "X-Autorespond", "X-Auto-Reply-From", "X-Failed-Recipients", "List-Id"} {
		if h.Has(key) {
			return true
		}
	}
	switch strings.ToLower(strings.TrimSpace(h.Get("Precedence"))) {
	case "bulk", "list", "junk", "auto_reply":
		return true
	}
	if strings.Contains(strings.ToLower(h.Get("X-POST-MessageClass")), "auto") { // "9; Autoresponder"
		return true
	}
	subject := strings.ToLower(m.subject)
	if slices.ContainsFunc(machineSubjects[:], func(s string) bool { return strings.HasPrefix(subject, s) }) {
		return true
	}
	local, _, _ := strings.Cut(m.from, "@")
	switch local {
	case "mailer-daemon", "postmaster":
		return true
	}
	if strings.HasPrefix(m.id, asks) || strings.HasPrefix(m.id, shows) || strings.TrimSpace(h.Get("Return-Path")) == "<>" {
		return true
	}
	kind, _ := contentType(h.Get("Content-Type"))
	return kind == "multipart/report"
}

var namedCharset = regexp.MustCompile(`(?i)\bcharset\s*=\s*["']?([^\s"';]+)`)

// contentType returns the kind and the charset that a Content-Type names; a
// parameter that is broken, or stands twice, takes nothing from them.
func contentType(s string) (kind, charset string) {
	kind, params, err := mime.ParseMediaType(s)
	if err == nil {
		return kind, params["charset"]
	}
	kind, _, _ = strings.Cut(s, ";")
	if f := namedCharset.FindStringSubmatch(s); f != nil {
		charset = f[1]
	}
	return strings.ToLower(strings.TrimSpace(kind)), charset
}

var bracketed = regexp.MustCompile(`<([^<>\s]{1,250})>`)

// messageIDs returns the Message-IDs in a header field, at most 50.
func messageIDs(s string) []string {
	var out []string
	for _, m := range bracketed.FindAllStringSubmatch(s, 50) {
		out = append(out, m[1])
	}
	return out
}

// about returns what the mail is about: the question, or the message that was
// seen, whose mark it names. What it names in its header counts; only a mail
// whose header names nothing of ours is searched for a mark of a question that
// is known, or of a message.
func (m *received) about(known func(id string) bool) (asked, shown string) {
	for _, ref := range m.refs {
		if f := askedRef.FindStringSubmatch(ref); f != nil {
			return f[1], ""
		}
		if f := shownRef.FindStringSubmatch(ref); f != nil {
			return "", f[1]
		}
	}
	for _, s := range []string{m.subject, m.plain, m.html} {
		for _, id := range askedTag.FindAllString(s, 100) {
			if known(id) {
				return id, ""
			}
		}
		if f := shownTag.FindStringSubmatch(s); f != nil {
			return "", f[1]
		}
	}
	return "", ""
}

// line returns the first line that the person himself wrote; empty when there
// is none.
func (m *received) line() string {
	if s := firstLine(m.plain); s != "" {
		return s
	}
	return firstLine(htmlText(m.html))
}

// read reads a mail, or as much of one as there is in its first 64 KiB.
func read(data []byte) (*received, error) {
	data = data[:min(len(data), maxMail)]
	r := bufio.NewReader(bytes.NewReader(data))
	h, err := textproto.ReadHeader(r)
	if err != nil {
		return nil, errors.New("not a mail's header")
	}
	m := header(h)
	// An unknown charset or encoding is an error that leaves the part readable.
	// The library knows no charset unless told: decode does that.
	if e, _ := message.New(message.Header{Header: h}, r); e != nil {
		parts := maxParts
		m.part(e, 0, &parts)
	}
	return m, nil
}

// part takes the first text and the first HTML out of an entity. What is
// broken off, nested too deep or too much is left out.
func (m *received) part(e *message.Entity, depth int, parts *int) {
	if *parts--; *parts < 0 || depth > maxDepth {
		return
	}
	if multi := e.MultipartReader(); multi != nil {
		for {
			part, err := multi.NextPart()
			if part == nil || err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
				return
			}
			if !attached(part.Header) {
				m.part(part, depth+1, parts)
			}
			if *parts <= 0 {
				return
			}
		}
	}
	kind, charset := contentType(e.Header.Get("Content-Type"))
	if kind == "" {
		kind = "text/plain"
	}
	m.text(kind, charset, e.Body)
}

// attached reports whether a part is a file and not what the person wrote.
func attached(h message.Header) bool {
	kind, params, err := h.ContentDisposition()
	return err == nil && (kind == "attachment" || params["filename"] != "")
}

// text takes a part that is text, of each kind the first.
func (m *received) text(kind, charset string, r io.Reader) {
	var to *string
	switch kind {
	case "text/plain":
		to = &m.plain
	case "text/html":
		to = &m.html
	default:
		return
	}
	if *to != "" {
		return
	}
	b, _ := io.ReadAll(io.LimitReader(r, maxMail)) // a part that breaks off is read up to there
	*to = decode(b, charset)
}

// decode makes UTF-8 of text in a charset. Every charset of mainland China is
// read as its superset GB 18030, and what is no UTF-8, though it says so or
// says nothing, most likely is that too. Of the others only Big5, HZ, UTF-16
// and the Western ones are known; in the rest the digits can still be read.
func decode(b []byte, charset string) string {
	var enc encoding.Encoding
	switch charset = strings.ToLower(strings.Trim(charset, ` "'`)); charset {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
		whole := b
		for cut := 0; cut < utf8.UTFMax && len(whole) > 0 && !utf8.Valid(whole); cut++ {
			whole = whole[:len(whole)-1] // the end may be cut through a character
		}
		if utf8.Valid(whole) {
			return string(whole)
		}
		enc = simplifiedchinese.GB18030
	case "gb2312", "gbk", "gb18030", "gb_2312-80", "x-gbk", "cp936", "ms936", "windows-936":
		enc = simplifiedchinese.GB18030
	case "big5", "big5-hkscs":
		enc = traditionalchinese.Big5
	case "hz-gb-2312", "hz":
		enc = simplifiedchinese.HZGB2312
	case "utf-16", "utf16", "utf-16be":
		enc = unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	case "utf-16le":
		enc = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	case "iso-8859-1", "iso-8859-15", "latin1", "windows-1252":
		enc = charmap.Windows1252
	default:
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	out, err := enc.NewDecoder().Bytes(b)
	if err != nil {
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	return string(out)
}
