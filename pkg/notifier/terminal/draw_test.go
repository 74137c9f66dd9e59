package terminal

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/watcherd/watcherd/pkg/notifier"
)

var escapes = regexp.MustCompile("\x1b\\[[0-9;]*m")

func TestDrawCaptcha(t *testing.T) {
	file, err := os.ReadFile("testdata/captcha.jpg")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if !paint(&b, notifier.Prompt{Kind: notifier.Picture, Image: file}, 80) {
		t.Fatal("not drawn")
	}
	lines := strings.Split(strings.TrimSuffix(escapes.ReplaceAllString(b.String(), ""), "\n"), "\n")
	if len(lines) != 26 { // 79 columns x 51 points
		t.Errorf("%d lines", len(lines))
	}
	var found string
	for _, line := range lines {
		if n := len([]rune(line)); n != 79 {
			t.Errorf("a line of %d characters", n)
		}
		found += strings.ReplaceAll(line, "▀", "")
	}
	if found != "12345678" {
		t.Errorf("the numbers on the tiles are %q", found)
	}
	for _, line := range strings.SplitAfter(b.String(), "\n") {
		if line != "" && !strings.HasSuffix(line, reset) {
			t.Errorf("a line ends in colour: %q", line)
		}
	}
}

// TestModules reads a code that 12306 sent, and the same code larger, off the
// corner, and as JPEG, and wants the very same modules.
func TestModules(t *testing.T) {
	file, err := os.ReadFile("testdata/qr.png")
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := image.Decode(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	want := modules(m)
	if want == nil {
		t.Fatal("not recognised")
	}
	n := want.Bounds().Dx() - 2*quiet
	finder := []string{"1111111", "1000001", "1011101", "1011101", "1011101", "1000001", "1111111"}
	for _, corner := range []image.Point{{quiet, quiet}, {quiet + n - 7, quiet}, {quiet, quiet + n - 7}} {
		for y, row := range finder {
			for x, c := range row {
				if black := want.GrayAt(corner.X+x, corner.Y+y).Y == 0; black != (c == '1') {
					t.Fatalf("no finder pattern at %v: point %d,%d", corner, x, y)
				}
			}
		}
	}

	large := image.NewRGBA(image.Rect(0, 0, 3*m.Bounds().Dx()+50, 3*m.Bounds().Dy()+20))
	draw.Draw(large, large.Bounds(), image.White, image.Point{}, draw.Src)
	for y := range 3 * m.Bounds().Dy() {
		for x := range 3 * m.Bounds().Dx() {
			large.Set(x+40, y+10, m.At(m.Bounds().Min.X+x/3, m.Bounds().Min.Y+y/3))
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, large, &jpeg.Options{Quality: 80}); err != nil {
		t.Fatal(err)
	}
	soft, err := jpeg.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range map[string]image.Image{"three times as large": large, "as JPEG": soft} {
		got := modules(m)
		if got == nil || !bytes.Equal(got.Pix, want.Pix) {
			t.Errorf("%s: other modules", name)
		}
	}

	for name, m := range map[string]image.Image{
		"white": image.NewUniform(color.White),
		"empty": image.NewGray(image.Rectangle{}),
		"black": image.NewGray(image.Rect(0, 0, 200, 200)),
	} {
		if u, ok := m.(*image.Uniform); ok {
			white := image.NewGray(image.Rect(0, 0, 100, 100))
			draw.Draw(white, white.Bounds(), u, image.Point{}, draw.Src)
			m = white
		}
		if modules(m) != nil {
			t.Errorf("%s: taken for a code", name)
		}
	}

	b.Reset()
	if !paint(&b, notifier.Prompt{Kind: notifier.QR, Image: file}, want.Bounds().Dx()) {
		t.Error("a code that just fits is not drawn")
	}
	b.Reset()
	if paint(&b, notifier.Prompt{Kind: notifier.QR, Image: file}, 40) || b.Len() > 0 {
		t.Error("a code is drawn in 40 columns")
	}
}

// TestDrawHugePicture checks that the size is looked at before the picture.
func TestDrawHugePicture(t *testing.T) {
	var b, out bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 2049, 2049))); err != nil {
		t.Fatal(err)
	}
	if paint(&out, notifier.Prompt{Kind: notifier.Picture, Image: b.Bytes()}, 80) {
		t.Error("drawn")
	}
}
