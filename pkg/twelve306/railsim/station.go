package railsim

import (
	_ "embed"
	"net/http"
	"strings"
	"sync"
)

//go:embed data/station_name.js
var stationJS string

// station is one record of station_name.js.
type station struct {
	name, code, cityCode, city string
}

// stationTable is the list that is served, indexed.
type stationTable struct {
	byCode map[string]station
	byName map[string]station
	cities map[string][]station // by city code
}

// stations parses the served list once; nothing changes it afterwards.
var stations = sync.OnceValue(func() stationTable {
	t := stationTable{map[string]station{}, map[string]station{}, map[string][]station{}}
	_, list, _ := strings.Cut(stationJS, "'")
	list, _, _ = strings.Cut(list, "'")
	for _, rec := range strings.Split(list, "@") {
		f := strings.Split(rec, "|")
		if len(f) < 8 {
			continue
		}
		st := station{name: f[1], code: f[2], cityCode: f[6], city: f[7]}
		t.byCode[st.code] = st
		t.byName[st.name] = st
		t.cities[st.cityCode] = append(t.cities[st.cityCode], st)
	}
	return t
})

// neighbours are the other stations of the same city.
func (t stationTable) neighbours(code string) []station {
	var list []station
	for _, st := range t.cities[t.byCode[code].cityCode] {
		if st.code != code {
			list = append(list, st)
		}
	}
	return list
}

func (t stationTable) sameCity(a, b string) bool {
	return a == b || t.byCode[a].cityCode != "" && t.byCode[a].cityCode == t.byCode[b].cityCode
}

// stationNames serves the list as it was recorded, or in one of the other
// shapes it has had: a space after the =, a semicolon at the end or none.
func (s *Server) stationNames(x *exchange) {
	js := stationJS
	if s.awkward(2) {
		js = strings.Replace(js, "='", "= '", 1)
	}
	if s.awkward(2) {
		js = strings.TrimSuffix(strings.TrimSpace(js), ";")
	}
	x.header.Set("Cache-Control", "max-age=3600")
	x.reply(http.StatusOK, "application/javascript", []byte(js))
}
