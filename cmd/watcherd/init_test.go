package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
	"github.com/watcherd/watcherd/pkg/watcher/config"
)

// dialog is one conversation of a test, in a folder of its own.
type dialog struct {
	lang    notifier.Lang
	base    string // of 12306; "": nobody is there
	bot     string // Telegram's API
	group   string // the service's; "": there is no service
	columns int
	limit   time.Duration // of the conversation; 0: patience
}

// nobody is an address at which nothing listens.
const nobody = "http://127.0.0.1:1"

// with has the conversation in the working directory, and returns what was
// printed and how it ended.
func (c dialog) with(t testing.TB, in io.Reader, out io.Writer) error {
	t.Helper()
	if c.base == "" {
		c.base = nobody
	}
	s := &setup{
		talk: newTalk(in, out, c.lang), now: time.Now(), today: twelve306.DateOf(time.Now()), path: "watch.yaml", botAPI: c.bot, group: c.group,
		config: config.Config{Language: c.lang, Twelve306: config.Twelve306{BaseURL: c.base}},
	}
	if c.columns > 0 {
		s.columns = c.columns
	}
	ctx, cancel := context.WithTimeout(t.Context(), cmp.Or(c.limit, patience))
	defer cancel()
	return s.run(ctx)
}

// say has the conversation with these lines as the user's.
func (c dialog) say(t testing.TB, lines ...string) (string, error) {
	t.Helper()
	var out whisper
	err := c.with(t, strings.NewReader(strings.Join(lines, "\n")+"\n"), &out)
	return out.String(), err
}

// good is say of a conversation that ends well. The file must pass check.
func (c dialog) good(t testing.TB, lines ...string) (string, *config.Config) {
	t.Helper()
	said, err := c.say(t, lines...)
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	return said, loaded(t, "watch.yaml")
}

func loaded(t testing.TB, path string) *config.Config {
	t.Helper()
	c, err := config.Load(path, os.LookupEnv, twelve306.DateOf(time.Now()))
	if err != nil {
		t.Fatalf("%v\n%s", err, content(t, path))
	}
	return c
}

func content(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// desk makes an empty folder the working directory and its own home.
func desk(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("XDG_STATE_HOME", "/home/me/.local/state")
	t.Setenv("STATE_DIRECTORY", "")
}

// initDay is a day on which the simulator of railLine has trains.
func initDay() twelve306.Date { return twelve306.DateOf(time.Now()).AddDays(5) }

// railLine is a simulator with some trains.
func railLine(t testing.TB) (*railsim.Server, string) {
	site := railsim.New(railsim.Options{Seed: 12306, Era: railsim.Present, Calm: true, PollGap: halfPoll})
	row := func(code, depart, arrive string, seats, fares map[string]int) railsim.Train {
		return railsim.Train{Code: code, From: "IZQ", To: "WHN", Depart: depart, Arrive: arrive, Seats: seats, Fares: fares}
	}
	site.SetTrains(initDay().String(),
		row("G1110", "08:00", "12:05", map[string]int{"9": 0, "M": 0, "O": 0, "W": 0}, map[string]int{"9": 14480, "M": 7380, "O": 4635, "W": 4635}),
		row("G1112", "08:32", "12:49", map[string]int{"M": 4, "O": 120, "W": 0}, map[string]int{"M": 7380, "O": 4635, "W": 4635}),
		row("G1118", "09:12", "13:30", map[string]int{"9": 2, "M": 0, "O": 15}, map[string]int{"9": 14480, "M": 7700, "O": 4800}),
		row("K1160", "21:10", "09:02", map[string]int{"1": 17, "3": 0, "W": 3}, map[string]int{"1": 1405, "3": 2480, "W": 1405}),
	)
	srv := httptest.NewServer(site)
	t.Cleanup(func() { srv.Close(); site.Close() })
	return site, srv.URL
}

// pairingBot is a Telegram whose only user sends the six digits that stand in out.
func pairingBot(t testing.TB, out fmt.Stringer) string {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/bot123456:AAcanary/") {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"ok":false,"error_code":401,"description":"Unauthorized"}`)
			return
		}
		if !strings.HasSuffix(r.URL.Path, "/getUpdates") {
			fmt.Fprint(w, `{"ok":true,"result":{"message_id":9,"date":1,"chat":{"id":77,"type":"private"}}}`)
			return
		}
		said := regexp.MustCompile(`(?m)^ +(\d{6})$`).FindAllStringSubmatch(out.String(), -1)
		if said == nil {
			select { // between two looks at what was said
			case <-time.After(10 * time.Millisecond):
			case <-r.Context().Done():
			}
			fmt.Fprint(w, `{"ok":true,"result":[]}`)
			return
		}
		fmt.Fprintf(w, `{"ok":true,"result":[{"update_id":1,"message":{"message_id":5,"date":1,"text":"%s","from":{"id":77,"first_name":"张三"},"chat":{"id":77,"type":"private"}}}]}`, said[len(said)-1][1])
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// secretsTyped are what no conversation may show and no watch.yaml hold.
var secretsTyped = []string{"secret12306", "AAcanary", "0014", "mailcanary", "barkcanary", "hookcanary", "SCTcanary", "pluscanary", "topiccanary"}

func hideSecrets(t testing.TB, said string) {
	t.Helper()
	for _, secret := range secretsTyped {
		if strings.Contains(said, secret) {
			t.Errorf("%s was printed:\n%s", secret, said)
		}
		if b, err := os.ReadFile("watch.yaml"); err == nil && strings.Contains(string(b), secret) {
			t.Errorf("%s stands in watch.yaml:\n%s", secret, b)
		}
	}
}

// TestInitBooks has the conversation that docs/init.md shows: a wrong
// character, two trains, an account, a Telegram chat that is found.
func TestInitBooks(t *testing.T) {
	page, err := filepath.Abs(filepath.Join(root, "docs/init.md"))
	if err != nil {
		t.Fatal(err)
	}
	desk(t)
	site, base := railLine(t)
	var out whisper
	c := dialog{lang: notifier.Chinese, base: base, bot: pairingBot(t, &out)}
	answers := []string{"广洲南", "", "武汉", initDay().String(), "2 1", "二等座 一等座", "2", "张三、李四", "zhangsan", "secret12306", "0014", "1", "123456:AAcanary", "", "", "回家"}
	if err := c.with(t, strings.NewReader(strings.Join(answers, "\n")), &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	said := out.String()
	hideSecrets(t, said)
	got := loaded(t, "watch.yaml")
	r := got.Rules[0]
	if r.Name != "回家" || r.Trains.String() != "G1112, G1110" || fmt.Sprint(r.Seats) != "[O M]" || fmt.Sprint(r.Passengers) != "[张三 李四]" || r.Action != "book" ||
		fmt.Sprint(r.From, r.To, r.Dates) != fmt.Sprintf("[广州南] [武汉] [%v]", initDay()) {
		t.Errorf("%+v", r)
	}
	if a := got.Twelve306; a.Username != "zhangsan" || string(a.Password) != "secret12306" || string(a.IDLast4) != "0014" {
		t.Errorf("the account is %+v", a)
	}
	if b := got.Notify.Telegram[0]; b.ChatID != 77 || b.Token != "123456:AAcanary" || b.APIURL != c.bot {
		t.Errorf("the chat is %d", b.ChatID)
	}
	for _, f := range []string{"watch.yaml", "secrets/12306", "secrets/id_last4", "secrets/telegram"} {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f, info.Mode(), err)
		}
	}
	if n := site.Count(railsim.StepQuery); n != 1 {
		t.Errorf("12306 was asked %d times for trains", n)
	}
	if v := site.Misconduct(); len(v) > 0 {
		t.Error(v)
	}
	if names := ls(t); !slices.Equal(names, []string{"secrets", "watch.yaml"}) {
		t.Errorf("the folder holds %v", names)
	}

	steady := func(s string) string {
		s = strings.NewReplacer(initDay().String(), "2026-12-01", initDay().AddDays(-4).String(), "2026-11-27", base, "http://127.0.0.1:12306", c.bot, "http://127.0.0.1:8081").Replace(s)
		s = regexp.MustCompile(`(?m)^    \d{6}$`).ReplaceAllString(s, "    518264")
		return regexp.MustCompile(`下一次 [-0-9: ]+`).ReplaceAllString(s, "下一次 10:00:05")
	}
	have := content(t, page)
	want := between(t, between(t, have, "```text\n$ watcherd init --base-url http://127.0.0.1:12306\n", steady(said)), "```yaml\n", steady(content(t, "watch.yaml")))
	if have == want {
		return
	}
	if !*update {
		t.Errorf("docs/init.md shows another conversation than this; if it is right: go test ./cmd/watcherd -run TestInitBooks -update\n%s\n%s", steady(said), steady(content(t, "watch.yaml")))
	} else if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// between replaces what a page has between a line and the end of that block.
func between(t testing.TB, page, begin, block string) string {
	t.Helper()
	before, rest, ok := strings.Cut(page, begin)
	_, after, closed := strings.Cut(rest, "```\n")
	if !ok || !closed {
		t.Fatalf("docs/init.md has no block that begins with %q", begin)
	}
	return before + begin + block + "```\n" + after
}

func ls(t testing.TB) []string {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// TestInitWatches needs no account, and everything else by Enter.
func TestInitWatches(t *testing.T) {
	desk(t)
	_, base := railLine(t)
	said, c := dialog{lang: notifier.English, base: base}.good(t, "guangzhounan", "WHN", initDay().String(), "g* !G1118 08:00-10:00", "", "", "", "")
	r := c.Rules[0]
	if r.Trains.String() != "G*, !G1118" || r.Depart.String() != "08:00-10:00" || len(r.Seats) < 10 || r.Action != "notify" || r.Name != "广州南-武汉" || c.Language != "en" || !c.Notify.None() || c.Twelve306.HasAccount() {
		t.Errorf("%+v", r)
	}
	for _, want := range []string{"G1110", "08:00", "12:05", "4:05", "second none ¥463.5", "09:02+1", "1  second    ¥463.5\n", "\n  watcherd test-notify\n", "\n  watcherd run\n", "watch.yaml is good"} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q:\n%s", want, said)
		}
	}
	if strings.Contains(said, "hard seat  ¥") {
		t.Error("a seat is offered that the chosen trains do not have")
	}
	// Chinese is what 12306 and the stations say, nothing else.
	if rest := regexp.MustCompile(`广州南|武汉|\(铁路\)`).ReplaceAllString(said, ""); regexp.MustCompile(`\p{Han}`).MatchString(rest) {
		t.Errorf("there is Chinese in an English conversation:\n%s", rest)
	}
}

// TestInitAlone goes on without 12306.
func TestInitAlone(t *testing.T) {
	desk(t)
	said, c := dialog{lang: notifier.Chinese}.good(t, "北京南", "上海虹桥、上海", "12-01..12-03", "G1 G3 08:00-12:00", "二等座", "", "", "")
	r := c.Rules[0]
	if !strings.Contains(said, "现在问不到 12306") || r.Trains.String() != "G1, G3" || len(r.To) != 2 || len(r.Dates) != 3 || fmt.Sprint(r.Seats) != "[O]" {
		t.Errorf("%+v\n%s", r, said)
	}
}

// TestInitChannels asks for each of the others.
func TestInitChannels(t *testing.T) {
	desk(t)
	said, c := dialog{lang: notifier.English}.good(t, "北京南", "上海虹桥", "12-01", "all", "any", "3", "张三", "zhangsan", "secret12306", "",
		"6 7 4 5 8 9 10 11 3 2", "https://bark.example.com/barkcanary/", "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=wecomkey", "dingtoken", "SECabc",
		"hook", "https://open.feishu.cn/open-apis/bot/v2/hook/hookcanary", "", "SCTcanary", "pluscanary", "https://discord.com/api/webhooks/1/hookcanary", "https://hooks.slack.com/services/T/B/hookcanary", "topiccanary",
		"me@qq.com", "", "mailcanary", "")
	hideSecrets(t, said)
	s := c.Notify.Services
	if len(s) != 9 || s[0].Bark.DeviceKey != "barkcanary" || s[0].Bark.Server != "https://bark.example.com" || s[1].WeCom.Key != "wecomkey" || s[2].DingTalk.Secret != "SECabc" ||
		!strings.HasSuffix(s[3].Lark.Webhook, "hookcanary") || s[3].Lark.Secret != "" || s[4].ServerChan.Key != "SCTcanary" || s[5].PushPlus.Token != "pluscanary" ||
		!strings.HasSuffix(s[6].Discord.Webhook, "hookcanary") || !strings.HasSuffix(s[7].Slack.Webhook, "hookcanary") || s[8].Ntfy.Topic != "topiccanary" || !strings.Contains(said, s[8].Ntfy.ReplyTopic) {
		t.Errorf("%+v", s)
	}
	e := c.Notify.Email[0]
	if e.SMTP.Addr != "smtp.qq.com:465" || e.IMAP.Addr != "imap.qq.com:993" || e.IMAP.Password != "mailcanary" || !strings.Contains(said, "授权码") || c.Notify.Web != nil || c.Rules[0].Action != "ask" {
		t.Errorf("%+v", e)
	}

	// Nobody could answer: the answer page is added.
	_, c = dialog{lang: notifier.Chinese}.good(t, "2", "北京南", "上海虹桥", "12-01", "all", "any", "2", "张三", "zhangsan", "", "", "2 6",
		"me@example.org", "bot@example.org", "mail.example.org:587", "-", "mailcanary", "", "")
	if c.Notify.Web == nil || c.Notify.Email[0].SMTP.Addr != "mail.example.org:587" || c.Notify.Email[0].IMAP != nil || string(c.Twelve306.Password) != "secret12306" {
		t.Errorf("%+v", c.Notify)
	}
}

// TestInitBadAnswers gives every question answers that will not do: each is
// told what to type, and asked again.
func TestInitBadAnswers(t *testing.T) {
	desk(t)
	_, base := railLine(t)
	var out whisper
	api := pairingBot(t, &out)
	past := twelve306.DateOf(time.Now()).AddDays(-3).String()
	rows := []struct{ answer, zh, en string }{
		{"?", `电报码（IZQ）`, `telecode \(IZQ\)`},
		{"", `这里要写点什么`, `has to be typed`},
		{"，", `写一个站名`, `Type a station`},
		{"火星", `是不是 红星、卫星？写其中一个`, `Did you mean 红星, 卫星\? Type one`},
		{"qqqqqq", `没有 "qqqqqq" 这个站；写站名`, `no station "qqqqqq"; type its name`},
		{"\x1b[A", `看不见的字符`, `invisible characters`},
		{"\xff\xfe", `看不见的字符`, `invisible characters`},
		{strings.Repeat("长", 5000), `太长了`, `too long`},
		{"广洲南", `是不是 广州南`, `Did you mean 广州南`},
		{"", ``, ``},
		{"广州南", `已经是出发站`, `is where you start`},
		{"武汉", ``, ``},
		{"someday", `看不懂日期`, `is not a date`},
		{past, `已经过去了`, `is past`},
		{"2027-02-30", `没有 2027-02-30 这一天`, `no day 2027-02-30`},
		{"2-30", `没有 2-30 这一天`, `no day 2-30`},
		{initDay().String() + ".." + initDay().AddDays(-1).String(), `结束比开始还早`, `ends before it begins`},
		{"2099-01-01", `一年以后`, `more than a year`},
		{"明天.." + initDay().AddDays(60).String(), `最多 31 天`, `at most 31 days`},
		{initDay().String(), ``, ``},
		{"9", `编号是 1 到 4`, `from 1 to 4`},
		{"3-9", `1 到 4`, `1 to 4`},
		{"G9999", `没有 G9999`, `no G9999`},
		{"X1", `看不懂 "X1"`, `"X1" is not understood`},
		{"25:00-26:00", `不是时段`, `not a part of the day`},
		{"08:00-09:00 10:00-11:00", `只能有一个时段`, `one part of the day`},
		{"01:00-02:00", `一趟车也没有`, `No train of the list`},
		{"、", `写编号、车次`, `Type numbers, trains`},
		{"2", ``, ``},
		{"硬座", `没有 "硬座"`, `have no "硬座"`},
		{"7", `没有 "7"`, `have no "7"`},
		{",", `席别的名字`, `names of seats`},
		{"1", ``, ``},
		{"4", `没有 "4" 这一项`, `There is no "4"`},
		{"1 2", `只能选一个`, `Only one`},
		{"2", ``, ``},
		{"张三(老人)", `括号里只能写`, `in brackets stands`},
		{"张三、张三", `写了两次`, `twice`},
		{"张3", `有数字`, `digits`},
		{"小宝(儿童)", `不能单独乘车`, `may not travel alone`},
		{"甲、乙、丙、丁、戊、己", `最多 5 人`, `at most 5`},
		{"张三, 小宝(儿童)", ``, ``},
		{"zhangsan", ``, ``},
		{"", `这里要写点什么`, `has to be typed`},
		{"secret12306", ``, ``},
		{"12345", `正好四位`, `exactly four`},
		{"", ``, ``},
		{"Telegram", `没有 "TELEGRAM"|没有 "Telegram"`, `There is no "Telegram"`},
		{"1 4 2", ``, ``},
		{"abc", `不像 token`, `no token`},
		{"99:wrong", ``, ``},
		{"ftp://x", `不是代理的地址`, `no address of a proxy`},
		{"", ``, ``},
		{"-5", `正整数`, `above 0`},
		{"", `配对不了`, `does not work`},
		{"1", ``, ``}, // once more, by a proxy that is not there
		{"123456:AAcanary", ``, ``},
		{"socks5://127.0.0.1:1", ``, ``},
		{"", `连不上 Telegram`, `cannot be reached`},
		{"1", ``, ``},
		{"", ``, ``}, // the token that was typed
		{"", ``, ``},
		{"", `找到了：张三`, `the chat of 张三`},
		{"https://oapi.dingtalk.com/robot/send", `没有找到 key`, `no key in that`},
		{"tok", ``, ``},
		{"abc", `以 SEC 开头`, `begins with SEC`},
		{"", ``, ``},
		{"me", `不是邮件地址`, `no mail address`},
		{"me@example.org", ``, ``},
		{"", ``, ``},
		{"nowhere", `看不懂 "nowhere"`, `"nowhere" is not understood`},
		{"smtp.example.org:465", ``, ``},
		{"", ``, ``},
		{"mailcanary", ``, ``},
		{strings.Repeat("名", 41), `名字太长`, `too long`},
		{`- {"a": 'b'} # ${HOME} & *x: "`, ``, ``},
	}
	for _, lang := range []notifier.Lang{notifier.Chinese, notifier.English} {
		t.Run(string(lang), func(t *testing.T) {
			t.Chdir(t.TempDir())
			out.reset()
			var lines []string
			for _, r := range rows {
				lines = append(lines, r.answer)
			}
			c := dialog{lang: lang, base: base, bot: api}
			if err := c.with(t, strings.NewReader(strings.Join(lines, "\n")), &out); err != nil {
				t.Fatalf("%v\n%s", err, out.String())
			}
			said := out.String()
			hideSecrets(t, said)
			rest := said
			for _, r := range rows {
				want := lang.Pick(r.zh, r.en)
				if want == "" {
					continue
				}
				// Sentences are broken to the width of the terminal.
				at := regexp.MustCompile(loosely(want)).FindStringIndex(rest)
				if at == nil {
					t.Fatalf("%q is not told %q in what is left:\n%s", r.answer, want, rest)
				}
				rest = rest[at[1]:]
			}
			got := loaded(t, "watch.yaml")
			if got.Rules[0].Name != rows[len(rows)-1].answer || len(got.Rules[0].Tickets) != 2 || got.Notify.Telegram[0].ChatID != 77 {
				t.Errorf("%+v", got.Rules[0])
			}
		})
	}
}

// loosely lets a pattern match across line breaks.
func loosely(pattern string) string {
	var b strings.Builder
	escaped, class := false, false
	for _, r := range pattern {
		if r == ' ' {
			b.WriteString(`\s+`)
			continue
		}
		b.WriteRune(r)
		if !escaped && r > 0x2e80 && !class {
			b.WriteString(`\s*`)
		}
		escaped = r == '\\'
	}
	return b.String()
}

// TestInitEnds: wherever the answers end, nothing is written, and it is said.
func TestInitEnds(t *testing.T) {
	desk(t)
	_, base := railLine(t)
	answers := []string{"广州南", "武汉", initDay().String(), "1", "1", "2", "张三", "zhangsan", "secret12306", "0014", "2", "me@qq.com", "", "mailcanary", "回家"}
	for n := range answers {
		said, err := dialog{lang: notifier.Chinese, base: base}.say(t, answers[:n]...)
		if e, ok := errors.AsType[*exit](err); !ok || e.status != exitFailed {
			if n > 0 || err == nil { // an empty line is an answer, too
				t.Fatalf("after %d answers: %v\n%s", n, err, said)
			}
		}
		if !strings.Contains(said, "停下了，什么都没有写") || len(ls(t)) > 0 {
			t.Fatalf("after %d answers there is %v\n%s", n, ls(t), said)
		}
	}
	dialog{lang: notifier.Chinese, base: base}.good(t, answers...)
}

// TestInitInterrupted: Ctrl-C ends it while it waits.
func TestInitInterrupted(t *testing.T) {
	desk(t)
	ctx, stop := context.WithCancel(t.Context())
	in, keys := io.Pipe()
	defer keys.Close()
	var out transcript
	s := &setup{talk: newTalk(in, &out, notifier.English), today: twelve306.DateOf(time.Now()), path: "watch.yaml"}
	ended := make(chan error)
	go func() { ended <- s.run(ctx) }()
	if _, err := out.await(regexp.MustCompile(`From which station`), nil); err != nil {
		t.Fatal(err)
	}
	stop()
	if e, ok := errors.AsType[*exit](<-ended); !ok || e.status != exitFailed || !strings.Contains(out.all(), "nothing was written") {
		t.Errorf("%v\n%s", e, out.all())
	}
}

// TestInitKeeps: what is there is replaced only when the user says so, and kept.
func TestInitKeeps(t *testing.T) {
	desk(t)
	mine := "# mine\n"
	if err := os.WriteFile("watch.yaml", []byte(mine), 0o640); err != nil {
		t.Fatal(err)
	}
	answers := []string{"北京南", "上海虹桥", "12-01", "all", "any", "", "", ""}
	for _, first := range []string{"", "1"} {
		said, err := dialog{lang: notifier.Chinese}.say(t, append([]string{first}, answers...)...)
		if err == nil || content(t, "watch.yaml") != mine || !strings.Contains(said, "没有动 watch.yaml") {
			t.Fatalf("%v\n%s", err, said)
		}
	}
	for i, kept := range []string{"watch.yaml.bak", "watch.yaml.bak2"} {
		before := content(t, "watch.yaml")
		said, _ := dialog{lang: notifier.Chinese}.good(t, append([]string{"2"}, answers...)...)
		if content(t, kept) != before || !strings.Contains(said, kept) {
			t.Errorf("%d: %s\n%s", i, content(t, kept), said)
		}
	}
	if info, err := os.Stat("watch.yaml"); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	said, err := dialog{lang: notifier.Chinese}.say(t, append([]string{"3", "no/such/folder.yaml", ".", "our family.yaml"}, answers...)...)
	if err != nil || !strings.Contains(said, "watcherd run --config 'our family.yaml'") {
		t.Errorf("%v\n%s", err, said)
	}
	loaded(t, "our family.yaml")

	// One that appears while the conversation goes on is not touched.
	if err := os.Remove("watch.yaml"); err != nil {
		t.Fatal(err)
	}
	var out whisper
	in, keys := io.Pipe()
	go func() {
		defer keys.Close()
		fmt.Fprintln(keys, strings.Join(answers[:len(answers)-1], "\n"))
		_ = os.WriteFile("watch.yaml", []byte(mine), 0o600)
		fmt.Fprintln(keys)
	}()
	if err := (dialog{lang: notifier.Chinese}).with(t, in, &out); err == nil || content(t, "watch.yaml") != mine {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// TestInitLater shows the trains of the same weekday before a day that is not
// on sale yet.
func TestInitLater(t *testing.T) {
	desk(t)
	site, base := railLine(t)
	late := twelve306.DateOf(time.Now()).AddDays(40)
	site.SetTrains(late.AddDays(-28).String(), railsim.Train{Code: "G1110", From: "IZQ", To: "WHN", Depart: "08:00", Arrive: "12:05", Seats: map[string]int{"O": 1}})
	said, c := dialog{lang: notifier.English, base: base}.good(t, "广州南", "武汉", late.String(), "G9999", "any", "", "", "")
	if !strings.Contains(strings.Join(strings.Fields(said), " "), "is not on sale yet; these are the trains of "+late.AddDays(-28).String()) || c.Rules[0].Trains.String() != "G9999" || c.Rules[0].Dates[0] != late {
		t.Error(said)
	}
	if v := site.Misconduct(); len(v) > 0 {
		t.Error(v)
	}
}

func (w *whisper) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.b.Reset()
}
