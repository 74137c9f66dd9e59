package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher"
	"github.com/watcherd/watcherd/pkg/watcher/config"
)

func explainCommand(f *flags) *cobra.Command {
	var asJSON bool
	var date string
	c := &cobra.Command{
		Use: "explain RULE", Short: "one look, and for every train why the rule takes it or the first reason why not",
		Long: `explain asks 12306 once for each pair of stations of a rule on one day, and says of
every train whether the rule would take it, and which seat, or the first reason
why not. Nothing is told, offered or booked.

With a daemon on the state folder the look goes through it, waits its turn in
its pace, and follows the rules that it has in force; without one the look is
explain's own.`,
		Example: `  watcherd explain 回家
  watcherd explain 回家 --date 2027-02-04
  watcherd explain 回家 --json | jq '.[] | select(.ok | not) | {train, why: .reason.words}'`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("explain wants one argument: the name of a RULE")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := outline(f)
			if err != nil {
				return err
			}
			day, err := dayAhead(date)
			if err != nil {
				return &exit{exitBadConfig, "--date: " + err.Error()}
			}
			found, err := c.explain(cmd.Context(), f, args[0], day)
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), found.Trains)
			} else {
				c.printVerdicts(newPaper(cmd.OutOrStdout()), args[0], found.Trains)
			}
			if err == nil && found.Error != "" {
				return &exit{exitFailed, fmt.Sprintf(c.Language.Pick("12306 没有全部回答：%s", "12306 did not answer everything: %s"), found.Error)}
			}
			return err
		},
	}
	c.Flags().StringVar(&date, "date", "", "the day (2027-02-03); left out: the rule's first that is not past")
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON document on standard output")
	return c
}

// dayAhead reads a day that is not past; "" is the zero Date.
func dayAhead(text string) (twelve306.Date, error) {
	if text == "" {
		return twelve306.Date{}, nil
	}
	day, err := twelve306.ParseDate(text)
	if err == nil && day.Before(twelve306.DateOf(time.Now())) {
		return day, fmt.Errorf("%s is past; today is %s", day, twelve306.DateOf(time.Now()))
	}
	return day, err
}

// explain looks through the daemon, or by itself when none runs. Its error is
// the command's.
func (c *caller) explain(ctx context.Context, f *flags, rule string, day twelve306.Date) (explained, error) {
	query := url.Values{"rule": {rule}, "lang": {string(c.Language)}}
	if !day.IsZero() {
		query.Set("date", day.String())
	}
	var out explained
	err := c.wait(ctx, http.MethodGet, "/explain", query, &out)
	if errors.Is(err, errNoDaemon) {
		full, bad := load(f)
		if bad != nil {
			return out, bad
		}
		out, err = lookAlone(ctx, full, rule, day)
	}
	if r, ok := errors.AsType[*refusal](err); err != nil && (!ok || r.Kind == "") && ctx.Err() == nil {
		return out, &exit{exitFailed, fmt.Sprintf(c.Language.Pick("问不到 12306：%s", "12306 could not be asked: %s"), c.words(err))}
	}
	if err != nil {
		return out, c.failed(err)
	}
	return out, nil
}

// lookAlone is a look with a client of its own.
func lookAlone(ctx context.Context, c *config.Config, rule string, day twelve306.Date) (explained, error) {
	i := slices.IndexFunc(c.Rules, func(r watcher.Rule) bool { return r.Name == rule })
	if i < 0 {
		e := &watcher.UnknownRule{Name: rule}
		for _, r := range c.Rules {
			e.Rules = append(e.Rules, r.Name)
		}
		return explained{}, refusalOf(e)
	}
	if now := time.Now().In(c.Location); !c.Twelve306.ServiceHours.Open(now) {
		return explained{}, refusalOf(&watcher.OutOfHours{Opens: c.Twelve306.ServiceHours.NextOpen(now)})
	}
	dial, err := newClient(c)
	if err != nil {
		return explained{}, err
	}
	client, err := dial(nil)
	if err != nil {
		return explained{}, err
	}
	defer client.Close()
	trains, err := c.Rules[i].Look(ctx, client.Query, day, c.Language)
	switch {
	case err != nil && len(trains) == 0:
		return explained{}, refusalOf(err)
	case err != nil:
		return explained{trains, err.Error()}, nil
	}
	return explained{Trains: trains}, nil
}

// legColumn is the widest that the column of the stations gets.
const legColumn = 24

func (c *caller) printVerdicts(p paper, rule string, trains []watcher.VerdictView) {
	l := c.Language
	good := 0
	for _, v := range trains {
		if v.OK {
			good++
		}
	}
	if len(trains) == 0 {
		fmt.Fprintf(p, l.Pick("%s：12306 说这一天没有车\n", "%s: 12306 lists no trains for that day\n"), rule)
		return
	}
	fmt.Fprintf(p, l.Pick("%s，%s：%s 趟车，%s 趟符合\n", "%s, %s: %s, %s the rule\n"), rule, trains[0].Date,
		l.Count(len(trains), "train", "trains"), l.Count(good, "of them satisfies", "of them satisfy"))
	header := []string{l.Pick("车次", "Train"), l.Pick("站", "Stations"), l.Pick("时间", "Times"), l.Pick("结论", "Verdict")}
	rows := make([][]string, len(trains))
	for i, v := range trains {
		rows[i] = []string{v.Train, wrap(v.From+l.Pick("→", " to ")+v.To, legColumn), v.Depart + "-" + v.Arrive, verdictWords(l, v)}
	}
	fmt.Fprintln(p, p.rows(header, rows, 3, func(row, column int) text.Color {
		if column == 3 && trains[row].OK {
			return text.FgGreen
		}
		return 0
	}))
}

// verdictWords is "✓ 二等座 有 ¥463.5" or the reason why not.
func verdictWords(l notifier.Lang, v watcher.VerdictView) string {
	if v.OK {
		return "✓ " + v.Seat + " " + leftWord(l, v.Left) + priceWords(v.Price, " ")
	}
	if v.Reason == nil {
		return ""
	}
	return v.Reason.Words
}
