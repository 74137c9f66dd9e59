package watcher

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
)

// In returns the reason in words of l, to follow the train's number:
// "arrives 18:42, you want 18:30 at the latest".
func (r Reason) In(l notifier.Lang) string {
	switch r.Kind {
	case WrongStation:
		return fmt.Sprintf(l.Pick("走的是同城别的车站：%s", "goes by another station of the city: %s"), stationNames(l, r.Words))
	case Excluded:
		return l.Pick("你用 ! 排除了它", "you excluded it with !")
	case NotWanted:
		return l.Pick("不在你要的车次里", "not one of your trains")
	case Departs:
		return fmt.Sprintf(l.Pick("%s 发车，%s", "departs %s, %s"), clockText(r.Minute), r.Window.wish(l, r.Minute))
	case Arrives:
		return fmt.Sprintf(l.Pick("%s 到达，%s", "arrives %s, %s"), clockText(r.Minute), r.Window.wish(l, r.Minute))
	case TooLong:
		return fmt.Sprintf(l.Pick("全程 %s，你最长要 %s", "takes %s, you want %s at most"), hoursText(r.Took), hoursText(r.Max))
	case NotOnSale:
		if r.Words == "" {
			return l.Pick("现在不卖", "not on sale now")
		}
		return fmt.Sprintf(l.Pick("现在不卖：%s", "not on sale now: %s"), r.Words)
	case CannotBuy:
		return fmt.Sprintf(l.Pick("有%s，但 12306 说不能买", "has %s, but 12306 does not sell it"), seatText(l, r.Seat))
	case NoSuchSeat:
		return l.Pick("这趟车没有你要的席别", "has none of the seats you want")
	case NoSeat:
		return fmt.Sprintf(l.Pick("%s卖完了", "%s sold out"), seatText(l, r.Seat))
	case TooFew:
		return fmt.Sprintf(l.Pick("%s只剩 %d 张，你要 %d 张", "%s: %d left, you want %d"), seatText(l, r.Seat), r.Have, r.Want)
	case Unreadable:
		return fmt.Sprintf(l.Pick("看不懂 12306 写的“%s”，不当作没票", "12306 wrote %q, which is not understood and not taken for sold out"), r.Words)
	default:
		return ""
	}
}

// stationNames reads a pair of telecodes, IZQ-WHN, as names.
func stationNames(l notifier.Lang, codes string) string {
	names := strings.Split(codes, "-")
	for i, code := range names {
		if s, ok := twelve306.BuiltinStations().ByCode(code); ok {
			names[i] = s.Name
		}
	}
	return strings.Join(names, l.Pick("→", " to "))
}

// wish says what a window wants of a minute that lies outside it.
func (w Window) wish(l notifier.Lang, minute int) string {
	if w.From < w.To {
		if minute > w.To {
			return fmt.Sprintf(l.Pick("你最晚要 %s", "you want %s at the latest"), clockText(w.To))
		}
		return fmt.Sprintf(l.Pick("你最早要 %s", "you want %s at the earliest"), clockText(w.From))
	}
	return fmt.Sprintf(l.Pick("你要 %s", "you want %s"), w)
}

// hoursText writes a duration as railways do: 5:56.
func hoursText(d time.Duration) string {
	return fmt.Sprintf("%d:%02d", int(d.Hours()), int(d.Minutes())%60)
}

// seatText names a seat: 二等座, second class.
func seatText(l notifier.Lang, s twelve306.Seat) string {
	switch s {
	case twelve306.SecondClass, twelve306.FirstClass, twelve306.Business:
		return l.Pick(s.Name(), s.English()+" class")
	}
	return l.Pick(s.Name(), s.English())
}

var (
	coachOf = regexp.MustCompile(`^([0-9A-Za-z]+)车厢?$`)
	placeOf = regexp.MustCompile(`^([0-9A-Za-z]+)号([上中下]?)铺?$`)
)

// SeatWords is the seat of a ticket in words: as 12306 writes it, "二等座 13车
// 12A号", and in English "second class, coach 13, seat 12A". What is not known
// is left as it is.
func SeatWords(l notifier.Lang, seat string) string {
	if l != notifier.English {
		return seat
	}
	words := strings.Fields(seat)
	for i, w := range words {
		if f := coachOf.FindStringSubmatch(w); f != nil {
			words[i] = "coach " + f[1]
			continue
		}
		if f := placeOf.FindStringSubmatch(w); f != nil {
			kind := map[string]string{"": "seat", "上": "upper berth", "中": "middle berth", "下": "lower berth"}[f[2]]
			words[i] = kind + " " + f[1]
			continue
		}
		if s, err := twelve306.ParseSeat(w); err == nil {
			words[i] = seatText(l, s)
		}
	}
	return strings.Join(words, ", ")
}

func (s speaker) seatOf(seat string) string { return SeatWords(s.lang, seat) }

func (s speaker) seatsOf(seats []string) []string {
	out := make([]string, len(seats))
	for i, seat := range seats {
		out[i] = s.seatOf(seat)
	}
	return out
}
