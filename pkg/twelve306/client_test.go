package twelve306_test

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// site is a simulator with one train, and a client of it.
type site struct {
	*railsim.Server
	t       *testing.T
	client  *twelve306.Client
	journey twelve306.Journey
	date    string
	cred    twelve306.Credentials
}

// newSite makes both; it must be called inside a synctest bubble.
func newSite(t *testing.T, o railsim.Options) *site {
	t.Helper()
	o.PollGap = cmp.Or(o.PollGap, 4500*time.Millisecond) // of our PollInterval; the site's page asks each second
	s := &site{Server: railsim.New(o), t: t}
	t.Cleanup(func() {
		s.end()
		if t.Failed() {
			t.Log(s.String())
			for _, r := range s.Requests() {
				t.Logf("%s %s %s -> %s", r.Method, r.Path, r.Form, r.Decision)
			}
		}
	})
	day := twelve306.DateOf(time.Now()).AddDays(5)
	s.date = day.String()
	from, _ := twelve306.BuiltinStations().ByCode("IZQ")
	to, _ := twelve306.BuiltinStations().ByCode("WHN")
	s.journey = twelve306.Journey{Date: day, From: from, To: to}
	s.SetTrains(s.date, railsim.Train{Code: "G1110", From: "IZQ", To: "WHN", Depart: "08:00", Arrive: "12:05", Seats: map[string]int{"O": 5, "M": 2, "W": 0}})
	a := railsim.DefaultAccount()
	s.cred = twelve306.Credentials{Username: a.Username, Password: a.Password, IDLast4: a.IDNo[len(a.IDNo)-4:], Mode: twelve306.LoginCaptcha}
	if o.Era == railsim.Present {
		s.cred.Mode = twelve306.LoginAuto
	}
	s.client = s.newClient(nil)
	return s
}

func (s *site) newClient(saved []byte) *twelve306.Client {
	c, err := twelve306.New(twelve306.Options{Transport: s.Transport(), Saved: saved,
		Pace: twelve306.NewPace(twelve306.PaceConfig{MinInterval: time.Second})})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// end ends the connections and fails the test if a browser would never have
// done what the client did.
func (s *site) end() {
	s.t.Helper()
	s.client.Close()
	s.Close()
	for _, v := range s.Misconduct() {
		s.t.Errorf("violation: %v", v)
	}
}

// train returns the one train as a query sees it.
func (s *site) train() twelve306.Train {
	s.t.Helper()
	trains, err := s.client.Query(s.t.Context(), s.journey)
	if err != nil || len(trains) != 1 {
		s.t.Fatalf("query: %d trains, %v", len(trains), err)
	}
	return trains[0]
}

func (s *site) request() twelve306.OrderRequest {
	return twelve306.OrderRequest{Journey: s.journey, Train: s.train(), Seat: twelve306.SecondClass, Passengers: []string{"张三", "李四"}}
}

// Solve answers as a person with good eyes.
func (s *site) Solve(ctx context.Context, ch twelve306.Challenge) (twelve306.Answer, error) {
	if ch.Wrong > 2 {
		return twelve306.Answer{}, twelve306.ErrGaveUp
	}
	switch ch.Kind {
	case twelve306.PictureChallenge:
		return twelve306.Answer{Points: parsePoints(s.t, s.AnswerOf(ch.Image))}, nil
	case twelve306.SMSChallenge:
		code := s.SMSCode(s.cred.Username)
		if code == "" { // nothing arrived: another, when 12306 sends one again
			time.Sleep(time.Minute)
		}
		return twelve306.Answer{Code: code, Another: code == ""}, nil
	case twelve306.QRChallenge:
		if err := s.ScanQR(s.cred.Username); err != nil {
			return twelve306.Answer{}, err
		}
		go func() {
			time.Sleep(3 * time.Second) // of virtual time: the person taps confirm
			s.ConfirmQR(s.cred.Username)
		}()
		<-ctx.Done()
		return twelve306.Answer{}, ctx.Err()
	}
	return twelve306.Answer{}, errors.New("an unknown challenge")
}

func parsePoints(t *testing.T, text string) []twelve306.Point {
	t.Helper()
	var out []twelve306.Point
	f := strings.Split(text, ",")
	for i := 0; i+1 < len(f); i += 2 {
		x, err1 := strconv.Atoi(f[i])
		y, err2 := strconv.Atoi(f[i+1])
		if err1 != nil || err2 != nil {
			t.Fatalf("answer %q", text)
		}
		out = append(out, twelve306.Point{X: x, Y: y})
	}
	return out
}

// book takes an order from the query to its number.
func (s *site) book() (string, error) {
	ctx := s.t.Context()
	if err := s.client.Login(ctx, s.cred, s); err != nil {
		return "", err
	}
	d, err := s.client.Prepare(ctx, s.request(), s)
	if err != nil {
		return "", err
	}
	q, err := d.Confirm(ctx)
	if err != nil {
		return "", err
	}
	number, err := s.client.WaitOrder(ctx, *q, nil)
	if err != nil {
		return "", err
	}
	return number, s.client.Result(ctx, *q, number)
}

// TestOrder places an order in every era and login mode, and compares what the
// client reads back with what the site holds.
func TestOrder(t *testing.T) {
	modes := map[string]struct {
		era  railsim.Era
		mode twelve306.Mode
	}{
		"classic captcha": {railsim.Classic, twelve306.LoginCaptcha},
		"classic auto":    {railsim.Classic, twelve306.LoginAuto},
		"present sms":     {railsim.Present, twelve306.LoginSMS},
		"present qr":      {railsim.Present, twelve306.LoginQR},
		"present auto":    {railsim.Present, twelve306.LoginAuto},
	}
	for name, m := range modes {
		t.Run(name, func(t *testing.T) {
			for seed := uint64(1); seed <= 5; seed++ {
				synctest.Test(t, func(t *testing.T) {
					s := newSite(t, railsim.Options{Seed: seed, Era: m.era, Calm: true})
					s.cred.Mode = m.mode
					number, err := s.book()
					if err != nil {
						t.Fatal(err)
					}
					h, err := s.client.Unfinished(t.Context())
					if err != nil || len(h.Orders) != 1 {
						t.Fatalf("unfinished: %+v, %v", h, err)
					}
					held := s.Orders(s.cred.Username)
					o := h.Orders[0]
					if len(held) != 1 || held[0].Number != number || o.Number != number || o.Train != "G1110" || len(o.Tickets) != 2 ||
						o.Date.String() != s.date || o.From != "广州南" || o.To != "武汉" || !o.PayBy.Equal(held[0].PayBy.Truncate(time.Second)) ||
						o.PriceTenth != held[0].Price {
						t.Errorf("read back %+v\nheld %+v", o, held)
					}
				})
			}
		})
	}
}
