package twelve306

import (
	"context"
	"fmt"
	"time"
)

const (
	// leastWindow is the shortest sale window that is known, in days including
	// today: 15 in 2024 and 2026, 30 in 2019.
	leastWindow = 15
	// maxWindow is more than any sale window there was.
	maxWindow = 400
)

// OnSale reports whether a day lies in 12306's sale window, as far as it is
// known: login/conf says how many days are on sale. A day outside it is
// answered like a blocked address, so it is not worth asking about.
func (c *Client) OnSale(d Date) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.window == 0 || d.Before(DateOf(time.Now()).AddDays(c.window))
}

// SaleDay returns the day on which 12306 begins to sell a day, by the sale
// window; false while the window is not known.
func (c *Client) SaleDay(d Date) (Date, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return d.AddDays(1 - c.window), c.window > 0
}

// tooEarly finds out whether a query was turned away for its date alone.
func (c *Client) tooEarly(ctx context.Context, d Date) bool {
	c.mu.Lock()
	known := c.window != 0
	c.mu.Unlock()
	if known {
		return !c.OnSale(d) // the window was learnt while the query was under way
	}
	if d.Before(DateOf(time.Now()).AddDays(leastWindow)) {
		return false
	}
	_, err := c.conf(ctx)
	return err == nil && !c.OnSale(d)
}

func (c *Client) notOnSale(j Journey) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return &Error{Op: "query", Kind: NotOnSale, Unsent: true, Msg: fmt.Sprintf("12306 sells %d days ahead; %s opens on %s",
		c.window, j.Date, j.Date.AddDays(1-c.window))}
}

// Window returns how many days 12306 sells ahead, today included; 0 while that
// is not known.
func (c *Client) Window() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.window
}
