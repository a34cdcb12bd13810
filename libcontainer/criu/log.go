package criu

import (
	"bytes"
	"strings"
)

// Quoted lines of a log: as many as say what went wrong, without its history.
const (
	quotedErrors = 4
	quotedLines  = 3
)

// Quote returns what the end of CRIU's log says of a failure, on one line: the
// last errors, or, when there are none, the last lines. Each is without the time
// and the place in CRIU's sources. It is empty if the log is.
func Quote(log []byte) string {
	var last, errs []string
	for line := range bytes.Lines(log) {
		text, isError := entry(string(bytes.TrimSpace(line)))
		switch {
		case text == "":
		case isError:
			errs = append(errs, text)
		default:
			last = append(last, text)
		}
	}
	if len(errs) > 0 {
		return strings.Join(errs[max(len(errs)-quotedErrors, 0):], "; ")
	}
	return strings.Join(last[max(len(last)-quotedLines, 0):], "; ")
}

// entry is the text of a line of the log:
//
//	(00.012345)     12: Error (criu/mount.c:4711): mnt: No mapping for 11 mountpoint
func entry(line string) (text string, isError bool) {
	if strings.HasPrefix(line, "(") {
		if _, rest, ok := strings.Cut(line, ")"); ok {
			line = strings.TrimSpace(rest)
		}
	}
	if pid, rest, ok := strings.Cut(line, ": "); ok && strings.Trim(pid, "0123456789") == "" {
		line = rest
	}
	rest, isError := strings.CutPrefix(line, "Error (")
	if !isError {
		return line, false
	}
	if _, after, ok := strings.Cut(rest, "): "); ok {
		rest = after
	}
	return rest, true
}
