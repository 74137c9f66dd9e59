package services

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	notifyhttp "github.com/nikoksr/notify/service/http"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// api is what a service wants to be sent and how it says no.
type api struct {
	name    string
	secrets []string // tokens, and addresses that hold one: see hidden
	request func(m notifier.Message) request

	// Many services answer 200 whatever happens and put a code of their own
	// into the body. code finds it; nil when the status says all.
	code      func(answer) *int
	good      int                   // the code of success
	permanent []int                 // codes that a retry cannot mend
	pause     map[int]time.Duration // codes of "too fast", and how long to wait
	quota     string                // the words with which it says that today's share is used up
	mute      bool                  // its words are not to be trusted: it may echo the message
}

// request is one POST, and what goes with it.
type request struct {
	method  string // empty means POST
	url     string
	header  http.Header // may be nil; its Content-Type goes before kind
	kind    string      // content type; empty means JSON
	payload any         // what JSON makes of it; a string for text/plain
	instead *request    // what to send when this one fails: the same without its picture
	then    *request    // what to send after it: the picture, where a message cannot hold one
}

// raw returns the request of a body that is neither JSON nor text, which is all
// that the library knows: it takes the body for plain text, and the header says
// what it is.
func raw(method, url string, header http.Header, kind, body string) request {
	if header == nil {
		header = http.Header{}
	}
	header.Set("Content-Type", kind)
	return request{method: method, url: url, header: header, kind: "text/plain", payload: body}
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
	Errors  mistakes `json:"errors"`
	Time    int64    `json:"time"` // ntfy: when it took the message over, Unix time

	plain string // a reply that is no JSON: one word of Slack's
}

func (a answer) words() string {
	said := cmp.Or(a.Error, a.ErrMsg, a.Msg, a.Message, a.plain)
	wrong := strings.Join(a.Errors, "; ")
	if a.Error != "" || wrong == "" {
		return said
	}
	if said == "" {
		return wrong
	}
	return said + ": " + wrong // Discord: "Invalid Form Body: content: Must be 2000 or fewer in length."
}

// mistakes is what a service finds wrong with a message: a list of sentences
// (Pushover), or an object with the sentences somewhere inside, below the names
// of the fields that they are about (Discord).
type mistakes []string

// UnmarshalJSON implements [json.Unmarshaler].
func (m *mistakes) UnmarshalJSON(b []byte) error {
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	*m = nil
	m.gather("", v)
	return nil
}

// maxMistakes bounds what is gathered of them.
const maxMistakes = 5

func (m *mistakes) gather(field string, v any) {
	if len(*m) >= maxMistakes {
		return
	}
	below := func(name string) string { return strings.TrimPrefix(field+"."+name, ".") }
	switch v := v.(type) {
	case string:
		if v != "" && field != "" {
			v = field + ": " + v
		}
		if v != "" {
			*m = append(*m, v)
		}
	case []any:
		for _, one := range v {
			m.gather(field, one)
		}
	case map[string]any:
		if said, ok := v["message"].(string); ok {
			m.gather(field, said)
			return
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if name == "_errors" {
				m.gather(field, v[name])
			} else {
				m.gather(below(name), v[name])
			}
		}
	}
}

// maxReply bounds what is read of a reply.
const maxReply = 64 << 10

// channel is a [notifier.Notifier] for one service.
type channel struct {
	api
	hidden []string // never shown in an error
	client *http.Client
	log    *zap.Logger
}

// Notify sends m. See [notifier.Notifier].
func (c *channel) Notify(ctx context.Context, m notifier.Message) error {
	r := c.request(m)
	if _, err := c.send(ctx, r); err != nil {
		return err
	}
	// The user has the message: an error would have all of it told again, and
	// again, where only the picture is refused. That has one more try.
	for r.then != nil {
		r = *r.then
		_, err := c.send(ctx, r)
		if e, ok := errors.AsType[*notifier.Error](err); ok && !e.Permanent && e.RetryAfter == 0 && ctx.Err() == nil {
			_, err = c.send(ctx, r)
		}
		if err != nil {
			c.log.Warn("a message was taken, but not its picture", zap.Error(err))
			return nil
		}
	}
	return nil
}

// send sends r, or what r has instead of it. The error is a *[notifier.Error].
func (c *channel) send(ctx context.Context, r request) (answer, error) {
	a, err := c.try(ctx, r)
	if err != nil && r.instead != nil && ctx.Err() == nil {
		return c.send(ctx, *r.instead)
	}
	return a, err
}

func (c *channel) try(ctx context.Context, r request) (a answer, err error) {
	header := http.Header{"User-Agent": {"watcherd"}}
	maps.Copy(header, r.header)
	s := notifyhttp.New()
	s.WithClient(c.client)
	s.AddReceivers(&notifyhttp.Webhook{
		Method: cmp.Or(r.method, http.MethodPost), URL: r.url, Header: header, ContentType: cmp.Or(r.kind, "application/json"),
		BuildPayload: func(_, _ string) any { return r.payload },
	})
	s.PostSend(func(_ *http.Request, resp *http.Response) (err error) {
		a, err = c.judge(resp)
		return err
	})
	err = c.explain(s.Send(ctx, "", ""))
	return a, err
}

// judge returns no error only when the service has taken the message over.
func (c *channel) judge(resp *http.Response) (answer, error) {
	var a answer
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	if err != nil && resp.StatusCode/100 == 2 && c.code != nil {
		return a, &notifier.Error{Channel: c.name, Err: errors.New("the reply was cut short")}
	}
	if err := json.Unmarshal(body, &a); err != nil {
		if _, odd := errors.AsType[*json.UnmarshalTypeError](err); !odd {
			a = answer{plain: word(body)}
		}
		// A field of an unexpected type leaves the words of the others; that the
		// message was taken over is not believed of such a reply.
		a.Code, a.ErrCode, a.Status = nil, nil, nil
	}
	words := ""
	if !c.mute {
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
		c.usedUp(e, words)
		return a, e
	}
	if c.code == nil {
		return a, nil
	}
	code := c.code(a)
	switch {
	case code == nil:
		return a, &notifier.Error{Channel: c.name, Err: fmt.Errorf("HTTP %d, and the reply is not the service's", status)}
	case *code == c.good:
		return a, nil
	}
	e := &notifier.Error{Channel: c.name, Err: fmt.Errorf("code %d: %s", *code, words), RetryAfter: c.pause[*code]}
	e.Permanent = slices.Contains(c.permanent, *code)
	c.usedUp(e, words)
	return a, e
}

// usedUp makes e an error that passes, if the words say that only today's share
// is used up, whatever status or code they come with.
func (c *channel) usedUp(e *notifier.Error, words string) {
	if c.quota != "" && strings.Contains(words, c.quota) {
		e.Permanent, e.RetryAfter = false, maxPause
	}
}

// word returns body when it is one word, as Slack answers ("ok", "no_service"),
// and nothing when it is a page or a sentence.
func word(body []byte) string {
	s := strings.TrimSpace(string(body))
	if len(s) > 40 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return ""
	}
	return s
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
	s = strings.Join(strings.Fields(notifier.Clean(s)), " ") // first: what it drops may stand inside a secret
	for _, secret := range c.hidden {
		s = strings.ReplaceAll(s, secret, "<secret>")
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
