package bundle

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestMake(t *testing.T) {
	if _, err := exec.LookPath("busybox"); err != nil {
		t.Skip("needs busybox")
	}
	dir := t.TempDir()
	want := Spec(Args("cat", "/etc/passwd"))
	if err := Make(dir, want); err != nil {
		t.Fatal(err)
	}
	for _, applet := range []string{"sh", "true", "cat", "ls", "mount", "ps", "sleep", "id", "hostname", "env",
		"stat"} {
		if target, err := os.Readlink(filepath.Join(dir, "rootfs/bin", applet)); err != nil || target != "busybox" {
			t.Errorf("applet %s: link to %q, %v", applet, target, err)
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	var got specs.Spec
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&got, want) {
		t.Errorf("config.json: got %+v, want %+v", &got, want)
	}
	if err := Make(dir, want); err != nil {
		t.Errorf("a second time in the same directory: %v", err)
	}
}

func TestSpecsShareNothing(t *testing.T) {
	want := Spec()
	Spec(func(s *specs.Spec) {
		s.Process.Env[0] = "PATH=/changed"
		s.Process.Capabilities.Bounding[0] = "CAP_CHANGED"
		s.Mounts[0].Destination = "/changed"
		s.Linux.MaskedPaths[0] = "/changed"
	})
	if got := Spec(); !reflect.DeepEqual(got, want) {
		t.Error("changing one configuration changed the next one")
	}
}

func TestNamespaceChanges(t *testing.T) {
	n := len(Spec().Linux.Namespaces)
	tests := []struct {
		name   string
		change Change
		want   int
	}{
		{"add", Namespace(specs.CgroupNamespace, ""), n + 1},
		{"replace", Namespace(specs.UTSNamespace, "/proc/1/ns/uts"), n},
		{"remove", WithoutNamespace(specs.NetworkNamespace), n - 1},
		{"remove what is not there", WithoutNamespace(specs.TimeNamespace), n},
	}
	for _, test := range tests {
		if got := len(Spec(test.change).Linux.Namespaces); got != test.want {
			t.Errorf("%s: %d namespaces, want %d", test.name, got, test.want)
		}
	}
}

func TestReadProcess(t *testing.T) {
	p, ok := readProcess("/proc/self")
	if !ok || p.pid != os.Getpid() || p.parent != os.Getppid() || p.state == 0 {
		t.Errorf("got %+v, %v", p, ok)
	}
	if _, ok := readProcess("/proc/0"); ok {
		t.Error("read a process that does not exist")
	}
}
