package railsim

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Violation is something a browser would never do, or that breaks 12306's
// rules.
type Violation struct {
	At   time.Time `json:"at"`
	Step Step      `json:"step"`
	Text string    `json:"text"`
}

func (v Violation) String() string {
	return v.At.In(railway).Format("15:04:05.000") + " " + string(v.Step) + ": " + v.Text
}

// Request is one request as it arrived, and what became of it. Passwords are
// replaced by ***.
type Request struct {
	At       time.Time  `json:"at"`
	Step     Step       `json:"step"`
	Method   string     `json:"method"`
	Path     string     `json:"path"`
	Form     url.Values `json:"form"`
	User     string     `json:"user,omitempty"`
	Status   int        `json:"status"`
	Decision string     `json:"decision"`
}

// keptRequests bounds the memory of a site that runs for weeks.
const keptRequests = 20000

// maxBody is the longest request body: encryptedData is about 3 kB.
const maxBody = 1 << 20

// accept reads the request whole and finds its step.
func (s *Server) accept(r *http.Request) *exchange {
	x := &exchange{s: s, r: r, step: StepUnknown, now: time.Now(), status: http.StatusOK, header: http.Header{}}
	sent, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if x.route = s.routeOf(r.URL.Path); x.route != nil {
		x.step = x.route.step
	}
	query, body := r.URL.RawQuery, string(sent)
	x.raw = strings.Trim(query+"&"+body, "&")
	if err != nil {
		x.raw = ""
	}
	x.form = url.Values{}
	if x.raw != "" {
		for _, p := range strings.Split(x.raw, "&") {
			k, v, _ := strings.Cut(p, "=")
			name, err1 := url.QueryUnescape(k)
			value, err2 := url.QueryUnescape(v)
			if err1 != nil || err2 != nil {
				name, value = k, v
			}
			x.pairs = append(x.pairs, pair{name, value})
			x.form.Add(name, value)
		}
	}
	shown := url.Values{}
	for k, v := range x.form {
		shown[k] = v
	}
	if shown.Has("password") {
		shown.Set("password", "***")
	}
	x.rec = &Request{At: x.now, Step: x.step, Method: r.Method, Path: r.URL.Path, Form: shown}
	return x
}

func (s *Server) routeOf(path string) *route {
	steps := siteMap()
	for i := range steps {
		if r := &steps[i]; r.path.MatchString(path) && (r.era == "" || r.era == s.opts.Era) {
			return r
		}
	}
	return nil
}

func (s *Server) stepOf(path string) Step {
	if r := s.routeOf(path); r != nil {
		return r.step
	}
	return StepUnknown
}

// arrive writes the request down and says which failure it meets.
func (s *Server) arrive(x *exchange) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.requests) >= keptRequests {
		s.requests = append([]*Request(nil), s.requests[keptRequests/2:]...)
	}
	s.requests = append(s.requests, x.rec)
	if s.opts.Budget > 0 {
		for len(s.arrivals) > 0 && x.now.Sub(s.arrivals[0]) >= 5*time.Minute {
			s.arrivals = s.arrivals[1:]
		}
		s.arrivals = append(s.arrivals, x.now)
		if len(s.arrivals) > s.opts.Budget {
			x.violate("%d requests in 5 minutes, the budget is %d", len(s.arrivals), s.opts.Budget)
		}
	}
	s.sweep(x.now)
	s.settle(x.now)
	x.findSession()
	f := s.takeFault(x.step, false)
	if f != nil && (f.Kind == LoggedOut || f.Kind == SignedOut) {
		s.logOut(x, f.Kind == SignedOut)
	}
	if x.step == StepConfirm || x.step == StepConfirmSingle {
		s.noteConfirm(x, f)
	}
	return f
}

// act checks the manners of the request and lets its step answer.
func (s *Server) act(x *exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reseed(x.step)
	if x.route == nil {
		x.violate("no such page: %s", x.r.URL.Path)
		x.reply(http.StatusNotFound, typeHTML, []byte("<html><body>404</body></html>"))
		return
	}
	if !strings.Contains(" "+x.route.method+" ", " "+x.r.Method+" ") {
		x.violate("method %s instead of %s", x.r.Method, x.route.method)
		x.reply(http.StatusMethodNotAllowed, typeHTML, []byte("<html><body>405</body></html>"))
		return
	}
	if x.route.step == StepErrorPage {
		x.route.handle(s, x)
		return
	}
	if !x.mannersOK() || !x.groundOK() {
		x.redirectToError()
		return
	}
	if !x.paramsOK() {
		x.badRequest()
		return
	}
	x.route.handle(s, x)
}

func (s *Server) finish(x *exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x.rec.Status = x.status
	if x.decision == "" {
		x.decision = "ok"
	}
	x.rec.Decision = x.decision
	if x.sess != nil {
		x.rec.User = x.sess.user
	}
	x.header.Set("X-Via", "1.1 PSjsntydap17:13 (Cdn Cache Server V2.0)")
}

// violate writes down that the client misbehaved.
func (x *exchange) violate(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	x.s.violations = append(x.s.violations, Violation{At: x.now, Step: x.step, Text: text})
	if x.decision != "" {
		x.decision += "; "
	}
	x.decision += "violation: " + text
}

// mannersOK checks the headers that every browser sends.
func (x *exchange) mannersOK() bool {
	h := x.r.Header
	before := len(x.s.violations)
	if ua := h.Get("User-Agent"); ua == "" {
		x.violate("no User-Agent")
	} else if strings.HasPrefix(ua, "Go-http-client") {
		x.violate("User-Agent %s", ua)
	}
	switch with := h.Get("X-Requested-With"); {
	case x.route.manner == xhr && with != "XMLHttpRequest":
		x.violate("no X-Requested-With")
	case x.route.manner == visit && with != "":
		x.violate("X-Requested-With on a page")
	}
	if x.r.Method == http.MethodPost && len(x.pairs) > 0 && x.r.URL.RawQuery != x.raw &&
		!strings.HasPrefix(h.Get("Content-Type"), "application/x-www-form-urlencoded") {
		x.violate("Content-Type %q", h.Get("Content-Type"))
	}
	if x.route.page != anyPage {
		x.checkReferer(h.Get("Referer"))
	}
	return len(x.s.violations) == before
}

func (x *exchange) checkReferer(ref string) {
	u, err := url.Parse(ref)
	switch {
	case ref == "":
		x.violate("no Referer")
	case err != nil || u.Host != x.r.Host:
		x.violate("Referer of another host: %s", ref)
	case !x.route.referer.MatchString(u.Path):
		x.violate("Referer %s, not a page that sends this", u.Path)
	}
}

// groundOK checks that the cookies are there; whether they are still good is
// for the step to say.
func (x *exchange) groundOK() bool {
	var missing []string
	need := func(names ...string) {
		for _, n := range names {
			if x.cookie(n) == "" {
				missing = append(missing, n)
			}
		}
	}
	switch x.route.ground {
	case otn:
		need("JSESSIONID", "route", "BIGipServerotn")
	case signOn:
		need("_passport_session", "BIGipServerpassport")
	}
	if len(missing) > 0 {
		x.violate("missing cookie %s", strings.Join(missing, ", "))
		return false
	}
	if x.route.ground == otn && x.sess != nil &&
		(x.cookie("route") != x.sess.route || x.cookie("BIGipServerotn") != x.sess.balancer) {
		x.violate("the load balancer's cookies belong to another session")
		return false
	}
	return true
}

var bareNumber = regexp.MustCompile(`^\d+(\.\d+)?$`)

// paramsOK checks the names of the parameters; their values are for the step.
func (x *exchange) paramsOK() bool {
	before := len(x.s.violations)
	want := map[string]bool{} // name -> required
	number := false
	for _, n := range strings.Fields(x.route.params) {
		if n == "#" {
			number = true
			continue
		}
		name, optional := strings.CutSuffix(n, "?")
		want[name] = !optional
	}
	seen := map[string]bool{}
	for _, p := range x.pairs {
		_, known := want[p.name]
		switch {
		case !known && number && bareNumber.MatchString(p.name) && p.value == "":
			number = false
		case !known:
			x.violate("parameter %s that no browser sends", p.name)
		case seen[p.name]:
			x.violate("parameter %s twice", p.name)
		}
		seen[p.name] = true
	}
	for _, n := range strings.Fields(x.route.params) {
		if want[n] && !seen[n] {
			x.violate("parameter %s missing", n)
		}
	}
	if v := x.form.Get("_json_att"); v != "" {
		x.violate("_json_att is %q, browsers send it empty", v)
	}
	return len(x.s.violations) == before
}

// badRequest refuses parameters as the step would.
func (x *exchange) badRequest() {
	switch {
	case strings.HasPrefix(x.r.URL.Path, "/passport/"):
		x.sign(1, "非法请求", nil)
	case x.step == StepQuery || x.step == StepQueryLog || x.route.manner != xhr:
		x.redirectToError()
	case x.step == StepCheckOrder:
		x.otn(map[string]any{"errMsg": "非法请求", "submitStatus": false})
	case x.step == StepConfirm || x.step == StepConfirmSingle:
		x.otn(map[string]any{"errMsg": "非法的订票请求！", "submitStatus": false})
	default:
		x.illegal()
	}
}
