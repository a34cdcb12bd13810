package cmd

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// The real-time signals as signal(7) and libc count them: the kernel's first
// two are libc's own.
const (
	sigRTMin = 34
	sigRTMax = 64
)

// parseSignal returns the signal of a number or a name, in any case, with or
// without SIG. Signal 0 is sent to nobody: it finds out whether it could be.
func parseSignal(text string) (unix.Signal, error) {
	if n, err := strconv.ParseUint(text, 10, 8); err == nil && n <= sigRTMax {
		return unix.Signal(n), nil
	}
	name := strings.TrimPrefix(strings.ToUpper(text), "SIG")
	if strings.HasPrefix(name, "RT") {
		if n, ok := realTimeSignal(name); ok {
			return n, nil
		}
	} else if n := unix.SignalNum("SIG" + standardName(name)); n != 0 {
		return n, nil
	}
	return 0, fmt.Errorf("invalid signal %q", text)
}

// standardName returns the name that x/sys knows for a synonym of signal(7).
func standardName(name string) string {
	switch name {
	case "CLD":
		return "CHLD"
	case "IOT":
		return "ABRT"
	case "POLL":
		return "IO"
	}
	return name
}

// realTimeSignal parses RTMIN, RTMIN+n, RTMAX and RTMAX-n.
func realTimeSignal(name string) (unix.Signal, bool) {
	base, sign := sigRTMin, "+"
	rest, ok := strings.CutPrefix(name, "RTMIN")
	if !ok {
		base, sign = sigRTMax, "-"
		if rest, ok = strings.CutPrefix(name, "RTMAX"); !ok {
			return 0, false
		}
	}
	if rest == "" {
		return unix.Signal(base), true
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(rest, sign), 10, 8)
	if !strings.HasPrefix(rest, sign) || err != nil || n > sigRTMax-sigRTMin {
		return 0, false
	}
	if sign == "-" {
		return unix.Signal(base - int(n)), true
	}
	return unix.Signal(base + int(n)), true
}
