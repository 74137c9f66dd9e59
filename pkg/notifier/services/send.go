package services

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	notifyhttp "github.com/nikoksr/notify/service/http"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// api is what a service wants to be sent and how it says no.
type api struct {
	name    string
	secrets []string // never shown in an error
	request func(m notifier.Message) request

	// Many services answer 200 whatever happens and put a code of their own
	// into the body. code finds it; nil when the status says all.
	code      func(answer) *int
	good      int                   // the code of success
	permanent []int                 // codes that a retry cannot mend
	pause     map[int]time.Duration // codes of "too fast", and how long to wait
	mute      bool                  // its words are not to be trusted: it may echo the message
}

// request is one POST.
type request struct {
	url     string
	header  http.Header // may be nil
	kind    string      // content type; empty means JSON
	payload any         // what JSON makes of it; a string for text/plain
}

// answer is the union of what the services say in their replies.
type answer struct {
	Code    *int     `json:"code"`
	ErrCode *int     `json:"errcode"`
	Status  *int     `json:"status"`
	Msg     string   `json:"msg"`
	Message string   `json:"message"`
	ErrMsg  string   `json:"errmsg"`
	Error   string   `json:"error"`
	Errors  []string `json:"errors"`
}

func (a answer) words() string {
	for _, s := range []string{a.Error, strings.Join(a.Errors, "; "), a.ErrMsg, a.Msg, a.Message} {
		if s != "" {
			return s
		}
	}
	return ""
}

// maxReply bounds what is read of a reply.
const maxReply = 64 << 10

// channel is a [notifier.Notifier] for one service.
type channel struct {
	api
	client *http.Client
}

// Notify sends m. See [notifier.Notifier].
func (c *channel) Notify(ctx context.Context, m notifier.Message) error {
	r := c.request(m)
	header := http.Header{"User-Agent": {"watcherd"}}
	for k, v := range r.header {
		header[k] = v
	}
	if r.kind == "" {
		r.kind = "application/json"
	}
	s := notifyhttp.New()
	s.WithClient(c.client)
	s.AddReceivers(&notifyhttp.Webhook{
		Method: http.MethodPost, URL: r.url, Header: header, ContentType: r.kind,
		BuildPayload: func(_, _ string) any { return r.payload },
	})
	s.PostSend(func(_ *http.Request, resp *http.Response) error { return c.judge(resp) })
	return c.explain(s.Send(ctx, m.Title, m.Text))
}

// judge returns nil only when the service has taken the message over.
func (c *channel) judge(resp *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	if err != nil && resp.StatusCode/100 == 2 && c.code != nil {
		return &notifier.Error{Channel: c.name, Err: errors.New("the reply was cut short")}
	}
	var a answer
	garbled := json.Unmarshal(body, &a) != nil
	words := ""
	if !c.mute && !garbled {
		words = c.tidy(a.words())
	}
	status := resp.StatusCode
	if status/100 != 2 {
		e := &notifier.Error{Channel: c.name, RetryAfter: retryAfter(resp.Header)}
		e.Err = fmt.Errorf("HTTP %d", status)
		if words != "" {
			e.Err = fmt.Errorf("HTTP %d: %s", status, words)
		}
		e.Permanent = status/100 <= 4 && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout
		return e
	}
	if c.code == nil {
		return nil
	}
	code := c.code(a)
	switch {
	case garbled || code == nil:
		return &notifier.Error{Channel: c.name, Err: fmt.Errorf("HTTP %d, and the reply is not the service's", status)}
	case *code == c.good:
		return nil
	}
	e := &notifier.Error{Channel: c.name, Err: fmt.Errorf("code %d: %s", *code, words), RetryAfter: c.pause[*code]}
	for _, p := range c.permanent {
		e.Permanent = e.Permanent || p == *code
	}
	return e
}

// explain turns what the library returns into an error of the contract. The
// library and net/http put the whole address, and so the token, into theirs.
func (c *channel) explain(err error) error {
	if err == nil {
		return nil
	}
	var ours *notifier.Error
	if errors.As(err, &ours) {
		return ours
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if text := err.Error(); c.tidy(text) != text {
		err = errors.New(c.tidy(text))
	}
	var bad *json.MarshalerError
	return &notifier.Error{Channel: c.name, Err: err, Permanent: errors.As(err, &bad)}
}

// tidy makes foreign words fit for one line of a log, without secrets.
func (c *channel) tidy(s string) string {
	s = strings.Join(strings.Fields(clean(s)), " ") // first: what it drops may stand inside a secret
	for _, secret := range c.secrets {
		if secret == "" {
			continue
		}
		for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret)} {
			s = strings.ReplaceAll(s, form, "<secret>")
		}
	}
	return cut(s, 300)
}

// maxPause bounds what a Retry-After may ask for, which is any number.
const maxPause = time.Hour

// retryAfter reads the header of that name: seconds or a date (RFC 9110).
func retryAfter(h http.Header) time.Duration {
	s := h.Get("Retry-After")
	if n, err := strconv.Atoi(s); err == nil && n > 0 {
		return time.Duration(min(n, int(maxPause/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(s); err == nil {
		return min(max(time.Until(at), 0), maxPause)
	}
	return 0
}
