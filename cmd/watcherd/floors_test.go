package main

import (
	"slices"
	"strings"
	"testing"
)

// floor is one package: what it may import of ours, and why that and no more.
type floor struct {
	dir   string
	may   []string // in its code
	tests []string // besides, in its tests
	why   string
}

// floors is the house, top down. Nobody imports upward or sideways; a new
// package starts with a row here.
var floors = []floor{
	{
		dir: "cmd/watcherd",
		may: []string{
			"pkg/watcher/config", "pkg/watcher", "pkg/twelve306", "pkg/twelve306/railsim",
			"pkg/notifier", "pkg/notifier/email", "pkg/notifier/services", "pkg/notifier/telegram", "pkg/notifier/terminal", "pkg/notifier/web",
		},
		why: "main wires everything; railsim is linked for watcherd demo alone",
	},
	{
		dir: "pkg/watcher/config",
		may: []string{
			"pkg/watcher", "pkg/twelve306",
			"pkg/notifier", "pkg/notifier/email", "pkg/notifier/services", "pkg/notifier/telegram", "pkg/notifier/web",
		},
		why: "watch.yaml describes every part by the part's own type; it builds none of them",
	},
	{
		dir:   "pkg/watcher",
		may:   []string{"pkg/twelve306", "pkg/notifier", "pkg/watcher/internal/store"},
		tests: []string{"pkg/twelve306/railsim"},
		why:   "the policy speaks to 12306 through the client and to people through the contract, never to one driver",
	},
	{
		dir:   "pkg/notifier/telegram",
		may:   []string{"pkg/notifier"},
		tests: []string{"pkg/notifier/notifiertest"},
		why:   "one channel; it knows no trains and no other channel",
	},
	{
		dir:   "pkg/notifier/email",
		may:   []string{"pkg/notifier"},
		tests: []string{"pkg/notifier/notifiertest"},
		why:   "one channel; it knows no trains and no other channel",
	},
	{
		dir:   "pkg/notifier/web",
		may:   []string{"pkg/notifier"},
		tests: []string{"pkg/notifier/notifiertest"},
		why:   "one channel; it knows no trains and no other channel",
	},
	{
		dir:   "pkg/notifier/terminal",
		may:   []string{"pkg/notifier"},
		tests: []string{"pkg/notifier/notifiertest"},
		why:   "one channel; it knows no trains and no other channel",
	},
	{
		dir:   "pkg/notifier/services",
		may:   []string{"pkg/notifier"},
		tests: []string{"pkg/notifier/notifiertest"},
		why:   "push apps and group robots, a channel each; they know no trains",
	},
	{
		dir: "pkg/notifier/notifiertest",
		may: []string{"pkg/notifier"},
		why: "the conversations that every driver must pass are the contract's, not one driver's",
	},
	{
		dir: "pkg/notifier",
		why: "the contract: a channel for trains could carry anything else",
	},
	{
		dir:   "pkg/twelve306",
		may:   []string{"pkg/twelve306/internal/wire"},
		tests: []string{"pkg/twelve306", "pkg/twelve306/railsim"},
		why:   "the protocol: it knows no rules, no files, no channels, so that it can be read beside a recording",
	},
	{
		dir: "pkg/watcher/internal/store",
		why: "the cellar: it keeps bytes and knows not what they say",
	},
	{
		dir: "pkg/twelve306/internal/wire",
		why: "the cellar: 12306's formats, pure functions",
	},
	{
		dir: "pkg/twelve306/railsim/cmd/railsim",
		may: []string{"pkg/twelve306/railsim"},
		why: "the simulator for trying things by hand; it must not need the client either",
	},
	{
		dir: "pkg/twelve306/railsim",
		why: "a simulator that shares code with the client would share its mistakes: it imports nothing of ours",
	},
}

// TestFloors holds every import of the repository against the table.
func TestFloors(t *testing.T) {
	byDir := map[string]floor{}
	for _, f := range floors {
		if f.why == "" {
			t.Errorf("%s stands in the table without a reason", f.dir)
		}
		byDir[f.dir] = f
	}
	fset, all := sources(t)
	there, needed := map[string]bool{}, map[string]bool{}
	for _, s := range all {
		f, ok := byDir[s.dir]
		if !ok && !there[s.dir] {
			t.Errorf("the package %s is in no row of the table: which floor is it on, and why?", s.dir)
		}
		there[s.dir] = true
		if !ok {
			continue
		}
		for _, i := range s.file.Imports {
			name, ours := strings.CutPrefix(strings.Trim(i.Path.Value, `"`), module)
			if !ours {
				continue
			}
			allowed := slices.Contains(f.may, name) || s.test && slices.Contains(f.tests, name)
			if !allowed {
				t.Errorf("%s: %s must not import %s: %s", fset.Position(i.Pos()), s.dir, name, f.why)
			}
			needed[s.dir+" "+name] = true
		}
	}
	for _, f := range floors {
		if !there[f.dir] {
			t.Errorf("there is no package %s any more: take it out of the table", f.dir)
			continue
		}
		for _, name := range slices.Concat(f.may, f.tests) {
			if !needed[f.dir+" "+name] {
				t.Errorf("%s does not import %s any more: take it out of the table", f.dir, name)
			}
		}
	}
}

// TestFloorsPointDown checks the table itself: a package may only import those
// below it.
func TestFloorsPointDown(t *testing.T) {
	place := map[string]int{}
	for i, f := range floors {
		place[f.dir] = i
	}
	for _, f := range floors {
		for _, name := range f.may {
			if below, ok := place[name]; !ok || below <= place[f.dir] {
				t.Errorf("%s may import %s, which is not below it in the table", f.dir, name)
			}
		}
	}
}

// TestTheDaemonLinksNoTestCode checks that helpers of tests stay in tests, and
// that the simulator is linked for the demonstration alone.
func TestTheDaemonLinksNoTestCode(t *testing.T) {
	fset, all := sources(t)
	for _, s := range all {
		if s.test {
			continue
		}
		for _, i := range s.file.Imports {
			name := strings.Trim(i.Path.Value, `"`)
			ours, _ := strings.CutPrefix(name, module)
			switch {
			case ours == "pkg/twelve306/railsim" && s.dir == "cmd/watcherd" && !strings.HasPrefix(s.path, "cmd/watcherd/demo"):
				t.Errorf("%s: only demo.go may import the simulator", fset.Position(i.Pos()))
			case (name == "testing" || ours == "pkg/notifier/notifiertest") && s.dir != "pkg/notifier/notifiertest":
				t.Errorf("%s: %s belongs into tests", fset.Position(i.Pos()), name)
			}
		}
	}
}

// libraries are those that only one package knows, so that each can be
// replaced in one place.
var libraries = []struct{ path, dir, why string }{
	{"database/sql", "pkg/watcher/internal/store", "what is stored where is the store's secret"},
	{"modernc.org/sqlite", "pkg/watcher/internal/store", "another database is a change of one package"},
	{"github.com/nikoksr/notify", "pkg/notifier/services", "how services are sent to; the contract is ours"},
	{"github.com/go-telegram/bot", "pkg/notifier/telegram", "a channel is its own business"},
	{"github.com/wneessen/go-mail", "pkg/notifier/email", "so is another"},
	{"github.com/emersion/go-imap", "pkg/notifier/email", "and how its replies come in"},
	{"gopkg.in/yaml.v3", "pkg/watcher/config", "the rest of the program has never heard of YAML"},
	{"github.com/robfig/cron", "pkg/watcher", "its traps (package watcher, schedule.go) are guarded once"},
	{"github.com/spf13/cobra", "cmd/watcherd", "commands are main's"},
	{"github.com/coreos/go-systemd", "cmd/watcherd", "so is systemd"},
}

// TestLibrariesHaveOneHome checks that table.
func TestLibrariesHaveOneHome(t *testing.T) {
	fset, all := sources(t)
	for _, l := range libraries {
		used := false
		for _, s := range all {
			if s.test {
				continue
			}
			for _, i := range s.file.Imports {
				name := strings.Trim(i.Path.Value, `"`)
				if name != l.path && !strings.HasPrefix(name, l.path+"/") {
					continue
				}
				if s.dir != l.dir {
					t.Errorf("%s: %s is for %s alone: %s", fset.Position(i.Pos()), l.path, l.dir, l.why)
				}
				used = true
			}
		}
		if !used {
			t.Errorf("nobody imports %s any more: take it out of the table", l.path)
		}
	}
}
