package email

import (
	"html"
	"regexp"
	"strings"
)

// A quote in HTML is told by what the programs put around it: blockquote (all
// of them), gmail_quote (Gmail), divRplyFwdMsg, appendonsend (Outlook),
// qmbox, qm_ (QQ), ntes (163, 126), moz-cite (Thunderbird), yahoo_quoted,
// protonmail_quote.
var (
	quoteMark = later(`(?i)\b(?:class|id|name)\s*=\s*["']?[^"'>]*(?:gmail_quote|gmail_attr|gmail_extra|divrplyfwdmsg|appendonsend|mail-editor-reference|qmbox|qm_|includetail|xm_mail_oringinal|ntes-mailmaster|isreplycontent|netease-quote|j-mail-quote|moz-cite|yahoo_quoted|protonmail_quote|replyforward|origbody|signature)`)
	stopMark  = later(`(?i)^<[a-z0-9]+\b[^>]*\b(?:class|id|name)\s*=\s*["']?[^"'>]*(?:divrplyfwdmsg|appendonsend|mail-editor-reference|isreplycontent|stopspelling|xm_mail_oringinal)`)
	tagName   = regexp.MustCompile(`^</?([A-Za-z][A-Za-z0-9:]*)`)
)

// maxTag is how much of a tag is looked at, in bytes.
const maxTag = 2048

// htmlText returns the text of an HTML mail without what it quotes, one line
// to each line that a person sees. Broken HTML gives less text, never an
// error.
func htmlText(s string) string {
	var b strings.Builder
	var skip string // the element that is passed over, with all that is in it
	depth := 0      // how many elements of that name are open
	for s != "" {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			i = len(s)
		}
		if skip == "" {
			write(&b, s[:i])
		}
		if s = s[i:]; s == "" {
			break
		}
		if strings.HasPrefix(s, "<!--") {
			_, rest, found := strings.Cut(s[4:], "-->")
			if !found {
				break
			}
			s = rest
			continue
		}
		end := tagEnd(s)
		tag := s[:min(end, maxTag)]
		empty := strings.HasSuffix(s[:end], "/>")
		s = s[end:]
		f := tagName.FindStringSubmatch(tag)
		if f == nil {
			continue // <!DOCTYPE>, a lone <
		}
		name, closing := strings.ToLower(f[1]), strings.HasPrefix(tag, "</")
		switch {
		case skip != "":
			if name != skip || empty {
				continue
			}
			if closing {
				depth--
			} else {
				depth++
			}
			if depth == 0 {
				skip = ""
				b.WriteByte('\n')
			}
		case closing:
			if breaks(name) {
				b.WriteByte('\n')
			}
		case stopMark().MatchString(tag):
			return b.String()
		case !empty && !void(name) && (hides(name) || quoteMark().MatchString(tag)):
			skip, depth = name, 1
		case breaks(name) || name == "br" || name == "hr":
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// tagEnd returns where the tag at the beginning of s ends. A > in quotes does
// not end it.
func tagEnd(s string) int {
	quote := byte(0)
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return i + 1
		}
	}
	return len(s)
}

// write adds text between tags; a line break there is a blank.
func write(b *strings.Builder, text string) {
	b.WriteString(strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == '\t' {
			return ' '
		}
		return r
	}, html.UnescapeString(text)))
}

// hides reports whether nobody sees what is in an element. A head is none of
// them: all of it that is text is in others, and where its end is left out, as
// HTML allows, it would hide the whole mail.
func hides(name string) bool {
	switch name {
	case "style", "script", "title", "blockquote", "template", "xml":
		return true
	}
	return false
}

func breaks(name string) bool {
	switch name {
	case "p", "div", "tr", "li", "ul", "ol", "table", "h1", "h2", "h3", "h4", "section", "article", "center", "pre":
		return true
	}
	return false
}

func void(name string) bool {
	switch name {
	case "br", "hr", "img", "meta", "link", "input", "col", "wbr":
		return true
	}
	return false
}
