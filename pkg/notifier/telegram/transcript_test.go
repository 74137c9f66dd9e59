package telegram

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap/zaptest/observer"

	"github.com/watcherd/watcherd/pkg/notifier"
)

var update = flag.Bool("update", false, "write testdata/conversation.txt anew; read it before you believe it")

// scribe writes down what a person sees in the chat, and does.
type scribe struct {
	f      *fakeAPI
	out    strings.Builder
	seen   map[int]message
	toasts int
}

// did writes down what the person does, and then what has changed before his
// eyes.
func (s *scribe) did(what string, do func()) {
	fmt.Fprintf(&s.out, "\n%s  我%s\n", time.Now().In(railway).Format("15:04:05"), what)
	do()
	s.look()
}

// look writes down what is new or has changed in the chat, and what has popped
// up over it.
func (s *scribe) look() {
	synctest.Wait()
	now := time.Now().In(railway).Format("15:04:05")
	for _, m := range s.f.bots() {
		before, known := s.seen[m.id]
		switch {
		case !known:
			kind := ""
			if len(m.photo) > 0 {
				kind = "〔图片〕"
			}
			if m.silent {
				kind += "（不响）"
			}
			fmt.Fprintf(&s.out, "\n%s  watcherd 发来 #%d%s\n%s%s", now, m.id, kind, indented(m.text), keys(m.keyboard))
		case before.text != m.text:
			fmt.Fprintf(&s.out, "\n%s  #%d 改成\n%s%s", now, m.id, indented(m.text), keys(m.keyboard))
		case len(m.keyboard) > 0 && keys(before.keyboard) != keys(m.keyboard):
			fmt.Fprintf(&s.out, "          #%d 的按钮变成\n%s", m.id, keys(m.keyboard))
		}
		if len(before.keyboard) > 0 && len(m.keyboard) == 0 {
			s.out.WriteString("          （按钮没有了）\n")
		}
		s.seen[m.id] = m
	}
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	for _, t := range s.f.toasts[s.toasts:] {
		fmt.Fprintf(&s.out, "          弹出：%s\n", t)
	}
	s.toasts = len(s.f.toasts)
}

func indented(text string) string {
	return "          " + strings.ReplaceAll(text, "\n", "\n          ") + "\n"
}

func keys(rows [][]button) string {
	var b strings.Builder
	for _, row := range rows {
		b.WriteString("         ")
		for _, k := range row {
			b.WriteString(" [" + k.Text + "]")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// What pkg/watcher says; its own tests hold the words.
const (
	picture = `请选图：登录 12306
请选出所有和图上文字相符的图片：从左到右、从上到下是 1 到 8。
规则：回家
用编号回答，比如 2 5。`
	pictureAgain = `请选图：登录 12306
上次答错了，没关系，再来一张。
请选出所有和图上文字相符的图片：从左到右、从上到下是 1 到 8。
规则：回家
用编号回答，比如 2 5。`
	bookedNews = `抢到了，09:30 前付款：G1110 2月3日 广州南→武汉
请在 09:30 前到 12306 官方 App 的“未完成订单”里付款，过时座位会被收回。
订单号 EA12345678
G1110 2027-02-03 周三
广州南 09:30 → 武汉 13:30
张三 二等座 05车 08A号
李四 二等座 05车 08B号
共 927.0 元`
	reminderNews = `还剩 15 分钟付款：G1110 2月3日
请在 09:30 前到 12306 官方 App 的“未完成订单”里付款，过时座位会被收回。
订单号 EA12345678
G1110 2027-02-03 周三
广州南 09:30 → 武汉 13:30
共 927.0 元`
)

// TestConversation writes down a whole conversation, from the question to the
// ticket, as the person sees it.
func TestConversation(t *testing.T) {
	question := func(words string) notifier.Prompt {
		p := prompt(notifier.Picture)
		p.Title, p.Text, _ = strings.Cut(words, "\n")
		return p
	}
	news := func(t *testing.T, d *Driver, words, seen string) {
		m := notifier.Message{ID: notifier.NewID(), Loud: true, Seen: seen}
		m.Title, m.Text, _ = strings.Cut(words, "\n")
		if err := d.Notify(t.Context(), m); err != nil {
			t.Error(err)
		}
	}
	phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
		s := &scribe{f: f, seen: map[int]message{}}
		tap := func(key string) {
			time.Sleep(2 * time.Second)
			s.did("点 ["+key+"]", func() {
				all := f.bots()
				f.tap(all[len(all)-1], key)
			})
		}

		first := question(picture)
		a := ask(t, d, first)
		s.look()
		tap("2")
		tap("5")
		tap("5")
		tap("7")
		tap("提交")
		if r := a.got(t); !slices.Equal(r.Picks, []int{2, 7}) {
			t.Errorf("heard %+v", r)
		}

		// 12306 says that this was wrong, and has another picture.
		time.Sleep(time.Second)
		next := question(pictureAgain)
		next.Replaces, next.Wrong = first.ID, true
		a = ask(t, d, next)
		s.look()
		time.Sleep(95 * time.Second)
		s.look() // the time left is counted down
		s.did("写：36 吧", func() { f.write("36 吧", 0) })
		time.Sleep(2 * time.Second)
		s.did("写：3 6", func() { f.write("3 6", 0) })
		if r := a.got(t); !slices.Equal(r.Picks, []int{3, 6}) {
			t.Errorf("heard %+v", r)
		}

		time.Sleep(4 * time.Second)
		news(t, d, bookedNews, "")
		s.look()
		time.Sleep(15 * time.Minute)
		news(t, d, reminderNews, "00ff00ff00ff00ff")
		s.look()
		seen := make(chan string, 1)
		go func() {
			id, by, err := d.Seen(t.Context())
			seen <- fmt.Sprint(id, " ", by, " ", err)
		}()
		tap("知道了")
		if got := <-seen; got != "00ff00ff00ff00ff @li4 <nil>" {
			t.Errorf("seen: %s", got)
		}

		got := strings.TrimLeft(s.out.String(), "\n")
		const golden = "testdata/conversation.txt"
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want, err := os.ReadFile(golden); err != nil || got != string(want) {
			t.Errorf("%v; the conversation is now\n%s", err, got)
		}
	})
}
