// Package railsim is 12306 on the wire: a strict simulator for tests, for the
// demonstration on one machine, and for trying things by hand.
//
// # Goals
//
// It is worse than the real service. Values that clients like to hard-code (the
// query letter, the data of submitOrderRequest, the length of the queue) change
// with the seed; a few answers in a hundred say "busy". Every endpoint can be
// made to fail, with or without its effect ([Fault]).
//
// Clients that worked at 12306 work here. What 12306 refuses, and what no client
// may do, is refused in 12306's words and written down ([Server.Violations]): a
// step out of order, an unknown or used token, a value that is wrong or encoded
// wrongly, a masked ID without its allEncStr, a query whose parameters are not in
// the browser's order, missing cookies, no User-Agent, a query or an order that
// comes from no page of the site. What only no browser sends is served, and
// written down apart ([Server.Notes]). A client that wants to pass for a browser
// does neither: [Server.Misconduct] lists both. TestClients holds the wire forms
// of the clients that are known to have worked.
//
// It knows nothing of the client: it was built from recordings of the real
// site, some of which it serves (see data/README.md), and imports nothing of
// this module.
//
// # Limits
//
// Nothing survives a restart. The encrypted fields (secretStr, leftTicketStr,
// key_check_isChange) are random text of the right length and alphabet. There
// is no slider and no waiting list (afterNate), and who pays is the test
// ([Server.PayOrder]). Seats are counted for the whole run of a train, not from
// stop to stop. Not there, and answered 404 with a violation, are the quick path
// of 2017 to 2021 (autoSubmitOrderRequest, getQueueCountAsync,
// confirmSingleForQueueAsys), the login without central sign-on
// (loginAysnSuggest), changes and refunds of tickets, the paged list of
// passengers, prices and timetables. Of the pages' scripts there are
// station_name.js, and empty ones where clients fetch them ([StepAsset]).
//
// # Time
//
// The simulator uses the real clock (time.Now, time.NewTimer), which
// testing/synctest makes virtual. [Server.Transport] needs no socket, so that
// a whole order fits into a bubble; call [Server.Close] before the bubble ends.
package railsim

import (
	cryptorand "crypto/rand"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// Era is the year whose 12306 is simulated.
type Era string

const (
	// Classic is 2018 and 2019: picture captcha, password in clear text,
	// 39-field rows, ID numbers unmasked.
	Classic Era = "classic"
	// Present is 2024 to 2026: SMS or QR login, SM4 password, 58-field rows,
	// masked ID numbers with allEncStr, no ifShowPassCode.
	Present Era = "present"
)

// Options says what kind of 12306 it is. The zero value is a classic, awkward
// site with one account (zhangsan, secret12306) and no trains.
type Options struct {
	// Seed makes everything invented repeatable for the same requests in the
	// same order. 0 picks one; [Server.String] tells it.
	Seed uint64
	// Era defaults to Classic.
	Era Era
	// Calm switches off what is random about the behaviour: no busy answers,
	// no early-stale secretStr, no rotation of the query letter, no rows of
	// neighbouring stations, the queue as in Queue. Rules stay as strict.
	Calm bool
	// NoGuard switches off 12306's own protection against a second unfinished
	// order of one account, so that a client which relies on it is caught. A
	// second confirm is still a violation.
	NoGuard bool
	// Overlap allows getQueueCount before checkOrderInfo has answered, for
	// clients that send both at once. Off: a violation.
	Overlap bool
	// Rows is the era of the rows that a query lists. Default: Era. There is no
	// recording of the years between, when one may have changed before the other.
	Rows Era
	// Conf replaces fields of login/conf; nil leaves one out.
	Conf map[string]any
	// BodyTokens gives uamtk and tk in the body of a reply alone, without the
	// cookie; the browser is to set it.
	BodyTokens bool
	// QueryLetter is what leftTicket/query ends in ("Z"; "-" for none). Default: Z when
	// Calm, else one of those seen in the wild.
	QueryLetter string
	// Accounts that can log in. Default: DefaultAccount().
	Accounts []Account
	// Queue is the course of an order for which PlanQueue planned nothing.
	// Default: one answer -100, then one 4, then the number (Calm), or a few
	// of the like.
	Queue *Queue
	// PayWindow is the time to pay. Default 30 minutes, as recorded in 2017.
	PayWindow time.Duration
	// PollGap is the shortest gap between two queryOrderWaitTime of one order
	// that is not noted. Default 900 ms, a little less than the second at which
	// the site's own page asks (R24); negative: any.
	PollGap time.Duration
	// QueryGap is the shortest gap between two leftTicket/query, measured at
	// the server, that is not noted. Default 0: any.
	QueryGap time.Duration
	// Budget is the most requests in any 5 minutes that are not noted. Default
	// 0: any number.
	Budget int
	// SecretLife is how long a secretStr can be submitted. Default 5 minutes.
	SecretLife time.Duration
	// CaptchaLife is how long a picture can be answered. Default 5 minutes.
	CaptchaLife time.Duration
	// QRLife is how long a QR code can be scanned. Default 3 minutes.
	QRLife time.Duration
	// SessionIdle is how long a session lives unused. Default: 30 minutes
	// (Classic), 10 minutes (Present).
	SessionIdle time.Duration
	// RTT is an emulated round trip: half of it passes before the request is
	// looked at, half before the reply leaves.
	RTT time.Duration
	// PNG makes captchas PNG instead of JPEG.
	PNG bool
	// Timetable invents trains for every pair of stations and date that
	// SetTrains never named.
	Timetable bool
	// Window is how many days are on sale, today included. Default: 30
	// (Classic), 15 (Present), as recorded.
	Window int
	// Night is the window in which nothing is sold, such as "23:00-06:00".
	// Default "": none.
	Night string
	// Ahead is how far the site's clock is ahead of time.Now: its Date, its
	// sale times, its nights and its times to pay. Budgets and gaps are not
	// counted by it.
	Ahead time.Duration
	// Hook is called for every request before it has any effect, outside all
	// locks. Crash tests look at the client's disk here.
	Hook func(step Step, r *http.Request)
}

// Server is one simulated site. Create it with [New]. All methods may be
// called at any time from any goroutine.
type Server struct {
	opts Options

	// mu guards everything below. Handlers run under it; delays do not.
	mu         sync.Mutex
	rng        *rand.Rand
	drawn      map[Step]uint64 // requests that drew from it
	letter     string
	accounts   map[string]*account
	sessions   map[string]*session  // by JSESSIONID
	passports  map[string]*passport // by _passport_session
	signons    map[string]string    // uamtk cookie -> user
	appTokens  map[string]string    // newapptk -> user, each good once
	board      board
	offers     map[string]*offer // by decoded secretStr
	drafts     map[string]*draft // by REPEAT_SUBMIT_TOKEN
	orders     []*order
	plans      []Queue
	pictures   *album
	qrs        map[string]*qr
	faults     []*Fault
	excused    map[Step]bool // steps that a fault has hit
	orderCode  bool          // ifShowPassCode Y
	noChoice   bool          // canChooseSeats and canChooseBeds N
	single     bool          // isAsync 0
	slider     bool          // if_check_slide_passcode 1
	violations []Violation
	notes      []Violation
	requests   []*Request
	confirms   []Confirm
	polls      map[string]time.Time // user and token -> last queryOrderWaitTime
	lastQuery  time.Time
	arrivals   []time.Time // of the last 5 minutes
	swept      time.Time
	closers    []func()
}

// New makes a site.
func New(o Options) *Server {
	if o.Seed == 0 {
		var b [8]byte
		cryptorand.Read(b[:])
		o.Seed = binary.LittleEndian.Uint64(b[:])
	}
	if o.Era == "" {
		o.Era = Classic
	}
	if o.Rows == "" {
		o.Rows = o.Era
	}
	if o.Accounts == nil {
		o.Accounts = []Account{DefaultAccount()}
	}
	idle := 30 * time.Minute
	if o.Era == Present {
		idle = 10 * time.Minute
	}
	for _, d := range []struct {
		v   *time.Duration
		def time.Duration
	}{
		{&o.PayWindow, 30 * time.Minute}, {&o.PollGap, 900 * time.Millisecond},
		{&o.SecretLife, 5 * time.Minute}, {&o.CaptchaLife, 5 * time.Minute},
		{&o.QRLife, 3 * time.Minute}, {&o.SessionIdle, idle},
	} {
		if *d.v == 0 {
			*d.v = d.def
		}
	}
	s := &Server{
		opts:      o,
		rng:       rand.New(rand.NewPCG(o.Seed, 12306)),
		accounts:  map[string]*account{},
		sessions:  map[string]*session{},
		passports: map[string]*passport{},
		signons:   map[string]string{},
		appTokens: map[string]string{},
		board:     board{days: map[string][]*train{}, stock: map[string]map[string]int{}},
		offers:    map[string]*offer{},
		drafts:    map[string]*draft{},
		pictures:  newAlbum(),
		qrs:       map[string]*qr{},
		excused:   map[Step]bool{},
		drawn:     map[Step]uint64{},
		polls:     map[string]time.Time{},
	}
	s.letter = "Z"
	if !o.Calm {
		s.letter = s.pick("", "Z", "X", "A", "O", "T", "Y", "E", "U", "G")
	}
	if o.QueryLetter != "" {
		s.letter = cleanLetter(o.QueryLetter)
	}
	for _, a := range o.Accounts {
		s.accounts[a.Username] = newAccount(a)
	}
	return s
}

// String names the simulator and its seed, for the message of a failed test.
func (s *Server) String() string {
	return fmt.Sprintf("railsim %s, seed %d", s.opts.Era, s.opts.Seed)
}

// ServeHTTP answers as kyfw.12306.cn and, for the pages a client must not
// follow to, as www.12306.cn.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := s.accept(r)
	wait(r, s.opts.RTT/2)
	if s.opts.Hook != nil {
		s.opts.Hook(x.step, r)
	}
	f := s.arrive(x)
	if f.acts() {
		s.act(x)
	}
	f.spoil(x)
	s.finish(x)
	wait(r, f.delay()+s.opts.RTT/2)
	f.send(w, x)
}

// wait lets d pass, or less if the client hangs up.
func wait(r *http.Request, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.Context().Done():
	}
}

// Close ends everything that Transport started. The site itself needs no end.
func (s *Server) Close() error {
	s.mu.Lock()
	closers := s.closers
	s.closers = nil
	s.mu.Unlock()
	for _, c := range closers {
		c()
	}
	return nil
}

// reseed gives the n-th request of a step its own random numbers: what is
// invented for one step does not depend on what another asked at the same
// moment. Callers hold s.mu.
func (s *Server) reseed(step Step) {
	s.drawn[step]++
	h := fnv.New64a()
	h.Write([]byte(step))
	s.rng = rand.New(rand.NewPCG(s.opts.Seed, h.Sum64()+s.drawn[step]))
}

// awkward reports, one time in n, that something should go wrong now. Calm
// sites never do.
func (s *Server) awkward(n int) bool {
	return !s.opts.Calm && s.rng.IntN(n) == 0
}

func (s *Server) pick(words ...string) string { return words[s.rng.IntN(len(words))] }

// text invents n characters of an alphabet.
func (s *Server) text(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[s.rng.IntN(len(alphabet))]
	}
	return string(b)
}

const (
	hexLower = "0123456789abcdef"
	hexUpper = "0123456789ABCDEF"
	alnum    = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
)

// says is what the site's clock says at a moment.
func (s *Server) says(at time.Time) time.Time { return at.Add(s.opts.Ahead) }

// railway is the clock of the railway, which has no summer time.
var railway = time.FixedZone("CST", 8*60*60)
