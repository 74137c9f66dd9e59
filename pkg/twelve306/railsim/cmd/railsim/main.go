// Command railsim serves a simulated 12306 on loopback, for trying watcherd
// by hand.
//
//	railsim -calm
//	railsim -era present -tls ./ca -rtt 50ms -account lisi:secret
//
// It refuses every address that is not loopback.
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
	var accounts []railsim.Account
	fs.Func("account", "`user:password` of an account; may be repeated (default zhangsan:secret12306)", func(v string) error {
		user, password, ok := strings.Cut(v, ":")
		if !ok || user == "" || password == "" {
			return errors.New("want user:password")
		}
		a := railsim.DefaultAccount()
		a.Username, a.Password = user, password
		accounts = append(accounts, a)
		return nil
	})
	if err := fs.Parse(args); err != nil {
		return err
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
		Accounts: accounts, Timetable: true})

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
	usage(site, scheme+"://"+ln.Addr().String(), *admin, ca)

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
	return err
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

func usage(site *railsim.Server, url, admin, ca string) {
	fmt.Fprintf(os.Stderr, "%s\n%s\n\nIn watch.yaml:\n\n  twelve306:\n    base_url: %s\n", site, url, url)
	if ca != "" {
		fmt.Fprintf(os.Stderr, "    ca_file: %s\n", ca)
	}
	fmt.Fprint(os.Stderr, "    username: zhangsan\n    password: secret12306\n    id_last4: \"0014\"\n    min_interval: 500ms\n    budget: 0\n    service_hours: \"00:00-24:00\"\n")
	if admin != "" {
		fmt.Fprintf(os.Stderr, "\nThe other side: curl http://%s/orders, /violations, /requests, /state; the rest is in the documentation of Server.Admin.\n", admin)
	}
}
