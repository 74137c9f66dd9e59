package twelve306

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"time"
	"unicode"

	"github.com/emmansun/gmsm/sm4"

	"github.com/watcherd/watcherd/pkg/twelve306/internal/wire"
)

// passwordKey is the SM4 key in 12306's own login script; it hides nothing,
// but the site takes no other form.
const passwordKey = "tiekeyuankp12306"

// sealPassword writes a password as the present login wants it: "@" and the
// base64 of SM4-ECB with PKCS#7 padding.
func sealPassword(password string) string {
	block, err := sm4.NewCipher([]byte(passwordKey))
	if err != nil { // only for a key of another length
		panic(err)
	}
	b := []byte(password)
	pad := block.BlockSize() - len(b)%block.BlockSize()
	for range pad {
		b = append(b, byte(pad))
	}
	for i := 0; i < len(b); i += block.BlockSize() {
		block.Encrypt(b[i:], b[i:])
	}
	return "@" + base64.StdEncoding.EncodeToString(b)
}

// loginSMS logs in with a password and a code that 12306 sends to the phone
// (recorded 2024-04-22).
func (c *Client) loginSMS(ctx context.Context, cred Credentials, solver Solver) error {
	if _, err := c.openLogin(ctx); err != nil {
		return err
	}
	if _, err := c.checkLoginVerify(ctx, cred); err != nil {
		return err
	}
	return c.passSMS(ctx, cred, solver)
}

// passSMS is the part of the SMS login that follows on checkLoginVerify.
func (c *Client) passSMS(ctx context.Context, cred Credentials, solver Solver) error {
	ch := Challenge{Kind: SMSChallenge, For: ForLogin}
	lost, unknown := 0, 0
	for {
		gap := time.Until(c.codeAt.Add(smsGap))
		if ch.Previous == "" || (ch.Previous == "another" || ch.Previous == "lost") && gap <= 0 {
			if err := sleep(ctx, gap); err != nil { // the login before this one asked for a code, too
				return &Error{Op: "getMessageCode", Kind: Network, Msg: "stopped while waiting", Unsent: true, Err: err}
			}
			words, err := c.sendCode(ctx, cred)
			if err != nil {
				return err
			}
			ch.Words = words
		}
		answer, err := solver.Solve(ctx, ch)
		if err != nil {
			return err
		}
		if answer.Another {
			ch.again("another", nil)
			continue
		}
		err = c.submitLogin(ctx, loginForm("0", answer.Code, cred), pageLogin2, loginHeader())
		kind := KindOf(err)
		if unknownWords(err) {
			// Nobody has recorded what 12306 says of a wrong code. Once it may be
			// that; the password is not posted again and again for a guess.
			if unknown++; unknown < maxPasswords {
				kind = Wrong
			}
		}
		switch kind {
		case "":
			if err != nil {
				return err
			}
			return c.finishLogin(ctx)
		case Wrong:
			ch.again("wrong", err)
		case Network, Busy, Blocked:
			// The login may stand although its reply is lost.
			if done := c.finishLogin(ctx); done == nil || KindOf(done) != Session {
				return done
			}
			if lost++; lost >= maxPasswords {
				return err
			}
			ch.again("lost", nil)
		default:
			return err
		}
	}
}

// unknownWords reports whether 12306 refused in a sentence that no row of the
// table knows, whatever Kind that has at this step.
func unknownWords(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Kind == Changed || e.Kind == Password) && Classify(e.Msg) == Changed &&
		strings.ContainsFunc(e.Msg, func(r rune) bool { return unicode.Is(unicode.Han, r) }) // ours have none
}

// smsGap is the least time between two codes (JSL: 60 s).
const smsGap = time.Minute

// loginPlain logs in where 12306 wants no verification (login_check_code 0).
func (c *Client) loginPlain(ctx context.Context, cred Credentials) error {
	for posts := 1; ; posts++ {
		err := c.submitLogin(ctx, loginForm("", "", cred), pageLogin2, loginHeader())
		switch KindOf(err) {
		case Network, Busy, Blocked:
			// The login may stand although its reply is lost.
		default:
			if err != nil {
				return err
			}
		}
		done := c.finishLogin(ctx)
		if err == nil || KindOf(done) != Session || posts == maxPasswords {
			if done != nil && err != nil {
				return err
			}
			return done
		}
	}
}

// loginForm is web/login in the field order of the recording.
func loginForm(checkMode, randCode string, cred Credentials) form {
	return form{}.add("sessionId", "").add("sig", "").add("if_check_slide_passcode_token", "").add("scene", "").
		add("checkMode", checkMode).add("randCode", randCode).
		add("username", cred.Username).add("password", sealPassword(cred.Password)).add("appid", "otn")
}

// loginHeader is what the page's script adds to web/login.
func loginHeader() map[string]string { return map[string]string{"isPasswordCopy": "N", "appFlag": ""} }

// openLogin is what the present login page asks when it opens.
func (c *Client) openLogin(ctx context.Context) (conf, error) {
	d, err := retried(ctx, c.pace, func() (conf, error) { return c.conf(ctx) })
	if err != nil {
		return d, err
	}
	// "not logged in" is the ordinary answer; what counts is _passport_session.
	const op = "uamtk-static"
	err = c.opened(ctx, "/passport", "_passport_session", func() error {
		_, _, err := c.post(ctx, op, "/passport/web/auth/uamtk-static", pageLogin2, form{}.add("appid", "otn"))
		return err
	})
	if errors.Is(err, errNoPage) { // the classic site has none and wants none
		err = nil
	}
	return d, err
}

// finishLogin is the walk from the sign-on to the ticket site, as browsers do
// it today. A session that is lost on the way is begun once more while the
// sign-on lives.
func (c *Client) finishLogin(ctx context.Context) error {
	var err error
	for range 2 {
		if err = c.authorise(ctx, false, pageLogin2); err != nil {
			return err
		}
		if err = c.enter(ctx); KindOf(err) != Session {
			break
		}
	}
	return err
}

// enter is what follows on the login of the ticket site, with login/conf as its
// proof.
func (c *Client) enter(ctx context.Context) error {
	if err := c.userLogin(ctx, false, pagePass); err != nil {
		return err
	}
	d, err := retried(ctx, c.pace, func() (conf, error) { return c.conf(ctx) })
	if err != nil {
		return err
	}
	if !d.LoggedIn {
		return c.noted(&Error{Op: "conf", Kind: Session, Msg: "12306 does not show the login"})
	}
	c.proven()
	return nil
}

// checkLoginVerify asks what the login of this user needs: 0 nothing, 1 slider
// or SMS, 2 slider, 3 SMS.
func (c *Client) checkLoginVerify(ctx context.Context, cred Credentials) (int64, error) {
	return retried(ctx, c.pace, func() (int64, error) { return c.askLoginVerify(ctx, cred) })
}

func (c *Client) askLoginVerify(ctx context.Context, cred Credentials) (int64, error) {
	const op = "checkLoginVerify"
	_, object, err := c.post(ctx, op, "/passport/web/checkLoginVerify", pageLogin2,
		form{}.add("username", cred.Username).add("appid", "otn"))
	if err != nil {
		return 0, err
	}
	var r struct {
		Code    *wire.Number `json:"result_code"`
		Message wire.Text    `json:"result_message"`
		Check   *wire.Number `json:"login_check_code"`
	}
	if err := wire.Decode(object, &r); err != nil {
		return 0, &Error{Op: op, Kind: Network, Msg: "a reply that cannot be read", other: true, Err: err}
	}
	if r.Check == nil {
		if r.Message != "" {
			return 0, refused(op, string(r.Message))
		}
		return 0, &Error{Op: op, Kind: Network, Msg: "a reply without login_check_code", other: true}
	}
	return int64(*r.Check), nil
}

// sendCode has 12306 send the code. A lost reply may be one of a code that is
// on its way, and there are few a day: the person is asked, who can ask for
// another when nothing arrives.
func (c *Client) sendCode(ctx context.Context, cred Credentials) (words string, err error) {
	for n := range retries {
		c.codeAt = time.Now()
		words, err = c.getMessageCode(ctx, cred)
		e, ok := errors.AsType[*Error](err)
		switch {
		case !ok:
			return words, err
		case e.Unsent:
		case e.Kind == Network || e.Kind == Busy || e.Kind == Blocked:
			return e.Msg, nil
		default:
			return "", err
		}
		if c.pace.backoff(ctx, n, err) != nil {
			break
		}
	}
	return "", err
}

// getMessageCode asks once for a code. It returns 12306's words.
func (c *Client) getMessageCode(ctx context.Context, cred Credentials) (string, error) {
	const op = "getMessageCode"
	env, _, err := c.post(ctx, op, "/passport/web/getMessageCode", pageLogin2,
		form{}.add("appid", "otn").add("username", cred.Username).add("castNum", cred.IDLast4))
	if err != nil {
		return "", err
	}
	words := plain(string(env.ResultMessage))
	if env.ResultCode == nil {
		return "", &Error{Op: op, Kind: Network, Msg: "a reply without result_code"}
	}
	if *env.ResultCode != 0 {
		// 6 and 11: the name and the last four do not match, or too many today.
		// Trying again by itself would only use up the day's messages.
		e := refused(op, words)
		switch {
		case strings.Contains(words, "频繁"):
			e.Kind = Busy // one was sent a moment ago, perhaps to the life before a crash: it still counts
		case e.Kind != Busy:
			e.Kind = Person
		}
		return "", e
	}
	return words, nil
}
