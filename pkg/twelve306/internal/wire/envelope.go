package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// Envelope is the form of every JSON reply under /otn and /passport: /otn
// answers {status, httpstatus, data, messages}, /passport {result_code,
// result_message} with its data beside them.
type Envelope struct {
	Status        True            `json:"status"`
	Data          json.RawMessage `json:"data"`
	Messages      Texts           `json:"messages"`
	ResultCode    *Number         `json:"result_code"`
	ResultMessage Text            `json:"result_message"`
}

// ParseEnvelope reads a JSON object, with the byte order mark and the JSONP
// wrapper `/**/jQuery123({...});` that some replies carry. The remaining
// members of a /passport reply can be read from the returned object text.
func ParseEnvelope(body []byte) (env Envelope, object []byte, err error) {
	object = unwrap(body)
	if len(object) == 0 || object[0] != '{' {
		return Envelope{}, nil, errors.New("not a JSON object")
	}
	if err := json.Unmarshal(object, &env); err != nil {
		return Envelope{}, nil, jsonError(err)
	}
	return env, object, nil
}

// Decode reads a JSON object into v and says what is wrong in words without
// any of the value's text in them.
func Decode(object []byte, v any) error {
	if len(bytes.TrimSpace(object)) == 0 {
		return errors.New("nothing there")
	}
	if err := json.Unmarshal(object, v); err != nil {
		return jsonError(err)
	}
	return nil
}

// jsonError keeps the place and drops the text: a reply may hold a name or a
// token, and errors are logged.
func jsonError(err error) error {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		what, _, _ := strings.Cut(e.Value, " ") // "number 12" would show the value
		return errors.New("a " + what + " in place of " + or(e.Field, "the object"))
	}
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return errors.New("broken JSON at byte " + strconv.FormatInt(e.Offset, 10))
	}
	return errors.New("not the JSON that was expected")
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func unwrap(body []byte) []byte {
	b := bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(body), []byte("\ufeff")))
	b = bytes.TrimPrefix(b, []byte("/**/"))
	if len(b) == 0 || b[0] == '{' || b[0] == '<' {
		return b
	}
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || end < open || !isName(b[:open]) {
		return b
	}
	return bytes.TrimSpace(b[open+1 : end])
}

func isName(b []byte) bool {
	for _, c := range b {
		if c != '_' && c != '$' && c != '.' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return len(b) > 0
}

// Text is a string that 12306 may also send as a number, a bool or null.
type Text string

// UnmarshalJSON accepts every scalar.
func (t *Text) UnmarshalJSON(b []byte) error {
	switch {
	case bytes.Equal(b, []byte("null")):
		*t = ""
		return nil
	case len(b) > 0 && b[0] == '"':
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*t = Text(s)
		return nil
	case len(b) > 0 && (b[0] == '{' || b[0] == '['):
		return &json.UnmarshalTypeError{Value: "structure"}
	}
	*t = Text(b)
	return nil
}

// Texts is messages: an array of texts, or one text ("" in query replies since
// 2019), or null. A text that is itself a JSON array or object is no message.
type Texts []string

// UnmarshalJSON accepts both forms; elements that are not texts are dropped.
func (t *Texts) UnmarshalJSON(b []byte) error {
	*t = nil
	if len(b) > 0 && b[0] == '[' {
		var raw []json.RawMessage
		if err := json.Unmarshal(b, &raw); err != nil {
			return err
		}
		for _, r := range raw {
			var s Text
			if s.UnmarshalJSON(r) == nil && s != "" {
				*t = append(*t, string(s))
			}
		}
		return nil
	}
	if len(b) > 0 && b[0] == '{' {
		return nil
	}
	var s Text
	if err := s.UnmarshalJSON(b); err != nil {
		return err
	}
	if s != "" && !(strings.ContainsRune("[{", rune(s[0])) && json.Valid([]byte(s))) {
		*t = Texts{string(s)}
	}
	return nil
}

// String joins the messages.
func (t Texts) String() string { return strings.Join(t, "; ") }

// Number is an integer that 12306 sends as a number or as a string of digits
// ("4" and 4). It is exact up to 64 bits: requestId has 19 digits.
type Number int64

// UnmarshalJSON accepts both forms, and a number with a zero fraction; null
// leaves the number as it was. An empty text is an error: as a result_code it
// would otherwise be 0, which is success.
func (n *Number) UnmarshalJSON(b []byte) error {
	if bytes.Equal(b, []byte("null")) {
		return nil
	}
	s := strings.Trim(string(b), `"`)
	s = strings.TrimSpace(s)
	if whole, fraction, ok := strings.Cut(s, "."); ok && strings.Trim(fraction, "0") == "" {
		s = whole // not by way of a float64, which would round
	}
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return &json.UnmarshalTypeError{Value: "text"}
	}
	*n = Number(v)
	return nil
}

// True is true for the JSON value true and for nothing else: status is what an
// order goes on by, and it has never been recorded in another form.
type True bool

// UnmarshalJSON accepts every value.
func (v *True) UnmarshalJSON(b []byte) error {
	*v = True(bytes.Equal(b, []byte("true")))
	return nil
}

// Bool is true for true, "true", "Y" and "1"; every other value is false.
type Bool bool

// UnmarshalJSON accepts every value.
func (v *Bool) UnmarshalJSON(b []byte) error {
	switch strings.Trim(string(b), `"`) {
	case "true", "Y", "1":
		*v = true
	default:
		*v = false
	}
	return nil
}
