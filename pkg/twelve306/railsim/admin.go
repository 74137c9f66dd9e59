package railsim

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"
)

// Admin returns the handler of the other side: what happens at 12306 that no
// client does. Every answer is JSON; errors are {"error": "..."}. Serve it on
// loopback only.
//
//	GET  /state                       seed, era, letter, counts
//	POST /trains?date=D               [Train, ...] replaces the trains of a day
//	POST /sell?date=D&train=T         {"O": 5}: seats left now; 0 takes them away
//	GET  /orders[?user=U]             orders as they stand
//	POST /orders/{number}/{end}       end: pay, expire, cancel
//	POST /plant?user=U&date=D&seat=S&passenger=P   a Train: an order made elsewhere
//	GET  /violations                  what no browser would have done
//	GET  /requests[?step=S]           what arrived, and what became of it
//	GET  /confirms                    every confirmSingleForQueue
//	POST /faults                      a Fault (delays in nanoseconds)
//	DELETE /faults                    forgets them
//	POST /queue                       [Queue, ...] for the next orders
//	POST /letter/{letter}             moves leftTicket/query ("-": no letter)
//	POST /captcha/{on}                on or off: the order's picture
//	POST /sessions/kill               logs everybody out
//	POST /secrets/expire              every secretStr becomes stale
//	GET  /sms/{user}                  the code on the user's phone
//	POST /qr/{act}/{user}             scan or confirm the newest QR code
//	POST /answer                      a captcha: its answer
func (s *Server) Admin() http.Handler {
	m := http.NewServeMux()
	tell := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", typeJSON)
		json.NewEncoder(w).Encode(v) // the client has gone if this fails
	}
	wrong := func(w http.ResponseWriter, err error) {
		w.Header().Set("Content-Type", typeJSON)
		w.WriteHeader(http.StatusBadRequest)
		json.NewEncoder(w).Encode(map[string]string{"error": err.Error()})
	}
	done := func(w http.ResponseWriter, err error) {
		if err != nil {
			wrong(w, err)
			return
		}
		tell(w, map[string]bool{"ok": true})
	}
	m.HandleFunc("GET /state", func(w http.ResponseWriter, r *http.Request) { tell(w, s.state()) })
	m.HandleFunc("POST /trains", func(w http.ResponseWriter, r *http.Request) {
		var trains []Train
		date := r.URL.Query().Get("date")
		_, err := time.Parse(time.DateOnly, date)
		if err == nil {
			err = read(w, r, &trains)
		}
		if err == nil {
			s.SetTrains(date, trains...)
		}
		done(w, err)
	})
	m.HandleFunc("POST /sell", func(w http.ResponseWriter, r *http.Request) {
		var seats map[string]int
		err := read(w, r, &seats)
		for seat, n := range seats {
			if !s.Sell(r.URL.Query().Get("date"), r.URL.Query().Get("train"), seat, n) {
				err = errNoTrain
			}
		}
		done(w, err)
	})
	m.HandleFunc("GET /orders", func(w http.ResponseWriter, r *http.Request) {
		list := s.AllOrders()
		if u := r.URL.Query().Get("user"); u != "" {
			list = slices.DeleteFunc(list, func(o Order) bool { return o.User != u })
		}
		tell(w, list)
	})
	m.HandleFunc("POST /orders/{number}/{end}", func(w http.ResponseWriter, r *http.Request) {
		ends := map[string]OrderState{"pay": Paid, "expire": Expired, "cancel": Cancelled}
		to, ok := ends[r.PathValue("end")]
		if !ok {
			wrong(w, errNoEnd)
			return
		}
		done(w, s.end(r.PathValue("number"), to))
	})
	m.HandleFunc("POST /plant", func(w http.ResponseWriter, r *http.Request) {
		var t Train
		if err := read(w, r, &t); err != nil {
			wrong(w, err)
			return
		}
		q := r.URL.Query()
		tell(w, s.PlantOrder(q.Get("user"), q.Get("date"), t, q.Get("seat"), q["passenger"]...))
	})
	m.HandleFunc("GET /violations", func(w http.ResponseWriter, r *http.Request) { tell(w, list(s.Violations())) })
	m.HandleFunc("GET /requests", func(w http.ResponseWriter, r *http.Request) {
		reqs := s.Requests()
		if step := Step(r.URL.Query().Get("step")); step != "" {
			reqs = slices.DeleteFunc(reqs, func(q Request) bool { return q.Step != step })
		}
		tell(w, reqs)
	})
	m.HandleFunc("GET /confirms", func(w http.ResponseWriter, r *http.Request) { tell(w, list(s.Confirms())) })
	m.HandleFunc("POST /faults", func(w http.ResponseWriter, r *http.Request) {
		var f Fault
		err := read(w, r, &f)
		switch {
		case err != nil:
		case !slices.Contains(FaultKinds(), f.Kind) && !slices.Contains(OddKinds(), f.Kind):
			err = errNoKind
		case f.Step != "" && !slices.Contains(Steps(), f.Step):
			err = errNoStep
		default:
			s.AddFault(f)
		}
		done(w, err)
	})
	m.HandleFunc("DELETE /faults", func(w http.ResponseWriter, r *http.Request) { s.ClearFaults(); done(w, nil) })
	m.HandleFunc("POST /queue", func(w http.ResponseWriter, r *http.Request) {
		var q []Queue
		err := read(w, r, &q)
		if err == nil {
			s.PlanQueue(q...)
		}
		done(w, err)
	})
	m.HandleFunc("POST /letter/{letter}", func(w http.ResponseWriter, r *http.Request) {
		l := r.PathValue("letter")
		if l != "-" && !letterForm.MatchString(l) {
			wrong(w, errNoLetter)
			return
		}
		s.SetLetter(l)
		done(w, nil)
	})
	m.HandleFunc("POST /captcha/{on}", func(w http.ResponseWriter, r *http.Request) {
		s.SetOrderCaptcha(r.PathValue("on") == "on")
		done(w, nil)
	})
	m.HandleFunc("POST /sessions/kill", func(w http.ResponseWriter, r *http.Request) { s.KillSessions(); done(w, nil) })
	m.HandleFunc("POST /secrets/expire", func(w http.ResponseWriter, r *http.Request) { s.ExpireSecrets(); done(w, nil) })
	m.HandleFunc("GET /sms/{user}", func(w http.ResponseWriter, r *http.Request) {
		tell(w, map[string]string{"code": s.SMSCode(r.PathValue("user"))})
	})
	m.HandleFunc("POST /qr/{act}/{user}", func(w http.ResponseWriter, r *http.Request) {
		done(w, s.touchQR(r.PathValue("user"), r.PathValue("act") == "confirm"))
	})
	m.HandleFunc("POST /answer", func(w http.ResponseWriter, r *http.Request) {
		img, err := readAll(w, r)
		if err != nil {
			wrong(w, err)
			return
		}
		tell(w, map[string]string{"answer": s.AnswerOf(img)})
	})
	return m
}

// list makes an empty answer [] instead of null.
func list[T any](v []T) []T {
	if v == nil {
		return []T{}
	}
	return v
}

func (s *Server) state() map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return map[string]any{"seed": s.opts.Seed, "era": s.opts.Era, "letter": s.letter, "orders": len(s.orders),
		"violations": len(s.violations), "confirms": len(s.confirms), "faults": len(s.faults), "steps": Steps(), "kinds": append(FaultKinds(), OddKinds()...)}
}
