package railsim

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestClients: clients that worked at 12306 get an order here, by the requests
// they send and no others. The browsers of the recordings leave no note; none
// of the others commits a violation.
func TestClients(t *testing.T) {
	for name, c := range clients {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := New(Options{Seed: 7, Calm: true, Era: c.era})
				defer s.Close()
				r := newRunner(t, s, c)
				for _, step := range c.calls {
					r.do(step)
				}
				orders := s.Orders("zhangsan")
				if len(orders) != 1 || orders[0].State != Unpaid || orders[0].Number != r.learned["order"] || len(orders[0].Tickets) != c.people {
					t.Errorf("it learned the number %q; 12306 holds %+v", r.learned["order"], orders)
				}
				for _, v := range s.Violations() {
					t.Errorf("violation: %v", v)
				}
				if notes := s.Notes(); c.strict != (len(notes) == 0) {
					t.Errorf("notes: %v", notes)
				}
			})
		})
	}
}

// runner is a scripted client at work.
type runner struct {
	t       *testing.T
	site    *Server
	client  scripted
	http    *http.Client
	learned map[string]string
	last    string // the address it asked last
}

func newRunner(t *testing.T, s *Server, c scripted) *runner {
	s.SetTrains(day, Train{Code: "G1110", No: "6c000G11100C", From: "IZQ", To: "WHN", Depart: "08:00", Arrive: "12:00",
		Seats: map[string]int{"9": 0, "M": 5, "O": 30, "W": 10}})
	jar, _ := cookiejar.New(nil)
	return &runner{t: t, site: s, client: c, last: loginHTML, http: &http.Client{Transport: s.Transport(), Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		learned: map[string]string{"url": "leftTicket/queryZ", "sealed": seal("secret12306"), "blob": strings.Repeat("A", 3000)}}
}

func (r *runner) do(c call) {
	r.t.Helper()
	method, path, _ := strings.Cut(c.send, " ")
	switch method {
	case "SLEEP": // ifShowPassCodeTime
		time.Sleep(time.Second)
	case "SCAN": // by the person, while the page waits
		time.Sleep(time.Second)
		if err := r.site.ScanQR("zhangsan"); err != nil {
			r.t.Fatal(err)
		}
		if err := r.site.ConfirmQR("zhangsan"); err != nil {
			r.t.Fatal(err)
		}
	case "POLL":
		for range 20 {
			r.send("GET", path, c)
			if r.learned["order"] != "" {
				return
			}
			time.Sleep(r.client.gap)
		}
		r.t.Fatal("the queue never ends")
	default:
		r.send(method, path, c)
	}
}

func (r *runner) send(method, path string, c call) {
	r.t.Helper()
	now := time.Now()
	r.learned["ms"], r.learned["s"] = strconv.FormatInt(now.UnixMilli(), 10), strconv.FormatInt(now.Unix(), 10)
	r.learned["sms"] = r.site.SMSCode("zhangsan")
	path = r.fill(path)
	req, err := http.NewRequest(method, origin+path, strings.NewReader(r.fill(c.body)))
	if err != nil {
		r.t.Fatal(err)
	}
	for _, line := range strings.Split(r.client.header+"\n"+c.header, "\n") {
		if name, value, ok := strings.Cut(line, ": "); ok {
			req.Header.Set(name, value)
		}
	}
	switch c.referer {
	case "":
	case "<":
		req.Header.Set("Referer", origin+r.last)
	default:
		req.Header.Set("Referer", origin+c.referer)
	}
	r.last = path
	resp, err := r.http.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	body := string(b)
	if !strings.Contains(body+resp.Header.Get("Location"), c.want) {
		requests := r.site.Requests()
		r.t.Fatalf("%s %s: %d %.300s, want %s (%s)", method, path, resp.StatusCode, body, c.want, requests[len(requests)-1].Decision)
	}
	r.learn(path, body)
}

var place = regexp.MustCompile(`\{([=-]?)([a-z]+)\}`)

func (r *runner) fill(text string) string {
	return place.ReplaceAllStringFunc(text, func(m string) string {
		p := place.FindStringSubmatch(m)
		v, known := r.learned[p[2]]
		if !known {
			r.t.Fatalf("%s has not been learned", p[2])
		}
		switch p[1] {
		case "=":
			return url.QueryEscape(v)
		case "-":
			once, err := url.QueryUnescape(v)
			if err != nil {
				r.t.Fatal(err)
			}
			return url.QueryEscape(once)
		}
		return v
	})
}

// learn keeps what later requests carry.
func (r *runner) learn(path, body string) {
	r.t.Helper()
	a := answer{body: body}
	text := func(keys ...string) string { v, _ := a.json(r.t, keys...).(string); return v }
	switch {
	case strings.Contains(path, "/captcha-image?"):
		r.solve([]byte(body))
	case strings.Contains(path, "/captcha-image64?"):
		img, err := base64.StdEncoding.DecodeString(text("image"))
		if err != nil {
			r.t.Fatal(err)
		}
		r.solve(img)
	case strings.HasSuffix(path, "/create-qr64"):
		r.learned["uuid"] = text("uuid")
	case strings.Contains(path, "/web/auth/uamtk"):
		r.learned["tk"] = text("newapptk")
	case strings.HasPrefix(path, queryHTM):
		r.learned["url"] = find(r.t, body, `CLeftTicketUrl = '([^']+)'`)
	case strings.HasPrefix(path, "/otn/leftTicket/query"):
		row := strings.Split(a.json(r.t, "data", "result").([]any)[0].(string), "|")
		r.learned["secret"], r.learned["no"] = row[0], row[2]
		if len(row) > 54 {
			r.learned["bed"], r.learned["discount"] = row[53], row[54]
		}
	case path == orderHTM:
		r.learned["token"] = find(r.t, body, `globalRepeatSubmitToken = '(\w+)'`)
		var form map[string]any
		object := find(r.t, body, `var ticketInfoForPassengerForm=(.*);`)
		if err := json.Unmarshal([]byte(strings.ReplaceAll(object, "'", `"`)), &form); err != nil {
			r.t.Fatal(err)
		}
		for name, field := range map[string]string{"key": "key_check_isChange", "left": "leftTicketStr", "location": "train_location"} {
			r.learned[name] = form[field].(string)
		}
	case strings.HasSuffix(path, "/getPassengerDTOs"):
		var tickets []string
		r.learned["old"] = ""
		for _, v := range a.json(r.t, "data", "normal_passengers").([]any)[:r.client.people] {
			p := v.(map[string]any)
			for name, field := range map[string]string{"name": "passenger_name", "idtype": "passenger_id_type_code", "id": "passenger_id_no",
				"mobile": "mobile_no", "type": "passenger_type", "enc": "allEncStr"} {
				r.learned[name], _ = p[field].(string)
			}
			tickets = append(tickets, r.fill(r.client.ticket))
			r.learned["old"] += r.fill(r.client.old)
		}
		r.learned["ticket"] = strings.Join(tickets, "_")
	case strings.Contains(path, "/queryOrderWaitTime"):
		r.learned["order"] = text("data", "orderId")
	}
}

// solve finds the answer: the centres of the tiles, and the points on their
// bottom edges that TS sends.
func (r *runner) solve(img []byte) {
	r.learned["answer"] = r.site.AnswerOf(img)
	points := strings.Split(r.learned["answer"], ",")
	for i := range points {
		at := map[string]string{"38": "40", "110": "112", "182": "184", "254": "256", "44": "77", "116": "149"}
		points[i] = at[points[i]]
	}
	r.learned["edges"] = strings.Join(points, ",")
}
