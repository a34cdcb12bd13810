package birth

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

func TestTraceOfTheDefault(t *testing.T) {
	birth := compiled(t, defaultInput())
	for _, k := range []*fakeKernel{{}, {all: true}} {
		k.run(t, birth.Program)
		if err := birth.Program.Failure(k.report); err != nil {
			t.Errorf("everything there: %v: %v", k.all, err)
		}
		if got := k.trace[len(k.trace)-1]; got != "execve /bin/sh" {
			t.Errorf("the last call is %s", got)
		}
		if k.tags != "tr" {
			t.Errorf("the launcher is sent %q", k.tags)
		}
	}
}

func TestLauncherIsGone(t *testing.T) {
	birth := compiled(t, defaultInput())
	k := &fakeKernel{all: true, gone: true}
	k.run(t, birth.Program)
	const want = "handing over the terminal: test: operation canceled"
	if err := birth.Program.Failure(k.report); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestExecutableBehindAMount follows the search for what execve is called with.
func TestExecutableBehindAMount(t *testing.T) {
	in := defaultInput()
	in.Spec.Process.Terminal = false
	in.Spec.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/bin/hook"}}} // the answer to them is a 1
	in.Behind = true
	in.Candidates = []string{"/usr/local/bin/sh", "/usr/bin/sh", "/bin/sh"}
	birth := compiled(t, in)
	for _, there := range [][]string{in.Candidates, in.Candidates[1:], in.Candidates[2:], nil} {
		k := &fakeKernel{all: true, fail: func(name, path string) unix.Errno {
			looks := name == "openat" || name == "execve"
			if looks && strings.HasSuffix(path, "/sh") && !slices.Contains(there, path) {
				return unix.ENOENT
			}
			return 0
		}}
		k.run(t, birth.Program)
		err := birth.Program.Failure(k.report)
		if len(there) == 0 {
			var step *nsenter.StepError
			if !errors.As(err, &step) || step.Label != `exec: "sh": executable file not found in $PATH` {
				t.Errorf("nowhere: %v", err)
			}
			continue
		}
		if err != nil || k.trace[len(k.trace)-1] != "execve "+there[0] {
			t.Errorf("in %q: the last call is %s, %v", there, k.trace[len(k.trace)-1], err)
		}
	}
}

// TestEverySyscallMayFail lets each call of a program fail in turn: the program
// ends, and if it gives up, then with a label and the errno.
func TestEverySyscallMayFail(t *testing.T) {
	for name, in := range map[string]*Input{
		"everything": everythingInput(t), "joining": joiningInput(), "hostmounts": hostMountsInput(),
	} {
		birth := compiled(t, in)
		whole := &fakeKernel{}
		whole.run(t, birth.Program)
		for i := range whole.trace {
			n := -1
			k := &fakeKernel{fail: func(name, _ string) unix.Errno {
				if n++; n == i {
					return unix.EIO
				}
				return 0
			}}
			k.run(t, birth.Program)
			if err := birth.Program.Failure(k.report); err != nil {
				if k.report.Errno != unix.EIO || err.(*nsenter.StepError).Label == "" {
					t.Errorf("%s, %s fails: %v", name, whole.trace[i], err)
				}
			} else if !slices.Contains([]string{"sched_setaffinity"}, whole.trace[i]) {
				t.Errorf("%s, %s fails, and nothing comes of it", name, whole.trace[i])
			}
		}
	}
}

// TestParentOfTheFirstProcess makes sure that the launched process ends once it
// has cloned the container's first process.
func TestParentOfTheFirstProcess(t *testing.T) {
	birth := compiled(t, joiningInput())
	if !birth.Program.Clones() || birth.Flags != 0 {
		t.Errorf("clones %v, flags %#x", birth.Program.Clones(), birth.Flags)
	}
	k := &fakeKernel{parent: 4711}
	k.run(t, birth.Program)
	if n := len(k.trace); k.report.Failed >= 0 || k.trace[n-2] != "clone" || k.trace[n-1] != "exit_group" {
		t.Errorf("%+v, the last calls are %q", k.report, k.trace[n-2:])
	}
}

func TestGates(t *testing.T) {
	in := defaultInput()
	in.Spec.Process.Terminal = false
	hook := []specs.Hook{{Path: "/bin/hook"}}
	for _, c := range []struct {
		gate   Gate
		hooks  *specs.Hooks
		tags   string
		accept bool
	}{
		{GateSocket, nil, "r", true},
		{GateSocket, &specs.Hooks{StartContainer: hook}, "r", true},
		{GateSync, nil, "r", false},
		{GateSync, &specs.Hooks{Poststart: hook, Poststop: hook}, "r", false},
		{GateSync, &specs.Hooks{CreateContainer: hook, StartContainer: hook}, "hrg", false},
	} {
		in.Gate, in.Spec.Hooks = c.gate, c.hooks
		k := &fakeKernel{all: true}
		k.run(t, compiled(t, in).Program)
		if k.tags != c.tags || slices.Contains(k.trace, "accept4") != c.accept {
			t.Errorf("gate %d, hooks %+v: the launcher is sent %q", c.gate, c.hooks, k.tags)
		}
	}
}

func TestNothingToExecute(t *testing.T) {
	in := defaultInput()
	in.Spec.Process, in.Candidates, in.Env = nil, nil, nil
	birth := compiled(t, in)
	k := &fakeKernel{all: true}
	k.run(t, birth.Program)
	want := "executing nothing: the config has no process: test: " + unix.ENOEXEC.Error()
	if err := birth.Program.Failure(k.report); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
