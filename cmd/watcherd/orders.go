package main

import (
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/watcherd/watcherd/pkg/watcher"
)

func ordersCommand(f *flags) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "orders", Short: "the history of attempts and orders, newest first; with or without a daemon", Args: cobra.NoArgs,
		Long: `orders reads the state folder: every attempt that came as far as 12306's confirm,
and what became of it, newest first. It works beside a running daemon and
without one.`,
		Example: `  watcherd orders
  watcherd orders --json | jq '.[] | select(.state == "booked")'`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := outline(f)
			if err != nil {
				return err
			}
			orders, err := watcher.History(c.StateDir, c.Location)
			if err != nil {
				return c.failed(err)
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), orders)
			}
			p := newPaper(cmd.OutOrStdout())
			if len(orders) == 0 {
				fmt.Fprintf(p, c.Language.Pick("还没有下过单（%s）\n", "Nothing was ordered yet (%s)\n"), c.StateDir)
				return nil
			}
			fmt.Fprintln(p, c.ordersTable(p, orders))
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "one JSON document on standard output")
	return c
}

func orderColour(s watcher.AttemptState) text.Color {
	switch s {
	case watcher.StatePaid:
		return text.FgGreen
	case watcher.StateFailed, watcher.StateExpired, watcher.StateCancelled:
		return text.FgRed
	}
	return text.FgYellow
}

// The widest that the columns of orders get.
const (
	whenColumn = 16
	tripColumn = 20
	endColumn  = 16
)

// ordersTable has several lines for each order, so that it fits a terminal.
func (c *caller) ordersTable(p paper, orders []watcher.OrderView) string {
	l := c.Language
	header := []string{l.Pick("时间、规则", "When, rule"), l.Pick("行程、订单号", "Trip, order"), l.Pick("状态", "State"), l.Pick("乘车人、座位", "Passengers, seats")}
	rows := make([][]string, len(orders))
	for i, o := range orders {
		end := []string{o.State.In(l)}
		if o.State == watcher.StateBooked && o.PayBy != nil {
			end = append(end, wrap(fmt.Sprintf(l.Pick("%s 前付款", "pay before %s"), o.PayBy.In(c.Location).Format("15:04")), endColumn))
		}
		if o.Why != "" {
			end = append(end, wrap(o.Why, endColumn))
		}
		trip := []string{o.Train + " " + o.Date, wrap(o.From+l.Pick("→", " to ")+o.To, tripColumn)}
		if o.Number != "" {
			trip = append(trip, wrap(o.Number, tripColumn))
		}
		var tickets []string
		for k, name := range o.Passengers {
			if k < len(o.Seats) {
				name += " " + watcher.SeatWords(l, o.Seats[k])
			}
			tickets = append(tickets, name)
		}
		if o.Price != nil {
			tickets = append(tickets, priceWords(o.Price, ""))
		}
		when := o.At.In(c.Location).Format("01-02 15:04") + "\n" + wrap(o.Rule, whenColumn)
		rows[i] = []string{when, strings.Join(trip, "\n"), strings.Join(end, "\n"), strings.Join(tickets, "\n")}
	}
	p.separate = true
	return p.rows(header, rows, 1, func(row, column int) text.Color {
		if column == 2 {
			return orderColour(orders[row].State)
		}
		return 0
	})
}
