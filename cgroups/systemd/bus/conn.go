// Package bus speaks D-Bus with a service manager: one connection, calls that wait for
// their answers, and the signals that come meanwhile.
//
// It is what github.com/godbus/dbus, on which github.com/coreos/go-systemd builds, does
// besides, in bare system calls. Those packages bring package net along, whose start every command
// would pay for, goroutines that wait in the poller, and a question and an answer for each line of
// the authentication. The tests speak with them.
package bus

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// A Conn is a connection to a message bus, or straight to a service. It is not safe for
// concurrent use.
type Conn struct {
	fd       kernel.Fd
	address  Address
	deadline time.Time
	serial   uint32
	out      []byte // to be sent before the next call
	in       []byte // that has come and was not looked at
	signals  []*Message
	Sent     int // messages
	Received int
}

// authentication names nobody: who this is the other side asks the kernel (SO_PEERCRED). A
// name would be the number of a user as this user namespace counts, which may be another one
// there. See EXTERNAL in the specification, and sd-bus, which does the same.
const authentication = "\x00AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n"

// Dial connects to the first of the addresses at which anybody listens. What is done with the
// connection has to be done before the deadline; see Until.
func Dial(deadline time.Time, addresses ...Address) (*Conn, error) {
	unreachable := &UnreachableError{}
	for _, a := range addresses {
		c := &Conn{address: a, deadline: deadline}
		err := c.connect()
		if err == nil {
			return c, nil
		}
		c.Close()
		unreachable.Errs = append(unreachable.Errs, fmt.Errorf("connecting to %s: %w", a.Path, err))
	}
	return nil, unreachable
}

// An UnreachableError says why there is no connection, for each address.
type UnreachableError struct{ Errs []error }

func (e *UnreachableError) Error() string {
	var b strings.Builder
	for i, err := range e.Errs {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(err.Error())
	}
	return b.String()
}

// Unwrap returns the errors of the addresses.
func (e *UnreachableError) Unwrap() []error { return e.Errs }

// Until sets another deadline.
func (c *Conn) Until(deadline time.Time) { c.deadline = deadline }

func (c *Conn) connect() error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	c.fd = kernel.Own(fd)
	if err != nil {
		return err
	}
	if err := c.wait(unix.SO_SNDTIMEO); err != nil {
		return err
	}
	name := c.address.Path
	err = kernel.Restart(func() error { return unix.Connect(fd, &unix.SockaddrUnix{Name: name}) })
	if err != nil {
		return err
	}
	if err := c.authenticate(); err != nil {
		return err
	}
	if !c.address.Direct {
		c.queue(&Call{
			Destination: "org.freedesktop.DBus", Path: "/org/freedesktop/DBus",
			Interface: "org.freedesktop.DBus", Method: "Hello",
		})
	}
	return nil
}

// wait lets the kernel end a call at the deadline.
func (c *Conn) wait(option int) error {
	left := time.Until(c.deadline)
	if left <= 0 {
		return unix.EAGAIN
	}
	t := unix.NsecToTimeval(max(left, time.Millisecond).Nanoseconds())
	return unix.SetsockoptTimeval(c.fd.Int(), unix.SOL_SOCKET, option, &t)
}

// Match asks for the signals that fit the rule. It does so together with the next call; on
// a direct connection there is nothing to ask for, all are sent.
func (c *Conn) Match(rule string) {
	if !c.address.Direct {
		c.queue(&Call{
			Destination: "org.freedesktop.DBus", Path: "/org/freedesktop/DBus",
			Interface: "org.freedesktop.DBus", Method: "AddMatch", Args: []Value{String(rule)},
		})
	}
}

// queue adds a call to what is sent next. Nobody waits for its answer.
func (c *Conn) queue(call *Call) (serial uint32) {
	c.serial++
	c.Sent++
	c.out = call.append(c.out, c.serial, c.address.Direct)
	return c.serial
}

// Call makes a call and returns its answer; one that is an error is an *Error.
func (c *Conn) Call(call *Call) (*Message, error) {
	serial := c.queue(call)
	if err := c.send(); err != nil {
		return nil, err
	}
	for {
		m, err := c.next()
		if err != nil {
			return nil, err
		}
		switch {
		case m.kind == signal:
			c.signals = append(c.signals, m)
		case m.reply == serial:
			return m, m.err()
		case m.reply < serial && m.kind == callFailed: // one of those that were queued
			return nil, m.err()
		}
	}
}

// Signal returns the next signal: one that has come during a call, or waits for it.
func (c *Conn) Signal() (*Message, error) {
	if len(c.signals) > 0 {
		m := c.signals[0]
		c.signals = c.signals[1:]
		return m, nil
	}
	for {
		if m, err := c.next(); err != nil || m.kind == signal {
			return m, err
		}
	}
}

func (c *Conn) send() error {
	for len(c.out) > 0 {
		n, err := kernel.RestartInt(func() (int, error) {
			return unix.SendmsgN(c.fd.Int(), c.out, nil, nil, unix.MSG_NOSIGNAL)
		})
		if err != nil {
			return c.failed(err)
		}
		c.out = c.out[n:]
	}
	c.out = nil
	return nil
}

// next returns the message that comes next.
func (c *Conn) next() (*Message, error) {
	for {
		m, size, err := parse(c.in)
		if err != nil {
			return nil, c.failed(err)
		}
		if m != nil {
			c.in = c.in[size:]
			c.Received++
			return m, nil
		}
		if err := c.receive(); err != nil {
			return nil, c.failed(err)
		}
	}
}

// authenticate has the other side believe who this is. Its answers are "DATA", since no name was given,
// and then "OK" with an identifier. No call may follow before they are there: systemd does not look at one that
// it has read along with the authentication, until the next comes.
func (c *Conn) authenticate() error {
	c.out = append(c.out, authentication...)
	if err := c.send(); err != nil {
		return err
	}
	for _, want := range [...]string{"DATA", "OK "} {
		line, rest, whole := bytes.Cut(c.in, []byte("\r\n"))
		for !whole {
			if err := c.receive(); err != nil {
				return c.failed(err)
			}
			line, rest, whole = bytes.Cut(c.in, []byte("\r\n"))
		}
		if !bytes.HasPrefix(line, []byte(want)) {
			return c.failed(fmt.Errorf("authentication: %q", line))
		}
		c.in = rest
	}
	return nil
}

func (c *Conn) receive() error {
	if err := c.wait(unix.SO_RCVTIMEO); err != nil {
		return err
	}
	const most = 16 << 10
	c.in = slices.Grow(c.in, most)
	n, err := kernel.RestartInt(func() (int, error) {
		return unix.Read(c.fd.Int(), c.in[len(c.in):][:most])
	})
	if err == nil && n == 0 {
		err = io.EOF
	}
	c.in = c.in[:len(c.in)+max(n, 0)]
	return err
}

// failed says where, and in the words of what happened.
func (c *Conn) failed(err error) error {
	switch {
	case errors.Is(err, unix.EAGAIN):
		err = ErrTimeout
	case err == io.EOF, errors.Is(err, unix.EPIPE), errors.Is(err, unix.ECONNRESET):
		err = ErrClosed
	}
	return fmt.Errorf("%s: %w", c.address.Path, err)
}

// ErrClosed is why a connection cannot go on: the service manager or the bus is gone, or
// executes itself anew.
var ErrClosed = errors.New("the other side has closed the connection")

// ErrTimeout says that the time for a connection has passed.
var ErrTimeout = errors.New("no answer in time")

// Close closes the connection.
func (c *Conn) Close() { c.fd.Close() }
