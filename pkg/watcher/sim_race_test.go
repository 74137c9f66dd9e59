//go:build race

package watcher

// Under the race detector everything takes many times longer: a test run makes
// fewer worlds, every fortieth of the breaks and crashes, and plants no bugs.
// .ci/run does all of it without the detector.
const (
	simDefault = 8
	sweepEvery = 40
	plants     = false
)
