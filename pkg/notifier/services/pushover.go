package services

import (
	"cmp"
	"net/http"
	"net/url"
	"strconv"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// Pushover is the app of that name.
type Pushover struct {
	Token     string `yaml:"token"` // of the application
	TokenFile string `yaml:"token_file"`
	User      string `yaml:"user"` // user or group key
	UserFile  string `yaml:"user_file"`
	Server    string `yaml:"server"` // default https://api.pushover.net
}

// api is https://pushover.net/api: a title of 250 and a message of 1024
// characters, an address of 512.
func (c *Pushover) api() (api, error) {
	server, err := base("server", c.Server, "https://api.pushover.net")
	if err != nil {
		return api{}, err
	}
	return api{
		secrets: []string{c.Token, c.User},
		request: func(m notifier.Message) request {
			title := cutRunes(clean(m.Title), 250)
			form := url.Values{
				"token":     {c.Token},
				"user":      {c.User},
				"title":     {title},
				"message":   {cmp.Or(cutRunes(clean(m.Text), 1024), title)}, // it refuses an empty one
				"timestamp": {strconv.FormatInt(m.At.Unix(), 10)},
				"priority":  {"0"},
			}
			if m.Loud {
				form.Set("priority", "1") // past the user's quiet hours
			}
			if m.Link != "" && len(m.Link) <= 512 {
				form.Set("url", m.Link)
			}
			return request{
				url:     server + "/1/messages.json",
				header:  http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
				kind:    "text/plain", // how the library encodes it: as it is
				payload: form.Encode(),
			}
		},
		code: func(a answer) *int { return a.Status },
		good: 1,
	}, need("token", c.Token, "user", c.User)
}
