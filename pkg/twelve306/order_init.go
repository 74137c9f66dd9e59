package twelve306

import (
	"context"
	"net/http"
	"strings"

	"github.com/watcherd/watcherd/pkg/twelve306/internal/wire"
)

// orderPage is what the order page says about the order being made.
type orderPage struct {
	token        string // globalRepeatSubmitToken
	key          string // key_check_isChange
	leftTicket   string // leftTicketStr, encoded as the page gives it
	location     string // train_location
	purpose      string // purpose_codes: 00, or 0X00 for students
	trainNo      string
	train        string
	from, to     string // telecodes
	standingCode string // WZ_seat_type_code: the class that standing tickets are sold as
	single       bool   // isAsync 0: the order is made at once, without a queue
	most         int    // maxTicketNum; 0 = not said
}

// initDc is seed step 11: the order page. Its tokens are found by the seed's
// patterns; the rest stands in a JavaScript object on one line.
func (c *Client) initDc(ctx context.Context, req OrderRequest) (orderPage, error) {
	const op = "initDc"
	page, err := c.initDcPage(ctx)
	if k := KindOf(err); k == Network || k == Busy || k == Blocked {
		// The page may be read again: it does not spend what submitOrderRequest set up.
		if c.pace.backoff(ctx, 0, err) == nil {
			page, err = c.initDcPage(ctx)
		}
	}
	if err != nil {
		return orderPage{}, err
	}
	p := orderPage{token: wire.RepeatSubmitToken(page), key: wire.KeyCheckIsChange(page)}
	if wire.SlidePasscode(page) {
		return orderPage{}, &Error{Op: op, Kind: Person, Msg: "12306 wants a slider here, which only its own page can show"}
	}
	var f struct {
		Key        wire.Text   `json:"key_check_isChange"`
		LeftTicket wire.Text   `json:"leftTicketStr"`
		Location   wire.Text   `json:"train_location"`
		Purpose    wire.Text   `json:"purpose_codes"`
		IsAsync    wire.Text   `json:"isAsync"`
		MaxTickets wire.Number `json:"maxTicketNum"`
		Detail     struct {
			StandingCode wire.Text `json:"WZ_seat_type_code"`
		} `json:"queryLeftNewDetailDTO"`
		Request struct {
			TrainNo wire.Text `json:"train_no"`
			Code    wire.Text `json:"station_train_code"`
			From    wire.Text `json:"from_station"`
			To      wire.Text `json:"to_station"`
		} `json:"queryLeftTicketRequestDTO"`
	}
	if err := wire.Object(page, "ticketInfoForPassengerForm", &f); err != nil && p.key == "" {
		return orderPage{}, &Error{Op: op, Kind: Changed, Msg: "the page cannot be read", Err: err}
	}
	t := &req.Train
	p.key = or(string(f.Key), p.key)
	p.leftTicket = or(string(f.LeftTicket), t.LeftTicket())
	p.location = or(string(f.Location), t.Location())
	p.single, p.most = f.IsAsync == "0", int(f.MaxTickets)
	p.purpose = string(f.Purpose)
	if p.purpose == "" && req.Journey.Student {
		p.purpose = req.Journey.purpose()
	}
	p.purpose = or(p.purpose, "00")
	p.trainNo = or(string(f.Request.TrainNo), t.No())
	p.train = or(string(f.Request.Code), t.Code())
	p.from, p.to = or(string(f.Request.From), t.From()), or(string(f.Request.To), t.To())
	p.standingCode = string(f.Detail.StandingCode)
	if p.key == "" {
		return orderPage{}, &Error{Op: op, Kind: Changed, Msg: "no key_check_isChange in the page"}
	}
	if p.trainNo != t.No() {
		// Another tab, or another program with this account, has moved on.
		return orderPage{}, &Error{Op: op, Kind: Stale, Msg: "the page is about another train"}
	}
	return p, nil
}

// initDcPage reads the page and returns it if it holds a token.
func (c *Client) initDcPage(ctx context.Context) (string, error) {
	const op = "initDc"
	r, err := c.do(ctx, call{
		op: op, path: pageOrder, post: true, body: form{}.add("_json_att", ""), referer: pageQuery, accept: acceptPage,
	})
	if err != nil {
		return "", err
	}
	page := string(r.body)
	if wire.RepeatSubmitToken(page) != "" {
		return page, nil
	}
	switch kind, words := pageKind(r.body); {
	case strings.Contains(page, "uampassport.checkLogin"):
		return "", &Error{Op: op, Kind: Session, Msg: "the login page"}
	case kind == Busy:
		return "", &Error{Op: op, Kind: Busy, Msg: words}
	case !looksLikeHTML(r.body):
		return "", &Error{Op: op, Kind: Network, Msg: "no page"}
	}
	c.odd(op, OddNoToken, http.StatusOK, r.body)
	return "", &Error{Op: op, Kind: Stale, Msg: "no globalRepeatSubmitToken in the page"}
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
