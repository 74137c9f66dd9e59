//go:build race

package watcher

// Under the race detector everything takes many times longer: a test run makes
// fewer worlds, and every tenth of the breaks and crashes.
const (
	simDefault = 8
	sweepEvery = 10
)
