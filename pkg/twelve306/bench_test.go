package twelve306

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// hundredTrains is a reply of 100 trains, made of the recorded rows of 2026.
func hundredTrains(tb testing.TB) []byte {
	tb.Helper()
	var reply map[string]any
	if err := json.Unmarshal([]byte(fixture(tb, "queryG.2026-10-04.VNP-AOH.json")), &reply); err != nil {
		tb.Fatal(err)
	}
	data := reply["data"].(map[string]any)
	rows := data["result"].([]any)
	many := make([]any, 100)
	for i := range many {
		many[i] = rows[i%len(rows)]
	}
	data["result"] = many
	b, err := json.Marshal(reply)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// BenchmarkParse reads a reply of 100 trains and looks at the seats of each, as
// a rule that wants none of them does; beside it is what other clients do.
func BenchmarkParse(b *testing.B) {
	body := hundredTrains(b)
	j := Journey{Date: Date{2026, 10, 10}, From: station(b, "VNP"), To: station(b, "AOH")}
	b.Run("twelve306", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			trains, err := ParseTrains(body, j)
			if err != nil || len(trains) < 70 {
				b.Fatal(len(trains), err)
			}
			for i := range trains {
				if trains[i].Code() == "D1" || trains[i].Left(SecondClass).Text == "x" {
					b.Fatal("a train of another reply")
				}
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			var reply struct {
				Data struct {
					Result []string          `json:"result"`
					Map    map[string]string `json:"map"`
				} `json:"data"`
				Status bool `json:"status"`
			}
			if err := json.Unmarshal(body, &reply); err != nil {
				b.Fatal(err)
			}
			for _, row := range reply.Data.Result {
				if f := strings.Split(row, "|"); f[3] == "D1" || f[30] == "x" {
					b.Fatal("a train of another reply")
				}
			}
		}
	})
}

// onLoopback is railsim behind TLS on a socket, with an emulated round trip,
// and a client that is logged in and has looked once.
type onLoopback struct {
	*railsim.Server
	client     *Client
	journey    Journey
	handshakes atomic.Int64
	confirmed  chan time.Time // when the first byte of a confirm had arrived
	steps      atomic.Int64   // requests of the order path
}

func newOnLoopback(tb testing.TB, rtt time.Duration, http2, overlap bool) *onLoopback {
	tb.Helper()
	l := &onLoopback{confirmed: make(chan time.Time, 1)}
	l.Server = railsim.New(railsim.Options{Seed: 1, Era: railsim.Present, Calm: true, Overlap: overlap, RTT: rtt, Queue: &railsim.Queue{}, PollGap: -1,
		Hook: func(step railsim.Step, _ *http.Request) {
			l.steps.Add(1)
			if step == railsim.StepConfirm {
				l.confirmed <- time.Now().Add(-rtt / 2)
			}
		}})
	server := httptest.NewUnstartedServer(l.Server)
	server.EnableHTTP2 = http2
	server.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { l.handshakes.Add(1); return nil, nil }}
	server.StartTLS()
	tb.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	c, err := New(Options{BaseURL: server.URL, Transport: NewTransport(roots, nil), Pace: NewPace(PaceConfig{}), Overlap: overlap})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	l.client = c
	day := DateOf(time.Now()).AddDays(5)
	l.journey = Journey{Date: day, From: station(tb, "IZQ"), To: station(tb, "WHN")}
	l.SetTrains(day.String(), railsim.Train{Code: "G1110", From: "IZQ", To: "WHN", Depart: "08:00", Arrive: "12:05", Seats: map[string]int{"O": 1 << 20}})
	a := railsim.DefaultAccount()
	if err := c.Login(tb.Context(), Credentials{Username: a.Username, Password: a.Password, IDLast4: a.IDNo[len(a.IDNo)-4:]}, l); err != nil {
		tb.Fatal(err)
	}
	return l
}

// Solve answers with the code on the phone.
func (l *onLoopback) Solve(_ context.Context, ch Challenge) (Answer, error) {
	if ch.Kind != SMSChallenge {
		return Answer{}, errors.New("an unexpected challenge")
	}
	return Answer{Code: l.SMSCode(railsim.DefaultAccount().Username)}, nil
}

// order goes from a query's reply to the confirm and returns how long that
// took, how many requests, the confirm included, and how many new handshakes.
func (l *onLoopback) order(tb testing.TB) (took time.Duration, requests, handshakes int64) {
	tb.Helper()
	ctx := tb.Context()
	trains, err := l.client.Query(ctx, l.journey)
	seen := time.Now()
	if err != nil || len(trains) != 1 {
		tb.Fatal(len(trains), err)
	}
	shaken, steps := l.handshakes.Load(), l.steps.Load()
	d, err := l.client.Prepare(ctx, OrderRequest{Journey: l.journey, Train: trains[0], Seat: SecondClass, Passengers: []string{"张三"}}, l)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := d.Confirm(ctx); err != nil {
		tb.Fatal(err)
	}
	took, requests, handshakes = (<-l.confirmed).Sub(seen), l.steps.Load()-steps, l.handshakes.Load()-shaken
	for _, o := range l.AllOrders() { // the queue ends at once: the way is free for the next
		if o.State == railsim.Unpaid {
			if err := l.PayOrder(o.Number); err != nil {
				tb.Fatal(err)
			}
		}
	}
	return took, requests, handshakes
}

// BenchmarkOrderPath measures, over TLS on loopback, the time from the query
// reply that shows seats to the confirm's arrival less half a round trip.
func BenchmarkOrderPath(b *testing.B) {
	for _, m := range []struct {
		name           string
		http2, overlap bool
	}{{"http1", false, false}, {"http2", true, false}, {"http1-overlap", false, true}, {"http2-overlap", true, true}} {
		for _, rtt := range []time.Duration{0, 30 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond} {
			b.Run(fmt.Sprintf("%s/rtt=%v", m.name, rtt), func(b *testing.B) {
				l := newOnLoopback(b, rtt, m.http2, m.overlap)
				first, firstRequests, firstShaken := l.order(b) // lists the passengers
				var all []time.Duration
				var requests, shaken int64
				for b.Loop() {
					took, n, handshakes := l.order(b)
					all, requests, shaken = append(all, took), n, shaken+handshakes
				}
				slices.Sort(all)
				median := all[len(all)/2]
				b.ReportMetric(float64(median.Microseconds())/1000, "ms")
				if rtt > 0 {
					b.ReportMetric(float64(median)/float64(rtt), "RTTs")
				}
				b.ReportMetric(float64(requests), "requests")
				b.ReportMetric(float64(shaken), "handshakes")
				b.ReportMetric(float64(first.Microseconds())/1000, "first-ms")
				b.ReportMetric(float64(firstRequests), "first-requests")
				b.ReportMetric(float64(firstShaken), "first-handshakes")
				b.ReportMetric(0, "ns/op")
				for _, v := range l.Misconduct() {
					b.Errorf("violation: %v", v)
				}
			})
		}
	}
}

// TestOrderPath holds what BenchmarkOrderPath measures without a clock: a warm
// client makes five requests (six the first time, which lists the passengers)
// over connections that are there.
func TestOrderPath(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		t.Run("http2="+strconv.FormatBool(http2), func(t *testing.T) {
			t.Parallel()
			l := newOnLoopback(t, 0, http2, false)
			for n, want := range []int64{6, 5, 5} {
				if _, requests, handshakes := l.order(t); requests != want || handshakes != 0 {
					t.Errorf("order %d: %d requests, %d handshakes, want %d and none", n, requests, handshakes, want)
				}
			}
		})
	}
}
