package twelve306

import (
	"errors"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Kind says what an error means for the next move. Kinds are written to the
// journal: never rename one.
type Kind string

// The kinds.
const (
	Network   Kind = "network"     // no readable reply: reset, timeout, 5xx, an HTML page, an empty or broken body. Retry with back-off
	Busy      Kind = "busy"        // 12306 says it is busy, or too often (429). Slow down and retry
	Blocked   Kind = "blocked"     // the redirect to error.html, 403, the throttle picture: this address is asked to stay away. Slow down for long
	Session   Kind = "session"     // logged out. Log in again and go on
	SoldOut   Kind = "sold_out"    // no seat after all. Look on; rest this train and seat
	Stale     Kind = "stale"       // secretStr or page token too old. Query again
	Wrong     Kind = "answer"      // the captcha or the code was wrong or has expired. Ask the person again
	Unpaid    Kind = "unpaid"      // an order is open on this account. Look at it before anything else
	Conflict  Kind = "conflict"    // this passenger cannot take this trip: clash, identity, one ticket a day
	Refused   Kind = "refused"     // refused for today (cancelled too often), or the account is locked. Stop and tell
	Password  Kind = "password"    // user name or password is wrong, or may be: web/login refused in unknown words. Never try again by itself
	Person    Kind = "person"      // something only the person can do elsewhere (app, counter, slider). Tell
	NotOnSale Kind = "not_on_sale" // not on sale yet, or suspended
	Passenger Kind = "passenger"   // a passenger is not on the account, or may not buy
	Invalid   Kind = "invalid"     // 非法请求: a step or a parameter is wrong. A retry of the same does not help
	Changed   Kind = "changed"     // a reply we do not understand. Stop this attempt and show it
	Ambiguous Kind = "ambiguous"   // a confirm whose effect is unknown. Ask 12306 what is true
)

// Error is everything that can go wrong between us and 12306.
type Error struct {
	Op         string        // 12306's own name of the step: checkOrderInfo, queryZ, ...
	Kind       Kind          // what to do next
	Msg        string        // 12306's own words, cleaned of markup; or ours when it said nothing
	RetryAfter time.Duration // what a Retry-After header asked for; 0 if there was none
	Unsent     bool          // no byte of the request can have reached 12306
	Code       int           // result_code of web/login and uamtk where the person must act elsewhere: 91, 92, 94, 95, 97, 101; else 0
	other      bool          // a whole reply came, and is something else than what was asked for: a page, say
	Err        error         // the cause, with addresses and tokens removed; may be nil
}

func (e *Error) Error() string {
	s := e.Op + ": " + string(e.Kind)
	if e.Msg != "" {
		s += ": " + e.Msg
	}
	if e.Err != nil {
		s += " (" + plain(e.Err.Error()) + ")" // may quote what came over the wire
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the Kind of the first *Error in err's chain, or "" when there
// is none (a context that ended, a programming mistake).
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return ""
}

// refusals turns 12306's words into kinds, first match wins. The words are
// those of recordings and of clients that ran for years (PROTOCOL.md 1.10);
// wording shifts, so only the telling part of each sentence is matched.
var refusals = []struct {
	words string // alternatives, separated by |
	kind  Kind
}{
	{"取消次数过多", Refused},
	{"未处理的订单|未完成订单|未完成的订单|排队中|包含未付款订单|待支付", Unpaid},
	{"用户名或密码错误|登录名不存在|密码输入错误|密码错误", Password},
	{"用户未登录|未登录|重新登录|请登录", Session},
	{"冲突|您的证件|一日一车一证一票", Conflict},
	{"学生票的乘车时间|儿童不能单独", Passenger},
	{"用户信息|身份信息|核验|线下窗口", Conflict},
	{"锁定", Refused},
	{"滑动验证", Person},
	{"验证码|校验码|动态码", Wrong},
	{"没有足够|余票不足|仅剩|排队人数|实时余票无票|非法的席别|扣票失败|占座失败|已售完|无票", SoldOut},
	{"重新查询|已过期|票据内容为空", Stale},
	{"非法请求|非法的订票请求|数据无效", Invalid},
	{"频率太快|过于频繁|次数过多", Busy},
	{"繁忙|系统忙|网络错误|网络可能存在问题|重试|人数过多|用户过多|提交失败", Busy},
	{"起售|暂停发售|停运|预售期|系统维护", NotOnSale},
	{"未完成", Unpaid}, // last: 核验未完成 is no order
}

// Classify returns the kind that 12306's words stand for; words that are not
// in the table are Changed: they are shown, never guessed at.
func Classify(words string) Kind {
	for _, r := range refusals {
		for w := range strings.SplitSeq(r.words, "|") {
			if strings.Contains(words, w) {
				return r.kind
			}
		}
	}
	return Changed
}

// refused makes the error for a step that 12306 answered with a refusal.
func refused(op, words string) *Error {
	words = plain(words)
	if words != "" && !strings.ContainsFunc(words, unicode.IsLetter) { // a number or a sign where words should be
		return &Error{Op: op, Kind: Network, Msg: "a reply that cannot be read"}
	}
	return &Error{Op: op, Kind: Classify(words), Msg: words}
}

// maxWords bounds what is kept of 12306's words, in runes: long enough for
// every recorded sentence, short enough for a notification.
const maxWords = 200

// plain removes markup and control characters from what 12306 says and masks
// the numbers of people, so that it can be shown, logged and sent as it is.
func plain(s string) string {
	var b strings.Builder
	depth, n := 0, 0
	for _, r := range s {
		switch {
		case r == '<':
			depth++
		case r == '>' && depth > 0:
			depth--
		case depth > 0:
		case r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0, r == '\u2028', r == '\u2029', r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
		if n++; n > 20*maxWords {
			break
		}
	}
	words := personal.ReplaceAllStringFunc(strings.Join(strings.Fields(b.String()), " "), mask)
	if r := []rune(words); len(r) > maxWords {
		words = string(r[:maxWords]) + "…"
	}
	return words
}

// personal finds the numbers that 12306 puts into its sentences: mobile and ID
// numbers, and any document's number as in the trip clash of 2019-04,
// "张三(二代身份证-110101199001010014)存在与本次购票行程冲突的车票!!".
var personal = regexp.MustCompile(`\b1[0-9]{10}\b|\b[0-9]{15}(?:[0-9]{2}[0-9Xx])?\b|[证照]-[0-9A-Za-z]{5,}`)

// mask hides a number as 12306's own pages do: 1101***********014, 138****0000.
func mask(number string) string {
	head, tail := 4, 3
	switch {
	case len(number) == 11:
		head, tail = 3, 4
	case number[0] >= utf8.RuneSelf: // 证-1101...
		head = strings.IndexByte(number, '-') + 1
		if id := number[head:]; len(id) >= 15 {
			return number[:head] + mask(id)
		}
		tail = 2
	}
	return number[:head] + strings.Repeat("*", len(number)-head-tail) + number[len(number)-tail:]
}
