package email

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
)

const (
	maxLines = 400 // lines of a mail that are looked at
	maxLine  = 300 // bytes of the line that is returned; no answer is that long
)

// firstLine returns the first line of text that is not empty, not quoted and
// no signature; empty when there is none.
func firstLine(text string) string {
	lines := strings.SplitN(strings.ReplaceAll(text, "\r\n", "\n"), "\n", maxLines+1)
	lines = lines[:min(len(lines), maxLines)]
	for i := range lines {
		// "-- " ends what was written (RFC 3676, section 4.3); trimmed, as
		// many programs lose the blank. "| |" is the edge of the table that
		// NetEase's Mail Master makes of a signature.
		lines[i] = trim(lines[i])
	}
	for i := 0; i < len(lines); i++ {
		switch line := lines[i]; {
		case line == "| |":
			return ""
		case line == "" || quoted(line) || signature().MatchString(line):
		case line == "--" || separator().MatchString(line) || fieldLine().MatchString(line):
			return ""
		default:
			n := attribution(lines[i:])
			if n == 0 {
				return line[:min(len(line), maxLine)]
			}
			i += n - 1
		}
	}
	return ""
}

// trim takes blanks of every width off both ends, and those without any.
func trim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\ufffc", r)
	})
}

// quoted reports whether a line carries the mark of a quote.
func quoted(line string) bool {
	return strings.HasPrefix(line, ">") || strings.HasPrefix(line, "＞") || strings.HasPrefix(line, "|")
}

// attribution returns how many of the first lines are the sentence above a
// quote, "On ... wrote:", which programs break in up to three; 0 when none is.
func attribution(lines []string) int {
	if !attributes().MatchString(lines[0]) {
		// "watcherd wrote:" alone is one too, above a quote.
		if next := slices.IndexFunc(lines[1:], func(s string) bool { return s != "" }); next >= 0 && quoted(lines[1+next]) && wrote().MatchString(lines[0]) {
			return 1
		}
		return 0
	}
	whole := ""
	for n := 0; n < min(len(lines), 3) && lines[n] != ""; n++ {
		whole = strings.TrimSpace(whole + " " + strings.TrimLeft(lines[n], "> "))
		if wrote().MatchString(whole) {
			return n + 1
		}
	}
	return 0
}

var (
	// attributes is what the sentence above a quote begins with or holds: a
	// date, an address, or the word for it. No answer does.
	attributes = later(`(?i)^(on|at|am|le|在|于)\s*\S|20\d\d\s*[-/.年]|\S@\S`)
	wrote      = later(`(?i)(写道|寫道|写到|wrote|writes|schrieb|a écrit)\s*[:：]?\s*[-—]*$`)

	// separator is a line of dashes or underscores, mostly with a title in it:
	// "-----Original Message-----", "---- 回复的原邮件 ----". All after it is quoted.
	separator = later(`^(?:[-—_=*]{5,}|[-—_=*]{2,}[\s\x{a0}]*[^-—_=*\s\x{a0}][^-—_=*]{0,40}[-—_=*]{2,})$`)

	// fieldLine begins a quoted mail's header: "发件人: ...", "*From:* ...".
	fieldLine = later(`(?i)^[*_"']{0,2}(发件人|寄件者|寄件人|发送人|发送时间|发送日期|寄件日期|收件人|收件者|抄送|主题|主旨|from|sent|to|cc|date|subject|von|gesendet|de|envoyé)\s?[*_]{0,2}\s?[:：]`)

	// signature is what phones write below every mail.
	signature = later(`(?i)^[(（\[]?\s*(发自|來自|来自我的|来自.{1,20}(?:邮件|邮箱|手机|客户端)$|寄自|从我的|從我的|由.{0,12}发送|从\s?\S{1,20}\s?版?\s?(邮件|手机).{0,4}发送|通过.{0,16}发送|获取\s|取得\s?Outlook|下载\s?Outlook|sent from |sent with |sent via |get outlook for|get bluemail|von meinem )`)
)

// later compiles an expression when it is first asked for: with what a reply
// may look like in all languages they take half a megabyte, and most people
// have no mail.
func later(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}
