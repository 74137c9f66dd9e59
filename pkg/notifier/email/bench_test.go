package email

import (
	"context"
	"os"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// BenchmarkAsk takes the time from Ask until a mail server on loopback has the
// mail with a real picture: the numbers drawn, the connection and the login
// included.
func BenchmarkAsk(b *testing.B) {
	picture, err := os.ReadFile("../../twelve306/testdata/captcha/captcha-login.2019-04-18.e549ac4.jpg")
	if err != nil {
		b.Fatal(err)
	}
	for _, security := range []string{"none", "starttls", "tls"} {
		b.Run(security, func(b *testing.B) {
			cert, ca := certificate(b)
			c, o := onLoopback(b, security, cert)
			c.CAFile = ca
			d, err := New(c, notifier.Chinese, zap.NewNop())
			if err != nil {
				b.Fatal(err)
			}
			var took time.Duration
			for n := 1; b.Loop(); n++ {
				ctx, withdraw := context.WithCancel(context.Background())
				p := prompt(notifier.Picture)
				p.Image = picture
				done := make(chan struct{})
				began := time.Now()
				go func() {
					defer close(done)
					d.Ask(ctx, p)
				}()
				o.await(n)
				took += time.Since(began)
				withdraw()
				<-done
			}
			b.ReportMetric(float64(took.Microseconds())/1000/float64(b.N), "ms/asked")
			d.drain()
		})
	}
}
