package twelve306

import (
	"context"
	"errors"
	"fmt"

	"github.com/watcherd/watcherd/pkg/twelve306/internal/wire"
)

// Mode is a way to log in.
type Mode string

// The modes.
const (
	LoginAuto    Mode = "auto"    // ask 12306 what it wants and choose what a phone can answer
	LoginCaptcha Mode = "captcha" // password and the picture captcha (the seed's steps 1 to 7)
	LoginSMS     Mode = "sms"     // password and a code by SMS
	LoginQR      Mode = "qr"      // scan a code with the 12306 app; needs no password
)

// Credentials is who logs in. Its String never shows a secret.
type Credentials struct {
	Username string
	Password string
	IDLast4  string // last four characters of the account's ID number; the SMS mode needs it
	Mode     Mode
}

// String returns the user name with its middle hidden.
func (c Credentials) String() string {
	r := []rune(c.Username)
	if len(r) < 3 {
		return "***"
	}
	return string(r[0]) + "***" + string(r[len(r)-1])
}

// GoString keeps %#v from printing the password.
func (c Credentials) GoString() string { return c.String() }

// ErrGaveUp is what a Solver returns when the person cancelled or did not
// answer, or when enough answers were wrong.
var ErrGaveUp = errors.New("no answer")

// Login logs in if the session does not live any more. It asks 12306 before it
// asks a person: a session that still lives costs one request, and one whose
// sign-on (uamtk) still lives is renewed without a password. Only one Login
// runs at a time; a second caller waits for its result.
func (c *Client) Login(ctx context.Context, cred Credentials, solver Solver) error {
	release, err := c.soleLogin(ctx)
	if err != nil {
		return err
	}
	defer release()
	alive, err := c.revive(ctx)
	if alive || err != nil {
		return err
	}
	err = c.loginBy(ctx, cred, solver)
	for asked := 0; asked < maxElsewhere; asked++ {
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Code == 0 {
			break
		}
		_, asking := solver.Solve(ctx, Challenge{Kind: AppChallenge, For: ForLogin, Words: e.Msg, Code: e.Code, Wrong: asked})
		if asking != nil {
			break // what 12306 said is more than that nobody did it
		}
		// The sign-on may be there now; clients have gone on so after 95.
		if c.hasCookie("/passport", "uamtk") && c.finishLogin(ctx) == nil {
			return nil
		}
		err = c.loginBy(ctx, cred, solver)
	}
	return err
}

// maxElsewhere is how often one login sends the person elsewhere.
const maxElsewhere = 2

// loginBy logs in anew, in the mode of cred.
func (c *Client) loginBy(ctx context.Context, cred Credentials, solver Solver) error {
	if cred.Password == "" && cred.Mode != LoginQR && cred.Mode != LoginAuto && cred.Mode != "" {
		return errNoPassword()
	}
	c.mu.Lock()
	c.classic = false // until loginCaptcha says otherwise
	c.mu.Unlock()
	switch mode := cred.Mode; mode {
	case LoginCaptcha:
		return c.loginCaptcha(ctx, cred, solver)
	case LoginSMS:
		return c.loginSMS(ctx, cred, solver)
	case LoginQR:
		return c.loginQR(ctx, solver)
	case LoginAuto, "":
		return c.loginAuto(ctx, cred, solver)
	default:
		return &Error{Op: "login", Kind: Invalid, Msg: fmt.Sprintf("no login mode %q", mode)}
	}
}

// Revive is the part of [Client.Login] that needs neither a person nor a
// password. It reports whether the session lives, or lives again.
func (c *Client) Revive(ctx context.Context) (bool, error) {
	release, err := c.soleLogin(ctx)
	if err != nil {
		return false, err
	}
	defer release()
	return c.revive(ctx)
}

// soleLogin waits until no other login is under way.
func (c *Client) soleLogin(ctx context.Context) (release func(), err error) {
	select {
	case c.login <- struct{}{}:
		return func() { <-c.login }, nil
	case <-ctx.Done():
		return nil, &Error{Op: "login", Kind: Network, Msg: "stopped while another login was under way", Unsent: true, Err: ctx.Err()}
	}
}

// revive finds out whether an old session still lives, or its sign-on does.
func (c *Client) revive(ctx context.Context) (bool, error) {
	if c.fresh() {
		return true, nil
	}
	if !c.hasCookie("/otn", "tk") && !c.hasCookie("/passport", "uamtk") {
		return false, nil
	}
	if c.hasCookie("/otn", "tk") {
		_, err := retried(ctx, c.pace, func() (struct{}, error) { return struct{}{}, c.CheckUser(ctx) })
		if err == nil {
			return true, nil
		}
		if KindOf(err) != Session {
			return false, err
		}
	}
	if !c.hasCookie("/passport", "uamtk") {
		return false, nil
	}
	err := c.authorise(ctx, c.isClassic(), pageLogin)
	if KindOf(err) == Session {
		return false, nil
	}
	return err == nil, err
}

// loginAuto asks what the site wants of this user: checkLoginVerify answers 0
// nothing, 1 slider or SMS, 2 slider only, 3 SMS only. The classic site does
// not know the question; its login/conf has none of today's fields, or is not
// there.
func (c *Client) loginAuto(ctx context.Context, cred Credentials, solver Solver) error {
	d, err := c.openLogin(ctx)
	switch {
	case errors.Is(err, errNoPage):
		return c.loginGuessed(ctx, cred, solver, false)
	case err != nil:
		// Only an answer tells the classic site. A guess would post the password
		// where it is refused, and a refused password is never tried again.
		return err
	case !d.present():
		return c.loginCaptcha(ctx, cred, solver)
	}
	code, err := c.checkLoginVerify(ctx, cred)
	switch {
	case errors.Is(err, errNoPage), d.QueryURL.value == "" && unasked(err):
		return c.loginGuessed(ctx, cred, solver, true)
	case err != nil:
		return err
	case code == 0 && cred.Password != "":
		return c.loginPlain(ctx, cred)
	case (code == 1 || code == 3) && cred.IDLast4 != "" && cred.Password != "":
		return c.passSMS(ctx, cred, solver)
	}
	return c.passQR(ctx, solver)
}

// unasked reports whether the reply to a question is that of a site which does
// not know it: 404, or what is no answer. 12306 has both for what is not there.
func unasked(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (errors.Is(err, errNoPage) || e.other && (e.Kind == Network || e.Kind == Blocked))
}

// loginGuessed is the classic login of a site of which it is not known that it is
// one. If it is not, it refuses the right password, too, in its clear form; so
// a refusal is believed only of a site that is proven not to know today's
// question (asked: it was asked already, and the site is of two minds). The
// password is posted twice at most.
func (c *Client) loginGuessed(ctx context.Context, cred Credentials, solver Solver, asked bool) error {
	if c.guess.posts >= maxPasswords && c.guess.cred == cred {
		return c.guess.err
	}
	err := c.loginCaptcha(ctx, cred, solver)
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Kind != Password || e.Unsent { // unsent: there is none
		return err
	}
	if !asked {
		if _, err := c.checkLoginVerify(ctx, cred); unasked(err) {
			return e
		}
	}
	if c.guess.cred != cred {
		c.guess = guess{cred: cred}
	}
	c.guess.posts++
	c.guess.err = &Error{Op: e.Op, Kind: Changed, Msg: e.Msg}
	return c.guess.err
}

// guess is what became of loginGuessed.
type guess struct {
	cred  Credentials
	posts int // of its password that were refused
	err   error
}

// OnPassword has f called before each post of the password, so that posts can be
// counted where a crash does not forget them: four misses lock an account. An
// error of f keeps the password back, and is the login's. spared is called for a
// post that was no miss: it never left, or 12306 answered and minds something
// else than the password, or nothing. It must be set before Login is called.
func (c *Client) OnPassword(f func() (spared func(), err error)) { c.onPost = f }

// errNoPassword is the error of a login that needs a password and has none: an
// empty one is never posted, for it counts as a miss, and nobody is asked to
// solve anything for it.
func errNoPassword() error {
	return &Error{Op: "login", Kind: Password, Msg: "there is no password", Unsent: true}
}

// submitLogin posts web/login and reads its verdict. The form holds the
// password, so it is never sent again blindly: when the reply is lost, the
// sign-on is asked (authorise) whether the login took effect.
func (c *Client) submitLogin(ctx context.Context, body form, referer string, header map[string]string) error {
	return again(ctx, c.pace, func() error {
		spared := func() {}
		if c.onPost != nil {
			s, err := c.onPost()
			if err != nil {
				return err
			}
			spared = s
		}
		err := c.postLogin(ctx, body, referer, header)
		e, ok := errors.AsType[*Error](err)
		if err == nil || ok && (e.Unsent || e.Kind == Wrong || e.Kind == Person || e.Kind == Busy || e.Kind == NotOnSale) {
			spared()
		}
		return err
	})
}

func (c *Client) postLogin(ctx context.Context, body form, referer string, header map[string]string) error {
	const op = "login"
	before := c.cookie("/passport", "uamtk")
	_, object, err := c.json(ctx, call{op: op, path: "/passport/web/login", post: true, body: body, referer: referer, header: header})
	if err != nil {
		return err
	}
	var r struct {
		Code    *wire.Number `json:"result_code"`
		Message wire.Text    `json:"result_message"`
		Uamtk   wire.Text    `json:"uamtk"`
	}
	if err := wire.Decode(object, &r); err != nil || r.Code == nil {
		return &Error{Op: op, Kind: Network, Msg: "a reply without result_code", Err: err}
	}
	words := plain(string(r.Message))
	switch *r.Code {
	case 0:
		c.setCookie("/passport", "uamtk", string(r.Uamtk), before)
		return nil
	case 5:
		return &Error{Op: op, Kind: Wrong, Msg: words}
	case 91, 92, 94, 95, 97, 101:
		c.setCookie("/passport", "uamtk", string(r.Uamtk), before)
		return &Error{Op: op, Kind: Person, Msg: words, Code: int(*r.Code)}
	}
	e := refused(op, words)
	switch e.Kind {
	case Conflict: // 核验, 用户信息: at login this is about the account, not a trip
		e.Kind = Person
	case Changed:
		// 12306 words a miss in more ways than are known here. What it says of a
		// password may be that it is wrong, and a fourth try would lock the account.
		e.Kind = Password
	}
	return e
}

// authorise turns the sign-on into a login of the ticket site: seed steps 5 to
// 7. The error page stands here so often that 6 and 7 are tried again as a
// pair: a lost reply of uamauthclient also loses its cookie, and only a new
// newapptk brings another. A token that is refused is one of a session that
// has not been to userLogin. Kind Session means that the sign-on is not there.
func (c *Client) authorise(ctx context.Context, post bool, referer string) error {
	c.switching <- struct{}{} // a look is over in requestTimeout at the latest
	defer func() { <-c.switching }()
	var err error
	for n := range retries {
		if n == 0 || KindOf(err) == Stale {
			if err := c.userLogin(ctx, post, referer); err != nil {
				return err
			}
		}
		var tk string
		if tk, err = c.uamtk(ctx, pagePass); err == nil {
			err = c.uamauthclient(ctx, tk, pagePass)
		}
		switch KindOf(err) {
		case Network, Busy, Blocked, Stale:
		default:
			return err
		}
		if n == retries-1 || c.pace.backoff(ctx, n, err) != nil {
			break
		}
	}
	return err
}

// uamtk is seed step 6. The token for the next step is newapptk; apptk is null
// in every recording.
func (c *Client) uamtk(ctx context.Context, referer string) (string, error) {
	const op = "uamtk"
	_, object, err := c.post(ctx, op, "/passport/web/auth/uamtk", referer, form{}.add("appid", "otn"))
	if err != nil {
		return "", err
	}
	var r struct {
		Code     *wire.Number `json:"result_code"`
		Message  wire.Text    `json:"result_message"`
		Apptk    wire.Text    `json:"apptk"`
		NewApptk wire.Text    `json:"newapptk"`
	}
	if err := wire.Decode(object, &r); err != nil || r.Code == nil {
		return "", &Error{Op: op, Kind: Network, Msg: "a reply without result_code", Err: err}
	}
	words := plain(string(r.Message))
	switch *r.Code {
	case 0:
	case 91, 92, 94, 95, 97, 101:
		return "", &Error{Op: op, Kind: Person, Msg: words, Code: int(*r.Code)}
	default:
		if e := refused(op, words); e.Kind == Busy {
			return "", e
		}
		return "", &Error{Op: op, Kind: Session, Msg: words}
	}
	tk := string(r.NewApptk)
	if tk == "" {
		tk = string(r.Apptk)
	}
	if tk == "" {
		return "", &Error{Op: op, Kind: Network, Msg: "no newapptk in the reply"}
	}
	return tk, nil
}

// uamauthclient is seed step 7; with it the login is real.
func (c *Client) uamauthclient(ctx context.Context, tk, referer string) error {
	const op = "uamauthclient"
	before := c.cookie("/otn", "tk")
	_, object, err := c.post(ctx, op, "/otn/uamauthclient", referer, form{}.add("tk", tk))
	if err != nil {
		return err
	}
	var r struct {
		Code    *wire.Number `json:"result_code"`
		Message wire.Text    `json:"result_message"`
		Apptk   wire.Text    `json:"apptk"`
	}
	if err := wire.Decode(object, &r); err != nil || r.Code == nil {
		return &Error{Op: op, Kind: Network, Msg: "a reply without result_code", Err: err}
	}
	if *r.Code != 0 {
		e := refused(op, string(r.Message))
		if e.Kind == Changed { // uamtk票据内容为空: the token is no longer good, the sign-on may be
			e.Kind = Stale
		}
		return e
	}
	c.setCookie("/otn", "tk", string(r.Apptk), before)
	c.mu.Lock()
	c.loggedIn = false // so that proven counts from now
	c.loggedInAt, c.passengers = c.loggedInAt.Truncate(0), nil
	c.mu.Unlock()
	c.proven()
	return nil
}

// userLogin is seed step 5. The seed posts it, browsers GET it and are sent to
// the passport page, which gives the session its final JSESSIONID; later, when
// it has one, to a page that may be gone.
func (c *Client) userLogin(ctx context.Context, post bool, referer string) error {
	const op = "userLogin"
	odd := false
	_, err := retried(ctx, c.pace, func() (struct{}, error) {
		q := call{op: op, path: "/otn/login/userLogin", referer: referer, accept: acceptPage, follow: true, empty: true}
		if post {
			q.post, q.body = true, form{}.add("_json_att", "")
		}
		r, err := c.do(ctx, q)
		if err != nil {
			return struct{}{}, err
		}
		if !r.redirect {
			// Neither a redirect nor a page: asked once more, then taken for what
			// it may be; clients have lived with an empty reply here.
			if odd = !odd && !looksLikeHTML(r.body); odd {
				return struct{}{}, &Error{Op: op, Kind: Network, Msg: "no page"}
			}
			return struct{}{}, nil
		}
		path, own := c.ownPath(r.location)
		kind, _ := redirectKind(r.location)
		if !own && kind == Session {
			return struct{}{}, &Error{Op: op, Kind: Changed, Msg: "redirected to another site"}
		}
		if own {
			_, err = c.do(ctx, call{op: op, path: path, referer: referer, accept: acceptPage, follow: true, empty: true})
		}
		if kind != Session && KindOf(err) != Session && ctx.Err() == nil {
			// Not the passport page, which gives a session, but one for people
			// (view/index.html, R24): what it says of the login is where it stands,
			// and the next step asks whether that is so.
			err = nil
		}
		return struct{}{}, err
	})
	return err
}
