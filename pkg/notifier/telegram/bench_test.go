package telegram

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// BenchmarkAsk takes the time from Ask until a question with a real picture has
// arrived at the Bot API, over HTTP on loopback.
func BenchmarkAsk(b *testing.B) {
	picture, err := os.ReadFile("../../twelve306/testdata/captcha/captcha-login.2019-04-18.e549ac4.jpg")
	if err != nil {
		b.Fatal(err)
	}
	arrived := make(chan time.Time, 1)
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		if strings.HasSuffix(r.URL.Path, "/sendPhoto") && n > int64(len(picture)) {
			arrived <- time.Now()
		}
		fmt.Fprint(w, `{"ok":true,"result":{"message_id":1,"date":1,"chat":{"id":4242,"type":"private"}}}`)
	}))
	defer api.Close()
	d, err := New(Config{Token: fakeToken, ChatID: fakeChat, APIURL: api.URL}, notifier.Chinese, zap.NewNop())
	if err != nil {
		b.Fatal(err)
	}
	var took time.Duration
	for b.Loop() {
		ctx, withdraw := context.WithCancel(context.Background())
		p := notifier.Prompt{ID: notifier.NewID(), Kind: notifier.Picture, Lang: notifier.Chinese, Title: "请选图", Image: picture, Deadline: time.Now().Add(time.Minute)}
		done := make(chan struct{})
		began := time.Now()
		go func() {
			defer close(done)
			d.Ask(ctx, p)
		}()
		took += (<-arrived).Sub(began)
		withdraw()
		<-done
	}
	b.ReportMetric(float64(took.Microseconds())/1000/float64(b.N), "ms/asked")
	d.drain()
	d.kill()
}
