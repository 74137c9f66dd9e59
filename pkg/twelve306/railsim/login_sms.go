package railsim

import "time"

// smsGap is the shortest time between two codes; smsDaily the most in a day.
const (
	smsGap   = 60 * time.Second
	smsLife  = 5 * time.Minute
	smsDaily = 10
)

// checkLoginVerify says how this user must prove to be a person.
func (s *Server) checkLoginVerify(x *exchange) {
	if !x.appidOK() {
		return
	}
	user := x.form.Get("username")
	x.signOnSession(true).verified = user
	code := "3"
	if a := s.accounts[user]; a != nil {
		code = a.VerifyCode
	}
	x.sign(0, "", map[string]any{"login_check_code": code})
}

// getMessageCode sends a code to the owner's phone, if the last four
// characters of the ID number are right.
func (s *Server) getMessageCode(x *exchange) {
	if !x.appidOK() {
		return
	}
	a := s.accounts[x.form.Get("username")]
	tail := x.form.Get("castNum")
	switch {
	case x.passport == nil || x.passport.verified != x.form.Get("username"):
		x.violate("getMessageCode without checkLoginVerify for this user")
		x.sign(6, "获取手机验证码失败", nil)
	case len(tail) != 4:
		x.violate("castNum has %d characters", len(tail))
		x.sign(6, "请输入登录账号绑定的证件号后4位", nil)
	case a == nil || len(a.IDNo) < 4 || a.IDNo[len(a.IDNo)-4:] != tail:
		x.decided("last four wrong")
		x.sign(11, "您输入的证件号后4位与登录账号不匹配，请重新输入！", nil)
	case !a.smsAt.IsZero() && x.now.Sub(a.smsAt) < smsGap:
		x.violate("a second code within %v", smsGap)
		x.sign(6, "获取验证码过于频繁，请稍后再试。", nil)
	case a.smsCount >= smsDaily && dayOf(a.smsAt) == dayOf(x.now):
		x.decided("too many codes today")
		x.sign(6, "您获取验证短信次数过多，请明天再试。", nil)
	default:
		if dayOf(a.smsAt) != dayOf(x.now) {
			a.smsCount = 0
		}
		a.smsCount++
		a.smsAt = x.now
		a.smsCode = s.text("0123456789", 6)
		x.sign(0, "获取手机验证码成功！", nil)
	}
}

// verified checks what web/login of the Present carries beside the password. A
// code that is right stays good until the password is right as well.
func (s *Server) verified(x *exchange, a *account) bool {
	mode, code := x.form.Get("checkMode"), x.form.Get("randCode")
	switch {
	case a.VerifyCode == "0":
		if mode != "" || code != "" {
			x.note("checkMode %q and randCode where nothing was asked", mode)
		}
		return true
	case a.VerifyCode == "2" || mode == "1":
		x.decided("slider wanted")
		return x.unverified("滑动验证失败，请重试。")
	case mode != "0":
		x.violate("checkMode %q for a code by SMS", mode)
		return x.unverified("验证失败，请重试。")
	case a.smsCode == "":
		x.violate("randCode %q, but no code was sent", code)
		return x.unverified("很抱歉，您输入的短信验证码有误。")
	case x.now.Sub(a.smsAt) > smsLife || code != a.smsCode:
		x.decided("wrong or old SMS code")
		return x.unverified("很抱歉，您输入的短信验证码有误。")
	}
	return true
}

func (x *exchange) unverified(msg string) bool {
	x.sign(1, msg, nil)
	return false
}

// SMSCode is the code that was sent to the user's phone last, "" when there is
// none or it was used.
func (s *Server) SMSCode(user string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.accounts[user]; a != nil {
		return a.smsCode
	}
	return ""
}
