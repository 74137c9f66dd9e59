package services

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strconv"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// DingTalk is a custom robot in a DingTalk group.
type DingTalk struct {
	Token      string `yaml:"token"` // access_token of the robot's address
	TokenFile  string `yaml:"token_file"`
	Secret     string `yaml:"secret"` // SEC..., when the robot asks for signed messages
	SecretFile string `yaml:"secret_file"`
	Server     string `yaml:"server"` // default https://oapi.dingtalk.com
}

// api is https://open.dingtalk.com/document/robots/custom-robot-access. A
// robot takes 20 messages a minute and then none for 10 minutes.
func (c *DingTalk) api() (api, error) {
	server, err := base("server", c.Server, "https://oapi.dingtalk.com")
	if err != nil {
		return api{}, err
	}
	type text struct {
		Title string `json:"title"` // on the lock screen
		Text  string `json:"text"`
	}
	type send struct {
		Type     string `json:"msgtype"`
		Markdown text   `json:"markdown"`
	}
	return api{
		secrets: []string{c.Token, c.Secret},
		request: func(m notifier.Message) request {
			q := url.Values{"access_token": {c.Token}}
			if c.Secret != "" {
				at := strconv.FormatInt(time.Now().UnixMilli(), 10)
				q.Set("timestamp", at)
				q.Set("sign", sign(c.Secret, at+"\n"+c.Secret))
			}
			body := "#### " + markdown(m.Title) + "\n\n" + markdown(cut(m.Text, 8000))
			if m.Link != "" {
				body += "\n\n[" + markdown(m.Link) + "](" + m.Link + ")"
			}
			return request{
				url:     server + "/robot/send?" + q.Encode(),
				payload: send{"markdown", text{notifier.Clean(m.Title), body}},
			}
		},
		code:      func(a answer) *int { return a.ErrCode },
		permanent: []int{300001, 300005, 310000, 400013, 400101, 400102}, // no such robot, keyword, address or signature refused
		pause:     map[int]time.Duration{130101: 10 * time.Minute, 410100: 10 * time.Minute},
	}, need("token", c.Token)
}

// sign is HMAC-SHA256 of text in base64.
func sign(key, text string) string {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}
