package twelve306

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306/internal/wire"
)

// recordedBodies adds the recorded failures and orders to a corpus.
func recordedBodies(f *testing.F) {
	f.Helper()
	for line := range strings.Lines(fixture(f, "failures.recorded.jsonl")) {
		var r struct{ Body json.RawMessage }
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			f.Fatal(err)
		}
		f.Add(string(r.Body))
	}
	f.Add(fixture(f, "queryMyOrderNoComplete.2017-02-09.unpaid.redacted.json"))
	f.Add(strings.NewReplacer("orderCacheDO", "orderCacheDTO", `"current_page":"fail"`, `"to_page":"cache"`).
		Replace(fixture(f, "initNoCompleteQueueApi.2019-05-18.failed-in-queue.redacted.json")))
	f.Add(otn(`{"to_page":"db","orderDBList":[{}]}`))
	f.Add(otn(`{"queryOrderWaitTimeStatus":true,"count":0,"waitTime":-1,"requestId":6535491582148718991,"waitCount":0,"tourFlag":"dc","orderId":"EH00000000"}`))
}

// FuzzParseStations: a list that is taken has enough stations, each found by
// its name and its code.
func FuzzParseStations(f *testing.F) {
	list := fixture(f, "stations/stations.2024-04-py12306.txt")
	cut := strings.Index(list[20_000:], "@") + 20_000
	f.Add("var station_names ='"+list[:400]+"';", 0)
	f.Add("@bjb|北京北|VAP|beijingbei|bjb|0|0357|北京|||", 1)
	f.Add("三  亚|SEQ", 400)
	f.Fuzz(func(t *testing.T, text string, at int) {
		ParseStations(text)
		// The text inside a good list.
		at = min(max(at, 0), cut)
		s, err := ParseStations(list[:at] + text + list[at:])
		if err != nil {
			return
		}
		if s.Len() < minStations {
			t.Fatalf("%d stations", s.Len())
		}
		for _, st := range s.list {
			if got, ok := s.ByCode(st.Code); !ok || got != st || st.Name == "" {
				t.Fatalf("%+v is not found by its code", st)
			}
			if got, err := s.Lookup(st.Name); err != nil || got.Name != st.Name && got.Code != strings.ToUpper(st.Name) {
				t.Fatalf("%+v is not found by its name: %+v, %v", st, got, err)
			}
		}
	})
}

// FuzzHolding: no panic; "nothing" is said in words; what is shown is clean.
func FuzzHolding(f *testing.F) {
	recordedBodies(f)
	f.Fuzz(func(t *testing.T, body string) {
		env, _, err := wire.ParseEnvelope([]byte(body))
		if err != nil {
			return
		}
		c := one(t, "/", "")
		h, err := c.holding("queryMyOrderNoComplete", env)
		if err != nil {
			if KindOf(err) == "" || !h.Nothing() {
				t.Fatalf("%+v, %v", h, err)
			}
			return
		}
		if !bool(env.Status) || len(env.Messages) > 0 {
			t.Fatalf("a refusal was read as %+v", h)
		}
		if strings.Contains(string(env.Data), `"orderDBList":[{`) && h.Nothing() && strings.Count(string(env.Data), "orderDBList") == 1 && strings.Count(body, `"data"`) == 1 &&
			json.Unmarshal(env.Data, &struct {
				List []json.RawMessage `json:"orderDBList"`
			}{}) == nil && strings.HasPrefix(strings.TrimSpace(string(env.Data)), `{"orderDBList":[{`) {
			t.Fatal("an order was read as nothing")
		}
		for _, o := range h.Orders {
			for _, text := range []string{o.Number, o.Train, o.From, o.To, o.Depart, o.Arrive, o.Status} {
				if text != plain(text) {
					t.Fatalf("%q is shown", text)
				}
			}
			if o.PriceTenth < 0 || !o.PayBy.IsZero() && o.PayBy.Location() != shanghai && o.PayBy.Year() < 0 {
				t.Fatalf("%+v", o)
			}
		}
	})
}

// FuzzWaitTime: an order number comes only from an orderId, and is clean.
func FuzzWaitTime(f *testing.F) {
	recordedBodies(f)
	f.Fuzz(func(t *testing.T, body string) {
		if strings.HasPrefix(body, "HTTP/") {
			return
		}
		c := one(t, "/otn/confirmPassenger/queryOrderWaitTime", body)
		w, err := c.waitTime(t.Context(), Queued{})
		if err != nil {
			if KindOf(err) == "" || w != (WaitStatus{}) {
				t.Fatalf("%+v, %v", w, err)
			}
			return
		}
		if w.OrderID != plain(w.OrderID) || w.Msg != plain(w.Msg) || w.OrderID != "" && !strings.Contains(strings.ToLower(body), "orderid") && !strings.Contains(body, `\`) {
			t.Fatalf("%+v", w)
		}
	})
}

// FuzzTrain reads every field of a row as rules do.
func FuzzTrain(f *testing.F) {
	for _, file := range []struct{ name, from, to string }{{"query.2019-05-18.HZH-NGH.subset.json", "HGH", "NGH"}, {"queryG.2026-10-04.VNP-AOH.json", "VNP", "AOH"}} {
		tr := recordedTrains(f, file.name, file.from, file.to, Date{2026, 10, 10})[0]
		fields := make([]string, tr.Fields())
		for i := range fields {
			fields[i] = tr.row.Field(i)
		}
		f.Add(strings.Join(fields, "|"))
	}
	f.Fuzz(func(t *testing.T, row string) {
		tr, err := ParseTrain(row, Date{2026, 10, 10})
		if err != nil {
			return
		}
		for _, s := range append(Seats(), "", "Z") {
			if l := tr.Left(s); l.Count < 0 || l.Plenty && l.Count < plentyCount || !l.Known && l.Count != 0 {
				t.Fatalf("%s: %+v", s, l)
			}
			tr.SeatCode(s)
			if p, ok := tr.Price(s); p < 0 || ok && p > 99999 {
				t.Fatalf("%s costs %d", s, p)
			}
		}
		for _, clock := range []func() (int, bool){tr.DepartMinute, tr.ArriveMinute} {
			if m, ok := clock(); ok && (m < 0 || m > 99*60+59) {
				t.Fatalf("minute %d", m)
			}
		}
		if d, ok := tr.Duration(); ok && (d < 0 || d > 100*time.Hour) {
			t.Fatalf("%v", d)
		}
		tr.SaleTime()
		if b := tr.Button(); b != plain(b) {
			t.Fatalf("button %q", b)
		}
		if tr.Buyable() && tr.Secret() == "" {
			t.Fatal("buyable without secretStr")
		}
	})
}
