package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher"
	"github.com/watcherd/watcherd/pkg/watcher/config"
)

type queryFlags struct {
	trains, seats []string
	json          bool
	baseURL       string
	caFile        string
}

func queryCommand(f *flags) *cobra.Command {
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
		RunE: func(cmd *cobra.Command, args []string) error { return q.run(cmd, args, queryLanguage(f)) },
	}
	c.Flags().StringSliceVar(&q.trains, "trains", nil, "only these trains; * is a wildcard, ! excludes")
	c.Flags().StringSliceVar(&q.seats, "seats", nil, "only these seats (二等座, O, second)")
	c.Flags().BoolVar(&q.json, "json", false, "one JSON document on standard output")
	c.Flags().StringVar(&q.baseURL, "base-url", twelve306.DefaultBaseURL, "another 12306: a simulator")
	c.Flags().StringVar(&q.caFile, "ca-file", "", "an extra CA certificate (PEM), for a simulator")
	return c
}

// queryLanguage is that of the configuration, if there is one that can be read,
// else what the environment says: query needs none.
func queryLanguage(f *flags) notifier.Lang {
	if c, err := config.Outline(configPath(f), os.LookupEnv); err == nil {
		return c.Language
	}
	l, err := languageOf("", os.Getenv)
	if err != nil { // only for a flag that is wrong
		return notifier.Chinese
	}
	return l
}

func (q *queryFlags) run(cmd *cobra.Command, args []string, l notifier.Lang) error {
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
	if e, ok := errors.AsType[*twelve306.Error](err); ok && e.Kind == twelve306.NotOnSale {
		return &exit{exitFailed, fmt.Sprintf(l.Pick("%s 还没有开售，12306 不说那天有什么车：%s", "%s is not on sale yet, and 12306 does not say what runs that day: %s"), journey.Date, e.Msg)}
	}
	if err != nil {
		return &exit{exitFailed, fmt.Sprintf(l.Pick("问不到 12306（%v）：%v", "12306 could not be asked for %v: %v"), journey, err)}
	}
	view := trainViews(trains, journey, patterns, seats)
	if q.json {
		enc := json.NewEncoder(cmd.OutOrStdout())
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(view)
	}
	printTrains(newPaper(cmd.OutOrStdout()), l, view, journey, len(trains))
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

// printTrains prints the trains: as a table with a column for each kind of seat
// that any of them has, or, where that is too wide, with the seats of a train in
// one cell or below it.
func printTrains(p paper, l notifier.Lang, view []trainView, j twelve306.Journey, all int) {
	fmt.Fprintf(p, l.Pick("%s %s → %s：%s 趟车", "%s %s → %s: %s"), j.Date, j.From, j.To, l.Count(all, "train", "trains"))
	if len(view) != all {
		fmt.Fprintf(p, l.Pick("，其中 %d 趟符合", ", %d of them as asked"), len(view))
	}
	fmt.Fprintln(p)
	if len(view) == 0 {
		return
	}
	header := []string{l.Pick("车次", "Train"), l.Pick("出发", "From"), l.Pick("到达", "To"), l.Pick("历时", "Time")}
	rows := make([][]string, len(view))
	for i, v := range view {
		rows[i] = []string{v.Train, v.Depart, v.Arrive + daysLater(v), fmt.Sprintf("%d:%02d", v.DurationMin/60, v.DurationMin%60)}
	}
	if t := wideTable(p, l, view, header, rows); p.columns >= tableColumns && text.LongestLineLen(t) <= p.columns {
		fmt.Fprintln(p, t)
		return
	}
	for i, v := range view {
		var seats []string
		for _, sv := range v.Seats {
			seats = append(seats, seatName(l, sv)+" "+leftAndPrice(l, sv))
		}
		if v.Note != "" && v.Note != ordinaryButton {
			seats = append(seats, v.Note)
		}
		room := p.columns - seatsFrom
		if p.columns < tableColumns {
			room = p.columns - 2
			rows[i] = []string{v.Train, rows[i][1] + "-" + rows[i][2], rows[i][3]}
		}
		rows[i] = append(rows[i], flowed(seats, l.Pick("，", ", "), room))
	}
	header = append(header, l.Pick("席别、余票、票价", "Seats, left, price"))
	fmt.Fprintln(p, p.rows(header, rows, len(rows[0])-1, nil))
}

// seatsFrom is the width of a table of trains without the cell of their seats.
const seatsFrom = 40

// ordinaryButton is what 12306 writes on the button of a train that is sold
// out as well: it explains nothing.
const ordinaryButton = "预订"

// wideTable has a column for each kind of seat.
func wideTable(p paper, l notifier.Lang, view []trainView, header []string, rows [][]string) string {
	var columns []seatView
	for _, s := range twelve306.Seats() {
		for _, v := range view {
			for _, sv := range v.Seats {
				if sv.Code == string(s) && !slices.ContainsFunc(columns, func(c seatView) bool { return c.Code == sv.Code }) {
					columns = append(columns, sv)
				}
			}
		}
	}
	header = slices.Clone(header)
	for _, c := range columns {
		header = append(header, seatName(l, c))
	}
	notes := slices.ContainsFunc(view, func(v trainView) bool { return v.Note != "" && v.Note != ordinaryButton })
	if notes {
		header = append(header, l.Pick("备注", "Note"))
	}
	t := p.table(header...)
	for i, v := range view {
		row := table.Row{}
		for _, cell := range rows[i] {
			row = append(row, cell)
		}
		for _, c := range columns {
			row = append(row, p.seatCell(l, v, c.Code))
		}
		if notes {
			row = append(row, strings.Replace(v.Note, ordinaryButton, "", 1))
		}
		t.AppendRow(row)
	}
	return t.Render()
}

// seatCell is what is left of a kind of seat, green where one can buy it.
func (p paper) seatCell(l notifier.Lang, v trainView, code string) string {
	i := slices.IndexFunc(v.Seats, func(s seatView) bool { return s.Code == code })
	if i < 0 {
		return "--"
	}
	s := v.Seats[i]
	if v.Bookable && (s.Left == "有" || s.Count != nil && *s.Count > 0) {
		return p.paint(leftAndPrice(l, s), text.FgGreen)
	}
	return leftAndPrice(l, s)
}

func seatName(l notifier.Lang, s seatView) string {
	return l.Pick(s.Name, twelve306.Seat(s.Code).English())
}

// leftAndPrice is "有 ¥463.5", "many ¥463.5", or the word for none alone.
func leftAndPrice(l notifier.Lang, s seatView) string {
	if s.Left == "无" {
		return leftWord(l, s.Left)
	}
	return leftWord(l, s.Left) + priceWords(s.Price, " ")
}

// leftWord is 12306's word in a language.
func leftWord(l notifier.Lang, word string) string {
	switch word {
	case "有":
		return l.Pick(word, "many")
	case "无":
		return l.Pick(word, "none")
	case "候补":
		return l.Pick(word, "waitlist")
	}
	return word
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
