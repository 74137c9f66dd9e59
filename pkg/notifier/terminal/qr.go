package terminal

import (
	"image"
	"image/color"
)

// quiet is the white border around a QR code, in modules. Four are the
// standard; two are enough for phones and save four lines.
const quiet = 2

// modules returns the QR code in m with one point for each module and a quiet
// border, or nil when m does not look like one.
//
// The size of a module comes from the finder pattern: the first dark run of
// the code's top row is seven modules wide.
func modules(m image.Image) *image.Gray {
	r := m.Bounds()
	code := image.Rectangle{}
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			if dark(m, x, y) {
				code = code.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	run := 0
	for code.Min.X+run < code.Max.X && dark(m, code.Min.X+run, code.Min.Y) {
		run++
	}
	if run < 7 {
		return nil
	}
	n := (code.Dx()*7 + run/2) / run // 21, 25, 29 ... 177
	if n < 21 || n > 177 || n%4 != 1 || code.Dx()-code.Dy() > n/21 || code.Dy()-code.Dx() > n/21 {
		return nil
	}
	out := image.NewGray(image.Rect(0, 0, n+2*quiet, n+2*quiet))
	for i := range out.Pix {
		out.Pix[i] = 255
	}
	for y := range n {
		for x := range n {
			if dark(m, code.Min.X+(2*x+1)*code.Dx()/(2*n), code.Min.Y+(2*y+1)*code.Dy()/(2*n)) {
				out.SetGray(x+quiet, y+quiet, color.Gray{})
			}
		}
	}
	return out
}

func dark(m image.Image, x, y int) bool {
	c := color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA)
	return c.A > 127 && color.GrayModel.Convert(c).(color.Gray).Y < 128
}
