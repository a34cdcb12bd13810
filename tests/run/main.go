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
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

func main() {
	lanes, alone, guests := lanes(), alone(), guests()
	if names := os.Args[1:]; len(names) > 0 {
		there := stageNames(append(lanes, alone, guests))
		for _, name := range names {
			if !slices.Contains(there, name) {
				fmt.Fprintf(os.Stderr, "no stage %q; there are: %s\n", name, strings.Join(there, " "))
				os.Exit(2)
			}
		}
		for i := range lanes {
			lanes[i] = only(lanes[i], names)
		}
		alone = only(alone, names)
		lanes = append(lanes, only(guests, names))
	}
	r := runner{w: os.Stdout}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-interrupted // and so are the stages
		r.giveUp()
		os.Exit(1)
	}()

	r.sideBySide(lanes)
	r.sideBySide([][]stage{alone})
	for _, reason := range r.sum.skipped {
		fmt.Println("skipped:", reason)
	}
	for _, name := range r.sum.failed {
		fmt.Println("failed:", name)
	}
	fmt.Println(r.sum.line())
	if len(r.sum.failed) > 0 {
		os.Exit(1)
	}
}

func stageNames(lanes [][]stage) []string {
	var names []string
	for _, s := range slices.Concat(lanes...) {
		names = append(names, s.name)
	}
	return names
}

// only returns the stages that have one of the names.
func only(stages []stage, names []string) []stage {
	return slices.DeleteFunc(stages, func(s stage) bool { return !slices.Contains(names, s.name) })
}
