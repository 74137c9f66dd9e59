package twelve306

import (
	"bufio"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// tape answers requests with recorded replies: for each path its replies in
// order, the last one for ever. A reply that begins with HTTP/ is a whole
// response, any other the body of a 200. What is not on the tape fails the test.
type tape struct {
	t       testing.TB
	mu      sync.Mutex
	replies map[string][]string
	asked   []asked
}

// asked is one request that the tape answered.
type asked struct {
	path, raw string // raw: query and body as they stood on the wire
	header    http.Header
}

func (p *tape) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		r.Body.Close()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, asked{r.URL.Path, strings.Trim(r.URL.RawQuery+"&"+string(body), "&"), r.Header})
	list := p.replies[r.URL.Path]
	if len(list) == 0 {
		p.t.Errorf("%s is not on the tape", r.URL.Path)
		return nil, io.ErrUnexpectedEOF
	}
	text := list[0]
	if len(list) > 1 {
		p.replies[r.URL.Path] = list[1:]
	}
	if !strings.HasPrefix(text, "HTTP/") {
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
	}
	return http.ReadResponse(bufio.NewReader(strings.NewReader(text)), r)
}

// last returns the newest request to a path.
func (p *tape) last(path string) asked {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := len(p.asked) - 1; i >= 0; i-- {
		if p.asked[i].path == path {
			return p.asked[i]
		}
	}
	p.t.Fatalf("%s was never asked", path)
	return asked{}
}

// fields decodes the parameters of a request once, in order.
func (a asked) fields() (names []string, values url.Values) {
	values = url.Values{}
	for p := range strings.SplitSeq(a.raw, "&") {
		name, value, _ := strings.Cut(p, "=")
		value, _ = url.QueryUnescape(value)
		names = append(names, name)
		values.Add(name, value)
	}
	return names, values
}

// play makes a client whose 12306 is a tape.
func play(t testing.TB, replies map[string][]string) (*Client, *tape) {
	t.Helper()
	p := &tape{t: t, replies: replies}
	c, err := New(Options{Transport: p, Pace: NewPace(PaceConfig{})})
	if err != nil {
		t.Fatal(err)
	}
	return c, p
}

// one is a tape of a single reply.
func one(t testing.TB, path, reply string) *Client {
	c, _ := play(t, map[string][]string{path: {reply}})
	return c
}

func fixture(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// otn is the envelope of every reply under /otn.
func otn(data string) string {
	return `{"validateMessagesShowId":"_validatorMessage","status":true,"httpstatus":200,"data":` + data + `,"messages":[],"validateMessages":{}}`
}

const (
	redirectToError = "HTTP/1.1 302 Moved Temporarily\r\nLocation: http://www.12306.cn/mormhweb/logFiles/error.html\r\nContent-Length: 0\r\n\r\n"
	redirectToLogin = "HTTP/1.1 302 Moved Temporarily\r\nLocation: https://kyfw.12306.cn/otn/passport?redirect=/otn/login/userLogin\r\nContent-Length: 0\r\n\r\n"
)

// aDraft is an order that stands before its checks, with the values of the
// recording of 2019-05-18.
func aDraft(t testing.TB, c *Client) *Draft {
	t.Helper()
	return &Draft{
		c: c, seat: "O",
		page: orderPage{
			token: "6d946b88192ceddadccb285f84a74a2b", key: "6EA22D0407A1115A91DD5C4BD6F07AE5ECF33A7794E22EC55AD1DBAC",
			leftTicket: "D%2Be4vDwFvbLJVq%2FfJFeqiwe6nAC37KC1B0mzAYxo4LLPH3XN", location: "W2", purpose: "00",
			trainNo: "770000D65805", train: "D655", from: "HGH", to: "NGH",
		},
		people: []passenger{{Name: "张三", IDType: "1", IDNo: "110101199001010014", Type: "1", Mobile: "13800000000"}},
		req:    OrderRequest{Seat: SecondClass, Train: recordedTrains(t, "query.2019-05-18.HZH-NGH.subset.json", "HGH", "NGH", Date{2019, 5, 25})[0]},
	}
}

func station(t testing.TB, code string) Station {
	t.Helper()
	s, ok := BuiltinStations().ByCode(code)
	if !ok {
		t.Fatalf("no station %s", code)
	}
	return s
}

func recordedTrains(t testing.TB, file, from, to string, day Date) []Train {
	t.Helper()
	trains, err := ParseTrains([]byte(fixture(t, file)), Journey{Date: day, From: station(t, from), To: station(t, to)})
	if err != nil {
		t.Fatal(err)
	}
	return trains
}
