package watcher

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/twelve306"
)

// Whether the account has the passengers of the rules is found out before there
// are seats: afterwards it is too late. It costs one request after a login, an
// edit or a resume, and none while the list is fresh.

const (
	peopleAfter = time.Minute      // a login is for an order first; that one asks by itself
	peopleAgain = 10 * time.Minute // when 12306 did not say
)

// comparePeople has the passengers compared with the account; anew when the
// list that is known may be an old one.
func (w *Watcher) comparePeople(anew bool) {
	w.mu.Lock()
	client := w.client
	w.peopleAt = time.Now().Add(peopleAfter)
	w.mu.Unlock()
	if anew {
		client.ForgetPassengers()
	}
}

// peopleDue is when the passengers are to be compared; zero when they need not.
func (w *Watcher) peopleDue() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.peopleAt.IsZero() {
		return time.Time{}
	}
	return maxTime(w.peopleAt, w.client.Pace().NotSooner()) // it can wait for a Retry-After
}

// compare tells, once of each rule, whom it could not book for. The rule goes
// on: the app mends it as well as an edit does.
func (a *account) compare(ctx context.Context) {
	w := a.w
	w.mu.Lock()
	w.peopleAt = time.Time{}
	today := twelve306.DateOf(time.Now())
	var rules []*watched
	for _, r := range w.rules {
		if r.Action.Orders() && w.looks(r, today) {
			rules = append(rules, r)
		}
	}
	w.mu.Unlock()
	var news []News
	for _, r := range rules {
		err := w.client.Fit(ctx, r.Passengers, r.Tickets)
		why := ""
		switch twelve306.KindOf(err) {
		case twelve306.Passenger:
			why = w.why(err)
		case "":
		default:
			a.log.Debug("the passengers cannot be compared with the account", zap.Error(err))
			w.mu.Lock()
			w.peopleAt = time.Now().Add(asAsked(err, peopleAgain))
			w.mu.Unlock()
			return
		}
		w.mu.Lock()
		told := r.unfit == why || r.stopped == why // by an attempt
		r.unfit = why
		w.mu.Unlock()
		if why == "" || told {
			continue
		}
		a.log.Warn("the account cannot order for the passengers of a rule", zap.String("rule", r.Name), zap.Error(err))
		if len(news) < mostRules { // there may be thousands, and all of them the same slip
			news = append(news, w.say.unfitAhead(r.Name, why))
		}
	}
	if len(news) > 0 {
		w.tell(news...)
	}
}

func (s speaker) unfitAhead(rule, why string) News {
	return News{Kind: NewsFailed, Rule: rule, Loud: true, Title: s.f("乘车人有问题，有票也订不了", "Passengers to mend: nothing could be booked"),
		Text: lines(why, s.f("请改 watch.yaml；要是在 App 里改，改好后发 /resume %s，就会再核对。规则照常盯着。",
			"Please mend watch.yaml; when you mend it in the app, send /resume %s afterwards, and it is compared again. The rule keeps looking.", rule))}
}

// Unfit says in words, a rule each, which rules could not book for their
// passengers. It asks 12306 unless the list of passengers is fresh.
func (w *Watcher) Unfit(ctx context.Context) []string {
	var out []string
	for _, r := range w.rules {
		if !r.Action.Orders() {
			continue
		}
		if err := w.client.Fit(ctx, r.Passengers, r.Tickets); twelve306.KindOf(err) == twelve306.Passenger {
			out = append(out, fmt.Sprintf("%s: %s", r.Name, w.why(err)))
		}
	}
	return few(out)
}
