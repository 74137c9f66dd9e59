package railsim

import (
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed data/query.2019.json
var rows2019 []byte

//go:embed data/query.2026.json
var rows2026 []byte

// recorded are the fields of the recorded rows: the templates for what the
// simulator has no opinion about.
var recorded = sync.OnceValue(func() map[Era][][]string {
	m := map[Era][][]string{}
	for era, doc := range map[Era][]byte{Classic: rows2019, Present: rows2026} {
		var v struct {
			Data struct{ Result []string }
		}
		if err := json.Unmarshal(doc, &v); err != nil {
			panic("railsim: " + string(era) + " rows: " + err.Error())
		}
		for _, r := range v.Data.Result {
			m[era] = append(m[era], strings.Split(r, "|"))
		}
	}
	return m
})

// template is a recorded row of a train of the same kind.
func template(era Era, code string) []string {
	rows := recorded()[era]
	for _, r := range rows {
		if r[3][0] == code[0] {
			return append([]string(nil), r...)
		}
	}
	return append([]string(nil), rows[0]...)
}

// column is the field of a row that shows a seat.
func column(seat string) int {
	return map[string]int{"9": 32, "P": 25, "D": 20, "M": 31, "O": 30, "S": 27, "6": 21, "A": 21, "4": 23, "I": 23,
		"F": 33, "3": 28, "J": 28, "2": 24, "1": 29, "W": 26, "H": 22}[seat]
}

// row writes an offer as 12306 does.
func (s *Server) row(o *offer, now time.Time) string {
	t := o.train
	f := template(s.opts.Rows, t.Code)
	day := t.leaves()
	f[0], f[1], f[11] = url.QueryEscape(o.secret), "预订", "Y"
	f[2], f[3], f[4], f[5], f[6], f[7] = t.No, t.Code, t.Start, t.End, t.From, t.To
	f[8], f[9], f[10] = t.Depart, t.Arrive, t.Took
	f[12] = o.ypInfo
	f[13] = day.AddDate(0, 0, -t.StartedDaysAgo).Format("20060102")
	f[15], f[16], f[17] = t.location, t.fromNo, t.toNo
	why := s.onSale(o, now)
	switch {
	case why == "":
	case s.night(now):
		f[0], f[1], f[11] = "null", s.opts.Night+"系统维护时间", why
	default:
		f[0], f[11] = "", why
		switch {
		case t.Note != "":
			f[1] = t.Note
		case now.Before(t.Opens):
			f[1] = opening(t.Opens)
		}
	}
	if strings.Contains(t.Note, "停运") {
		f[8], f[9], f[10] = "24:00", "24:00", "99:59"
	}
	for i := 20; i <= 33; i++ {
		f[i] = ""
	}
	stock := t.seats(&s.board)
	codes := t.seatCodes(&s.board)
	for _, c := range codes {
		f[column(c)] = cell(stock[c])
		if why == "IS_TIME_NOT_BUY" {
			f[column(c)] = "*"
		}
	}
	f[34], f[35] = s.entries(t, codes)
	if s.opts.Rows == Present {
		s.present(f, t, codes, day)
	}
	o.discount = ""
	if len(f) > 54 {
		o.discount = f[54]
	}
	return strings.Join(f, "|")
}

// present fills the fields that rows have had since 2024.
func (s *Server) present(f []string, t *train, codes []string, day time.Time) {
	var yp, discount strings.Builder
	stock := t.seats(&s.board)
	for _, c := range codes {
		n, shown := min(stock[c], 21), c
		if c == "W" { // standing is written under the seat it is sold as
			n, shown = 3000+stock[c], t.standsOn()
		}
		fmt.Fprintf(&yp, "%s%05d%04d", shown, t.fare(c), n)
		if s := t.Code[0]; s == 'G' || s == 'D' || s == 'C' {
			fmt.Fprintf(&discount, "%s%04d", c, 84)
		}
	}
	f[36], f[37], f[38] = "0", "1", ""
	f[39], f[47] = yp.String(), ""
	f[53], f[54] = "", discount.String()
	f[55] = day.AddDate(0, 0, -14).Format("20060102") + "1245"
	if !t.Opens.IsZero() {
		f[55] = t.Opens.In(railway).Format("200601021504")
	}
}

// opening is the button of a train that is not on sale yet: recorded at a full
// hour, 5月23日<br/>8点起售; the minutes are ours.
func opening(at time.Time) string {
	at = at.In(railway)
	if at.Minute() == 0 {
		return at.Format("1月2日<br/>15点起售")
	}
	return at.Format("1月2日<br/>15点04分起售")
}

// cell is what a row shows for n seats.
func cell(n int) string {
	switch {
	case n <= 0:
		return "无"
	case n > 20:
		return "有"
	}
	return strconv.Itoa(n)
}

// entries are the fields 34 and 35. Until 2019 standing repeated the code of
// the seat it is sold as; now 34 has a W.
func (s *Server) entries(t *train, codes []string) (ypEx, seatTypes string) {
	for _, c := range codes {
		shown, kind := c, c
		if c == "W" {
			kind = t.standsOn()
			if s.opts.Rows == Classic {
				shown = kind
			}
		}
		ypEx += shown + "0"
		seatTypes += kind
	}
	return ypEx, seatTypes
}

// ypLength is how many bytes yp_info holds for n kinds of seat: 24, 36, 44
// and 56 are recorded for 2 to 5.
func ypLength(n int) int {
	switch n {
	case 0, 1:
		return 12
	case 2:
		return 24
	case 3:
		return 36
	case 4:
		return 44
	}
	return 56 + 12*(n-5)
}

// base64Text is the base64 of n invented bytes. It always holds a + or a /, so
// that a client which encodes it once too often or too seldom is caught.
func (s *Server) base64Text(n int) string {
	b := make([]byte, n)
	for {
		for i := range b {
			b[i] = byte(s.rng.IntN(256))
		}
		if t := base64.StdEncoding.EncodeToString(b); strings.ContainsAny(t, "+/") {
			return t
		}
	}
}

// lines76 breaks base64 as Java's MIME encoder does.
func lines76(s string) string {
	var b strings.Builder
	for len(s) > 76 {
		b.WriteString(s[:76] + "\n")
		s = s[76:]
	}
	return b.String() + s
}
