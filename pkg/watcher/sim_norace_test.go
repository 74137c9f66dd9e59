//go:build !race

package watcher

// simDefault is how many worlds a test run makes.
const simDefault = 300
