package watcher

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
)

// everyBoard is the status page of several ordinary daemons, and the page of
// an order that is reminded of, as text.
func everyBoard(s speaker) map[string]string {
	now := time.Date(2027, 1, 20, 9, 0, 0, 0, twelve306.Shanghai())
	at := func(d time.Duration) *time.Time { t := now.Add(d); return &t }
	price := 927.0
	order := OrderView{Rule: "回家", State: StateBooked, Number: "EA12345678", Train: "G1110", Date: "2027-02-03", From: "广州南", To: "武汉",
		Seats: []string{"05车 08A号"}, Passengers: []string{"张三", "李四"}, Price: &price, PayBy: at(20 * time.Minute)}
	in := func(state AttemptState) OrderView {
		o := order
		o.State, o.PayBy = state, nil
		return o
	}
	var asks []QueryStatus
	for day := 1; day <= 6; day++ {
		asks = append(asks, QueryStatus{fmt.Sprintf("2027-02-%02d", day), "广州南", "武汉"}, QueryStatus{fmt.Sprintf("2027-02-%02d", day), "广州南", "汉口"})
	}
	looking := RuleStatus{Name: "回家", State: RuleLooking, LastLook: at(-3 * time.Second), NextLook: at(2 * time.Second), LastResult: s.f("%d 趟车，没有合适的票", "%d trains, no seat that fits", 231), Query: asks[:2]}
	pace := PaceStatus{3000, 43, 80}
	open := []notifier.Prompt{{ID: notifier.NewID(), Title: s.f("登录 12306：请选图", "Log in to 12306: which pictures?"), Deadline: *at(130 * time.Second)}}
	text := func(b notifier.Board) string {
		out := []string{fmt.Sprintf("%s [%s]\n%s", b.Title, b.Tone, b.At)}
		for _, part := range b.Sections {
			out = append(out, "", "# "+part.Title)
			for _, r := range part.Rows {
				out = append(out, fmt.Sprintf("%s | %s [%s]", r.Title, r.State, r.Tone))
				for _, l := range append([]string{r.Do}, r.Lines...) {
					if l != "" {
						out = append(out, "  "+l)
					}
				}
			}
		}
		return strings.Join(out, "\n")
	}
	repeat := func(r notifier.Repeat) string { return fmt.Sprintf("%s [%v]\n%s", r.Title, r.On, r.Text) }
	return map[string]string{
		"busy": text(s.board(Status{
			Rules: []RuleStatus{looking,
				{Name: "年后", State: RuleLooking, NextLook: at(24 * time.Hour), Query: asks}, {Name: "返程", State: RulePaused, LastLook: at(-26 * time.Hour)},
				{Name: "春游", State: RuleWaiting}, {Name: "出差", State: RuleDone}, {Name: "开会", State: RuleTelling}, {Name: "旧", State: RulePast}, {Name: "停", State: RuleDisabled}},
			Session: SessionStatus{LoggedIn: true, Since: at(-time.Hour)}, Pace: pace, BlindSince: at(-time.Minute),
			Orders: append([]OrderView{order, in(StateBooked), in(StateQueued), in(StateConfirm), in(StatePaid)}, in(StateExpired), in(StateCancelled)),
		}, open, true, now)),
		"quiet":   text(s.board(Status{Rules: []RuleStatus{looking}, Pace: PaceStatus{100, 7, 0}}, nil, false, now)),
		"several": text(s.board(Status{Rules: []RuleStatus{looking, looking}, Pace: pace}, nil, true, now)),
		"unpaid":  text(s.board(Status{Rules: []RuleStatus{looking}, Orders: []OrderView{order}, Pace: pace}, nil, true, now)),
		"blind":   text(s.board(Status{Rules: []RuleStatus{looking}, BlindSince: at(-time.Minute), Pace: pace}, nil, true, now)),
		"nothing": text(s.board(Status{}, nil, true, now)),
		"remind":  repeat(s.reminding(order, true, now)), "reminded": repeat(s.reminding(order, false, now)),
		"remind-soon": repeat(s.reminding(in(StateBooked), true, now)),
		"remind-paid": repeat(s.reminding(in(StatePaid), false, now)), "remind-none": repeat(s.forgotten()),
		"here": s.seenHere() + "\n" + s.statusHere("https://watch.example.com/status/00ff"),
	}
}

func TestBoards(t *testing.T) {
	foreign := regexp.MustCompile(`watcherd orders|https\S+|\[\w*\]|12306|App|[GE]A?\d+`)
	facts := regexp.MustCompile(`EA\d+|G\d{4}|\d\d:\d\d(:\d\d)?|回家|返程|\[\w*\]|https\S+|\d{2,}`)
	said := map[notifier.Lang]map[string]string{}
	for _, lang := range []notifier.Lang{notifier.Chinese, notifier.English} {
		said[lang] = everyBoard(speaker{lang, twelve306.Shanghai()})
		for name, got := range said[lang] {
			path := filepath.Join("testdata", "messages", "board-"+name+"."+string(lang)+".golden")
			if *update {
				if err := os.WriteFile(path, []byte(got+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Errorf("%v; write it with -update, and read it", err)
			} else if got+"\n" != string(want) {
				t.Errorf("%s is\n%s\nwant\n%s", path, got, want)
			}
			if strings.Contains(got, "%!") {
				t.Errorf("%s: a broken format", path)
			}
			if lang == notifier.Chinese && regexp.MustCompile(`[A-Za-z]{2,}`).MatchString(foreign.ReplaceAllString(got, "")) {
				t.Errorf("%s holds English words:\n%s", path, got)
			}
		}
	}
	for name, zh := range said[notifier.Chinese] {
		en := said[notifier.English][name]
		a, b := facts.FindAllString(zh, -1), facts.FindAllString(en, -1)
		slices.Sort(a)
		slices.Sort(b)
		if zh == en || !slices.Equal(a, b) {
			t.Errorf("%s: the facts are\n%q and\n%q", name, a, b)
		}
	}
}
