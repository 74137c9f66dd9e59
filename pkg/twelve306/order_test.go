package twelve306_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// TestQueuePlans lets the queue take every course that is known.
func TestQueuePlans(t *testing.T) {
	tests := []struct {
		name string
		plan railsim.Queue
		want twelve306.Kind // "" is a number
		held int
	}{
		{"at once", railsim.Queue{}, "", 1},
		{"-100, 75, 4, number", railsim.Queue{Waits: []int{-100, 75, 4}}, "", 1},
		{"0 seconds left", railsim.Queue{Waits: []int{0, 0}}, "", 1},
		{"forty seconds", railsim.Queue{Waits: []int{75}, Lasts: 40 * time.Second}, "", 1},
		{"-2 no tickets", railsim.Queue{Waits: []int{4}, Fail: -2}, twelve306.SoldOut, 0},
		{"-2 trip clash", railsim.Queue{Fail: -2, Msg: "张三(二代身份证-110101199001010014)存在与本次购票行程冲突的车票!!"}, twelve306.Conflict, 0},
		{"-2 cancelled too often", railsim.Queue{Fail: -2, Msg: "对不起，由于您取消次数过多，今日将不能继续受理您的订票请求。"}, twelve306.Refused, 0},
		{"-2 unknown words", railsim.Queue{Fail: -2, Msg: unknownWords}, twelve306.Changed, 0},
		{"-3 withdrawn", railsim.Queue{Waits: []int{-100}, Fail: -3, Msg: "没有足够的票!"}, twelve306.SoldOut, 0},
		{"an empty end", railsim.Queue{Waits: []int{-100}, Empty: true}, twelve306.Ambiguous, 0},
		{"-100 for a minute", railsim.Queue{Waits: []int{-100}, Lasts: time.Minute}, twelve306.Ambiguous, 0},
	}
	for _, tt := range tests {
		for _, era := range []railsim.Era{railsim.Classic, railsim.Present} {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, railsim.Options{Seed: 1, Era: era, Calm: true})
				s.PlanQueue(tt.plan)
				d, err := s.client.Prepare(t.Context(), s.ready(), s)
				if err != nil {
					t.Fatal(err)
				}
				q, err := d.Confirm(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				seen := 0
				number, err := s.client.WaitOrder(t.Context(), *q, func(twelve306.WaitStatus) { seen++ })
				s.mustNotLeak(err)
				if twelve306.KindOf(err) != tt.want || (number != "") != (tt.want == "") {
					t.Errorf("%s: %q, %v", tt.name, number, err)
				}
				held := s.Orders(s.cred.Username)
				if tt.want == "" && (len(held) != 1 || held[0].Number != number || seen == 0) {
					t.Errorf("%s: number %s, the site holds %+v", tt.name, number, held)
				}
				h, err := s.client.Unfinished(t.Context())
				if err != nil || len(h.Orders) != tt.held || h.Nothing() != (tt.held == 0 && tt.name != "-100 for a minute") {
					t.Errorf("%s: holding %+v, %v", tt.name, h, err)
				}
				if tt.name == "-100 for a minute" {
					time.Sleep(time.Minute)
					if h, err := s.client.Unfinished(t.Context()); err != nil || len(h.Orders) != 1 {
						t.Errorf("%s: in the end %+v, %v", tt.name, h, err)
					}
				}
			})
		}
	}
}

// TestSessionLostInTheQueue: the order lives on the account, and after a new
// login the queue goes on, with or without the token.
func TestSessionLostInTheQueue(t *testing.T) {
	for _, q := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, railsim.Options{Seed: 1, Calm: true})
			s.PlanQueue(railsim.Queue{Waits: []int{75}, Lasts: 30 * time.Second})
			d, err := s.client.Prepare(t.Context(), s.ready(), s)
			if err != nil {
				t.Fatal(err)
			}
			queued, err := d.Confirm(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			s.KillSessions()
			if _, err := s.client.WaitOrder(t.Context(), *queued, nil); twelve306.KindOf(err) != twelve306.Session {
				t.Fatalf("%v", err)
			}
			if err := s.client.Login(t.Context(), s.cred, s); err != nil {
				t.Fatal(err)
			}
			if !q {
				*queued = twelve306.Queued{}
			}
			number, err := s.client.WaitOrder(t.Context(), *queued, nil)
			if held := s.Orders(s.cred.Username); err != nil || len(held) != 1 || held[0].Number != number {
				t.Errorf("%q, %v, the site holds %+v", number, err, held)
			}
		})
	}
}

// eyes answers pictures from a list of moods, then rightly.
type eyes struct {
	*site
	moods []string
	seen  []twelve306.Challenge
}

func (e *eyes) Solve(ctx context.Context, ch twelve306.Challenge) (twelve306.Answer, error) {
	e.seen = append(e.seen, ch)
	mood := ""
	if n := len(e.seen) - 1; n < len(e.moods) {
		mood = e.moods[n]
	}
	switch mood {
	case "wrong":
		p, _ := twelve306.TileCentre(1)
		q, _ := twelve306.TileCentre(2)
		r, _ := twelve306.TileCentre(3)
		o, _ := twelve306.TileCentre(8) // four tiles: a picture never wants so many
		return twelve306.Answer{Points: []twelve306.Point{p, q, r, o}}, nil
	case "late":
		time.Sleep(6 * time.Minute)
	case "another":
		return twelve306.Answer{Another: true}, nil
	case "gave up":
		return twelve306.Answer{}, twelve306.ErrGaveUp
	}
	return e.site.Solve(ctx, ch)
}

// TestPictures: a picture of a login or an order may be answered wrong, too
// late, or not at all; every answer gets a new picture and says why.
func TestPictures(t *testing.T) {
	for _, purpose := range []twelve306.Purpose{twelve306.ForLogin, twelve306.ForOrder} {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, railsim.Options{Seed: 1, Calm: true, SecretLife: time.Hour})
			e := &eyes{site: s, moods: []string{"wrong", "late", "another", "wrong"}}
			var err error
			if purpose == twelve306.ForLogin {
				err = s.client.Login(t.Context(), s.cred, e)
			} else {
				s.SetOrderCaptcha(true)
				var d *twelve306.Draft
				if d, err = s.client.Prepare(t.Context(), s.ready(), e); err == nil {
					_, err = d.Confirm(t.Context())
				}
			}
			if err != nil {
				t.Fatalf("%s: %v", purpose, err)
			}
			want := "[ 0][wrong 1][expired 1][another 1][wrong 2]"
			got, pictures := "", map[string]bool{}
			for _, ch := range e.seen {
				got += fmt.Sprintf("[%s %d]", ch.Previous, ch.Wrong)
				pictures[string(ch.Image)] = true
				if ch.Kind != twelve306.PictureChallenge || ch.For != purpose {
					t.Errorf("%s: asked for %s, %s", purpose, ch.Kind, ch.For)
				}
			}
			if got != want || len(pictures) != len(e.seen) {
				t.Errorf("%s: %s with %d pictures, want %s", purpose, got, len(pictures), want)
			}
		})
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, railsim.Options{Seed: 2, Calm: true})
			e := &eyes{site: s, moods: []string{"wrong", "gave up"}}
			var err error
			if purpose == twelve306.ForLogin {
				err = s.client.Login(t.Context(), s.cred, e)
			} else {
				s.SetOrderCaptcha(true)
				_, err = s.client.Prepare(t.Context(), s.ready(), e)
			}
			if !errors.Is(err, twelve306.ErrGaveUp) {
				t.Errorf("%s: %v", purpose, err)
			}
		})
	}
}

// TestThrottledPictures: pictures asked for too fast come grey; the client
// slows down instead of showing them.
func TestThrottledPictures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, railsim.Options{Seed: 1, Calm: true})
		moods := make([]string, 12)
		for i := range moods {
			moods[i] = "another"
		}
		e := &eyes{site: s, moods: moods}
		if err := s.client.Login(t.Context(), s.cred, e); err != nil {
			t.Fatal(err)
		}
		for i, ch := range e.seen {
			if len(ch.Image) < 2000 {
				t.Errorf("picture %d has %d bytes", i, len(ch.Image))
			}
		}
		if slow := s.client.Pace().Stats().Slow; slow == 1 {
			t.Error("throttled, and still at full speed")
		}
	})
}

// TestAwkwardOrders is a whole order in both eras against a site in its worst
// mood, fifty seeds each. It may take several attempts; it ends with the order
// that the site holds, exactly one, and nothing a browser would not have done.
func TestAwkwardOrders(t *testing.T) {
	for _, era := range []railsim.Era{railsim.Classic, railsim.Present} {
		t.Run(string(era), func(t *testing.T) {
			t.Parallel()
			for seed := uint64(1); seed <= 50; seed++ {
				synctest.Test(t, func(t *testing.T) {
					s := newSite(t, railsim.Options{Seed: seed, Era: era})
					s.SetOrderCaptcha(seed%2 == 0)
					number, err := s.persist()
					if err != nil {
						t.Fatalf("seed %d: %v", seed, err)
					}
					h, err := s.client.Unfinished(t.Context())
					held := s.Orders(s.cred.Username)
					if err != nil || len(held) != 1 || len(h.Orders) != 1 || h.Orders[0].Number != number || held[0].Number != number {
						t.Errorf("seed %d: %q, holding %+v, %v; the site holds %+v", seed, number, h, err, held)
					}
				})
			}
		})
	}
}

// persist orders as the watcher does: it tries again what costs nothing, and
// never what does.
func (s *site) persist() (string, error) {
	ctx := s.t.Context()
	var err error
	for range 30 {
		time.Sleep(time.Second)
		if err = s.client.Login(ctx, s.cred, s); err != nil {
			s.mustNotLeak(err)
			continue
		}
		var trains []twelve306.Train
		if trains, err = s.client.Query(ctx, s.journey); err != nil || len(trains) != 1 {
			s.mustNotLeak(err)
			continue
		}
		var d *twelve306.Draft
		if d, err = s.client.Prepare(ctx, twelve306.OrderRequest{Journey: s.journey, Train: trains[0], Seat: twelve306.SecondClass, Passengers: []string{"李四", "张三"}}, s); err != nil {
			s.mustNotLeak(err)
			continue
		}
		var q *twelve306.Queued
		if q, err = d.Confirm(ctx); err != nil {
			return "", err // this site refuses only for a reason
		}
		number, err := s.client.WaitOrder(ctx, *q, nil)
		if err != nil {
			return "", err
		}
		return number, s.client.Result(ctx, *q, number)
	}
	return "", err
}

// TestOverlap sends checkOrderInfo and getQueueCount at once.
func TestOverlap(t *testing.T) {
	for seed := uint64(1); seed <= 10; seed++ {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t, railsim.Options{Seed: seed, Calm: true, Overlap: true, RTT: 50 * time.Millisecond})
			c, err := twelve306.New(twelve306.Options{Transport: s.Transport(), Overlap: true, Pace: twelve306.NewPace(twelve306.PaceConfig{})})
			if err != nil {
				t.Fatal(err)
			}
			s.client = c
			s.SetOrderCaptcha(seed%2 == 0)
			if _, err := s.book(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestOverlapUnsent: a checkOrderInfo that never left is asked once more, beside
// getQueueCount too.
func TestOverlapUnsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, railsim.Options{Seed: 1, Calm: true, Overlap: true, RTT: 50 * time.Millisecond})
		c, err := twelve306.New(twelve306.Options{Transport: s.Transport(), Overlap: true, Pace: twelve306.NewPace(twelve306.PaceConfig{})})
		if err != nil {
			t.Fatal(err)
		}
		s.client = c
		s.AddFault(railsim.Fault{Step: railsim.StepCheckOrder, Kind: railsim.Unreachable})
		if _, err := s.book(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestSeatTaken: a seat that goes between two steps ends the attempt at the
// step that notices, with the kind that rests the train.
func TestSeatTaken(t *testing.T) {
	for _, step := range []railsim.Step{railsim.StepCheckOrder, railsim.StepQueueCount, railsim.StepConfirm, railsim.StepWait} {
		synctest.Test(t, func(t *testing.T) {
			var s *site
			s = newSite(t, railsim.Options{Seed: 1, Calm: true, Hook: func(at railsim.Step, _ *http.Request) {
				if at == step {
					s.Sell(s.date, "G1110", "O", 0)
				}
			}})
			d, err := s.client.Prepare(t.Context(), s.ready(), s)
			if err == nil {
				var q *twelve306.Queued
				if q, err = d.Confirm(t.Context()); err == nil {
					_, err = s.client.WaitOrder(t.Context(), *q, nil)
				}
			}
			s.mustNotLeak(err)
			if twelve306.KindOf(err) != twelve306.SoldOut {
				t.Errorf("%s: %v", step, err)
			}
		})
	}
}

// TestHeldElsewhere: an order made in the app refuses ours and is seen.
func TestHeldElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, railsim.Options{Seed: 1, Calm: true})
		req := s.ready()
		o := s.PlantOrder(s.cred.Username, s.date, railsim.Train{Code: "G1", No: "24000000G10L", From: "VNP", To: "AOH", Depart: "06:30", Arrive: "11:24"}, "O", "张三")
		_, err := s.client.Prepare(t.Context(), req, s)
		s.mustNotLeak(err)
		if twelve306.KindOf(err) != twelve306.Unpaid {
			t.Errorf("%v", err)
		}
		h, err := s.client.Unfinished(t.Context())
		if err != nil || len(h.Orders) != 1 || h.Orders[0].Number != o.Number || h.Orders[0].Train != "G1" {
			t.Errorf("%+v, %v", h, err)
		}
		if st, err := s.client.OrderStatus(t.Context(), o.Number, time.Now()); err != nil || st != twelve306.OrderGone {
			t.Errorf("unpaid: %s, %v", st, err) // not among the paid ones
		}
		if err := s.PayOrder(o.Number); err != nil {
			t.Fatal(err)
		}
		if st, err := s.client.OrderStatus(t.Context(), o.Number, time.Now()); err != nil || st != twelve306.OrderPaid {
			t.Errorf("paid: %s, %v", st, err)
		}
		if h, err := s.client.Unfinished(t.Context()); err != nil || !h.Nothing() {
			t.Errorf("after the payment: %+v, %v", h, err)
		}
		if s.Cancels() != 0 {
			t.Error("an order was cancelled")
		}
	})
}
