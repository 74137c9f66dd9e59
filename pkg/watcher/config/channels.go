package config

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"

	"github.com/watcherd/watcherd/pkg/notifier/services"
	"github.com/watcherd/watcherd/pkg/notifier/telegram"
	"github.com/watcherd/watcherd/pkg/watcher"
)

// OneOrMore is a section that may be one group of keys, or a list of them:
//
//	telegram: {chat_id: 1}
//	telegram: [{chat_id: 1}, {name: wife, chat_id: 2}]
type OneOrMore[T any] []T

// oneOrMore marks the lists that may be written as their only entry.
func (OneOrMore[T]) oneOrMore() {}

// channel is one channel of the section notify.
type channel struct {
	kind string  // telegram, web, bark, ...: what it is called when nobody names it
	name *string // as the file names it, then as it is called
	key  string  // where it stands
}

// channels returns the channels in the order in which they are told. at
// returns the key of entry i of a section that may be one or more.
func (n *Notify) channels(at func(section string, i int) string) []channel {
	var out []channel
	for i := range n.Telegram {
		out = append(out, channel{"telegram", &n.Telegram[i].Name, at("notify.telegram", i)})
	}
	for i := range n.Email {
		out = append(out, channel{"email", &n.Email[i].Name, at("notify.email", i)})
	}
	if n.Web != nil {
		page := ""
		out = append(out, channel{"web", &page, "notify.web"})
	}
	for i := range n.Services {
		s := &n.Services[i]
		if kind, _, err := services.New(*s, nil, nil); err == nil {
			out = append(out, channel{kind, &s.Name, fmt.Sprintf("notify.services[%d]", i)})
		}
	}
	if n.None() || n.Web != nil && len(out) == 1 {
		terminal := ""
		out = append(out, channel{"terminal", &terminal, "notify"})
	}
	return out
}

// Names returns what the channels are called, in the order in which they are
// told: as the file names them, else by their kind: telegram, telegram-2, ...
// The terminal is among them when it is told.
func (n *Notify) Names() []string {
	var out []string
	for _, c := range n.channels(func(string, int) string { return "" }) {
		name := *c.name
		if name == "" {
			name = c.kind // web and terminal, of which there is one at most
		}
		out = append(out, name)
	}
	return out
}

// entry is the key of entry i of a section that may be one or more.
func (k *checker) entry(section string, i int) string {
	if n := k.at(section); n != nil && n.Kind == yaml.SequenceNode {
		return fmt.Sprintf("%s[%d]", section, i)
	}
	return section
}

// maxChannelName is the longest name of a channel, in bytes.
const maxChannelName = 60

// names checks what the channels are called and calls the others by their
// kind. A name that the file gives goes before one that is made up.
func (k *checker) names() {
	all := k.c.Notify.channels(k.entry)
	taken := map[string]string{} // name: where
	for _, c := range all {
		*c.name = strings.TrimSpace(*c.name)
		at := join(c.key, "name")
		switch name := *c.name; {
		case name == "":
		case k.bad(at):
		case strings.ContainsFunc(name, unicode.IsControl) || strings.Contains(name, ","):
			k.wrong(at, "a comma, a line break or another control character in a name")
		case len(name) > maxChannelName:
			k.wrong(at, "longer than %d bytes", maxChannelName)
		case taken[name] != "":
			k.wrong(at, "%s is called %s already", taken[name], name)
		case slices.ContainsFunc(all, func(o channel) bool { return o.kind == name && (name == "web" || name == "terminal") }):
			k.wrong(at, "%s is the name of another channel; choose one of your own", name)
		default:
			taken[name] = c.key
		}
	}
	for _, c := range all {
		if *c.name != "" {
			continue
		}
		name := c.kind
		for i := 2; taken[name] != ""; i++ {
			name = fmt.Sprintf("%s-%d", c.kind, i)
		}
		*c.name, taken[name] = name, c.key
	}
}

// told checks the channels that a rule names.
func (k *checker) told(r *watcher.Rule, key string) {
	key = join(key, "notify")
	if n := k.at(key); n != nil && n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		k.wrong(key, "an empty list; leave notify out to be told on every channel, or write enabled: false")
		return
	}
	if len(r.Notify) == 0 || k.bad("notify") {
		return // a channel may be missing only because of that
	}
	names := k.c.Notify.Names()
	for _, name := range r.Notify {
		if slices.Contains(names, name) {
			continue
		}
		hint := "; there are " + strings.Join(names, ", ")
		if s := similar(name, names); s != "" {
			hint = "; did you mean " + s + "?"
		}
		n, at := k.at(key), key
		for i, item := range n.Content {
			if text, err := expand(item.Value, k.env); err == nil && strings.TrimSpace(text) == name {
				n, at = item, fmt.Sprintf("%s[%d]", key, i)
			}
		}
		if !k.bad(at) {
			k.problem(n, at, "no channel %q%s", n.Value, hint) // as it is written: the environment is nobody's business
		}
	}
}

// telegrams checks the chats, and that those of one bot agree on the way to it.
func (k *checker) telegrams() {
	bots := map[string]int{} // token: the first of its chats
	for i, t := range k.c.Notify.Telegram {
		key := k.entry("notify.telegram", i)
		if k.marks[key]&wrongHere != 0 {
			continue // it is no group of keys
		}
		k.telegram(t, key)
		token := strings.TrimSpace(t.Token)
		first, again := bots[token]
		if token == "" || !again {
			bots[token] = i
			continue
		}
		same := k.c.Notify.Telegram[first]
		switch one := k.entry("notify.telegram", first); {
		case slices.ContainsFunc(k.c.Notify.Telegram[:i], func(o telegram.Config) bool {
			return strings.TrimSpace(o.Token) == token && o.ChatID == t.ChatID && t.ChatID != 0
		}):
			k.wrong(join(key, "chat_id"), "this chat with this bot is there already; take one of the two away")
		case same.Proxy != t.Proxy:
			k.wrong(join(key, "proxy"), "not that of %s, and both are the same bot", one)
		case same.APIURL != t.APIURL:
			k.wrong(join(key, "api_url"), "not that of %s, and both are the same bot", one)
		}
	}
}

// emails checks the mail servers and the addresses.
func (k *checker) emails() {
	for i, e := range k.c.Notify.Email {
		key := k.entry("notify.email", i)
		if k.marks[key]&wrongHere != 0 {
			continue // it is no group of keys
		}
		for _, m := range e.Mistakes() {
			at := join(key, m.Key)
			if file := at + "_file"; k.given(file) {
				at = file
			}
			k.wrong(at, "%s", m.Text)
		}
		if e.CAFile != "" {
			k.certificate(join(key, "ca_file"), e.CAFile)
		}
	}
}

func (k *checker) telegram(t telegram.Config, key string) {
	if t.Token == "" && !k.bad(join(key, "token")) && !k.bad(join(key, "token_file")) {
		k.wrong(join(key, "token"), "missing; @BotFather gives it. Write token_file: secrets/telegram")
	}
	switch {
	case t.ChatID == 0:
		k.wrong(join(key, "chat_id"), "missing; it is the number of your chat with the bot. To get it, run: watcherd test-notify --pair")
	case t.ChatID < 0:
		k.wrong(join(key, "chat_id"), "%d is a group; only a private chat is heard. To get its number, run: watcherd test-notify --pair", t.ChatID)
	}
	if t.APIURL != "" {
		u := k.address(join(key, "api_url"), t.APIURL, "http", "https")
		if u != nil && u.Scheme == "http" && !isLoopback(u.Hostname()) {
			k.warn(join(key, "api_url"), "http sends the bot's token in the clear; use https if you can")
		}
	}
	if t.Proxy != "" {
		k.address(join(key, "proxy"), t.Proxy, "http", "https", "socks5")
	}
}
