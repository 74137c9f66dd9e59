package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher"
)

type queryFlags struct {
	trains, seats []string
	json          bool
	baseURL       string
	caFile        string
}

func queryCommand(_ *flags) *cobra.Command {
	q := &queryFlags{}
	c := &cobra.Command{
		Use:   "query FROM TO DATE",
		Short: "one look at the trains of a day; needs no account and no configuration",
		Example: `  watcherd query 广州南 武汉 2027-02-03
  watcherd query guangzhounan WHN 2027-02-03 --trains 'G11*' --seats 二等座,一等座 --json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 3 {
				return errors.New("query wants three arguments: FROM TO DATE, for example 广州南 武汉 2027-02-03")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return q.run(cmd, args) },
	}
	c.Flags().StringSliceVar(&q.trains, "trains", nil, "only these trains; * is a wildcard, ! excludes")
	c.Flags().StringSliceVar(&q.seats, "seats", nil, "only these seats (二等座, O, second)")
	c.Flags().BoolVar(&q.json, "json", false, "one JSON document on standard output")
	c.Flags().StringVar(&q.baseURL, "base-url", twelve306.DefaultBaseURL, "another 12306: a simulator")
	c.Flags().StringVar(&q.caFile, "ca-file", "", "an extra CA certificate (PEM), for a simulator")
	return c
}

func (q *queryFlags) run(cmd *cobra.Command, args []string) error {
	journey, mistakes := journeyOf(args)
	patterns, errs := watcher.ParseTrains(q.trains)
	for _, err := range errs {
		mistakes = append(mistakes, "--trains: "+err.Error())
	}
	var seats []twelve306.Seat
	for _, s := range q.seats {
		seat, err := twelve306.ParseSeat(s)
		if err != nil {
			mistakes = append(mistakes, "--seats: "+err.Error())
		}
		seats = append(seats, seat)
	}
	if u, err := url.Parse(q.baseURL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		mistakes = append(mistakes, "--base-url is not an http or https address")
	}
	if len(mistakes) > 0 {
		return &exit{exitBadConfig, strings.Join(mistakes, "\nwatcherd: ")}
	}
	rt, err := transport(q.caFile, "")
	if err != nil {
		return &exit{exitBadConfig, strings.Replace(err.Error(), "twelve306.ca_file", "--ca-file", 1)}
	}
	client, err := twelve306.New(twelve306.Options{BaseURL: q.baseURL, Transport: rt})
	if err != nil {
		return &exit{exitBadConfig, err.Error()}
	}
	defer client.Close()
	trains, err := client.Query(cmd.Context(), journey)
	if err != nil {
		return &exit{exitFailed, fmt.Sprintf("12306 could not be asked for %v: %v", journey, err)}
	}
	view := trainViews(trains, journey, patterns, seats)
	if q.json {
		enc := json.NewEncoder(cmd.OutOrStdout())
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(view)
	}
	printTrains(cmd.OutOrStdout(), view, journey, len(trains))
	return nil
}

// journeyOf reads FROM TO DATE; every mistake is returned.
func journeyOf(args []string) (j twelve306.Journey, mistakes []string) {
	stations := twelve306.BuiltinStations()
	var err error
	if j.From, err = stations.Lookup(args[0]); err != nil {
		mistakes = append(mistakes, err.Error())
	}
	if j.To, err = stations.Lookup(args[1]); err != nil {
		mistakes = append(mistakes, err.Error())
	}
	if len(mistakes) == 0 && j.From.Code == j.To.Code {
		mistakes = append(mistakes, fmt.Sprintf("from and to are the same station, %s", j.From))
	}
	if j.Date, err = twelve306.ParseDate(args[2]); err != nil {
		mistakes = append(mistakes, err.Error())
	} else if today := twelve306.DateOf(time.Now()); j.Date.Before(today) {
		mistakes = append(mistakes, fmt.Sprintf("%s is past; today is %s", j.Date, today))
	}
	return j, mistakes
}

// trainView is one train of `query --json`.
type trainView struct {
	Train       string     `json:"train"`
	TrainNo     string     `json:"train_no"`
	Date        string     `json:"date"`
	From        string     `json:"from"`
	FromCode    string     `json:"from_code"`
	To          string     `json:"to"`
	ToCode      string     `json:"to_code"`
	Depart      string     `json:"depart"`
	Arrive      string     `json:"arrive"`
	DurationMin int        `json:"duration_min"`
	Bookable    bool       `json:"bookable"`
	Note        string     `json:"note"` // why it cannot be bought: 12306's button
	Seats       []seatView `json:"seats"`
}

// seatView is one kind of seat that the train has.
type seatView struct {
	Name  string   `json:"name"`
	Code  string   `json:"code"`
	Left  string   `json:"left"`  // 12306's word
	Count *int     `json:"count"` // null where the word is no number
	Price *float64 `json:"price"` // yuan; null where the reply has none
	seat  twelve306.Seat
}

func trainViews(trains []twelve306.Train, j twelve306.Journey, patterns watcher.TrainPatterns, seats []twelve306.Seat) []trainView {
	out := []trainView{}
	for i := range trains {
		t := &trains[i]
		if _, wanted := patterns.Rank(t.Code()); !wanted {
			continue
		}
		d, _ := t.Duration()
		v := trainView{
			Train: t.Code(), TrainNo: t.No(), Date: j.Date.String(), From: j.From.Name, FromCode: j.From.Code, To: j.To.Name, ToCode: j.To.Code,
			Depart: t.Depart(), Arrive: t.Arrive(), DurationMin: int(d.Minutes()), Bookable: t.Buyable(), Seats: []seatView{},
		}
		if !v.Bookable {
			v.Note = t.Button()
		}
		seen := map[string]bool{}
		for _, s := range twelve306.Seats() {
			if len(seats) > 0 && !slices.Contains(seats, s) {
				continue
			}
			left := t.Left(s)
			code := t.SeatCode(s)
			if s == twelve306.Standing {
				code = string(s)
			}
			if left.Text == "" || seen[code] {
				continue
			}
			seen[code] = true
			sv := seatView{Name: twelve306.Seat(code).Name(), Code: code, Left: left.Text, seat: s}
			if left.Known && !left.Plenty && left.Text != "*" && left.Text != "N" {
				sv.Count = &left.Count
			}
			if tenths, ok := t.Price(s); ok {
				price := float64(tenths) / 10
				sv.Price = &price
			}
			v.Seats = append(v.Seats, sv)
		}
		if len(seats) == 0 || len(v.Seats) > 0 {
			out = append(out, v)
		}
	}
	return out
}

// printTrains prints the table: one column for each kind of seat that any of
// the trains has.
func printTrains(w io.Writer, view []trainView, j twelve306.Journey, all int) {
	fmt.Fprintf(w, "%s %s → %s：%d 趟车", j.Date, j.From, j.To, all)
	if len(view) != all {
		fmt.Fprintf(w, "，其中 %d 趟符合", len(view))
	}
	fmt.Fprintln(w)
	if len(view) == 0 {
		return
	}
	var columns []string
	for _, s := range twelve306.Seats() {
		for _, v := range view {
			for _, sv := range v.Seats {
				if sv.Code == string(s) && !slices.Contains(columns, sv.Name) {
					columns = append(columns, sv.Name)
				}
			}
		}
	}
	header := table.Row{"车次", "出发", "到达", "历时"}
	for _, c := range columns {
		header = append(header, c)
	}
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	t.AppendHeader(append(header, "备注"))
	for _, v := range view {
		row := table.Row{v.Train, v.Depart, v.Arrive, fmt.Sprintf("%d:%02d", v.DurationMin/60, v.DurationMin%60)}
		for _, c := range columns {
			row = append(row, cell(v, c))
		}
		row = append(row, v.Note)
		t.AppendRow(row)
	}
	fmt.Fprintln(w, t.Render())
}

func cell(v trainView, column string) string {
	for _, s := range v.Seats {
		if s.Name != column {
			continue
		}
		if s.Price != nil && s.Left != "无" {
			return fmt.Sprintf("%s ¥%g", s.Left, *s.Price)
		}
		return s.Left
	}
	return "--"
}

// isLoopback reports whether an address is this machine.
func isLoopback(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	h := u.Hostname()
	return h == "localhost" || h == "::1" || strings.HasPrefix(h, "127.")
}
