package railsim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Admin returns the handler of the other side: what happens at 12306 that no
// client does. Every answer is JSON, errors are {"error": "..."}; GET / lists
// what there is, as AdminHelp does. Serve it on loopback only.
func (s *Server) Admin() http.Handler {
	m, _ := s.admin()
	return m
}

// AdminHelp lists what Admin answers, one a line.
func AdminHelp() string {
	_, help := new(Server).admin()
	return help
}

func (s *Server) admin() (http.Handler, string) {
	m := http.NewServeMux()
	var help strings.Builder
	add := func(pattern, query, what string, f http.HandlerFunc) {
		method, path, _ := strings.Cut(pattern, " ")
		fmt.Fprintf(&help, "%-6s %-28s %s\n", method, strings.TrimSuffix(path, "{$}")+query, what)
		m.HandleFunc(pattern, f)
	}
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
	turn := func(set func(bool)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			on := r.PathValue("on")
			if on != "on" && on != "off" {
				wrong(w, errNoSwitch)
				return
			}
			set(on == "on")
			done(w, nil)
		}
	}
	add("GET /state", "", `seed, era, letter, counts, and the names of steps and faults`, func(w http.ResponseWriter, r *http.Request) { tell(w, s.state()) })
	add("POST /trains", "?date=D", `[Train, ...] replaces the trains of a day`, func(w http.ResponseWriter, r *http.Request) {
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
	add("POST /sell", "?date=D&train=T", `{"O": 5}: seats left now; 0 takes them away`, func(w http.ResponseWriter, r *http.Request) {
		var seats map[string]int
		err := read(w, r, &seats)
		for seat, n := range seats {
			if !s.Sell(r.URL.Query().Get("date"), r.URL.Query().Get("train"), seat, n) {
				err = errNoTrain
			}
		}
		done(w, err)
	})
	add("GET /orders", "[?user=U]", `orders as they stand`, func(w http.ResponseWriter, r *http.Request) {
		list := s.AllOrders()
		if u := r.URL.Query().Get("user"); u != "" {
			list = slices.DeleteFunc(list, func(o Order) bool { return o.User != u })
		}
		tell(w, list)
	})
	add("POST /orders/{number}/{end}", "", `end: pay, expire, cancel`, func(w http.ResponseWriter, r *http.Request) {
		ends := map[string]OrderState{"pay": Paid, "expire": Expired, "cancel": Cancelled}
		to, ok := ends[r.PathValue("end")]
		if !ok {
			wrong(w, errNoEnd)
			return
		}
		done(w, s.end(r.PathValue("number"), to))
	})
	add("POST /plant", "?user=U&date=D&seat=S&passenger=P", `a Train: an order made elsewhere`, func(w http.ResponseWriter, r *http.Request) {
		var t Train
		if err := read(w, r, &t); err != nil {
			wrong(w, err)
			return
		}
		q := r.URL.Query()
		tell(w, s.PlantOrder(q.Get("user"), q.Get("date"), t, q.Get("seat"), q["passenger"]...))
	})
	add("GET /violations", "", `what 12306 refuses and no client may do`, func(w http.ResponseWriter, r *http.Request) { tell(w, list(s.Violations())) })
	add("GET /notes", "", `what no browser sends and 12306 serves`, func(w http.ResponseWriter, r *http.Request) { tell(w, list(s.Notes())) })
	add("GET /requests", "[?step=S]", `what arrived, and what became of it`, func(w http.ResponseWriter, r *http.Request) {
		reqs := s.Requests()
		if step := Step(r.URL.Query().Get("step")); step != "" {
			reqs = slices.DeleteFunc(reqs, func(q Request) bool { return q.Step != step })
		}
		tell(w, reqs)
	})
	add("GET /confirms", "", `every confirmSingleForQueue`, func(w http.ResponseWriter, r *http.Request) { tell(w, list(s.Confirms())) })
	add("POST /faults", "", `a Fault (delays in nanoseconds)`, func(w http.ResponseWriter, r *http.Request) {
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
	add("DELETE /faults", "", `forgets them`, func(w http.ResponseWriter, r *http.Request) { s.ClearFaults(); done(w, nil) })
	add("POST /queue", "", `[Queue, ...] for the next orders`, func(w http.ResponseWriter, r *http.Request) {
		var q []Queue
		err := read(w, r, &q)
		if err == nil {
			s.PlanQueue(q...)
		}
		done(w, err)
	})
	add("POST /letter/{letter}", "", `moves leftTicket/query ("-": no letter)`, func(w http.ResponseWriter, r *http.Request) {
		l := r.PathValue("letter")
		if l != "-" && !letterForm.MatchString(l) {
			wrong(w, errNoLetter)
			return
		}
		s.SetLetter(l)
		done(w, nil)
	})
	add("POST /captcha/{on}", "", `on or off: the order's picture`, turn(s.SetOrderCaptcha))
	add("POST /choice/{on}", "", `on or off: seats and berths can be chosen`, turn(s.SetChoice))
	add("POST /single/{on}", "", `on or off: orders without a queue (isAsync 0)`, turn(s.SetSingle))
	add("POST /slider/{on}", "", `on or off: a slider on the order page`, turn(s.SetSlider))
	add("POST /cancels/{user}/{n}", "", `how many orders he has given back today; three are too many`, func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(r.PathValue("n"))
		if err == nil {
			s.SetCancels(r.PathValue("user"), n)
		}
		done(w, err)
	})
	add("POST /accounts", "", `an Account: adds it, or replaces the one of that Username`, func(w http.ResponseWriter, r *http.Request) {
		var a Account
		err := read(w, r, &a)
		if err == nil && a.Username == "" {
			err = errNoName
		}
		if err == nil {
			s.AddAccount(a)
		}
		done(w, err)
	})
	add("POST /elsewhere/{user}", "", `he does what a LoginCode asked of him`, func(w http.ResponseWriter, r *http.Request) {
		s.Elsewhere(r.PathValue("user"))
		done(w, nil)
	})
	add("POST /tickets/kill", "", `ends the otn sessions alone`, func(w http.ResponseWriter, r *http.Request) { s.KillTickets(); done(w, nil) })
	add("POST /forget", "", `drops the log of requests, confirms, violations and notes`, func(w http.ResponseWriter, r *http.Request) { s.Forget(); done(w, nil) })
	add("POST /sessions/kill", "", `logs everybody out`, func(w http.ResponseWriter, r *http.Request) { s.KillSessions(); done(w, nil) })
	add("POST /secrets/expire", "", `every secretStr becomes stale`, func(w http.ResponseWriter, r *http.Request) { s.ExpireSecrets(); done(w, nil) })
	add("GET /sms/{user}", "", `the code on the user's phone`, func(w http.ResponseWriter, r *http.Request) {
		tell(w, map[string]string{"code": s.SMSCode(r.PathValue("user"))})
	})
	add("POST /qr/{act}/{user}", "", `scan or confirm the newest QR code`, func(w http.ResponseWriter, r *http.Request) {
		done(w, s.touchQR(r.PathValue("user"), r.PathValue("act") == "confirm"))
	})
	add("POST /answer", "", `a captcha: its answer`, func(w http.ResponseWriter, r *http.Request) {
		img, err := readAll(w, r)
		if err != nil {
			wrong(w, err)
			return
		}
		tell(w, map[string]string{"answer": s.AnswerOf(img)})
	})
	add("GET /{$}", "", `this list`, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintf(w, "%s\n\n%s", s, help.String())
	})
	return m, help.String()
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
		"violations": len(s.violations), "notes": len(s.notes), "confirms": len(s.confirms), "faults": len(s.faults), "steps": Steps(), "kinds": append(FaultKinds(), OddKinds()...)}
}
