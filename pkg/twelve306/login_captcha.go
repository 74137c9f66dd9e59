package twelve306

import (
	"context"
	"encoding/base64"
	"errors"
	"strconv"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306/internal/wire"
)

// loginCaptcha is the classic login, the seed's steps 1 to 7.
func (c *Client) loginCaptcha(ctx context.Context, cred Credentials, solver Solver) error {
	if cred.Password == "" { // auto has come here for a site that asks nothing else
		return errNoPassword()
	}
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
	_, err := c.solvePicture(ctx, solver, ch, captcha{fetch: c.loginPicture, check: c.captchaCheck})
	return err
}

// loginPicture fetches a picture where this site has it: captcha-image (S, R17)
// or, since 2019, captcha-image64 (R19), the same in base64. The second is asked
// for where the first has nothing but 404 or the error page, and from then on.
func (c *Client) loginPicture(ctx context.Context) ([]byte, error) {
	patient := func() ([]byte, error) {
		img, err := retried(ctx, c.pace, func() ([]byte, error) { return c.picture64(ctx) })
		c.image64 = err == nil // or the first may be there again
		return img, err
	}
	if c.image64 {
		return patient()
	}
	img, err := c.picture(ctx, "captcha-image", "/passport/captcha/captcha-image?"+loginSite, pageLogin)
	if !notThere(err) || ctx.Err() != nil {
		return img, err
	}
	ask := patient
	if !errors.Is(err, errNoPage) { // this address was asked often enough
		ask = func() ([]byte, error) { return c.picture64(ctx) }
	}
	img, err64 := ask()
	if c.image64 = err64 == nil; notThere(err64) {
		return nil, err
	}
	return img, err64
}

// notThere reports whether an error may be that of an address where nothing is.
func notThere(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Kind == Blocked || e.other || errors.Is(err, errNoPage))
}

// loginSite is what both addresses of the login picture are asked with.
const loginSite = "login_site=E&module=login&rand=sjrand"

// picture64 asks once for captcha-image64, as a script tag does (R19: JSONP).
func (c *Client) picture64(ctx context.Context) ([]byte, error) {
	const op = "captcha-image64"
	now := strconv.FormatInt(time.Now().UnixMilli(), 10)
	r, err := c.do(ctx, call{
		op: op, path: "/passport/captcha/captcha-image64?" + loginSite + "&" + now + "&callback=jQuery1910" + random()[2:] + "_" + now + "&_=" + now,
		referer: pageLogin, accept: acceptScript,
	})
	if err != nil {
		return nil, err
	}
	env, object, err := c.envelope(op, r.body)
	if err != nil {
		return nil, err
	}
	if env.ResultCode == nil {
		return nil, &Error{Op: op, Kind: Network, Msg: "a reply without result_code"}
	}
	if *env.ResultCode != 0 {
		return nil, refused(op, string(env.ResultMessage))
	}
	var d struct {
		Image wire.Text `json:"image"`
	}
	if err := wire.Decode(object, &d); err != nil {
		return nil, &Error{Op: op, Kind: Network, Msg: "a reply that cannot be read", Err: err}
	}
	img, err := base64.StdEncoding.DecodeString(string(d.Image))
	if err != nil || len(img) > maxImage {
		return nil, &Error{Op: op, Kind: Network, Msg: "a picture that cannot be read"}
	}
	return img, c.checkPicture(op, img)
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
