package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/notifier/terminal"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher"
	"github.com/watcherd/watcherd/pkg/watcher/config"
)

func loginCommand(f *flags) *cobra.Command {
	var level string
	c := &cobra.Command{
		Use: "login", Short: "log in to 12306 now and keep the session for the daemon", Args: cobra.NoArgs,
		Long: `login logs in to 12306 and keeps the session in the state folder, where the
daemon finds it. What 12306 wants to know is asked on every configured channel
and here: pictures and QR codes are drawn in the terminal.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load(f)
			if err != nil {
				return err
			}
			return login(cmd, c, level)
		},
	}
	c.Flags().StringVar(&level, "log-level", "error", "debug, info, warn or error")
	return c
}

func login(cmd *cobra.Command, c *config.Config, level string) error {
	if !c.Twelve306.HasAccount() {
		return &exit{exitFailed, c.Path + " names no account: set twelve306.username and password_file (or login: qr)"}
	}
	log, err := newLog("auto", level, c.Location)
	if err != nil {
		return &exit{exitBadConfig, err.Error()}
	}
	p, err := channels(c, log)
	if err != nil {
		return &exit{exitBadConfig, err.Error()}
	}
	if !p.hearsTerminal {
		// A pipe tells and hears as well, but a picture is drawn for people only.
		o := terminal.Options{Lang: c.Language}
		if !term.IsTerminal(int(os.Stderr.Fd())) {
			o.Columns = -1
		}
		t := terminal.New(os.Stdin, os.Stderr, o)
		p.channels = append(p.channels, notifier.Channel{Name: "here", Notifier: t})
		p.run = append(p.run, t.Run)
	}
	opt, err := options(c, p, log)
	if err != nil {
		return &exit{exitBadConfig, err.Error()}
	}
	w, err := watcher.Open(opt)
	if watcher.IsLocked(err) {
		return &exit{exitFailed, err.Error() + "; that daemon logs in by itself and asks on the configured channels: answer there, or stop it first"}
	}
	if err != nil {
		return &exit{exitFailed, err.Error()}
	}
	defer w.Close()
	if err := p.listen(); err != nil {
		return &exit{exitFailed, err.Error()}
	}
	defer p.hear(cmd.Context(), log)()
	names, err := w.Login(cmd.Context())
	if twelve306.KindOf(err) == "" && err != nil && cmd.Context().Err() != nil {
		return &exit{exitFailed, "interrupted"}
	}
	if err != nil {
		return &exit{exitFailed, "could not log in: " + err.Error()}
	}
	fmt.Fprintf(cmd.OutOrStdout(), c.Language.Pick("已登录 12306（%s），会话已保存；账户里的乘车人：%s\n", "Logged in to 12306 as %s; the session is kept. Passengers saved in the account: %s\n"),
		opt.Account.Credentials, strings.Join(names, c.Language.Pick("、", ", ")))
	for _, trouble := range w.Unfit(cmd.Context()) {
		fmt.Fprintf(cmd.OutOrStdout(), c.Language.Pick("注意，规则有票也订不了——%s\n", "Mind that a rule could not book: %s\n"), trouble)
	}
	return nil
}
