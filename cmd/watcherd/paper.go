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
	columns  int
	colours  bool
	separate bool // lines between the rows of a table
}

// The widths that are written for. Below tableColumns, as on a phone, there are
// no tables: the cells of a row stand below each other.
const (
	usualColumns = 80
	tableColumns = 60
	leastColumns = 24
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

// rows lays out rows of cells: as a table, the last column being the one that
// gives way, or, where there is no room for one, each row by itself: its first
// cells, as many as lead, on one line, and each of the others on lines of its
// own. colour may be nil, and returns the colour of the first line of a cell; 0
// for none.
func (p paper) rows(header []string, rows [][]string, lead int, colour func(row, column int) text.Color) string {
	painted := func(row, column int, cell string) string {
		if colour == nil || colour(row, column) == 0 {
			return cell
		}
		first, rest, more := strings.Cut(cell, "\n")
		if first = p.paint(first, colour(row, column)); more {
			first += "\n" + rest
		}
		return first
	}
	if p.columns >= tableColumns {
		p.fit(header, rows)
		t := p.table(header...)
		t.Style().Options.SeparateRows = p.separate
		for i, row := range rows {
			cells := make(table.Row, len(row))
			for k, cell := range row {
				cells[k] = painted(i, k, cell)
			}
			t.AppendRow(cells)
		}
		return t.Render()
	}
	const indent = "  "
	var out []string
	for i, row := range rows {
		first := make([]string, 0, lead)
		for _, cell := range row[:lead] {
			first = append(first, strings.ReplaceAll(cell, "\n", " "))
		}
		out = append(out, wrap(strings.Join(first, " "), p.columns))
		for k, cell := range row[lead:] {
			if strings.Trim(cell, "-") == "" {
				continue
			}
			cell = painted(i, lead+k, wrap(cell, p.columns-len(indent)))
			out = append(out, indent+strings.ReplaceAll(cell, "\n", "\n"+indent))
		}
	}
	return strings.Join(out, "\n")
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
	width = max(width, 2) // a Chinese character
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
