package twelve306_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/watcherd/watcherd/pkg/twelve306"
)

// answers is a site of fixed replies, for those that railsim never gives.
type answers struct {
	t       *testing.T
	replies map[string]string // by path
	asked   []string
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
	a.asked = append(a.asked, r.URL.Path)
	body, ok := a.replies[r.URL.Path]
	if !ok {
		a.t.Errorf("%s was asked for", r.URL)
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Set-Cookie": {"JSESSIONID=x; Path=/otn"}},
		Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func (a *answers) client() *twelve306.Client {
	c, err := twelve306.New(twelve306.Options{Transport: a, Pace: twelve306.NewPace(twelve306.PaceConfig{})})
	if err != nil {
		a.t.Fatal(err)
	}
	return c
}
