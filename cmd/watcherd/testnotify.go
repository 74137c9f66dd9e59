package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"
)

type testFlags struct {
	timeout    time.Duration
	noQuestion bool
	pair       bool
	channels   []string
}

func testNotifyCommand(f *flags) *cobra.Command {
	t := &testFlags{}
	c := &cobra.Command{
		Use: "test-notify", Short: "send a message on every channel, and ask a practice question where a channel can hear", Args: cobra.NoArgs,
		Long: `test-notify sends a message on every channel of the configuration, or on those
that --channel names. Then it asks a practice question, a picture as a captcha
is, on all of them that can hear, and waits for the first answer, which it checks
and repeats; a wrong one is no failure. It prints for each channel how that went,
with the exact error, and ends with 1 when a channel has failed.

With --pair it finds out the chat_id of notify.telegram instead: it prints a code,
you send the code to your bot, and it prints the number.

With a daemon on the state folder its own channels are tried; without one they
are set up for the test.`,
		Example: `  watcherd test-notify
  watcherd test-notify --no-question
  watcherd test-notify --channel telegram --timeout 5m
  watcherd test-notify --pair`,
		RunE: func(cmd *cobra.Command, _ []string) error { return t.run(cmd, f) },
	}
	c.Flags().DurationVar(&t.timeout, "timeout", 2*time.Minute, "how long the practice question waits for you")
	c.Flags().BoolVar(&t.noQuestion, "no-question", false, "only send")
	c.Flags().BoolVar(&t.pair, "pair", false, "find out the chat_id of your chat with the Telegram bot")
	c.Flags().StringSliceVar(&t.channels, "channel", nil, "only these channels, by name")
	return c
}

// The longest and shortest a practice question waits.
const (
	leastPractice = time.Second
	mostPractice  = time.Hour
)

func (t *testFlags) run(cmd *cobra.Command, f *flags) error {
	if t.timeout < leastPractice || t.timeout > mostPractice {
		return &exit{exitBadConfig, fmt.Sprintf("--timeout %v: from %v to %v", t.timeout, leastPractice, mostPractice)}
	}
	c, err := outline(f)
	if err != nil {
		return err
	}
	if t.pair {
		return pairTelegram(cmd.Context(), c.Config, cmd.OutOrStdout(), os.Stderr)
	}
	out := &testReport{caller: c, paper: newPaper(cmd.OutOrStdout()), aside: os.Stderr}
	query := url.Values{"timeout": {t.timeout.String()}, "question": {strconv.FormatBool(!t.noQuestion)}, "channel": t.channels}
	body, err := c.open(cmd.Context(), http.MethodPost, "/test-notify", query)
	switch {
	case err == nil:
		defer body.Close()
		err = out.read(body)
	case errors.Is(err, errNoDaemon):
		err = t.alone(cmd.Context(), f, out)
	}
	if e, ok := errors.AsType[*exit](err); ok {
		return e
	}
	if cmd.Context().Err() != nil {
		err = cmd.Context().Err()
	}
	if err != nil {
		return c.failed(err)
	}
	if out.bad > 0 {
		return &exit{status: exitFailed} // said already, channel by channel
	}
	return nil
}

// alone tests channels that are set up for it and heard for as long.
func (t *testFlags) alone(ctx context.Context, f *flags, out *testReport) error {
	c, err := load(f)
	if err != nil {
		return err
	}
	log, err := newLog("console", "warn", c.Location)
	if err != nil {
		return err
	}
	p, err := channels(c, log)
	if err != nil {
		return &exit{exitBadConfig, err.Error()}
	}
	if page := p.page(); page != "" && (len(t.channels) == 0 || slices.Contains(t.channels, page)) {
		if err := p.listen(); err != nil {
			out.print(testStep{Channel: page, Step: stepOpen, Error: err.Error()})
			p.withoutPage()
		}
	}
	defer p.hear(ctx, log)()
	return p.practise(ctx, practiceOptions{Lang: c.Language, Timeout: t.timeout, Question: !t.noQuestion, Only: t.channels}, out.print)
}

// testReport prints how the test of each channel goes.
type testReport struct {
	*caller
	paper paper
	aside io.Writer // for what is no result
	bad   int
}

// read prints the steps as the daemon reports them. An answer that breaks off
// is an error: the daemon was stopped.
func (r *testReport) read(body io.Reader) error {
	d := json.NewDecoder(io.LimitReader(body, maxAnswer))
	for {
		var s testStep
		err := d.Decode(&s)
		switch {
		case err != nil:
			return errors.New(r.Language.Pick("watcherd 停了，测试没有做完", "the daemon has stopped; the test is not complete"))
		case s.Step == stepOver && s.Error == "":
			return nil
		case s.Step == stepOver:
			return errors.New(s.Error)
		}
		r.print(s)
	}
}

func (r *testReport) print(s testStep) {
	l := r.Language
	good, words := true, ""
	switch s.Step {
	case stepTold:
		words = l.Pick("消息已送到", "the message was taken")
	case stepOpen:
		words = l.Pick("答题页开着", "the answer page is open")
	case stepAsked:
		if s.Error != "" { // a channel that cannot hear was not told of the question
			break
		}
		at := l.Pick("练习题已发出，请在手机上回答（", "a practice question is out; answer it (") + strings.Join(s.Names, l.Pick("、", ", ")) +
			fmt.Sprintf(l.Pick("），最多等 %s", "), it waits %s at most"), l.Remaining(s.Wait))
		if s.Link != "" {
			at += l.Pick("\n答题页：", "\nthe answer page: ") + s.Link
		}
		fmt.Fprintln(r.aside, at)
		return
	case stepAnswered:
		words = practiceResult(l, s.Answer, s.Right)
		if s.By != "" {
			words += fmt.Sprintf(l.Pick("（%s）", " (from %s)"), s.By)
		}
	case stepElsewhere:
		words = fmt.Sprintf(l.Pick("题目已撤回：先在 %s 上回答了；单独试它用 --channel %s", "the question was withdrawn: it was answered on %s first; to try this one alone: --channel %s"), s.By, s.Channel)
	case stepSilent:
		good, words = false, l.Pick("没有等到回答", "no answer was heard in time")
	}
	if s.Error != "" {
		good, words = false, s.Error
	}
	mark := r.paper.paint("✓", text.FgGreen)
	if !good {
		r.bad++
		mark = r.paper.paint("✗", text.FgRed)
	}
	fmt.Fprintf(r.paper, "%s %s  %s\n", mark, text.Pad(s.Channel, 10, ' '), words)
	if next := advice(l, s.Error, s.Telegram); next != "" {
		fmt.Fprintf(r.aside, "  %s\n", next)
	}
}

// testNotify tests the daemon's own channels: a second program that fetches the
// replies of the same Telegram bot would disturb it.
func (c *control) testNotify(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	timeout, err := time.ParseDuration(q.Get("timeout"))
	if err != nil || timeout < leastPractice || timeout > mostPractice {
		refuse(w, http.StatusBadRequest, errors.New("timeout: no such time"))
		return
	}
	p, lang := c.inUse()
	select {
	case c.practice <- struct{}{}:
		defer func() { <-c.practice }()
	default:
		refuse(w, http.StatusConflict, errors.New(lang.Pick("另一个 test-notify 还在进行", "another test-notify is under way")))
		return
	}
	asks := q.Get("question") == "true"
	if asks && c.w.Status().Question != nil {
		refuse(w, http.StatusConflict, errors.New(lang.Pick("有一个真的问题正等你回答，先回答它，或者用 --no-question 只发消息",
			"a real question waits for your answer: answer it first, or use --no-question to send only")))
		return
	}
	ctx, release := c.long(w, r)
	defer release()
	w.Header().Set("Content-Type", "application/x-ndjson")
	enc, rc := json.NewEncoder(w), http.NewResponseController(w)
	report := func(s testStep) {
		_, _ = enc.Encode(s), rc.Flush() // to whom has gone there is nothing to say
	}
	over := testStep{Step: stepOver}
	err = p.practise(ctx, practiceOptions{Lang: lang, Timeout: timeout, Question: asks, Only: slices.Clone(q["channel"])}, report)
	if err = whyEnded(ctx, err); err != nil {
		over.Error = err.Error()
	}
	report(over)
}
