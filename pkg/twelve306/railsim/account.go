package railsim

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"
)

// Account is somebody with an account at 12306.
type Account struct {
	Username, Password string
	// Name, IDNo and Mobile of the owner. SMS login asks for the last four
	// characters of IDNo.
	Name, IDNo, Mobile string
	// Passengers saved in the account. Default: the owner alone.
	Passengers []Passenger
	// VerifyCode is checkLoginVerify's login_check_code (Present): "0" none,
	// "1" slider or SMS, "2" slider, "3" SMS. Default "3".
	VerifyCode string
	// LoginCode, when not 0, is web/login's result_code for the right password:
	// 91, 92, 94, 95, 97 or 101, with its message (Present).
	LoginCode int
}

// Passenger is one saved passenger, with the values of getPassengerDTOs.
type Passenger struct {
	Name   string
	IDType string // "1" when empty: the ID card
	IDNo   string
	Type   string // "1" when empty: adult
	Mobile string
	// TotalTimes is the state of verification. Default "99": may travel.
	TotalTimes string
}

// DefaultAccount is zhangsan with the password secret12306, who has saved
// himself (张三) and 李四.
func DefaultAccount() Account {
	return Account{
		Username: "zhangsan", Password: "secret12306",
		Name: "张三", IDNo: "110101199001010014", Mobile: "13800000000",
		Passengers: []Passenger{
			{Name: "张三", IDNo: "110101199001010014", Mobile: "13800000000"},
			{Name: "李四", IDNo: "110101196301010011", Mobile: "13900000000"},
		},
	}
}

// Somebody is the account of somebody else with that name and password: he has
// saved himself and one more, with names and numbers that only the accounts of
// this user name have. As in DefaultAccount's, the two ID numbers end in 0014
// and 0011.
func Somebody(username, password string) Account {
	a := DefaultAccount()
	a.Username, a.Password = username, password
	if username == DefaultAccount().Username {
		return a
	}
	sum := sha256.Sum256([]byte(username))
	n := binary.BigEndian.Uint64(sum[:])
	surnames, given := []rune("王刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"), []rune("伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞")
	a.Passengers = nil
	for i, tail := range []string{"0014", "0011"} {
		name := []rune{surnames[(n>>8)%18], given[(n>>16+uint64(i))%18]}
		m := binary.BigEndian.Uint64(sum[8*(i+1):])
		a.Passengers = append(a.Passengers, Passenger{Name: string(name), IDNo: idNumber(m, tail), Mobile: fmt.Sprintf("13%09d", m%1e9)})
	}
	a.Name, a.IDNo, a.Mobile = a.Passengers[0].Name, a.Passengers[0].IDNo, a.Passengers[0].Mobile
	return a
}

// idNumber invents an ID number, its check digit right, for an adult.
func idNumber(n uint64, tail string) string {
	area := 110101 + n%55*10000 + n>>8%12*100 + n>>16%20
	for born := time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, int(n>>24%10000)); ; born = born.AddDate(0, 0, 1) {
		id := fmt.Sprintf("%06d%s%s", area, born.Format("20060102"), tail)
		sum, weight := 0, 1 // GB 11643: weights 2^(17-i) mod 11, the sum is 1 mod 11
		for i := 17; i >= 0; i-- {
			sum += int(id[i]-'0') * weight
			weight = weight * 2 % 11
		}
		if sum%11 == 1 {
			return id
		}
	}
}

type account struct {
	Account
	misses   int       // wrong passwords in a row; more than four lock
	locked   time.Time // until then
	smsCode  string
	smsAt    time.Time
	smsCount int
	cancels  map[string]int // day -> orders cancelled or left unpaid
	encoded  map[string]string
}

func newAccount(a Account) *account {
	if a.Passengers == nil {
		a.Passengers = []Passenger{{Name: a.Name, IDNo: a.IDNo, Mobile: a.Mobile}}
	}
	a.Passengers = append([]Passenger(nil), a.Passengers...)
	for i := range a.Passengers {
		p := &a.Passengers[i]
		p.IDType = or(p.IDType, "1")
		p.Type = or(p.Type, "1")
		p.TotalTimes = or(p.TotalTimes, "99")
	}
	a.VerifyCode = or(a.VerifyCode, "3")
	return &account{Account: a, cancels: map[string]int{}, encoded: map[string]string{}}
}

func or(v, def string) string {
	if v == "" {
		return def
	}
	return v
}

// Elsewhere is what a person does away from the page: he sends the message,
// confirms in the app, or whatever else LoginCode asks of him.
func (s *Server) Elsewhere(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.accounts[user]; a != nil {
		a.LoginCode = 0
	}
}

// AddAccount adds an account, or replaces the one of the same user name.
func (s *Server) AddAccount(a Account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accounts[a.Username] = newAccount(a)
}

// tooManyCancels is the limit of orders given back in a day, after which
// 12306 takes no more (three, as recorded in 2017).
const tooManyCancels = 3

func dayOf(t time.Time) string { return t.In(railway).Format(time.DateOnly) }

// refusedToday is 12306's text for somebody who cancels too much, or "".
func (a *account) refusedToday(now time.Time) string {
	if a.cancels[dayOf(now)] < tooManyCancels {
		return ""
	}
	return "对不起，由于您取消次数过多，今日将不能继续受理您的订票请求。" +
		now.In(railway).AddDate(0, 0, 1).Format("1月2日") + "您可继续使用订票功能。"
}
