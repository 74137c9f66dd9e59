package watcher

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// family is the account of 张三, who has saved his child and a student.
func family() []railsim.Account {
	a := railsim.DefaultAccount()
	a.Passengers = append(a.Passengers,
		railsim.Passenger{Name: "小宝", IDNo: "110101199501010011"[:17] + "X", Type: "2"},
		railsim.Passenger{Name: "小明", IDNo: "110101198001010017", Mobile: "13700000000", Type: "3"})
	return []railsim.Account{a}
}

// withSleepers is G1110 with every kind of seat that a wish can be about.
func withSleepers() railsim.Train {
	t := g1110(0)
	t.Seats = map[string]int{"O": 0, "M": 0, "9": 0, "3": 0, "4": 0}
	return t
}

// Wishes are granted where 12306 lets one choose, and never cost the order.
func TestWishes(t *testing.T) {
	two := func(r *Rule) { r.Passengers = []string{"张三", "李四"} }
	seats := func(list ...twelve306.SeatWish) func(*Rule) { return func(r *Rule) { r.SeatChoice = list } }
	berths := func(list ...twelve306.Berth) func(*Rule) {
		return func(r *Rule) {
			r.Berth, r.Seats = list, []twelve306.Seat{twelve306.HardSleeper, twelve306.SoftSleeper, twelve306.SecondClass}
		}
	}
	for _, tt := range []struct {
		name   string
		change []func(*Rule)
		sell   string // the code that there is
		left   int
		closed bool   // 12306 offers no choice
		want   string // ends of the seats in the news; "" is any
	}{
		{"one", []func(*Rule){seats("F")}, "O", 2, false, "F号"},
		{"two", []func(*Rule){two, seats("A", twelve306.Window)}, "O", 2, false, "A号 F号"},
		{"not offered", []func(*Rule){two, seats("A", "F")}, "O", 2, true, ""},
		{"not in this class", []func(*Rule){two, seats("B", "B"), func(r *Rule) { r.Seats = append(r.Seats, twelve306.FirstClass) }}, "M", 2, false, ""},
		{"fewer seats than wishes", []func(*Rule){two, seats("D", "F"), func(r *Rule) { r.Partial = true }}, "O", 1, false, "D号"},
		{"berths", []func(*Rule){two, berths(twelve306.UpperBerth, twelve306.LowerBerth)}, "3", 2, false, "上铺 下铺"},
		{"middle", []func(*Rule){berths(twelve306.MiddleBerth)}, "3", 2, false, "中铺"},
		{"no middle there", []func(*Rule){berths(twelve306.MiddleBerth)}, "4", 2, false, "铺"},
		{"berths not offered", []func(*Rule){berths(twelve306.UpperBerth)}, "3", 2, true, "下铺"},
		{"a seat after all", []func(*Rule){berths(twelve306.UpperBerth)}, "O", 2, false, ""},
	} {
		for _, era := range []railsim.Era{railsim.Classic, railsim.Present} {
			t.Run(tt.name+"/"+string(era), func(t *testing.T) {
				set := setup{sim: railsim.Options{Calm: true, Era: era}, rules: []Rule{homeRule(tt.change...)}, mode: twelve306.LoginAuto}
				play(t, set, func(s *scene) {
					s.site.SetTrains(day.String(), withSleepers())
					s.site.SetChoice(!tt.closed)
					s.start()
					s.untilTold(NewsLoggedIn, 1, time.Minute)
					s.site.Sell(day.String(), "G1110", tt.sell, tt.left)
					m := s.untilTold(NewsBooked, 1, time.Minute)
					got := regexp.MustCompile(`(?m)^(张三|李四) .*$`).FindAllString(m.Text, -1)
					want := strings.Fields(tt.want)
					if len(got) != max(len(want), min(len(set.rules[0].Passengers), tt.left)) {
						t.Fatalf("%d seats in the news:\n%s", len(got), m.Text)
					}
					for i, end := range want {
						if !strings.HasSuffix(got[i], end) {
							t.Errorf("%s, want %s", got[i], end)
						}
					}
				})
			})
		}
	}
}

// A family travels on the tickets that the rule names; the news, the history
// and 12306's list know them by their plain names.
func TestFamily(t *testing.T) {
	for _, era := range []railsim.Era{railsim.Classic, railsim.Present} {
		for name, tt := range map[string]struct {
			people  []string
			tickets []twelve306.TicketType
			kinds   string // ticket types ordered
			purpose string
		}{
			"child by the account":   {[]string{"张三", "小宝"}, nil, "1 2", "ADULT"},
			"child by the rule":      {[]string{"小宝", "张三"}, []twelve306.TicketType{twelve306.ChildTicket, ""}, "2 1", "ADULT"},
			"student":                {[]string{"小明"}, []twelve306.TicketType{twelve306.StudentTicket}, "3", "0X00"},
			"student as an adult":    {[]string{"小明"}, nil, "1", "ADULT"},
			"all of them":            {[]string{"张三", "小宝", "小明"}, []twelve306.TicketType{"", "", twelve306.StudentTicket}, "1 2 3", "0X00"},
			"no child for a child's": {[]string{"小宝"}, []twelve306.TicketType{twelve306.AdultTicket}, "1", "ADULT"},
		} {
			t.Run(name+"/"+string(era), func(t *testing.T) {
				rule := homeRule(func(r *Rule) { r.Passengers, r.Tickets = tt.people, tt.tickets })
				play(t, setup{sim: railsim.Options{Calm: true, Era: era, Accounts: family()}, rules: []Rule{rule}, mode: twelve306.LoginAuto}, func(s *scene) {
					// The reply to the confirm is lost: the order is found again by
					// its plain names.
					s.site.AddFault(railsim.Fault{Step: railsim.StepConfirm, Kind: railsim.ReplyLost})
					s.start()
					s.untilTold(NewsLoggedIn, 1, time.Minute)
					s.sell(3)
					m := s.untilTold(NewsBooked, 1, 3*time.Minute)
					for _, name := range tt.people {
						if !strings.Contains(m.Text, name+" 二等座") {
							t.Errorf("%s is not in the news:\n%s", name, m.Text)
						}
					}
					if o := s.now().w.Status().Orders; len(o) != 1 || !slices.Equal(slices.Sorted(slices.Values(o[0].Passengers)), slices.Sorted(slices.Values(tt.people))) {
						t.Errorf("orders %+v", o)
					}
					var kinds []string
					for _, r := range s.site.Requests() {
						switch r.Step {
						case railsim.StepQuery, railsim.StepSubmit:
							if p := r.Form.Get("purpose_codes"); p != tt.purpose {
								t.Errorf("%s for %s", r.Step, p)
							}
						case railsim.StepConfirm:
							for person := range strings.SplitSeq(r.Form.Get("passengerTicketStr"), "_") {
								kinds = append(kinds, strings.Split(person, ",")[2])
							}
						}
					}
					if got := strings.Join(kinds, " "); got != tt.kinds {
						t.Errorf("tickets %s, want %s", got, tt.kinds)
					}
				})
			})
		}
	}
}

// Two rules for one journey, one of them for students, are two queries; each
// books from its own.
func TestStudentsAndOthers(t *testing.T) {
	student := homeRule(func(r *Rule) {
		r.Name, r.Passengers, r.Tickets = "小明", []string{"小明"}, []twelve306.TicketType{twelve306.StudentTicket}
	})
	adult := homeRule(func(r *Rule) { r.Action = ActionNotify })
	play(t, setup{sim: railsim.Options{Calm: true, Accounts: family()}, rules: []Rule{adult, student}}, func(s *scene) {
		s.start()
		s.untilTold(NewsLoggedIn, 1, time.Minute)
		s.sell(2)
		s.untilTold(NewsBooked, 1, time.Minute)
		asked := map[string]int{}
		for _, r := range s.site.Requests() {
			if r.Step == railsim.StepQuery {
				asked[r.Form.Get("purpose_codes")]++
			}
		}
		if len(asked) != 2 || asked["ADULT"] == 0 || asked["0X00"] == 0 {
			t.Errorf("queries %v", asked)
		}
	})
}

// What the account or 12306 says against the tickets of a rule stops the rule
// in those words; an edit starts it again.
func TestTicketsRefused(t *testing.T) {
	const season = "学生票的乘车时间为每年的暑假6月1日至9月30日、寒假12月1日至3月31日"
	for name, tt := range map[string]struct {
		people  []string
		tickets []twelve306.TicketType
		fault   string // of submitOrderRequest
		says    string
	}{
		"out of season":     {[]string{"小明"}, []twelve306.TicketType{twelve306.StudentTicket}, season, season},
		"not a student":     {[]string{"张三"}, []twelve306.TicketType{twelve306.StudentTicket}, "", "张三在账户里没有登记为学生"},
		"a child by itself": {[]string{"小宝"}, nil, "", "儿童不能单独乘车"},
	} {
		t.Run(name, func(t *testing.T) {
			rule := homeRule(func(r *Rule) { r.Passengers, r.Tickets = tt.people, tt.tickets })
			play(t, setup{sim: railsim.Options{Calm: true, Accounts: family()}, rules: []Rule{rule}}, func(s *scene) {
				if tt.fault != "" {
					s.site.AddFault(railsim.Fault{Step: railsim.StepSubmit, Kind: railsim.Refused, Msg: tt.fault, Times: -1})
				}
				s.start()
				s.untilTold(NewsLoggedIn, 1, time.Minute)
				s.sell(3)
				if m := s.untilTold(NewsFailed, 1, time.Minute); !strings.Contains(m.Text, tt.says) || !strings.Contains(m.Text, "不再下单") {
					t.Errorf("told %s", m.Text)
				}
				s.pass(10 * time.Minute)
				if n := s.site.Count(railsim.StepSubmit); n != 1 {
					t.Errorf("%d orders begun", n)
				}
			})
		})
	}
}

// A slider before the order is said in words, once, and costs nothing.
func TestSlider(t *testing.T) {
	play(t, setup{sim: calm()}, func(s *scene) {
		s.site.SetSlider(true)
		s.start()
		s.untilTold(NewsLoggedIn, 1, time.Minute)
		s.sell(2)
		if m := s.untilTold(NewsFailed, 1, time.Minute); !strings.Contains(m.Text, "拖滑块") {
			t.Errorf("told %s", m.Text)
		}
		s.pass(5 * time.Minute)
		if n, checked := len(s.phone.told(NewsFailed)), s.site.Count(railsim.StepCheckOrder); n != 1 || checked != 0 {
			t.Errorf("told %d times, %d orders checked", n, checked)
		}
		s.site.SetSlider(false)
		s.untilTold(NewsBooked, 1, 5*time.Minute)
	})
}

// Where 12306 takes orders without a queue, the list of unfinished orders says
// what became of one, whatever happened to the confirm and to us.
func TestSingle(t *testing.T) {
	for name, fault := range map[string]railsim.FaultKind{"": "", "reply lost": railsim.ReplyLost, "request lost": railsim.RequestLost} {
		for _, crash := range []bool{false, true} {
			t.Run(strings.TrimSpace(name+" "+map[bool]string{true: "crash"}[crash]), func(t *testing.T) {
				play(t, setup{sim: railsim.Options{Calm: true, Era: railsim.Present}, mode: twelve306.LoginAuto}, func(s *scene) {
					s.site.SetSingle(true)
					if fault != "" {
						s.site.AddFault(railsim.Fault{Step: railsim.StepConfirmSingle, Kind: fault})
					}
					s.start()
					s.untilTold(NewsLoggedIn, 1, time.Minute)
					s.sell(2)
					if crash {
						s.until("the confirm", time.Minute, func() bool { return s.site.Count(railsim.StepConfirmSingle) > 0 })
						s.kill()
					}
					m := s.untilTold(NewsBooked, 1, 10*time.Minute)
					held := s.site.Orders("zhangsan")
					if len(held) != 1 || !strings.Contains(m.Text, held[0].Number) {
						t.Errorf("told %s, held %+v", m.Text, held)
					}
					if fault == "" && (s.site.Count(railsim.StepConfirmSingle) != 1 || !crash && s.site.Count(railsim.StepWait) != 0) {
						t.Errorf("%d confirms, %d polls of a queue that is not there", s.site.Count(railsim.StepConfirmSingle), s.site.Count(railsim.StepWait))
					}
					if s.site.Count(railsim.StepConfirm) != 0 {
						t.Error("two kinds of confirm")
					}
				})
			})
		}
	}
}
