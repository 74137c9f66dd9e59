package config

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"

	"github.com/watcherd/watcherd/pkg/notifier/email"
	"github.com/watcherd/watcherd/pkg/notifier/services"
	"github.com/watcherd/watcherd/pkg/notifier/telegram"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher"
)

// Draft writes a first watch.yaml, with comments in the language of c: the
// state folder, base_url, the account, the channels and the rules, as far as c
// has them. Everything else is left out and has its default. Of secrets only
// the paths of their files are written (PasswordFile, never Password), and
// what a passenger travels as stands behind the name in Passengers.
//
// Whatever the values hold, the file reads as c: they are quoted where YAML
// wants it, and a ${ in them is no environment variable, but for [Credentials]
// at the beginning of a secret's path. Only bytes that are no UTF-8 become
// U+FFFD, for YAML has no way to write them.
func Draft(c *Config) []byte {
	w := &drafter{printer: printer{lang: c.Language}}
	w.printer.w = &w.b
	fmt.Fprintln(&w.b, modeline)
	w.line(`# watch.yaml，watcherd init 写的。存盘就生效；watcherd check 用话说出每条规则做什么。
# 全部可以写的键在 watch.yaml.example 里。密码、token 在各自的文件里（x_file）。
`, `# watch.yaml, written by watcherd init. A saved edit takes effect by itself;
# watcherd check says in words what each rule will do. Every key there is stands
# in watch.yaml.example. Passwords and tokens are in files of their own (x_file).
`)
	w.key("", "language", string(c.Language), "通知用的语言：zh | en", "of everything sent to you: zh | en")
	if c.StateDir != "" {
		w.key("", "state_dir", quote(c.StateDir), "状态放在这里", "journal and session")
	}
	w.twelve306(&c.Twelve306)
	w.notify(&c.Notify)
	w.line("\nrules:", "\nrules:")
	for i := range c.Rules {
		w.rule(&c.Rules[i])
	}
	return w.b.Bytes()
}

// modeline tells editors where the schema is that completes and checks the
// file, as in watch.yaml.example.
const modeline = "# yaml-language-server: $schema=/usr/share/watcherd/watch.schema.json"

// Credentials is the folder in which systemd hands secrets to a service, as a
// path in watch.yaml begins with it.
const Credentials = "${CREDENTIALS_DIRECTORY}/"

// drafter writes lines of a watch.yaml.
type drafter struct {
	printer
	b bytes.Buffer
}

// key writes one key with its value, as YAML, and a comment.
func (w *drafter) key(indent, name, value, zh, en string) {
	line := indent + name + ": " + value
	if comment := w.lang.Pick(zh, en); comment != "" {
		line += strings.Repeat(" ", max(commentColumn-columns(line), 1)) + "# " + comment
	}
	fmt.Fprintln(&w.b, strings.TrimRight(line, " "))
}

// commentColumn is where comments begin, when the value leaves room.
const commentColumn = 36

// columns is how wide a text is on a terminal, a Chinese character being two.
func columns(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r >= 0x2e80 {
			n++
		}
	}
	return n
}

// given writes a key unless its value is empty.
func (w *drafter) given(indent, name, value, zh, en string) {
	switch secret, handed := strings.CutPrefix(value, Credentials); {
	case value == "":
	case handed && strings.HasSuffix(name, "_file"):
		n := scalarNode(secret)
		n.Value = Credentials + n.Value
		w.key(indent, name, marshal(n), zh, en)
	default:
		w.key(indent, name, quote(value), zh, en)
	}
}

func (w *drafter) twelve306(t *Twelve306) {
	local := t.BaseURL != "" && t.BaseURL != twelve306.DefaultBaseURL
	if !local && !t.HasAccount() {
		w.line("\n# 要订票，写上账号和规则里的 passengers：\n# twelve306:\n#   username: zhangsan\n#   password_file: secrets/12306",
			"\n# To book, write the account here and passengers in the rule:\n# twelve306:\n#   username: zhangsan\n#   password_file: secrets/12306")
		return
	}
	w.line("\ntwelve306:", "\ntwelve306:")
	if local {
		w.key("  ", "base_url", quote(t.BaseURL), "模拟器，不是真的 12306", "a simulator, not the real 12306")
		w.key("  ", "service_hours", `"00:00-24:00"`, "模拟器不休息", "a simulator never closes")
	}
	w.given("  ", "username", t.Username, "12306 账号", "12306 account")
	w.given("  ", "password_file", t.PasswordFile, "密码在这个文件里", "holds the password")
	w.given("  ", "id_last4_file", t.IDLast4File, "身份证后四位，短信登录要用", "last four of your ID number, for SMS login")
}

func (w *drafter) notify(n *Notify) {
	if n.None() {
		w.line("\n# 没有写 notify：消息和问题都在运行 watcherd 的终端里。", "\n# Without notify: news and questions appear in the terminal that watcherd runs in.")
		return
	}
	w.line("\nnotify:", "\nnotify:")
	for _, t := range n.Telegram {
		w.telegram(t)
	}
	for _, e := range n.Email {
		w.email(e)
	}
	if n.Web != nil {
		w.line("  web:", "  web:")
		w.key("    ", "listen", quote(n.Web.Listen), "回答验证码的网页", "the page on which captchas are answered")
		w.key("    ", "public_url", quote(n.Web.PublicURL), "手机要能打开，就写反向代理或隧道的地址", "for a phone: the address of your reverse proxy or tunnel")
	}
	if len(n.Services) > 0 {
		w.line("  services:", "  services:")
	}
	for _, s := range n.Services {
		w.service(s)
	}
}

func (w *drafter) telegram(t telegram.Config) {
	w.line("  telegram:", "  telegram:")
	w.given("    ", "token_file", t.TokenFile, "@BotFather 给的", "from @BotFather")
	w.key("    ", "chat_id", strconv.FormatInt(t.ChatID, 10), "只听这个聊天", "only this chat is heard")
	w.given("    ", "proxy", t.Proxy, "", "")
	w.given("    ", "api_url", t.APIURL, "", "")
}

func (w *drafter) email(e email.Config) {
	w.line("  email:", "  email:")
	w.key("    ", "from", quote(e.From), "", "")
	w.key("    ", "to", list(e.To), "只听这些地址的回信", "only replies from here are heard")
	w.line("    smtp:", "    smtp:")
	w.server(e.SMTP)
	if e.IMAP != nil {
		w.line("    imap:                           # 回信从这里收；不写就只发信", "    imap:                           # where replies come in; without it mail only goes out")
		w.server(*e.IMAP)
	}
}

func (w *drafter) server(s email.Server) {
	w.key("      ", "addr", quote(s.Addr), "", "")
	w.given("      ", "security", s.Security, "", "")
	w.given("      ", "username", s.Username, "", "")
	w.given("      ", "password_file", s.PasswordFile, "", "")
}

func (w *drafter) service(s services.Service) {
	group := func(name string, pairs ...string) {
		w.line("    - %s:", "    - %s:", name)
		for i := 0; i < len(pairs); i += 2 {
			w.given("        ", pairs[i], pairs[i+1], "", "")
		}
	}
	switch {
	case s.Bark != nil:
		group("bark", "device_key_file", s.Bark.DeviceKeyFile, "server", s.Bark.Server)
	case s.WeCom != nil:
		group("wecom", "key_file", s.WeCom.KeyFile)
	case s.DingTalk != nil:
		group("dingtalk", "token_file", s.DingTalk.TokenFile, "secret_file", s.DingTalk.SecretFile)
	case s.Lark != nil:
		group("lark", "webhook_file", s.Lark.WebhookFile, "secret_file", s.Lark.SecretFile)
	case s.Ntfy != nil:
		group("ntfy", "topic_file", s.Ntfy.TopicFile, "reply_topic_file", s.Ntfy.ReplyTopicFile, "server", s.Ntfy.Server)
	case s.Discord != nil:
		group("discord", "webhook_file", s.Discord.WebhookFile)
	case s.Slack != nil:
		group("slack", "webhook_file", s.Slack.WebhookFile)
	case s.ServerChan != nil:
		group("serverchan", "key_file", s.ServerChan.KeyFile)
	case s.PushPlus != nil:
		group("pushplus", "token_file", s.PushPlus.TokenFile)
	}
}

func (w *drafter) rule(r *watcher.Rule) {
	w.key("  - ", "name", quote(r.Name), "一条规则就是它的名字", "a rule is its name")
	w.key("    ", "date", plainList(runs(r.Dates)), "可以是几天，也可以是 2027-02-04..2027-02-06", "one, a list, ranges: 2027-02-04..2027-02-06")
	w.key("    ", "from", list(names(r.From, twelve306.Station.String)), "", "")
	w.key("    ", "to", list(names(r.To, twelve306.Station.String)), "", "")
	trains := r.Trains.Wanted()
	for _, x := range r.Trains.Excluded() {
		trains = append(trains, "!"+x)
	}
	if len(trains) > 0 {
		w.key("    ", "trains", list(trains), "按喜好排；* 任意，! 不要", "in order of preference; * any, ! not that one")
	} else {
		w.line("    # trains: [G1110, \"G11*\"]       # 不写就是全部车次", "    # trains: [G1110, \"G11*\"]       # left out: every train")
	}
	if r.Depart.IsZero() {
		w.line("    # depart: 08:00-14:00           # 不写就是任何时间", "    # depart: 08:00-14:00           # left out: any time")
	} else {
		w.key("    ", "depart", quote(r.Depart.String()), "出发时间", "when it departs")
	}
	if len(r.Seats) > 0 {
		w.key("    ", "seats", list(names(r.Seats, func(s twelve306.Seat) string { return w.lang.Pick(s.Name(), s.English()) })), "按喜好排", "in order of preference")
	} else {
		w.line("    # seats: [二等座, 一等座]       # 不写就是除无座外都行", "    # seats: [second, first]        # left out: every kind but standing")
	}
	if len(r.Passengers) > 0 {
		w.key("    ", "passengers", list(r.Passengers), "和 12306 账号里存的一样", "as saved in the 12306 account")
	}
	w.key("    ", "action", string(r.Action), "notify 只通知 | ask 先问你 | book 直接订", "notify: tell me | ask: offer it | book: book it")
}

// runs writes days as watch.yaml has them, days in a row as a range.
func runs(days []twelve306.Date) []string {
	var out []string
	for i := 0; i < len(days); {
		k := i
		for k+1 < len(days) && days[k].AddDays(1) == days[k+1] {
			k++
		}
		text := days[i].String()
		if k > i {
			text += ".." + days[k].String()
		}
		out = append(out, text)
		i = k + 1
	}
	return out
}

func names[T any](list []T, name func(T) string) []string {
	out := make([]string, len(list))
	for i, x := range list {
		out[i] = name(x)
	}
	return out
}

// quote writes a text as a YAML value that reads as this text.
func quote(text string) string { return marshal(scalarNode(text)) }

// list writes a text as itself, several as a list.
func list(texts []string) string {
	if len(texts) == 1 {
		return quote(texts[0])
	}
	n := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, t := range texts {
		n.Content = append(n.Content, scalarNode(t))
	}
	return marshal(n)
}

// plainList is list for words that need no quotes.
func plainList(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return "[" + strings.Join(words, ", ") + "]"
}

func scalarNode(text string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: strings.ToValidUTF8(strings.ReplaceAll(text, "${", "$${"), "\ufffd")}
	if strings.ContainsFunc(text, unicode.IsControl) {
		n.Style = yaml.DoubleQuotedStyle // not a block of lines
	}
	return n
}

func marshal(n *yaml.Node) string {
	b, err := yaml.Marshal(n)
	if err != nil {
		panic("config: " + err.Error()) // text always is YAML
	}
	return strings.TrimRight(string(b), "\n")
}
