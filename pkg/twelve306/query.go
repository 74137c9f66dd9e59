package twelve306

import (
	"context"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/watcherd/watcherd/pkg/twelve306/internal/wire"
)

// queryPathForm is the only kind of path that c_url, conf and the page may
// name: anything else would send the session somewhere it does not belong.
var queryPathForm = regexp.MustCompile(`^leftTicket/query[A-Z]?$`)

// Query asks for the trains of a day between two stations (seed step 9).
// 12306 answers for whole cities; only rows of the two stations asked for are
// returned. An empty result without error means that 12306 said there are no
// such trains; everything that is not clearly that is an error.
func (c *Client) Query(ctx context.Context, j Journey) ([]Train, error) {
	trains, err := c.query(ctx, j)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.failures, c.renewed = 0, false
		delete(c.renewedFor, j)
	} else if c.failures++; c.failures%3 == 0 {
		c.queryPath = "" // three in a row: read CLeftTicketUrl again
	}
	return trains, err
}

func (c *Client) query(ctx context.Context, j Journey) ([]Train, error) {
	if !c.OnSale(j.Date) {
		return nil, c.notOnSale(j)
	}
	before := c.pace.slowness()
	c.mu.Lock()
	path := c.queryPath
	c.mu.Unlock()
	var err error
	turn := classLook
	if path == "" { // the page takes the query's turn
		if path, err = c.learnQueryPath(ctx, turn); err != nil {
			return nil, err
		}
		turn = classAgain
	}
	q, err := c.ask(ctx, path, j, turn)
	if k := KindOf(err); (k == Blocked || k == Session) && c.renewOnce(j) {
		// A missing anonymous session is answered like a blocked address, so one
		// new session is worth one more try; then it is what it looks like.
		if path, err = c.learnQueryPath(ctx, classAgain); err != nil {
			return nil, err
		}
		if q, err = c.ask(ctx, path, j, classAgain); err == nil {
			c.pace.pardon(before) // it was the session
		}
	}
	if KindOf(err) == Blocked && c.tooEarly(ctx, j.Date) {
		c.pace.pardon(before)
		c.mu.Lock()
		delete(c.renewedFor, j) // it was the day: when that opens the session may be another matter
		c.mu.Unlock()
		return nil, c.notOnSale(j)
	}
	if err != nil {
		return nil, err
	}
	if q.CURL != "" {
		next, _, _ := strings.Cut(strings.TrimPrefix(q.CURL, "/otn/"), "?")
		if !queryPathForm.MatchString(next) || next == path {
			return nil, &Error{Op: "query", Kind: Changed, Msg: "c_url names " + strconv.Quote(plain(q.CURL))}
		}
		c.mu.Lock()
		c.queryPath = next
		c.mu.Unlock()
		if q, err = c.ask(ctx, next, j, classAgain); err != nil {
			return nil, err
		}
		if q.CURL != "" {
			return nil, &Error{Op: "query", Kind: Changed, Msg: "c_url twice in a row"}
		}
	}
	return c.judge(q, j)
}

// ask sends one query to a path and reads its envelope.
func (c *Client) ask(ctx context.Context, path string, j Journey, cl class) (*answer, error) {
	op := strings.TrimPrefix(path, "leftTicket/")
	f := form{}.add("leftTicketDTO.train_date", j.Date.String()).
		add("leftTicketDTO.from_station", j.From.Code).
		add("leftTicketDTO.to_station", j.To.Code).
		add("purpose_codes", j.purpose())
	r, err := c.do(ctx, call{
		op: op, path: "/otn/" + path + "?" + f.String(), referer: pageQuery, class: cl,
		header: map[string]string{"If-Modified-Since": "0", "Cache-Control": "no-cache"},
	})
	if err != nil {
		return nil, err
	}
	q, err := wire.ParseQuery(string(r.body))
	if err != nil {
		c.odd(op, OddText, http.StatusOK, r.body)
		return nil, &Error{Op: op, Kind: Network, Msg: "a reply that cannot be read", Err: err}
	}
	return &answer{q, op, r.body}, nil
}

// answer is the reply to a query, with its text for those who want to see what
// is odd about it.
type answer struct {
	*wire.QueryReply
	op   string
	body []byte
}

// judge turns an answer into the trains of the journey and reports what is odd
// about it.
func (c *Client) judge(a *answer, j Journey) ([]Train, error) {
	list, err := trains(a.QueryReply, j)
	why := ""
	switch KindOf(err) {
	case "":
		if err = c.emptied(a.QueryReply, j, list); err != nil {
			list, why = nil, OddNoTrains
		} else if c.onOdd != nil {
			why = oddRows(a.QueryReply)
		}
	case Busy:
		c.pace.Throttle(0)
	case Changed:
		switch {
		case a.Result && (a.Status || len(a.Rows) > 0):
			why = OddRows
		case a.Messages != "":
			why = OddWords
		default:
			why = OddShape
		}
	}
	if why != "" {
		c.odd(a.op, why, http.StatusOK, a.body)
	}
	return list, err
}

// trains turns a readable reply into the trains of the journey.
func trains(q *wire.QueryReply, j Journey) ([]Train, error) {
	switch {
	case q.Result && (q.Status || len(q.Rows) > 0):
	case q.Messages != "":
		return nil, refused("query", q.Messages)
	case q.CURL != "":
		return nil, &Error{Op: "query", Kind: Changed, Msg: "the query has moved"}
	default:
		return nil, &Error{Op: "query", Kind: Changed, Msg: "a reply without trains and without a word"}
	}
	if all := len(q.Rows) + q.Bad; all > 0 {
		if bad := unreadable(q); 2*bad >= all {
			return nil, &Error{Op: "query", Kind: Changed, Msg: strconv.Itoa(bad) + " of " + strconv.Itoa(all) + " rows cannot be read"}
		}
	}
	out := make([]Train, 0, len(q.Rows))
	for i := range q.Rows {
		if q.Rows[i].Field(6) != j.From.Code || q.Rows[i].Field(7) != j.To.Code {
			continue
		}
		t := Train{q.Rows[i], j.Date}
		for _, shown := range [...]string{t.No(), t.Code(), t.Depart(), t.Arrive()} {
			if len(shown) > maxWords || strings.ContainsFunc(shown, unicode.IsControl) {
				return nil, &Error{Op: "query", Kind: Changed, Msg: "a train called " + strconv.Quote(plain(shown))}
			}
		}
		out = append(out, t)
	}
	return out, nil
}

// ParseTrains reads the body of a query reply: the pure part of Query.
func ParseTrains(body []byte, j Journey) ([]Train, error) {
	q, err := wire.ParseQuery(string(body))
	if err != nil {
		return nil, &Error{Op: "query", Kind: Network, Msg: "a reply that cannot be read", Err: err}
	}
	return trains(q, j)
}

// renewOnce allows one new session per run of redirected queries, and one for
// each journey until it is answered again: what is redirected for ever while
// others are answered is not for want of a session.
func (c *Client) renewOnce(j Journey) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.renewed || c.renewedFor[j] {
		return false
	}
	for k := range c.renewedFor { // days that are over are never asked about again
		if k.Date.Before(DateOf(time.Now())) {
			delete(c.renewedFor, k)
		}
	}
	c.renewed, c.renewedFor[j] = true, true
	return true
}

// learnQueryPath reads leftTicket/init and returns the path with today's
// letter. The page also gives a browser without cookies its anonymous session:
// without one a query is redirected.
func (c *Client) learnQueryPath(ctx context.Context, cl class) (string, error) {
	r, err := c.do(ctx, call{op: "leftTicket/init", path: pageQuery, accept: acceptPage, class: cl})
	if err != nil {
		return "", err
	}
	page := string(r.body)
	if !looksLikeHTML(r.body) && !c.hasCookie("/otn/leftTicket", "JSESSIONID") {
		c.odd("leftTicket/init", OddText, http.StatusOK, r.body)
		return "", &Error{Op: "leftTicket/init", Kind: Network, Msg: "neither a page nor a session"}
	}
	found := wire.LeftTicketURL(page)
	if !queryPathForm.MatchString(found) {
		c.odd("leftTicket/init", OddNoToken, http.StatusOK, r.body)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if v := wire.StationVersion(page); v != "" {
		c.version = v
	}
	if queryPathForm.MatchString(found) {
		c.queryPath = found
	} else if c.queryPath == "" {
		// The page names none: the bare path is answered with c_url at worst.
		c.queryPath = "leftTicket/query"
	}
	return c.queryPath, nil
}

// RefreshStations fetches station_name.js (seed step 8), uses it from now on,
// and returns it for keeping. A list that cannot be read leaves the old one in
// force.
func (c *Client) RefreshStations(ctx context.Context) (js []byte, err error) {
	c.mu.Lock()
	version := c.version
	c.mu.Unlock()
	if version == "" {
		version = "1.9044" // the seed's; the parameter only defeats caches
	}
	r, err := c.do(ctx, call{
		op: "station_name.js", path: "/otn/resources/js/framework/station_name.js?station_version=" + version,
		referer: pageQuery, accept: acceptScript, class: classAside,
	})
	if err != nil {
		return nil, err
	}
	s, err := ParseStations(string(r.body))
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stations = s
	return r.body, nil
}
