package notifier

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrExpired is what Ask returns when nobody answered before the deadline.
var ErrExpired = errors.New("nobody answered in time")

// ErrNoAsker is what [Fanout.Ask] returns when no channel can hear a reply.
var ErrNoAsker = errors.New("no channel can hear a reply")

// Error is a failed delivery. Its text never holds a secret.
type Error struct {
	Channel    string        // telegram, bark, ...
	Err        error         // what the service said, scrubbed
	Permanent  bool          // a retry cannot help: a wrong token, an unknown chat
	RetryAfter time.Duration // how long the service asked us to wait; 0 when it did not say
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %v", e.Channel, e.Err) }

// Unwrap returns the service's error.
func (e *Error) Unwrap() error { return e.Err }

// Closed is the [context.Cause] with which a question is withdrawn. Reason
// says to the user how it ended, in one short sentence in his language; a
// driver writes it where the question stood.
type Closed struct {
	Reason  string
	Settled bool // somebody has answered or cancelled, and nobody need look at it any more
}

func (c *Closed) Error() string { return "question closed: " + c.Reason }

// Ended says why the Ask of p ends with ctx, which has ended: what to write
// where the question stood, and the error to return. A driver calls it when
// no reply came.
func (p Prompt) Ended(ctx context.Context) (reason string, cause error) {
	cause = context.Cause(ctx)
	if errors.Is(cause, context.DeadlineExceeded) && !p.Deadline.IsZero() && !time.Now().Before(p.Deadline) {
		cause = ErrExpired // the caller's own deadline was the same
	}
	if closed, ok := errors.AsType[*Closed](cause); ok && closed.Reason != "" {
		return closed.Reason, cause
	}
	if errors.Is(cause, ErrExpired) {
		return p.Lang.Expired(), cause
	}
	return p.Lang.Withdrawn(), cause
}
