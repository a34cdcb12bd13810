package birth

import (
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/seccomp"
	"github.com/rung-oci/rung/nsenter"
)

// TestMessages makes sure that programs say what [Messages] lists, in that order and with
// that many descriptors, and nothing else; and that each of it is said by some program.
func TestMessages(t *testing.T) {
	gate := hostMountsInput()
	gate.Spec.Hooks = &specs.Hooks{StartContainer: []specs.Hook{{Path: "/bin/hook"}}}
	everything := compiled(t, everythingInput(t))
	programs := map[string]*nsenter.Program{
		"birth everything": everything.Program, "sources everything": everything.Sources[0],
		"birth default": compiled(t, defaultInput()).Program, "birth joining": compiled(t, joiningInput()).Program,
		"birth gate": compiled(t, gate).Program, "procfs joining": compiled(t, joiningInput()).Procfs,
	}
	for name, in := range execInputs(t) {
		e, err := CompileExec(in)
		if err != nil {
			t.Fatal(err)
		}
		programs["exec "+name] = e.Program
	}
	all := Messages()
	said := map[byte]bool{}
	for name, p := range notifyPrograms(t) {
		programs[name] = p
	}
	for name, p := range programs {
		copied := map[string]uint64{"cache": unix.S_IFDIR} // what is there to copy up
		k := &fakeKernel{old: true, tree: copied}
		k.run(t, p)
		kind, _, _ := strings.Cut(name, " ")
		last := 0
		for i, tag := range []byte(k.tags) {
			m, known := MessageOf(tag)
			at := slices.Index(all, m)
			if !known || m.Descriptors != k.came[i] || m.Descriptors > MostDescriptors || at < last ||
				!slices.Contains(strings.Split(m.From, ", "), kind) {
				t.Errorf("%s: message %d of %q has %d descriptors; the table says %+v", name, i, k.tags, k.came[i], m)
			}
			last, said[tag] = at, true
		}
	}
	for _, m := range all {
		if !said[m.Tag] {
			t.Errorf("no program says %+v", m)
		}
	}
}

// notifyPrograms are programs under a filter that allows what they do, and asks an agent about execve.
func notifyPrograms(t *testing.T) map[string]*nsenter.Program {
	in := defaultInput()
	in.Filter = notifies(t, "execve", "mount")
	exec := execDefault()
	exec.Filter = in.Filter
	e, err := CompileExec(exec)
	if err != nil {
		t.Fatal(err)
	}
	h, err := CompileHook(&HookInput{Input: exec.Input, Namespaces: exec.Namespaces, Confined: true,
		Hook: specs.Hook{Path: "/bin/hook"}})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]*nsenter.Program{
		"birth notify": compiled(t, in).Program, "exec notify": e.Program, "hook notify": h,
	}
}

func notifies(t *testing.T, names ...string) *seccomp.Filter {
	t.Helper()
	f, err := seccomp.Compile(&specs.LinuxSeccomp{DefaultAction: specs.ActAllow, ListenerPath: "/run/agent.sock",
		Syscalls: []specs.LinuxSyscall{{Names: names, Action: specs.ActNotify}}})
	if err != nil || !f.Listens() {
		t.Fatal(err)
	}
	return f
}

// The listener goes to the launcher before anybody is asked about anything, and is closed in the process: it sends
// it, or has it taken when all that is left is the execve.
func TestListener(t *testing.T) {
	for name, sends := range map[string]bool{
		"execve": true, "mount": true, "openat2": true, "write": false, "sendmsg": false, "read": false,
		"close": false, "accept4": false, "fcntl": false,
	} {
		in := defaultInput()
		in.Filter = notifies(t, name)
		b := compiled(t, in)
		k := &fakeKernel{all: true}
		k.run(t, b.Program)
		if got := strings.Contains(k.tags, string(rune(TagListener))); got != sends {
			t.Errorf("notify of %s: sent %v, want %v", name, got, sends)
		}
		steps := linesOf(t, b.Program)
		loaded := slices.IndexFunc(steps, func(l line) bool { return l.name == "seccomp" })
		if !sends && (steps[loaded+1].name != "test" || steps[loaded+2].name != "execve") {
			t.Errorf("notify of %s: the filter is loaded before %q, %q",
				name, steps[loaded+1].text, steps[loaded+2].text)
		}
		for _, fd := range k.present {
			if what := k.fds[fd].what; sends && strings.Contains(what, "listener") {
				t.Errorf("notify of %s: %s is open at execve", name, what)
			}
		}
		for _, fd := range k.passed {
			if strings.Contains(k.fds[fd].what, "listener") {
				t.Errorf("notify of %s: the process gets the listener", name)
			}
		}
	}
}
