package twelve306

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306/internal/wire"
)

// passenger is one saved contact of the account (seed step 12). ID and phone
// numbers are masked by 12306 since about 2020; allEncStr seals the real ones.
type passenger struct {
	Name       wire.Text `json:"passenger_name"`
	IDType     wire.Text `json:"passenger_id_type_code"`
	IDNo       wire.Text `json:"passenger_id_no"`
	Type       wire.Text `json:"passenger_type"`
	Mobile     wire.Text `json:"mobile_no"`
	TotalTimes wire.Text `json:"total_times"`
	AllEncStr  wire.Text `json:"allEncStr"`
	canBuy     bool

	ticket TicketType // on the order that is being made
	bed    Berth
}

// TicketType is what somebody travels as, by 12306's code (PROTOCOL.md 2.1).
type TicketType string

// The kinds of ticket. The zero TicketType is what the account says: a child's
// ticket for somebody saved as a child, else an adult's.
const (
	AdultTicket   TicketType = "1"
	ChildTicket   TicketType = "2"
	StudentTicket TicketType = "3"
	SoldierTicket TicketType = "4" // 残军: a disabled soldier
)

// ticketTable has the names: the one that 12306 prints, the English one, and
// other spellings.
var ticketTable = []struct {
	ticket  TicketType
	name    string
	english string
	aliases string // separated by |
}{
	{AdultTicket, "成人", "adult", "成人票"},
	{ChildTicket, "儿童", "child", "儿童票|小孩"},
	{StudentTicket, "学生", "student", "学生票"},
	{SoldierTicket, "残军", "soldier", "残军票|残疾军人|disabled soldier"},
}

// Name returns 12306's Chinese name; "" for the zero TicketType.
func (t TicketType) Name() string {
	for _, in := range ticketTable {
		if in.ticket == t {
			return in.name
		}
	}
	return ""
}

// English returns the English name; "" for the zero TicketType.
func (t TicketType) English() string {
	for _, in := range ticketTable {
		if in.ticket == t {
			return in.english
		}
	}
	return ""
}

// ParsePassenger reads a passenger in the notation of 12306's order page: the
// name as saved in the account, and in brackets what he travels as: 小宝(儿童),
// 李四（学生）, Wang(student). Without brackets the TicketType is zero.
func ParsePassenger(text string) (name string, ticket TicketType, err error) {
	text = strings.TrimSpace(text)
	at := strings.LastIndexAny(text, "(（")
	if at < 0 || !strings.HasSuffix(text, ")") && !strings.HasSuffix(text, "）") {
		return text, "", nil
	}
	name = strings.TrimSpace(text[:at])
	word := strings.ToLower(strings.TrimSpace(strings.Trim(text[at:], "()（）")))
	if name == "" {
		return "", "", fmt.Errorf("%q has no name before the brackets", text)
	}
	for _, in := range ticketTable {
		if word == in.name || word == in.english || word != "" && slices.Contains(strings.Split(in.aliases, "|"), word) {
			return name, in.ticket, nil
		}
	}
	return "", "", fmt.Errorf("no kind of ticket %q; in brackets stand 儿童 (child), 学生 (student), 残军 (soldier)", word)
}

// passengersFresh is how long a passenger list is used without asking; an older
// one serves when 12306 does not answer.
const passengersFresh = time.Hour

// Passengers returns the names saved in the account, asking 12306 unless the
// list is fresh.
func (c *Client) Passengers(ctx context.Context) ([]string, error) {
	list, err := c.passengerList(ctx, "", pageQuery)
	if err != nil {
		return nil, c.noted(err)
	}
	names := make([]string, len(list))
	for i, p := range list {
		names[i] = string(p.Name)
	}
	return names, nil
}

// Fit reports why an order for these people would not be begun: the error holds
// an [Unfit], or is that of 12306, which is asked unless the list of passengers
// is fresh. tickets may be shorter than names.
func (c *Client) Fit(ctx context.Context, names []string, tickets []TicketType) error {
	list, err := c.passengerList(ctx, "", pageQuery)
	if err != nil {
		return c.noted(err)
	}
	_, err = choose(list, names, tickets)
	return err
}

// ForgetPassengers lets the next look at the passengers ask 12306, however
// fresh the list is: the user has changed it, or says so. The old list serves
// when there is no answer.
func (c *Client) ForgetPassengers() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.passengerAt = time.Time{}
}

// passengerList is seed step 12. token is the order page's when there is one.
func (c *Client) passengerList(ctx context.Context, token, referer string) ([]passenger, error) {
	c.mu.Lock()
	list, at := c.passengers, c.passengerAt
	c.mu.Unlock()
	if list != nil && time.Since(at) < passengersFresh {
		return list, nil
	}
	fresh, err := c.askPassengers(ctx, token, referer)
	if k := KindOf(err); list == nil || k != Network && k != Busy && k != Blocked {
		return fresh, err
	}
	return list, nil // sealed for this session: a new login has forgotten it
}

func (c *Client) askPassengers(ctx context.Context, token, referer string) ([]passenger, error) {
	const op = "getPassengerDTOs"
	body := form{}.add("_json_att", "")
	if token != "" {
		body = body.add("REPEAT_SUBMIT_TOKEN", token)
	}
	env, _, err := c.post(ctx, op, "/otn/confirmPassenger/getPassengerDTOs", referer, body)
	if err != nil {
		return nil, err
	}
	var d struct {
		IsExist  *wire.Bool  `json:"isExist"`
		ExMsg    wire.Text   `json:"exMsg"`
		NoLogin  wire.Bool   `json:"noLogin"`
		TwoIDs   []wire.Text `json:"two_isOpenClick"`
		OtherIDs []wire.Text `json:"other_isOpenClick"`
		Normal   []passenger `json:"normal_passengers"`
	}
	if err := data(op, env, &d); err != nil {
		return nil, err
	}
	if d.NoLogin {
		return nil, &Error{Op: op, Kind: Session, Msg: plain(string(d.ExMsg))}
	}
	if d.IsExist != nil && !bool(*d.IsExist) {
		if d.ExMsg != "" {
			return nil, refused(op, string(d.ExMsg))
		}
		return nil, &Error{Op: op, Kind: Passenger, Msg: "no passenger is saved in this account"}
	}
	if d.Normal == nil {
		return nil, &Error{Op: op, Kind: Network, Msg: "a reply without passengers"}
	}
	for i := range d.Normal {
		p := &d.Normal[i]
		open := d.OtherIDs
		if p.IDType == "1" {
			open = d.TwoIDs
		}
		p.canBuy = len(open) == 0 || p.TotalTimes == "" || slices.Contains(open, p.TotalTimes)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.passengers, c.passengerAt = d.Normal, time.Now()
	return d.Normal, nil
}

// choose finds the named people in the account, in the order of names, and
// gives each his ticket. tickets may be shorter than names.
func choose(list []passenger, names []string, tickets []TicketType) ([]passenger, error) {
	out := make([]passenger, 0, len(names))
	children := 0
	for i, name := range names {
		var hit []passenger
		for _, p := range list {
			if strings.TrimSpace(string(p.Name)) == name {
				hit = append(hit, p)
			}
		}
		switch {
		case len(hit) == 0:
			return nil, unfit("getPassengerDTOs", Unfit{Why: NotSaved, Name: name, Saved: knownNames(list)})
		case len(hit) > 1:
			return nil, unfit("getPassengerDTOs", Unfit{Why: SavedTwice, Name: name, Count: len(hit)})
		case !hit[0].canBuy:
			return nil, unfit("getPassengerDTOs", Unfit{Why: NotVerified, Name: name})
		}
		p := hit[0]
		if i < len(tickets) {
			p.ticket = tickets[i]
		}
		if p.ticket == "" {
			p.ticket = AdultTicket
			if p.Type == wire.Text(ChildTicket) {
				p.ticket = ChildTicket
			}
		}
		switch p.ticket {
		case ChildTicket:
			children++
		case StudentTicket, SoldierTicket:
			// What the account says is what the counter or the app has verified.
			if p.Type != wire.Text(p.ticket) {
				return nil, unfit("getPassengerDTOs", Unfit{Why: NotEntitled, Name: name, Ticket: p.ticket})
			}
		}
		out = append(out, p)
	}
	if children > 0 && children == len(out) {
		return nil, unfit("getPassengerDTOs", Unfit{Why: ChildrenAlone})
	}
	return out, nil
}

// knownNames are the first names of an account, for a message.
func knownNames(list []passenger) []string {
	names := make([]string, 0, len(list))
	for i, p := range list {
		if i == 8 {
			names = append(names, "…")
			break
		}
		names = append(names, plain(string(p.Name)))
	}
	return names
}

// passengerTicketStr is what is ordered: per person
// seat,bed,ticketType,name,idType,idNo,mobile,N[,allEncStr], joined by _.
// The N keeps 12306 from saving the contact once more.
func passengerTicketStr(seat string, people []passenger) string {
	out := make([]string, len(people))
	for i, p := range people {
		f := []string{seat, strconv.Itoa(int(p.bed)), or(string(p.ticket), string(AdultTicket)), string(p.Name), string(p.IDType), string(p.IDNo), string(p.Mobile), "N"}
		if p.AllEncStr != "" {
			f = append(f, string(p.AllEncStr))
		}
		out[i] = strings.Join(f, ",")
	}
	return strings.Join(out, "_")
}

// oldPassengerStr names the same people: name,idType,idNo,passengerType_ with
// an underscore after each, the last one too; a child's ticket adds _+.
func oldPassengerStr(people []passenger) string {
	var b strings.Builder
	for _, p := range people {
		kind := or(string(p.Type), string(AdultTicket))
		b.WriteString(string(p.Name) + "," + string(p.IDType) + "," + string(p.IDNo) + "," + kind + "_")
		if p.ticket == ChildTicket {
			b.WriteString("_+")
		}
	}
	return b.String()
}
