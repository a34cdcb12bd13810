// Package notify tells a service manager that a container is ready.
//
// A service gets the address of its manager's socket in NOTIFY_SOCKET,
// sd_notify(3). The container gets another socket instead, one in the
// container's state directory, and a [Proxy] passes on from there that it is
// ready, as the manager knows it: with the pid that the host sees. Nothing else
// that the container writes reaches the manager.
package notify

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// managerTimeout is how long the service manager may take to make room for what it is
// sent, and then to have read it.
const managerTimeout = 5 * time.Second

var errNotRead = errors.New("the service manager does not read what it is sent")

// A Proxy is the socket on which the container reports.
type Proxy struct{ fd int }

// Listen makes a datagram socket of that name in the directory dirfd, in
// place of one that an earlier process left, and open to every user: who can
// reach it is up to the directory.
func Listen(dirfd int, name string) (*Proxy, error) {
	p, err := listen(dirfd, name)
	return p, kernel.Failed("notify socket", err)
}

func listen(dirfd int, name string) (*Proxy, error) {
	if err := unix.Unlinkat(dirfd, name, 0); err != nil && err != unix.ENOENT {
		return nil, fmt.Errorf("removing %s: %w", name, err)
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	// By descriptor: an address has room for 107 bytes, unix(7).
	addr := kernel.ProcPath(dirfd) + "/" + name
	err = unix.Bind(fd, &unix.SockaddrUnix{Name: addr})
	if err != nil {
		err = fmt.Errorf("bind: %w", err)
	} else if err = unix.Fchmodat(dirfd, name, 0o777, 0); err != nil {
		err = fmt.Errorf("chmod: %w", err)
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &Proxy{fd}, nil
}

// Close closes the socket. Its file stays.
func (p *Proxy) Close() error { return unix.Close(p.fd) }

// Forward waits until the container reports that it is ready, and tells the
// manager at the address host: a path, or "@" and an abstract name. The manager
// is to watch the process mainPid. It gives up, and reports false, when the
// container's process, whose pidfd it is given, ends before that.
func (p *Proxy) Forward(host string, mainPid, pidfd int) (ready bool, err error) {
	ready, err = p.wait(pidfd)
	if err == nil && ready {
		err = tell(host, "READY=1\nMAINPID="+strconv.Itoa(mainPid))
	}
	if err != nil {
		return ready, fmt.Errorf("notify socket: %w", err)
	}
	return ready, nil
}

func (p *Proxy) wait(pidfd int) (ready bool, err error) {
	fds := []unix.PollFd{kernel.Readable(p.fd), kernel.Readable(pidfd)}
	buf := make([]byte, 4096)
	for last := 0; last < lastWords; {
		if _, err := kernel.Poll(fds, -1); err != nil {
			return false, fmt.Errorf("poll: %w", err)
		}
		if fds[1].Revents != 0 {
			last++
		}
		n, _, err := unix.Recvfrom(p.fd, buf, 0)
		switch {
		case err == nil && isReady(buf[:n]):
			return true, nil
		case err == nil || err == unix.EINTR:
			continue
		case err != unix.EAGAIN:
			return false, fmt.Errorf("recvfrom: %w", err)
		case fds[1].Revents != 0:
			return false, nil
		}
	}
	return false, nil
}

// Drain reads what else the container reports, and drops it, until the process of
// pidfd has ended: who writes to a socket that nobody reads soon waits for ever.
func (p *Proxy) Drain(pidfd int) error {
	fds := []unix.PollFd{kernel.Readable(p.fd), kernel.Readable(pidfd)}
	buf := make([]byte, 1) // the rest of a message goes with its beginning
	for {
		if _, err := kernel.Poll(fds, -1); err != nil {
			return fmt.Errorf("notify socket: poll: %w", err)
		}
		if fds[1].Revents != 0 {
			return nil
		}
		if _, _, err := unix.Recvfrom(p.fd, buf, 0); err != nil && err != unix.EAGAIN && err != unix.EINTR {
			return fmt.Errorf("notify socket: recvfrom: %w", err)
		}
	}
}

// lastWords is how many messages are read when the process has ended: as many as can
// be queued (net.unix.max_dgram_qlen, 10 by default), and not what others that have the
// socket go on sending.
const lastWords = 1024

func isReady(message []byte) bool {
	return slices.Contains(strings.Split(string(message), "\n"), "READY=1")
}

// tell sends a message and waits until the manager has read it: it looks at
// the sender's cgroup, which is gone with the sender.
func tell(host, message string) error {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	defer unix.Close(fd)
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: host}); err != nil {
		return fmt.Errorf("connecting to %s: %w", host, err)
	}
	limit := unix.NsecToTimeval(managerTimeout.Nanoseconds())
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit); err != nil {
		return fmt.Errorf("setsockopt: %w", err)
	}
	if err := send(fd, message); err != nil {
		return fmt.Errorf("writing to %s: %w", host, err)
	}
	return barrier(fd)
}

// send sends a message to the manager, which has to make room for it in time.
func send(fd int, message string, fds ...int) error {
	err := kernel.Send(fd, []byte(message), fds...)
	if err == unix.EAGAIN {
		return errNotRead
	}
	return err
}

// barrier sends the manager a descriptor that it closes once it has come
// that far, sd_notify_barrier(3). A manager that does not know of barriers
// closes it too.
func barrier(fd int) error {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("pipe2: %w", err)
	}
	defer unix.Close(pipe[0])
	err := send(fd, "BARRIER=1", pipe[1])
	unix.Close(pipe[1])
	if err != nil {
		return fmt.Errorf("writing the barrier: %w", err)
	}
	fds := []unix.PollFd{{Fd: int32(pipe[0])}} // only its hanging up
	switch n, err := kernel.Poll(fds, managerTimeout); {
	case err != nil:
		return fmt.Errorf("poll: %w", err)
	case n == 0:
		return errNotRead
	}
	return nil
}
