package twelve306

import (
	"bytes"
	"context"
	"image"
	_ "image/jpeg" // the formats of 12306's pictures
	_ "image/png"
	"strconv"
	"strings"
	"time"
)

// ChallengeKind says what a person is asked for.
type ChallengeKind string

// The kinds of challenge.
const (
	PictureChallenge ChallengeKind = "picture" // tap the pictures that show a word
	SMSChallenge     ChallengeKind = "sms"     // type the code that was sent to the phone
	QRChallenge      ChallengeKind = "qr"      // scan Image with the 12306 app
	AppChallenge     ChallengeKind = "app"     // do something elsewhere, mostly in the 12306 app; Code and Words say what
)

// Purpose says what a challenge stands in the way of.
type Purpose string

// The purposes.
const (
	ForLogin Purpose = "login"
	ForOrder Purpose = "order"
)

// Challenge is something that only a person can answer.
type Challenge struct {
	Kind     ChallengeKind
	For      Purpose
	Image    []byte    // Picture, QR: as 12306 sent it
	Wrong    int       // how many answers in a row came to nothing so far, because they were wrong or forgotten
	Previous string    // why it is asked again: "wrong", "expired", "another", "lost" (no verdict came), "forgotten" (12306 took it, then lost the sign-on); "" the first time
	Words    string    // 12306's words, when it said something
	Code     int       // App: the Error.Code
	Until    time.Time // when the challenge itself expires; zero if 12306 does not say
}

// Answer is what the person said.
type Answer struct {
	Points  []Point // Picture
	Code    string  // SMS: six digits
	Another bool    // Picture, QR, SMS: another one, please
}

// Solver asks a person. Solve blocks until there is an answer, until the
// solver's own deadline, or until ctx ends; its error ends the login or order.
// It is called again with Previous set when an answer was wrong, and decides
// itself how many wrong answers are enough. When ctx ends because the
// challenge is over (a QR code was scanned or has expired), the message that
// was sent should say so.
type Solver interface {
	Solve(ctx context.Context, ch Challenge) (Answer, error)
}

// Point is a place in a captcha as 12306 counts it: origin at the left top of
// the area below the title strip.
type Point struct{ X, Y int }

// TitleStrip is the height of a captcha's title strip in pixels: a submitted y
// is the raw y less this (the page's script subtracts it).
const TitleStrip = 30

// TileCentre returns the point to send for picture n, 1 to 8 in reading order.
// The tiles were measured on nine real pictures (PROTOCOL.md 2.2); the centres
// lie inside the seed's model of 67 px tiles as well.
func TileCentre(n int) (Point, bool) {
	if n < 1 || n > 8 {
		return Point{}, false
	}
	return Point{38 + 72*((n-1)%4), 44 + 72*((n-1)/4)}, true
}

// points prints an answer as captcha-check and checkRandCodeAnsyn take it.
func points(ps []Point) string {
	var b strings.Builder
	for i, p := range ps {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(p.X) + "," + strconv.Itoa(p.Y))
	}
	return b.String()
}

// throttlePictureSize is the size below which a captcha is not one but the
// grey picture that says 您刷新的频率太快: it has 1,492 bytes, real ones at
// least 11,000.
const throttlePictureSize = 2000

// maxPixels bounds a side of a picture before it is decoded; captchas are 293 x
// 190, QR codes 199 x 199.
const maxPixels = 1000

// maxScans bounds the scans of a progressive JPEG; encoders write about ten. A
// scan of a dozen bytes costs a decoder a visit to every block, so that a small
// file of nothing else keeps it busy for seconds.
const maxScans = 64

// checkImage refuses what no channel should be given: something that is no
// whole picture, a picture of absurd size or cost, and the throttle picture.
func checkImage(op string, img []byte) error {
	cfg, format, err := image.DecodeConfig(bytes.NewReader(img))
	if err != nil {
		return &Error{Op: op, Kind: Network, Msg: "a picture that cannot be read", Err: err}
	}
	if cfg.Width < 32 || cfg.Height < 32 || cfg.Width > maxPixels || cfg.Height > maxPixels {
		return &Error{Op: op, Kind: Network, Msg: "a picture of " + strconv.Itoa(cfg.Width) + "x" + strconv.Itoa(cfg.Height)}
	}
	// In a JPEG's data every FF is followed by 00, so this is a scan's header.
	if format == "jpeg" && bytes.Count(img, []byte("\xff\xda")) > maxScans {
		return &Error{Op: op, Kind: Network, Msg: "a picture in too many scans"}
	}
	if format == "jpeg" && len(img) < throttlePictureSize {
		return &Error{Op: op, Kind: Busy, Msg: "您刷新的频率太快，请稍后再试！"}
	}
	if _, _, err := image.Decode(bytes.NewReader(img)); err != nil {
		return &Error{Op: op, Kind: Network, Msg: "a picture that broke off", Err: err}
	}
	return nil
}

// picture fetches a captcha, again with back-off when it does not come:
// fetching one costs nothing (seed step 2: "otherwise try again").
func (c *Client) picture(ctx context.Context, op, path, referer string) ([]byte, error) {
	return retried(ctx, c.pace, func() ([]byte, error) {
		r, err := c.do(ctx, call{op: op, path: path + "&" + random(), referer: referer, accept: acceptImage})
		if err != nil {
			return nil, err
		}
		return r.body, c.checkPicture(op, r.body)
	})
}

// checkPicture is checkImage for a captcha: the throttle picture slows us down.
func (c *Client) checkPicture(op string, img []byte) error {
	err := checkImage(op, img)
	if KindOf(err) == Busy {
		c.pace.Throttle(0)
	}
	return err
}

// retries is how often a request that changes nothing is sent before the step
// is given up.
const retries = 5

// retried calls f until it succeeds, at most retries times, with back-off.
// Only kinds that a retry of the same request can mend are tried again.
func retried[T any](ctx context.Context, pace *Pace, f func() (T, error)) (v T, err error) {
	for n := range retries {
		if v, err = f(); err == nil {
			return v, nil
		}
		switch KindOf(err) {
		case Network, Busy, Blocked:
		default:
			return v, err
		}
		if n == retries-1 || pace.backoff(ctx, n, err) != nil {
			break
		}
	}
	return v, err
}

// maxLost is how often a person is asked again because 12306's verdict on the
// answer was lost.
const maxLost = 3

// verdict is 12306's word on an answered picture.
type verdict string

const (
	right   verdict = "right"
	wrong   verdict = "wrong"
	expired verdict = "expired"
)

// captcha is where pictures of one kind come from and who judges them.
type captcha struct {
	fetch func(ctx context.Context) ([]byte, error)
	check func(ctx context.Context, answer string) (verdict, error)
}

// solvePicture shows pictures until one is answered right, and returns that
// answer as 12306 takes it. An answered picture is spent, right or wrong; when
// the verdict is lost it may be, so that a new one is shown then, too.
func (c *Client) solvePicture(ctx context.Context, solver Solver, ch *Challenge, from captcha) (string, error) {
	for lost := 0; ; {
		img, err := from.fetch(ctx)
		if err != nil {
			return "", err
		}
		ch.Image = img
		a, err := solver.Solve(ctx, *ch)
		if err != nil {
			return "", err
		}
		if a.Another {
			ch.again("another", nil)
			continue
		}
		answer := points(a.Points)
		var v verdict
		err = again(ctx, c.pace, func() (err error) { v, err = from.check(ctx, answer); return err })
		switch {
		case err == nil && v == right:
			return answer, nil
		case err == nil:
			ch.again(string(v), nil)
		default:
			switch KindOf(err) {
			case Network, Busy, Blocked:
				if lost++; lost < maxLost && c.pace.backoff(ctx, lost, err) == nil {
					ch.again("lost", nil)
					continue
				}
			}
			return "", err
		}
	}
}
