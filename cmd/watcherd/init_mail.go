package main

import (
	"context"
	"net"
	"net/mail"
	"slices"
	"strings"

	"github.com/watcherd/watcherd/pkg/notifier/email"
)

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
