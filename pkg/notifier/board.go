package notifier

// Board is what the daemon is doing, for a channel that has a place to look it
// up at any time. Everything in it is plain text in the language Lang.
type Board struct {
	Lang     Lang
	Title    string // one line: how things are
	At       string // when that was, in words
	Tone     Tone
	Sections []Section
}

// Section is one part of a [Board].
type Section struct {
	Title string
	Rows  []Row
}

// Row is one thing in a [Section].
type Row struct {
	Title  string   // its name
	State  string   // how it is, in a word or two; may be empty
	Tone   Tone     // of the State
	Do     string   // what the user should do about it; may be empty
	Lines  []string // more of it
	Prompt string   // ID of the question that it is; a channel with a page for it leads there
}

// Tone says whether something is as it should be; it is seen before it is read.
type Tone string

// The tones.
const (
	Plain  Tone = ""       // nothing to say
	Good   Tone = "good"   // it works
	Urgent Tone = "urgent" // the user should do something
	Bad    Tone = "bad"    // it does not work
)

// Repeat is a message that is told again until the user says that he has seen
// it ([Message.Seen]), for a channel on which he can do so later. It is plain
// text in the language Lang.
type Repeat struct {
	Lang  Lang
	Title string // what it is about
	Text  string // how that is now; several lines
	On    bool   // it will be told again
}
