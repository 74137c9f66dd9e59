package telegram

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"go.uber.org/zap/zaptest/observer"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// sights collects what the driver reports as seen until the test ends.
func sights(t *testing.T, d *Driver) *[]string {
	var got []string
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			id, by, err := d.Seen(ctx)
			if err != nil {
				return
			}
			got = append(got, id+" "+by)
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	return &got
}

var reminder = notifier.Message{ID: notifier.NewID(), Kind: "reminder", Title: "还没付款", Text: "还剩 15 分", Seen: "00ff00ff00ff00ff"}

func TestSeen(t *testing.T) {
	for name, says := range map[string]func(f *fakeAPI, m message){
		"tap":   func(f *fakeAPI, m message) { f.tap(m, "知道了") },
		"word":  func(f *fakeAPI, _ message) { f.write("知道了", 0) },
		"reply": func(f *fakeAPI, m message) { f.write("Seen", m.id) },
		"tap on an old one": func(f *fakeAPI, m message) {
			f.tap(m, "知道了", func(q map[string]any) { q["message"].(map[string]any)["date"] = 1 })
		},
	} {
		t.Run(name, func(t *testing.T) {
			phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
				got := sights(t, d)
				if err := d.Notify(t.Context(), reminder); err != nil {
					t.Fatal(err)
				}
				m := f.last(1)
				says(f, m)
				synctest.Wait()
				if strings.Join(*got, ",") != "00ff00ff00ff00ff @li4" {
					t.Errorf("seen: %q", *got)
				}
				if strings.HasPrefix(name, "tap") {
					if f.toast() != notifier.Chinese.Quiet() || len(f.get(m.id).keyboard) != 0 {
						t.Errorf("told %q, the buttons are %v", f.toast(), f.get(m.id).keyboard)
					}
				} else if said := f.last(2); said.text != notifier.Chinese.Quiet() {
					t.Errorf("told %q", said.text)
				}
				f.write("知道了", 0) // there is nothing more to know
				synctest.Wait()
				if len(*got) != 1 {
					t.Errorf("seen: %q", *got)
				}
			})
		})
	}
}

// A stranger's tap stops no reminder, and neither does the word while a
// question is open: it is no answer to that.
func TestNotSeen(t *testing.T) {
	phone(t, func(t *testing.T, f *fakeAPI, d *Driver, _ *observer.ObservedLogs) {
		got := sights(t, d)
		if err := d.Notify(t.Context(), reminder); err != nil {
			t.Fatal(err)
		}
		m := f.last(1)
		f.tap(m, "知道了", func(q map[string]any) { q["from"].(map[string]any)["id"] = 9 })
		synctest.Wait()
		f.mu.Lock()
		clear(f.taps) // it is right not to answer this one
		f.mu.Unlock()
		a := ask(t, d, prompt(notifier.Offer))
		f.last(2)
		f.write("知道了", 0)
		a.pending(t)
		if len(*got) != 0 {
			t.Errorf("seen: %q", *got)
		}
	})
}
