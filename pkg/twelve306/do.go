package twelve306

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306/internal/wire"
)

// userAgent is a desktop Chrome's: without one 12306's edge answers every
// request with the redirect to error.html (recorded 2018-05-18).
const userAgent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36"

// The pages a browser would be on; they are sent as Referer.
const (
	pageLogin  = "/otn/login/init"
	pageLogin2 = "/otn/resources/login.html"
	pageQuery  = "/otn/leftTicket/init?linktypeid=dc"
	pageOrder  = "/otn/confirmPassenger/initDc"
	pageOrders = "/otn/view/train_order.html"
	pagePass   = "/otn/passport?redirect=/otn/login/userLogin"
)

// Limits on what is read, after decompression.
const (
	maxJSON  = 8 << 20
	maxPage  = 1 << 20
	maxImage = 256 << 10
)

// maxErrorPage is more than error.html has (about 2 kB) and less than any real
// page: a long page that merely holds its words in a dialog is not it.
const maxErrorPage = 8 << 10

// requestTimeout bounds one request, from the first byte to the last.
const requestTimeout = 20 * time.Second

// form is a request body or query in the order of its fields. 12306's pages
// send fields in a fixed order, and for the query the order is known to be
// kept by every client, so url.Values, which sorts, will not do.
type form []string

// add appends name=value, the value encoded as the page's scripts do it: a
// blank is +, and ! ' ( ) * stay as they are (recorded 2019-05-18, 2024-04-22).
func (f form) add(name, value string) form {
	return append(f, name+"="+unescaped.Replace(url.QueryEscape(value)))
}

// unescaped undoes what url.QueryEscape encodes and encodeURIComponent does not.
var unescaped = strings.NewReplacer("%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*")

// bare appends text that is already encoded.
func (f form) bare(text string) form { return append(f, text) }

func (f form) String() string { return strings.Join(f, "&") }

// accept says what a reply must be.
type accept int

const (
	acceptJSON   accept = iota
	acceptPage          // HTML
	acceptImage         // JPEG or PNG
	acceptScript        // station_name.js
)

// call is one request.
type call struct {
	op      string // 12306's name of the step
	path    string // with its query
	post    bool
	body    form // of a POST; may be empty
	referer string
	accept  accept
	class   class
	header  map[string]string // headers of this step only
	empty   bool              // an empty 200 is an answer here (queryOrderWaitTime)
	follow  bool              // a redirect is an answer here (userLogin)
}

// reply is a response that is no failure by its form.
type reply struct {
	body     []byte
	location string // of a redirect, when call.follow allows one
	redirect bool
}

// do sends one request and reads its reply. The error says by its Kind what
// the reply was if not what was asked for (PROTOCOL.md 1.3); it never holds an
// address, a token or a body.
func (c *Client) do(ctx context.Context, q call) (*reply, error) {
	if err := c.pace.wait(ctx, q.class); err != nil {
		return nil, &Error{Op: q.op, Kind: Network, Msg: "stopped before it was asked", Unsent: true, Err: err}
	}
	if q.class.beside() {
		booked := time.Now()
		select {
		case c.switching <- struct{}{}:
			defer func() { <-c.switching }()
			c.pace.rebook(booked)
		case <-ctx.Done():
			return nil, &Error{Op: q.op, Kind: Network, Msg: "stopped before it was asked", Unsent: true, Err: ctx.Err()}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var sent atomic.Int64 // nanoseconds after began
	began := time.Now()
	ctx, forget := once(ctx, func() { sent.Store(int64(time.Since(began))); c.pace.wrote(q.class) })
	defer forget()
	req, err := c.request(ctx, q)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, lost(q.op, err)
	}
	defer resp.Body.Close()
	c.clock.header(resp.Header, began.Add(time.Duration(sent.Load())), time.Now())
	r, err := c.read(q, resp)
	// The error page is so common between the steps of a login that only a look
	// (or a status that says so plainly) slows us down.
	if e, ok := errors.AsType[*Error](err); ok && (e.Kind == Blocked || e.Kind == Busy) &&
		(q.class.beside() || resp.StatusCode >= 400) {
		c.pace.Throttle(e.RetryAfter)
	}
	return r, c.noted(err)
}

// once returns a context under which net/http sends a request once. By itself
// it repeats a GET when the connection breaks before the reply: a request that
// no Pace has booked, and a poll of the queue right after the one before. wrote
// is called when the request leaves.
func once(ctx context.Context, wrote func()) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	var sent atomic.Bool
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteHeaders: func() { sent.Store(true); wrote() },
		GetConn: func(string) {
			if sent.Load() {
				cancel()
			}
		},
	}), cancel
}

func (c *Client) request(ctx context.Context, q call) (*http.Request, error) {
	method, body := http.MethodGet, io.Reader(nil)
	if q.post {
		method, body = http.MethodPost, strings.NewReader(q.body.String())
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base.String()+q.path, body)
	if err != nil {
		return nil, &Error{Op: q.op, Kind: Invalid, Msg: "the request cannot be written", Unsent: true}
	}
	h := req.Header
	h.Set("User-Agent", userAgent)
	h.Set("Accept-Language", "zh-CN,zh;q=0.9")
	if q.referer != "" {
		h.Set("Referer", c.base.String()+q.referer)
	}
	switch q.accept {
	case acceptJSON:
		h.Set("Accept", "application/json, text/javascript, */*; q=0.01")
		h.Set("X-Requested-With", "XMLHttpRequest")
	case acceptPage:
		h.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
	default:
		h.Set("Accept", "*/*")
	}
	if q.post {
		h.Set("Origin", c.base.String())
		h.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
		if q.accept == acceptPage { // a form's navigation, not a script's request
			h.Set("Content-Type", "application/x-www-form-urlencoded")
		}
	}
	for name, value := range q.header {
		h.Set(name, value)
	}
	return req, nil
}

// lost is the error for a request without a reply. Only a connection that was
// never made proves that nothing was sent.
func lost(op string, err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err // drops the address, which may hold a token
	}
	e := &Error{Op: op, Kind: Network, Msg: "no reply", Err: err}
	if o, ok := errors.AsType[*net.OpError](err); ok && (o.Op == "dial" || o.Op == "proxyconnect" || o.Op == "socks connect") {
		e.Unsent, e.Msg = true, "no connection"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		e.Unsent, e.Msg = true, "the certificate is not trusted"
	}
	return e
}

func (c *Client) read(q call, resp *http.Response) (*reply, error) {
	fail := func(k Kind, format string, args ...any) (*reply, error) {
		return nil, &Error{Op: q.op, Kind: k, Msg: fmt.Sprintf(format, args...), RetryAfter: retryAfter(resp)}
	}
	limit := map[accept]int64{acceptJSON: maxJSON, acceptPage: maxPage, acceptImage: maxImage, acceptScript: maxPage}[q.accept]
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, &Error{Op: q.op, Kind: Network, Msg: "the reply broke off", Err: err}
	}
	if int64(len(body)) > limit {
		return fail(Network, "a reply of more than %d bytes", limit)
	}
	switch code := resp.StatusCode; {
	case code >= 300 && code < 400:
		location := resp.Header.Get("Location")
		if isQuery(q.op) && bytes.Contains(body, []byte(`"c_url"`)) { // seen under a redirect too
			return &reply{body: body, location: location, redirect: true}, nil
		}
		if kind, words := redirectKind(location); kind != "" {
			if q.follow && kind == Session {
				return &reply{body: body, location: location, redirect: true}, nil
			}
			return fail(kind, "%s", words)
		}
		if q.follow {
			return &reply{body: body, location: location, redirect: true}, nil
		}
		c.odd(q.op, OddRedirect, code, []byte("Location: "+location+"\n\n"+string(body)))
		return fail(Changed, "an unknown redirect")
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable:
		return fail(Busy, "HTTP %d", code)
	case code == http.StatusForbidden, code == http.StatusMethodNotAllowed, code == http.StatusPreconditionFailed:
		return fail(Blocked, "HTTP %d", code)
	case code == http.StatusNotFound:
		return nil, &Error{Op: q.op, Kind: Changed, Msg: "HTTP 404", Err: errNoPage}
	case code != http.StatusOK:
		return fail(Network, "HTTP %d", code)
	case len(body) == 0 && !q.empty:
		return fail(Network, "an empty reply")
	}
	switch q.accept {
	case acceptJSON, acceptScript, acceptImage:
		if looksLikeHTML(body) {
			kind, words := pageKind(body)
			c.oddPage(q.op, kind, resp.StatusCode, body)
			return nil, &Error{Op: q.op, Kind: kind, Msg: words, RetryAfter: retryAfter(resp), other: true}
		}
	case acceptPage:
		if kind, words := pageKind(body); kind == Blocked && len(body) < maxErrorPage {
			return fail(kind, "%s", words)
		}
	}
	return &reply{body: body}, nil
}

// errNoPage is the cause of an error about a page that is not there: the other
// era's, or one that 12306 has given up.
var errNoPage = errors.New("no such page")

// redirectKind reads where 12306 sends us (PROTOCOL.md 1.3).
func redirectKind(location string) (Kind, string) {
	switch {
	case strings.Contains(location, "mormhweb/logFiles"):
		return Blocked, "redirected to error.html"
	case strings.Contains(location, "/otn/login/error"):
		return Busy, "redirected to login/error"
	case strings.Contains(location, "/otn/passport"), strings.Contains(location, "/login/init"), strings.Contains(location, "/login.html"):
		return Session, "redirected to the login page"
	}
	return "", ""
}

// pageKind reads an HTML page that stands where something else was asked for.
func pageKind(page []byte) (Kind, string) {
	switch {
	case bytes.Contains(page, []byte("网络可能存在问题")), bytes.Contains(page, []byte("mormhweb/logFiles")):
		return Blocked, "12306's error page"
	case bytes.Contains(page, []byte("/otn/login/init")), bytes.Contains(page, []byte("uampassport.checkLogin")):
		return Session, "the login page"
	case bytes.Contains(page, []byte("系统忙")), bytes.Contains(page, []byte("网络繁忙")):
		return Busy, "a page that says the system is busy"
	}
	return Network, "a page where data was asked for"
}

func looksLikeHTML(body []byte) bool {
	b := bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
	return len(b) > 0 && b[0] == '<'
}

func isQuery(op string) bool { return strings.HasPrefix(op, "query") }

// maxRetryAfter bounds what a Retry-After may ask for, which is any number.
const maxRetryAfter = time.Hour

// retryAfter reads the header in both of its forms; 0 when there is none.
func retryAfter(resp *http.Response) time.Duration {
	v := resp.Header.Get("Retry-After")
	// A number that no int holds asks for as much as we give.
	if n, err := strconv.Atoi(v); (err == nil || errors.Is(err, strconv.ErrRange)) && n > 0 {
		return time.Duration(min(n, int(maxRetryAfter/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return min(max(time.Until(at), 0), maxRetryAfter)
	}
	return 0
}

// post sends a form and reads the JSON reply of an /otn or /passport endpoint.
func (c *Client) post(ctx context.Context, op, path, referer string, body form) (wire.Envelope, []byte, error) {
	return c.json(ctx, call{op: op, path: path, post: true, body: body, referer: referer})
}

func (c *Client) json(ctx context.Context, q call) (wire.Envelope, []byte, error) {
	r, err := c.do(ctx, q)
	if err != nil {
		return wire.Envelope{}, nil, err
	}
	env, object, err := c.envelope(q.op, r.body)
	if err != nil {
		return env, nil, err
	}
	if words := said(env) + string(env.ResultMessage); !bool(env.Status) && Classify(words) == Busy {
		c.pace.Throttle(0)
	}
	return env, object, nil
}

// data decodes env.Data of an /otn reply into v, and turns status false, or
// words without data, into the refusal they are.
func data(op string, env wire.Envelope, v any) error {
	if words := env.Messages.String(); words != "" && (!bool(env.Status) || !isObject(env.Data)) {
		return refused(op, words)
	}
	if !env.Status {
		return refusal(op, env)
	}
	if !isObject(env.Data) {
		return &Error{Op: op, Kind: Network, Msg: "a reply without data"}
	}
	if err := wire.Decode(env.Data, v); err != nil {
		return &Error{Op: op, Kind: Network, Msg: "a reply that cannot be read", Err: err}
	}
	return nil
}

// said returns 12306's words in a reply: messages, or with status false data as
// a text ("扣票失败").
func said(env wire.Envelope) string {
	words := env.Messages.String()
	if words == "" && !bool(env.Status) {
		var s wire.Texts
		if wire.Decode(env.Data, &s) == nil {
			words = s.String()
		}
	}
	return words
}

// refusal is the error for status false.
func refusal(op string, env wire.Envelope) *Error {
	switch words := said(env); {
	case words != "":
		return refused(op, words)
	case len(env.Data) > 0 && !isObject(env.Data):
		return &Error{Op: op, Kind: Network, Msg: "a reply that cannot be read"}
	}
	return &Error{Op: op, Kind: Changed, Msg: "status false without a word"}
}

func isObject(raw []byte) bool {
	b := bytes.TrimSpace(raw)
	return len(b) > 0 && b[0] == '{'
}

// random is the decimal fraction that pages append to picture addresses.
func random() string { return strconv.FormatFloat(rand.Float64(), 'f', 16, 64) }
