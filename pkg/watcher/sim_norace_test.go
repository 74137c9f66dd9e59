//go:build !race

package watcher

const (
	simDefault = 300 // worlds that a test run makes
	sweepEvery = 1   // of the breaks and crashes
	plants     = true
)
