package services

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
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
// takes 20 messages a minute, a text at most 2048 bytes and a picture (JPEG or
// PNG) at most 2 MB. A text holds no picture, so a question is two messages.
func (c *WeCom) api() (api, error) {
	server, err := base("server", c.Server, "https://qyapi.weixin.qq.com")
	if err != nil {
		return api{}, err
	}
	type text struct {
		Content string `json:"content"`
	}
	type picture struct {
		Base64 string `json:"base64"`
		MD5    string `json:"md5"` // of the picture itself, in hex
	}
	type send struct {
		Type  string   `json:"msgtype"`
		Text  *text    `json:"text,omitempty"`
		Image *picture `json:"image,omitempty"`
	}
	const maxPicture = 2 << 20
	to := server + "/cgi-bin/webhook/send?" + url.Values{"key": {c.Key}}.Encode()
	return api{
		secrets: []string{c.Key},
		request: func(m notifier.Message) request {
			link := cut(m.Link, 512)
			head := lines(cut(notifier.Clean(m.Title), 300), notifier.Clean(m.Text))
			r := request{url: to, payload: send{Type: "text", Text: &text{lines(cut(head, 2048-len(link)-1), link)}}}
			if image := notifier.Numbered(m.Image); len(image) > 0 && len(image) <= maxPicture {
				sum := md5.Sum(image)
				shown := picture{base64.StdEncoding.EncodeToString(image), hex.EncodeToString(sum[:])}
				r.then = &request{url: to, payload: send{Type: "image", Image: &shown}}
			}
			return r
		},
		code:      func(a answer) *int { return a.ErrCode },
		permanent: []int{40008, 40058, 44004, 93000}, // malformed, empty, no such robot
		pause:     map[int]time.Duration{45009: time.Minute},
	}, need("key", c.Key)
}
