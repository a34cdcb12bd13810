package process

import (
	"bytes"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Own is what rung needs of /proc/self/status, proc_pid_status(5).
type Own struct {
	Ignored  uint64 // the signals that are ignored, bit n-1 for signal n
	Bounding uint64 // the bounding set of the first thread, bit n for capability n
}

// ReadOwn reads /proc/self/status: one file costs a tenth of asking for each signal
// and each capability.
func ReadOwn() (Own, error) {
	const path = "/proc/self/status"
	text, err := readWhole(path)
	if err != nil {
		return Own{}, err
	}
	var own Own
	for _, field := range [...]struct {
		name string
		mask *uint64
	}{{"\nSigIgn:\t", &own.Ignored}, {"\nCapBnd:\t", &own.Bounding}} {
		if *field.mask, err = maskAfter(text, field.name); err != nil {
			return Own{}, fmt.Errorf("%s: %w", path, err)
		}
	}
	return own, nil
}

// maskAfter is the hexadecimal number between a name and the end of the line.
func maskAfter(text []byte, name string) (uint64, error) {
	_, rest, _ := bytes.Cut(text, []byte(name))
	digits, _, _ := bytes.Cut(rest, []byte("\n"))
	mask, err := strconv.ParseUint(string(digits), 16, 64)
	if err != nil {
		return 0, fmt.Errorf("%s %w", bytes.TrimSpace([]byte(name)), err)
	}
	return mask, nil
}

// readWhole reads a file of procfs that may be of any size: of a status, the
// supplementary groups.
func readWhole(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	text := make([]byte, 0, 4096)
	for {
		n, err := unix.Read(fd, text[len(text):cap(text)])
		if err != nil {
			return nil, &os.PathError{Op: "read", Path: path, Err: err}
		}
		if n == 0 {
			return text, nil
		}
		text = text[:len(text)+n]
		if len(text) == cap(text) {
			text = append(text, 0)[:len(text)]
		}
	}
}
