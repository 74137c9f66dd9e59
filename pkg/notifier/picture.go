package notifier

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	_ "image/png" // the other format in which 12306 sends pictures
)

// The captcha as 12306 sends it: 293 x 190 pixels, a title strip of 30, below
// it two rows of four tiles.
const (
	captchaWidth  = 293
	captchaHeight = 190
	stripHeight   = 30
)

// Numbered returns the captcha data with the numbers 1 to 8 in the left top corners
// of its tiles, in its own size, so that coordinates can still be measured. A
// picture that is no captcha comes back as it is.
func Numbered(data []byte) []byte {
	c, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil || c.Width != captchaWidth || c.Height != captchaHeight {
		return data
	}
	m, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return data
	}
	out := image.NewRGBA(image.Rect(0, 0, captchaWidth, captchaHeight))
	draw.Draw(out, out.Bounds(), m, m.Bounds().Min, draw.Src)
	for n := range 8 {
		label(out, image.Pt(n%4*captchaWidth/4+4, stripHeight+n/4*(captchaHeight-stripHeight)/2+2), n+1)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, out, &jpeg.Options{Quality: 95}); err != nil {
		return data
	}
	return b.Bytes()
}

// numerals are 5 x 7 points each, one string a row.
var numerals = [...][7]string{
	{"..#..", ".##..", "..#..", "..#..", "..#..", "..#..", ".###."},
	{".###.", "#...#", "....#", "...#.", "..#..", ".#...", "#####"},
	{"####.", "....#", "....#", ".###.", "....#", "....#", "####."},
	{"...#.", "..##.", ".#.#.", "#..#.", "#####", "...#.", "...#."},
	{"#####", "#....", "####.", "....#", "....#", "#...#", ".###."},
	{".###.", "#....", "#....", "####.", "#...#", "#...#", ".###."},
	{"#####", "....#", "...#.", "..#..", ".#...", ".#...", ".#..."},
	{".###.", "#...#", "#...#", ".###.", "#...#", "#...#", ".###."},
}

// label draws the number n, 1 to 8, white on red, with its corner at p.
func label(m draw.Image, p image.Point, n int) {
	const size, edge = 2, 3 // pixels a point, pixels around the digit
	red, white := image.NewUniform(color.RGBA{R: 200, A: 255}), image.NewUniform(color.White)
	draw.Draw(m, image.Rect(0, 0, 5*size+2*edge, 7*size+2*edge).Add(p), red, image.Point{}, draw.Src)
	for y, row := range numerals[n-1] {
		for x, on := range row {
			if on == '#' {
				draw.Draw(m, image.Rect(0, 0, size, size).Add(p).Add(image.Pt(edge+x*size, edge+y*size)), white, image.Point{}, draw.Src)
			}
		}
	}
}
