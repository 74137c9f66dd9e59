package railsim

import (
	_ "embed"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
)

//go:embed data/leftTicket-init.html
var queryHTML string

// offer is one row as it stood in one answer: what its secretStr buys.
type offer struct {
	*train
	at       time.Time
	secret   string // decoded
	ypInfo   string // as in the row: URL-encoded
	purpose  string
	discount string
	from, to string // telecodes that were asked for
	stale    bool
}

var letterForm = regexp.MustCompile(`^[A-Z]?$`)

func cleanLetter(l string) string {
	l = strings.Trim(l, "-")
	if !letterForm.MatchString(l) {
		panic("railsim: query letter " + l)
	}
	return l
}

// SetLetter changes what leftTicket/query ends in ("-" or "": nothing); the old
// address answers with the new one (c_url).
func (s *Server) SetLetter(letter string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.letter = cleanLetter(letter)
}

// queryInit is the page with the query form; it names the query address.
func (s *Server) queryInit(x *exchange) {
	sess := x.session()
	name := ""
	if sess.user != "" && x.loggedIn() {
		name = jsEscape(x.user().Name)
	}
	page := strings.ReplaceAll(queryHTML, "https://kyfw.12306.cn", x.origin())
	page = strings.Replace(page, "'leftTicket/query'", "'leftTicket/query"+s.letter+"'", 1)
	page = strings.Replace(page, `'\u5F20\u4E09'`, "'"+name+"'", 1)
	x.page(page)
}

// queryLog is told of every query on some days. Nobody reads its answer.
func (s *Server) queryLog(x *exchange) {
	if x.queryParams() {
		x.otn(nil)
	}
}

// queryOrder is how a browser builds it.
var queryOrder = []string{"leftTicketDTO.train_date", "leftTicketDTO.from_station", "leftTicketDTO.to_station", "purpose_codes"}

var paddedDate = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)

// queryParams checks the query's parameters; a bad one is answered with
// error.html (PROTOCOL.md 1.3).
func (x *exchange) queryParams() bool {
	before := len(x.s.violations)
	for i, p := range x.pairs {
		if i < len(queryOrder) && p.name != queryOrder[i] {
			x.violate("parameters in another order than a browser's")
			break
		}
	}
	if p := x.form.Get("purpose_codes"); p != "ADULT" && p != "0X00" {
		x.violate("purpose_codes is %q", p)
	}
	known := stations().byCode
	for _, name := range []string{"leftTicketDTO.from_station", "leftTicketDTO.to_station"} {
		if _, ok := known[x.form.Get(name)]; !ok {
			x.violate("%s is %q, no telecode", name, x.form.Get(name))
		}
	}
	sent := x.form.Get("leftTicketDTO.train_date")
	day, err := time.ParseInLocation(time.DateOnly, sent, railway)
	now := x.now.In(railway)
	first := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, railway)
	switch {
	case !paddedDate.MatchString(sent) || err != nil:
		x.violate("train_date is %q", sent)
	case day.Before(first):
		x.violate("train_date %s is past", sent)
	}
	if len(x.s.violations) > before || !day.Before(first.AddDate(0, 0, x.s.window())) {
		x.redirectToError()
		return false
	}
	return true
}

// query answers with the trains of both cities.
func (s *Server) query(x *exchange) {
	if s.awkward(60) {
		s.letter = s.pick("", "Z", "X", "A", "O", "T", "Y", "E", "U", "G")
	}
	if !s.lastQuery.IsZero() && x.now.Sub(s.lastQuery) < s.opts.QueryGap {
		x.note("a query %v after the last one", x.now.Sub(s.lastQuery))
	}
	if strings.TrimPrefix(x.r.URL.Path, "/otn/leftTicket/query") != s.letter {
		// The look that follows this answer does not wait, so it does not count.
		x.decided("c_url")
		x.json(map[string]any{"status": false, "c_url": "leftTicket/query" + s.letter, "c_name": "CLeftTicketUrl"})
		return
	}
	s.lastQuery = x.now
	if x.sess == nil {
		x.decided("session gone")
		x.redirectToError()
		return
	}
	if !x.queryParams() {
		return
	}
	if s.awkward(50) {
		x.busy()
		return
	}
	date := x.form.Get("leftTicketDTO.train_date")
	from, to := x.form.Get("leftTicketDTO.from_station"), x.form.Get("leftTicketDTO.to_station")
	if s.opts.Timetable {
		s.timetable(date, from, to)
	}
	names := map[string]string{}
	rows := []string{}
	for _, t := range s.rowsFor(date, from, to, x.now) {
		o := s.offer(t, x.form.Get("purpose_codes"), from, to, x.now)
		rows = append(rows, s.row(o, s.says(x.now)))
		for _, c := range []string{t.From, t.To} {
			names[c] = stations().byCode[c].name
		}
	}
	data := map[string]any{"flag": "1", "map": names, "result": rows}
	if s.opts.Era == Present {
		data["level"] = "0"
		data["sametlc"] = "Y"
	}
	x.header.Set("Cache-Control", "no-cache, no-store")
	x.decided(fmt.Sprintf("%d rows", len(rows)))
	// messages is a string here, and only here.
	x.json(map[string]any{"data": data, "httpstatus": 200, "messages": "", "status": true})
}

// rowsFor lists the trains between the two cities that have not left.
func (s *Server) rowsFor(date, from, to string, now time.Time) []*train {
	var list []*train
	at := stations()
	for _, t := range s.board.days[date] {
		if !at.sameCity(t.From, from) || !at.sameCity(t.To, to) || now.After(t.leaves()) {
			continue
		}
		// The same train from another station of the city comes first: who
		// does not look at the fields 6 and 7 takes the wrong one.
		if twin := s.twin(t); twin != nil {
			list = append(list, twin)
		}
		list = append(list, t)
	}
	return list
}

// twin is the same train boarded at another station of the city a quarter of
// an hour earlier. Calm sites have none.
func (s *Server) twin(t *train) *train {
	others := stations().neighbours(t.From)
	if s.opts.Calm || len(others) == 0 || clock(t.Depart) < 15*time.Minute || t.Note != "" {
		return nil
	}
	for _, u := range s.board.days[t.date] {
		if u != t && u.Code == t.Code {
			return nil // the test has its own
		}
	}
	twin := *t
	twin.From = others[len(t.Code)%len(others)].code
	twin.Depart = hhmm(clock(t.Depart) - 15*time.Minute)
	twin.Took = hhmm(clock(t.Took) + 15*time.Minute)
	twin.invented = true
	return &twin
}

// offer makes the secretStr of a row.
func (s *Server) offer(t *train, purpose, from, to string, now time.Time) *offer {
	o := &offer{train: t, at: now, purpose: purpose, from: from, to: to}
	o.secret = lines76(s.base64Text(212 + s.rng.IntN(65)))
	o.ypInfo = url.QueryEscape(s.base64Text(ypLength(len(t.seats(&s.board)))))
	if s.onSale(o, s.says(now)) == "" {
		s.offers[o.secret] = o
	}
	return o
}

// onSale is "", or why the row cannot be bought: what field 11 says.
func (s *Server) onSale(o *offer, now time.Time) string {
	if o.Note != "" || s.night(now) || now.Before(o.Opens) {
		return "IS_TIME_NOT_BUY"
	}
	for _, n := range o.seats(&s.board) {
		if n > 0 {
			return ""
		}
	}
	return "N"
}

// night reports whether the site is in its closed hours.
func (s *Server) night(now time.Time) bool {
	from, to, ok := strings.Cut(s.opts.Night, "-")
	if !ok {
		return false
	}
	n := now.In(railway)
	at := time.Duration(n.Hour())*time.Hour + time.Duration(n.Minute())*time.Minute
	if clock(from) > clock(to) {
		return at >= clock(from) || at < clock(to)
	}
	return at >= clock(from) && at < clock(to)
}
