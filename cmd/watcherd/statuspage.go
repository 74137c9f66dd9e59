package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/watcherd/watcherd/pkg/notifier/web"
	"github.com/watcherd/watcherd/pkg/watcher"
)

// The key of the pages lies in the state folder, so that their addresses stay
// what they are and can be bookmarked. Whoever removes it gets new ones at the
// next start.
const (
	pagesKey  = "pages.key"
	pagesSize = 32 // bytes
)

// show makes the web channel's status page, and the page where reminders can be
// stopped, show w; without a web channel it does nothing. The state folder's
// lock must be ours.
func (p *parts) show(stateDir string, w *watcher.Watcher) error {
	if p.pages == nil {
		return nil
	}
	key, err := keep(filepath.Join(stateDir, pagesKey))
	if err != nil {
		return fmt.Errorf("the key of the status page: %w", err)
	}
	p.pages.Show(web.Source{Key: key, Board: w.Board, Repeat: w.Reminding})
	return nil
}

// keep returns the random bytes in a file, which it makes when there is none or
// when a crash left it short.
func keep(name string) ([]byte, error) {
	key, err := os.ReadFile(name)
	if err == nil && len(key) == pagesSize {
		return key, os.Chmod(name, 0o600) // restored from a backup, perhaps
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	key = make([]byte, pagesSize)
	rand.Read(key) // never fails: crypto/rand ends the program instead
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = f.Write(key)
	return key, errors.Join(err, f.Sync(), f.Close())
}
