package watcher

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/watcherd/watcherd/pkg/watcher/internal/store"
)

// History reads the orders and attempts from a state folder, newest first,
// their times in the zone loc. It needs no lock, so that it works beside a
// running daemon and without one. A folder that no daemon has used yet has no
// history, which is no error.
func History(dir string, loc *time.Location) ([]OrderView, error) {
	s, err := store.View(dir)
	if errors.Is(err, os.ErrNotExist) {
		return []OrderView{}, nil
	}
	if err != nil {
		return nil, err
	}
	defer s.Close()
	state := NewState()
	if err := s.Events(func(r store.Record) error {
		e, err := readEvent(r)
		if err != nil {
			return err
		}
		return state.Fold(e)
	}); err != nil {
		return nil, fmt.Errorf("state folder %s: %w", dir, err)
	}
	return state.Orders(loc), nil
}
