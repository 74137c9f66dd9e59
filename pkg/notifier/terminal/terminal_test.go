package terminal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/notifier/notifiertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// screen is what a person sees, and the keyboard below it.
type screen struct {
	*Driver
	t    *testing.T
	keys *io.PipeWriter

	mu    sync.Mutex
	shown bytes.Buffer
	read  int
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shown.Write(b)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.shown.String()
}

// fresh returns what has appeared since it was called last.
func (s *screen) fresh() string {
	synctest.Wait()
	all := s.String()
	defer func() { s.read = len(all) }()
	return all[s.read:]
}

// types types one line and returns what appears.
func (s *screen) types(line string) string {
	s.fresh()
	if _, err := io.WriteString(s.keys, line+"\n"); err != nil {
		s.t.Fatal(err)
	}
	return s.fresh()
}

// name returns the number under which p stands on the screen.
func (s *screen) name(p notifier.Prompt) string {
	m := regexp.MustCompile(`(#\d+) ` + regexp.QuoteMeta(p.Title)).FindStringSubmatch(s.String())
	if m == nil {
		s.t.Fatalf("%q is not on the screen", p.Title)
	}
	return m[1]
}

// newScreen returns a terminal that runs until the end of the test.
func newScreen(t *testing.T, opt Options) *screen {
	t.Helper()
	in, keys := io.Pipe()
	s := &screen{t: t, keys: keys}
	s.Driver = New(in, s, opt)
	done := make(chan error, 1)
	go func() { done <- s.Run(context.WithoutCancel(t.Context())) }()
	t.Cleanup(func() {
		keys.Close()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	return s
}

// ask asks p until the end of the test.
func (s *screen) ask(p notifier.Prompt) (<-chan notifier.Reply, context.CancelCauseFunc) {
	replies, done := make(chan notifier.Reply, 1), make(chan struct{})
	ctx, cancel := context.WithCancelCause(s.t.Context())
	go func() {
		defer close(done)
		if r, err := s.Ask(ctx, p); err == nil {
			replies <- r
		}
	}()
	s.t.Cleanup(func() { cancel(nil); <-done })
	synctest.Wait()
	return replies, cancel
}

func prompt(kind notifier.Kind) notifier.Prompt {
	id := notifier.NewID()
	return notifier.Prompt{
		ID: id, Kind: kind, Lang: notifier.Chinese, Title: "问题" + id[:6], Text: "回家：G1110\n两张",
		AskedAt: time.Now(), Deadline: time.Now().Add(170 * time.Second),
	}
}

func TestExercise(t *testing.T) {
	notifiertest.Exercise(t, func(t *testing.T) notifiertest.Harness {
		s := newScreen(t, Options{Lang: notifier.Chinese})
		return notifiertest.Harness{
			Asker: s,
			Reply: func(p notifier.Prompt, text string) { s.types(s.name(p) + " " + text) },
			Loose: func(text string) { s.types(text) },
			Sees:  func(notifier.Prompt) string { return s.String() },
		}
	})
}

func TestLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScreen(t, Options{Lang: notifier.English})
		if got := s.types("hello"); got != notifier.English.NoQuestion()+"\n" {
			t.Errorf("with no question open: %q", got)
		}
		if got := s.types(" \t"); got != "" {
			t.Errorf("after an empty line: %q", got)
		}

		p := prompt(notifier.Picture)
		p.Link = "https://watch.example.com/q/1"
		replies, _ := s.ask(p)
		want := "00:00:00 #1 " + p.Title + "\n         回家：G1110\n         两张\n         00:02:50 前回答有效（还有 2 分 50 秒）\n         " + p.Link + "\n"
		if got := s.fresh(); got != want {
			t.Errorf("the question is\n%s\nwant\n%s", got, want)
		}
		if got := s.types("2 9 please"); got != p.Accepted()+"\n" {
			t.Errorf("after garbage: %q", got)
		}
		if got := s.types(strings.Repeat("2 ", 3*maxLine)); got != p.Accepted()+"\n" {
			t.Errorf("after a very long line: %q", got)
		}
		if got := s.types(" 2 ５ \r"); got != p.Lang.Thanks()+"\n" {
			t.Errorf("after the answer: %q", got)
		}
		if r := <-replies; fmt.Sprint(r.Picks) != "[2 5]" || r.Channel != "terminal" {
			t.Errorf("reply %+v", r)
		}

		if got := s.types("3"); got != p.Lang.Late()+"\n" {
			t.Errorf("a second answer: %q", got)
		}
		if got := s.types("good bye"); got != notifier.English.NoQuestion()+"\n" {
			t.Errorf("chatter after the answer: %q", got)
		}
		time.Sleep(lateAfter)
		if got := s.types("3"); got != notifier.English.NoQuestion()+"\n" {
			t.Errorf("long after the answer: %q", got)
		}
		if got := s.types("#9 3"); got != notifier.English.NoQuestion()+"\n" {
			t.Errorf("a number never asked: %q", got)
		}
	})
}

// TestWhichQuestion checks that a line never answers a question that its
// writer may not have seen.
func TestWhichQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScreen(t, Options{})
		offer, picture := prompt(notifier.Offer), prompt(notifier.Picture)
		offers, _ := s.ask(offer)
		pictures, withdraw := s.ask(picture)
		if got := s.fresh(); !strings.Contains(got, "#2 2 5") {
			t.Errorf("the second question does not say how to name it:\n%s", got)
		}
		if got := s.types("要"); !strings.Contains(got, "#2 2 5") {
			t.Errorf("a line without a number while two are open: %q", got)
		}
		s.types("＃1 要")
		if r := <-offers; !r.Yes {
			t.Errorf("reply %+v", r)
		}

		// Somebody else answers the picture, wrongly; a new one appears while
		// a line is being typed.
		withdraw(&notifier.Closed{Reason: picture.Lang.AnsweredBy("李", "telegram")})
		next := prompt(notifier.Picture)
		next.Replaces = picture.ID
		nexts, _ := s.ask(next)
		if got := s.fresh(); !strings.Contains(got, "#2 李 已在 telegram 上回答。\n") || !strings.Contains(got, "#3 2 5") {
			t.Errorf("after the exchange:\n%s", got)
		}
		if got := s.types("2 5"); !strings.Contains(got, "#3 2 5") {
			t.Errorf("a line meant for the old picture: %q", got)
		}
		if got := s.types("#2 2 5"); got != picture.Lang.Superseded()+"\n" {
			t.Errorf("the old picture by its number: %q", got)
		}
		s.types("#3 4")
		if r := <-nexts; fmt.Sprint(r.Picks) != "[4]" {
			t.Errorf("reply %+v", r)
		}

		// Whoever asked for another picture himself knows which is meant.
		own := prompt(notifier.Picture)
		own.Replaces = next.ID
		owns, _ := s.ask(own)
		s.types("8")
		if r := <-owns; fmt.Sprint(r.Picks) != "[8]" {
			t.Errorf("reply %+v", r)
		}
		select {
		case r := <-pictures:
			t.Errorf("the old picture was answered: %+v", r)
		default:
		}
	})
}

// TestDeadlineByTheClock checks that a line typed after the deadline is late
// even when the question has not yet been taken off the screen.
func TestDeadlineByTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScreen(t, Options{})
		p := prompt(notifier.Offer)
		q, err := s.begin(p)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Until(p.Deadline))
		if got := s.types("yes"); got != p.Lang.Late()+"\n" || len(q.reply) != 0 {
			t.Errorf("after the deadline: %q", got)
		}
	})
}

func TestNothingMovesTheCursor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScreen(t, Options{})
		evil := "a\x1b[2Jb\rc\u009b31md"
		p := prompt(notifier.App)
		p.Title, p.Text, p.Link = evil, evil, evil
		_, withdraw := s.ask(p)
		if err := s.Notify(t.Context(), notifier.Message{Title: evil, Text: evil, Link: evil}); err != nil {
			t.Error(err)
		}
		withdraw(&notifier.Closed{Reason: evil})
		if got := s.fresh(); strings.ContainsAny(got, "\x1b\r\u009b") || !strings.Contains(got, "a[2Jbc31md") {
			t.Errorf("%q", got)
		}
	})
}

// TestOnlyTells checks that a terminal nobody can type into shows a question
// and leaves it to the other channels.
func TestOnlyTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		d := New(nil, &out, Options{})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- d.Run(ctx) }()
		p := prompt(notifier.Offer)
		if _, err := d.Ask(t.Context(), p); !errors.Is(err, notifier.ErrExpired) || time.Now().Before(p.Deadline) {
			t.Errorf("Ask = %v after %v", err, time.Since(p.AskedAt))
		}
		if !strings.Contains(out.String(), p.Title) || !strings.Contains(out.String(), p.Lang.Expired()) {
			t.Errorf("printed\n%s", &out)
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
func (broken) Read([]byte) (int, error)  { return 0, io.ErrClosedPipe }

func TestBrokenTerminal(t *testing.T) {
	d := New(broken{}, broken{}, Options{})
	_, err := d.Ask(t.Context(), prompt(notifier.Offer))
	for what, err := range map[string]error{"Ask": err, "Notify": d.Notify(t.Context(), notifier.Message{Title: "x"})} {
		if e, ok := errors.AsType[*notifier.Error](err); !ok || !e.Permanent || !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%s = %v", what, err)
		}
	}
	if err := d.Run(t.Context()); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Run = %v", err)
	}
}

func TestPictureOnScreen(t *testing.T) {
	captcha, err := os.ReadFile("testdata/captcha.jpg")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		image   []byte
		columns int
		link    string
		drawn   bool
		says    string
	}{
		{"wide", captcha, 80, "", true, ""},
		{"narrow", captcha, minColumns - 1, "", false, "60 列"},
		{"no terminal, a link", captcha, 0, "https://x.example/q/1", false, "链接里"},
		{"never", captcha, -1, "", false, "60 列"},
		{"no picture", []byte("GIF89a"), 80, "", false, "60 列"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScreen(t, Options{Columns: tt.columns})
				p := prompt(notifier.Picture)
				p.Image, p.Link = tt.image, tt.link
				s.ask(p)
				got := s.fresh()
				if drawn := strings.Contains(got, "▀"); drawn != tt.drawn || !strings.Contains(got, tt.says) {
					t.Errorf("drawn %v, want %v with %q:\n%.500s", drawn, tt.drawn, tt.says, got)
				}
			})
		})
	}
}
