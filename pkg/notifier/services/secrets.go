package services

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// shortestPart is how long a part of a secret address is at least to be hidden
// by itself: what is shorter nobody can use, and hiding every "1" or "v2" would
// leave no error that can be read.
const shortestPart = 4

// hidden returns what must not be shown of the secrets, as often as a service
// or net/http may write it, the longest first. Where the secret is an address
// its token is a part of it, and what a service complains of is mostly that
// part alone: "Cannot POST /api/webhooks/1/TOKEN".
func hidden(secrets []string) []string {
	var all []string
	for _, s := range secrets {
		all = append(all, s)
		if u, err := url.Parse(s); err == nil && u.Host != "" {
			all = append(all, parts(u)...)
		}
	}
	var forms []string
	for _, s := range all {
		if s != "" {
			forms = append(forms, s, url.QueryEscape(s), url.PathEscape(s))
		}
	}
	slices.SortFunc(forms, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	return slices.Compact(forms)
}

// parts are the parts of a secret address that are secret by themselves.
func parts(u *url.URL) []string {
	out := credentials(u)
	add := func(s string, atLeast int) {
		if len(s) >= atLeast {
			out = append(out, s)
		}
	}
	for _, whole := range []string{u.RequestURI(), u.Path, u.EscapedPath(), u.RawQuery, u.Fragment} {
		add(strings.Trim(whole, "/"), shortestPart) // without its slash: a service may leave that out
	}
	for _, path := range []string{u.Path, u.EscapedPath()} {
		for segment := range strings.SplitSeq(path, "/") {
			if token(segment) {
				out = append(out, segment)
			}
		}
	}
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		_, raw, _ := strings.Cut(pair, "=")
		add(raw, shortestPart)
		if value, err := url.QueryUnescape(raw); err == nil {
			add(value, shortestPart)
		}
	}
	return out
}

// token reports whether the segment of a path may be what others cannot guess
// of it, and no name such as "webhooks" or "open-apis".
func token(segment string) bool {
	odd := strings.ContainsFunc(segment, func(r rune) bool { return unicode.IsDigit(r) || unicode.IsUpper(r) })
	return len(segment) >= 16 || odd && len(segment) >= 6
}

// credentials are the name and password in an address, as such and as the
// header that is made of them.
func credentials(u *url.URL) []string {
	if u.User == nil {
		return nil
	}
	name := u.User.Username()
	password, _ := u.User.Password()
	both := name + ":" + password
	out := []string{u.User.String(), both, base64.StdEncoding.EncodeToString([]byte(both))}
	for _, s := range []string{name, password} {
		if len(s) >= shortestPart {
			out = append(out, s)
		}
	}
	return out
}

// carried are the credentials in the address that r goes to: that of a server
// of the user's own may hold some, though it is no secret otherwise.
func carried(r request) []string {
	u, err := url.Parse(r.url)
	if err != nil {
		return nil
	}
	return credentials(u)
}
