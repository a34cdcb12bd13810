package v2

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// opened is a Manager of a directory with these files, which need not be a cgroup's.
func opened(t *testing.T, files map[string]string) (m *Manager, dir string) {
	t.Helper()
	all := map[string]string{cgroupfs.Procs: "", controllersFile: "cpu io memory pids"}
	maps.Copy(all, files)
	below := make(map[string]string, len(all))
	for name, text := range all {
		below["c/"+name] = text
	}
	m, root := tree(t, "c", below)
	dir = filepath.Join(root, "c")
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	m.dir = cgroupfs.Opened(dir, fd)
	t.Cleanup(m.Close)
	return m, dir
}

// An update is applied whole or not at all, and can be taken back. (What is written to these
// files is as long as what they hold.)
func TestUpdateIsWholeOrNothing(t *testing.T) {
	before := map[string]string{memoryMax: "1000", swapMax: "500", cpuMax: "50000 100000", cpuWeight: "59",
		ioMax: "8:0 rbps=11 wbps=max riops=max wiops=max"}
	m, dir := opened(t, before)
	check := func(when string, want map[string]string) {
		t.Helper()
		for file, value := range want {
			if got := text(t, filepath.Join(dir, file)); got != value {
				t.Errorf("%s: %s is %q, want %q", when, file, got, value)
			}
		}
	}
	patch := resourcesOf(t, `{"memory": {"limit": 2000, "swap": 2300}, "cpu": {"quota": 60000, "period": 200000,
		"shares": 512}, "pids": {"limit": 7}}`)

	_, err := m.Update(patch, nil)
	want := "linux.resources.pids.limit: writing \"7\" to " + dir +
		"/pids.max: no such file or directory: this kernel's pids controller does not have it"
	if err == nil || err.Error() != want {
		t.Errorf("without a file: got  %v\nwant %s", err, want)
	}
	check("without a file", before)

	if err := os.Mkdir(filepath.Join(dir, "pids.max"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Update(patch, nil); err == nil || !strings.Contains(err.Error(), "linux.resources.pids.limit") ||
		!errors.Is(err, unix.EISDIR) {
		t.Errorf("the last write fails: %v", err)
	}
	check("after the last write has failed", before)

	patch.Pids = nil
	change, err := m.Update(patch, nil)
	if err != nil {
		t.Fatal(err)
	}
	check("after the update", map[string]string{memoryMax: "2000", swapMax: "300", cpuMax: "60000 200000"})
	if err := change.Revert(); err != nil {
		t.Error(err)
	}
	check("after taking it back", before)
}

// v2-check 7: the error leaves the limit alone.
func TestUpdateBelowUsage(t *testing.T) {
	m, dir := opened(t, map[string]string{memoryMax: "max", memoryCurrent: "20971520\n"})
	_, err := m.Update(resourcesOf(t, `{"memory": {"limit": 5242880, "checkBeforeUpdate": true}}`), nil)
	if err == nil || !strings.Contains(err.Error(), "unable to set memory limit to 5242880: 20971520 is in use") {
		t.Errorf("got %v", err)
	}
	if got := text(t, filepath.Join(dir, memoryMax)); got != "max" {
		t.Errorf("memory.max is %s", got)
	}
}

// v2-check 22: without accounting of swap only a real limit of it is refused.
func TestNoSwapAccounting(t *testing.T) {
	for resources, want := range map[string]string{
		`{"memory": {"limit": 32}}`:              "",
		`{"memory": {"limit": 32, "swap": -1}}`:  "",
		`{"memory": {"limit": 32, "swap": 0}}`:   "",
		`{"memory": {"limit": 32, "swap": 32}}`:  "warning",
		`{"memory": {"limit": -1}}`:              "",
		`{"memory": {"limit": 32, "swap": 100}}`: "linux.resources.memory.swap: writing \"68\" to ",
	} {
		m, _ := opened(t, map[string]string{memoryMax: "max"})
		warnings, err := m.set(resourcesOf(t, resources))
		switch {
		case want == "warning":
			if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "linux.resources.memory.swap") {
				t.Errorf("%s: %v, %q", resources, err, warnings)
			}
		case want == "":
			if err != nil || len(warnings) > 0 {
				t.Errorf("%s: %v, %q", resources, err, warnings)
			}
		case err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), swapMax):
			t.Errorf("%s: %v, want %s", resources, err, want)
		}
	}
}

// The kernel leaves out what the parent has not, and the warning says so: v2-check 32.
func TestCpusetThatIsNotTheParents(t *testing.T) {
	for list, warns := range map[string]bool{"0": false, "0-1": true, "1": true} {
		m, _ := opened(t, map[string]string{"cpuset.cpus": "", "cpuset.cpus.effective": "0\n",
			"../cpuset.cpus.effective": "0\n"})
		warnings, err := m.set(resourcesOf(t, `{"cpu": {"cpus": "`+list+`"}}`))
		const why = `only "0" can be used now: the parent's cpuset.cpus.effective is "0"`
		if err != nil || len(warnings) > 0 != warns || warns && !strings.Contains(warnings[0], why) {
			t.Errorf("%s: %v, %q", list, err, warnings)
		}
	}
}
