package twelve306

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306/internal/wire"
)

// Fresh is how long a proof of login counts as the seed's "check that the user
// is logged in" (step 10).
const Fresh = 2 * time.Minute

// LoggedIn reports what is known without asking: whether this session is
// logged in and since when.
func (c *Client) LoggedIn() (bool, time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.loggedIn, c.loggedInAt
}

// Proven returns when 12306 last said that this session is logged in.
func (c *Client) Proven() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.loggedIn {
		return time.Time{}
	}
	return c.provenAt
}

func (c *Client) fresh() bool {
	p := c.Proven()
	return !p.IsZero() && time.Since(p) < Fresh
}

func (c *Client) proven() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if !c.loggedIn {
		c.loggedIn = true
		if c.loggedInAt.IsZero() {
			c.loggedInAt = now
		}
	}
	c.provenAt = now
}

// isClassic reports whether the login was the classic one: the order steps of
// such a session are the classic ones, whatever its rows look like.
func (c *Client) isClassic() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.classic
}

// noted takes up what an error says about the session, whatever step it comes
// from: after Kind Session this client is logged out.
func (c *Client) noted(err error) error {
	if KindOf(err) == Session {
		c.loggedOut()
	}
	return err
}

// loggedOut forgets the login and what belongs to it. Passengers go too:
// allEncStr is sealed for one session.
func (c *Client) loggedOut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loggedIn, c.provenAt, c.loggedInAt = false, time.Time{}, time.Time{}
	c.passengers = nil
}

// CheckUser asks 12306 whether this session is logged in (seed step 10). The
// error has Kind Session when it is not.
func (c *Client) CheckUser(ctx context.Context) error {
	const op = "checkUser"
	env, _, err := c.json(ctx, call{
		op: op, path: "/otn/login/checkUser", post: true, body: form{}.add("_json_att", ""), referer: pageQuery,
		header: map[string]string{"If-Modified-Since": "0", "Cache-Control": "no-cache"},
	})
	if err != nil {
		return c.noted(err)
	}
	var d struct {
		Flag wire.Bool `json:"flag"`
	}
	if err := data(op, env, &d); err != nil {
		return c.noted(err)
	}
	if !d.Flag {
		return c.noted(&Error{Op: op, Kind: Session, Msg: "not logged in"})
	}
	c.proven()
	return nil
}

// KeepAlive proves the login anew when the last proof is older than age. It is
// a no-op on a session that is not logged in.
func (c *Client) KeepAlive(ctx context.Context, age time.Duration) error {
	p := c.Proven()
	if p.IsZero() || time.Since(p) < age {
		return nil
	}
	return c.CheckUser(ctx)
}

// conf is the part of login/conf that matters here. Only who is logged in has
// to be read; the rest is of use, and a login never fails for it.
type conf struct {
	LoggedIn     wire.Bool         `json:"is_login"`
	QueryURL     hint[wire.Text]   `json:"queryUrl"`
	OtherControl hint[wire.Number] `json:"other_control"`
	Now          hint[wire.Number] `json:"now"`    // milliseconds, since about 2024
	NowStr       hint[wire.Text]   `json:"nowStr"` // 20240422140818, as old

	MessageCode  hint[wire.Text] `json:"is_message_passCode"`
	PhoneCheck   hint[wire.Text] `json:"is_phone_check"`
	UpdateHBTime hint[wire.Text] `json:"is_open_updateHBTime"`
	Olympic      hint[wire.Text] `json:"is_olympicLogin"`
}

// present reports whether conf has any of the fields that R24 has and R19 has
// not. One of them may go without the site being the classic one again.
func (d *conf) present() bool {
	return d.QueryURL.there || d.Now.there || d.NowStr.there || d.MessageCode.there || d.PhoneCheck.there || d.UpdateHBTime.there || d.Olympic.there
}

// hint is a value that is zero where it cannot be read.
type hint[T any] struct {
	value T
	there bool // the field was in the reply, whatever it said
}

// UnmarshalJSON accepts every value.
func (h *hint[T]) UnmarshalJSON(b []byte) error {
	var v T
	if json.Unmarshal(b, &v) == nil {
		h.value = v
	}
	h.there = true
	return nil
}

// clock returns the time that conf says, and the unit it is cut to; the zero
// time when it says none.
func (d *conf) clock() (at time.Time, unit time.Duration) {
	if d.Now.value > 0 {
		return time.UnixMilli(int64(d.Now.value)), time.Millisecond
	}
	at, err := time.ParseInLocation("20060102150405", string(d.NowStr.value), shanghai)
	if err != nil {
		return time.Time{}, 0
	}
	return at, time.Second
}

// conf asks login/conf: who is logged in, what a login needs, the query letter.
func (c *Client) conf(ctx context.Context) (conf, error) {
	const op = "conf"
	asked := time.Now()
	env, _, err := c.post(ctx, op, "/otn/login/conf", pageLogin2, nil)
	if err != nil {
		return conf{}, err
	}
	var d conf
	if err := data(op, env, &d); err != nil {
		return conf{}, err
	}
	if at, unit := d.clock(); !at.IsZero() {
		// It was asked when its turn in the pace came, at the earliest.
		c.clock.read(at, unit, asked, time.Now(), ownClock)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if path := string(d.QueryURL.value); queryPathForm.MatchString(path) {
		c.queryPath = path
	}
	if n := d.OtherControl.value; n > 0 && n <= maxWindow {
		c.window = int(n)
	}
	return d, nil
}

// opened asks for a page that begins a session, and once more when its cookie
// did not come with it: a reply may be broken and still look like one. A site
// that sets no such cookie wants none back.
func (c *Client) opened(ctx context.Context, path, cookie string, ask func() error) error {
	for range 2 {
		if _, err := retried(ctx, c.pace, func() (struct{}, error) { return struct{}{}, ask() }); err != nil {
			return err
		}
		if c.hasCookie(path, cookie) {
			break
		}
	}
	return nil
}

// setCookie puts a token into the jar where a reply named it only in its body.
// before is what the jar held when it was asked: a cookie that has changed since
// was set by the reply itself, and need not say the same as its body. One that
// has not is that of an earlier login.
func (c *Client) setCookie(path, name, value, before string) {
	if value == "" || c.cookie(path, name) != before {
		return
	}
	c.jar.SetCookies(c.address(path), []*http.Cookie{{Name: name, Value: value, Path: path}})
}
