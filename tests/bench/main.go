// Command bench measures what rung's commands cost beside other runtimes, on
// this machine and at this moment.
//
//	go run ./tests/bench [-n ROUNDS] [-check] [-runtimes NAMES]
//
// The runtimes take turns within every round, so that whatever else the machine
// does hits them alike; trust the ratios more than the milliseconds. A command
// is measured from before the fork that starts it until its end is seen, and is
// executed directly, without a shell. CPU time is that of the command and of
// the children that it waited for.
//
// With -check the exit status is 1 when a limit is exceeded. The limits are
// looser than the design's budgets, to allow for noise.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/rung-oci/rung/tests/bundle"
)

// The limits of -check. The design's budget for run and exec is 0.6 × crun.
const (
	maxRunRatio  = 0.7
	maxExecRatio = 0.7
	maxPSS       = 64 << 10 // bytes, of a created container's init
)

func main() {
	rounds := flag.Int("n", 200, "measured rounds")
	warmup := flag.Int("warmup", 10, "rounds before that, not measured")
	names := flag.String("runtimes", "rung,crun,runc", "runtimes to measure, those that are present")
	check := flag.Bool("check", false, "fail when a limit is exceeded")
	flag.Parse()
	os.Exit(bundle.Isolated("rung-bench", func() int {
		if err := bench(*rounds, *warmup, strings.Split(*names, ","), *check); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			return 1
		}
		return 0
	}))
}

func bench(rounds, warmup int, names []string, check bool) error {
	subjects, err := newSubjects(names)
	if err != nil {
		return err
	}
	restore, err := emptyUnified()
	if err != nil {
		return err
	}
	defer restore()
	// A collection in the middle of a measurement, or its thread, is noise.
	release := quiet()
	defer release()

	for round := range warmup + rounds {
		if round == warmup {
			for _, s := range subjects {
				s.forget()
			}
		}
		for i := range subjects {
			if err := subjects[(round+i)%len(subjects)].round(); err != nil {
				return err
			}
		}
	}
	for _, s := range subjects {
		if err := s.findSmallestLimit(); err != nil {
			return err
		}
	}
	printMachine(rounds)
	printTimes(os.Stdout, subjects)
	fmt.Println()
	printMemory(os.Stdout, subjects)
	if check {
		fmt.Println()
		return checkLimits(subjects)
	}
	return nil
}

// newSubjects returns the runtimes that are present. The one called rung is
// the runtime under test of package bundle.
func newSubjects(names []string) ([]*subject, error) {
	var subjects []*subject
	for _, name := range names {
		runtime := bundle.Runtime{}
		if name == "rung" {
			found, err := bundle.Find()
			if err != nil {
				fmt.Printf("%s: not measured: %v\n", name, err)
				continue
			}
			if runtime, err = installed(found); err != nil {
				return nil, err
			}
		} else {
			path, err := exec.LookPath(name)
			if err != nil {
				fmt.Printf("%s: not measured: %v\n", name, err)
				continue
			}
			runtime.Path = path
		}
		s, err := newSubject(name, runtime)
		if err != nil {
			return nil, err
		}
		subjects = append(subjects, s)
	}
	if len(subjects) == 0 {
		return nil, fmt.Errorf("no runtime to measure")
	}
	return subjects, nil
}

// installed returns the runtime in a copy, which is what is installed. The linker's
// own output, written through a mapping, starts a fifth slower: its pages lie
// otherwise in the page cache.
func installed(r bundle.Runtime) (bundle.Runtime, error) {
	program, err := os.ReadFile(r.Path)
	if err != nil {
		return r, err
	}
	r.Path = filepath.Join(bundle.Scratch(), "rung.installed")
	return r, os.WriteFile(r.Path, program, 0o755)
}

func printMachine(rounds int) {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	load, _ := os.ReadFile("/proc/loadavg")
	fmt.Printf("Linux %s, %d CPUs, load %.14s; %d rounds\n\n",
		strings.TrimSpace(string(kernel)), runtime.NumCPU(), load, rounds)
}

// checkLimits compares the results with the limits of -check.
func checkLimits(subjects []*subject) error {
	rung, crun := find(subjects, "rung"), find(subjects, "crun")
	if rung == nil || crun == nil {
		return fmt.Errorf("-check needs both rung and crun")
	}
	run := rung.wall("run").median() / crun.wall("run").median()
	exec := rung.wall("exec").median() / crun.wall("exec").median()
	pss := rung.pss.median()
	fmt.Printf("run: %.2f × crun, limit %.2f\n", run, maxRunRatio)
	fmt.Printf("exec: %.2f × crun, limit %.2f\n", exec, maxExecRatio)
	fmt.Printf("PSS of a created container's init: %.0f KiB, limit %d KiB\n", pss/1024, maxPSS>>10)
	if run > maxRunRatio || exec > maxExecRatio || pss > maxPSS {
		return fmt.Errorf("a limit is exceeded")
	}
	return nil
}

func find(subjects []*subject, name string) *subject {
	for _, s := range subjects {
		if s.name == name {
			return s
		}
	}
	return nil
}
