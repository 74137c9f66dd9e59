package main

import (
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/notifier/web"
	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/watcher/config"
)

// TestInitService: in a folder of the service's group the file is for the
// service. Its group may read it, the secrets stay with who runs init, and
// watch.yaml names them where systemd will put them.
func TestInitService(t *testing.T) {
	group, err := user.LookupGroupId(strconv.Itoa(os.Getgid()))
	if err != nil {
		t.Skip("the group of this process has no name")
	}
	desk(t)
	if err := os.Chown(".", -1, os.Getgid()); err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	c := dialog{lang: notifier.English, group: group.Name}
	route := []string{"北京南", "上海虹桥", "12-01", "all", "any", "2", "张三", "zhangsan"}
	for _, row := range []struct {
		answers []string
		next    string
	}{
		{slices.Concat(route, []string{"secret12306", "", "3", "", ""}), "systemctl enable --now watcherd"},
		{slices.Concat([]string{"2"}, route, []string{"", "", "3", "", ""}), "systemctl restart watcherd"},
	} {
		said, err := c.say(t, row.answers...)
		if err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
		hideSecrets(t, said)
		for _, want := range []string{"\n  " + row.next + "\n", "\n  watcherd test-notify --config " + shellWord(filepath.Join(here, "watch.yaml")) + "\n", systemState, "Its group is " + group.Name} {
			if !strings.Contains(said, want) && !strings.Contains(unbroken(said), want) {
				t.Errorf("it does not say %q:\n%s", want, said)
			}
		}
		for file, want := range map[string]fs.FileMode{"watch.yaml": 0o640, "secrets/12306": 0o600, "secrets/ntfy-replies": 0o600} {
			if info, err := os.Stat(file); err != nil || info.Mode().Perm() != want || ownerOf(info).gid != os.Getgid() {
				t.Errorf("%s: %v, %v", file, info, err)
			}
		}
	}

	// systemd hands the secrets out like this.
	if err := os.Mkdir("handed", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"12306", "ntfy", "ntfy-replies"} {
		if err := os.WriteFile("handed/secret_"+name, []byte(content(t, "secrets/"+name)), 0o400); err != nil {
			t.Fatal(err)
		}
	}
	got, err := config.Load("watch.yaml", func(name string) (string, bool) {
		value, ok := map[string]string{"CREDENTIALS_DIRECTORY": filepath.Join(here, "handed"), "STATE_DIRECTORY": systemState}[name]
		return value, ok
	}, twelve306.DateOf(time.Now()))
	if err != nil {
		t.Fatalf("%v\n%s", err, content(t, "watch.yaml"))
	}
	if got.Twelve306.Password != "secret12306" || got.Notify.Web != nil || len(got.Notify.Services[0].Ntfy.ReplyTopic) < leastTopic {
		t.Errorf("%+v", got.Notify)
	}

	// A service has no terminal that one could answer in.
	said, err := c.say(t, slices.Concat([]string{"2"}, route, []string{"", "", "", ""})...)
	if err != nil || !strings.Contains(unbroken(said), "the answer page is added") || !strings.Contains(content(t, "watch.yaml"), web.DefaultListen) {
		t.Errorf("%v\n%s", err, said)
	}
	// Without the group there is no service, and no variable in the file.
	c.group = "no-such-group"
	if _, got := c.good(t, slices.Concat([]string{"2"}, route, []string{"", "", "", ""})...); got.Twelve306.Password != "secret12306" {
		t.Error("the secret is another one")
	}
}

// unbroken makes one line of what was broken to the width of the terminal.
func unbroken(said string) string { return strings.Join(strings.Fields(said), " ") }

// TestInitTopics: ntfy's topics are made when nobody names one, and kept.
func TestInitTopics(t *testing.T) {
	desk(t)
	answers := []string{"北京南", "上海虹桥", "12-01", "all", "any", "2", "张三", "zhangsan", "secret12306", "", "3", "", ""}
	said, c := dialog{lang: notifier.Chinese}.good(t, answers...)
	first := *c.Notify.Services[0].Ntfy
	if len(first.Topic) < leastTopic || len(first.ReplyTopic) < leastTopic || first.Topic == first.ReplyTopic || !strings.Contains(said, first.Topic) || !strings.Contains(said, first.ReplyTopic) || len(c.Warnings) > 0 {
		t.Errorf("%+v %v\n%s", first, c.Warnings, said)
	}
	_, c = dialog{lang: notifier.Chinese}.good(t, append([]string{"2"}, answers...)...)
	if again := *c.Notify.Services[0].Ntfy; again != first {
		t.Error("the topics that the phone has are others now")
	}
	// News alone want no second topic.
	_, c = dialog{lang: notifier.Chinese}.good(t, "2", "北京南", "上海虹桥", "12-01", "all", "any", "1", "3", "", "")
	if n := c.Notify.Services[0].Ntfy; n.ReplyTopic != "" || n.Topic != first.Topic {
		t.Error("there is a topic for answers to no question")
	}
}

// TestInitFolder: a folder in which nothing can be written is told of before
// the first question.
func TestInitFolder(t *testing.T) {
	desk(t)
	if err := os.Chmod(".", 0o500); err != nil {
		t.Fatal(err)
	}
	if os.Mkdir("probe", 0o700) == nil {
		t.Skip("this user can write everywhere")
	}
	said, err := dialog{lang: notifier.English}.say(t)
	if err == nil || !strings.Contains(err.Error(), "no file can be written in the folder") || strings.Contains(said, "From which station") {
		t.Errorf("%v\n%s", err, said)
	}
}
