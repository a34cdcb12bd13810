package netdevice

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// A conn is a route socket, rtnetlink(7), in one network namespace.
type conn struct {
	fd       int
	sequence uint32
	buf      []byte
}

// errChanged is the error of a list that changed while the kernel wrote it.
var errChanged = errors.New("the list kept changing")

func dial() (*conn, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("route socket: %w", err)
	}
	for _, option := range [...]int{unix.NETLINK_CAP_ACK, unix.NETLINK_EXT_ACK} {
		if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, option, 1); err != nil {
			unix.Close(fd)
			return nil, fmt.Errorf("option %d of a route socket: %w", option, err)
		}
	}
	// The kernel makes no datagram of a list larger than 32 KiB.
	return &conn{fd: fd, buf: make([]byte, 64<<10)}, nil
}

func (c *conn) close() { unix.Close(c.fd) }

// change sends a request that is answered by nothing but success or failure.
func (c *conn) change(r request) error {
	return c.exchange(r, func(message) error { return nil })
}

// list returns what a request for a list is answered by, made by parse. A list
// that changed meanwhile is asked for again.
func list[T any](c *conn, r request, parse func(message) (T, error)) ([]T, error) {
	for range 10 {
		var all []T
		err := c.exchange(r, func(m message) error {
			one, err := parse(m)
			all = append(all, one)
			return err
		})
		if err != errChanged {
			return all, err
		}
	}
	return nil, errChanged
}

// exchange sends a request and calls a function for every message of the
// answer, up to its end.
func (c *conn) exchange(r request, handle func(message) error) error {
	c.sequence++
	if err := unix.Sendto(c.fd, r.seal(c.sequence), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("sending to a route socket: %w", err)
	}
	var failed error
	for {
		ms, err := c.receive()
		if err != nil {
			return err
		}
		for _, m := range ms {
			if m.sequence != c.sequence {
				continue // of an answer that was given up
			}
			if m.flags&unix.NLM_F_DUMP_INTR != 0 && failed == nil {
				failed = errChanged
			}
			switch m.kind {
			case unix.NLMSG_ERROR, unix.NLMSG_DONE:
				if failed != nil {
					return failed
				}
				return m.status()
			default:
				if failed == nil {
					failed = handle(m)
				}
			}
		}
	}
}

// receive returns the messages of a datagram, which are valid until the next.
func (c *conn) receive() ([]message, error) {
	for {
		var n, flags int
		var from unix.Sockaddr
		err := kernel.Restart(func() (err error) {
			n, _, flags, from, err = unix.Recvmsg(c.fd, c.buf, nil, 0)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("receiving from a route socket: %w", err)
		}
		if flags&unix.MSG_TRUNC != 0 {
			return nil, fmt.Errorf("a netlink message of more than %d bytes", len(c.buf))
		}
		if sender, ok := from.(*unix.SockaddrNetlink); ok && sender.Pid == 0 {
			return messages(c.buf[:n])
		}
		// Any process may send to the socket; only the kernel is 0.
	}
}

// status is the result that ends an answer: an errno, and for a person what the
// kernel adds to it. NLMSG_DONE carries one as NLMSG_ERROR does.
func (m message) status() error {
	if len(m.body) < 4 {
		return errMalformed
	}
	errno := -int32(binary.NativeEndian.Uint32(m.body))
	if errno == 0 {
		return nil
	}
	if text := m.explanation(); text != "" {
		return fmt.Errorf("%w (%s)", unix.Errno(errno), text)
	}
	return unix.Errno(errno)
}

// explanation is the text of an extended acknowledgement, NETLINK_EXT_ACK.
func (m message) explanation() string {
	const header = 4 + unix.NLMSG_HDRLEN // struct nlmsgerr: with NETLINK_CAP_ACK without the request
	if m.kind != unix.NLMSG_ERROR || m.flags&unix.NLM_F_ACK_TLVS == 0 || len(m.body) < header {
		return ""
	}
	for kind, value := range attributes(m.body[header:]) {
		if kind == unix.NLMSGERR_ATTR_MSG {
			return string(bytes.TrimRight(value, "\x00"))
		}
	}
	return ""
}
