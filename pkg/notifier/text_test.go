package notifier

import "testing"

func TestClean(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"有票：G1110\n正在下单", "有票：G1110\n正在下单"},
		{"a\tb\r\nc", "a b \nc"},
		{"\x1b[31mred\x00\u0085", "[31mred"},
		{"half \xe5\x9b a rune", "half \uFFFD a rune"},
		{"", ""},
	} {
		if got := Clean(tt.in); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.in, got, tt.want)
		}
	}
}
