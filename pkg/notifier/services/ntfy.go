package services

import (
	"mime"
	"net/http"
	"net/url"
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
}

// api is https://docs.ntfy.sh/publish/. A text above 4096 bytes would become
// an attachment.
func (c *Ntfy) api() (api, error) {
	server, err := base("server", c.Server, "https://ntfy.sh")
	if err != nil {
		return api{}, err
	}
	return api{
		secrets: []string{c.Token, c.Topic},
		request: func(m notifier.Message) request {
			h := http.Header{}
			// A header holds ASCII; the server decodes RFC 2047.
			h.Set("Title", mime.BEncoding.Encode("utf-8", strings.Join(strings.Fields(clean(m.Title)), " ")))
			h.Set("Priority", "3")
			if m.Loud {
				h.Set("Priority", "5")
			}
			if m.Link != "" {
				h.Set("Click", m.Link)
			}
			if c.Token != "" {
				h.Set("Authorization", "Bearer "+c.Token)
			}
			return request{
				url: server + "/" + url.PathEscape(c.Topic), header: h,
				kind: "text/plain; charset=utf-8", payload: cut(clean(m.Text), 4096),
			}
		},
	}, need("topic", c.Topic)
}
