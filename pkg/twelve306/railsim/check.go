package railsim

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Violation is something the client did wrong: what 12306 refuses or what no
// client may do, or, as a note, what no browser sends and 12306 serves anyway.
type Violation struct {
	At   time.Time `json:"at"`
	Step Step      `json:"step"`
	Text string    `json:"text"`
	// Note says that the request was served all the same.
	Note bool `json:"note,omitempty"`
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
	Notes    []string   `json:"notes,omitempty"`
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
	if body != "" && !isForm(r) {
		x.unread = true
		body = ""
	}
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

// isForm reports whether a server reads the body as parameters. The lists of
// types that some clients send (JZ) are read by their beginning.
func isForm(r *http.Request) bool {
	return strings.HasPrefix(strings.ToLower(r.Header.Get("Content-Type")), "application/x-www-form-urlencoded")
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
			x.note("%d requests in 5 minutes, the budget is %d", len(s.arrivals), s.opts.Budget)
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
	switch methods := strings.Fields(x.route.method); {
	case slices.Contains(methods, x.r.Method):
	case slices.Contains(methods, strings.ToLower(x.r.Method)):
		x.note("method %s, browsers send %s", x.r.Method, methods[0])
	default:
		want := strings.ToUpper(x.route.method)
		x.violate("method %s instead of %s", x.r.Method, want)
		x.unconfirm()
		x.reply(http.StatusMethodNotAllowed, typeHTML, []byte("<html><body>405</body></html>"))
		return
	}
	if x.route.step == StepErrorPage {
		x.route.handle(s, x)
		return
	}
	if !x.mannersOK() || !x.groundOK() {
		x.unconfirm()
		x.redirectToError()
		return
	}
	if !x.paramsOK() {
		x.unconfirm()
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

// violate writes down that the client misbehaved. Whoever calls it refuses the
// request, as 12306 would.
func (x *exchange) violate(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	x.s.violations = append(x.s.violations, Violation{At: x.now, Step: x.step, Text: text})
	if x.decision != "" {
		x.decision += "; "
	}
	x.decision += "violation: " + text
}

// note writes down what no browser sends and 12306 serves anyway. The request
// goes on.
func (x *exchange) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if len(x.s.notes) >= keptRequests { // a client may have a habit, and weeks
		x.s.notes = append([]Violation(nil), x.s.notes[keptRequests/2:]...)
	}
	x.s.notes = append(x.s.notes, Violation{At: x.now, Step: x.step, Text: text, Note: true})
	x.rec.Notes = append(x.rec.Notes, text)
}

// mannersOK checks the headers that every browser sends. What is known to be
// refused is a missing User-Agent (R17, recorded 2018-05-18) and, on the steps
// that insist, a missing page; the clients that worked leave out the rest as
// they please (TS, PJ, GG and YY never send X-Requested-With).
func (x *exchange) mannersOK() bool {
	h := x.r.Header
	before := len(x.s.violations)
	switch ua := h.Get("User-Agent"); {
	case ua == "":
		x.violate("no User-Agent")
	case !strings.HasPrefix(ua, "Mozilla/"):
		x.note("User-Agent %s is no browser's", ua)
	}
	switch with := h.Get("X-Requested-With"); {
	case x.route.manner == xhr && with != "XMLHttpRequest":
		x.note("no X-Requested-With")
	case x.route.manner == visit && with != "":
		x.note("X-Requested-With on a page")
	}
	if x.unread {
		x.note("a body of Content-Type %q: nobody reads it", h.Get("Content-Type"))
	}
	if x.route.page != anyPage {
		x.checkReferer(h.Get("Referer"))
	}
	return len(x.s.violations) == before
}

// realHost is the site that is simulated: clients whose Referers are written
// out send it wherever they were pointed.
const realHost = "kyfw.12306.cn"

// checkReferer looks at the page that a request says it comes from. "The query
// and order endpoints want the right page" (PROTOCOL.md 1.1) says no more than
// that: they insist on a page of the site, and a wrong one is noted, for YY
// sends the address that it asked last and got its orders. Elsewhere clients
// send none.
func (x *exchange) checkReferer(ref string) {
	wrong := x.note
	if x.route.insists() {
		wrong = x.violate
	}
	u, err := url.Parse(ref)
	switch {
	case ref == "":
		wrong("no Referer")
	case err != nil || u.Host != x.r.Host && u.Host != realHost:
		wrong("Referer of another host: %s", ref)
	case !x.route.referer.MatchString(u.Path):
		x.note("Referer %s, not a page that sends this", u.Path)
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
	case otn, entrance:
		need("JSESSIONID", "route", "BIGipServerotn")
	case signOn:
		need("_passport_session", "BIGipServerpassport")
	}
	switch {
	case len(missing) > 0 && x.route.ground == entrance:
		x.note("missing cookie %s", strings.Join(missing, ", "))
		return true
	case len(missing) > 0:
		x.violate("missing cookie %s", strings.Join(missing, ", "))
		return false
	}
	if x.route.ground != signOn && x.route.ground != open && x.sess != nil &&
		(x.cookie("route") != x.sess.route || x.cookie("BIGipServerotn") != x.sess.balancer) {
		x.violate("the load balancer's cookies belong to another session")
		return false
	}
	return true
}

var bareNumber = regexp.MustCompile(`^\d+(\.\d+)?$`)

// paramsOK checks the names of the parameters; their values are for the step.
// Extra fields are harmless (PROTOCOL.md 4, confirmSingleForQueue): they are
// noted.
func (x *exchange) paramsOK() bool {
	if x.route.params == "*" {
		return true
	}
	before := len(x.s.violations)
	want := map[string]string{} // name -> "", "?" or "~"
	number := false
	for _, n := range strings.Fields(x.route.params) {
		if n == "#" {
			number = true
			continue
		}
		name := strings.TrimRight(n, "?~")
		want[name] = n[len(name):]
	}
	seen := map[string]string{}
	for _, p := range x.pairs {
		_, known := want[p.name]
		first, again := seen[p.name]
		switch {
		case !known && number && bareNumber.MatchString(p.name) && p.value == "":
			number = false
		case !known:
			x.note("parameter %s that no browser sends", p.name)
		case again && p.value == first:
			x.note("parameter %s twice", p.name)
		case again:
			x.violate("parameter %s twice, with two values", p.name)
		}
		seen[p.name] = p.value
	}
	for _, n := range strings.Fields(x.route.params) {
		name := strings.TrimRight(n, "?~")
		_, sent := seen[name]
		switch {
		case sent || n == "#" || want[name] == "?":
		case want[name] == "~":
			x.note("parameter %s missing", name)
		default:
			x.violate("parameter %s missing", name)
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
	case x.step == StepSubmit:
		// Clients look at its status and at nothing else (PROTOCOL.md 1.8.2).
		x.refuse("非法请求")
	default:
		x.illegal()
	}
}
