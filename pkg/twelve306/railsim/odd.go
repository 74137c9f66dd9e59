package railsim

import (
	"encoding/json"
	"net/http"
	"strings"
)

// Ways for 12306 to answer that nobody has seen yet: what a site that has
// changed may look like. They are planned with AddFault like the failures, but
// FaultKinds does not list them.
const (
	EmptyResult FaultKind = "empty-result" // a query: status true and no rows
	BadRows     FaultKind = "bad-rows"     // a query: of every four rows the first two are cut short; Msg "few": one of every four, but never all
	MoreFields  FaultKind = "more-fields"  // a query: every row has two fields more, at its end
	SeatWord    FaultKind = "seat-word"    // a query: every seat cell says Msg
	LoginPage   FaultKind = "login-page"   // any step: 200 with the page of the login
	StrangePage FaultKind = "strange-page" // any step: 200 with a page that says Msg
	NotFound    FaultKind = "404"          // any step: a page that the site has given up, or does not have yet
)

// OddKinds lists them, in the order above.
func OddKinds() []FaultKind {
	return []FaultKind{EmptyResult, BadRows, MoreFields, SeatWord, LoginPage, StrangePage, NotFound}
}

// odd answers as planned. An answer to a query that lists no trains, a redirect
// say, stays as it is where rows are to be changed.
func (f *Fault) odd(x *exchange) {
	switch f.Kind {
	case LoginPage:
		x.page(strings.ReplaceAll(passportHTML, "https://kyfw.12306.cn", x.origin()))
		return
	case StrangePage:
		x.page("<!DOCTYPE html><html><head><title>" + f.Msg + "</title></head><body><p>" + f.Msg + "</p></body></html>")
		return
	case NotFound:
		x.reply(http.StatusNotFound, typeHTML, []byte("<html><body>404</body></html>"))
		return
	}
	var reply map[string]any
	if x.status != http.StatusOK || json.Unmarshal(x.body, &reply) != nil {
		return
	}
	data, _ := reply["data"].(map[string]any)
	rows, ok := data["result"].([]any)
	if !ok {
		return
	}
	for i := range rows {
		row, _ := rows[i].(string)
		fields := strings.Split(row, "|")
		switch f.Kind {
		case BadRows:
			if i%4 == 0 && (f.Msg != "few" || len(rows) > 1) || i%4 == 1 && f.Msg != "few" {
				fields = fields[:len(fields)/2]
			}
		case MoreFields:
			fields = append(fields, "N", "0")
		case SeatWord:
			for k := 20; k <= 33; k++ {
				if fields[k] != "" {
					fields[k] = f.Msg
				}
			}
		}
		rows[i] = strings.Join(fields, "|")
	}
	data["result"] = rows
	if f.Kind == EmptyResult {
		data["result"] = []string{}
	}
	x.json(reply)
}
