package railsim

import (
	"bytes"
	"embed"
	"image"
	"image/color"
	"image/draw"
	"image/png"
)

// glyphs holds the few words a captcha needs, drawn once; see data/README.md.
//
//go:embed data/glyphs/*.png
var glyphs embed.FS

// drawGlyphs draws a word in a colour and returns its width.
func drawGlyphs(dst draw.Image, at image.Point, word string, height int, c color.Color) int {
	data, err := glyphs.ReadFile("data/glyphs/" + word + ".png")
	if err != nil {
		panic("railsim: no glyphs for " + word)
	}
	mask, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		panic("railsim: glyphs of " + word + ": " + err.Error())
	}
	g := mask.(*image.Gray)
	alpha := &image.Alpha{Pix: g.Pix, Stride: g.Stride, Rect: g.Rect}
	at.Y += (height - g.Rect.Dy()) / 2
	draw.DrawMask(dst, g.Rect.Add(at), image.NewUniform(c), image.Point{}, alpha, image.Point{}, draw.Over)
	return g.Rect.Dx()
}
