package kernel

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// ErrTruncated reports that not all the descriptors of a message could be
// received: there are more than the receiver has room for, too many are open, or a
// security module does not let one pass (MSG_CTRUNC, recv(2)).
var ErrTruncated = errors.New("not all descriptors of the message could be received")

// Send sends a message over a connected Unix socket, with descriptors (SCM_RIGHTS,
// unix(7)), which stay the caller's. A stream socket carries them only beside data. It raises
// no SIGPIPE: the error is EPIPE.
func Send(socket int, data []byte, fds ...int) error {
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	return Restart(func() error { return unix.Sendmsg(socket, data, rights, nil, unix.MSG_NOSIGNAL) })
}

// Receive receives a message from a connected Unix socket into data, with up to most
// descriptors, close-on-exec, which belong to the caller. A length of 0 without an error
// means that the other end is closed. After an error no descriptor is left open; with
// [ErrTruncated] the data has been received nevertheless.
func Receive(socket int, data []byte, most int) (n int, fds []Fd, err error) {
	// With room for one more than allowed: the kernel's own limit is rounded up.
	control := make([]byte, unix.CmsgSpace(4*(most+1)))
	var used, flags int
	n, err = RestartInt(func() (n int, err error) {
		n, used, flags, _, err = unix.Recvmsg(socket, data, control, unix.MSG_CMSG_CLOEXEC)
		return n, err
	})
	if err != nil {
		return 0, nil, err
	}
	fds, err = parseRights(control[:used])
	if err == nil && (flags&unix.MSG_CTRUNC != 0 || len(fds) > most) {
		err = ErrTruncated
	}
	if err != nil {
		CloseAll(fds)
		return n, nil, err
	}
	return n, fds, nil
}

func parseRights(control []byte) (fds []Fd, err error) {
	if len(control) == 0 {
		return nil, nil
	}
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return nil, fmt.Errorf("control message: %w", err)
	}
	for i := range messages {
		if messages[i].Header.Type != unix.SCM_RIGHTS { // credentials, which the socket may be set to pass
			continue
		}
		got, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return fds, fmt.Errorf("control message: %w", err)
		}
		for _, fd := range got {
			fds = append(fds, Own(fd))
		}
	}
	return fds, nil
}
