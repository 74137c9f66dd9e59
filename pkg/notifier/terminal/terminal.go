// Package terminal tells and asks in the terminal that the daemon runs in:
// news as lines, pictures in half blocks, answers typed and read line by line.
package terminal

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"

	"golang.org/x/term"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// channel is the name that replies carry.
const channel = "terminal"

// maxLine is how much of a typed line is read, in bytes; no answer comes near.
const maxLine = 1024

// Options says how a terminal looks.
type Options struct {
	// Lang is the language of what belongs to no question.
	Lang notifier.Lang

	// Columns is how wide pictures may be. 0 asks the terminal, and draws
	// none where there is no terminal or a dumb one; less than 0 draws none.
	Columns int
}

// Driver is a terminal. Answers are heard while [Driver.Run] runs.
type Driver struct {
	in      io.Reader
	out     io.Writer
	lang    notifier.Lang
	columns int

	mu    sync.Mutex // also keeps what is written whole
	count int        // of the questions asked so far
	open  []*question
	ended []*question // the last few, oldest first
}

var _ notifier.Asker = (*Driver)(nil)

// New returns a driver that writes to out and reads answers from in. With a
// nil in it only tells: its questions wait for the other channels.
func New(in io.Reader, out io.Writer, opt Options) *Driver {
	return &Driver{in: in, out: out, lang: opt.Lang, columns: opt.Columns}
}

// Run reads what is typed until ctx ends, which is no error, or until there is
// nothing more to read. It is called once: a terminal cannot be interrupted
// while it is read, so that the goroutine that reads it outlives ctx until
// the next line or the end of the input.
func (d *Driver) Run(ctx context.Context) error {
	if d.in == nil {
		<-ctx.Done()
		return nil
	}
	lines, failed := make(chan string), make(chan error, 1)
	go func() { failed <- read(ctx, d.in, lines) }()
	for {
		select {
		case line := <-lines:
			d.hear(line)
		case err := <-failed:
			return err
		case <-ctx.Done():
			return nil
		}
	}
}

// read sends the lines of in, cut to maxLine bytes, until the end of in.
func read(ctx context.Context, in io.Reader, lines chan<- string) error {
	r := bufio.NewReaderSize(in, maxLine)
	for {
		line, more, err := r.ReadLine()
		text := string(line)
		for more && err == nil {
			_, more, err = r.ReadLine()
		}
		if text != "" || err == nil {
			select {
			case lines <- text:
			case <-ctx.Done():
				return nil
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("terminal: %w", err)
		}
	}
}

// Notify prints m.
func (d *Driver) Notify(_ context.Context, m notifier.Message) error {
	at := m.At
	if at.IsZero() {
		at = time.Now()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.print(at.Format(time.TimeOnly)+" "+clean(m.Title), m.Text, m.Link)
}

// say prints one line for whoever types. A terminal that cannot be written to
// has nobody to be told so.
func (d *Driver) say(text string) { _ = d.print(text) }

// print writes head, unless it is empty, and the others indented, in one
// piece. Callers hold d.mu.
func (d *Driver) print(head string, others ...string) error {
	var b bytes.Buffer
	if head != "" {
		b.WriteString(head + "\n")
	}
	for _, text := range others {
		for line := range strings.Lines(text) {
			b.WriteString("         " + clean(line) + "\n") // below the text after the time
		}
	}
	return d.write(b.Bytes())
}

func (d *Driver) write(b []byte) error {
	if _, err := d.out.Write(b); err != nil {
		return &notifier.Error{Channel: channel, Err: err, Permanent: true}
	}
	return nil
}

// clean returns one line without control characters: what 12306 says must not
// move the cursor.
func clean(line string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, line)
}

// width returns how many columns a picture may have; 0: no pictures.
func (d *Driver) width() int {
	if d.columns != 0 {
		return max(d.columns, 0)
	}
	f, ok := d.out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("TERM") == "dumb" {
		return 0
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return columns
}
