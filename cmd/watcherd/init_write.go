package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/watcherd/watcherd/pkg/watcher/config"
)

// finish writes the files, prints what watcherd will do with them, and what to
// run next.
func (s *setup) finish() error {
	kept, err := s.write()
	if err != nil {
		return err
	}
	s.say("\n写好了 %s。", "\n%s is written.", s.path)
	if kept != "" {
		s.say("旧的留作 %s。", "The old one is kept as %s.", kept)
	}
	for _, f := range s.secrets {
		s.say("%s 只有你能读。", "%s can be read by you alone.", filepath.Join(filepath.Dir(s.path), f.name))
	}
	c, err := config.Load(s.path, os.LookupEnv, s.today)
	if err != nil {
		return err
	}
	fmt.Fprintln(s)
	if err := c.Describe(s, s.now); err != nil {
		return err
	}
	with := ""
	if s.path != "watch.yaml" {
		with = " --config " + shellWord(s.path)
	}
	s.say("\n接下来：\n  watcherd test-notify%s\n  watcherd run%s", "\nNext:\n  watcherd test-notify%s\n  watcherd run%s", with, with)
	return nil
}

// shellWord writes a path so that a shell takes it for one word.
func shellWord(path string) string {
	if strings.Trim(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/") == "" {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// write puts everything into a folder of its own first, checks it there as
// `watcherd check` does, and moves it into place: the secrets, then watch.yaml.
// Whatever stops it, watch.yaml is the old one or the new one. kept is where
// the old one is now.
func (s *setup) write() (kept string, err error) {
	dir := filepath.Dir(s.path)
	desk, err := os.MkdirTemp(dir, ".watcherd-init-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(desk)
	if err := os.Mkdir(filepath.Join(desk, secretsDir), 0o700); err != nil {
		return "", err
	}
	for _, f := range s.secrets {
		if err := writeSynced(filepath.Join(desk, f.name), []byte(f.text+"\n"), 0o600); err != nil {
			return "", err
		}
	}
	mode := fs.FileMode(0o600)
	if info, err := os.Stat(s.path); err == nil {
		mode = info.Mode().Perm()
	}
	draft := filepath.Join(desk, filepath.Base(s.path))
	if err := writeSynced(draft, config.Draft(&s.config), mode); err != nil {
		return "", err
	}
	if _, err := config.Load(draft, os.LookupEnv, s.today); err != nil {
		return "", &exit{exitFailed, s.lang.Pick("这些回答合不起来，什么都没有写：\n", "These answers do not go together; nothing was written:\n") + strings.ReplaceAll(err.Error(), draft, s.path)}
	}
	if len(s.secrets) > 0 {
		if err := os.Mkdir(filepath.Join(dir, secretsDir), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return "", err
		}
	}
	for _, f := range s.secrets {
		if err := os.Rename(filepath.Join(desk, f.name), filepath.Join(dir, f.name)); err != nil {
			return "", err
		}
	}
	return s.install(draft)
}

// install moves the new watch.yaml into place. One that has appeared since the
// user was asked is not touched.
func (s *setup) install(draft string) (kept string, err error) {
	if !s.replace {
		err := os.Link(draft, s.path) // fails when there is one, where Rename would replace it
		if errors.Is(err, fs.ErrExist) {
			return "", &exit{exitFailed, fmt.Sprintf(s.lang.Pick("%s 刚刚冒了出来，没有动它；再运行一次 watcherd init", "%s has just appeared and was left alone; run watcherd init again"), s.path)}
		}
		if err != nil { // a file system without links
			err = os.Rename(draft, s.path)
		}
		return "", err
	}
	old, err := os.ReadFile(s.path)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(s.path)
	if err != nil {
		return "", err
	}
	for i := 1; ; i++ {
		kept = s.path + ".bak"
		if i > 1 {
			kept = fmt.Sprintf("%s.bak%d", s.path, i)
		}
		if _, err := os.Lstat(kept); errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if err := writeSynced(kept, old, info.Mode().Perm()); err != nil {
		return "", err
	}
	return kept, os.Rename(draft, s.path)
}

// writeSynced writes a new file and waits until it is on the disk.
func writeSynced(path string, data []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
}
