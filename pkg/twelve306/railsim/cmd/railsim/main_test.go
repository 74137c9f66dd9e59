package main

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"testing"
)

func TestLoopback(t *testing.T) {
	for addr, good := range map[string]bool{"127.0.0.1:0": true, "[::1]:80": true, "localhost:80": true, "127.9.9.9:1": true,
		"0.0.0.0:80": false, ":80": false, "192.168.1.2:80": false, "example.com:80": false, "127.0.0.1": false} {
		if err := loopback(addr); (err == nil) != good {
			t.Errorf("loopback(%q) = %v", addr, err)
		}
	}
	for _, args := range [][]string{{"-listen", "0.0.0.0:0"}, {"-admin", "0.0.0.0:0"}, {"-era", "1999"}, {"-account", "nobody"},
		{"present"}, {"-letter", "AB"}, {"-letter", "z"}, {"-verify-code", "7"}, {"-login-code", "zhangsan:1"}, {"-verify-code", "lisi:0"}} {
		if run(args) == nil {
			t.Errorf("%v was accepted", args)
		}
	}
}

func TestCodes(t *testing.T) {
	c := codes{}
	add := c.add("0", "3")
	for _, v := range []string{"0", "lisi:3"} {
		if err := add(v); err != nil {
			t.Errorf("%s: %v", v, err)
		}
	}
	if c.of("lisi") != "3" || c.of("zhangsan") != "0" {
		t.Errorf("codes %v", c)
	}
}

func TestCertificate(t *testing.T) {
	cert, path, err := certificate(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	block, rest := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE" || len(rest) > 0 {
		t.Fatalf("ca.pem holds %q", data)
	}
	ca, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(ca)
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1", "::1", "localhost"} {
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: pool, DNSName: host}); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
}
