package twelve306

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
)

//go:embed data/station_name.js
var builtinStations string

// Station is one record of station_name.js (seed step 8).
type Station struct {
	Name   string // 广州南, blanks removed
	Code   string // telecode, three capital letters: IZQ
	Pinyin string // guangzhounan
	Abbr   string // short pinyin: gzn
	City   string // 广州; empty in lists older than about 2023
	Index  int    // 12306's running number; low numbers are old, large stations
}

// String returns the station's name.
func (s Station) String() string { return s.Name }

// Stations is an immutable list of stations with its look-up tables.
type Stations struct {
	list     []Station
	byName   map[string]int
	byCode   map[string]int
	byPinyin map[string][]int
}

// BuiltinStations returns the list that is compiled in (January 2026).
var BuiltinStations = sync.OnceValue(func() *Stations {
	s, err := ParseStations(builtinStations)
	if err != nil {
		panic("twelve306: the embedded station list is broken: " + err.Error())
	}
	return s
})

// minStations is the least number of records a list must have to be believed:
// every list seen since 2017 has more than 2,600.
const minStations = 1000

// ParseStations reads station_name.js: one JavaScript statement
// `var station_names ='@bjb|北京北|VAP|beijingbei|bjb|0|0357|北京|||@...';`
// with or without the blank after =, the semicolon, or the wrapper. Records
// have 6 fields (until about 2023) or 11. Names of 2018-21 hold inner blanks
// ("三  亚"), which are removed; the list of 2018 has both 三亚 and 三  亚, and
// the name then means the one without. A repeated name with the same code is
// one station. A list in which a record cannot be read, or that is far too short,
// is refused whole: half a list would make real stations unknown.
func ParseStations(js string) (*Stations, error) {
	head, js, ok := strings.Cut(js, "@")
	if !ok {
		return nil, &Error{Op: "station_name.js", Kind: Changed, Msg: "no station record in it"}
	}
	if i := strings.LastIndexAny(js, "'\""); i >= 0 {
		js = js[:i]
	} else if strings.ContainsAny(head, "'\"") {
		return nil, &Error{Op: "station_name.js", Kind: Network, Msg: "the list breaks off"}
	}
	records := strings.Split(js, "@")
	s := &Stations{
		list:     make([]Station, 0, len(records)),
		byName:   make(map[string]int, len(records)),
		byCode:   make(map[string]int, len(records)),
		byPinyin: make(map[string][]int, len(records)),
	}
	closedUp := make(map[string]bool) // names that were written with blanks
	for i, rec := range records {
		f := strings.Split(rec, "|")
		if len(f) < 6 {
			return nil, &Error{Op: "station_name.js", Kind: Changed, Msg: fmt.Sprintf("record %d has %d fields", i, len(f))}
		}
		st := Station{Name: withoutBlanks(f[1]), Code: f[2], Pinyin: strings.TrimSpace(f[3]), Abbr: f[4]}
		st.Index, _ = strconv.Atoi(strings.TrimSpace(f[5]))
		if len(f) > 7 {
			st.City = withoutBlanks(f[7])
		}
		if st.Name == "" || !isTelecode(st.Code) {
			return nil, &Error{Op: "station_name.js", Kind: Changed, Msg: fmt.Sprintf("record %d is %.60q", i, rec)}
		}
		if s.add(st, closedUp[st.Name]) {
			closedUp[st.Name] = st.Name != f[1]
		}
	}
	if len(s.list) < minStations {
		return nil, &Error{Op: "station_name.js", Kind: Changed, Msg: fmt.Sprintf("only %d stations in it", len(s.list))}
	}
	return s, nil
}

// add reports whether the name now means st: the first station of a name does,
// unless replace is set.
func (s *Stations) add(st Station, replace bool) (named bool) {
	if _, dup := s.byCode[st.Code]; dup {
		return false
	}
	i := len(s.list)
	s.list = append(s.list, st)
	s.byCode[st.Code] = i
	s.byPinyin[st.Pinyin] = append(s.byPinyin[st.Pinyin], i)
	if _, dup := s.byName[st.Name]; dup && !replace {
		return false
	}
	s.byName[st.Name] = i
	return true
}

// Len returns the number of stations.
func (s *Stations) Len() int { return len(s.list) }

// ByCode returns the station with the telecode.
func (s *Stations) ByCode(code string) (Station, bool) {
	i, ok := s.byCode[code]
	if !ok {
		return Station{}, false
	}
	return s.list[i], true
}

// Lookup finds a station as people write it: its name (广州南, also 广州南站),
// its telecode (IZQ) or its pinyin (guangzhounan, blanks and case do not
// matter). The error is an *[UnknownStation].
func (s *Stations) Lookup(text string) (Station, error) {
	t := withoutBlanks(text)
	if i, ok := s.byName[t]; ok {
		return s.list[i], nil
	}
	if i, ok := s.byName[strings.TrimSuffix(t, "站")]; ok {
		return s.list[i], nil
	}
	if i, ok := s.byCode[strings.ToUpper(t)]; ok && len(t) == 3 {
		return s.list[i], nil
	}
	switch hits := s.byPinyin[strings.ToLower(t)]; len(hits) {
	case 1:
		return s.list[hits[0]], nil
	case 0:
	default:
		e := &UnknownStation{Text: text, Ambiguous: true}
		for _, i := range hits {
			e.Suggestions = append(e.Suggestions, s.list[i])
		}
		return Station{}, e
	}
	if st, ok := s.translated(t); ok {
		return Station{}, &UnknownStation{Text: text, Suggestions: []Station{st}}
	}
	return Station{}, &UnknownStation{Text: text, Suggestions: s.similar(strings.TrimSuffix(t, "站"))}
}

// translated finds the station of a name that is written in traditional
// characters (廣州南) or half in English (Beijing West), blanks removed.
func (s *Stations) translated(text string) (Station, bool) {
	if i, ok := s.byName[strings.TrimSuffix(simplified.Replace(text), "站")]; ok {
		return s.list[i], true
	}
	t := strings.TrimSuffix(strings.ToLower(text), "station")
	for _, d := range [...][2]string{{"east", "dong"}, {"south", "nan"}, {"west", "xi"}, {"north", "bei"}, {"", ""}} {
		head, ok := strings.CutSuffix(t, d[0])
		if !ok {
			continue
		}
		if hits := s.byPinyin[head+d[1]]; len(hits) == 1 {
			return s.list[hits[0]], true
		}
	}
	return Station{}, false
}

// simplified writes the traditional characters that names of stations are made
// of as 12306 does. It is no dictionary: what is missing is only not suggested.
var simplified = strings.NewReplacer(
	"廣", "广", "漢", "汉", "東", "东", "門", "门", "龍", "龙", "慶", "庆", "寧", "宁", "長", "长", "陽", "阳", "陰", "阴",
	"濟", "济", "瀋", "沈", "連", "连", "爾", "尔", "濱", "滨", "烏", "乌", "魯", "鲁", "齊", "齐", "蘇", "苏", "無", "无",
	"錫", "锡", "揚", "扬", "鎮", "镇", "鄭", "郑", "開", "开", "馬", "马", "貴", "贵", "蘭", "兰", "銀", "银", "臺", "台",
	"廈", "厦", "頭", "头", "灣", "湾", "機", "机", "場", "场", "橋", "桥", "雲", "云", "麗", "丽", "義", "义", "紹", "绍",
	"興", "兴", "溫", "温", "麥", "麦", "錦", "锦", "農", "农", "滄", "沧", "邊", "边", "遼", "辽", "圍", "围", "衛", "卫",
	"許", "许", "嶽", "岳", "婁", "娄", "懷", "怀", "離", "离", "順", "顺", "縣", "县", "豐", "丰", "萊", "莱", "煙", "烟",
	"棗", "枣", "莊", "庄", "肅", "肃", "瀘", "泸", "賓", "宾", "綿", "绵", "達", "达", "萬", "万", "樂", "乐", "資", "资",
	"內", "内", "來", "来", "關", "关", "湯", "汤", "鳳", "凤", "樓", "楼", "華", "华", "黃", "黄", "岡", "冈", "鶴", "鹤",
	"鐵", "铁", "嶺", "岭", "鷹", "鹰", "贛", "赣", "饒", "饶", "欽", "钦")

// UnknownStation says that a text names no station, or more than one.
type UnknownStation struct {
	Text        string
	Ambiguous   bool      // a pinyin that several stations share
	Suggestions []Station // nearest first; may be empty
}

func (e *UnknownStation) Error() string {
	var b strings.Builder
	if e.Ambiguous {
		fmt.Fprintf(&b, "%q is the pinyin of several stations", e.Text)
	} else {
		fmt.Fprintf(&b, "no station %q", e.Text)
	}
	for i, s := range e.Suggestions {
		switch {
		case i == 0 && e.Ambiguous:
			b.WriteString("; write ")
		case i == 0:
			b.WriteString("; did you mean ")
		case i == len(e.Suggestions)-1:
			b.WriteString(" or ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(s.Name)
	}
	if len(e.Suggestions) > 0 && !e.Ambiguous {
		b.WriteString("?")
	}
	return b.String()
}

// similar returns the station that text most likely means, if any: a name (or,
// for Latin text, a pinyin) one or two edits away. Of several the best has as
// many characters as the text, begins with the same one, and is the older,
// larger station; of pinyin a letter is sooner left out than written too often
// or mistaken. A name of two characters, and a pinyin, leave so much open that
// up to three are returned.
func (s *Stations) similar(text string) []Station {
	latin := text != "" && strings.IndexFunc(text, func(r rune) bool { return r > unicode.MaxASCII }) < 0
	want := []rune(strings.ToLower(text))
	if len(want) < 2 {
		return nil
	}
	limit, most := 1, 1
	switch {
	case latin && len(want) > 6:
		limit = 2
	case !latin && len(want) == 2:
		most = 3
	}
	if latin {
		most = 3
	}
	type hit struct {
		station Station
		score   [4]int
	}
	var hits []hit
	for _, st := range s.list {
		have := []rune(st.Name)
		if latin {
			have = []rune(st.Pinyin)
		}
		d := editDistance(want, have, limit)
		if d > limit {
			// 广州火车站, 武汉高铁站: a word that people add after the name.
			if latin || len(have) < 2 || !strings.HasPrefix(text, st.Name) {
				continue
			}
			d = limit + 1
		}
		other := 0
		if have[0] != want[0] {
			other = 1
		}
		score := [4]int{d, abs(len(want) - len(have)), other, st.Index}
		if latin {
			score[1], score[2] = other, slip(len(have)-len(want))
		}
		hits = append(hits, hit{st, score})
	}
	slices.SortFunc(hits, func(a, b hit) int { return slices.Compare(a.score[:], b.score[:]) })
	var out []Station
	for _, h := range hits[:min(most, len(hits))] {
		// Only those that are as good as the best in all but their size.
		if h.score[0] == hits[0].score[0] && h.score[1] == hits[0].score[1] && h.score[2] == hits[0].score[2] {
			out = append(out, h.station)
		}
	}
	return out
}

// slip ranks by how much longer a pinyin is than what was written.
func slip(longer int) int {
	switch {
	case longer > 0:
		return 0
	case longer < 0:
		return 1
	}
	return 2
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

// editDistance is Levenshtein's, given up as limit+1 when it is larger.
func editDistance(a, b []rune, limit int) int {
	if d := len(a) - len(b); d > limit || -d > limit {
		return limit + 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			diagonal, row[j] = row[j], min(row[j]+1, row[j-1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

func withoutBlanks(s string) string {
	if strings.IndexFunc(s, unicode.IsSpace) < 0 {
		return s
	}
	return strings.Join(strings.Fields(s), "")
}

func isTelecode(s string) bool {
	if len(s) != 3 {
		return false
	}
	for i := range 3 {
		if s[i] < 'A' || s[i] > 'Z' {
			return false
		}
	}
	return true
}
