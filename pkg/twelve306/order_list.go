package twelve306

import (
	"context"
	"time"
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
	list, err := c.myOrders(ctx, number, since)
	if err != nil {
		return "", err
	}
	for _, o := range list {
		if string(o.SequenceNo) == number {
			return OrderPaid, nil
		}
	}
	return OrderGone, nil
}

// Paid returns the paid orders whose trip is still to come and that were made
// since a day, as far as they stand on the list's first page.
func (c *Client) Paid(ctx context.Context, since time.Time) ([]Order, error) {
	list, err := c.myOrders(ctx, "", since)
	if err != nil {
		return nil, err
	}
	out := make([]Order, 0, len(list))
	for _, o := range list {
		out = append(out, o.order())
	}
	return out, nil
}

// myOrders asks queryMyOrder. filter is an order number, or empty for all.
func (c *Client) myOrders(ctx context.Context, filter string, since time.Time) ([]orderDB, error) {
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
		add("sequeue_train_name", filter)) // their spelling
	if err != nil {
		return nil, err
	}
	var d struct {
		List []orderDB `json:"OrderDTODataList"`
	}
	if err := data(op, env, &d); err != nil {
		return nil, c.noted(err)
	}
	if d.List == nil {
		return nil, &Error{Op: op, Kind: Changed, Msg: "a reply without a list of orders"}
	}
	return d.List, nil
}
