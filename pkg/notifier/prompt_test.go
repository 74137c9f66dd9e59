package notifier

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func picks(n ...int) Reply { return Reply{Action: Answered, Picks: n} }

func points(xy ...int) Reply {
	r := Reply{Action: Answered}
	for i := 0; i < len(xy); i += 2 {
		r.Points = append(r.Points, Point{X: xy[i], Y: xy[i+1]})
	}
	return r
}

func TestParse(t *testing.T) {
	another, cancelled := Reply{Action: Another}, Reply{Action: Cancelled}
	yes, no := Reply{Action: Answered, Yes: true}, Reply{Action: Answered}
	code := Reply{Action: Answered, Code: "012345"}
	for _, tt := range []struct {
		kind  Kind
		want  Reply
		texts []string
	}{
		{Picture, picks(2, 5), []string{
			"2 5", "25", "2,5", "52", "5 2", "2 2 5", "225", " 2  5 ", "2, 5", "2 ,5", "２５", "２ ５", "２，５", "2，5", "2、5", "２、５",
			"2\t5", "2\n5", "2\r\n5\r\n", "2\u00a05", "2\u30005", "2\u20095", "\ufeff2\u200b5",
		}},
		{Picture, picks(1, 2, 3, 4, 5, 6, 7, 8), []string{"12345678", "8 7 6 5 4 3 2 1", "1,2,3,4,5,6,7,8,1"}},
		{Picture, picks(8), []string{"8", "８", "88", "8 8", "8,8"}},
		{Picture, points(42, 38, 253, 34), []string{
			"42,38,253,34", "42, 38, 253, 34", "42 38 253 34", "４２，３８，２５３，３４", "42、38、253、34", " 42,38 ,253,34 ", "42,38\n253,34", "042,38,253,34",
		}},
		{Picture, points(42, 38), []string{"42,38"}},
		{Picture, points(0, 9), []string{"0,9"}},
		{Picture, points(293, 160), []string{"293,160"}},
		{Picture, another, []string{"?", "？", "换", "换一张", "new", "NEW", " New ", "ｎｅｗ", " ？\n"}},
		{QR, another, []string{"?", "换", "new"}},
		{SMS, code, []string{"012345", "０１２３４５", "012 345", "0 1 2 3 4 5", " 012345\n", "012\u3000345"}},
		{Offer, yes, []string{"抢", "要", "是", "y", "Y", "yes", "YES", "book", "Book", " yes ", "ｙ"}},
		{Offer, no, []string{"不", "不要", "否", "n", "N", "no", "skip", "Skip"}},
		{App, yes, []string{"done", "Done", "好", "好了", "完成", "ok", "OK", "ＯＫ"}},
	} {
		for _, text := range tt.texts {
			for _, lang := range []Lang{Chinese, English} {
				got, err := Prompt{Kind: tt.kind, Lang: lang}.Parse(text)
				if err != nil || !reflect.DeepEqual(got, tt.want) {
					t.Errorf("%s %q: %+v, %v; want %+v", tt.kind, text, got, err, tt.want)
				}
			}
		}
	}
	for _, kind := range []Kind{Picture, SMS, QR, Offer, App} {
		for _, text := range []string{"x", "X", "ｘ", "取消", "cancel", "CANCEL", " x "} {
			if got, err := (Prompt{Kind: kind}).Parse(text); err != nil || !reflect.DeepEqual(got, cancelled) {
				t.Errorf("%s %q: %+v, %v", kind, text, got, err)
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for kind, texts := range map[Kind][]string{
		Picture: {
			"", " ", "\u3000", "9", "0", "90", "259", "2 0", "0,5", "25 please", "please 25", "2.5", "2-5", "2;5", "2/5", "+2", "-2", "2 -5", "二 五", "②", "٢", "x2", "2x",
			"?2", "??", "new one", "换图", "yes", ",", "2,", ",2", "2,,5", "2, ,5", "，", "提交", "done",
			"42,38,253", "2 5 9", "42,38,,34", "42,38,", "42.5,38", "294,10", "10,161", "-1,10", "42,99999999999999999999", "1e2,10",
			"9\x00", "\xff", "2\xff5", strings.Repeat("2", 257), strings.Repeat("42,38,", 50) + "42,38",
		},
		SMS:   {"", "12345", "1234567", "12345a", "123-456", "code 123456", "123456 please", "?", "一二三四五六", "١٢٣٤٥٦", "123,456"},
		QR:    {"", "25", "ok", "done", "yes", "扫好了"},
		Offer: {"", "ok", "yes please", "yesno", "好", "1", "?", "new", "yes no", "不是"},
		App:   {"", "yes", "no", "?", "done!", "25"},
	} {
		for _, text := range texts {
			for _, lang := range []Lang{Chinese, English} {
				p := Prompt{Kind: kind, Lang: lang}
				got, err := p.Parse(text)
				if err == nil {
					t.Errorf("%s %q: %+v, want an error", kind, text, got)
					continue
				}
				if _, ok := err.(*NotAnswer); !ok || !strings.HasSuffix(err.Error(), p.Accepted()) {
					t.Errorf("%s %q: %T %q, want what is accepted", kind, text, err, err)
				}
			}
		}
	}
}

// TestParseSaysWhy checks that bad coordinates are told more than the rule.
func TestParseSaysWhy(t *testing.T) {
	for text, want := range map[string]string{"42,38,253": "成对", "294,10": "0 到 293", "10,161": "0 到 160"} {
		if _, err := (Prompt{Kind: Picture}).Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// TestAcceptedIsTrue checks that the examples in the sentences are answers.
func TestAcceptedIsTrue(t *testing.T) {
	for kind, examples := range map[Kind][]string{
		Picture: {"2 5", "42,38,253,34", "?", "x"},
		SMS:     {"x"},
		QR:      {"?", "x"},
		Offer:   {"x"},
		App:     {"x"},
	} {
		for lang, more := range map[Lang]map[Kind][]string{
			Chinese: {Offer: {"抢", "不要"}, App: {"好了"}},
			English: {Offer: {"yes", "no"}, App: {"done"}},
		} {
			p := Prompt{Kind: kind, Lang: lang}
			for _, example := range slices.Concat(examples, more[kind]) {
				if !strings.Contains(p.Accepted(), example) {
					t.Errorf("%s: %q does not mention %q", kind, p.Accepted(), example)
				}
				if _, err := p.Parse(example); err != nil {
					t.Errorf("%s: %q is no answer", kind, example)
				}
			}
		}
	}
}

func TestNewID(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := NewID()
		if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(id) || seen[id] {
			t.Fatalf("%q, or seen before", id)
		}
		seen[id] = true
	}
}

func FuzzParse(f *testing.F) {
	kinds := []Kind{Picture, SMS, QR, Offer, App}
	for i, text := range []string{"2 5", "25", "２，５", "42,38,253,34", "?", "取消", "012 345", "抢", "好了", "25 please", "293,161", "\xff"} {
		f.Add(i, text)
	}
	f.Fuzz(func(t *testing.T, i int, text string) {
		p := Prompt{Kind: kinds[uint(i)%uint(len(kinds))], Lang: Chinese}
		r, err := p.Parse(text)
		if err != nil {
			if !reflect.DeepEqual(r, Reply{}) || !utf8.ValidString(err.Error()) {
				t.Errorf("%+v beside %q", r, err)
			}
			return
		}
		if r.Action != Answered {
			if !reflect.DeepEqual(r, Reply{Action: r.Action}) || r.Action == Another && p.Kind != Picture && p.Kind != QR {
				t.Errorf("%s: %+v", p.Kind, r)
			}
			return
		}
		switch p.Kind {
		case Picture:
			if (len(r.Picks) == 0) == (len(r.Points) == 0) {
				t.Errorf("%+v: neither or both", r)
			}
			if !slices.IsSorted(r.Picks) || len(slices.Compact(slices.Clone(r.Picks))) != len(r.Picks) {
				t.Errorf("picks %v", r.Picks)
			}
			for _, n := range r.Picks {
				if n < 1 || n > 8 {
					t.Errorf("pick %d", n)
				}
			}
			for _, at := range r.Points {
				if at.X < 0 || at.X > 293 || at.Y < 0 || at.Y > 160 {
					t.Errorf("point %v", at)
				}
			}
		case SMS:
			if !regexp.MustCompile(`^[0-9]{6}$`).MatchString(r.Code) {
				t.Errorf("code %q", r.Code)
			}
		case QR:
			t.Errorf("a QR code answered with %q", text)
		}
		// A blank more or less and the width of letters change nothing.
		if again, err := p.Parse(" \u3000" + wide(plain(text))); len(text) < 40 && (err != nil || !reflect.DeepEqual(again, r)) {
			t.Errorf("%q: %+v, in full width %+v, %v", text, r, again, err)
		}
	})
}

// wide returns s in full-width characters.
func wide(s string) string {
	return strings.Map(func(r rune) rune {
		if r > ' ' && r <= '~' {
			return r + '！' - '!'
		}
		return r
	}, s)
}
