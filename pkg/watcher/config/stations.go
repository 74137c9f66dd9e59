package config

import (
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher"
)

// freshStations takes the station list that a daemon fetched into the state
// folder, when there is one: it knows stations that opened after this program
// was built. The list is needed before the file is decoded, so state_dir is
// looked up by hand; what is wrong with it is said when it is decoded.
func (d *decoder) freshStations() {
	dir := ""
	if v := d.at("state_dir"); v != nil && v.Kind == yaml.ScalarNode {
		if text, err := expand(v.Value, d.env); err == nil {
			dir = d.path(text)
		}
	}
	if dir == "" {
		dir, _ = defaultStateDir(d.env)
	}
	if dir == "" {
		return
	}
	js, err := readFile(filepath.Join(dir, watcher.StationsFile), maxStations)
	if err != nil {
		return
	}
	if s, err := twelve306.ParseStations(string(js)); err == nil && s.Len() >= d.stations.Len() {
		d.stations = s
	}
}

// maxStations is the largest station list that is read; the real one has 170 kB.
const maxStations = 2 << 20

// defaultStateDir is where the state is when the file does not say.
func defaultStateDir(env func(string) (string, bool)) (string, bool) {
	// systemd may give a list of folders, separated by colons.
	if dirs, ok := env("STATE_DIRECTORY"); ok && dirs != "" {
		dir, _, _ := strings.Cut(dirs, ":")
		return dir, true
	}
	// The XDG specification says to ignore a relative path.
	if dir, ok := env("XDG_STATE_HOME"); ok && filepath.IsAbs(dir) {
		return filepath.Join(dir, "watcherd"), true
	}
	if home, ok := env("HOME"); ok && filepath.IsAbs(home) {
		return filepath.Join(home, ".local", "state", "watcherd"), true
	}
	return "", false
}
