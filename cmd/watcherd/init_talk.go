package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// talk is a conversation at a terminal or over a pipe: sentences go out, lines
// come in. It reads no line before it has asked for it.
type talk struct {
	paper
	in       *bufio.Reader
	keyboard *os.File // where the lines come from, when that is a terminal
	lang     notifier.Lang
}

// errStopped ends a conversation: the user has pressed Ctrl-C, or nothing more
// comes in.
var errStopped = errors.New("the conversation was broken off")

// leastTalk is the narrowest terminal that sentences are broken for.
const leastTalk = 24

func newTalk(in io.Reader, out io.Writer, lang notifier.Lang) *talk {
	t := &talk{paper: newPaper(out), in: bufio.NewReaderSize(in, maxTyped), lang: lang}
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		t.keyboard = f
	}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 0 {
			t.columns = min(max(n, leastTalk), mostColumns) // sentences need less room than tables
		}
	}
	return t
}

// say prints a sentence in the language of the conversation, broken to the
// width of the terminal.
func (t *talk) say(zh, en string, args ...any) {
	fmt.Fprintln(t, t.broken(fmt.Sprintf(t.lang.Pick(zh, en), args...)))
}

var hanging = regexp.MustCompile(`^( +(\d+ +)?)?`)

// broken breaks lines to the width of the terminal; what is broken goes on
// under the beginning of its line.
func (t *talk) broken(s string) string {
	var out []string
	for line := range strings.SplitSeq(s, "\n") {
		lead := hanging.FindString(line)
		body := wrap(line[len(lead):], max(t.columns-1-len(lead), 1))
		out = append(out, lead+strings.ReplaceAll(body, "\n", "\n"+strings.Repeat(" ", len(lead))))
	}
	return strings.Join(out, "\n")
}

// question is what is asked.
type question struct {
	text   string // what is wanted
	help   string // what ? is answered
	enter  string // what Enter means, as it could be typed; "" and not free: something has to be typed
	free   bool   // Enter is an answer, the empty one
	secret bool   // what is typed does not appear
}

// sorry is why an answer will not do, and what to type instead. nearest is
// what it was perhaps meant to be: Enter takes it.
type sorry struct{ text, nearest string }

func (s *sorry) Error() string { return s.text }

// sorry makes one in the language of the conversation.
func (t *talk) sorry(zh, en string, args ...any) error {
	return &sorry{text: fmt.Sprintf(t.lang.Pick(zh, en), args...)}
}

// ask puts a question until take takes the answer. The error is errStopped or
// one of reading.
func ask[T any](ctx context.Context, t *talk, q question, take func(answer string) (T, error)) (T, error) {
	title, rest, _ := strings.Cut(q.text, "\n")
	fmt.Fprintf(t, "\n%s\n", t.paint(t.broken(title), text.Bold))
	if rest != "" {
		t.say("%s", "%s", rest)
	}
	for {
		var nothing T
		answer, err := t.hear(ctx, q)
		if s, ok := errors.AsType[*sorry](err); ok {
			t.say("%s", "%s", s)
			continue
		} else if err != nil {
			return nothing, err
		}
		switch {
		case answer == "?" || answer == "？":
			t.say("%s", "%s", q.help)
			continue
		case answer == "" && q.enter != "":
			answer = q.enter
		case answer == "" && !q.free:
			t.say("这里要写点什么。%s", "Something has to be typed here. %s", q.help)
			continue
		}
		value, err := take(answer)
		if err == nil {
			return value, nil
		}
		t.say("%s", "%s", err)
		if s, ok := errors.AsType[*sorry](err); ok && s.nearest != "" {
			q.enter = s.nearest
		}
	}
}

// hear prompts and reads one answer, without the blanks around it unless it is
// a secret.
func (t *talk) hear(ctx context.Context, q question) (string, error) {
	if q.enter != "" {
		fmt.Fprintf(t, "[%s] ", q.enter)
	}
	fmt.Fprint(t, "> ")
	type heard struct {
		line string
		err  error
	}
	// The reader cannot be called back; when the conversation ends the program
	// does, too.
	ch := make(chan heard, 1)
	hidden := q.secret && t.keyboard != nil
	var before *term.State
	if hidden {
		before, _ = term.GetState(int(t.keyboard.Fd()))
	}
	go func() {
		line, err := t.line(hidden)
		ch <- heard{line, err}
	}()
	var h heard
	select {
	case h = <-ch:
	case <-ctx.Done():
		if before != nil {
			_ = term.Restore(int(t.keyboard.Fd()), before) // it is left as it was found, as far as we can
		}
		h.err = errStopped
	}
	h.line = strings.TrimPrefix(h.line, "\ufeff")
	if h.err == nil && (!utf8.ValidString(h.line) || strings.ContainsFunc(h.line, func(r rune) bool { return unicode.IsControl(r) && r != '\t' })) {
		h.err = t.sorry("这一行里有看不见的字符（方向键？）；请重新写一遍。", "There are invisible characters in that line (an arrow key?); please type it again.")
	}
	switch {
	case t.keyboard == nil && h.err == nil && !q.secret:
		fmt.Fprintln(t, h.line) // what a terminal would show
	case t.keyboard == nil || hidden || errors.Is(h.err, errStopped):
		fmt.Fprintln(t)
	}
	if h.err != nil {
		return "", h.err
	}
	if q.secret {
		return h.line, nil
	}
	return strings.TrimSpace(strings.ReplaceAll(h.line, "\t", " ")), nil
}

// maxTyped is the longest line that is read, in bytes.
const maxTyped = 4096

// line reads one line without its end. The last one may lack its newline.
func (t *talk) line(hidden bool) (string, error) {
	if hidden {
		b, err := term.ReadPassword(int(t.keyboard.Fd()))
		if errors.Is(err, io.EOF) {
			err = errStopped
		}
		return string(b), err
	}
	b, more, err := t.in.ReadLine()
	switch {
	case errors.Is(err, io.EOF):
		return "", errStopped
	case err != nil:
		return "", err
	}
	line := string(b)
	if !more {
		return line, nil
	}
	for more && err == nil {
		_, more, err = t.in.ReadLine()
	}
	return "", t.sorry("这一行太长了；请写短一点。", "That line is too long; please write less.")
}

// choose asks for one of several things by its number; Enter is the one that
// is numbered enter.
func (t *talk) choose(ctx context.Context, title, help string, enter int, options ...string) (int, error) {
	q := question{text: title + "\n" + t.numbered(options), help: help, enter: strconv.Itoa(enter)}
	return ask(ctx, t, q, func(answer string) (int, error) {
		list, err := t.numbers(answer, len(options))
		if err == nil && len(list) != 1 {
			err = t.sorry("只能选一个：写 1 到 %d 里的一个数字。", "Only one of them: type one number from 1 to %d.", len(options))
		}
		if err != nil {
			return 0, err
		}
		return list[0], nil
	})
}

// several asks for some of several things by their numbers.
func (t *talk) several(ctx context.Context, title, help string, enter int, options ...string) ([]int, error) {
	q := question{text: title + "\n" + t.numbered(options), help: help, enter: strconv.Itoa(enter)}
	return ask(ctx, t, q, func(answer string) ([]int, error) { return t.numbers(answer, len(options)) })
}

func (t *talk) numbered(options []string) string {
	lines := make([]string, len(options))
	for i, o := range options {
		lines[i] = fmt.Sprintf("  %*d  %s", len(strconv.Itoa(len(options))), i+1, o)
	}
	return strings.Join(lines, "\n")
}

// numbers reads "1 3", each number once.
func (t *talk) numbers(answer string, most int) ([]int, error) {
	var out []int
	for _, word := range words(answer) {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 || n > most {
			return nil, t.sorry("没有 %q 这一项；写 1 到 %d 的数字。", "There is no %q; type a number from 1 to %d.", word, most)
		}
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	if len(out) == 0 {
		return nil, t.sorry("写 1 到 %d 的数字。", "Type a number from 1 to %d.", most)
	}
	return out, nil
}

// words splits an answer at blanks and commas, full-width ones too.
func words(answer string) []string {
	return strings.FieldsFunc(narrow(answer), func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",，、;；", r) })
}

// narrow turns full-width letters, digits and signs into those of ASCII, but
// for commas and brackets.
func narrow(s string) string {
	return strings.Map(func(r rune) rune {
		if r > '！' && r <= '～' && !strings.ContainsRune("，；（）？", r) || r == '！' {
			return r - '！' + '!'
		}
		return r
	}, s)
}
