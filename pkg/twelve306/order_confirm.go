package twelve306

import (
	"context"
	"errors"

	"github.com/watcherd/watcherd/pkg/twelve306/internal/wire"
)

// Queued is an order that 12306 has taken, as a rule into its queue.
type Queued struct {
	Token string // REPEAT_SUBMIT_TOKEN; polling works without it

	// Single says that there is no queue: the page asked for confirmSingle, and
	// the order stands among the unfinished ones now ([Client.Unfinished]).
	Single bool
}

// Confirm is seed step 16, the one request that spends something:
// confirmSingleForQueue, or confirmSingle where the page wants no queue
// (isAsync 0), which has the same fields (PROTOCOL.md 1.8.8). It is sent
// once per Draft: whatever happened, a second call is refused. Only an error
// with Unsent set proves that nothing reached 12306, and then Confirm may be
// called again. Kind Ambiguous means that the order may exist: ask
// [Client.Unfinished], never confirm again. Every other kind is a refusal in
// 12306's words.
//
// There is no Idempotency-Key header and no redirect is followed, so net/http
// never repeats the request by itself once its first byte may have been sent.
func (d *Draft) Confirm(ctx context.Context) (*Queued, error) {
	op := "confirmSingleForQueue"
	if d.page.single {
		op = "confirmSingle"
	}
	if d.sent {
		return nil, &Error{Op: op, Kind: Ambiguous, Msg: "already sent"}
	}
	d.sent = true
	f := form{}.add("passengerTicketStr", passengerTicketStr(d.seat, d.people)).
		add("oldPassengerStr", oldPassengerStr(d.people))
	if !d.present {
		f = f.add("randCode", d.code)
	}
	f = f.add("purpose_codes", d.page.purpose).
		add("key_check_isChange", d.page.key).
		add("leftTicketStr", d.page.leftTicket).
		add("train_location", d.page.location).
		add("choose_seats", d.chooseSeats()).
		add("seatDetailType", seatDetailType(d.people))
	if d.present {
		f = f.add("is_jy", "N").add("is_cj", "Y").add("encryptedData", "")
	}
	f = f.add("whatsSelect", "1").add("roomType", "00").add("dwAll", "N")
	env, err := d.step(ctx, op, d.token(f))
	if err != nil {
		return nil, d.unknown(op, err)
	}
	return d.verdict(op, env)
}

// unknown is what a confirm without a readable reply comes to.
func (d *Draft) unknown(op string, err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return &Error{Op: op, Kind: Ambiguous, Msg: "no reply", Err: err}
	}
	if e.Unsent {
		d.sent = false
		return e
	}
	return &Error{Op: op, Kind: Ambiguous, Msg: e.Msg, RetryAfter: e.RetryAfter, Err: e.Err}
}

// verdict reads the reply: data.submitStatus true is a place in the queue;
// status false says why not in messages or as a string in data ("扣票失败");
// submitStatus false does in errMsg. No data at all (seen in 2014) says nothing.
func (d *Draft) verdict(op string, env wire.Envelope) (*Queued, error) {
	words := plain(said(env)) // a lone tag or control character is no word
	if isObject(env.Data) {
		var r struct {
			SubmitStatus *wire.Bool `json:"submitStatus"`
			ErrMsg       wire.Text  `json:"errMsg"`
		}
		if err := wire.Decode(env.Data, &r); err != nil {
			return nil, &Error{Op: op, Kind: Ambiguous, Msg: "a reply that cannot be read", Err: err}
		}
		if bool(env.Status) && r.SubmitStatus != nil && bool(*r.SubmitStatus) {
			return &Queued{Token: d.page.token, Single: d.page.single}, nil
		}
		words = or(plain(string(r.ErrMsg)), words)
	}
	if words == "" {
		return nil, &Error{Op: op, Kind: Ambiguous, Msg: "a reply without a word"}
	}
	e := refused(op, words)
	if e.Kind == Network { // no words after all
		e.Kind = Ambiguous
	}
	return nil, e
}
