package twelve306

import (
	"cmp"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// jar is a cookie jar that can be written down. net/http/cookiejar keeps the
// rules but cannot list its contents, so every cookie is also remembered with
// the address that set it.
type jar struct {
	mu   sync.Mutex
	jar  *cookiejar.Jar
	kept map[string]savedCookie // by host, path and name
}

// savedCookie is one cookie as it is stored; see [Client.Save].
type savedCookie struct {
	URL     string    `json:"url"` // scheme, host and path that set it
	Name    string    `json:"name"`
	Value   string    `json:"value"`
	Path    string    `json:"path,omitempty"`
	Domain  string    `json:"domain,omitempty"`
	Expires time.Time `json:"expires,omitzero"`
	Secure  bool      `json:"secure,omitempty"`
	Quoted  bool      `json:"quoted,omitempty"` // the value stands in quotes on the wire
}

func newJar() *jar {
	j, _ := cookiejar.New(nil) // never fails without options
	return &jar{jar: j, kept: make(map[string]savedCookie)}
}

// maxCookies bounds what a server can make us keep; a session has about twelve.
const maxCookies = 100

// longest bounds Max-Age, which may be any number.
const longest = 10 * 365 * 24 * time.Hour

func (j *jar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	j.mu.Lock()
	defer j.mu.Unlock()
	now := time.Now()
	taken := make([]*http.Cookie, 0, len(cookies))
	for _, c := range cookies {
		key, ok := cookieKey(u, c)
		if !ok {
			continue
		}
		expires := c.Expires
		if c.MaxAge > 0 { // which wins over Expires
			expires = now.Add(longest)
			if c.MaxAge < int(longest/time.Second) {
				expires = now.Add(time.Duration(c.MaxAge) * time.Second)
			}
		}
		if c.MaxAge < 0 || !expires.IsZero() && expires.Before(now) {
			delete(j.kept, key)
			taken = append(taken, c)
			continue
		}
		if _, known := j.kept[key]; !known && len(j.kept) >= maxCookies {
			if j.forget(now); len(j.kept) >= maxCookies {
				continue
			}
		}
		j.kept[key] = savedCookie{
			URL: (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String(), Name: c.Name, Value: c.Value,
			Path: c.Path, Domain: c.Domain, Expires: expires, Secure: c.Secure, Quoted: c.Quoted,
		}
		taken = append(taken, c)
	}
	j.jar.SetCookies(u, taken)
}

// cookieKey is what makes two cookies one, by the rules of net/http/cookiejar:
// it must forget and replace what that one does, or a restart brings a cookie
// back that the server has taken away. ok is false for another site's domain.
func cookieKey(u *url.URL, c *http.Cookie) (key string, ok bool) {
	host := strings.ToLower(u.Hostname())
	domain := strings.ToLower(strings.TrimPrefix(c.Domain, "."))
	if domain == "" {
		domain = host
	}
	if domain != host && !strings.HasSuffix(host, "."+domain) {
		return "", false
	}
	at := c.Path
	if !strings.HasPrefix(at, "/") {
		at = u.Path[:max(strings.LastIndexByte(u.Path, '/'), 0)]
	}
	if at == "" {
		at = "/"
	}
	return domain + "|" + at + "|" + c.Name, true
}

// forget drops what has expired.
func (j *jar) forget(now time.Time) {
	for key, c := range j.kept {
		if !c.Expires.IsZero() && c.Expires.Before(now) {
			delete(j.kept, key)
		}
	}
}

func (j *jar) Cookies(u *url.URL) []*http.Cookie { return j.jar.Cookies(u) }

func (j *jar) value(u *url.URL, name string) string {
	for _, c := range j.jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

func (j *jar) list() []savedCookie {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.forget(time.Now())
	out := make([]savedCookie, 0, len(j.kept))
	for _, c := range j.kept {
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b savedCookie) int {
		return cmp.Or(cmp.Compare(a.URL, b.URL), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Name, b.Name))
	})
	return out
}

func (j *jar) restore(cookies []savedCookie) {
	for _, c := range cookies {
		u, err := url.Parse(c.URL)
		if err != nil || u.Host == "" {
			continue
		}
		j.SetCookies(u, []*http.Cookie{{
			Name: c.Name, Value: c.Value, Path: c.Path, Domain: c.Domain, Expires: c.Expires, Secure: c.Secure, Quoted: c.Quoted,
		}})
	}
}
