package notifier

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"testing"
)

// captcha returns a picture of the size of a captcha, all in one blue.
func captcha() []byte {
	m := image.NewRGBA(image.Rect(0, 0, captchaWidth, captchaHeight))
	for i := range captchaWidth * captchaHeight {
		m.Set(i%captchaWidth, i/captchaWidth, color.RGBA{B: 200, A: 255})
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		panic(err) // a bytes.Buffer takes everything
	}
	return b.Bytes()
}

func TestNumbered(t *testing.T) {
	m, _, err := image.Decode(bytes.NewReader(Numbered(captcha())))
	if err != nil {
		t.Fatal(err)
	}
	if m.Bounds().Size() != image.Pt(captchaWidth, captchaHeight) {
		t.Fatalf("it is %v: coordinates cannot be measured any more", m.Bounds())
	}
	touched := 0
	tiles := [8]int{}
	for x := range captchaWidth {
		for y := range captchaHeight {
			r, _, _, _ := m.At(x, y).RGBA()
			if r>>8 < 100 {
				continue
			}
			touched++
			if y < stripHeight {
				t.Fatalf("the strip with the words is drawn on, at %d,%d", x, y)
			}
			tiles[(y-stripHeight)/80*4+x*4/captchaWidth]++
		}
	}
	for n, points := range tiles {
		if points < 100 {
			t.Errorf("tile %d has no number: %d points", n+1, points)
		}
	}
	if share := float64(touched) / captchaWidth / captchaHeight; share > 0.06 {
		t.Errorf("%.0f %% of the picture are drawn over", 100*share)
	}
	for _, data := range [][]byte{nil, []byte("no picture"), captcha()[:300]} {
		if got := Numbered(data); !bytes.Equal(got, data) {
			t.Errorf("%d bytes that are no captcha were changed", len(data))
		}
	}
}

// FuzzNumbered draws on pictures that 12306, or somebody in its place, sent.
func FuzzNumbered(f *testing.F) {
	f.Add(captcha())
	f.Add(captcha()[:1000])
	f.Add([]byte("\x89PNG\r\n\x1a\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		out := Numbered(data)
		if bytes.Equal(out, data) {
			return
		}
		c, kind, err := image.DecodeConfig(bytes.NewReader(out))
		if err != nil || kind != "jpeg" || c.Width != captchaWidth || c.Height != captchaHeight {
			t.Errorf("%s of %dx%d, %v", kind, c.Width, c.Height, err)
		}
	})
}
