// Package notifier is the contract between the watcher and every way to reach
// its user: news go out, questions go out, replies come back. It knows nothing
// of trains and nothing of any particular service; each service lives in a
// package of its own below this one (telegram, web, terminal, services, ...)
// and imports only this package.
//
// A channel that can only tell implements [Notifier]. One that can also hear
// implements [Asker], and more where it can: [Seer] for "I have seen it",
// [Commander] for commands in a chat. [Fanout] makes many channels one: all of
// them are asked at once, the first valid reply wins, and the questions of the
// others are withdrawn with a word on who answered and where.
//
// What is the same on every channel is here: what counts as an answer
// ([Prompt.Parse]), the words of buttons and of endings ([Lang]), the numbers on
// a picture ([Numbered]). Package notifiertest says when a channel is good.
package notifier

import (
	"context"
	"encoding/json"
	"time"
)

// Notifier tells the user one piece of news.
//
// Notify returns nil only when the service has taken the message over. It must
// respect ctx (the caller sets the deadline) and must never put a token, an
// address with credentials, or the text of the message into its error. An
// error that a retry cannot mend is an *[Error] with Permanent set; one that
// names its own waiting time sets RetryAfter.
type Notifier interface {
	Notify(ctx context.Context, m Message) error
}

// Asker is a Notifier whose user can answer.
//
// Ask sends the question and blocks until the configured person gives a valid
// reply, until p.Deadline, or until ctx ends. Sending is retried inside Ask
// for as long as that lasts: a channel that is down when the question is asked
// joins in when it is back.
//
//   - A reply that is no answer (see [Prompt.Parse]) is answered on the spot
//     with what is accepted, and Ask keeps waiting.
//   - A reply to another or an older question, from a stranger, written before
//     the question was sent or after its end, never counts. A late or second
//     answer of the configured person is told so in one short message; a
//     stranger gets nothing.
//   - When ctx ends, the question is withdrawn: its buttons vanish and it says
//     why. [context.Cause] of ctx is then a *[Closed] when there is something
//     to say ("answered by ... on ...", "expired", "order is off").
//
// The error is ctx's cause, or [ErrExpired] at the deadline.
type Asker interface {
	Notifier
	Ask(ctx context.Context, p Prompt) (Reply, error)
}

// Seer is a Notifier on which the user can say, by a tap or a word, that he has
// seen a message which is repeated until he has ([Message.Seen]). It is not an
// Asker's business: the message waits for nothing, comes from an outbox that
// outlives the process, and may be tapped in a later life of it.
//
// Seen blocks until the configured person does so and returns the Message.Seen
// of the message, and his name as the channel gives it. The error is ctx's.
type Seer interface {
	Notifier
	Seen(ctx context.Context) (id, by string, err error)
}

// Command is one entry of the menu of commands: "status", without a slash, and
// what it does in a few words of the user's language.
type Command struct{ Name, Description string }

// Commander is a Notifier on which the user can command the daemon: a text that
// begins with a slash. It is an interface of its own, as [Seer] is, because the
// one who answers is made after the channels and knows them, not they it; and
// because commands are no answers: they never count for an open question and
// leave it as it is.
//
// Commands shows menu where the service has a place for it, hands every command
// of the configured person to answer, one after another, and sends what it
// returns, until ctx ends; the error is ctx's. Commands that were written before
// the daemon was started are not handed on: their hour is over.
type Commander interface {
	Notifier
	Commands(ctx context.Context, menu []Command, answer func(ctx context.Context, text string) string) error
}

// Amender is an [Asker] that shows an ended question for as long as the user
// keeps it. It is an interface of its own because only some channels can change
// what they have sent, and because what becomes of an answer is known after its
// Ask has returned, when nobody waits there to be told.
//
// Amend adds to the end of the question with that ID, when it was answered
// there, that the answer led to nothing: text says why, in the user's language.
// It does not wait.
type Amender interface {
	Asker
	Amend(id, text string)
}

// Lang is the language of what the user reads: zh or en.
type Lang string

// The languages.
const (
	Chinese Lang = "zh"
	English Lang = "en"
)

// Pick returns the text in language l; anything but English is Chinese.
func (l Lang) Pick(zh, en string) string {
	if l == English {
		return en
	}
	return zh
}

// Message is one piece of news, complete and in the user's language.
type Message struct {
	ID    string          // unguessable and unique; the same when a delivery is retried
	Kind  string          // the event's kind: seats, booked, failed, blind, ...
	Rule  string          // name of the watch rule it is about; may be empty
	Title string          // one line, made for a lock screen; no markup
	Text  string          // plain text, several lines; no markup. Does not repeat the title
	At    time.Time       // when it happened
	Link  string          // where to read or answer more; may be empty
	Order json.RawMessage // the order as `watcherd orders --json` gives it; nil when there is none
	Image []byte          `json:"-"` // the picture of a question that is told where nobody can answer, as it came; nil when there is none
	Loud  bool            // worth waking somebody: booked, question, reminder, seats that nobody else books
	Seen  string          // what [Seer.Seen] returns when the user says that he knows of it; empty: there is nothing to stop
}

// Kind says what sort of answer a question wants.
type Kind string

// The kinds of question. They are written to disk: never rename one.
const (
	Picture Kind = "picture" // tap pictures 1 to 8, or give coordinates
	SMS     Kind = "sms"     // type the six digits that the phone received
	QR      Kind = "qr"      // scan this picture with the 12306 app; nothing to type but cancel
	Offer   Kind = "offer"   // yes or no
	App     Kind = "app"     // do something elsewhere (in the 12306 app), then say done
)

// Prompt is one question to the user.
type Prompt struct {
	ID       string    // 32 hex digits from crypto/rand, never reused; binds every reply to its question
	Kind     Kind      //
	Lang     Lang      //
	Rule     string    // the rule it is asked for; empty for a login that is not for one rule
	Title    string    // one line: what is wanted
	Text     string    // what it is for; plain text. Drivers add the deadline and the link
	How      string    // how to answer where one can; a channel that cannot hear is not told it. May be empty
	Image    []byte    // the picture as it came (JPEG or PNG), at most 256 KiB; nil for SMS and Offer
	AskedAt  time.Time //
	Deadline time.Time // an answer given after this does not count
	Link     string    // the answer page of this question; may be empty
	To       []string  // names of the channels to ask; empty: all of them
	Replaces string    // ID of the question whose message this one takes the place of (a new picture, a fresh QR code); may be empty
	Wrong    bool      // the answer to the question that it replaces was wrong
	Anew     bool      // who was called for the question that it replaces must be called again: it is another thing, or he has gone
}

// Action is what a reply asks for.
type Action string

// The actions.
const (
	Answered  Action = "answered"  // here is the answer
	Another   Action = "another"   // another picture, please (Picture and QR only)
	Cancelled Action = "cancelled" // give up
)

// Point is a place in the picture area as 12306 counts it: origin at the left
// top of the tiles' area, 30 px below the top of the image.
type Point struct{ X, Y int }

// Reply is a valid reply to a Prompt.
type Reply struct {
	Action Action
	Picks  []int   // Picture: numbers 1..8, ascending, without repeats; empty when Points is set
	Points []Point // Picture: coordinates as they were typed
	Code   string  // SMS: six ASCII digits
	Yes    bool    // Offer: book it. App: true, it is done

	Channel string    // name of the channel it came through
	By      string    // who answered, as the channel names people; may be empty
	At      time.Time // when it was received
}

// Channel is one configured way to reach the user, under the name that the
// configuration gave it ("telegram", "web", "bark").
type Channel struct {
	Name     string
	Notifier Notifier // also an Asker when the channel can hear

	// Here is true of what is no phone: a screen of this machine, a program.
	// Links that lead to this machine only are of use there.
	Here bool
}
