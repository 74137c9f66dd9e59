package services

import (
	"strings"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// Slack is an incoming webhook of a Slack workspace.
type Slack struct {
	Webhook     string `yaml:"webhook"` // its whole address, https://hooks.slack.com/services/...
	WebhookFile string `yaml:"webhook_file"`
}

// api is https://api.slack.com/messaging/webhooks. It answers with one word,
// "ok" when it has taken the message, and takes no pictures.
func (c *Slack) api() (api, error) {
	if err := need("webhook", c.Webhook); err != nil {
		return api{}, err
	}
	type send struct {
		Text   string `json:"text"`
		Unfurl bool   `json:"unfurl_links"` // Slack would fetch the link to show what is behind it
		Markup bool   `json:"mrkdwn"`
	}
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace
	return api{
		secrets: []string{c.Webhook},
		request: func(m notifier.Message) request {
			link := ""
			if m.Link != "" {
				link = "<" + escape(m.Link) + ">"
			}
			return request{url: c.Webhook, payload: send{Text: lines(escape(cut(notifier.Clean(m.Title), 300)), escape(cut(notifier.Clean(m.Text), 3000)), link)}}
		},
		code: func(a answer) *int {
			switch a.plain {
			case "ok":
				return new(0)
			case "":
				return nil
			}
			return new(1)
		},
	}, address("webhook", c.Webhook)
}
