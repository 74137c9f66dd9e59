package watcher

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"

	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/twelve306"
)

// Four misses lock an account: what is remembered of the password, over crashes
// and restarts, so that it is never posted once too often.

// refusedValue is the name under which a refused password is remembered, as a
// hash: a restart must not try it again, four misses lock the account.
const refusedValue = "refused"

func (a *account) passwordHash() []byte {
	c := a.w.opt.Account.Credentials
	sum := sha256.Sum256([]byte("watcherd\x00" + c.Username + "\x00" + c.Password))
	return []byte(hex.EncodeToString(sum[:]))
}

func (a *account) passwordRefused() bool {
	kept, err := a.w.store.Get(refusedValue)
	if err != nil || kept == nil || a.w.opt.Account.Credentials.Mode == twelve306.LoginQR { // a QR code needs no password
		return false
	}
	if string(kept) == string(a.passwordHash()) {
		a.log.Warn("12306 refused this password before; it is not tried again until it changes")
		return true
	}
	return false
}

func (a *account) rememberRefused(refused bool) {
	var value []byte
	if refused {
		value = a.passwordHash()
	}
	if err := a.w.store.Put(refusedValue, value); err != nil {
		a.log.Error("the state folder cannot be written", zap.Error(err))
	}
}

// mostPosts is how often a password is posted without a login, or a word of
// 12306 about it: four misses lock the account, and a reply that was lost may
// have been one.
const mostPosts = 3

// posts counts the posts of a password since the last login, as far as they may
// have been misses. It is written down before each of them leaves: a daemon that
// crashes at every login must not lock the account.
type posts struct {
	Password string `json:"password"` // its hash
	N        int    `json:"n"`
	Told     bool   `json:"told,omitempty"` // that it is posted no more
}

func (p posts) enough() bool { return p.N >= mostPosts }

// postsValue is the name under which posts are stored.
const postsValue = "posts"

// errEnough is the error of a password that was posted often enough.
var errEnough = errors.New("the password was posted often enough without an answer")

// posts returns how often the password in force was posted; what cannot be read
// is another's.
func (a *account) posts() posts {
	kept, err := a.w.store.Get(postsValue)
	if err != nil {
		kept = nil
	}
	p := readPosts(kept, string(a.passwordHash()))
	if a.w.opt.Account.Credentials.Mode == twelve306.LoginQR { // a QR code needs no password
		p.N = 0
	}
	return p
}

// readPosts reads what keepPosts wrote of the password with this hash.
func readPosts(kept []byte, hash string) posts {
	var p posts
	if kept == nil || json.Unmarshal(kept, &p) != nil || p.Password != hash || p.N < 0 {
		return posts{Password: hash}
	}
	return p
}

func (a *account) keepPosts(p posts) error {
	b, err := json.Marshal(p)
	if err != nil { // plain values only: cannot happen
		panic(err)
	}
	return a.w.store.Put(postsValue, b)
}

// posting counts a post of the password that is about to leave, or keeps it
// back. spared takes it from the count again: it was no miss.
func (a *account) posting() (spared func(), err error) {
	p := a.posts()
	if p.enough() {
		return nil, errEnough
	}
	p.N++
	if err := a.keepPosts(p); err != nil {
		return nil, &unwritten{err}
	}
	return func() {
		p := a.posts()
		p.N = max(p.N-1, 0)
		if err := a.keepPosts(p); err != nil {
			a.log.Error("the state folder cannot be written", zap.Error(err)) // one too many is counted, not one too few
		}
	}, nil
}

// forgetPosts begins a new count: the password is good, or its user wants it to
// be tried.
func (a *account) forgetPosts() {
	if err := a.w.store.Put(postsValue, nil); err != nil {
		a.log.Error("the state folder cannot be written", zap.Error(err))
	}
}

// tellEnough stops the logins: the password was posted so often without a word
// of 12306 about it that one more might lock the account. It tells so once.
func (a *account) tellEnough(err error) {
	a.refused = true
	a.log.Warn("the password was posted often enough without an answer; it is not tried again until it changes, or watcherd login",
		zap.Int("posts", mostPosts), zap.Error(err))
	p := a.posts()
	if p.Told {
		return
	}
	a.w.tell(a.w.say.loginFailed(a.w.say.noAnswers(mostPosts), a.w.say.nextPosts()))
	a.loginTold = "posts"
	p.Told = true
	if err := a.keepPosts(p); err != nil {
		a.log.Error("the state folder cannot be written", zap.Error(err))
	}
}
