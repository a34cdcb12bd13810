package criu

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// ErrEnded tells that CRIU closed the conversation without a response: it was
// killed, or did not even start.
var ErrEnded = errors.New("criu ended without an answer")

// A NotifyFunc is told what CRIU has done, by the names of its action scripts
// (criu(8)), with the descriptors that came along, which are closed when it
// returns. CRIU waits meanwhile, and gives up after an error.
type NotifyFunc func(script string, pid int, fds []int) error

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
			closeAll(fds)
			return response, failed
		}
		if notify != nil {
			err = notify(response.Script, response.Pid, fds)
		}
		closeAll(fds)
		if failed == nil {
			failed = err
		}
		if err := send(socket, &Request{Type: Notify, Success: err == nil}); err != nil {
			return nil, errors.Join(failed, err)
		}
	}
}

func send(socket int, r *Request) error {
	for {
		_, err := unix.SendmsgN(socket, r.Marshal(), nil, nil, unix.MSG_NOSIGNAL)
		switch err {
		case nil:
			return nil
		case unix.EPIPE, unix.ECONNRESET:
			return ErrEnded
		case unix.EINTR:
		default:
			return fmt.Errorf("sending to criu: %w", err)
		}
	}
}

// await waits for a message, or the end of what would send one.
func await(socket, pidfd int) error {
	for {
		poll := []unix.PollFd{{Fd: int32(socket), Events: unix.POLLIN}, {Fd: int32(pidfd), Events: unix.POLLIN}}
		_, err := unix.Poll(poll, -1)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return fmt.Errorf("waiting for criu: %w", err)
		case poll[0].Revents != 0:
			return nil
		case poll[1].Revents != 0:
			return ErrEnded
		}
	}
}

// receive returns the next message, and its descriptors, which are close-on-exec.
func receive(socket int) (*Response, []int, error) {
	const most = 64 << 10
	buf, oob := make([]byte, most), make([]byte, unix.CmsgSpace(4*4))
	for {
		n, oobn, _, _, err := unix.Recvmsg(socket, buf, oob, unix.MSG_CMSG_CLOEXEC)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.ECONNRESET || err == nil && n == 0:
			return nil, nil, ErrEnded
		case err != nil:
			return nil, nil, fmt.Errorf("receiving from criu: %w", err)
		}
		fds := rights(oob[:oobn])
		response := new(Response)
		if err := response.Unmarshal(buf[:n]); err != nil {
			closeAll(fds)
			return nil, nil, err
		}
		return response, fds, nil
	}
}

func rights(oob []byte) (fds []int) {
	messages, _ := unix.ParseSocketControlMessage(oob)
	for i := range messages {
		if got, err := unix.ParseUnixRights(&messages[i]); err == nil {
			fds = append(fds, got...)
		}
	}
	return fds
}

func closeAll(fds []int) {
	for _, fd := range fds {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}
