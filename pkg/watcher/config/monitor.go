package config

import (
	"net"

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
	if m.PingURL != "" {
		k.address(k.either("monitor.ping_url"), string(m.PingURL), "http", "https")
	}
}
