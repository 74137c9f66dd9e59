package services

import (
	"regexp"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// ServerChan is Server酱, which writes to the user's WeChat: Turbo with keys
// SCT..., or Server酱³ with keys sctp....
type ServerChan struct {
	Key     string `yaml:"key"` // SendKey
	KeyFile string `yaml:"key_file"`
	Server  string `yaml:"server"` // default: the one that the key belongs to
}

// sctp finds the user's number in a key of Server酱³, whose server has it in
// its name.
var sctp = regexp.MustCompile(`^sctp([0-9]+)t`)

// api is https://sct.ftqq.com/sendkey and https://doc.sc3.ft07.com/serverchan3.
func (c *ServerChan) api() (api, error) {
	fallback, path := "https://sctapi.ftqq.com", "/"+c.Key+".send"
	if u := sctp.FindStringSubmatch(c.Key); u != nil {
		fallback, path = "https://"+u[1]+".push.ft07.com", "/send/"+c.Key+".send"
	}
	server, err := base("server", c.Server, fallback)
	if err != nil {
		return api{}, err
	}
	type send struct {
		Title string `json:"title"` // at most 32 characters
		Desp  string `json:"desp"`  // Markdown
	}
	return api{
		secrets: []string{c.Key},
		request: func(m notifier.Message) request {
			desp := markdown(cut(m.Text, 8000))
			title := cutRunes(notifier.Clean(m.Title), 32)
			if title != notifier.Clean(m.Title) {
				desp = markdown(m.Title) + "\n\n" + desp
			}
			if m.Link != "" {
				desp += "\n\n[" + markdown(m.Link) + "](" + m.Link + ")"
			}
			return request{url: server + path, payload: send{title, desp}}
		},
		code:      func(a answer) *int { return a.Code },
		permanent: []int{40001}, // no such key, or today's quota is used up: five a day without a subscription
		quota:     "次数",
	}, need("key", c.Key)
}
