package email

import (
	"strings"
	"testing"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/notifier/notifiertest"
)

func TestExercise(t *testing.T) {
	notifiertest.Exercise(t, func(t *testing.T) notifiertest.Harness {
		d, o := inMemory(t, nil)
		d.quiet = 0 // the table wants every end told; TestQuiet has the rule
		find := func(p notifier.Prompt) mailed {
			for _, m := range o.sent(me) {
				if m.subject() == p.Title {
					return m
				}
			}
			t.Fatalf("%s is not in the mail", p.Title)
			return mailed{}
		}
		return notifiertest.Harness{
			Asker: d,
			Reply: func(p notifier.Prompt, text string) { o.deliver(answer(find(p), me, text)) },
			Sees: func(notifier.Prompt) string {
				var b strings.Builder
				for _, m := range o.sent(me) {
					b.WriteString(m.subject() + "\n" + strings.ReplaceAll(m.received.plain, "\r\n", "\n") + "\n")
				}
				return b.String()
			},
			Stranger: func(p notifier.Prompt, text string) { o.deliver(answer(find(p), "stranger@example.com", text)) },
			StrangerSees: func() string {
				var b strings.Builder
				for _, m := range o.sent("") {
					if m.to != me {
						b.Write(m.raw)
					}
				}
				return b.String()
			},
		}
	})
}
