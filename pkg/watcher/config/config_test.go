package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher"
)

func good(t *testing.T, name string) *Config {
	t.Helper()
	data, err := os.ReadFile("testdata/good-" + name + ".yaml")
	if err != nil {
		data, err = os.ReadFile("testdata/warn-" + name + ".yaml")
	}
	if err != nil {
		t.Fatal(err)
	}
	c, ps := load(t, data)
	if c == nil {
		t.Fatal(ps)
	}
	return c
}

func TestSmallest(t *testing.T) {
	c := good(t, "smallest")
	r := c.Rules[0]
	if r.Name != "广州南-武汉" || r.Action != watcher.ActionNotify || !r.Enabled || !r.Trains.All() {
		t.Errorf("rule %+v", r)
	}
	if !slices.Equal(r.Seats, watcher.DefaultSeats()) || slices.Contains(r.Seats, twelve306.Standing) {
		t.Errorf("seats %v", r.Seats)
	}
	if r.Schedule != c.Schedule || fmt.Sprint(c.Schedule) != "@every 5s" {
		t.Errorf("schedule %v", r.Schedule)
	}
	if !c.Notify.None() || c.Twelve306.HasAccount() || c.Language != notifier.Chinese {
		t.Errorf("config %+v", c)
	}
	if c.StateDir != "/home/me/.local/state/watcherd" {
		t.Errorf("state_dir %s", c.StateDir)
	}
	if c.Twelve306.MinInterval != 3*time.Second || c.Twelve306.Budget != 80 || c.Twelve306.ServiceHours.String() != "05:00-01:00" {
		t.Errorf("pace %+v", c.Twelve306)
	}
	if c.Question != (Question{3 * time.Minute, 3, 10 * time.Minute}) {
		t.Errorf("question %+v", c.Question)
	}
}

func TestBooking(t *testing.T) {
	c := good(t, "booking")
	r := c.Rules[0]
	if r.Action != watcher.ActionBook {
		t.Errorf("action %s: passengers and an account make it book", r.Action)
	}
	day := func(d int) twelve306.Date { return twelve306.Date{Year: 2027, Month: time.February, Day: d} }
	if want := []twelve306.Date{day(3), day(4), day(5)}; !slices.Equal(r.Dates, want) {
		t.Errorf("dates %v", r.Dates)
	}
	if len(r.To) != 2 || r.From[0].Name != "广州南" || r.To[0].Name != "武汉" || r.To[1].Name != "汉口" {
		t.Errorf("stations %v %v", r.From, r.To)
	}
	if got := r.Trains.String(); got != "G1110, G11*, !G1112" {
		t.Errorf("trains %s", got)
	}
	if want := []twelve306.Seat{twelve306.SecondClass, twelve306.FirstClass, twelve306.Standing}; !slices.Equal(r.Seats, want) {
		t.Errorf("seats %v", r.Seats)
	}
	if r.Depart.String() != "22:00-02:00" || !r.Partial || !slices.Equal(r.Passengers, []string{"张三", "李四"}) {
		t.Errorf("rule %+v", r)
	}
	if len(c.Notify.Telegram) != 1 || c.Notify.Telegram[0].ChatID != 100123 || len(c.Notify.Services) != 1 || c.Notify.Services[0].Webhook == nil {
		t.Errorf("notify %+v", c.Notify)
	}
	if string(c.Twelve306.IDLast4) != "012X" {
		t.Error("id_last4 lost its zero")
	}
}

// Several chats and services, with names of their own and without, and rules
// that name them.
func TestChannels(t *testing.T) {
	c := good(t, "channels")
	if want := []string{"telegram-2", "wife", "telegram", "web", "bark", "mum", "bark-2"}; !slices.Equal(c.Notify.Names(), want) {
		t.Errorf("names %q, want %q", c.Notify.Names(), want)
	}
	if got := c.Notify.Telegram; len(got) != 3 || got[0].Name != "telegram-2" || got[1].ChatID != 2 || got[2].Token != "2:b" {
		t.Errorf("%+v", got)
	}
	if got := c.Rules[0].Notify; !slices.Equal(got, []string{"wife", "mum"}) {
		t.Errorf("rule told on %q", got)
	}
	if got := c.Rules[1].Notify; !slices.Equal(got, []string{"web"}) {
		t.Errorf("rule told on %q", got)
	}
	var b strings.Builder
	if err := c.Describe(&b, time.Date(2027, 1, 20, 14, 2, 3, 0, twelve306.Shanghai())); err != nil || strings.Count(b.String(), "通知和提问：") != 2 ||
		!strings.Contains(b.String(), "通知和提问：wife、mum\n") || !strings.Contains(b.String(), "通知：telegram-2、wife、telegram、web、bark、mum、bark-2\n") {
		t.Errorf("%v\n%s", err, b.String())
	}
	two := good(t, "family-phones")
	if want := []string{"web", "妈妈", "爸爸", "ntfy", "ntfy-2", "discord", "slack"}; !slices.Equal(two.Notify.Names(), want) {
		t.Errorf("names %q, want %q", two.Notify.Names(), want)
	}
	if got := two.Rules[0].Notify; !slices.Equal(got, []string{"妈妈", "ntfy-2"}) || two.Notify.Services[0].Bark.DeviceKey != "b" || two.Notify.Services[3].Name != "ntfy-2" {
		t.Errorf("rule told on %q; %+v", got, two.Notify.Services)
	}
	for name, want := range map[string][]string{"smallest": {"terminal"}, "web-alone": {"web", "terminal"}, "booking": {"telegram", "web", "webhook"}} {
		if got := good(t, name).Notify.Names(); !slices.Equal(got, want) {
			t.Errorf("%s: names %q, want %q", name, got, want)
		}
	}
}

// TestFamily: kinds of tickets are taken from behind the names, and wishes
// that no seat of the rule can grant are warned of.
func TestFamily(t *testing.T) {
	c := good(t, "family")
	r := c.Rules[0]
	if !slices.Equal(r.Passengers, []string{"张三", "小宝", "李四"}) ||
		!slices.Equal(r.Tickets, []twelve306.TicketType{"", twelve306.ChildTicket, twelve306.StudentTicket}) ||
		!slices.Equal(r.SeatChoice, []twelve306.SeatWish{twelve306.Window, "B", "F"}) ||
		!slices.Equal(r.Berth, []twelve306.Berth{twelve306.LowerBerth, twelve306.LowerBerth, twelve306.LowerBerth}) {
		t.Errorf("rule %+v", r)
	}
	for _, j := range r.Journeys() {
		if !j.Student {
			t.Errorf("%v is asked for adults", j)
		}
	}
	other := c.Rules[1]
	if !slices.Equal(other.Tickets, []twelve306.TicketType{twelve306.AdultTicket, ""}) || other.Journeys()[0].Student {
		t.Errorf("rule %+v", other)
	}
	if plain := good(t, "booking").Rules[0]; plain.Tickets != nil || plain.SeatChoice != nil || plain.Berth != nil {
		t.Errorf("rule %+v", plain)
	}
	var got []string
	for _, w := range c.Warnings {
		if !strings.HasPrefix(w.Key, "rules[1].passengers") { // 张三 is in two rules
			got = append(got, w.Key+": "+w.Text)
		}
	}
	want := []string{
		"rules[0].date: 12306 sells students' tickets for June to September and December to March; it will refuse 2027-05-03",
		"rules[1].seat_choice: no seat of this rule can be chosen by its letter; it will be any seat",
		"rules[1].berth: no seat of this rule has a berth that is middle; it will be any",
		"rules[2].seat_choice: does nothing without passengers",
		"rules[2].berth: does nothing without passengers",
	}
	if !slices.Equal(got, want) {
		t.Errorf("warnings:\n%s", strings.Join(got, "\n"))
	}
	for lang, want := range map[notifier.Lang][]string{
		notifier.Chinese: {"乘车人：张三、小宝（儿童票）、李四（学生票）", "选座：靠窗、B、F（", "铺位：下铺、下铺、下铺（", "乘车人：张三（成人票）、王五"},
		notifier.English: {"passengers: 张三, 小宝 (child), 李四 (student)", "seats wished for: window, B, F (", "berths wished for: lower, lower, lower ("},
	} {
		c.Language = lang
		var b strings.Builder
		if err := c.Describe(&b, time.Date(2027, 1, 20, 14, 2, 3, 0, twelve306.Shanghai())); err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(b.String(), w) {
				t.Errorf("%q is not in\n%s", w, b.String())
			}
		}
	}
}

func TestEnvironment(t *testing.T) {
	c := good(t, "environment")
	if c.Twelve306.Username != "zhangsan" || string(c.Twelve306.Password) != "p${x}$yzhangsan" || c.Question.Attempts != 5 {
		t.Errorf("%q %q %d", c.Twelve306.Username, string(c.Twelve306.Password), c.Question.Attempts)
	}
}

func TestSecretFiles(t *testing.T) {
	c := good(t, "secret-files")
	if string(c.Twelve306.Password) != "hunter2-geheim" || c.Notify.Telegram[0].Token != "1:hunter2-geheim" {
		t.Error("the newline at the end belongs to the secret, or it was not read")
	}
}

// The secrets of a file that others can read are known to others.
func TestModes(t *testing.T) {
	const account = "twelve306:\n  username: a\n  %s\nrules:\n  - {date: 2027-02-03, from: 广州南, to: 武汉}\n"
	for _, tt := range []struct {
		name   string
		secret string
		mode   fs.FileMode
		want   string
	}{
		{"own", "password: hunter2", 0o600, ""},
		{"read-only", "password: hunter2", 0o400, ""},
		{"others", "password: hunter2", 0o644, ":3:13: twelve306.password: others can read this file and the secret in it; chmod 600 "},
		{"group", "password: hunter2", 0o640, ""},
		{"environment", "password: ${NAME}", 0o644, ""},
		{"half of it in the environment", "password: hunter2${NAME}", 0o644, ":3:13: twelve306.password: others can read this file and the secret in it; chmod 600 "},
		{"a plain ${", "password: $${hunter2", 0o644, ":3:13: twelve306.password: others can read this file and the secret in it; chmod 600 "},
		{"proxy", "proxy: http://me:hunter2@10.0.0.1:3128\n  login: qr", 0o644, ":3:10: twelve306.proxy: others can read this file and the secret in it; chmod 600 "},
		{"file", "password_file: secrets/12306", 0o644, ""},
		{"proxy with the environment's", "proxy: 'http://me:${NAME}@10.0.0.1:3128'\n  login: qr", 0o644, ""},
		{"no secret", "password: ''\n  login: qr", 0o644, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := placeFile(t, fmt.Appendf(nil, account, tt.secret))
			if err := os.Chmod(path, tt.mode); err != nil {
				t.Fatal(err)
			}
			_, err := Load(path, testEnv(filepath.Dir(path)), testDay)
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (err == nil || !strings.HasPrefix(err.Error(), path+tt.want)):
				t.Errorf("error %v, want %s", err, tt.want)
			case err != nil && strings.Contains(err.Error(), "hunter2"):
				t.Error("the secret is told")
			}
		})
	}
}

func TestUnreadableFiles(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "watch.yaml")
	if _, err := Load(missing, os.LookupEnv, testDay); err == nil || err.Error() != missing+":1:1: cannot read the file: no such file or directory" {
		t.Error(err)
	}
	for name, tt := range map[string]struct {
		data []byte
		want string
	}{
		"large":   {bytes.Repeat([]byte("#\n"), 1<<19+1), "1:1: the file is larger than 1 MiB"},
		"gbk":     {[]byte("rules:\n  - from: \xb9\xe3\xd6\xdd\n"), "2:1: this is not UTF-8 text; save the file as UTF-8"},
		"utf-16":  {[]byte("\xff\xfer\x00"), "1:1: this is not UTF-8 text; save the file as UTF-8"},
		"nothing": {nil, "1:1: the file is empty; the least it needs is rules: with one rule of date, from and to"},
	} {
		t.Run(name, func(t *testing.T) {
			_, ps := load(t, tt.data)
			if got := said(ps, "DIR"); !slices.Equal(got, []string{tt.want}) {
				t.Errorf("says %q", got)
			}
		})
	}
}

func TestStateDir(t *testing.T) {
	rule := "rules:\n  - {date: 2027-02-03, from: 广州南, to: 武汉}\n"
	for _, tt := range []struct {
		name, yaml string
		env        map[string]string
		want       string // "" is a mistake
	}{
		{"systemd", rule, map[string]string{"STATE_DIRECTORY": "/var/lib/watcherd:/other", "HOME": "/h"}, "/var/lib/watcherd"},
		{"xdg", rule, map[string]string{"XDG_STATE_HOME": "/x", "HOME": "/h"}, "/x/watcherd"},
		{"xdg relative", rule, map[string]string{"XDG_STATE_HOME": "x", "HOME": "/h"}, "/h/.local/state/watcherd"},
		{"relative to the file", "state_dir: ./state\n" + rule, nil, "DIR/state"},
		{"absolute", "state_dir: /s\n" + rule, nil, "/s"},
		{"nowhere", rule, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := placeFile(t, []byte(tt.yaml))
			c, err := Load(path, func(n string) (string, bool) { v, ok := tt.env[n]; return v, ok }, testDay)
			if err != nil {
				if tt.want != "" {
					t.Error(err)
				}
				return
			}
			if got := strings.ReplaceAll(c.StateDir, filepath.Dir(path), "DIR"); got != tt.want {
				t.Errorf("state_dir %q, want %q", got, tt.want)
			}
		})
	}
}

func TestSecretIsNeverPrinted(t *testing.T) {
	c := good(t, "booking")
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		fmt.Fprintf(&out, verb+verb, c.Twelve306, c.Twelve306.Password)
	}
	j, err := json.Marshal(c.Twelve306)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(j)
	if err := c.Describe(&out, time.Now()); err != nil {
		t.Fatal(err)
	}
	for _, leak := range []string{"hunter2", "68756e74657232", "68756E74657232", "zhangsan@"} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("%s in %s", leak, out.String())
		}
	}
	if !strings.Contains(out.String(), "<secret>") || Secret("").String() != "" {
		t.Error("a secret should show that it is there, and only then")
	}
}

// The example shows every key, loads, and gives every default its true value.
func TestExample(t *testing.T) {
	data, err := os.ReadFile("../../../watch.yaml.example")
	if err != nil {
		t.Fatal(err)
	}
	path := placeFile(t, data)
	for _, m := range regexp.MustCompile(`secrets/[\w-]+`).FindAllString(string(data), -1) {
		text := "abc"
		if strings.HasSuffix(m, "replies") {
			text = "0123456789abcdef"
		}
		if strings.HasSuffix(m, "webhook") || strings.HasSuffix(m, "lark") || strings.HasSuffix(m, "discord") || strings.HasSuffix(m, "slack") || strings.HasSuffix(m, "ping") {
			text = "https://example.com/hook"
		}
		if strings.HasSuffix(m, "dingtalk-sign") {
			text = "SECabc"
		}
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), m), []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Load(path, testEnv(filepath.Dir(path)), testDay)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) > 0 {
		t.Errorf("warnings: %v", c.Warnings)
	}
	seen := make(map[reflect.Type]bool)
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || seen[typ] {
			return
		}
		seen[typ] = true
		for i := range typ.NumField() {
			key := typ.Field(i).Tag.Get("yaml")
			if key == "" || key == "-" {
				continue
			}
			if !regexp.MustCompile(`(?m)(^[\s#-]*|[{,] *)` + key + `:`).Match(data) {
				t.Errorf("%v: %s is not in the example", typ, key)
			}
			walk(typ.Field(i).Type)
		}
	}
	walk(reflect.TypeFor[Config]())
	if len(seen) < 8 {
		t.Errorf("only %d sections were seen", len(seen))
	}
	d := defaults()
	if c.Twelve306.BaseURL != d.Twelve306.BaseURL || c.Twelve306.MinInterval != d.Twelve306.MinInterval ||
		c.Twelve306.Budget != d.Twelve306.Budget || c.Twelve306.ServiceHours != d.Twelve306.ServiceHours ||
		c.Twelve306.Login != d.Twelve306.Login || c.Twelve306.Session != d.Twelve306.Session ||
		c.Twelve306.OrderSteps != d.Twelve306.OrderSteps || c.Question != d.Question || c.Language != d.Language {
		t.Error("a default of the example is not the default")
	}
}

func TestDescribe(t *testing.T) {
	c := good(t, "booking")
	now := time.Date(2027, 1, 20, 14, 2, 3, 0, twelve306.Shanghai())
	for lang, want := range map[notifier.Lang][]string{
		notifier.English: {
			"hours: 05:00-01:00 (Asia/Shanghai)", "广州南 (IZQ) to 武汉 (WHN), 汉口 (HKN)", "dates: 2027-02-03..2027-02-05",
			"trains: G1110, G11*, but not G1112, departing 22:00-02:00", "seats: second, first, standing",
			"passengers: 张三, 李四 (with fewer seats, the first of them)", "books, and tells you to pay",
			"looks about every 22.5s (6 queries take turns, so not every 5s); next 14:02:05", "told on: telegram, web, webhook", "login captcha, logs in only when seats appear",
		},
		notifier.Chinese: {"大约每 22.5s 查一次（6 种查询轮流，赶不上每 5s 一次）；下一次 14:02:05", "下单，然后通知你付款", "日期：2027-02-03..2027-02-05"},
	} {
		c.Language = lang
		var b strings.Builder
		if err := c.Describe(&b, now); err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(b.String(), w) {
				t.Errorf("%q is not in\n%s", w, b.String())
			}
		}
	}
}

// What check promises is not more often than the queries that take turns allow.
func TestDescribeRound(t *testing.T) {
	for _, tt := range []struct{ head, dates, schedule, want string }{
		{"", "2027-02-03", "@every 5s", "looks every 5s;"},
		{"", "2027-02-03", "@every 1s", "looks about every 3.75s (min_interval and budget do not allow every 1s);"},
		{"", "2027-01-21..2027-02-03", "@every 1s", "looks about every 52.5s (14 queries take turns, so not every 1s);"},
		{"", "2027-01-21..2027-03-01", "*/5 * * * * *", `looks by "*/5 * * * * *" (40 queries take turns, a round takes about 2m30s);`},
	} {
		c, ps := load(t, fmt.Appendf(nil, "language: en\n%srules:\n  - {date: %s, from: 广州南, to: 武汉, schedule: %q}\n", tt.head, tt.dates, tt.schedule))
		if c == nil {
			t.Fatal(ps)
		}
		var b strings.Builder
		if err := c.Describe(&b, time.Date(2027, 1, 20, 14, 2, 3, 0, twelve306.Shanghai())); err != nil || !strings.Contains(b.String(), tt.want) {
			t.Errorf("%s: %v\n%s", tt.want, err, b.String())
		}
	}
}

func TestDescribeRests(t *testing.T) {
	c := good(t, "past")
	c.Language = notifier.English
	c.Rules[0].Enabled = false
	var b strings.Builder
	if err := c.Describe(&b, time.Date(2027, 1, 20, 2, 0, 0, 0, twelve306.Shanghai())); err != nil {
		t.Fatal(err)
	}
	for _, w := range []string{"(rests: enabled: false)", "(done: every day is past)", "warning: ", "account: none"} {
		if !strings.Contains(b.String(), w) {
			t.Errorf("%q is not in\n%s", w, b.String())
		}
	}
	if strings.Contains(b.String(), "looks every") {
		t.Errorf("a rule that rests looks:\n%s", b.String())
	}
	c.Rules[0].Enabled = true
	b.Reset()
	if err := c.Describe(&b, time.Date(2027, 1, 20, 2, 0, 0, 0, twelve306.Shanghai())); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "next 05:00:00") {
		t.Errorf("at night the next look is when 12306 opens:\n%s", b.String())
	}
}
