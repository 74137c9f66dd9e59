package main

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
)

// TestInitNarrow: no line is wider than the terminal.
func TestInitNarrow(t *testing.T) {
	for _, lang := range []notifier.Lang{notifier.Chinese, notifier.English} {
		for _, columns := range []int{40, 60, 80, 120} {
			desk(t)
			_, base := railLine(t)
			var out whisper
			c := dialog{lang: lang, base: base, columns: columns}
			if err := c.with(t, strings.NewReader("?\n广州南\n武汉\n"+initDay().String()+"\n?\nG*\n?\n1\n?\n\n?\n\n?\n\n"), &out); err != nil {
				t.Fatal(err)
			}
			conversation, _, _ := strings.Cut(out.String(), lang.Pick("没有问题", "is good"))
			for line := range strings.Lines(conversation) {
				if w := text.StringWidth(strings.TrimRight(line, "\n")); w > columns {
					t.Errorf("%s, %d columns: a line of %d: %s", lang, columns, w, line)
				}
			}
		}
	}
}

// TestInitLanguage: the flag, the environment, Chinese.
func TestInitLanguage(t *testing.T) {
	for _, row := range []struct {
		flag string
		env  map[string]string
		want notifier.Lang
	}{
		{"", nil, "zh"},
		{"", map[string]string{"LANG": "C.UTF-8"}, "zh"},
		{"", map[string]string{"LANG": "zh_CN.UTF-8"}, "zh"},
		{"", map[string]string{"LANG": "en_US.UTF-8"}, "en"},
		{"", map[string]string{"LANG": "en_US.UTF-8", "LC_ALL": "zh_TW"}, "zh"},
		{"en", map[string]string{"LANG": "zh_CN.UTF-8"}, "en"},
		{"fr", nil, ""},
	} {
		if got, err := languageOf(row.flag, func(name string) string { return row.env[name] }); got != row.want || (err != nil) != (row.want == "") {
			t.Errorf("%q %v: %q, %v", row.flag, row.env, got, err)
		}
	}
}

// TestInitDays: what people write for days.
func TestInitDays(t *testing.T) {
	talk := newTalk(strings.NewReader(""), io.Discard, notifier.English)
	today := twelve306.Date{Year: 2026, Month: 11, Day: 23}
	for answer, want := range map[string]string{
		"2026-12-01":             "[2026-12-01]",
		"12-01":                  "[2026-12-01]",
		"１２月１日":                  "[2026-12-01]",
		"12/1":                   "[2026-12-01]",
		"2026年12月1号":             "[2026-12-01]",
		"20261201":               "[2026-12-01]",
		"1-5":                    "[2027-01-05]",
		"11-23":                  "[2026-11-23]",
		"11.22":                  "[2027-11-22]",
		"明天":                     "[2026-11-24]",
		"Tomorrow":               "[2026-11-24]",
		"今天、后天":                  "[2026-11-23 2026-11-25]",
		"12-01..12-03":           "[2026-12-01 2026-12-02 2026-12-03]",
		"12-01 到 12-02":          "[2026-12-01 2026-12-02]",
		"12-01 to 12-02":         "[2026-12-01 2026-12-02]",
		"12月1日-2日":               "[2026-12-01 2026-12-02]",
		"12月30日～1月1日":            "[2026-12-30 2026-12-31 2027-01-01]",
		"12/1-12/2, 12-02 12-05": "[2026-12-01 2026-12-02 2026-12-05]",
		"2-29":                   "no",
		"5":                      "no",
		"12-01..":                "no",
		"..":                     "no",
		"0-0":                    "no",
		"2026-11-22":             "no",
	} {
		got, err := talk.days(answer, today)
		if err != nil {
			got = nil
		}
		if s := fmt.Sprint(got); want == "no" && err == nil || want != "no" && s != want {
			t.Errorf("%q: %v, %v; want %s", answer, got, err, want)
		}
	}
}

// FuzzInit: whatever is typed, the file that is written passes check and holds
// no secret, or none is written and the program says why. It wants
// -fuzzminimizetime 10x: which lines a conversation runs through depends on
// goroutines too, so almost every input is interesting once, and go test would
// spend a minute on making each smaller, in which it counts nothing.
func FuzzInit(f *testing.F) {
	f.Add("北京南\n上海虹桥\n明天\nG1 08:00-12:00\n二等座\n2\n张三\nzhangsan\nsecret\n0014\n3 5\ntopic\n回家: \"x\" # ${HOME}")
	f.Add("VNP\nAOH\n12-01..12-03\nall\nany\n3\n'a: b', [x](儿童)\n\"\n\\\n\n2 6\nme@qq.com\n\nx\nkey\n- !!null")
	f.Add("北京南\n上海虹桥\n明天\n!G1\n1\n1\n1\n1:a\nsocks5://u:p@127.0.0.1:1\n77\n~")
	f.Fuzz(func(t *testing.T, answers string) {
		if len(answers) > 4000 {
			return
		}
		t.Chdir(t.TempDir())
		var out whisper
		// A pairing by a proxy that somebody has made up may take long.
		err := dialog{lang: notifier.Chinese, bot: nobody, limit: 2 * time.Second}.with(t, strings.NewReader(strings.ReplaceAll(answers, "\n\n", "\n1\n")), &out)
		names := ls(t)
		if err != nil {
			if len(names) > 0 || !strings.Contains(out.String()+err.Error(), "什么都没有写") {
				t.Fatalf("%v: %v\n%s", names, err, out.String())
			}
			return
		}
		loaded(t, "watch.yaml")
	})
}
