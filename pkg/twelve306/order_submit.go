package twelve306

import (
	"context"
	"net/url"
	"time"
)

// submitOrderRequest is seed step 10: it tells 12306 which train is meant.
// status decides; data was "N" in 2018, "0" in 2021, "220" in 2024 and "Y"
// when the train leaves soon, so it is not looked at.
func (c *Client) submitOrderRequest(ctx context.Context, req OrderRequest) error {
	const op = "submitOrderRequest"
	// The row carries secretStr encoded once. Undone and done again, the same
	// bytes reach the server whatever of it was encoded. PathUnescape, because
	// a plus sign is part of base64 here and no blank.
	secret, err := url.PathUnescape(req.Train.Secret())
	if err != nil || secret == "" {
		return &Error{Op: op, Kind: Stale, Msg: "the row has no secretStr"}
	}
	f := form{}.add("secretStr", secret).
		add("train_date", req.Train.Date().String()).
		add("back_train_date", DateOf(time.Now()).String()).
		add("tour_flag", "dc").
		add("purpose_codes", req.Journey.purpose()).
		add("query_from_station_name", req.Journey.From.Name).
		add("query_to_station_name", req.Journey.To.Name)
	if c.presentForms(&req.Train) {
		f = f.add("bed_level_info", req.Train.BedLevelInfo()).add("seat_discount_info", req.Train.SeatDiscountInfo())
	}
	env, _, err := c.post(ctx, op, "/otn/leftTicket/submitOrderRequest", pageQuery, f.bare("undefined"))
	if err != nil {
		return err
	}
	if !env.Status {
		return refusal(op, env)
	}
	// status true without data but with words is a refusal in disguise:
	// ["非法请求"] (recorded 2014).
	if words := env.Messages.String(); words != "" && len(env.Data) == 0 {
		return refused(op, words)
	}
	return nil
}
