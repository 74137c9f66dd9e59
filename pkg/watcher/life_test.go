package watcher

import (
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

func TestBook(t *testing.T) {
	play(t, setup{sim: railsim.Options{Calm: true}}, func(s *scene) {
		s.start()
		s.untilTold(NewsLoggedIn, 1, time.Minute)
		s.sell(2)
		s.untilTold(NewsBooked, 1, time.Minute)
	})
}
