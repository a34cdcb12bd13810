package integration

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rung-oci/rung/tests/bundle"
)

func TestPs(t *testing.T) {
	t.Parallel()
	c := running(t, "sleep 1000 & "+idle)
	var pids []int
	text := c.Do("ps", "--format", "json", c.ID).OK().Stdout
	if err := json.Unmarshal([]byte(text), &pids); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	if len(pids) != 2 || !slices.Contains(pids, c.State().Pid) {
		t.Errorf("processes %v, want two with %d", pids, c.State().Pid)
	}
	for _, args := range [][]string{nil, {"-ef"}, {"-o", "pid,args"}, {"-o pid,args"}, {"aux"},
		{"-eo", "user,pid,comm"}} {
		r := c.Do(append([]string{"ps", c.ID}, args...)...).OK()
		lines := strings.Split(strings.TrimSpace(r.Stdout), "\n")
		if len(lines) != 3 || !strings.Contains(lines[0], "PID") {
			t.Errorf("%s printed\n%s", r, r.Stdout)
		}
		for _, pid := range pids {
			if !strings.Contains(r.Stdout, fmt.Sprint(pid)) {
				t.Errorf("%s lacks %d:\n%s", r, pid, r.Stdout)
			}
		}
	}
	c.Do("ps", c.ID, "-o", "comm").Fails("no column PID")
	c.Do("ps", c.ID, "--nonsense").Fails("ps --nonsense: exit status 1")
	c.Do("ps", "--format", "xml", c.ID).Fails("xml", "is neither table nor json")
	c.Do("ps", "nobody").Fails("does not exist")
	c.Kill("KILL").OK()
	c.WaitStatus("stopped")
	bundle.Eventually(t, "empty list", func() bool { return c.Do("ps", "-f", "json", c.ID).OK().Stdout == "null\n" })
}

// Processes of the cgroups below the container's are the container's.
func TestPsBelow(t *testing.T) {
	t.Parallel()
	c := running(t, idle)
	below := cgroupFile(t, c, "freezer.below")
	host(t, "mkdir", below)
	write(t, below+"/cgroup.procs", fmt.Sprint(c.State().Pid))
	c.Do("ps", "-f", "json", c.ID).OK().Prints(fmt.Sprintf("[%d]", c.State().Pid))
}
