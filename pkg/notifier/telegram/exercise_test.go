package telegram

import (
	"strings"
	"testing"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/notifier/notifiertest"
)

func TestExercise(t *testing.T) {
	notifiertest.Exercise(t, func(t *testing.T) notifiertest.Harness {
		f := newFake(t)
		d, _ := start(t, f)
		find := func(p notifier.Prompt) int {
			for _, m := range f.bots() {
				if strings.Contains(m.text, p.Title) {
					return m.id
				}
			}
			t.Fatalf("%s is not on the phone", p.Title)
			return 0
		}
		return notifiertest.Harness{
			Asker: d,
			Reply: func(p notifier.Prompt, text string) { f.write(text, find(p)) },
			Loose: func(text string) { f.write(text, 0) },
			Sees: func(notifier.Prompt) string {
				var b strings.Builder
				for _, m := range f.bots() {
					b.WriteString(m.text + "\n")
				}
				return b.String()
			},
			Stranger: func(p notifier.Prompt, text string) {
				f.write(text, find(p), func(m map[string]any) {
					m["from"].(map[string]any)["id"] = 666
					m["chat"].(map[string]any)["id"] = 666
				})
			},
		}
	})
}
