package services

import (
	"cmp"
	"errors"
	"slices"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// Bark is the iOS app of that name, through its public server or one's own.
type Bark struct {
	DeviceKey     string `yaml:"device_key"` // the key that the app shows
	DeviceKeyFile string `yaml:"device_key_file"`
	Server        string `yaml:"server"` // default https://api.day.app

	// Level is how loud what is worth waking you is: critical sounds when the
	// phone is muted, timeSensitive shows through a focus mode. Default critical.
	Level string `yaml:"level" oneof:"critical timeSensitive active"`
}

// api is bark-server's V2 interface, https://github.com/Finb/bark-server/blob/master/docs/API_V2.md.
func (c *Bark) api() (api, error) {
	server, err := base("server", c.Server, "https://api.day.app")
	if err != nil {
		return api{}, err
	}
	loud := cmp.Or(c.Level, "critical")
	if !slices.Contains([]string{"critical", "timeSensitive", "active"}, loud) {
		return api{}, errors.New("level is not critical, timeSensitive or active")
	}
	type push struct {
		DeviceKey string `json:"device_key"`
		Title     string `json:"title"`
		Body      string `json:"body"`
		Group     string `json:"group"`
		Level     string `json:"level"`
		URL       string `json:"url,omitempty"` // opened by a tap
	}
	return api{
		secrets: []string{c.DeviceKey},
		request: func(m notifier.Message) request {
			level := "active"
			if m.Loud {
				level = loud
			}
			body := cut(notifier.Clean(m.Text), 2000) // Apple carries 4 KiB, as JSON
			return request{url: server + "/push", payload: push{c.DeviceKey, notifier.Clean(m.Title), body, "watcherd", level, m.Link}}
		},
		code: func(a answer) *int { return a.Code },
		good: 200,
	}, need("device_key", c.DeviceKey)
}
