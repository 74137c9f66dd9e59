package telegram

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxBody bounds a reply of the Bot API: a hundred updates, each with a
// message of 4096 characters and the message that it replies to.
const maxBody = 4 << 20

// apiURL returns the server's address without a slash at its end.
func apiURL(s string) (string, error) {
	if s == "" {
		return defaultAPI, nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", errors.New("telegram: api_url is not a web address") // its text may hold a password
	}
	return strings.TrimRight(s, "/"), nil
}

// newTransport returns a transport that goes through the proxy, if any. Both
// kinds of SOCKS leave the resolution of names to the proxy.
func newTransport(proxy string) (http.RoundTripper, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	// A long poll is silent by nature; only a ping tells it from a dead line.
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 10 * time.Second}
	if proxy == "" {
		return t, nil
	}
	u, err := url.Parse(proxy)
	if err != nil || u.Host == "" {
		return nil, errors.New("telegram: proxy is not a web address") // its text may hold a password
	}
	switch u.Scheme {
	case "http", "https", "socks5", "socks5h":
	default:
		return nil, fmt.Errorf("telegram: proxy: %q is none of http, https, socks5", u.Scheme)
	}
	t.Proxy = http.ProxyURL(u)
	return t, nil
}

// client is the bot.HttpClient that mends what the library leaves to chance.
type client struct {
	http   *http.Client
	polled func() // called after a good getUpdates
}

// Do sends the request with its body in memory: with a known length for
// proxies that refuse chunks, and with a way to send it again when a kept
// connection turns out to be closed. The reply must be JSON, within bounds.
func (c *client) Do(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	req.Body.Close()
	req.ContentLength = int64(len(body))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	req.Body, _ = req.GetBody()

	resp, err := c.http.Do(req)
	if err != nil {
		if errors.Is(err, context.Canceled) && req.Context().Err() == nil {
			// The library takes any "canceled" for the end of its own polling.
			return nil, errors.New("the connection was given up")
		}
		return nil, err
	}
	reply, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	resp.Body.Close()
	switch {
	case err != nil:
		return nil, fmt.Errorf("HTTP %d, reply cut short: %w", resp.StatusCode, err)
	case len(reply) > maxBody:
		return nil, fmt.Errorf("HTTP %d with more than %d bytes", resp.StatusCode, maxBody)
	case !json.Valid(reply): // a proxy or a gateway speaking, in HTML
		return nil, fmt.Errorf("HTTP %d, and the reply is not the Bot API's", resp.StatusCode)
	}
	resp.Body = io.NopCloser(bytes.NewReader(reply))
	if resp.StatusCode == http.StatusOK && strings.HasSuffix(req.URL.Path, "/getUpdates") {
		c.polled()
	}
	return resp, nil
}
