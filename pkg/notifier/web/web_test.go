package web

import (
	"context"
	"errors"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
	"github.com/watcherd/watcherd/pkg/notifier/notifiertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const public = "https://watch.example.com/w"

func newServer(t testing.TB) *Server {
	t.Helper()
	s, err := New(Config{PublicURL: public + "/"}, notifier.Chinese, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// call is one request of a browser behind a proxy that takes the prefix off.
// A redirect is not followed.
func call(s *Server, method, link string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, strings.TrimPrefix(link, public), strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func prompt(t testing.TB, kind notifier.Kind) notifier.Prompt {
	p := notifier.Prompt{
		ID: notifier.NewID(), Kind: kind, Lang: notifier.Chinese, Title: "请点图 <登录>", Text: "回家：G1110 & G1112",
		AskedAt: time.Now(), Deadline: time.Now().Add(3 * time.Minute),
	}
	switch kind {
	case notifier.Picture:
		p.Image = read(t, "captcha.jpg")
	case notifier.QR:
		p.Image = read(t, "qr.png")
	}
	return p
}

func TestExercise(t *testing.T) {
	notifiertest.Exercise(t, func(t *testing.T) notifiertest.Harness {
		s := newServer(t)
		var told, strange strings.Builder
		return notifiertest.Harness{
			Asker: s,
			Page:  true,
			Mute:  true,
			Reply: func(p notifier.Prompt, text string) {
				w := call(s, "POST", s.Link(&p), url.Values{"answer": {text}})
				told.WriteString(html.UnescapeString(w.Body.String()))
			},
			Sees: func(p notifier.Prompt) string {
				w := call(s, "GET", s.Link(&p), nil)
				return told.String() + html.UnescapeString(w.Body.String())
			},
			Stranger: func(p notifier.Prompt, text string) {
				for _, link := range []string{public + "/q/" + notifier.NewID(), public + "/q/" + p.ID, public + "/q/", public + "/"} {
					w := call(s, "POST", link, url.Values{"answer": {text}})
					strange.WriteString(strings.ReplaceAll(w.Body.String(), "404\n", ""))
				}
			},
			StrangerSees: strange.String,
		}
	})
}

// ask asks p until the test ends.
func ask(t *testing.T, s *Server, p notifier.Prompt) (string, <-chan notifier.Reply) {
	t.Helper()
	replies := make(chan notifier.Reply, 1)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if r, err := s.Ask(ctx, p); err == nil {
			replies <- r
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	return s.Link(&p), replies
}

func TestForms(t *testing.T) {
	for _, tt := range []struct {
		kind   notifier.Kind
		form   url.Values
		status int
		says   string
	}{
		{notifier.Picture, url.Values{"cell": {"2", "5"}}, 200, "收到"},
		{notifier.Picture, url.Values{"cell": {"5"}, "answer": {""}, "action": {"submit"}}, 200, "收到"},
		{notifier.Picture, url.Values{"answer": {"42,38"}}, 200, "收到"},
		{notifier.Picture, url.Values{"cell": {"5"}, "answer": {"x"}}, 200, "已取消"},
		{notifier.Picture, url.Values{"action": {"another"}, "cell": {"1"}}, 200, "马上换一张"},
		{notifier.Picture, url.Values{"action": {"cancel"}, "answer": {"25"}}, 200, "已取消"},
		{notifier.Picture, url.Values{"cell": {"5"}, "answer": {"2"}}, 422, "只留一种"},
		{notifier.Picture, url.Values{"cell": {"9"}}, 422, "1 到 8"},
		{notifier.Picture, url.Values{"cell": {"?"}}, 422, "1 到 8"},
		{notifier.Picture, url.Values{"action": {"submit"}}, 422, "还没有选"},
		{notifier.Picture, url.Values{"answer": {" 　"}}, 422, "还没有选"},
		{notifier.Picture, url.Values{"action": {"yes"}}, 422, "1 到 8"},
		{notifier.Picture, url.Values{"action": {"delete"}, "answer": {"25"}}, 422, "1 到 8"},
		{notifier.Picture, url.Values{"answer": {"300,10"}}, 422, "0 到 293"},
		{notifier.SMS, url.Values{"answer": {"１２３ ４５６"}}, 200, "收到"},
		{notifier.SMS, url.Values{"cell": {"1", "2", "3", "4", "5", "6"}}, 422, "六位数字"},
		{notifier.SMS, url.Values{"action": {"another"}}, 422, "六位数字"},
		{notifier.QR, url.Values{"action": {"another"}}, 200, "马上换一张"},
		{notifier.QR, url.Values{"action": {"submit"}}, 422, "扫描"},
		{notifier.Offer, url.Values{"action": {"yes"}}, 200, "收到"},
		{notifier.Offer, url.Values{"action": {"no"}}, 200, "收到"},
		{notifier.Offer, url.Values{}, 422, "不要"},
		{notifier.App, url.Values{"action": {"done"}}, 200, "收到"},
		{notifier.App, url.Values{"action": {"yes"}}, 422, "好了"},
	} {
		t.Run(string(tt.kind)+" "+tt.form.Encode(), func(t *testing.T) {
			s := newServer(t)
			link, replies := ask(t, s, prompt(t, tt.kind))
			w := call(s, "POST", link, tt.form)
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.says) {
				t.Errorf("status %d, want %d with %q:\n%s", w.Code, tt.status, tt.says, w.Body)
			}
			if tt.status == 200 {
				<-replies
			} else if q := s.questions[link[len(link)-32:]]; q.end != "" {
				t.Errorf("the question has ended: %s", q.end)
			}
		})
	}
}

// TestNoAnswerKeepsTheForm checks that nothing has to be chosen twice, and
// that what a person types is no markup.
func TestNoAnswerKeepsTheForm(t *testing.T) {
	s := newServer(t)
	link, _ := ask(t, s, prompt(t, notifier.Picture))
	w := call(s, "POST", link, url.Values{"cell": {"3"}, "answer": {`"><b>25 please`}})
	for _, want := range []string{`id="c3" checked`, `value="&#34;&gt;&lt;b&gt;25 please"`, `id="c4"><label`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s in\n%s", want, w.Body)
		}
	}
	link, _ = ask(t, s, prompt(t, notifier.SMS))
	if w := call(s, "POST", link, url.Values{"answer": {"98765"}}); strings.Contains(w.Body.String(), "98765") {
		t.Error("the page repeats a code")
	}
}

func TestPicture(t *testing.T) {
	s := newServer(t)
	p := prompt(t, notifier.Picture)
	link, replies := ask(t, s, p)
	if w := call(s, "GET", link, nil); !strings.Contains(w.Body.String(), `class="captcha"`) {
		t.Error("no tiles over the picture")
	}
	w := call(s, "GET", link+"/picture", nil)
	if w.Body.String() != string(p.Image) || w.Header().Get("Content-Type") != "image/jpeg" {
		t.Errorf("%d bytes of %s", w.Body.Len(), w.Header().Get("Content-Type"))
	}
	call(s, "POST", link, url.Values{"cell": {"1"}})
	<-replies
	if w := call(s, "GET", link+"/picture", nil); w.Code != http.StatusNotFound {
		t.Errorf("the picture of an ended question: %d", w.Code)
	}

	// A picture of another size, as 12306 sends to those it throttles, has no
	// tiles to lay check boxes over; something that is no picture is not sent.
	for name, image := range map[string][]byte{"other size": read(t, "qr.png"), "no picture": []byte("<script>"), "none": nil} {
		p := prompt(t, notifier.Picture)
		p.Image = image
		link, _ := ask(t, s, p)
		body := call(s, "GET", link, nil).Body.String()
		if !strings.Contains(body, `class="loose"`) || !strings.Contains(body, `id="c8"`) {
			t.Errorf("%s: no check boxes below the picture", name)
		}
		want := http.StatusNotFound
		if name == "other size" {
			want = http.StatusOK
		}
		if w := call(s, "GET", link+"/picture", nil); w.Code != want {
			t.Errorf("%s: picture %d, want %d", name, w.Code, want)
		}
	}
}

// TestAnotherPicture walks the way of a browser that asks for a new picture.
func TestAnotherPicture(t *testing.T) {
	s := newServer(t)
	first := prompt(t, notifier.Picture)
	link, replies := ask(t, s, first)
	token := link[len(link)-32:]

	w := call(s, "POST", link, url.Values{"action": {"another"}})
	if !strings.Contains(w.Body.String(), `http-equiv="refresh" content="1; url=`+token+`"`) {
		t.Errorf("the page does not look out for the new picture:\n%s", w.Body)
	}
	<-replies

	second := prompt(t, notifier.Picture)
	second.Replaces = first.ID
	ask(t, s, second)
	third := prompt(t, notifier.Picture)
	third.Replaces = second.ID
	newest, replies := ask(t, s, third)

	w = call(s, "GET", link, nil)
	at, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	to, err := at.Parse(w.Header().Get("Location"))
	if w.Code != http.StatusSeeOther || err != nil || to.String() != newest {
		t.Errorf("GET of the old link: %d to %v, want %s", w.Code, to, newest)
	}
	w = call(s, "POST", link, url.Values{"cell": {"1"}})
	if w.Code != http.StatusGone || !strings.Contains(w.Body.String(), first.Lang.Superseded()) || !strings.Contains(w.Body.String(), newest[len(newest)-32:]) {
		t.Errorf("POST to the old link: %d\n%s", w.Code, w.Body)
	}
	select {
	case r := <-replies:
		t.Errorf("the answer to the old picture was taken for the new: %+v", r)
	default:
	}
}

// TestAmend checks that the page of the last answer says that it led to nothing.
func TestAmend(t *testing.T) {
	s := newServer(t)
	p := prompt(t, notifier.Picture)
	link, replies := ask(t, s, p)
	if w := call(s, "POST", link, url.Values{"cell": {"2"}}); !strings.Contains(w.Body.String(), p.Lang.Thanks()) {
		t.Errorf("the page of the answer:\n%s", w.Body)
	}
	<-replies
	s.Amend(notifier.NewID(), "of nothing")
	s.Amend(p.ID, "答错了 3 次。")
	body := call(s, "GET", link, nil).Body.String()
	if !strings.Contains(body, "答错了 3 次。") || strings.Contains(body, p.Lang.Thanks()) || strings.Contains(body, "http-equiv=\"refresh\"") || !strings.Contains(body, "你的回答：2") {
		t.Errorf("the page of a wrong answer:\n%s", body)
	}
	other := prompt(t, notifier.Picture)
	open, _ := ask(t, s, other)
	s.Amend(other.ID, "答错了 3 次。")
	if body := call(s, "GET", open, nil).Body.String(); strings.Contains(body, "答错了") {
		t.Errorf("the page of an open question:\n%s", body)
	}
}

// TestLinkBeforeAsk checks that a link works from the moment it is made.
func TestLinkBeforeAsk(t *testing.T) {
	s := newServer(t)
	p := prompt(t, notifier.Offer)
	link := s.Link(&p)
	if again := s.Link(&p); again != link {
		t.Errorf("two links of one question: %s, %s", link, again)
	}
	if !regexp.MustCompile(`^`+public+`/q/[0-9a-f]{32}$`).MatchString(link) || strings.Contains(link, p.ID) {
		t.Errorf("link %s", link)
	}
	if w := call(s, "POST", link, url.Values{"action": {"no"}}); w.Code != http.StatusOK {
		t.Fatalf("status %d", w.Code)
	}
	if r, err := s.Ask(t.Context(), p); err != nil || r.Yes || r.Action != notifier.Answered {
		t.Errorf("Ask = %+v, %v", r, err)
	}
}

// TestDeadlineByTheClock checks that an answer after the deadline is late even
// when nobody has closed the question yet.
func TestDeadlineByTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		p := prompt(t, notifier.Offer)
		link := s.Link(&p)
		time.Sleep(time.Until(p.Deadline))
		w := call(s, "POST", link, url.Values{"action": {"yes"}})
		if w.Code != http.StatusGone || !strings.Contains(w.Body.String(), p.Lang.Expired()) {
			t.Errorf("%d\n%s", w.Code, w.Body)
		}
		if r, err := s.Ask(t.Context(), p); !errors.Is(err, notifier.ErrExpired) {
			t.Errorf("Ask = %+v, %v", r, err)
		}
	})
}

// TestAnsweredAsItIsWithdrawn checks that somebody who was thanked was heard.
func TestAnsweredAsItIsWithdrawn(t *testing.T) {
	s := newServer(t)
	withdrawn, cancel := context.WithCancel(t.Context())
	cancel()
	for range 50 {
		p := prompt(t, notifier.Offer)
		call(s, "POST", s.Link(&p), url.Values{"action": {"yes"}})
		if r, err := s.Ask(withdrawn, p); err != nil || !r.Yes {
			t.Fatalf("Ask = %+v, %v", r, err)
		}
	}
}

func TestEndedQuestionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		open := prompt(t, notifier.Offer)
		open.Deadline = time.Now().Add(24 * time.Hour)
		openLink := s.Link(&open)
		var newest string
		for range 2 * keepMost {
			p := prompt(t, notifier.Offer)
			newest = s.Link(&p)
			call(s, "POST", newest, url.Values{"action": {"no"}})
		}
		if n := len(s.order); n > keepMost || len(s.questions) != n || len(s.byID) != n {
			t.Errorf("%d, %d, %d questions remembered", n, len(s.questions), len(s.byID))
		}
		if w := call(s, "POST", newest, url.Values{}); w.Code != http.StatusGone {
			t.Errorf("the newest ended one: %d", w.Code)
		}
		if w := call(s, "GET", openLink, nil); w.Code != http.StatusOK {
			t.Errorf("the open one: %d", w.Code)
		}
		time.Sleep(keepFor + time.Second)
		p := prompt(t, notifier.Offer)
		s.Link(&p)
		if len(s.order) != 2 {
			t.Errorf("%d questions remembered after %v", len(s.order), keepFor)
		}
	})
}
