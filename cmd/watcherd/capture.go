package main

import (
	"errors"
	"fmt"
	"io/fs"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/watcherd/watcherd/pkg/watcher"
)

func captureCommand(f *flags) *cobra.Command {
	return &cobra.Command{
		Use: "capture [NAME]", Short: "list the copies of what 12306 said and watcherd did not understand, or print one; contacts nobody",
		Long: `watcherd keeps a copy of a reply of 12306 that it does not understand, without
cookies, tokens, names and numbers of people. A report of what has changed at
12306 is best made with one of them; read it before you send it.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := load(f)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				return printCapture(cmd, c.StateDir, args[0])
			}
			list, err := watcher.Captures(c.StateDir)
			if err != nil {
				return &exit{exitFailed, err.Error()}
			}
			if len(list) == 0 {
				fmt.Fprintf(cmd.ErrOrStderr(), "No copies in %s: 12306 has said nothing that was not understood.\n", c.StateDir)
				return nil
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
			fmt.Fprintln(w, "TIME\tSTEP\tWHY\tBYTES\tPATH")
			for _, k := range list {
				fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", k.At.In(c.Location).Format("2006-01-02 15:04:05"), k.Step, k.Why, k.Size, k.Path)
			}
			return w.Flush()
		},
	}
}

func printCapture(cmd *cobra.Command, dir, name string) error {
	text, err := watcher.ReadCapture(dir, name)
	if errors.Is(err, fs.ErrNotExist) {
		return &exit{exitFailed, fmt.Sprintf("there is no copy %s; `watcherd capture` lists them", name)}
	}
	if err != nil {
		return &exit{exitFailed, err.Error()}
	}
	_, err = cmd.OutOrStdout().Write(text)
	return err
}
