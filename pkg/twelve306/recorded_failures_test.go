package twelve306

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/watcherd/watcherd/pkg/twelve306/internal/wire"
)

// TestRecordedFailures plays each recorded failure to the step that met it.
func TestRecordedFailures(t *testing.T) {
	type step = func(t *testing.T, reply string) error
	confirm := func(path string, f func(*testing.T, *Draft) error) step {
		return func(t *testing.T, reply string) error { return f(t, aDraft(t, one(t, "/otn/"+path, reply))) }
	}
	checkOrder := confirm("confirmPassenger/checkOrderInfo", func(t *testing.T, d *Draft) error { _, err := d.checkOrderInfo(t.Context()); return err })
	confirmed := confirm("confirmPassenger/confirmSingleForQueue", func(t *testing.T, d *Draft) error { _, err := d.Confirm(t.Context()); return err })
	checkUser := func(t *testing.T, reply string) error {
		return one(t, "/otn/login/checkUser", reply).CheckUser(t.Context())
	}
	submit := func(t *testing.T, reply string) error {
		c := one(t, "/otn/leftTicket/submitOrderRequest", reply)
		return c.submitOrderRequest(t.Context(), aDraft(t, c).req)
	}
	code := func(want verdict) step {
		return confirm("passcodeNew/checkRandCodeAnsyn", func(t *testing.T, d *Draft) error {
			got, err := d.checkRandCode(t.Context(), "")
			if got != want {
				t.Errorf("checkRandCodeAnsyn: %q, want %q", got, want)
			}
			return err
		})
	}
	wait := func(t *testing.T, reply string) error {
		_, err := one(t, "/otn/confirmPassenger/queryOrderWaitTime", reply).WaitOrder(t.Context(), Queued{}, nil)
		return err
	}
	steps := []struct {
		endpoint string
		ask      step
		want     Kind
	}{
		{"GET any /otn/* without a User-Agent", checkUser, Blocked},
		{"GET /otn/login/userLogin before uamauthclient", checkUser, Session},
		{"GET /otn/leftTicket/query<wrong letter>", func(t *testing.T, reply string) error {
			_, err := ParseTrains([]byte(reply), Journey{})
			return err
		}, Changed},
		{"POST /passport/web/auth/uamtk-static", func(t *testing.T, reply string) error {
			_, err := one(t, "/passport/web/auth/uamtk", reply).uamtk(t.Context(), "")
			return err
		}, Session},
		{"POST /passport/web/login", func(t *testing.T, reply string) error {
			return one(t, "/passport/web/login", reply).submitLogin(t.Context(), nil, "", nil)
		}, Password},
		{"POST /otn/uamauthclient", func(t *testing.T, reply string) error {
			return one(t, "/otn/uamauthclient", reply).uamauthclient(t.Context(), "", "")
		}, Stale},
		{"checkRandCodeAnsyn, nothing or nonsense sent", code(wrong), ""},
		{"checkRandCodeAnsyn, wrong", code(wrong), ""},
		{"checkRandCodeAnsyn, right", code(right), ""},
		{"loginAysnSuggest, wrong password", func(t *testing.T, reply string) error { // not a step of ours: only its words
			env, _, _ := wire.ParseEnvelope([]byte(reply))
			return refused("loginAysnSuggest", env.Messages.String())
		}, Password},
		{"POST /otn/login/checkUser", checkUser, Session},
		{"submitOrderRequest, secretStr stale", submit, Stale},
		{"submitOrderRequest, other", submit, Busy},
		{"checkOrderInfo, cancelled too often", checkOrder, Refused},
		{"checkOrderInfo, busy", checkOrder, Busy},
		{"checkOrderInfo, seat type not on this train", checkOrder, SoldOut},
		{"checkOrderInfo, steps skipped", checkOrder, Invalid},
		{"confirmSingleForQueue, queue longer than seats", confirmed, SoldOut},
		{"confirmSingleForQueue, steps skipped", confirmed, Invalid},
		{"confirmSingleForQueue, no data at all", confirmed, Ambiguous},
		{"confirmSingleForQueue, status false with a string", confirmed, SoldOut},
		{"queryOrderWaitTime, trip clash", wait, Conflict},
		{"GET queryOrderWaitTime (older bare form), no seats", wait, SoldOut},
		{"GET any data endpoint while the IP is throttled", checkUser, Blocked},
	}
	lines := slices.Collect(strings.Lines(fixture(t, "failures.recorded.jsonl")))
	if len(lines) != len(steps) {
		t.Fatalf("%d recorded failures, %d steps", len(lines), len(steps))
	}
	answers, unknown := 0, []string(nil)
	for i, line := range lines {
		var r struct {
			Endpoint, HTTP string
			Body           json.RawMessage
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		reply := string(r.Body)
		switch {
		case strings.HasPrefix(r.HTTP, "HTTP/"):
			reply = r.HTTP
		case r.HTTP != "":
			reply = redirectToError
		}
		if !strings.Contains(r.Endpoint, steps[i].endpoint) {
			t.Fatalf("line %d is %s, want %s", i+1, r.Endpoint, steps[i].endpoint)
		}
		switch steps[i].want {
		case "":
			answers++ // right, or wrong, which the step says otherwise
		case Changed:
			unknown = append(unknown, steps[i].endpoint)
		}
		synctest.Test(t, func(t *testing.T) {
			err := steps[i].ask(t, reply)
			if KindOf(err) != steps[i].want || (err == nil) != (steps[i].want == "") {
				t.Errorf("line %d, %s: %v, want kind %q", i+1, r.Endpoint, err, steps[i].want)
			}
			if err != nil && strings.Contains(err.Error(), "110101199001010014") {
				t.Errorf("line %d, %s: an ID number in %v", i+1, r.Endpoint, err)
			}
		})
	}
	// The reply with c_url is no failure to a query, which asks again there; only
	// its bare parser does not know what to do with it.
	if len(unknown) != 1 || !strings.Contains(unknown[0], "wrong letter") {
		t.Errorf("not classified: %q", unknown)
	}
	t.Logf("%d recorded failures: %d by their kind, %d answers of the captcha, 1 query that has moved", len(lines), len(lines)-answers-1, answers)
}
