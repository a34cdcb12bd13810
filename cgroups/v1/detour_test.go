package v1

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Whoever has kept itself from being found on a detour is in the container's cgroup afterwards.
func TestDetourLeavesNobody(t *testing.T) {
	m := container(t)
	cmd := exec.Command("sleep", "100")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	d, err := m.Detour(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	where := func() string {
		text, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(cmd.Process.Pid), "cgroup"))
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, ":pids:") {
				return strings.TrimSpace(line)
			}
		}
		return ""
	}
	if at := where(); !strings.HasSuffix(at, filepath.Base(d.Dir)) {
		t.Errorf("on the detour it is in %s", at)
	}
	if err := d.Close(); err != nil {
		t.Errorf("the detour is there: %v", err)
	}
	if at := where(); !strings.HasSuffix(at, "/"+t.Name()) {
		t.Errorf("afterwards it is in %s", at)
	}
}
