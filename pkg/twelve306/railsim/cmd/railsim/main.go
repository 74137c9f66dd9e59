// Command railsim serves a simulated 12306 on loopback, for trying watcherd
// by hand.
//
//	railsim -calm
//	railsim -era present -tls ./ca -rtt 50ms -account lisi:secret -verify-code lisi:0
//
// What cannot be said by a flag is said to the admin side; GET / there, and
// railsim -help, list it. It refuses every address that is not loopback.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/watcherd/watcherd/pkg/twelve306/railsim"
)

func main() {
	if err := run(os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "railsim:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	fs := flag.NewFlagSet("railsim", flag.ContinueOnError)
	listen := fs.String("listen", "127.0.0.1:12306", "loopback `address` of the site")
	admin := fs.String("admin", "127.0.0.1:12307", "loopback `address` of the admin side; empty: none")
	seed := fs.Uint64("seed", 0, "repeats a run; 0 picks one")
	era := fs.String("era", "classic", "classic (2018) or present (2024 to 2026)")
	tlsDir := fs.String("tls", "", "serve HTTPS, and write the CA's certificate (ca.pem) into this `folder`")
	rtt := fs.Duration("rtt", 0, "emulated round-trip time")
	calm := fs.Bool("calm", false, "no random trouble")
	window := fs.Int("window", 365, "how many `days` are on sale, today included; the real site has 15 (30 in 2019)")
	night := fs.String("night", "", "hours in which nothing is sold, such as 23:00-06:00")
	letter := fs.String("letter", "", "what leftTicket/query ends in; - for nothing (default Z when -calm, else any)")
	noGuard := fs.Bool("no-guard", false, "allow a second unfinished order of one account")
	pollGap := fs.Duration("poll-gap", 0, "queue polls that follow sooner are noted; negative: none (default 900ms)")
	sessionIdle := fs.Duration("session-idle", 0, "how long an unused session lives (default 30m, present 10m)")
	secretLife := fs.Duration("secret-life", 0, "how long a secretStr can be submitted (default 5m)")
	captchaLife := fs.Duration("captcha-life", 0, "how long a picture can be answered (default 5m)")
	qrLife := fs.Duration("qr-life", 0, "how long a QR code can be scanned (default 3m)")
	payWindow := fs.Duration("pay-window", 0, "the time to pay (default 30m)")
	accounts := []railsim.Account{}
	fs.Func("account", "`user:password` of an account; may be repeated (default zhangsan:secret12306)", func(v string) error {
		user, password, ok := strings.Cut(v, ":")
		if !ok || user == "" || password == "" {
			return errors.New("want user:password")
		}
		accounts = append(accounts, railsim.Somebody(user, password))
		return nil
	})
	verify, code := codes{}, codes{}
	fs.Func("verify-code", "`[user:]code` that checkLoginVerify answers: 0 nothing, 1 slider or SMS, 2 slider, 3 SMS (default 3); may be repeated", verify.add("0", "1", "2", "3"))
	fs.Func("login-code", "`[user:]code` that web/login answers to the right password: 91, 92, 94, 95, 97 or 101 (default 0); may be repeated", code.add("0", "91", "92", "94", "95", "97", "101"))
	fs.Usage = func() {
		fmt.Fprint(fs.Output(), "railsim serves a simulated 12306 on loopback.\n\n")
		fs.PrintDefaults()
		fmt.Fprintf(fs.Output(), "\nThe admin side:\n\n%s", railsim.AdminHelp())
	}
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("what is %q? There are only flags; see -help", fs.Arg(0))
	}
	if *letter != "-" && len(*letter) > 1 || strings.Trim(*letter, "-ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return fmt.Errorf("the letter is one of A to Z, or -, not %q", *letter)
	}
	if len(accounts) == 0 {
		accounts = append(accounts, railsim.DefaultAccount())
	}
	for i := range accounts {
		a := &accounts[i]
		a.VerifyCode = verify.of(a.Username)
		a.LoginCode, _ = strconv.Atoi(code.of(a.Username)) // add took numbers only, and "" is 0
	}
	for _, c := range []codes{verify, code} {
		for user := range c {
			if user != "" && !slices.ContainsFunc(accounts, func(a railsim.Account) bool { return a.Username == user }) {
				return fmt.Errorf("a code for %s, who has no -account", user)
			}
		}
	}
	if *era != string(railsim.Classic) && *era != string(railsim.Present) {
		return fmt.Errorf("no era %q: classic or present", *era)
	}
	for _, addr := range []string{*listen, *admin} {
		if err := loopback(addr); addr != "" && err != nil {
			return err
		}
	}
	site := railsim.New(railsim.Options{Seed: *seed, Era: railsim.Era(*era), RTT: *rtt, Calm: *calm, Night: *night, Window: *window,
		QueryLetter: *letter, NoGuard: *noGuard, PollGap: *pollGap, SessionIdle: *sessionIdle, SecretLife: *secretLife,
		CaptchaLife: *captchaLife, QRLife: *qrLife, PayWindow: *payWindow, Accounts: accounts, Timetable: true})

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ln, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	scheme, ca := "http", ""
	if *tlsDir != "" {
		var cert tls.Certificate
		if cert, ca, err = certificate(*tlsDir); err != nil {
			return err
		}
		scheme = "https"
		// HTTP/1.1 only, as in the recordings.
		ln = tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}})
	}
	servers := []*http.Server{{Handler: site, ReadHeaderTimeout: 10 * time.Second}}
	failed := make(chan error, 2)
	go func() { failed <- servers[0].Serve(ln) }()
	if *admin != "" {
		al, err := net.Listen("tcp", *admin)
		if err != nil {
			return err
		}
		srv := &http.Server{Handler: site.Admin(), ReadHeaderTimeout: 10 * time.Second}
		servers = append(servers, srv)
		go func() { failed <- srv.Serve(al) }()
		*admin = al.Addr().String()
	}
	banner(site, accounts, scheme+"://"+ln.Addr().String(), *admin, ca)

	select {
	case err = <-failed:
	case <-ctx.Done():
		err = nil
	}
	for _, srv := range servers {
		srv.Close()
	}
	for _, v := range site.Violations() {
		fmt.Fprintln(os.Stderr, "violation:", v)
	}
	summary(site.Notes())
	return err
}

// summary prints notes, those that say the same once. Some carry a time or an
// address, so only the first are printed.
func summary(notes []railsim.Violation) {
	const most = 30
	times := map[string]int{}
	var texts []string
	for _, n := range notes {
		text := string(n.Step) + ": " + n.Text
		if times[text]++; times[text] == 1 {
			texts = append(texts, text)
		}
	}
	for _, text := range texts[:min(len(texts), most)] {
		fmt.Fprintf(os.Stderr, "note, %d times: %s\n", times[text], text)
	}
	if n := len(texts) - most; n > 0 {
		fmt.Fprintf(os.Stderr, "and %d other notes\n", n)
	}
}

// codes are codes by user name; "" is everybody else.
type codes map[string]string

func (c codes) add(known ...string) func(string) error {
	return func(v string) error {
		user, code, ok := strings.Cut(v, ":")
		if !ok {
			user, code = "", v
		}
		if !slices.Contains(known, code) {
			return fmt.Errorf("want [user:]code, with one of %s", strings.Join(known, ", "))
		}
		c[user] = code
		return nil
	}
}

func (c codes) of(user string) string {
	if code, ok := c[user]; ok {
		return code
	}
	return c[""]
}

// loopback refuses addresses that others can reach.
func loopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("%s is not loopback: a simulator with a known password stays on this machine", addr)
}

func banner(site *railsim.Server, accounts []railsim.Account, url, admin, ca string) {
	fmt.Fprintf(os.Stderr, "%s\n%s\n\nIn watch.yaml:\n\n  twelve306:\n    base_url: %s\n", site, url, url)
	if ca != "" {
		fmt.Fprintf(os.Stderr, "    ca_file: %s\n", ca)
	}
	a := accounts[0]
	fmt.Fprintf(os.Stderr, "    username: %s\n    password: %s\n    id_last4: %q\n    min_interval: 500ms\n    budget: 0\n    service_hours: \"00:00-24:00\"\n",
		a.Username, a.Password, a.IDNo[len(a.IDNo)-4:])
	fmt.Fprintln(os.Stderr, "\nAccounts:")
	for _, a := range accounts {
		var names []string
		for _, p := range a.Passengers {
			names = append(names, p.Name+" "+p.IDNo)
		}
		fmt.Fprintf(os.Stderr, "  %s, password %s: %s\n", a.Username, a.Password, strings.Join(names, ", "))
	}
	if admin != "" {
		fmt.Fprintf(os.Stderr, "\nThe other side: curl http://%s/ lists it (/orders, /violations, /notes, /requests, /state).\n", admin)
	}
}
