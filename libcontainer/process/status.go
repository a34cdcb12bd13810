package process

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// Own is what rung needs of /proc/self/status, proc_pid_status(5).
type Own struct {
	Ignored   uint64 // the signals that are ignored, bit n-1 for signal n
	Bounding  uint64 // the bounding set of the first thread, bit n for capability n
	Effective uint64 // its capabilities
}

// ReadOwn reads /proc/self/status: one file costs a tenth of asking for each signal
// and each capability.
func ReadOwn() (Own, error) {
	const path = "/proc/self/status"
	text, err := kernel.ReadFile(unix.AT_FDCWD, path, 4096)
	if err != nil {
		return Own{}, err
	}
	var own Own
	for _, field := range [...]struct {
		name string
		mask *uint64
	}{{"\nSigIgn:\t", &own.Ignored}, {"\nCapEff:\t", &own.Effective},
		{"\nCapBnd:\t", &own.Bounding}} {
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
	return mask, kernel.Failed(strings.Trim(name, "\n\t:"), err)
}
