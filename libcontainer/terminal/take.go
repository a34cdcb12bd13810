package terminal

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// Take sets up the master of a container's terminal, and sends it to a console socket. Without
// one it is taken, and is the result, -1 otherwise; then it passes newlines as they are, since
// the user's terminal returns the carriage. Who asked for a master gets it as the kernel
// made it, as from runc and crun.
func Take(sent *kernel.Fd, size *specs.Box, consoleSocket string) (int, error) {
	master := sent.Int()
	if size != nil {
		if err := SetSize(master, uint16(size.Height), uint16(size.Width)); err != nil {
			return -1, fmt.Errorf("process.consoleSize: %w", err)
		}
	}
	if consoleSocket == "" {
		if err := ClearONLCR(master); err != nil {
			return -1, err
		}
		if size == nil {
			takeSize(master)
		}
		return sent.Take(), nil
	}
	number, err := unix.IoctlGetInt(master, unix.TIOCGPTN)
	if err != nil {
		return -1, fmt.Errorf("number of the terminal: %w", err)
	}
	return -1, SendConsole(consoleSocket, master, fmt.Sprintf("/dev/pts/%d", number))
}

// takeSize gives a terminal the size of the user's, if there is one, before the
// process can ask for it. The relay follows the changes.
func takeSize(master int) {
	for fd := range 2 {
		if rows, columns, err := Size(fd); err == nil {
			_ = SetSize(master, rows, columns) // the relay tells what fails
			return
		}
	}
}
