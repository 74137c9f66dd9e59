package twelve306

import (
	"context"
	"encoding/base64"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306/internal/wire"
)

// QRState is how a QR code's challenge ended; it is the [context.Cause] with
// which its Solve is withdrawn, so that the message can say so.
type QRState string

// The states that end a QR challenge.
const (
	QRScanned QRState = "scanned" // now the person has to confirm in the app
	QRDone    QRState = "done"
	QRExpired QRState = "expired"
)

func (s QRState) Error() string { return "the QR code is " + string(s) }

// loginQR logs in by a code that the person scans with the 12306 app (recorded
// 2024-05-09). A code that expires is replaced.
func (c *Client) loginQR(ctx context.Context, solver Solver) error {
	if _, err := c.openLogin(ctx); err != nil {
		return err
	}
	return c.passQR(ctx, solver)
}

// passQR is the part of the QR login that follows on the opened page.
func (c *Client) passQR(ctx context.Context, solver Solver) error {
	ch := Challenge{Kind: QRChallenge, For: ForLogin}
	for {
		uuid, img, err := c.createQR(ctx)
		if err != nil {
			return err
		}
		ch.Image = img
		again, err := c.waitScan(ctx, uuid, ch, solver)
		if err != nil {
			return err
		}
		if again == "" {
			return c.finishLogin(ctx)
		}
		ch.again(again, nil)
	}
}

// qrLife is how long a code is waited for when 12306 does not say that it has
// expired; its codes live a few minutes.
const qrLife = 10 * time.Minute

// The page asks once a second what became of its code. A person needs longer
// to find the phone than a budget lasts at that rate, so after quickScans
// questions, and again after the scan, the gap is what the budget bears.
const (
	scanGap    = time.Second
	quickScans = 20
)

// waitScan asks the person to scan and 12306 whether he has. It returns why a
// new code is needed, or "" when the person is logged in.
func (c *Client) waitScan(ctx context.Context, uuid string, ch Challenge, solver Solver) (again string, err error) {
	c.pace.Ordering(true)
	defer c.pace.Ordering(false)
	asking, end := context.WithCancelCause(ctx)
	defer end(nil)
	type result struct {
		answer Answer
		err    error
	}
	reply := make(chan result, 1)
	go func() {
		a, err := solver.Solve(asking, ch)
		reply <- result{a, err}
	}()
	// settle withdraws the question and waits until it is gone.
	settle := func(s QRState) {
		if reply != nil {
			end(s)
			<-reply
			reply = nil
		}
	}
	// A timer and no ticker: after a slow reply a ticker would ask twice at once.
	next := time.NewTimer(scanGap)
	defer next.Stop()
	scans, scanned := 0, false
	over := time.NewTimer(qrLife)
	defer over.Stop()
	for {
		select {
		case r := <-reply:
			reply = nil
			if r.err != nil {
				return "", r.err
			}
			return "another", nil
		case <-ctx.Done():
			settle(QRExpired)
			return "", ctx.Err()
		case <-over.C:
			settle(QRExpired)
			return "expired", nil
		case <-next.C:
		}
		code, err := c.checkQR(ctx, uuid)
		gap := scanGap
		if scans++; scans >= quickScans {
			gap = max(gap, c.pace.sustained())
		}
		next.Reset(gap)
		if err != nil {
			continue // an odd redirect now and then is known; the next second asks again
		}
		switch code {
		case 1:
			if !scanned {
				scans, scanned = 0, true
				next.Reset(scanGap)
			}
			settle(QRScanned)
		case 2:
			settle(QRDone)
			return "", nil
		case 3, 5:
			settle(QRExpired)
			return "expired", nil
		}
	}
}

func (c *Client) createQR(ctx context.Context) (uuid string, img []byte, err error) {
	const op = "create-qr64"
	img, err = retried(ctx, c.pace, func() ([]byte, error) {
		_, object, err := c.post(ctx, op, "/passport/web/create-qr64", pageLogin2, form{}.add("appid", "otn"))
		if err != nil {
			return nil, err
		}
		var r struct {
			Code    *wire.Number `json:"result_code"`
			Message wire.Text    `json:"result_message"`
			UUID    wire.Text    `json:"uuid"`
			Image   wire.Text    `json:"image"`
		}
		if err := wire.Decode(object, &r); err != nil || r.Code == nil {
			return nil, &Error{Op: op, Kind: Network, Msg: "a reply without result_code", Err: err}
		}
		if *r.Code != 0 || r.UUID == "" {
			return nil, refused(op, string(r.Message))
		}
		b, err := base64.StdEncoding.DecodeString(string(r.Image))
		if err != nil || len(b) > maxImage {
			return nil, &Error{Op: op, Kind: Network, Msg: "a picture that cannot be read"}
		}
		uuid = string(r.UUID)
		return b, checkImage(op, b)
	})
	return uuid, img, err
}

// checkQR asks what became of a code: 0 nothing yet, 1 scanned, 2 logged in,
// 3 expired, 5 system error.
func (c *Client) checkQR(ctx context.Context, uuid string) (wire.Number, error) {
	const op = "checkqr"
	before := c.cookie("/passport", "uamtk")
	_, object, err := c.json(ctx, call{
		op: op, path: "/passport/web/checkqr", post: true, body: form{}.add("uuid", uuid).add("appid", "otn"),
		referer: pageLogin2, class: classScan,
	})
	if err != nil {
		return 0, err
	}
	var r struct {
		Code  *wire.Number `json:"result_code"`
		Uamtk wire.Text    `json:"uamtk"`
	}
	if err := wire.Decode(object, &r); err != nil || r.Code == nil {
		return 0, &Error{Op: op, Kind: Network, Msg: "a reply without result_code", Err: err}
	}
	if *r.Code == 2 {
		c.setCookie("/passport", "uamtk", string(r.Uamtk), before)
	}
	return *r.Code, nil
}
