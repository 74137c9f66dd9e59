// Package config reads watch.yaml. The types below are its manual: each field
// says what its key means, its default and its limits; watch.yaml.example at
// the root of the repository shows them all.
//
// A file is good or it is not: unknown keys, keys given twice, a second
// document, aliases and wrong types are mistakes, and all mistakes are
// reported together, each at its place and with what would be right.
//
// Every value may hold ${NAME}, which is replaced by the environment's value;
// a literal ${ is written $${. Every secret x has a twin x_file, the path of a
// file that holds it. Paths are relative to watch.yaml.
package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"time"
	_ "time/tzdata" // a container without zones still knows Asia/Shanghai

	"gopkg.in/yaml.v3"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/notifier/email"
	"github.com/watcherd/watcherd/pkg/notifier/services"
	"github.com/watcherd/watcherd/pkg/notifier/telegram"
	"github.com/watcherd/watcherd/pkg/notifier/web"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher"
)

// Config is watch.yaml, checked and complete: what is left out has its default.
type Config struct {
	// Language of everything sent to you: zh or en. Default zh.
	Language notifier.Lang `yaml:"language" oneof:"zh en"`

	// Location is the clock of schedules and service_hours (timezone).
	// Default Asia/Shanghai, the railway's own; dates and the times of trains
	// are always the railway's.
	Location *time.Location `yaml:"timezone"`

	// StateDir is the folder of the journal and the saved session. Default:
	// $STATE_DIRECTORY (set by systemd), else watcherd in the XDG state folder.
	StateDir string `yaml:"state_dir"`

	// Twelve306 is how 12306 is reached and asked, and the account.
	Twelve306 Twelve306 `yaml:"twelve306"`

	// Schedule is when rules look, unless a rule says otherwise: cron with 5
	// fields, or 6 with seconds first, or @every. Default "@every 5s".
	Schedule watcher.Schedule `yaml:"schedule"`

	// Question is how long and how often you are asked.
	Question Question `yaml:"question"`

	// Notify is how you are reached. Left out: the terminal.
	Notify Notify `yaml:"notify"`

	// Monitor is for those who watch the watcher. Left out: off.
	Monitor Monitor `yaml:"monitor"`

	// Rules are what is watched; at least one.
	Rules []watcher.Rule `yaml:"rules"`

	// Warnings are legal but surely not meant: a date in the past, a schedule
	// that looks only while 12306 is closed.
	Warnings []Problem `yaml:"-"`

	// Path is the file, as it was given to [Load].
	Path string `yaml:"-"`
}

// Twelve306 is the section twelve306.
type Twelve306 struct {
	// BaseURL is where 12306 is. Default https://kyfw.12306.cn; http only for
	// this machine, that is for a simulator.
	BaseURL string `yaml:"base_url"`

	// CAFile is an extra CA certificate (PEM), for a private simulator.
	CAFile string `yaml:"ca_file"`

	// Proxy is http://, https:// or socks5://, with user:password@ if needed.
	// Left out: as the environment says (HTTPS_PROXY).
	Proxy string `yaml:"proxy"`

	// Username of the 12306 account. Left out: watching only.
	Username string `yaml:"username"`

	// Password of the account. login: qr needs none.
	Password     Secret `yaml:"password"`
	PasswordFile string `yaml:"password_file"`

	// IDLast4 are the last four characters of your ID number; SMS login asks
	// for them.
	IDLast4     Secret `yaml:"id_last4"`
	IDLast4File string `yaml:"id_last4_file"`

	// Login is how to log in: captcha, sms, qr, or auto: ask 12306 which it
	// wants and pick one that a phone can answer. Default auto.
	Login string `yaml:"login" oneof:"auto captcha sms qr"`

	// Session is keep: log in at start and stay logged in; or on_seats: log in
	// only when seats appear. Default keep.
	Session string `yaml:"session" oneof:"keep on_seats"`

	// MinInterval is the shortest gap between two queries, over all rules.
	// Default 3s; at least 1s, except for a base_url on this machine.
	MinInterval time.Duration `yaml:"min_interval"`

	// Budget is the most requests in any 5 minutes, everything counted.
	// Default 80. 0, no limit, is only for a base_url on this machine.
	Budget int `yaml:"budget"`

	// ServiceHours are when 12306 is asked at all. Default 05:00-01:00;
	// 00:00-24:00 is always.
	ServiceHours watcher.Window `yaml:"service_hours"`

	// OrderSteps is page: checkOrderInfo, then getQueueCount, as the page
	// does; or overlap: both at once, one round trip less. Default page.
	OrderSteps string `yaml:"order_steps" oneof:"page overlap"`
}

// HasAccount reports whether there is an account to book with.
func (t *Twelve306) HasAccount() bool { return t.Username != "" || t.Login == "qr" }

// Question is the section question.
type Question struct {
	// Timeout is how long one question waits for you, 10s to 1h. Default 3m.
	Timeout time.Duration `yaml:"timeout"`

	// Attempts is how many wrong answers end an attempt, 1 to 10. Default 3.
	Attempts int `yaml:"attempts"`

	// AskAgain is when a login question that nobody answered is asked again,
	// 10s to 24h; it is asked at once when seats appear. Default 10m.
	AskAgain time.Duration `yaml:"ask_again"`
}

// Notify is the section notify: any number of channels. All of them are told,
// and the first answer wins.
type Notify struct {
	// Telegram is a bot of yours that writes to one chat and hears it; several
	// chats, of one bot or of several, are a list.
	Telegram OneOrMore[telegram.Config] `yaml:"telegram"`

	// Email mails you, and with imap reads your answers; several are a list.
	Email OneOrMore[email.Config] `yaml:"email"`

	// Web is the answer page, one private link per question.
	Web *web.Config `yaml:"web"`

	// Services tell: bark, dingtalk, lark, wecom, discord, slack, ntfy,
	// serverchan, pushplus, pushover, webhook. An ntfy with a reply topic hears
	// too. name: beside the service's key names the channel.
	Services []services.Service `yaml:"services"`
}

// None reports whether no channel is configured: the terminal it is.
func (n *Notify) None() bool {
	return len(n.Telegram) == 0 && len(n.Email) == 0 && n.Web == nil && len(n.Services) == 0
}

func defaults() *Config {
	every5s, err := watcher.ParseSchedule("@every 5s", twelve306.Shanghai())
	if err != nil {
		panic("config: " + err.Error())
	}
	return &Config{
		Language: notifier.Chinese,
		Location: twelve306.Shanghai(),
		Schedule: every5s,
		Twelve306: Twelve306{
			BaseURL:      "https://kyfw.12306.cn",
			Login:        "auto",
			Session:      "keep",
			MinInterval:  3 * time.Second,
			Budget:       80,
			ServiceHours: watcher.Window{From: 5 * 60, To: 60},
			OrderSteps:   "page",
		},
		Question: Question{Timeout: 3 * time.Minute, Attempts: 3, AskAgain: 10 * time.Minute},
	}
}

// maxSize is the largest watch.yaml that is read.
const maxSize = 1 << 20

// Load reads and checks the file. env looks up the environment (os.LookupEnv);
// today decides which dates are past. It contacts nobody.
//
// The error is [Problems], all of them, also when the file cannot be read.
func Load(path string, env func(string) (string, bool), today twelve306.Date) (*Config, error) {
	data, err := readFile(path, maxSize)
	switch {
	case errors.Is(err, errTooLarge):
		return nil, Problems{{File: path, Line: 1, Column: 1, Text: "the file is larger than 1 MiB"}}
	case err != nil:
		return nil, Problems{{File: path, Line: 1, Column: 1, Text: fmt.Sprintf("cannot read the file: %v", err)}}
	}
	root, syntax := parse(data)
	if syntax != nil {
		syntax.File = path
		ps := Problems{*syntax}
		excerpts(ps, data, nil)
		return nil, ps
	}
	d := newDecoder(path, env, root)
	d.freshStations()
	c := defaults()
	c.Path = path
	d.decode(reflect.ValueOf(c).Elem(), root, "", "")
	if d.inline != nil && othersCanRead(path) {
		d.problem(d.inline.node, d.inline.key, "others can read this file and the secret in it; chmod 600 %s", path)
	}
	k := checker{decoder: d, c: c, today: today, next: make(map[watcher.Schedule]time.Time)}
	k.all()
	excerpts(d.problems, data, root)
	excerpts(d.warnings, data, root)
	if len(d.problems) > 0 {
		return nil, Problems(sorted(d.problems))
	}
	c.Warnings = sorted(d.warnings)
	return c, nil
}

func newDecoder(path string, env func(string) (string, bool), root *yaml.Node) *decoder {
	return &decoder{
		file:     path,
		dir:      filepath.Dir(path),
		env:      env,
		stations: twelve306.BuiltinStations(),
		zone:     twelve306.Shanghai(),
		root:     root,
		marks:    make(map[string]mark),
		shapes:   make(map[reflect.Type]*shape),
		memo:     newMemo(),
	}
}
