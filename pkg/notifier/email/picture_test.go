package email

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
)

// captcha returns a picture of the size of a captcha, all in one blue.
func captcha() []byte {
	const width, height = 293, 190
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		m.Set(i%width, i/width, color.RGBA{B: 200, A: 255})
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		panic(err) // a bytes.Buffer takes everything
	}
	return b.Bytes()
}
