package agent

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/seccomp"
	"github.com/rung-oci/rung/nsenter"
)

func handover(t *testing.T, path string, names ...string) *Handover {
	t.Helper()
	p := &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, ListenerPath: path,
		Syscalls: []specs.LinuxSyscall{{Names: names, Action: specs.ActNotify}}}
	f, err := seccomp.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	return New(p, f, specs.State{Bundle: "/bundle"})
}

// Without a filter that asks an agent there is nothing to hand over, and everything can be asked for.
func TestNobodyIsAsked(t *testing.T) {
	f, err := seccomp.Compile(&specs.LinuxSeccomp{DefaultAction: specs.ActAllow})
	if err != nil {
		t.Fatal(err)
	}
	for _, filter := range []*seccomp.Filter{f, nil} {
		h := New(&specs.LinuxSeccomp{ListenerPath: "/nowhere"}, filter, specs.State{})
		h.Go()
		h.Close()
		err := errors.Join(h.Check(), h.Send(1), h.Look(-1, nsenter.Report{Listener: 5}, 0, -1))
		if h != nil || err != nil || h.Lookout() >= 0 {
			t.Errorf("%+v, %v", h, err)
		}
	}
}

func TestPath(t *testing.T) {
	for path, want := range map[string]string{"/run/a.sock": "/run/a.sock", "a.sock": "/bundle/a.sock"} {
		if h := handover(t, path, "mkdir"); h.Path != want {
			t.Errorf("%s: %s", path, h.Path)
		}
	}
}

// What comes in the place of a listener is not sent to the agent.
func TestKeepMinds(t *testing.T) {
	h := handover(t, "/nowhere", "mkdir")
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	fds := []kernel.Fd{kernel.Own(int(null.Fd()))}
	if err := h.Keep(fds); err == nil || !strings.Contains(err.Error(), "/dev/null in its place") || !fds[0].Ok() {
		t.Errorf("%v", err)
	}
	if err := h.Send(1); err != nil { // there is nothing
		t.Error(err)
	}
}

// The time for the execve is counted only if the agent decides about it, and from the moment on from which it can.
func TestLate(t *testing.T) {
	for name, decides := range map[string]bool{"mkdir": false, "execve": true} {
		h := handover(t, "/nowhere", name)
		if h.Go(); h.deadline.IsZero() == decides {
			t.Errorf("%s: deadline %v", name, h.deadline)
		}
		h.sent = true
		if left := h.Lookout(); decides != (left > 0) || left > patience {
			t.Errorf("%s: %v left", name, left)
		}
		if err := h.Look(-1, nsenter.Report{}, 0, -1); err != nil {
			t.Error(err)
		}
		h.deadline = time.Now().Add(-1)
		if err := h.Look(-1, nsenter.Report{}, 0, -1); err == nil || h.Lookout() != 0 {
			t.Errorf("%s: late, and %v", name, err)
		}
	}
}

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	h := handover(t, filepath.Join(dir, "agent.sock"), "mkdir")
	if err := h.Check(); !errors.Is(err, unix.ENOENT) || !strings.Contains(err.Error(), "linux.seccomp.listenerPath") {
		t.Errorf("%v", err)
	}
	l, err := net.Listen("unix", h.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := h.Check(); err != nil {
		t.Error(err)
	}
}
