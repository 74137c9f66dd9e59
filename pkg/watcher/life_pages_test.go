package watcher

import (
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// What the pages of a daemon show, from a question to a ticket that is paid;
// and the link that a channel without ears gets, on which its user can say that
// he has seen it.
func TestPagesOfABooking(t *testing.T) {
	bark := &pager{}
	set := setup{sim: calm(), change: func(o *Options) {
		o.Channels = append(o.Channels, notifier.Channel{Name: "bark", Notifier: bark})
		o.StatusLink = func() string { return "https://watch.example.com/status/0f" }
		o.SeenLink = func(seen string) string { return "https://watch.example.com/seen/" + seen + ".0f" }
	}}
	play(t, set, func(s *scene) {
		shows := func(what string, rows ...string) notifier.Board {
			t.Helper()
			b := s.now().w.Board()
			if !strings.Contains(b.Title, what) {
				t.Errorf("the page says %q, not %q", b.Title, what)
			}
			var all strings.Builder
			for _, part := range b.Sections {
				for _, r := range part.Rows {
					all.WriteString(r.Title + " " + r.State + " " + r.Do + " " + strings.Join(r.Lines, " ") + "\n")
				}
			}
			for _, row := range rows {
				if !strings.Contains(all.String(), row) {
					t.Errorf("no %q on the page:\n%s", row, all.String())
				}
			}
			return b
		}
		s.phone.always(silence)
		s.start()
		s.until("a question", time.Minute, func() bool { return len(s.phone.questions(notifier.Picture)) == 1 })
		q := s.phone.questions(notifier.Picture)[0]
		if b := shows("等你回答", q.Title, "还有", "回家 在盯"); b.Sections[0].Rows[0].Prompt != q.ID {
			t.Errorf("the page leads to the question %q, open is %q", b.Sections[0].Rows[0].Prompt, q.ID)
		}
		s.untilTold(NewsLoginFailed, 1, 4*time.Minute)
		s.phone.always(nil)
		s.sell(1)
		booked := s.untilTold(NewsBooked, 1, 5*time.Minute)
		number := s.site.AllOrders()[0].Number
		shows("请付款", number, "回家 已抢到", "登录 已登录")
		if text := s.now().w.Command(t.Context(), "/status"); !strings.HasSuffix(text, "\n网页：https://watch.example.com/status/0f") {
			t.Errorf("/status says\n%s", text)
		}
		s.untilTold(NewsReminder, 1, 20*time.Minute)
		s.pass(time.Second)
		bark.mu.Lock()
		linked := 0
		for _, m := range bark.told {
			if (m.Kind == string(NewsBooked) || m.Kind == string(NewsReminder)) != (m.Link == "https://watch.example.com/seen/"+booked.Seen+".0f" && strings.HasSuffix(m.Text, "\n"+s.now().w.say.seenHere())) {
				t.Errorf("%s has the link %q below\n%s", m.Kind, m.Link, m.Text)
			}
			if m.Seen != "" {
				linked++
			}
		}
		bark.mu.Unlock()
		if linked != 2 {
			t.Errorf("%d messages had a link, want booked and reminder", linked)
		}
		for _, m := range s.phone.all() {
			if m.Seen != "" && m.Link != "" {
				t.Errorf("%s has a link where there is a button", m.Kind)
			}
		}

		w := s.now().w
		if r := w.Reminding(booked.Seen); !r.On || !strings.Contains(r.Title, "G1110") || !strings.Contains(r.Text, number) {
			t.Errorf("before it was seen: %+v", r)
		}
		s.phone.taps <- booked.Seen
		s.pass(time.Second)
		if r := w.Reminding(booked.Seen); r.On || !strings.Contains(r.Text, "别忘了付款") {
			t.Errorf("after it was seen: %+v", r)
		}
		if err := s.site.PayOrder(number); err != nil {
			t.Fatal(err)
		}
		s.untilTold(NewsPaid, 1, 5*time.Minute)
		if r := w.Reminding(booked.Seen); r.On || !strings.Contains(r.Text, "已付款") {
			t.Errorf("after it was paid: %+v", r)
		}
		if r := w.Reminding("0011223344556677"); r.On || r.Title == "" {
			t.Errorf("of nothing: %+v", r)
		}
	})
}
