package railsim

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// TestLoopback: on a private address the error page stays on the host, and a
// broken connection is broken.
func TestLoopback(t *testing.T) {
	s := New(Options{Calm: true})
	srv := httptest.NewServer(s)
	defer srv.Close()
	c := srv.Client()
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	get := func() (*http.Response, error) {
		r, err := http.NewRequest("GET", srv.URL+"/otn/leftTicket/init", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("User-Agent", "Mozilla/5.0")
		return c.Do(r)
	}
	s.AddFault(Fault{Step: StepQueryInit, Kind: Redirect302})
	resp, err := get()
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if l := resp.Header.Get("Location"); l != srv.URL+"/mormhweb/logFiles/error.html" {
		t.Errorf("sent to %s", l)
	}
	c.CloseIdleConnections() // a fresh connection: net/http asks again on a reused one
	s.AddFault(Fault{Step: StepQueryInit, Kind: ReplyLost})
	if resp, err := get(); err == nil {
		t.Errorf("answered %d, want a broken connection", resp.StatusCode)
	}
	if n := s.Count(StepQueryInit); n != 2 {
		t.Errorf("%d requests arrived, want 2", n)
	}
}

// TestManyClients is for the race detector.
func TestManyClients(t *testing.T) {
	s := New(Options{Timetable: true})
	defer s.Close()
	var wg sync.WaitGroup
	for range 8 {
		c := &http.Client{Transport: s.Transport()}
		wg.Go(func() {
			for range 20 {
				r, err := http.NewRequest("GET", origin+"/otn/leftTicket/init", nil)
				if err != nil {
					t.Error(err)
					return
				}
				r.Header.Set("User-Agent", "Mozilla/5.0")
				resp, err := c.Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				s.Requests()
				s.Violations()
				s.SetTrains("2000-01-05", Train{Code: "G1", From: "IZQ", To: "WHN", Depart: "08:00", Arrive: "09:00"})
			}
		})
	}
	wg.Wait()
	if n := s.Count(StepQueryInit); n != 160 {
		t.Errorf("%d requests, want 160", n)
	}
}
