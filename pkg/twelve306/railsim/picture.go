package railsim

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// The geometry of the captcha, measured on recorded pictures (PROTOCOL.md
// 2.2): a title strip of 30 rows, then eight tiles of 67 x 67.
const (
	pictureWidth  = 293
	pictureHeight = 190
	titleHeight   = 30
	tileSize      = 67
	tileStep      = 72
	tileLeft      = 5
	tileTop       = 41 // from the top of the image
)

// picture is one captcha and what is known about it.
type picture struct {
	image    []byte
	word     string
	wanted   []int // tiles 0 to 7 that show the word
	at       time.Time
	answered string // the right answer as it was given
}

// tileAt is the tile of a point as clients send it (origin below the title
// strip), or -1.
func tileAt(x, y int) int {
	y += titleHeight
	if x < tileLeft || y < tileTop {
		return -1
	}
	col, dx := (x-tileLeft)/tileStep, (x-tileLeft)%tileStep
	row, dy := (y-tileTop)/tileStep, (y-tileTop)%tileStep
	if dx >= tileSize || dy >= tileSize || col > 3 || row > 1 {
		return -1
	}
	return row*4 + col
}

// answer is the centres of the wanted tiles.
func (p *picture) answer() string {
	var points []string
	for _, t := range p.wanted {
		points = append(points, fmt.Sprintf("%d,%d", 38+t%4*tileStep, 44+t/4*tileStep))
	}
	return strings.Join(points, ",")
}

// drawPicture invents a captcha: one to three tiles of a word, the others of
// other words.
func drawPicture(rng *rand.Rand, asPNG bool) *picture {
	names := objectNames()
	p := &picture{word: names[rng.IntN(len(names))]}
	p.wanted = rng.Perm(8)[:1+rng.IntN(3)]
	slices.Sort(p.wanted)
	img := image.NewRGBA(image.Rect(0, 0, pictureWidth, pictureHeight))
	draw.Draw(img, img.Bounds(), image.White, image.Point{}, draw.Src)
	drawTitle(img, p.word)
	for tile := range 8 {
		name := p.word
		for !slices.Contains(p.wanted, tile) && name == p.word {
			name = names[rng.IntN(len(names))]
		}
		x, y := tileLeft+tile%4*tileStep, tileTop+tile/4*tileStep
		drawTile(img, image.Rect(x, y, x+tileSize, y+tileSize), name, rng)
	}
	p.image = encode(img, asPNG)
	return p
}

func encode(img image.Image, asPNG bool) []byte {
	var b bytes.Buffer
	if asPNG {
		png.Encode(&b, img) // a bytes.Buffer does not fail
	} else {
		jpeg.Encode(&b, img, &jpeg.Options{Quality: 88})
	}
	return b.Bytes()
}

// drawTitle writes the question on the strip at the top.
func drawTitle(img *image.RGBA, word string) {
	const height = 16
	at := image.Pt(6, 7)
	w := drawGlyphs(img, at, "title", height, color.RGBA{40, 40, 40, 255})
	drawGlyphs(img, at.Add(image.Pt(w+6, 0)), word, height, color.RGBA{160, 20, 20, 255})
	rule := image.Rect(0, titleHeight-1, pictureWidth, titleHeight)
	draw.Draw(img, rule, image.NewUniform(color.RGBA{190, 190, 190, 255}), image.Point{}, draw.Src)
}

// throttlePicture is what comes instead of a captcha that was asked for too
// often: grey words, less than 2 kB.
func throttlePicture() []byte {
	img := image.NewGray(image.Rect(0, 0, pictureWidth, pictureHeight))
	draw.Draw(img, img.Bounds(), image.White, image.Point{}, draw.Src)
	drawGlyphs(img, image.Pt(30, 85), "throttled", 16, color.Gray{150})
	var b bytes.Buffer
	jpeg.Encode(&b, img, &jpeg.Options{Quality: 20})
	return b.Bytes()
}

// keptPictures is how many pictures an album remembers.
const keptPictures = 256

// album remembers the newest pictures by their bytes.
type album struct {
	bySum map[[sha256.Size]byte]*picture
	order [][sha256.Size]byte
}

func newAlbum() *album { return &album{bySum: map[[sha256.Size]byte]*picture{}} }

func (a *album) add(p *picture) {
	sum := sha256.Sum256(p.image)
	if len(a.order) >= keptPictures {
		delete(a.bySum, a.order[0])
		a.order = a.order[1:]
	}
	a.bySum[sum] = p
	a.order = append(a.order, sum)
}

func (a *album) find(image []byte) *picture { return a.bySum[sha256.Sum256(image)] }
