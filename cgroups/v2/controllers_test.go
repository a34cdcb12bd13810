package v2

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
)

var memoryAndPids = []Need{{"memory", "linux.resources.memory.limit"}, {"pids", "linux.resources.pids.limit"}}

// Controllers are enabled only where they are missing, only those that are needed, whatever else the
// kernel has or lacks (v2-checks 18).
func TestEnable(t *testing.T) {
	for name, tt := range map[string]struct {
		controllers [3]string // of the root, of a, of a/b
		want        [2]string // written to the root and to a
	}{
		"nothing is enabled": {[3]string{"cpu memory pids", "", ""}, [2]string{"+memory +pids", "+memory +pids"}},
		"one is":             {[3]string{"cpu memory pids", "cpu memory", "cpu memory"}, [2]string{"+pids", "+pids"}},
		"only above":         {[3]string{"memory pids", "memory pids", ""}, [2]string{"", "+memory +pids"}},
		"one above":          {[3]string{"memory pids", "pids", ""}, [2]string{"+memory", "+memory +pids"}},
		"all are":            {[3]string{"memory pids", "memory pids", "pids memory"}, [2]string{}},
	} {
		m, root := tree(t, "a/b", map[string]string{
			controllersFile: tt.controllers[0], "a/" + controllersFile: tt.controllers[1],
			"a/b/" + controllersFile: tt.controllers[2], subtreeFile: "", "a/" + subtreeFile: "",
		})
		if err := m.enable(memoryAndPids); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := [2]string{text(t, root+"/"+subtreeFile), text(t, root+"/a/"+subtreeFile)}; got != tt.want {
			t.Errorf("%s: written %q, want %q", name, got, tt.want)
		}
	}
}

// What no property needs is not looked at, so that a start without limits needs no controller at
// all (v2-checks 19).
func TestEnableNothing(t *testing.T) {
	m, _ := tree(t, "a", nil)
	if err := m.enable(nil); err != nil {
		t.Error(err)
	}
}

// A controller that is missing is named, with its property and the cgroup that lacks it (v2-checks 19).
func TestEnableAbsent(t *testing.T) {
	files := map[string]string{controllersFile: "memory", "a/" + controllersFile: "", subtreeFile: ""}
	m, root := tree(t, "a", files)
	check := func(hint string, want ...string) {
		t.Helper()
		err := m.enable(memoryAndPids)
		failed := (*cgroups.MakeError)(nil)
		if !errors.As(err, &failed) {
			t.Fatalf("got %v", err)
		}
		for _, want := range want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		}
		if !strings.Contains(failed.Hint, hint) {
			t.Errorf("hint %q, want %q", failed.Hint, hint)
		}
		if got := text(t, root+"/"+subtreeFile); got != "" {
			t.Errorf("written %q", got)
		}
	}
	check("", "linux.resources.pids.limit: the pids controller is not available")
	put(t, root+"/cgroup.type", "domain\n")
	check("Delegate=yes", "linux.resources.pids.limit: the pids controller", root, `has only "memory"`)
}

// What the kernel refuses is explained by the cgroup that is in the way.
func TestCannotEnable(t *testing.T) {
	m, _ := tree(t, "a", map[string]string{"a/cgroup.type": "threaded\n"})
	for errno, want := range map[unix.Errno]string{
		unix.EBUSY:      "a cgroup with processes cannot enable controllers",
		unix.EOPNOTSUPP: m.dir.Path + ` is "threaded"`,
		unix.EACCES:     "writing \"+pids\" to " + m.dir.Path + "/cgroup.subtree_control",
	} {
		err := cannotEnable(m.dir.Path, memoryAndPids[1], errno)
		if !errors.Is(err, errno) || !strings.Contains(err.Error(), want) ||
			!strings.HasPrefix(err.Error(), "linux.resources.pids.limit: ") {
			t.Errorf("%v: got %v", errno, err)
		}
	}
}

// A full parent is named, with its limit.
func TestCannotMake(t *testing.T) {
	for want, files := range map[string]map[string]string{
		"cgroup.max.descendants of ROOT/a is 2, and it has as many": {
			"a/cgroup.max.descendants": "2\n", "a/cgroup.stat": "nr_descendants 2\nnr_dying_descendants 0\n",
			"cgroup.max.descendants": "max\n", "cgroup.stat": "nr_descendants 3\n"},
		"cgroup.max.depth of ROOT is 2": {"cgroup.max.depth": "2\n", "a/cgroup.max.depth": "max\n"},
	} {
		m, root := tree(t, "a/b/c", files)
		err := cannotMake(m.dir.Path, root, unix.EAGAIN)
		if !strings.Contains(err.Error(), strings.ReplaceAll(want, "ROOT", root)) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
