package terminal

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// IsTerminal reports whether a descriptor is a terminal.
func IsTerminal(fd int) bool {
	_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	return err == nil
}

// ClearONLCR makes a pseudoterminal pass newlines as they are, instead of
// turning them into CR LF. The descriptor may be its master or its slave.
func ClearONLCR(fd int) error {
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return fmt.Errorf("reading the terminal's settings: %w", err)
	}
	t.Oflag &^= unix.ONLCR
	return kernel.Failed("clearing the terminal's ONLCR", unix.IoctlSetTermios(fd, unix.TCSETS, t))
}

// MakeRaw puts a terminal into raw mode, and returns its settings before
// that, for Restore. Unlike cfmakeraw(3) it leaves output processing on: the
// container's terminal passes newlines as they are, see ClearONLCR, so it is
// the user's that has to return the carriage.
func MakeRaw(fd int) (*unix.Termios, error) {
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, fmt.Errorf("reading the terminal's settings: %w", err)
	}
	old := *t
	t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	t.Cflag = t.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, t); err != nil {
		return nil, fmt.Errorf("putting the terminal into raw mode: %w", err)
	}
	return &old, nil
}

// Restore gives a terminal the settings that it had.
func Restore(fd int, old *unix.Termios) error {
	return kernel.Failed("restoring the terminal's settings", unix.IoctlSetTermios(fd, unix.TCSETS, old))
}

// SetSize sets the size of a terminal, in characters.
func SetSize(fd int, rows, columns uint16) error {
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns}); err != nil {
		return fmt.Errorf("setting the terminal's size: %w", err)
	}
	return nil
}

// Size returns the size of a terminal, in characters.
func Size(fd int) (rows, columns uint16, err error) {
	ws, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
	if err != nil {
		return 0, 0, fmt.Errorf("reading the terminal's size: %w", err)
	}
	return ws.Row, ws.Col, nil
}
