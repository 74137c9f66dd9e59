package services

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/textproto"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// Discord is a webhook of a Discord channel.
type Discord struct {
	Webhook     string `yaml:"webhook"` // its whole address, https://discord.com/api/webhooks/...
	WebhookFile string `yaml:"webhook_file"`
}

// api is https://discord.com/developers/docs/resources/webhook#execute-webhook:
// 2000 characters, and 204 without a body when it has taken the message.
func (c *Discord) api() (api, error) {
	if err := need("webhook", c.Webhook); err != nil {
		return api{}, err
	}
	type mentions struct {
		Parse []string `json:"parse"`
	}
	type send struct {
		Content  string   `json:"content"`
		Mentions mentions `json:"allowed_mentions"` // nobody, whatever the text says
	}
	return api{
		secrets: []string{c.Webhook},
		request: func(m notifier.Message) request {
			link := ""
			if m.Link != "" {
				link = "<" + m.Link + ">" // in brackets Discord does not fetch it
			}
			head := "**" + markdown(cutRunes(notifier.Clean(m.Title), 100)) + "**"
			// Escaping at most doubles a text.
			text := markdown(cutRunes(notifier.Clean(m.Text), (1900-len(link)-len(head))/2))
			payload := send{lines(head, text, link), mentions{[]string{}}}
			bare := request{url: c.Webhook, payload: payload}
			if len(m.Image) == 0 {
				return bare
			}
			kind, body := form(payload, notifier.Numbered(m.Image))
			r := raw(http.MethodPost, c.Webhook, nil, kind, body)
			r.instead = &bare
			return r
		},
	}, address("webhook", c.Webhook)
}

// form is a form of the JSON of payload and of a picture, and its content type.
func form(payload any, image []byte) (kind, body string) {
	var b bytes.Buffer // which takes everything, so nothing below can fail
	w := multipart.NewWriter(&b)
	part, _ := w.CreateFormField("payload_json")
	_ = json.NewEncoder(part).Encode(payload)
	part, _ = w.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="files[0]"; filename="` + filename(image) + `"`},
		"Content-Type":        {http.DetectContentType(image)},
	})
	_, _ = part.Write(image)
	_ = w.Close()
	return w.FormDataContentType(), b.String()
}

// filename names a picture by its bytes.
func filename(image []byte) string {
	if http.DetectContentType(image) == "image/png" {
		return "picture.png"
	}
	return "picture.jpg"
}
