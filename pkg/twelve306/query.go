package twelve306

import (
	"context"
	"regexp"
	"strconv"
	"strings"
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
	path, err := c.learnQueryPath(ctx, false)
	if err != nil {
		return nil, err
	}
	q, err := c.ask(ctx, path, j, classLook)
	if k := KindOf(err); (k == Blocked || k == Session) && c.renewOnce() {
		// A missing anonymous session is answered like a blocked address, so one
		// new session is worth one more try; then it is what it looks like.
		if path, err = c.learnQueryPath(ctx, true); err != nil {
			return nil, err
		}
		if q, err = c.ask(ctx, path, j, classAgain); err == nil {
			c.pace.pardon(before) // it was the session
		}
	}
	if KindOf(err) == Blocked && c.tooEarly(ctx, j.Date) {
		c.pace.pardon(before)
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
	list, err := trains(q, j)
	if KindOf(err) == Busy {
		c.pace.Throttle(0)
	}
	return list, err
}

// ask sends one query to a path and reads its envelope.
func (c *Client) ask(ctx context.Context, path string, j Journey, cl class) (*wire.QueryReply, error) {
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
		return nil, &Error{Op: op, Kind: Network, Msg: "a reply that cannot be read", Err: err}
	}
	return q, nil
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
	if q.Bad > 0 && q.Bad >= len(q.Rows) {
		return nil, &Error{Op: "query", Kind: Changed,
			Msg: strconv.Itoa(q.Bad) + " of " + strconv.Itoa(q.Bad+len(q.Rows)) + " rows cannot be read"}
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

// renewOnce allows one new session per run of redirected queries.
func (c *Client) renewOnce() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.renewed {
		return false
	}
	c.renewed = true
	return true
}

// learnQueryPath returns the path with today's letter. The first time, and
// when anew is set, it reads leftTicket/init, which also gives a browser
// without cookies its anonymous session: without one a query is redirected.
func (c *Client) learnQueryPath(ctx context.Context, anew bool) (string, error) {
	c.mu.Lock()
	path := c.queryPath
	c.mu.Unlock()
	if path != "" && !anew {
		return path, nil
	}
	r, err := c.do(ctx, call{op: "leftTicket/init", path: pageQuery, accept: acceptPage, class: classAgain})
	if err != nil {
		return "", err
	}
	page := string(r.body)
	if !looksLikeHTML(r.body) && !c.hasCookie("/otn/leftTicket", "JSESSIONID") {
		return "", &Error{Op: "leftTicket/init", Kind: Network, Msg: "neither a page nor a session"}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if v := wire.StationVersion(page); v != "" {
		c.version = v
	}
	if found := wire.LeftTicketURL(page); queryPathForm.MatchString(found) {
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
		referer: pageQuery, accept: acceptScript, class: classAgain,
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
