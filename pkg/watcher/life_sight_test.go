package watcher

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// rewrite changes what 12306 answers.
type rewrite struct {
	rt http.RoundTripper
	f  func(r *http.Request, body []byte) []byte
}

func (w rewrite) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.rt.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	b = w.f(r, b)
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
	resp.Header.Del("Content-Length")
	return resp, nil
}

// 12306 refuses every query in words that speak of what is not sold: nothing
// was seen, and that is told once, in its words.
func TestQueriesRefusedInWords(t *testing.T) {
	t.Parallel()
	for _, words := range []string{"系统维护中，请稍后再试", "您选择的日期不在预售期内", "列车停运", "暂停发售"} {
		t.Run(words, func(t *testing.T) {
			play(t, setup{sim: calm(), session: "none", rules: []Rule{homeRule(notifies)}, random: steady}, func(s *scene) {
				s.start()
				s.pass(time.Minute)
				s.site.AddFault(railsim.Fault{Step: railsim.StepQuery, Kind: railsim.Refused, Msg: words, Times: 4})
				s.pass(time.Minute)
				s.toldTimes(NewsBlind, "", 0)
				began := time.Now()
				s.site.AddFault(railsim.Fault{Step: railsim.StepQuery, Kind: railsim.Refused, Msg: words, Times: -1})
				m := s.untilTold(NewsBlind, 1, time.Minute)
				if took := m.At.Sub(began); took < 24*time.Second || !strings.Contains(m.Text, "12306 说："+words) {
					t.Errorf("told after %v: %s", took, m.Text)
				}
				s.pass(2 * time.Hour)
				s.toldTimes(NewsBlind, "", 1)
				s.toldTimes(NewsBlind, "回家", 0)
				st := s.now().w.Status()
				if st.BlindSince == nil || !strings.Contains(st.Rules[0].LastResult, words) {
					t.Errorf("the status says %q, blind since %v", st.Rules[0].LastResult, st.BlindSince)
				}
				s.site.ClearFaults()
				s.sell(2)
				s.untilTold(NewsSeesAgain, 1, time.Minute)
				s.untilTold(NewsSeats, 1, time.Minute)
			})
		})
	}
}

// One journey fails for ever while another works: that is told once of its rule,
// whatever it fails with, and so is its return; a few failures are not.
func TestOneJourneyFails(t *testing.T) {
	t.Parallel()
	other := homeRule(notifies, func(r *Rule) { r.Name, r.Dates = "另一天", []twelve306.Date{day.AddDays(1)} })
	for name, reply := range map[string]struct{ body, says string }{
		"error page": {"<html>网络可能存在问题，请您重试一下！</html>", "暂时不让这个网络地址查询"},
		"garbage":    {"{", "读不懂"},
		"busy":       {`{"status":false,"httpstatus":200,"messages":["网络繁忙"],"data":null}`, "12306 说：网络繁忙"},
		"suspended":  {`{"status":false,"httpstatus":200,"messages":["列车停运"],"data":null}`, "12306 说：列车停运"},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, setup{sim: calm(), session: "none", random: steady, rules: []Rule{homeRule(notifies), other}}, func(s *scene) {
				s.site.SetTrains(day.AddDays(1).String(), g1110(0))
				var bad atomic.Int64 // answers that are to be bad still
				bad.Store(4)
				s.rt = rewrite{s.rt, func(r *http.Request, b []byte) []byte {
					if strings.Contains(r.URL.Path, "leftTicket/query") && strings.Contains(r.URL.RawQuery, day.AddDays(1).String()) && bad.Add(-1) >= 0 {
						return []byte(reply.body)
					}
					return b
				}}
				s.start()
				s.pass(10 * time.Minute)
				s.toldTimes(NewsBlind, "另一天", 0)
				pages := s.site.Count(railsim.StepQueryInit)
				bad.Store(1 << 30)
				m := s.untilTold(NewsBlind, 1, 20*time.Minute)
				if m.Rule != "另一天" || !strings.Contains(m.Title, "1月6日") || !strings.Contains(m.Text, reply.says) {
					t.Errorf("%s: %s / %s", m.Rule, m.Title, m.Text)
				}
				s.pass(3 * time.Hour)
				s.toldTimes(NewsBlind, "另一天", 1)
				s.toldTimes(NewsBlind, "", 0)
				s.toldTimes(NewsBlind, "回家", 0)
				if n := s.site.Count(railsim.StepQueryInit) - pages; n > 1 {
					t.Errorf("%d new sessions for one journey", n)
				}
				bad.Store(0)
				s.untilTold(NewsSeesAgain, 1, 5*time.Minute)
				s.toldTimes(NewsSeesAgain, "另一天", 1)
			})
		})
	}
}

// While nothing can be seen, that alone is told; a journey that stays blind when
// the others are seen again is told then.
func TestOneJourneyStaysBlind(t *testing.T) {
	other := homeRule(notifies, func(r *Rule) { r.Name, r.Dates = "另一天", []twelve306.Date{day.AddDays(1)} })
	play(t, setup{sim: calm(), session: "none", random: steady, rules: []Rule{homeRule(notifies), other}}, func(s *scene) {
		s.site.SetTrains(day.AddDays(1).String(), g1110(0))
		var one, all atomic.Bool
		s.rt = rewrite{s.rt, func(r *http.Request, b []byte) []byte {
			if strings.Contains(r.URL.Path, "leftTicket/query") && (all.Load() || one.Load() && strings.Contains(r.URL.RawQuery, day.AddDays(1).String())) {
				return []byte("{")
			}
			return b
		}}
		s.start()
		s.pass(time.Minute)
		one.Store(true)
		all.Store(true)
		s.untilTold(NewsBlind, 1, 2*time.Minute)
		s.pass(10 * time.Minute)
		s.toldTimes(NewsBlind, "", 1)
		s.toldTimes(NewsBlind, "另一天", 0)
		all.Store(false)
		s.untilTold(NewsBlind, 2, time.Minute)
		s.toldTimes(NewsSeesAgain, "", 1)
		s.toldTimes(NewsBlind, "另一天", 1)
	})
}
