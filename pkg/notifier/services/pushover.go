package services

import (
	"cmp"
	"encoding/base64"
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
// characters, an address of 512, a picture of 5 MB.
func (c *Pushover) api() (api, error) {
	server, err := base("server", c.Server, "https://api.pushover.net")
	if err != nil {
		return api{}, err
	}
	return api{
		secrets: []string{c.Token, c.User},
		request: func(m notifier.Message) request {
			title := cutRunes(notifier.Clean(m.Title), 250)
			form := url.Values{
				"token":     {c.Token},
				"user":      {c.User},
				"title":     {title},
				"message":   {cmp.Or(cutRunes(notifier.Clean(m.Text), 1024), title)}, // it refuses an empty one
				"timestamp": {strconv.FormatInt(m.At.Unix(), 10)},
				"priority":  {"0"},
			}
			if m.Loud {
				form.Set("priority", "1") // past the user's quiet hours
			}
			if m.Link != "" && len(m.Link) <= 512 {
				form.Set("url", m.Link)
			}
			send := func() request {
				return raw(http.MethodPost, server+"/1/messages.json", nil, "application/x-www-form-urlencoded", form.Encode())
			}
			if len(m.Image) == 0 {
				return send()
			}
			bare := send()
			image := notifier.Numbered(m.Image)
			form.Set("attachment_base64", base64.StdEncoding.EncodeToString(image))
			form.Set("attachment_type", http.DetectContentType(image))
			r := send()
			r.instead = &bare
			return r
		},
		code: func(a answer) *int { return a.Status },
		good: 1,
	}, need("token", c.Token, "user", c.User)
}
