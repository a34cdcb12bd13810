package manager

import (
	"encoding/json"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups"
)

func TestFeatures(t *testing.T) {
	const want = `{"v1":true,"v2":true,"systemd":true,"systemdUser":true,"rdma":true}`
	if got, err := json.Marshal(Features()); err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

// A container without a cgroup comes back as one, and has nothing to be changed.
func TestNone(t *testing.T) {
	devices := []specs.LinuxDeviceCgroup{{Allow: false}}
	m, warnings, err := None(&specs.LinuxResources{Memory: &specs.LinuxMemory{}, CPU: &specs.LinuxCPU{},
		Devices: devices})
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "linux.resources.devices: ignored") {
		t.Fatalf("got %q, %v", warnings, err)
	}
	m = Restore(m.Record())
	_, update := m.Update(new(specs.LinuxResources), nil)
	_, stats := m.Stats()
	_, oom := m.WatchOOM()
	for what, err := range map[string]error{"update": update, "stats": stats, "oom": oom, "freeze": m.Freeze(),
		"thaw": m.Thaw()} {
		if !errors.Is(err, cgroups.ErrNone) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if pids, err := m.Processes(); len(pids) > 0 || err != nil {
		t.Errorf("processes: %v, %v", pids, err)
	}
	if err := m.Remove(); err != nil {
		t.Error(err)
	}
	if e, err := m.Entry(false); e.Dir.Ok() || len(e.Files) > 0 || err != nil {
		t.Errorf("entry: %v, %v", e, err)
	}
	_, _, err = None(&specs.LinuxResources{Pids: &specs.LinuxPids{Limit: new(int64(1))},
		Unified: map[string]string{"a": "b"}})
	if want := "linux.resources.pids, linux.resources.unified: cannot set limits without cgroups"; err == nil ||
		!strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

// It is shown the caller's cgroups.
func TestNoneIsShownTheCallers(t *testing.T) {
	m, _, err := None(nil)
	if err != nil {
		t.Fatal(err)
	}
	mounts, err := m.Mounts()
	if err != nil {
		t.Fatal(err)
	}
	h, err := cgroups.Find()
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range h {
		shown := slices.ContainsFunc(mounts, func(m cgroups.Mount) bool { return m.Name == h.Name && m.Dir != "" })
		if want := !h.Unified && h.Own != ""; shown != want {
			t.Errorf("%s is shown: %v, want %v", h.Name, shown, want)
		}
	}
}

// The record of a container is of one of the machine's managers.
func TestRestore(t *testing.T) {
	const record = "pids\t/sys/fs/cgroup/pids/absent\n"
	m := Restore([]byte(record))
	defer m.Close()
	if m.Exists() || string(m.Record()) != record {
		t.Errorf("exists: %v, record %q", m.Exists(), m.Record())
	}
}

// Cgroups can be used without the rest of rung.
func TestDependencies(t *testing.T) {
	const own = "github.com/rung-oci/rung/"
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for p := range strings.FieldsSeq(string(out)) {
		p, ok := strings.CutPrefix(p, own)
		if ok && p != "cgroups" && !strings.HasPrefix(p, "cgroups/") && p != "internal/kernel" {
			t.Errorf("cgroups are built with %s", p)
		}
	}
}
