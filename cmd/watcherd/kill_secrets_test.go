package main

import (
	"bytes"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// This file listens to a play for secrets, and looks for them wherever they
// must not be.

// secretFields are the parameters whose values are nobody else's business.
var secretFields = []string{"REPEAT_SUBMIT_TOKEN", "tk", "secretStr", "password", "key_check_isChange", "leftTicketStr", "answer",
	"randCode", "castNum", "passengerTicketStr", "oldPassengerStr", "uuid"}

// secretReplies are the values in replies that are.
var secretReplies = regexp.MustCompile(`"?(?:allEncStr|newapptk|apptk|uamtk|passenger_id_no|mobile_no|secretStr|uuid|globalRepeatSubmitToken)"?\s*[:=]\s*["']([^"']+)["']`)

// secret notes a value, unless it is too short to be told from other text.
func (p *play) secret(v string) {
	if len(v) < 6 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.secrets[v] = true
	if e := url.QueryEscape(v); e != v {
		p.secrets[e] = true
	}
}

// overhear notes the secrets of a request to 12306.
func (p *play) overhear(r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the daemon has died under it
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	for _, text := range []string{string(body), r.URL.RawQuery} {
		form, _ := url.ParseQuery(text)
		for _, name := range secretFields {
			p.secret(form.Get(name))
		}
	}
}

// overhearReply notes the secrets of 12306's reply.
func (p *play) overhearReply(rec *httptest.ResponseRecorder) {
	for _, c := range rec.Result().Cookies() {
		p.secret(c.Value)
	}
	for _, m := range secretReplies.FindAllSubmatch(rec.Body.Bytes(), -1) {
		if !bytes.Contains(m[1], []byte("*")) { // masked by 12306 itself
			p.secret(string(m[1]))
		}
	}
}

// confess looks for secrets in what the daemon printed and told and in every
// file it made outside its database. A link to the answer page belongs into a
// message, and nowhere else.
func (p *play) confess() {
	p.mu.Lock()
	var told strings.Builder
	for _, l := range p.mail {
		told.WriteString(l.Title + "\n" + l.Text + "\n")
	}
	texts := map[string]string{"the log": strings.Join(p.outputs, ""), "the news": told.String()}
	p.mu.Unlock()
	err := filepath.WalkDir(p.dir, func(path string, d fs.DirEntry, err error) error {
		name := filepath.Base(path)
		if err != nil || d.IsDir() || strings.HasPrefix(name, "watcherd.db") || name == "watch.yaml" {
			return err
		}
		b, err := os.ReadFile(path)
		texts[name] = string(b)
		return err
	})
	if err != nil {
		p.fault("the play's folder: %v", err)
	}
	p.mu.Lock()
	secrets := p.secrets
	p.mu.Unlock()
	for where, text := range texts {
		for v := range secrets {
			if holds(text, v) {
				p.fault("%s holds the secret %s", where, v)
			}
		}
	}
}

// holds reports whether the text has the value as a word: six digits of an SMS
// code may well stand inside of a longer number, or of an address in memory.
func holds(text, v string) bool {
	for rest := text; ; {
		i := strings.Index(rest, v)
		if i < 0 {
			return false
		}
		if len(v) > 8 || !inWord(rest, i-1) && !inWord(rest, i+len(v)) {
			return true
		}
		rest = rest[i+1:]
	}
}

func inWord(s string, i int) bool {
	return i >= 0 && i < len(s) && (s[i] >= '0' && s[i] <= '9' || s[i] >= 'a' && s[i] <= 'z' || s[i] >= 'A' && s[i] <= 'Z')
}
