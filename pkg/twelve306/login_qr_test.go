package twelve306_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// late scans a code after a while.
type late struct {
	*site
	after time.Duration
}

func (p *late) Solve(ctx context.Context, ch twelve306.Challenge) (twelve306.Answer, error) {
	if time.Sleep(p.after); ctx.Err() != nil { // of virtual time
		return twelve306.Answer{}, ctx.Err()
	}
	return p.site.Solve(ctx, ch)
}

// A person who needs minutes to find his phone logs in within the budget,
// while the looks go on; the first questions come each second, as the page
// asks them.
func TestQRCodeWithinTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const budget = 80
		s := newSite(t, railsim.Options{Seed: 1, Era: railsim.Present, Calm: true, Budget: budget, QRLife: 5 * time.Minute})
		c, err := twelve306.New(twelve306.Options{Transport: s.Transport(),
			Pace: twelve306.NewPace(twelve306.PaceConfig{MinInterval: 3 * time.Second, Budget: budget})})
		if err != nil {
			t.Fatal(err)
		}
		s.client = c
		s.cred.Mode = twelve306.LoginQR
		ctx, stop := context.WithCancel(t.Context())
		looked := make(chan int)
		go func() {
			n := 0
			for ; ctx.Err() == nil; n++ {
				if _, err := c.Query(ctx, s.journey); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
				select {
				case <-time.After(5 * time.Second):
				case <-ctx.Done():
				}
			}
			looked <- n
		}()
		time.Sleep(10 * time.Minute) // the budget is spent on looks when the session dies
		began := time.Now()
		if err := c.Login(t.Context(), s.cred, &late{s, 150 * time.Second}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 165*time.Second {
			t.Errorf("the login took %v", took)
		}
		stop()
		<-looked
		var asked []time.Time
		for _, r := range s.Requests() {
			if r.Step == railsim.StepQRCheck {
				asked = append(asked, r.At)
			}
		}
		for i := range asked[1:] {
			gap := asked[i+1].Sub(asked[i])
			if i < 8 && gap > 1100*time.Millisecond || gap < time.Second || gap > 12*time.Second {
				t.Errorf("question %d after %v", i+1, gap)
			}
		}
		s.loginIsTrue()
	})
}
