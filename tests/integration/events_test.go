package integration

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

// An event is a line of events as its readers know it.
type event struct {
	Type, ID string
	Data     *struct {
		CPU struct {
			Usage struct {
				Total, User, Kernel uint64
				Percpu              []uint64
			}
		}
		CPUSet struct{ CPUs, Mems []uint16 }
		Memory struct {
			Usage, Swap struct{ Limit, Usage, Max, Failcnt uint64 }
			Raw         map[string]uint64
		}
		Pids              struct{ Current, Limit uint64 }
		NetworkInterfaces []struct{ Name string } `json:"network_interfaces"`
	}
}

func parseEvents(t *testing.T, text string) (list []event) {
	t.Helper()
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		var e event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		list = append(list, e)
	}
	return list
}

func TestEventsStats(t *testing.T) {
	t.Parallel()
	c := running(t, "sleep 1000 & i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done; "+idle,
		resources(func(r *specs.LinuxResources) {
			r.Memory = &specs.LinuxMemory{Limit: ptr(int64(64 << 20))}
			r.Pids = &specs.LinuxPids{Limit: ptr(int64(55))}
			r.CPU = &specs.LinuxCPU{Cpus: "0"}
		}))
	hierarchy(t, "cpuset") // or there is nothing of it
	text := c.Do("events", "--stats", c.ID).OK().Stdout
	list := parseEvents(t, text)
	if len(list) != 1 || list[0].Type != "stats" || list[0].ID != c.ID || list[0].Data == nil {
		t.Fatalf("events --stats: %s", text)
	}
	d := list[0].Data
	if d.CPU.Usage.Total == 0 || (len(d.CPU.Usage.Percpu) == 0) != unifiedOnly() || d.Memory.Usage.Limit != 64<<20 ||
		d.Memory.Usage.Usage == 0 ||
		d.Memory.Usage.Max < d.Memory.Usage.Usage || len(d.Memory.Raw) < 10 || d.Pids.Current != 2 ||
		d.Pids.Limit != 55 || d.Memory.Swap.Limit < d.Memory.Usage.Limit || fmt.Sprint(d.CPUSet.CPUs) != "[0]" {
		t.Errorf("events --stats: %s", text)
	}
	for _, name := range []string{`"throttling":{`, `"cpu_exclusive":`, `"kernelTCP":{`, `"blkio":{`, `"hugetlb":{`,
		`"intel_rdt":{}`, `"network_interfaces":`} {
		if !strings.Contains(text, name) {
			t.Errorf("events --stats lacks %s: %s", name, text)
		}
	}
	table := c.Do("events", "--stats", "--format", "table", c.ID).OK().Stdout
	for _, part := range []string{"cpu ", " ms (user", "MiB (", " of 64.0 MiB", "2 of 55", "block I/O"} {
		if !strings.Contains(table, part) {
			t.Errorf("the table lacks %q:\n%s", part, table)
		}
	}
	c.Do("pause", c.ID).OK()
	c.Do("events", "--stats", c.ID).OK()
	c.Do("events", "--stats", "--format", "xml", c.ID).Fails("neither json nor table")
	c.Do("events", "--interval", "0s", c.ID).Fails("--interval: 0s: must be greater than 0")
	c.Do("events", "--stats", "nobody").Fails("does not exist")
	c.Kill("KILL").OK()
	c.WaitStatus("stopped")
	c.Do("events", "--stats", c.ID).Fails("container with id " + c.ID + " is not running")
	c.Do("events", c.ID).Fails("is not running")
}

// events tells of memory that ran out, goes on, and ends with the container.
func TestEventsUntilTheEnd(t *testing.T) {
	t.Parallel()
	c := running(t,
		"echo ready; while [ ! -e /tmp/go ]; do sleep 0.01; done; tail -n 1 /dev/zero; while [ ! -e /tmp/end ]; do "+
			"sleep 0.01; done",
		resources(func(r *specs.LinuxResources) {
			r.Memory = &specs.LinuxMemory{Limit: ptr(int64(16 << 20)), Swap: ptr(int64(16 << 20))}
		}))
	cmd := c.Command("events", "--interval", "100ms", c.ID)
	lines := follow(t, cmd)
	next := func(kind string) {
		t.Helper()
		for end := time.After(20 * time.Second); ; {
			select {
			case line, ok := <-lines:
				if !ok {
					t.Fatalf("events ended before %q", kind)
				}
				if e := parseEvents(t, line)[0]; e.Type == kind && (kind == "stats") == (e.Data != nil) {
					return
				}
			case <-end:
				t.Fatalf("no %q", kind)
			}
		}
	}
	next("stats")
	next("stats")
	write(t, c.Path("tmp/go"), "")
	next("oom")
	next("stats")
	write(t, c.Path("tmp/end"), "")
	for line := range lines {
		if e := parseEvents(t, line)[0]; e.Type != "stats" {
			t.Errorf("at the end: %s", line)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %v", cmd.Args, err)
	}
}

// events ends when the container is deleted under it.
func TestEventsDeleted(t *testing.T) {
	t.Parallel()
	c := running(t, idle)
	cmd := c.Command("events", "--format", "table", "--interval", "50ms", c.ID)
	lines := follow(t, cmd)
	<-lines
	c.Delete("--force").OK()
	for line := range lines {
		if strings.Contains(line, "ran out") {
			t.Errorf("the end of the cgroup was told as %q", line)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %v", cmd.Args, err)
	}
}

// An interval that is shorter than what is done at each tick does not keep events from
// going on, nor from ending.
func TestEventsWithoutPause(t *testing.T) {
	t.Parallel()
	c := running(t, idle)
	cmd := c.Command("events", "--interval", "1ns", c.ID)
	lines, limit := follow(t, cmd), time.After(20*time.Second)
	for n := 0; ; n++ {
		select {
		case _, ok := <-lines:
			if !ok {
				if err := cmd.Wait(); err != nil || n < 3 {
					t.Errorf("%v: %v after %d lines", cmd.Args, err, n)
				}
				return
			}
		case <-limit:
			t.Fatalf("events does not go on after line %d", n)
		}
		if n == 3 {
			c.Delete("--force").OK()
		}
	}
}

// follow starts a command and returns its lines as they come.
func follow(t *testing.T, cmd *exec.Cmd) <-chan string {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
	}()
	return lines
}

func TestStateTable(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Args("true"), func(s *specs.Spec) {
		s.Annotations = map[string]string{"org.example": "x y"}
	})
	c.Create().OK()
	table := c.Do("state", "--format", "table", c.ID).OK().Stdout
	for _, part := range []string{"container ", c.ID, "status ", "created\n", fmt.Sprint(c.State().Pid), c.Bundle,
		"org.example=x y", "owner "} {
		if !strings.Contains(table, part) {
			t.Errorf("the table lacks %q:\n%s", part, table)
		}
	}
	c.Do("state", "--format", "xml", c.ID).Fails("neither json nor table")
	for _, row := range []string{c.ID, c.Bundle, "created"} {
		if table := c.Do("list").OK().Stdout; !strings.HasPrefix(table, "ID ") || !strings.Contains(table, row) {
			t.Errorf("list lacks %q:\n%s", row, table)
		}
	}
	var list []bundle.State
	text := c.Do("list", "--format", "json").OK().Stdout
	if err := json.Unmarshal([]byte(text), &list); err != nil || len(list) != 1 || list[0].ID != c.ID ||
		list[0].Owner != "root" {
		t.Errorf("list --format json: %v: %s", err, text)
	}
	c.Do("list", "--quiet").OK().Prints(c.ID)
}
