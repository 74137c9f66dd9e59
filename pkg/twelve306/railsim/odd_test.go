package railsim

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestOddKinds meets every strange answer, planned by hand and through the
// other side; the next answer is as ever.
func TestOddKinds(t *testing.T) {
	for _, kind := range OddKinds() {
		t.Run(string(kind), func(t *testing.T) {
			inBubble(t, Options{Calm: true, Era: Present}, func(b *browser) {
				b.sell()
				b.openQuery()
				r := httptest.NewRequest("POST", "/faults", strings.NewReader(`{"step":"leftTicket/query","kind":"`+string(kind)+`","msg":"抢光"}`))
				w := httptest.NewRecorder()
				b.site.Admin().ServeHTTP(w, r)
				if w.Code != http.StatusOK {
					t.Fatalf("%d %s", w.Code, w.Body)
				}
				a := b.query()
				switch kind {
				case EmptyResult:
					if rows := b.rows(a); len(rows) != 0 || !strings.Contains(a.body, `"status":true`) {
						t.Errorf("%s", a.body)
					}
				case BadRows:
					if n := len(b.rows(a)[0]); n >= 34 {
						t.Errorf("%d fields", n)
					}
				case MoreFields:
					if n := len(b.rows(a)[0]); n != 60 {
						t.Errorf("%d fields", n)
					}
				case SeatWord:
					if f := b.rows(a)[0]; f[30] != "抢光" || f[33] != "" {
						t.Errorf("%q", f)
					}
				case LoginPage:
					if a.status != 200 || !strings.Contains(a.body, "uampassport.checkLogin") {
						t.Errorf("%d %.200s", a.status, a.body)
					}
				case StrangePage:
					if a.status != 200 || !strings.Contains(a.body, "<p>抢光</p>") {
						t.Errorf("%d %.200s", a.status, a.body)
					}
				case NotFound:
					if a.status != http.StatusNotFound {
						t.Errorf("%d %.200s", a.status, a.body)
					}
				}
				if f := b.rows(b.query())[0]; len(f) != 58 || f[30] == "抢光" {
					t.Errorf("and then %q", f)
				}
				b.clean()
			})
		})
	}
}
