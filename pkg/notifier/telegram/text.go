package telegram

import (
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/go-telegram/bot/models"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// Telegram's limits, in UTF-16 units after its own formatting is taken off.
const (
	maxText    = 4096 // a message
	maxCaption = 1024 // the text below a picture
	maxTitle   = 200  // our own, so that a title leaves room for the rest
	maxToast   = 200  // the answer to a tap
)

// compose makes one text of a title in bold, a body and lines that must not be
// lost, at most limit UTF-16 units long: the body gives way. The bold is an
// entity, not markup, so no character needs escaping.
func compose(limit int, title, body string, tail ...string) (string, []models.MessageEntity) {
	title = cut(strings.Join(strings.Fields(notifier.Clean(title)), " "), maxTitle)
	end := ""
	for _, line := range tail {
		if line = strings.TrimSpace(notifier.Clean(line)); line != "" {
			end += "\n" + line
		}
	}
	end = cut(end, limit-units(title))
	body = cut(strings.TrimSpace(notifier.Clean(body)), limit-units(title)-units(end)-1)
	text := title
	if body != "" {
		text += "\n" + body
	}
	text += end
	if title == "" {
		return strings.TrimSpace(text), nil
	}
	return text, []models.MessageEntity{{Type: models.MessageEntityTypeBold, Offset: 0, Length: units(title)}}
}

// cut shortens s to at most n UTF-16 units, never through a character.
func cut(s string, n int) string {
	if units(s) <= n {
		return s
	}
	if n <= 0 {
		return ""
	}
	left := n - 1 // for the ellipsis
	for i, r := range s {
		if left -= utf16.RuneLen(r); left < 0 {
			return strings.TrimRightFunc(s[:i], unicode.IsSpace) + "…"
		}
	}
	return s
}

// units is the length of s, which is valid UTF-8, as Telegram counts.
func units(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}
