package watcher

import (
	"crypto/tls"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306"
)

// sentence is one text for the user as it stands in the source.
type sentence struct {
	at     string
	zh, en string
}

// sentences reads every text in both languages from the package's source: the
// calls of f and Pick with two literals.
func sentences(t *testing.T) []sentence {
	t.Helper()
	var out []sentence
	files := token.NewFileSet()
	list, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range list {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) < 2 {
				return true
			}
			if f, ok := call.Fun.(*ast.SelectorExpr); !ok || f.Sel.Name != "f" && f.Sel.Name != "Pick" {
				return true
			}
			zh, ok1 := call.Args[0].(*ast.BasicLit)
			en, ok2 := call.Args[1].(*ast.BasicLit)
			if !ok1 || !ok2 || zh.Kind != token.STRING || en.Kind != token.STRING {
				return true
			}
			s := sentence{at: files.Position(call.Pos()).String()}
			s.zh, _ = strconv.Unquote(zh.Value)
			s.en, _ = strconv.Unquote(en.Value)
			out = append(out, s)
			return true
		})
	}
	if len(out) < 200 {
		t.Fatalf("only %d sentences found", len(out))
	}
	return out
}

var verb = regexp.MustCompile(`%(?:\[(\d+)\])?([a-z])`)

// glue is what a sentence of names alone has between them.
var glue = regexp.MustCompile(`^[\s,:]*to[\s,:]*$`)

// used returns which arguments a format prints, and as what.
func used(format string) map[int]bool {
	out := map[int]bool{}
	next := 1
	for _, m := range verb.FindAllStringSubmatch(strings.ReplaceAll(format, "%%", ""), -1) {
		if n, err := strconv.Atoi(m[1]); err == nil {
			next = n
		}
		out[next] = true
		next++
	}
	return out
}

// Every sentence prints the same arguments in both languages, and each is in
// its own language.
func TestSentencesAgree(t *testing.T) {
	han := func(r rune) bool { return unicode.Is(unicode.Han, r) }
	for _, s := range sentences(t) {
		if !maps.Equal(used(s.zh), used(s.en)) {
			t.Errorf("%s: %q and %q do not print the same", s.at, s.zh, s.en)
		}
		if strings.ContainsFunc(s.en, han) {
			t.Errorf("%s: Chinese in %q", s.at, s.en)
		}
		letters := verb.ReplaceAllString(s.en, "")
		if strings.ContainsFunc(letters, unicode.IsLetter) && !strings.ContainsFunc(s.zh, han) && !glue.MatchString(letters) {
			t.Errorf("%s: %q is not said in Chinese: %q", s.at, s.en, s.zh)
		}
		if strings.HasSuffix(strings.TrimSpace(s.zh), "。") != strings.HasSuffix(strings.TrimSpace(s.en), ".") {
			t.Errorf("%s: one of %q and %q ends as a sentence, the other does not", s.at, s.zh, s.en)
		}
	}
}

// Every sentence stands in a golden file, in both languages: somebody has read
// it in its place.
func TestSentencesAreInGoldens(t *testing.T) {
	written := map[notifier.Lang]string{}
	for _, l := range []notifier.Lang{notifier.Chinese, notifier.English} {
		err := fs.WalkDir(os.DirFS("testdata/messages"), ".", func(path string, d fs.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(path, "."+string(l)+".golden") {
				var b []byte
				b, err = os.ReadFile(filepath.Join("testdata/messages", path))
				written[l] += string(b)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range sentences(t) {
		if strings.HasPrefix(s.at, "board.go") { // the status page: it has goldens of its own
			continue
		}
		for l, text := range map[notifier.Lang]string{notifier.Chinese: s.zh, notifier.English: s.en} {
			for _, part := range verb.Split(text, -1) {
				if !strings.Contains(written[l], strings.TrimSpace(part)) {
					t.Errorf("%s: no golden file holds %q", s.at, text)
					break
				}
			}
		}
	}
}

// golden compares a text with its golden file.
func golden(t *testing.T, name string, l notifier.Lang, got string) {
	t.Helper()
	path := filepath.Join("testdata", "messages", name+"."+string(l)+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; write it with -update, and read it", err)
	}
	if got != string(want) {
		t.Errorf("%s is\n%s\nwant\n%s", path, got, want)
	}
}

// untrusted is a certificate that nobody signed.
var untrusted = &twelve306.Error{Op: "query", Kind: twelve306.Network, Err: &tls.CertificateVerificationError{Err: errors.New("unknown authority")}}

// small collects the sentences that stand within others, one a line.
func small(t *testing.T, s speaker) map[string][]string {
	now := time.Date(2027, 1, 20, 9, 0, 0, 0, twelve306.Shanghai())
	why := (&Watcher{say: s}).why
	err := func(k twelve306.Kind, op, words string) error { return &twelve306.Error{Op: op, Kind: k, Msg: words} }
	out := map[string][]string{
		"small-why": {
			why(err(twelve306.Network, "query", "")), why(err(twelve306.Busy, "query", "")), why(err(twelve306.Blocked, "query", "")),
			why(err(twelve306.Session, "uamtk", "")), why(err(twelve306.Person, "initDc", "a slider")), why(err(twelve306.Person, "login", "")),
			why(err(twelve306.Changed, "query", "")), why(err(twelve306.SoldOut, "query", "")), why(err(twelve306.Invalid, "initDc", "")),
			why(err(twelve306.SoldOut, "checkOrderInfo", "余票不足")), why(untrusted),
		},
		"small-enough": {
			s.enough(twelve306.Challenge{Kind: twelve306.PictureChallenge, Wrong: 3}, 0),
			s.enough(twelve306.Challenge{Kind: twelve306.PictureChallenge, Wrong: 3}, 3),
			s.enough(twelve306.Challenge{Kind: twelve306.PictureChallenge, Wrong: 3}, 1),
			s.enough(twelve306.Challenge{Kind: twelve306.SMSChallenge, Wrong: 3}, 0),
			s.enough(twelve306.Challenge{Kind: twelve306.AppChallenge, Wrong: 1}, 0),
			s.cancelled(), s.noAsker(), s.noChannel(), s.opensThen(now, now), s.stopped(),
			s.qrEnd(twelve306.QRScanned), s.qrEnd(twelve306.QRDone), s.qrEnd(twelve306.QRExpired), s.elsewhere(0), s.tookNoEffect(), s.heldNothing(), s.otherAccount(),
		},
	}
	priced := testTrain(t, fields{fSecond: "有", 39: "O031450021"})
	best := Candidate{Journey: trip(feb3, wuhan), Train: priced, Seat: twelve306.SecondClass, Left: priced.Left(twelve306.SecondClass), Take: 1}
	out["small-seats"] = []string{s.result(231, best), s.noResult(231), s.offer(*testRule(nil), best).Body(), s.seats("回家", []Candidate{best}, "").Text}
	out["small-obstacles"] = []string{s.noAccount(), s.passwordRefused(), s.loginLater(now, now), s.notToday(now.Add(15*time.Hour), now), s.foreignOrder("?"),
		s.foreignOrder("EA12345678"), s.ruleStopped("回家", s.said("行程冲突。"))}
	out["small-reload"] = []string{s.newSettings(), s.waitsFor("")}
	tomorrow := outline{dayCount: emptyDay(now), rules: 1, looking: 1, opens: now.Add(24 * time.Hour)}
	out["small-digest"] = []string{s.nextSale(tomorrow, now)}
	for _, u := range []twelve306.Unfit{
		{Why: twelve306.NotSaved, Name: "王五", Saved: []string{"张三", "李四"}}, {Why: twelve306.SavedTwice, Name: "王五", Count: 2},
		{Why: twelve306.NotVerified, Name: "王五"}, {Why: twelve306.NotEntitled, Name: "王五", Ticket: twelve306.StudentTicket},
		{Why: twelve306.ChildrenAlone}, {Why: twelve306.TooMany, Count: 6, Most: 5},
	} {
		out["small-passengers"] = append(out["small-passengers"], why(&twelve306.Error{Op: "getPassengerDTOs", Kind: twelve306.Passenger, Err: &u}))
	}
	for _, r := range everyReason() {
		out["small-reasons"] = append(out["small-reasons"], "G79: "+r.In(s.lang))
	}
	return out
}

// everyReason has the reasons of explain.
func everyReason() []Reason {
	return []Reason{
		{Kind: WrongStation, Words: "IZQ-HKN"}, {Kind: Excluded}, {Kind: NotWanted},
		{Kind: Departs, Minute: 18*60 + 42, Window: Window{8 * 60, 18*60 + 30}}, {Kind: Departs, Minute: 7 * 60, Window: Window{8 * 60, 18*60 + 30}},
		{Kind: Arrives, Minute: 18*60 + 42, Window: Window{8 * 60, 18*60 + 30}}, {Kind: Arrives, Minute: 12 * 60, Window: Window{22 * 60, 6 * 60}},
		{Kind: TooLong, Took: 5*time.Hour + 56*time.Minute, Max: 4 * time.Hour},
		{Kind: NotOnSale}, {Kind: NotOnSale, Words: "1月21日12点30分起售"}, {Kind: CannotBuy, Seat: twelve306.SecondClass},
		{Kind: NoSuchSeat}, {Kind: NoSeat, Seat: twelve306.SecondClass}, {Kind: TooFew, Seat: twelve306.SecondClass, Have: 1, Want: 2},
		{Kind: Unreadable, Words: "抢光"},
	}
}

func TestSmallSentences(t *testing.T) {
	zh, en := small(t, speaker{notifier.Chinese, twelve306.Shanghai()}), small(t, speaker{notifier.English, twelve306.Shanghai()})
	for _, name := range slices.Sorted(maps.Keys(zh)) {
		golden(t, name, notifier.Chinese, strings.Join(zh[name], "\n")+"\n")
		golden(t, name, notifier.English, strings.Join(en[name], "\n")+"\n")
		for i := range zh[name] {
			if zh[name][i] == "" || zh[name][i] == en[name][i] {
				t.Errorf("%s: %q and %q", name, zh[name][i], en[name][i])
			}
		}
	}
}

// columns is how wide a text is where a Chinese character is two.
func columns(s string) int {
	n := 0
	for _, r := range s {
		if r >= 0x1100 && r != '→' && r != '“' && r != '”' {
			n++
		}
		n++
	}
	return n
}

// What must be read on a lock screen stands in the first 40 columns of a
// title: 20 Chinese characters.
func TestTitlesOnALockScreen(t *testing.T) {
	essential := map[string]string{
		"booked": "G1110 09:30", "booked-not-read": "G1110", "reminder": "G1110 15", "paid": "G1110", "expired": "G1110", "cancelled": "G1110",
		"failed": "G1110", "held-elsewhere": "G1110", "seats-book": "G1110", "offer": "G1110", "blind-word": "G1110",
		"question-login": "12306", "question-sms": "12306", "question-qr": "12306", "question-order": "G1110", "elsewhere-92": "12306",
		"login-password": "12306", "reload-refused": "watch.yaml", "near-few": "G1110 1 2", "near-late": "G1110 13:30",
	}
	for _, lang := range []notifier.Lang{notifier.Chinese, notifier.English} {
		all := everyNews(t, speaker{lang, twelve306.Shanghai()})
		for name, n := range all {
			if c := columns(n.Title); c > 64 {
				t.Errorf("%s.%s: the title is %d columns wide: %s", name, lang, c, n.Title)
			}
			head := n.Title
			for columns(head) > 40 {
				r := []rune(head)
				head = string(r[:len(r)-1])
			}
			for word := range strings.FieldsSeq(essential[name]) {
				if !strings.Contains(head, word) {
					t.Errorf("%s.%s: %s is not in the first 40 columns of %q", name, lang, word, n.Title)
				}
			}
		}
		for name := range essential {
			if _, ok := all[name]; !ok {
				t.Errorf("no message %s", name)
			}
		}
	}
}
