package watcher

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"
)

// StationsFile is the station list in the state folder, as 12306 last served
// it. watch.yaml is read with it, so that stations which opened after this
// program was built can be named.
const StationsFile = "station_name.js"

// How often the station list is fetched: it changes a few times a month.
const (
	firstStations = time.Minute
	stationsEvery = 24 * time.Hour
	stationsAgain = time.Hour // after a failure
)

// refreshStations keeps the station list fresh until ctx ends. A list that
// cannot be fetched or read leaves the last good one in place.
func (w *Watcher) refreshStations(ctx context.Context) {
	path := filepath.Join(w.opt.Dir, StationsFile)
	wait := firstStations
	if info, err := os.Stat(path); err == nil {
		wait = max(wait, stationsEvery-time.Since(info.ModTime()))
	}
	for {
		if sleep(ctx, wait) != nil {
			return
		}
		wait = stationsAgain
		if now := time.Now().In(w.opt.Location); !w.opt.Hours.Open(now) {
			continue
		}
		js, err := w.client.RefreshStations(ctx)
		if err == nil {
			err = replaceFile(path, js)
		}
		if err != nil {
			if ctx.Err() == nil {
				w.log.Debug("the station list could not be refreshed", zap.Error(err))
			}
			continue
		}
		w.log.Debug("the station list is fresh", zap.Int("stations", w.client.Stations().Len()))
		wait = stationsEvery
	}
}

// replaceFile writes a file so that a reader sees the old one or the new one.
func replaceFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
