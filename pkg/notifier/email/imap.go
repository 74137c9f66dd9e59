package email

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"go.uber.org/zap"

	"github.com/watcherd/watcherd/pkg/notifier"
)

const (
	// stepTimeout bounds each step of the conversation but waiting for mail.
	stepTimeout = 30 * time.Second

	// How long one IDLE lasts. RFC 2177 allows 29 minutes, but connections die
	// in silence behind home routers, and some servers idle and never tell:
	// the mailbox is looked at after each, and often while a question is open.
	idleCalm, idleOpen = 4 * time.Minute, 30 * time.Second
	// The same for servers without IDLE.
	pollCalm, pollOpen = time.Minute, 10 * time.Second

	maxWait    = 2 * time.Minute // between two tries to connect
	maxRefused = 3               // refused passwords in a row that end it
	maxStuck   = 3               // failures over the same mails after which they are passed over
	backDays   = 1               // unread mails this old may still be for us when the daemon starts, or the UIDs mean nothing any more
)

// mailbox is how far the mailbox was read.
type mailbox struct {
	validity uint32   // UIDVALIDITY: the UIDs below mean something only under it
	next     imap.UID // the lowest that was not looked at yet; 0: nothing was
	stuck    int      // how often in a row reading on from next has failed
}

// errStuck is a failure to read the mails from mailbox.next on.
var errStuck = errors.New("the new mails cannot be read")

// listen hears mails until ctx ends, which is no error, or the password is
// refused for good.
func (d *Driver) listen(ctx context.Context) error {
	refused := 0
	for wait := time.Second; ; wait = min(2*wait, maxWait) {
		began := time.Now()
		err := d.session(ctx)
		if ctx.Err() != nil {
			return nil
		}
		e := &notifier.Error{Channel: d.name, Err: fmt.Errorf("imap: %s", strings.TrimPrefix(d.scrub(err.Error()), "imap: "))}
		var no *imap.Error
		if errors.As(err, &no) && no.Code == imap.ResponseCodeAuthenticationFailed {
			if refused++; refused == maxRefused {
				e.Permanent = true
				d.deaf(e)
				d.complain(e)
				return e
			}
			wait = max(wait, 10*time.Second)
		} else {
			refused = 0
		}
		if errors.Is(err, errStuck) {
			d.box.stuck++
		}
		d.deaf(e)
		if time.Since(began) > maxWait {
			wait = time.Second
		}
		select {
		case <-ctx.Done():
			return nil
		case <-d.wake:
		case <-time.After(wait):
		}
	}
}

// deaf logs once why nothing is heard, while it lasts. What ends [Driver.Run]
// is for its caller to log.
func (d *Driver) deaf(e *notifier.Error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.trouble != nil && d.trouble.Error() == e.Error() || e.Permanent {
		d.trouble = e
		return
	}
	d.trouble = e
	d.log.Warn("email: no replies can be heard now, trying again", zap.Error(e))
}

func (d *Driver) hears() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.trouble != nil {
		d.trouble = nil
		d.log.Info("email: replies are heard again")
	}
}

// Deaf says why replies are not heard just now: an *[notifier.Error] with what
// the mail server said. It is nil while they are heard, and as long as nobody
// has tried.
func (d *Driver) Deaf() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.trouble == nil {
		return nil
	}
	return d.trouble
}

// complain tells the people, who can be written to, that no reply is heard any
// more and why.
func (d *Driver) complain(e *notifier.Error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.send(letter{
		ID: "wd-word." + notifier.NewID() + "@" + d.domain, Lang: d.lang,
		Subject: d.lang.Pick("⚠ 收不到你的邮件回复", "⚠ Your replies by mail are not heard"),
		Text: d.lang.Pick("收信的服务器（imap）不认密码：", "The server for incoming mail (imap) refuses the password:") + "\n" + e.Err.Error() + "\n" +
			d.lang.Pick("请改好 watch.yaml 里的 imap 设置，再重启 watcherd。很多邮箱要先打开 IMAP，再用“授权码”当密码。在那之前请在别的渠道回答。",
				"Please mend imap in watch.yaml and restart watcherd. Many providers want IMAP to be switched on first, and an app password. Until then please answer on another channel."),
	}, d.to)
}

// line is one connection to the mailbox.
type line struct {
	d      *Driver
	c      *imapclient.Client
	hangUp context.CancelFunc // closes the connection
	noIdle bool
	count  atomic.Int64  // mails in the mailbox, as the server told
	exists chan struct{} // the server has told of more
}

// session hears mails over one connection until that fails.
func (d *Driver) session(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l := &line{d: d, hangUp: cancel, exists: make(chan struct{}, 1)}
	if err := l.step(func() error { return l.login(ctx) }); err != nil {
		return err
	}
	defer l.c.Close()
	if err := l.step(l.choose); err != nil {
		return err
	}
	for {
		if err := l.readNew(); err != nil {
			return err
		}
		d.hears()
		if err := l.wait(ctx); err != nil {
			return err
		}
	}
}

// step does one thing within stepTimeout, or hangs up.
func (l *line) step(f func() error) error {
	t := time.AfterFunc(stepTimeout, l.hangUp)
	err := f()
	if !t.Stop() && err != nil {
		return fmt.Errorf("no reply within %v", stepTimeout)
	}
	return err
}

func (l *line) login(ctx context.Context) error {
	e := *l.d.imap
	conn, err := l.d.connect(ctx, e)
	if err != nil {
		return err
	}
	options := &imapclient.Options{
		TLSConfig: e.tls,
		UnilateralDataHandler: &imapclient.UnilateralDataHandler{
			Expunge: func(uint32) { l.count.Add(-1) },
			Mailbox: func(m *imapclient.UnilateralDataMailbox) {
				// Some servers repeat the number in every reply.
				if m.NumMessages == nil || l.count.Swap(int64(*m.NumMessages)) >= int64(*m.NumMessages) {
					return
				}
				select {
				case l.exists <- struct{}{}:
				default:
				}
			},
		},
	}
	if e.security == "starttls" {
		l.c, err = imapclient.NewStartTLS(conn, options)
	} else {
		l.c = imapclient.New(conn, options)
		err = l.c.WaitGreeting()
	}
	if err != nil {
		conn.Close()
		return err
	}
	if err := l.c.Login(e.username, e.password).Wait(); err != nil {
		l.c.Close()
		return err
	}
	// 163.com, 126.com and yeah.net refuse SELECT as an "Unsafe Login" unless
	// the client has said its name (RFC 2971); others know no ID.
	_, err = l.c.ID(&imap.IDData{Name: "watcherd", Version: "1.0", Vendor: "watcherd"}).Wait()
	if err != nil && !refusal(err) {
		l.c.Close()
		return err
	}
	return nil
}

// refusal reports whether err is the server's NO or BAD, after which the
// connection is as good as before.
func refusal(err error) bool {
	var no *imap.Error
	return errors.As(err, &no)
}

// choose opens the inbox and finds where to read on.
func (l *line) choose() error {
	box := &l.d.box
	state, err := l.c.Select("INBOX", nil).Wait()
	if err != nil {
		return err
	}
	l.count.Store(int64(state.NumMessages))
	pass := box.stuck >= maxStuck
	switch {
	case box.next != 0 && box.validity == state.UIDValidity && !pass:
		return nil
	case pass:
		l.d.log.Warn("email: some mails cannot be read and are passed over")
		box.stuck = 0
	}
	box.validity = state.UIDValidity
	box.next = max(state.UIDNext, 1)
	if state.UIDNext == 0 && state.NumMessages > 0 { // allowed by RFC 2060
		uids, err := l.search(&imap.SearchCriteria{SeqNum: []imap.SeqSet{imap.SeqSetNum(state.NumMessages)}})
		if err != nil {
			return err
		}
		for _, uid := range uids {
			box.next = max(box.next, uid+1)
		}
	}
	if pass {
		return nil
	}
	// Whoever said "seen" while nobody was here wants no more reminders; and a
	// reply that came while the server gave its mails new UIDs is still one. What
	// was used before is flagged, and says nothing new if it is not.
	uids, err := l.search(&imap.SearchCriteria{NotFlag: []imap.Flag{imap.FlagSeen}, Since: time.Now().AddDate(0, 0, -backDays)})
	if err != nil && !refusal(err) {
		return err
	}
	for _, uid := range uids {
		box.next = min(box.next, uid)
	}
	return nil
}

func (l *line) search(c *imap.SearchCriteria) ([]imap.UID, error) {
	data, err := l.c.UIDSearch(c, nil).Wait()
	if err != nil {
		return nil, err
	}
	return data.AllUIDs(), nil
}

// readNew reads the mails from mailbox.next on: of each its header, and of
// those that a configured person wrote the rest.
func (l *line) readNew() error {
	box := &l.d.box
	var uids []imap.UID
	last := box.next
	err := l.fetch(imap.UIDSet{{Start: box.next, Stop: 0}}, &imap.FetchItemBodySection{
		Specifier: imap.PartSpecifierHeader, HeaderFields: headerFields[:], Peek: true,
	}, func(uid imap.UID, data []byte) {
		if uid < box.next { // of "n:*" the last mail is always part
			return
		}
		last = max(last, uid+1)
		if m, err := readHeader(data); err == nil && l.d.person(m) != nil {
			uids = append(uids, uid)
		}
	})
	for _, uid := range uids {
		if err != nil {
			break
		}
		used := false
		err = l.fetch(imap.UIDSetNum(uid), &imap.FetchItemBodySection{
			Peek: true, Partial: &imap.SectionPartial{Size: maxMail},
		}, func(_ imap.UID, data []byte) {
			if m, err := read(data); err == nil && l.d.hear(m) {
				used = true
			}
		})
		if err == nil && used {
			box.next = max(box.next, uid+1)
			err = l.mark(uid)
		}
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errStuck, err)
	}
	box.next, box.stuck = last, 0
	return nil
}

// fetch gives one section of each mail, at most 64 KiB of it, to got.
func (l *line) fetch(set imap.UIDSet, section *imap.FetchItemBodySection, got func(imap.UID, []byte)) error {
	return l.step(func() error {
		cmd := l.c.Fetch(set, &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section}})
		for m := cmd.Next(); m != nil; m = cmd.Next() {
			var uid imap.UID
			var data []byte
			for item := m.Next(); item != nil; item = m.Next() {
				switch item := item.(type) {
				case imapclient.FetchItemDataUID:
					uid = item.UID
				case imapclient.FetchItemDataBodySection:
					if item.Literal == nil {
						continue
					}
					b, err := io.ReadAll(io.LimitReader(item.Literal, maxMail))
					if err == nil {
						data = b
					}
				}
			}
			if uid != 0 && data != nil {
				got(uid, data)
			}
		}
		return cmd.Close()
	})
}

// mark flags a mail as read.
func (l *line) mark(uid imap.UID) error {
	return l.step(func() error {
		err := l.c.Store(imap.UIDSetNum(uid), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagSeen}}, nil).Close()
		if err != nil && refusal(err) { // a mailbox that may only be read
			l.d.log.Debug("email: a mail that was used stays unread", zap.Error(err))
			return nil
		}
		return err
	})
}

// wait returns when there may be new mails.
func (l *line) wait(ctx context.Context) error {
	calm, open := idleCalm, idleOpen
	idles := !l.noIdle && l.c.Caps().Has(imap.CapIdle)
	if !idles {
		calm, open = pollCalm, pollOpen
	}
	var idle *imapclient.IdleCommand
	if idles {
		err := l.step(func() (err error) {
			idle, err = l.c.Idle()
			return err
		})
		switch {
		case err != nil && refusal(err):
			l.noIdle = true
			return nil
		case err != nil:
			return err
		}
	}
	round := time.NewTimer(calm)
	defer round.Stop()
	if l.d.asking() {
		round.Reset(open)
	}
	select {
	case <-ctx.Done():
	case <-l.c.Closed():
	case <-l.exists:
	case <-l.d.wake:
	case <-round.C:
	}
	return l.step(func() error {
		if idle == nil {
			return l.c.Noop().Wait()
		}
		if err := idle.Close(); err != nil {
			return err
		}
		return idle.Wait()
	})
}

// asking reports whether a question is open.
func (d *Driver) asking() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.open) > 0
}
