package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher/config"
)

func checkCommand(f *flags) *cobra.Command {
	return &cobra.Command{
		Use: "check", Short: "read the configuration and say what each rule will do; contacts nobody", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load(f)
			if err != nil {
				return err
			}
			return c.Describe(cmd.OutOrStdout(), time.Now())
		},
	}
}

// load reads the configuration; its mistakes are printed, one line each, and
// end the program with status 2.
func load(f *flags) (*config.Config, error) {
	c, err := config.Load(configPath(f), os.LookupEnv, twelve306.DateOf(time.Now()))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return nil, &exit{status: exitBadConfig}
	}
	for _, w := range c.Warnings {
		fmt.Fprintf(os.Stderr, "%v (warning)\n", w)
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
