package criu

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// ErrEnded tells that CRIU closed the conversation without a response: it was
// killed, or did not even start.
var ErrEnded = errors.New("criu ended without an answer")

// A NotifyFunc is told what CRIU has done, by the names of its action scripts
// (criu(8)), with the descriptors that came along: those that it has not taken
// are closed when it returns. CRIU waits meanwhile, and gives up after an error.
type NotifyFunc func(script string, pid int, fds []kernel.Fd) error

// Do sends a request to the CRIU at the other end of a socket, answers its
// notifications, and returns its response. An error of notify is returned once
// CRIU has given up. pidfd, if not below 0, is of CRIU's process: those that it has
// made keep the other end open after its death.
func Do(socket, pidfd int, r *Request, notify NotifyFunc) (*Response, error) {
	if err := send(socket, r); err != nil {
		return nil, err
	}
	var failed error
	for {
		if err := await(socket, pidfd); err != nil {
			return nil, errors.Join(failed, err)
		}
		response, fds, err := receive(socket)
		if err != nil {
			return nil, errors.Join(failed, err)
		}
		if response.Type != Notify {
			kernel.CloseAll(fds)
			return response, failed
		}
		if notify != nil {
			err = notify(response.Script, response.Pid, fds)
		}
		kernel.CloseAll(fds)
		if failed == nil {
			failed = err
		}
		if err := send(socket, &Request{Type: Notify, Success: err == nil}); err != nil {
			return nil, errors.Join(failed, err)
		}
	}
}

func send(socket int, r *Request) error {
	switch err := kernel.Send(socket, r.Marshal()); err {
	case nil:
		return nil
	case unix.EPIPE, unix.ECONNRESET:
		return ErrEnded
	default:
		return fmt.Errorf("sending to criu: %w", err)
	}
}

// await waits for a message, or the end of what would send one.
func await(socket, pidfd int) error {
	poll := []unix.PollFd{kernel.Readable(socket), kernel.Readable(pidfd)}
	switch _, err := kernel.Poll(poll, -1); {
	case err != nil:
		return fmt.Errorf("waiting for criu: %w", err)
	case poll[0].Revents != 0:
		return nil
	}
	return ErrEnded
}

// receive returns the next message and its descriptors.
func receive(socket int) (*Response, []kernel.Fd, error) {
	const mostBytes, mostFds = 64 << 10, 4
	data := make([]byte, mostBytes)
	n, fds, err := kernel.Receive(socket, data, mostFds)
	switch {
	case err == unix.ECONNRESET || err == nil && n == 0:
		return nil, nil, ErrEnded
	case err != nil:
		return nil, nil, fmt.Errorf("receiving from criu: %w", err)
	}
	response := new(Response)
	if err := response.Unmarshal(data[:n]); err != nil {
		kernel.CloseAll(fds)
		return nil, nil, err
	}
	return response, fds, nil
}
