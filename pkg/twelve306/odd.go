package twelve306

import (
	"net/http"
	"strconv"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306/internal/wire"
)

// Odd is a reply that is not what 12306 was ever seen to say: the first sign
// that something there has changed. A busy site, its error page and its ordinary
// refusals are not odd.
type Odd struct {
	Op     string // 12306's name of the step, as in Error
	Why    string // one of the Odd constants: a word for a file's name
	Status int    // HTTP's
	Body   []byte // the reply as it came, secrets and all; not to be kept or changed
}

// What can be odd about a reply. The words stand in the names of files.
const (
	OddPage       = "page"        // a page of HTML where data or a picture was asked for
	OddLoginPage  = "login-page"  // the same, and it is the login page
	OddRedirect   = "redirect"    // sent to where nobody was ever sent
	OddText       = "not-json"    // text that is no JSON object
	OddShape      = "shape"       // an answer without what the step is about
	OddRows       = "bad-rows"    // rows of a query that cannot be read, some or all
	OddFieldCount = "field-count" // a row with a number of fields that was never seen; it is used all the same
	OddSeatWord   = "seat-word"   // a seat cell that is in no vocabulary
	OddWords      = "words"       // a refusal in unknown words
	OddNoToken    = "no-token"    // a page without the token it is asked for
	OddNoTrains   = "no-trains"   // an empty list where there were trains
)

// OnOdd has f called with every odd reply, from the goroutine that asked for
// it; f should be quick. It must be set before the client's first request.
func (c *Client) OnOdd(f func(Odd)) { c.onOdd = f }

func (c *Client) odd(op, why string, status int, body []byte) {
	if c.onOdd != nil && len(body) > 0 {
		c.onOdd(Odd{Op: op, Why: why, Status: status, Body: body})
	}
}

// oddPage reports a page that stands where data was asked for, unless it says
// in known words what is the matter.
func (c *Client) oddPage(op string, kind Kind, status int, body []byte) {
	switch kind {
	case Session:
		c.odd(op, OddLoginPage, status, body)
	case Network:
		c.odd(op, OddPage, status, body)
	}
}

// envelope reads a JSON reply and reports what is odd about it.
func (c *Client) envelope(op string, body []byte) (wire.Envelope, []byte, error) {
	env, object, err := wire.ParseEnvelope(body)
	if err != nil {
		c.odd(op, OddText, http.StatusOK, body)
		return env, nil, &Error{Op: op, Kind: Network, Msg: "a reply that cannot be read", other: true, Err: err}
	}
	if c.onOdd != nil {
		if words := plain(refusalIn(op, env)); words != "" && Classify(words) == Changed {
			c.odd(op, OddWords, http.StatusOK, body)
		}
	}
	return env, object, nil
}

// refusalIn returns the words with which a reply refuses, wherever the step
// has them; "" for a reply that refuses nothing, or by a number that is known.
func refusalIn(op string, env wire.Envelope) string {
	if env.ResultCode != nil {
		if op == "captcha-check" || op == "checkqr" || op == "uamauthclient" || knownResult(int(*env.ResultCode)) {
			return ""
		}
		return string(env.ResultMessage)
	}
	if words := said(env); words != "" && (!bool(env.Status) || !isObject(env.Data)) {
		return words
	}
	var d struct {
		Submit   *wire.Bool   `json:"submitStatus"`
		ErrMsg   wire.Text    `json:"errMsg"`
		IsExist  *wire.Bool   `json:"isExist"`
		ExMsg    wire.Text    `json:"exMsg"`
		WaitTime *wire.Number `json:"waitTime"`
		Msg      wire.Text    `json:"msg"`
	}
	if !isObject(env.Data) || wire.Decode(env.Data, &d) != nil {
		return ""
	}
	switch {
	case d.Submit != nil && !bool(*d.Submit):
		return string(d.ErrMsg)
	case d.IsExist != nil && !bool(*d.IsExist):
		return string(d.ExMsg)
	case d.WaitTime != nil && *d.WaitTime < -1:
		return string(d.Msg)
	}
	return ""
}

// knownResult reports whether a result_code of /passport needs no words: it
// went well, the code was wrong, or the person must act elsewhere.
func knownResult(code int) bool {
	switch code {
	case 0, 5, 91, 92, 94, 95, 97, 101:
		return true
	}
	return false
}

// knownFieldCount knows the lengths that rows were seen to have: 35 to 37 until 2018,
// 39 in 2019, 57 in 2024, 58 in 2026 (PROTOCOL.md 1.7).
func knownFieldCount(n int) bool { return n >= 35 && n <= 37 || n == 39 || n == 57 || n == 58 }

// unreadable counts the rows that are none: too short, or with stations or
// times that make no sense, as a field more at the beginning would shift them.
func unreadable(q *wire.QueryReply) int {
	n := q.Bad
	for i := range q.Rows {
		if !readableRow(&q.Rows[i]) {
			n++
		}
	}
	return n
}

// oddRows says what is odd about the rows of a query; "" when nothing is.
func oddRows(q *wire.QueryReply) string {
	if unreadable(q) > 0 {
		return OddRows
	}
	for i := range q.Rows {
		row := &q.Rows[i]
		if !knownFieldCount(row.Len()) {
			return OddFieldCount
		}
		for f := firstSeatField; f <= lastSeatField; f++ {
			if !parseLeft(row.Field(f)).Known {
				return OddSeatWord
			}
		}
	}
	return ""
}

// The seat cells of a row, one after the other.
const firstSeatField, lastSeatField = 20, 33

func readableRow(r *wire.Row) bool {
	for _, f := range [...]int{8, 9, 10} {
		if _, ok := clock(r.Field(f)); !ok {
			return false
		}
	}
	return isTelecode(r.Field(6)) && isTelecode(r.Field(7))
}

// listing is what a journey's last good answer listed.
type listing struct {
	trains int
	leaves time.Time // when the last of them departs; zero when none says
	empty  time.Time // since when 12306 lists none at all; zero while it lists some
}

const (
	// believeEmpty is how long an empty list must last, where there were trains,
	// until the timetable is taken to be empty.
	believeEmpty = 6 * time.Hour
	// leaveSlack is how much 12306's clock may be ahead of ours.
	leaveSlack = 5 * time.Minute
)

// emptied judges an answer without a single row, and remembers what was listed.
// Where there were trains it is an error of Kind Changed: a site that has
// changed looks like that, and it must not look like sold out. Two things are
// believed: a day whose last train has left, and an answer that stays for hours.
// Rows for other stations of the two cities are not an empty list.
func (c *Client) emptied(q *wire.QueryReply, j Journey, list []Train) error {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(q.Rows) > 0 {
		for k := range c.listed { // days that are over are never asked about again
			if k.Date.Before(DateOf(now)) {
				delete(c.listed, k)
			}
		}
		c.listed[j] = listed(list)
		return nil
	}
	l, ok := c.listed[j]
	switch {
	case !ok || l.trains == 0:
		return nil
	case j.Date == DateOf(now) && now.After(l.leaves.Add(-leaveSlack)):
		delete(c.listed, j)
		return nil
	}
	if l.empty.IsZero() {
		l.empty = now
		c.listed[j] = l
	}
	if now.Sub(l.empty) >= believeEmpty {
		delete(c.listed, j)
		return nil
	}
	return &Error{Op: "query", Kind: Changed, Msg: "12306 lists no trains where it listed " + strconv.Itoa(l.trains), Err: Emptied(l.trains)}
}

func listed(list []Train) listing {
	l := listing{trains: len(list)}
	for i := range list {
		if m, ok := list[i].DepartMinute(); ok && m < 24*60 { // 24:00 is that of a cancelled train
			if at := list[i].day.Time().Add(time.Duration(m) * time.Minute); at.After(l.leaves) {
				l.leaves = at
			}
		}
	}
	return l
}

// Emptied is the cause of the error of Query for an empty list where there were
// trains: how many.
type Emptied int

func (e Emptied) Error() string { return "the list is empty" }
