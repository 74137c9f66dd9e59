package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/fsnotify/fsnotify"
	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher"
	"github.com/watcherd/watcherd/pkg/watcher/config"
)

// settle is how long the file must rest before it is read again: editors save
// in several steps, and people several times in a second.
const settle = time.Second

// lookAgain is how often the file is looked at when nobody says that it has
// changed: over NFS nobody does, nor when a folder on the way to it is replaced.
const lookAgain = 15 * time.Second

// mostWarnings is how many mistakes and warnings the log names: each of ten
// thousand rules may have one.
const mostWarnings = 20

// reloader takes up edits of watch.yaml. What it holds is what was last taken
// up, though it may still wait for an attempt to end.
type reloader struct {
	running  *config.Config
	opt      watcher.Options
	parts    *parts
	commands *control
	w        *watcher.Watcher
	log      *zap.Logger

	every time.Duration // how often the file is looked at; 0 is lookAgain

	read string // the text of the file as it was last read, good or bad
}

// reloads reads watch.yaml again on SIGHUP and when it changes, which is heard
// of from now on; run does it, until ctx ends. A file with mistakes changes
// nothing and is told.
func reloads(ctx context.Context, r *reloader) (run func()) {
	path := r.running.Path
	hup := hangups(ctx)
	var changes <-chan fsnotify.Event
	var lost <-chan error
	folders, err := watchFolders(path)
	if err != nil {
		r.log.Warn("watch.yaml is not watched for changes; use SIGHUP", zap.Error(err))
	} else {
		changes, lost = folders.Events, folders.Errors
	}
	return func() {
		if folders != nil {
			defer folders.Close()
		}
		missed := false                // it was logged that the file is not there
		quiet := time.NewTimer(settle) // it may have changed since it was read
		defer quiet.Stop()
		seen, slow := trace(path), time.NewTicker(cmp.Or(r.every, lookAgain))
		defer slow.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case e := <-changes:
				if concerns(e.Name, path) {
					quiet.Reset(settle)
				}
			case <-slow.C:
				if now := trace(path); now != seen {
					seen = now
					quiet.Reset(settle)
				}
			case err := <-lost: // events were lost, perhaps ours
				r.log.Debug("watching watch.yaml", zap.Error(err))
				quiet.Reset(settle)
			case <-quiet.C:
				text, err := contents(path)
				if err != nil || text == "" {
					if !missed { // an editor is between taking the old file away and writing the new one, or somebody has taken it away
						r.log.Warn("watch.yaml is gone or empty; the old rules go on until it is back", zap.Error(err))
					}
					missed = true
					continue
				}
				missed, seen = false, trace(path)
				if folders != nil {
					if err := addFolders(folders, path); err != nil { // a link may lead elsewhere now
						r.log.Debug("watching watch.yaml", zap.Error(err))
					}
				}
				if text != r.read {
					r.reload(text)
				}
			case <-hup:
				_, _ = daemon.SdNotify(false, daemon.SdNotifyReloading+"\n"+daemon.SdNotifyMonotonicUsec()) // the moment is for Type=notify-reload, systemd 253 and newer
				text, _ := contents(path)
				r.reload(text) // a file that cannot be read is told
				_, _ = daemon.SdNotify(false, daemon.SdNotifyReady)
			}
		}
	}
}

// watchFolders watches the folder of a file, not the file: editors replace
// files. When the file is a link, what it leads to is watched as well.
func watchFolders(path string) (*fsnotify.Watcher, error) {
	fs, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	if err := addFolders(fs, path); err != nil {
		fs.Close()
		return nil, err
	}
	return fs, nil
}

func addFolders(fs *fsnotify.Watcher, path string) error {
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		target = path
	}
	return errors.Join(fs.Add(filepath.Dir(path)), fs.Add(filepath.Dir(target)))
}

// concerns reports whether a change of a name may be one of the file: its own,
// that of what it links to, or that of the ..data which a container's
// configuration is swapped by.
func concerns(name, path string) bool {
	base := filepath.Base(name)
	if base == filepath.Base(path) || strings.HasPrefix(base, "..data") {
		return true
	}
	target, err := filepath.EvalSymlinks(path)
	return err == nil && base == filepath.Base(target)
}

// trace changes whenever the file that a path leads to does, or another one takes
// its place. It reads nothing of it.
func trace(path string) string {
	target, _ := filepath.EvalSymlinks(path)
	info, err := os.Stat(path)
	if err != nil {
		return target
	}
	inode := uint64(0)
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		inode = uint64(s.Ino)
	}
	return fmt.Sprint(target, info.ModTime().UnixNano(), info.Size(), inode)
}

func contents(path string) (string, error) {
	b, err := os.ReadFile(path)
	return string(b), err
}

// reload reads the file again and takes it up, whole or not at all.
func (r *reloader) reload(text string) {
	r.read = text
	c, err := config.Load(r.running.Path, os.LookupEnv, twelve306.DateOf(time.Now()))
	if err != nil {
		r.refused(err)
		return
	}
	for _, warning := range c.Warnings[:min(len(c.Warnings), mostWarnings)] {
		r.log.Warn("watch.yaml", zap.String("warning", warning.String()))
	}
	if more := len(c.Warnings) - mostWarnings; more > 0 {
		r.log.Warn("watch.yaml: watcherd check prints all warnings", zap.Int("more", more))
	}
	settings, restart := r.running.Changed(c)
	c.StateDir, c.Monitor.Listen, c.Monitor.PingURL = r.running.StateDir, r.running.Monitor.Listen, r.running.Monitor.PingURL
	opt, p := r.opt, r.parts
	if len(settings) > 0 {
		if opt, p, err = r.build(c); err != nil {
			r.refused(err)
			return
		}
	}
	opt.Rules = c.Rules
	if err := r.w.Reload(watcher.Change{Options: opt, Settings: settings, Restart: restart}); err != nil {
		if p != r.parts {
			p.drop()
		}
		r.refused(err)
		return
	}
	if p != r.parts {
		r.parts.drop() // an edit in between that was not taken up yet
	}
	c.Rules, opt.Rules = nil, nil // the watcher has them
	r.running, r.opt, r.parts = c, opt, p
	debug.FreeOSMemory() // as after the start
}

func (r *reloader) refused(err error) {
	r.log.Warn("watch.yaml has mistakes; the old rules go on", zap.String("mistakes", firstLines(err.Error(), mostWarnings)))
	r.w.ReloadRefused(err.Error())
}

func firstLines(text string, most int) string {
	if all := strings.Split(text, "\n"); len(all) > most {
		text = strings.Join(append(all[:most], fmt.Sprintf("... and %d more: watcherd check prints them all", len(all)-most)), "\n")
	}
	return text
}

// build makes the parts and options of a configuration; its port is open then.
func (r *reloader) build(c *config.Config) (opt watcher.Options, p *parts, err error) {
	if p, err = channels(c, r.log); err != nil {
		return opt, nil, err
	}
	if opt, err = options(c, p, r.log); err != nil {
		return opt, nil, err
	}
	if err = p.show(c.StateDir, r.w); err != nil {
		return opt, nil, err
	}
	if err = p.listenAfter(r.parts); err != nil {
		return opt, nil, err
	}
	opt.Hear = r.commands.use(p, c.Language, r.log)
	return opt, p, nil
}
