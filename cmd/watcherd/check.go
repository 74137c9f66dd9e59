package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher/config"
)

func checkCommand(f *flags) *cobra.Command {
	var explain, schema bool
	c := &cobra.Command{
		Use: "check", Short: "read the configuration and say what each rule will do; contacts nobody", Args: cobra.NoArgs,
		Long: `check reads the configuration and says in words what each rule will do and when
it looks next. It contacts nobody.

Every mistake is one line on standard error, with its place and what would be
right; on a terminal, or with --explain, the line of the file follows with a
mark under the place. A line on which a secret may stand is never shown.`,
		Example: `  watcherd check
  watcherd check --config /etc/watcherd/watch.yaml
  watcherd check --schema > watch.schema.json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if schema {
				_, err := cmd.OutOrStdout().Write(config.Schema)
				return err
			}
			toPeople := term.IsTerminal(int(os.Stderr.Fd()))
			c, err := loadExplained(f, explain || toPeople)
			if err != nil {
				return err
			}
			if toPeople && term.IsTerminal(int(os.Stdout.Fd())) {
				c.Warnings = nil // they stand there already
			}
			return c.Describe(cmd.OutOrStdout(), time.Now())
		},
	}
	c.Flags().BoolVar(&explain, "explain", false, "show the line of each mistake, with a mark under the place")
	c.Flags().BoolVar(&schema, "schema", false, "print the JSON Schema of watch.yaml, for editors, and check nothing")
	return c
}

// load reads the configuration; its mistakes are printed, one line each, and
// end the program with status 2.
func load(f *flags) (*config.Config, error) { return loadExplained(f, false) }

// loadExplained is load with the lines of the file below the mistakes.
func loadExplained(f *flags, explain bool) (*config.Config, error) {
	show := func(p config.Problem, end string) {
		fmt.Fprintf(os.Stderr, "%v%s\n", p, end)
		if lines := p.Excerpt(); explain && lines != "" {
			fmt.Fprintf(os.Stderr, "    %s\n", strings.ReplaceAll(lines, "\n", "\n    "))
		}
	}
	c, err := config.Load(configPath(f), os.LookupEnv, twelve306.DateOf(time.Now()))
	if err != nil {
		problems, _ := errors.AsType[config.Problems](err)
		for _, p := range problems {
			show(p, "")
		}
		return nil, &exit{status: exitBadConfig}
	}
	for _, w := range c.Warnings {
		show(w, " (warning)")
	}
	return c, nil
}

// systemConfig is where a package puts the configuration.
const systemConfig = "/etc/watcherd/watch.yaml"

func configPath(f *flags) string {
	if f.config != "" {
		return f.config
	}
	const local = "watch.yaml"
	if _, err := os.Stat(local); err != nil {
		if _, err := os.Stat(systemConfig); err == nil {
			return systemConfig
		}
	}
	return local
}
