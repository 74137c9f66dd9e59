package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// paper is what tables are printed on: a terminal of some width, with colours,
// or a file.
type paper struct {
	io.Writer
	columns int
	colours bool
}

// The widths that tables are made for.
const (
	usualColumns = 80
	leastColumns = 60
	mostColumns  = 120
)

func newPaper(w io.Writer) paper {
	p := paper{Writer: w, columns: usualColumns}
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return p
	}
	if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 0 {
		p.columns = min(max(n, leastColumns), mostColumns)
	}
	p.colours = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return p
}

// paint colours a text where there are colours.
func (p paper) paint(s string, c text.Color) string {
	if !p.colours || s == "" {
		return s
	}
	return c.Sprint(s)
}

// table returns an empty table in the style of all tables here.
func (p paper) table(header ...string) table.Writer {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	row := make(table.Row, len(header))
	for i, h := range header {
		row[i] = h
	}
	t.AppendHeader(row)
	return t
}

// fit wraps the last cell of each row so that the table is no wider than the
// paper.
func (p paper) fit(header []string, rows [][]string) {
	const least = 12 // a column narrower than that is no use
	last := len(header) - 1
	left := p.columns - 3*len(header) - 1 // what the lines and blanks leave
	for i, h := range header[:last] {
		widest := text.StringWidth(h)
		for _, row := range rows {
			widest = max(widest, text.LongestLineLen(row[i]))
		}
		left -= widest
	}
	for _, row := range rows {
		row[last] = wrap(row[last], max(left, least))
	}
}

// wrap breaks a text into lines of at most width columns, a Chinese character
// being two: at a blank where there is one in the last half, else anywhere but
// before a mark that ends something.
func wrap(s string, width int) string {
	var out []string
	for line := range strings.SplitSeq(s, "\n") {
		for text.StringWidth(line) > width {
			at, blank, used := 0, 0, 0
			for i, r := range line {
				w := text.RuneWidth(r)
				if used+w > width && i > 0 {
					break
				}
				if used += w; r == ' ' && used > width/2 {
					blank = i
				}
				at = i + len(string(r))
			}
			next, _ := utf8.DecodeRuneInString(line[at:])
			if blank > 0 && next != ' ' {
				at = blank
			} else if strings.ContainsRune("，。；：！？、）”", next) {
				if _, size := utf8.DecodeLastRuneInString(line[:at]); size < at {
					at -= size
				}
			}
			out = append(out, strings.TrimRight(line[:at], " "))
			line = strings.TrimLeft(line[at:], " ")
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

// printJSON prints one document, readable by people too.
func printJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}
