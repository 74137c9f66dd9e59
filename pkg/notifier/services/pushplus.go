package services

import (
	"github.com/watcherd/watcherd/pkg/notifier"
)

// PushPlus is pushplus (推送加), which writes to the user's WeChat.
type PushPlus struct {
	Token     string `yaml:"token"` // of the account, or of a group
	TokenFile string `yaml:"token_file"`
	Server    string `yaml:"server"` // default https://www.pushplus.plus
}

// api is https://www.pushplus.plus/doc/guide/api.html.
func (c *PushPlus) api() (api, error) {
	server, err := base("server", c.Server, "https://www.pushplus.plus")
	if err != nil {
		return api{}, err
	}
	type send struct {
		Token    string `json:"token"`
		Title    string `json:"title"` // at most 100 characters
		Content  string `json:"content"`
		Template string `json:"template"`
	}
	return api{
		secrets: []string{c.Token},
		request: func(m notifier.Message) request {
			content := lines(cut(notifier.Clean(m.Text), 8000), m.Link)
			if content == "" {
				content = notifier.Clean(m.Title) // it refuses an empty one
			}
			return request{url: server + "/send", payload: send{c.Token, cutRunes(notifier.Clean(m.Title), 100), content, "txt"}}
		},
		code:      func(a answer) *int { return a.Code },
		good:      200,
		permanent: []int{805, 888, 900, 903, 905}, // no right, no points, blocked, no such token, not verified
	}, need("token", c.Token)
}
