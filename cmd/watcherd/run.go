package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/watcher"
	"github.com/watcherd/watcherd/pkg/watcher/config"
)

// startLimit is from how many bytes on the collector works harder while the
// file is read at the start: the nodes of ten thousand rules take more than the
// daemon ever does. A reload takes them, for a moment: it has to be quick.
const startLimit = 48 << 20

func runCommand(f *flags) *cobra.Command {
	var format, level string
	c := &cobra.Command{
		Use: "run", Short: "watch and book, in the foreground, until stopped", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			read, _ := contents(configPath(f)) // load says why it cannot be read
			lift := debug.SetMemoryLimit(startLimit)
			c, err := load(f)
			debug.SetMemoryLimit(lift)
			if err != nil {
				return err
			}
			log, err := newLog(format, level, c.Location)
			if err != nil {
				return &exit{exitBadConfig, err.Error()}
			}
			return daemonise(cmd.Context(), *c, read, log)
		},
	}
	c.Flags().StringVar(&format, "log-format", "auto", "auto (console on a terminal, journal under systemd, else json), console, journal or json")
	c.Flags().StringVar(&level, "log-level", "info", "debug, info, warn or error")
	return c
}

// daemonise runs the watcher with its channels, reloads, and systemd's
// signals until ctx ends. read is what stood in the file before c was read.
func daemonise(ctx context.Context, c config.Config, read string, log *zap.Logger) error {
	p, err := channels(&c, log)
	if err != nil {
		return &exit{exitBadConfig, err.Error()}
	}
	opt, err := options(&c, p, log)
	if err != nil {
		return &exit{exitBadConfig, err.Error()}
	}
	commands := &control{p: p, lang: c.Language}
	opt.Hear = commands.use(p, c.Language, log)
	w, err := watcher.Open(opt)
	if err != nil {
		return &exit{exitFailed, err.Error()}
	}
	defer w.Close()
	commands.w = w
	if err := p.show(c.StateDir, w); err != nil {
		return &exit{exitFailed, err.Error()}
	}
	if err := p.listen(); err != nil {
		return &exit{exitFailed, err.Error()}
	}

	m, err := openMonitor(c.Monitor, w, log)
	if err != nil {
		return &exit{exitFailed, err.Error()}
	}

	rules := len(c.Rules)
	c.Rules, opt.Rules = nil, nil // the watcher has them
	debug.FreeOSMemory()          // the file of ten thousand rules takes three times the memory of the rules
	unheard := commands.serve(ctx, c.StateDir, log)
	side, end := context.WithCancel(ctx)
	reload := reloads(side, &reloader{running: &c, opt: opt, parts: p, commands: commands, w: w, log: log, read: read})
	// Whoever reads this may give commands, edit watch.yaml and send SIGHUP.
	log.Info("watcherd is running", zap.String("version", version), zap.String("config", c.Path), zap.String("state_dir", c.StateDir),
		zap.Int("rules", rules), zap.Int("channels", len(p.channels)), zap.Bool("account", opt.Account != nil))
	var sides sync.WaitGroup
	sides.Go(func() { supervise(side, w) })
	sides.Go(reload)
	sides.Go(func() { m.run(side) })
	err = w.Run(ctx)
	end()
	unheard()
	sides.Wait()
	log.Info("watcherd has stopped")
	if err != nil && !errors.Is(err, context.Canceled) {
		return &exit{exitFailed, err.Error()}
	}
	return nil
}

// supervise speaks to systemd: ready, a line of status, and the watchdog, fed
// only while the watcher answers.
func supervise(ctx context.Context, w *watcher.Watcher) {
	notify := func(state string) { _, _ = daemon.SdNotify(false, state) } // without systemd there is nobody to tell
	notify(daemon.SdNotifyReady + "\nSTATUS=" + w.Line())
	every := 10 * time.Second
	if d, err := daemon.SdWatchdogEnabled(false); err == nil && d > 0 {
		every = min(every, d/3)
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			notify(daemon.SdNotifyStopping + "\nSTATUS=stopping")
			return
		case <-tick.C:
			state := "STATUS=" + w.Line()
			if w.Alive(time.Now()) {
				state = daemon.SdNotifyWatchdog + "\n" + state
			}
			notify(state)
		}
	}
}

// hangups delivers SIGHUP.
func hangups(ctx context.Context) <-chan os.Signal {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	context.AfterFunc(ctx, func() { signal.Stop(c) })
	return c
}
