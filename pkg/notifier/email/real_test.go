package email

import (
	"context"
	"crypto/tls"
	"net/smtp"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/watcherd/watcherd/pkg/notifier"
)

// TestRealServers has a conversation through a real postfix and a real
// dovecot. deploy/mail-test.sh sets them up and runs it.
func TestRealServers(t *testing.T) {
	told := strings.Fields(os.Getenv("WATCHERD_MAIL_TEST")) // the certificate, then the ports by name
	if len(told) < 2 {
		t.Skip("run deploy/mail-test.sh")
	}
	ca, at := told[0], map[string]string{}
	for _, word := range told[1:] {
		name, port, _ := strings.Cut(word, "=")
		at[name] = "localhost:" + port
	}
	const real, person = "watcherd@example.test", "me@example.test"
	roots, err := authorities(ca)
	if err != nil {
		t.Fatal(err)
	}
	mine := &tls.Config{ServerName: "localhost", RootCAs: roots}
	for security, server := range map[string][2]string{
		"starttls": {at["smtp"], at["imap"]},
		"tls":      {at["smtps"], at["imaps"]},
	} {
		t.Run(security, func(t *testing.T) {
			log, _ := watched(t)
			d, err := New(Config{
				From: real, To: []string{person}, CAFile: ca,
				SMTP: Server{Addr: server[0], Security: security, Username: real, Password: "secret"},
				IMAP: &Server{Addr: server[1], Security: security, Username: real, Password: "secret"},
			}, notifier.Chinese, log)
			if err != nil {
				t.Fatal(err)
			}
			runs(t, d)
			p := prompt(notifier.Picture)
			p.Deadline = time.Now().Add(time.Minute)
			began := time.Now()
			got := make(chan notifier.Reply, 1)
			failed := make(chan error, 1)
			go func() {
				r, err := d.Ask(t.Context(), p)
				if err != nil {
					failed <- err
				}
				got <- r
			}()

			// The person's own program: waits for the mail, and answers it.
			c, err := imapclient.DialTLS(at["imaps"], &imapclient.Options{TLSConfig: mine})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if err := c.Login(person, "secret").Wait(); err != nil {
				t.Fatal(err)
			}
			reply := func(find, text string) {
				t.Helper()
				m := awaitMail(t, c, find)
				t.Logf("the mail %q was there %v after it was asked", m.subject(), time.Since(began).Round(time.Millisecond))
				raw := strings.ReplaceAll(answer(m, person, text), "\n", "\r\n")
				s, err := smtp.Dial(at["smtp"])
				if err == nil {
					err = s.StartTLS(mine)
				}
				if err == nil {
					err = s.Auth(smtp.PlainAuth("", person, "secret", "localhost"))
				}
				if err == nil {
					err = s.Mail(person)
				}
				if err == nil {
					err = s.Rcpt(real)
				}
				if err != nil {
					t.Fatal(err)
				}
				w, err := s.Data()
				if err == nil {
					_, err = w.Write([]byte(raw))
				}
				if err == nil {
					err = w.Close()
				}
				if err != nil {
					t.Fatal(err)
				}
				s.Quit()
			}
			reply(p.ID+".q@", "2 五") // garbled: answered at once
			reply(p.ID+".w1@", "2 5")
			answered := time.Now()
			select {
			case r := <-got:
				t.Logf("heard %v after it was sent", time.Since(answered).Round(time.Millisecond))
				if !reflect.DeepEqual(r.Picks, []int{2, 5}) || r.By != person {
					t.Errorf("heard %+v", r)
				}
			case err := <-failed:
				t.Fatal(err)
			case <-time.After(30 * time.Second):
				t.Fatal("the answer was not heard")
			}
			if m := awaitMail(t, c, p.ID+".w2@"); !strings.Contains(m.received.plain, notifier.Chinese.Thanks()) {
				t.Errorf("thanked with %q", m.received.plain)
			}

			// A wrong password and an unknown address are for good.
			for name, change := range map[string]func(*Config){
				"password": func(c *Config) { c.SMTP.Password = "hunter2-geheim" },
				"address":  func(c *Config) { c.To = []string{"me@elsewhere.test"} },
			} {
				c := Config{From: real, To: []string{person}, CAFile: ca, SMTP: Server{Addr: server[0], Security: security, Username: real, Password: "secret"}}
				change(&c)
				d, err := New(c, notifier.English, log)
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				err = d.Notify(ctx, notifier.Message{ID: notifier.NewID(), Title: "t", Text: "x"})
				cancel()
				e, ok := err.(*notifier.Error)
				if name == "password" && (!ok || !e.Permanent || strings.Contains(e.Error(), "geheim")) {
					t.Errorf("%s: %v", name, err)
				}
				t.Logf("%s: %v", name, err)
			}
		})
	}
}

// awaitMail returns the mail of the person's mailbox whose Message-ID holds
// find, once it is there.
func awaitMail(t *testing.T, c *imapclient.Client, find string) mailed {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		if _, err := c.Select("INBOX", nil).Wait(); err != nil {
			t.Fatal(err)
		}
		found, err := c.UIDSearch(&imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Message-ID", Value: find}}}, nil).Wait()
		if err != nil {
			t.Fatal(err)
		}
		if uids := found.AllUIDs(); len(uids) > 0 {
			all, err := c.Fetch(imap.UIDSetNum(uids[0]), &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{{}}}).Collect()
			if err != nil || len(all) != 1 || len(all[0].BodySection) != 1 {
				t.Fatalf("%d mails, %v", len(all), err)
			}
			return parsed(t, all[0].BodySection[0].Bytes)
		}
		time.Sleep(50 * time.Millisecond) // between two looks at a real server
	}
	t.Fatalf("no mail with %s", find)
	return mailed{}
}
