package notifier

import (
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
	Reason string
}

func (c *Closed) Error() string { return "question closed: " + c.Reason }
