package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/notifier/email"
	"github.com/watcherd/watcherd/pkg/notifier/services"
	"github.com/watcherd/watcherd/pkg/notifier/telegram"
	"github.com/watcherd/watcherd/pkg/notifier/web"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher"
)

// drafted is a configuration with everything that a draft can hold, and the
// text wherever there may be any.
func drafted(text string) *Config {
	station := func(name string) twelve306.Station {
		s, err := twelve306.BuiltinStations().Lookup(name)
		if err != nil {
			panic(err)
		}
		return s
	}
	trains, _ := watcher.ParseTrains([]string{"G1110", "*5", "1234", "!G12*"})
	c := &Config{
		Language:  notifier.Chinese,
		StateDir:  "state",
		Twelve306: Twelve306{BaseURL: "http://127.0.0.1:12306", Username: text, PasswordFile: "secret", IDLast4File: "id"},
		Rules: []watcher.Rule{{
			Name: text, Dates: []twelve306.Date{testDay.AddDays(1), testDay.AddDays(3), testDay.AddDays(4)},
			From: []twelve306.Station{station("广州南")}, To: []twelve306.Station{station("武汉"), station("汉口")},
			Trains: trains, Depart: watcher.Window{From: 8 * 60, To: 14 * 60}, Seats: []twelve306.Seat{twelve306.SecondClass, twelve306.HardSleeper},
			Passengers: []string{strings.ReplaceAll(text, ",", ""), "李四"}, Action: watcher.ActionBook,
		}},
	}
	c.Notify.Telegram = OneOrMore[telegram.Config]{{TokenFile: "secret", ChatID: 77, Proxy: "socks5://127.0.0.1:1080", APIURL: "http://127.0.0.1:8081"}}
	c.Notify.Email = OneOrMore[email.Config]{{
		From: "bot@example.com", To: []string{"me@example.com", "you@example.com"},
		SMTP: email.Server{Addr: "smtp.example.com:465", Username: text, PasswordFile: "secret"},
		IMAP: &email.Server{Addr: "imap.example.com:993", Username: text, PasswordFile: "secret"},
	}}
	c.Notify.Web = &web.Config{Listen: web.DefaultListen}
	c.Notify.Services = []services.Service{
		{Bark: &services.Bark{DeviceKeyFile: "secret", Server: "https://bark.example.com"}},
		{WeCom: &services.WeCom{KeyFile: "secret"}},
		{DingTalk: &services.DingTalk{TokenFile: "secret", SecretFile: "secret"}},
		{Ntfy: &services.Ntfy{TopicFile: "secret", ReplyTopicFile: Credentials + "replies"}},
		{Lark: &services.Lark{WebhookFile: "address", SecretFile: "secret"}},
		{Discord: &services.Discord{WebhookFile: "address"}},
		{Slack: &services.Slack{WebhookFile: "address"}},
		{ServerChan: &services.ServerChan{KeyFile: "secret"}},
		{PushPlus: &services.PushPlus{TokenFile: "secret"}},
	}
	return c
}

// written loads what Draft writes.
func written(t *testing.T, dir string, c *Config) (*Config, string, error) {
	t.Helper()
	path := filepath.Join(dir, "watch.yaml")
	text := Draft(c)
	if err := os.MkdirAll(filepath.Join(dir, "secrets"), 0o700); err != nil { // which is testEnv's CREDENTIALS_DIRECTORY
		t.Fatal(err)
	}
	for name, b := range map[string]string{"watch.yaml": string(text), "secret": "canary\n", "id": "001X\n", "address": "https://example.com/hook\n", "secrets/replies": "0123456789abcdef\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Load(path, testEnv(dir), testDay)
	return got, string(text), err
}

// TestDraft: what is written reads as what it was written from.
func TestDraft(t *testing.T) {
	want := drafted(`a: "b" # ${HOME} 'c' [d], {e} & *f`)
	got, text, err := written(t, t.TempDir(), want)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	w, g := want.Rules[0], got.Rules[0]
	if g.Name != w.Name || !reflect.DeepEqual(g.Dates, w.Dates) || !reflect.DeepEqual(g.From, w.From) || !reflect.DeepEqual(g.To, w.To) ||
		g.Trains.String() != w.Trains.String() || g.Depart != w.Depart || !reflect.DeepEqual(g.Seats, w.Seats) || !reflect.DeepEqual(g.Passengers, w.Passengers) || g.Action != w.Action {
		t.Errorf("%+v\n%s", g, text)
	}
	if got.Twelve306.Username != want.Twelve306.Username || got.Twelve306.Password != "canary" || got.Twelve306.IDLast4 != "001X" || len(got.Warnings) > 0 {
		t.Errorf("%+v %v\n%s", got.Twelve306, got.Warnings, text)
	}
	n := got.Notify
	if len(n.Names()) != 12 || n.Services[3].Ntfy.ReplyTopic != "0123456789abcdef" || n.Telegram[0].ChatID != 77 || n.Telegram[0].Token != "canary" || n.Telegram[0].Proxy == "" || n.Email[0].IMAP.Username != w.Name || n.Services[0].Bark.Server != "https://bark.example.com" {
		t.Errorf("%v\n%s", n.Names(), text)
	}
	example, err := os.ReadFile("../../../watch.yaml.example")
	if first, _, _ := strings.Cut(string(example), "\n"); err != nil || strings.Contains(first, "yaml-language-server") && !strings.HasPrefix(text, first+"\n") {
		t.Errorf("%v: the example begins with %q, the draft does not:\n%s", err, first, text)
	}
	// The comments are of one language.
	want.Language = notifier.English
	want.Rules[0].From, want.Rules[0].To, want.Rules[0].Passengers = nil, nil, nil
	if text := string(Draft(want)); strings.ContainsFunc(text, func(r rune) bool { return r >= 0x2e80 }) {
		t.Errorf("there is Chinese in an English file:\n%s", text)
	}
	// The least of all is good, too.
	least := &Config{Language: notifier.English, Twelve306: Twelve306{BaseURL: twelve306.DefaultBaseURL}, Rules: []watcher.Rule{{Name: "x", Dates: w.Dates[:1], From: w.From, To: w.To, Action: "notify"}}}
	if got, text, err := written(t, t.TempDir(), least); err != nil || got.Twelve306.HasAccount() || !got.Rules[0].Trains.All() || got.Twelve306.ServiceHours != defaults().Twelve306.ServiceHours {
		t.Errorf("%v\n%s", err, text)
	}
}

// FuzzDraft: whatever the texts are, the file can be read, and a text that
// check takes is read as it was.
func FuzzDraft(f *testing.F) {
	for _, text := range []string{"回家", "a: b", "- x", "~", "null", "true", "0x1F", "2026-12-01", "${HOME}", "$${HOME}", "$", "\x00", "\xff", "\u2028", "\ufeff", "a\nb", "'", `"`, "#", " a ", "*", "!!int 1", strings.Repeat("长", 30)} {
		f.Add(text)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		got, draft, err := written(t, dir, drafted(text))
		text = strings.ToValidUTF8(text, "\ufffd")
		if err == nil {
			if r := got.Rules[0]; r.Name != strings.TrimSpace(text) && strings.TrimSpace(text) != "" || got.Twelve306.Username != text {
				t.Fatalf("%q is read as %q and %q from\n%s", text, r.Name, got.Twelve306.Username, draft)
			}
			return
		}
		for _, p := range err.(Problems) {
			switch p.Key {
			case "rules[0].name", "rules[0].passengers", "rules[0].passengers[0]", "rules[0].passengers[1]", "rules[0].action", "twelve306.username", "twelve306.password_file", "twelve306.password",
				"notify.email.smtp.username", "notify.email.imap.username":
			default:
				t.Fatalf("%q: %v\n%s", text, p, draft)
			}
		}
	})
}
