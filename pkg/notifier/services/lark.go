package services

import (
	"strconv"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// Lark is a custom robot in a Feishu group, or in one of Lark, which is the same
// outside China: only the host of the address differs.
type Lark struct {
	Webhook     string `yaml:"webhook"` // the robot's whole address, https://open.feishu.cn/open-apis/bot/v2/hook/... or https://open.larksuite.com/...
	WebhookFile string `yaml:"webhook_file"`
	Secret      string `yaml:"secret"` // when the robot checks signatures
	SecretFile  string `yaml:"secret_file"`
}

// api is https://open.feishu.cn/document/client-docs/bot-v3/add-custom-bot. A
// body has at most 20 KB.
func (c *Lark) api() (api, error) {
	if err := need("webhook", c.Webhook); err != nil {
		return api{}, err
	}
	type span struct {
		Tag  string `json:"tag"`
		Text string `json:"text"`
		Href string `json:"href,omitempty"`
	}
	type post struct {
		Title   string   `json:"title"`
		Content [][]span `json:"content"`
	}
	type content struct {
		Post map[string]post `json:"post"`
	}
	type send struct {
		Timestamp string  `json:"timestamp,omitempty"` // seconds
		Sign      string  `json:"sign,omitempty"`
		Type      string  `json:"msg_type"`
		Content   content `json:"content"`
	}
	return api{
		secrets: []string{c.Webhook, c.Secret},
		request: func(m notifier.Message) request {
			rows := [][]span{{{Tag: "text", Text: cut(notifier.Clean(m.Text), 8000)}}}
			if m.Link != "" {
				rows = append(rows, []span{{Tag: "a", Text: m.Link, Href: m.Link}})
			}
			s := send{Type: "post", Content: content{map[string]post{"zh_cn": {notifier.Clean(m.Title), rows}}}}
			if c.Secret != "" {
				s.Timestamp = strconv.FormatInt(time.Now().Unix(), 10)
				s.Sign = sign(s.Timestamp+"\n"+c.Secret, "") // the text is the key, and nothing is signed
			}
			return request{url: c.Webhook, payload: s}
		},
		code:      func(a answer) *int { return a.Code },
		permanent: []int{9499, 19001, 19021, 19022, 19024}, // malformed, no such robot, signature, address, keyword
		pause:     map[int]time.Duration{11232: time.Minute},
	}, address("webhook", c.Webhook)
}
