package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/watcher/config"
)

// caller is a command that talks to the daemon of a state folder.
type caller struct {
	*config.Config
	given string // --config, as it was given
}

// outline finds the daemon by the configuration, of which nothing else is
// needed: its mistakes and its secrets are the daemon's business.
func outline(f *flags) (*caller, error) {
	path := configPath(f)
	env := os.LookupEnv
	if path == systemConfig {
		// The service's state folder is where systemd says, to the service alone.
		env = func(name string) (string, bool) {
			if v, ok := os.LookupEnv(name); ok || name != "STATE_DIRECTORY" {
				return v, ok
			}
			return systemState, true
		}
	}
	c, err := config.Outline(path, env)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return nil, &exit{status: exitBadConfig}
	}
	return &caller{c, f.config}, nil
}

// The folders of the service that a package installs: its state, which is its
// own, and the one of its socket, which its group may enter.
const (
	systemState   = "/var/lib/watcherd"
	systemRuntime = "/run/watcherd"
)

// dial connects to the daemon of the state folder. Whoever may not look into
// the service's finds it where its group may.
func (c *caller) dial(ctx context.Context) (net.Conn, error) {
	conn, err := dialSocket(ctx, c.StateDir)
	if c.StateDir == systemState && errors.Is(err, fs.ErrPermission) {
		return dialSocket(ctx, systemRuntime)
	}
	return conn, err
}

// errNoDaemon is that nobody listens in the state folder.
var errNoDaemon = errors.New("no daemon")

// maxAnswer bounds what is read of an answer.
const maxAnswer = 16 << 20

// get asks for a document and waits no longer than a busy machine needs.
func (c *caller) get(ctx context.Context, method, path string, query url.Values, out any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, quickAnswer, errSilent)
	defer cancel()
	return c.wait(ctx, method, path, query, out)
}

var errSilent = errors.New("no answer")

// wait is get for an answer that takes its time.
func (c *caller) wait(ctx context.Context, method, path string, query url.Values, out any) error {
	body, err := c.open(ctx, method, path, query)
	if err != nil {
		return err
	}
	defer body.Close()
	return json.NewDecoder(io.LimitReader(body, maxAnswer)).Decode(out)
}

// open sends a command and returns the body of its answer. The error is
// errNoDaemon, a *[refusal], or words for the user.
func (c *caller) open(ctx context.Context, method, path string, query url.Values) (io.ReadCloser, error) {
	u := url.URL{Scheme: "http", Host: "watcherd", Path: path, RawQuery: query.Encode()}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		return nil, err
	}
	client := http.Client{Transport: &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return c.dial(ctx) },
		DisableKeepAlives: true,
	}}
	resp, err := client.Do(req)
	switch {
	case err == nil:
	case context.Cause(ctx) == errSilent:
		return nil, errors.New(c.Language.Pick("watcherd 在运行，但没有回答（"+c.StateDir+"）", "the daemon of "+c.StateDir+" runs and does not answer"))
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOTDIR):
		return nil, errNoDaemon
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf(c.Language.Pick("状态目录 %s 是别的用户的，没有权限问它；请用 sudo 或它的用户来运行", "the state folder %s belongs to somebody else; run this as its user, or with sudo"), c.StateDir)
	default:
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // without the address, which is none
		}
		return nil, err
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	r := &refusal{}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(r); err != nil || r.Text == "" {
		return nil, errors.New(resp.Status)
	}
	return nil, r
}

// failed words why a command did not work and is its exit.
func (c *caller) failed(err error) error {
	if errors.Is(err, errNoDaemon) {
		start := "watcherd run"
		if c.given != "" {
			start += " --config " + c.given
		}
		return &exit{exitFailed, fmt.Sprintf(c.Language.Pick("这个状态目录（%s）没有 watcherd 在运行；启动它：%s", "no watcherd is running for this state folder (%s); start it with: %s"), c.StateDir, start)}
	}
	return &exit{exitFailed, c.words(err)}
}

func (c *caller) words(err error) string {
	r, ok := errors.AsType[*refusal](err)
	switch {
	case errors.Is(err, context.Canceled):
		return c.Language.Pick("中断了", "interrupted")
	case !ok:
		return err.Error()
	}
	switch r.Kind {
	case refusedUnknown:
		return unknownRule(c.Language, r.Name, r.Rules)
	case refusedNoDay:
		return fmt.Sprintf(c.Language.Pick("规则“%s”的日期都过了；用 --date 指定一天", "every day of the rule %s is past; name a day with --date"), r.Name)
	case refusedHours:
		return fmt.Sprintf(c.Language.Pick("现在不在 service_hours 里，不查 12306；%s 开始", "nothing is asked outside service_hours; they begin at %s"), r.Opens)
	}
	return r.Text
}

// mostRules is how many rules people are shown; --json has them all.
const mostRules = 100

// unknownRule says which rules there are, and which was perhaps meant.
func unknownRule(l notifier.Lang, name string, rules []string) string {
	text := fmt.Sprintf(l.Pick("没有叫“%s”的规则", "there is no rule %s"), name)
	if near := config.Nearest(name, rules); near != "" {
		text += fmt.Sprintf(l.Pick("；是不是“%s”？", "; did you mean %s?"), near)
	}
	some := rules
	if more := len(rules) - mostRules; more > 0 {
		some = append(slices.Clone(rules[:mostRules]), fmt.Sprintf(l.Pick("……还有 %d 条", "... and %d more"), more))
	}
	if !strings.HasSuffix(text, "？") && !strings.HasSuffix(text, "?") {
		text += l.Pick("。", ".")
	}
	return text + l.Pick("现有规则：", " The rules: ") + cmp.Or(strings.Join(some, l.Pick("、", ", ")), l.Pick("没有", "none"))
}

// day writes a moment as near as it is: 15:04:05 today, else with its date.
func (c *caller) moment(at *time.Time, now time.Time) string {
	if at == nil {
		return "--"
	}
	t := at.In(c.Location)
	if now = now.In(c.Location); t.Year() == now.Year() && t.YearDay() == now.YearDay() {
		return t.Format(time.TimeOnly)
	}
	return t.Format("01-02 15:04")
}
