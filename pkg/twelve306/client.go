package twelve306

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// DefaultBaseURL is the real site.
const DefaultBaseURL = "https://kyfw.12306.cn"

// Options says how to reach 12306. The zero value reaches the real site at its
// default pace.
type Options struct {
	BaseURL   string            // default DefaultBaseURL; a path in it is not used
	Transport http.RoundTripper // default NewTransport(nil, nil)
	Pace      *Pace             // default: 3 s between queries, 80 requests in 5 minutes
	Stations  *Stations         // default BuiltinStations()
	Saved     []byte            // what Save returned in an earlier life; unreadable bytes are an error
	Overlap   bool              // send checkOrderInfo and getQueueCount at once (order_steps: overlap)
}

// Client is one browser at 12306: one cookie jar, one set of connections, one
// login. It is safe for concurrent use.
type Client struct {
	base    *url.URL
	http    *http.Client
	jar     *jar
	pace    *Pace
	overlap bool
	onOdd   func(Odd) // may be nil
	onPost  func() (spared func(), err error)

	// switching has room for one: a login from userLogin to uamauthclient, where
	// the session's cookies change one after the other, or a look. A look in
	// between would carry half of them, and its reply replace the rest.
	switching chan struct{}

	mu          sync.Mutex
	stations    *Stations
	version     string           // of station_name.js, from leftTicket/init
	window      int              // how many days are on sale, today included; 0 = not known
	queryPath   string           // leftTicket/queryZ; "" = read leftTicket/init first
	renewed     bool             // the present run of redirected queries has had its new session
	renewedFor  map[Journey]bool // those that have had one since they were last answered
	failures    int              // unreadable queries in a row
	loggedIn    bool             // as far as we know
	provenAt    time.Time        // when 12306 last said that we are logged in
	loggedInAt  time.Time
	classic     bool // the login was the classic one
	passengers  []passenger
	passengerAt time.Time

	listed map[Journey]listing // the last good answers
	clock  timepiece

	login   chan struct{} // holds the one Login that is under way; guards what follows
	codeAt  time.Time     // when 12306 was last asked to send an SMS code
	image64 bool          // the login picture is at captcha-image64
	guess   guess
}

// NewTransport returns the transport for 12306: connections are kept alive, so
// that an order costs no handshake; certificates are always verified. roots
// adds certificate authorities to those of the system (nil: none), proxy may
// be http, https or socks5 (nil: none; the environment is not asked).
func NewTransport(roots *x509.CertPool, proxy *url.URL) *http.Transport {
	t := &http.Transport{
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(8)},
		TLSHandshakeTimeout:    10 * time.Second,
		MaxIdleConns:           8,
		MaxIdleConnsPerHost:    4,
		MaxConnsPerHost:        8,
		IdleConnTimeout:        3 * time.Minute,
		ResponseHeaderTimeout:  20 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
	}
	if proxy != nil {
		t.Proxy = http.ProxyURL(proxy)
	}
	return t
}

// New returns a client that has asked nothing yet.
func New(o Options) (*Client, error) {
	if o.BaseURL == "" {
		o.BaseURL = DefaultBaseURL
	}
	base, err := url.Parse(o.BaseURL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("base_url %q is not an http or https address", o.BaseURL)
	}
	if o.Transport == nil {
		o.Transport = NewTransport(nil, nil)
	}
	if o.Pace == nil {
		o.Pace = NewPace(PaceConfig{MinInterval: 3 * time.Second, Budget: 80})
	}
	if o.Stations == nil {
		o.Stations = BuiltinStations()
	}
	c := &Client{
		switching: make(chan struct{}, 1),
		listed:    map[Journey]listing{}, renewedFor: map[Journey]bool{},
		base: &url.URL{Scheme: base.Scheme, Host: base.Host}, jar: newJar(),
		pace: o.Pace, stations: o.Stations, overlap: o.Overlap, login: make(chan struct{}, 1),
	}
	c.http = &http.Client{
		Transport: o.Transport,
		Jar:       c.jar,
		// A redirect is an answer: mostly "go away" or "log in". The one that is
		// followed (userLogin) is followed by name.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if len(o.Saved) > 0 {
		if err := c.restore(o.Saved); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Stations returns the list in use; RefreshStations replaces it.
func (c *Client) Stations() *Stations {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stations
}

// Pace returns the pace that every request of this client waits for.
func (c *Client) Pace() *Pace { return c.pace }

// Close drops idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// saved is the stored form of a session.
type saved struct {
	Version   int           `json:"version"`
	Host      string        `json:"host"`
	QueryPath string        `json:"query_path,omitempty"`
	Window    int           `json:"window,omitempty"`
	LoggedIn  time.Time     `json:"logged_in,omitzero"`
	Classic   bool          `json:"classic,omitempty"`
	Cookies   []savedCookie `json:"cookies"`
}

// Save returns the session (cookies, query letter) so that a restart costs no
// captcha. It is as secret as the password.
func (c *Client) Save() []byte {
	c.mu.Lock()
	s := saved{Version: 1, Host: c.base.Host, QueryPath: c.queryPath, Window: c.window, Classic: c.classic}
	if c.loggedIn {
		s.LoggedIn = c.loggedInAt
	}
	c.mu.Unlock()
	s.Cookies = c.jar.list()
	b, err := json.Marshal(s)
	if err != nil { // strings and times only: cannot happen
		panic(err)
	}
	return b
}

func (c *Client) restore(b []byte) error {
	var s saved
	if err := json.Unmarshal(b, &s); err != nil || s.Version != 1 {
		return &Error{Op: "restore", Kind: Changed, Msg: "the saved session cannot be read"}
	}
	if s.Host != c.base.Host {
		return nil // a session with another server (a simulator) is of no use here
	}
	c.jar.restore(s.Cookies)
	if queryPathForm.MatchString(s.QueryPath) {
		c.queryPath = s.QueryPath
	}
	// Whether the session still lives is for 12306 to say: see Login.
	if s.Window > 0 && s.Window <= maxWindow {
		c.window = s.Window
	}
	c.loggedInAt, c.classic = s.LoggedIn, s.Classic
	return nil
}

func (c *Client) address(path string) *url.URL {
	u := *c.base
	u.Path, u.RawQuery, _ = strings.Cut(path, "?")
	return &u
}

// hasCookie reports whether a cookie of that name would go to the path.
func (c *Client) hasCookie(path, name string) bool { return c.cookie(path, name) != "" }

// cookie returns the value that would go to the path, "" for none.
func (c *Client) cookie(path, name string) string { return c.jar.value(c.address(path), name) }

// ownPath returns path and query of a redirect that stays on this server.
func (c *Client) ownPath(location string) (string, bool) {
	u, err := c.base.Parse(location)
	if err != nil || u.Hostname() != c.base.Hostname() {
		return "", false
	}
	return u.RequestURI(), true
}
