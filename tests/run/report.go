package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"strings"
	"time"
)

// A report is what a stage prints, to a file without a name, and its results. A pipe
// would keep the stage waiting for a container that was left behind with it.
type report struct {
	*os.File
	totals
	name    string
	started time.Time
}

// command returns a command that prints to the report.
func (r *report) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = r.File, r.File
	return cmd
}

func (r *report) copyTo(w io.Writer) {
	if _, err := io.Copy(w, io.NewSectionReader(r.File, 0, math.MaxInt64)); err != nil {
		fmt.Fprintf(w, "%s: reading its output: %v\n", r.name, err)
	}
}

// totals are the results of tests. A stage that is a single command counts as
// one test.
type totals struct {
	passed  int
	failed  []string // names
	skipped []string // “name: reason”
}

func (t *totals) add(other totals) {
	t.passed += other.passed
	t.failed = append(t.failed, other.failed...)
	t.skipped = append(t.skipped, other.skipped...)
}

func (t *totals) skip(name, reason string) {
	t.skipped = append(t.skipped, name+": "+strings.TrimSpace(reason))
}

func (t *totals) line() string {
	line := fmt.Sprintf("%d passed, %d failed", t.passed, len(t.failed))
	if len(t.skipped) > 0 {
		line += fmt.Sprintf(", %d skipped", len(t.skipped))
	}
	return line
}
