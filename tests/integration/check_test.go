package integration

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

type finding struct{ Subject, Name, Status, Found, Advice string }

func checked(t *testing.T, stdout string) (canRun bool, findings map[string]finding) {
	t.Helper()
	var v struct {
		CanRun   bool
		Findings []finding
	}
	if err := json.Unmarshal([]byte(stdout), &v); err != nil {
		t.Fatalf("%v in %q", err, stdout)
	}
	findings = map[string]finding{}
	for _, f := range v.Findings {
		findings[f.Subject+"/"+f.Name] = f
	}
	return v.CanRun, findings
}

// What rung check says of this machine is so: containers run here.
func TestCheck(t *testing.T) {
	t.Parallel()
	c := bundle.New(t)
	mounts := read(t, "/proc/self/mountinfo")
	canRun, findings := checked(t, c.Do("check", "--format", "json").OK().Stdout)
	if after := read(t, "/proc/self/mountinfo"); strings.Count(after, c.Dir) != strings.Count(mounts, c.Dir) {
		t.Errorf("check has mounted:\n%s", after)
	}
	if _, err := os.Stat(c.Root); !os.IsNotExist(err) {
		t.Errorf("check has made the state directory: %v", err)
	}
	if !canRun {
		t.Errorf("%+v", findings)
	}
	for _, name := range []string{"mount", "pid", "network", "ipc", "uts"} {
		if f := findings["namespaces/"+name]; f.Status != "ok" {
			t.Errorf("%+v", f)
		}
	}
	c.Run().OK()
	for name, change := range map[string]bundle.Change{"user": userNamespace(100000),
		"time": bundle.Namespace(specs.TimeNamespace, "")} {
		if r := bundle.New(t, change).Run(); (r.Code == 0) != (findings["namespaces/"+name].Status == "ok") {
			t.Errorf("a container with a %s namespace exits with %d: %s, but %+v", name, r.Code, r.Stderr,
				findings["namespaces/"+name])
		}
	}
	if text := c.Do("check").OK().Stdout; !strings.HasSuffix(text, "\nContainers can run here.\n") {
		t.Errorf("%s", text)
	}
}

// A user without rights is told what is missing and gets exit status 1.
func TestCheckAsAUser(t *testing.T) {
	t.Parallel()
	c := bundle.New(t)
	dir := newDir(t)
	rung := filepath.Join(dir, "rung")
	host(t, "cp", c.Runtime.Path, rung)
	cmd := exec.Command(rung, "--root", filepath.Join(dir, "state"), "check", "--format", "json")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	canRun, findings := checked(t, c.Wait(cmd).Exits(1).Stdout)
	if canRun {
		t.Errorf("%+v", findings)
	}
	for name, part := range map[string]string{"caller/user": "as root", "namespaces/mount": "CAP_SYS_ADMIN",
		"state/directory": "--root"} {
		if f := findings[name]; f.Status != "fail" || !strings.Contains(f.Advice, part) {
			t.Errorf("%+v, want advice about %s", f, part)
		}
	}
}

// In a container there is less, and check says which: it changes nothing there
// either.
func TestCheckWithReadOnlyCgroups(t *testing.T) {
	t.Parallel()
	c := bundle.New(t)
	script := `mount -o remount,bind,ro "$1" && shift && exec "$@"`
	own := ""
	for line := range strings.SplitSeq(read(t, "/proc/self/mountinfo"), "\n") {
		if f := strings.Fields(line); len(f) > 4 && strings.Contains(line, " - cgroup ") &&
			strings.HasSuffix(f[4], "/pids") {
			own = f[4]
		}
	}
	if own == "" {
		t.Skip("there is no hierarchy of the pids controller")
	}
	args := append([]string{"--mount", "sh", "-c", script, "sh", own}, c.Command("check", "--format", "json").Args...)
	_, findings := checked(t, c.Wait(exec.Command("unshare", args...)).Exits(1).Stdout)
	if f := findings["cgroups/pids"]; f.Status != "fail" || !strings.Contains(f.Found, "read-only") ||
		!strings.Contains(f.Advice, "privileged") {
		t.Errorf("%+v", f)
	}
}

// Where memory may not be executed containers run all the same. The sysctl is
// that of a pid namespace.
func TestCheckWithoutExecutableMemory(t *testing.T) {
	t.Parallel()
	c := bundle.New(t)
	script := `echo 2 >/proc/sys/vm/memfd_noexec && exec "$@"`
	args := append([]string{"--pid", "--fork", "--mount-proc", "sh", "-c", script, "sh"},
		c.Command("check", "--format", "json").Args...)
	r := c.Wait(exec.Command("unshare", args...))
	if strings.Contains(r.Stderr, "memfd_noexec") {
		t.Skipf("this kernel has no such sysctl: %s", r.Stderr)
	}
	canRun, findings := checked(t, r.OK().Stdout)
	if f := findings["images/memfd"]; !canRun || f.Status != "no" || !strings.Contains(f.Found, "vm.memfd_noexec=2") {
		t.Errorf("%+v", f)
	}
}
