package services

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// event is one line of a subscription (https://docs.ntfy.sh/subscribe/api/).
type event struct {
	ID      string `json:"id"`
	Time    int64  `json:"time"`  // Unix time, the server's
	Event   string `json:"event"` // open, keepalive, message, ...
	Topic   string `json:"topic"`
	Message string `json:"message"`
}

const (
	// silence is how long a subscription that works is never silent: the server
	// sends a keepalive every 45 seconds.
	silence = 2 * time.Minute

	slowestListen = time.Minute // the longest pause before it is subscribed again
	maxEvent      = 32 << 10    // bytes of one line; a message has at most 4096
)

// Run subscribes to the reply topic until ctx ends; that is no error.
func (a *NtfyAsker) Run(ctx context.Context) error {
	defer a.drain()
	var since int64
	client := *a.client
	client.Timeout = 0 // a subscription has no end
	down := false
	for tries := 0; ; {
		opened, err := a.subscribe(ctx, &client, &since)
		if ctx.Err() != nil {
			return nil
		}
		if opened {
			tries = 0
			if down {
				a.log.Info("ntfy: replies are heard again")
				down = false
			}
		}
		var asked time.Duration
		if e, ok := errors.AsType[*notifier.Error](err); ok && !opened {
			asked = e.RetryAfter
			if e.Permanent {
				asked = slowestListen
			}
			if !down {
				a.log.Warn("ntfy: replies are not heard", zap.Error(err))
				down = true
			}
		}
		select {
		case <-time.After(max(asked, min(time.Second<<min(tries, 10), slowestListen))):
		case <-ctx.Done():
			return nil
		}
		tries++
	}
}

// drain lets what is being said be said.
func (a *NtfyAsker) drain() {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	timer := time.AfterFunc(lastWords, a.kill)
	defer timer.Stop()
	a.running.Wait()
	a.kill()
}

// subscribe hears what is published from since on, in the server's time, which
// it moves on, until the subscription ends; 0 is the start of this process. opened tells whether it began.
func (a *NtfyAsker) subscribe(ctx context.Context, client *http.Client, since *int64) (opened bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watchdog := time.AfterFunc(silence, cancel)
	defer watchdog.Stop()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.server+"/"+a.topics.ReplyTopic+"/json?since="+strconv.FormatInt(cmp.Or(*since, a.started), 10), nil)
	if err != nil {
		return false, a.explain(err)
	}
	r.Header = a.topics.authorization()
	r.Header.Set("User-Agent", "watcherd")
	resp, err := client.Do(r)
	if err != nil {
		return false, a.explain(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		_, err := a.judge(resp)
		return false, err
	}
	lines := bufio.NewReaderSize(resp.Body, maxEvent)
	for {
		line, err := nextLine(lines)
		if err != nil {
			return opened, a.explain(err)
		}
		watchdog.Reset(silence)
		var e event
		if json.Unmarshal(line, &e) != nil || e.Event == "" {
			continue // not ntfy's, or of a kind that does not concern us
		}
		opened = true
		*since = max(*since, e.Time)
		a.hear(e)
	}
}

// nextLine returns the next line that fits into r; longer ones are left out.
func nextLine(r *bufio.Reader) ([]byte, error) {
	for long := false; ; {
		line, err := r.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			long = true
		case err != nil:
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		case long:
			long = false
		default:
			return line, nil
		}
	}
}
