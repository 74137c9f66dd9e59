package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// Secret is a text that is never printed: every way of formatting or encoding
// it gives <secret>, or nothing when it is empty. string(s) is the text.
type Secret string

const hidden = "<secret>"

// String returns <secret>.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// GoString returns <secret>.
func (s Secret) GoString() string { return `"` + s.String() + `"` }

// Format prints <secret> for every verb, %x and %d too.
func (s Secret) Format(f fmt.State, verb rune) {
	if verb == 'q' || verb == 'v' && f.Flag('#') {
		io.WriteString(f, s.GoString())
		return
	}
	io.WriteString(f, s.String())
}

// MarshalText returns <secret>; encoding/json and yaml use it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// maxSecret is the most that is read of a file that holds a secret.
const maxSecret = 64 << 10

// readSecret reads the file of an x_file key. The newline that editors add at
// the end is not part of the secret.
func readSecret(path string) (string, error) {
	b, err := readFile(path, maxSecret)
	if err != nil {
		return "", fmt.Errorf("cannot read %s: %w", path, err)
	}
	text := strings.TrimRight(string(b), "\r\n")
	switch {
	case text == "":
		return "", fmt.Errorf("%s is empty; put the secret in it, alone on the first line", path)
	case strings.ContainsAny(text, "\r\n\x00"):
		return "", fmt.Errorf("%s has more than one line; it should hold the secret alone", path)
	}
	return text, nil
}

// errTooLarge is what readFile says of a file above its limit.
var errTooLarge = errors.New("too large")

// readFile reads at most limit bytes. Its errors do not repeat the path.
func readFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, cause(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	switch {
	case err != nil:
		return nil, cause(err)
	case int64(len(b)) > limit:
		return nil, errTooLarge
	}
	return b, nil
}

// cause returns what went wrong without the operation and the path.
func cause(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}

// othersCanRead reports whether everybody on the machine may read the file. A
// group may: a service's own is how it reads what root wrote.
func othersCanRead(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o004 != 0
}
