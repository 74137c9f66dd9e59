package services

import (
	"net/url"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// WeCom is a robot in a WeCom (企业微信) group.
type WeCom struct {
	Key     string `yaml:"key"` // of the robot's address
	KeyFile string `yaml:"key_file"`
	Server  string `yaml:"server"` // default https://qyapi.weixin.qq.com
}

// api is https://developer.work.weixin.qq.com/document/path/91770. A robot
// takes 20 messages a minute, a text at most 2048 bytes.
func (c *WeCom) api() (api, error) {
	server, err := base("server", c.Server, "https://qyapi.weixin.qq.com")
	if err != nil {
		return api{}, err
	}
	type text struct {
		Content string `json:"content"`
	}
	type send struct {
		Type string `json:"msgtype"`
		Text text   `json:"text"`
	}
	return api{
		secrets: []string{c.Key},
		request: func(m notifier.Message) request {
			link := cut(m.Link, 512)
			head := lines(cut(clean(m.Title), 300), clean(m.Text))
			return request{
				url:     server + "/cgi-bin/webhook/send?" + url.Values{"key": {c.Key}}.Encode(),
				payload: send{"text", text{lines(cut(head, 2048-len(link)-1), link)}},
			}
		},
		code:      func(a answer) *int { return a.ErrCode },
		permanent: []int{40008, 40058, 44004, 93000}, // malformed, empty, no such robot
		pause:     map[int]time.Duration{45009: time.Minute},
	}, need("key", c.Key)
}
