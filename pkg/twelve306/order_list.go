package twelve306

import (
	"context"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306/internal/wire"
)

// OrderStatus is what became of an order that is no longer unpaid.
type OrderStatus string

// The statuses.
const (
	OrderPaid OrderStatus = "paid" // it is in the list of tickets not yet travelled
	OrderGone OrderStatus = "gone" // it is not: cancelled, or expired
)

// OrderStatus looks for an order among the paid ones (queryMyOrder, as the
// page "未出行订单" asks). since is when it was ordered. An error means that
// the list could not be read.
func (c *Client) OrderStatus(ctx context.Context, number string, since time.Time) (OrderStatus, error) {
	const op = "queryMyOrder"
	if since.IsZero() {
		since = time.Now()
	}
	env, _, err := c.post(ctx, op, "/otn/queryOrder/queryMyOrder", pageOrders, form{}.
		add("come_from_flag", "my_order").
		add("pageIndex", "0").
		add("pageSize", "8").
		add("query_where", "G").
		add("queryStartDate", DateOf(since).AddDays(-1).String()).
		add("queryEndDate", DateOf(time.Now()).String()).
		add("queryType", "1").
		add("sequeue_train_name", number)) // their spelling
	if err != nil {
		return "", err
	}
	var d struct {
		List []struct {
			SequenceNo wire.Text `json:"sequence_no"`
		} `json:"OrderDTODataList"`
	}
	if err := data(op, env, &d); err != nil {
		return "", c.noted(err)
	}
	if d.List == nil {
		return "", &Error{Op: op, Kind: Changed, Msg: "a reply without a list of orders"}
	}
	for _, o := range d.List {
		if string(o.SequenceNo) == number {
			return OrderPaid, nil
		}
	}
	return OrderGone, nil
}
