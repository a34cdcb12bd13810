package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rung-oci/rung/tests/bundle"
)

// Who gives rung too little to run at all is told so, in a line.
func TestTooLittleToStart(t *testing.T) {
	t.Parallel()
	c := bundle.New(t)
	fails := func(script, want string) {
		t.Helper()
		cmd := c.Command("run", "--bundle", c.Bundle, c.ID)
		cmd.Args = append([]string{"sh", "-c", script + ` exec "$0" "$@"`}, cmd.Args...)
		cmd.Path = "/bin/sh"
		r := c.Wait(cmd)
		if r.Code != 1 || !strings.HasPrefix(r.Stderr, want) || strings.Count(r.Stderr, "\n") != 1 {
			t.Errorf("%s: status %d, %q", script, r.Code, r.Stderr)
		}
	}
	fails("ulimit -v 300000;", "rung cannot start: do ulimit -v and -d allow")
	fails("ulimit -v 650000;", "rung cannot start: do ulimit -v and -d allow")
	dir := filepath.Join(hierarchy(t, "pids"), bundle.CgroupParent(), c.ID+"-caller")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(dir) })
	for n := range 2 {
		write(t, filepath.Join(dir, "pids.max"), strconv.Itoa(1+n))
		fails(fmt.Sprintf("echo 0 >%s/tasks;", dir),
			"rung: a thread cannot be started: the limit of processes is reached")
	}
	c.LeavesNothing()
}

// Whoever is 0 in a user namespace is not the host's root, whose state is elsewhere.
func TestRootOfAUserNamespace(t *testing.T) {
	t.Parallel()
	rung, err := bundle.Find()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, flags := range [][]string{{"-Ur"}, {"-m"}} {
		cmd := exec.Command("unshare", append(flags, rung.Path, "state", "nobody")...)
		cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+dir)
		out, _ := cmd.CombinedOutput()
		if inDir := strings.Contains(string(out), "in "+dir+"/rung "); inDir != (flags[0] == "-Ur") {
			t.Errorf("unshare %s: %s", flags[0], out)
		}
	}
}

func TestPidsLimitZero(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, pidsLimit(0), bundle.Shell("(true); true"))
	r := c.Run()
	if r.Code == 0 || !strings.Contains(r.Stderr, "can't fork") ||
		!strings.Contains(r.Stderr, "linux.resources.pids.limit is 0: no process of the container can fork") {
		t.Errorf("status %d: %s", r.Code, r.Stderr)
	}
}
