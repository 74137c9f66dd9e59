package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// manyRules is a watch.yaml of n rules over 50 queries. What is wrong stands in
// each of them.
func manyRules(n int, wrong string) []byte {
	var b strings.Builder
	b.WriteString("timezone: Asia/Shanghai\nrules:\n")
	from := []string{"广州南", "深圳北", "北京南", "上海虹桥", "杭州东"}
	to := []string{"武汉", "长沙南", "南京南", "郑州东", "西安北", "成都东", "重庆北", "厦门北", "济南西", "合肥南"}
	for i := range n {
		fmt.Fprintf(&b, "- {name: r%d, date: 2027-02-%02d, from: %s, to: %s, trains: [G1%d*]%s}\n",
			i, 1+i/50%10, from[i%5], to[i/5%10], i%100, wrong)
	}
	return []byte(b.String())
}

// BenchmarkLoad is what reading a watch.yaml of 1, 100 and 10,000 rules costs:
// it is read again at each save.
func BenchmarkLoad(b *testing.B) {
	for _, tt := range []struct {
		name  string
		rules int
		wrong string
	}{
		{"1", 1, ""},
		{"100", 100, ""},
		{"10000", 10_000, ""},
		{"10000-warnings", 10_000, ", max_duration: 5m"},
		{"10000-mistakes", 10_000, ", departs: 7"},
		{"10000-twice", 10_000, ", to: 广洲南"},
		{"10000-schedules", 10_000, ", schedule: 0 9 * * *"},
	} {
		b.Run(tt.name, func(b *testing.B) {
			data := manyRules(tt.rules, tt.wrong)
			path := filepath.Join(b.TempDir(), "watch.yaml")
			if err := os.WriteFile(path, data, 0o600); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				c, err := Load(path, testEnv("."), testDay)
				switch problems, _ := errors.AsType[Problems](err); {
				case c == nil && len(problems) != tt.rules:
					b.Fatal(err)
				case c != nil && len(c.Rules) != tt.rules:
					b.Fatal(len(c.Rules))
				}
			}
		})
	}
}
