//go:build race

package watcher

// simDefault is how many worlds a test run makes: fewer, for each takes longer.
const simDefault = 20
