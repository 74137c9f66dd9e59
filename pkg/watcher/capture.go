package watcher

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/twelve306"
)

// Capture is the scrubbed copy of a reply that was not understood.
type Capture struct {
	Name string // of its file
	At   time.Time
	Step string // 12306's name of it
	Why  string // one of twelve306's Odd constants
	Size int64  // in bytes
	Path string
}

// captureFolder is the folder of the copies inside the state folder.
const captureFolder = "captures"

const (
	mostCaptures = 20
	captureGap   = time.Hour // between two copies of the same step for the same reason
)

// captureStamp is the time in a copy's name, in UTC: it sorts as text.
const captureStamp = "20060102T150405.000Z"

var captureName = regexp.MustCompile(`^(\d{8}T\d{6}\.\d{3}Z)_([A-Za-z0-9.-]{1,40})_([a-z-]{1,20})\.txt$`)

// Captures lists the copies in a state folder, the newest first. There being
// none, or no folder, is no error. It may be called beside a running daemon.
func Captures(dir string) ([]Capture, error) {
	folder := filepath.Join(dir, captureFolder)
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var out []Capture
	for _, e := range entries {
		m := captureName.FindStringSubmatch(e.Name())
		if m == nil || !e.Type().IsRegular() {
			continue
		}
		at, err := time.Parse(captureStamp, m[1])
		if err != nil {
			continue
		}
		info, err := e.Info()
		if err != nil { // removed meanwhile: there was a newer one
			continue
		}
		out = append(out, Capture{e.Name(), at, m[2], m[3], info.Size(), filepath.Join(folder, e.Name())})
	}
	slices.SortFunc(out, func(a, b Capture) int { return cmp.Compare(b.Name, a.Name) })
	return out, nil
}

// ReadCapture returns the copy of that name.
func ReadCapture(dir, name string) ([]byte, error) {
	if !captureName.MatchString(name) {
		return nil, fmt.Errorf("%q is no name of a copy; `watcherd capture` lists them", name)
	}
	return os.ReadFile(filepath.Join(dir, captureFolder, name))
}

// captures keeps copies of odd replies in the state folder.
type captures struct {
	dir string
	log *zap.Logger

	mu    sync.Mutex
	names []string             // texts to be removed wherever they stand
	last  map[string]time.Time // by step and reason: when the newest copy was made
	kept  time.Time            // when the newest of all was made or found good enough
}

// odd keeps a copy of a reply, unless there is one like it. It is called by the
// client, from any goroutine.
func (c *captures) odd(o twelve306.Odd) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	step := strings.Trim(notInName.ReplaceAllString(o.Op, "-"), "-.")
	step = cmp.Or(step[:min(len(step), 40)], "reply")
	key := step + "_" + o.Why
	if c.last == nil {
		c.last = map[string]time.Time{}
		list, _ := Captures(c.dir) // what cannot be read is made again
		for _, k := range slices.Backward(list) {
			c.last[k.Step+"_"+k.Why] = k.At
		}
	}
	if at, ok := c.last[key]; ok && now.Sub(at).Abs() < captureGap {
		c.kept = now
		return
	}
	c.last[key] = now
	path, err := c.write(now.UTC().Format(captureStamp)+"_"+key+".txt", fmt.Sprintf("time: %s\nstep: %s\nwhy: %s\nstatus: %d\nlength: %d\n\n%s",
		now.UTC().Format(time.RFC3339), step, o.Why, o.Status, len(o.Body), scrub(o.Body, c.names)))
	if err != nil {
		c.log.Warn("a reply that is not understood could not be kept", zap.String("step", o.Op), zap.String("why", o.Why), zap.Error(err))
		return
	}
	c.kept = now
	c.log.Warn("12306 answered in a form that is not known; a copy without secrets is kept (watcherd capture)",
		zap.String("step", o.Op), zap.String("why", o.Why), zap.Int("status", o.Status), zap.String("path", path))
}

var notInName = regexp.MustCompile(`[^A-Za-z0-9.]+`)

// write puts a copy into the folder and removes the oldest ones.
func (c *captures) write(name, text string) (path string, err error) {
	folder := filepath.Join(c.dir, captureFolder)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", err
	}
	path = filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return "", err
	}
	list, err := Captures(c.dir)
	if err != nil {
		return path, nil
	}
	for _, k := range list[min(len(list), mostCaptures):] {
		_ = os.Remove(k.Path) // next time again
	}
	return path, nil
}

// keeps says which texts are somebody's, besides what looks so.
func (c *captures) keeps(names ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range names {
		if n != "" && !slices.Contains(c.names, n) {
			c.names = append(c.names, n)
		}
	}
}

// keptSince reports whether there is a copy of what has been odd since then.
func (c *captures) keptSince(t time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.kept.IsZero() && !c.kept.Before(t)
}
