package config

import "strings"

// similar returns the word nearest to text, or "" when none is near: at most
// one edit away for short words, two for longer ones, none for two letters, with neighbours swapped
// as one edit; or the same but for case, - and _.
func similar(text string, words []string) string {
	t := plainWord(text)
	best, least := "", 1+min(2, len(t)/3)
	for _, w := range words {
		if d := distance([]rune(t), []rune(plainWord(w))); d < least {
			best, least = w, d
		}
	}
	return best
}

// meant returns the key that was perhaps meant by one that nobody knows: a
// similar one, or one that goes on where it stops (user, chat), the shortest.
func meant(text string, known []string) string {
	if text == "12306" {
		text = "twelve306"
	}
	if s := similar(text, known); s != "" || len(text) < 4 {
		return s
	}
	best := ""
	for _, w := range known {
		if strings.HasPrefix(w, plainWord(text)) && (best == "" || len(w) < len(best)) {
			best = w
		}
	}
	return best
}

func plainWord(s string) string {
	return strings.ToLower(strings.NewReplacer("-", "_", " ", "_").Replace(s))
}

// distance is the number of edits between a and b: insert, delete, replace, or
// swap two neighbours.
func distance(a, b []rune) int {
	two, one := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range one {
		one[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(one[j]+1, row[j-1]+1, one[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], two[j-2]+1)
			}
		}
		two, one = one, row
	}
	return one[len(b)]
}
