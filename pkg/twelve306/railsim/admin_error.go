package railsim

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// What the admin handler says when it was asked for something that is not there.
var (
	errNoTrain  = errors.New("no such train on that day")
	errNoEnd    = errors.New("an order ends in pay, expire or cancel")
	errNoKind   = errors.New("no such kind of fault; GET /state lists them")
	errNoStep   = errors.New("no such step; GET /state lists them")
	errNoName   = errors.New("an account needs a Username")
	errNoSwitch = errors.New("a switch is on or off")
	errNoLetter = errors.New("the letter is one of A to Z, or -")
)

func read(w http.ResponseWriter, r *http.Request, v any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

func readAll(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	return io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
}
