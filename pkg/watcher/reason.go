package watcher

import (
	"fmt"
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
