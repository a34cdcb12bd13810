package bus

import (
	"fmt"
	"strings"
)

// An Address is a socket that is listened at.
type Address struct {
	Path   string // "@" begins one in the abstract name space
	Direct bool   // the service itself listens there, no bus
}

// ParseAddresses reads the addresses of a message bus as DBUS_SESSION_BUS_ADDRESS has them,
// separated by semicolons, and returns those of the transport "unix". See "Server Addresses"
// in the specification.
func ParseAddresses(text string) (list []Address, err error) {
	for a := range strings.SplitSeq(text, ";") {
		keys, ok := strings.CutPrefix(a, "unix:")
		if !ok {
			continue
		}
		for pair := range strings.SplitSeq(keys, ",") {
			key, value, _ := strings.Cut(pair, "=")
			if key != "path" && key != "abstract" {
				continue
			}
			if value, err = unescape(value); err != nil {
				return nil, fmt.Errorf("address %q: %w", a, err)
			}
			if key == "abstract" {
				value = "@" + value
			}
			list = append(list, Address{Path: value})
		}
	}
	return list, nil
}

// unescape reads %XX.
func unescape(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		var c byte
		if i+2 >= len(s) {
			return "", fmt.Errorf("%q ends in an escape", s)
		}
		if _, err := fmt.Sscanf(s[i+1:i+3], "%02x", &c); err != nil {
			return "", fmt.Errorf("%q: %w", s, err)
		}
		b.WriteByte(c)
		i += 2
	}
	return b.String(), nil
}
