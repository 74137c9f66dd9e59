package railsim

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// throttleCount pictures within throttleTime are too many; the next is the
// grey one that says so. The real limit is not known.
const (
	throttleCount = 6
	throttleTime  = 10 * time.Second
)

// captchaImage draws a login picture and sends it as it is.
func (s *Server) captchaImage(x *exchange) {
	if !x.captchaParams() {
		return
	}
	x.sendPicture(s.loginPicture(x))
}

// captchaImage64 sends the picture in base64, as JSONP if a callback is named.
func (s *Server) captchaImage64(x *exchange) {
	if !x.captchaParams() {
		return
	}
	img := s.loginPicture(x)
	x.sign("0", "生成验证码成功", map[string]any{"image": base64.StdEncoding.EncodeToString(img)})
	x.script()
}

func (x *exchange) captchaParams() bool {
	for name, want := range map[string]string{"login_site": "E", "module": "login", "rand": "sjrand"} {
		if got := x.form.Get(name); got != want {
			x.violate("%s is %q instead of %s", name, got, want)
			x.redirectToError()
			return false
		}
	}
	return true
}

// loginPicture draws a picture for the passport session; only the newest counts.
func (s *Server) loginPicture(x *exchange) []byte {
	p := x.signOnSession(false)
	var throttled bool
	p.fetched, throttled = throttle(p.fetched, x.now)
	if throttled {
		x.decided("throttled")
		return throttlePicture()
	}
	x.setCookie("_passport_ct", s.text(hexLower, 32)+"t"+s.text("0123456789", 4), "/passport")
	p.picture = s.draw(x.now)
	return p.picture.image
}

// throttle adds one picture to those fetched lately and says whether that is
// too many.
func throttle(lately []time.Time, now time.Time) ([]time.Time, bool) {
	for len(lately) > 0 && now.Sub(lately[0]) > throttleTime {
		lately = lately[1:]
	}
	lately = append(lately, now)
	return lately, len(lately) > throttleCount
}

func (s *Server) draw(now time.Time) *picture {
	p := drawPicture(s.rng, s.opts.PNG)
	p.at = now
	s.pictures.add(p)
	return p
}

func (x *exchange) sendPicture(img []byte) {
	x.header.Set("Cache-Control", "no-cache, no-store")
	x.reply(http.StatusOK, http.DetectContentType(img), img)
}

// captchaCheck judges the answer to the login picture. Its codes are strings.
func (s *Server) captchaCheck(x *exchange) {
	defer x.script()
	if x.form.Get("login_site") != "E" || x.form.Get("rand") != "sjrand" {
		x.violate("login_site and rand are %q and %q", x.form.Get("login_site"), x.form.Get("rand"))
		x.sign("8", "验证码校验失败,信息为空", nil)
		return
	}
	answer := x.form.Get("answer")
	if answer == "" {
		x.violate("empty answer")
		x.sign("8", "验证码校验失败,信息为空", nil)
		return
	}
	if x.passport == nil {
		x.decided("session gone")
		x.sign("7", "验证码已经过期", nil)
		return
	}
	p := x.passport.picture
	x.passport.solved = nil
	if p == nil {
		x.violate("an answer without a picture, or to a picture already answered")
		x.sign("7", "验证码已经过期", nil)
		return
	}
	x.passport.picture = nil
	switch right, well := p.judge(answer); {
	case !well:
		x.violate("answer %q is not x,y,x,y,...", answer)
		x.sign("5", "验证码校验失败", nil)
	case x.now.Sub(p.at) > s.opts.CaptchaLife:
		x.decided("expired")
		x.sign("7", "验证码已经过期", nil)
	case !right:
		x.decided("wrong answer")
		x.sign("5", "验证码校验失败", nil)
	default:
		p.answered = answer
		x.passport.solved = p
		x.decided("right answer")
		x.sign("4", "验证码校验成功", nil)
	}
}

// captchaSolved says whether a picture was answered for this login, and uses
// it up.
func (s *Server) captchaSolved(x *exchange) bool {
	if x.passport == nil {
		x.decided("session gone")
		x.sign(5, "验证码校验失败", nil)
		return false
	}
	p := x.passport.solved
	x.passport.solved = nil
	if p == nil {
		x.violate("web/login without an answered picture")
		x.sign(5, "验证码校验失败", nil)
		return false
	}
	if sent := x.form.Get("answer"); x.form.Has("answer") && sent != p.answered {
		x.violate("answer %q is not the one that was checked", sent)
		x.sign(5, "验证码校验失败", nil)
		return false
	}
	if x.now.Sub(p.at) > s.opts.CaptchaLife {
		x.decided("picture expired")
		x.sign(5, "验证码校验失败", nil)
		return false
	}
	return true
}

// judge reports whether an answer is right, and whether it is an answer at
// all. A point counts inside the measured tile, origin 30 pixels below the top
// of the image.
func (p *picture) judge(answer string) (right, well bool) {
	words := strings.Split(answer, ",")
	if len(words)%2 != 0 {
		return false, false
	}
	hit := map[int]bool{}
	for i := 0; i < len(words); i += 2 {
		px, err1 := strconv.Atoi(words[i])
		py, err2 := strconv.Atoi(words[i+1])
		if err1 != nil || err2 != nil {
			return false, false
		}
		tile := tileAt(px, py)
		if tile < 0 {
			return false, true
		}
		hit[tile] = true
	}
	if len(hit) != len(p.wanted) {
		return false, true
	}
	for _, t := range p.wanted {
		if !hit[t] {
			return false, true
		}
	}
	return true, true
}
