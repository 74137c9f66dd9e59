package twelve306

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
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
}

func newJar() *jar {
	j, _ := cookiejar.New(nil) // never fails without options
	return &jar{jar: j, kept: make(map[string]savedCookie)}
}

// maxCookies bounds what a server can make us keep; a session has about twelve.
const maxCookies = 100

func (j *jar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.jar.SetCookies(u, cookies)
	for _, c := range cookies {
		key := u.Hostname() + "|" + c.Domain + "|" + c.Path + "|" + c.Name
		if c.MaxAge < 0 || !c.Expires.IsZero() && c.Expires.Before(time.Now()) {
			delete(j.kept, key)
			continue
		}
		s := savedCookie{
			URL: u.Scheme + "://" + u.Host + u.Path, Name: c.Name, Value: c.Value,
			Path: c.Path, Domain: c.Domain, Expires: c.Expires, Secure: c.Secure,
		}
		if c.MaxAge > 0 {
			s.Expires = time.Now().Add(time.Duration(c.MaxAge) * time.Second)
		}
		if _, known := j.kept[key]; known || len(j.kept) < maxCookies {
			j.kept[key] = s
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
	out := make([]savedCookie, 0, len(j.kept))
	for _, c := range j.kept {
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b savedCookie) int {
		return compare3(a.URL, b.URL, a.Path, b.Path, a.Name, b.Name)
	})
	return out
}

func compare3(a, b, c, d, e, f string) int {
	for _, p := range [][2]string{{a, b}, {c, d}, {e, f}} {
		if p[0] != p[1] {
			if p[0] < p[1] {
				return -1
			}
			return 1
		}
	}
	return 0
}

func (j *jar) restore(cookies []savedCookie) {
	for _, c := range cookies {
		u, err := url.Parse(c.URL)
		if err != nil || u.Host == "" {
			continue
		}
		j.SetCookies(u, []*http.Cookie{{
			Name: c.Name, Value: c.Value, Path: c.Path, Domain: c.Domain, Expires: c.Expires, Secure: c.Secure,
		}})
	}
}
