package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// The patterns of the seed's step 11, which also stand in today's page.
var (
	repeatSubmitToken = regexp.MustCompile(`globalRepeatSubmitToken\s*=\s*'(\w+)'`)
	keyCheckIsChange  = regexp.MustCompile(`'key_check_isChange'\s*:\s*'(\w+)'`)
	leftTicketURL     = regexp.MustCompile(`CLeftTicketUrl\s*=\s*'([^']{1,64})'`)
	stationVersion    = regexp.MustCompile(`station_name\.js\?station_version=([0-9.]{1,16})`)
	slidePasscode     = regexp.MustCompile(`if_check_slide_passcode\s*=\s*'1'`)
)

func submatch(re *regexp.Regexp, s string) string {
	if m := re.FindStringSubmatch(s); m != nil {
		return m[1]
	}
	return ""
}

// RepeatSubmitToken finds globalRepeatSubmitToken in a page; "" when it is
// null or absent.
func RepeatSubmitToken(page string) string { return submatch(repeatSubmitToken, page) }

// KeyCheckIsChange finds key_check_isChange by the seed's pattern.
func KeyCheckIsChange(page string) string { return submatch(keyCheckIsChange, page) }

// LeftTicketURL finds CLeftTicketUrl in leftTicket/init; "" when it is null.
func LeftTicketURL(page string) string { return submatch(leftTicketURL, page) }

// StationVersion finds the version of station_name.js that a page links to.
func StationVersion(page string) string { return submatch(stationVersion, page) }

// SlidePasscode reports whether the order page puts a slider before
// checkOrderInfo.
func SlidePasscode(page string) bool { return slidePasscode.MatchString(page) }

// Object reads a JavaScript variable that holds an object literal on one line,
// `var name={...};`, with single quotes, \uXXXX escapes and null, as initDc
// prints ticketInfoForPassengerForm and orderRequestDTO.
func Object(page, name string, v any) error {
	i := indexVar(page, name)
	if i < 0 {
		return fmt.Errorf("no %s in the page", name)
	}
	text, err := toJSON(page[i:])
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := json.Unmarshal([]byte(text), v); err != nil {
		return fmt.Errorf("%s: %w", name, jsonError(err))
	}
	return nil
}

// indexVar returns where the value of `name = {` begins, or -1.
func indexVar(page, name string) int {
	for at := 0; ; {
		i := strings.Index(page[at:], name)
		if i < 0 {
			return -1
		}
		at += i + len(name)
		rest := strings.TrimLeft(page[at:], " \t")
		if !strings.HasPrefix(rest, "=") {
			continue
		}
		rest = strings.TrimLeft(rest[1:], " \t\r\n")
		if strings.HasPrefix(rest, "{") {
			return len(page) - len(rest)
		}
	}
}

var errOpenObject = errors.New("the object does not end")

// toJSON rewrites the object literal at the start of s as JSON: strings in
// single quotes get double ones, everything else stays. A plain replacement
// of ' by " would break on a name that holds a double quote or an apostrophe.
func toJSON(s string) (string, error) {
	var b strings.Builder
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '\'', '"':
			n, err := quote(&b, s[i:])
			if err != nil {
				return "", err
			}
			i += n - 1
		case '{', '[':
			if depth++; depth > maxDepth {
				return "", errors.New("nested too deeply")
			}
			b.WriteByte(c)
		case '}', ']':
			b.WriteByte(c)
			if depth--; depth == 0 {
				return b.String(), nil
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", errOpenObject
}

// quote copies the string literal at the start of s as a JSON string and
// returns its length in s.
func quote(b *strings.Builder, s string) (int, error) {
	end := s[0]
	b.WriteByte('"')
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == end:
			b.WriteByte('"')
			return i + 1, nil
		case c == '\\' && i+1 < len(s):
			i++
			if s[i] == '\'' {
				b.WriteByte('\'')
			} else {
				b.WriteByte('\\')
				b.WriteByte(s[i])
			}
		case c == '"':
			b.WriteString(`\"`)
		case c < ' ':
			return 0, errors.New("a line break in a string")
		default:
			b.WriteByte(c)
		}
	}
	return 0, errOpenObject
}
