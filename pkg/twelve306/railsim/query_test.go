package railsim

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// rows returns the rows of an answer, split.
func (b *browser) rows(a answer) [][]string {
	b.t.Helper()
	list, ok := a.json(b.t, "data", "result").([]any)
	if !ok {
		b.t.Fatalf("no rows in %.300s", a.body)
	}
	var rows [][]string
	for _, r := range list {
		rows = append(rows, strings.Split(r.(string), "|"))
	}
	return rows
}

// TestRowForm holds rows to the recorded form of each era.
func TestRowForm(t *testing.T) {
	for _, c := range []struct {
		era           Era
		fields        int
		ypEx, types   string
		column        string
		messagesWrong bool
	}{
		{era: Classic, fields: 39, ypEx: "90M0O0O0", types: "9MOO"},
		{era: Present, fields: 58, ypEx: "90M0O0W0", types: "9MOO", column: "9168000000M081600005O050400021O050403010"},
	} {
		inBubble(t, Options{Era: c.era, Calm: true}, func(b *browser) {
			b.sell()
			b.openQuery()
			a := b.query()
			b.want(a.json(t, "messages"), "")
			rows := b.rows(a)
			f := rows[0]
			if len(f) != c.fields {
				t.Fatalf("%d fields, want %d", len(f), c.fields)
			}
			for i, want := range map[int]string{1: "预订", 2: "6c000G11100C", 3: "G1110", 6: "IZQ", 7: "WHN", 8: "08:00", 9: "12:00",
				10: "04:00", 11: "Y", 13: "20000105", 32: "无", 31: "5", 30: "有", 26: "10", 34: c.ypEx, 35: c.types} {
				if f[i] != want {
					t.Errorf("%s: field %d is %q, want %q", c.era, i, f[i], want)
				}
			}
			if c.column != "" && f[39] != c.column {
				t.Errorf("field 39 is %s, want %s", f[39], c.column)
			}
			raw, err := url.QueryUnescape(f[0])
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(raw, "\n")
			for i, l := range lines {
				if i < len(lines)-1 && len(l) != 76 {
					t.Errorf("line %d of the secretStr has %d columns", i, len(l))
				}
			}
			secret, err := base64.StdEncoding.DecodeString(strings.Join(lines, ""))
			if err != nil || len(secret) < 212 || len(secret) > 276 {
				t.Errorf("the secretStr holds %d bytes, %v", len(secret), err)
			}
			yp, _ := url.QueryUnescape(f[12])
			if b, err := base64.StdEncoding.DecodeString(yp); err != nil || len(b) != 44 {
				t.Errorf("yp_info holds %d bytes for 4 entries, %v; want 44", len(b), err)
			}
			if again := b.rows(b.query())[0][0]; again == f[0] {
				t.Error("the same secretStr twice")
			}
		})
	}
}

// TestNeighbours: a site that is not calm shows the train from another
// station of the city first.
func TestNeighbours(t *testing.T) {
	inBubble(t, Options{Seed: 3, QueryLetter: "Z"}, func(b *browser) {
		b.sell()
		b.openQuery()
		rows := b.rows(b.query())
		if len(rows) != 2 || rows[0][6] == "IZQ" || rows[1][6] != "IZQ" || rows[0][2] != rows[1][2] {
			t.Errorf("rows %v", rows)
		}
	})
}

// TestDeparted: trains that have left are no longer listed.
func TestDeparted(t *testing.T) {
	inBubble(t, Options{Calm: true}, func(b *browser) {
		// The bubble begins on 1 January 2000 at 8:00 by the railway's clock.
		b.site.SetTrains("2000-01-01", Train{Code: "G1", From: "IZQ", To: "WHN", Depart: "07:00", Arrive: "11:00", Seats: map[string]int{"O": 1}},
			Train{Code: "G2", From: "IZQ", To: "WHN", Depart: "09:00", Arrive: "13:00", Seats: map[string]int{"O": 1}})
		b.openQuery()
		a := b.do("GET", "/otn/leftTicket/query"+b.letter+"?leftTicketDTO.train_date=2000-01-01&leftTicketDTO.from_station=IZQ&leftTicketDTO.to_station=WHN&purpose_codes=ADULT", "", true)
		if rows := b.rows(a); len(rows) != 1 || rows[0][3] != "G2" {
			t.Errorf("rows %v", rows)
		}
	})
}

func TestTimetable(t *testing.T) {
	inBubble(t, Options{Calm: true, Timetable: true}, func(b *browser) {
		b.openQuery()
		n := len(b.rows(b.query()))
		if n == 0 || len(b.rows(b.query())) != n {
			t.Errorf("%d trains, then another number", n)
		}
	})
}

func TestStationNames(t *testing.T) {
	inBubble(t, Options{}, func(b *browser) {
		shapes := map[string]bool{}
		for range 20 {
			body := b.do("GET", "/otn/resources/js/framework/station_name.js?station_version=1.9044", "", false).body
			if !strings.Contains(body, "|广州南|IZQ|") {
				t.Fatal("no 广州南")
			}
			shapes[body[:22]] = true
		}
		if len(shapes) != 2 {
			t.Errorf("%d shapes of the statement, want 2", len(shapes))
		}
	})
}

// TestAdmin goes through the other side as curl would.
func TestAdmin(t *testing.T) {
	s := New(Options{Calm: true})
	h := s.Admin()
	for _, c := range []struct{ method, path, body, want string }{
		{"GET", "/state", "", `"era":"classic"`},
		{"GET", "/violations", "", "[]"},
		{"GET", "/notes", "", "[]"},
		{"GET", "/", "", AdminHelp()},
		{"POST", "/trains?date=2000-01-05", `[{"Code":"G1","From":"IZQ","To":"WHN","Depart":"08:00","Arrive":"12:00","Seats":{"O":1}}]`, `"ok":true`},
		{"POST", "/trains?date=tomorrow", `[]`, "error"},
		{"POST", "/trains?date=2000-01-05", `[{"Colour":"red"}]`, "error"},
		{"POST", "/sell?date=2000-01-05&train=G9", `{"O":5}`, "no such train"},
		{"POST", "/plant?user=zhangsan&date=2000-01-05&seat=O&passenger=张三", `{"Code":"G1","From":"IZQ","To":"WHN","Depart":"08:00","Arrive":"12:00"}`, `"state":"unpaid"`},
		{"GET", "/orders?user=zhangsan", "", `"planted":true`},
		{"GET", "/orders?user=lisi", "", "[]"},
		{"POST", "/orders/E1/pay", "", "no order"},
		{"POST", "/orders/E1/eat", "", "pay, expire or cancel"},
		{"POST", "/faults", `{"step":"confirmSingleForQueue","kind":"reply-lost"}`, `"ok":true`},
		{"POST", "/faults", `{"kind":"rain"}`, "no such kind"},
		{"POST", "/faults", `{"kind":"busy","step":"x"}`, "no such step"},
		{"DELETE", "/faults", "", `"ok":true`},
		{"POST", "/queue", `[{"waits":[-100],"fail":-2,"msg":"x"}]`, `"ok":true`},
		{"POST", "/letter/X", "", `"ok":true`},
		{"POST", "/letter/7", "", "A to Z"},
		{"POST", "/captcha/on", "", `"ok":true`},
		{"POST", "/choice/off", "", `"ok":true`},
		{"POST", "/single/on", "", `"ok":true`},
		{"POST", "/slider/on", "", `"ok":true`},
		{"POST", "/slider/maybe", "", "on or off"},
		{"POST", "/cancels/zhangsan/3", "", `"ok":true`},
		{"POST", "/cancels/zhangsan/many", "", "error"},
		{"POST", "/accounts", `{"Username":"wangwu","Password":"x","Name":"王五","IDNo":"110101198001010017","VerifyCode":"0"}`, `"ok":true`},
		{"POST", "/accounts", `{}`, "needs a Username"},
		{"POST", "/elsewhere/zhangsan", "", `"ok":true`},
		{"POST", "/tickets/kill", "", `"ok":true`},
		{"POST", "/forget", "", `"ok":true`},
		{"POST", "/sessions/kill", "", `"ok":true`},
		{"POST", "/secrets/expire", "", `"ok":true`},
		{"GET", "/requests?step=web/login", "", "[]"},
		{"GET", "/confirms", "", "[]"},
		{"GET", "/sms/zhangsan", "", `"code":""`},
		{"POST", "/qr/scan/zhangsan", "", "no QR code"},
		{"POST", "/answer", "nonsense", `"answer":""`},
	} {
		r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded") // curl's
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if !strings.Contains(w.Body.String(), c.want) || w.Code != http.StatusOK && !strings.Contains(w.Body.String(), "error") {
			t.Errorf("%s %s: %d %s, want %s", c.method, c.path, w.Code, w.Body, c.want)
		}
	}
	for _, line := range strings.Split(strings.TrimSpace(AdminHelp()), "\n") {
		method, rest, _ := strings.Cut(line, " ")
		path := strings.NewReplacer("{", "", "}", "", "[", "", "]", "").Replace(strings.Fields(rest)[0])
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, httptest.NewRequest(method, path, nil)); w.Code == http.StatusNotFound || w.Code == http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", line, w.Code)
		}
	}
	if s.Sell("2000-01-05", "G1", "O", 7); s.Left("2000-01-05", "G1", "O") != 7 {
		t.Error("Sell did not sell")
	}
}
