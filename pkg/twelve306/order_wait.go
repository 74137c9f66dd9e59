package twelve306

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306/internal/wire"
)

// PollInterval is how often the queue is asked: at once and then every five
// seconds, as the seed says (step 17).
const PollInterval = 5 * time.Second

// maxUnreadable is how many polls in a row may be unreadable before the list
// of unfinished orders is asked instead.
const maxUnreadable = 3

// maxUnknown is how many -100 in a row are waited out before the list of
// unfinished orders is asked.
const maxUnknown = 6

// WaitStatus is one answer of the queue.
type WaitStatus struct {
	WaitTime  int64 // seconds; -1 done, -2 failed, -3 withdrawn, -100 not known yet
	WaitCount int64 // people ahead
	OrderID   string
	Msg       string // why it failed
}

// WaitOrder polls the queue until it ends. It returns the order number, and
// only that: what 12306 really holds is for [Client.Unfinished] to say. All
// other ends are errors: Kind Ambiguous when the queue gave no verdict (an
// empty body, three unreadable answers, -1 without a number), Session when the
// login was lost (the order lives on), and a refusal in 12306's words for -2
// and -3, which Unfinished must confirm. seen, if not nil, is called with every
// readable answer.
func (c *Client) WaitOrder(ctx context.Context, q Queued, seen func(WaitStatus)) (string, error) {
	const op = "queryOrderWaitTime"
	for unreadable, unknown := 0, 0; ; {
		w, err := c.waitTime(ctx, q)
		switch {
		case err == nil:
			unreadable = 0
			if seen != nil {
				seen(w)
			}
			switch {
			case w.OrderID != "":
				return w.OrderID, nil
			case w.WaitTime == -1:
				return "", &Error{Op: op, Kind: Ambiguous, Msg: "done, but without a number"}
			case w.WaitTime == -2, w.WaitTime == -3:
				return "", queueFailed(op, w)
			case w.WaitTime < 0 && w.WaitTime != -100:
				return "", &Error{Op: op, Kind: Ambiguous, Msg: "waitTime " + strconv.FormatInt(w.WaitTime, 10)}
			case w.WaitTime >= 0:
				unknown = 0
			default: // -100 is the ordinary first answer, and what a lost queue says for ever
				if unknown++; unknown >= maxUnknown || q.Token == "" {
					return "", &Error{Op: op, Kind: Ambiguous, Msg: "the queue knows nothing"}
				}
			}
		case KindOf(err) == Session || KindOf(err) == Ambiguous:
			return "", err
		case ctx.Err() != nil:
			return "", err
		default:
			e, _ := errors.AsType[*Error](err)
			if unreadable++; unreadable >= maxUnreadable {
				return "", &Error{Op: op, Kind: Ambiguous, Msg: e.Msg, Err: e.Err}
			}
			if e.Kind == Busy { // half as often, or as it says
				if sleep(ctx, max(2*PollInterval, min(e.RetryAfter, slowest))) != nil {
					return "", err
				}
			}
		}
	}
}

func queueFailed(op string, w WaitStatus) error {
	if w.Msg == "" {
		if w.WaitTime == -3 {
			return &Error{Op: op, Kind: SoldOut, Msg: "订单已被撤销"}
		}
		return &Error{Op: op, Kind: SoldOut, Msg: "占座失败"}
	}
	e := refused(op, w.Msg)
	if e.Kind == Session {
		// It is the order that has ended; a login would ask the same queue again.
		e.Kind = Changed
	}
	return e
}

// waitTime asks the queue once.
func (c *Client) waitTime(ctx context.Context, q Queued) (WaitStatus, error) {
	const op = "queryOrderWaitTime"
	f := form{}.add("random", strconv.FormatInt(time.Now().UnixMilli(), 10)).
		add("tourFlag", "dc").add("_json_att", "")
	if q.Token != "" {
		f = f.add("REPEAT_SUBMIT_TOKEN", q.Token)
	}
	r, err := c.do(ctx, call{op: op, path: "/otn/confirmPassenger/queryOrderWaitTime?" + f.String(), referer: pageOrder, empty: true, class: classPoll})
	if err != nil {
		return WaitStatus{}, err
	}
	if len(r.body) == 0 {
		// No queue, or it was withdrawn: the list of unfinished orders knows.
		return WaitStatus{}, &Error{Op: op, Kind: Ambiguous, Msg: "an empty reply"}
	}
	env, object, err := c.envelope(op, r.body)
	if err != nil {
		return WaitStatus{}, err
	}
	var d struct {
		Status    *wire.Bool   `json:"queryOrderWaitTimeStatus"`
		WaitTime  *wire.Number `json:"waitTime"`
		WaitCount wire.Number  `json:"waitCount"`
		OrderID   wire.Text    `json:"orderId"`
		Msg       wire.Text    `json:"msg"`
	}
	if env.Data == nil && env.Messages == nil { // the bare form of 2013
		if err = wire.Decode(object, &d); err != nil {
			err = &Error{Op: op, Kind: Network, Msg: "a reply that cannot be read", Err: err}
		}
	} else {
		err = data(op, env, &d)
	}
	switch {
	case err != nil:
		return WaitStatus{}, c.noted(err)
	case d.Status != nil && !bool(*d.Status):
		return WaitStatus{}, c.noted(&Error{Op: op, Kind: Session, Msg: "queryOrderWaitTimeStatus is false"})
	case d.WaitTime == nil && d.OrderID == "":
		return WaitStatus{}, &Error{Op: op, Kind: Network, Msg: "a reply without waitTime"}
	}
	w := WaitStatus{WaitCount: int64(d.WaitCount), OrderID: plain(string(d.OrderID)), Msg: plain(string(d.Msg))}
	if d.WaitTime != nil {
		w.WaitTime = int64(*d.WaitTime)
	}
	return w, nil
}

// Result is seed step 18, resultOrderForDcQueue: the page's last question. It
// cannot undo an order, so its failure is not one; it is asked because the
// page does, three times at most.
func (c *Client) Result(ctx context.Context, q Queued, number string) error {
	const op = "resultOrderForDcQueue"
	var err error
	for n := range 3 {
		f := form{}.add("orderSequence_no", number).add("_json_att", "")
		if q.Token != "" {
			f = f.add("REPEAT_SUBMIT_TOKEN", q.Token)
		}
		var env wire.Envelope
		if env, _, err = c.post(ctx, op, "/otn/confirmPassenger/resultOrderForDcQueue", pageOrder, f); err == nil {
			var r struct {
				SubmitStatus wire.Bool `json:"submitStatus"`
			}
			err = data(op, env, &r)
		}
		if k := KindOf(err); k != Network && k != Busy && k != Blocked || n == 2 || c.pace.backoff(ctx, n, err) != nil {
			break
		}
	}
	return c.noted(err)
}
