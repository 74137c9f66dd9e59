package twelve306

import (
	"context"
	"net/url"
	"strings"

	"github.com/watcherd/watcherd/pkg/twelve306/internal/wire"
)

// getQueueCount is seed step 15: how many tickets are left and how many people
// queue for them. It is advice: a lost reply does not stop an order. op_2 true
// means that the queue is longer than the tickets; the page hides its button
// then. (op_1 has no effect.)
func (d *Draft) getQueueCount(ctx context.Context) error {
	const op = "getQueueCount"
	if d.page.leftTicket == "" {
		return nil // the site's own page skips the call then
	}
	t := &d.req.Train
	f := form{}.add("train_date", t.Date().javaScript()).
		add("train_no", d.page.trainNo).
		add("stationTrainCode", d.page.train).
		add("seatType", d.seat).
		add("fromStationTelecode", d.page.from).
		add("toStationTelecode", d.page.to).
		// The page gives the text encoded, and the form encodes it once more:
		// %2B travels as %252B (the seed's sample, 2019 and 2024 agree).
		bare("leftTicket="+url.QueryEscape(d.page.leftTicket)).
		add("purpose_codes", d.page.purpose).
		add("train_location", d.page.location)
	env, err := d.step(ctx, op, d.token(f))
	if err == nil {
		var r struct {
			Count     wire.Text   `json:"count"`
			Ticket    wire.Text   `json:"ticket"`
			Op2       wire.Bool   `json:"op_2"`
			CountT    wire.Number `json:"countT"`
			IsRelogin wire.Bool   `json:"isRelogin"`
		}
		if err = data(op, env, &r); err == nil {
			if r.IsRelogin {
				return &Error{Op: op, Kind: Session, Msg: "12306 wants a new login"}
			}
			d.Ticket, d.Queue = string(r.Ticket), int(r.CountT)
			if r.Op2 {
				return &Error{Op: op, Kind: SoldOut, Msg: "排队人数现已超过余票数"}
			}
			if d.none(string(r.Ticket)) {
				return &Error{Op: op, Kind: SoldOut, Msg: "余票不足"}
			}
			return nil
		}
	}
	switch KindOf(err) {
	case Session, SoldOut, Unpaid, Refused, Conflict:
		return err
	}
	return nil
}

// none reads ticket, "seats" or "seats,standing" (or 充足): no seat of the
// kind that is ordered.
func (d *Draft) none(ticket string) bool {
	seats, standing, both := strings.Cut(ticket, ",")
	if d.req.Seat == Standing {
		return both && standing == "0"
	}
	return seats == "0"
}
