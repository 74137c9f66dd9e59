package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
)

func pauseCommand(f *flags) *cobra.Command {
	return &cobra.Command{
		Use: "pause [RULE]", Short: "stop looking: one rule, or all of them", Args: cobra.MaximumNArgs(1),
		Long: `pause stops a rule, or all of them, until it is resumed; a restart of the daemon
changes nothing about it. Orders that wait for payment are watched, and you are
reminded of them, all the same.`,
		Example: "  watcherd pause\n  watcherd pause 回家",
		RunE:    func(cmd *cobra.Command, args []string) error { return change(cmd, f, "/pause", args) },
	}
}

func resumeCommand(f *flags) *cobra.Command {
	return &cobra.Command{
		Use: "resume [RULE]", Short: "look again: one rule, even one that has booked, or all that were paused", Args: cobra.MaximumNArgs(1),
		Long: `resume lets a rule that was paused look again. A rule that is done, because it
has booked, looks and books once more when it is named. Without a name all that
were paused look again.`,
		Example: "  watcherd resume\n  watcherd resume 回家",
		RunE:    func(cmd *cobra.Command, args []string) error { return change(cmd, f, "/resume", args) },
	}
}

// change pauses or resumes through the daemon and says what changed.
func change(cmd *cobra.Command, f *flags, path string, args []string) error {
	c, err := outline(f)
	if err != nil {
		return err
	}
	rule := ""
	if len(args) > 0 {
		if rule = args[0]; rule == "" {
			return &exit{exitBadConfig, c.Language.Pick("规则名是空的", "the rule's name is empty")}
		}
	}
	var rules []ruleChange
	if err := c.get(cmd.Context(), http.MethodPost, path, url.Values{"rule": {rule}}, &rules); err != nil {
		return c.failed(err)
	}
	fmt.Fprintln(cmd.OutOrStdout(), c.changed(path == "/pause", rules))
	return nil
}

// changed says in one sentence what became of the rules.
func (c *caller) changed(pause bool, rules []ruleChange) string {
	l := c.Language
	comma := l.Pick("、", ", ")
	var now, same []string
	for _, r := range rules {
		switch {
		case r.Before == r.After:
			same = append(same, fmt.Sprintf(l.Pick("“%s”%s", "%s (%s)"), r.Name, r.After.In(l)))
		case pause:
			now = append(now, r.Name)
		default:
			now = append(now, fmt.Sprintf(l.Pick("%s（%s）", "%s (%s)"), r.Name, r.After.In(l)))
		}
	}
	list := strings.Join(now, comma)
	switch {
	case len(now) == 0 && len(same) == 1:
		return fmt.Sprintf(l.Pick("没有变化：%s。", "Nothing changed: %s."), same[0])
	case len(now) == 0:
		return fmt.Sprintf(l.Pick("没有变化：%s。", "Nothing changed: %s."), strings.Join(same, comma))
	case pause && len(rules) == 1:
		return fmt.Sprintf(l.Pick("已暂停：%s。恢复用 watcherd resume %[1]s", "Paused: %s. To look again: watcherd resume %[1]s"), list)
	case pause:
		return fmt.Sprintf(l.Pick("已暂停：%s。恢复用 watcherd resume", "Paused: %s. To look again: watcherd resume"), list)
	default:
		return fmt.Sprintf(l.Pick("已恢复：%s。", "Resumed: %s."), list)
	}
}
