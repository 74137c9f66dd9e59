package main

import (
	"errors"
	"regexp"
	"sync"
	"time"
)

// transcript is a growing text that can be waited for.
type transcript struct {
	mu      sync.Mutex
	text    []byte
	read    int           // what await has seen
	changed chan struct{} // closed at the next Write
}

// Write implements io.Writer.
func (t *transcript) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if t.changed != nil {
		close(t.changed)
		t.changed = nil
	}
	return len(b), nil
}

func (t *transcript) all() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}

// find returns the first match in what was not read yet, or a channel that is
// closed when there is more.
func (t *transcript) find(re *regexp.Regexp) (string, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if at := re.FindIndex(t.text[t.read:]); at != nil {
		hit := string(t.text[t.read+at[0] : t.read+at[1]])
		t.read += at[1]
		return hit, nil
	}
	if t.changed == nil {
		t.changed = make(chan struct{})
	}
	return "", t.changed
}

// await waits for a match; end is closed when nothing more will come.
func (t *transcript) await(re *regexp.Regexp, end <-chan struct{}) (string, error) {
	timeout := time.After(patience)
	for {
		hit, more := t.find(re)
		if more == nil {
			return hit, nil
		}
		select {
		case <-more:
		case <-end:
			// The last words are in before end is closed.
			if hit, more := t.find(re); more == nil {
				return hit, nil
			}
			return "", errors.New("it has ended")
		case <-timeout:
			return "", errors.New("not in time")
		}
	}
}
