package watcher

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// planted is a wrong booking: the program with a piece of its text replaced.
type planted struct {
	name  string
	edits []edit
	run   string // the proof that must fail; as narrow as it can be
	says  string // what it must say: that it fails for the right reason
	brief bool   // -long plants all of them, a plain run the brief ones
}

// edit replaces the one place in a file that holds old.
type edit struct{ file, old, new string }

var bugs = []planted{
	{"confirm sent again after an ambiguous reply", []edit{
		{"book.go", "if !unsent(err) || ctx.Err() != nil {", "if err == nil || ctx.Err() != nil {"},
		{"../twelve306/order_confirm.go", "if d.sent {", "if false {"},
	}, "TestEveryBreak/^classic$/guard=false/confirmSingleForQueue#0/reply-lost", "confirmSingleForQueue twice with one token", true},

	{"a reply that was lost taken for a request that never left", []edit{
		{"../twelve306/do.go", `Msg: "no reply", Err: err}`, `Msg: "no reply", Err: err, Unsent: true}`},
	}, "TestEveryBreak/^classic$/guard=false/confirmSingleForQueue#0/reply-lost", "confirmSingleForQueue twice with one token", false},

	{"ambiguous counted as failure", []edit{
		{"book.go", "case unsent(err):", "case unsent(err) || kind == twelve306.Ambiguous:"},
	}, "TestEveryBreak/^classic$/guard=false/confirmSingleForQueue#0/reply-lost", "while 12306 held order", true},

	{"a refusal in unknown words believed without a look", []edit{
		{"book.go", "case kind == twelve306.SoldOut, kind == twelve306.NotOnSale,", "case kind != twelve306.Session, kind == twelve306.NotOnSale,"},
	}, "TestRefusedAndYetHeld", "while 12306 held order", false},

	{"the intent written after the confirm", []edit{
		{"book.go", "if err := w.record(nil, Event{Kind: Confirming, Rule: at.Rule, Attempt: at.ID}); err != nil {", "if err := error(nil); err != nil {"},
		{"book.go", "queued, err := a.confirm(ctx, draft, at)", "queued, err := a.confirm(ctx, draft, at)\n\tw.recordAlways(nil, Event{Kind: Confirming, Rule: at.Rule, Attempt: at.ID})"},
	}, "TestRefusals/stale", "a confirm left before its intent was on the disk", true},

	{"an attempt that is open at the start forgotten", []edit{
		{"account.go", "open := a.open(); open != nil {", "open := a.open(); open != nil && open.Begun.After(a.w.since) {"},
	}, "TestEveryCrash/^classic$/guard=false", "waited 1h0m0s in vain: news booked", true},

	{"recovery that ignores an order still in the queue", []edit{
		{"recover.go", "if h.Queueing != nil && a.queuesOurs(h.Queueing, at) {", "if false {"},
		{"recover.go", "if !h.Nothing() && !d.refused && !ended {", "if len(h.Orders) > 0 && !d.refused && !ended {"},
	}, "TestTheOrderComesLate/a_queue_that_is_mute", "while 12306 held order", true},

	{"recovery that believes the first nothing", []edit{
		{"recover.go", "if d.refused || ended || !now.Before(believed) {", "if true {"},
	}, "TestTheOrderComesLate/shown", "while 12306 held order", false},

	{"recovery that believes two quick nothings", []edit{
		{"recover.go", "apart, after, named := nothingApart, nothingAfter, namedFor", "apart, after, named := quickNothingApart, quickNothingAfter, namedFor"},
	}, "TestTheOrderComesLate/shown", "while 12306 held order", false},

	{"a list that cannot be read taken for nothing", []edit{
		{"recover.go", "if err != nil {\n\t\t\tif twelve306.KindOf(err) != twelve306.Session {", "if twelve306.KindOf(err) == twelve306.Session {\n\t\t\tif twelve306.KindOf(err) != twelve306.Session {"},
	}, "TestUnreadableIsNotNothing", "while 12306 held order", true},

	{"the client reads what it cannot read as nothing held", []edit{
		{"../twelve306/order_unfinished.go", "return Holding{}, err\n\t}\n\th, err", "return Holding{}, nil\n\t}\n\th, err"},
	}, "TestUnreadableIsNotNothing", "while 12306 held order", false},

	{"booked without being written down", []edit{
		{"book.go", "w.recordAlways([]News{n}, e)\n\ta.looked", "_ = e\n\tw.tell(n)\n\ta.looked"},
	}, "TestBookByEveryLogin/sms", "was told", false},

	{"the news of an order written after it", []edit{
		{"book.go", "w.recordAlways([]News{n}, e)\n\ta.looked", "w.recordAlways(nil, e)\n\tw.tell(n)\n\ta.looked"},
	}, "TestEveryCrash/^classic$/guard=false/write", "was never told", true},

	{"an order of another train taken for ours", []edit{
		{"recover.go", "if o.Train != at.Trip.Train || !o.Date.IsZero()", "if !o.Date.IsZero()"},
	}, "TestAnOrderMadeByHandIsNotOurs/another_train", "in vain: news held_elsewhere", false},

	{"an order of other people taken for ours", []edit{
		{"recover.go", "if len(names) > 0 && !samePeople(names, at.Trip.Passengers) {", "if false {"},
	}, "TestAnOrderMadeByHandIsNotOurs/another_passenger", "in vain: news held_elsewhere", false},

	{"an order from before the intent taken for ours", []edit{
		{"recover.go", "o.Ordered.Before(w.railway(at.Intent).Add(-orderedBefore))", "o.Ordered.Before(w.railway(at.Intent).Add(-time.Hour))"},
	}, "TestAnOrderMadeByHandIsNotOurs/made_before", "in vain: news held_elsewhere", false},

	{"an order made elsewhere ignored", []edit{
		{"account.go", `ctx.Err() == nil && !a.holds() && a.foreign == ""`, "ctx.Err() == nil && !a.holds()"},
	}, "TestForeignOrder", "orders begun while another is unpaid", false},

	{"a session lost in the queue taken for failure", []edit{
		{"book.go", "if a.loginUrgently(ctx, at) != nil {\n\t\t\t\treturn\n\t\t\t}", "a.failed(at, err, \"\", false)\n\t\t\treturn"},
	}, "TestEveryBreak/^classic$/guard=false/queryOrderWaitTime#0/logged-out", "while 12306 held order", false},

	{"a message dropped when the channel fails once", []edit{
		{"tell.go", "\"never\"\n\t}\n\treturn 0, err", "\"never\"\n\t}\n\treturn -1, err"},
	}, "TestNewsWaitForTheChannel/down", "in vain: news booked", false},

	{"a message forgotten before it has arrived", []edit{
		{"tell.go", "pause, err := w.send(ctx, c, o)", "_ = w.sent(o)\n\t\tpause, err := w.send(ctx, c, o)"},
	}, "TestNewsWaitForTheChannel/down", "in vain: news booked", false},

	{"an answer used without being written down", []edit{
		{"solver.go", "if err := w.record([]News{w.say.answered(p, r)},\n\t\tEvent{Kind: AnswerUsed, Rule: s.rule, Attempt: s.attempt, Question: p.ID}); err != nil {", "if err := error(nil); err != nil {"},
	}, "TestBookByEveryLogin/classic$", "an answer left before it was on the disk", false},

	{"the password posted again blindly", []edit{
		{"../twelve306/login_captcha.go", "err := c.submitLogin(ctx, form{}.add(\"username\", cred.Username).add(\"password\", cred.Password).add(\"appid\", \"otn\"), pageLogin, nil)",
			"err := error(nil)\n\t\tfor range 2 {\n\t\t\terr = c.submitLogin(ctx, form{}.add(\"username\", cred.Username).add(\"password\", cred.Password).add(\"appid\", \"otn\"), pageLogin, nil)\n\t\t\tif KindOf(err) != Network {\n\t\t\t\tbreak\n\t\t\t}\n\t\t}"},
	}, "TestEveryBreak/^classic$/guard=false/web/login#0/reply-lost", "web/login without an answered picture", false},

	{"a refused password tried again after a restart", []edit{
		{"account.go", "a.refused = a.passwordRefused()", "a.refused = false"},
	}, "TestLoginConversations/refused_password", "the password was posted 2 times", false},

	{"a budget that a restart forgets", []edit{
		{"watcher.go", "client.Pace().Remember(past,", "client.Pace().Remember(nil,"},
	}, "TestTheBudgetOutlivesRestarts", "requests in 5 minutes, the budget is 80", true},

	{"a reminder after the payment", []edit{
		{"state.go", "if a.State == StateBooked {", "if a.State == StateBooked || a.State == StatePaid {"},
	}, "TestPaid/soon", "which was told to be paid", false},

	{"an order booked beside one that is not paid", []edit{
		{"account.go", `ctx.Err() == nil && !a.holds() && a.foreign == ""`, `ctx.Err() == nil && a.foreign == ""`},
	}, "TestOneOrderAtATime", "confirmSingleForQueue while the account has an unfinished order", false},
}

// Every planted bug is caught by the proof, so that a proof which is green
// says something.
func TestPlantedBugs(t *testing.T) {
	if testing.Short() || !plants {
		t.Skip("builds the tests once for each bug")
	}
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("no go command: ", err)
	}
	t.Parallel()
	var all []string
	for _, b := range bugs {
		all = append(all, b.run)
	}
	t.Run("none", func(t *testing.T) {
		if out, err := proof(t, goTool, nil, strings.Join(all, "|")); err != nil {
			t.Errorf("the proof fails without a bug: %v\n%s", err, out)
		}
	})
	for _, b := range bugs {
		overlay := b.plant(t)
		if !b.brief && !*long {
			continue
		}
		t.Run(b.name, func(t *testing.T) {
			out, err := proof(t, goTool, overlay, b.run)
			switch {
			case err == nil:
				t.Errorf("%s is green: it does not see this bug", b.run)
			case !strings.Contains(out, b.says):
				t.Errorf("%s fails, but does not say %q:\n%.4000s", b.run, b.says, out)
			}
		})
	}
}

// plant returns the files as they are with the bug, by path.
func (b planted) plant(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, e := range b.edits {
		path, err := filepath.Abs(e.file)
		if err != nil {
			t.Fatal(err)
		}
		text, ok := files[path]
		if !ok {
			read, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			text = string(read)
		}
		if n := strings.Count(text, e.old); n != 1 {
			t.Errorf("%s: %s holds this %d times, mend the table: %s", b.name, e.file, n, e.old)
		}
		files[path] = strings.Replace(text, e.old, e.new, 1)
	}
	return files
}

// proof builds the tests of this package with some files replaced, and runs
// those of a pattern. The error is theirs; what cannot be built is fatal.
func proof(t *testing.T, goTool string, files map[string]string, run string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	var overlay struct{ Replace map[string]string }
	overlay.Replace = map[string]string{}
	for path, text := range files {
		planted := filepath.Join(dir, filepath.Base(path))
		if err := os.WriteFile(planted, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay.Replace[path] = planted
	}
	list, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), list, 0o600); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "watcher.test")
	if out, err := exec.CommandContext(t.Context(), goTool, "test", "-c", "-overlay", filepath.Join(dir, "overlay.json"), "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("it cannot be built: %v\n%s", err, out)
	}
	out, err := exec.CommandContext(t.Context(), binary, "-test.run", run, "-test.timeout", "10m", "-test.failfast").CombinedOutput()
	return string(out), err
}
