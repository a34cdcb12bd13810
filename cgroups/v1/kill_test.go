package v1

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// put writes to a file of a cgroup below a manager's, in the freezer's hierarchy.
func put(t *testing.T, m *Manager, file, value string) {
	t.Helper()
	file = filepath.Join(m.find("freezer").Path, file)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(value), 0); err != nil {
		t.Fatal(err)
	}
	if value == frozen { // a test that fails leaves nothing that cannot end
		t.Cleanup(func() { os.WriteFile(file, []byte(thawed), 0) })
	}
}

// What is frozen below the cgroup is found, whether or not the cgroup itself is.
func TestRelease(t *testing.T) {
	m := container(t)
	needs(t, m, "freezer")
	for _, c := range []struct {
		freeze []string
		was    bool
	}{
		{nil, false},
		{[]string{"a/b"}, true},
		{[]string{"."}, true},
		{[]string{".", "a", "a/b"}, true},
	} {
		put(t, m, "a/b/freezer.state", thawed)
		for _, dir := range c.freeze {
			put(t, m, dir+"/freezer.state", frozen)
		}
		if was, err := m.Release(); was != c.was || err != nil {
			t.Errorf("%q: got %v, %v", c.freeze, was, err)
		}
		for _, dir := range []string{"", "a/", "a/b/"} {
			holds(t, m, "freezer", dir+"freezer.state", thawed)
		}
	}
	m.Close()
	if err := m.Remove(); err != nil {
		t.Fatal(err)
	}
	if was, err := m.Release(); was || err != nil {
		t.Errorf("of what is gone: %v, %v", was, err)
	}
}

// A process in a frozen cgroup below the container's ends, too.
func TestKillFrozenBelow(t *testing.T) {
	m := container(t)
	needs(t, m, "freezer")
	cmd := inside(t, m, "exec sleep 100")
	put(t, m, "a/b/"+cgroupfs.Procs, strconv.Itoa(cmd.Process.Pid))
	put(t, m, "a/b/freezer.state", frozen)
	if err := m.Kill(unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	endedBySIGKILL(t, cmd)
}

// What a frozen parent holds is not waited for, and ends when that goes on.
func TestKillBelowFrozenParent(t *testing.T) {
	m := container(t)
	needs(t, m, "freezer")
	cmd := inside(t, m, "sleep 100 & wait")
	put(t, m, "../freezer.state", frozen)
	began := time.Now()
	if err := m.Kill(unix.SIGKILL); !errors.Is(err, cgroups.ErrParentFrozen) {
		t.Errorf("got %v, want %v", err, cgroups.ErrParentFrozen)
	}
	if took := time.Since(began); took > cgroupfs.KillTimeout/2 {
		t.Errorf("it took %v", took)
	}
	put(t, m, "../freezer.state", thawed)
	endedBySIGKILL(t, cmd)
}

// Only a parent that is frozen is blamed, not somebody who freezes the cgroup again.
func TestThawAgainstSomebody(t *testing.T) {
	m := container(t)
	needs(t, m, "freezer")
	stop, done := make(chan bool), make(chan bool)
	go func() {
		defer close(done)
		other := Restore(m.Record())
		defer other.Close()
		for {
			select {
			case <-stop:
				return
			default:
				_ = other.startFreezing()
			}
		}
	}()
	defer func() { close(stop); <-done }()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); {
		if err := m.Thaw(); errors.Is(err, cgroups.ErrParentFrozen) {
			t.Fatal(err)
		} else if err != nil {
			return
		}
	}
	t.Skip("the two never met")
}

// More processes than may be open at once end all the same, and so they do when
// descriptors run out; nothing is left frozen.
func TestKillFewDescriptors(t *testing.T) {
	m := container(t)
	needs(t, m, "freezer")
	inside(t, m, "i=0; while [ $i -lt 60 ]; do sleep 100 & i=$((i+1)); done; wait")
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if pids, err := m.Processes(); err != nil || len(pids) > 60 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the shell does not start its processes")
		}
	}
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	limitDescriptors(t, uint64(len(open)+len(m.groups)+10))
	if err := m.Kill(unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if pids, err := m.Processes(); len(pids) > 0 || err != nil {
		t.Errorf("left: %v, %v", pids, err)
	}
	holds(t, m, "freezer", "freezer.state", thawed)
}

// limitDescriptors is for the rest of the test.
func limitDescriptors(t *testing.T, n uint64) {
	t.Helper()
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: n, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
			t.Error(err)
		}
	})
}
