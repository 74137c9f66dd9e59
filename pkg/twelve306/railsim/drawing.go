package railsim

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"math/rand/v2"
	"sort"

	"golang.org/x/image/vector"
)

// sketch draws one thing in a square from -1 to 1, y down. ink is its main
// colour, dark a shade for details.
type sketch func(p *pen, ink, dark color.RGBA)

// objects are the things a captcha can ask for: few, and told apart at a
// glance whatever their colour.
var objects = map[string]sketch{
	"umbrella": func(p *pen, ink, dark color.RGBA) {
		canopy := round(0, 0, 0.85, 0.85, math.Pi, 2*math.Pi)
		for _, x := range []float64{0.57, 0, -0.57} { // the hem, bowed upward
			canopy = append(canopy, round(x, 0, 0.283, 0.15, 2*math.Pi, math.Pi)...)
		}
		p.poly(ink, canopy...)
		p.line(0, -0.14, 0, 0.7, 0.1, dark)
		p.arc(-0.14, 0.7, 0.14, 0, math.Pi, 0.1, dark)
		p.line(0, -0.98, 0, -0.8, 0.08, dark)
	},
	"house": func(p *pen, ink, dark color.RGBA) {
		p.poly(ink, -0.6, -0.1, 0.6, -0.1, 0.6, 0.8, -0.6, 0.8)
		p.poly(dark, -0.85, -0.05, 0, -0.85, 0.85, -0.05)
		p.poly(paper, -0.15, 0.8, -0.15, 0.3, 0.2, 0.3, 0.2, 0.8)
		p.poly(paper, -0.45, 0.1, -0.25, 0.1, -0.25, 0.3, -0.45, 0.3)
	},
	"tree": func(p *pen, ink, dark color.RGBA) {
		p.poly(brown, -0.13, 0.2, 0.13, 0.2, 0.17, 0.95, -0.17, 0.95)
		p.poly(green(ink), 0, -0.95, 0.5, -0.3, -0.5, -0.3)
		p.poly(green(ink), 0, -0.6, 0.65, 0.1, -0.65, 0.1)
		p.poly(green(ink), 0, -0.25, 0.8, 0.5, -0.8, 0.5)
	},
	"fish": func(p *pen, ink, dark color.RGBA) {
		p.ellipse(-0.15, 0, 0.65, 0.4, ink)
		p.poly(ink, 0.35, 0, 0.9, -0.45, 0.78, 0, 0.9, 0.45)
		p.poly(dark, -0.2, -0.36, 0.15, -0.62, 0.2, -0.3)
		p.ellipse(-0.5, -0.1, 0.1, 0.1, paper)
		p.ellipse(-0.5, -0.1, 0.05, 0.05, black)
		p.arc(-0.5, 0, 0.34, -0.8, 0.8, 0.06, dark)
	},
	"sun": func(p *pen, ink, dark color.RGBA) {
		for i := range 12 {
			a := float64(i) * math.Pi / 6
			p.line(0.58*math.Cos(a), 0.58*math.Sin(a), 0.95*math.Cos(a), 0.95*math.Sin(a), 0.12, orange)
		}
		p.ellipse(0, 0, 0.48, 0.48, warm(ink))
	},
	"moon": func(p *pen, ink, dark color.RGBA) {
		p.crescent(0.8, warm(ink))
	},
	"cup": func(p *pen, ink, dark color.RGBA) {
		p.arc(0.4, 0.1, 0.32, -math.Pi/2, math.Pi/2, 0.14, ink)
		p.poly(ink, -0.6, -0.45, 0.45, -0.45, 0.35, 0.7, -0.5, 0.7)
		p.ellipse(-0.075, -0.45, 0.525, 0.14, dark)
		p.ellipse(-0.075, -0.43, 0.42, 0.09, brown)
		p.wave(-0.3, -0.65, dark)
		p.wave(0.1, -0.65, dark)
	},
	"key": func(p *pen, ink, dark color.RGBA) {
		p.ellipse(-0.5, 0, 0.42, 0.42, ink)
		p.ellipse(-0.5, 0, 0.2, 0.2, paper)
		p.poly(ink, -0.15, -0.1, 0.92, -0.1, 0.92, 0.1, -0.15, 0.1)
		p.poly(ink, 0.45, 0.1, 0.6, 0.1, 0.6, 0.36, 0.45, 0.36)
		p.poly(ink, 0.75, 0.1, 0.92, 0.1, 0.92, 0.45, 0.75, 0.45)
	},
	"flower": func(p *pen, ink, dark color.RGBA) {
		p.line(0, 0, 0.05, 0.95, 0.09, leaf)
		p.ellipse(0.28, 0.62, 0.25, 0.1, leaf)
		for i := range 6 {
			a := float64(i) * math.Pi / 3
			p.ellipse(0.36*math.Cos(a), -0.3+0.36*math.Sin(a), 0.25, 0.25, ink)
		}
		p.ellipse(0, -0.3, 0.22, 0.22, yellow)
	},
	"ball": func(p *pen, ink, dark color.RGBA) {
		p.ellipse(0, 0, 0.8, 0.8, orange)
		p.arc(0, 0, 0.78, 0, 2*math.Pi, 0.07, black)
		p.line(-0.78, 0, 0.78, 0, 0.07, black)
		p.line(0, -0.78, 0, 0.78, 0.07, black)
		p.arc(-1.0, 0, 0.7, -0.8, 0.8, 0.07, black)
		p.arc(1.0, 0, 0.7, math.Pi-0.8, math.Pi+0.8, 0.07, black)
	},
	"boat": func(p *pen, ink, dark color.RGBA) {
		p.poly(brown, -0.85, 0.3, 0.85, 0.3, 0.5, 0.75, -0.55, 0.75)
		p.line(0, -0.9, 0, 0.3, 0.08, black)
		p.poly(ink, 0.08, -0.85, 0.7, 0.15, 0.08, 0.15)
		p.poly(dark, -0.08, -0.6, -0.08, 0.15, -0.55, 0.15)
	},
	"star": func(p *pen, ink, dark color.RGBA) {
		var points []float64
		for i := range 10 {
			r := 0.92
			if i%2 == 1 {
				r = 0.38
			}
			a := float64(i)*math.Pi/5 - math.Pi/2
			points = append(points, r*math.Cos(a), r*math.Sin(a))
		}
		p.poly(warm(ink), points...)
	},
}

func objectNames() []string {
	var names []string
	for n := range objects {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

var (
	paper  = color.RGBA{252, 250, 244, 255}
	black  = color.RGBA{40, 36, 36, 255}
	brown  = color.RGBA{125, 82, 45, 255}
	leaf   = color.RGBA{60, 140, 60, 255}
	yellow = color.RGBA{250, 205, 60, 255}
	orange = color.RGBA{235, 130, 40, 255}
)

// green and warm keep a thing in the colours it is known by.
func green(c color.RGBA) color.RGBA { return color.RGBA{c.R / 3, 90 + c.G/3, c.B / 3, 255} }
func warm(c color.RGBA) color.RGBA  { return color.RGBA{235, 150 + c.G/4, c.B / 4, 255} }

// pen draws with a position, a size and a turn of its own.
type pen struct {
	dst          *image.RGBA
	clip         image.Rectangle
	cx, cy, size float64
	sin, cos     float64
}

func (p *pen) at(x, y float64) (float32, float32) {
	return float32(p.cx + p.size*(x*p.cos-y*p.sin) - float64(p.clip.Min.X)),
		float32(p.cy + p.size*(x*p.sin+y*p.cos) - float64(p.clip.Min.Y))
}

// poly fills a polygon of x, y pairs.
func (p *pen) poly(c color.RGBA, points ...float64) {
	r := vector.NewRasterizer(p.clip.Dx(), p.clip.Dy())
	for i := 0; i < len(points); i += 2 {
		x, y := p.at(points[i], points[i+1])
		if i == 0 {
			r.MoveTo(x, y)
		} else {
			r.LineTo(x, y)
		}
	}
	r.ClosePath()
	r.Draw(p.dst, p.clip, image.NewUniform(c), image.Point{})
}

// round is the outline of an ellipse from angle a to b.
func round(cx, cy, rx, ry, a, b float64) []float64 {
	const n = 32
	var points []float64
	for i := range n + 1 {
		t := a + (b-a)*float64(i)/n
		points = append(points, cx+rx*math.Cos(t), cy+ry*math.Sin(t))
	}
	return points
}

func (p *pen) ellipse(cx, cy, rx, ry float64, c color.RGBA) {
	p.poly(c, round(cx, cy, rx, ry, 0, 2*math.Pi)...)
}

func (p *pen) line(x1, y1, x2, y2, width float64, c color.RGBA) {
	l := math.Hypot(x2-x1, y2-y1)
	dx, dy := (y2-y1)/l*width/2, (x1-x2)/l*width/2
	p.poly(c, x1+dx, y1+dy, x2+dx, y2+dy, x2-dx, y2-dy, x1-dx, y1-dy)
}

// arc draws a curved line of a width.
func (p *pen) arc(cx, cy, r, a, b, width float64, c color.RGBA) {
	points := round(cx, cy, r+width/2, r+width/2, a, b)
	points = append(points, round(cx, cy, r-width/2, r-width/2, b, a)...)
	p.poly(c, points...)
}

func (p *pen) crescent(r float64, c color.RGBA) {
	points := round(0, 0, r, r, 0.95, 2*math.Pi-0.95)
	inner := round(0.4*r, 0, 0.83*r, 0.83*r, 2*math.Pi-1.4, 1.4)
	p.poly(c, append(points, inner...)...)
}

func (p *pen) wave(x, y float64, c color.RGBA) {
	p.arc(x, y, 0.1, math.Pi/2, 3*math.Pi/2, 0.06, c)
	p.arc(x, y-0.2, 0.1, -math.Pi/2, math.Pi/2, 0.06, c)
}

// drawTile draws a thing on a tile, with a colour, a size and a turn of
// chance, over some speckles.
func drawTile(dst *image.RGBA, tile image.Rectangle, name string, rng *rand.Rand) {
	tint := func() uint8 { return uint8(214 + rng.IntN(30)) }
	draw.Draw(dst, tile, image.NewUniform(color.RGBA{tint(), tint(), tint(), 255}), image.Point{}, draw.Src)
	for range 40 {
		x, y := tile.Min.X+rng.IntN(tileSize), tile.Min.Y+rng.IntN(tileSize)
		dst.SetRGBA(x, y, color.RGBA{tint() - 40, tint() - 40, tint() - 40, 255})
	}
	inks := []color.RGBA{{200, 45, 50, 255}, {40, 90, 190, 255}, {130, 60, 160, 255}, {30, 130, 130, 255}, {205, 90, 150, 255}}
	ink := inks[rng.IntN(len(inks))]
	dark := color.RGBA{ink.R / 2, ink.G / 2, ink.B / 2, 255}
	turn := (rng.Float64() - 0.5) * 0.7
	p := &pen{dst: dst, clip: tile, size: 25 + 5*rng.Float64(),
		cx: float64(tile.Min.X+tile.Max.X)/2 + 4*(rng.Float64()-0.5), cy: float64(tile.Min.Y+tile.Max.Y)/2 + 4*(rng.Float64()-0.5),
		sin: math.Sin(turn), cos: math.Cos(turn)}
	objects[name](p, ink, dark)
}
