package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher"
	"github.com/watcherd/watcherd/pkg/watcher/config"
)

type initFlags struct {
	language string
	baseURL  string
	botAPI   string
}

func initCommand(f *flags) *cobra.Command {
	i := &initFlags{}
	c := &cobra.Command{
		Use: "init", Short: "a short conversation that ends with a checked watch.yaml", Args: cobra.NoArgs,
		Long: `init asks where from, where to and when, shows the trains of that day, and asks
what to do when there are seats and how you are told. It writes watch.yaml, with
comments, and checks it. Passwords and tokens go to files of their own beside
it, which only you can read. Until the end nothing is written.

In a folder of the group watcherd, as a package makes /etc/watcherd, the files
are for the service: its group may read watch.yaml, and systemd hands it the
secrets.`,
		Example: `  watcherd init
  sudo watcherd init --config /etc/watcherd/watch.yaml`,
		RunE: func(cmd *cobra.Command, _ []string) error { return i.run(cmd, f) },
	}
	c.Flags().StringVar(&i.language, "language", "", "zh or en (default: as LANG says, else zh)")
	c.Flags().StringVar(&i.baseURL, "base-url", twelve306.DefaultBaseURL, "another 12306: a simulator on this machine")
	c.Flags().StringVar(&i.botAPI, "telegram-api", "", "another server of Telegram's Bot API: your own")
	return c
}

func (i *initFlags) run(cmd *cobra.Command, f *flags) error {
	lang, err := languageOf(i.language, os.Getenv)
	if err != nil {
		return &exit{exitBadConfig, err.Error()}
	}
	for flag, address := range map[string]string{"--base-url": i.baseURL, "--telegram-api": i.botAPI} {
		u, err := url.Parse(address)
		if address != "" && (err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(address))) {
			return &exit{exitBadConfig, flag + " is not an https address, nor an http address of this machine"}
		}
	}
	s := &setup{
		talk:   newTalk(cmd.InOrStdin(), cmd.ErrOrStderr(), lang),
		now:    time.Now(),
		today:  twelve306.DateOf(time.Now()),
		path:   cmp.Or(f.config, "watch.yaml"),
		group:  serviceGroup,
		botAPI: i.botAPI,
		config: config.Config{Language: lang, Twelve306: config.Twelve306{BaseURL: strings.TrimRight(i.baseURL, "/")}},
	}
	return s.run(cmd.Context())
}

// languageOf is what the flag says, else the environment, as programs in C do;
// Chinese when neither says anything.
func languageOf(flag string, env func(string) string) (notifier.Lang, error) {
	switch flag {
	case "zh", "en":
		return notifier.Lang(flag), nil
	case "":
	default:
		return "", fmt.Errorf("--language %q: use zh or en", flag)
	}
	locale, _, _ := strings.Cut(cmp.Or(env("LC_ALL"), env("LC_MESSAGES"), env("LANG")), ".")
	if locale == "" || locale == "C" || locale == "POSIX" || strings.HasPrefix(locale, "zh") {
		return notifier.Chinese, nil
	}
	return notifier.English, nil
}

// setup is the conversation of init, and what it has learnt so far.
type setup struct {
	*talk
	now     time.Time
	today   twelve306.Date
	path    string // of watch.yaml
	replace bool   // there is one already, and it may be replaced
	group   string // of the service's user; "": there is no service
	service bool   // the file is the service's: its folder belongs to the group
	botAPI  string // "": Telegram's own
	config  config.Config
	secrets []secretFile
}

// run has the conversation and prints how it ended.
func (s *setup) run(ctx context.Context) error {
	err := s.ask(ctx)
	if err == nil {
		err = s.finish()
	}
	switch {
	case errors.Is(err, errStopped):
		s.say("\n停下了，什么都没有写。想从头来，再运行 watcherd init。", "\nStopped; nothing was written. To begin again, run watcherd init.")
		return &exit{status: exitFailed}
	case errors.Is(err, errLeft):
		s.say("没有动 %s。", "%s is as it was.", s.path)
		return &exit{status: exitFailed}
	case err != nil:
		if _, ok := errors.AsType[*exit](err); ok {
			return err
		}
		return &exit{exitFailed, err.Error()}
	}
	return nil
}

// ask is the conversation, question by question. It writes nothing.
func (s *setup) ask(ctx context.Context) error {
	s.say("几个问题，写出 %s。Enter 用方括号里的默认，? 是说明，Ctrl-C 随时停下（什么都不写）。",
		"Some questions, and %s is written. Enter takes what stands in brackets, ? explains, Ctrl-C stops at any time (and nothing is written).", s.path)
	steps := []func(context.Context) error{s.askPath, s.askJourney, s.askAction, s.askChannels, s.askName}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// errLeft ends the conversation when the file that is there shall stay.
var errLeft = errors.New("the file is left alone")

// askPath settles where the file goes when there is one already.
func (s *setup) askPath(ctx context.Context) error {
	for {
		dir := filepath.Dir(s.path)
		if err := s.enter(dir); err != nil {
			return err
		}
		switch info, err := os.Stat(s.path); {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return &exit{exitFailed, fmt.Sprintf("%s: %v", s.path, err)}
		case !info.Mode().IsRegular():
			return &exit{exitFailed, fmt.Sprintf(s.lang.Pick("%s 不是文件；用 --config 写一个文件名", "%s is no file; name one with --config"), s.path)}
		}
		n, err := s.choose(ctx, fmt.Sprintf(s.lang.Pick("%s 已经有了。", "There is a %s already."), s.path),
			s.lang.Pick("换掉时，旧的留作 .bak；正在运行的 watcherd 会马上用新的规则。", "When it is replaced the old one is kept as .bak; a watcherd that is running takes the new rules at once."), 1,
			s.lang.Pick("不动它，停下", "leave it alone and stop"), s.lang.Pick("换掉它（旧的留作 .bak）", "replace it (the old one is kept as .bak)"), s.lang.Pick("写到另一个文件", "write another file"))
		switch {
		case err != nil:
			return err
		case n == 1:
			return errLeft
		case n == 2:
			s.replace = true
			return nil
		}
		s.path, err = ask(ctx, s.talk, question{
			text: s.lang.Pick("写到哪个文件？", "Which file?"), help: s.lang.Pick("写一个文件名，例如 family.yaml。", "Type the name of a file, such as family.yaml."),
		}, func(answer string) (string, error) {
			if filepath.Dir(answer) == "." {
				answer = filepath.Join(dir, filepath.Base(answer)) // beside the one that is there
			}
			if info, err := os.Stat(filepath.Dir(answer)); err != nil || !info.IsDir() {
				return "", s.sorry("没有 %s 这个文件夹；写一个已有文件夹里的文件。", "There is no folder %s; type a file in one that is there.", filepath.Dir(answer))
			}
			if info, err := os.Stat(answer); err == nil && !info.Mode().IsRegular() {
				return "", s.sorry("%s 不是文件；写一个文件名。", "%s is no file; type the name of one.", answer)
			}
			return answer, nil
		})
		if err != nil {
			return err
		}
	}
}

// enter sees that a file can be made in the folder, before anybody has answered
// anything, and whose the folder is.
func (s *setup) enter(dir string) error {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return &exit{exitFailed, fmt.Sprintf(s.lang.Pick("没有 %s 这个文件夹；先建好它", "there is no folder %s; make it first"), dir)}
	}
	probe, err := os.MkdirTemp(dir, deskPattern)
	if err == nil {
		err = os.Remove(probe)
	}
	if err != nil {
		return &exit{exitFailed, fmt.Sprintf(s.lang.Pick("%s 这个文件夹里写不了文件；换一个文件夹，或者用 sudo", "no file can be written in the folder %s; take another one, or sudo"), dir)}
	}
	s.service = filepath.Base(s.path) == filepath.Base(systemConfig) && belongsTo(dir, s.group)
	return nil
}

// askJourney asks from where to where and when, shows the trains, and asks
// which of them and which seats.
func (s *setup) askJourney(ctx context.Context) error {
	for {
		r := watcher.Rule{Enabled: true}
		var err error
		if r.From, err = s.stations(ctx, s.lang.Pick("从哪一站出发？（站名、拼音或电报码）", "From which station? (name, pinyin or telecode)"), nil); err != nil {
			return err
		}
		if r.To, err = s.stations(ctx, s.lang.Pick("到哪一站？", "To which station?"), r.From); err != nil {
			return err
		}
		tomorrow := s.today.AddDays(1).String()
		r.Dates, err = ask(ctx, s.talk, question{
			text: s.lang.Pick("哪一天？（12-01、12月1日、明天；几天用逗号，连着的写 12-01..12-03）", "Which day? (12-01, tomorrow; several with commas, a range as 12-01..12-03)"),
			help: s.lang.Pick("写 2026-12-01、12-01、12月1日、今天、明天、后天。几天：12-01, 12-05。连着的：12-01..12-03。", "Type 2026-12-01, 12-01, today or tomorrow. Several: 12-01, 12-05. A range: 12-01..12-03."), enter: tomorrow,
		}, func(answer string) ([]twelve306.Date, error) { return s.days(answer, s.today) })
		if err != nil {
			return err
		}
		view, exact, err := s.look(ctx, r.From[0], r.To[0], r.Dates[0])
		switch {
		case errors.Is(err, errStopped):
			return err
		case err != nil:
			s.say("现在问不到 12306（%v）。没关系：车次可以自己写，watcherd 运行时会接着问。", "12306 cannot be asked just now (%v). Never mind: type the trains yourself, and watcherd will ask when it runs.", err)
		case len(view) == 0:
			n, err := s.choose(ctx, fmt.Sprintf(s.lang.Pick("12306 说这一天没有 %s 到 %s 的车。", "12306 says that there is no train from %s to %s on that day."), r.From[0], r.To[0]),
				s.lang.Pick("大城市有几个站：高铁多半停在带 东、南、西、北 的站，例如 北京南、上海虹桥。", "Large cities have several stations; fast trains mostly stop at one whose name ends in 东, 南, 西 or 北, such as 北京南."), 1,
				s.lang.Pick("换车站或日期", "other stations or another day"), s.lang.Pick("就这样，车次我自己写", "leave it so; I type the trains"))
			if err != nil {
				return err
			}
			if n == 1 {
				continue
			}
		default:
			s.list(view)
		}
		// Of several stations only the first pair was asked for.
		exact = exact && len(view) > 0 && len(r.From) == 1 && len(r.To) == 1
		c, err := s.trains(ctx, view, exact)
		if err != nil {
			return err
		}
		r.Trains, r.Depart = c.trains, c.depart
		if r.Seats, err = s.seats(ctx, c.matched); err != nil {
			return err
		}
		s.config.Rules = []watcher.Rule{r}
		return nil
	}
}

// rule is the one that is being made.
func (s *setup) rule() *watcher.Rule { return &s.config.Rules[0] }

// askAction asks what to do when there are seats, and what that needs.
func (s *setup) askAction(ctx context.Context) error {
	n, err := s.choose(ctx, s.lang.Pick("有票时做什么？", "What shall be done when there are seats?"),
		s.lang.Pick("通知：不用账号，你自己去官方 App 买。订：用你的 12306 账号下单，验证码问你，付款永远是你自己在官方 App 里付。",
			"Tell me: no account is needed, you buy in the official app. Book: orders with your 12306 account, asks you the captcha, and you pay, always yourself, in the official app."), 1,
		s.lang.Pick("只通知我（不用账号）", "tell me (no account needed)"), s.lang.Pick("马上订，然后我付款", "book at once, and I pay"), s.lang.Pick("先问我，我同意再订", "ask me, and book if I say yes"))
	if err != nil {
		return err
	}
	s.rule().Action = []watcher.Action{watcher.ActionNotify, watcher.ActionBook, watcher.ActionAsk}[n-1]
	if !s.rule().Action.Orders() {
		return nil
	}
	return s.askAccount(ctx)
}

// askName asks what the rule is called.
func (s *setup) askName(ctx context.Context) error {
	const longest = 120 // bytes; check says so, too
	r := s.rule()
	name, err := ask(ctx, s.talk, question{
		text:  s.lang.Pick("给这条规则起个名字？（消息里这样叫它）", "What shall the rule be called? (messages call it so)"),
		help:  s.lang.Pick("随便什么都行，例如 回家。", "Anything you like, for example home."),
		enter: r.From[0].Name + "-" + r.To[0].Name,
	}, func(answer string) (string, error) {
		if len(answer) > longest || strings.ContainsFunc(answer, unicode.IsControl) {
			return "", s.sorry("名字太长了；最多 40 个字。", "That is too long; at most %d bytes.", longest)
		}
		return answer, nil
	})
	r.Name = name
	return err
}
