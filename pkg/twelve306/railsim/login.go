package railsim

import (
	_ "embed"
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/emmansun/gmsm/sm4"
)

//go:embed data/passport.html
var passportHTML string

// loginInit is the page with the login form; it sets the first cookies.
func (s *Server) loginInit(x *exchange) {
	x.session()
	x.page(`<!DOCTYPE html><html><head><meta charset="utf-8" /><title>中国铁路12306</title>
<script>var ctx='/otn/'; var passport_appId = 'otn';</script></head>
<body><form id="loginForm"><input name="username" /><input name="password" type="password" /></form></body></html>
`)
}

// conf tells a browser what this site wants at login, and the time.
func (s *Server) conf(x *exchange) {
	sess := x.session()
	now := s.says(x.now).In(railway)
	data := map[string]any{
		"is_uam_login": "Y", "is_login_passCode": "Y", "is_sweep_login": "Y", "psr_qr_code_result": "N",
		"login_url": "resources/login.html", "is_login": "N",
		"isstudentDate": true,
		"studentDate":   []string{"2019-06-01", "2019-09-30", "2019-12-01", "2019-12-31", "2019-01-01", "2019-03-31"},
		"stu_control":   s.window(), "other_control": s.window(),
	}
	if s.opts.Era == Present {
		data["is_open_updateHBTime"] = "Y"
		data["is_message_passCode"] = "N"
		data["is_phone_check"] = "N"
		data["is_olympicLogin"] = "N"
		data["queryUrl"] = "leftTicket/query" + s.letter
		data["nowStr"] = now.Format("20060102150405")
		data["now"] = now.UnixMilli()
	}
	if sess.user != "" && x.loggedIn() {
		a := x.user()
		sess.checked = x.now
		data["is_login"] = "Y"
		data["name"] = a.Name
		data["user_name"] = a.Username
		data["born_date"] = "1990-01-01"
		data["ei_email"] = ""
	}
	for name, v := range s.opts.Conf {
		if data[name] = v; v == nil {
			delete(data, name)
		}
	}
	x.otn(data)
}

// window is how many days are on sale, today included.
func (s *Server) window() int {
	switch {
	case s.opts.Window > 0:
		return s.opts.Window
	case s.opts.Era == Present:
		return 15
	}
	return 30
}

func (s *Server) banner(x *exchange) {
	x.session()
	x.otn(map[string]any{"index_banner_url": []any{map[string]string{"target": "1",
		"src": "https://exservice.12306.cn/excater/index.html", "url": "https://www.12306.cn/index/images/pic/banner-login.jpg"}}})
}

func (x *exchange) appidOK() bool {
	if x.form.Get("appid") == "otn" {
		return true
	}
	x.violate("appid is %q", x.form.Get("appid"))
	x.sign(1, "非法请求", nil)
	return false
}

// uamtkStatic says whether the browser is signed on already.
func (s *Server) uamtkStatic(x *exchange) {
	if !x.appidOK() {
		return
	}
	x.signOnSession(false)
	if user, ok := s.signons[x.cookie("uamtk")]; ok {
		x.sign(0, "验证通过", map[string]any{"apptk": nil, "newapptk": s.appToken(user)})
		return
	}
	x.sign(1, "用户未登录", nil)
}

func (s *Server) appToken(user string) string {
	t := s.text(alnum, 4) + "-" + s.text(alnum, 32) + "-" + s.text(alnum, 10) + "1110"
	s.appTokens[t] = user
	return t
}

// login checks the password. What else it wants depends on the era: an
// answered picture, or a code by SMS.
func (s *Server) login(x *exchange) {
	if !x.appidOK() {
		return
	}
	if s.awkward(50) {
		x.busy()
		return
	}
	user, password := x.form.Get("username"), x.form.Get("password")
	a := s.accounts[user]
	if s.opts.Era == Present {
		plain, ok := openPassword(password)
		if !ok {
			x.violate("the password is not @ and base64 of SM4 under 12306's key")
			x.sign(1, "用户名或密码错误", nil)
			return
		}
		password = plain
		if x.passport == nil || x.passport.verified != user {
			x.violate("web/login without checkLoginVerify for this user")
			x.sign(5, "验证失败，请重试。", nil)
			return
		}
		if a != nil && !s.verified(x, a) {
			return
		}
	} else if !s.captchaSolved(x) {
		return
	}
	switch {
	case a == nil:
		x.decided("no such user")
		x.sign(1, "登录名不存在。", nil)
	case x.now.Before(a.locked):
		x.decided("locked")
		x.sign(1, "您的用户已经被锁定，请稍后再试。", nil)
	case a.Password != password:
		a.misses++
		if a.misses > 4 {
			a.locked = x.now.Add(20 * time.Minute)
			a.misses = 0
		}
		x.decided("wrong password")
		x.sign(1, "密码输入错误。如果输错次数超过4次，用户将被锁定。", nil)
	case a.LoginCode != 0:
		a.smsCode = "" // good once
		x.decided(fmt.Sprintf("result_code %d", a.LoginCode))
		x.sign(a.LoginCode, loginCodeText(a), nil)
	default:
		a.misses, a.smsCode = 0, ""
		s.signOn(x, a, 0, "登录成功")
	}
}

// loginCodeText is what the page shows for the codes that send the user
// elsewhere; the words follow PROTOCOL.md 1.5, the originals are not recorded.
func loginCodeText(a *account) string {
	switch a.LoginCode {
	case 91:
		tail := a.Mobile
		if len(tail) > 4 {
			tail = tail[len(tail)-4:]
		}
		return "请使用尾号" + tail + "的手机发送短信666至12306完成核验。"
	case 92:
		return "您的手机号码需要核验，请获取手机验证码。"
	case 94:
		return "您的身份信息未通过核验，请持有效身份证件原件到车站窗口办理。"
	case 95:
		return "请在十分钟内登录铁路12306手机APP确认本次登录。"
	case 97:
		return "请完成滑动验证。"
	case 101:
		return "您的密码长时间未修改，请先重置密码。"
	}
	return "登录失败"
}

func (s *Server) signOn(x *exchange, a *account, code any, msg string) {
	t := s.text(alnum, 16) + "_" + s.text(alnum, 28) + "1110"
	s.signons[t] = a.Username
	if !s.opts.BodyTokens {
		x.setCookie("uamtk", t, "/passport")
	}
	x.sign(code, msg, map[string]any{"uamtk": t})
}

// openPassword undoes the page's encryption.
func openPassword(sent string) (string, bool) {
	text, ok := strings.CutPrefix(sent, "@")
	if !ok {
		return "", false
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(data) == 0 || len(data)%16 != 0 {
		return "", false
	}
	c, err := sm4.NewCipher([]byte("tiekeyuankp12306"))
	if err != nil {
		return "", false
	}
	for i := 0; i < len(data); i += 16 {
		c.Decrypt(data[i:], data[i:i+16])
	}
	pad := int(data[len(data)-1])
	if pad < 1 || pad > 16 {
		return "", false
	}
	return string(data[:len(data)-pad]), true
}

// userLogin is the page that turns a sign-on into a session of /otn.
func (s *Server) userLogin(x *exchange) {
	if x.sess != nil && x.sess.user != "" && x.loggedIn() {
		if s.opts.Era == Present {
			x.setCookie("uKey", s.text(hexLower, 64), "/")
		}
		x.redirect("/otn/view/index.html")
		return
	}
	x.toLogin()
}

var redirectPath = regexp.MustCompile(`^/otn/[A-Za-z0-9/_.]+$`)

// passportPage is where every call that needs a login lands; it issues a new
// JSESSIONID, and its script asks auth/uamtk and uamauthclient.
func (s *Server) passportPage(x *exchange) {
	if !redirectPath.MatchString(x.form.Get("redirect")) {
		x.violate("redirect is %q", x.form.Get("redirect"))
		x.redirectToError()
		return
	}
	if x.sess != nil {
		delete(s.sessions, x.sess.id)
	}
	x.newSession("").sentToPassport = true
	x.page(strings.ReplaceAll(passportHTML, "https://kyfw.12306.cn", x.origin()))
}

// uamtk gives a signed-on browser a token for /otn.
func (s *Server) uamtk(x *exchange) {
	if !x.appidOK() {
		return
	}
	user, ok := s.signons[x.cookie("uamtk")]
	if !ok {
		x.decided("not signed on")
		x.sign(1, "用户未登录", nil)
		return
	}
	x.sign(0, "验证通过", map[string]any{"apptk": nil, "newapptk": s.appToken(user)})
}

// uamauthclient logs the otn session in with that token, once.
func (s *Server) uamauthclient(x *exchange) {
	token := x.form.Get("tk")
	user, ok := s.appTokens[token]
	switch {
	case token == "":
		x.violate("tk is empty")
		x.sign(2, "uamtk票据内容为空", nil)
		return
	case !ok:
		x.decided("unknown tk")
		x.sign(2, "uamtk票据内容为空", nil)
		return
	case x.sess == nil:
		// A session that died between the two calls, or a client that never
		// had one (PJ after its QR login): it begins here.
		x.newSession("").sentToPassport = true
	case !x.sess.sentToPassport: // YY, GG
		x.note("uamauthclient without login/userLogin")
	}
	delete(s.appTokens, token)
	x.sess.user, x.sess.tk, x.sess.checked = user, s.text(alnum, 40), x.now
	if s.opts.BodyTokens {
		x.sess.tk = token
	} else {
		x.setCookie("tk", x.sess.tk, "/otn")
	}
	x.json(map[string]any{"apptk": token, "result_code": 0, "result_message": "验证通过", "username": s.accounts[user].Name})
}

func (s *Server) index(x *exchange) {
	x.session()
	x.page(`<!DOCTYPE html><html><head><meta charset="utf-8" /><title>中国铁路12306</title></head><body>我的12306</body></html>`)
}

// my12306 is what clients call to stay logged in.
func (s *Server) my12306(x *exchange) {
	if !x.loggedIn() {
		x.decided("not logged in")
		x.page(`<html><head><meta http-equiv="refresh" content="0;url=/otn/login/init" /></head><body></body></html>`)
		return
	}
	a := x.user()
	x.sess.checked = x.now
	x.otn(map[string]any{"notify_way": "7", "qr_code_url": "Y", "if_show_ali_qr_code": true, "isSuperUser": "N", "_email": "",
		"user_status": "1", "_is_needModifyPassword": nil, "needEdit": false, "member_status": "", "id_type_code": "1",
		"user_name": a.Name, "member_level": "", "isCanRegistMember": true, "user_regard": "先生,下午好！",
		"resetMemberPwd": "N", "_is_active": "Y"})
}

// checkUser says whether the session is logged in.
func (s *Server) checkUser(x *exchange) {
	if !x.loggedIn() {
		x.decided("not logged in")
		x.otn(map[string]any{"flag": false})
		return
	}
	x.sess.checked = x.now
	x.otn(map[string]any{"flag": true})
}

func (s *Server) errorHTML(x *exchange) {
	x.violate("followed to error.html")
	x.reply(http.StatusOK, typeHTML, []byte(errorPage))
}
