package watcher

import (
	"fmt"
	"slices"
	"strings"
)

// TrainPatterns is a list of train numbers in order of preference, with
// wildcards and exclusions. The zero TrainPatterns is every train.
type TrainPatterns struct {
	wanted   []string
	excluded []string
}

// trainLetters are the letters that train numbers in passenger service begin
// with; a number without one is an ordinary slow train.
const trainLetters = "GDCZTKYLSP"

// ParseTrains reads train numbers: G1110, G11* (* stands for any characters),
// !G1112 (not that one). Case and full-width letters do not matter. On failure
// the error of element i is errs[i]; errs is nil when all are good.
func ParseTrains(list []string) (p TrainPatterns, errs []error) {
	for i, text := range list {
		code, exclude := strings.CutPrefix(normalizeTrain(text), "!")
		if err := checkTrain(text, code); err != nil {
			if errs == nil {
				errs = make([]error, len(list))
			}
			errs[i] = err
			continue
		}
		if exclude {
			p.excluded = append(p.excluded, code)
		} else {
			p.wanted = append(p.wanted, code)
		}
	}
	return p, errs
}

// normalizeTrain folds full-width characters and case and drops blanks.
func normalizeTrain(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '\u3000' || r == '\t':
			return -1
		case r >= '！' && r <= '～':
			r -= '！' - '!'
		}
		if r >= 'a' && r <= 'z' {
			r -= 'a' - 'A'
		}
		return r
	}, text)
}

// checkTrain says why no train can have such a number.
func checkTrain(text, code string) error {
	bad := func(hint string) error {
		return fmt.Errorf("%q is not a train number; %s", text, hint)
	}
	if code == "" {
		return bad("write G1110, G11* or !G1112")
	}
	if bare := strings.TrimSuffix(strings.TrimSuffix(code, "次列车"), "次"); bare != code {
		if checkTrain(bare, bare) != nil {
			return bad("write G1110, G11* or !G1112")
		}
		return bad("did you mean " + bare + "?")
	}
	rest := code
	if c := code[0]; c >= 'A' && c <= 'Z' {
		if strings.IndexByte(trainLetters, c) < 0 {
			return bad("the letters are " + strings.Join(strings.Split(trainLetters, ""), " "))
		}
		rest = code[1:]
		if rest == "" {
			return bad("did you mean " + code + "*?")
		}
	}
	digits := 0
	for _, r := range rest {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case r != '*':
			return bad("write G1110, G11* or !G1112")
		}
	}
	if digits > 4 {
		return bad("they have at most four digits")
	}
	return nil
}

// Rank returns the place of a train number in the order of preference, 0 the
// most wanted; ok is false for a train that is excluded or not wanted. With no
// wanted number in the list every train that is not excluded has rank 0.
func (p TrainPatterns) Rank(code string) (rank int, ok bool) {
	if p.Excludes(code) {
		return 0, false
	}
	if len(p.wanted) == 0 {
		return 0, true
	}
	for i, w := range p.wanted {
		if globMatch(w, code) {
			return i, true
		}
	}
	return 0, false
}

// Excludes reports whether the list says ! to a train number.
func (p TrainPatterns) Excludes(code string) bool {
	for _, x := range p.excluded {
		if globMatch(x, code) {
			return true
		}
	}
	return false
}

// All reports whether p is every train.
func (p TrainPatterns) All() bool { return len(p.wanted) == 0 && len(p.excluded) == 0 }

// exact reports whether p names every train that it wants by its number.
func (p TrainPatterns) exact() bool {
	return len(p.wanted) > 0 && !slices.ContainsFunc(p.wanted, func(w string) bool { return strings.Contains(w, "*") })
}

// Wanted returns the wanted numbers and wildcards in order of preference.
func (p TrainPatterns) Wanted() []string { return append([]string(nil), p.wanted...) }

// Excluded returns the excluded numbers and wildcards without their !.
func (p TrainPatterns) Excluded() []string { return append([]string(nil), p.excluded...) }

// String returns the list as it would be written: G1110, G11*, !G1112.
func (p TrainPatterns) String() string {
	var b strings.Builder
	add := func(mark, code string) {
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		b.WriteString(mark + code)
	}
	for _, w := range p.wanted {
		add("", w)
	}
	for _, x := range p.excluded {
		add("!", x)
	}
	return b.String()
}

// globMatch matches s against a pattern whose only special character is *. It
// takes linear time for one star and allocates nothing.
func globMatch(pattern, s string) bool {
	star, mark := -1, 0
	p, i := 0, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && pattern[p] == s[i]:
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
