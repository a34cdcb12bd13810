// Command conformance runs the OCI runtime-tools conformance suite, unmodified,
// against a runtime, and compares what passes with a file of expected results.
//
//	go run . -runtime PATH [-flags "--image-dir DIR"] [-expected FILE] [PROGRAM …]
//
// It prints one line for each program and, at last, how many pass. The exit
// status is 0 when every program did what the file expects, and 1 otherwise: a
// program that passes unexpectedly counts as a difference too, so that the file
// stays true. Without -expected only the results are shown.
//
// The suite mounts, and some of its containers share the host's mount
// namespace; therefore everything happens in a private one. The cgroup v1
// hierarchies that the suite needs and the machine lacks are mounted there.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// killsig signals a container before its shell has set the trap: on a busy
// machine it fails now and then with any runtime.
const (
	racy    = "killsig"
	retries = 4
)

type options struct {
	runtime  string
	flags    string
	expected string
	cache    string
	logs     string
	summary  string
	limit    time.Duration
	programs []string
}

func main() {
	var o options
	flag.StringVar(&o.runtime, "runtime", "", "the runtime under test, a path or a name in PATH")
	flag.StringVar(&o.flags, "flags", "", "global flags for the runtime, separated by spaces")
	flag.StringVar(&o.expected, "expected", "", "the file of expected results")
	flag.StringVar(&o.cache, "cache", "", "the directory for the suite's compiled programs (default: a temporary one)")
	flag.StringVar(&o.logs, "logs", "", "a directory for the programs' whole output")
	flag.StringVar(&o.summary, "summary", "", "write the totals as JSON to this file")
	flag.DurationVar(&o.limit, "limit", 2*time.Minute, "how long one program may run")
	flag.Parse()
	o.programs = flag.Args()

	ok, err := enterPrivateNamespace(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// enterPrivateNamespace starts this program again in a mount namespace of its
// own and, there, runs the suite. The temporary directory belongs to the outer
// process: what the namespace had mounted below it is gone by the time it is
// removed.
func enterPrivateNamespace(o options) (ok bool, err error) {
	const inner = "RUNG_CONFORMANCE_TMP"
	if tmp := os.Getenv(inner); tmp != "" {
		return conformance(o, tmp)
	}
	if os.Geteuid() != 0 {
		return false, fmt.Errorf("the conformance suite needs root")
	}
	tmp, err := os.MkdirTemp("", "rung-conformance-")
	if err != nil {
		return false, err
	}
	defer exec.Command("rm", "-rf", "--one-file-system", tmp).Run()
	// The suite creates containers as other users than root.
	if err := os.Chmod(tmp, 0o755); err != nil {
		return false, err
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), inner+"="+tmp)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	if err := cmd.Run(); err != nil {
		if _, exited := err.(*exec.ExitError); exited {
			return false, nil // it has printed why
		}
		return false, err
	}
	return true, nil
}

// conformance runs the suite and reports whether all was as expected.
func conformance(o options, tmp string) (ok bool, err error) {
	if err := o.resolve(tmp); err != nil {
		return false, err
	}
	programs, err := build(o.cache)
	if err != nil {
		return false, err
	}
	expected, err := o.expectations(programs)
	if err != nil {
		return false, err
	}
	unlock, err := lockMachine()
	if err != nil {
		return false, err
	}
	defer unlock()

	added, missing, err := mountMissing()
	if err != nil {
		return false, err
	}
	for _, c := range added {
		fmt.Printf("# %s: mounted for this run\n", c)
	}
	for c, reason := range missing {
		fmt.Printf("# %s: not mounted: %s\n", c, reason)
	}
	h, err := newHarness(tmp, o.cache, o.runtime, strings.Fields(o.flags))
	if err != nil {
		return false, err
	}
	h.logs, h.limit = o.logs, o.limit
	left, err := findLeftovers()
	if err != nil {
		return false, err
	}
	sum, err := runAll(h, programs, o.programs, expected, missing)
	if err != nil {
		return false, err
	}
	if err := h.deleteContainers(); err != nil {
		return false, err
	}
	if n, err := left.remove(); err != nil {
		return false, err
	} else if n > 0 {
		fmt.Printf("# removed %d cgroups that the suite left behind\n", n)
	}
	if err := unmountAdded(added); err != nil {
		return false, err
	}
	fmt.Printf("%d of %d pass\n", sum.Pass, sum.Programs)
	return len(sum.Failed) == 0, sum.write(o.summary)
}

// resolve makes paths absolute, and directories that are not there yet.
func (o *options) resolve(tmp string) error {
	runtime, err := exec.LookPath(o.runtime)
	if err != nil {
		return fmt.Errorf("-runtime: %w", err)
	}
	if o.runtime, err = filepath.Abs(runtime); err != nil {
		return err
	}
	if o.cache == "" {
		o.cache = tmp
	}
	for _, dir := range []*string{&o.cache, &o.logs} {
		if *dir == "" {
			continue
		}
		if *dir, err = filepath.Abs(*dir); err != nil {
			return err
		}
		if err := os.MkdirAll(*dir, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// expectations reads what is expected of the programs, nil if nothing is.
func (o *options) expectations(programs []string) (map[string]expectation, error) {
	if o.expected == "" {
		return nil, nil
	}
	f, err := os.Open(o.expected)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	expected, err := readExpected(f)
	if err == nil {
		err = sameNames(programs, expected)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.expected, err)
	}
	return expected, nil
}

// summary counts programs. Those that pass as expected are Passed, those that
// do not do what is expected are Failed, and those that cannot run here or are
// known not to pass are Known, with the reason.
type summary struct {
	Programs, Pass int
	Passed         int
	Failed         []string
	Known          []string
}

// write writes the summary to a file if one is given.
func (sum *summary) write(file string) error {
	if file == "" {
		return nil
	}
	data, err := json.Marshal(sum)
	if err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o644)
}

func runAll(h *harness, programs, only []string, expected map[string]expectation, missing map[string]string) (summary,
	error) {
	var sum summary
	for _, name := range programs {
		if len(only) > 0 && !slices.Contains(only, name) {
			continue
		}
		sum.Programs++
		if reason := cannotRun(name, missing); reason != "" {
			fmt.Printf("skip %s – %s\n", name, reason)
			sum.Known = append(sum.Known, name+": "+reason)
			continue
		}
		r, err := h.runRetrying(name)
		if err != nil {
			return sum, fmt.Errorf("%s: %w", name, err)
		}
		want, known := expected[name]
		sum.count(name, r, want.here(), known)
	}
	return sum, nil
}

func (h *harness) runRetrying(name string) (result, error) {
	for try := 0; ; try++ {
		r, err := h.run(name)
		if err != nil || r.passed() || name != racy || try == retries {
			return r, err
		}
		fmt.Printf("# %s: again, it signals before its shell has set the trap (%s)\n", name, r.counts())
	}
}

// count prints the program's line and adds it to the totals.
func (sum *summary) count(name string, r result, want expectation, known bool) {
	verdict, reason := "not ok", r.why()
	if r.passed() {
		sum.Pass++
		verdict = "ok"
	}
	switch {
	case !known: // no file of expected results: the result counts
		if r.passed() {
			sum.Passed++
		} else {
			sum.Failed = append(sum.Failed, name)
		}
	case r.passed() && want.pass:
		sum.Passed++
	case r.passed():
		sum.Failed = append(sum.Failed, name)
		reason = "UNEXPECTED PASS; the expected results say: " + want.reason
	case want.pass:
		sum.Failed = append(sum.Failed, name)
		reason = "UNEXPECTED FAILURE: " + reason
	case want.counts != "-" && want.counts != r.counts():
		sum.Failed = append(sum.Failed, name)
		reason = fmt.Sprintf("UNEXPECTED COUNT, expected %s (%s): %s", want.counts, want.reason, reason)
	default:
		sum.Known = append(sum.Known, name+": "+want.reason)
		reason = want.reason
	}
	line := fmt.Sprintf("%s %s (%s)", verdict, name, r.counts())
	if reason != "" {
		line += " – " + reason
	}
	fmt.Println(line)
}

// cannotRun says which missing hierarchy a program needs, if any. Those with
// the network controllers need two of them.
func cannotRun(name string, missing map[string]string) string {
	var needs []string
	switch strings.Replace(name, "_relative", "", 1) {
	case "linux_cgroups_hugetlb":
		needs = []string{"hugetlb"}
	case "linux_cgroups_network":
		needs = []string{"net_cls", "net_prio"}
	}
	for _, controller := range needs {
		if reason, ok := missing[controller]; ok {
			return fmt.Sprintf("needs the cgroup v1 controller %s: %s", controller, reason)
		}
	}
	return ""
}

// sameNames checks that the file of expected results and the suite agree.
func sameNames(programs []string, expected map[string]expectation) error {
	for _, name := range programs {
		if _, ok := expected[name]; !ok {
			return fmt.Errorf("program %s is not listed", name)
		}
	}
	for name := range expected {
		if !slices.Contains(programs, name) {
			return fmt.Errorf("%s is listed, but the suite has no such program", name)
		}
	}
	return nil
}

// lockMachine waits until no other run of the suite is under way on the
// machine, since the suite's programs share fixed cgroup paths.
func lockMachine() (unlock func() error, err error) {
	dir, err := os.Open(cgroupRoot)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		fmt.Println("# waiting for another run of the suite on this machine")
		if err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX); err != nil {
			return nil, fmt.Errorf("locking %s: %w", cgroupRoot, err)
		}
	}
	return dir.Close, nil
}
