package twelve306

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image/png"
	"strconv"
	"strings"
	"testing"
)

func TestParseSeat(t *testing.T) {
	for text, want := range map[string]Seat{
		"二等座": SecondClass, "二等": SecondClass, "O": SecondClass, "o": SecondClass, "second": SecondClass, "Second Class": SecondClass,
		"一等座": FirstClass, "M": FirstClass, "first": FirstClass, "商务座": Business, "9": Business, "business": Business, "business class": Business,
		"特等座": Premier, "premium": Premier, "P": Premier, "premier": Premier, "优选一等座": PreferredFirst, "D": PreferredFirst,
		"硬卧": HardSleeper, "3": HardSleeper, "hard sleeper": HardSleeper, " hard   sleeper ": HardSleeper, "二等卧": SecondSleeper, "J": SecondSleeper,
		"软卧": SoftSleeper, "4": SoftSleeper, "soft sleeper": SoftSleeper, "一等卧": FirstSleeper, "I": FirstSleeper,
		"高级软卧": DeluxeSleeper, "6": DeluxeSleeper, "deluxe soft sleeper": DeluxeSleeper, "高级动卧": DeluxeMoving, "A": DeluxeMoving,
		"动卧": MovingSleeper, "F": MovingSleeper, "moving sleeper": MovingSleeper, "硬座": HardSeat, "1": HardSeat, "hard seat": HardSeat,
		"软座": SoftSeat, "2": SoftSeat, "soft seat": SoftSeat, "无座": Standing, "W": Standing, "WZ": Standing, "wz": Standing, "standing": Standing, "站票": Standing,
		"二 等 座": SecondClass, "其他": OtherSeat, "H": OtherSeat, "二等包座": SecondCabin, "S": SecondCabin,
	} {
		if got, err := ParseSeat(text); err != nil || got != want {
			t.Errorf("%q: %s, %v", text, got, err)
		}
	}
	for text, hint := range map[string]string{"三等座": "did you mean 二等座?", "busines": "did you mean business?", "hard sleper": "did you mean hard sleeper?", "": "seats are 二等座, ", "沙发": "seats are 二等座, "} {
		if got, err := ParseSeat(text); err == nil || !strings.Contains(err.Error(), hint) {
			t.Errorf("%q: %s, %v, want %s", text, got, err, hint)
		}
	}
	seen := map[Seat]bool{}
	for _, s := range Seats() {
		if seen[s] || s.Name() == string(s) || s.English() == string(s) {
			t.Errorf("%q twice or without a name", s)
		}
		seen[s] = true
		for _, text := range []string{s.Name(), s.English(), string(s)} {
			if got, err := ParseSeat(text); err != nil || got != s {
				t.Errorf("%q is %s, want %s: %v", text, got, s, err)
			}
		}
	}
	if last := Seats()[len(Seats())-1]; last != Standing || Seat("Z").Name() != "Z" || Seat("Z").English() != "Z" {
		t.Errorf("last in preference is %s", last)
	}
}

func TestLeftVocabulary(t *testing.T) {
	for cell, want := range map[string]Left{
		"": {Known: true}, "--": {Known: true}, "无": {Text: "无", Known: true}, "*": {Text: "*", Known: true}, "候补": {Text: "候补", Known: true},
		"有": {"有", plentyCount, true, true}, "1": {"1", 1, false, true}, "20": {"20", 20, false, true}, "0": {"0", 0, false, true},
		"充足": {Text: "充足"}, "-1": {Text: "-1"}, "<b>5</b>": {Text: "5"},
	} {
		if got := parseLeft(cell); got != want {
			t.Errorf("%q: %+v, want %+v", cell, got, want)
		}
	}
}

func TestLookup(t *testing.T) {
	s := BuiltinStations()
	for text, code := range map[string]string{
		"广州南": "IZQ", "广州南站": "IZQ", " 广州 南 ": "IZQ", "IZQ": "IZQ", "izq": "IZQ", "guangzhounan": "IZQ", "Guang Zhou Nan": "IZQ",
		"武汉": "WHN", "上海虹桥": "AOH", "北京": "BJP", "三亚": "SEQ", "海口东": "HMQ",
	} {
		if st, err := s.Lookup(text); err != nil || st.Code != code {
			t.Errorf("%q: %v %s, %v", text, st, st.Code, err)
		}
	}
	for text, want := range map[string]string{
		"广洲南":         `no station "广洲南"; did you mean 广州南?`,
		"广州火车站":       `no station "广州火车站"; did you mean 广州?`,
		"guangzounan": `no station "guangzounan"; did you mean 广州南?`,
		"":            `no station ""`,
		"火星基地":        `no station "火星基地"`,
		"ZZZZ":        `no station "ZZZZ"`,
	} {
		_, err := s.Lookup(text)
		u, ok := errors.AsType[*UnknownStation](err)
		if !ok || err.Error() != want || len(u.Suggestions) > 1 {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	// What people type: a letter left out, English directions, traditional
	// characters. Of several that are as near up to three are named.
	for text, want := range map[string]string{
		"shanghi": "上海 or 尚志", "wuhn": "武汉", "chengd": "成都 or 承德", "suzou": "宿州, 苏州 or 肃州", "tianjing": "天津",
		"Beijing West": "北京西", "Guangzhou South": "广州南", "Wuhan Station": "武汉", "廣州南": "广州南", "瀋陽北站": "沈阳北",
	} {
		if _, err := s.Lookup(text); err == nil || !strings.HasSuffix(err.Error(), "; did you mean "+want+"?") {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	// A pinyin that several stations share names them all.
	_, err := s.Lookup("yichun")
	u, ok := errors.AsType[*UnknownStation](err)
	if !ok || !u.Ambiguous || len(u.Suggestions) < 2 || !strings.Contains(err.Error(), "is the pinyin of several stations; write 宜春") && !strings.Contains(err.Error(), "write 伊春") {
		t.Errorf("yichun: %v", err)
	}
}

// TestTileCentre: the centres of PROTOCOL.md 2.2 lie inside the
// measured tiles and inside the seed's model of them.
func TestTileCentre(t *testing.T) {
	want := []Point{{38, 44}, {110, 44}, {182, 44}, {254, 44}, {38, 116}, {110, 116}, {182, 116}, {254, 116}}
	for i, w := range want {
		got, ok := TileCentre(i + 1)
		if !ok || got != w {
			t.Errorf("picture %d: %v", i+1, got)
		}
		col, row := i%4, i/4
		for _, top := range []int{11, 5} { // measured, and the seed's
			x, y := got.X-(5+72*col), got.Y-(top+72*row)
			if x < 10 || x > 57 || y < 10 || y > 57 {
				t.Errorf("picture %d: %v is at the edge", i+1, got)
			}
		}
	}
	for _, n := range []int{0, -1, 9} {
		if _, ok := TileCentre(n); ok {
			t.Errorf("there is a picture %d", n)
		}
	}
	if got := points([]Point{{42, 53}, {122, 109}}); got != "42,53,122,109" {
		t.Error(got)
	}
}

// TestCheckImage takes the recorded pictures and refuses the rest.
func TestCheckImage(t *testing.T) {
	for name, want := range map[string]Kind{
		"captcha/captcha-login.2019-04-18.e549ac4.jpg":     "",
		"login-qr.2023-09-22.png":                          "", // a small PNG is no throttle picture
		"captcha/captcha-throttled.2019-01-11.1c5ba95.jpg": Busy,
		"failures.recorded.jsonl":                          Network,
	} {
		if err := checkImage("x", []byte(fixture(t, name))); KindOf(err) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A bomb: 30,000 x 30,000 pixels in a few bytes. Only the header is read.
	sized := func(width, height uint32) []byte {
		b := []byte(fixture(t, "login-qr.2023-09-22.png"))
		binary.BigEndian.PutUint32(b[16:], width)
		binary.BigEndian.PutUint32(b[20:], height)
		binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
		return b
	}
	if cfg, err := png.DecodeConfig(bytes.NewReader(sized(293, 190))); err != nil || cfg.Width != 293 || cfg.Height != 190 {
		t.Fatalf("the header is not written right: %v", err)
	}
	captcha := []byte(fixture(t, "captcha/captcha-login.2019-04-18.e549ac4.jpg"))
	for name, img := range map[string][]byte{"bomb": sized(30000, 30000), "wide": sized(maxPixels+1, 190), "cut": captcha[:len(captcha)/2], "tiny": sized(1, 1), "empty": nil, "html": []byte("<html>")} {
		err := checkImage("x", img)
		if KindOf(err) != Network {
			t.Errorf("%s: %v", name, err)
		}
		if size := map[string]string{"bomb": "30000x30000", "wide": strconv.Itoa(maxPixels+1) + "x190"}[name]; size != "" && !strings.Contains(err.Error(), size) {
			t.Errorf("%s was decoded: %v", name, err) // its size was not what stopped it
		}
	}
}
