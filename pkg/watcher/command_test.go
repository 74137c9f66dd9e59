package watcher

import (
	"context"
	"errors"
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

// everyAnswer is every answer to a command, of one ordinary daemon.
func everyAnswer(s speaker) map[string]string {
	now := time.Date(2027, 1, 20, 9, 0, 0, 0, twelve306.Shanghai())
	at := func(d time.Duration) *time.Time { t := now.Add(d); return &t }
	price := 927.0
	booked := OrderView{Rule: "回家", State: StateBooked, Number: "EA12345678", Train: "G1110", Date: "2027-02-03", From: "广州南", To: "武汉", Price: &price, PayBy: at(20 * time.Minute)}
	order := func(state AttemptState, why string) OrderView {
		o := booked
		if o.State, o.PayBy, o.Why = state, nil, why; why != "" {
			o.Number = ""
		}
		return o
	}
	lost := order(StateExpired, "")
	lost.Rule = "探亲"
	busy := Status{
		Rules: []RuleStatus{
			{Name: "回家", State: RuleLooking, LastLook: at(-3 * time.Second), LastResult: s.noResult(231)},
			{Name: "返程", State: RulePaused, LastLook: at(-time.Hour)}, {Name: "春游", State: RuleWaiting}, {Name: "出差", State: RuleDone},
			{Name: "开会", State: RuleTelling, LastLook: at(-5 * time.Second)}, {Name: "探亲", State: RuleDone}, {Name: "旧", State: RulePast}, {Name: "停", State: RuleDisabled},
		},
		Question:   &QuestionStatus{Kind: notifier.Picture, Rule: "回家", ExpiresAt: *at(130 * time.Second)},
		Session:    SessionStatus{LoggedIn: true},
		Orders:     []OrderView{booked, order(StatePaid, ""), lost},
		obstacles:  []string{s.ruleStopped("开会", s.said("行程冲突。"))},
		Pace:       PaceStatus{3000, 43, 80},
		BlindSince: at(-time.Minute),
	}
	quiet := Status{Rules: slices.Repeat([]RuleStatus{{Name: "回家", State: RuleLooking}}, mostRules+3), Pace: PaceStatus{100, 7, 0},
		Question: &QuestionStatus{ExpiresAt: *at(30 * time.Second)}}
	all := []OrderView{booked, order(StatePaid, ""), order(StateExpired, ""), order(StateCancelled, ""), order(StateFailed, s.said("没有足够的票!")), order(StateQueued, "")}
	unknown := &UnknownRule{Name: "回", Rules: []string{"回家", "返程"}}
	return map[string]string{
		"help": s.help(), "status": s.status(busy, true, now), "status-quiet": s.status(quiet, false, now), "status-out": s.status(Status{}, true, now),
		"orders": s.orders(all, now), "orders-none": s.orders(nil, now), "orders-many": s.orders(append(all, all...), now), "orders-confirming": s.orders([]OrderView{order(StateConfirm, "")}, now),
		"pause": s.paused("", nil), "pause-rule": s.paused("回家", nil), "pause-unknown": s.paused("回", unknown), "pause-disk": s.paused("", errors.New("EIO")),
		"resume": s.resumed("", nil), "resume-rule": s.resumed("回家", nil), "resume-unknown": s.resumed("回", unknown),
	}
}

func TestCommandAnswers(t *testing.T) {
	foreign := regexp.MustCompile(`/(status|pause|resume|orders|help)|watcherd (orders|resume)|watcherd|12306|App|EIO|[GE]A?\d+`)
	facts := regexp.MustCompile(`EA\d+|G\d{4}|\d\d:\d\d|/\w+|回家|返程|\d{2,}`)
	said := map[notifier.Lang]map[string]string{}
	for _, lang := range []notifier.Lang{notifier.Chinese, notifier.English} {
		said[lang] = everyAnswer(speaker{lang, twelve306.Shanghai()})
		for name, got := range said[lang] {
			path := filepath.Join("testdata", "messages", "command-"+name+"."+string(lang)+".golden")
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
			if strings.Contains(got, "%!") || len([]rune(got)) > 1000 || strings.Count(got, "\n") > 20 {
				t.Errorf("%s: a broken format, or too long for a phone", path)
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
			t.Errorf("%s: the facts are %q and %q", name, a, b)
		}
	}
}

// The menu is as Telegram takes it: lower-case names, short descriptions; every
// entry of it is known, and the help names every one.
func TestCommandMenu(t *testing.T) {
	for _, lang := range []notifier.Lang{notifier.Chinese, notifier.English} {
		s := speaker{lang, twelve306.Shanghai()}
		for _, c := range s.commands() {
			if !regexp.MustCompile(`^[a-z]{1,32}$`).MatchString(c.Name) || len(c.Description) < 3 || len(c.Description) > 256 || !strings.Contains(s.help(), "/"+c.Name) {
				t.Errorf("%+v", c)
			}
		}
	}
}

// remote is a phone that can send commands.
type remote struct {
	*line
	commands chan string
	answers  chan string
	menus    chan []notifier.Command
}

// Commands implements notifier.Commander.
func (r *remote) Commands(ctx context.Context, menu []notifier.Command, answer func(ctx context.Context, text string) string) error {
	r.menus <- menu
	for {
		select {
		case text := <-r.commands:
			r.answers <- answer(ctx, text)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Commands do what they say, answer in the configured language, and leave an
// open question open.
func TestCommands(t *testing.T) {
	r := &remote{}
	rules := []Rule{homeRule(), homeRule(func(r *Rule) { r.Name, r.Action, r.Passengers = "看 看", ActionNotify, nil })}
	set := setup{sim: calm(), rules: rules, change: func(o *Options) {
		r.line = o.Channels[0].Notifier.(*line)
		o.Channels[0].Notifier = r
	}}
	play(t, set, func(s *scene) {
		r.commands, r.answers, r.menus = make(chan string), make(chan string), make(chan []notifier.Command, 1)
		s.phone.always(silence)
		w := s.start().w
		command := func(text string) string {
			t.Helper()
			r.commands <- text
			return <-r.answers
		}
		s.until("the question", time.Minute, func() bool { return w.Status().Question != nil })
		if menu := <-r.menus; len(menu) != 5 {
			t.Errorf("menu %v", menu)
		}
		if got := command("/status"); !strings.Contains(got, "等你回答：登录 12306，还有") || !strings.Contains(got, "· 看 看：在盯") || !strings.Contains(got, "2 条规则，2 条在盯") {
			t.Errorf("status:\n%s", got)
		}
		help := w.say.help()
		for _, text := range []string{"/help", "/start", "/START@my_bot now", "/frobnicate", "/", "", "25"} {
			if got := command(text); got != help {
				t.Errorf("%q is answered\n%s", text, got)
			}
		}
		if got := command("/pause 没有"); !strings.Contains(got, "没有叫“没有”的规则") || !strings.Contains(got, "回家、看 看") {
			t.Errorf("pause: %s", got)
		}
		states := func() string {
			var out []string
			for _, r := range w.Status().Rules {
				out = append(out, string(r.State))
			}
			return fmt.Sprint(out)
		}
		for _, step := range []struct{ text, want string }{
			{"/pause 看 看", "[looking paused]"}, {"/Pause@my_bot\n", "[paused paused]"}, {"/resume　看 看", "[paused looking]"}, {" /resume  ", "[looking looking]"},
		} {
			if command(step.text); states() != step.want {
				t.Errorf("%q: %s, want %s", step.text, states(), step.want)
			}
		}
		if got := command("/orders"); got != "还没有下过单。" {
			t.Errorf("orders: %s", got)
		}
		if q := w.Status().Question; q == nil || len(s.phone.questions("")) != 1 {
			t.Error("the commands disturbed the question")
		}
		s.phone.always(s.phone.right)
		s.sell(1)
		number := s.untilTold(NewsBooked, 1, 20*time.Minute).Order
		if got := command("/orders"); !strings.Contains(got, "待付款") || !strings.Contains(string(number), strings.TrimSuffix(got[strings.Index(got, "订单 ")+len("订单 "):], "）")) {
			t.Errorf("orders: %s\n%s", got, number)
		}
		if command("/resume 回家"); w.Status().Rules[0].State == RuleDone {
			t.Error("the rule was not armed again")
		}
		command("/pause")
	})
}
