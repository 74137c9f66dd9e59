package main

import (
	"context"
	"crypto/rand"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/watcherd/watcherd/pkg/notifier/services"
	"github.com/watcherd/watcherd/pkg/notifier/web"
)

// channelKind is one line of the list of channels.
type channelKind struct {
	zh, en string
	ask    func(context.Context) error // nil: no channel at all
}

func (s *setup) channelKinds() []channelKind {
	kinds := []channelKind{
		{"Telegram（能回答验证码）", "Telegram (answers captchas, too)", s.askTelegram},
		{"邮件（回复邮件就是回答）", "email (a reply is an answer)", s.askEmail},
		{"ntfy（能回答验证码）", "ntfy (answers captchas, too)", s.askNtfy},
		{"钉钉群机器人（只通知）", "DingTalk group robot (news only)", s.askDingTalk},
		{"飞书群机器人（只通知）", "Feishu or Lark group robot (news only)", s.askLark},
	}
	for _, k := range keyedServices {
		kinds = append(kinds, channelKind{k.zh, k.en, func(ctx context.Context) error { return s.askKeyed(ctx, k) }})
	}
	if s.service {
		return append(kinds, channelKind{"都不要：消息只在日志里（journalctl -u watcherd）", "none: news are in the journal alone (journalctl -u watcherd)", nil})
	}
	return append(kinds, channelKind{"都不要：消息和问题就在运行它的终端里", "none: news and questions in the terminal it runs in", nil})
}

// askChannels asks how the user is told.
func (s *setup) askChannels(ctx context.Context) error {
	kinds := s.channelKinds()
	options := make([]string, len(kinds))
	for i, k := range kinds {
		options[i] = s.lang.Pick(k.zh, k.en)
	}
	chosen, err := s.several(ctx, s.lang.Pick("怎么通知你？（可以选几个，例如 1 3）", "How shall you be told? (several if you like: 1 3)"),
		s.lang.Pick("写编号。所有选上的渠道都会收到消息，最先的回答算数。以后随时能在 watch.yaml 里改。", "Type numbers. All of them are told, and the first answer wins. You can change it in watch.yaml at any time."),
		len(kinds), options...)
	if err != nil {
		return err
	}
	for _, n := range chosen {
		if k := kinds[n-1]; k.ask != nil {
			if err := k.ask(ctx); err != nil {
				return err
			}
		}
	}
	s.answerPage()
	return nil
}

// answerPage adds the page on which captchas are answered when there is no
// other way: a service has no terminal that one could type in.
func (s *setup) answerPage() {
	n := &s.config.Notify
	hears := len(n.Telegram) > 0 || len(n.Email) > 0 && n.Email[0].IMAP != nil ||
		slices.ContainsFunc(n.Services, func(one services.Service) bool { return one.Ntfy != nil && one.Ntfy.ReplyTopicFile != "" })
	if hears || !s.rule().Action.Orders() || n.None() && !s.service {
		return
	}
	n.Web = &web.Config{Listen: web.DefaultListen}
	s.say("这样没法回答，而订票要回答验证码，所以加上了答题页（http://%s，先只有这台机器能打开）。", "Nothing of that can hear, and to book, captchas have to be answered; so the answer page is added (http://%s, for this machine only at first).", web.DefaultListen)
}

// pasted takes apart what people paste for a key: the whole address. It returns
// the query parameter or, without a name, the last part of the path.
func pasted(answer, parameter string) (key, server string) {
	answer = strings.TrimSpace(answer)
	u, err := url.Parse(answer)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return answer, ""
	}
	if parameter != "" {
		return u.Query().Get(parameter), ""
	}
	return path.Base(path.Clean("/" + u.Path)), u.Scheme + "://" + u.Host
}

// key asks for a key of a service. server is where it is when the user has
// pasted an address of his own server.
func (s *setup) key(ctx context.Context, name, parameter, official string, q question) (file, server string, err error) {
	file, err = s.askSecret(ctx, name, q, func(answer string) (string, error) {
		key, at := pasted(answer, parameter)
		if key == "" || key == "/" || strings.ContainsAny(key, " /?&") {
			return "", s.sorry("这里面没有找到 key。%s", "There is no key in that. %s", q.help)
		}
		if server = at; at == official {
			server = ""
		}
		return key, nil
	})
	return file, server, err
}

// webhook asks for a whole address, which is the secret.
func (s *setup) webhook(ctx context.Context, name string, q question) (file string, err error) {
	return s.askSecret(ctx, name, q, func(answer string) (string, error) {
		answer = strings.TrimSpace(answer)
		if u, err := url.Parse(answer); err != nil || u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") == "" {
			return "", s.sorry("要整个地址，https:// 开头。%s", "It is the whole address, which begins with https://. %s", q.help)
		}
		return answer, nil
	})
}

// keyed is a service for which one secret is enough.
type keyed struct {
	name         string // of the file
	zh, en       string // in the list
	address      bool   // the secret is the whole address
	parameter    string // of the address that has the key in it; "": the key is its end
	official     string // server, which needs no mention
	zhAsk, enAsk string
	zhHow, enHow string
	entry        func(file, server string) services.Service
}

// keyedServices are, in the order of the list, what docs/channels tells of.
var keyedServices = []keyed{
	{
		name: "bark", zh: "Bark（iPhone，只通知）", en: "Bark (iPhone; news only)", official: "https://api.day.app",
		zhAsk: "Bark 的 key？（不显示；整个网址也行）", enAsk: "Bark's key? (not shown; the whole address will do)",
		zhHow: "打开 Bark，首页的网址 https://api.day.app/KEY/... 里的那一段。", enHow: "In the app: the part of https://api.day.app/KEY/... on its first page.",
		entry: func(file, server string) services.Service {
			return services.Service{Bark: &services.Bark{DeviceKeyFile: file, Server: server}}
		},
	},
	{
		name: "wecom", zh: "企业微信群机器人（只通知）", en: "WeCom group robot (news only)", parameter: "key",
		zhAsk: "企业微信机器人的 key？（不显示；整个 Webhook 地址也行）", enAsk: "The key of the WeCom robot? (not shown; the whole webhook address will do)",
		zhHow: "群设置 → 群机器人 → Webhook 地址里 key= 后面的一段。", enHow: "Group settings, group robot: what stands after key= in the webhook address.",
		entry: func(file, _ string) services.Service {
			return services.Service{WeCom: &services.WeCom{KeyFile: file}}
		},
	},
	{
		name: "serverchan", zh: "Server酱（微信，只通知，免费版一天五条）", en: "ServerChan (WeChat; news only, five a day for free)", parameter: "sendkey",
		zhAsk: "Server酱的 SendKey？（不显示）", enAsk: "ServerChan's SendKey? (not shown)",
		zhHow: "打开 https://sct.ftqq.com，微信登录，复制 SendKey（SCT... 或 sctp...）。", enHow: "Log in at https://sct.ftqq.com with WeChat and copy the SendKey: SCT... or sctp....",
		entry: func(file, _ string) services.Service {
			return services.Service{ServerChan: &services.ServerChan{KeyFile: file}}
		},
	},
	{
		name: "pushplus", zh: "pushplus 推送加（微信，只通知）", en: "pushplus (WeChat; news only)", parameter: "token",
		zhAsk: "pushplus 的 token？（不显示）", enAsk: "The token of pushplus? (not shown)",
		zhHow: "打开 https://www.pushplus.plus，微信登录并关注它的公众号，复制 token。", enHow: "Log in at https://www.pushplus.plus with WeChat, follow its account, and copy the token.",
		entry: func(file, _ string) services.Service {
			return services.Service{PushPlus: &services.PushPlus{TokenFile: file}}
		},
	},
	{
		name: "discord", zh: "Discord（只通知）", en: "Discord (news only)", address: true,
		zhAsk: "Discord 的 Webhook 地址？（不显示）", enAsk: "The webhook address of Discord? (not shown)",
		zhHow: "频道设置 → 整合 → Webhook → 新建 → 复制：https://discord.com/api/webhooks/...", enHow: "Channel settings, Integrations, Webhooks, New Webhook, Copy: https://discord.com/api/webhooks/...",
		entry: func(file, _ string) services.Service {
			return services.Service{Discord: &services.Discord{WebhookFile: file}}
		},
	},
	{
		name: "slack", zh: "Slack（只通知）", en: "Slack (news only)", address: true,
		zhAsk: "Slack 的 Webhook 地址？（不显示）", enAsk: "The webhook address of Slack? (not shown)",
		zhHow: "在 https://api.slack.com/apps 新建应用，打开 Incoming Webhooks，加到一个频道，复制地址：https://hooks.slack.com/services/...", enHow: "Make an app at https://api.slack.com/apps, switch Incoming Webhooks on, add one to a channel, copy it: https://hooks.slack.com/services/...",
		entry: func(file, _ string) services.Service {
			return services.Service{Slack: &services.Slack{WebhookFile: file}}
		},
	},
}

// askKeyed asks for the one secret of a service.
func (s *setup) askKeyed(ctx context.Context, k keyed) error {
	q := question{text: s.lang.Pick(k.zhAsk, k.enAsk), help: s.lang.Pick(k.zhHow, k.enHow)}
	var file, server string
	var err error
	if k.address {
		file, err = s.webhook(ctx, k.name, q)
	} else {
		file, server, err = s.key(ctx, k.name, k.parameter, k.official, q)
	}
	if err != nil {
		return err
	}
	if server != "" {
		s.say("用你自己的服务器 %s。", "Your own server, %s.", server)
	}
	s.addService(k.entry(file, server))
	return nil
}

func (s *setup) askDingTalk(ctx context.Context) error {
	file, _, err := s.key(ctx, "dingtalk", "access_token", "", question{
		text: s.lang.Pick("钉钉机器人的 access_token？（不显示；整个 Webhook 地址也行）", "The access_token of the DingTalk robot? (not shown; the whole webhook address will do)"),
		help: s.lang.Pick("群设置 → 机器人 → 自定义 → Webhook 地址里 access_token= 后面的一段。", "Group settings, robots, custom: what stands after access_token= in the webhook address."),
	})
	if err != nil {
		return err
	}
	sign, err := s.askSecret(ctx, "dingtalk-sign", question{
		text: s.lang.Pick("加签的密钥？（SEC 开头；没有就按 Enter）", "The key that signs? (begins with SEC; Enter if there is none)"),
		help: s.lang.Pick("机器人的安全设置选了“加签”才有；选了“关键词”就把 watcherd 写成关键词，这里按 Enter。", "Only if the robot's security setting is 加签 (signature). With a keyword, make it watcherd and press Enter."),
		free: true,
	}, func(answer string) (string, error) {
		answer = strings.TrimSpace(answer)
		if !strings.HasPrefix(answer, "SEC") {
			return "", s.sorry("加签的密钥以 SEC 开头；没有就按 Enter。", "It begins with SEC; Enter if there is none.")
		}
		return answer, nil
	})
	if err == nil {
		s.addService(services.Service{DingTalk: &services.DingTalk{TokenFile: file, SecretFile: sign}})
	}
	return err
}

func (s *setup) askLark(ctx context.Context) error {
	file, err := s.webhook(ctx, "lark", question{
		text: s.lang.Pick("飞书机器人的 Webhook 地址？（不显示）", "The webhook address of the Feishu or Lark robot? (not shown)"),
		help: s.lang.Pick("群设置 → 群机器人 → 自定义机器人：https://open.feishu.cn/open-apis/bot/v2/hook/...", "Group settings, bots, custom bot: https://open.feishu.cn/open-apis/bot/v2/hook/... or https://open.larksuite.com/..."),
	})
	if err != nil {
		return err
	}
	sign, err := s.askSecret(ctx, "lark-sign", question{
		text: s.lang.Pick("签名校验的密钥？（没有就按 Enter）", "The key that signs? (Enter if there is none)"),
		help: s.lang.Pick("机器人的安全设置选了“签名校验”才有。", "Only if the robot's security setting is 签名校验 (signature)."),
		free: true,
	}, func(answer string) (string, error) { return strings.TrimSpace(answer), nil })
	if err == nil {
		s.addService(services.Service{Lark: &services.Lark{WebhookFile: file, SecretFile: sign}})
	}
	return err
}

// leastTopic is how many characters a topic has that is not guessed, as check
// wants of one that answers come in by.
const leastTopic = 16

// askNtfy asks for a topic, or makes one. A rule that orders gets a second
// topic for the answers: who knows it can answer, so nobody has to invent it.
func (s *setup) askNtfy(ctx context.Context) error {
	file, server, err := s.key(ctx, "ntfy", "", "https://ntfy.sh", question{
		text: s.lang.Pick("ntfy 的主题？（不显示；Enter = 起一个猜不到的；自己的服务器就写整个网址）", "The ntfy topic? (not shown; Enter makes one that nobody guesses; for your own server the whole address)"),
		help: s.lang.Pick("在 ntfy App 里订阅的那个主题；谁知道名字谁就能看，所以要难猜。", "The topic that you subscribe to in the app. Whoever knows it can read it: make it hard to guess."),
		free: true,
	})
	if err != nil {
		return err
	}
	one := &services.Ntfy{TopicFile: file, Server: server}
	if file == "" {
		topic := ""
		one.TopicFile, topic = s.newTopic("ntfy", "")
		s.say("在 ntfy App 里订阅这个主题：\n\n    %s", "Subscribe to this topic in the app:\n\n    %s", topic)
	}
	if s.rule().Action.Orders() {
		replies := ""
		one.ReplyTopicFile, replies = s.newTopic("ntfy-replies", s.known("ntfy"))
		s.say("\n再订阅这个主题，设为静音；验证码的答案发在里面（谁知道它谁就能替你回答）：\n\n    %s", "\nSubscribe to this one, too, and mute it; answers to captchas are sent there (whoever knows it can answer for you):\n\n    %s", replies)
	}
	s.addService(services.Service{Ntfy: one})
	return nil
}

// newTopic returns the topic that the file of that name holds already, if it
// is another one than the one given and will do, else makes one.
func (s *setup) newTopic(name, other string) (file, topic string) {
	topic = s.known(name)
	if len(topic) < leastTopic || topic == other {
		topic = strings.ToLower(rand.Text())
	}
	return s.remember(name, topic), topic
}

func (s *setup) addService(one services.Service) {
	s.config.Notify.Services = append(s.config.Notify.Services, one)
}
