package services

import (
	"encoding/json"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// Webhook is an address of the user's own. It gets a POST of one JSON
// document per message and answers with any status from 200 to 299.
type Webhook struct {
	URL     string `yaml:"url"` // where each piece of news is posted as one JSON document
	URLFile string `yaml:"url_file"`
}

// news is the document that a [Webhook] gets.
type news struct {
	Kind  string          `json:"kind"`
	Rule  string          `json:"rule"`
	Title string          `json:"title"`
	Text  string          `json:"text"`
	At    string          `json:"at"`              // RFC 3339
	Order json.RawMessage `json:"order,omitempty"` // as `watcherd orders --json` gives it
	Link  string          `json:"link"`
}

func (c *Webhook) api() (api, error) {
	if err := need("url", c.URL); err != nil {
		return api{}, err
	}
	return api{
		secrets: []string{c.URL},
		request: func(m notifier.Message) request {
			return request{url: c.URL, payload: news{m.Kind, m.Rule, m.Title, m.Text, m.At.Format(time.RFC3339), m.Order, m.Link}}
		},
		mute: true,
	}, address("url", c.URL)
}
