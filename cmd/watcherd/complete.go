package main

import (
	"context"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher/config"
)

// helpCommand is cobra's, but that a command which is not there is a mistake.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use: "help [command]", Short: "Help about any command",
		Long: "Help provides help for any command in the application.\nSimply type watcherd help [path to command] for full details.",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, _, err := cmd.Root().Find(args)
			if err != nil {
				return err
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

// completeRules offers a shell the names of rules where one is wanted, and the
// choices of --login.
func completeRules(f *flags, root *cobra.Command) {
	for _, c := range root.Commands() {
		switch c.Name() {
		case "pause", "resume", "explain":
			c.ValidArgsFunction = func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
				if len(args) > 0 {
					return nil, cobra.ShellCompDirectiveNoFileComp
				}
				return ruleNames(cmd.Context(), f), cobra.ShellCompDirectiveNoFileComp
			}
		case "demo":
			_ = c.RegisterFlagCompletionFunc("login", cobra.FixedCompletions([]string{"captcha", "sms", "qr"}, cobra.ShellCompDirectiveNoFileComp)) // it fails only for a flag that is not there
		}
	}
}

// ruleNames are those of the running daemon, else those of the file. Nothing is
// printed: somebody is typing.
func ruleNames(ctx context.Context, f *flags) (names []string) {
	path := configPath(f)
	if c, err := config.Outline(path, os.LookupEnv); err == nil {
		var s statusView
		if ctx == nil {
			ctx = context.Background()
		}
		if (&caller{c, f.config}).get(ctx, http.MethodGet, "/status", nil, &s) == nil {
			for _, r := range s.Rules {
				names = append(names, r.Name)
			}
			return names
		}
	}
	c, err := config.Load(path, os.LookupEnv, twelve306.DateOf(time.Now()))
	if err != nil {
		return nil
	}
	for _, r := range c.Rules {
		names = append(names, r.Name)
	}
	return names
}
