package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"
)

// A stage is a part of the tests that can be run by its name.
type stage struct {
	name string
	run  func(*report) error // an error is a failure of the stage itself
}

// A runner runs stages and adds up what they report. What a stage prints comes in
// one piece, when it ends: others run beside it.
type runner struct {
	w io.Writer

	mu       sync.Mutex
	sum      totals
	underWay []*report
}

// sideBySide runs the stages of each lane one after the other, and waits for all.
func (r *runner) sideBySide(lanes [][]stage) {
	var ended sync.WaitGroup
	for _, lane := range lanes {
		ended.Go(func() {
			for _, s := range lane {
				r.run(s)
			}
		})
	}
	ended.Wait()
}

func (r *runner) run(s stage) {
	rep, err := r.begin(s.name)
	if err == nil {
		err = s.run(rep)
	}
	r.end(rep, err)
}

func (r *runner) begin(name string) (*report, error) {
	rep := &report{name: name, started: time.Now()}
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.w, "== %s begins\n", name)
	out, err := os.CreateTemp("", "rung-test-output-")
	if err != nil {
		return rep, err
	}
	rep.File = out
	r.underWay = append(r.underWay, rep)
	return rep, os.Remove(out.Name())
}

func (r *runner) end(rep *report, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.underWay = slices.DeleteFunc(r.underWay, func(other *report) bool { return other == rep })
	fmt.Fprintf(r.w, "\n== %s\n", rep.name)
	rep.copyTo(r.w)
	rep.Close()
	if err != nil {
		fmt.Fprintf(r.w, "%s: %v\n", rep.name, err)
		rep.failed = append(rep.failed, rep.name)
	}
	fmt.Fprintf(r.w, "== %s: %s (%.0f s)\n\n", rep.name, rep.line(), time.Since(rep.started).Seconds())
	r.sum.add(rep.totals)
}

// giveUp prints what the stages have printed that have not ended, to say which hangs.
func (r *runner) giveUp() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rep := range r.underWay {
		fmt.Fprintf(r.w, "\n== %s, which did not end in %.0f s\n", rep.name, time.Since(rep.started).Seconds())
		rep.copyTo(r.w)
	}
}
