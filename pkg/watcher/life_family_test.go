package watcher

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// One daemon, a family: each rule tells and asks those it names, what concerns
// the account is for everybody, and a rule whose channels cannot hear asks
// those that can.
func TestRulesNameTheirChannels(t *testing.T) {
	var mum *phone
	deaf := &pager{}
	named := func(name string, trains string, channels ...string) Rule {
		return homeRule(asks, func(r *Rule) {
			r.Name, r.Notify = name, channels
			r.Trains, _ = ParseTrains([]string{trains})
		})
	}
	set := setup{sim: calm(), rules: []Rule{named("我", "G1110", "phone"), named("妈", "G1112", "mum"), named("爸", "G1114", "pager")},
		change: func(o *Options) {
			o.Channels = append(o.Channels, notifier.Channel{Name: "mum", Notifier: &line{mum, o.Channels[0].Notifier.(*line).l}},
				notifier.Channel{Name: "pager", Notifier: deaf})
		}}
	play(t, set, func(s *scene) {
		mum = newPhone(s)
		for _, code := range []string{"G1112", "G1114"} {
			train := g1110(0)
			train.Code, train.No = code, ""
			s.site.AddTrain(day.String(), train)
		}
		s.start()
		s.untilTold(NewsLoggedIn, 1, time.Minute)
		if len(mum.told(NewsLoggedIn)) != 1 || len(mum.questions("")) != 1 || len(s.phone.questions("")) != 1 {
			t.Error("the login is not everybody's")
		}
		s.phone.always(no)
		mum.always(no)
		for _, code := range []string{"G1110", "G1112", "G1114"} {
			s.site.Sell(day.String(), code, "O", 1)
			s.pass(30 * time.Second)
		}
		asked := func(p *phone) (rules []string) {
			for _, q := range p.questions(notifier.Offer) {
				rules = append(rules, q.Rule)
			}
			return rules
		}
		if got := asked(s.phone); !slices.Equal(got, []string{"我", "爸"}) {
			t.Errorf("I was asked for %v", got)
		}
		if got := asked(mum); !slices.Equal(got, []string{"妈", "爸"}) {
			t.Errorf("mum was asked for %v", got)
		}
		for _, m := range append(s.phone.all(), mum.all()...) {
			if m.Rule == "爸" {
				t.Errorf("%s of 爸 was told elsewhere", m.Kind)
			}
		}
		deaf.mu.Lock()
		defer deaf.mu.Unlock()
		if len(deaf.told) == 0 {
			t.Error("nothing was told on the pager")
		}
		for _, m := range deaf.told {
			if m.Rule != "" && m.Rule != "爸" {
				t.Errorf("%s of %s on the pager", m.Kind, m.Rule)
			}
		}
		for _, m := range mum.all() {
			if m.Rule == "我" {
				t.Errorf("mum was told %s of 我", m.Kind)
			}
		}
		if n := s.site.Count(railsim.StepSubmit); n != 0 {
			t.Errorf("%d orders after no", n)
		}
	})
}

// pager is a channel that cannot hear.
type pager struct {
	mu   sync.Mutex
	told []notifier.Message
}

// Notify implements notifier.Notifier.
func (p *pager) Notify(_ context.Context, m notifier.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.told = append(p.told, m)
	return nil
}
