// Command watcherd watches 12306 for seats and books them for one person or
// family. `watcherd --help` lists its commands.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit statuses.
const (
	exitFailed    = 1 // it did not work
	exitBadConfig = 2 // watch.yaml or the arguments cannot be right
)

// exit is an error that names its exit status. Text has been printed when it
// is empty.
type exit struct {
	status int
	text   string
}

func (e *exit) Error() string { return e.text }

func main() { os.Exit(run(os.Args[1:])) }

// run is main with the exit status as its result.
func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	root := command()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	e, ok := errors.AsType[*exit](err)
	if !ok {
		// cobra's own: an unknown command or flag.
		e = &exit{exitBadConfig, err.Error()}
	}
	if e.text != "" {
		fmt.Fprintf(os.Stderr, "watcherd: %s\n", e.text)
	}
	return e.status
}

// flags are those of every command.
type flags struct {
	config string
}

func command() *cobra.Command {
	f := &flags{}
	root := &cobra.Command{
		Use:   "watcherd",
		Short: "watches 12306 for train seats and books them for you",
		Long: `watcherd watches 12306.cn for train seats and books them for one person or
family. Where 12306 wants a human it asks your phone. It never pays, never
solves a captcha by itself, and never asks faster than its budget.

Start with:  watcherd init
or, to see it all on this machine alone:  watcherd demo`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.PersistentFlags().StringVar(&f.config, "config", "", "the configuration (default: watch.yaml, then /etc/watcherd/watch.yaml)")
	root.AddCommand(runCommand(f), checkCommand(f), queryCommand(f), loginCommand(f), captureCommand(f), demoCommand(), versionCommand(),
		statusCommand(f), ordersCommand(f), pauseCommand(f), resumeCommand(f), explainCommand(f), testNotifyCommand(f), initCommand(f))
	root.SetHelpCommand(helpCommand())
	completeRules(f, root)
	return root
}
