package twelve306

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306/internal/wire"
)

// OrderRequest is what shall be booked: one train, one kind of seat, one
// ticket for each passenger.
type OrderRequest struct {
	Journey    Journey
	Train      Train // from a Query of some minutes ago at most: its secretStr ages
	Seat       Seat
	Passengers []string // names as saved in the account

	// What follows has an entry for each passenger, or none at all. The wishes
	// are sent where 12306 offers a choice, and an order is never given up for
	// them.
	Tickets    []TicketType // what they travel as
	SeatChoice []SeatWish
	Berths     []Berth
}

// Draft is an order that 12306 has checked and that costs nothing yet. Confirm
// makes it real.
type Draft struct {
	c       *Client
	req     OrderRequest
	page    orderPage
	people  []passenger
	info    orderInfo // what checkOrderInfo offers and wants
	seat    string    // the code that is ordered
	code    string    // randCode: the answer of the order captcha; "" when none was asked
	present bool      // the page is of the present era: no randCode, more fields
	sent    bool
	Ticket  string // what getQueueCount said is left: "310,0"; "" when it said nothing
	Queue   int    // how many people queue, as getQueueCount said
}

// Prepare does everything of an order that costs nothing, in the order of
// 12306's page: the seed's steps 10 to 15. When it returns, Confirm may be
// sent. A failure leaves nothing behind but a session state that the next
// Prepare replaces.
func (c *Client) Prepare(ctx context.Context, req OrderRequest, solver Solver) (*Draft, error) {
	d, err := c.prepare(ctx, req, solver)
	return d, c.noted(err)
}

func (c *Client) prepare(ctx context.Context, req OrderRequest, solver Solver) (*Draft, error) {
	d := &Draft{c: c, req: req, seat: req.Train.SeatCode(req.Seat), present: c.presentForms(&req.Train)}
	if !c.fresh() {
		if err := again(ctx, c.pace, func() error { return c.CheckUser(ctx) }); err != nil {
			return nil, err
		}
	}
	if err := again(ctx, c.pace, func() error { return c.submitOrderRequest(ctx, req) }); err != nil {
		return nil, err
	}
	var err error
	if d.page, err = c.initDc(ctx, req); err != nil {
		return nil, err
	}
	list, err := c.passengerList(ctx, d.page.token, pageOrder)
	if err != nil {
		return nil, err
	}
	if d.people, err = choose(list, req.Passengers, req.Tickets); err != nil {
		return nil, err
	}
	if most := d.page.most; most > 0 && len(d.people) > most {
		return nil, unfit("initDc", Unfit{Why: TooMany, Count: len(d.people), Most: most})
	}
	if req.Seat == Standing && d.page.standingCode != "" {
		d.seat = d.page.standingCode
	}
	if err := d.check(ctx, solver); err != nil {
		return nil, err
	}
	d.makeBeds()
	// The page keeps its button dead for ifShowPassCodeTime.
	if err := sleep(ctx, time.Until(d.info.button)); err != nil {
		return nil, &Error{Op: "checkOrderInfo", Kind: Network, Msg: "stopped while waiting", Unsent: true, Err: err}
	}
	return d, nil
}

// presentFields is the number of fields above which a row is of the present
// era: 39 in 2019, 57 in 2024.
const presentFields = 50

// presentForms reports whether the forms of an order are today's: every step of
// one order asks here, so that none is of another year. A classic session has
// the classic ones whatever its rows look like.
func (c *Client) presentForms(t *Train) bool {
	return t.Fields() > presentFields && !c.isClassic()
}

// again takes a step that spends nothing once more when the first try never
// reached 12306.
func again(ctx context.Context, pace *Pace, step func() error) error {
	err := step()
	if e, ok := errors.AsType[*Error](err); ok && e.Unsent && pace.backoff(ctx, 0, err) == nil {
		return step()
	}
	return err
}

// check is steps 13 to 15: checkOrderInfo, the picture if it wants one, and
// getQueueCount.
func (d *Draft) check(ctx context.Context, solver Solver) error {
	if d.c.overlap {
		return d.checkOverlapped(ctx, solver)
	}
	err := again(ctx, d.c.pace, func() (err error) { d.info, err = d.checkOrderInfo(ctx); return err })
	if err != nil {
		return err
	}
	if d.info.wantsPicture {
		if err := d.solveOrderPicture(ctx, solver); err != nil {
			return err
		}
	}
	return d.getQueueCount(ctx)
}

// checkOverlapped asks both at once, which saves a round trip. Whether the
// real site minds is not known; a user has to choose it (order_steps: overlap).
func (d *Draft) checkOverlapped(ctx context.Context, solver Solver) (err error) {
	var wg sync.WaitGroup
	var queue error
	wg.Go(func() { queue = d.getQueueCount(ctx) })
	err = again(ctx, d.c.pace, func() (err error) { d.info, err = d.checkOrderInfo(ctx); return err })
	wg.Wait()
	if err == nil {
		err = queue
	}
	if err == nil && d.info.wantsPicture {
		err = d.solveOrderPicture(ctx, solver)
	}
	return err
}

// Order is a seat that 12306 holds until it is paid, as 12306 prints it.
type Order struct {
	Number     string // sequence_no: E079331507; "" when only its existence is known
	Train      string // G41
	Date       Date
	From, To   string // station names
	Depart     string // HH:MM
	Arrive     string
	Tickets    []Ticket
	PriceTenth int       // of all tickets, in tenths of a yuan; 0 = not said
	Ordered    time.Time // order_date
	PayBy      time.Time // pay_limit_time; zero = not said
	Status     string    // 12306's word: 待支付
}

// Ticket is one person's seat of an Order.
type Ticket struct {
	Passenger string
	Coach     string // 10
	Seat      string // 08B号
	SeatType  string // 二等座
}

// token adds what a step on the order page sends besides its own fields.
func (d *Draft) token(f form) form {
	return f.add("_json_att", "").add("REPEAT_SUBMIT_TOKEN", d.page.token)
}

// step posts one form of the order page.
func (d *Draft) step(ctx context.Context, op string, body form) (wire.Envelope, error) {
	env, _, err := d.c.post(ctx, op, "/otn/confirmPassenger/"+op, pageOrder, body)
	return env, err
}
