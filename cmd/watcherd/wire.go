package main

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/notifier/email"
	"github.com/watcherd/watcherd/pkg/notifier/services"
	"github.com/watcherd/watcherd/pkg/notifier/telegram"
	"github.com/watcherd/watcherd/pkg/notifier/terminal"
	"github.com/watcherd/watcherd/pkg/notifier/web"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher"
	"github.com/watcherd/watcherd/pkg/watcher/config"
)

// parts is what the configuration is turned into, besides the watcher.
type parts struct {
	channels []notifier.Channel
	link     func(*notifier.Prompt) string
	listen   func() error                  // opens the answer page's port; before run
	pages    *web.Server                   // nil without a web channel
	public   bool                          // it can be reached from a phone
	run      []func(context.Context) error // loops of channels that hear
	address  string                        // of the answer page's port; empty without one
	port     net.Listener                  // once listen was called
	used     atomic.Bool                   // by a daemon: whoever made them must not close them

	hearsTerminal bool // one of the channels is this terminal, and hears
}

// channels builds every configured channel; none of them contacts anybody yet.
func channels(c *config.Config, log *zap.Logger) (*parts, error) {
	p := &parts{listen: func() error { return nil }}
	add := func(name string, n notifier.Notifier) {
		p.channels = append(p.channels, notifier.Channel{Name: name, Notifier: n})
	}
	chats, hear, err := telegram.Open(c.Notify.Telegram, c.Language, log.Named("telegram"))
	if err != nil {
		return nil, err
	}
	for i, chat := range chats {
		add(c.Notify.Telegram[i].Name, chat)
	}
	p.run = append(p.run, hear...)
	for _, e := range c.Notify.Email {
		m, err := email.New(e, c.Language, log.Named(e.Name))
		if err != nil {
			return nil, err
		}
		if !m.Hears() {
			add(e.Name, m.Teller())
			continue
		}
		add(e.Name, m)
		p.run = append(p.run, m.Run)
	}
	if c.Notify.Web != nil {
		s, err := web.New(*c.Notify.Web, c.Language, log.Named("web"))
		if err != nil {
			return nil, err
		}
		add("web", s)
		p.link, p.pages, p.public = linked(s.Link, "web"), s, c.Notify.Web.PublicURL != ""
		p.address = cmp.Or(c.Notify.Web.Listen, web.DefaultListen)
		p.listen = func() (err error) {
			if p.port, err = net.Listen("tcp", p.address); err != nil {
				return fmt.Errorf("the answer page cannot listen on %s (notify.web.listen): %w", p.address, err)
			}
			return nil
		}
		p.run = append(p.run, func(ctx context.Context) error {
			if p.port == nil { // test-notify goes on without the page
				return nil
			}
			return s.Serve(ctx, p.port)
		})
	}
	for _, s := range c.Notify.Services {
		_, n, err := services.New(s, log.Named(s.Name), nil)
		if err != nil {
			return nil, err
		}
		add(s.Name, n)
		p.channels[len(p.channels)-1].Here = s.Webhook != nil // programs answer through the page of this machine
		if hears, ok := n.(*services.NtfyAsker); ok {
			p.run = append(p.run, hears.Run)
		}
	}
	if c.Notify.None() {
		t := terminal.New(os.Stdin, os.Stderr, terminal.Options{Lang: c.Language})
		add("terminal", t)
		p.run = append(p.run, t.Run)
		p.hearsTerminal = true
	}
	if p.link != nil && !p.brought() {
		p.link = logged(p.link, log)
	}
	if p.link != nil && len(p.channels) == 1 {
		// The page answers and tells nothing: the log brings its links, the
		// terminal its news.
		add("terminal", terminal.New(nil, os.Stderr, terminal.Options{Lang: c.Language, Columns: -1}))
		p.channels[1].Here = true
	}
	return p, nil
}

// brought reports whether a channel brings the links of the answer page to the
// user: one beside the page that hears, or any when they lead further than to
// this machine.
func (p *parts) brought() bool {
	return slices.ContainsFunc(p.channels, func(c notifier.Channel) bool {
		if _, page := c.Notifier.(*web.Server); page {
			return false
		}
		_, hears := c.Notifier.(notifier.Asker)
		return hears || c.Here || p.public
	})
}

// near is the answer page's channel when its links lead to this machine only.
func (p *parts) near() string {
	if p.public {
		return ""
	}
	return p.page()
}

// linked adds the channel behind the links to those that a question is for. A
// rule may name others only; they show the link, and its answer must count.
func linked(link func(*notifier.Prompt) string, channel string) func(*notifier.Prompt) string {
	return func(q *notifier.Prompt) string {
		if len(q.To) > 0 && !slices.Contains(q.To, channel) {
			q.To = append(slices.Clip(q.To), channel)
		}
		return link(q)
	}
}

// logged writes a question's link into the log: when no channel brings it to the
// user there is nowhere else. Otherwise it stays out of the log, for whoever has
// it can answer.
func logged(link func(*notifier.Prompt) string, log *zap.Logger) func(*notifier.Prompt) string {
	return func(q *notifier.Prompt) string {
		at := link(q)
		log.Info("answer here", zap.String("title", q.Title), zap.String("link", at))
		return at
	}
}

// listenAfter is listen for parts that take the place of others: on the same
// address they take over the port, so that nobody finds it closed.
func (p *parts) listenAfter(before *parts) error {
	old, ok := before.port.(interface{ File() (*os.File, error) })
	if !ok || p.address != before.address {
		return p.listen()
	}
	f, err := old.File()
	if err != nil {
		return p.listen()
	}
	defer f.Close()
	p.port, err = net.FileListener(f)
	return err
}

// drop closes the port of parts that were never used.
func (p *parts) drop() {
	if p.port != nil && !p.used.Load() {
		p.port.Close()
	}
}

// hear runs the loops of the channels that hear. They outlive ctx, so that
// the last questions can be withdrawn; stop ends them.
func (p *parts) hear(ctx context.Context, log *zap.Logger) (stop func()) {
	hearing, deaf := context.WithCancel(context.WithoutCancel(ctx))
	var loops sync.WaitGroup
	for _, loop := range p.run {
		loops.Go(func() {
			if err := loop(hearing); err != nil && hearing.Err() == nil {
				log.Error("a channel has stopped hearing", zap.Error(err))
			}
		})
	}
	late := make(chan struct{})
	ends := sync.OnceFunc(func() { time.AfterFunc(hearingEnds, func() { close(late) }) })
	context.AfterFunc(ctx, ends)
	return func() {
		deaf()
		ends()
		done := make(chan struct{})
		go func() {
			loops.Wait()
			close(done)
		}()
		select {
		case <-done:
		case <-late: // the process ends all the same
		}
	}
}

// hearingEnds is how long after the beginning of a stop nobody waits for a
// channel any more.
const hearingEnds = 9 * time.Second

func (p *parts) has(name string) bool {
	for _, c := range p.channels {
		if c.Name == name {
			return true
		}
	}
	return false
}

// transport is the one way to 12306 that the configuration describes.
func transport(caFile, proxy string) (*http.Transport, error) {
	var roots *x509.CertPool
	if caFile != "" {
		pem, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("twelve306.ca_file: %w", err)
		}
		if roots, err = x509.SystemCertPool(); err != nil {
			roots = x509.NewCertPool()
		}
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("twelve306.ca_file: no certificate in %s", caFile)
		}
	}
	var via *url.URL
	if proxy != "" {
		var err error
		if via, err = url.Parse(proxy); err != nil {
			return nil, fmt.Errorf("twelve306.proxy is not an address")
		}
	}
	t := twelve306.NewTransport(roots, via)
	if via == nil {
		t.Proxy = http.ProxyFromEnvironment
	}
	return t, nil
}

// newClient returns the function with which the watcher makes its client.
func newClient(c *config.Config) (func([]byte) (*twelve306.Client, error), error) {
	t := c.Twelve306
	rt, err := transport(t.CAFile, t.Proxy)
	if err != nil {
		return nil, err
	}
	return func(saved []byte) (*twelve306.Client, error) {
		return twelve306.New(twelve306.Options{
			BaseURL: t.BaseURL, Transport: rt, Saved: saved, Overlap: t.OrderSteps == "overlap",
			Pace: twelve306.NewPace(twelve306.PaceConfig{MinInterval: t.MinInterval, Budget: t.Budget}),
		})
	}, nil
}

// options turns the configuration into the watcher's.
func options(c *config.Config, p *parts, log *zap.Logger) (watcher.Options, error) {
	client, err := newClient(c)
	if err != nil {
		return watcher.Options{}, err
	}
	o := watcher.Options{
		Dir: c.StateDir, Rules: c.Rules, Channels: p.channels, Link: p.link, Near: p.near(), Client: client, Site: c.Twelve306.BaseURL,
		Language: c.Language, Location: c.Location, Hours: c.Twelve306.ServiceHours, Quick: isLoopback(c.Twelve306.BaseURL), Log: log,
		Digest:   c.Monitor.Digest,
		Question: watcher.QuestionOptions{Timeout: c.Question.Timeout, Attempts: c.Question.Attempts, AskAgain: c.Question.AskAgain},
	}
	if p.public {
		o.StatusLink, o.SeenLink = p.pages.StatusLink, p.pages.SeenLink
	}
	if c.Twelve306.HasAccount() {
		o.Account = &watcher.Account{
			OnSeats: c.Twelve306.Session == "on_seats",
			Credentials: twelve306.Credentials{
				Username: c.Twelve306.Username, Password: string(c.Twelve306.Password),
				IDLast4: string(c.Twelve306.IDLast4), Mode: twelve306.Mode(c.Twelve306.Login),
			},
		}
	}
	return o, nil
}
