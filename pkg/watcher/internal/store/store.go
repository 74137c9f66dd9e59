// Package store keeps what must survive a crash: the journal of events, the
// outbox, and a few named values (the saved session). It is one SQLite file
// with synchronous=FULL, so what a call has returned from is on the disk. It
// knows nothing of what the bytes mean.
//
// The folder is the daemon's alone: 0700, its files 0600, and a lock that a
// second daemon cannot take.
package store

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite": pure Go, so the binary stays static
)

// Record is one event of the journal.
type Record struct {
	Seq  int64 // order of writing; set by Append
	At   time.Time
	Kind string
	Rule string
	Data []byte // the whole event, JSON
}

// Outgoing is one message on its way through one channel.
type Outgoing struct {
	Seq     int64 // order of writing; set by Append
	Channel string
	At      time.Time
	Data    []byte // the message, JSON
}

// Store is an open state folder. It is safe for concurrent use.
type Store struct {
	db   *sql.DB
	lock *os.File
}

// schema is applied at every start. user_version guards against a newer file.
const schema = `
CREATE TABLE IF NOT EXISTS event (
	seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, kind TEXT NOT NULL, rule TEXT NOT NULL, data BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS outbox (
	seq INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL, at INTEGER NOT NULL, data BLOB NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS outbox_channel ON outbox (channel, seq);
CREATE TABLE IF NOT EXISTS value (
	name TEXT PRIMARY KEY, data BLOB NOT NULL) STRICT, WITHOUT ROWID;
PRAGMA user_version = 1;
`

const schemaVersion = 1

// Open opens the state folder, making it when it is not there, and takes its
// lock. The error is a *[Locked] when another daemon holds it.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("state folder: %w", err)
	}
	if err := private(dir); err != nil {
		return nil, fmt.Errorf("state folder: %w", err)
	}
	lock, err := takeLock(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, err
	}
	db, err := openDB(filepath.Join(dir, "watcherd.db"), false)
	if err != nil {
		lock.Close()
		return nil, err
	}
	if _, err := db.Exec(schema); err != nil {
		db.Close()
		lock.Close()
		return nil, fmt.Errorf("state folder: %w", err)
	}
	return &Store{db, lock}, nil
}

// private takes away what others may do in the folder and with the files in
// it that are ours: somebody may have made or copied them with looser modes.
func private(dir string) error {
	if err := os.Chmod(dir, 0o700); err != nil {
		return err
	}
	for _, name := range []string{"lock", "pace", "watcherd.db", "watcherd.db-wal", "watcherd.db-shm", "watcherd.db-journal"} {
		if err := os.Chmod(filepath.Join(dir, name), 0o600); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// View opens the folder for reading only, without its lock: what a command
// does beside a running daemon. The error matches os.ErrNotExist when no
// daemon has ever used the folder.
func View(dir string) (*Store, error) {
	path := filepath.Join(dir, "watcherd.db")
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	db, err := openDB(path, true)
	if err != nil {
		return nil, err
	}
	return &Store{db: db}, nil
}

func openDB(path string, readonly bool) (*sql.DB, error) {
	q := url.Values{"_pragma": {"busy_timeout(5000)"}}
	if readonly {
		q.Set("mode", "ro")
	} else {
		// Made by us first, so that neither it nor the files SQLite puts beside
		// it (which take its mode) are ever readable by others.
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, fmt.Errorf("state folder: %w", err)
		}
		f.Close()
		q["_pragma"] = append(q["_pragma"], "journal_mode(WAL)", "synchronous(FULL)")
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("state folder: %w", err)
	}
	// One connection: SQLite has one writer anyway, and order is kept.
	db.SetMaxOpenConns(1)
	var version int
	if err := db.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		db.Close()
		return nil, fmt.Errorf("state folder: %s cannot be read: %w", path, err)
	}
	if version > schemaVersion {
		db.Close()
		return nil, fmt.Errorf("state folder: %s was written by a newer watcherd (format %d, this one knows %d)", path, version, schemaVersion)
	}
	return db, nil
}

// Close gives the lock back.
func (s *Store) Close() error {
	err := s.db.Close()
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
	}
	return err
}

// Append writes events and the messages that tell of them in one durable
// step: after a crash there are all of them or none.
func (s *Store) Append(events []Record, messages []Outgoing) error {
	tx, err := s.db.Begin()
	if err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	defer tx.Rollback()
	for i := range events {
		e := &events[i]
		r, err := tx.Exec("INSERT INTO event (at, kind, rule, data) VALUES (?, ?, ?, ?)", e.At.UnixMilli(), e.Kind, e.Rule, e.Data)
		if err != nil {
			return fmt.Errorf("state folder: %w", err)
		}
		e.Seq, _ = r.LastInsertId()
	}
	for i := range messages {
		m := &messages[i]
		r, err := tx.Exec("INSERT INTO outbox (channel, at, data) VALUES (?, ?, ?)", m.Channel, m.At.UnixMilli(), m.Data)
		if err != nil {
			return fmt.Errorf("state folder: %w", err)
		}
		m.Seq, _ = r.LastInsertId()
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	return nil
}

// Events calls f with every event, oldest first.
func (s *Store) Events(f func(Record) error) error {
	rows, err := s.db.Query("SELECT seq, at, kind, rule, data FROM event ORDER BY seq")
	if err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var r Record
		var at int64
		if err := rows.Scan(&r.Seq, &at, &r.Kind, &r.Rule, &r.Data); err != nil {
			return fmt.Errorf("state folder: %w", err)
		}
		r.At = time.UnixMilli(at)
		if err := f(r); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Forget removes events. What is derived from the rest must not need them.
func (s *Store) Forget(seqs []int64) error {
	if len(seqs) == 0 {
		return nil
	}
	tx, err := s.db.Begin()
	if err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	defer tx.Rollback()
	for _, seq := range seqs {
		if _, err := tx.Exec("DELETE FROM event WHERE seq = ?", seq); err != nil {
			return fmt.Errorf("state folder: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	return nil
}

// NextOutgoing returns the oldest message that waits for a channel and was
// written after the one of that number.
func (s *Store) NextOutgoing(channel string, after int64) (m Outgoing, ok bool, err error) {
	var at int64
	err = s.db.QueryRow("SELECT seq, channel, at, data FROM outbox WHERE channel = ? AND seq > ? ORDER BY seq LIMIT 1", channel, after).
		Scan(&m.Seq, &m.Channel, &at, &m.Data)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return Outgoing{}, false, nil
	case err != nil:
		return Outgoing{}, false, fmt.Errorf("state folder: %w", err)
	}
	m.At = time.UnixMilli(at)
	return m, true, nil
}

// Sent removes a channel's messages up to that number: they have arrived, or
// never will.
func (s *Store) Sent(channel string, seq int64) error {
	if _, err := s.db.Exec("DELETE FROM outbox WHERE channel = ? AND seq <= ?", channel, seq); err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	return nil
}

// DropOther removes messages for channels that are not configured any more:
// nobody would ever send them.
func (s *Store) DropOther(channels []string) error {
	q, args := "DELETE FROM outbox", make([]any, len(channels))
	for i, c := range channels {
		if args[i] = c; i == 0 {
			q += " WHERE channel NOT IN (?"
		} else {
			q += ", ?"
		}
	}
	if len(channels) > 0 {
		q += ")"
	}
	if _, err := s.db.Exec(q, args...); err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	return nil
}

// Put stores a value under a name; nil removes it.
func (s *Store) Put(name string, data []byte) error {
	var err error
	if data == nil {
		_, err = s.db.Exec("DELETE FROM value WHERE name = ?", name)
	} else {
		_, err = s.db.Exec("INSERT INTO value (name, data) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET data = excluded.data", name, data)
	}
	if err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	return nil
}

// Get returns the value under a name, nil when there is none.
func (s *Store) Get(name string) ([]byte, error) {
	var data []byte
	err := s.db.QueryRow("SELECT data FROM value WHERE name = ?", name).Scan(&data)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("state folder: %w", err)
	}
	return data, nil
}
