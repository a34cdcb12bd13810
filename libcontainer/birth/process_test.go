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

// TestStreamsAreGivenOutside: in a user namespace there is no right to streams of the
// host's users. Without one, or where nobody knows its users, they are given where
// the process has the most rights that it will have.
func TestStreamsAreGivenOutside(t *testing.T) {
	users := []specs.LinuxIDMapping{{ContainerID: 0, HostID: 100000, Size: 65536}}
	changed := func(in *Input, change func(*Input)) *Input {
		in.Spec.Process.Terminal, in.Spec.Process.User.UID = false, 1000
		if change != nil {
			change(in)
		}
		return in
	}
	birth := func(in *Input, change func(*Input)) *nsenter.Program { return compiled(t, changed(in, change)).Program }
	exec := func(in *ExecInput, change func(*Input)) *nsenter.Program {
		changed(&in.Input, change)
		e, err := CompileExec(in)
		if err != nil {
			t.Fatal(err)
		}
		return e.Program
	}
	entering := execEverything(t)
	entering.Users = users
	for _, tt := range []struct {
		name    string
		program *nsenter.Program
		outside bool
		want    []string // which stream, and whose it becomes
	}{
		{"none", birth(defaultInput(), nil), false, []string{"0", "1000", "2", "1000"}},
		{"new", birth(everythingInput(t), nil), true, []string{"0", "101000", "2", "101000"}},
		{"new, its root", birth(everythingInput(t), func(in *Input) { in.Spec.Process.User.UID = 0 }), true,
			[]string{"0", "100000", "2", "100000"}},
		{"new, /dev/null", birth(everythingInput(t), func(in *Input) { in.Host.Streams[0] = StreamNull }), true,
			[]string{"2", "101000"}},
		{"new, with a terminal", birth(everythingInput(t), func(in *Input) { in.Spec.Process.Terminal = true }), true,
			nil},
		{"joined", birth(joiningInput(), func(in *Input) { in.Spec.Linux.UIDMappings = users }), true,
			[]string{"0", "101000", "2", "101000"}},
		{"joined, unknown", birth(joiningInput(), nil), false, []string{"0", "1000", "2", "1000"}},
		{"exec without", exec(execDefault(), nil), false, []string{"0", "1000", "2", "1000"}},
		{"exec", exec(entering, nil), true, []string{"0", "101000", "2", "101000"}},
	} {
		lines := linesOf(t, tt.program)
		var got []string
		for i, l := range lines {
			if l.name == "fchown" && l.arg(0) != "$slave" {
				if got = append(got, l.arg(0), l.arg(1)); (i < userNamespaceAt(lines)) != tt.outside {
					t.Errorf("%s: step %d %s", tt.name, i, l.text)
				}
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestOwnNull is about streams that are the host's /dev/null: the container's takes their
// place, after its root was entered and before the process is the user, and nothing is
// opened that is not the node.
func TestOwnNull(t *testing.T) {
	null := func(in *Input) {
		in.Host.Streams, in.Spec.Process.Terminal = [3]StreamUse{StreamNull, 0, StreamNull}, false
	}
	run, executed := defaultInput(), execDefault()
	null(run)
	null(&executed.Input)
	e, err := CompileExec(executed)
	if err != nil {
		t.Fatal(err)
	}
	for name, program := range map[string]*nsenter.Program{"run": compiled(t, run).Program, "exec": e.Program} {
		for rdev, opened := range map[uint64]int{1 | 3<<32: 1, 1 | 5<<32: 0} {
			k := &fakeKernel{all: true, tree: map[string]uint64{"dev/null": unix.S_IFCHR | 0o666},
				rdev: map[string]uint64{"dev/null": rdev}}
			k.run(t, program)
			if failed := k.report.Failed >= 0; failed != (opened == 0) {
				t.Errorf("%s, %x: %v", name, rdev, program.Failure(k.report))
			}
		}
		var got []string
		for _, l := range linesOf(t, program) {
			switch {
			case l.name == "openat2" && l.arg(1) == `"dev/null"`:
				got = append(got, strings.Fields(l.arg(2))[0])
			case l.name == "dup3" && l.arg(0) == "$own null":
				got = append(got, l.arg(1))
			case l.name == "setresuid" || l.name == "pivot_root" || l.name == "setns":
				got = append(got, l.name)
			}
		}
		first := map[string]string{"run": "pivot_root", "exec": "setns"}[name]
		want := []string{first, "{O_PATH|O_CLOEXEC,", "{O_RDWR|O_NOCTTY|O_CLOEXEC,", "0", "2", "setresuid"}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestDeniedWorkingDirectory is about a working directory that is not for the root of
// the container: it is tried again as the user, and looked for again.
func TestDeniedWorkingDirectory(t *testing.T) {
	e, err := CompileExec(execEverything(t))
	if err != nil {
		t.Fatal(err)
	}
	const look, enter = "openat2 srv/work", "fchdir"
	for _, tt := range []struct {
		name    string
		program *nsenter.Program
		from    string // the call before those that concern the directory alone
	}{
		{"create", compiled(t, everythingInput(t)).Program, "chdir /"},
		{"exec", e.Program, "openat /"},
	} {
		for _, denied := range []struct {
			call  string
			times int
			again []string // what is called as the user
		}{
			{enter, 0, nil},
			{enter, 1, []string{look, enter}},
			{look, 1, []string{look, enter}},
			{enter, 2, []string{look, enter}},
			{look, 2, []string{look}},
		} {
			k, times := &fakeKernel{all: true}, 0
			k.fail = func(string, string) unix.Errno {
				call := k.trace[len(k.trace)-1]
				if call != denied.call || times == denied.times || call == enter && !slices.Contains(k.trace, tt.from) {
					return 0
				}
				times++
				return unix.EACCES
			}
			k.run(t, tt.program)
			var failed *nsenter.StepError
			errors.As(tt.program.Failure(k.report), &failed)
			if (failed != nil) != (denied.times == 2) ||
				failed != nil && failed.Label != "entering the working directory /srv/work" {
				t.Errorf("%s, %s is denied %d times: %v", tt.name, denied.call, denied.times, failed)
			}
			var again []string
			for _, call := range k.trace {
				if call == look || call == enter {
					again = append(again, call)
				} else if call == "setresuid" {
					again = nil
				}
			}
			if !slices.Equal(again, denied.again) {
				t.Errorf("%s, %s is denied %d times: as the user it calls %q, want %q",
					tt.name, denied.call, denied.times, again, denied.again)
			}
		}
	}
}
