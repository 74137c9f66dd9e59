package notifier

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// The picture area of a captcha, in pixels: what lies below the 30 px title
// strip of a 293 x 190 picture. Both edges count as inside.
const (
	areaWidth  = 293
	areaHeight = 160
)

// maxAnswer bounds the text that is looked at, in bytes. The longest sensible
// answer, eight pairs of coordinates in full-width digits, is below 200.
const maxAnswer = 256

// NewID returns a new [Prompt.ID]: 128 random bits as 32 hex digits.
func NewID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(b[:])
}

// Body is the text of p where it can be answered: what it is for, and how.
func (p Prompt) Body() string {
	if p.How == "" {
		return p.Text
	}
	return strings.TrimPrefix(p.Text+"\n"+p.How, "\n")
}

// NotAnswer is the error of [Prompt.Parse]: the text is no answer to the
// question. Its Error is the sentence to send back, in the question's language.
type NotAnswer struct {
	sentence string
}

func (e *NotAnswer) Error() string { return e.sentence }

// Accepted says in one sentence what is accepted as an answer to p.
func (p Prompt) Accepted() string {
	switch p.Kind {
	case Picture:
		return p.Lang.Pick(
			"请回复图片编号（1 到 8，例如 2 5）或坐标（例如 42,38,253,34）；? 换一张，x 取消。",
			"Reply with picture numbers (1 to 8, such as 2 5) or coordinates (such as 42,38,253,34); ? for a new picture, x to cancel.")
	case SMS:
		return p.Lang.Pick(
			"请回复短信里的六位数字；x 取消。",
			"Reply with the six digits of the text message; x to cancel.")
	case QR:
		return p.Lang.Pick(
			"请用 12306 官方 App 扫描二维码，不用回复；? 换一张，x 取消。",
			"Scan the code with the 12306 app, there is nothing to type; ? for a new code, x to cancel.")
	case Offer:
		return p.Lang.Pick(
			"请回复 抢 或 不要；x 取消。",
			"Reply yes or no; x to cancel.")
	default:
		return p.Lang.Pick(
			"请先在 12306 官方 App 里办好，再回复 好了；x 取消。",
			"Do it in the 12306 app, then reply done; x to cancel.")
	}
}

// Parse reads text as an answer to p. Case, blanks around the answer and the
// width of digits and punctuation do not matter; any other word beside the
// answer does. The error is a *[NotAnswer].
//
// Two or more numbers of which one is above 8 are coordinates, so "25" is the
// pictures 2 and 5, "25,38" is a place.
//
// Channel, By and At of the reply are left to the driver.
func (p Prompt) Parse(text string) (Reply, error) {
	if len(text) > maxAnswer {
		return Reply{}, p.notAnswer("")
	}
	text = plain(text)
	switch text {
	case "x", "取消", "cancel":
		return Reply{Action: Cancelled}, nil
	}
	switch p.Kind {
	case Picture, QR:
		switch text {
		case "?", "换", "换一张", "new":
			return Reply{Action: Another}, nil
		}
		if p.Kind == Picture {
			return p.parsePicture(text)
		}
	case SMS:
		code := strings.ReplaceAll(text, " ", "")
		if len(code) == 6 && digits(code) {
			return Reply{Action: Answered, Code: code}, nil
		}
	case Offer:
		switch text {
		case "抢", "要", "是", "y", "yes", "book":
			return Reply{Action: Answered, Yes: true}, nil
		case "不", "不要", "否", "n", "no", "skip":
			return Reply{Action: Answered}, nil
		}
	case App:
		switch text {
		case "done", "好", "好了", "完成", "ok":
			return Reply{Action: Answered, Yes: true}, nil
		}
	}
	return Reply{}, p.notAnswer("")
}

// parsePicture reads picture numbers or coordinates from text, which is plain.
func (p Prompt) parsePicture(text string) (Reply, error) {
	fields := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
	// FieldsFunc forgives doubled commas, where a number may be missing.
	if len(fields) == 0 || strings.Contains(strings.ReplaceAll(","+text+",", " ", ""), ",,") {
		return Reply{}, p.notAnswer("")
	}
	for _, f := range fields {
		if !digits(f) {
			return Reply{}, p.notAnswer("")
		}
	}
	if len(fields) > 1 && slices.ContainsFunc(fields, above8) {
		return p.parsePoints(fields)
	}
	var picks []int
	for _, d := range strings.Join(fields, "") {
		if d < '1' || d > '8' {
			return Reply{}, p.notAnswer("")
		}
		picks = append(picks, int(d-'0'))
	}
	slices.Sort(picks)
	return Reply{Action: Answered, Picks: slices.Compact(picks)}, nil
}

func (p Prompt) parsePoints(fields []string) (Reply, error) {
	if len(fields)%2 != 0 {
		return Reply{}, p.notAnswer(p.Lang.Pick(
			"坐标要成对（x,y）。",
			"Coordinates come in pairs (x,y)."))
	}
	var points []Point
	for pair := range slices.Chunk(fields, 2) {
		x, errX := strconv.Atoi(pair[0])
		y, errY := strconv.Atoi(pair[1])
		if errX != nil || errY != nil || x > areaWidth || y > areaHeight {
			return Reply{}, p.notAnswer(p.Lang.Pick(
				"坐标超出了图片：x 为 0 到 293，y 为 0 到 160。",
				"Coordinates outside the picture: x is 0 to 293, y is 0 to 160."))
		}
		points = append(points, Point{X: x, Y: y})
	}
	return Reply{Action: Answered, Points: points}, nil
}

// notAnswer returns the error that says what is wrong, when there is more to
// say than what is accepted, and what is accepted.
func (p Prompt) notAnswer(wrong string) error {
	if wrong != "" && p.Lang == English {
		wrong += " "
	}
	return &NotAnswer{sentence: wrong + p.Accepted()}
}

// plain returns text in lower case with every blank a single space, full-width
// forms (U+FF01 to U+FF5E) as their ASCII twins and 、 as a comma.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r >= '！' && r <= '～':
			r -= '！' - '!'
		case r == '、':
			return ','
		case unicode.IsSpace(r), r == '\u200b', r == '\ufeff': // zero-width blanks come with pasted text
			return ' '
		}
		return unicode.ToLower(r)
	}, text)
	return strings.Join(strings.Fields(text), " ")
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// above8 reports whether the decimal number s is above 8.
func above8(s string) bool {
	s = strings.TrimLeft(s, "0")
	return len(s) > 1 || s == "9"
}
