package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/mail"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/watcherd/watcherd/pkg/notifier/email"
	"github.com/watcherd/watcherd/pkg/notifier/services"
	"github.com/watcherd/watcherd/pkg/notifier/telegram"
	"github.com/watcherd/watcherd/pkg/notifier/web"
)

// askChannels asks how the user is told.
func (s *setup) askChannels(ctx context.Context) error {
	kinds := []struct {
		zh, en string
		ask    func(context.Context) error
	}{
		{"Telegram（能在手机上回答验证码）", "Telegram (answers captchas, too)", s.askTelegram},
		{"邮件（回复邮件就是回答）", "email (a reply is an answer)", s.askEmail},
		{"Bark（iPhone，只通知）", "Bark (iPhone; news only)", s.askBark},
		{"企业微信群机器人（只通知）", "WeCom group robot (news only)", s.askWeCom},
		{"钉钉群机器人（只通知）", "DingTalk group robot (news only)", s.askDingTalk},
		{"ntfy（只通知）", "ntfy (news only)", s.askNtfy},
		{"都不要：消息和问题就在运行它的终端里", "none: news and questions in the terminal it runs in", nil},
	}
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
	n := &s.config.Notify
	if hears := len(n.Telegram) > 0 || len(n.Email) > 0 && n.Email[0].IMAP != nil; s.rule().Action.Orders() && !hears && !n.None() {
		n.Web = &web.Config{Listen: web.DefaultListen}
		s.say("这些渠道只能通知，不能回答；订票要回答验证码，所以加上了答题页（http://%s，先只有这台机器能打开）。", "These channels tell and cannot hear; to book, captchas have to be answered, so the answer page is added (http://%s, for this machine only at first).", web.DefaultListen)
	}
	return nil
}

var botToken = regexp.MustCompile(`^\d+:[A-Za-z0-9_-]+$`)

// askTelegram asks for a bot and finds the user's chat with it.
func (s *setup) askTelegram(ctx context.Context) error {
	bot := telegram.Config{APIURL: s.botAPI}
	for {
		file, err := s.askSecret(ctx, "telegram", question{
			text: s.lang.Pick("Telegram 机器人的 token？（不显示）", "The token of your Telegram bot? (not shown)"),
			help: s.lang.Pick("在 Telegram 里找 @BotFather，发 /newbot，按它说的起名字；它给的 123456:ABC... 就是 token。", "In Telegram talk to @BotFather, send /newbot and name your bot; the 123456:ABC... that he gives you is the token."),
		}, func(answer string) (string, error) {
			answer = strings.TrimSpace(answer)
			if !botToken.MatchString(answer) {
				return "", s.sorry("这不像 token：它是数字、冒号、再一串字母，例如 123456:ABC...，@BotFather 给的。", "That is no token: it is digits, a colon and letters, as 123456:ABC..., from @BotFather.")
			}
			bot.Token = answer
			return answer, nil
		})
		if err != nil {
			return err
		}
		bot.TokenFile = file
		bot.Proxy, err = ask(ctx, s.talk, question{
			text: s.lang.Pick("连 Telegram 要代理吗？（例如 socks5://127.0.0.1:1080；Enter = 不要）", "A proxy for Telegram? (such as socks5://127.0.0.1:1080; Enter = none)"),
			help: s.lang.Pick("在中国大陆一般要。写 http://、https:// 或 socks5:// 开头的地址。", "Where Telegram cannot be reached directly. An address that begins with http://, https:// or socks5://."),
			free: true,
		}, func(answer string) (string, error) {
			if u, err := url.Parse(answer); answer != "" && (err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "socks5"}, u.Scheme)) {
				return "", s.sorry("这不是代理的地址；写成 socks5://127.0.0.1:1080 或 http://127.0.0.1:7890，Enter = 不要。", "That is no address of a proxy; type socks5://127.0.0.1:1080 or http://127.0.0.1:7890, or Enter for none.")
			}
			return answer, nil
		})
		if err != nil {
			return err
		}
		bot.ChatID, err = ask(ctx, s.talk, question{
			text: s.lang.Pick("你和机器人聊天的编号 chat_id？（Enter = 现在配对）", "The chat_id of your chat with the bot? (Enter = find it out now)"),
			help: s.lang.Pick("不知道就按 Enter：这里会显示六位数字，你把它发给机器人就行。", "If you do not know it press Enter: six digits appear here, and you send them to the bot."),
			free: true,
		}, func(answer string) (int64, error) {
			id, err := strconv.ParseInt(answer, 10, 64)
			if answer != "" && (err != nil || id <= 0) {
				return 0, s.sorry("chat_id 是一个正整数（群不行）；不知道就按 Enter 配对。", "A chat_id is a whole number above 0 (no group); Enter finds it out.")
			}
			return id, nil
		})
		if err != nil {
			return err
		}
		if bot.ChatID == 0 {
			bot.ChatID, err = s.pair(ctx, bot)
		}
		if err == nil && bot.ChatID != 0 {
			s.config.Notify.Telegram = append(s.config.Notify.Telegram, bot)
			return nil
		}
		if err != nil {
			return err
		}
		n, err := s.choose(ctx, s.lang.Pick("怎么办？", "What now?"), s.lang.Pick("写编号。", "Type a number."), 1,
			s.lang.Pick("再试一次", "try again"), s.lang.Pick("不要 Telegram 了", "leave Telegram out"))
		if err != nil {
			return err
		}
		if n == 2 {
			s.secrets = slices.DeleteFunc(s.secrets, func(f secretFile) bool { return f.name == bot.TokenFile })
			return nil
		}
	}
}

// pair finds out the number of the user's chat with the bot; 0 when that did
// not work, which has been said. Where Telegram cannot be reached nobody waits:
// that wants another answer about the proxy.
func (s *setup) pair(ctx context.Context, bot telegram.Config) (int64, error) {
	pairing, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	log := zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zapcore.EncoderConfig{}), zapcore.AddSync(io.Discard), zap.WarnLevel),
		zap.Hooks(func(zapcore.Entry) error {
			giveUp(errNoTelegram)
			return nil
		}))
	code, found, err := telegram.Pair(pairing, bot, s.lang, log)
	if err != nil {
		s.say("配对不了：%v", "The pairing does not work: %v", err)
		return 0, nil
	}
	s.say("在 Telegram 里打开你的机器人，把这六位数字发给它（%.0f 分钟内有效）：\n\n    %s\n", "Open your bot in Telegram and send it these six digits (they are good for %.0f minutes):\n\n    %s\n",
		telegram.PairTimeout.Minutes(), code)
	f := <-found
	switch {
	case ctx.Err() != nil:
		return 0, errStopped
	case f.Err == nil:
		s.say("找到了：%s 的聊天。", "Found: the chat of %s.", f.Chat.Name)
		return f.Chat.ID, nil
	case errors.Is(f.Err, telegram.ErrNotPaired):
		s.say("没有人在时限内把数字发给机器人。", "Nobody has sent the digits to the bot in time.")
	case errors.Is(context.Cause(pairing), errNoTelegram):
		s.say("连不上 Telegram。在中国大陆要写代理，例如 socks5://127.0.0.1:1080；写了还不行，就看代理开着没有。", "Telegram cannot be reached. Where it is blocked it wants a proxy, such as socks5://127.0.0.1:1080; with one, see whether that is running.")
	default:
		s.say("配对不了：%v", "The pairing does not work: %v", f.Err)
	}
	return 0, nil
}

// errNoTelegram ends a pairing for which Telegram cannot be reached.
var errNoTelegram = errors.New("no way to Telegram")

// mailHost is what is known of a provider of mailboxes.
type mailHost struct {
	domains    string
	smtp, imap string
	zh, en     string // what its password is
}

// mailHosts are what the providers say in their help pages (2024 to 2026).
var mailHosts = []mailHost{
	{"qq.com foxmail.com", "smtp.qq.com:465", "imap.qq.com:993", "授权码（网页版 设置 → 账号 → 开启 IMAP/SMTP 后生成），不是 QQ 密码", "授权码 (web mail: settings, account, turn IMAP/SMTP on), not QQ's password"},
	{"163.com", "smtp.163.com:465", "imap.163.com:993", "授权码（网页版 设置 → POP3/SMTP/IMAP 开启后生成），不是登录密码", "授权码 (web mail: settings, POP3/SMTP/IMAP), not the password you log in with"},
	{"126.com", "smtp.126.com:465", "imap.126.com:993", "授权码（网页版 设置 → POP3/SMTP/IMAP 开启后生成），不是登录密码", "授权码 (web mail: settings, POP3/SMTP/IMAP), not the password you log in with"},
	{"gmail.com googlemail.com", "smtp.gmail.com:587", "imap.gmail.com:993", "应用专用密码（myaccount.google.com/apppasswords，要先开两步验证），不是 Google 密码", "an app password (myaccount.google.com/apppasswords, needs 2-step verification), not Google's password"},
	{"outlook.com hotmail.com live.com msn.com", "smtp-mail.outlook.com:587", "outlook.office365.com:993", "应用密码；不过微软从 2024 年 9 月起个人邮箱多半只认 OAuth，登不上就换一个邮箱", "an app password; but since September 2024 Microsoft mostly takes OAuth alone for personal mailboxes: if it is refused, use another mailbox"},
	{"icloud.com me.com mac.com", "smtp.mail.me.com:587", "imap.mail.me.com:993", "App 专用密码（account.apple.com 生成），不是 Apple 密码", "an app-specific password (account.apple.com), not Apple's password"},
}

// mailHostOf returns what is known of an address's provider.
func mailHostOf(address string) (mailHost, bool) {
	_, domain, _ := strings.Cut(address, "@")
	for _, h := range mailHosts {
		if slices.Contains(strings.Fields(h.domains), strings.ToLower(domain)) {
			return h, true
		}
	}
	return mailHost{}, false
}

// askEmail asks for the mailbox that mails come from, and whom they go to.
func (s *setup) askEmail(ctx context.Context) error {
	var e email.Config
	address := func(answer string) (string, error) {
		a, err := mail.ParseAddress(narrow(answer))
		if err != nil || a.Name != "" || len(a.Address) > 320 || !strings.Contains(a.Address, "@") {
			return "", s.sorry("%q 不是邮件地址；写成 me@example.com。", "%q is no mail address; type it as me@example.com.", answer)
		}
		return a.Address, nil
	}
	to, err := ask(ctx, s.talk, question{
		text: s.lang.Pick("你的邮件地址？（通知发到这里，也只听这里的回信）", "Your mail address? (news go there, and only replies from there are heard)"),
		help: s.lang.Pick("写你平时在手机上收信的地址。", "The address whose mail you read on your phone."),
	}, address)
	if err != nil {
		return err
	}
	e.To = []string{to}
	if e.From, err = ask(ctx, s.talk, question{
		text: s.lang.Pick("用哪个邮箱发信？（最好是单独的一个）", "Which mailbox do the mails come from? (one of its own is best)"),
		help: s.lang.Pick("watcherd 用它的账号发信、收回信。用你自己的也行，按 Enter。", "watcherd sends and reads replies with its account. Your own will do: Enter."), enter: to,
	}, address); err != nil {
		return err
	}
	host, known := mailHostOf(e.From)
	e.SMTP, e.IMAP = email.Server{Addr: host.smtp, Username: e.From}, &email.Server{Addr: host.imap, Username: e.From}
	if !known {
		_, domain, _ := strings.Cut(e.From, "@")
		if e.SMTP.Addr, err = s.askServer(ctx, s.lang.Pick("发信的服务器（SMTP）？", "The server that mail goes out through (SMTP)?"), "smtp."+domain+":465", false); err != nil {
			return err
		}
		if e.IMAP.Addr, err = s.askServer(ctx, s.lang.Pick("收回信的服务器（IMAP）？写 - 就只发信", "The server that replies come in through (IMAP)? - for none: mail only goes out"), "imap."+domain+":993", true); err != nil {
			return err
		}
	}
	title := s.lang.Pick("这个邮箱的密码？（不显示）", "The password of that mailbox? (not shown)")
	if known {
		s.say("%s：要的是%s。", "%s wants %s.", e.From, s.lang.Pick(host.zh, host.en))
		title = s.lang.Pick("密码或授权码？（不显示）", "The password? (not shown)")
	}
	file, err := s.askSecret(ctx, "mail", question{
		text: title,
		help: s.lang.Pick("很多邮箱要的是授权码或应用专用密码，在邮箱的设置里生成。", "Many providers want an app password (授权码), made in the settings of the mailbox."),
	}, func(answer string) (string, error) { return strings.TrimSpace(answer), nil })
	if err != nil {
		return err
	}
	e.SMTP.PasswordFile, e.IMAP.PasswordFile = file, file
	if e.IMAP.Addr == "" {
		e.IMAP = nil
	}
	s.config.Notify.Email = append(s.config.Notify.Email, e)
	return nil
}

// askServer asks for host:port; with none, - is no server.
func (s *setup) askServer(ctx context.Context, title, guess string, none bool) (string, error) {
	return ask(ctx, s.talk, question{
		text: title, enter: guess, help: s.lang.Pick("写 服务器:端口，邮箱的帮助页里有；465 和 993 是加密的。", "Type host:port, as your provider's help says; 465 and 993 are encrypted."),
	}, func(answer string) (string, error) {
		if none && answer == "-" {
			return "", nil
		}
		host, port, err := net.SplitHostPort(narrow(answer))
		if n := atoi(port); err != nil || host == "" || strings.ContainsAny(host, " /@") || n < 1 || n > 65535 {
			return "", s.sorry("看不懂 %q；写成 %s。", "%q is not understood; type it as %s.", answer, guess)
		}
		return net.JoinHostPort(host, port), nil
	})
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

func (s *setup) askBark(ctx context.Context) error {
	file, server, err := s.key(ctx, "bark", "", "https://api.day.app", question{
		text: s.lang.Pick("Bark 的 key？（不显示；整个网址也行）", "Bark's key? (not shown; the whole address will do)"),
		help: s.lang.Pick("打开 Bark，首页的网址 https://api.day.app/KEY/... 里的那一段。", "In the app: the part of https://api.day.app/KEY/... on its first page."),
	})
	if err == nil {
		if strings.HasPrefix(server, "http") {
			s.say("用你自己的 Bark 服务器 %s。", "Your own Bark server, %s.", server)
		}
		s.addService(services.Service{Bark: &services.Bark{DeviceKeyFile: file, Server: server}})
	}
	return err
}

func (s *setup) askWeCom(ctx context.Context) error {
	file, _, err := s.key(ctx, "wecom", "key", "", question{
		text: s.lang.Pick("企业微信机器人的 key？（不显示；整个 Webhook 地址也行）", "The key of the WeCom robot? (not shown; the whole webhook address will do)"),
		help: s.lang.Pick("群设置 → 群机器人 → Webhook 地址里 key= 后面的一段。", "Group settings, group robot: what stands after key= in the webhook address."),
	})
	if err == nil {
		s.addService(services.Service{WeCom: &services.WeCom{KeyFile: file}})
	}
	return err
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

func (s *setup) askNtfy(ctx context.Context) error {
	file, server, err := s.key(ctx, "ntfy", "", "https://ntfy.sh", question{
		text: s.lang.Pick("ntfy 的主题？（不显示；自己的服务器就写整个网址）", "The ntfy topic? (not shown; for your own server the whole address)"),
		help: s.lang.Pick("在 ntfy App 里订阅的那个主题；谁知道名字谁就能看，所以起得难猜一点。", "The topic that you subscribe to in the app. Whoever knows it can read it: make it hard to guess."),
	})
	if err == nil {
		s.addService(services.Service{Ntfy: &services.Ntfy{TopicFile: file, Server: server}})
	}
	return err
}

func (s *setup) addService(one services.Service) {
	s.config.Notify.Services = append(s.config.Notify.Services, one)
}
