// Package services tells news through push apps, group robots and a webhook of
// the user's own. Each entry of the configuration is a channel of its own, so
// that one that is slow or broken holds up no other. One of them can hear:
// ntfy, when it has a second topic for the answers ([NtfyAsker]).
//
// Requests go out through github.com/nikoksr/notify's http service. Its
// ready-made services are not used: they leave out links, urgency, pictures and
// signatures, some ignore the deadline, some put the token into errors, and
// those of Discord and Slack want a bot and make the binary 3 MB larger, where
// an incoming webhook does.
package services

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// Config is the services stanza of watch.yaml, a list.
type Config []Service

// Service is one entry of the list: its name, and exactly one of the other
// fields. Of a field x with a twin x_file, the configuration loader reads the file into x.
type Service struct {
	Name string `yaml:"name"` // of the channel, for notify: in rules; default the service's, bark-2 for the second

	Bark       *Bark       `yaml:"bark"`
	DingTalk   *DingTalk   `yaml:"dingtalk"`
	Lark       *Lark       `yaml:"lark"`
	WeCom      *WeCom      `yaml:"wecom"`
	Ntfy       *Ntfy       `yaml:"ntfy"`
	Discord    *Discord    `yaml:"discord"`
	Slack      *Slack      `yaml:"slack"`
	ServerChan *ServerChan `yaml:"serverchan"`
	PushPlus   *PushPlus   `yaml:"pushplus"`
	Pushover   *Pushover   `yaml:"pushover"`
	Webhook    *Webhook    `yaml:"webhook"`
}

// sendTimeout bounds one message, whatever deadline the caller sets.
const sendTimeout = 20 * time.Second

// New returns the notifier of the one service that s names, and its name:
// "bark", "webhook", ... It contacts nobody. A nil client means one with the
// proxy of the environment, a nil log none. The error says which field is wrong
// and holds no value of a field.
//
// The notifier of an ntfy with a reply topic is a *[NtfyAsker].
func New(s Service, log *zap.Logger, client *http.Client) (string, notifier.Notifier, error) {
	name, st, err := s.one()
	if err != nil {
		return "", nil, err
	}
	a, err := st.api()
	if err != nil {
		return name, nil, fmt.Errorf("%s: %w", name, err)
	}
	a.name = cmp.Or(s.Name, name)
	if client == nil {
		client = &http.Client{}
	}
	own := *client
	if own.Timeout == 0 || own.Timeout > sendTimeout {
		own.Timeout = sendTimeout
	}
	// A redirect would turn the POST into a GET or carry the token elsewhere.
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if log == nil {
		log = zap.NewNop()
	}
	secrets := append(slices.Clip(a.secrets), carried(a.request(notifier.Message{}))...)
	c := &channel{api: a, hidden: hidden(secrets), client: &own, log: log}
	if s.Ntfy == nil || s.Ntfy.ReplyTopic == "" {
		return name, c, nil
	}
	return name, newNtfyAsker(s.Ntfy, c, log), nil
}

// stanza is the configuration of one service.
type stanza interface {
	api() (api, error)
}

// one returns the one field that is set, and its key.
func (s Service) one() (string, stanza, error) {
	var name string
	var found stanza
	v := reflect.ValueOf(s)
	for i := range v.NumField() {
		if v.Field(i).Kind() != reflect.Pointer || v.Field(i).IsNil() {
			continue
		}
		if found != nil {
			return "", nil, errors.New("services: one entry names two services; begin a new one with a dash")
		}
		name = v.Type().Field(i).Tag.Get("yaml")
		found = v.Field(i).Interface().(stanza)
	}
	if found == nil {
		return "", nil, errors.New("services: an entry names no service")
	}
	return name, found, nil
}

// base returns the address s, or fallback when it is empty, without a slash
// at its end.
func base(field, s, fallback string) (string, error) {
	if s == "" {
		s = fallback
	}
	if err := address(field, s); err != nil {
		return "", err
	}
	return strings.TrimRight(s, "/"), nil
}

// address reports whether s is a web address. The error leaves s out: it may
// be a secret.
func address(field, s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || !slices.Contains([]string{"http", "https"}, u.Scheme) {
		return fmt.Errorf("%s is not a web address", field)
	}
	return nil
}

// need returns an error that names the first of the fields that is empty;
// fields holds names and values in turn.
func need(fields ...string) error {
	for pair := range slices.Chunk(fields, 2) {
		if strings.TrimSpace(pair[1]) == "" {
			return fmt.Errorf("%s is missing", pair[0])
		}
	}
	return nil
}
