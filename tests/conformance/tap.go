package main

import (
	"bufio"
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// tally is what a program's output says. One stream may hold several TAP
// documents, one for each container that the program ran, and YAML blocks
// that quote the TAP of a container; those are indented and do not count.
type tally struct {
	passed  int
	skipped int // asserts that say "# SKIP"; they count as passed too
	failed  []string
	planned int // the sum of all plans, 0 when there was none
}

func (t tally) total() int { return t.passed + len(t.failed) }

// counts returns "passed/total", or "-" for a program without asserts.
func (t tally) counts() string {
	if t.total() == 0 {
		return "-"
	}
	return fmt.Sprintf("%d/%d", t.passed, t.total())
}

func parseTAP(output []byte) tally {
	plan := regexp.MustCompile(`^1\.\.(\d+)`)
	assert := regexp.MustCompile(`^(not )?ok \d+(?: - | )?(.*)`)
	var t tally
	lines := bufio.NewScanner(bytes.NewReader(output))
	lines.Buffer(nil, len(output)+1)
	for lines.Scan() {
		if m := plan.FindStringSubmatch(lines.Text()); m != nil {
			n, _ := strconv.Atoi(m[1]) // digits only; absurd sizes saturate
			t.planned += n
			continue
		}
		m := assert.FindStringSubmatch(lines.Text())
		switch {
		case m == nil:
		case m[1] != "":
			t.failed = append(t.failed, m[2])
		default:
			t.passed++
			if strings.Contains(strings.ToUpper(m[2]), "# SKIP") {
				t.skipped++
			}
		}
	}
	return t
}
