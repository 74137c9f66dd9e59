package railsim

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// FaultKind is a way for one request to fail.
type FaultKind string

// The ways to fail.
const (
	Unreachable  FaultKind = "unreachable"  // no connection; nothing was written. Only with Transport()
	RequestLost  FaultKind = "request-lost" // the connection breaks before the request has any effect
	ReplyLost    FaultKind = "reply-lost"   // it takes effect, then the connection breaks
	HTML         FaultKind = "html"         // 200 with the page 网络可能存在问题
	Redirect302  FaultKind = "redirect-302" // 302 to error.html
	Empty200     FaultKind = "empty-200"    // 200 with no body
	Truncated    FaultKind = "truncated"    // 200 whose body is cut in the middle
	BrokenBody   FaultKind = "broken-body"  // the connection breaks in the middle of the body
	WrongType    FaultKind = "wrong-type"   // objects are strings, strings numbers, numbers strings
	Null         FaultKind = "null"         // the body is null
	Status500    FaultKind = "500"          // a page with that status
	Status502    FaultKind = "502"          // a page with that status
	Status503    FaultKind = "503"          // a page with that status
	TooMany429   FaultKind = "429"          // 429 with Retry-After
	Forbidden403 FaultKind = "403"          // a page with that status
	LoggedOut    FaultKind = "logged-out"   // the otn session is gone; the step then answers for itself
	SignedOut    FaultKind = "signed-out"   // the passport session is gone too
	Busy         FaultKind = "busy"         // JSON: 网络繁忙
	Refused      FaultKind = "refused"      // the step's own refusal, saying Msg
	Slow         FaultKind = "slow"         // the reply comes after Delay
	Hang         FaultKind = "hang"         // no reply until the client gives up
)

// FaultKinds lists all kinds, in the order above.
func FaultKinds() []FaultKind {
	return []FaultKind{Unreachable, RequestLost, ReplyLost, HTML, Redirect302, Empty200, Truncated, BrokenBody,
		WrongType, Null, Status500, Status502, Status503, TooMany429, Forbidden403, LoggedOut, SignedOut, Busy, Refused, Slow, Hang}
}

// Fault makes requests of one step fail.
type Fault struct {
	// Step that fails; "" is every step.
	Step Step `json:"step"`
	// Kind of failure.
	Kind FaultKind `json:"kind"`
	// Acts says whether the request takes effect before it fails. Implied for
	// ReplyLost, Slow, LoggedOut, SignedOut and odd rows, impossible for
	// Unreachable and RequestLost.
	Acts bool `json:"acts"`
	// Skip lets that many requests pass first.
	Skip int `json:"skip"`
	// Times is how often it fails: 0 is once, negative for ever.
	Times int `json:"times"`
	// Delay of Slow, or a delay before any other failure.
	Delay time.Duration `json:"delay"`
	// RetryAfter of 429, in whole seconds. Default 5 s.
	RetryAfter time.Duration `json:"retry_after"`
	// Msg of Refused: any of 12306's texts. Of the kinds of OddKinds: what the
	// cell or the page says.
	Msg string `json:"msg"`
}

// AddFault plans a failure. Faults are tried in the order they were added;
// one request meets at most one.
func (s *Server) AddFault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// ClearFaults forgets all failures planned and not yet met.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Faults lists the failures planned and not yet met.
func (s *Server) Faults() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Fault
	for _, f := range s.faults {
		list = append(list, *f)
	}
	return list
}

// takeFault returns the failure that this request meets, or nil. Unreachable
// is asked for by the transport before anything is written, everything else
// by the server. The caller holds mu.
func (s *Server) takeFault(step Step, dialing bool) *Fault {
	for i, f := range s.faults {
		if f.Step != "" && f.Step != step || dialing != (f.Kind == Unreachable) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		switch {
		case f.Times > 1:
			f.Times--
		case f.Times >= 0:
			s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
		}
		s.excused[step] = true
		return f
	}
	return nil
}

// acts reports whether the request takes effect. A nil fault is none.
func (f *Fault) acts() bool {
	if f == nil {
		return true
	}
	switch f.Kind {
	case ReplyLost, Slow, LoggedOut, SignedOut, EmptyResult, BadRows, MoreFields, SeatWord:
		return true
	case RequestLost, Unreachable:
		return false
	}
	return f.Acts
}

func (f *Fault) delay() time.Duration {
	if f == nil {
		return 0
	}
	return f.Delay
}

// spoil turns the answer into the failure, as far as it can be told by an
// HTTP response.
func (f *Fault) spoil(x *exchange) {
	if f == nil {
		return
	}
	x.decision += " [fault " + string(f.Kind) + "]"
	if !f.acts() && len(x.body) == 0 {
		// What a spoiled answer is made from when nothing happened.
		x.otn(map[string]any{"flag": true, "submitStatus": true, "count": "0", "ticket": "1"})
	}
	switch f.Kind {
	case HTML:
		x.page(errorPage)
	case Redirect302:
		x.redirectToError()
	case Empty200:
		x.reply(http.StatusOK, "", nil)
	case Truncated:
		x.body = x.body[:len(x.body)/2]
	case WrongType:
		x.body = wrongTypes(x.body)
	case Null:
		x.reply(http.StatusOK, typeJSON, []byte("null"))
	case Status500, Status502, Status503, Forbidden403:
		code, _ := strconv.Atoi(string(f.Kind))
		x.reply(code, typeHTML, []byte("<html><head><title>"+string(f.Kind)+" "+http.StatusText(code)+
			"</title></head><body><center><h1>"+string(f.Kind)+" "+http.StatusText(code)+"</h1></center></body></html>"))
	case TooMany429:
		after := f.RetryAfter
		if after == 0 {
			after = 5 * time.Second
		}
		x.reply(http.StatusTooManyRequests, typeHTML, []byte("<html><body>Too Many Requests</body></html>"))
		x.header.Set("Retry-After", strconv.Itoa(int(after.Seconds())))
	case Busy:
		x.busy()
	case Refused:
		x.refuseAs(f.Msg)
	case EmptyResult, BadRows, MoreFields, SeatWord, LoginPage, StrangePage, NotFound:
		f.odd(x)
	}
}

// send writes the reply, or breaks the connection.
func (f *Fault) send(w http.ResponseWriter, x *exchange) {
	kind := FaultKind("")
	if f != nil {
		kind = f.Kind
	}
	switch kind {
	case RequestLost, ReplyLost, Unreachable:
		panic(http.ErrAbortHandler)
	case Hang:
		<-x.r.Context().Done()
		panic(http.ErrAbortHandler)
	}
	h := w.Header()
	h.Set("Date", x.s.says(time.Now()).UTC().Format(http.TimeFormat))
	for k, v := range x.header {
		h[k] = v
	}
	h.Set("Content-Length", strconv.Itoa(len(x.body)))
	w.WriteHeader(x.status)
	if kind == BrokenBody {
		w.Write(x.body[:len(x.body)/2])
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	w.Write(x.body)
}

// wrongTypes turns every type of a JSON document into another. What is no
// JSON becomes a JSON string.
func wrongTypes(body []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		v = string(body)
	} else if m, ok := v.(map[string]any); ok {
		for k := range m {
			m[k] = wrongType(m[k])
		}
	} else {
		v = wrongType(v)
	}
	b, _ := marshal(v)
	return b
}

func wrongType(v any) any {
	switch v := v.(type) {
	case map[string]any, []any:
		b, _ := marshal(v)
		return string(b)
	case json.Number:
		return v.String()
	case string:
		return len(v)
	case bool:
		return strconv.FormatBool(v)
	}
	return []any{}
}
