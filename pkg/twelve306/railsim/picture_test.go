package railsim

import (
	"bytes"
	"image"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// TestPictureGeometry holds the pictures to what was measured on real ones.
// With RAILSIM_PICTURES=dir it leaves some there to look at.
func TestPictureGeometry(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 12 {
		p := drawPicture(rng, i%2 == 0)
		img, format, err := image.Decode(bytes.NewReader(p.image))
		if err != nil {
			t.Fatal(err)
		}
		if want := map[bool]string{true: "png", false: "jpeg"}[i%2 == 0]; format != want {
			t.Errorf("format %s, want %s", format, want)
		}
		if got := img.Bounds().Size(); got != (image.Point{X: 293, Y: 190}) {
			t.Errorf("size %v", got)
		}
		if n := len(p.wanted); n < 1 || n > 3 {
			t.Errorf("%d tiles of the word", n)
		}
		if right, well := p.judge(p.answer()); !right || !well {
			t.Errorf("its own answer %s is judged %v, %v", p.answer(), right, well)
		}
		if dir := os.Getenv("RAILSIM_PICTURES"); dir != "" {
			name := filepath.Join(dir, p.word+string(rune('a'+i))+"."+format)
			if err := os.WriteFile(name, p.image, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := len(throttlePicture()); n >= 2048 {
		t.Errorf("the throttle picture has %d bytes", n)
	}
}

func TestTileAt(t *testing.T) {
	for _, c := range []struct{ x, y, want int }{
		{38, 44, 0}, {110, 44, 1}, {182, 44, 2}, {254, 44, 3}, {38, 116, 4}, {254, 116, 7},
		{5, 11, 0}, {71, 77, 0}, {72, 44, -1}, {4, 44, -1}, {38, 10, -1}, {38, 78, -1}, {287, 149, 7}, {288, 149, -1}, {38, 150, -1},
		{42, 38, 0}, {253, 34, 3}, {54, 116, 4}, // the seed's sample: pictures 1, 4 and 5
		{42, 53, 0}, {122, 109, 5}, // accepted on 2019-05-18: pictures 1 and 6
	} {
		if got := tileAt(c.x, c.y); got != c.want {
			t.Errorf("tileAt(%d, %d) = %d, want %d", c.x, c.y, got, c.want)
		}
	}
}
