package wire

import (
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// seed adds the small recorded replies.
func seed(f *testing.F) {
	f.Helper()
	for _, r := range recordedQueries {
		f.Add(recorded(f, r.file))
	}
	lines, err := os.ReadFile(filepath.Join("..", "..", "testdata", "failures.recorded.jsonl"))
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(lines)) {
		var r struct{ Body json.RawMessage }
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			f.Fatal(err)
		}
		f.Add(string(r.Body))
	}
	for _, s := range []string{"", "null", `{"status":true,"data":{"result":["a"]}}`, "/**/jQuery1_2({\"result_code\":\"4\"});", "\ufeff{}"} {
		f.Add(s)
	}
}

// FuzzParseQuery: what ParseQuery reads, encoding/json reads as well, and the
// rows are the same.
func FuzzParseQuery(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, body string) {
		q, err := ParseQuery(body)
		if err != nil {
			return
		}
		if !q.Result && (len(q.Rows) > 0 || q.Bad > 0) {
			t.Fatal("rows without data.result")
		}
		var want struct {
			Data struct {
				Result []string `json:"result"`
			} `json:"data"`
		}
		if json.Unmarshal([]byte(strings.TrimPrefix(body, "\ufeff")), &want) != nil || q.Bad > 0 || len(q.Rows) != len(want.Data.Result) {
			return // another type somewhere, a key twice, or looser than JSON
		}
		for i := range q.Rows {
			if q.Rows[i].text != want.Data.Result[i] && !strings.ContainsRune(want.Data.Result[i], '\ufffd') {
				t.Fatalf("row %d: %q, want %q", i, q.Rows[i].text, want.Data.Result[i])
			}
		}
	})
}

func FuzzSplitRow(f *testing.F) {
	for _, r := range recordedQueries {
		q, err := ParseQuery(recorded(f, r.file))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(q.Rows[0].text)
	}
	f.Add(strings.Repeat("|", 80))
	f.Fuzz(func(t *testing.T, text string) {
		r, ok := SplitRow(text)
		fields := strings.Split(text, "|")
		if ok != (len(fields) >= MinFields && len(text) < 1<<16) {
			t.Fatalf("%d fields, %v", len(fields), ok)
		}
		for i := range r.Len() {
			if r.Field(i) != fields[i] {
				t.Fatalf("field %d is %q, want %q", i, r.Field(i), fields[i])
			}
		}
	})
}

// FuzzParseEnvelope: no panic, and what is read is one JSON object.
func FuzzParseEnvelope(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, body string) {
		env, object, err := ParseEnvelope([]byte(body))
		if err != nil {
			if len(err.Error()) > 200 {
				t.Fatalf("a long error: %v", err)
			}
			return
		}
		if !json.Valid(object) || object[0] != '{' {
			t.Fatalf("%q is not an object", object)
		}
		var v struct {
			A Text   `json:"waitTime"`
			B Number `json:"requestId"`
			C Bool   `json:"submitStatus"`
			D []Text `json:"tickets"`
		}
		if err := Decode(env.Data, &v); err != nil {
			_ = err.Error() // must not panic either
		}
	})
}

// FuzzScalar: a number is exactly the one that is written, however it is
// written, and a text is what encoding/json reads.
func FuzzScalar(f *testing.F) {
	for _, s := range []string{`4`, `"4"`, `" 4 "`, `4.0`, `"-1"`, `1e3`, `6535491582148718991`, `9007199254740993.0`, `9223372036854775808`, `1e300`, `"NaN"`, `"0x10"`, `"Inf"`,
		`""`, `null`, `true`, `"Y"`, `["a",["b"],{"c":1},null,5]`, `"[\"a\"]"`, `{"a":1}`, `"\u0000\ud800"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !json.Valid([]byte(text)) {
			return
		}
		const unset = -77
		n := Number(unset)
		if json.Unmarshal([]byte(text), &n) == nil && n != unset {
			written := strings.TrimSpace(strings.Trim(strings.TrimSpace(text), `"`))
			want, ok := new(big.Rat).SetString(written)
			if !strings.Contains(text, `\`) && (!ok || want.Cmp(new(big.Rat).SetInt64(int64(n))) != 0) {
				t.Fatalf("%s was read as %d", text, n)
			}
		}
		var s Text
		var want string
		if json.Unmarshal([]byte(text), &want) == nil && (json.Unmarshal([]byte(text), &s) != nil || string(s) != want) {
			t.Fatalf("%s was read as %q, want %q", text, s, want)
		}
		var list Texts
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			t.Fatalf("%s: %v", text, err) // messages of any form must not hide a reply
		}
		for _, m := range list {
			if m == "" || !utf8.ValidString(m) {
				t.Fatalf("%s holds %q", text, m)
			}
		}
		var yes Bool
		var status True
		if json.Unmarshal([]byte(text), &yes) != nil || json.Unmarshal([]byte(text), &status) != nil || bool(status) && strings.TrimSpace(text) != "true" {
			t.Fatalf("%s: %v %v", text, yes, status)
		}
	})
}

// FuzzPage reads what a page may hold: the tokens and the object literals.
func FuzzPage(f *testing.F) {
	for _, name := range []string{"leftTicket-init.2019-05-18.trimmed.html", "passport-redirect.2019-05-18.trimmed.html"} {
		f.Add(recorded(f, name))
	}
	page := recorded(f, "initDc.2019-05-18.trimmed.html")
	f.Add(page[strings.Index(page, "var orderRequestDTO"):])
	f.Add(`ticketInfoForPassengerForm={'key_check_isChange':'A\'"\u5F20','x':[null,{}]};`)
	f.Fuzz(func(t *testing.T, page string) {
		if tok := RepeatSubmitToken(page); strings.ContainsAny(tok, "'\" \n") {
			t.Fatalf("token %q", tok)
		}
		if tok := KeyCheckIsChange(page); strings.ContainsAny(tok, "'\" \n") {
			t.Fatalf("key %q", tok)
		}
		LeftTicketURL(page)
		StationVersion(page)
		SlidePasscode(page)
		for _, name := range []string{"ticketInfoForPassengerForm", "orderRequestDTO"} {
			var v map[string]any
			if err := Object(page, name, &v); err == nil && v == nil {
				t.Fatalf("%s: neither an object nor an error", name)
			}
		}
	})
}
