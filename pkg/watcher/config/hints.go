package config

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/watcherd/watcherd/pkg/watcher"
)

var unitWords = strings.NewReplacer("小时", "h", "钟头", "h", "分钟", "m", "分", "m", "秒钟", "s", "秒", "s", "个", "",
	"hours", "h", "hour", "h", "hrs", "h", "hr", "h", "minutes", "m", "minute", "m", "mins", "m", "min", "m", "seconds", "s", "second", "s", "secs", "s", "sec", "s")

// similarDuration is the time that somebody wrote in words: 6小时, 90 min; ""
// when it is none.
func similarDuration(text string) string {
	t := unitWords.Replace(strings.ToLower(strings.Join(strings.Fields(text), "")))
	if d, err := time.ParseDuration(t); err != nil || d <= 0 {
		return ""
	}
	return t
}

var (
	halfHour  = regexp.MustCompile(`([0-9])[点时]半`)
	fullHour  = regexp.MustCompile(`([0-9])[点时]([0-9]{2})分?`)
	bareHour  = regexp.MustCompile(`([0-9])[点时]整?`)
	hourAlone = regexp.MustCompile(`(^|-)([0-9]{1,2})(-|$)`)
	dotted    = regexp.MustCompile(`([0-9]{1,2})[.h]([0-9]{2})`)
	oneTime   = regexp.MustCompile(`^[0-9]{1,2}:[0-9]{2}$`)
	afternoon = regexp.MustCompile(`[下晚午]|pm`)
)

// parseWindow reads 08:00-14:00; of other spellings the error says the right
// one: 8点-14点, 8-14, 8.30-14.00.
func parseWindow(text string) (watcher.Window, error) {
	w, err := watcher.ParseWindow(text)
	if err == nil || afternoon.MatchString(strings.ToLower(text)) { // 下午2点 is not 02:00
		return w, err
	}
	t := strings.NewReplacer("到", "-", "至", "-", "~", "-", "～", "-", "—", "-", "–", "-", "：", ":", "早上", "", "上午", "", "am", "").Replace(strings.Join(strings.Fields(text), ""))
	t = halfHour.ReplaceAllString(t, "$1:30")
	t = fullHour.ReplaceAllString(t, "$1:$2")
	t = bareHour.ReplaceAllString(t, "$1:00")
	t = dotted.ReplaceAllString(t, "$1:$2")
	for range 2 { // 8-14 shares its dash
		t = hourAlone.ReplaceAllString(t, "$1$2:00$3")
	}
	if oneTime.MatchString(t) {
		if w, err := watcher.ParseWindow(t + "-24:00"); err == nil {
			return w, fmt.Errorf("%q is one moment; for all that comes after it write %v", text, w)
		}
	}
	if w, fixed := watcher.ParseWindow(t); fixed == nil {
		return w, fmt.Errorf("%q is not how a part of the day is written; did you mean %v?", text, w)
	}
	return w, err
}
