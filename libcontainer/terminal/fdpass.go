package terminal

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// SendConsole sends the master of a pseudoterminal to whoever listens on the
// console socket at path, with the name of its slave inside the container.
func SendConsole(path string, master int, name string) error {
	if err := sendTo(path, master, name); err != nil {
		return fmt.Errorf("sending the terminal to the console socket: %w", err)
	}
	return nil
}

// SendPidfd sends a pidfd to whoever listens on the socket at path.
func SendPidfd(path string, pidfd int) error {
	if err := sendTo(path, pidfd, "pidfd"); err != nil {
		return fmt.Errorf("sending the pidfd to the pidfd socket: %w", err)
	}
	return nil
}

// sendTo connects to the stream socket at path and sends one message: a
// descriptor, and data, which must not be empty, with it.
func sendTo(path string, fd int, data string) error {
	sock, err := connect(path)
	if err != nil {
		return err
	}
	defer unix.Close(sock)
	return SendFd(sock, fd, data)
}

// connect connects to the stream socket at path. The address of a socket has
// room for 107 bytes, unix(7), so the directory is reached by descriptor.
func connect(path string) (int, error) {
	dir, err := unix.Open(filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &fs.PathError{Op: "open", Path: filepath.Dir(path), Err: err}
	}
	defer unix.Close(dir)
	sock, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	name := "/proc/self/fd/" + strconv.Itoa(dir) + "/" + filepath.Base(path)
	if err := unix.Connect(sock, &unix.SockaddrUnix{Name: name}); err != nil {
		unix.Close(sock)
		return -1, &fs.PathError{Op: "connect", Path: path, Err: err}
	}
	return sock, nil
}

// SendFd sends a descriptor over a connected Unix socket, and data, which
// must not be empty, with it.
func SendFd(sock, fd int, data string) error {
	for {
		err := unix.Sendmsg(sock, []byte(data), unix.UnixRights(fd), nil, unix.MSG_NOSIGNAL)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("sendmsg: %w", err)
		}
		return nil
	}
}

// RecvFd receives one message with one descriptor, which is close-on-exec,
// from a connected Unix socket, and returns it with up to 4096 bytes of data.
func RecvFd(sock int) (fd int, data string, err error) {
	var buf [4096]byte
	oob := make([]byte, unix.CmsgSpace(4*8)) // room for more, to see and close them
	n, oobn, flags, err := recvmsg(sock, buf[:], oob)
	if err != nil {
		return -1, "", fmt.Errorf("recvmsg: %w", err)
	}
	fds, err := parseFds(oob[:oobn])
	if err == nil && flags&unix.MSG_CTRUNC != 0 {
		err = errors.New("the message has too many descriptors")
	}
	if err == nil && len(fds) != 1 {
		err = fmt.Errorf("the message has %d descriptors, not one", len(fds))
	}
	if err != nil {
		for _, fd := range fds {
			unix.Close(fd)
		}
		return -1, "", err
	}
	return fds[0], string(buf[:n]), nil
}

func recvmsg(sock int, buf, oob []byte) (n, oobn, flags int, err error) {
	for {
		n, oobn, flags, _, err = unix.Recvmsg(sock, buf, oob, unix.MSG_CMSG_CLOEXEC)
		if err != unix.EINTR {
			return n, oobn, flags, err
		}
	}
}

func parseFds(oob []byte) ([]int, error) {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, err
	}
	var fds []int
	for i := range msgs {
		if msgs[i].Header.Type != unix.SCM_RIGHTS {
			continue
		}
		rights, err := unix.ParseUnixRights(&msgs[i])
		if err != nil {
			return fds, err
		}
		fds = append(fds, rights...)
	}
	return fds, nil
}
