package watcher

import "testing"

func TestTrainPatterns(t *testing.T) {
	type rank struct {
		code string
		rank int // -1: not wanted
	}
	for _, tt := range []struct {
		list  []string
		ranks []rank
	}{
		{nil, []rank{{"G1", 0}, {"5538", 0}}},
		{[]string{"*"}, []rank{{"G1", 0}, {"5538", 0}}},
		{[]string{"G1110", "G11*", "!G1112"}, []rank{{"G1110", 0}, {"G1111", 1}, {"G11", 1}, {"G1112", -1}, {"G1", -1}, {"D1110", -1}}},
		{[]string{"!G1112", "g11*"}, []rank{{"G1112", -1}, {"G1113", 0}}},
		{[]string{"!D*"}, []rank{{"D1", -1}, {"G1", 0}}},
		{[]string{"Ｇ１１１０", "！ｄ*", "d 3101"}, []rank{{"G1110", 0}, {"D3101", -1}}},
		{[]string{"*1"}, []rank{{"G1", 0}, {"K211", 0}, {"G12", -1}}},
		{[]string{"G*1*2"}, []rank{{"G112", 0}, {"G1212", 0}, {"G121", -1}}},
		{[]string{"G1"}, []rank{{"G10", -1}, {"G", -1}, {"", -1}}},
	} {
		p, errs := ParseTrains(tt.list)
		if errs != nil {
			t.Fatal(tt.list, errs)
		}
		for _, w := range tt.ranks {
			r, ok := p.Rank(w.code)
			if ok != (w.rank >= 0) || ok && r != w.rank {
				t.Errorf("%q: %s has rank %d, %v; want %d", tt.list, w.code, r, ok, w.rank)
			}
		}
	}
}

func TestBadTrains(t *testing.T) {
	list := []string{"G1", "", "!", "高铁", "A1", "G", "G12345", "G1110次", "G1-2", "!!G1", "*"}
	p, errs := ParseTrains(list)
	for i, text := range list {
		if bad := i != 0 && i != len(list)-1; (errs[i] != nil) != bad {
			t.Errorf("%q: %v", text, errs[i])
		}
	}
	if p.String() != "G1, *" {
		t.Errorf("the good ones are %s", p)
	}
}
