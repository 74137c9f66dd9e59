package twelve306_test

import (
	"testing"
	"testing/synctest"

	"github.com/watcherd/watcherd/pkg/twelve306"
	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

// TestClassicOrderOfTodaysRows: rows of 58 fields from a site whose login was
// the classic one are ordered with the forms of that year, in every step.
func TestClassicOrderOfTodaysRows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, railsim.Options{Seed: 1, Calm: true, Rows: railsim.Present})
		s.cred.Mode = twelve306.LoginAuto
		_, err := s.book()
		if tr := s.train(); err != nil || tr.Fields() != 58 {
			t.Errorf("%v, %d fields", err, tr.Fields())
		}
	})
}
