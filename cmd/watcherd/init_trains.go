package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher"
)

// stations asks for one station or several.
func (s *setup) stations(ctx context.Context, title string, not []twelve306.Station) ([]twelve306.Station, error) {
	q := question{text: title, help: s.lang.Pick(
		"写站名（广州南）、拼音（guangzhounan）或电报码（IZQ）。几个站用逗号隔开，例如 武汉、汉口。只算写出来的站：要北京南就写北京南，北京是另一个站。",
		"Type the name of a station (广州南), its pinyin (guangzhounan) or its telecode (IZQ); several with commas. Only the stations you name count: 北京南 is another one than 北京.")}
	return ask(ctx, s.talk, q, func(answer string) ([]twelve306.Station, error) {
		var out []twelve306.Station
		for _, word := range strings.FieldsFunc(narrow(answer), func(r rune) bool { return strings.ContainsRune(",，、;；", r) }) {
			station, err := twelve306.BuiltinStations().Lookup(word)
			if u, ok := errors.AsType[*twelve306.UnknownStation](err); ok {
				return nil, s.noStation(u, answer, word)
			} else if err != nil {
				return nil, err
			}
			if slices.Contains(not, station) {
				return nil, s.sorry("%s 已经是出发站了；到达站要写另一个站。", "%s is where you start; type another station.", station)
			}
			if !slices.Contains(out, station) {
				out = append(out, station)
			}
		}
		if len(out) == 0 {
			return nil, s.sorry("写一个站名，例如 广州南。", "Type a station, such as 广州南 or guangzhounan.")
		}
		return out, nil
	})
}

// noStation says what a word that is no station was perhaps meant to be. One
// guess is what Enter takes then.
func (s *setup) noStation(u *twelve306.UnknownStation, answer, word string) error {
	var near []string
	for _, station := range u.Suggestions {
		near = append(near, station.Name)
	}
	switch or := strings.Join(near, s.lang.Pick("、", ", ")); {
	case u.Ambiguous:
		return s.sorry("%q 是几个站的拼音：%s；写其中一个的名字。", "%q is the pinyin of several stations: %s; type the name of one.", word, or)
	case len(near) == 1:
		return &sorry{
			text: fmt.Sprintf(s.lang.Pick("没有 %q 这个站。是不是 %s？是就按 Enter，不是就重新写。", "There is no station %q. Did you mean %s? Enter takes it, or type another."), word, or),
			// The rest of the answer stays.
			nearest: strings.Replace(narrow(answer), word, near[0], 1),
		}
	case len(near) > 1:
		return s.sorry("没有 %q 这个站。是不是 %s？写其中一个。", "There is no station %q. Did you mean %s? Type one.", word, or)
	}
	return s.sorry("没有 %q 这个站；写站名（广州南）、拼音（guangzhounan）或电报码（IZQ）。", "There is no station %q; type its name (广州南), pinyin (guangzhounan) or telecode (IZQ).", word)
}

// lookTime is how long 12306 may take to show the trains.
const lookTime = 30 * time.Second

// presaleDays is how many days 12306 sells ahead, today included (15 in 2024
// and 2026). The trains of a later day are taken from the same weekday before.
const presaleDays = 15

// look asks 12306 once for the trains of the first day. exact reports whether
// they are that day's own.
func (s *setup) look(ctx context.Context, from, to twelve306.Station, day twelve306.Date) (view []trainView, exact bool, err error) {
	shown := day
	for !shown.Before(s.today.AddDays(presaleDays)) {
		shown = shown.AddDays(-7)
	}
	j := twelve306.Journey{Date: shown, From: from, To: to}
	s.say("\n正在问 12306（%v %s → %s，只问一次）……", "\nAsking 12306 (%v %s to %s, once) ...", shown, from, to)
	rt, err := transport("", "")
	if err != nil {
		return nil, false, err
	}
	client, err := twelve306.New(twelve306.Options{BaseURL: s.config.Twelve306.BaseURL, Transport: rt})
	if err != nil {
		return nil, false, err
	}
	defer client.Close()
	limited, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	trains, err := client.Query(limited, j)
	if ctx.Err() != nil {
		return nil, false, errStopped
	}
	if err != nil {
		return nil, false, err
	}
	if shown != day {
		s.say("%v 还没开售；下面是 %v（同样是星期%s）的车，车次一般一样。", "%v is not on sale yet; these are the trains of %v, a %s as well, and mostly the same.",
			day, shown, s.lang.Pick(string([]rune("日一二三四五六")[shown.Time().Weekday()]), shown.Time().Weekday().String()))
	}
	return trainViews(trains, j, watcher.TrainPatterns{}, nil), shown == day, nil
}

// list prints the trains with their numbers. What is left of the seats stands
// behind a train or, on a narrow terminal, under it.
func (s *setup) list(view []trainView) {
	head := fmt.Sprintf("%4s  %s  %s  %s   %s", "", pad(s.lang.Pick("车次", "train"), 6), s.lang.Pick("出发 ", "from "), s.lang.Pick("到达   ", "to     "), s.lang.Pick("历时", "time"))
	indent := text.StringWidth(head) + 2
	narrowly := s.columns < indent+24
	if narrowly {
		indent = 6
	} else {
		head += "  " + s.lang.Pick("席别、余票和票价", "seats, left, price")
	}
	fmt.Fprintln(s, s.paint(head, text.Bold))
	for i, v := range view {
		line := fmt.Sprintf("%4d  %s  %s  %s  %6s", i+1, pad(v.Train, 6), v.Depart, pad(v.Arrive+daysLater(v), 7), fmt.Sprintf("%d:%02d", v.DurationMin/60, v.DurationMin%60))
		seats := flowed(s.seatsLeft(v), s.lang.Pick("，", ", "), max(s.columns-1-indent, 12))
		if narrowly {
			line += "\n" + strings.Repeat(" ", indent)
		} else {
			line += "  "
		}
		fmt.Fprintln(s, strings.TrimRight(line+strings.ReplaceAll(seats, "\n", "\n"+strings.Repeat(" ", indent)), " "))
	}
}

func pad(word string, width int) string { return text.Pad(word, width, ' ') }

// daysLater is +1 for a train that arrives on the next day.
func daysLater(v trainView) string {
	if days := (minuteOf(v.Depart) + v.DurationMin) / (24 * 60); days > 0 {
		return "+" + strconv.Itoa(days)
	}
	return ""
}

// minuteOf reads 08:05 as minutes after midnight; 0 when it is no time.
func minuteOf(clock string) int {
	h, m, _ := strings.Cut(clock, ":")
	return atoi(h)*60 + atoi(m)
}

func (s *setup) seatsLeft(v trainView) []string {
	var out []string
	for _, seat := range v.Seats {
		word := s.seatName(seat.seat, seat.Name) + " " + s.left(seat.Left)
		if seat.Price != nil {
			word += fmt.Sprintf(" ¥%g", *seat.Price)
		}
		out = append(out, word)
	}
	if v.Note != "" && v.Note != "预订" { // which is all that a train says that is sold out
		out = append(out, v.Note)
	}
	return out
}

// flowed joins words into lines of at most width columns, broken between words
// as long as they fit.
func flowed(words []string, between string, width int) string {
	var lines []string
	line := ""
	for i, word := range words {
		if i < len(words)-1 {
			word += between
		}
		if line != "" && text.StringWidth(strings.TrimRight(line+word, " ")) > width {
			lines, line = append(lines, strings.TrimRight(line, " ")), ""
		}
		line += word
	}
	return wrap(strings.Join(append(lines, line), "\n"), width)
}

func (s *setup) seatName(seat twelve306.Seat, name string) string {
	return s.lang.Pick(name, seat.English())
}

// left is 12306's word in the language of the conversation.
func (s *setup) left(word string) string {
	english := map[string]string{"有": "many", "无": "none", "候补": "waitlist"}
	if e, ok := english[word]; ok {
		return s.lang.Pick(word, e)
	}
	return word
}

// choice is what an answer means when trains are asked for.
type choice struct {
	trains  watcher.TrainPatterns
	depart  watcher.Window
	matched []trainView
}

// trains asks which of the trains are wanted. A train that is not in the list
// is refused when the list is exact.
func (s *setup) trains(ctx context.Context, view []trainView, exact bool) (choice, error) {
	q := question{
		text:  s.lang.Pick("要哪些车？写编号（1 3 5）或车次（G1110 G*），也可以加时段（08:00-14:00）；按喜好排。", "Which trains? Numbers (1 3 5) or names (G1110 G*), and hours if you like (08:00-14:00); the best first."),
		enter: s.lang.Pick("全部", "all"),
		help: s.lang.Pick("1 3 5 是列表里的编号，1-3 是连着几趟；G* 是所有 G 字头，!G1112 是不要这一趟；08:00-14:00 是出发时间；全部 就是都要。可以一起写：G* !G1112 08:00-14:00。",
			"1 3 5 are the numbers of the list, 1-3 a row of them; G* is every train that begins with G, !G1112 not that one; 08:00-14:00 is when it departs; all is all of them. Together: G* !G1112 08:00-14:00."),
	}
	if len(view) == 0 {
		q.text = s.lang.Pick("要哪些车？写车次（G1110 G*），也可以加时段（08:00-14:00）；按喜好排。", "Which trains? Names (G1110 G*), and hours if you like (08:00-14:00); the best first.")
		q.help = s.lang.Pick("G1110 是车次，G* 是所有 G 字头，!G1112 是不要这一趟；08:00-14:00 是出发时间；全部 就是都要。可以一起写：G* !G1112 08:00-14:00。",
			"G1110 is a train, G* every one that begins with G, !G1112 not that one; 08:00-14:00 is when it departs; all is all of them. Together: G* !G1112 08:00-14:00.")
	}
	return ask(ctx, s.talk, q, func(answer string) (choice, error) { return s.pick(answer, view, exact) })
}

var rowOfNumbers = regexp.MustCompile(`^(\d{1,3})-(\d{1,3})$`)

// pick reads which trains an answer means.
func (s *setup) pick(answer string, view []trainView, exact bool) (choice, error) {
	var c choice
	var codes []string
	everything := false
	for _, word := range words(strings.ToUpper(answer)) {
		row := rowOfNumbers.FindStringSubmatch(word)
		n, err := strconv.Atoi(word)
		switch {
		case slices.Contains([]string{"全部", "所有", "都要", "ALL", "*"}, word):
			everything = true
		case err == nil && n >= 1 && n <= len(view):
			codes = append(codes, view[n-1].Train)
		case row != nil && len(view) > 0:
			a, b := atoi(row[1]), atoi(row[2])
			if a < 1 || b > len(view) || a > b {
				return c, s.sorry("列表的编号是 1 到 %d；连着几趟写成 1-3。", "The list has the numbers 1 to %d; a row of them is typed 1-3.", len(view))
			}
			for i := a; i <= b; i++ {
				codes = append(codes, view[i-1].Train)
			}
		case strings.ContainsAny(word, ":~至–—") || row != nil:
			w, err := watcher.ParseWindow(word)
			if err != nil || w.IsZero() {
				return c, s.sorry("%q 不是时段；写成 08:00-14:00，跨夜写 22:00-02:00。", "%q is not a part of the day; type 08:00-14:00, or 22:00-02:00 over midnight.", word)
			}
			if !c.depart.IsZero() {
				return c, s.sorry("只能有一个时段；你写了 %v 和 %v。", "There can be one part of the day; you typed %v and %v.", c.depart, w)
			}
			c.depart = w
		case err == nil && len(view) > 0 && !slices.ContainsFunc(view, func(v trainView) bool { return v.Train == word }):
			return c, s.sorry("没有 %s 号；编号是 1 到 %d。", "There is no number %s; they go from 1 to %d.", word, len(view))
		default:
			if _, errs := watcher.ParseTrains([]string{word}); errs != nil {
				return c, s.sorry("看不懂 %q；写编号（1 3 5）、车次（G1110、G*、!G1112）、时段（08:00-14:00）或 全部。", "%q is not understood; type numbers (1 3 5), trains (G1110, G*, !G1112), hours (08:00-14:00) or all.", word)
			}
			codes = append(codes, word)
		}
	}
	return c, s.settle(&c, codes, everything, view, exact)
}

// settle makes one wish of the words of an answer and checks that it can be
// met by the trains of the list.
func (s *setup) settle(c *choice, codes []string, everything bool, view []trainView, exact bool) error {
	var wanted []string
	for _, code := range codes {
		if one, _ := watcher.ParseTrains([]string{code}); exact && !slices.ContainsFunc(view, func(v trainView) bool {
			_, ok := one.Rank(v.Train)
			return ok || one.Excludes(v.Train)
		}) {
			return s.sorry("这一天没有 %s；写列表里的编号或车次。", "There is no %s on that day; type a number or a train of the list.", code)
		}
		if everything && !strings.HasPrefix(code, "!") || slices.Contains(wanted, code) {
			continue
		}
		wanted = append(wanted, code)
	}
	if !everything && len(wanted) == 0 && c.depart.IsZero() {
		return s.sorry("写编号、车次或 全部。", "Type numbers, trains or all.")
	}
	c.trains, _ = watcher.ParseTrains(wanted)
	for _, v := range view {
		if _, ok := c.trains.Rank(v.Train); ok && c.depart.Contains(minuteOf(v.Depart)) {
			c.matched = append(c.matched, v)
		}
	}
	if len(c.matched) == 0 && exact {
		return s.sorry("这样一趟车也没有；再看看列表的车次和时间。", "No train of the list is that; have another look at it.")
	}
	return nil
}

// seats asks for the kinds of seat, those that the trains have.
func (s *setup) seats(ctx context.Context, trains []trainView) ([]twelve306.Seat, error) {
	var kinds []twelve306.Seat
	var lines []string
	widest := 0
	for _, seat := range twelve306.Seats() {
		if _, _, has := priceOf(trains, seat); has {
			widest = max(widest, text.StringWidth(s.seatName(seat, seat.Name())))
		}
	}
	for _, seat := range twelve306.Seats() {
		low, high, has := priceOf(trains, seat)
		if !has {
			continue
		}
		kinds = append(kinds, seat)
		line := pad(s.seatName(seat, seat.Name()), widest)
		switch {
		case low > 0 && low < high:
			line += fmt.Sprintf("  ¥%g–%g", low, high)
		case low > 0:
			line += fmt.Sprintf("  ¥%g", low)
		}
		lines = append(lines, strings.TrimRight(line, " "))
	}
	any := s.lang.Pick("都行", "any")
	q := question{
		text:  s.lang.Pick("要哪些席别？按喜好排，例如 1 2；都行 = 除无座外都行。", "Which seats? The best first, for example 1 2; any = every kind but standing."),
		enter: any,
		help: s.lang.Pick("写编号（1 2）或席别的名字（二等座、一等座、硬卧），按喜好排：前面的有票就不要后面的。都行 = 除无座外都行。",
			"Type numbers (1 2) or names (second, first, hard sleeper) with commas, the best first: a later one is taken only when the earlier ones are sold out. any = every kind but standing."),
	}
	if len(kinds) > 0 {
		q.text += "\n" + s.numbered(lines)
	}
	return ask(ctx, s.talk, q, func(answer string) ([]twelve306.Seat, error) { return s.pickSeats(answer, kinds) })
}

// pickSeats reads kinds of seat; nil is every kind but standing. With kinds it
// has to be some of them.
func (s *setup) pickSeats(answer string, kinds []twelve306.Seat) ([]twelve306.Seat, error) {
	// English names have blanks in them: commas go first.
	list := strings.FieldsFunc(narrow(answer), func(r rune) bool { return strings.ContainsRune(",，、;；", r) })
	if len(list) == 1 {
		if _, err := twelve306.ParseSeat(list[0]); err != nil {
			list = words(answer)
		}
	}
	if len(list) == 0 {
		return nil, s.sorry("写编号、席别的名字，或者 都行。", "Type numbers, names of seats, or any.")
	}
	var out []twelve306.Seat
	for _, word := range list {
		word = strings.TrimSpace(word)
		if slices.Contains([]string{"都行", "全部", "any", "all"}, strings.ToLower(word)) {
			return nil, nil
		}
		var seat twelve306.Seat
		if n, err := strconv.Atoi(word); err == nil && n >= 1 && n <= len(kinds) {
			seat = kinds[n-1]
		} else if parsed, err := twelve306.ParseSeat(word); err == nil && (len(kinds) == 0 || slices.Contains(kinds, parsed)) {
			seat = parsed
		} else if len(kinds) > 0 {
			return nil, s.sorry("你选的车没有 %q；写 1 到 %d 的编号，或者 都行。", "The trains you chose have no %q; type a number from 1 to %d, or any.", word, len(kinds))
		} else {
			return nil, s.sorry("没有 %q 这种席别；写 二等座、一等座、商务座、硬卧、软卧、硬座、无座，或者 都行。",
				"There is no seat %q; type second, first, business, hard sleeper, soft sleeper, hard seat, standing, or any.", word)
		}
		if !slices.Contains(out, seat) {
			out = append(out, seat)
		}
	}
	return out, nil
}

// priceOf returns what a kind of seat costs on the trains that have it.
func priceOf(trains []trainView, seat twelve306.Seat) (low, high float64, has bool) {
	for _, v := range trains {
		for _, sv := range v.Seats {
			if sv.Code != string(seat) {
				continue
			}
			has = true
			if p := sv.Price; p != nil && *p > 0 {
				if low == 0 || *p < low {
					low = *p
				}
				high = max(high, *p)
			}
		}
	}
	return low, high, has
}
