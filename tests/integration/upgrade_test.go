package integration

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/rung-oci/rung/tests/bundle"
)

// TestUpgrade lets a newer rung live on with containers that this one created: a
// container outlives the program that made it.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	newer := bundle.Program(t, "newer")
	if out, err := exec.Command(newer, "--version").Output(); err != nil ||
		!strings.HasPrefix(string(out), "rung version 99.0.0\n") {
		t.Fatalf("--version: %v: %s", err, out)
	}

	c := bundle.New(t, bundle.Args("/bin/sleep", "1000"))
	c.Create().OK()
	c.Runtime.Path = newer
	if s := c.State(); s.Status != specs.StateCreated {
		t.Errorf("status %s", s.Status)
	}
	c.Start().OK()
	c.Kill("KILL").OK()
	c.WaitStatus(specs.StateStopped)
	c.Delete().OK()
	c.LeavesNothing()

	// what fails at start is told by what the older one wrote down
	f := bundle.New(t, bundle.Args("/bin/sleep", "1000"), func(s *specs.Spec) {
		s.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActAllow,
			Syscalls: []specs.LinuxSyscall{{Names: []string{"execve"}, Action: specs.ActErrno}}}
	})
	f.Create().OK()
	f.Runtime.Path = newer
	f.Start().Fails("exec /bin/sleep: operation not permitted")
	f.Delete().OK()
	f.LeavesNothing()
}
