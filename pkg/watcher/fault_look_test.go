package watcher

import (
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// playLogin plays the first login, in which a step fails.
func (c *cell) playLogin(t *testing.T, f railsim.Fault) {
	set := setup{sim: calm(), mode: twelve306.LoginCaptcha, excuse: excuses(f), random: steady}
	play(t, set, func(s *scene) {
		sent := s.tapped()
		s.site.AddFault(f)
		s.start()
		s.pass(max(c.until, 50*time.Second))
		c.judge(s, sent.since(time.Time{}, false), 1)
		if c.then != nil {
			c.then(s, sent)
		}
	})
}

func TestFaultsOfLogin(t *testing.T) {
	const (
		in       = "userLogin passport uamtk uamauthclient"
		password = "password " + in
		all      = "login-page picture 1s check " + password
		twice    = "picture 1s check password "
	)
	// These pages are needed for their cookies alone.
	page := but(unread(), railsim.Null, railsim.WrongType, railsim.Truncated, railsim.Empty200)
	gone := []railsim.FaultKind{railsim.LoggedOut}
	runCells(t, []cell{
		{row: "login page", column: "nothing was written", faults: on(railsim.StepLoginInit, railsim.Unreachable), wire: "login-page 1s " + all, told: "logged_in"},
		{row: "login page", column: "unread", faults: on(railsim.StepLoginInit, page...), wire: "login-page 1s " + all, told: "logged_in"},
		{row: "login page", column: "429", faults: on(railsim.StepLoginInit, railsim.TooMany429), wire: "login-page 5s " + all, told: "logged_in", then: halved},
		{row: "login page", column: "ever", faults: often(-1, on(railsim.StepLoginInit, railsim.Unreachable, railsim.HTML, railsim.Status502)), told: "login_failed",
			wire: "login-page 1s login-page 2s login-page 4s login-page 8s login-page 60s login-page ...", until: 10 * time.Minute, says: []string{"没能登录 12306"}},

		{row: "captcha image", column: "nothing was written", faults: on(railsim.StepCaptchaImage, railsim.Unreachable), wire: "login-page picture 1s picture 1s check " + password, told: "logged_in"},
		{row: "captcha image", column: "unread", faults: on(railsim.StepCaptchaImage, unread()...), wire: "login-page picture 1s picture 1s check " + password, told: "logged_in"},
		{row: "captcha image", column: "429", faults: on(railsim.StepCaptchaImage, railsim.TooMany429), wire: "login-page picture 5s picture 1s check " + password, told: "logged_in", then: halved},
		{row: "captcha image", column: "session gone", faults: on(railsim.StepCaptchaImage, gone...), wire: all, told: "logged_in"},

		{row: "captcha-check", column: "nothing was written", faults: on(railsim.StepCaptchaCheck, railsim.Unreachable), wire: "login-page picture 1s check 1s check " + password, told: "logged_in"},
		{row: "captcha-check", column: "unread", faults: on(railsim.StepCaptchaCheck, unread()...), wire: "login-page picture 1s check 2s picture 1s check " + password, told: "logged_in"},
		{row: "captcha-check", column: "429", faults: on(railsim.StepCaptchaCheck, railsim.TooMany429), wire: "login-page picture 1s check 5s picture 1s check " + password, told: "logged_in"},

		{row: "web/login", column: "nothing was written", faults: on(railsim.StepLogin, railsim.Unreachable), wire: "login-page picture 1s check password 1s " + password, told: "logged_in"},
		{row: "web/login", column: "unread, did not act", faults: on(railsim.StepLogin, but(append(unread(), railsim.TooMany429, railsim.Busy), railsim.ReplyLost)...),
			wire: "login-page " + twice + "userLogin passport uamtk " + twice + in, told: "logged_in"},
		{row: "web/login", column: "unread, acted", faults: acting(on(railsim.StepLogin, but(append(unread(), railsim.TooMany429, railsim.Busy), railsim.RequestLost, railsim.ReplyLost, railsim.Hang)...)),
			wire: all, told: "logged_in"},
		{row: "web/login", column: "ever", faults: often(-1, on(railsim.StepLogin, railsim.HTML, railsim.Null)),
			wire: "login-page " + twice + "userLogin passport uamtk " + twice + "userLogin passport uamtk", told: "login_failed"},

		{row: "uamtk", column: "nothing was written", faults: on(railsim.StepUamtk, railsim.Unreachable), wire: "login-page " + twice + "userLogin passport uamtk 1s uamtk uamauthclient", told: "logged_in"},
		{row: "uamtk", column: "unread", faults: on(railsim.StepUamtk, unread()...), wire: "login-page " + twice + "userLogin passport uamtk 1s uamtk uamauthclient", told: "logged_in"},
		{row: "uamtk", column: "429", faults: on(railsim.StepUamtk, railsim.TooMany429), wire: "login-page " + twice + "userLogin passport uamtk 5s uamtk uamauthclient", told: "logged_in", then: halved},
		{row: "uamtk", column: "session gone", faults: on(railsim.StepUamtk, railsim.SignedOut), wire: "login-page " + twice + "userLogin passport uamtk " + twice + in, told: "logged_in"},
		{row: "uamtk", column: "ever", faults: often(-1, on(railsim.StepUamtk, railsim.HTML, railsim.Redirect302, railsim.Status502)), told: "login_failed",
			wire: "login-page " + twice + "userLogin passport uamtk 1s uamtk 2s uamtk 4s uamtk 8s uamtk"},
		{row: "uamauthclient", column: "nothing was written", faults: on(railsim.StepUamauthclient, railsim.Unreachable), wire: "login-page " + twice + in + " 1s uamtk uamauthclient", told: "logged_in"},
		{row: "uamauthclient", column: "unread", faults: on(railsim.StepUamauthclient, unread()...), wire: "login-page " + twice + in + " 1s uamtk uamauthclient", told: "logged_in"},
		{row: "uamauthclient", column: "429", faults: on(railsim.StepUamauthclient, railsim.TooMany429), wire: "login-page " + twice + in + " 5s uamtk uamauthclient", told: "logged_in", then: halved},
	}, (*cell).playLogin)
}

// playLook plays looks that fail. Those of the pages fail from the start, the
// others after a minute.
func (c *cell) playLook(t *testing.T, f railsim.Fault) {
	set := setup{sim: calm(), session: "none", rules: []Rule{homeRule(notifies)}, excuse: excuses(f), random: steady}
	play(t, set, func(s *scene) {
		sent := s.tapped()
		early := f.Step != railsim.StepQuery && f.Step != ""
		if early {
			s.site.AddFault(f)
		}
		s.start()
		if !early {
			s.pass(68 * time.Second) // the list of stations has been read
			s.site.AddFault(f)
		}
		if c.before != nil {
			c.before(s)
		}
		news, began := 1, time.Now()
		s.pass(max(c.until, 20*time.Second))
		c.judge(s, sent.since(began, true), news)
		if c.then != nil {
			c.then(s, sent)
		}
	})
}

func TestFaultsOfLooks(t *testing.T) {
	alone := but(unread(), railsim.HTML, railsim.Redirect302)
	// Half the pace, again and again, down to one look a minute.
	const floor = "query 10s query 20s query 40s query-page ..."
	runCells(t, []cell{
		{row: "pages", column: "nothing was written", faults: on(railsim.StepQueryInit, railsim.Unreachable), wire: "query-page 5s query-page query 5s query ..."},
		{row: "pages", column: "unread", faults: on(railsim.StepQueryInit, but(alone, railsim.Null, railsim.WrongType, railsim.Truncated, railsim.Empty200, railsim.Hang)...), wire: "query-page 5s query-page query ..."},
		{row: "pages", column: "turned away", faults: on(railsim.StepQueryInit, railsim.HTML, railsim.Redirect302, railsim.TooMany429), wire: "query-page 6s query-page query ...", then: halved},
		{row: "stations", column: "unread", faults: on(railsim.StepStations, railsim.Unreachable, railsim.HTML, railsim.Null, railsim.Truncated), until: 62 * time.Minute, then: stationsAgainAfterAnHour},

		{row: "query", column: "nothing was written", faults: on(railsim.StepQuery, railsim.Unreachable), wire: "query 5s query 5s query ..."},
		{row: "query", column: "unread", faults: on(railsim.StepQuery, but(alone, railsim.Hang)...), wire: "query 5s query 5s query ...", then: fullSpeed},
		{row: "query", column: "hangs", faults: on(railsim.StepQuery, railsim.Hang), wire: "query query 5s query ...", then: fullSpeed, until: 40 * time.Second},
		{row: "query", column: "turned away once", faults: on(railsim.StepQuery, railsim.HTML, railsim.Redirect302), wire: "query query-page query 5s query ...", then: fullSpeed},
		{row: "query", column: "unread three times", faults: often(3, on(railsim.StepQuery, railsim.Null, railsim.Status502, railsim.RequestLost)), wire: "query 5s query 5s query 5s query-page query 5s query ...", until: 25 * time.Second},
		{row: "query", column: "c_url", before: func(s *scene) { s.site.SetLetter("X") }, wire: "query 5s query query 5s query ...", then: fullSpeed},
		{row: "query", column: "429", faults: on(railsim.StepQuery, railsim.TooMany429), wire: "query 10s query ...", then: halved},
		{row: "query", column: "busy", faults: on(railsim.StepQuery, railsim.Busy, railsim.Status503), wire: "query 10s query ...", then: halved},
		{row: "query", column: "Retry-After", faults: []railsim.Fault{{Step: railsim.StepQuery, Kind: railsim.TooMany429, RetryAfter: 2 * time.Minute}}, wire: "query 2m query ...", until: 150 * time.Second},
		{row: "query", column: "Retry-After of an hour", faults: []railsim.Fault{{Step: railsim.StepQuery, Kind: railsim.TooMany429, RetryAfter: time.Hour}}, wire: "query 1h query ...", until: 61 * time.Minute,
			told: "blocked", says: []string{"12306 让我们慢一点", "不用做什么"}},
		{row: "query", column: "429 for long", faults: often(-1, on(railsim.StepQuery, railsim.TooMany429, railsim.Busy)), wire: floor, told: "blind", until: 10 * time.Minute,
			says: []string{"看不到余票了", "这不等于没票", "看得到就告诉你"}},
	}, (*cell).playLook)
}

func stationsAgainAfterAnHour(s *scene, p *tap) {
	var at []time.Time
	for _, r := range p.since(time.Time{}, true) {
		if r.name == "stations" {
			at = append(at, r.at)
		}
	}
	if len(at) != 2 || at[1].Sub(at[0]) < 59*time.Minute {
		s.t.Errorf("the list of stations was asked for at %v", at)
	}
	if s.now().w.client.Stations().Len() < 2000 {
		s.t.Error("the last good list of stations is gone")
	}
}
