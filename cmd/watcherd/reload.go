package main

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/fsnotify/fsnotify"
	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher"
	"github.com/watcherd/watcherd/pkg/watcher/config"
)

// settle is how long the file must rest before it is read again: editors save
// in several steps.
const settle = 300 * time.Millisecond

// reloads reads watch.yaml again on SIGHUP and when it changes. Its folder is
// watched, not the file: editors replace files. A file with mistakes changes
// nothing and is told; so is the end of the mistakes.
func reloads(ctx context.Context, running *config.Config, w *watcher.Watcher, log *zap.Logger) {
	hup := hangups(ctx)
	var changes <-chan fsnotify.Event
	if fs, err := fsnotify.NewWatcher(); err != nil {
		log.Warn("watch.yaml is not watched for changes; use SIGHUP", zap.Error(err))
	} else {
		defer fs.Close()
		if err := fs.Add(filepath.Dir(running.Path)); err != nil {
			log.Warn("watch.yaml is not watched for changes; use SIGHUP", zap.Error(err))
		}
		changes = fs.Events
	}
	r := &reloader{running: running, w: w, log: log, read: contents(running.Path)}
	quiet := time.NewTimer(time.Hour)
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-changes:
			if filepath.Base(e.Name) == filepath.Base(running.Path) {
				quiet.Reset(settle)
			}
		case <-quiet.C:
			if text := contents(running.Path); text != r.read {
				r.reload(text)
			}
		case <-hup:
			_, _ = daemon.SdNotify(false, daemon.SdNotifyReloading+"\n"+daemon.SdNotifyMonotonicUsec()) // the moment is for Type=notify-reload, systemd 253 and newer
			r.reload(contents(running.Path))
			_, _ = daemon.SdNotify(false, daemon.SdNotifyReady)
		}
	}
}

// contents is the file's text; a file that is gone for a moment reads as "".
func contents(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(b)
}

type reloader struct {
	running *config.Config
	w       *watcher.Watcher
	log     *zap.Logger
	read    string // what was last read, good or bad
	refused bool
}

func (r *reloader) reload(text string) {
	if text == "" {
		return // an editor is between removing the old file and writing the new one
	}
	r.read = text
	c, err := config.Load(r.running.Path, os.LookupEnv, twelve306.DateOf(time.Now()))
	if err != nil {
		r.log.Warn("watch.yaml has mistakes; the old rules go on", zap.String("mistakes", err.Error()))
		r.w.ReloadRefused(err.Error())
		r.refused = true
		return
	}
	for _, warning := range c.Warnings {
		r.log.Warn("watch.yaml", zap.String("warning", warning.String()))
	}
	restart := !sameSettings(r.running, c)
	r.running.Rules = c.Rules
	r.refused = false
	r.w.Reload(c.Rules, restart)
}

// sameSettings compares all but the rules.
func sameSettings(a, b *config.Config) bool {
	x, y := *a, *b
	for _, c := range []*config.Config{&x, &y} {
		c.Rules, c.Warnings, c.Schedule = nil, nil, nil // rules carry their schedule
	}
	return x.Location.String() == y.Location.String() && func() bool {
		x.Location, y.Location = nil, nil
		return reflect.DeepEqual(x, y)
	}()
}
