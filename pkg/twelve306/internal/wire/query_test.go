package wire

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// recordedQueries are the replies of the parent's testdata and what is in them.
var recordedQueries = []struct {
	file         string
	rows, fields int
}{
	{"query.2019-05-18.HZH-NGH.subset.json", 10, 39},
	{"queryG.2026-10-04.VNP-AOH.json", 12, 58},
	{"queryZ.2017-12-23.YLZ-YSZ.offhours.json", 3, 37},
}

func recorded(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestParseQueryRecorded compares every field of every recorded row with what
// encoding/json and strings.Split make of it.
func TestParseQueryRecorded(t *testing.T) {
	for _, r := range recordedQueries {
		body := recorded(t, r.file)
		q, err := ParseQuery(body)
		if err != nil || !q.Status || !q.Result || q.Messages != "" || q.CURL != "" || q.Bad != 0 || len(q.Rows) != r.rows {
			t.Fatalf("%s: %d rows, %d bad, %+v, %v", r.file, len(q.Rows), q.Bad, q, err)
		}
		var want struct {
			Data struct {
				Result []string          `json:"result"`
				Map    map[string]string `json:"map"`
			} `json:"data"`
		}
		if err := json.Unmarshal([]byte(body), &want); err != nil {
			t.Fatal(err)
		}
		for i := range q.Rows {
			fields := strings.Split(want.Data.Result[i], "|")
			if len(fields) != r.fields || q.Rows[i].Len() != r.fields {
				t.Errorf("%s row %d: %d fields", r.file, i, q.Rows[i].Len())
			}
			for n, f := range fields {
				if got := q.Rows[i].Field(n); got != f {
					t.Errorf("%s row %d field %d: %q, want %q", r.file, i, n, got, f)
				}
			}
		}
		if fmt.Sprint(q.Map) != fmt.Sprint(want.Data.Map) {
			t.Errorf("%s: map %v, want %v", r.file, q.Map, want.Data.Map)
		}
	}
}

func TestParseQueryForms(t *testing.T) {
	row := strings.Repeat("|", 40)
	tests := []struct {
		name, body string
		want       QueryReply // Rows and Map are compared by length
		rows       int
	}{
		{"no trains", `{"data":{"flag":"1","map":{},"result":[]},"httpstatus":200,"messages":"","status":true}`, QueryReply{Status: true, Result: true}, 0},
		{"letter has changed (2014-2018)", `{"status":false,"c_url":"leftTicket/query","c_name":"CLeftTicketUrl"}`, QueryReply{CURL: "leftTicket/query"}, 0},
		{"messages an array", `{"status":false,"messages":["网络繁忙"]}`, QueryReply{Messages: "网络繁忙"}, 0},
		{"messages two", `{"status":false,"messages":["a","b"]}`, QueryReply{Messages: "a; b"}, 0},
		{"messages a text", `{"status":false,"messages":"网络繁忙"}`, QueryReply{Messages: "网络繁忙"}, 0},
		{"data a text", `{"status":true,"data":"220"}`, QueryReply{Status: true}, 0},
		{"data null", `{"status":true,"data":null}`, QueryReply{Status: true}, 0},
		{"result null", `{"status":true,"data":{"result":null}}`, QueryReply{Status: true}, 0},
		{"result a text", `{"status":true,"data":{"result":"x"}}`, QueryReply{Status: true}, 0},
		{"a short row", `{"status":true,"data":{"result":["a|b","` + row + `"]}}`, QueryReply{Status: true, Result: true, Bad: 1, BadRow: "a|b"}, 1},
		{"a row that is no text", `{"status":true,"data":{"result":[1,{"a":[]},"` + row + `"]}}`, QueryReply{Status: true, Result: true, Bad: 2, BadRow: "not a string"}, 1},
		{"escapes in a row", `{"status":true,"data":{"result":["\u9884\/` + row + `"]}}`, QueryReply{Status: true, Result: true}, 1},
		{"blanks", "\ufeff {\n\"status\" : true , \"data\" : { \"result\" : [ ] } }\n", QueryReply{Status: true, Result: true}, 0},
		{"a map that is no object", `{"status":true,"data":{"map":[],"result":[]}}`, QueryReply{Status: true, Result: true}, 0},
		{"an empty object", `{}`, QueryReply{}, 0},
	}
	for _, tt := range tests {
		q, err := ParseQuery(tt.body)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if q.Status != tt.want.Status || q.CURL != tt.want.CURL || q.Messages != tt.want.Messages || q.Result != tt.want.Result ||
			q.Bad != tt.want.Bad || q.BadRow != tt.want.BadRow || len(q.Rows) != tt.rows {
			t.Errorf("%s: %+v", tt.name, q)
		}
	}
}

// TestParseQueryRefuses: what is not one whole object is an error and never an
// empty result.
func TestParseQueryRefuses(t *testing.T) {
	whole := recorded(t, "query.2019-05-18.HZH-NGH.subset.json")
	for _, body := range []string{"", " ", "null", "[]", `""`, "0", "<html>", `{"data":{"result":[]}`, `{"data":{"result":[}}`, `{"data":{"result":["a}}`, `{"a":1}}`,
		`{"a":}`, `{"a" 1}`, `{a:1}`, `{"a":1,}`, `{"data":{"result":["\q"]}}`, `{"a":` + strings.Repeat("[", 1000), `{"a":tru}`} {
		if q, err := ParseQuery(body); err == nil {
			t.Errorf("%.60q: %+v", body, q)
		}
	}
	for n := 0; n < len(strings.TrimSpace(whole)); n += 7 {
		if _, err := ParseQuery(whole[:n]); err == nil {
			t.Fatalf("a reply cut at byte %d was read", n)
		}
	}
}

// TestParseQueryAllocates holds the promise that a train which no rule wants
// costs no allocation.
func TestParseQueryAllocates(t *testing.T) {
	row := strings.Repeat("abcdefghijk|", 38) + "x"
	allocs := func(n int) float64 {
		body := `{"data":{"flag":"1","map":{},"result":["` + strings.TrimSuffix(strings.Repeat(row+`","`, n), `","`) + `"]},"messages":"","status":true}`
		return testing.AllocsPerRun(20, func() {
			if q, err := ParseQuery(body); err != nil || len(q.Rows) != n {
				t.Fatal(err)
			}
		})
	}
	if few, many := allocs(2), allocs(50); many > few {
		t.Errorf("%v allocations for 2 trains, %v for 50", few, many)
	}
}

func TestSplitRow(t *testing.T) {
	for n, want := range map[int]bool{0: false, MinFields - 1: false, MinFields: true, 58: true, MaxFields: true, MaxFields + 30: true} {
		text := strings.TrimSuffix(strings.Repeat("x|", n), "|")
		r, ok := SplitRow(text)
		if ok != want || ok && (r.Len() != min(n, MaxFields) || r.Field(r.Len()) != "" || r.Field(-1) != "" || r.Field(r.Len()-1) != "x") {
			t.Errorf("%d fields: %v, %d", n, ok, r.Len())
		}
	}
	if _, ok := SplitRow(strings.Repeat("x|", 1<<15)); ok {
		t.Error("a row of 64 kB was taken for a train")
	}
}
