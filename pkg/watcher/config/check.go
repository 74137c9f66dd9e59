package config

import (
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/watcherd/watcherd/pkg/notifier/services"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher"
)

// checker looks at what was decoded: limits, and what does not fit together.
type checker struct {
	*decoder
	c     *Config
	today twelve306.Date
	next  map[watcher.Schedule]time.Time // when each looks first
	seats []twelve306.Seat               // of rules that name none
}

func (k *checker) all() {
	if k.root.Kind != yaml.MappingNode {
		return // said already: it is no watch.yaml at all
	}
	k.stateDir()
	k.twelve306()
	k.account()
	k.question()
	k.notify()
	k.unheard()
	k.monitor()
	k.rules()
}

// wrong reports a mistake at key, unless one was found there already or the key
// is only missing because it is misspelt.
func (k *checker) wrong(key, format string, args ...any) {
	if !k.unclear(key) {
		k.problem(k.node(key), key, format, args...)
	}
}

// unclear reports whether nobody can tell what key should hold: a mistake was
// found there, or a key that nobody knows was meant for it or for its x_file.
func (k *checker) unclear(key string) bool {
	return k.bad(key) || !k.given(key) && (k.marks[key]|k.marks[key+"_file"])&misspelt != 0
}

// warn reports what is legal but surely not meant.
func (k *checker) warn(key, format string, args ...any) {
	if !k.bad(key) {
		k.warning(k.node(key), key, format, args...)
	}
}

func (k *checker) stateDir() {
	if k.c.StateDir != "" || k.bad("state_dir") {
		return
	}
	dir, ok := defaultStateDir(k.env)
	if ok {
		k.c.StateDir = dir
		return
	}
	k.wrong("state_dir", "missing, and the environment names no home folder; write state_dir: ./state")
}

func (k *checker) twelve306() {
	t := &k.c.Twelve306
	local := false
	if u := k.address("twelve306.base_url", t.BaseURL, "http", "https"); u != nil {
		local = isLoopback(u.Hostname())
		switch {
		case u.User != nil || u.RawQuery != "" || u.Fragment != "":
			k.wrong("twelve306.base_url", "more than scheme and host; write https://kyfw.12306.cn")
		case u.Scheme == "http" && !local:
			k.wrong("twelve306.base_url", "http would send your password in the clear; use https, or a simulator on this machine")
		}
		t.BaseURL = strings.TrimRight(t.BaseURL, "/")
	}
	if t.Proxy != "" {
		k.address("twelve306.proxy", t.Proxy, "http", "https", "socks5")
	}
	if t.CAFile != "" {
		k.certificate("twelve306.ca_file", t.CAFile)
	}
	if !k.bad("twelve306.base_url") && !local {
		if t.MinInterval < time.Second {
			k.wrong("twelve306.min_interval", "%s is too short; 12306 blocks who asks more than once a second. 3s is good", shortDuration(t.MinInterval))
		}
		if t.Budget == 0 {
			k.wrong("twelve306.budget", "0, no limit, is only for a simulator on this machine; 80 is good")
		}
	}
	switch {
	case t.Budget < 0:
		k.wrong("twelve306.budget", "%d is less than nothing; 80 is good", t.Budget)
	case t.Budget > 80 && !local:
		k.warn("twelve306.budget", "more than 80 requests in 5 minutes have got people blocked")
	case t.Budget > 0 && t.Budget < 20:
		k.warn("twelve306.budget", "%d is few: one order takes about 20 requests", t.Budget)
	}
	if t.MinInterval > time.Hour {
		k.wrong("twelve306.min_interval", "%s is more than an hour", shortDuration(t.MinInterval))
	}
}

// account checks that what a login needs is there.
func (k *checker) account() {
	t := &k.c.Twelve306
	if k.bad("twelve306.login") || k.unclear("twelve306.username") || k.marks["twelve306"]&wrongHere != 0 {
		return
	}
	if last := string(t.IDLast4); last != "" && !isIDEnd(last) {
		k.wrong(k.either("twelve306.id_last4"), "not the last four characters of an ID number: digits, the last may be X")
	}
	needsPassword := t.Login == "captcha" || t.Login == "sms" || t.Login == "auto" && t.Username != ""
	switch {
	case t.Username == "" && needsPassword:
		k.wrong("twelve306.username", "missing: login: %s needs it", t.Login)
	case t.Username == "" && t.Password != "":
		k.wrong("twelve306.username", "missing: there is a password and nobody it belongs to")
	case t.Username != "" && t.Password == "" && needsPassword && !k.bad("twelve306.password_file"):
		k.wrong("twelve306.password", "missing: login: %s needs it; write password_file: secrets/12306, or login: qr, which needs none", t.Login)
	case t.Login == "sms" && t.IDLast4 == "" && !k.bad("twelve306.id_last4_file"):
		k.wrong("twelve306.id_last4", "missing: login: sms asks for the last four characters of your ID number")
	}
}

// either returns x or x_file, whichever the file has.
func (k *checker) either(x string) string {
	if k.given(x + "_file") {
		return x + "_file"
	}
	return x
}

func isIDEnd(s string) bool {
	return len(s) == 4 && strings.Trim(s[:3], "0123456789") == "" && strings.Trim(s[3:], "0123456789Xx") == ""
}

func (k *checker) question() {
	q := &k.c.Question
	if q.Timeout < 10*time.Second || q.Timeout > time.Hour {
		k.wrong("question.timeout", "%s is not between 10s and 1h", shortDuration(q.Timeout))
	}
	if q.Attempts < 1 || q.Attempts > 10 {
		k.wrong("question.attempts", "%d is not between 1 and 10", q.Attempts)
	}
	if q.AskAgain < 10*time.Second || q.AskAgain > 24*time.Hour {
		k.wrong("question.ask_again", "%s is not between 10s and 24h", shortDuration(q.AskAgain))
	}
}

func (k *checker) notify() {
	n := &k.c.Notify
	k.telegrams()
	k.emails()
	if w := n.Web; w != nil {
		k.listen("notify.web.listen", w.Listen)
		if w.PublicURL != "" {
			k.address("notify.web.public_url", w.PublicURL, "http", "https")
		}
	}
	for i, s := range n.Services {
		key := fmt.Sprintf("notify.services[%d]", i)
		if k.bad(key) {
			continue
		}
		// New contacts nobody; its error names the field and no value.
		if name, _, err := services.New(s, nil, nil); err != nil {
			text := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "services: "), name+": ")
			at := strings.TrimSuffix(join(key, name), ".")
			field, rest, _ := strings.Cut(text, " ")
			for _, field := range []string{field, field + "_file"} {
				if k.given(join(at, field)) {
					at, text = join(at, field), strings.TrimPrefix(rest, "is ")
				}
			}
			k.wrong(at, "%s", text)
		}
	}
	k.names()
}

// listen checks an address to listen on; empty is the driver's default.
func (k *checker) listen(key, text string) {
	if text == "" {
		return
	}
	host, port, err := net.SplitHostPort(text)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err == nil && host != "" && host != "localhost" {
		_, err = netip.ParseAddr(host)
	}
	if err != nil {
		k.wrong(key, "%q is no address to listen on; write 127.0.0.1:8306", k.at(key).Value)
	}
}

// address checks a URL. The error does not quote it: it may hold a password.
func (k *checker) address(key, text string, schemes ...string) *url.URL {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "":
		k.wrong(key, "not an address; it begins with %s://", strings.Join(schemes, "://, "))
		return nil
	case !slices.Contains(schemes, u.Scheme):
		k.wrong(key, "only %s:// will do", strings.Join(schemes, "://, "))
		return nil
	}
	return u
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

func (k *checker) certificate(key, path string) {
	if k.bad(key) {
		return
	}
	pem, err := readFile(path, maxSize)
	if err != nil {
		k.wrong(key, "cannot read %s: %v", path, err)
		return
	}
	if !x509.NewCertPool().AppendCertsFromPEM(pem) {
		k.wrong(key, "%s holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)", path)
	}
}
