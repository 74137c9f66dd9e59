package twelve306

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306/internal/wire"
)

// Holding is what 12306 holds for this account and has not been paid for.
type Holding struct {
	Orders   []Order      // unpaid orders
	Queueing *QueuedOrder // an order still in the queue
	Failed   *QueuedOrder // an order that left the queue without a seat; Msg says why
}

// Nothing reports whether 12306 said, readably, that nothing is held or queued.
func (h Holding) Nothing() bool { return len(h.Orders) == 0 && h.Queueing == nil }

// QueuedOrder is an order in 12306's queue (orderCacheDTO).
type QueuedOrder struct {
	Train      string
	Date       Date
	Passengers []string
	Requested  time.Time
	WaitTime   int64
	Msg        string
}

// Unfinished asks what 12306 holds (未完成订单): the only thing that tells
// whether a confirm without a reply took effect. An error means that the
// answer is unknown; it never means "nothing".
func (c *Client) Unfinished(ctx context.Context) (Holding, error) {
	const op = "queryMyOrderNoComplete"
	if err := c.openOrders(ctx); err != nil {
		return Holding{}, err
	}
	env, _, err := c.post(ctx, op, "/otn/queryOrder/queryMyOrderNoComplete", "/otn/queryOrder/initNoComplete", form{}.add("_json_att", ""))
	if err != nil {
		return Holding{}, err
	}
	h, err := c.holding(op, env)
	return h, c.noted(err)
}

// openOrders opens the page that lists orders, without which some sessions are
// told 非法请求. What it shows does not matter. When it does not come in three
// tries it may be gone for good, and the list is asked all the same: one that
// cannot be read is an error, too.
func (c *Client) openOrders(ctx context.Context) error {
	const op = "initNoComplete"
	for n := range 3 {
		r, err := c.do(ctx, call{
			op: op, path: "/otn/queryOrder/initNoComplete", post: true, body: form{}.add("_json_att", ""),
			referer: pageQuery, accept: acceptPage,
		})
		switch {
		case err == nil && looksLikeHTML(r.body), KindOf(err) == Changed:
			return nil
		case err == nil:
			continue // a broken page, or a site that has no more to show: no reason to wait
		case KindOf(err) == Session:
			return err
		}
		if n < 2 && c.pace.backoff(ctx, n, err) != nil {
			return err
		}
	}
	return nil
}

func (c *Client) holding(op string, env wire.Envelope) (Holding, error) {
	if words := env.Messages.String(); words != "" || !bool(env.Status) {
		return Holding{}, refused(op, words)
	}
	raw := bytes.TrimSpace(env.Data)
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return Holding{}, nil // status true, no data, no word: nothing is open
	}
	var d struct {
		ToPage wire.Text   `json:"to_page"`
		DB     []orderDB   `json:"orderDBList"`
		Cache  *orderCache `json:"orderCacheDTO"`
	}
	if !isObject(raw) || wire.Decode(raw, &d) != nil {
		return Holding{}, &Error{Op: op, Kind: Network, Msg: "a reply that cannot be read"}
	}
	// A page that is named without its list says nothing; only an empty object
	// or an empty list is "nothing".
	said := d.Cache != nil || d.DB != nil && d.ToPage != "cache"
	if !said && !bytes.Equal(bytes.Join(bytes.Fields(raw), nil), []byte("{}")) {
		return Holding{}, &Error{Op: op, Kind: Changed, Msg: "a list of orders in an unknown form"}
	}
	var h Holding
	for _, o := range d.DB {
		h.Orders = append(h.Orders, o.order())
	}
	if d.Cache != nil {
		q := d.Cache.order()
		// 9 with -2 or -3 is an order that the queue refused (recorded 2019).
		if d.Cache.Status == 9 || q.WaitTime == -2 || q.WaitTime == -3 {
			h.Failed = &q
		} else {
			h.Queueing = &q
		}
	}
	return h, nil
}

// orderDB is one entry of orderDBList (recorded 2017-02-09). Everything is read
// as text: a price that is null must not hide an order.
type orderDB struct {
	SequenceNo wire.Text   `json:"sequence_no"`
	OrderDate  wire.Text   `json:"order_date"`
	PriceAll   wire.Text   `json:"ticket_price_all"` // in fen: 55300
	PricePage  wire.Text   `json:"ticket_total_price_page"`
	FromPage   []wire.Text `json:"from_station_name_page"`
	ToPage     []wire.Text `json:"to_station_name_page"`
	StartPage  wire.Text   `json:"start_train_date_page"`
	StartTime  wire.Text   `json:"start_time_page"`
	ArriveTime wire.Text   `json:"arrive_time_page"`
	TrainCode  wire.Text   `json:"train_code_page"`
	Names      []wire.Text `json:"array_passser_name_page"` // their spelling
	Tickets    []struct {
		Station struct {
			TrainCode wire.Text `json:"station_train_code"`
			From      wire.Text `json:"from_station_name"`
			To        wire.Text `json:"to_station_name"`
			Start     wire.Text `json:"start_time"`
			Arrive    wire.Text `json:"arrive_time"`
		} `json:"stationTrainDTO"`
		Passenger struct {
			Name wire.Text `json:"passenger_name"`
		} `json:"passengerDTO"`
		TrainDate  wire.Text `json:"train_date"`
		Coach      wire.Text `json:"coach_name"`
		Seat       wire.Text `json:"seat_name"`
		SeatType   wire.Text `json:"seat_type_name"`
		PayLimit   wire.Text `json:"pay_limit_time"`
		LoseTime   wire.Text `json:"lose_time"`
		StatusName wire.Text `json:"ticket_status_name"`
		PricePage  wire.Text `json:"str_ticket_price_page"`
	} `json:"tickets"`
}

func (o orderDB) order() Order {
	out := Order{
		Number: plain(string(o.SequenceNo)), Train: plain(string(o.TrainCode)),
		Depart: plain(string(o.StartTime)), Arrive: plain(string(o.ArriveTime)),
		Ordered: moment(o.OrderDate), Date: day(o.StartPage),
		PriceTenth: tenths(o.PriceAll) / 100,
	}
	if len(o.FromPage) > 0 {
		out.From = plain(string(o.FromPage[0]))
	}
	if len(o.ToPage) > 0 {
		out.To = plain(string(o.ToPage[0]))
	}
	total := 0
	for _, t := range o.Tickets {
		out.Tickets = append(out.Tickets, Ticket{
			Passenger: plain(string(t.Passenger.Name)), Coach: plain(string(t.Coach)),
			Seat: plain(string(t.Seat)), SeatType: plain(string(t.SeatType)),
		})
		out.Train = or(out.Train, plain(string(t.Station.TrainCode)))
		out.From, out.To = or(out.From, plain(string(t.Station.From))), or(out.To, plain(string(t.Station.To)))
		out.Depart, out.Arrive = or(out.Depart, hhmm(t.Station.Start)), or(out.Arrive, hhmm(t.Station.Arrive))
		if out.Date.IsZero() {
			out.Date = day(t.TrainDate)
		}
		out.Status = or(out.Status, plain(string(t.StatusName)))
		for _, limit := range []wire.Text{t.PayLimit, t.LoseTime} {
			if at := moment(limit); !at.IsZero() && (out.PayBy.IsZero() || at.Before(out.PayBy)) {
				out.PayBy = at
				break
			}
		}
		total += tenths(t.PricePage)
	}
	if out.PriceTenth == 0 {
		if out.PriceTenth = tenths(o.PricePage); out.PriceTenth == 0 {
			out.PriceTenth = total
		}
	}
	return out
}

// orderCache is orderCacheDTO (recorded 2019-05-18 as orderCacheDO).
type orderCache struct {
	TrainCode   wire.Text   `json:"stationTrainCode"`
	TrainDate   wire.Text   `json:"trainDate"`
	RequestTime wire.Text   `json:"requestTime"`
	Status      wire.Number `json:"status"`
	WaitTime    wire.Number `json:"waitTime"`
	Message     struct {
		Message wire.Text `json:"message"`
	} `json:"message"`
	Names   []wire.Text `json:"array_passser_name_page"`
	Tickets []struct {
		Name wire.Text `json:"passengerName"`
	} `json:"tickets"`
}

func (o orderCache) order() QueuedOrder {
	q := QueuedOrder{
		Train: plain(string(o.TrainCode)), Date: day(o.TrainDate), Requested: moment(o.RequestTime),
		WaitTime: int64(o.WaitTime), Msg: plain(string(o.Message.Message)),
	}
	for _, t := range o.Tickets {
		q.Passengers = append(q.Passengers, plain(string(t.Name)))
	}
	if len(q.Passengers) == 0 {
		for _, n := range o.Names {
			q.Passengers = append(q.Passengers, plain(string(n)))
		}
	}
	return q
}

// moment reads 12306's "2017-02-09 10:10:55" (Shanghai); zero if it is not one.
// The ends of the calendar, which databases write for "never", are none: in
// another zone they have years that JSON cannot hold.
func moment(s wire.Text) time.Time {
	at, err := time.ParseInLocation(time.DateTime, strings.TrimSpace(string(s)), shanghai)
	if err != nil || at.Year() < 1970 || at.Year() >= 9999 {
		return time.Time{}
	}
	return at
}

// day reads the date at the start of a text ("2017-02-11 09:16").
func day(s wire.Text) Date {
	if len(s) < len(time.DateOnly) {
		return Date{}
	}
	d, err := ParseDate(string(s[:len(time.DateOnly)]))
	if err != nil {
		return Date{}
	}
	return d
}

// hhmm reads the clock time of "1970-01-01 09:16:00".
func hhmm(s wire.Text) string {
	at := moment(s)
	if at.IsZero() {
		return ""
	}
	return at.Format("15:04")
}

// tenths reads a price in yuan ("553.0") as tenths of a yuan; 0 if it is none.
func tenths(s wire.Text) int {
	f, err := strconv.ParseFloat(strings.TrimSpace(string(s)), 64)
	if err != nil || !(f >= 0 && f <= 1e6) { // NaN is neither
		return 0
	}
	return int(f*10 + 0.5)
}
