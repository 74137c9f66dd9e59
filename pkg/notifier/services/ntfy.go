package services

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// Ntfy is a topic on an ntfy server. On a public server the topic's name is
// all that keeps others from reading it.
type Ntfy struct {
	Server    string `yaml:"server"` // default https://ntfy.sh
	Topic     string `yaml:"topic"`
	TopicFile string `yaml:"topic_file"`
	Token     string `yaml:"token"` // access token, tk_...; empty for an open topic
	TokenFile string `yaml:"token_file"`

	// ReplyTopic is a second topic, in which the user answers; without it the
	// channel is one way. Whoever knows its name can answer, so it is long, at
	// random, and no other. Phones must be allowed to write to it without the
	// token: on a server with access control, ntfy access everyone TOPIC write-only.
	ReplyTopic     string `yaml:"reply_topic"`
	ReplyTopicFile string `yaml:"reply_topic_file"`
}

// shortestReplyTopic is how many characters a topic has that nobody guesses.
const shortestReplyTopic = 16

// api is https://docs.ntfy.sh/publish/.
func (c *Ntfy) api() (api, error) {
	server, err := base("server", c.Server, "https://ntfy.sh")
	if err != nil {
		return api{}, err
	}
	switch letters := "-_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"; {
	case c.ReplyTopic == "":
	case strings.Trim(c.ReplyTopic, letters) != "" || len(c.ReplyTopic) > 64:
		return api{}, errors.New("reply_topic is no name of a topic: at most 64 letters, digits, - and _")
	case c.ReplyTopic == c.Topic:
		return api{}, errors.New("reply_topic is the same as topic; it must be another one")
	case len(c.ReplyTopic) < shortestReplyTopic:
		return api{}, errors.New("reply_topic can be guessed, and who knows it can answer; make it 16 random characters or more")
	}
	return api{
		secrets: []string{c.Token, c.Topic, c.ReplyTopic},
		request: func(m notifier.Message) request {
			n := note{title: m.Title, text: m.Text, link: m.Link, image: m.Image, priority: 3}
			if m.Loud {
				n.priority = 5
			}
			return c.publish(server, n)
		},
	}, need("topic", c.Topic)
}

// note is what ntfy shows.
type note struct {
	title, text, link string
	image             []byte // may be nil
	priority          int    // 1 to 5, 3 is usual
	sequence          string // notes of the same one replace each other on the phone, from ntfy 2.16 on; may be empty
	actions           []button
}

// button is one of the at most three below a note. view opens an address, http
// sends a request from the phone.
type button struct {
	Action string `json:"action"`
	Label  string `json:"label"`
	URL    string `json:"url"`
	Body   string `json:"body,omitempty"`
}

// What ntfy takes, in bytes. A longer text would become an attachment; a text
// that goes with a picture stands in a header, whose length proxies bound.
const (
	maxNtfyText   = 4096
	maxNtfyHeader = 2000
)

// publish is the request that shows n. Headers hold ASCII, and the server
// decodes RFC 2047. A server may keep no pictures, or no more today: then the
// note goes without.
func (c *Ntfy) publish(server string, n note) request {
	to := server + "/" + url.PathEscape(c.Topic)
	text := notifier.Clean(n.text)
	plain := request{url: to, header: c.header(n), kind: "text/plain; charset=utf-8", payload: cut(text, maxNtfyText)}
	if len(n.image) == 0 {
		return plain
	}
	image := notifier.Numbered(n.image)
	h := c.header(n)
	h.Set("Filename", filename(image))
	h.Set("Message", encoded(strings.ReplaceAll(cut(text, maxNtfyHeader), "\n", `\n`)))
	r := raw(http.MethodPut, to, h, http.DetectContentType(image), string(image))
	r.instead = &plain
	return r
}

func (c *Ntfy) header(n note) http.Header {
	h := c.authorization()
	h.Set("Title", encoded(cut(strings.Join(strings.Fields(notifier.Clean(n.title)), " "), 250)))
	h.Set("Priority", strconv.Itoa(n.priority))
	if n.link != "" {
		h.Set("Click", n.link)
	}
	if n.sequence != "" {
		h.Set("X-Sequence-ID", n.sequence)
	}
	if len(n.actions) > 0 {
		b, _ := json.Marshal(n.actions) // strings only
		h.Set("Actions", encoded(string(b)))
	}
	return h
}

func (c *Ntfy) authorization() http.Header {
	h := http.Header{}
	if c.Token != "" {
		h.Set("Authorization", "Bearer "+c.Token)
	}
	return h
}

// encoded is s as a header holds it.
func encoded(s string) string { return mime.BEncoding.Encode("utf-8", s) }
