package config

import (
	"cmp"
	"net"

	"github.com/watcherd/watcherd/pkg/notifier/web"
	"github.com/watcherd/watcherd/pkg/watcher"
)

// Monitor is the section monitor: for those who watch the watcher. What is left
// out is off.
type Monitor struct {
	// Listen is where /metrics (Prometheus) and /healthz are served, without a
	// password: on this machine only, such as 127.0.0.1:9306.
	Listen string `yaml:"listen"`

	// PingURL is fetched every five minutes while looks work: a dead man's
	// switch at healthchecks.io or the like tells you when it stops. The address
	// is a secret, for whoever has it can pretend that all is well.
	PingURL     Secret `yaml:"ping_url"`
	PingURLFile string `yaml:"ping_url_file"`

	// Digest is the time of day at which one message says what the day was
	// like, such as "21:30".
	Digest watcher.Clock `yaml:"digest"`
}

// sameAddress reports whether two addresses cannot both be listened on.
func sameAddress(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	if errA != nil || errB != nil || portA != portB || portA == "0" {
		return false
	}
	all := func(host string) bool { return host == "" || host == "0.0.0.0" || host == "::" }
	local := func(host string) string {
		if host == "localhost" {
			return "127.0.0.1"
		}
		return host
	}
	return all(hostA) || all(hostB) || local(hostA) == local(hostB)
}

func (k *checker) monitor() {
	m := &k.c.Monitor
	if m.Listen != "" {
		switch host, _, err := net.SplitHostPort(m.Listen); {
		case err != nil:
			k.wrong("monitor.listen", "%q is not an address to listen on; write 127.0.0.1:9306", m.Listen)
		case !isLoopback(host):
			k.wrong("monitor.listen", "%q can be reached from elsewhere and has no password; write 127.0.0.1:9306", m.Listen)
		}
	}
	if w := k.c.Notify.Web; w != nil && m.Listen != "" && sameAddress(m.Listen, cmp.Or(w.Listen, web.DefaultListen)) {
		k.wrong("monitor.listen", "notify.web listens on %s already; write 127.0.0.1:9306", cmp.Or(w.Listen, web.DefaultListen))
	}
	if m.PingURL != "" {
		k.address(k.either("monitor.ping_url"), string(m.PingURL), "http", "https")
	}
}
