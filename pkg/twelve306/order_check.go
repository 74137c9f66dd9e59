package twelve306

import (
	"context"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306/internal/wire"
)

// orderInfo is what checkOrderInfo wants before the order may be confirmed.
type orderInfo struct {
	wantsPicture bool      // ifShowPassCode: Y
	button       time.Time // not before: the reply plus ifShowPassCodeTime
	seats        string    // choose_Seats, the codes whose seats can be chosen; "" without canChooseSeats
	beds, middle bool      // canChooseBeds, isCanChooseMid
}

// checkOrderInfo is seed step 14. A refusal comes as status true with
// submitStatus false and errMsg.
func (d *Draft) checkOrderInfo(ctx context.Context) (orderInfo, error) {
	const op = "checkOrderInfo"
	f := form{}.add("cancel_flag", "2").
		add("bed_level_order_num", "000000000000000000000000000000").
		add("passengerTicketStr", passengerTicketStr(d.seat, d.people)).
		add("oldPassengerStr", oldPassengerStr(d.people)).
		add("tour_flag", "dc")
	if d.present {
		f = f.add("whatsSelect", "1").add("sessionId", "").add("sig", "").add("scene", "nc_login")
	} else {
		f = f.add("randCode", "").add("whatsSelect", "1")
	}
	env, err := d.step(ctx, op, d.token(f))
	if err != nil {
		return orderInfo{}, err
	}
	var r struct {
		SubmitStatus wire.Bool    `json:"submitStatus"`
		ErrMsg       wire.Text    `json:"errMsg"`
		CheckSeatNum wire.Bool    `json:"checkSeatNum"`
		IsRelogin    wire.Bool    `json:"isRelogin"`
		Get608Msg    wire.Text    `json:"get608Msg"`
		PassCode     wire.Text    `json:"ifShowPassCode"`     // gone by 2024: absent is N
		PassCodeTime *wire.Number `json:"ifShowPassCodeTime"` // milliseconds, as text: "2423" in 2018, "1" in 2024
		CanSeats     wire.Text    `json:"canChooseSeats"`
		Seats        wire.Text    `json:"choose_Seats"` // OM
		CanBeds      wire.Text    `json:"canChooseBeds"`
		CanMiddle    wire.Text    `json:"isCanChooseMid"`
	}
	if err := data(op, env, &r); err != nil {
		return orderInfo{}, err
	}
	if !r.SubmitStatus {
		e := refused(op, or(string(r.ErrMsg), string(r.Get608Msg)))
		switch {
		case bool(r.IsRelogin):
			e.Kind = Session
		case e.Kind == Changed && bool(r.CheckSeatNum):
			e.Kind = SoldOut
		case e.Kind == Changed && r.Get608Msg != "":
			e.Kind = Conflict
		}
		return orderInfo{}, e
	}
	info := orderInfo{wantsPicture: r.PassCode == "Y", beds: r.CanBeds == "Y", middle: r.CanMiddle == "Y"}
	if r.CanSeats == "Y" {
		info.seats = string(r.Seats)
	}
	if r.PassCodeTime != nil {
		wait := time.Duration(*r.PassCodeTime) * time.Millisecond
		info.button = time.Now().Add(min(max(wait, 0), maxPassCodeTime))
	}
	return info, nil
}

// maxPassCodeTime bounds a nonsense ifShowPassCodeTime: 2423 ms is the longest
// that was recorded (2018), and a secretStr lives for some minutes. What is
// shorter is obeyed.
const maxPassCodeTime = 2 * time.Minute

// solveOrderPicture is seed step 13 and the check of its answer. The picture
// is the login's, fetched from another address.
func (d *Draft) solveOrderPicture(ctx context.Context, solver Solver) (err error) {
	ch := &Challenge{Kind: PictureChallenge, For: ForOrder}
	d.code, err = d.c.solvePicture(ctx, solver, ch, captcha{
		fetch: func(ctx context.Context) ([]byte, error) {
			return d.c.picture(ctx, "getPassCodeNew", "/otn/passcodeNew/getPassCodeNew?module=passenger&rand=randp", pageOrder)
		},
		check: d.checkRandCode,
	})
	return err
}

// checkRandCode asks whether the order captcha's answer is right: msg is TRUE,
// FALSE, EXPIRED, or "" for an empty answer.
func (d *Draft) checkRandCode(ctx context.Context, answer string) (verdict, error) {
	const op = "checkRandCodeAnsyn"
	env, _, err := d.c.post(ctx, op, "/otn/passcodeNew/checkRandCodeAnsyn", pageOrder,
		d.token(form{}.add("randCode", answer).add("rand", "randp")))
	if err != nil {
		return "", err
	}
	var r struct {
		Msg wire.Text `json:"msg"`
	}
	if err := data(op, env, &r); err != nil {
		return "", err
	}
	switch r.Msg {
	case "TRUE":
		return right, nil
	case "EXPIRED":
		return expired, nil
	}
	return wrong, nil
}
