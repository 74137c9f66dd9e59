package notifier

import (
	"fmt"
	"strconv"
	"time"
)

// The texts of buttons. Whoever can read a button can also type it, except
// Submit and the English New picture.

// Submit is the button that sends a chosen answer.
func (l Lang) Submit() string { return l.Pick("提交", "Submit") }

// Another is the button that asks for another picture.
func (l Lang) Another() string { return l.Pick("换一张", "New picture") }

// Cancel is the button that gives up.
func (l Lang) Cancel() string { return l.Pick("取消", "Cancel") }

// Book is the button that accepts an offer.
func (l Lang) Book() string { return l.Pick("抢", "Book") }

// Skip is the button that declines an offer.
func (l Lang) Skip() string { return l.Pick("不要", "Skip") }

// Done is the button that says that something was done elsewhere.
func (l Lang) Done() string { return l.Pick("好了", "Done") }

// Known is the button of a message that is repeated until somebody has seen it.
func (l Lang) Known() string { return l.Pick("知道了", "Seen") }

// IsKnown reports whether text says what the button Known says.
func IsKnown(text string) bool {
	switch plain(text) {
	case "知道了", "知道", "seen":
		return true
	}
	return false
}

// Quiet acknowledges Known.
func (l Lang) Quiet() string { return l.Pick("好，不再提醒。", "All right, no more reminders.") }

// Late is told to somebody whose answer came after the end of the question.
func (l Lang) Late() string {
	return l.Pick("来晚了，这个问题已经结束，不用再回答。", "Too late: this question is closed, nothing more to do.")
}

// Superseded is told to somebody who answered a question that another has
// taken the place of.
func (l Lang) Superseded() string {
	return l.Pick("这张已经换掉了，请回答最新的问题。", "This one was replaced: please answer the newest question.")
}

// Replaced is added to the end of a question whose place another has taken
// below it: because its answer was wrong, or because that was asked for.
func (l Lang) Replaced(wrong bool) string {
	if wrong {
		return l.Pick("答错了，请回答下面的新问题。", "That was wrong: please answer the new one below.")
	}
	return l.Pick("已换成下面的新问题。", "Replaced by the new one below.")
}

// Expired is the [Closed] reason of a question that nobody answered in time.
func (l Lang) Expired() string {
	return l.Pick("已过期，没有人及时回答。", "Expired: nobody answered in time.")
}

// Withdrawn is the end of a question that was taken back without a reason.
func (l Lang) Withdrawn() string {
	return l.Pick("这个问题已撤回，不用再回答。", "This question was withdrawn, nothing more to do.")
}

// Thanks acknowledges an answer.
func (l Lang) Thanks() string { return l.Pick("收到，谢谢。", "Got it, thank you.") }

// NewOneComes acknowledges the wish for another picture.
func (l Lang) NewOneComes() string {
	return l.Pick("好，马上换一张。", "All right, a new picture is on its way.")
}

// GivenUp acknowledges a cancel.
func (l Lang) GivenUp() string { return l.Pick("好，已取消。", "All right, cancelled.") }

// NoQuestion is told to somebody who writes while no question is open.
func (l Lang) NoQuestion() string {
	return l.Pick("现在没有等待回答的问题。", "No question is waiting for an answer.")
}

// Ack returns the acknowledgement of a reply that counted.
func (l Lang) Ack(a Action) string {
	switch a {
	case Another:
		return l.NewOneComes()
	case Cancelled:
		return l.GivenUp()
	default:
		return l.Thanks()
	}
}

// AnsweredBy is the [Closed] reason of a question that somebody answered, on
// the channel of that name. by may be empty.
func (l Lang) AnsweredBy(by, channel string) string {
	if by == "" {
		return l.Pick("已在 "+channel+" 上回答。", "Answered on "+channel+".")
	}
	return l.Pick(by+" 已在 "+channel+" 上回答。", "Answered by "+by+" on "+channel+".")
}

// EndedBy is the [Closed] reason of a question that r, which came through
// another channel, has ended.
func (l Lang) EndedBy(r Reply) string {
	who := r.By + " "
	if r.By == "" {
		who = l.Pick("有人", "Somebody ")
	}
	switch r.Action {
	case Another:
		return l.Pick(who+"在 "+r.Channel+" 上要求换一张。", who+"asked for a new picture on "+r.Channel+".")
	case Cancelled:
		return l.Pick(who+"在 "+r.Channel+" 上取消了。", who+"cancelled this on "+r.Channel+".")
	default:
		return l.AnsweredBy(r.By, r.Channel)
	}
}

// Elsewhere says where a question is answered, on a channel that cannot hear:
// behind the link, or when there is none on the channels of those names, or
// when there are none either on the page that only that machine can open.
func (l Lang) Elsewhere(link, channels string) string {
	switch {
	case link != "":
		return l.Pick("点开链接回答。", "Open the link to answer.")
	case channels == "":
		return l.Pick("请在运行 watcherd 的电脑上回答：watcherd status 会打印状态页的地址，从那里点进去。",
			"Please answer it on the computer that runs watcherd: watcherd status prints the address of a page that leads there.")
	}
	return l.Pick("请在 "+channels+" 上回答。", "Please answer it on "+channels+".")
}

// Count writes a number of things: "3" in Chinese, whose templates have the
// measure word, and "1 rule" or "3 rules" in English.
func (l Lang) Count(n int, one, many string) string {
	switch {
	case l != English:
		return strconv.Itoa(n)
	case n == 1:
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// Remaining writes a duration as people do, rounded to the second:
// "2 分 50 秒", "2 min 50 s". A negative one is zero.
func (l Lang) Remaining(d time.Duration) string {
	s := int(max(d, 0).Round(time.Second) / time.Second)
	switch {
	case s >= 3600:
		return fmt.Sprintf(l.Pick("%d 小时 %d 分", "%d h %d min"), s/3600, s%3600/60)
	case s >= 60 && s%60 == 0:
		return fmt.Sprintf(l.Pick("%d 分钟", "%d min"), s/60)
	case s >= 60:
		return fmt.Sprintf(l.Pick("%d 分 %d 秒", "%d min %d s"), s/60, s%60)
	default:
		return fmt.Sprintf(l.Pick("%d 秒", "%d s"), s)
	}
}

// DeadlineLine says until when p can be answered, with the clock time in the
// location of p.Deadline: "Open until 21:40:05 (2 min 50 s left)". It is empty when p
// has no deadline.
func (p Prompt) DeadlineLine(now time.Time) string {
	if p.Deadline.IsZero() {
		return ""
	}
	clock, left := p.Deadline.Format(time.TimeOnly), p.Lang.Remaining(p.Deadline.Sub(now))
	return fmt.Sprintf(p.Lang.Pick("%s 前回答有效（还有 %s）", "Open until %s (%s left)"), clock, left)
}
