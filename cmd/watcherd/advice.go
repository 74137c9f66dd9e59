package main

import (
	"regexp"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// advices says what to do about the errors that a channel meets while it is
// set up, the first that fits. The errors are those of Telegram, of mail
// servers and of Go's net packages.
var advices = []struct {
	fits   *regexp.Regexp
	zh, en string
}{
	{regexp.MustCompile(`(?i)unauthorized|refuses the token`),
		"token 不对：在 Telegram 里问 @BotFather（/token），抄全，中间没有空格", "The token is wrong: ask @BotFather in Telegram (/token) and copy all of it"},
	{regexp.MustCompile(`chat not found`),
		"先在 Telegram 里打开你的机器人，发一条消息；chat_id 用 watcherd test-notify --pair 取", "Open your bot in Telegram and send it a message first; watcherd test-notify --pair tells the chat_id"},
	{regexp.MustCompile(`blocked by the user`),
		"在 Telegram 里解除对这个机器人的屏蔽", "Unblock the bot in Telegram"},
	{regexp.MustCompile(`(?i)\b535\b|authenticationfailed|authentication failed|unsafe login`),
		"用户名或密码不对：QQ、163、Gmail 等要先在网页上打开 SMTP 和 IMAP，再用“授权码”当密码", "User name or password is wrong: many providers want SMTP and IMAP to be switched on first, and an app password"},
	{regexp.MustCompile(`\b55[013]\b`),
		"服务器不收这封信：检查 from（要和 smtp 的账号一致）和 to: 里的地址", "The server does not take this mail: check from, which has to be the account's own address, and to:"},
	{regexp.MustCompile(`(?i)starttls`),
		"这个端口不会 STARTTLS：465 和 993 端口用 security: tls", "This port has no STARTTLS: the ports 465 and 993 want security: tls"},
	{regexp.MustCompile(`first record does not look like a TLS handshake`),
		"这个端口不是直接 TLS：587 和 143 端口用 security: starttls", "This port does not begin with TLS: the ports 587 and 143 want security: starttls"},
	{regexp.MustCompile(`certificate`),
		"证书不对：检查地址和这台机器的时间；自己签的证书写进 ca_file", "The certificate will not do: check the address and the clock of this machine; your own authority goes into ca_file"},
	{regexp.MustCompile(`(?i)deadline exceeded|timeout|connection refused|no such host|unreachable|connection reset|no route`),
		"连不上：检查地址、端口和网络", "It cannot be reached: check address, port and network"},
}

// advice is the next step after an error of a channel; empty when none is
// known. telegram says that the channel is one of Telegram's, which is blocked
// in some countries, while a mail server that refuses a connection is not.
func advice(l notifier.Lang, problem string, telegram bool) string {
	for i, a := range advices {
		if !a.fits.MatchString(problem) {
			continue
		}
		said := l.Pick(a.zh, a.en)
		if telegram && i == len(advices)-1 {
			said += l.Pick("；这里连不上 Telegram 的话，给它配 proxy", "; where Telegram is blocked it wants a proxy")
		}
		return said
	}
	return ""
}
