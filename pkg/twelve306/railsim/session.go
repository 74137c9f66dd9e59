package railsim

import "time"

// session is what one JSESSIONID stands for.
type session struct {
	id, route, balancer string
	user                string // "" while nobody is logged in
	tk                  string // the cookie that proves the login
	used                time.Time
	sentToPassport      bool      // has been to userLogin or was sent to /otn/passport
	openedOrders        bool      // has opened a page of unfinished orders
	checked             time.Time // when the client last made sure that it is logged in
	ticket              *draft    // what submitOrderRequest began
}

// passport is what one _passport_session stands for.
type passport struct {
	id       string
	used     time.Time
	fetched  []time.Time // pictures of the last seconds
	picture  *picture    // the newest login picture, not answered yet
	solved   *picture    // the picture answered rightly, until web/login uses it
	verified string      // user name that checkLoginVerify was asked about
}

// findSession looks up both sessions of the request. The caller holds mu.
func (x *exchange) findSession() {
	idle := x.s.opts.SessionIdle
	if s := x.s.sessions[x.cookie("JSESSIONID")]; s != nil && x.now.Sub(s.used) <= idle {
		s.used = x.now
		x.sess = s
	}
	if p := x.s.passports[x.cookie("_passport_session")]; p != nil && x.now.Sub(p.used) <= idle {
		p.used = x.now
		x.passport = p
	}
}

// session returns the living session, or begins an anonymous one.
func (x *exchange) session() *session {
	if x.sess == nil {
		x.newSession("")
	}
	return x.sess
}

// newSession begins a session for a user, or for nobody yet, and sets its
// cookies. The load balancer's stay if the browser has some.
func (x *exchange) newSession(user string) *session {
	s := &session{id: x.s.text(hexUpper, 32), user: user, used: x.now,
		route: x.cookie("route"), balancer: x.cookie("BIGipServerotn")}
	x.setCookie("JSESSIONID", s.id, "/otn")
	if s.route == "" {
		s.route = x.s.text(hexLower, 32)
		x.setCookie("route", s.route, "/")
	}
	if s.balancer == "" {
		s.balancer = x.s.text("123456789", 9) + "." + x.s.text("123456789", 5) + ".0000"
		x.setCookie("BIGipServerotn", s.balancer, "/")
	}
	x.s.sessions[s.id] = s
	x.sess = s
	return s
}

// signOnSession returns the living passport session, or begins one.
func (x *exchange) signOnSession(fresh bool) *passport {
	if x.passport != nil && !fresh {
		return x.passport
	}
	p := &passport{id: x.s.text(alnum, 36), used: x.now}
	if x.passport != nil {
		old := *x.passport
		delete(x.s.passports, old.id)
		p.picture, p.solved, p.fetched, p.verified = old.picture, old.solved, old.fetched, old.verified
	}
	x.setCookie("_passport_session", p.id, "/passport")
	if x.cookie("BIGipServerpassport") == "" {
		x.setCookie("BIGipServerpassport", x.s.text("123456789", 9)+".50215.0000", "/")
	}
	x.s.passports[p.id] = p
	x.passport = p
	return p
}

// loggedIn reports whether the session belongs to a user and the request
// proves it with the tk cookie.
func (x *exchange) loggedIn() bool {
	if x.sess == nil || x.sess.user == "" {
		return false
	}
	if x.cookie("tk") != x.sess.tk {
		x.violate("the tk cookie is not that of the login")
		return false
	}
	return true
}

func (x *exchange) user() *account { return x.s.accounts[x.sess.user] }

// sweep forgets what nobody can use any more. The caller holds mu.
func (s *Server) sweep(now time.Time) {
	if now.Sub(s.swept) < time.Minute {
		return
	}
	s.swept = now
	for id, v := range s.sessions {
		if now.Sub(v.used) > s.opts.SessionIdle {
			delete(s.sessions, id)
		}
	}
	for id, v := range s.passports {
		if now.Sub(v.used) > s.opts.SessionIdle {
			delete(s.passports, id)
		}
	}
	for secret, o := range s.offers {
		if now.Sub(o.at) > 2*s.opts.SecretLife {
			delete(s.offers, secret)
		}
	}
	for token, d := range s.drafts {
		if now.Sub(d.at) > 24*time.Hour {
			delete(s.drafts, token)
		}
	}
	for key, at := range s.polls {
		if now.Sub(at) > time.Hour {
			delete(s.polls, key)
		}
	}
}

// logOut ends the otn session of the request and, when all is set, its
// passport session and sign-on too. The caller holds mu.
func (s *Server) logOut(x *exchange, all bool) {
	if x.sess != nil {
		delete(s.sessions, x.sess.id)
		x.sess = nil
	}
	if all {
		delete(s.signons, x.cookie("uamtk"))
		if x.passport != nil {
			delete(s.passports, x.passport.id)
			x.passport = nil
		}
	}
}

// KillSessions logs everybody out, of otn and of passport.
func (s *Server) KillSessions() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.sessions)
	clear(s.passports)
	clear(s.signons)
	clear(s.appTokens)
}

// KillTickets ends the otn sessions alone: the passport session lives, and
// uamtk with uamauthclient is enough to be logged in again.
func (s *Server) KillTickets() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.sessions)
}

// ExpireSecrets makes every secretStr given out so far stale.
func (s *Server) ExpireSecrets() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.offers {
		o.stale = true
	}
}
