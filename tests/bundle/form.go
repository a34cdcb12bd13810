package bundle

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// formEnv is how tests/guest names the way that the runtime is called.
const formEnv = "RUNG_TEST_FORM"

// Systemd reports whether systemd makes the cgroups.
func Systemd() bool { return strings.HasSuffix(os.Getenv(formEnv), "systemd") }

// Rootless reports whether an ordinary user calls the runtime, as root of a user
// namespace with the subordinate ids: podman's way.
func Rootless() bool { return strings.HasPrefix(os.Getenv(formEnv), "rootless") }

// CgroupsPath is the value of linux.cgroupsPath for a cgroup: the path itself, or for
// systemd a slice, a prefix and a name, where it is the path of a scope.
func CgroupsPath(cgroup string) string {
	if !Systemd() {
		return cgroup
	}
	slice, scope := filepath.Base(filepath.Dir(cgroup)), strings.TrimSuffix(filepath.Base(cgroup), ".scope")
	prefix, name, _ := strings.Cut(scope, "-")
	return slice + ":" + prefix + ":" + name
}

// cgroupOf is the path of the cgroup of a container.
func cgroupOf(id string) string {
	if Systemd() {
		return filepath.Join(CgroupParent(), "test-"+id+".scope")
	}
	return filepath.Join(CgroupParent(), id)
}

// newCgroupParent is the path of the cgroup that the tests of this process are to have
// their containers in. It is made by the runtime, or by systemd.
func newCgroupParent(name string) (string, error) {
	name = fmt.Sprintf("%s-%d", name, os.Getpid())
	if Systemd() { // a dash in a slice's name stands for a slice
		name = strings.ReplaceAll(name, "-", "_") + ".slice"
	}
	if !Rootless() {
		return "/" + name, nil
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", err
	}
	path := strings.TrimSpace(strings.TrimPrefix(string(own), "0::"))
	if manager, _, ok := strings.Cut(path, ".service/"); ok && Systemd() {
		return manager + ".service/" + name, nil
	}
	return filepath.Join(filepath.Dir(path), name), nil
}

// Systemctl calls systemctl about the manager that makes the cgroups: the machine's or
// the user's.
func Systemctl(args ...string) (string, error) {
	if Rootless() {
		args = append([]string{"--user"}, args...)
	}
	out, err := exec.Command("systemctl", args...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("systemctl %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return string(out), err
}

// removeSlice removes the slice of the tests, and returns the units that were left.
func removeSlice(slice string) (left []string, err error) {
	out, err := Systemctl("list-units", "--all", "--plain", "--no-legend", "test-*.scope")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(out) {
		left = append(left, "unit "+strings.Join(strings.Fields(line), " "))
	}
	_, err = Systemctl("stop", slice)
	return left, err
}

// inUserNamespace is the command that runs a program as root of a new user namespace, which
// has the subordinate ids of the user, and of a new mount namespace.
func inUserNamespace(args ...string) []string {
	return append([]string{"unshare", "--user", "--map-root-user", "--map-auto", "--mount", "--"}, args...)
}
