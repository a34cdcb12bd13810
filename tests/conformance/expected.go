package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// expectation is a line of the file of expected results.
type expectation struct {
	pass   bool
	counts string // "passed/total" of a program that does not pass; "-" is not checked
	when   string // the condition under which it does not pass; "" is always
	reason string
}

// readExpected reads lines of the form
//
//	NAME pass
//	NAME fail COUNTS [when CONDITION] : REASON
func readExpected(r io.Reader) (map[string]expectation, error) {
	expected := map[string]expectation{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		name, e, err := parseExpectation(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if _, ok := expected[name]; ok {
			return nil, fmt.Errorf("line %d: %s is listed twice", n, name)
		}
		expected[name] = e
	}
	return expected, lines.Err()
}

func parseExpectation(line string) (name string, e expectation, err error) {
	head, reason, hasReason := strings.Cut(line, " : ")
	fields := strings.Fields(head)
	switch {
	case len(fields) == 2 && fields[1] == "pass" && !hasReason:
		return fields[0], expectation{pass: true}, nil
	case len(fields) == 3 && fields[1] == "fail" && hasReason:
	case len(fields) == 5 && fields[1] == "fail" && fields[3] == "when" && hasReason:
		e.when = fields[4]
		if _, known := condition(e.when); !known {
			return "", e, fmt.Errorf("unknown condition %q", e.when)
		}
	default:
		return "", e, fmt.Errorf("want “NAME pass” or “NAME fail COUNTS [when CONDITION] : REASON”, got %q", line)
	}
	e.counts, e.reason = fields[2], strings.TrimSpace(reason)
	return fields[0], e, nil
}

// here returns the expectation for this machine: a failure whose condition
// does not hold is an expected pass.
func (e expectation) here() expectation {
	if e.when == "" {
		return e
	}
	if holds, _ := condition(e.when); !holds {
		return expectation{pass: true}
	}
	return e
}

// condition reports whether this machine has a property that makes a program
// fail whatever the runtime does, and whether the property's name is known.
func condition(name string) (holds, known bool) {
	switch name {
	case "no-cap-sys-resource":
		return !hasCapability(24), true // CAP_SYS_RESOURCE, capabilities(7)
	case "no-blkio-weight-or-8:0": // the suite sets a weight for device 8:0
		_, err := os.Stat("/sys/dev/block/8:0")
		return err != nil || !cgroupHasFile("blkio", "blkio.weight"), true
	}
	return false, false
}

// hasCapability reports whether capability n is permitted to this process.
func hasCapability(n int) bool {
	data, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, "CapPrm:"); ok {
			set, _ := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
			return set&(1<<n) != 0
		}
	}
	return false
}

// cgroupHasFile reports whether a cgroup of the controller has the file. A
// hierarchy's root has no limits, so a cgroup is made to look.
func cgroupHasFile(controller, file string) bool {
	mounted, err := mountedControllers()
	if err != nil || mounted[controller] == "" {
		return false
	}
	dir, err := os.MkdirTemp(mounted[controller], "rung-conformance-")
	if err != nil {
		return false
	}
	defer os.Remove(dir)
	_, err = os.Stat(dir + "/" + file)
	return err == nil
}
