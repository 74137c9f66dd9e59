package railsim

import (
	"encoding/base64"
	"fmt"
	"time"

	"github.com/skip2/go-qrcode"
)

// qr is one login code on a screen.
type qr struct {
	uuid             string
	at, asked        time.Time
	scanned, allowed string // user names
	done             bool
}

// createQR makes a code to scan with the 12306 app.
func (s *Server) createQR(x *exchange) {
	if !x.appidOK() {
		return
	}
	x.signOnSession(false)
	for id, q := range s.qrs {
		if x.now.Sub(q.at) > time.Hour {
			delete(s.qrs, id)
		}
	}
	q := &qr{uuid: s.text(alnum, 64), at: x.now}
	s.qrs[q.uuid] = q
	code, err := qrcode.New("railsim:"+q.uuid, qrcode.Medium)
	if err != nil {
		panic(err) // the text is of our making and short enough
	}
	png, err := code.PNG(199)
	if err != nil {
		panic(err)
	}
	x.sign("0", "生成二维码成功", map[string]any{"image": base64.StdEncoding.EncodeToString(png), "uuid": q.uuid})
}

// qrPollGap is a little less than the second at which the page asks.
const qrPollGap = 900 * time.Millisecond

// checkQR says how far the code has come: "0" waiting, "1" scanned, "2" done,
// "3" expired, "5" no such code.
func (s *Server) checkQR(x *exchange) {
	if !x.appidOK() {
		return
	}
	q := s.qrs[x.form.Get("uuid")]
	if q == nil {
		x.violate("a uuid that was never given out")
		x.sign("5", "系统异常", nil)
		return
	}
	if !q.asked.IsZero() && x.now.Sub(q.asked) < qrPollGap {
		x.note("checkqr %v after the last one", x.now.Sub(q.asked))
	}
	q.asked = x.now
	switch {
	case x.now.Sub(q.at) > s.opts.QRLife || q.done:
		x.decided("expired")
		x.sign("3", "二维码已过期", nil)
	case q.allowed != "":
		q.done = true
		s.signOn(x, s.accounts[q.allowed], "2", "扫码登录成功")
	case q.scanned != "":
		x.sign("1", "二维码状态查询成功", nil)
	default:
		x.sign("0", "二维码状态查询成功", nil)
	}
}

// ScanQR lets the user scan the newest code on any screen.
func (s *Server) ScanQR(user string) error { return s.touchQR(user, false) }

// ConfirmQR lets the user tap the confirmation after scanning the newest code.
func (s *Server) ConfirmQR(user string) error { return s.touchQR(user, true) }

func (s *Server) touchQR(user string, confirm bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.accounts[user] == nil {
		return fmt.Errorf("railsim: no account %q", user)
	}
	var newest *qr
	for _, q := range s.qrs {
		if newest == nil || q.at.After(newest.at) {
			newest = q
		}
	}
	switch {
	case newest == nil || time.Since(newest.at) > s.opts.QRLife:
		return fmt.Errorf("railsim: no QR code to scan")
	case confirm && newest.scanned != user:
		return fmt.Errorf("railsim: %s has not scanned the code", user)
	case confirm:
		newest.allowed = user
	default:
		newest.scanned = user
	}
	return nil
}
