package terminal

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg" // the formats in which 12306 sends pictures
	_ "image/png"

	"github.com/watcherd/watcherd/pkg/notifier"
)

const (
	minColumns = 60      // below this nobody can tell the tiles of a captcha apart
	maxColumns = 120     // above it the picture only scrolls off the screen
	maxPixels  = 1 << 22 // of a picture that is decoded
	maxHeight  = 4       // times its width, above which a picture would fill screen after screen
	reset      = "\x1b[0m\n"
)

// paint writes the picture of p in half blocks of 24-bit colour: one character
// is two points, one above the other. It reports false, having written
// nothing, when there is not enough room or no picture.
func paint(b *bytes.Buffer, p notifier.Prompt, columns int) bool {
	c, _, err := image.DecodeConfig(bytes.NewReader(p.Image))
	if err != nil || c.Width < 1 || c.Height < 1 || c.Width > maxPixels || c.Height > min(maxPixels/c.Width, maxHeight*c.Width) {
		return false
	}
	m, _, err := image.Decode(bytes.NewReader(p.Image))
	if err != nil {
		return false
	}
	if p.Kind == notifier.QR {
		if code := modules(m); code != nil && code.Bounds().Dx() <= columns {
			blocks(b, code, nil)
			return true
		}
	}
	if columns < minColumns {
		return false
	}
	small := shrink(m, min(columns-1, maxColumns, c.Width))
	var labels map[image.Point]byte
	if p.Kind == notifier.Picture && c.Width == 293 && c.Height == 190 {
		labels = numbers(small.Bounds().Dx())
	}
	blocks(b, small, labels)
	return true
}

// blocks writes m, two rows of points to a line, with the characters of
// labels in place of some.
func blocks(b *bytes.Buffer, m image.Image, labels map[image.Point]byte) {
	r := m.Bounds()
	for y := r.Min.Y; y < r.Max.Y; y += 2 {
		for x := r.Min.X; x < r.Max.X; x++ {
			if n, ok := labels[image.Pt(x, y/2)]; ok {
				fmt.Fprintf(b, "\x1b[1;38;2;255;255;255;48;2;200;0;0m%c\x1b[22m", n)
				continue
			}
			top, bottom := rgb(m.At(x, y)), rgb(m.At(x, min(y+1, r.Max.Y-1)))
			fmt.Fprintf(b, "\x1b[38;2;%d;%d;%d;48;2;%d;%d;%dm▀", top.R, top.G, top.B, bottom.R, bottom.G, bottom.B)
		}
		b.WriteString(reset)
	}
}

func rgb(c color.Color) color.RGBA {
	return color.RGBAModel.Convert(c).(color.RGBA)
}

// numbers returns where the numbers 1 to 8 go on a captcha drawn width
// columns wide: on the left top corner of each tile. The tiles of the 293 px
// wide picture begin at x 5, 77, 149, 221 and y 41, 113 (measured, see
// PROTOCOL.md of pkg/twelve306).
func numbers(width int) map[image.Point]byte {
	at := map[image.Point]byte{}
	for i := range 8 {
		x, y := 5+72*(i%4), 41+72*(i/4)
		at[image.Pt((x*width+292)/293, (y*width+292)/293/2)] = byte('1' + i)
	}
	return at
}

// shrink returns m scaled down to width, each point the mean of those that it
// stands for.
func shrink(m image.Image, width int) *image.RGBA {
	r := m.Bounds()
	height := max(1, r.Dy()*width/r.Dx())
	out := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			box := image.Rect(
				r.Min.X+x*r.Dx()/width, r.Min.Y+y*r.Dy()/height,
				r.Min.X+(x+1)*r.Dx()/width, r.Min.Y+(y+1)*r.Dy()/height)
			out.SetRGBA(x, y, mean(m, box))
		}
	}
	return out
}

func mean(m image.Image, box image.Rectangle) color.RGBA {
	var red, green, blue, n uint32
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			c := rgb(m.At(x, y))
			red, green, blue, n = red+uint32(c.R), green+uint32(c.G), blue+uint32(c.B), n+1
		}
	}
	if n == 0 {
		return rgb(m.At(box.Min.X, box.Min.Y))
	}
	return color.RGBA{uint8(red / n), uint8(green / n), uint8(blue / n), 255}
}
