package birth

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/nsenter"
)

// TestDescriptorsOfTheProcess: whatever the caller has open, a process gets its
// standard streams and as many more as it is to get. In the case of exec nothing else
// is even open when the executable is looked up, for its path may lead through a
// descriptor (CVE-2024-21626), but for the launcher's socket, which execve closes.
func TestDescriptorsOfTheProcess(t *testing.T) {
	create := func(gate Gate) func(n int) *nsenter.Program {
		return func(n int) *nsenter.Program {
			in := defaultInput()
			in.Spec.Process.Terminal, in.Gate, in.PreserveFds = false, gate, n
			return compiled(t, in).Program
		}
	}
	exec := func(n int) *nsenter.Program {
		in := execDefault()
		in.PreserveFds = n
		e, err := CompileExec(in)
		if err != nil {
			t.Fatal(err)
		}
		return e.Program
	}
	hook := func(confined bool) func(int) *nsenter.Program {
		return func(int) *nsenter.Program {
			p, err := CompileHook(&HookInput{
				Input: *defaultInput(), Hook: specs.Hook{Path: "/bin/hook"},
				Namespaces: allNamespaces, Confined: confined,
			})
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
	}
	for _, c := range []struct {
		name     string
		compile  func(preserve int) *nsenter.Program
		preserve []int
	}{
		{"create", create(GateSocket), []int{0, 1, 5}},
		{"run", create(GateSync), []int{0, 1, 5}},
		{"exec", exec, []int{0, 1, 5}},
		{"a hook", hook(false), []int{0}},
		{"a confined hook", hook(true), []int{0}},
	} {
		for _, n := range c.preserve {
			k := &fakeKernel{all: true, inherited: []uint64{3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}}
			k.run(t, c.compile(n))
			want := []uint64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}[:3+n]
			if !slices.Equal(k.passed, want) {
				t.Errorf("%s gets the descriptors %d, want %d", c.name, k.passed, want)
			}
			if c.name == "create" || c.name == "run" { // its end tells that the process is executed
				want = append(want, uint64(3+n))
			} // else the end of the launched process does
			if !slices.Equal(k.present, want) {
				t.Errorf("%s: when the executable is looked up %d are open, want %d", c.name, k.present, want)
			}
		}
	}
}

// TestSocketInItsPlace: dup3(2) does nothing where the socket has the right number
// already, and execve closes it nevertheless.
func TestSocketInItsPlace(t *testing.T) {
	in := execShared(t) // which clones nothing
	in.Host.Replaced = [3]bool{}
	e, err := CompileExec(in)
	if err != nil {
		t.Fatal(err)
	}
	socket := filesOf(e.Program)[FileSync]
	in.PreserveFds = socket - 3
	if e, err = CompileExec(in); err != nil {
		t.Fatal(err)
	}
	k := &fakeKernel{all: true}
	k.run(t, e.Program)
	if filesOf(e.Program)[FileSync] != socket || slices.Contains(k.passed, uint64(socket)) {
		t.Errorf("the socket is %d, the process gets %d", socket, k.passed)
	}
	if !slices.Contains(k.present, uint64(socket)) {
		t.Error("its end does not tell when the process is executed")
	}
}

// TestDescriptorsOfCRIU: it gets those that it knows by their numbers.
func TestDescriptorsOfCRIU(t *testing.T) {
	p := CompileCRIU(&CRIUInput{Path: "/usr/sbin/criu", Socket: 100, Kept: []int{7, 9}, CgroupFiles: []string{"cpu"}})
	k := &fakeKernel{inherited: []uint64{3, 4, 5, 6}}
	k.run(t, p)
	files := filesOf(p)
	want := []uint64{0, 1, 2, uint64(files[FileSync]), uint64(files[KeptFile(7)]), uint64(files[KeptFile(9)])}
	slices.Sort(want)
	if !slices.Equal(k.passed, want) {
		t.Errorf("criu gets the descriptors %d, want %d of %v", k.passed, want, slices.Sorted(maps.Keys(files)))
	}
}

// TestStreamsOfAHook: its standard output is not its standard input, whatever numbers
// the launcher's pipes have.
func TestStreamsOfAHook(t *testing.T) {
	p, err := CompileHook(&HookInput{Input: *defaultInput(), Hook: specs.Hook{Path: "/bin/hook"}})
	if err != nil {
		t.Fatal(err)
	}
	k := &fakeKernel{}
	k.run(t, p)
	got := fmt.Sprint(k.fds[0].what, k.fds[1].what, k.fds[2].what)
	if want := fmt.Sprint("<"+FileStdin+">", "<"+FileOutput+">", "<"+FileOutput+">"); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
