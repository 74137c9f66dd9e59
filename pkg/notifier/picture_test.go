package notifier

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"runtime"
	"testing"
	"time"
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

// real is a picture that 12306 has sent.
func real(t testing.TB) []byte {
	data, err := os.ReadFile("../twelve306/testdata/captcha/captcha-login.2019-04-18.e549ac4.jpg")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// BenchmarkNumbered is what the numbers cost on a real picture, before a mail
// or a push can go out.
func BenchmarkNumbered(b *testing.B) {
	data := real(b)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if out := Numbered(data); bytes.Equal(out, data) {
			b.Fatal("nothing was drawn")
		}
	}
}

// A picture that is made to do harm costs little: what its header says decides
// before a pixel is unpacked, and no picture is longer than 12306's may be.
func TestNumberedBombs(t *testing.T) {
	var small bytes.Buffer
	if err := png.Encode(&small, image.NewPaletted(image.Rect(0, 0, captchaWidth, captchaHeight), color.Palette{color.White})); err != nil {
		t.Fatal(err)
	}
	huge := bytes.Clone(small.Bytes())
	header := huge[12:29] // IHDR, and before its checksum
	binary.BigEndian.PutUint32(header[4:], 1<<20)
	binary.BigEndian.PutUint32(header[8:], 1<<20)
	binary.BigEndian.PutUint32(huge[29:], crc32.ChecksumIEEE(header))
	if c, err := png.DecodeConfig(bytes.NewReader(huge)); err != nil || c.Width != 1<<20 {
		t.Fatalf("%+v, %v", c, err)
	}
	for name, data := range map[string][]byte{
		"huge":     huge,
		"trailing": append(small.Bytes(), make([]byte, 1<<20)...),
		"scans":    scans(t, real(t)),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		Numbered(data)
		took := time.Since(began)
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 16<<20 || took > 5*time.Second {
			t.Errorf("%s: %d bytes took %v and %d bytes of memory", name, len(data), took, got)
		}
	}
}

// scans repeats the last scan of a picture as often as 256 KiB can hold it.
func scans(t *testing.T, data []byte) []byte {
	at := bytes.LastIndex(data, []byte{0xff, 0xda})
	if at < 0 {
		t.Fatal("no scan")
	}
	scan := data[at : len(data)-2]
	out := bytes.Clone(data[:at])
	for len(out)+len(scan) < 256<<10 {
		out = append(out, scan...)
	}
	return append(out, 0xff, 0xd9)
}

// FuzzNumbered draws on pictures that 12306, or somebody in its place, sent.
// The seeds are small, or the fuzzer does nothing but shorten them.
func FuzzNumbered(f *testing.F) {
	gray := image.NewGray(image.Rect(0, 0, captchaWidth, captchaHeight))
	for _, encode := range []func(io.Writer) error{
		func(w io.Writer) error { return jpeg.Encode(w, gray, &jpeg.Options{Quality: 1}) },
		func(w io.Writer) error { return png.Encode(w, gray) },
		func(w io.Writer) error {
			return png.Encode(w, image.NewPaletted(gray.Rect, color.Palette{color.White}))
		},
	} {
		var b bytes.Buffer
		if err := encode(&b); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
		f.Add(b.Bytes()[:b.Len()/2])
	}
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
