package watcher

import (
	"bytes"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// scrub returns a reply of 12306 with everything removed that is somebody's:
// tokens, tickets and everything else that looks like one, numbers of people and
// their names, addresses. A mark with the length stands in the place of each, so
// that the structure can still be read. names are texts to be removed wherever
// they stand; what was cut off to keep the copy short is not scrubbed but lost.
func scrub(body []byte, names []string) string {
	text, cut := body, len(body) > maxScrubbed
	if cut {
		text = bytes.TrimRightFunc(body[:maxScrubbed], isSecretRune) // half a secret could not be known
	}
	s := strings.ToValidUTF8(string(text), "?")
	s = scrubNames(s, names)
	s = scrubValues(s)
	s = cookieLine.ReplaceAllStringFunc(s, func(m string) string { return keep(cookieLine, m, 2) })
	s = email.ReplaceAllStringFunc(s, mark)
	s = opaque.ReplaceAllStringFunc(s, func(m string) string {
		if len(m) < opaqueLength {
			return m
		}
		return mark(m)
	})
	s = masked.ReplaceAllStringFunc(s, mark)
	s = digits.ReplaceAllStringFunc(s, func(m string) string {
		if len(m) < 11 || moment.MatchString(m) {
			return m
		}
		return mark(m)
	})
	for _, named := range addressed {
		s = named.ReplaceAllStringFunc(s, func(m string) string { return keep(named, m, 1) })
	}
	if len(s) > maxCopy {
		s, cut = s[:maxCopy], true
	}
	s = strings.ToValidUTF8(s, "") // a cut may go through a character
	if cut {
		s += "\n(cut off here)\n"
	}
	return s
}

const (
	maxCopy      = 64<<10 - 512 // of a copy, so that its head has room in 64 KiB
	maxScrubbed  = 256 << 10    // what is looked at: replies of whole cities are mostly secrets
	longestList  = 4 << 10      // of a list of private values
	opaqueLength = 24           // from here on letters and digits are taken for a token
)

var (
	// opaque is base64, hexadecimal and the like, also with its + and / encoded
	// and its lines broken.
	opaque = regexp.MustCompile(`(?:[A-Za-z0-9+/=_-]|%[0-9A-Fa-f]{2}|\\[nr/])+`)
	// digits are the numbers of people: 11 digits of a mobile, 15 or 18 of an ID,
	// or whatever number is as long. moment is a time, which is nobody's.
	digits = regexp.MustCompile(`[0-9]+[Xx]?`)
	moment = regexp.MustCompile(`^20[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?:[01][0-9]|2[0-4])[0-5][0-9](?:[0-5][0-9])?$`)
	// masked is a number as 12306 hides it, 1101***********014: what is left of
	// it is still somebody's.
	masked     = regexp.MustCompile(`[0-9A-Za-z]{1,6}\*{2,}[0-9A-Za-z]{0,6}|\b1[3-9][0-9][ -][0-9]{4}[ -][0-9]{4}\b`)
	email      = regexp.MustCompile(`[A-Za-z0-9._%+*-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+`)
	cookieLine = regexp.MustCompile(`(?i)(cookie\s*:\s*)([^\r\n]+)`)
	// addressed are names that nobody told us, where sentences have them: before
	// the kind of a document, after a greeting, before a title.
	addressed = []*regexp.Regexp{
		regexp.MustCompile(`([\p{Han}·]{2,20})[（(]\p{Han}{0,12}[证照]`),
		regexp.MustCompile(`(?:您好|你好|欢迎您?|尊敬的)[，,：: ]*([\p{Han}·]{1,20})`),
		regexp.MustCompile(`([\p{Han}·]{1,8})(?:先生|女士)`),
		regexp.MustCompile(`(?:乘车人|旅客|乘客)[“"：: ]*([\p{Han}·]{2,8})`),
	}
)

func isSecretRune(r rune) bool {
	return r > utf8.RuneSelf || unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("+/=_-%*\\.@", r)
}

// mark stands for a text that was removed.
func mark(s string) string { return fmt.Sprintf("<%d chars>", utf8.RuneCountInString(s)) }

// keep marks one group of a match and keeps the rest.
func keep(re *regexp.Regexp, m string, group int) string {
	at := re.FindStringSubmatchIndex(m)
	if at == nil {
		return mark(m)
	}
	from, to := at[2*group], at[2*group+1]
	return m[:from] + mark(m[from:to]) + m[to:]
}

// scrubNames removes texts that are known to be somebody's, in every form in
// which a page may write them.
func scrubNames(s string, names []string) string {
	var forms []string
	for _, n := range names {
		if n = strings.ToValidUTF8(n, "?"); utf8.RuneCountInString(n) < 2 {
			continue
		}
		var js, entities, hex strings.Builder
		for _, r := range n {
			js.WriteString(strings.Trim(strconv.QuoteToASCII(string(r)), `"`))
			fmt.Fprintf(&entities, "&#%d;", r)
			fmt.Fprintf(&hex, "&#x%x;", r)
		}
		once := url.QueryEscape(n)
		forms = append(forms, n, js.String(), entities.String(), hex.String(), once, url.QueryEscape(once))
	}
	// The longest first: a name may be part of another.
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	for _, f := range slices.Compact(forms) {
		s = regexp.MustCompile(`(?i)`+regexp.QuoteMeta(f)).ReplaceAllLiteralString(s, mark(f))
	}
	return s
}

// member is the name of a value and what stands between the two, in JSON (also
// as a text inside JSON), JavaScript, forms and HTML.
var member = regexp.MustCompile(`([A-Za-z_][A-Za-z0-9_.-]*)(\\*["']?\s*[:=]\s*)`)

// private are parts of the names of values that are somebody's, in lower case
// and without _.
var private = regexp.MustCompile(`token|secret|passw|allencstr|encrypteddata|keycheckischange|leftticketstr|ypinfo|ticketstr|passengerstr|` +
	`passengername|passername|passsername|username|realname|loginname|loginid|accountname|passengeridno|idno$|idcard|mobile|phone|email|mail$|address|` +
	`born|birth|uuid|jsessionid|cookie|firstletter|castnum|randcode|sessioninit|sessionid|userid|encstr|deviceid|indexid|postalcode|` +
	`sequenceno|orderid|ticketno|reserveno|requestid|^tk$|^uamtk|^apptk|^newapptk|^sig$|^ukey|^name$|^user$`)

// scrubValues removes the values whose names say that they are somebody's. An
// object or a list in such a place is looked into.
func scrubValues(s string) string {
	var b strings.Builder
	for {
		at := member.FindStringSubmatchIndex(s)
		if at == nil {
			b.WriteString(s)
			return b.String()
		}
		name, sep := s[at[2]:at[3]], s[at[4]:at[5]]
		b.WriteString(s[:at[5]])
		s = s[at[5]:]
		key := strings.ToLower(strings.NewReplacer("_", "", "-", "", ".", "").Replace(name))
		if !private.MatchString(key) || key == "name" && !strings.ContainsAny(sep, `"'`) { // name="..." of HTML names a field
			continue
		}
		from, to, next := value(s)
		if v := s[from:to]; utf8.RuneCountInString(v) > 1 && v != "true" && v != "false" && v != "null" {
			b.WriteString(s[:from] + mark(v) + s[to:next])
		} else {
			b.WriteString(s[:next])
		}
		s = s[next:]
	}
}

// value finds the value at the beginning of s, without its quotes, and where
// the rest begins.
func value(s string) (from, to, next int) {
	slashes := 0
	for slashes < len(s) && s[slashes] == '\\' {
		slashes++
	}
	switch {
	case s[slashes:] == "":
		return 0, len(s), len(s)
	case s[slashes] == '"' || s[slashes] == '\'':
		quote := s[:slashes+1]
		from = len(quote)
		for i := from; i < len(s); i++ {
			if slashes == 0 && s[i] == '\\' {
				i++
				continue
			}
			if strings.HasPrefix(s[i:], quote) {
				return from, i, i + len(quote)
			}
		}
		return from, len(s), len(s)
	case s[0] == '[':
		near := s[:min(len(s), longestList)]
		end := strings.IndexByte(near, ']')
		if end < 0 {
			end = len(near)
		}
		if strings.IndexByte(near[:end], '{') < 0 {
			return 1, end, end
		}
		return 0, 0, 1
	case s[0] == '{':
		return 0, 0, 1
	}
	stops := "&<>\"' \t\r\n"
	if s[0] >= '0' && s[0] <= '9' || strings.HasPrefix(s, "true") || strings.HasPrefix(s, "false") || strings.HasPrefix(s, "null") {
		stops += ",;)]}"
	}
	end := strings.IndexAny(s, stops)
	if end < 0 {
		end = len(s)
	}
	return 0, end, end
}
