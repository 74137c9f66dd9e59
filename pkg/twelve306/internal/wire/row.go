// Package wire reads 12306's own formats, without policy and without network:
// the |-separated rows of a query reply, the two reply envelopes, and the
// JavaScript objects in its pages. Everything it is given is foreign; nothing
// may panic, and what cannot be read is an error, never an empty result.
package wire

import "strings"

// MaxFields is how many fields of a row are indexed. Rows had 35 fields in
// 2017 and 58 in 2026; fields after the last are ignored.
const MaxFields = 64

// MinFields is the shortest row that holds all seat cells (field 33).
const MinFields = 34

// Row is one train of a query reply in the form of the wire. The zero Row has
// no fields. Reading a field allocates nothing.
type Row struct {
	text string
	ends [MaxFields]uint16 // where field i ends in text
	n    int
}

// SplitRow indexes a row. ok is false when it is too short or too long to be
// a train.
func SplitRow(text string) (r Row, ok bool) {
	if len(text) > 1<<16-1 {
		return Row{}, false
	}
	r.text = text
	for at := 0; r.n < MaxFields; {
		i := strings.IndexByte(text[at:], '|')
		if i < 0 {
			r.ends[r.n] = uint16(len(text))
			r.n++
			break
		}
		r.ends[r.n] = uint16(at + i)
		r.n++
		at += i + 1
	}
	return r, r.n >= MinFields
}

// Len returns the number of fields, at most MaxFields.
func (r *Row) Len() int { return r.n }

// Field returns field i, or "" when the row is shorter.
func (r *Row) Field(i int) string {
	if i < 0 || i >= r.n {
		return ""
	}
	start := 0
	if i > 0 {
		start = int(r.ends[i-1]) + 1
	}
	return r.text[start:r.ends[i]]
}
