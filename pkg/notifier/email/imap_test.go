package email

import (
	"bufio"
	"fmt"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// oldServer speaks IMAP as some do: it knows no IDLE, tells no UIDNEXT, and
// refuses SELECT before ID as that of 163.com. It serves one mailbox of mails
// that never go. handle may answer a command in its place.
type oldServer struct {
	t      *testing.T
	wantID bool

	mu     sync.Mutex // held while a command is answered
	mails  []string
	unseen int // the UID that a search for unread mails finds; 0: none
	handle func(conn net.Conn, tag, command string) bool
}

// put adds mails to the mailbox.
func (s *oldServer) put(mails ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, mails...)
}

var fetched = regexp.MustCompile(`^UID FETCH (\d+)(:\*)? \(UID BODY\.PEEK\[(.*)\](<0\.65536>)?\)$`)

func (s *oldServer) serve(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go s.talk(conn)
	}
}

func (s *oldServer) talk(conn net.Conn) {
	defer conn.Close()
	named := !s.wantID
	fmt.Fprint(conn, "* OK Coremail System IMap Server Ready\r\n")
	for in := bufio.NewScanner(conn); in.Scan(); {
		tag, command, _ := strings.Cut(in.Text(), " ")
		named = s.answer(conn, tag, command, named)
	}
}

// answer answers one command and reports whether the client has said its name.
func (s *oldServer) answer(conn net.Conn, tag, command string, named bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	verb, _, _ := strings.Cut(command, " ")
	if s.handle != nil && s.handle(conn, tag, command) {
		return named
	}
	switch f := fetched.FindStringSubmatch(command); {
	case verb == "CAPABILITY":
		fmt.Fprint(conn, "* CAPABILITY IMAP4rev1 XLIST SPECIAL-USE ID LITERAL+ STARTTLS XAPPLEPUSHSERVICE UIDPLUS X-CM-EXT-1\r\n")
	case verb == "LOGIN":
		if !strings.Contains(command, password) {
			fmt.Fprintf(conn, "%s NO LOGIN Login error or password error\r\n", tag)
			return named
		}
	case verb == "ID":
		named = true
		fmt.Fprint(conn, "* ID (\"name\" \"Coremail Imap\")\r\n")
	case verb == "SELECT":
		if !named {
			fmt.Fprintf(conn, "%s NO SELECT Unsafe Login. Please contact kefu@188.com for help\r\n", tag)
			return named
		}
		fmt.Fprintf(conn, "* %d EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 1] UIDs valid\r\n* FLAGS (\\Answered \\Seen)\r\n", len(s.mails))
	case strings.HasPrefix(command, "UID SEARCH UNSEEN"), strings.HasPrefix(command, "UID SEARCH SINCE"):
		fmt.Fprint(conn, strings.TrimSuffix(fmt.Sprintf("* SEARCH %d", s.unseen), " 0")+"\r\n")
	case strings.HasPrefix(command, "UID SEARCH"):
		fmt.Fprintf(conn, "* SEARCH %d\r\n", len(s.mails))
	case f != nil:
		var from int
		fmt.Sscan(f[1], &from)
		last := from
		if f[2] != "" {
			from, last = min(from, len(s.mails)), len(s.mails)
		}
		for uid := max(from, 1); uid <= min(last, len(s.mails)); uid++ {
			text := strings.ReplaceAll(s.mails[uid-1], "\n", "\r\n")
			section := f[3]
			if section != "" {
				text, _, _ = strings.Cut(text, "\r\n\r\n")
				text += "\r\n\r\n"
			}
			partial := ""
			if f[4] != "" {
				partial = "<0>"
			}
			fmt.Fprintf(conn, "* %d FETCH (UID %d BODY[%s]%s {%d}\r\n%s)\r\n", uid, uid, section, partial, len(text), text)
		}
	case verb == "UID" && strings.Contains(command, "STORE"), verb == "NOOP":
		fmt.Fprintf(conn, "* %d EXISTS\r\n", len(s.mails))
	default:
		s.t.Errorf("a server does not know: %s", command)
		fmt.Fprintf(conn, "%s BAD what\r\n", tag)
		return named
	}
	fmt.Fprintf(conn, "%s OK done\r\n", tag)
	return named
}

// old runs f with a driver whose answers come through s.
func old(t *testing.T, s *oldServer, f func(d *Driver, o *office)) {
	synctest.Test(t, func(t *testing.T) {
		s.t = t
		o := newOffice(t)
		n := newNetwork()
		l := n.listen("127.0.0.1:1143")
		go s.serve(l)
		o.serve(n.listen("127.0.0.1:587"), n.listen("127.0.0.1:143"), "none", nil)
		log, _ := watched(t)
		d, err := New(config("127.0.0.1:587", "127.0.0.1:1143", "none"), notifier.Chinese, log)
		if err != nil {
			t.Fatal(err)
		}
		d.dial = n.dial
		t.Cleanup(func() { l.Close() })
		runs(t, d)
		synctest.Wait()
		f(d, o)
	})
}

func TestServerWantsID(t *testing.T) {
	s := &oldServer{wantID: true, mails: []string{"From: old@example.com\n\nlong ago"}}
	old(t, s, func(d *Driver, o *office) {
		a := ask(s.t, d, prompt(notifier.Picture))
		time.Sleep(15 * time.Second) // of the bubble
		s.put("From: stranger@example.com\n\nhello", answer(o.sent("")[0], me, "2 5"))
		time.Sleep(pollOpen)
		a.answered(s.t, 2, 5)
	})
}

// A server that falls silent, hangs up or talks nonsense is tried again.
func TestServerMisbehaves(t *testing.T) {
	for name, bad := range map[string]func(conn net.Conn, tag string){
		"hangs up":       func(conn net.Conn, _ string) { conn.Close() },
		"falls silent":   func(net.Conn, string) {},
		"talks nonsense": func(conn net.Conn, _ string) { fmt.Fprint(conn, "* 1 FETCH (((((\r\n\x00\r\n") },
		"says NO":        func(conn net.Conn, tag string) { fmt.Fprintf(conn, "%s NO later\r\n", tag) },
		"says BYE":       func(conn net.Conn, _ string) { fmt.Fprint(conn, "* BYE maintenance\r\n"); conn.Close() },
	} {
		for _, at := range []string{"LOGIN", "SELECT", "UID FETCH", "NOOP"} {
			t.Run(name+" at "+at, func(t *testing.T) {
				left := 2
				s := &oldServer{handle: func(conn net.Conn, tag, command string) bool {
					if left == 0 || !strings.HasPrefix(command, at) {
						return false
					}
					left--
					bad(conn, tag)
					return true
				}}
				old(t, s, func(d *Driver, o *office) {
					time.Sleep(5 * time.Minute)
					a := ask(s.t, d, prompt(notifier.Picture))
					time.Sleep(15 * time.Second)
					s.put(answer(o.sent("")[0], me, "2 5"))
					time.Sleep(time.Minute)
					a.answered(s.t, 2, 5)
					if left != 0 {
						s.t.Error("nothing was bad")
					}
				})
			})
		}
	}
}

// A mail that cannot be read does not keep those after it from being heard.
func TestStuck(t *testing.T) {
	s := &oldServer{}
	s.handle = func(conn net.Conn, _, command string) bool {
		if len(s.mails) == 0 || !strings.HasPrefix(command, "UID FETCH 1:") {
			return false
		}
		fmt.Fprint(conn, "* 1 FETCH (UID\r\n")
		return true
	}
	old(t, s, func(d *Driver, o *office) {
		s.put("From: poison@example.com\n\n")
		time.Sleep(5 * time.Minute)
		a := ask(s.t, d, prompt(notifier.Picture))
		time.Sleep(15 * time.Second)
		s.put(answer(o.sent("")[0], me, "2 5"))
		time.Sleep(time.Minute)
		a.answered(s.t, 2, 5)
	})
}

// A reply that comes while the server numbers its mails anew still counts, and
// what was used before is not used again.
func TestNewValidity(t *testing.T) {
	s := &oldServer{}
	renewed := false
	s.handle = func(conn net.Conn, tag, command string) bool {
		switch {
		case !renewed:
			return false
		case command == "NOOP":
			conn.Close()
		case strings.HasPrefix(command, "SELECT"):
			fmt.Fprintf(conn, "* %d EXISTS\r\n* OK [UIDVALIDITY 2] UIDs valid\r\n* FLAGS (\\Answered \\Seen)\r\n%s OK done\r\n", len(s.mails), tag)
			s.handle = nil
		default:
			return false
		}
		return true
	}
	old(t, s, func(d *Driver, o *office) {
		a := ask(s.t, d, prompt(notifier.Picture))
		time.Sleep(15 * time.Second)
		q := o.sent("")[0]
		s.put("From: x@example.com\n\n", answer(q, me, "what?"))
		time.Sleep(15 * time.Second)
		hints := len(o.sent(""))
		s.mu.Lock()
		renewed, s.unseen = true, 2
		s.mails = []string{s.mails[1], answer(q, me, "2 5")} // the first is gone, the second was used
		s.mu.Unlock()
		time.Sleep(time.Minute)
		a.answered(s.t, 2, 5)
		time.Sleep(time.Minute)
		if n := len(o.sent("")); hints != 2 || n != hints+1 {
			s.t.Errorf("%d mails, then %d; want the question, a hint, and the thanks", hints, n)
		}
	})
}

// A refused password is tried three times and no more: some servers lock the
// account.
func TestRefusedPassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		n := newNetwork()
		o.serve(n.listen("127.0.0.1:587"), n.listen("127.0.0.1:143"), "none", nil)
		c := config("127.0.0.1:587", "127.0.0.1:143", "none")
		c.IMAP.Password = "geheim-geheim"
		log, _ := watched(t)
		d, err := New(c, notifier.Chinese, log)
		if err != nil {
			t.Fatal(err)
		}
		d.dial = n.dial
		err = d.Run(t.Context())
		e, ok := err.(*notifier.Error)
		if !ok || !e.Permanent || strings.Contains(err.Error(), "geheim") || o.logins != maxRefused {
			t.Errorf("Run = %v after %d logins", err, o.logins)
		}
		// Mails still go out, and the first says what is wrong.
		synctest.Wait()
		m := o.sent(me)
		if len(m) != 1 || m[0].subject() != "⚠ 收不到你的邮件回复" || strings.Contains(string(m[0].raw)+m[0].received.plain, "geheim") || !strings.Contains(m[0].received.plain, "imap") {
			t.Errorf("told %+v", m)
		}
		if d.Deaf() != err {
			t.Errorf("Deaf = %v", d.Deaf())
		}
	})
}
