package netdevice

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// A link is a network device.
type link struct {
	index int32
	name  string
}

// ifinfomsg is the header of a message about a link, rtnetlink(7). Of the flags
// those in mask are to be changed.
func ifinfomsg(index int32, flags, mask uint32) []byte {
	b := make([]byte, 4, unix.SizeofIfInfomsg) // family, type: any
	b = binary.NativeEndian.AppendUint32(b, uint32(index))
	b = binary.NativeEndian.AppendUint32(b, flags)
	return binary.NativeEndian.AppendUint32(b, mask)
}

// moveRequest asks to move a device to the namespace of a descriptor, where it
// gets an index and a name.
func moveRequest(index int32, netns int, newIndex int32, name string) request {
	return newRequest(unix.RTM_SETLINK, unix.NLM_F_ACK, ifinfomsg(index, 0, 0)).
		uint32(unix.IFLA_NET_NS_FD, uint32(netns)).
		uint32(unix.IFLA_NEW_IFINDEX, uint32(newIndex)).
		string(unix.IFLA_IFNAME, name)
}

func upRequest(index int32) request {
	return newRequest(unix.RTM_SETLINK, unix.NLM_F_ACK, ifinfomsg(index, unix.IFF_UP, unix.IFF_UP))
}

func (c *conn) linkByName(name string) (link, error) {
	return c.link(newRequest(unix.RTM_GETLINK, unix.NLM_F_ACK, ifinfomsg(0, 0, 0)).string(unix.IFLA_IFNAME, name))
}

func (c *conn) linkByIndex(index int32) (link, error) {
	return c.link(newRequest(unix.RTM_GETLINK, unix.NLM_F_ACK, ifinfomsg(index, 0, 0)))
}

func (c *conn) link(r request) (link, error) {
	links, err := list(c, r, parseLink)
	if err != nil {
		return link{}, err
	}
	if len(links) != 1 {
		return link{}, unix.ENODEV
	}
	return links[0], nil
}

func (c *conn) links() ([]link, error) {
	return list(c, newRequest(unix.RTM_GETLINK, unix.NLM_F_DUMP, ifinfomsg(0, 0, 0)), parseLink)
}

func parseLink(m message) (l link, err error) {
	if m.kind != unix.RTM_NEWLINK || len(m.body) < unix.SizeofIfInfomsg {
		return l, errMalformed
	}
	l.index = int32(binary.NativeEndian.Uint32(m.body[4:]))
	for kind, value := range attributes(m.body[unix.SizeofIfInfomsg:]) {
		if kind == unix.IFLA_IFNAME {
			l.name = string(bytes.TrimRight(value, "\x00"))
		}
	}
	if l.name == "" {
		return l, errMalformed
	}
	return l, nil
}
