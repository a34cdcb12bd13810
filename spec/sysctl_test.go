package spec

import (
	"testing"
)

func TestSysctlPath(t *testing.T) {
	for name, want := range map[string]string{
		"net.ipv4.ip_forward":               "net/ipv4/ip_forward",
		"net/ipv4/ip_forward":               "net/ipv4/ip_forward",
		"net.ipv4.conf.eth0/1.forwarding":   "net/ipv4/conf/eth0.1/forwarding",
		"net/ipv4/conf/eth0.1/forwarding":   "net/ipv4/conf/eth0.1/forwarding",
		"kernel":                            "kernel",
		"net.ipv4.conf.eth0-é_x.forwarding": "net/ipv4/conf/eth0-é_x/forwarding",
	} {
		if have, err := SysctlPath(name); err != nil || have != want {
			t.Errorf("%q: %q, %v, want %q", name, have, err, want)
		}
	}
	for _, name := range []string{
		"", ".", "/", "..", ".net", "/net", "net.", "net/", "net..a", "net//a", "net/../a", "net/./a",
		"net.//.a", "net./.a", "net a", "net\x00", "net\n.a", "net\x7f",
	} {
		if have, err := SysctlPath(name); err == nil {
			t.Errorf("%q: %q, want an error", name, have)
		}
	}
}
