package namespaces

import (
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func TestConfig(t *testing.T) {
	s := &specs.Spec{Linux: &specs.Linux{Namespaces: []specs.LinuxNamespace{
		{Type: specs.PIDNamespace}, {Type: specs.NetworkNamespace, Path: "/n"},
	}}}
	for _, tt := range []struct {
		t         specs.LinuxNamespaceType
		has, made bool
	}{{specs.PIDNamespace, true, true}, {specs.NetworkNamespace, true, false}, {specs.MountNamespace, false, false}} {
		if Has(s, tt.t) != tt.has || Made(s, tt.t) != tt.made || Has(&specs.Spec{}, tt.t) || Made(&specs.Spec{}, tt.t) {
			t.Errorf("%s: has %v, made %v", tt.t, Has(s, tt.t), Made(s, tt.t))
		}
	}
	joined := Joined(s)
	if len(joined) != 1 || joined[0].Path != "/n" || len(Joined(&specs.Spec{})) != 0 {
		t.Errorf("joined %v", joined)
	}
}

// A process in the namespaces of a set is found and signalled; others are not.
func TestSet(t *testing.T) {
	child := exec.Command("sleep", "60")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer child.Process.Kill()
	own, ok := Of("self", specs.PIDNamespace)
	if !ok {
		t.Fatal("this process has no pid namespace")
	}
	pids, err := Set{own}.Processes()
	if err != nil || !slices.Contains(pids, os.Getpid()) || !slices.Contains(pids, child.Process.Pid) {
		t.Errorf("processes %v, %v", pids, err)
	}
	other := Set{{own.file, own.ino + 1}}
	if pids, err := other.Processes(); len(pids) > 0 || err != nil {
		t.Errorf("in no namespace: %v, %v", pids, err)
	}
	if last, err := other.Signal([]int{child.Process.Pid}, unix.SIGKILL); len(last) > 0 || err != nil {
		t.Fatalf("signalled %v, %v", last, err)
	}
	last, err := Set{own}.Signal([]int{child.Process.Pid}, unix.SIGTERM)
	closeAll(last)
	if err != nil || len(last) != 1 {
		t.Fatalf("signalled %v, %v", last, err)
	}
	_ = child.Wait()
	if child.ProcessState.String() != "signal: terminated" {
		t.Errorf("it ended with %v", child.ProcessState)
	}
}

func TestOpen(t *testing.T) {
	plain := t.TempDir() + "/plain"
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/proc/self/ns/uts": "linux.namespaces[0].path: /proc/self/ns/uts is a uts namespace, not a ipc namespace",
		plain:               "linux.namespaces[0].path: " + plain + " is not a namespace",
		"/proc/self/ns/ipc": "",
	} {
		files := map[string]int{}
		s := &specs.Spec{Linux: &specs.Linux{Namespaces: []specs.LinuxNamespace{{Type: specs.IPCNamespace,
			Path: path}}}}
		err := Open(s, files)
		if err == nil && want != "" || err != nil && err.Error() != want {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
		for _, fd := range files { // the caller's, after an error too
			unix.Close(fd)
		}
		if len(files) != 1 {
			t.Errorf("%s: descriptors %v", path, files)
		}
	}
}
