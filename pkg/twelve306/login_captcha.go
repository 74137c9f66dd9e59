package twelve306

import (
	"context"

	"github.com/watcherd/watcherd/pkg/twelve306/internal/wire"
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
			// A lost reply may be one of a login that stands: the next steps tell.
		case Wrong:
			ch.again("wrong", err)
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
	if why == "wrong" {
		ch.Wrong++
	}
}

// maxLost is how often a person is asked again because 12306's verdict on the
// answer was lost.
const maxLost = 3

// solveLoginPicture is the seed's steps 2 and 3, until a picture is answered
// right. An answered picture is spent, right or wrong.
func (c *Client) solveLoginPicture(ctx context.Context, solver Solver, ch *Challenge) error {
	for lost := 0; ; {
		img, err := c.picture(ctx, "captcha-image", "/passport/captcha/captcha-image?login_site=E&module=login&rand=sjrand", pageLogin)
		if err != nil {
			return err
		}
		ch.Image = img
		answer, err := solver.Solve(ctx, *ch)
		if err != nil {
			return err
		}
		if answer.Another {
			ch.again("another", nil)
			continue
		}
		code, err := c.captchaCheck(ctx, answer)
		switch {
		case err != nil:
			// The answer may be spent, so the picture is: ask with a new one.
			switch KindOf(err) {
			case Network, Busy, Blocked:
				if lost++; lost < maxLost && backoff(ctx, lost) == nil {
					ch.again("lost", nil)
					continue
				}
			}
			return err
		case code == 4:
			return nil
		case code == 7:
			ch.again("expired", nil)
		default: // 5 wrong, 8 empty
			ch.again("wrong", nil)
		}
	}
}

// captchaCheck is seed step 3. result_code is a string here: "4" right, "5"
// wrong, "7" expired, "8" empty.
func (c *Client) captchaCheck(ctx context.Context, a Answer) (wire.Number, error) {
	const op = "captcha-check"
	env, _, err := c.post(ctx, op, "/passport/captcha/captcha-check", pageLogin,
		form{}.add("answer", points(a.Points)).add("login_site", "E").add("rand", "sjrand"))
	if err != nil {
		return 0, err
	}
	if env.ResultCode == nil {
		return 0, &Error{Op: op, Kind: Network, Msg: "a reply without result_code"}
	}
	switch code := *env.ResultCode; code {
	case 4, 5, 7, 8:
		return code, nil
	}
	e := refused(op, string(env.ResultMessage))
	if e.Kind == Changed { // not one of its verdicts: no verdict
		e.Kind = Network
	}
	return 0, e
}
