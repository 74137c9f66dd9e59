package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/notifier/terminal"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
	"github.com/watcherd/watcherd/pkg/watcher"
	"github.com/watcherd/watcherd/pkg/watcher/config"
)

//go:embed demo.yaml
var demoYAML []byte

type demoFlags struct {
	auto   bool
	login  string
	listen string
	level  string
}

func demoCommand() *cobra.Command {
	d := &demoFlags{}
	c := &cobra.Command{
		Use: "demo", Short: "the whole thing on this machine, with nothing configured: a simulator, a rule, your answer, an order number",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return d.run(cmd) },
	}
	c.Flags().BoolVar(&d.auto, "auto", false, "answer by itself (the simulator knows what its pictures show) and exit 0 when the order is held")
	c.Flags().StringVar(&d.login, "login", "captcha", "captcha, sms or qr")
	c.Flags().StringVar(&d.listen, "listen", "127.0.0.1:0", "where the answer page listens")
	c.Flags().StringVar(&d.level, "log-level", "error", "debug, info, warn or error")
	return c
}

// Timing of the demo: when the seats come, and how long the simulated phone
// takes to scan a code.
const (
	seatsAfter = 4 * time.Second
	scanAfter  = 4 * time.Second
)

func (d *demoFlags) run(cmd *cobra.Command) error {
	era := railsim.Present
	switch d.login {
	case "captcha":
		era = railsim.Classic
	case "sms", "qr":
	default:
		return &exit{exitBadConfig, fmt.Sprintf("--login %q: use captcha, sms or qr", d.login)}
	}
	ctx, stop := context.WithCancel(cmd.Context())
	defer stop()
	// The queue is asked every 5 s; a slow machine may notice a question late.
	site := railsim.New(railsim.Options{Era: era, Calm: true, PollGap: 3 * time.Second})
	day := twelve306.DateOf(time.Now()).AddDays(5)
	site.SetTrains(day.String(), demoTrains()...)
	base, err := serve(ctx, site)
	if err != nil {
		return &exit{exitFailed, err.Error()}
	}
	dir, err := os.MkdirTemp("", "watcherd-demo-")
	if err != nil {
		return &exit{exitFailed, err.Error()}
	}
	defer os.RemoveAll(dir)
	c, err := d.config(dir, base, day)
	if err != nil {
		return &exit{exitFailed, err.Error()}
	}
	log, err := newLog("auto", d.level, c.Location)
	if err != nil {
		return &exit{exitBadConfig, err.Error()}
	}
	fmt.Fprintf(os.Stderr, "演示：本机上的模拟 12306（%s），规则“%s”：%s %s → 武汉、汉口，%s。\n约 %d 秒后有票。Ctrl-C 结束。\n\n",
		base, c.Rules[0].Name, day, c.Rules[0].From[0], "G1110 优先，二等座优先", int(seatsAfter.Seconds()))
	held := &doneChannel{out: cmd.OutOrStdout(), done: stop}
	if err := d.watch(ctx, c, site, held, log); err != nil {
		return err
	}
	if !held.ok {
		return &exit{exitFailed, "the demo ended without an order"}
	}
	for _, v := range site.Misconduct() {
		fmt.Fprintln(os.Stderr, "the simulator objects:", v)
	}
	return nil
}

// watch runs the watcher of the demo until an order is held or ctx ends.
func (d *demoFlags) watch(ctx context.Context, c *config.Config, site *railsim.Server, held *doneChannel, log *zap.Logger) error {
	p, err := channels(c, log)
	if err != nil {
		return &exit{exitFailed, err.Error()}
	}
	var in io.Reader = os.Stdin
	if d.auto {
		in = nil
	}
	t := terminal.New(in, os.Stderr, terminal.Options{Lang: c.Language})
	p.channels = append(p.channels[:1], // the answer page; the demo's own terminal hears as well
		notifier.Channel{Name: "terminal", Notifier: t},
		notifier.Channel{Name: "phone", Notifier: &phone{site: site, auto: d.auto, user: c.Twelve306.Username, out: os.Stderr}},
		notifier.Channel{Name: "demo", Notifier: held})
	p.run = append(p.run, t.Run)
	opt, err := options(c, p, log)
	if err != nil {
		return &exit{exitFailed, err.Error()}
	}
	w, err := watcher.Open(opt)
	if err != nil {
		return &exit{exitFailed, err.Error()}
	}
	defer w.Close()
	if err := p.show(c.StateDir, w); err != nil {
		return &exit{exitFailed, err.Error()}
	}
	if err := p.listen(); err != nil {
		return &exit{exitFailed, err.Error()}
	}
	fmt.Fprintf(os.Stderr, "状态页：%s\n\n", p.pages.StatusLink())
	defer p.hear(ctx, log)()
	seats := time.AfterFunc(seatsAfter, func() { site.Sell(c.Rules[0].Dates[0].String(), "G1110", "O", 5) })
	defer seats.Stop()
	if err := w.Run(ctx); err != nil {
		return &exit{exitFailed, err.Error()}
	}
	return nil
}

// config is demo.yaml, filled in and read as any watch.yaml is.
func (d *demoFlags) config(dir, base string, day twelve306.Date) (*config.Config, error) {
	path := filepath.Join(dir, "watch.yaml")
	if err := os.WriteFile(path, demoYAML, 0o600); err != nil {
		return nil, err
	}
	listen, err := freeAddress(d.listen)
	if err != nil {
		return nil, err
	}
	a := railsim.DefaultAccount()
	values := map[string]string{
		"BASE_URL": base, "PASSWORD": a.Password, "ID_LAST4": a.IDNo[len(a.IDNo)-4:], "LOGIN": d.login,
		"LISTEN": listen, "DATE": day.String(),
	}
	return config.Load(path, func(name string) (string, bool) { v, ok := values[name]; return v, ok }, twelve306.DateOf(time.Now()))
}

// freeAddress replaces port 0 by a free one, because the links need it.
func freeAddress(listen string) (string, error) {
	if !strings.HasSuffix(listen, ":0") {
		return listen, nil
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// serve puts the simulator on a free loopback port until ctx ends.
func serve(ctx context.Context, site *railsim.Server) (base string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	srv := &http.Server{Handler: site, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		// The watcher may still be reading an order back.
		closing, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = srv.Shutdown(closing)
	}()
	go func() { _ = srv.Serve(l) }() // ends with ErrServerClosed at Shutdown
	return "http://" + l.Addr().String(), nil
}

// demoTrains is a morning on the line, sold out but for what the rule does not
// want.
func demoTrains() []railsim.Train {
	train := func(code, to, depart, arrive string, seats map[string]int) railsim.Train {
		return railsim.Train{Code: code, From: "IZQ", To: to, Depart: depart, Arrive: arrive, Seats: seats}
	}
	out := func() map[string]int { return map[string]int{"9": 0, "M": 0, "O": 0, "W": 0} }
	return []railsim.Train{
		train("G1102", "WHN", "07:00", "11:18", map[string]int{"9": 3, "M": 11, "O": 0, "W": 0}),
		train("G1110", "WHN", "08:00", "12:05", out()),
		train("G1112", "WHN", "08:32", "12:49", map[string]int{"M": 4, "O": 2, "W": 0}),
		train("G1118", "HKN", "09:12", "13:30", out()),
		train("G1122", "WHN", "11:05", "15:20", out()),
	}
}

// phone is the simulated phone: it shows the SMS code and scans the QR code,
// which nobody could do for a simulator, and with --auto it answers everything.
type phone struct {
	site *railsim.Server
	auto bool
	user string
	out  io.Writer
}

// Notify implements notifier.Notifier: the terminal tells the news already.
func (*phone) Notify(context.Context, notifier.Message) error { return nil }

// Ask implements notifier.Asker.
func (p *phone) Ask(ctx context.Context, q notifier.Prompt) (notifier.Reply, error) {
	switch q.Kind {
	case notifier.SMS:
		code := p.site.SMSCode(p.user)
		fmt.Fprintf(p.out, "（模拟手机收到短信：%s）\n", code)
		if p.auto {
			return q.Parse(code)
		}
	case notifier.QR:
		fmt.Fprintf(p.out, "（模拟手机约 %d 秒后扫码并确认）\n", int(scanAfter.Seconds()))
		select {
		case <-time.After(scanAfter):
			err := p.site.ScanQR(p.user)
			if err == nil {
				err = p.site.ConfirmQR(p.user)
			}
			if err != nil {
				return notifier.Reply{}, err
			}
		case <-ctx.Done():
		}
	case notifier.Picture:
		if p.auto {
			answer := p.site.AnswerOf(q.Image)
			fmt.Fprintf(p.out, "（--auto：模拟器自己回答 %s）\n", answer)
			return q.Parse(answer)
		}
	}
	<-ctx.Done()
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return notifier.Reply{}, notifier.ErrExpired
	}
	return notifier.Reply{}, context.Cause(ctx)
}

// doneChannel ends the demo when an order is held.
type doneChannel struct {
	out  io.Writer
	done func()
	ok   bool
}

// Notify implements notifier.Notifier.
func (d *doneChannel) Notify(_ context.Context, m notifier.Message) error {
	if m.Kind != string(watcher.NewsBooked) {
		return nil
	}
	o, err := orderOf(m)
	if err != nil {
		return err
	}
	until := "soon"
	if o.PayBy != nil {
		until = "before " + o.PayBy.Format("15:04")
	}
	fmt.Fprintf(d.out, "order %s: %s %s %s to %s, %s, %s; pay %s\n", o.Number, o.Train, o.Date, o.From, o.To,
		strings.Join(o.Passengers, " and "), strings.Join(o.Seats, " and "), until)
	d.ok = true
	d.done()
	return nil
}
