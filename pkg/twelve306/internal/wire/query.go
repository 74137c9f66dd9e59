package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// QueryReply is what leftTicket/query* answered.
type QueryReply struct {
	Status   bool
	CURL     string            // the path to ask instead ("leftTicket/queryZ"), when the letter has changed
	Messages string            // 12306's words, when it said something
	Rows     []Row             // one per train; empty when there is none that day
	Map      map[string]string // station names by telecode; may be nil
	Result   bool              // data.result was there: only then does an empty Rows mean "no trains"
	Bad      int               // rows that could not be read
	BadRow   string            // the first of them
}

// ParseQuery reads the reply of leftTicket/query*. It is written by hand
// because it runs at every look: rows are slices of body, and a train that no
// rule wants costs no allocation. encoding/json is used only for strings with
// escapes. The error says that body is not one well-formed JSON object.
func ParseQuery(body string) (*QueryReply, error) {
	p := &parser{s: strings.TrimPrefix(body, "\ufeff")}
	q := &QueryReply{}
	err := p.object(func(key string) error {
		switch key {
		case "status":
			return p.boolean(&q.Status)
		case "c_url":
			return p.text(&q.CURL)
		case "messages":
			return p.texts(func(s string) { q.Messages = join(q.Messages, s) })
		case "data":
			return p.data(q)
		}
		return p.skip(0)
	})
	if err == nil {
		if p.space(); p.i != len(p.s) {
			err = p.fail("text after the end")
		}
	}
	if err != nil {
		return nil, err
	}
	return q, nil
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}

func (p *parser) data(q *QueryReply) error {
	p.space()
	if p.peek() != '{' {
		return p.skip(0)
	}
	return p.object(func(key string) error {
		switch key {
		case "result":
			return p.rows(q)
		case "map":
			if p.space(); p.peek() != '{' {
				return p.skip(0)
			}
			q.Map = make(map[string]string, 16)
			return p.object(func(code string) error {
				var name string
				err := p.text(&name)
				q.Map[code] = name
				return err
			})
		}
		return p.skip(0)
	})
}

func (p *parser) rows(q *QueryReply) error {
	p.space()
	if p.peek() != '[' {
		return p.skip(0)
	}
	q.Result = true
	// A row is about 500 bytes; one allocation is enough for nearly all replies.
	q.Rows = make([]Row, 0, len(p.s)/420+1)
	return p.array(func() error {
		p.space()
		if p.peek() != '"' {
			q.bad("not a string")
			return p.skip(0)
		}
		s, err := p.str()
		if err != nil {
			return err
		}
		if row, ok := SplitRow(s); ok {
			q.Rows = append(q.Rows, row)
		} else {
			q.bad(s)
		}
		return nil
	})
}

func (q *QueryReply) bad(row string) {
	if q.Bad++; q.Bad == 1 {
		q.BadRow = row
	}
}

// parser walks JSON text once, from left to right.
type parser struct {
	s string
	i int
}

var errEnd = errors.New("the reply ends too early")

func (p *parser) fail(what string) error {
	if p.i >= len(p.s) {
		return errEnd
	}
	return fmt.Errorf("%s at byte %d", what, p.i)
}

func (p *parser) peek() byte {
	if p.i < len(p.s) {
		return p.s[p.i]
	}
	return 0
}

func (p *parser) space() {
	for p.i < len(p.s) {
		switch p.s[p.i] {
		case ' ', '\t', '\n', '\r':
			p.i++
		default:
			return
		}
	}
}

func (p *parser) expect(c byte) error {
	if p.space(); p.peek() != c {
		return p.fail(fmt.Sprintf("%q expected", c))
	}
	p.i++
	return nil
}

// object calls member after each key; member must read the value.
func (p *parser) object(member func(key string) error) error {
	if err := p.expect('{'); err != nil {
		return err
	}
	if p.space(); p.peek() == '}' {
		p.i++
		return nil
	}
	for {
		p.space()
		key, err := p.str()
		if err != nil {
			return err
		}
		if err := p.expect(':'); err != nil {
			return err
		}
		if err := member(key); err != nil {
			return err
		}
		p.space()
		switch p.peek() {
		case ',':
			p.i++
		case '}':
			p.i++
			return nil
		default:
			return p.fail("',' or '}' expected")
		}
	}
}

// array calls element before each element; element must read it.
func (p *parser) array(element func() error) error {
	if err := p.expect('['); err != nil {
		return err
	}
	if p.space(); p.peek() == ']' {
		p.i++
		return nil
	}
	for {
		if err := element(); err != nil {
			return err
		}
		p.space()
		switch p.peek() {
		case ',':
			p.i++
		case ']':
			p.i++
			return nil
		default:
			return p.fail("',' or ']' expected")
		}
	}
}

// str reads a string. Without escapes it is a slice of the reply.
func (p *parser) str() (string, error) {
	if p.peek() != '"' {
		return "", p.fail("a string expected")
	}
	start := p.i + 1
	escaped := false
	for at := start; ; {
		end := strings.IndexByte(p.s[at:], '"')
		if end < 0 {
			p.i = len(p.s)
			return "", errEnd
		}
		end += at
		back := 0
		for end-back > start && p.s[end-back-1] == '\\' {
			back++
		}
		if back%2 == 1 {
			escaped, at = true, end+1
			continue
		}
		p.i = end + 1
		raw := p.s[start:end]
		if !escaped && strings.IndexByte(raw, '\\') < 0 {
			return raw, nil
		}
		var s string
		if err := json.Unmarshal([]byte(p.s[start-1:end+1]), &s); err != nil {
			return "", fmt.Errorf("a broken string before byte %d", p.i)
		}
		return s, nil
	}
}

// text reads a string into s; any other value leaves s as it was.
func (p *parser) text(s *string) (err error) {
	if p.space(); p.peek() != '"' {
		return p.skip(0)
	}
	*s, err = p.str()
	return err
}

// texts reads a string or an array that holds strings (12306 uses both for
// messages) and calls f with each.
func (p *parser) texts(f func(string)) error {
	p.space()
	switch p.peek() {
	case '"':
		s, err := p.str()
		f(s)
		return err
	case '[':
		return p.array(func() error {
			var s string
			err := p.text(&s)
			f(s)
			return err
		})
	}
	return p.skip(0)
}

func (p *parser) boolean(b *bool) error {
	p.space()
	*b = strings.HasPrefix(p.s[p.i:], "true")
	return p.skip(0)
}

// maxDepth bounds nesting: replies nest four deep, and a thousand brackets
// must not exhaust the stack.
const maxDepth = 32

// skip reads any value.
func (p *parser) skip(depth int) error {
	if depth > maxDepth {
		return p.fail("nested too deeply")
	}
	p.space()
	switch c := p.peek(); {
	case c == '{':
		return p.object(func(string) error { return p.skip(depth + 1) })
	case c == '[':
		return p.array(func() error { return p.skip(depth + 1) })
	case c == '"':
		_, err := p.str()
		return err
	case c == '-' || c >= '0' && c <= '9':
		for p.i < len(p.s) && strings.IndexByte("+-.eE0123456789", p.s[p.i]) >= 0 {
			p.i++
		}
		return nil
	}
	for _, word := range []string{"true", "false", "null"} {
		if strings.HasPrefix(p.s[p.i:], word) {
			p.i += len(word)
			return nil
		}
	}
	return p.fail("a value expected")
}
