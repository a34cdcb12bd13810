package netdevice

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// An address is one of a device: struct ifaddrmsg and its attributes,
// rtnetlink(7).
type address struct {
	family, prefix, scope uint8
	index                 int32
	flags                 uint32
	local, peer           []byte // IFA_LOCAL, IFA_ADDRESS
	label                 string
	other                 []attribute // passed on as they are
}

type attribute struct {
	kind  uint16
	value []byte
}

// ifaProto is IFA_PROTO of linux/if_addr.h, who made the address.
const ifaProto = 11

// settable are the flags that somebody chose; the others are the kernel's.
const settable = unix.IFA_F_NODAD | unix.IFA_F_OPTIMISTIC | unix.IFA_F_HOMEADDRESS |
	unix.IFA_F_MANAGETEMPADDR | unix.IFA_F_NOPREFIXROUTE | unix.IFA_F_MCAUTOJOIN

// addresses returns the addresses of a device that move with it, permanent ones
// of global scope, in the order in which they are to be added.
func (c *conn) addresses(index int32) ([]address, error) {
	all, err := list(c, newRequest(unix.RTM_GETADDR, unix.NLM_F_DUMP, make([]byte, unix.SizeofIfAddrmsg)), parseAddress)
	if err != nil {
		return nil, err
	}
	return moving(all, index), nil
}

// moving selects and orders addresses. The kernel lists the IPv6 addresses of a
// device last first.
func moving(all []address, index int32) []address {
	var others, inet6 []address
	for _, a := range all {
		if a.index != index || a.scope != unix.RT_SCOPE_UNIVERSE || a.flags&unix.IFA_F_PERMANENT == 0 {
			continue
		}
		if a.family == unix.AF_INET6 {
			inet6 = append(inet6, a)
		} else {
			others = append(others, a)
		}
	}
	slices.Reverse(inet6)
	return append(others, inet6...)
}

func parseAddress(m message) (a address, err error) {
	b := m.body
	if m.kind != unix.RTM_NEWADDR || len(b) < unix.SizeofIfAddrmsg {
		return a, errMalformed
	}
	a = address{family: b[0], prefix: b[1], flags: uint32(b[2]), scope: b[3],
		index: int32(binary.NativeEndian.Uint32(b[4:]))}
	for kind, value := range attributes(b[unix.SizeofIfAddrmsg:]) {
		value = bytes.Clone(value)
		switch kind {
		case unix.IFA_FLAGS:
			if len(value) != 4 {
				return a, errMalformed
			}
			a.flags = binary.NativeEndian.Uint32(value)
		case unix.IFA_LOCAL:
			a.local = value
		case unix.IFA_ADDRESS:
			a.peer = value
		case unix.IFA_LABEL:
			a.label = string(bytes.TrimRight(value, "\x00"))
		case unix.IFA_BROADCAST, unix.IFA_CACHEINFO, unix.IFA_RT_PRIORITY, ifaProto:
			a.other = append(a.other, attribute{kind, value})
		}
	}
	return a, nil
}

// request asks to add the address to a device, which had another name before.
func (a address) request(index int32, oldName, name string) request {
	header := []byte{a.family, a.prefix, 0, a.scope}
	header = binary.NativeEndian.AppendUint32(header, uint32(index))
	r := newRequest(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL|unix.NLM_F_ACK, header)
	if a.local != nil {
		r = r.attribute(unix.IFA_LOCAL, a.local)
	}
	if a.peer != nil {
		r = r.attribute(unix.IFA_ADDRESS, a.peer)
	}
	if a.label != "" {
		r = r.string(unix.IFA_LABEL, relabel(a.label, oldName, name))
	}
	for _, o := range a.other {
		r = r.attribute(o.kind, o.value)
	}
	return r.uint32(unix.IFA_FLAGS, a.flags&settable)
}

// relabel gives an alias, such as eth0:1, its device's new name, as the kernel
// does when a device is renamed.
func relabel(label, oldName, name string) string {
	rest, ok := strings.CutPrefix(label, oldName)
	if !ok || rest != "" && rest[0] != ':' {
		return label
	}
	// What does not fit is cut from the name, which the label is not looked up by.
	return name[:min(len(name), max(0, unix.IFNAMSIZ-1-len(rest)))] + rest
}

// String is the address in the notation of CIDR.
func (a address) String() string {
	bytes := a.local
	if bytes == nil {
		bytes = a.peer
	}
	ip, ok := netip.AddrFromSlice(bytes)
	if !ok {
		return fmt.Sprintf("%x of family %d", bytes, a.family)
	}
	return fmt.Sprintf("%s/%d", ip, a.prefix)
}
