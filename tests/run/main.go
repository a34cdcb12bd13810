// Command run runs all of rung's tests and prints the totals.
//
//	go run ./tests/run [STAGE …]
//
// The working directory is the repository's root, and bin/rung is built. The
// last line is “N passed, N failed”, with “, N skipped” when there are any; the
// reason for each of those is printed before. Exit status 1 when any failed.
package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// A stage is a part of the tests that can be run by its name.
type stage struct {
	name string
	run  func(*totals) error // an error is a failure of the stage itself
}

func stages() []stage {
	return []stage{
		{"lint", command("make", "--no-print-directory", "lint")},
		{"reproducible", command("make", "--no-print-directory", "reproducible")},
		{"unit", unitTests},
		{"arm64", arm64Tests},
		{"integration", integrationTests},
		{"checkpoint", checkpointTests},
		{"contrib", contribTests},
		{"compat", compatTests},
		{"clients", clientTests},
		{"faults", faultTests},
		{"conformance", conformance},
		{"conformance-tmpfile", conformanceTmpfile},
		{"cri", criTests},
		{"bench", command("go", "run", "./tests/bench", "-n", "50")},
	}
}

func main() {
	all := stages()
	for _, name := range os.Args[1:] {
		if !slices.ContainsFunc(all, func(s stage) bool { return s.name == name }) {
			fmt.Fprintf(os.Stderr, "no stage %q; there are:", name)
			for _, s := range all {
				fmt.Fprint(os.Stderr, " ", s.name)
			}
			fmt.Fprintln(os.Stderr)
			os.Exit(2)
		}
	}
	var sum totals
	for _, s := range all {
		if len(os.Args) > 1 && !slices.Contains(os.Args[1:], s.name) {
			continue
		}
		sum.add(runStage(s))
	}
	for _, reason := range sum.skipped {
		fmt.Println("skipped:", reason)
	}
	for _, name := range sum.failed {
		fmt.Println("failed:", name)
	}
	fmt.Println(sum.line())
	if len(sum.failed) > 0 {
		os.Exit(1)
	}
}

func runStage(s stage) totals {
	fmt.Printf("== %s\n", s.name)
	start := time.Now()
	var t totals
	if err := s.run(&t); err != nil {
		fmt.Printf("%s: %v\n", s.name, err)
		t.failed = append(t.failed, s.name)
	}
	fmt.Printf("== %s: %s (%.0f s)\n\n", s.name, t.line(), time.Since(start).Seconds())
	return t
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
