package birth

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

const allNamespaces = unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET |
	unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWTIME

// execDefault executes the process of the default config, without a terminal.
func execDefault() *ExecInput {
	in := &ExecInput{Input: *defaultInput(), Namespaces: allNamespaces &^ (unix.CLONE_NEWUSER | unix.CLONE_NEWTIME)}
	in.Spec.Process.Terminal = false
	in.Spec.Linux = nil
	in.Host.Hierarchies = nil
	in.Candidates = []string{"/usr/bin/sh", "/bin/sh"}
	return in
}

func execEverything(t testing.TB) *ExecInput {
	in := &ExecInput{Input: *everythingInput(t), Namespaces: allNamespaces}
	p := in.Spec.Process
	p.Terminal, p.Scheduler = true, nil
	p.Rlimits = append(p.Rlimits, specs.POSIXRlimit{Type: "RLIMIT_NPROC", Soft: 10, Hard: 20})
	p.ExecCPUAffinity = &specs.CPUAffinity{Initial: "0-3,7", Final: "1"}
	return in
}

// execShared is a process of a container that has no namespace of its own. The
// launcher has streams for it.
func execShared(t testing.TB) *ExecInput {
	in := execDefault()
	in.Namespaces, in.Chroot, in.NoNewKeyring = 0, "/bundle/rootfs", true
	in.Spec.Process.Capabilities = nil
	in.Host.Replaced = [3]bool{true, true, false}
	return in
}

// execScheduled has a scheduler, for whose sake the clone comes early.
func execScheduled(t testing.TB) *ExecInput {
	in := execDefault()
	in.Spec.Process.Scheduler = everythingInput(t).Spec.Process.Scheduler
	return in
}

func execInputs(t testing.TB) map[string]*ExecInput {
	return map[string]*ExecInput{
		"exec": execDefault(), "exec-everything": execEverything(t), "exec-shared": execShared(t),
		"exec-scheduled": execScheduled(t),
	}
}

func TestExecGolden(t *testing.T) {
	for name, in := range execInputs(t) {
		t.Run(name, func(t *testing.T) { compareGolden(t, name, printExec(t, in)) })
	}
}

func printExec(t testing.TB, in *ExecInput) []byte {
	t.Helper()
	e, err := CompileExec(in)
	if err != nil {
		t.Fatal(err)
	}
	assemble(t, e.Program)
	var out bytes.Buffer
	for _, w := range e.Warnings {
		fmt.Fprintf(&out, "warning: %s\n", w)
	}
	if err := e.Program.Print(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestExecOrder makes sure of what a program must not do before, or after,
// something else.
func TestExecOrder(t *testing.T) {
	for name, in := range execInputs(t) {
		t.Run(name, func(t *testing.T) {
			e, err := CompileExec(in)
			if err != nil {
				t.Fatal(err)
			}
			steps := sequence{t, linesOf(t, e.Program)}
			find, ascending, call := steps.find, steps.ascending, isCall
			hide := call("prctl", "PR_SET_DUMPABLE", "0")
			execute := call("execve")
			closing := func(l line) bool { return l.name == "close_range" && l.arg(2) == "0" }
			ready := call("write", "", `"r"`)
			ascending("hiding", hide, "joining a cgroup", call("write", "<cgroup "), "user", call("setresuid"),
				"closing", closing, "a session", call("setsid"), "execve", execute)
			if e.Scheduler == nil {
				ascending("the word of rung", ready, "closing", closing)
			} else { // it has to be set for the child
				ascending("clone", call("clone"), "the word of rung", ready, "execve", execute)
			}
			if in.Namespaces != 0 {
				ascending("hiding", hide, "a cgroup", call("write", "<cgroup "),
					"setns", call("setns", "<first process>"), "the root", call("openat", "AT_FDCWD", `"/"`))
			}
			if in.Namespaces&forChildren == 0 {
				return
			}
			ascending("setns", call("setns"), "dropping capabilities", call("prctl", "PR_CAPBSET_DROP"),
				"capset", call("capset"), "clone", call("clone", "CLONE_PARENT"), "a session", call("setsid"))
			last := 0
			for i, l := range steps.lines {
				if l.name == "setresuid" || l.name == "capset" {
					last = i
				}
			}
			hidden := slices.IndexFunc(steps.lines[last:], hide)
			if hidden < 0 || last+hidden > find("clone", call("clone")) {
				t.Error("after the last change of credentials the process can be traced")
			}
			if in.Filter != nil {
				ascending("the filter", call("seccomp"), "dropping capabilities", call("prctl", "PR_CAPBSET_DROP"))
			}
		})
	}
}

// A sequence is the steps of a program in which one has to come after another.
type sequence struct {
	*testing.T
	lines []line
}

// find is where the first step is that something is true of.
func (s sequence) find(what string, is func(line) bool) int {
	s.Helper()
	i := slices.IndexFunc(s.lines, is)
	if i < 0 {
		s.Fatalf("there is no %s", what)
	}
	return i
}

// ascending is given names and conditions: what they are true of comes in that order.
func (s sequence) ascending(what ...any) {
	s.Helper()
	last, lastName := -1, ""
	for i := 0; i < len(what); i += 2 {
		at := s.find(what[i].(string), what[i+1].(func(line) bool))
		if at < last {
			s.Errorf("%s comes before %s", what[i], lastName)
		}
		last, lastName = at, what[i].(string)
	}
}

// isCall is true of a system call with these parts of its first arguments.
func isCall(name string, args ...string) func(line) bool {
	return func(l line) bool {
		for i, a := range args {
			if !strings.Contains(l.arg(i), a) {
				return false
			}
		}
		return l.name == name
	}
}

// TestSchedulingOfTheClone: what a child does not inherit the launcher sets.
func TestSchedulingOfTheClone(t *testing.T) {
	for _, tt := range []struct {
		scheduler specs.Scheduler
		inherited bool
	}{
		{specs.Scheduler{Policy: specs.SchedOther, Nice: 1}, true},
		{specs.Scheduler{Policy: specs.SchedFIFO, Priority: 1}, true},
		{specs.Scheduler{
			Policy: specs.SchedFIFO, Priority: 1, Flags: []specs.LinuxSchedulerFlag{specs.SchedFlagResetOnFork},
		}, false},
		{specs.Scheduler{Policy: specs.SchedDeadline, Runtime: 10, Deadline: 20, Period: 30}, false},
	} {
		in := execEverything(t)
		in.Spec.Process.Scheduler = &tt.scheduler
		e, err := CompileExec(in)
		if err != nil {
			t.Fatal(err)
		}
		set := slices.ContainsFunc(linesOf(t, e.Program), func(l line) bool { return l.name == "sched_setattr" })
		if set != tt.inherited || (e.Scheduler == nil) != tt.inherited {
			t.Errorf("%+v: set by the program: %v, by the launcher: %+v", tt.scheduler, set, e.Scheduler)
		}
		joining := joiningInput()
		joining.Spec.Process.Scheduler = &tt.scheduler
		if b := compiled(t, joining); (b.Scheduler == nil) != tt.inherited {
			t.Errorf("%+v at a birth: set by the launcher: %+v", tt.scheduler, b.Scheduler)
		}
	}
}

func TestExecCPUs(t *testing.T) {
	for _, tt := range []struct {
		cpus specs.CPUAffinity
		want string
	}{
		{specs.CPUAffinity{Initial: "8192"}, "process.execCPUAffinity.initial: CPU 8192 is more"},
		{specs.CPUAffinity{Final: "1,x"}, "process.execCPUAffinity.final: "},
	} {
		in := execDefault()
		in.Spec.Process.ExecCPUAffinity = &tt.cpus
		if _, err := CompileExec(in); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, want %s", tt.cpus, err, tt.want)
		}
	}
}

// TestDetour: in a cgroup that is full the process waits for the launcher, by the report page
// alone, and so does its child.
func TestDetour(t *testing.T) {
	for _, parent := range []uint64{0, 4712} {
		e, err := CompileExec(execDefault())
		if err != nil {
			t.Fatal(err)
		}
		k := &fakeKernel{all: true, full: true, parent: parent}
		k.run(t, e.Program)
		if got := strings.Join(about(k.trace, "clone", "exit_group"), " "); parent != 0 &&
			got != "clone getpid futex clone futex exit_group" {
			t.Errorf("%s", got)
		}
		if got := strings.Join(about(k.trace, "clone", "setsid"), " "); parent == 0 &&
			got != "clone getpid futex clone futex setsid" {
			t.Errorf("%s", got)
		}
		if !k.report.Full || k.report.Failed >= 0 {
			t.Errorf("%+v", k.report)
		}
	}
}
