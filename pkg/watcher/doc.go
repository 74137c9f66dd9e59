// Package watcher is the policy of watcherd: which trains a rule wants, when it
// looks, what it tells, when it books, and how it finds out after a crash what
// 12306 holds. The protocol is pkg/twelve306's business, the channels are
// pkg/notifier's; neither knows anything of rules.
//
// [Open] takes the state folder, [Watcher.Run] works until its context ends.
// Three kinds of goroutine do the work. One looks (plan.go says at what, poll.go
// what follows). One owns the 12306 account (account.go): logins, attempts
// (book.go), the settling of doubt (recover.go) and the watch over held orders
// (hold.go) follow each other there and never overlap. One for each channel
// tells (tell.go). While they work, [Watcher.Status] says what they do,
// [Watcher.Pause] and [Watcher.Resume] command them, and [Watcher.Reload] takes
// up an edit of watch.yaml.
//
// What happened is an [Event] in an append-only journal; where we are is a
// [State], folded from the journal and never stored. An order is confirmed
// once: its intent is on the disk before the first byte leaves, and whatever
// is not known afterwards is asked of 12306, never guessed and never sent again.
//
// DESIGN.md beside this file has the map, the recovery table and the place of
// every likely change.
package watcher
