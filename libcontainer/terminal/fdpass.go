package terminal

import (
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// SendConsole sends the master of a pseudoterminal to whoever listens on the
// console socket at path, with the name of its slave inside the container.
func SendConsole(path string, master int, name string) error {
	return kernel.Failed("sending the terminal to the console socket", sendTo(path, master, name))
}

// SendPidfd sends a pidfd to whoever listens on the socket at path.
func SendPidfd(path string, pidfd int) error {
	return kernel.Failed("sending the pidfd to the pidfd socket", sendTo(path, pidfd, "pidfd"))
}

// sendTo connects to the stream socket at path and sends one message: a
// descriptor, and data, which must not be empty, with it.
func sendTo(path string, fd int, data string) error {
	sock, err := connect(path)
	if err != nil {
		return err
	}
	defer unix.Close(sock)
	return kernel.Failed("sendmsg", kernel.Send(sock, []byte(data), fd))
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
	name := kernel.ProcPath(dir) + "/" + filepath.Base(path)
	if err := unix.Connect(sock, &unix.SockaddrUnix{Name: name}); err != nil {
		unix.Close(sock)
		return -1, &fs.PathError{Op: "connect", Path: path, Err: err}
	}
	return sock, nil
}
