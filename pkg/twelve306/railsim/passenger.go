package railsim

import (
	"strconv"
	"strings"
)

// getPassengerDTOs lists the passengers saved in the account.
func (s *Server) getPassengerDTOs(x *exchange) {
	if !x.loggedIn() {
		x.decided("not logged in")
		x.otn(map[string]any{"isExist": false, "exMsg": "用户未登录", "noLogin": "true"})
		return
	}
	if token := x.form.Get("REPEAT_SUBMIT_TOKEN"); token != "" {
		d := x.draft()
		if d == nil {
			x.illegal()
			return
		}
		d.listed = true
	}
	a := x.user()
	list := []any{}
	for i, p := range a.Passengers {
		m := map[string]any{
			"passenger_name": p.Name, "sex_code": "M", "sex_name": "男", "born_date": "1990-01-01 00:00:00",
			"country_code": "CN", "passenger_id_type_code": p.IDType, "passenger_id_type_name": idTypeName(p.IDType),
			"passenger_id_no": p.IDNo, "passenger_type": p.Type, "passenger_type_name": ticketTypeName(p.Type),
			"mobile_no": p.Mobile, "phone_no": "", "email": "", "address": "", "postalcode": "", "first_letter": "",
			"recordCount": strconv.Itoa(len(a.Passengers)), "total_times": p.TotalTimes, "index_id": strconv.Itoa(i),
			"gat_born_date": "", "gat_valid_date_start": "", "gat_valid_date_end": "", "gat_version": "",
		}
		if s.opts.Era == Present {
			m["passenger_id_no"], m["mobile_no"] = maskID(p.IDNo), maskMobile(p.Mobile)
			m["allEncStr"] = s.allEncStr(a, p)
			m["isAdult"], m["is_active"], m["mobile_code"] = "Y", "Y", "86"
			m["if_receive"], m["isYongThan10"], m["isYongThan14"], m["isOldThan60"] = "Y", "N", "N", "N"
			m["last_time"] = ""
		} else {
			m["code"], m["passenger_flag"] = strconv.Itoa(i+1), "0"
		}
		list = append(list, m)
	}
	x.otn(map[string]any{"notify_for_gat": "", "isExist": true, "exMsg": "",
		"two_isOpenClick":   []string{"93", "95", "97", "99"},
		"other_isOpenClick": []string{"91", "93", "98", "99", "95", "97"},
		"normal_passengers": list, "dj_passengers": []any{}})
}

// allEncStr is the encrypted passenger, the same for as long as the site runs.
func (s *Server) allEncStr(a *account, p Passenger) string {
	if a.encoded[p.IDNo] == "" {
		a.encoded[p.IDNo] = s.text(hexLower, 160+32*s.rng.IntN(2))
	}
	return a.encoded[p.IDNo]
}

func maskID(id string) string {
	if len(id) < 8 {
		return id
	}
	return id[:4] + strings.Repeat("*", len(id)-7) + id[len(id)-3:]
}

func maskMobile(m string) string {
	if len(m) != 11 {
		return m
	}
	return m[:3] + "****" + m[7:]
}

func idTypeName(code string) string {
	return map[string]string{"1": "中国居民身份证", "2": "一代身份证", "C": "港澳居民来往内地通行证",
		"G": "台湾居民来往大陆通行证", "B": "护照", "H": "外国人永久居留身份证"}[code]
}

func ticketTypeName(code string) string {
	return map[string]string{"1": "成人", "2": "儿童", "3": "学生", "4": "残军"}[code]
}

// ticket is one person on an order.
type ticket struct {
	passenger       Passenger
	seat, bed, kind string
	coach, number   string // once there is a seat
	placed          string // the stock it was taken from: seat, or "W"
	wish            string // row and letter of choose_seats: 1A
	seatNum         string
}

// parseTickets reads passengerTicketStr and oldPassengerStr, and writes down
// whatever no browser would have put there. It returns nil when there was
// something.
func (x *exchange) parseTickets(d *draft) []ticket {
	before := len(x.s.violations)
	ticketStr, oldStr := x.form.Get("passengerTicketStr"), x.form.Get("oldPassengerStr")
	fields := 8
	if x.s.opts.Era == Present {
		fields = 9
	}
	if strings.HasSuffix(ticketStr, "_") {
		x.violate("passengerTicketStr ends in _")
		ticketStr = strings.TrimSuffix(ticketStr, "_")
	}
	if whole, ok := strings.CutSuffix(oldStr, "__ _ _"); ok {
		x.note("oldPassengerStr ends in __ _ _") // PJ, which says that it failed without
		oldStr = whole + "_"
	}
	if !strings.HasSuffix(oldStr, "_") && !strings.HasSuffix(oldStr, "__+") {
		x.violate("oldPassengerStr does not end in _")
	}
	var list []ticket
	wantOld, students := "", 0
	for _, person := range strings.Split(ticketStr, "_") {
		f := strings.Split(person, ",")
		if len(f) != fields {
			x.violate("passengerTicketStr has %d fields for a person instead of %d", len(f), fields)
			return nil
		}
		p, ok := x.savedPassenger(f)
		if !ok {
			return nil
		}
		t := ticket{passenger: p, seat: f[0], bed: f[1], kind: f[2]}
		if column(t.seat) == 0 || t.seat == "W" {
			x.violate("seat %q is no code to order", t.seat)
		}
		if t.bed != "0" {
			x.violate("bed is %q before a bed could be chosen", t.bed)
		}
		switch t.kind {
		case "1", "2":
		case "3":
			students++
			fallthrough
		case "4":
			if p.Type != t.kind {
				x.violate("a ticket of type %s for somebody saved as %s", t.kind, p.Type)
			}
		default:
			x.violate("ticket type is %q", t.kind)
		}
		if f[7] != "N" {
			x.violate("the field to save the passenger is %q", f[7])
		}
		wantOld += strings.Join([]string{f[3], f[4], f[5], p.Type}, ",") + "_"
		if t.kind == "2" {
			wantOld += "_+"
		}
		list = append(list, t)
	}
	if len(list) > 5 {
		x.violate("%d passengers, at most 5", len(list))
	}
	if students > 0 != (d.purpose == "0X00") {
		x.violate("%d students on an order that began with purpose_codes %s", students, d.purpose)
	}
	if oldStr != wantOld {
		x.violate("oldPassengerStr does not say the same as passengerTicketStr")
	}
	if len(x.s.violations) > before {
		return nil
	}
	return list
}

// savedPassenger finds whom the fields of passengerTicketStr mean.
func (x *exchange) savedPassenger(f []string) (Passenger, bool) {
	a := x.user()
	for _, p := range a.Passengers {
		id, mobile := p.IDNo, p.Mobile
		if x.s.opts.Era == Present {
			id, mobile = maskID(id), maskMobile(mobile)
			if f[8] == "" || f[8] != a.encoded[p.IDNo] {
				continue
			}
		}
		if p.Name != f[3] {
			continue
		}
		if p.IDType != f[4] || id != f[5] || mobile != f[6] {
			x.violate("the ID type, ID number or mobile number of the passenger is not the one in getPassengerDTOs")
			return p, false
		}
		return p, true
	}
	x.violate("a passenger who is not in the account, or a wrong allEncStr")
	return Passenger{}, false
}

// draft returns the order in the making whose token the request carries, or
// writes down what is wrong with the token.
func (x *exchange) draft() *draft {
	token := x.form.Get("REPEAT_SUBMIT_TOKEN")
	d := x.s.drafts[token]
	switch {
	case d == nil:
		x.violate("unknown REPEAT_SUBMIT_TOKEN %q", token)
		return nil
	case d.user != x.sess.user:
		x.violate("the REPEAT_SUBMIT_TOKEN of somebody else")
		return nil
	case d.token != token:
		x.violate("the REPEAT_SUBMIT_TOKEN of an older page")
		return nil
	}
	return d
}
