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
	c, kept, err := s.write()
	if err != nil {
		return err
	}
	s.say("\n写好了 %s。", "\n%s is written.", s.path)
	if s.service {
		s.say("它归组 %s，服务读得到。", "Its group is %s: the service can read it.", s.group)
	}
	if kept != "" {
		s.say("旧的留作 %s。", "The old one is kept as %s.", kept)
	}
	for _, f := range s.secrets {
		s.say("%s 只有你能读。", "%s can be read by you alone.", filepath.Join(filepath.Dir(s.path), f.name))
	}
	if s.service && len(s.secrets) > 0 {
		s.say("systemd 启动服务时把它们交给它（LoadCredential）。", "systemd hands them to the service when it starts it (LoadCredential).")
	}
	fmt.Fprintln(s)
	if err := c.Describe(s, s.now); err != nil {
		return err
	}
	s.next()
	return nil
}

// next says what to run next. The commands are not broken to the terminal's
// width, for they are copied.
func (s *setup) next() {
	steps := func(heading string, commands ...string) {
		s.say("\n%s", "\n%s", heading)
		for _, c := range commands {
			fmt.Fprintln(s, "  "+c)
		}
	}
	path, with := s.path, ""
	if s.service {
		path, _ = filepath.Abs(path) // as the commands know the service's
	}
	if path != "watch.yaml" {
		with = " --config " + shellWord(path)
	}
	switch {
	case s.service && s.replace:
		// It reads watch.yaml when that is saved, and secrets when it starts.
		steps(s.lang.Pick("接下来，重启服务：", "Next, restart the service:"), "systemctl restart watcherd")
	case s.service:
		steps(s.lang.Pick("接下来，启动服务：", "Next, start the service:"), "systemctl enable --now watcherd")
	default:
		steps(s.lang.Pick("接下来，先试一试通知：", "Next, try how you are told:"), "watcherd test-notify"+with)
		steps(s.lang.Pick("然后让它跑起来（Ctrl-C 停下）：", "Then let it run (Ctrl-C stops it):"), "watcherd run"+with)
		return
	}
	steps(s.lang.Pick("然后试一试通知，看看它在做什么：", "Then try how you are told, and see what it is doing:"), "watcherd test-notify"+with, "watcherd status"+with, "journalctl -fu watcherd")
}

// shellWord writes a path so that a shell takes it for one word.
func shellWord(path string) string {
	if strings.Trim(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/") == "" {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// deskPattern names the folder in which everything is made ready.
const deskPattern = ".watcherd-init-"

// write puts everything into a folder of its own first, checks it there as
// `watcherd check` does, and moves it into place: the secrets, then watch.yaml.
// Whatever stops it, watch.yaml is the old one or the new one. kept is where
// the old one is now.
func (s *setup) write() (c *config.Config, kept string, err error) {
	dir, err := filepath.Abs(filepath.Dir(s.path)) // as systemd's folder of credentials is
	if err != nil {
		return nil, "", err
	}
	desk, err := os.MkdirTemp(dir, deskPattern)
	if err != nil {
		return nil, "", err
	}
	defer os.RemoveAll(desk)
	if err := s.writeSecrets(desk); err != nil {
		return nil, "", err
	}
	draft := filepath.Join(desk, filepath.Base(s.path))
	if err := s.writeDraft(draft); err != nil {
		return nil, "", err
	}
	c, err = config.Load(draft, s.env(desk), s.today)
	if err != nil {
		return nil, "", &exit{exitFailed, s.lang.Pick("这些回答合不起来，什么都没有写：\n", "These answers do not go together; nothing was written:\n") + strings.ReplaceAll(err.Error(), draft, s.path)}
	}
	c.Path = s.path
	if len(s.secrets) > 0 {
		if err := os.Mkdir(filepath.Join(dir, secretsDir), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, "", err
		}
	}
	for _, f := range s.secrets {
		if err := os.Rename(filepath.Join(desk, f.name), filepath.Join(dir, f.name)); err != nil {
			return nil, "", err
		}
	}
	kept, err = s.install(draft)
	return c, kept, err
}

// writeSecrets writes the secrets into a folder, for a service also as systemd
// will hand them out: see env.
func (s *setup) writeSecrets(desk string) error {
	for _, dir := range []string{secretsDir, credentialsDir} {
		if err := os.Mkdir(filepath.Join(desk, dir), 0o700); err != nil {
			return err
		}
	}
	for _, f := range s.secrets {
		file := filepath.Join(desk, f.name)
		if err := writeSynced(file, []byte(f.text+"\n"), 0o600); err != nil {
			return err
		}
		if s.service {
			if err := os.Symlink(filepath.Join("..", f.name), filepath.Join(desk, credentialsDir, "secret_"+filepath.Base(f.name))); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeDraft writes the new watch.yaml with the owner and the mode of the one
// that it replaces; the service's group may read its own.
func (s *setup) writeDraft(draft string) error {
	mode, uid, gid := fs.FileMode(0o600), -1, -1
	if info, err := os.Stat(s.path); err == nil {
		mode, uid, gid = info.Mode().Perm(), ownerOf(info).uid, ownerOf(info).gid
	}
	if s.service {
		var err error
		if gid, err = groupNumber(s.group); err != nil {
			return err
		}
		mode |= 0o040
	}
	if err := writeSynced(draft, config.Draft(&s.config), mode); err != nil {
		return err
	}
	if err := os.Chown(draft, uid, gid); err != nil && (s.service || !errors.Is(err, fs.ErrPermission)) {
		return err // who may not give a file away keeps it
	}
	return nil
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
