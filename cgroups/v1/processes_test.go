package v1

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/rung-oci/rung/cgroups/cgroupfs"
	"golang.org/x/sys/unix"
)

func TestProcesses(t *testing.T) {
	m := container(t)
	cmd := inside(t, m, "sleep 100 & sleep 100 & wait")
	self := string(mustRead(t, fmt.Sprintf("/proc/%d/cgroup", cmd.Process.Pid)))
	roots, err := m.Roots()
	if err != nil || len(roots) != len(m.groups) {
		t.Fatalf("roots: %v, %v", roots, err)
	}
	for _, r := range roots {
		if want := ":" + r.Controllers + ":" + r.Path + "\n"; !strings.Contains(self, want) ||
			path.Base(r.Path) != t.Name() {
			t.Errorf("it is not in %s, but in\n%s", want, self)
		}
	}
	pids, err := m.Processes()
	if err != nil || !slices.Contains(pids, cmd.Process.Pid) {
		t.Fatalf("Processes: %v, %v do not contain %d", pids, err, cmd.Process.Pid)
	}
	// One that moved itself into a child cgroup of one hierarchy.
	child := filepath.Join(m.listed().Path, "child")
	if m.HasChildren() {
		t.Error("there is a child before it is made")
	}
	if err := os.Mkdir(child, 0o755); err != nil {
		t.Fatal(err)
	}
	if !m.HasChildren() {
		t.Error("the child is not seen")
	}
	if err := os.WriteFile(filepath.Join(child, "tasks"), []byte(strconv.Itoa(cmd.Process.Pid)), 0); err != nil {
		t.Fatal(err)
	}
	if pids, err := m.Processes(); err != nil || !slices.Contains(pids, cmd.Process.Pid) {
		t.Errorf("Processes: %v, %v do not contain %d", pids, err, cmd.Process.Pid)
	}
	if err := m.Kill(unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if pids, err := m.Processes(); len(pids) > 0 || err != nil {
		t.Errorf("after Kill: %v, %v", pids, err)
	}
	if err := m.Remove(); err != nil {
		t.Error(err)
	}
}

func TestSignal(t *testing.T) {
	m := container(t)
	ready := filepath.Join(t.TempDir(), "ready")
	// until it is sleep, the second process is a shell with the same trap
	cmd := inside(t, m,
		`trap "exit 7" TERM; sleep 100 &
		until read -r c </proc/$!/comm && [ "$c" = sleep ]; do :; done; : >`+ready+`; wait`)
	for deadline := time.Now().Add(5 * time.Second); unix.Access(ready,
		unix.F_OK) != nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the shell does not set its trap")
		}
	}
	if err := m.Kill(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("got %v, want exit status 7", err)
	}
	// The other process of the cgroup got it too.
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		pids, err := m.Processes()
		if err != nil {
			t.Fatal(err)
		}
		if len(pids) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v are left", pids)
		}
	}
}

// Processes that fork all the time, and more than are held at once, all end.
func TestKillForks(t *testing.T) {
	m := container(t)
	needs(t, m, "pids")
	set(t, m, &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: ptr[int64](400)}})
	inside(t, m, "exec 2>/dev/null; for i in 1 2 3 4; do (while :; do sleep 100 & done) & done; wait")
	deadline := time.Now().Add(time.Minute) // on a busy machine it takes long
	for {
		pids, err := m.Processes()
		if err != nil {
			t.Fatal(err)
		}
		if len(pids) > cgroupfs.MaxOpen+20 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("only %d processes", len(pids))
		}
		time.Sleep(time.Millisecond)
	}
	if err := m.Kill(unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := m.Remove(); err != nil {
		t.Error(err)
	}
}

func endedBySIGKILL(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != unix.SIGKILL {
		t.Errorf("got %v, want an end by SIGKILL", err)
	}
}
