package web

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
)

var (
	screenshots = flag.String("screenshots", "", "the folder to which the tests in a browser write a picture of every page")
	format      = flag.String("format", "png", "of these pictures: png, or webp, which is smaller")
)

// The screen of the phone, in CSS pixels.
const (
	screenWidth, screenHeight = 390, 844
)

// phone is a real browser the size of a phone, in one language and one colour
// scheme, and the server that it talks to over a socket.
type phone struct {
	*testing.T
	ctx    context.Context
	s      *Server
	lang   notifier.Lang
	dark   bool
	script bool // JavaScript is on
	first  bool // the one that waits for pages that refresh by themselves

	mu    sync.Mutex
	notes []string // what the browser wrote to its console
}

// launch starts a browser for the test; it skips the test where there is none.
func launch(t *testing.T) context.Context {
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("there is no chromium here; the pages are not opened in a browser")
	}
	dir := t.TempDir()
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(path), chromedp.UserDataDir(dir),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("hide-scrollbars", true))
	alive, kill := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	browser, stop := chromedp.NewContext(alive)
	t.Cleanup(func() {
		if err := chromedp.Cancel(browser); err != nil {
			t.Log("the browser did not stop by itself:", err)
		}
		stop()
		kill()
	})
	if err := chromedp.Do(browser); err != nil {
		t.Skipf("the chromium here does not start; the pages are not opened in a browser: %v", err)
	}
	return browser
}

// onPhone runs visit in the browser, once for each language and scheme. Half of
// the time scripts are off, which must make no difference.
func onPhone(t *testing.T, visit func(p *phone)) {
	browser := launch(t)
	for i, v := range []struct {
		lang         notifier.Lang
		dark, script bool
	}{{notifier.Chinese, false, false}, {notifier.Chinese, true, true}, {notifier.English, false, true}, {notifier.English, true, false}} {
		name := string(v.lang) + " light"
		if v.dark {
			name = string(v.lang) + " dark"
		}
		t.Run(name, func(t *testing.T) {
			tab, done := chromedp.NewContext(browser)
			defer done()
			p := &phone{T: t, s: listening(t, v.lang), lang: v.lang, dark: v.dark, script: v.script, first: i == 0}
			p.need(chromedp.Do(tab)) // the tab must not end with the patience below
			ctx, cancel := context.WithTimeout(tab, 2*time.Minute)
			defer cancel()
			p.ctx = ctx
			go func() {
				for m, err := range chromedp.Console(tab) {
					if err != nil {
						return
					}
					if strings.Contains(m.Text, "responded with a status of 4") {
						continue // as it was meant to be; and there is no favicon
					}
					p.mu.Lock()
					p.notes = append(p.notes, m.Text)
					p.mu.Unlock()
				}
			}()
			p.do(chromedp.EmulateViewport(screenWidth, screenHeight, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulatePortrait),
				chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
					scheme := "light"
					if v.dark {
						scheme = "dark"
					}
					if _, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}); err != nil {
						return err
					}
					_, err := cdp.Call(ctx, tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !v.script})
					return err
				}))
			visit(p)
		})
	}
}

// listening returns a server on a loopback port, with the links of one that is
// public.
func listening(t *testing.T, lang notifier.Lang) *Server {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{PublicURL: "http://" + l.Addr().String()}, lang, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: s} // Serve would wait for connections that the browser opens in advance
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	t.Cleanup(func() {
		srv.Close()
		<-done
	})
	return s
}

func (p *phone) do(actions ...chromedp.Action[chromedp.Void]) {
	p.Helper()
	p.need(chromedp.Do(p.ctx, actions...))
}

// need ends the test with an error. That the browser itself has crashed says
// nothing of the pages.
func (p *phone) need(err error) {
	p.Helper()
	if died, ok := errors.AsType[*exec.ExitError](err); ok {
		p.Skipf("the chromium here has died: %v", died)
	}
	if err != nil {
		p.Fatal(err)
	}
}

// open opens a link and returns the status of the answer. It leaves the page
// before, which may be about to refresh itself.
func (p *phone) open(link string) int {
	p.Helper()
	for at := ""; at != "about:blank"; {
		var err error
		p.do(chromedp.Navigate("about:blank"))
		at, err = chromedp.Run(p.ctx, chromedp.Location())
		p.need(err)
	}
	resp, err := chromedp.RunResponse(p.ctx, chromedp.Navigate(link))
	p.need(err)
	return int(resp.Status)
}

// tap puts a finger on what the selector names.
func (p *phone) tap(selector string) {
	p.Helper()
	p.do(p.finger(selector))
}

// press is a tap that opens another page; it returns the status of the answer.
func (p *phone) press(selector string) int {
	p.Helper()
	resp, err := chromedp.RunResponse(p.ctx, p.finger(selector))
	p.need(err)
	return int(resp.Status)
}

func (p *phone) finger(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		if _, err := chromedp.ScrollIntoView(chromedp.CSS(selector))(ctx, t); err != nil {
			return err
		}
		at, err := chromedp.Evaluate[[]float64](`(() => { const r = document.querySelector(`+quoted(selector)+`).getBoundingClientRect(); return [r.left + r.width / 2, r.top + r.height / 2] })()`)(ctx, t)
		if err != nil {
			return err
		}
		_, err = chromedp.TapXY(at[0], at[1])(ctx, t)
		return err
	})
}

func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string has a JSON form
	}
	return string(b)
}

// waits waits until the page shows something, which it does by itself.
func (p *phone) waits(selector, text string) {
	p.Helper()
	p.do(chromedp.WaitVisible(chromedp.CSS(selector)))
	if got := evaluate[string](p, `document.querySelector(`+quoted(selector)+`).textContent`); !strings.Contains(got, text) {
		p.Errorf("%s shows %q, want %q", selector, got, text)
	}
}

// evaluate asks the page; again when it was just about to refresh itself.
func evaluate[T any](p *phone, expression string) T {
	p.Helper()
	for try := 1; ; try++ {
		v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression))
		if err == nil {
			return v
		}
		if try == 5 || p.ctx.Err() != nil {
			p.need(err)
		}
		p.do(chromedp.WaitReady(chromedp.CSS("body")))
	}
}

// count returns how many elements match.
func (p *phone) count(selector string) int {
	p.Helper()
	return evaluate[int](p, `document.querySelectorAll(`+quoted(selector)+`).length`)
}

// measured is what the browser made of a page.
type measured struct {
	Width int      `json:"width"` // of all of it
	Small []string `json:"small"` // what a finger would miss
	Wide  []string `json:"wide"`  // what reaches over an edge
	Faint []string `json:"faint"` // text that is hard to read
	Blank int      `json:"blank"` // pictures that are not there
	Text  string   `json:"text"`
	Lang  string   `json:"lang"`
}

// measure looks at every element; text is faint below WCAG's contrast for
// level AA.
const measure = `(() => {
  const m = {width: document.scrollingElement.scrollWidth, small: [], wide: [], faint: [], blank: [...document.images].filter(i => !i.complete || !i.naturalWidth).length, text: document.body.innerText, lang: document.documentElement.lang};
  const name = e => e.tagName + "." + (e.getAttribute("class") || "") + " " + (e.textContent || "").trim().slice(0, 20);
  const rgba = c => (c.match(/[\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const light = c => { const [r, g, b] = c.map(v => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4 }); return 0.2126 * r + 0.7152 * g + 0.0722 * b };
  for (const e of document.querySelectorAll("a, button, input:not([type=checkbox]), .tiles label")) {
    const r = e.getBoundingClientRect();
    if (r.width < 44 || r.height < 44) m.small.push(name(e) + " " + r.width + "x" + r.height);
  }
  for (const e of document.querySelectorAll("body *")) {
    const r = e.getBoundingClientRect();
    if (r.left < -0.5 || r.right > innerWidth + 0.5) m.wide.push(name(e));
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    let back = e, c;
    do { c = rgba(getComputedStyle(back).backgroundColor); back = back.parentElement } while (back && c.length === 4 && c[3] < 0.8);
    const style = getComputedStyle(e), size = parseFloat(style.fontSize);
    const [a, b] = [light(rgba(style.color).slice(0, 3)), light(c.slice(0, 3))].sort((x, y) => y - x);
    const least = size >= 24 || size >= 18.66 && style.fontWeight >= 700 ? 3 : 4.5;
    if ((a + 0.05) / (b + 0.05) < least) m.faint.push(name(e) + " " + ((a + 0.05) / (b + 0.05)).toFixed(2));
  }
  return m;
})()`

// looks checks the page as it is now, and takes a picture of it when asked to.
func (p *phone) looks(name string, says ...string) {
	p.Helper()
	for !evaluate[bool](p, `[...document.images].every(i => i.complete)`) { // a page that came by itself may still load
		p.need(p.ctx.Err())
	}
	m := evaluate[measured](p, measure)
	if m.Width > screenWidth || len(m.Wide) > 0 {
		p.Errorf("%s: %d pixels wide, over the edge: %q", name, m.Width, m.Wide)
	}
	if len(m.Small) > 0 {
		p.Errorf("%s: too small for a finger: %q", name, m.Small)
	}
	if len(m.Faint) > 0 {
		p.Errorf("%s: hard to read: %q", name, m.Faint)
	}
	if m.Blank > 0 {
		p.Errorf("%s: %d pictures are not there", name, m.Blank)
	}
	if want := p.lang.Pick("zh-CN", "en"); m.Lang != want {
		p.Errorf("%s: in the language %q", name, m.Lang)
	}
	for _, text := range says {
		if !strings.Contains(m.Text, text) {
			p.Errorf("%s: no %q in\n%s", name, text, m.Text)
		}
	}
	p.mu.Lock()
	for _, note := range p.notes {
		p.Errorf("%s: the browser says: %s", name, note)
	}
	p.notes = nil
	p.mu.Unlock()
	if *screenshots == "" {
		return
	}
	quality := int64(80)
	shot := page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormat(*format), Quality: &quality}
	if *format == "png" {
		shot.Quality = nil
	}
	picture, err := chromedp.Run(p.ctx, func(ctx context.Context, t *chromedp.Target) (page.CaptureScreenshotResult, error) {
		return cdp.Call(ctx, t, page.CaptureScreenshot, shot)
	})
	p.need(err)
	scheme := "light"
	if p.dark {
		scheme = "dark"
	}
	if err := os.WriteFile(filepath.Join(*screenshots, name+"-"+string(p.lang)+"-"+scheme+"."+*format), picture.Data, 0o644); err != nil {
		p.Fatal(err)
	}
}
