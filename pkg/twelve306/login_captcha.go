package twelve306

import (
	"context"
)

// loginCaptcha is the classic login, the seed's steps 1 to 7.
func (c *Client) loginCaptcha(ctx context.Context, cred Credentials, solver Solver) error {
	if err := c.opened(ctx, pageLogin, "JSESSIONID", func() error {
		_, err := c.do(ctx, call{op: "init", path: pageLogin, accept: acceptPage, empty: true})
		return err
	}); err != nil {
		return err
	}
	c.mu.Lock()
	c.classic = true
	c.mu.Unlock()
	ch := Challenge{Kind: PictureChallenge, For: ForLogin}
	for posts := 1; ; {
		if err := c.solveLoginPicture(ctx, solver, &ch); err != nil {
			return err
		}
		err := c.submitLogin(ctx, form{}.add("username", cred.Username).add("password", cred.Password).add("appid", "otn"), pageLogin, nil)
		switch KindOf(err) {
		case "", Network, Busy, Blocked:
			if err != nil && KindOf(err) == "" {
				return err // the password was kept back
			}
			// A lost reply may be one of a login that stands: the next steps tell.
		case Wrong:
			// The answer was right a moment ago: it is the sign-on that was lost.
			ch.again("forgotten", err)
			continue
		default:
			return err
		}
		aerr := c.authorise(ctx, true, pageLogin)
		if KindOf(aerr) != Session || posts == maxPasswords {
			if aerr != nil && err != nil {
				return err
			}
			return aerr
		}
		// It does not stand: a new picture, and the password once more.
		posts++
		ch.again("lost", nil)
	}
}

// maxPasswords is how often a password is posted in one login when replies are
// lost; four wrong ones lock an account, and a lost reply may have been one.
const maxPasswords = 2

func (ch *Challenge) again(why string, err error) {
	ch.Previous, ch.Words = why, ""
	if e, ok := err.(*Error); ok {
		ch.Words = e.Msg
	}
	if why == "wrong" || why == "forgotten" {
		ch.Wrong++
	}
}

// solveLoginPicture is the seed's steps 2 and 3.
func (c *Client) solveLoginPicture(ctx context.Context, solver Solver, ch *Challenge) error {
	_, err := c.solvePicture(ctx, solver, ch, captcha{
		op: "captcha-image", path: "/passport/captcha/captcha-image?login_site=E&module=login&rand=sjrand", page: pageLogin,
		check: c.captchaCheck,
	})
	return err
}

// captchaCheck is seed step 3. result_code is a string here: "4" right, "5"
// wrong, "7" expired, "8" empty.
func (c *Client) captchaCheck(ctx context.Context, answer string) (verdict, error) {
	const op = "captcha-check"
	env, _, err := c.post(ctx, op, "/passport/captcha/captcha-check", pageLogin,
		form{}.add("answer", answer).add("login_site", "E").add("rand", "sjrand"))
	if err != nil {
		return "", err
	}
	if env.ResultCode == nil {
		return "", &Error{Op: op, Kind: Network, Msg: "a reply without result_code"}
	}
	switch *env.ResultCode {
	case 4:
		return right, nil
	case 5, 8:
		return wrong, nil
	case 7:
		return expired, nil
	}
	e := refused(op, string(env.ResultMessage))
	if e.Kind == Changed { // not one of its verdicts: no verdict
		e.Kind = Network
	}
	return "", e
}
