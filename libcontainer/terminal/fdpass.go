package terminal

import (
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
	sock, err := kernel.ConnectStream(path, 0)
	if err != nil {
		return err
	}
	defer unix.Close(sock)
	return kernel.Failed("sendmsg", kernel.Send(sock, []byte(data), fd))
}
